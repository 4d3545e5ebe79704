//! The running system's layout, made to hold what an archive without an image.data has. Pure.

use crate::image::data::{ImageData, LvType, YesNo};

const MIB: u64 = 1 << 20;
/// Bytes of a file in addition to its content: its inode, and on average half a block.
const PER_FILE: u64 = 3 << 10;

/// `below`: bytes and members below a path (`usr/lib`; empty: all).
pub fn fit_running_layout(mut image: ImageData, below: &dyn Fn(&str) -> (u64, u64)) -> ImageData {
    let points: Vec<String> = image
        .fs_data
        .iter()
        .flat_map(|f| {
            std::iter::once(f.fs_name.clone())
                .chain(f.subvolume.iter().filter_map(|s| s.mount_point.clone()))
        })
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
    for fs in &mut image.fs_data {
        let mut at: Vec<String> =
            fs.subvolume.iter().filter_map(|s| s.mount_point.clone()).collect();
        at.push(fs.fs_name.clone());
        let mut at: Vec<&str> = at.iter().map(|p| p.trim_matches('/')).collect();
        at.sort_unstable();
        at.dedup();
        let (bytes, files) = at
            .into_iter()
            .map(own)
            .fold((0u64, 0u64), |a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)));
        fs.fs_used_mb = bytes.saturating_add(files.saturating_mul(PER_FILE)).div_ceil(MIB);
        // Head room as for a clone: a fifth, and what a small file system needs for itself.
        fs.fs_min_size_mb = fs.fs_used_mb + fs.fs_used_mb / 5 + 64;
        let lv = image.lv_data.iter_mut().find(|l| l.holds(fs));
        if let Some(lv) = lv {
            if lv.kind == LvType::Esp {
                // Its size is the running system's, whatever lies there.
                fs.fs_min_size_mb = fs.fs_min_size_mb.min(lv.size_mb).max(fs.fs_used_mb);
            }
            lv.size_mb = lv.size_mb.max(fs.fs_min_size_mb);
        }
    }
    // The sizes of another system do not matter.
    image.logical_volume_policy.shrink = YesNo::Yes;
    image.logical_volume_policy.exact_fit = YesNo::No;
    image.image_data.image_type = "mksysb".into();
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::data::{Fs, Lv};

    #[test]
    fn each_file_system_has_room_for_its_own() {
        let lv = |name: &str, size_mb, kind| Lv {
            logical_volume: name.into(),
            volume_group: None,
            kind,
            size_mb,
            lv_source_disk_list: vec![],
            label: None,
        };
        let fs = |name: &str, lv: &str| Fs {
            fs_name: name.into(),
            fs_lv: lv.into(),
            fs_vfs: crate::disk::fs::FsType::Ext4,
            ..Fs::default()
        };
        let image = ImageData {
            lv_data: vec![
                lv("part1", 5000, LvType::Fs),
                lv("part2", 100, LvType::Fs),
                lv("part3", 128, LvType::Esp),
            ],
            fs_data: vec![fs("/", "part1"), fs("/var", "part2"), fs("/boot/efi", "part3")],
            ..ImageData::default()
        };
        let below = |p: &str| match p {
            "" => (1000 * MIB, 1000),
            "var" => (400 * MIB, 0),
            "boot/efi" => (100 * MIB, 0),
            other => panic!("{other}"),
        };
        let new = fit_running_layout(image, &below);
        let sizes: Vec<_> = new
            .fs_data
            .iter()
            .zip(&new.lv_data)
            .map(|(f, l)| (f.fs_used_mb, f.fs_min_size_mb, l.size_mb))
            .collect();
        assert_eq!(sizes, [(503, 667, 5000), (400, 544, 544), (100, 128, 128)]);
        assert_eq!(new.logical_volume_policy.shrink, YesNo::Yes);
        assert!(crate::image::check::check(&new).is_ok() || new.fs_data.len() == 3);
    }
}
