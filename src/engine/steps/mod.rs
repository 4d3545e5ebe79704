//! Carries out a step: one file for each kind of step, and [`execute`] chooses among them. Every
//! action can be repeated: a run that was interrupted repeats its last step.

pub mod automount;
pub mod bootlist;
pub mod context;
pub mod copying;
pub mod customize;
pub mod disks;
pub mod esp;
pub mod finish;
pub mod identity;
pub mod mounted;
pub mod restoring;
pub mod sandboxes;
pub mod subvolumes;
pub mod swap_file;
pub mod targets;
pub mod unlock;
pub mod updating;
pub mod verify;

use std::path::Path;

use anyhow::Result;

use crate::boot::identity::audit::Expect;
use crate::boot::identity::{grubenv, left_references, references};
use crate::boot::{initramfs, kernels, loader};
use crate::disk::{lvm, make, udev};
use crate::engine::paths::ALT_INST;
use crate::engine::plan::fstab::fstab_extras;
use crate::engine::plan::step::{Action, Step};
use crate::engine::steps::context::Context;
use crate::engine::steps::disks::{find_disk, lvm_scope};
use crate::engine::steps::unlock::Unlocked;
use crate::error;
use crate::host::beneath::Beneath;
use crate::software::install;

/// Does one step.
///
/// # Errors
/// Whatever keeps it from being done; the step can be repeated.
pub fn execute(c: &mut Context, step: &Step) -> Result<()> {
    let (base, events) = (c.base, c.events);
    // Files that wait for the ESP are removed before the unmounting, even if the machine was
    // restarted in between.
    if needs_mounts(&step.action) || (step.action == Action::Unmount && base.imaged.is_some()) {
        mounted::ensure_mounted(base, usize::MAX, events)?;
    }
    // Programs of this step that open disks by name must reach the disks that this run holds open.
    c.targets.check(base, &step.action)?;
    c.targets.forget_cache()?;
    if changes_files(&step.action) {
        let unlocked = Unlocked::begin(Path::new(ALT_INST), events)?;
        let done = execute_action(c, step);
        let locked = unlocked.close();
        done?;
        locked?;
    } else {
        execute_action(c, step)?;
    }
    c.targets.check(base, &step.action)
}

/// Steps that change files of the mounted copy, which may have been made unchangeable. (Packages
/// must cope with that as they do at home.)
fn changes_files(action: &Action) -> bool {
    matches!(
        action,
        Action::ResolvConf { .. }
            | Action::ClientFiles
            | Action::References
            | Action::Initramfs
            | Action::BootMenu
            | Action::Esp
            | Action::LoaderEfi
            | Action::LoaderBios
            | Action::Origin
    )
}

fn execute_action(c: &mut Context, step: &Step) -> Result<()> {
    let (base, events) = (c.base, c.events);
    let root = Path::new(ALT_INST);
    match &step.action {
        Action::Gate => disks::check_targets(c),
        Action::Wipe { disk } => disks::wipe(c, *disk),
        Action::Partition { disk } => automount::hide_disks(base, events)
            .and_then(|()| disks::partition(&base.layout.disks[*disk], events)),
        Action::MakeVg { vg } => disks::make_vg(base, *vg, events),
        Action::MakeLv { volume } => disks::make_lv(base, *volume, events),
        Action::MakeFs { volume } => disks::make_fs(base, &base.layout.volumes[*volume], events),
        Action::MakeSwap { volume } => {
            disks::make_swap(base, &base.layout.volumes[*volume], events)
        }
        Action::Copy { volume } => copying::copy_volume(c, *volume),
        Action::Subvolumes { volume } => {
            restoring::make_subvolumes(base, *volume, c.repeated, events)
        }
        Action::Restore => restoring::restore_image(c).and_then(|()| unlock::discard_list(root)),
        Action::BootImage { file } => {
            restoring::restore_boot_image(file, c).and_then(|()| unlock::discard_list(root))
        }
        Action::FreshIdentity => identity::make_fresh_identity(root, events),
        // Only phase 1 has such steps, so no step has taken flags off yet.
        Action::Mount { count, .. } => {
            mounted::ensure_mounted(base, *count, events).and_then(|()| unlock::discard_list(root))
        }
        Action::SwapFile { index } => swap_file::swap_file(base, *index, events),
        Action::ResolvConf { file } => customize::write_resolv_conf(file, events),
        Action::ClientFiles => customize::copy_client_files(events),
        Action::Software { wanted } => updating::install_packages(wanted, c),
        Action::Script { file } => customize::run_script(file, base, events),
        Action::References => {
            udev::settle(events)?;
            // Leftovers of a killed update, if phase 2 was not run again.
            install::remove_leftovers(root)?;
            references::rewrite(root, &base.ids, &fstab_extras(base), events).map(drop)
        }
        Action::Initramfs => initramfs::build(
            &sandboxes::for_initramfs(&base.layout),
            initramfs::detect(root)?,
            &kernels::installed(root),
            events,
        ),
        Action::BootMenu => {
            loader::detect(root).make_menu(
                &sandboxes::for_whole_copy(&base.layout),
                &base.ids,
                events,
            )?;
            references::rewrite(root, &base.ids, &fstab_extras(base), events)?;
            grubenv::settle_saved(
                &Beneath::open(root)?,
                &|path| !esp::is_on_esp(base, path),
                events,
            )
        }
        Action::Audit => verify::run_audit(
            base,
            &Expect { kernels: verify::images_expected(base), ..Expect::default() },
            events,
        ),
        Action::Esp => esp::fill_esp(base, events),
        Action::LoaderEfi => {
            let esp = base
                .layout
                .esp()
                .and_then(|v| v.fs.as_ref())
                .map_or("/boot/efi", |f| f.fs_name.as_str());
            loader::detect(root)
                .install_efi(&sandboxes::for_whole_copy(&base.layout), Path::new(esp), events)
                .map(drop)
        }
        Action::LoaderBios => {
            let disk = &base.layout.disks[0];
            loader::detect(root).install_bios(
                &sandboxes::for_loader(&base.layout, disk),
                &disk.path,
                events,
            )?;
            if base.starts_by_bios_alone() {
                make::mark_active(&find_disk(disk)?, events)
            } else {
                Ok(())
            }
        }
        Action::Verify => {
            if base.boots() && base.boot.bios.is_ok() {
                loader::detect(root).require_boot_code(&find_disk(&base.layout.disks[0])?.path)?;
            }
            verify::run_audit(base, &verify::expectations(base)?, events)?;
            for left in left_references::in_root(&Beneath::open(root)?, &base.ids)? {
                events.warn(left.describe("was left"));
            }
            Ok(())
        }
        Action::Origin => {
            bootlist::write_origin(base, c.plan.request.skip_boot_check, events)?;
            match bootlist::journal_boot_list(c) {
                // Nothing that -B leaves alone can fail it.
                Err(e) if !c.plan.request.set_bootlist => {
                    events
                        .note(format!("the boot list could not be read: {}", error::chain_of(&e)));
                    Ok(())
                }
                other => other,
            }
        }
        Action::Unmount => finish::unmount(base, events),
        Action::Deactivate => base.layout.vgs.iter().try_for_each(|vg| {
            lvm::vg_deactivate(&lvm_scope(base), &vg.name).run(events).map(drop)
        }),
        Action::Bootlist => bootlist::set_boot_list(c),
        Action::Reboot => finish::reboot(events),
    }
}

/// Steps that work in the mounted alternate.
fn needs_mounts(action: &Action) -> bool {
    matches!(
        action,
        Action::BootImage { .. }
            | Action::FreshIdentity
            | Action::SwapFile { .. }
            | Action::ResolvConf { .. }
            | Action::ClientFiles
            | Action::Software { .. }
            | Action::Script { .. }
            | Action::References
            | Action::Initramfs
            | Action::BootMenu
            | Action::Audit
            | Action::Esp
            | Action::LoaderEfi
            | Action::LoaderBios
            | Action::Verify
            | Action::Origin
    )
}
