//! Finding the alternate's disks again: kernel names change over a reboot, identities do not.
//!
//! Before a later phase touches anything, each target disk is looked up by everything that is known
//! of it ([`crate::disk::identity`]), the stored paths follow the names that the disks have now,
//! and what is on them must be the copy's.
//!
//! A disk without serial number and WWN on a kernel without sequence numbers (before Linux 5.15:
//! Debian 11, RHEL 8) is known by the id of its table. While there is no table yet it is the disk
//! that has the same name, size and model as before: then what is on it decides whether it is
//! touched, block by block ([`crate::disk::content::ContentRecord`]).

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::disk::identity::{Likeness, seen};
use crate::disk::model::{Disk, Inventory};
use crate::disk::node::partition_path;
use crate::engine::plan::layout::DiskLayout;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step_id::StepId;
use crate::engine::request::Request;
use crate::engine::state::disk_content::DiskContent;
use crate::engine::state::{Alternate, disk_content};
use crate::error;

/// The disk that `layout` means: the one for which the strongest evidence speaks. Several that
/// answer are none: twins exist.
pub fn find_target<'w>(layout: &DiskLayout, inventory: &'w Inventory) -> Option<&'w Disk> {
    let identity = layout.identity();
    let likeness: Vec<(&Disk, Likeness)> =
        inventory.disks.iter().map(|d| (d, identity.compare(d))).collect();
    let evidence = |l: &Likeness| if let Likeness::Match(basis) = l { Some(*basis) } else { None };
    let only = |which: &dyn Fn(&Disk, &Likeness) -> bool| {
        let mut all = likeness.iter().filter(|(d, l)| which(d, l)).map(|(d, _)| *d);
        all.next().filter(|_| all.next().is_none())
    };
    match likeness.iter().filter_map(|(_, l)| evidence(l)).max() {
        Some(best) => only(&|_, l| evidence(l) == Some(best)),
        None => only(&|d, l| *l == Likeness::Unknown && d.path == layout.path),
    }
}

/// Why a disk cannot be found: it is not there, several answer, or what has its table is another
/// one.
pub fn why_not_found(layout: &DiskLayout, inventory: &Inventory) -> String {
    let identity = layout.identity();
    let has_table =
        |d: &Disk| d.table.as_ref().is_some_and(|t| t.id.eq_ignore_ascii_case(&layout.table_id));
    let copies: Vec<String> = inventory
        .disks
        .iter()
        .filter_map(|d| match identity.compare(d) {
            Likeness::Differs(what) if has_table(d) => {
                Some(format!("{} has its partition table but is another disk: {what}", d.name))
            }
            Likeness::Match(_) => Some(format!("{} could be it, but is not the only one", d.name)),
            _ => None,
        })
        .collect();
    let serial = layout.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
    let more = if copies.is_empty() { String::new() } else { format!(" ({})", copies.join("; ")) };
    format!("disk {}{serial} is not there{more}", layout.name)
}

/// The base with the paths of today.
///
/// # Errors
/// ALT-705 if a disk is gone, ALT-715 if one holds something else by now, ALT-706 if the
/// request names other disks than the alternate's.
pub fn locate_disks(alternate: &Alternate, request: Option<&Request>) -> Result<AlternateSpec> {
    let inventory = Inventory::gather()?;
    let mut base = alternate.base.clone();
    // All at once: two disks may have swapped their names.
    let mut renamed: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for (index, layout) in base.layout.disks.iter_mut().enumerate() {
        let disk = find_target(layout, &inventory)
            .ok_or_else(|| error::TARGET_GONE.with_cause(why_not_found(layout, &inventory)))?;
        must_be_ours(index, disk, alternate)?;
        renamed.insert(layout.path.clone(), disk.path.clone());
        renamed.extend(
            layout
                .partitions
                .iter()
                .map(|p| (p.path.clone(), partition_path(&disk.path, p.number))),
        );
        layout.name.clone_from(&disk.name);
        // From now on it is this very one.
        layout.seen = seen(disk);
    }
    update_paths(&mut base, &renamed);
    if let Some(request) = request {
        let given: Result<Vec<&Disk>> = request.targets.iter().map(|t| inventory.disk(t)).collect();
        let mut given: Vec<&str> = given?.iter().map(|d| d.name.as_str()).collect();
        let mut ours: Vec<&str> = base.layout.disks.iter().map(|d| d.name.as_str()).collect();
        given.sort_unstable();
        ours.sort_unstable();
        if !given.is_empty() && given != ours {
            return Err(error::OTHER_TARGET.with_cause(format!(
                "the copy is on {}, not on {}",
                ours.join(" "),
                given.join(" ")
            )));
        }
    }
    Ok(base)
}

/// Checks that the disk still holds what the run left on it.
fn must_be_ours(index: usize, disk: &Disk, alternate: &Alternate) -> Result<()> {
    let other =
        |what: String| Err(error::DISK_USED_AGAIN.with_cause(format!("{}: {what}", disk.name)));
    match disk_content::disk_content(index, disk, alternate)? {
        DiskContent::Other(what) => other(what),
        DiskContent::Copy => Ok(()),
        _ if alternate.done(&StepId::PartitionTable(index)) => {
            other("the partition table of the copy is gone".to_owned())
        }
        _ => Ok(()),
    }
}

fn update_paths(base: &mut AlternateSpec, renamed: &BTreeMap<PathBuf, PathBuf>) {
    let disks = base.layout.disks.iter_mut().flat_map(|d| {
        std::iter::once(&mut d.path).chain(d.partitions.iter_mut().map(|p| &mut p.path))
    });
    let volumes = base.layout.volumes.iter_mut().map(|v| &mut v.device);
    let pvs = base.layout.vgs.iter_mut().flat_map(|v| v.pvs.iter_mut());
    let names = base.ids.volumes.iter_mut().flat_map(|v| v.new.devices.iter_mut());
    for path in disks.chain(volumes).chain(pvs).chain(names) {
        if let Some(now) = renamed.get(path) {
            path.clone_from(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::model::Table;
    use crate::testing::sample;

    /// As version 0.1.0 stored it.
    const STORED: &str = r#"{"name": "vdb", "seen": null, "path": "/dev/vdb", "serial": null, "size": 21474836480, "sector": 512,
        "table_id": "cccc", "partitions": []}"#;

    fn stored() -> DiskLayout {
        serde_json::from_str(STORED).unwrap()
    }

    fn inventory(changes: &[(&str, Option<&str>, Option<&str>)]) -> Inventory {
        let disks = changes.iter().map(|(name, serial, table)| Disk {
            serial: serial.map(Into::into),
            table: table.map(|id| Table { kind: "gpt".into(), id: id.into() }),
            ..sample::disk(name, "8:0")
        });
        Inventory { disks: disks.collect(), ..Inventory::default() }
    }

    fn found(layout: &DiskLayout, inventory: &Inventory) -> Option<String> {
        find_target(layout, inventory).map(|d| d.name.clone())
    }

    #[test]
    fn a_kernel_without_sequence_numbers_and_a_disk_without_serial() {
        let layout = stored();
        assert!(layout.before.is_none() && layout.wwn.is_none());
        // Right after the gate: no table yet.
        assert_eq!(
            found(&layout, &inventory(&[("vda", None, Some("aaaa")), ("vdb", None, None)]))
                .as_deref(),
            Some("vdb")
        );
        assert_eq!(
            found(&layout, &inventory(&[("vda", None, Some("aaaa")), ("vdc", None, None)])),
            None
        );
        // By its table, whatever it is called.
        assert_eq!(
            found(&layout, &inventory(&[("vdb", None, Some("aaaa")), ("vdc", None, Some("CCCC"))]))
                .as_deref(),
            Some("vdc")
        );
        // Two with that table.
        assert_eq!(
            found(&layout, &inventory(&[("vdb", None, Some("cccc")), ("vdc", None, Some("cccc"))])),
            None
        );
        let smaller = Inventory {
            disks: vec![Disk { size: 1 << 30, ..sample::disk("vdb", "8:0") }],
            ..Inventory::default()
        };
        assert_eq!(found(&layout, &smaller), None);
    }

    #[test]
    fn a_copy_of_the_disk_is_not_the_disk() {
        let layout = DiskLayout { serial: Some("A".into()), ..stored() };
        let both = inventory(&[
            ("vdb", Some("A"), Some("cccc")),
            ("vdc", Some("B"), Some("cccc")),
            ("vdd", None, Some("cccc")),
        ]);
        assert_eq!(found(&layout, &both).as_deref(), Some("vdb"));
        let copies = inventory(&[("vdb", Some("B"), Some("cccc")), ("vdd", None, Some("cccc"))]);
        assert_eq!(found(&layout, &copies), None);
        let why = why_not_found(&layout, &copies);
        assert!(
            why.contains(
                "vdb has its partition table but is another disk: its serial number is B, not A"
            ),
            "{why}"
        );
        // Used again for something else it is still the disk; two paths to it are none.
        assert_eq!(
            found(&layout, &inventory(&[("vdc", Some("A"), Some("dddd"))])).as_deref(),
            Some("vdc")
        );
        assert_eq!(
            found(&layout, &inventory(&[("vdb", Some("A"), None), ("vdc", Some("A"), None)])),
            None
        );
    }
}
