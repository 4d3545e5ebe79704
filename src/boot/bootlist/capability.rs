//! Whether the boot list of a machine can be set.

use std::path::Path;

use anyhow::Result;

use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::dir;
use crate::error;
use crate::host::cmd::find_program;
use crate::host::mounts;

/// Whether the boot list of the running machine can be set at all; asked before anything starts.
///
/// # Errors
/// ALT-509 with the reason.
pub fn capability(firmware: Firmware) -> Result<()> {
    let no = |why: &str| Err(error::NO_BOOTLIST.with_cause(why));
    let root = Path::new("/");
    match firmware {
        Firmware::Uefi if find_program(root, "efibootmgr").is_none() => Err(error::NO_BOOTLIST
            .with_remedy(
                "efibootmgr is not installed",
                "install the package efibootmgr, or give -B",
            )),
        Firmware::Uefi => {
            let vars = mounts::mounted()?
                .into_iter()
                .find(|m| m.mount_point == Path::new("/sys/firmware/efi/efivars"));
            match vars {
                None => no(
                    "this machine was started by UEFI, and its variables are not mounted at /sys/firmware/efi/efivars",
                ),
                Some(m)
                    if m.options
                        .split(',')
                        .chain(m.super_options.split(','))
                        .any(|o| o == "ro") =>
                {
                    no("the UEFI variables are mounted read-only at /sys/firmware/efi/efivars")
                }
                Some(_) => Ok(()),
            }
        }
        Firmware::Bios => {
            let Some(dir) = dir::find_own(root) else {
                return no(
                    "this machine was started by a BIOS, and no GRUB configuration is in /boot/grub or /boot/grub2",
                );
            };
            let cfg = String::from_utf8_lossy(&std::fs::read(dir.join("grub.cfg"))?).into_owned();
            if sources_custom(&cfg) {
                Ok(())
            } else {
                no(&format!("{}/grub.cfg does not read custom.cfg", dir.display()))
            }
        }
    }
}

pub(super) fn sources_custom(cfg: &str) -> bool {
    cfg.lines().any(|l| {
        let l = l.trim_start();
        (l.starts_with("source ") || l.starts_with(". ")) && l.contains("custom.cfg")
    })
}
