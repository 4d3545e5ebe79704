//! Who uses a disk, each use with its evidence: mounts in any namespace, swap, what is stacked on
//! it, processes, configuration.

use std::path::Path;

use crate::disk::model::{Disk, Inventory, SeenMount};
use crate::disk::twins;
use crate::error::{self, Entry};

/// One use of a disk.
#[derive(Clone, Debug)]
pub struct Use {
    pub entry: &'static Entry,
    pub evidence: String,
    pub remedy: String,
    /// The mount point where the running system itself is on the disk (`/`, `/boot`, `/usr`, ESP).
    system: bool,
}

impl Use {
    /// Whether the disk is indispensable to the running system.
    pub fn is_system(&self) -> bool {
        self.system
    }
}

/// Mount points without which the running system is not one.
const SYSTEM: [&str; 7] = ["/", "/boot", "/boot/efi", "/efi", "/boot/firmware", "/usr", "/var"];

/// Every use of the disk.
pub fn find_uses(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let mut all = find_active_uses(disk, inventory);
    all.extend(in_configuration(disk, inventory));
    all.extend(twins(disk, inventory));
    all
}

/// Every use that is seen on the disk itself: neither what a configuration file means to do with
/// it, nor what another path to it shows.
pub fn find_active_uses(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let mut all = mounts(disk, inventory);
    all.extend(swaps(disk, inventory));
    all.extend(holders(disk, inventory));
    all.extend(openers(disk, inventory));
    all.extend(kernel_users(disk, inventory));
    all
}

fn mounts(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let own = std::process::id();
    let here: Vec<&SeenMount> = inventory
        .mounts
        .iter()
        .filter(|m| inventory.disks_of_mount(&m.mount).contains(&disk.name))
        .collect();
    let in_own = |m: &SeenMount| {
        here.iter().any(|o| {
            o.pid == own && o.mount.dev == m.mount.dev && o.mount.mount_point == m.mount.mount_point
        })
    };
    let is_system =
        |m: &SeenMount| m.pid == own && SYSTEM.iter().any(|s| m.mount.mount_point == Path::new(s));
    let system_disk = here.iter().any(|m| is_system(m));
    let mut all: Vec<Use> = vec![];
    for m in &here {
        // What this process sees itself need not be told again for every namespace that inherited
        // it; and of the disk that the system is on, what services have in namespaces of their own
        // says nothing new.
        if m.pid != own && (in_own(m) || system_disk) {
            continue;
        }
        let at = m.mount.mount_point.display();
        let system = is_system(m);
        let (evidence, remedy) = if m.pid == own {
            (format!("{} is mounted at {at}", m.mount.source), format!("`umount {at}`"))
        } else {
            // Nobody unmounts the root of what runs, a container or the host of this one.
            let remedy = match m.mount.mount_point == Path::new("/") {
                true => format!(
                    "a system runs from it: name another disk, or stop that container (process {})",
                    m.pid
                ),
                false => format!("`nsenter -t {} -m umount {at}`, or end that process", m.pid),
            };
            (
                format!(
                    "{} is mounted at {at} in the mount namespace of process {}",
                    m.mount.source, m.pid
                ),
                remedy,
            )
        };
        if !all.iter().any(|u| u.evidence == evidence) {
            let entry = if system { &error::DISK_HAS_ROOTVG } else { &error::DISK_MOUNTED };
            all.push(Use { entry, evidence, remedy, system });
        }
    }
    all
}

fn swaps(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let here = inventory.swaps.iter().filter(|s| {
        s.kind == "partition"
            && inventory.disks_below(&s.path.to_string_lossy()).contains(&disk.name)
    });
    here.map(|s| {
        let path = s.path.display();
        Use {
            entry: &error::DISK_SWAP,
            evidence: format!("{path} is swap space in use"),
            remedy: format!("`swapoff {path}`"),
            system: false,
        }
    })
    .collect()
}

/// Names of the volume groups that have a physical volume on the disk or its partitions.
pub fn groups_on(disk: &Disk, inventory: &Inventory) -> Vec<String> {
    let on = |path: &Path| inventory.disks_below(&path.to_string_lossy()).contains(&disk.name);
    let mut all: Vec<String> =
        inventory.lvm.pvs.iter().filter(|pv| on(&pv.path)).filter_map(|pv| pv.vg.clone()).collect();
    all.sort();
    all.dedup();
    all
}

fn holders(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let mut all = vec![];
    let mut add = |evidence: String, remedy: String| {
        all.push(Use { entry: &error::DISK_HELD, evidence, remedy, system: false })
    };
    let stacked = inventory.stacked_on(disk);
    for vg in groups_on(disk, inventory) {
        let active: Vec<&str> = inventory
            .lvm
            .lvs
            .iter()
            .filter(|lv| lv.vg == vg && lv.active)
            .map(|lv| lv.name.as_str())
            .collect();
        if !active.is_empty() {
            add(
                format!("the volume group {vg} is active ({})", active.join(", ")),
                format!("`vgchange -an {vg}`"),
            );
        }
    }
    for s in &stacked {
        let path = s.path.display();
        let name = s.dm_name.as_deref().unwrap_or(&s.name);
        match s.kind.as_str() {
            // Named with its group above, where LVM could be asked.
            "lvm" if inventory.lvm.lvs.iter().any(|lv| lv.dm_path == s.path && lv.active) => {}
            "lvm" => add(
                format!("the logical volume {path} is active"),
                format!("`lvchange -an {path}`"),
            ),
            "crypt" => add(
                format!("the encrypted volume {path} is open"),
                format!("`cryptsetup close {name}`"),
            ),
            "raid" => {
                add(format!("the RAID array {path} runs on it"), format!("`mdadm --stop {path}`"))
            }
            "loop" if lies_in_a_file_system(s.slaves.as_slice(), inventory) => {}
            "loop" => add(
                format!("the loop device {path} is attached to it"),
                format!("`losetup -d {path}`"),
            ),
            // The multipath map is an obstacle of its own, a partition belongs to what it is a
            // partition of.
            "mpath" | "partition" => {}
            "bcache" => add(
                format!("{path} (bcache) uses it"),
                format!("`echo 1 > /sys/block/{}/bcache/stop`", s.name),
            ),
            kind => add(format!("{path} ({kind}) uses it"), format!("`dmsetup remove {name}`")),
        }
    }
    let known = |holder: &String| inventory.stacked.iter().any(|s| s.name == *holder);
    for holder in disk
        .holders
        .iter()
        .chain(disk.partitions.iter().flat_map(|p| &p.holders))
        .filter(|h| !known(h))
    {
        add(
            format!("{holder} holds it"),
            format!("`lsblk /dev/{holder}` shows what that is; stop it"),
        );
    }
    let own = |s: &&crate::disk::model::MultiDeviceFs| {
        s.devices.iter().any(|d| inventory.disks_below(d).contains(&disk.name))
    };
    for s in inventory.multi_device.iter().filter(own).filter(|s| s.devices.len() > 1) {
        add(
            format!("it is part of a mounted btrfs of {} devices ({})", s.devices.len(), s.uuid),
            "unmount that file system, or `btrfs device remove` the disk from it".to_owned(),
        );
    }
    all
}

/// A loop device whose file lies in a mounted file system: the mount is the obstacle.
fn lies_in_a_file_system(slaves: &[String], inventory: &Inventory) -> bool {
    slaves.iter().any(|s| {
        inventory.mounts.iter().any(|m| inventory.kernel_name(&m.mount.dev).as_ref() == Some(s))
    })
}

fn openers(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let own = std::process::id();
    // Who only looks at every disk that appears (udev) has been waited for: a name says nothing.
    let here = inventory.openers.iter().filter(|o| o.pid != own);
    let devices = |dev: &str| inventory.kernel_name(dev).unwrap_or_else(|| dev.to_owned());
    here.filter(|o| inventory.disks_below(&o.dev).contains(&disk.name))
        .map(|o| Use {
            entry: &error::DISK_OPEN,
            evidence: format!(
                "process {} ({}) has /dev/{} open",
                o.pid,
                o.command,
                devices(&o.dev)
            ),
            remedy: format!("end process {} ({})", o.pid, o.command),
            system: false,
        })
        .collect()
}

fn kernel_users(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let here = inventory
        .kernel_users
        .iter()
        .filter(|u| inventory.disks_below(&u.device).contains(&disk.name));
    here.map(|u| Use {
        entry: &error::DISK_HELD,
        evidence: format!("{} serves {}", u.by, u.device),
        remedy: u.remedy.clone(),
        system: false,
    })
    .collect()
}

/// What another path to the same disk is used for.
fn twins(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let first_use = |other: &Disk| {
        let mut used = find_active_uses(other, inventory);
        used.extend(in_configuration(other, inventory));
        (!used.is_empty()).then(|| used.swap_remove(0))
    };
    let used = twins::find_twins(disk, inventory)
        .into_iter()
        .filter_map(|(other, twin)| Some((other, twin, first_use(other)?)));
    used.map(|(other, twin, u)| Use {
        entry: &error::DISK_TWIN,
        evidence: format!(
            "{} has the same {}, and is in use: {}",
            other.path.display(),
            twin.description(),
            u.evidence
        ),
        remedy: error::DISK_TWIN.remedy.to_owned(),
        system: false,
    })
    .collect()
}

fn in_configuration(disk: &Disk, inventory: &Inventory) -> Vec<Use> {
    let here = inventory.config_references.iter().filter(|m| m.disk == disk.name);
    here.map(|m| Use {
        entry: &error::DISK_CONFIGURED,
        evidence: format!("{} names it ({})", m.place, m.word),
        remedy: format!(
            "remove that line of {} if the disk may be overwritten",
            m.place.rsplit_once(':').map_or(m.place.as_str(), |(f, _)| f)
        ),
        system: false,
    })
    .collect()
}
