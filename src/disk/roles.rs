//! Which disk is what: rootvg, altinst_rootvg, old_rootvg, none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::disk::eligibility::is_clone;
use crate::disk::model::{Disk, Inventory, Role};

/// By what a disk is recognised later, whatever its name is then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskMark {
    pub serial: Option<String>,
    /// Disk GUID (lower case), or the MBR's id.
    pub table_id: Option<String>,
    /// Bytes.
    pub size: u64,
}

impl DiskMark {
    /// Whether `disk` is the marked one. A serial number that is known and differs makes it another
    /// disk: a copy. Else the table's id decides where both have one (it goes with the content), or
    /// serial and size together.
    pub fn matches(&self, disk: &Disk) -> bool {
        if self.serial.as_ref().zip(disk.serial.as_ref()).is_some_and(|(a, b)| a != b) {
            return false;
        }
        let id = disk.table.as_ref().map(|t| t.id.as_str()).filter(|i| !i.is_empty());
        match (&self.table_id, id) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => self.serial.is_some() && self.serial == disk.serial && self.size == disk.size,
        }
    }
}

/// What the engine knows of the machine's systems.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Names of the disks of the running system, as far as the engine found them (what fstab
    /// mounts).
    pub rootvg: Vec<String>,
    pub altinst: Vec<DiskMark>,
    /// There is a record of the copy, and it cannot be read: any disk that holds one may be it.
    pub unreadable: bool,
    pub old: Vec<DiskMark>,
}

/// The role of every disk, by name. A disk that the running system is on is rootvg, whatever a
/// record says.
pub fn roles(inventory: &Inventory, known: &Known) -> BTreeMap<String, Role> {
    let own = std::process::id();
    let system = |m: &&crate::disk::model::SeenMount| {
        m.pid == own
            && ["/", "/boot", "/usr"].iter().any(|p| m.mount.mount_point == std::path::Path::new(p))
    };
    let below: Vec<String> = inventory
        .mounts
        .iter()
        .filter(system)
        .flat_map(|m| inventory.disks_of_mount(&m.mount))
        .collect();
    let role = |d: &Disk| {
        if known.rootvg.contains(&d.name) || below.contains(&d.name) {
            Role::Rootvg
        } else if known.old.iter().any(|m| m.matches(d)) {
            Role::OldRootvg
        } else if known.altinst.iter().any(|m| m.matches(d))
            || (known.unreadable && is_clone(d, inventory))
        {
            Role::AltinstRootvg
        } else {
            Role::None
        }
    };
    inventory.disks.iter().map(|d| (d.name.clone(), role(d))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::model::{SeenMount, Table};
    use crate::host::mounts::parse_mountinfo;
    use crate::testing::sample;

    #[test]
    fn each_role() {
        let mut inventory = sample::inventory();
        let mount = parse_mountinfo(b"22 1 253:0 / / rw - ext4 /dev/mapper/vg0-root rw").remove(0);
        inventory.mounts.push(SeenMount { pid: std::process::id(), mount });
        let table = |id: &str| Some(Table { kind: "gpt".into(), id: id.into() });
        inventory.disks[1].partitions = vec![crate::disk::model::Partition {
            label: Some("altinst_rootvg root".into()),
            ..sample::partition("vdb", 1, "254:17", "ext4")
        }];
        inventory.disks[2].table = table("oooo");
        inventory.disks[3].table = table("nnnn");
        let mark = |id: &str| DiskMark { table_id: Some(id.into()), ..DiskMark::default() };
        let mut known = Known {
            rootvg: vec![],
            altinst: vec![mark("NNNN")],
            unreadable: false,
            old: vec![mark("oooo"), mark("aaaa")],
        };
        let all = roles(&inventory, &known);
        let of = |n: &str| all[n];
        // A copy that was forgotten has no role: it is content.
        assert_eq!(
            (of("vda"), of("vdb"), of("sdc"), of("sdd"), of("loop6")),
            (Role::Rootvg, Role::None, Role::OldRootvg, Role::AltinstRootvg, Role::None)
        );
        known.unreadable = true;
        assert_eq!(roles(&inventory, &known)["vdb"], Role::AltinstRootvg);
    }

    #[test]
    fn marks() {
        let mut d = sample::disk("vdb", "1:1");
        d.serial = Some("S".into());
        let mark = DiskMark {
            serial: d.serial.clone(),
            table_id: d.table.as_ref().map(|t| t.id.clone()),
            size: d.size,
        };
        assert!(mark.matches(&d));
        assert!(!mark.matches(&Disk { size: 1, ..d.clone() }));
        let table = Some(Table { kind: "gpt".into(), id: "tttt".into() });
        let with_table = DiskMark { table_id: Some("tttt".into()), ..mark.clone() };
        assert!(with_table.matches(&Disk { table: table.clone(), ..d.clone() }));
        assert!(!with_table.matches(&Disk { table, serial: Some("COPY".into()), ..d.clone() }));
        // Without a serial and a table nothing is recognised.
        assert!(!DiskMark { serial: None, ..mark }.matches(&Disk { serial: None, ..d }));
    }
}
