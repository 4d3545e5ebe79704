//! Steps that prepare the target disks: they wipe and partition them, and make volume groups and
//! file systems.
//!
//! Each looks first that what is on the disk is what the run left there, and compares the disk with
//! the one that is held open right before and right after every program that writes.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::disk::content::ContentChange;
use crate::disk::fs::FsType;
use crate::disk::held::Held;
use crate::disk::identity::Likeness;
use crate::disk::model::{Disk, Inventory, Role};
use crate::disk::script::{Layout as Table, PartitionPlan};
use crate::disk::{content, eligibility, lvm, make, mkfs, probe, roles, udev};
use crate::engine::plan::layout::{DiskLayout, VolumeLayout};
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::prepare::target_disks;
use crate::engine::state::relocate;
use crate::engine::steps::context::Context;
use crate::engine::steps::targets;
use crate::error;
use crate::event::Events;

/// The disk as it is at this moment.
///
/// # Errors
/// ALT-705 if it is gone, or cannot be distinguished from another.
pub fn find_disk(layout: &DiskLayout) -> Result<Disk> {
    let inventory = Inventory::gather()?;
    let by_identity = relocate::find_target(layout, &inventory).cloned();
    by_identity
        .ok_or_else(|| error::TARGET_GONE.with_cause(relocate::why_not_found(layout, &inventory)))
}

/// Checks the target disks again, right before the first write.
///
/// # Errors
/// ALT-217 if a target is another disk than a moment ago; what the gate says.
pub fn check_targets(c: &Context) -> Result<()> {
    let inventory = Inventory::gather()?;
    for layout in &c.base.layout.disks {
        let disk = inventory.disk(&layout.name)?;
        if let Likeness::Differs(what) = layout.identity().compare(disk) {
            return Err(error::DISK_CHANGED.with_cause(format!(
                "{} is another disk now than a moment ago: {what}",
                layout.name
            )));
        }
        must_be_as_planned(layout, disk)?;
        eligibility::examine(disk, &inventory, role_before(&inventory, c.base, disk)?)
            .allow(&c.plan.request.erase, disk)?;
    }
    Ok(())
}

/// Nothing was put on the disk since the plan was made; what an interrupted wipe left of that is no
/// content any more. Whether it is so.
fn must_be_as_planned(layout: &DiskLayout, disk: &Disk) -> Result<bool> {
    let Some(before) = &layout.before else { return Ok(false) };
    let held = Held::disk(disk)?;
    let since = before.compare_with(held.file(), disk.size);
    let since = since.map_err(|e| error::DISK_UNREADABLE.with_path(&disk.path, &e))?;
    let new = content::signatures(disk).find(|s| !before.signatures.contains(s));
    match (since, new) {
        (ContentChange::Same, None) => Ok(false),
        (ContentChange::Zeroed, None) => Ok(true),
        (_, Some(s)) => Err(error::DISK_CHANGED.with_cause(format!(
            "{} has got {} since the plan was made",
            disk.path.display(),
            s.kind
        ))),
        (ContentChange::Changed, None) => Err(error::DISK_CHANGED
            .with_cause(format!("{} was written to since the plan was made", disk.path.display()))),
    }
}

/// Wipes a disk, after another check that it is free: time has passed, and before a resumed run
/// perhaps a reboot.
///
/// # Errors
/// Errors of the check; ALT-217 if the disk was written to since the plan was made.
pub fn wipe(c: &Context, index: usize) -> Result<()> {
    let layout = &c.base.layout.disks[index];
    let inventory = Inventory::gather()?;
    let disk = relocate::find_target(layout, &inventory).ok_or_else(|| {
        error::TARGET_GONE.with_cause(relocate::why_not_found(layout, &inventory))
    })?;
    let mut erase = c.plan.request.erase.clone();
    if must_be_as_planned(layout, disk)? {
        // The user already gave up the content that an interrupted wipe left.
        erase.push(disk.serial_or_name().to_owned());
    }
    eligibility::examine(disk, &inventory, role_before(&inventory, c.base, disk)?)
        .allow(&erase, disk)?;
    make::wipe(disk, c.events)
}

/// The role that a target had before the plan that was just stored made it altinst_rootvg.
fn role_before(inventory: &Inventory, base: &AlternateSpec, disk: &Disk) -> Result<Role> {
    let roles = roles::roles(inventory, &target_disks::known_disks(&base.source_disks)?);
    Ok(roles.get(&disk.name).copied().filter(|r| *r != Role::AltinstRootvg).unwrap_or(Role::None))
}

/// Writes the partition table, on a disk that is empty or has it already.
///
/// # Errors
/// ALT-715 if the disk holds something; as [`make::partition`].
pub fn partition(layout: &DiskLayout, events: &Events) -> Result<()> {
    let sector = u64::from(layout.sector);
    let partitions = layout
        .partitions
        .iter()
        .map(|p| PartitionPlan {
            number: p.number,
            start_sector: Some(p.start / sector),
            size_bytes: p.size,
            type_guid: p.type_guid.clone(),
            uuid: p.uuid.clone(),
            name: p.name.clone(),
        })
        .collect();
    let disk = find_disk(layout)?;
    must_be_wiped(layout, &disk)?;
    make::partition(&disk, &Table { disk_guid: layout.table_id.clone(), partitions }, events)
        .map(drop)
}

/// Checks that nothing was written to the disk between the wipe and the partition table.
fn must_be_wiped(layout: &DiskLayout, disk: &Disk) -> Result<()> {
    let held = Held::disk(disk)?;
    let blocks = content::read(held.file(), disk.size, &content::places(disk.size, &[]));
    let blocks = blocks.map_err(|e| error::DISK_UNREADABLE.with_path(&disk.path, &e))?;
    let ids = probe::gpt_ids(held.file(), disk.size, disk.logical_sector)?;
    let own = [ids.first, ids.last]
        .into_iter()
        .flatten()
        .any(|id| id.eq_ignore_ascii_case(&layout.table_id));
    if content::blank(&blocks) || own {
        return Ok(());
    }
    Err(error::DISK_USED_AGAIN
        .with_cause(format!("{} was wiped, and holds data again", disk.path.display())))
}

/// The devices that LVM may look at: the physical volumes of the alternate.
pub fn lvm_scope(base: &AlternateSpec) -> lvm::Scope {
    let pvs: Vec<PathBuf> = base.layout.vgs.iter().flat_map(|v| v.pvs.iter().cloned()).collect();
    lvm::Scope::new(&pvs)
}

/// The physical volumes of a group, open; each lies on a target.
fn open_pvs(base: &AlternateSpec, pvs: &[PathBuf]) -> Result<Vec<Held>> {
    pvs.iter().map(|pv| open_volume(base, pv)).collect()
}

/// A device of the copy, open; it lies on the targets and nothing else.
fn open_volume(base: &AlternateSpec, device: &std::path::Path) -> Result<Held> {
    let disks: Vec<Held> =
        base.layout.disks.iter().map(targets::open_target).collect::<Result<_>>()?;
    let held = Held::open(device)?;
    held.must_lie_on(&disks.iter().collect::<Vec<_>>())?;
    Ok(held)
}

/// Makes a volume group; one of an interrupted run is removed first.
///
/// # Errors
/// Errors of LVM; ALT-714 if a physical volume lies on another disk.
pub fn make_vg(base: &AlternateSpec, index: usize, events: &Events) -> Result<()> {
    let vg = &base.layout.vgs[index];
    let scope = lvm_scope(base);
    let pvs = open_pvs(base, &vg.pvs)?;
    let check = || pvs.iter().try_for_each(Held::check);
    if lvm::exists(&scope, &vg.name, None)? {
        lvm::vg_deactivate(&scope, &vg.name).run(events)?;
        lvm::vg_remove(&scope, &vg.name).run(events)?;
    }
    for pv in &pvs {
        pv.guard(|| lvm::pv_create(&scope, pv.name()).run(events))?;
    }
    check()?;
    lvm::vg_create(&scope, &vg.name, &vg.pvs, vg.extent).run(events)?;
    check()?;
    for pv in &pvs {
        if probe::whole(&pv.path())?.is_none_or(|s| s.kind != "LVM2_member") {
            return Err(error::DISK_EXCHANGED.with_cause(format!(
                "{} is not a physical volume, although it was made one",
                pv.name().display()
            )));
        }
    }
    pvs.into_iter().try_for_each(Held::close)
}

/// Makes a logical volume; one of an interrupted run is removed first.
///
/// # Errors
/// Errors of LVM; ALT-714 if it lies on another disk.
pub fn make_lv(base: &AlternateSpec, index: usize, events: &Events) -> Result<()> {
    let v = &base.layout.volumes[index];
    let vg = base
        .layout
        .vgs
        .iter()
        .find(|g| Some(&g.name) == v.vg.as_ref())
        .context("a logical volume without its volume group")?;
    let scope = lvm_scope(base);
    let pvs = open_pvs(base, &vg.pvs)?;
    if lvm::exists(&scope, &vg.name, Some(&v.lv))? {
        lvm::lv_remove(&scope, &vg.name, &v.lv).run(events)?;
    }
    pvs.iter().try_for_each(Held::check)?;
    lvm::lv_create(&scope, &vg.name, &v.lv, v.size / vg.extent, &[]).run(events)?;
    udev::settle(events)?;
    open_volume(base, &v.device)?.close()?;
    pvs.into_iter().try_for_each(Held::close)
}

/// Makes a volume's file system.
///
/// # Errors
/// Errors of mkfs; ALT-714 if the volume lies on another disk, ALT-715 if it holds something else
/// by now.
pub fn make_fs(base: &AlternateSpec, v: &VolumeLayout, events: &Events) -> Result<()> {
    let fs = v.fs.as_ref().context("a file system without its description")?;
    make_in(base, v, fs.fs_vfs, &fs.fs_mkfs_options, events)
}

/// Makes a swap space.
///
/// # Errors
/// As [`make_fs`].
pub fn make_swap(base: &AlternateSpec, v: &VolumeLayout, events: &Events) -> Result<()> {
    make_in(base, v, FsType::Swap, &[], events)
}

fn make_in(
    base: &AlternateSpec,
    v: &VolumeLayout,
    fstype: FsType,
    options: &[String],
    events: &Events,
) -> Result<()> {
    let held = open_volume(base, &v.device)?;
    let there = probe::whole(&held.path())?.filter(|s| s.usage != "partition-table");
    if let Some(s) =
        there.filter(|s| s.uuid.as_ref().is_none_or(|u| !u.eq_ignore_ascii_case(&v.uuid)))
    {
        let what = format!(
            "{} holds {} {}",
            v.device.display(),
            s.kind,
            s.uuid.as_deref().unwrap_or_default()
        );
        return Err(error::DISK_USED_AGAIN
            .with_cause(format!("{}, which is not the copy's", what.trim_end())));
    }
    mkfs::mkfs(fstype, &held, &v.uuid, v.label.as_deref(), options, events)?;
    held.close()?;
    udev::settle(events)
}

/// Takes the boot code off the first disk of an unfinished copy.
///
/// # Errors
/// ALT-715 if the disk has not the copy's table; ALT-804 if it cannot be written.
pub fn clear_boot_code(base: &AlternateSpec, events: &Events) -> Result<()> {
    let layout = &base.layout.disks[0];
    let disk = find_disk(layout)?;
    targets::check_own_table(layout, &Held::disk(&disk)?)?;
    make::clear_boot_code(&disk, events)
}
