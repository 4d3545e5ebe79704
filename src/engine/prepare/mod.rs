//! Before phase 1: every check that can refuse, then the base that all phases work from. Touches
//! nothing.

mod boot_fs;
pub mod from_image;
pub mod needs;
pub mod references;
pub mod replace;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::bootlist::here;
use crate::boot::kernels;
use crate::disk::content::Before;
use crate::disk::eligibility::{self, Verdict};
use crate::disk::fs::FsType;
use crate::disk::identity::seen;
use crate::disk::model::{Disk, Sight, Signature};
use crate::disk::size::human;
use crate::disk::{practice, roles, twins};
use crate::engine::ALT_INST;
use crate::engine::facts::{self, Facts};
use crate::engine::facts::{exclusions, names, protections, snapshots};
use crate::engine::plan::fitting::{self, Need};
use crate::engine::plan::layout::{Fresh, Layout, Target, lay_out};
use crate::engine::plan::{Base, Bootable, Firmware};
use crate::engine::request::Request;
use crate::engine::state::standing;
use crate::engine::state::{Alternate, State, Stored};
use crate::error;
use crate::event::Events;
use crate::host::cmd::find_program;
use crate::host::sandbox;
use crate::host::{mounts, sys};
use crate::image::archive::Archive;
use crate::image::check;
use crate::image::data::{Fs, ImageData, Lv, LvType};
use crate::software::{Location, install};

/// A base, and what the user should know before it is carried out.
pub struct Prepared {
    pub base: Base,
    /// What is left out, what cannot be done, what is different.
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
    /// For each target: its size, model, serial and what is on it now.
    pub targets: Vec<String>,
    /// The image, opened: what comes through a pipe can be read only once.
    pub archive: Option<Archive>,
}

/// Checks the request against the machine and settles everything. `replaced`: the finished copy on
/// the targets, which is forgotten first. `events` hear of what takes long.
///
/// # Errors
/// The first refusal of the targets (ALT-2xx), the source or the sizes (ALT-3xx), the boot loader
/// (ALT-5xx), image.data (ALT-6xx).
pub fn prepare(
    request: &Request,
    replaced: Option<&Alternate>,
    events: &Events,
) -> Result<Prepared> {
    let updates = updates(request, Path::new("/"))?;
    let mut prepared = match &request.image {
        Some(from) => from_image::prepare(request, from, replaced),
        None => clone(request, replaced, events),
    }?;
    prepared.notes.extend(updates);
    prepared.warnings.extend(sandbox::missing());
    Ok(prepared)
}

/// Whether phase 2 can install what it is asked for, as far as that can be known now; `root`: the
/// system that is copied, or the copy.
fn updates(request: &Request, root: &Path) -> Result<Vec<String>> {
    let Some(wanted) = request.software.as_ref().filter(|_| request.phases.list().contains(&2))
    else {
        return Ok(vec![]);
    };
    if let Location::Device(device) = &wanted.location
        && let Some(target) =
            request.targets.iter().find(|t| request.phases.list().contains(&1) && is_on(device, t))
    {
        return Err(error::BAD_LOCATION.with_remedy(
            format!("{} is on {target}, and everything on that disk would be erased before the packages are read", device.display()),
            "copy the packages into a directory first",
        ));
    }
    install::check(wanted, root)
}

/// Whether a device is this disk (as it was typed), or a partition of it.
fn is_on(device: &Path, disk: &str) -> bool {
    let node = |path: PathBuf| {
        path.canonicalize().ok().and_then(|p| p.file_name().map(std::ffi::OsStr::to_owned))
    };
    match (node(device.to_owned()), node(Path::new("/dev").join(disk))) {
        (Some(device), Some(disk)) => {
            device == disk || Path::new("/sys/class/block").join(disk).join(device).exists()
        }
        _ => false,
    }
}

fn clone(request: &Request, replaced: Option<&Alternate>, events: &Events) -> Result<Prepared> {
    let facts = Facts::gather()?;
    let mut warnings = facts.source.warnings.clone();
    let mut notes: Vec<String> =
        facts.world.unknown.iter().map(|u| format!("not known: {u}")).collect();
    notes.extend(facts.source.notes.iter().cloned());
    let disks = targets(request, &facts, replaced, &mut notes)?;
    let mut image = image(request.image_data.as_ref(), &facts, &mut warnings)?;
    snapshots::settle(&mut image, &facts, &request.accept, &mut warnings, &mut notes);
    let practice = disks.iter().any(|d| d.practice.is_some());
    let (boot, no_kernel) = facts.kernels_there();
    let boot =
        bootable(request, boot, &image, no_kernel, facts.esp_mountable(), practice, &mut warnings)?;
    tools(&image, &facts, &mut warnings)?;
    alt_inst_is_free()?;
    let excludes = exclusions::checked(request.exclude_list.as_ref(), !request.skip_boot_check)?;
    let told =
        protections::check(&image, &facts, &excludes, &request.accept, protections::Into::Copy)?;
    warnings.extend(told.warnings);
    notes.extend(told.notes);
    let counted = needs::count(&image, &facts, &excludes, events)?;
    let needs = counted.needs(&image);
    let places: Vec<Target> = disks.iter().map(|d| target(d)).collect();
    let fits = |less: &ImageData| lay_out_at(less, &places, &counted.needs(less)).map(drop);
    let layout = laid_out(&image, &disks, &needs)
        .map_err(|e| snapshots::in_the_way(e, &image, &facts.source.snapshots, &fits))?;
    notes.extend(layout.notes.iter().cloned());
    practice_disks_have_room(&disks, &image, &needs)?;
    let ids = names::ids(&layout, &facts, &disks);
    let described = disks.iter().map(|d| describe(d)).collect();
    let base = Base {
        version: 1,
        id: fresh_id(),
        created: sys::now().0,
        image,
        source_disks: facts.source.disks.clone(),
        layout,
        ids,
        boot,
        esp_mountable: facts.esp_mountable(),
        leave_out: facts::leave_out(&facts.source),
        made_mount_point: !Path::new(ALT_INST).exists(),
        imaged: None,
    };
    references::check(&base, request, &excludes, &mut warnings)?;
    Ok(Prepared { base, warnings, notes, targets: described, archive: None })
}

/// The layout on these disks, with fresh identifiers; `needs`: where a copy takes more room than
/// the original.
///
/// # Errors
/// ALT-32x where it does not fit; ALT-218 where a disk cannot be read.
pub fn laid_out(image: &ImageData, disks: &[&Disk], needs: &[Need]) -> Result<Layout> {
    // What is on them now is kept with the plan: nothing else is ever erased.
    let before = |d: &Disk| {
        let looked = Before::of(d)
            .map_err(|e| error::DISK_UNREADABLE.with_cause(format!("{}: {e}", d.path.display())));
        looked.map(|before| Target { before: Some(before), ..target(d) })
    };
    let places: Vec<Target> = disks.iter().map(|d| before(d)).collect::<Result<_>>()?;
    lay_out_at(image, &places, needs)
}

fn lay_out_at(image: &ImageData, places: &[Target], needs: &[Need]) -> Result<Layout> {
    let mut random = uuid::Uuid::new_v4;
    let mut notes = vec![];
    let sector = places.iter().map(|t| t.sector).max().unwrap_or(512);
    let fitted = fitting::fit(image, sector, needs, &mut notes);
    let mut layout =
        lay_out(&fitted.image, fitted.added_mb << 20, places, &mut Fresh(&mut random))?;
    fitting::count_blocks(&mut layout)?;
    layout.notes.extend(notes);
    Ok(layout)
}

/// A name for an alternate.
pub fn fresh_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..8].to_owned()
}

/// A practice disk is a sparse file: its size says nothing of what can be written to it.
pub fn practice_disks_have_room(disks: &[&Disk], image: &ImageData, needs: &[Need]) -> Result<()> {
    let needed = fitting::written(image, needs);
    let files: Vec<_> = disks.iter().filter_map(|d| d.practice.as_deref()).collect();
    let room = files.iter().filter_map(|f| practice::room(f)).min();
    match (files.first(), room) {
        (Some(file), Some(room)) if room < needed => Err(error::PRACTICE_ROOM.with_remedy(
            format!(
                "the copy needs {}; the file system that holds the practice disk {} has room for {}",
                human(needed),
                file.display(),
                human(room)
            ),
            "free some space there, or practise on a machine with less on it",
        )),
        _ => Ok(()),
    }
}

/// Whether the running system fits on this disk alone, as it is; Err: why not.
///
/// # Errors
/// What the layout says, for people.
pub fn fits(facts: &Facts, disk: &Disk) -> Result<(), String> {
    // For a list: what is on the disk matters only when it is chosen.
    lay_out_at(&facts.source.image, &[target(disk)], &[]).map(drop).map_err(|e| error::cause(&e))
}

fn target(d: &Disk) -> Target {
    Target {
        name: d.name.clone(),
        path: d.path.clone(),
        serial: d.serial.clone(),
        wwn: d.wwn.clone(),
        model: d.model.clone(),
        before: None,
        seen: seen(d),
        size: d.size,
        sector: d.logical_sector,
    }
}

/// One line about a disk for people.
pub fn describe(d: &Disk) -> String {
    let mut words = vec![human(d.size)];
    words.extend(d.model.clone());
    words.extend(d.serial.as_ref().map(|s| format!("serial {s}")));
    let kinds = |c: &[Signature]| {
        c.iter()
            .map(|s| s.label.as_ref().map_or(s.kind.clone(), |l| format!("{} \"{l}\"", s.kind)))
            .collect::<Vec<_>>()
    };
    let mut content: Vec<String> = kinds(&d.content);
    for p in &d.partitions {
        let inside = kinds(&p.content).join("+");
        content.push(format!(
            "{} {}{}",
            p.name,
            human(p.size),
            if inside.is_empty() { String::new() } else { format!(" {inside}") }
        ));
    }
    let content = if let Some(Sight::Data(_)) = d.sight {
        "data without a partition table or a known signature".to_owned()
    } else if content.is_empty() {
        d.table
            .as_ref()
            .map_or("empty".to_owned(), |t| format!("an empty {} partition table", t.kind))
    } else {
        content.join(", ")
    };
    format!("{}: {}; on it now: {content}", d.shown(), words.join(", "))
}

/// The gate, for every target.
pub fn targets<'f>(
    request: &Request,
    facts: &'f Facts,
    replaced: Option<&Alternate>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'f Disk>> {
    let roles = roles::roles(&facts.world, &known(&facts.source.disks)?);
    let mut disks: Vec<&Disk> = Vec::new();
    for word in &request.targets {
        let disk = facts.world.disk(word)?;
        if disks.iter().any(|d| d.name == disk.name) {
            return Err(error::TARGET_TWICE
                .with_cause(format!("{word} is {}, which is named already", disk.name)));
        }
        if let Some((other, twin)) = twins::find_twins(disk, &facts.world)
            .into_iter()
            .find(|(o, _)| disks.iter().any(|d| d.name == o.name))
        {
            return Err(error::TARGET_TWICE.with_cause(format!(
                "{} and {} have the same {}: they may be one disk",
                other.name,
                disk.name,
                twin.what()
            )));
        }
        disks.push(disk);
    }
    eligibility::check_erase(&request.erase, &disks)?;
    let away = replaced.map(|old| replace::put_away(&facts.world, old));
    let world = away.as_ref().unwrap_or(&facts.world);
    for disk in world.disks.iter().filter(|d| disks.iter().any(|t| t.name == d.name)) {
        let role = roles.get(&disk.name).copied().unwrap_or(crate::disk::model::Role::None);
        let verdict: Verdict = eligibility::examine(disk, world, role);
        verdict.allow(&request.erase, disk)?;
        notes.extend(verdict.notes);
    }
    Ok(disks)
}

/// What the records say about disks, for their roles; `rootvg`: names of the root disks where they
/// are known better.
///
/// # Errors
/// Records that cannot be read.
pub fn known(rootvg: &[String]) -> Result<roles::Known> {
    let (base, unreadable) = match standing::seen(State::peek_base())? {
        Stored::None => (None, false),
        Stored::Known(base) => (Some(base), false),
        Stored::Unreadable(_) => (None, true),
    };
    let mark = |serial: &Option<String>, id: &str, size| roles::DiskMark {
        serial: serial.clone(),
        table_id: Some(id.to_owned()),
        size,
    };
    let altinst = base.map_or(vec![], |b| {
        b.layout.disks.iter().map(|d| mark(&d.serial, &d.table_id, d.size)).collect()
    });
    let old = crate::boot::bootlist::bootdisk::BootDisk::load(Path::new(
        crate::boot::bootlist::bootdisk::ORIGIN,
    ))
    .unwrap_or(None);
    let old = old.map_or(vec![], |o| {
        vec![roles::DiskMark { serial: o.serial, table_id: o.table_id, size: o.size }]
    });
    Ok(roles::Known { rootvg: rootvg.to_vec(), altinst, unreadable, old })
}

/// The image.data that is given, or that of rootvg.
pub fn image(
    file: Option<&PathBuf>,
    facts: &Facts,
    warnings: &mut Vec<String>,
) -> Result<ImageData> {
    let Some(file) = file else {
        if let Some(refusal) = facts.source.refusals.first() {
            return Err(refusal.error());
        }
        let image = facts.source.image.clone();
        // A layout that an image.data may not have cannot be cloned either; better said now.
        return match check::check(&image) {
            Ok(()) => Ok(image),
            Err(c) => Err(c.entry.with_remedy(
                format!("the running system: {}", c.cause),
                "leave that out with an edited image.data (`altdisk mkszfile`, -i)",
            )),
        };
    };
    let image = crate::image::parse::read(file)?;
    let there: BTreeSet<&str> =
        facts.source.image.fs_data.iter().map(|f| f.fs_name.as_str()).collect();
    for fs in &image.fs_data {
        if !there.contains(fs.fs_name.as_str()) && !is_esp(&image, fs) {
            return Err(error::IMAGE_NOT_SOURCE.with_cause(format!(
                "{}: FS_NAME {} is no mounted file system of rootvg (they are: {})",
                file.display(),
                fs.fs_name,
                there.iter().copied().collect::<Vec<_>>().join(" ")
            )));
        }
    }
    let mut image = image;
    for fs in &mut image.fs_data {
        let now = facts.source.image.fs_data.iter().find(|s| s.fs_name == fs.fs_name);
        if now.is_some_and(|n| n.fs_vfs != fs.fs_vfs && n.fs_mkfs_options == fs.fs_mkfs_options) {
            // They repeat the features of a file system of another type.
            fs.fs_mkfs_options.clear();
        }
        if let Some(now) = now.filter(|n| n.fs_vfs != fs.fs_vfs) {
            warnings.push(format!(
                "{} is {} here and will be {}: what only {} keeps of a file (flags of chattr, some attributes) is not in the copy",
                fs.fs_name, now.fs_vfs, fs.fs_vfs, now.fs_vfs
            ));
        }
    }
    for r in &facts.source.refusals {
        warnings.push(format!(
            "{} is not in {}: it is NOT cloned ({})",
            r.at.display(),
            file.display(),
            r.cause
        ));
    }
    for name in there.iter().filter(|n| !image.fs_data.iter().any(|f| f.fs_name == **n)) {
        warnings.push(format!(
            "{name} is not in {}: it is not cloned, and the copy will use the present one",
            file.display()
        ));
    }
    let kept = |s: &&Lv| {
        image.lv_data.iter().any(|l| {
            l.kind == s.kind
                && l.logical_volume == s.logical_volume
                && l.volume_group == s.volume_group
        })
    };
    let mut swaps = facts.source.image.lv_data.iter().filter(|l| l.kind == LvType::Swap);
    if let Some(gone) = swaps.find(|s| !kept(s)) {
        let cause = format!(
            "{}: the swap space {} of rootvg has no lv_data",
            file.display(),
            gone.logical_volume
        );
        return Err(error::IMAGE_NOT_SOURCE
            .with_remedy(cause, "keep its stanza (its size may change): else the copy would swap on the disk of the running system"));
    }
    for fs in &image.fs_data {
        let now = facts.source.image.fs_data.iter().find(|s| s.fs_name == fs.fs_name);
        if let Some(now) = now.filter(|n| n.fs_used_mb > fs.fs_min_size_mb) {
            warnings.push(format!(
                "{} holds {} MiB now, more than FS_MIN_SIZE_MB in {}",
                fs.fs_name,
                now.fs_used_mb,
                file.display()
            ));
        }
    }
    Ok(image)
}

/// Whether a file system of an image.data is its EFI system partition.
pub fn is_esp(image: &ImageData, fs: &Fs) -> bool {
    image.lv_data.iter().any(|l| l.kind == LvType::Esp && l.holds(fs))
}

/// Whether source and result can boot; `-g` turns refusals into warnings.
pub fn bootable(
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
                "load the vfat module, or say -g",
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
            || error::find(e).is_some_and(|a| a.entry.id == error::REBOOT_WHERE.id)
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
        warnings.push(format!(
            "{} (-g: going on all the same)",
            error::find(e).map_or_else(|| e.to_string(), |a| a.cause.clone())
        ));
    }
    Ok(boot)
}

/// Why the boot list cannot be set as the request has it; notes in `boot` whether it can.
fn bootlist_refusal(
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
        // What phase 3 will have to know of the running system's own disk.
        boot.bootlist = match here::running("rootvg") {
            Err(e) => Err(error::cause(&e)),
            Ok(d) if boot.firmware == Firmware::Uefi && d.esp_partuuid.is_none() => {
                Err("the EFI system partition of the running system was not found".into())
            }
            Ok(_) => Ok(()),
        };
    }
    let why = boot.bootlist.as_ref().err()?;
    if request.reboot {
        return Some(error::REBOOT_WHERE.with_remedy(
            format!("-r would reboot into the old disk: {why}"),
            "leave out -r, and give -B",
        ));
    }
    if practice {
        return Some(
            error::NO_BOOTLIST
                .with_remedy(why.clone(), "give -B, which leaves the boot list alone"),
        );
    }
    Some(error::NO_BOOTLIST.with_cause(why.clone()))
}

/// A later phase on a stored base: what may have changed since phase 1 is asked again.
///
/// # Errors
/// ALT-509 where the boot list cannot be set.
pub fn again(base: Base, request: &Request, events: &Events) -> Result<Base> {
    let mut base = base;
    // After a reboot it is not mounted yet: then all this is found out by the step.
    if mounts::is_mount_point(Path::new(ALT_INST)) {
        // An update may have brought another one.
        let kernels: Vec<String> =
            kernels::installed(Path::new(ALT_INST)).into_iter().map(|k| k.version).collect();
        if !kernels.is_empty() && base.boots() {
            base.boot.kernels = kernels;
        }
        updates(request, Path::new(ALT_INST))?.iter().for_each(|n| events.note(n));
    }
    if !request.phases.list().contains(&3) {
        return Ok(base);
    }
    base.boot.bootlist = facts::bootlist_capability(base.boot.firmware);
    let practice = base.on_practice_disks();
    match bootlist_refusal(request, &mut base.boot, practice) {
        Some(e) if !request.skip_boot_check || request.reboot => Err(e),
        Some(e) => {
            events.warn(format!("{} (-g: going on all the same)", error::cause(&e)));
            Ok(base)
        }
        None => Ok(base),
    }
}

/// The programs and kernel support that making this layout takes.
pub fn tools(image: &ImageData, facts: &Facts, warnings: &mut Vec<String>) -> Result<()> {
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

pub fn alt_inst_is_free() -> Result<()> {
    let at = Path::new(ALT_INST);
    if at.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
        return Err(error::ALT_INST_TAKEN.with_remedy(
            format!("{ALT_INST} is no directory"),
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
