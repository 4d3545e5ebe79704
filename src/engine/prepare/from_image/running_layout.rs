//! The running system's layout, made to hold what an archive without an image.data has. Pure.

use super::room::{Below, surveyed};
use crate::image::data::{ImageData, LvType, YesNo};

/// The layout with room for the files of a survey.
pub fn fit_running_layout(mut image: ImageData, below: Below) -> ImageData {
    let used = surveyed(&image, below);
    for (fs, used) in image.fs_data.iter_mut().zip(used) {
        fs.fs_used_mb = used;
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

    const MIB: u64 = 1 << 20;

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
