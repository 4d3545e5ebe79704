//! Answers for debconf(7) during a run, which override the database of the alternate.
//!
//! The scripts of GRUB's packages write the loader to the disks that the running system once named,
//! and add an entry to the firmware's list. The alternate's loader is put onto its own disks by
//! phase 3, when everything else has been verified; until then these scripts get the answers "no
//! disk" and "not into the firmware". They stand in a database of our own before the alternate's,
//! which takes what is written to these questions too, so that the alternate's answers stay as they
//! are.

use std::fmt::Write;

use anyhow::Result;

use super::work::work_path;
use crate::software::managers::manager::Job;

/// See debconf(7).
pub const VARIABLE: &str = "DEBCONF_DB_OVERRIDE";

/// Question and answer. Debian asks for BIOS disks, Ubuntu for EFI partitions too.
const ANSWERS: [(&str, &str); 8] = [
    ("grub-pc/install_devices", ""),
    ("grub-pc/install_devices_disks_changed", ""),
    ("grub-pc/install_devices_empty", "true"),
    ("grub-efi/install_devices", ""),
    ("grub-efi/install_devices_disks_changed", ""),
    ("grub-efi/install_devices_empty", "true"),
    ("grub2/update_nvram", "false"),
    ("grub-installer/update-nvram", "false"),
];

const FILE: &str = "debconf.dat";

/// Puts the answers into a file below the job's directory.
///
/// # Errors
/// If it cannot be written.
pub fn write(job: &Job) -> Result<()> {
    let mut text = String::new();
    for (name, value) in ANSWERS {
        let _ = write!(
            text,
            "Name: {name}\nTemplate: {name}\nValue: {value}\nOwners: altdisk\nFlags: seen\n\n"
        );
    }
    job.copy()?.replace(work_path(job, FILE), text.as_bytes(), 0o644)
}

/// The variable's value. Other questions are not accepted there: their answers belong to the
/// alternate.
pub fn override_in(job: &Job) -> String {
    let names: Vec<&str> = ANSWERS.iter().map(|(name, _)| *name).collect();
    format!(
        "File{{filename:{} accept_name:^({})$}}",
        work_path(job, FILE).display(),
        names.join("|")
    )
}
