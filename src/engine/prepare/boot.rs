//! Checks that source and result can boot, and that the boot list can be set.

use anyhow::Result;

use crate::boot::bootlist::running_system;
use crate::engine::facts::bootable::{Bootable, Firmware};
use crate::engine::prepare::boot_fs;
use crate::engine::request::Request;
use crate::error;
use crate::image::data::ImageData;

/// Checks that source and result can boot; `-g` turns refusals into warnings.
pub fn check_bootable(
    request: &Request,
    mut boot: Bootable,
    image: &ImageData,
    no_kernel: anyhow::Error,
    esp_mountable: bool,
    practice: bool,
    warnings: &mut Vec<String>,
) -> Result<Bootable> {
    let mut refusals: Vec<anyhow::Error> = Vec::new();
    if boot.kernels.is_empty() {
        refusals.push(no_kernel);
    } else {
        if let Err(why) = &boot.initramfs {
            refusals.push(error::NO_INITRAMFS_TOOL.with_cause(why.clone()));
        }
        refusals.extend(boot_fs::refusal(image));
        let (mine, other, name) = match boot.firmware {
            Firmware::Bios => (&boot.bios, &boot.efi, "UEFI"),
            Firmware::Uefi => (&boot.efi, &boot.bios, "BIOS"),
        };
        if let Err(why) = mine {
            refusals.push(error::NO_LOADER.with_cause(why.clone()));
        }
        if let Err(why) = other {
            warnings.push(format!("the copy will not boot by {name}: {why}"));
        }
        if boot.firmware == Firmware::Uefi && !esp_mountable {
            refusals.push(error::NO_LOADER.with_remedy(
                "this kernel cannot mount vfat, and so not the EFI system partition",
                "load the vfat module, or give -g",
            ));
        }
    }
    if let Some(refusal) = bootlist_refusal(request, &mut boot, practice) {
        if request.phases.list().contains(&3) {
            refusals.push(refusal);
        } else {
            warnings.push(format!("phase 3 will need -B: {}", error::cause(&refusal)));
        }
    }
    let fatal = |e: &&anyhow::Error| {
        !request.skip_boot_check
            || error::find(e).is_some_and(|a| a.entry.id == error::REBOOT_TO_OLD.id)
    };
    if let Some(first) = refusals.iter().find(fatal) {
        let alt = error::find(first);
        let entry = alt.map_or(&error::NO_LOADER, |a| a.entry);
        let all: Vec<String> = refusals.iter().map(error::cause).collect();
        let mut remedies: Vec<String> =
            refusals.iter().filter_map(|e| error::find(e).map(|a| a.remedy.clone())).collect();
        remedies.dedup();
        return Err(entry.with_remedy(all.join("; "), remedies.join("; ")));
    }
    for e in &refusals {
        warnings.push(format!("{} (continuing because of -g)", error::cause(e)));
    }
    Ok(boot)
}

/// Why the boot list cannot be set as the request has it; notes in `boot` whether it can.
pub(super) fn bootlist_refusal(
    request: &Request,
    boot: &mut Bootable,
    practice: bool,
) -> Option<anyhow::Error> {
    if !request.set_bootlist {
        return None;
    }
    if practice {
        boot.bootlist = Err("the target is a practice disk, which no firmware can start".into());
    } else if boot.bootlist.is_ok() {
        // Phase 3 will need this about the running system's own disk.
        boot.bootlist = match running_system::boot_disk("rootvg") {
            Err(e) => Err(error::cause(&e)),
            Ok(d) if boot.firmware == Firmware::Uefi && d.esp_partuuid.is_none() => {
                Err("the EFI system partition of the running system was not found".into())
            }
            Ok(_) => Ok(()),
        };
    }
    let why = boot.bootlist.as_ref().err()?;
    if request.reboot {
        return Some(
            error::REBOOT_TO_OLD.with_cause(format!("-r would reboot into the old disk: {why}")),
        );
    }
    if practice {
        return Some(
            error::NO_BOOTLIST
                .with_remedy(why.clone(), "give -B, which leaves the boot list alone"),
        );
    }
    Some(error::NO_BOOTLIST.with_cause(why.clone()))
}
