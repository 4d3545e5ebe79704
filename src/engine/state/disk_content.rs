//! The content of a target disk: the copy, nothing, or somebody else's data.

use anyhow::Result;

use crate::disk::content::{self, ContentChange};
use crate::disk::held::Held;
use crate::disk::model::{Disk, Sight, Signature};
use crate::disk::probe;
use crate::engine::plan::step_id::StepId;
use crate::engine::state::Alternate;
use crate::error;

/// The content of a target disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskContent {
    /// Nothing at all.
    Nothing,
    /// The content from before the run: nothing was written yet.
    AsBefore,
    /// The remains of that after an interrupted wipe.
    PartlyErased,
    /// The copy, or the beginning of one.
    Copy,
    /// Something that is not the copy's, in words.
    Other(String),
}

/// The content of target `index`, which is `disk`.
///
/// # Errors
/// ALT-218 if it cannot be read.
pub fn disk_content(index: usize, disk: &Disk, alternate: &Alternate) -> Result<DiskContent> {
    let layout = &alternate.base.layout.disks[index];
    let held = Held::disk(disk)?;
    let unreadable = |e: std::io::Error| error::DISK_UNREADABLE.with_path(&disk.path, &e);
    let ids = probe::gpt_ids(held.file(), disk.size, disk.logical_sector)?;
    let is_own = |id: &Option<String>| {
        id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(&layout.table_id))
    };
    if is_own(&ids.first) {
        return Ok(foreign(disk, alternate, index).map_or(DiskContent::Copy, DiskContent::Other));
    }
    let all = content::places(disk.size, &[]);
    let blocks = content::read(held.file(), disk.size, &all).map_err(unreadable)?;
    if is_own(&ids.last) {
        // sfdisk writes the backup of a table first: until then the start of the disk is as the
        // wipe left it.
        let start: Vec<u32> =
            all.iter().zip(&blocks).filter(|(at, _)| **at < 1 << 20).map(|(_, b)| *b).collect();
        let other = || "data, and the backup of the copy's partition table".to_owned();
        return Ok(if content::blank(&start) && content::signatures(disk).next().is_none() {
            DiskContent::Copy
        } else {
            DiskContent::Other(other())
        });
    }
    // The holes of a sparse file are exact; the whole file is examined if nothing is recognised on
    // it.
    if disk.sight == Some(Sight::Blank) || (disk.sight.is_none() && content::blank(&blocks)) {
        return Ok(DiskContent::Nothing);
    }
    let in_words = || {
        let all = crate::disk::eligibility::describe(disk);
        if all.is_empty() { "data of which nothing is known".to_owned() } else { all.join(", ") }
    };
    let begun = !alternate.done(&StepId::Wipe(index));
    Ok(match layout.before.as_ref().filter(|_| begun) {
        None => DiskContent::Other(in_words()),
        Some(before) => match before.compare_with(held.file(), disk.size).map_err(unreadable)? {
            ContentChange::Same => DiskContent::AsBefore,
            ContentChange::Zeroed
                if content::signatures(disk).all(|s| before.signatures.contains(s)) =>
            {
                DiskContent::PartlyErased
            }
            _ => DiskContent::Other(in_words()),
        },
    })
}

/// Foreign content on a disk with the copy's partition table.
fn foreign(disk: &Disk, alternate: &Alternate, index: usize) -> Option<String> {
    let layout = &alternate.base.layout;
    let own_disk = &layout.disks[index];
    let says = |s: &Signature| {
        format!("{} {}", s.kind, s.uuid.as_deref().or(s.label.as_deref()).unwrap_or_default())
            .trim_end()
            .to_owned()
    };
    if let Some(s) = disk.content.iter().find(|s| s.usage != "partition-table") {
        return Some(says(s));
    }
    let table = disk.table.as_ref().filter(|t| !t.id.eq_ignore_ascii_case(&own_disk.table_id));
    // The protective MBR of a torn GPT looks like a table with one partition of type ee.
    if let Some(t) = table.filter(|_| {
        disk.partitions
            .iter()
            .any(|p| !p.type_id.is_empty() && !p.type_id.eq_ignore_ascii_case("ee"))
    }) {
        return Some(format!("a partition table of kind {}", t.kind));
    }
    for p in &disk.partitions {
        let planned = own_disk.partitions.iter().find(|q| q.number == p.number);
        let named =
            p.uuid.as_ref().zip(planned).is_none_or(|(uuid, q)| uuid.eq_ignore_ascii_case(&q.uuid));
        if table.is_none() && (planned.is_none() || !named) {
            return Some(format!("the partition {}, which is not the copy's", p.name));
        }
        let path = planned.map(|q| &q.path);
        let own = |s: &Signature| match s.kind.as_str() {
            "LVM2_member" => layout.vgs.iter().any(|v| v.pvs.iter().any(|pv| Some(pv) == path)),
            _ => {
                s.uuid.is_none()
                    || layout
                        .volumes
                        .iter()
                        .any(|v| s.uuid.as_ref().is_some_and(|u| u.eq_ignore_ascii_case(&v.uuid)))
            }
        };
        if let Some(s) = p.content.iter().find(|s| s.usage != "partition-table" && !own(s)) {
            return Some(format!("{} on {}", says(s), p.name));
        }
    }
    None
}
