//! Disks as choices: which can be a target, free ones first; what the others hold, or why they
//! cannot be chosen.

use anyhow::Result;

use super::rows::{Row, truncate_text};
use crate::disk::eligibility::{Kind, Verdict, examine};
use crate::disk::model::{Disk, Inventory, Role, Sight, Signature, practice_name};
use crate::disk::roles::roles;
use crate::engine::facts::Facts;
use crate::engine::prepare::fits::{Fit, fits};
use crate::engine::prepare::target_disks;
use crate::engine::state::record_state;
use crate::error;
use crate::text::size::format_size;

/// Above the rows of disks, in their columns.
pub const HEADING: &str = "NAME           SIZE MODEL          SERIAL               HOLDS";

/// A disk, and what can be said of it as a target.
pub struct Candidate {
    /// Its name on command lines: a practice disk's own name, else the kernel's.
    pub name: String,
    pub row: String,
    pub verdict: Verdict,
    pub practice: bool,
    /// Whether the running system fits as it is, where that is known.
    pub fit: Option<Fit>,
    pub has_serial: bool,
    /// Its content, in a few words.
    pub all: String,
}

impl Candidate {
    /// Whether a clone can go there as things are, with nothing lost.
    pub fn ready(&self) -> bool {
        self.verdict.is_free() && !self.is_too_small()
    }

    fn is_too_small(&self) -> bool {
        matches!(self.fit, Some(Fit::No(_)))
    }
}

/// Every disk, looked at as a target for the running system.
///
/// # Errors
/// ALT-801 where a tool is missing.
pub fn candidates() -> Result<Vec<Candidate>> {
    // A system that cannot be cloned still has disks to show.
    let facts = Facts::gather().ok();
    let inventory = match &facts {
        Some(_) => None,
        None => Some(Inventory::gather()?),
    };
    let Some(inventory) = facts.as_ref().map(|f| &f.inventory).or(inventory.as_ref()) else {
        return Ok(vec![]);
    };
    let roles = roles(
        inventory,
        &target_disks::known_disks(facts.as_ref().map_or(&[][..], |f| &f.source.disks))?,
    );
    let marks = record_state::Marks::read(inventory);
    let fits = facts.as_ref().map(fits).unwrap_or_default();
    let look = |d: &Disk| {
        let role = roles.get(&d.name).copied().unwrap_or(Role::None);
        let mut verdict = examine(d, inventory, role);
        marks.add_to(&mut verdict, d, role);
        candidate(d, role, verdict, fits.get(&d.name).cloned())
    };
    Ok(inventory.disks.iter().map(look).collect())
}

fn candidate(d: &Disk, role: Role, verdict: Verdict, fit: Option<Fit>) -> Candidate {
    let name = practice_name(&d.name, d.serial.as_deref()).unwrap_or(&d.name).to_owned();
    let holds = holds(d, role);
    // The kernel's name is shown beside the name, as everywhere.
    let model = if name == d.name {
        d.model.clone().unwrap_or_else(|| "-".to_owned())
    } else {
        format!("({})", d.name)
    };
    let (serial, size) = (d.serial.as_deref().unwrap_or("-"), format_size(d.size));
    // Name and serial are what people type: they are never cut; the model gives way.
    let over = name.chars().count().saturating_sub(9) + serial.chars().count().saturating_sub(20);
    let room = 14usize.saturating_sub(over);
    let row =
        format!("{name:<9} {size:>9} {:<room$} {serial:<20} {holds}", truncate_text(&model, room));
    let row = truncate_text(row.trim_end(), super::rows::WIDTH);
    Candidate {
        name,
        row,
        verdict,
        practice: d.practice.is_some(),
        fit,
        has_serial: d.serial.is_some(),
        all: in_words(d),
    }
}

/// A disk's content, short enough for a column.
pub fn holds(d: &Disk, role: Role) -> String {
    match role {
        Role::Rootvg => return "rootvg".to_owned(),
        Role::AltinstRootvg => return "altinst_rootvg".to_owned(),
        Role::OldRootvg => return "old_rootvg".to_owned(),
        Role::None => {}
    }
    if d.size == 0 {
        return "no medium".to_owned();
    }
    if d.unreadable.is_some() {
        return "not readable".to_owned();
    }
    let kinds = kinds(d);
    match (kinds.is_empty(), d.partitions.len(), &d.table) {
        (false, ..) => truncate_text(&kinds.join(","), 16),
        (true, 0, None) if is_data(d) => "unknown data".to_owned(),
        (true, 0, None) => "nothing".to_owned(),
        (true, 0, Some(_)) => "empty table".to_owned(),
        (true, 1, _) => "1 partition".to_owned(),
        (true, n, _) => format!("{n} partitions"),
    }
}

/// `ext4, swap (2 partitions)`.
fn in_words(d: &Disk) -> String {
    let (kinds, n) = (kinds(d).join(", "), d.partitions.len());
    let partitions = if n == 1 { "1 partition".to_owned() } else { format!("{n} partitions") };
    match (kinds.is_empty(), n, &d.table) {
        (false, 0, _) => kinds,
        (false, ..) => format!("{kinds} ({partitions})"),
        (true, 0, Some(_)) => "an empty partition table".to_owned(),
        (true, 0, None) if is_data(d) => "data without a partition table".to_owned(),
        (true, 0, None) => "nothing known".to_owned(),
        (true, ..) => partitions,
    }
}

fn is_data(d: &Disk) -> bool {
    matches!(d.sight, Some(Sight::Data(_)))
}

fn kinds(d: &Disk) -> Vec<&str> {
    let mut kinds: Vec<&str> = vec![];
    for kind in d.content.iter().chain(d.partitions.iter().flat_map(|p| &p.content)).map(short) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn short(s: &Signature) -> &str {
    match s.kind.as_str() {
        "LVM2_member" => "LVM",
        "linux_raid_member" => "RAID",
        "crypto_LUKS" => "LUKS",
        "zfs_member" => "ZFS",
        other => other,
    }
}

/// The list of targets.
pub fn targets() -> Result<Vec<Row>> {
    let mut all = candidates()?;
    all.sort_by_key(rank);
    Ok(all.iter().map(target).collect())
}

/// Free disks, then practice disks, then what can be erased, then what cannot be chosen.
fn rank(c: &Candidate) -> u8 {
    match (c.verdict.is_free(), c.verdict.only_content(), c.practice) {
        (true, _, false) => u8::from(c.is_too_small()),
        (true, _, true) => 2,
        (false, true, _) => 3,
        _ => 4,
    }
}

fn target(c: &Candidate) -> Row {
    let refused = !c.verdict.only_content();
    let mut notes = vec![];
    if refused {
        notes.push(why_not(&c.verdict));
    } else {
        notes.extend(c.verdict.obstacles.iter().map(|o| {
            let what = if o.entry.id == error::DISK_HAS_CONTENT.id {
                format!("holds {}", c.all)
            } else {
                o.evidence.clone()
            };
            format!("{what}; its {} must be typed", if c.has_serial { "serial" } else { "name" })
        }));
        notes.extend(c.fit.as_ref().and_then(Fit::note));
        notes.extend(c.verdict.notes.iter().cloned());
    }
    Row { text: c.row.clone(), refused, notes }
}

/// The first reason, and how many more there are.
fn why_not(verdict: &Verdict) -> String {
    let hard: Vec<_> = verdict.obstacles.iter().filter(|o| o.kind != Kind::HasContent).collect();
    match hard.as_slice() {
        [] => String::new(),
        [first, ..] if first.entry.id == error::DISK_HAS_ROOTVG.id => {
            "the running system is on it".to_owned()
        }
        [only] => only.evidence.clone(),
        [first, _] => format!("{}; and 1 reason more", first.evidence),
        [first, more @ ..] => format!("{}; and {} reasons more", first.evidence, more.len()),
    }
}

/// The list of all disks.
pub fn all() -> Result<Vec<Row>> {
    Ok(candidates()?.into_iter().map(|c| Row { text: c.row, ..Row::default() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::list::rows::{WIDTH, format_list};
    use crate::disk::model::Table;
    use crate::testing::sample;

    fn look(d: &Disk, inventory: &Inventory, role: Role, small: Option<&str>) -> Candidate {
        let fit = small.map(|why| Fit::No(why.to_owned()));
        candidate(d, role, examine(d, inventory, role), fit)
    }

    #[test]
    fn a_page_of_targets() {
        let mut inventory = sample::inventory();
        let mut nvme = Disk {
            model: Some("Samsung SSD 980 PRO 2TB".into()),
            serial: Some("S69ENX0T123456789012".into()),
            size: 2000 << 30,
            ..sample::disk("nvme0n1", "259:0")
        };
        nvme.table = Some(Table { kind: "gpt".into(), id: "cc".into() });
        nvme.partitions = vec![
            sample::partition("nvme0n1p", 1, "259:1", "ext4"),
            sample::partition("nvme0n1p", 2, "259:2", "swap"),
        ];
        inventory.disks.push(nvme);
        inventory.disks.push(Disk { size: 0, ..sample::disk("sdx", "8:99") });
        let role = |d: &Disk| if d.name == "vda" { Role::Rootvg } else { Role::None };
        let small = |d: &Disk| (d.name == "loop6").then_some("it needs 30 GiB");
        inventory
            .disks
            .push(Disk { sight: Some(Sight::Data(2 << 20)), ..sample::disk("sdy", "8:100") });
        let mut all: Vec<Candidate> =
            inventory.disks.iter().map(|d| look(d, &inventory, role(d), small(d))).collect();
        all.sort_by_key(rank);
        let text = format_list(HEADING, &all.iter().map(target).collect::<Vec<_>>());
        assert_eq!(text, include_str!("../../../tests/fixtures/disk/targets-list.txt"), "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH));
        assert_eq!(
            all.iter().filter(|c| c.ready()).map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["vdb"]
        );
    }

    #[test]
    fn names_and_serials_are_never_cut() {
        let d = Disk {
            model: Some("A very long model name".into()),
            serial: Some("0123456789abcdef0123456789".into()),
            ..sample::disk("nvme10n1", "259:0")
        };
        let c = look(&d, &Inventory::default(), Role::None, None);
        assert!(
            c.row.starts_with("nvme10n1 ") && c.row.contains(" 0123456789abcdef0123456789 "),
            "{}",
            c.row
        );
        assert!(c.row.chars().count() <= WIDTH);
    }
}
