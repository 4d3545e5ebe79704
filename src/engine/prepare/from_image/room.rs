//! Whether the layout has room for what the image holds, and for what is made in it afterwards: a
//! new initramfs in /boot, the files of a boot image.
//!
//! An image of ours brings its needs along, counted when it was made. Of another archive the survey
//! knows the files; the free space that a file system of some size has is estimated. Pure.

use std::path::Path;

use crate::engine::plan::fitting;
use crate::engine::prepare::boot_fs;
use crate::image::data::{Fs, ImageData, LvType};
use crate::image::needs::{Need, Reason};

const MIB: u64 = 1 << 20;
/// Bytes of a file in addition to its content: its inode, and on average half a block.
const PER_FILE: u64 = 3 << 10;
/// The size of an initramfs where nobody knows it, bytes.
const UNKNOWN_INITRAMFS: u64 = 64 << 20;
/// The largest need that a manifest is believed, MiB, and how many of them.
const MAX_MB: u64 = 1 << 30;
const MAX_NEEDS: usize = 100;

/// Bytes and members below a path (`usr/lib`; empty: all).
pub type Below<'b> = &'b dyn Fn(&str) -> (u64, u64);

/// What is known of an image's files.
pub enum Content<'c> {
    /// Its own image.data, and the needs that its manifest brings.
    Described(&'c ImageData, &'c [Need]),
    /// A survey's counts, and bytes of each initramfs.
    Surveyed(Below<'c>, Vec<u64>),
    /// Nothing: a stream.
    Unknown,
}

/// What comes on top of the image's files.
#[derive(Default)]
pub struct OnTop {
    /// Phase 3 makes an initramfs.
    pub initramfs: bool,
    /// Bytes of a boot image in /boot, and elsewhere.
    pub boot_image: Option<(u64, u64)>,
}

/// Corrects what `layout` says that its file systems hold, where the image holds more, and their
/// sizes (with a note); returns what must be free besides.
pub fn make_room(
    layout: &mut ImageData,
    content: &Content,
    on_top: &OnTop,
    notes: &mut Vec<String>,
) -> Vec<Need> {
    let used: Vec<u64> = match content {
        Content::Described(own, _) => described(layout, own),
        Content::Surveyed(below, _) => surveyed(layout, below),
        Content::Unknown => vec![0; layout.fs_data.len()],
    };
    for (fs, used) in layout.fs_data.iter_mut().zip(used) {
        if used > fs.fs_used_mb {
            fs.fs_used_mb = used;
            fs.fs_min_size_mb = fs.fs_min_size_mb.max(used + used / 5 + 16);
            let lv = layout.lv_data.iter_mut().find(|l| l.holds(fs));
            if let Some(lv) = lv.filter(|l| l.size_mb < fs.fs_min_size_mb) {
                notes.push(format!(
                    "{} is made {} MiB large instead of {}: the image holds {used} MiB for it",
                    fs.fs_name, fs.fs_min_size_mb, lv.size_mb
                ));
                lv.size_mb = fs.fs_min_size_mb;
            }
        }
    }
    let mut needs: Vec<Need> = vec![];
    let at = |needs: &mut Vec<Need>, path: &str, bytes: u64, reason| {
        if let Some(fs) = holder(layout, path).filter(|_| bytes > 0) {
            let need = Need {
                fs_name: fs.fs_name.clone(),
                free_mb: free_mb(layout, fs),
                wanted_mb: bytes.div_ceil(MIB),
                reason,
            };
            needs.push(need);
        }
    };
    if let Some((boot, elsewhere)) = on_top.boot_image {
        at(&mut needs, "/boot", boot, Reason::BootImage);
        at(&mut needs, "/usr/lib/modules", elsewhere, Reason::BootImage);
    }
    match content {
        Content::Described(own, known) if !known.is_empty() => {
            let known = known.iter().take(MAX_NEEDS);
            let known = known.filter(|n| n.reason != Reason::Initramfs || on_top.initramfs);
            needs.extend(known.filter_map(|n| moved(n, own, layout)));
        }
        _ if on_top.initramfs => {
            let sizes = match content {
                Content::Surveyed(_, sizes) if !sizes.is_empty() => sizes.clone(),
                _ => vec![UNKNOWN_INITRAMFS],
            };
            let boot = layout.fs_data.iter().find(|fs| boot_fs::holds_boot(fs, layout));
            needs.extend(
                boot.map(|fs| {
                    fitting::room_for_initramfs(&fs.fs_name, free_mb(layout, fs), &sizes)
                }),
            );
        }
        _ => {}
    }
    needs
}

/// A need in a layout that can have other sizes, and fewer file systems, than the image's own.
fn moved(need: &Need, own: &ImageData, layout: &ImageData) -> Option<Need> {
    let fs = holder(layout, &need.fs_name)?;
    let before = own.fs_data.iter().find(|f| f.fs_name == need.fs_name).map(|f| size_mb(own, f));
    let free_mb = match before {
        Some(before) if fs.fs_name == need.fs_name => {
            need.free_mb.min(MAX_MB).saturating_add(size_mb(layout, fs)).saturating_sub(before)
        }
        _ => free_mb(layout, fs),
    };
    let wanted_mb = need.wanted_mb.min(MAX_MB);
    Some(Need { fs_name: fs.fs_name.clone(), free_mb, wanted_mb, reason: need.reason })
}

/// MiB that each file system of `layout` holds, judging by the image's own description. What lies
/// on a file system of the image of which `layout` makes several is not known.
fn described(layout: &ImageData, own: &ImageData) -> Vec<u64> {
    let mut used = vec![0u64; layout.fs_data.len()];
    let names =
        |image: &ImageData| image.fs_data.iter().map(|f| f.fs_name.clone()).collect::<Vec<_>>();
    let (here, there) = (names(layout), names(own));
    for fs in &own.fs_data {
        let nearest = nearest(&there, &fs.fs_name);
        let is_split =
            here.iter().any(|name| !there.contains(name) && nearest == self::nearest(&there, name));
        let to =
            holder(layout, &fs.fs_name).and_then(|to| here.iter().position(|n| *n == to.fs_name));
        if let Some(to) = to.filter(|_| !is_split) {
            used[to] = used[to].saturating_add(fs.fs_used_mb);
        }
    }
    used
}

/// MiB that each file system of `layout` holds, judging by the names of a survey.
pub fn surveyed(layout: &ImageData, below: Below) -> Vec<u64> {
    let points: Vec<String> = layout
        .fs_data
        .iter()
        .flat_map(mount_points)
        .map(|p| p.trim_matches('/').to_owned())
        .collect();
    let own = |at: &str| {
        let inside = |p: &&String| {
            !p.is_empty() && *p != at && (at.is_empty() || p.starts_with(&format!("{at}/")))
        };
        // Only the uppermost below: they hold the others.
        let tops: Vec<&String> = points.iter().filter(inside).collect();
        let top = |p: &&&String| !tops.iter().any(|o| *o != **p && p.starts_with(&format!("{o}/")));
        let mut taken: Vec<&&String> = tops.iter().filter(top).collect();
        taken.sort();
        taken.dedup();
        let (bytes, files) = below(at);
        taken
            .iter()
            .map(|p| below(p))
            .fold((bytes, files), |a, b| (a.0.saturating_sub(b.0), a.1.saturating_sub(b.1)))
    };
    let of = |fs: &Fs| {
        let mut at = mount_points(fs);
        at.iter_mut().for_each(|p| *p = p.trim_matches('/').to_owned());
        at.sort_unstable();
        at.dedup();
        let (bytes, files) = at
            .iter()
            .map(|p| own(p))
            .fold((0u64, 0u64), |a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)));
        bytes.saturating_add(files.saturating_mul(PER_FILE)).div_ceil(MIB)
    };
    layout.fs_data.iter().map(of).collect()
}

fn mount_points(fs: &Fs) -> Vec<String> {
    let subvolumes = fs.subvolume.iter().filter_map(|s| s.mount_point.clone());
    subvolumes.chain([fs.fs_name.clone()]).collect()
}

/// The file system on which a path lies.
fn holder<'i>(image: &'i ImageData, path: &str) -> Option<&'i Fs> {
    let all = image.fs_data.iter().flat_map(|f| mount_points(f).into_iter().map(move |p| (f, p)));
    all.filter(|(_, p)| Path::new(path).starts_with(p)).max_by_key(|(_, p)| p.len()).map(|(f, _)| f)
}

/// The mount point in `names` on which a path lies.
fn nearest<'n>(names: &'n [String], path: &str) -> Option<&'n String> {
    names.iter().filter(|n| Path::new(path).starts_with(n)).max_by_key(|n| n.len())
}

fn size_mb(image: &ImageData, fs: &Fs) -> u64 {
    image.lv_data.iter().find(|l| l.holds(fs)).map_or(0, |l| l.size_mb)
}

/// An estimate: a sixteenth for inodes and the journal, as mke2fs sets them.
fn free_mb(image: &ImageData, fs: &Fs) -> u64 {
    let lv = image.lv_data.iter().find(|l| l.holds(fs));
    let size = lv.map_or(0, |l| l.size_mb);
    let own = if lv.is_some_and(|l| l.kind == LvType::Esp) { 1 } else { size / 16 + 16 };
    size.saturating_sub(own).saturating_sub(fs.fs_used_mb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fs::FsType;
    use crate::image::data::Lv;

    fn layout(all: &[(&str, u64, u64)]) -> ImageData {
        let mut image = ImageData::default();
        for (i, (name, size_mb, used)) in all.iter().enumerate() {
            image.lv_data.push(Lv {
                logical_volume: format!("part{i}"),
                volume_group: None,
                kind: LvType::Fs,
                size_mb: *size_mb,
                lv_source_disk_list: vec![],
                label: None,
            });
            image.fs_data.push(Fs {
                fs_name: (*name).into(),
                fs_lv: format!("part{i}"),
                fs_vfs: FsType::Ext4,
                fs_used_mb: *used,
                fs_min_size_mb: *used + 16,
                ..Fs::default()
            });
        }
        image
    }

    fn sizes(image: &ImageData) -> Vec<(u64, u64)> {
        image.fs_data.iter().zip(&image.lv_data).map(|(f, l)| (f.fs_used_mb, l.size_mb)).collect()
    }

    fn after(image: &ImageData, needs: &[Need]) -> (Vec<u64>, Vec<String>) {
        let mut notes = vec![];
        let fitted = fitting::fit_image(image, 512, needs, &mut notes);
        (fitted.image.lv_data.iter().map(|l| l.size_mb).collect(), notes)
    }

    const INITRAMFS: OnTop = OnTop { initramfs: true, boot_image: None };

    #[test]
    fn a_full_boot_has_room_for_an_initramfs() {
        let own = layout(&[("/", 5000, 2000), ("/boot", 200, 190)]);
        let known = [Need {
            fs_name: "/boot".into(),
            free_mb: 3,
            wanted_mb: 51,
            reason: Reason::Initramfs,
        }];
        // The image says what it needs.
        let mut plan = own.clone();
        let needs =
            make_room(&mut plan, &Content::Described(&own, &known), &INITRAMFS, &mut vec![]);
        assert_eq!((&plan, &needs[..]), (&own, &known[..]));
        let (large, notes) = after(&plan, &needs);
        assert_eq!(large, [5000, 264]);
        assert!(
            notes[0].contains("/boot is made 264 MiB") && notes[0].contains("one more initramfs")
        );
        // Nobody makes one there.
        assert_eq!(
            make_room(&mut plan, &Content::Described(&own, &known), &OnTop::default(), &mut vec![]),
            []
        );
        // An image of version 0.1.0 does not.
        let needs = make_room(&mut plan, &Content::Described(&own, &[]), &INITRAMFS, &mut vec![]);
        assert_eq!(needs[0].free_mb, 0);
        assert!(after(&plan, &needs).0[1] >= 190 + 81);
        // In a layout of -i it is larger, smaller, or a directory of `/`.
        let of = |plan: &[(&str, u64, u64)]| {
            let mut plan = layout(plan);
            let needs =
                make_room(&mut plan, &Content::Described(&own, &known), &INITRAMFS, &mut vec![]);
            let large = after(&plan, &needs).0;
            (sizes(&plan), needs[0].fs_name.clone(), needs[0].free_mb, large)
        };
        let (_, at, free, large) = of(&[("/", 5000, 2000), ("/boot", 400, 190)]);
        assert_eq!((at.as_str(), free, large), ("/boot", 203, vec![5000, 400]));
        let (used, _, free, large) = of(&[("/", 5000, 2000), ("/boot", 100, 20)]);
        assert_eq!((used[1].0, free), (190, 47));
        assert!(large[1] >= 190 + 51, "{large:?}");
        let (used, at, _, large) = of(&[("/", 2100, 1000)]);
        assert_eq!((used[0].0, at.as_str()), (2190, "/"));
        assert!(large[0] > 2190 + 51, "{large:?}");
        // What is split up is not known.
        let (used, ..) = of(&[("/", 5000, 10), ("/boot", 200, 190), ("/home", 100, 5)]);
        assert_eq!(used, [(10, 5000), (190, 200), (5, 100)]);
    }

    #[test]
    fn an_archive_is_known_by_its_names() {
        let below = |p: &str| match p {
            "" => (1000 * MIB, 0),
            "boot" => (190 * MIB, 0),
            _ => (0, 0),
        };
        let mut plan = layout(&[("/", 5000, 10), ("/boot", 200, 10)]);
        let content = Content::Surveyed(&below, vec![40 * MIB, 7 * MIB]);
        let needs = make_room(&mut plan, &content, &INITRAMFS, &mut vec![]);
        assert_eq!(sizes(&plan), [(810, 5000), (190, 244)]);
        assert_eq!((needs[0].fs_name.as_str(), needs[0].wanted_mb), ("/boot", 51));
        assert!(after(&plan, &needs).0[1] >= 190 + 51 + 16);
        // A boot image takes its room in /boot and where modules are.
        let on_top = OnTop { initramfs: false, boot_image: Some((60 * MIB, 300 * MIB)) };
        let mut plan = layout(&[("/", 1000, 10), ("/boot", 200, 10)]);
        let needs = make_room(&mut plan, &content, &on_top, &mut vec![]);
        let said: Vec<_> = needs.iter().map(|n| (n.fs_name.as_str(), n.wanted_mb)).collect();
        assert_eq!(said, [("/boot", 60), ("/", 300)]);
        let large = after(&plan, &needs).0;
        assert!(large[0] > 810 + 300 && large[1] > 190 + 60, "{large:?}");
        // Of a stream nothing is known but that an initramfs is made.
        let mut plan = layout(&[("/", 1000, 10), ("/boot", 100, 10)]);
        let needs = make_room(&mut plan, &Content::Unknown, &INITRAMFS, &mut vec![]);
        assert_eq!((needs[0].free_mb, needs[0].wanted_mb), (68, 81));
        assert_eq!(sizes(&plan), [(10, 1000), (10, 100)]);
    }
}
