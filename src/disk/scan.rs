//! The whole picture, taken once: sysfs for what exists, the disks themselves for what is written
//! on them, /proc for who uses them, configuration files for who means to.
//!
//! Nothing here fails because one question has no answer: what could not be found out is said in
//! `Inventory::unknown` (and in `Disk::unreadable`, which the gate treats as "not free").

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::model::{Disk, Inventory, Partition, Signature, Stacked};
use crate::disk::node::partition_path;
use crate::disk::sysfs::{self, Block};
use crate::disk::{
    config_references, content, kernel_users, lvm_report, practice, probe, twins, users,
};
use crate::error;
use crate::host::device::device_below;
use crate::host::threads;

impl Inventory {
    /// Looks at the machine. Reads only.
    ///
    /// # Errors
    /// ALT-801 where sfdisk, wipefs or blkid is not installed.
    pub fn gather() -> Result<Inventory> {
        let blocks = sysfs::read_all(Path::new("/sys"), Path::new("/run/udev/data"));
        let links = links(Path::new("/dev"));
        let mut inventory = assemble(&blocks, &links, &practice::is_ours);
        read_tables(&mut inventory)?;
        read_signatures(&mut inventory)?;
        let pids = users::processes();
        let (mounts, hidden_mounts) = users::mounts(&pids);
        let (openers, hidden_openers) = users::openers(&pids);
        if hidden_mounts + hidden_openers > 0 {
            inventory.unknown.push(hidden(hidden_mounts.max(hidden_openers)));
        }
        inventory.mounts = mounts;
        inventory.openers = openers;
        inventory.swaps =
            fs::read("/proc/swaps").map(|t| users::parse_swaps(&t)).unwrap_or_default();
        inventory.multi_device = users::multi_device_btrfs(Path::new("/sys"));
        read_lvm(&mut inventory);
        inventory.kernel_users = kernel_users::gather(Path::new("/sys"));
        inventory.lookalikes = twins::lookalikes(&inventory);
        inventory.config_references = config_references::gather(&inventory);
        Ok(inventory)
    }
}

fn hidden(count: usize) -> String {
    let (noun, verb) = if count == 1 { ("process", "does") } else { ("processes", "do") };
    let hint = if nix::unistd::geteuid().is_root() { "" } else { " (root sees more)" };
    format!(
        "what {count} {noun} use{}, as {} {verb} not show it{hint}",
        if count == 1 { "s" } else { "" },
        if count == 1 { "it" } else { "they" }
    )
}

/// Links below /dev that lead to block devices, by the path they lead to.
type Links = BTreeMap<PathBuf, Vec<PathBuf>>;

fn links(dev: &Path) -> Links {
    let mut all = Links::new();
    let mut dirs = vec![dev.join("mapper")];
    if let Ok(kinds) = fs::read_dir(dev.join("disk")) {
        // Numbers that count up with each plugging-in name nothing that lasts.
        dirs.extend(kinds.flatten().map(|e| e.path()).filter(|p| !p.ends_with("by-diskseq")));
    }
    for dir in dirs {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_symlink())
                && let Ok(target) = fs::canonicalize(entry.path())
            {
                all.entry(target).or_default().push(entry.path());
            }
        }
    }
    all.values_mut().for_each(|v| v.sort());
    all
}

/// Disks and stacked devices out of the kernel's blocks; what is on them is not looked at yet.
fn assemble(blocks: &[Block], links: &Links, is_practice: &dyn Fn(&Block) -> bool) -> Inventory {
    let mut inventory = Inventory::default();
    let root = root_disk(blocks);
    let links_to =
        |devname: &str| links.get(&Path::new("/dev").join(devname)).cloned().unwrap_or_default();
    for b in blocks.iter().filter(|b| b.partition.is_none()) {
        let exercise = b.backing_file.as_ref().filter(|_| is_practice(b));
        if exercise.is_some() || is_disk(b) || root.as_ref() == Some(&b.name) {
            inventory.disks.push(disk(b, exercise.cloned(), links_to(&b.devname)));
        } else if let Some(kind) = stacked_kind(b) {
            inventory.stacked.push(stacked(b, kind, blocks, links_to(&b.devname)));
        }
    }
    for b in blocks.iter().filter(|b| b.partition.is_some()) {
        let Some(parent) = b.parent.as_deref() else { continue };
        if let Some(disk) = inventory.disks.iter_mut().find(|d| d.name == parent) {
            disk.partitions.push(partition(b, links_to(&b.devname)));
        } else if inventory.stacked.iter().any(|s| s.name == parent) {
            let part = Stacked {
                slaves: vec![parent.to_owned()],
                ..stacked(b, "partition".to_owned(), blocks, links_to(&b.devname))
            };
            inventory.stacked.push(part);
        }
    }
    for d in &mut inventory.disks {
        d.partitions.sort_by_key(|p| p.number);
    }
    // Real disks first.
    inventory.disks.sort_by_key(|d| d.practice.is_some());
    inventory
}

/// The loop device that the running system's root lies on, if it does: to that system it is a disk.
fn root_disk(blocks: &[Block]) -> Option<String> {
    let mounts = crate::host::mounts::mounted().ok()?;
    let root = mounts.into_iter().rfind(|m| m.mount_point == Path::new("/"))?;
    let dev = crate::host::device::block_device(Path::new(&root.source))?;
    let block = blocks.iter().find(|b| b.dev == dev)?;
    Some(block.parent.clone().unwrap_or_else(|| block.name.clone()))
        .filter(|n| n.starts_with("loop"))
}

/// Whole devices that are disks by themselves. Loop devices are so only as practice disks, or below
/// the running system.
fn is_disk(b: &Block) -> bool {
    let begins = |words: &[&str]| {
        words.iter().any(|w| {
            b.name.starts_with(w) && b.name[w.len()..].starts_with(|c: char| c.is_ascii_digit())
        })
    };
    let other = begins(&[
        "dm-", "md", "loop", "zram", "ram", "sr", "fd", "bcache", "mtdblock", "scd", "zd",
    ]) || b.name.starts_with("md_");
    let boot_area =
        b.name.starts_with("mmcblk") && (b.name.contains("boot") || b.name.contains("rpmb"));
    let unconnected = b.size == 0 && begins(&["nbd", "rbd"]);
    !other && !boot_area && !unconnected
}

fn stacked_kind(b: &Block) -> Option<String> {
    if let Some(uuid) = &b.dm_uuid {
        // `CRYPT-LUKS2-...`, `CRYPT-VERITY-...`, `LVM-...`, `part1-mpath-...`
        let mut words = uuid.split('-').map(str::to_lowercase);
        let (word, more) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        return Some(match (word.as_str(), more.as_str()) {
            ("crypt", "verity" | "integrity") => more,
            _ if word.starts_with("part") => "partition".to_owned(),
            _ => word,
        });
    }
    let loop_file = b.backing_file.is_some().then_some("loop");
    let by_name = [("dm-", "dm"), ("md", "raid"), ("bcache", "bcache")]
        .iter()
        .find(|(start, _)| b.name.starts_with(start));
    loop_file
        .or(by_name.filter(|_| b.size > 0 || !b.slaves.is_empty()).map(|(_, k)| *k))
        .map(str::to_owned)
}

fn stacked(b: &Block, kind: String, blocks: &[Block], links: Vec<PathBuf>) -> Stacked {
    let path = b
        .dm_name
        .as_ref()
        .map_or_else(|| Path::new("/dev").join(&b.devname), |n| Path::new("/dev/mapper").join(n));
    let mut slaves = b.slaves.clone();
    let mut on_file = None;
    if let Some(file) = &b.backing_file {
        // A loop device lies on the disk that holds its file, or on the device that is its file.
        let device = crate::host::device::block_device(file);
        on_file = device.is_none().then(|| file.clone());
        let dev = device.or_else(|| device_below(file));
        slaves.extend(blocks.iter().find(|o| Some(&o.dev) == dev.as_ref()).map(|o| o.name.clone()));
    }
    Stacked {
        name: b.name.clone(),
        path,
        dev: b.dev.clone(),
        size: b.size,
        kind,
        dm_name: b.dm_name.clone(),
        slaves,
        file: on_file,
        content: vec![],
        links,
    }
}

fn disk(b: &Block, practice: Option<PathBuf>, links: Vec<PathBuf>) -> Disk {
    let exercise =
        practice.as_deref().and_then(Path::file_stem).map(|n| n.to_string_lossy().into_owned());
    Disk {
        name: b.name.clone(),
        path: Path::new("/dev").join(&b.devname),
        dev: b.dev.clone(),
        size: b.size,
        logical_sector: b.logical_sector,
        physical_sector: b.physical_sector,
        model: exercise.as_ref().map(|_| "Practice disk".to_owned()).or_else(|| b.model.clone()),
        serial: exercise.map(|n| practice::serial(&n)).or_else(|| b.serial.clone()),
        wwn: b.wwn.clone(),
        transport: b.transport.clone(),
        removable: b.removable,
        read_only: b.read_only,
        diskseq: b.diskseq,
        links,
        holders: b.holders.clone(),
        practice,
        ..Disk::default()
    }
}

fn partition(b: &Block, links: Vec<PathBuf>) -> Partition {
    Partition {
        number: b.partition.unwrap_or(0),
        name: b.name.clone(),
        path: Path::new("/dev").join(&b.devname),
        dev: Some(b.dev.clone()),
        start: b.start,
        size: b.size,
        holders: b.holders.clone(),
        links,
        ..Partition::default()
    }
}

/// Reads the partition tables, also those that the kernel does not know, and joins them with what
/// the kernel has.
fn read_tables(inventory: &mut Inventory) -> Result<()> {
    for d in &mut inventory.disks {
        if d.size == 0 {
            continue;
        }
        if let Err(e) = File::open(&d.path) {
            let why = error::text_of(&e);
            d.unreadable = Some(format!("{}: {why}", d.path.display()));
            inventory.unknown.push(format!("what is on {} ({why})", d.path.display()));
            continue;
        }
        match probe::table(&d.path) {
            Ok(None) => {}
            Ok(Some(found)) => {
                d.table = Some(found.table);
                for e in found.entries {
                    join(d, e, found.sector);
                }
            }
            Err(e) if is_missing(&e) => return Err(e),
            Err(e) => d.unreadable = Some(error::chain_of(&e)),
        }
    }
    Ok(())
}

fn join(d: &mut Disk, e: probe::Entry, sector: u64) {
    let known = d.partitions.iter().position(|p| p.number == e.number);
    let index = known.unwrap_or_else(|| {
        let path = partition_path(&d.path, e.number);
        let name = partition_path(Path::new(&d.name), e.number).to_string_lossy().into_owned();
        let new = Partition {
            number: e.number,
            name,
            path,
            start: e.start.saturating_mul(sector),
            size: e.size.saturating_mul(sector),
            ..Partition::default()
        };
        let at = d.partitions.partition_point(|p| p.number < e.number);
        d.partitions.insert(at, new);
        at
    });
    let p = &mut d.partitions[index];
    p.type_id = e.type_id;
    p.uuid = e.uuid;
    p.label = e.name;
}

fn is_missing(e: &anyhow::Error) -> bool {
    crate::error::find(e).is_some_and(|a| a.entry.id == crate::error::PROGRAM_MISSING.id)
}

/// Looks for signatures on every disk, partition and stacked device that can be opened.
fn read_signatures(inventory: &mut Inventory) -> Result<()> {
    let disks = inventory.disks.iter().filter(|d| d.unreadable.is_none() && d.size > 0);
    let parts = disks
        .clone()
        .flat_map(|d| &d.partitions)
        .filter(|p| p.dev.is_some())
        .map(|p| p.path.clone());
    let devices: Vec<PathBuf> = disks
        .map(|d| d.path.clone())
        .chain(parts)
        .chain(inventory.stacked.iter().map(|s| s.path.clone()))
        .collect();
    let readable: Vec<PathBuf> = devices.into_iter().filter(|p| File::open(p).is_ok()).collect();
    let mut found = match probe::signatures(&readable) {
        Ok(found) => found,
        Err(e) if is_missing(&e) => return Err(e),
        // One bad device must not blind us for the others.
        Err(_) => one_by_one(inventory, &readable),
    };
    let mut take = |path: &Path, name: &str| -> Vec<Signature> {
        let devname = path.strip_prefix("/dev").unwrap_or(path).to_string_lossy().into_owned();
        let base = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        [devname, base, name.to_owned()]
            .iter()
            .find_map(|key| found.remove(key))
            .unwrap_or_default()
    };
    for d in &mut inventory.disks {
        d.content = take(&d.path, &d.name);
        d.content.retain(|s| d.table.as_ref().is_none_or(|t| t.kind != s.kind));
        for p in &mut d.partitions {
            p.content = take(&p.path, &p.name);
            if p.dev.is_none() && d.unreadable.is_none() {
                p.content.extend(probe::signature_at(&d.path, p.start, p.size)?);
            }
        }
    }
    look_for_data(inventory);
    for s in &mut inventory.stacked {
        s.content = take(&s.path, &s.name);
    }
    Ok(())
}

/// Looks at the disks on which nothing is recognised, all at once: a slow disk takes a second or
/// two.
fn look_for_data(inventory: &mut Inventory) {
    let mut disks: Vec<&mut Disk> = inventory
        .disks
        .iter_mut()
        .filter(|d| {
            d.unreadable.is_none() && d.table.is_none() && d.content.is_empty() && d.size > 0
        })
        .collect();
    let look = |d: &mut Disk| match content::look(d) {
        Ok(sight) => d.sight = Some(sight),
        Err(e) => d.unreadable = Some(format!("{}: {}", d.path.display(), error::text_of(&e))),
    };
    std::thread::scope(|s| {
        for d in &mut disks {
            // Without a thread there is no haste: what has not been looked at is, below.
            drop(threads::try_in(s, "look", || look(d)));
        }
    });
    disks.into_iter().filter(|d| d.sight.is_none() && d.unreadable.is_none()).for_each(look);
}

fn one_by_one(inventory: &mut Inventory, devices: &[PathBuf]) -> BTreeMap<String, Vec<Signature>> {
    let mut all = BTreeMap::new();
    for path in devices {
        match probe::signatures(std::slice::from_ref(path)) {
            Ok(found) => all.extend(found),
            Err(e) => {
                let disk = inventory
                    .disks
                    .iter_mut()
                    .find(|d| d.path == *path || d.partitions.iter().any(|p| p.path == *path));
                let why = error::chain_of(&e);
                inventory.unknown.push(format!("what is on {} ({why})", path.display()));
                if let Some(d) = disk {
                    d.unreadable = Some(why);
                }
            }
        }
    }
    all
}

fn read_lvm(inventory: &mut Inventory) {
    let members = inventory
        .disks
        .iter()
        .flat_map(|d| d.content.iter().chain(d.partitions.iter().flat_map(|p| &p.content)));
    let members = members.chain(inventory.stacked.iter().flat_map(|s| &s.content));
    let in_use = inventory.stacked.iter().any(|s| s.kind == "lvm")
        || members.clone().any(|s| s.kind == "LVM2_member");
    if !in_use {
        return;
    }
    if !lvm_report::installed() {
        inventory.unknown.push(
            "volume groups (LVM is not installed, but there are physical volumes)".to_owned(),
        );
        return;
    }
    match lvm_report::gather() {
        Ok(mut lvm) => {
            // LVM's read-only mode does not ask device-mapper; the kernel's list of devices has the
            // answer.
            for lv in &mut lvm.lvs {
                lv.active = inventory.stacked.iter().any(|s| s.path == lv.dm_path);
            }
            inventory.lvm = lvm;
        }
        Err(e) => inventory.unknown.push(format!("volume groups ({})", error::chain_of(&e))),
    }
}

#[cfg(test)]
mod tests;
