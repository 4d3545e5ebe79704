//! Programs, kernel support and paths that a run needs.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::disk::fs::FsType;
use crate::engine::facts::Facts;
use crate::engine::facts::esp::is_esp;
use crate::engine::paths::ALT_INST;
use crate::error;
use crate::host::cmd::find_program;
use crate::host::mounts;
use crate::image::data::ImageData;

/// The programs and kernel support that making this layout takes.
pub fn check_tools(image: &ImageData, facts: &Facts, warnings: &mut Vec<String>) -> Result<()> {
    let mut programs: BTreeSet<(&str, String)> = ["sfdisk", "wipefs", "blkid", "mount"]
        .into_iter()
        .map(|p| (p, "disks".to_owned()))
        .collect();
    for fs in &image.fs_data {
        let of_type = fs.fs_vfs.facts();
        programs.extend(of_type.programs.iter().map(|p| (*p, fs.fs_vfs.to_string())));
        if !facts.can_mount(fs.fs_vfs) && !is_esp(image, fs) {
            return Err(error::SOURCE_FSTYPE
                .with_cause(format!("this kernel cannot mount {} for {}", fs.fs_vfs, fs.fs_name)));
        }
    }
    programs.extend(
        FsType::Vfat.facts().programs.iter().map(|p| (*p, "the EFI system partition".to_owned())),
    );
    if !image.vg_data.is_empty() {
        programs.extend(
            ["pvcreate", "vgcreate", "lvcreate", "vgchange"].map(|p| (p, "LVM".to_owned())),
        );
    }
    for (program, what) in programs {
        if find_program(Path::new("/"), program).is_none() {
            return Err(error::PROGRAM_MISSING
                .with_cause(format!("`{program}` is not installed; it is needed for {what}")));
        }
    }
    for fs in &image.fs_data {
        (fs.fs_vfs.facts().check_programs)()
            .map_err(|why| error::PROGRAM_MISSING.with_cause(why))?;
    }
    if !facts.esp_mountable() {
        warnings
            .push("this kernel cannot mount vfat: the EFI system partition is made but stays empty, so the copy boots by BIOS only".into());
    }
    Ok(())
}

/// Checks that /alt_inst can be used as a mount point.
///
/// # Errors
/// ALT-708 if something is mounted there, or it is not an empty directory.
pub fn check_alt_inst_is_free() -> Result<()> {
    let at = Path::new(ALT_INST);
    if at.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
        return Err(error::ALT_INST_TAKEN.with_remedy(
            format!("{ALT_INST} is not a directory"),
            format!("move it away: the copy is mounted at {ALT_INST}"),
        ));
    }
    if mounts::is_mount_point(at) || std::fs::read_dir(at).is_ok_and(|mut d| d.next().is_some()) {
        return Err(error::ALT_INST_TAKEN.with_cause(format!(
            "{ALT_INST} is in use: something is mounted there or it is not empty"
        )));
    }
    Ok(())
}
