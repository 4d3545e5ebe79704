//! What each step does. Every action can be repeated: a run that was interrupted does its last step again.

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::boot::audit::{self, Expect};
use crate::boot::fstab::{FstabExtras, Wanted};
use crate::boot::{grub, initramfs, kernels, options, references};
use crate::copy::{Excludes, Progress};
use crate::disk::model::{Disk, Role, World};
use crate::disk::script::{Layout as Table, PartitionPlan};
use crate::disk::{gate, lvm, make, mkfs, roles};
use crate::engine::from_image::{identity, restoring};
use crate::engine::layout::{DiskLayout, VolumeLayout};
use crate::engine::plan::{self, Action, Base, Plan, Step, below};
use crate::engine::run::Options;
use crate::engine::state::State;
use crate::engine::unlocked::Unlocked;
use crate::engine::{ALT_INST, bootlist, copying, customize, mounted, prepare, quiet, relocate, updating};
use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};
use crate::host::mounts;
use crate::host::resolve::resolve;
use crate::image::archive::Archive;
use crate::image::data::LvType;
use crate::software::install;

/// What a step works with.
pub struct Context<'a> {
    pub state: &'a mut State,
    pub base: &'a Base,
    pub plan: &'a Plan,
    pub options: Options,
    /// An earlier run began this step and did not end it.
    pub repeated: bool,
    /// The boot list's before-image is in the journal already.
    pub before_is_kept: bool,
    pub events: &'a Events,
    pub excludes: &'a Excludes,
    /// Of all copies of this run together.
    pub progress: &'a Progress,
    /// The image, where it is open already.
    pub archive: &'a mut Option<Archive>,
}

/// Does one step.
///
/// # Errors
/// Whatever keeps it from being done; the step can be repeated.
pub fn execute(c: &mut Context, step: &Step) -> Result<()> {
    let (base, events) = (c.base, c.events);
    let root = Path::new(ALT_INST);
    // What waited for the ESP is taken away before the unmounting, also where a reboot came between.
    if needs_mounts(&step.action) || (step.action == Action::Unmount && base.imaged.is_some()) {
        mounted::ensure_mounted(base, usize::MAX, events)?;
    }
    if !changes_files(&step.action) {
        return act(c, step);
    }
    let unlocked = Unlocked::begin(root, events)?;
    let done = act(c, step);
    let locked = unlocked.close();
    done?;
    locked
}

/// Steps that change files of the mounted copy, which may have been made unchangeable. (Packages must cope with that as they do at home.)
fn changes_files(action: &Action) -> bool {
    matches!(
        action,
        Action::ResolvConf { .. }
            | Action::ClientFiles
            | Action::References
            | Action::Initramfs
            | Action::GrubConfig
            | Action::Esp
            | Action::LoaderEfi
            | Action::LoaderBios
            | Action::Origin
    )
}

fn act(c: &mut Context, step: &Step) -> Result<()> {
    let (base, events) = (c.base, c.events);
    let root = Path::new(ALT_INST);
    match &step.action {
        Action::Gate => gate_again(c),
        Action::Wipe { disk } => wipe(c, *disk),
        Action::Partition { disk } => quiet::hide(base, events).and_then(|()| partition(&base.layout.disks[*disk], events)),
        Action::MakeVg { vg } => make_vg(base, *vg, events),
        Action::MakeLv { volume } => make_lv(base, *volume, events),
        Action::MakeFs { volume } => make_fs(&base.layout.volumes[*volume], events),
        Action::MakeSwap { volume } => make_swap(&base.layout.volumes[*volume], events),
        Action::Copy { volume } => copying::copy_volume(c, *volume),
        Action::Subvolumes { volume } => restoring::subvolumes(base, *volume, c.repeated, events),
        Action::Restore => restoring::restore(c),
        Action::BootImage { file } => restoring::boot_image(file, c),
        Action::FreshIdentity => identity::fresh(root, events),
        Action::Mount { count, .. } => mounted::ensure_mounted(base, *count, events),
        Action::SwapFile { index } => swap_file(base, *index, events),
        Action::ResolvConf { file } => customize::resolv_conf(file, events),
        Action::ClientFiles => customize::client_files(events),
        Action::Software { wanted } => updating::update(wanted, c),
        Action::Script { file } => customize::script(file, base, events),
        Action::References => {
            make::settle(events)?;
            // What a killed update left, if phase 2 was not run again.
            install::tidy(root)?;
            references::rewrite(root, &base.ids, &fstab_extras(base), events).map(drop)
        }
        Action::Initramfs => initramfs::build(root, initramfs::detect(root)?, &kernels::installed(root), events),
        Action::GrubConfig => {
            grub::mkconfig(root, &base.ids, events)?;
            references::rewrite(root, &base.ids, &fstab_extras(base), events).map(drop)
        }
        Action::Audit => audited(base, &Expect { kernels: images_expected(base), ..Expect::default() }, events),
        Action::Esp => fill_esp(base, events),
        Action::LoaderEfi => {
            let esp = base.layout.esp().and_then(|v| v.fs.as_ref()).map_or("/boot/efi", |f| f.fs_name.as_str());
            grub::install_efi(root, Path::new(esp), events).map(drop)
        }
        Action::LoaderBios => grub::install_bios(root, &base.layout.disks[0].path, events),
        Action::Verify => {
            if base.boots() && base.boot.bios.is_ok() {
                grub::require_boot_code(&disk_now(&base.layout.disks[0])?.path)?;
            }
            audited(base, &expected(base)?, events)
        }
        Action::Origin => {
            bootlist::write_origin(base, c.plan.request.skip_boot_check, events)?;
            match bootlist::keep_before(c) {
                // Nothing that -B leaves alone can fail it.
                Err(e) if !c.plan.request.set_bootlist => {
                    events.note(format!("the boot list could not be read: {e:#}"));
                    Ok(())
                }
                other => other,
            }
        }
        Action::Unmount => unmount(base, events),
        Action::Deactivate => base.layout.vgs.iter().try_for_each(|vg| lvm::vg_deactivate(&scope(base), &vg.name).run(events).map(drop)),
        Action::Bootlist => bootlist::set(c),
        Action::Reboot => reboot(events),
    }
}

/// What a finished alternate must have, beyond naming nothing of the source.
fn expected(base: &Base) -> Result<Expect> {
    let boot = bootlist::alternate(base);
    let mut boot_ids = vec![boot.boot_fs_uuid];
    if let Some(vg) = &boot.boot_vg {
        boot_ids.push(lvm::vg_uuid(&scope(base), vg)?);
    }
    // A GRUB whose /boot is on its own disk names the partition by number, on whatever disk it was started from.
    let boot_device = base.layout.volumes.iter().find(|v| v.uuid == boot_ids[0]).map(|v| &v.device);
    let number = base.layout.disks.first().and_then(|d| d.partitions.iter().find(|p| Some(&p.path) == boot_device)).map(|p| p.number);
    boot_ids.extend(number.map(|n| format!("(,gpt{n})")));
    let esp = base.layout.esp().and_then(|v| v.fs.as_ref()).filter(|_| base.esp_mountable && base.boots() && base.boot.efi.is_ok());
    Ok(Expect {
        boot_ids,
        bios: base.boots() && base.boot.bios.is_ok(),
        esp: esp.map(|f| PathBuf::from(&f.fs_name)),
        kernels: images_expected(base),
    })
}

/// Whether every kernel must have an initramfs.
fn images_expected(base: &Base) -> bool {
    base.boot.initramfs.is_ok() && base.boots()
}

/// The audit: each finding is told, and any is an error.
fn audited(base: &Base, expect: &Expect, events: &Events) -> Result<()> {
    let found = audit::audit(Path::new(ALT_INST), &base.ids, expect)?;
    for finding in &found {
        events.warn(finding.to_string());
    }
    match found.first() {
        None => Ok(()),
        Some(first) => Err(error::NOT_INDEPENDENT.because(format!(
            "{first}{}",
            if found.len() > 1 { format!(" (and {} more, see above)", found.len() - 1) } else { String::new() }
        ))),
    }
}

/// What must stand in the alternate's fstab even where the source's has no line for it.
fn fstab_extras(base: &Base) -> FstabExtras {
    let mut lines = Vec::new();
    for (i, at, subvolume, _) in plan::mounts(&base.layout, base.esp_mountable) {
        let v = &base.layout.volumes[i];
        let Some(fs) = &v.fs else { continue };
        let options = Some(plan::with_subvolume(&options::portable(&fs.fs_options), subvolume.as_deref())).filter(|o| !o.is_empty());
        let options = options.unwrap_or_else(|| "defaults".to_owned());
        let pass = match fs.fs_vfs.as_str() {
            "xfs" | "btrfs" => 0,
            _ if at == Path::new("/") => 1,
            _ => 2,
        };
        lines.push(Wanted { spec: v.spec(), mount_point: at, fstype: fs.fs_vfs.clone(), options, pass });
    }
    let swap = base.layout.volumes.iter().filter(|v| v.kind == LvType::Swap).map(VolumeLayout::spec);
    let files = base.layout.swap_files.iter().map(|s| s.file.clone());
    lines.extend(swap.chain(files).map(|spec| Wanted {
        spec,
        mount_point: "none".into(),
        fstype: "swap".into(),
        options: "sw".into(),
        pass: 0,
    }));
    FstabExtras { lines, claim: base.imaged.is_some(), strangers_may_fail: base.imaged.as_ref().is_some_and(|i| i.other_machine) }
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
            | Action::GrubConfig
            | Action::Audit
            | Action::Esp
            | Action::LoaderEfi
            | Action::LoaderBios
            | Action::Verify
            | Action::Origin
    )
}

/// The disk as it is at this moment.
/// # Errors
/// ALT-705 where it is gone, or cannot be told from another.
pub fn disk_now(layout: &DiskLayout) -> Result<Disk> {
    let world = World::gather()?;
    let by_identity = relocate::find(layout, &world).cloned();
    by_identity.ok_or_else(|| error::TARGET_GONE.because(format!("disk {} is not there any more", layout.name)))
}

/// The very disk that is about to be wiped goes through the gate once more: time has passed, and on a resumed run a reboot.
fn wipe(c: &Context, index: usize) -> Result<()> {
    let disk = disk_now(&c.base.layout.disks[index])?;
    let world = World::gather()?;
    let mut erase = c.plan.request.erase.clone();
    if c.repeated {
        // What an interrupted wipe left is content that the user gave up already.
        erase.push(disk.serial_or_name().to_owned());
    }
    gate::examine(&disk, &world, role_before(&world, c.base, &disk)?).allow(&erase, &disk)?;
    make::wipe(&disk, c.events)
}

/// The role that a target had before the plan that was just stored made it altinst_rootvg.
fn role_before(world: &World, base: &Base, disk: &Disk) -> Result<Role> {
    let roles = roles::roles(world, &prepare::known(&base.source_disks)?);
    Ok(roles.get(&disk.name).copied().filter(|r| *r != Role::AltinstRootvg).unwrap_or(Role::None))
}

/// The gate once more, right before the first write.
fn gate_again(c: &Context) -> Result<()> {
    let world = World::gather()?;
    for layout in &c.base.layout.disks {
        let disk = world.disk(&layout.name)?;
        if disk.size != layout.size || disk.serial != layout.serial || relocate::seen(disk) != layout.seen {
            return Err(error::DISK_CHANGED.because(format!("{} is another disk now than a moment ago", layout.name)));
        }
        gate::examine(disk, &world, role_before(&world, c.base, disk)?).allow(&c.plan.request.erase, disk)?;
    }
    Ok(())
}

fn partition(layout: &DiskLayout, events: &Events) -> Result<()> {
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
    make::partition(&disk_now(layout)?, &Table { disk_guid: layout.table_id.clone(), partitions }, events).map(drop)
}

/// What LVM may look at: the physical volumes of the alternate.
pub fn scope(base: &Base) -> lvm::Scope {
    let pvs: Vec<PathBuf> = base.layout.vgs.iter().flat_map(|v| v.pvs.iter().cloned()).collect();
    lvm::Scope::of(&pvs)
}

fn make_vg(base: &Base, index: usize, events: &Events) -> Result<()> {
    let vg = &base.layout.vgs[index];
    let scope = scope(base);
    if lvm::exists(&scope, &vg.name, None)? {
        lvm::vg_deactivate(&scope, &vg.name).run(events)?;
        lvm::vg_remove(&scope, &vg.name).run(events)?;
    }
    for pv in &vg.pvs {
        lvm::pv_create(&scope, pv).run(events)?;
    }
    lvm::vg_create(&scope, &vg.name, &vg.pvs, vg.extent).run(events).map(drop)
}

fn make_lv(base: &Base, index: usize, events: &Events) -> Result<()> {
    let v = &base.layout.volumes[index];
    let vg = base.layout.vgs.iter().find(|g| Some(&g.name) == v.vg.as_ref()).context("a logical volume without its volume group")?;
    let scope = scope(base);
    if lvm::exists(&scope, &vg.name, Some(&v.lv))? {
        lvm::lv_remove(&scope, &vg.name, &v.lv).run(events)?;
    }
    lvm::lv_create(&scope, &vg.name, &v.lv, v.size / vg.extent, &[]).run(events)?;
    make::settle(events)
}

/// Makes a volume's file system.
///
/// # Errors
/// What mkfs says.
pub fn make_fs(v: &VolumeLayout, events: &Events) -> Result<()> {
    let fs = v.fs.as_ref().context("a file system without its description")?;
    mkfs::mkfs(&fs.fs_vfs, &v.device, &v.uuid, v.label.as_deref(), &fs.fs_mkfs_options, events)?;
    make::settle(events)
}

fn make_swap(v: &VolumeLayout, events: &Events) -> Result<()> {
    mkfs::mkfs("swap", &v.device, &v.uuid, v.label.as_deref(), &[], events)?;
    make::settle(events)
}

/// A swap file, made anew: never sparse, never copied-on-write.
fn swap_file(base: &Base, index: usize, events: &Events) -> Result<()> {
    let s = &base.layout.swap_files[index];
    // Links in the alternate mean the alternate's files.
    let at = resolve(Path::new(ALT_INST), Path::new(&s.file))?;
    if let Some(dir) = at.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    }
    let holder = plan::mounts(&base.layout, base.esp_mountable).into_iter().rfind(|(_, m, ..)| Path::new(&s.file).starts_with(m));
    let btrfs = holder.is_some_and(|(i, ..)| base.layout.volumes[i].fs.as_ref().is_some_and(|f| f.fs_vfs == "btrfs"));
    crate::host::files::remove(&at)?;
    if btrfs {
        // Not `btrfs filesystem mkswapfile`, which came with btrfs-progs 6.1. A file can be exempt from copying on write while it is empty.
        Cmd::new("truncate", format!("make {} empty", s.file)).args(["-s", "0"]).arg(&at).run(events)?;
        Cmd::new("chattr", format!("have {} written in place", s.file)).arg("+C").arg(&at).run(events)?;
    }
    Cmd::new("fallocate", format!("take room for swap file {}", s.file)).arg("-l").arg(format!("{}MiB", s.size_mb)).arg(&at).run(events)?;
    Cmd::new("chmod", format!("close {} to others", s.file)).arg("600").arg(&at).run(events)?;
    Cmd::new("mkswap", format!("make swap file {}", s.file)).arg(&at).run(events).map(drop)
}

/// The source's ESP copied, or what of an image waits for it (its loaders, and what else is on it), references rewritten; the loader step completes it.
fn fill_esp(base: &Base, events: &Events) -> Result<()> {
    let Some(fs) = base.layout.esp().and_then(|v| v.fs.as_ref()) else { return Ok(()) };
    let waiting = below(Path::new(ALT_INST), Path::new(plan::ESP_WAITS));
    let view = if base.imaged.is_none() { copying::view_of_esp(base, fs)? } else { None };
    let (from, there) = match &view {
        Some(fd) => (PathBuf::from(format!("/proc/{}/fd/{}/.", std::process::id(), fd.as_raw_fd())), true),
        None => (waiting.clone(), base.imaged.is_some() && waiting.is_dir()),
    };
    let to = below(Path::new(ALT_INST), Path::new(&fs.fs_name));
    if there {
        Cmd::new("cp", format!("copy the EFI system partition {}", fs.fs_name))
            .args(["-r", "-T", "--preserve=timestamps", "--"])
            .arg(&from)
            .arg(&to)
            .run(events)?;
    }
    references::rewrite(Path::new(ALT_INST), &base.ids, &fstab_extras(base), events)?;
    audited(base, &Expect::default(), events)
}

fn unmount(base: &Base, events: &Events) -> Result<()> {
    let waited = below(Path::new(ALT_INST), Path::new(plan::ESP_WAITS));
    if base.imaged.is_some() && waited.is_dir() && mounts::is_mount_point(Path::new(ALT_INST)) {
        std::fs::remove_dir_all(&waited).with_context(|| format!("removing {}", waited.display()))?;
    }
    for at in mounted::unmount_all(base)?.iter().rev() {
        events.note(format!("unmounted {}", at.display()));
    }
    if base.made_mount_point {
        // Not empty means that it is somebody's: it stays.
        let _ = std::fs::remove_dir(ALT_INST);
    }
    base.layout.disks.iter().try_for_each(|d| make::flush(&d.path, events))
}

/// Takes the boot loader off an alternate whose phase 3 failed, so that no firmware starts it.
///
/// # Errors
/// Where it cannot be written.
pub fn make_unbootable(base: &Base, events: &Events) -> Result<()> {
    let esp = base.layout.esp().and_then(|v| v.fs.as_ref());
    if let Some(dir) =
        esp.map(|f| below(Path::new(ALT_INST), Path::new(&f.fs_name)).join("EFI")).filter(|d| base.esp_mountable && d.exists())
    {
        std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    make::clear_boot_code(&disk_now(&base.layout.disks[0])?, events)
}

/// Restarts the machine the orderly way.
///
/// # Errors
/// ALT-802 where that is refused.
pub fn reboot(events: &Events) -> Result<()> {
    let systemd = Path::new("/run/systemd/system").exists() && find_program(Path::new("/"), "systemctl").is_some();
    let cmd = if systemd { Cmd::new("systemctl", "reboot").arg("reboot") } else { Cmd::new("shutdown", "reboot").args(["-r", "now"]) };
    cmd.run(events).map(drop)
}
