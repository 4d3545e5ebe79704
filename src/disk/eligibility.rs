//! The gate: whether a disk may become a target, and everything that says otherwise.
//!
//! Pure: it reasons over an [`Inventory`]. Every obstacle is listed with its evidence and what
//! would remove it, not only the first. What is in use or unsuitable can never be overridden;
//! content can, by the disk's own serial.

use crate::disk::model::{Disk, Inventory, Role, Sight, Signature};
use crate::disk::uses::{self, Use};
use crate::error::{self, Entry};
use crate::text::printable::{Message, printable};
use crate::text::size::format_size;

/// The smallest disk that is looked at as a target; bytes. Whether a system fits is the plan's
/// business.
const SMALLEST: u64 = 16 << 20;

/// What kind of hindrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody uses the disk, or means to.
    InUse,
    /// It holds something: `--erase SERIAL` says that it may be destroyed.
    HasContent,
    /// It cannot be a target.
    Unsuitable,
}

/// One reason why a disk is not free.
#[derive(Clone, Debug)]
pub struct Obstacle {
    pub entry: &'static Entry,
    /// What was seen, where.
    pub evidence: String,
    /// What would remove the obstacle.
    pub remedy: String,
    pub kind: Kind,
}

/// What the gate says about a disk.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub obstacles: Vec<Obstacle>,
    /// Worth knowing, no obstacle.
    pub notes: Vec<String>,
}

/// Everything that stands against taking `disk` as a target.
pub fn examine(disk: &Disk, inventory: &Inventory, role: Role) -> Verdict {
    let mut verdict = Verdict::default();
    let used = uses::find_uses(disk, inventory);
    let rootvg = role == Role::Rootvg || used.iter().any(Use::is_system);
    if rootvg {
        let seen = used
            .iter()
            .find(|u| u.is_system())
            .map_or("it is a disk of rootvg".to_owned(), |u| u.evidence.clone());
        verdict.add(
            &error::DISK_HAS_ROOTVG,
            Kind::InUse,
            seen,
            error::DISK_HAS_ROOTVG.remedy.to_owned(),
        );
    }
    for u in used.into_iter().filter(|u| !u.is_system()) {
        verdict.add(u.entry, Kind::InUse, u.evidence, u.remedy);
    }
    unsuitable(disk, inventory, &mut verdict);
    if !rootvg {
        content(disk, inventory, role, &mut verdict);
    }
    verdict
}

impl Verdict {
    /// Whether the disk can be a target as it is.
    pub fn is_free(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// Whether nothing but content stands against it.
    pub fn only_content(&self) -> bool {
        self.obstacles.iter().all(|o| o.kind == Kind::HasContent)
    }

    /// Passes the disk if it is free, or if only content stands against it and `erase` names this
    /// very disk.
    ///
    /// # Errors
    /// The first obstacle's ALT-2nn, with the evidence and the remedies of all.
    pub fn allow(&self, erase: &[String], disk: &Disk) -> anyhow::Result<()> {
        let confirmed = erase.iter().any(|e| e == disk.serial_or_name());
        let left: Vec<&Obstacle> =
            self.obstacles.iter().filter(|o| !(confirmed && o.kind == Kind::HasContent)).collect();
        let Some(first) = left.first() else { return Ok(()) };
        let path = disk.path.display();
        let cause: Message = match left.as_slice() {
            [one] => format!("{path} cannot be a target: {}", one.evidence).into(),
            several => {
                let lines = several
                    .iter()
                    .map(|o| format!("\n  - {}", printable(&o.evidence, false)))
                    .collect();
                (format!("{path} cannot be a target"), lines).into()
            }
        };
        let mut remedies: Vec<&str> = vec![];
        for o in &left {
            // Nothing that frees the running system's disk is advice.
            if first.entry.id == error::DISK_HAS_ROOTVG.id && o.entry.id != first.entry.id {
                continue;
            }
            if !remedies.contains(&o.remedy.as_str()) {
                remedies.push(&o.remedy);
            }
        }
        Err(first.entry.with_remedy(cause, remedies.join("; ")))
    }

    /// One reason more, which nothing that is typed overrides: the first, as the others follow from
    /// it.
    pub fn refuse(&mut self, entry: &'static Entry, evidence: String, remedy: String) {
        self.obstacles.insert(0, Obstacle { entry, evidence, remedy, kind: Kind::InUse });
    }

    fn add(&mut self, entry: &'static Entry, kind: Kind, evidence: String, remedy: String) {
        self.obstacles.push(Obstacle { entry, evidence, remedy, kind });
    }
}

/// Checks that each `--erase` names one of the targets.
///
/// # Errors
/// ALT-233 for one that does not.
pub fn check_erase(erase: &[String], targets: &[&Disk]) -> anyhow::Result<()> {
    for word in erase {
        if !targets.iter().any(|d| d.serial_or_name() == word) {
            let of: Vec<String> =
                targets.iter().map(|d| format!("{} of {}", d.serial_or_name(), d.name)).collect();
            return Err(error::ERASE_NOT_A_TARGET.with_cause(format!(
                "--erase {}: no target has this serial (there is {})",
                printable(word, false),
                of.join(", ")
            )));
        }
    }
    Ok(())
}

fn unsuitable(disk: &Disk, inventory: &Inventory, verdict: &mut Verdict) {
    let mut add = |entry: &'static Entry, evidence: String| {
        verdict.add(entry, Kind::Unsuitable, evidence, entry.remedy.to_owned())
    };
    if disk.size == 0 {
        add(&error::DISK_NO_MEDIUM, "its size is 0: a reader without a medium".to_owned());
    } else if disk.size < SMALLEST {
        add(&error::DISK_TOO_SMALL, format!("it has only {}", format_size(disk.size)));
    }
    if disk.read_only {
        add(&error::DISK_READ_ONLY, "the kernel says that it is read-only".to_owned());
    }
    if disk.size > 0 && ![512, 4096].contains(&disk.logical_sector) {
        add(&error::DISK_SECTOR, format!("its sectors have {} bytes", disk.logical_sector));
    }
    if let Some(why) = &disk.unreadable {
        add(&error::DISK_UNREADABLE, format!("what is on it cannot be found out: {why}"));
    }
    if let Some(map) =
        inventory.stacked.iter().find(|s| s.kind == "mpath" && s.slaves.contains(&disk.name))
    {
        add(&error::DISK_IS_LEG, format!("it is one path of {}", map.path.display()));
    }
    let looped =
        disk.name.strip_prefix("loop").is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    if looped && disk.practice.is_none() {
        add(&error::NOT_A_DISK, "it is a loop device that is not a practice disk".to_owned());
    }
    if disk.removable && disk.size > 0 {
        verdict.notes.push(
            "it is removable: it must stay plugged in as long as the system on it runs".to_owned(),
        );
    }
    if disk.practice.is_some() {
        verdict.notes.push("it is a practice disk: no machine can boot from it".to_owned());
    }
}

fn content(disk: &Disk, inventory: &Inventory, role: Role, verdict: &mut Verdict) {
    let erase = format!(
        "`--erase {}` confirms that everything on {} may be destroyed",
        crate::text::shell::quote(disk.serial_or_name().as_ref()),
        disk.name
    );
    let mut found = describe(disk);
    found.extend(
        uses::groups_on(disk, inventory)
            .iter()
            .map(|vg| format!("a part of the volume group {vg}")),
    );
    if role == Role::AltinstRootvg {
        let remedy =
            format!("{erase}; `alt_disk_install -X` forgets the copy, and it stays on the disk");
        verdict.add(
            &error::DISK_HAS_CLONE,
            Kind::HasContent,
            "it holds the copy of this system (altinst_rootvg)".to_owned(),
            remedy,
        );
    } else if is_clone(disk, inventory) {
        let evidence =
            "it holds a copy (altinst_rootvg) that was forgotten, or that another system made"
                .to_owned();
        verdict.add(&error::DISK_HAS_CLONE, Kind::HasContent, evidence, erase);
    } else if role == Role::OldRootvg {
        verdict.add(
            &error::DISK_HAS_OLD_ROOTVG,
            Kind::HasContent,
            "it holds old_rootvg, the system that this one was made from".to_owned(),
            format!("choose another disk; or {erase}"),
        );
    } else if !found.is_empty() {
        verdict.add(
            &error::DISK_HAS_CONTENT,
            Kind::HasContent,
            format!("it is not empty: {}", found.join(", ")),
            erase,
        );
    }
}

/// Whether the disk holds a copy of a system, of this one or of another: known by the names of its
/// partitions or the tag of its volume group.
pub fn is_clone(disk: &Disk, inventory: &Inventory) -> bool {
    let named = disk
        .partitions
        .iter()
        .any(|p| p.label.as_deref().is_some_and(|l| l.starts_with(crate::disk::lvm::TAG)));
    let tagged = |vg: &str| {
        inventory
            .lvm
            .vgs
            .iter()
            .any(|v| v.name == vg && v.tags.iter().any(|t| t == crate::disk::lvm::TAG))
    };
    named || uses::groups_on(disk, inventory).iter().any(|vg| tagged(vg))
}

/// What is on the disk, for people: `a GPT partition table with 3 partitions`, `vdb1: ext4 "data"
/// (20 GiB)`.
pub fn describe(disk: &Disk) -> Vec<String> {
    let mut all = vec![];
    if let Some(Sight::Data(at)) = disk.sight {
        all.push(format!(
            "data without a partition table or a known signature, first at {}",
            if at == 0 { "its start".to_owned() } else { format_size(at) }
        ));
    }
    if let Some(t) = &disk.table {
        let kind = if t.kind == "dos" { "MBR".to_owned() } else { t.kind.to_uppercase() };
        let n = disk.partitions.len();
        all.push(format!(
            "{kind} partition table with {n} partition{}",
            if n == 1 { "" } else { "s" }
        ));
    }
    all.extend(disk.content.iter().map(name));
    for p in &disk.partitions {
        let held: Vec<String> = p.content.iter().map(name).collect();
        let held = if held.is_empty() && disk.unreadable.is_some() {
            "could not be looked at".to_owned()
        } else if held.is_empty() {
            p.label.as_ref().map_or("no file system".to_owned(), |l| format!("\"{l}\""))
        } else {
            held.join(" and ")
        };
        all.push(format!("{}: {held} ({})", p.name, format_size(p.size)));
    }
    all
}

fn name(s: &Signature) -> String {
    let kind = match s.kind.as_str() {
        "LVM2_member" => "LVM physical volume",
        "linux_raid_member" => "MD RAID member",
        "crypto_LUKS" => "LUKS encrypted volume",
        "zfs_member" => "ZFS pool member",
        "dos" => "MBR partition table",
        other => other,
    };
    s.label.as_ref().map_or_else(|| kind.to_owned(), |l| format!("{kind} \"{l}\""))
}

#[cfg(test)]
mod obstacle_tests;
#[cfg(test)]
mod tests;
