//! What each step does. Every action can be repeated: a run that was interrupted does its last step
//! again.

pub mod bootlist;
pub mod copying;
pub mod customize;
pub mod disks;
pub mod identity;
pub mod mounted;
pub mod restoring;
pub mod sandboxes;
pub mod targets;
pub mod unlocked;
pub mod updating;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::boot::identity::audit::{self, Expect};
use crate::boot::identity::fstab::{FstabExtras, Wanted};
use crate::boot::identity::{grubenv, left, options, references};
use crate::boot::loader;
use crate::boot::{initramfs, kernels};
use crate::disk::fs::FsType;
use crate::disk::{lvm, make, udev};
use crate::engine::ALT_INST;
use crate::engine::facts::esp;
use crate::engine::facts::source::mount;
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::{self, Action, Base, Plan, Step};
use crate::engine::run::Options;
use crate::engine::run::quiet;
use crate::engine::state::State;
use crate::engine::steps::disks::{disk_now, scope};
use crate::engine::steps::targets::Targets;
use crate::engine::steps::unlocked::Unlocked;
use crate::error;
use crate::event::Events;
use crate::host::attrs;
use crate::host::beneath::{Beneath, own_path, through};
use crate::host::cmd::{Cmd, find_program};
use crate::host::make::allocate;
use crate::host::mounts;
use crate::image::archive::Archive;
use crate::image::data::LvType;
use crate::software::install;
use crate::tree::{Excludes, Progress};

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
    /// The target disks, held open.
    pub targets: &'a Targets,
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
    // What waited for the ESP is taken away before the unmounting, also where a reboot came
    // between.
    if needs_mounts(&step.action) || (step.action == Action::Unmount && base.imaged.is_some()) {
        mounted::ensure_mounted(base, usize::MAX, events)?;
    }
    // Whoever writes by name, in this step, writes to the disks that this run holds open.
    c.targets.check(base, &step.action)?;
    c.targets.forget_cache()?;
    if changes_files(&step.action) {
        let unlocked = Unlocked::begin(Path::new(ALT_INST), events)?;
        let done = act(c, step);
        let locked = unlocked.close();
        done?;
        locked?;
    } else {
        act(c, step)?;
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
        Action::Gate => disks::gate_again(c),
        Action::Wipe { disk } => disks::wipe(c, *disk),
        Action::Partition { disk } => quiet::hide(base, events)
            .and_then(|()| disks::partition(&base.layout.disks[*disk], events)),
        Action::MakeVg { vg } => disks::make_vg(base, *vg, events),
        Action::MakeLv { volume } => disks::make_lv(base, *volume, events),
        Action::MakeFs { volume } => disks::make_fs(base, &base.layout.volumes[*volume], events),
        Action::MakeSwap { volume } => {
            disks::make_swap(base, &base.layout.volumes[*volume], events)
        }
        Action::Copy { volume } => copying::copy_volume(c, *volume),
        Action::Subvolumes { volume } => restoring::subvolumes(base, *volume, c.repeated, events),
        Action::Restore => restoring::restore(c).and_then(|()| unlocked::forget(root)),
        Action::BootImage { file } => {
            restoring::boot_image(file, c).and_then(|()| unlocked::forget(root))
        }
        Action::FreshIdentity => identity::fresh(root, events),
        // Only phase 1 has such steps, so no step has taken flags off yet.
        Action::Mount { count, .. } => {
            mounted::ensure_mounted(base, *count, events).and_then(|()| unlocked::forget(root))
        }
        Action::SwapFile { index } => swap_file(base, *index, events),
        Action::ResolvConf { file } => customize::resolv_conf(file, events),
        Action::ClientFiles => customize::client_files(events),
        Action::Software { wanted } => updating::update(wanted, c),
        Action::Script { file } => customize::script(file, base, events),
        Action::References => {
            udev::settle(events)?;
            // What a killed update left, if phase 2 was not run again.
            install::tidy(root)?;
            references::rewrite(root, &base.ids, &fstab_extras(base), events).map(drop)
        }
        Action::Initramfs => initramfs::build(
            &sandboxes::builder(&base.layout),
            initramfs::detect(root)?,
            &kernels::installed(root),
            events,
        ),
        Action::GrubConfig => {
            loader::detect(root).make_menu(&sandboxes::whole(&base.layout), &base.ids, events)?;
            references::rewrite(root, &base.ids, &fstab_extras(base), events)?;
            grubenv::settle_saved(&Beneath::open(root)?, &|path| !is_on_esp(base, path), events)
        }
        Action::Audit => {
            audited(base, &Expect { kernels: images_expected(base), ..Expect::default() }, events)
        }
        Action::Esp => fill_esp(base, events),
        Action::LoaderEfi => {
            let esp = base
                .layout
                .esp()
                .and_then(|v| v.fs.as_ref())
                .map_or("/boot/efi", |f| f.fs_name.as_str());
            loader::detect(root)
                .install_efi(&sandboxes::whole(&base.layout), Path::new(esp), events)
                .map(drop)
        }
        Action::LoaderBios => {
            let disk = &base.layout.disks[0];
            loader::detect(root).install_bios(
                &sandboxes::loader(&base.layout, disk),
                &disk.path,
                events,
            )?;
            if base.starts_by_bios_alone() {
                make::mark_active(&disk_now(disk)?, events)
            } else {
                Ok(())
            }
        }
        Action::Verify => {
            if base.boots() && base.boot.bios.is_ok() {
                loader::detect(root).require_boot_code(&disk_now(&base.layout.disks[0])?.path)?;
            }
            audited(base, &expected(base)?, events)?;
            for left in left::in_root(&Beneath::open(root)?, &base.ids)? {
                events.warn(left.describe("was left"));
            }
            Ok(())
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
        Action::Deactivate => base
            .layout
            .vgs
            .iter()
            .try_for_each(|vg| lvm::vg_deactivate(&scope(base), &vg.name).run(events).map(drop)),
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
    // A GRUB whose /boot is on its own disk names the partition by number, on whatever disk it was
    // started from.
    let boot_device = base.layout.volumes.iter().find(|v| v.uuid == boot_ids[0]).map(|v| &v.device);
    let number = base
        .layout
        .disks
        .first()
        .and_then(|d| d.partitions.iter().find(|p| Some(&p.path) == boot_device))
        .map(|p| p.number);
    boot_ids.extend(number.map(|n| format!("(,gpt{n})")));
    let esp = base
        .layout
        .esp()
        .and_then(|v| v.fs.as_ref())
        .filter(|_| base.esp_mountable && base.boots() && base.boot.efi.is_ok());
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
        Some(first) => Err(error::NOT_INDEPENDENT.with_cause(format!(
            "{first}{}",
            if found.len() > 1 {
                format!(" (and {} more, see above)", found.len() - 1)
            } else {
                String::new()
            }
        ))),
    }
}

/// What must stand in the alternate's fstab even where the source's has no line for it.
pub fn fstab_extras(base: &Base) -> FstabExtras {
    let mut lines = Vec::new();
    for (i, at, subvolume, _) in plan::mounts(&base.layout, base.esp_mountable) {
        let v = &base.layout.volumes[i];
        let Some(fs) = &v.fs else { continue };
        let options =
            Some(plan::with_subvolume(&options::portable(&fs.fs_options), subvolume.as_deref()))
                .filter(|o| !o.is_empty());
        let options = options.unwrap_or_else(|| "defaults".to_owned());
        let pass = match fs.fs_vfs.facts().fsck_at_boot {
            false => 0,
            true if at == Path::new("/") => 1,
            true => 2,
        };
        lines.push(Wanted {
            spec: v.spec(),
            mount_point: at,
            fstype: fs.fs_vfs.to_string(),
            options,
            pass,
        });
    }
    let swap =
        base.layout.volumes.iter().filter(|v| v.kind == LvType::Swap).map(VolumeLayout::spec);
    let files = base.layout.swap_files.iter().map(|s| s.file.clone());
    lines.extend(swap.chain(files).map(|spec| Wanted {
        spec,
        mount_point: "none".into(),
        fstype: FsType::Swap.to_string(),
        options: "sw".into(),
        pass: 0,
    }));
    FstabExtras {
        lines,
        claim: base.imaged.is_some(),
        strangers_may_fail: base.imaged.as_ref().is_some_and(|i| i.other_machine),
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
            | Action::GrubConfig
            | Action::Audit
            | Action::Esp
            | Action::LoaderEfi
            | Action::LoaderBios
            | Action::Verify
            | Action::Origin
    )
}

/// A swap file, made anew: never sparse, never copied-on-write.
fn swap_file(base: &Base, index: usize, events: &Events) -> Result<()> {
    let s = &base.layout.swap_files[index];
    let copy = Beneath::open(Path::new(ALT_INST))?;
    copy.make_directories(Path::new(&s.file).parent().unwrap_or(Path::new("/")))?;
    let holder = plan::mounts(&base.layout, base.esp_mountable)
        .into_iter()
        .rfind(|(_, m, ..)| Path::new(&s.file).starts_with(m));
    let btrfs = holder.is_some_and(|(i, ..)| {
        base.layout.volumes[i].fs.as_ref().is_some_and(|f| f.fs_vfs.has_subvolumes())
    });
    // A link in its place too: the file is made where fstab names it.
    copy.remove(&s.file)?;
    let at = copy.place(&s.file)?;
    let making = || format!("making the swap file {}", s.file);
    let file = at.create().with_context(making)?;
    if btrfs {
        // A file can be exempt from copying on write while it is empty. (`btrfs filesystem
        // mkswapfile` does it since btrfs-progs 6.1 only.)
        attrs::put_flags(&file, attrs::flags(&file) | attrs::flag::NO_COW).with_context(making)?;
    }
    allocate(&file, 0, s.size_mb << 20).with_context(making)?;
    Cmd::new("mkswap", format!("make swap file {}", s.file))
        .arg(through(&file))
        .run(events)
        .map(drop)
}

/// The source's ESP copied, or what of an image waits for it (its loaders, and what else is on it),
/// references rewritten; the loader step completes it.
fn fill_esp(base: &Base, events: &Events) -> Result<()> {
    let Some(fs) = base.layout.esp().and_then(|v| v.fs.as_ref()) else { return Ok(()) };
    let copy = Beneath::open(Path::new(ALT_INST))?;
    let left_out = if base.imaged.is_some() {
        if copy.is_dir(plan::ESP_WAITS) {
            copy.copy_files(plan::ESP_WAITS, &copy, &fs.fs_name)?
        } else {
            vec![]
        }
    } else if let Some(esp) = esp::of_base(base, fs)? {
        Beneath::open(&own_path(&esp))?.copy_files("", &copy, &fs.fs_name)?
    } else {
        if !mount::devices_of(&base.ids, fs).is_empty() {
            events.warn(format!(
                "the EFI system partition of {} is not found: what lies on it, beside boot loaders, is not in the copy",
                fs.fs_name
            ));
        }
        vec![]
    };
    for name in left_out {
        events.warn(format!(
            "{} is neither a file nor a directory: an EFI system partition cannot hold it",
            name.display()
        ));
    }
    references::rewrite(Path::new(ALT_INST), &base.ids, &fstab_extras(base), events)?;
    grubenv::settle_saved(&copy, &|path| is_on_esp(base, path), events)?;
    audited(base, &Expect::default(), events)
}

/// Whether a path of the copy is on its ESP.
fn is_on_esp(base: &Base, path: &Path) -> bool {
    base.layout.esp().and_then(|v| v.fs.as_ref()).is_some_and(|fs| path.starts_with(&fs.fs_name))
}

fn unmount(base: &Base, events: &Events) -> Result<()> {
    if base.imaged.is_some() && mounts::is_mount_point(Path::new(ALT_INST)) {
        Beneath::open(Path::new(ALT_INST))?.remove_tree(plan::ESP_WAITS)?;
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
    if let Some((v, fs)) = base.layout.esp().and_then(|v| Some((v, v.fs.as_ref()?))) {
        let (root, at) = (Path::new(ALT_INST), Path::new(&fs.fs_name));
        if base.esp_mountable && mounts::is_mounted_beneath(root, at, &v.device)? {
            Beneath::open(root)?.remove_tree(at.join("EFI"))?;
        }
    }
    disks::clear_boot_code(base, events)
}

/// Restarts the machine the orderly way.
///
/// # Errors
/// ALT-802 where that is refused.
pub fn reboot(events: &Events) -> Result<()> {
    let systemd = Path::new("/run/systemd/system").exists()
        && find_program(Path::new("/"), "systemctl").is_some();
    let cmd = if systemd {
        Cmd::new("systemctl", "reboot").arg("reboot")
    } else {
        Cmd::new("shutdown", "reboot").args(["-r", "now"])
    };
    cmd.run(events).map(drop)
}
