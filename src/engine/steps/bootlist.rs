//! The boot list as phase 3 sets it and `-X` takes it back.
//!
//! The before-image goes into the journal before the first change; the alternate's record lies
//! beside the state, the running system's record on the alternate, so that each side can name the
//! other later.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::boot::bootlist::bootdisk::{ALTERNATE, BootDisk, ORIGIN};
use crate::boot::bootlist::running_system;
use crate::boot::bootlist::{BootListSnapshot, First, Machine};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::dir;
use crate::disk::model::Disk;
use crate::engine::paths::ALT_INST;
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::mount_plan;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::state::Record;
use crate::engine::steps::context::Context;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::files;
use crate::trial::once;

/// The record of the alternate.
pub fn alternate_boot_disk(base: &AlternateSpec) -> BootDisk {
    let disk = base.layout.disks.first();
    let boot = boot_volume(base);
    let esp = base.layout.esp();
    let on_root_fs = boot.is_some_and(|(_, at)| at == Path::new("/"));
    BootDisk {
        role: "altinst_rootvg".into(),
        name: disk.map(|d| d.name.clone()).unwrap_or_default(),
        serial: disk.and_then(|d| d.serial.clone()),
        size: disk.map_or(0, |d| d.size),
        table_id: disk.map(|d| d.table_id.clone()),
        boot_fs_uuid: boot.map(|(v, _)| v.uuid.clone()).unwrap_or_default(),
        boot_fstype: boot
            .and_then(|(v, _)| v.fs.as_ref())
            .map(|f| f.fs_vfs.to_string())
            .unwrap_or_default(),
        boot_mount_options: boot.map(|(v, at)| subvolume_option(v, at)).unwrap_or_default(),
        grub_dir: if on_root_fs {
            Path::new("boot").join(dir::name())
        } else {
            PathBuf::from(dir::name())
        },
        boot_vg: boot.and_then(|(v, _)| v.vg.clone()),
        esp_partuuid: esp.and_then(|v| v.partuuid.clone()),
        esp_fat_uuid: esp.map(|v| v.uuid.clone()),
        loader: None,
        fresh: true,
    }
}

/// The volume that holds /boot, and where it is mounted.
fn boot_volume(base: &AlternateSpec) -> Option<(&VolumeLayout, &'static Path)> {
    let mounted = mount_plan::planned_mounts(&base.layout, base.esp_mountable);
    ["/boot", "/"].iter().map(Path::new).find_map(|at| {
        mounted.iter().find(|(_, m, ..)| m == at).map(|(i, ..)| (&base.layout.volumes[*i], at))
    })
}

fn subvolume_option(v: &VolumeLayout, at: &Path) -> String {
    let subvolumes = v.fs.iter().flat_map(|f| &f.subvolume);
    let path = subvolumes
        .into_iter()
        .find(|s| s.mount_point.as_deref().map(Path::new) == Some(at))
        .map(|s| s.path.as_str());
    path.filter(|p| !p.is_empty()).map(|p| format!("subvol={p}")).unwrap_or_default()
}

/// Writes on the alternate which system it was made from, and beside the state what the alternate
/// is.
///
/// # Errors
/// If it cannot be written.
pub fn write_origin(base: &AlternateSpec, lenient: bool, events: &Events) -> Result<()> {
    match running_system::boot_disk("old_rootvg") {
        Ok(disk) => disk.store(&Beneath::open(Path::new(ALT_INST))?, ORIGIN)?,
        // With -g: a container's root cannot be booted, so there is nothing to go back to.
        // A live medium is nothing that a boot list could go back to.
        Err(e) if !lenient && !base.source_disks.is_empty() => return Err(e),
        Err(e) => events.warn(format!(
            "the copy will not know which disk it was made from: {}",
            error::chain_of(&e)
        )),
    }
    alternate_with_loader(base)?.store(&Beneath::open(Path::new("/"))?, ALTERNATE)
}

/// The loader's path as it is on the finished ESP.
fn alternate_with_loader(base: &AlternateSpec) -> Result<BootDisk> {
    let mut disk = alternate_boot_disk(base);
    let esp = base.layout.esp().and_then(|v| v.fs.as_ref());
    if let Some(fs) = esp.filter(|_| base.esp_mountable) {
        disk.loader = Some(
            crate::boot::loader::detect(Path::new(ALT_INST))
                .efi_file(&Beneath::open(Path::new(ALT_INST))?, Path::new(&fs.fs_name)),
        );
    }
    Ok(disk)
}

fn machine(base: &AlternateSpec) -> Result<Machine> {
    let mut other =
        BootDisk::load(Path::new(ALTERNATE))?.context("the record of the copy is missing")?;
    other.fresh = true;
    other.name = base.layout.disks.first().map(|d| d.name.clone()).unwrap_or_default();
    Ok(Machine {
        firmware: Firmware::of_machine(),
        here: running_system::boot_disk("rootvg")?,
        others: vec![other],
    })
}

/// Makes the alternate boot next, the present disk second.
///
/// # Errors
/// ALT-5xx; the before-image is in the journal then, and `-X` restores it.
pub fn set_boot_list(c: &mut Context) -> Result<()> {
    let machine = machine(c.base)?;
    machine.set(&[&machine.others[0], &machine.here], c.events)
}

/// Journals the boot list as it is, where it can be set at all: also with -B, as `altdisk bootlist`
/// may set it later, and `-X` takes it back to this.
///
/// # Errors
/// ALT-5xx if it cannot be read.
pub fn journal_boot_list(c: &mut Context) -> Result<()> {
    if c.before_is_kept || crate::boot::bootlist::capability(c.base.boot.firmware).is_err() {
        return Ok(());
    }
    let machine = machine(c.base)?;
    let before = machine.snapshot(&[&machine.others[0], &machine.here], c.events)?;
    c.state.append(&Record::Before { before })
}

/// Restores the boot list, and removes every entry of the alternate from it, even those that
/// `altdisk bootlist` added.
///
/// # Errors
/// ALT-5xx.
pub fn restore_boot_list(
    base: &AlternateSpec,
    before: Option<&BootListSnapshot>,
    events: &Events,
) -> Result<()> {
    let firmware = Firmware::of_machine();
    // Only GRUB needs the name of the running system's own disk.
    let here = running_system::boot_disk("rootvg").unwrap_or_default();
    take_back_once(base, &here, events);
    let machine = Machine { firmware, here, others: vec![] };
    if let Some(before) = before {
        machine.undo(before, events)?;
    }
    machine.remove(&alternate_boot_disk(base), events)
}

/// A one-time boot of the copy would start a disk that is given up. UEFI's choice goes with the
/// entry.
fn take_back_once(base: &AlternateSpec, here: &BootDisk, events: &Events) {
    if Firmware::of_machine() == Firmware::Uefi {
        return;
    }
    let machine = Machine {
        firmware: Firmware::Bios,
        here: here.clone(),
        others: vec![alternate_boot_disk(base)],
    };
    if let Err(e) = once::cancel_for(&machine, &machine.others[0], events) {
        events.warn(format!(
            "the one-time boot of the copy could not be cancelled: {}",
            error::chain_of(&e)
        ));
    }
}

/// The same for a copy whose plan is lost: removes the entries that the record beside the state
/// names, and those that lead to a partition of one of these disks. Returns true if there were any.
///
/// # Errors
/// ALT-5xx.
pub fn remove_without_plan(disks: &[&Disk], events: &Events) -> Result<bool> {
    let here = running_system::boot_disk("rootvg").unwrap_or_default();
    // The system that this one was made from is not a leftover, whatever its disk is called.
    let origin = BootDisk::load(Path::new(ORIGIN)).unwrap_or(None);
    let stays = |esp: &str| {
        [Some(&here), origin.as_ref()]
            .into_iter()
            .flatten()
            .any(|d| d.esp_partuuid.as_deref() == Some(esp))
    };
    let machine = Machine { firmware: Firmware::of_machine(), here: here.clone(), others: vec![] };
    let mut changed = false;
    // One that cannot be read says nothing.
    if let Ok(Some(disk)) = BootDisk::load(Path::new(ALTERNATE))
        && !disk.esp_partuuid.as_deref().is_some_and(stays)
    {
        changed = true;
        machine.remove(&disk, events)?;
    }
    let parts = disks
        .iter()
        .flat_map(|d| &d.partitions)
        .filter_map(|p| p.uuid.clone())
        .filter(|p| !stays(p));
    Ok(machine.remove_unrecorded(
        &parts.collect::<Vec<_>>(),
        origin.as_ref().map(BootDisk::id).as_deref(),
        events,
    )? || changed)
}

/// What the machine boots first, now that the boot list was taken back. `copies`: disks with copies
/// that stay. `set`: a copy there gives way to the running system, if that can be. It stays where
/// the list is again what it was before a copy was made: then somebody wanted it.
pub fn look_at_first(copies: &[&Disk], set: bool, events: &Events) -> First {
    let here = running_system::boot_disk("rootvg").unwrap_or_default();
    let machine = Machine { firmware: Firmware::of_machine(), here, others: vec![] };
    let parts: Vec<String> =
        copies.iter().flat_map(|d| &d.partitions).filter_map(|p| p.uuid.clone()).collect();
    let look = || {
        machine.first(&parts).unwrap_or_else(|e| {
            First::Other(format!(
                "What the machine boots first is not known: {}",
                error::chain_of(&e)
            ))
        })
    };
    match look() {
        First::Copy(entry) if set => match machine.set(&[&machine.here], events) {
            Ok(()) => {
                events.warn(format!(
                    "the firmware would have booted {entry} first, a copy that stays on its disk: the running system comes first now"
                ));
                look()
            }
            Err(e) => {
                events.warn(format!(
                    "the running system could not be put before {entry}: {}",
                    error::chain_of(&e)
                ));
                First::Copy(entry)
            }
        },
        other => other,
    }
}

/// Forgets the record of the alternate, whatever stands in its place.
///
/// # Errors
/// If it cannot be removed.
pub fn forget_record() -> Result<()> {
    files::remove_whatever(Path::new(ALTERNATE))
}
