//! The target disks: found by the names that were typed, and checked.

use std::path::Path;

use anyhow::Result;

use crate::disk::eligibility::{self, Verdict};
use crate::disk::model::{Disk, Sight, Signature};
use crate::disk::{roles, twins};
use crate::engine::facts::Facts;
use crate::engine::prepare::replace;
use crate::engine::request::Request;
use crate::engine::state::{Alternate, State, Stored, record_state};
use crate::error;
use crate::text::size::format_size;

/// One line that describes a disk.
pub fn describe_disk(d: &Disk) -> String {
    let mut words = vec![format_size(d.size)];
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
            format_size(p.size),
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
pub fn check_targets<'f>(
    request: &Request,
    facts: &'f Facts,
    replaced: Option<&Alternate>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'f Disk>> {
    let roles = roles::roles(&facts.inventory, &known_disks(&facts.source.disks)?);
    let mut disks: Vec<&Disk> = Vec::new();
    for word in &request.targets {
        let disk = facts.inventory.disk(word)?;
        if disks.iter().any(|d| d.name == disk.name) {
            return Err(error::TARGET_TWICE
                .with_cause(format!("{word} is {}, which is named already", disk.name)));
        }
        if let Some((other, twin)) = twins::find_twins(disk, &facts.inventory)
            .into_iter()
            .find(|(o, _)| disks.iter().any(|d| d.name == o.name))
        {
            return Err(error::TARGET_TWICE.with_cause(format!(
                "{} and {} have the same {}: they may be one disk",
                other.name,
                disk.name,
                twin.description()
            )));
        }
        disks.push(disk);
    }
    eligibility::check_erase(&request.erase, &disks)?;
    let away = replaced.map(|old| replace::without_idle_volumes(&facts.inventory, old));
    let inventory = away.as_ref().unwrap_or(&facts.inventory);
    for disk in inventory.disks.iter().filter(|d| disks.iter().any(|t| t.name == d.name)) {
        let role = roles.get(&disk.name).copied().unwrap_or(crate::disk::model::Role::None);
        let verdict: Verdict = eligibility::examine(disk, inventory, role);
        verdict.allow(&request.erase, disk)?;
        notes.extend(verdict.notes);
    }
    Ok(disks)
}

/// The disks that the records name, for their roles; `rootvg`: names of the root disks if they are
/// known from elsewhere.
///
/// # Errors
/// Records that cannot be read.
pub fn known_disks(rootvg: &[String]) -> Result<roles::Known> {
    let (base, unreadable) = match record_state::unsafe_as_unreadable(State::read_base_unlocked())?
    {
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
