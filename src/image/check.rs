//! What a well-formed image.data may still say that cannot be: each contradiction with its own
//! error, and the place in the file.

pub mod trust;

use std::collections::{HashMap, HashSet};

use crate::disk::fs::FsType;
use crate::error::{self, Entry};
use crate::image::data::{Fs, ImageData, Lv, LvType, YesNo};

/// A contradiction and its place: the `index`th stanza of that name (from 0), and the field in it.
#[derive(Debug)]
pub struct Contradiction {
    pub entry: &'static Entry,
    pub stanza: &'static str,
    pub index: usize,
    /// `FS_NAME`, `subvolume.1.PATH`; empty for the stanza itself.
    pub field: String,
    pub cause: String,
}

type Checked = Result<(), Contradiction>;

fn wrong(
    entry: &'static Entry,
    stanza: &'static str,
    index: usize,
    field: &str,
    cause: String,
) -> Checked {
    Err(Contradiction { entry, stanza, index, field: field.to_owned(), cause })
}

/// Finds the first contradiction.
///
/// # Errors
/// That contradiction.
pub fn check(data: &ImageData) -> Result<(), Contradiction> {
    if data.logical_volume_policy.exact_fit == YesNo::Yes && data.source_disk_data.is_empty() {
        let cause = "EXACT_FIT is yes, but there is no source_disk_data".to_owned();
        return wrong(&error::IMAGE_EXACT_FIT, "logical_volume_policy", 0, "EXACT_FIT", cause);
    }
    // Together they stay below 2^60 bytes: nothing that is counted with them overflows.
    let mut all = 0u64;
    for (stanza, index, field, size) in sizes(data) {
        all = all.saturating_add(size);
        if all > MAX_MB {
            return wrong(
                &error::IMAGE_TOO_LARGE,
                stanza,
                index,
                field,
                format!("{field} is {size} MiB, and all sizes together are beyond any disk"),
            );
        }
    }
    groups(data)?;
    for (i, disk) in data.source_disk_data.iter().enumerate() {
        nonzero(disk.size_mb, "source_disk_data", i, "SIZE_MB", &disk.hdiskname)?;
        nonzero(disk.sector_size.into(), "source_disk_data", i, "SECTOR_SIZE", &disk.hdiskname)?;
    }
    volumes(data)?;
    for (i, fs) in data.fs_data.iter().enumerate() {
        file_system(data, i, fs)?;
    }
    every_volume_used(data)?;
    mount_points(data)?;
    swap_files(data)
}

/// MiB of all sizes together.
const MAX_MB: u64 = 1 << 40;

/// Every size, in MiB, with its stanza, number and field.
fn sizes(data: &ImageData) -> impl Iterator<Item = (&'static str, usize, &'static str, u64)> {
    let volumes =
        data.lv_data.iter().enumerate().map(|(i, l)| ("lv_data", i, "SIZE_MB", l.size_mb));
    let needed = data
        .fs_data
        .iter()
        .enumerate()
        .map(|(i, f)| ("fs_data", i, "FS_MIN_SIZE_MB", f.fs_min_size_mb));
    let used =
        data.fs_data.iter().enumerate().map(|(i, f)| ("fs_data", i, "FS_USED_MB", f.fs_used_mb));
    let extents =
        data.vg_data.iter().enumerate().map(|(i, v)| ("vg_data", i, "PPSIZE_MB", v.ppsize_mb));
    let disks = data
        .source_disk_data
        .iter()
        .enumerate()
        .map(|(i, d)| ("source_disk_data", i, "SIZE_MB", d.size_mb));
    let swap_files = data
        .swap_file_data
        .iter()
        .enumerate()
        .map(|(i, s)| ("swap_file_data", i, "SIZE_MB", s.size_mb));
    volumes.chain(needed).chain(used).chain(extents).chain(disks).chain(swap_files)
}

fn nonzero(
    size: u64,
    stanza: &'static str,
    index: usize,
    field: &'static str,
    name: &str,
) -> Checked {
    if size == 0 {
        wrong(&error::IMAGE_ZERO, stanza, index, field, format!("{field} of {name} is 0"))
    } else {
        Ok(())
    }
}

fn lvm_name(name: &str, stanza: &'static str, index: usize, field: &'static str) -> Checked {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    if name.is_empty()
        || name.starts_with('-')
        || [".", ".."].contains(&name)
        || !name.chars().all(fine)
    {
        return wrong(
            &error::IMAGE_NAME,
            stanza,
            index,
            field,
            format!("`{name}` cannot be the name of a volume or volume group"),
        );
    }
    Ok(())
}

fn groups(data: &ImageData) -> Checked {
    let mut seen = HashSet::new();
    for (i, vg) in data.vg_data.iter().enumerate() {
        lvm_name(&vg.vgname, "vg_data", i, "VGNAME")?;
        nonzero(vg.ppsize_mb, "vg_data", i, "PPSIZE_MB", &vg.vgname)?;
        if !seen.insert(&vg.vgname) {
            return wrong(
                &error::IMAGE_SAME_NAME,
                "vg_data",
                i,
                "VGNAME",
                format!("there are two volume groups {}", vg.vgname),
            );
        }
    }
    Ok(())
}

fn volumes(data: &ImageData) -> Checked {
    let mut seen = HashSet::new();
    let mut esp: Option<&Lv> = None;
    for (i, lv) in data.lv_data.iter().enumerate() {
        lvm_name(&lv.logical_volume, "lv_data", i, "LOGICAL_VOLUME")?;
        nonzero(lv.size_mb, "lv_data", i, "SIZE_MB", &lv.logical_volume)?;
        if let Some(vg) =
            lv.volume_group.as_ref().filter(|vg| !data.vg_data.iter().any(|d| d.vgname == **vg))
        {
            let cause = format!(
                "{} belongs to the volume group {vg}, which no vg_data describes",
                lv.logical_volume
            );
            return wrong(&error::IMAGE_NO_VG, "lv_data", i, "VOLUME_GROUP", cause);
        }
        if !seen.insert((&lv.volume_group, &lv.logical_volume)) {
            let whose = lv
                .volume_group
                .as_ref()
                .map_or("two partitions".to_owned(), |vg| format!("two logical volumes of {vg}"));
            let cause = format!("{whose} have the name {}", lv.logical_volume);
            return wrong(&error::IMAGE_SAME_NAME, "lv_data", i, "LOGICAL_VOLUME", cause);
        }
        if lv.kind != LvType::Esp {
            continue;
        }
        if let Some(vg) = &lv.volume_group {
            let cause = format!(
                "the EFI system partition {} lies in the volume group {vg}",
                lv.logical_volume
            );
            return wrong(&error::IMAGE_ESP_LVM, "lv_data", i, "VOLUME_GROUP", cause);
        }
        if let Some(first) = esp.replace(lv) {
            let cause = format!(
                "{} and {} are both EFI system partitions",
                first.logical_volume, lv.logical_volume
            );
            return wrong(&error::IMAGE_TWO_ESPS, "lv_data", i, "TYPE", cause);
        }
    }
    Ok(())
}

fn lies_on(fs: &Fs, lv: &Lv) -> bool {
    fs.fs_lv == lv.logical_volume && fs.fs_vg == lv.volume_group
}

fn file_system(data: &ImageData, i: usize, fs: &Fs) -> Checked {
    let name = &fs.fs_name;
    let at = |entry: &'static Entry, field: &'static str, cause: String| {
        wrong(entry, "fs_data", i, field, cause)
    };
    if !is_full_path(name) {
        return at(&error::IMAGE_PATH, "FS_NAME", format!("FS_NAME `{name}` is not a full path"));
    }
    let volume =
        format!("{}{}", fs.fs_vg.as_ref().map_or(String::new(), |vg| format!("{vg}/")), fs.fs_lv);
    let Some(lv) = data.lv_data.iter().find(|lv| lies_on(fs, lv)) else {
        return at(
            &error::IMAGE_FS_LV,
            "FS_LV",
            format!("{name} lies on {volume}, which no lv_data describes"),
        );
    };
    if lv.kind == LvType::Swap {
        return at(
            &error::IMAGE_SWAP_FS,
            "FS_LV",
            format!("{name} lies on {volume}, which is a swap space"),
        );
    }
    if lv.kind == LvType::Esp && fs.fs_vfs != FsType::Vfat {
        return at(
            &error::IMAGE_ESP_VFS,
            "FS_VFS",
            format!("{name} is the EFI system partition, but its FS_VFS is {}", fs.fs_vfs),
        );
    }
    if let Some(other) = data.fs_data[..i].iter().find(|o| lies_on(o, lv)) {
        return at(
            &error::IMAGE_TWO_FS,
            "FS_LV",
            format!("{} and {name} both lie on {volume}", other.fs_name),
        );
    }
    if fs.fs_min_size_mb < fs.fs_used_mb {
        let cause = format!(
            "FS_MIN_SIZE_MB of {name} is {}, but {} MiB are used (FS_USED_MB)",
            fs.fs_min_size_mb, fs.fs_used_mb
        );
        return at(&error::IMAGE_MIN_USED, "FS_MIN_SIZE_MB", cause);
    }
    if lv.size_mb < fs.fs_min_size_mb {
        let index = data.lv_data.iter().position(|o| std::ptr::eq(o, lv)).unwrap_or(0);
        let cause = format!(
            "SIZE_MB of {volume} is {}, but {name} on it needs {} (FS_MIN_SIZE_MB)",
            lv.size_mb, fs.fs_min_size_mb
        );
        return wrong(&error::IMAGE_TOO_SMALL, "lv_data", index, "SIZE_MB", cause);
    }
    subvolumes(i, fs)
}

fn subvolumes(i: usize, fs: &Fs) -> Checked {
    let name = &fs.fs_name;
    if !fs.fs_vfs.has_subvolumes()
        && (!fs.subvolume.is_empty() || fs.fs_default_subvolume.is_some())
    {
        let field = if fs.subvolume.is_empty() { "FS_DEFAULT_SUBVOLUME" } else { "subvolume" };
        return wrong(
            &error::IMAGE_SUBVOLUMES,
            "fs_data",
            i,
            field,
            format!("{name} is {} and has subvolumes", fs.fs_vfs),
        );
    }
    let mut seen = HashSet::new();
    for (n, sub) in fs.subvolume.iter().enumerate() {
        let at = |field: &str| format!("subvolume.{n}.{field}");
        let inside = sub.path.is_empty() || is_full_path(&format!("/{}", sub.path));
        if !inside {
            let cause = format!(
                "a subvolume of {name} has the PATH `{}`: it is written from the top level on, without a / at its beginning",
                sub.path
            );
            return wrong(&error::IMAGE_PATH, "fs_data", i, &at("PATH"), cause);
        }
        if !seen.insert(&sub.path) {
            return wrong(
                &error::IMAGE_SAME_NAME,
                "fs_data",
                i,
                &at("PATH"),
                format!("{name} has two subvolumes `{}`", sub.path),
            );
        }
        if let Some(point) = sub.mount_point.as_ref().filter(|point| !is_full_path(point)) {
            return wrong(
                &error::IMAGE_PATH,
                "fs_data",
                i,
                &at("MOUNT_POINT"),
                format!("MOUNT_POINT `{point}` is not a full path"),
            );
        }
    }
    match &fs.fs_default_subvolume {
        Some(path) if !path.is_empty() && !seen.contains(path) => {
            let cause = format!(
                "FS_DEFAULT_SUBVOLUME of {name} is `{path}`, which no subvolume stanza describes"
            );
            wrong(&error::IMAGE_SUBVOLUMES, "fs_data", i, "FS_DEFAULT_SUBVOLUME", cause)
        }
        _ => Ok(()),
    }
}

fn every_volume_used(data: &ImageData) -> Checked {
    for (i, lv) in data.lv_data.iter().enumerate() {
        if lv.kind != LvType::Swap && !data.fs_data.iter().any(|fs| lies_on(fs, lv)) {
            let cause =
                format!("{} holds a file system, but no fs_data lies on it", lv.logical_volume);
            return wrong(&error::IMAGE_NO_FS, "lv_data", i, "LOGICAL_VOLUME", cause);
        }
    }
    Ok(())
}

/// Where a file system is mounted (its subvolumes' mount points, and FS_NAME unless one of them is
/// that), each with the field that says so.
fn mounted_at(fs: &Fs) -> Vec<(&str, String)> {
    let subvolumes = fs.subvolume.iter().enumerate();
    let mut points: Vec<_> = subvolumes
        .filter_map(|(n, s)| {
            Some((s.mount_point.as_deref()?, format!("subvolume.{n}.MOUNT_POINT")))
        })
        .collect();
    if !points.iter().any(|(point, _)| *point == fs.fs_name) {
        points.push((&fs.fs_name, "FS_NAME".to_owned()));
    }
    points
}

fn mount_points(data: &ImageData) -> Checked {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (i, fs) in data.fs_data.iter().enumerate() {
        for (point, field) in mounted_at(fs) {
            if let Some(first) = seen.insert(point, i) {
                let cause = match first == i {
                    true => format!("two subvolumes of {} are mounted at {point}", fs.fs_name),
                    false => format!(
                        "{} and {} are both mounted at {point}",
                        data.fs_data[first].fs_lv, fs.fs_lv
                    ),
                };
                return wrong(&error::IMAGE_SAME_MOUNT, "fs_data", i, &field, cause);
            }
        }
    }
    if !seen.contains_key("/") {
        return wrong(
            &error::IMAGE_NO_ROOT,
            "fs_data",
            0,
            "",
            "no fs_data has FS_NAME = \"/\"".to_owned(),
        );
    }
    Ok(())
}

fn swap_files(data: &ImageData) -> Checked {
    for (i, swap) in data.swap_file_data.iter().enumerate() {
        nonzero(swap.size_mb, "swap_file_data", i, "SIZE_MB", &swap.file)?;
        if !is_full_path(&swap.file) || swap.file == "/" {
            return wrong(
                &error::IMAGE_PATH,
                "swap_file_data",
                i,
                "FILE",
                format!("FILE `{}` is not the full path of a file", swap.file),
            );
        }
        let holds = |point: &str| {
            point == "/"
                || swap
                    .file
                    .strip_prefix(point)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let points = data
            .fs_data
            .iter()
            .flat_map(|fs| mounted_at(fs).into_iter().map(move |(point, _)| (point, fs)));
        let Some((point, fs)) = points.filter(|(p, _)| holds(p)).max_by_key(|(p, _)| p.len())
        else {
            continue;
        };
        if point == swap.file || !fs.fs_vfs.facts().keeps_attributes {
            let why = if point == swap.file {
                "is a mount point".to_owned()
            } else {
                format!("lies on {}", fs.fs_vfs)
            };
            return wrong(
                &error::IMAGE_SWAP_FILE,
                "swap_file_data",
                i,
                "FILE",
                format!("the swap file {} {why}", swap.file),
            );
        }
    }
    Ok(())
}

fn is_full_path(path: &str) -> bool {
    path == "/"
        || (path.starts_with('/')
            && path[1..].split('/').all(|part| {
                !part.is_empty() && part != "." && part != ".." && !part.contains('\0')
            }))
}
