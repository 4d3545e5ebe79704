//! The mounts of an alternate and their options.

use std::path::PathBuf;

use crate::engine::plan::layout::Layout;
use crate::image::data::LvType;

/// The mounts of the finished alternate, parents first: volume, mount point, subvolume, options.
pub fn planned_mounts(
    layout: &Layout,
    esp_mountable: bool,
) -> Vec<(usize, PathBuf, Option<String>, String)> {
    let mut all = Vec::new();
    for (i, v) in layout.volumes.iter().enumerate() {
        let Some(fs) = &v.fs else { continue };
        if v.kind == LvType::Esp && !esp_mountable {
            continue;
        }
        if fs.subvolume.is_empty() {
            all.push((i, PathBuf::from(&fs.fs_name), None, safe_options(&fs.fs_options)));
        }
        for s in &fs.subvolume {
            if let Some(at) = &s.mount_point {
                all.push((i, PathBuf::from(at), Some(s.path.clone()), safe_options(&s.options)));
            }
        }
    }
    all.sort_by_key(|(_, at, ..)| (at.components().count(), at.clone()));
    all
}

/// The options with which a volume of the alternate is mounted while it is made. Everybody on the
/// running system gets to /alt_inst: a setuid program that a script of a package or an image put
/// there would make any user root, and a device node with an open mode would hand out the disks.
pub fn mount_options(options: &str, subvolume: Option<&str>) -> String {
    let all: Vec<&str> = ["nosuid,nodev", options].into_iter().filter(|o| !o.is_empty()).collect();
    with_subvolume(&all.join(","), subvolume)
}

/// Mount options with the subvolume that they belong to.
pub fn with_subvolume(options: &str, subvolume: Option<&str>) -> String {
    let subvolume = subvolume.filter(|s| !s.is_empty()).map(|s| format!("subvol={s}"));
    [Some(options), subvolume.as_deref()]
        .into_iter()
        .flatten()
        .filter(|o| !o.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}

/// Of fstab's options those that shape what is written while the alternate is made. No other is
/// used: an option can name a device, and the options of an image are not trusted.
fn safe_options(options: &str) -> String {
    const WORDS: [&str; 10] = [
        "noatime",
        "relatime",
        "nodiratime",
        "lazytime",
        "acl",
        "user_xattr",
        "nodatacow",
        "nodatasum",
        "autodefrag",
        "inode64",
    ];
    const BEGIN: [&str; 8] =
        ["compress", "ssd", "discard", "space_cache", "umask=", "fmask=", "dmask=", "shortname="];
    let plain = |o: &str| o.chars().all(|c| c.is_ascii_alphanumeric() || "_=:-".contains(c));
    let safe = |o: &str| plain(o) && (WORDS.contains(&o) || BEGIN.iter().any(|b| o.starts_with(b)));
    options.split(',').filter(|o| safe(o)).collect::<Vec<_>>().join(",")
}
