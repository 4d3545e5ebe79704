//! The gate: whether a disk may become a target, and everything that says otherwise.
//!
//! Pure: it reasons over a [`World`]. Every obstacle is listed with its evidence and what would remove it, not only
//! the first. What is in use or unsuitable can never be overridden; content can, by the disk's own serial.

use crate::disk::model::{Disk, Role, Signature, World};
use crate::disk::size::human;
use crate::disk::uses::{self, Use};
use crate::error::{self, Entry};

/// The smallest disk that is looked at as a target; bytes. Whether a system fits is the plan's business.
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
pub fn examine(disk: &Disk, world: &World, role: Role) -> Verdict {
    let mut verdict = Verdict::default();
    let used = uses::of(disk, world);
    let rootvg = role == Role::Rootvg || used.iter().any(Use::is_system);
    if rootvg {
        let seen = used.iter().find(|u| u.is_system()).map_or("it is a disk of rootvg".to_owned(), |u| u.evidence.clone());
        verdict.add(&error::DISK_HAS_ROOTVG, Kind::InUse, seen, error::DISK_HAS_ROOTVG.remedy.to_owned());
    }
    for u in used.into_iter().filter(|u| !u.is_system()) {
        verdict.add(u.entry, Kind::InUse, u.evidence, u.remedy);
    }
    unsuitable(disk, world, &mut verdict);
    if !rootvg {
        content(disk, world, role, &mut verdict);
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

    /// Passes the disk if it is free, or if only content stands against it and `erase` names this very disk.
    ///
    /// # Errors
    /// The first obstacle's ALT-2nn, with the evidence and the remedies of all.
    pub fn allow(&self, erase: &[String], disk: &Disk) -> anyhow::Result<()> {
        let confirmed = erase.iter().any(|e| e == disk.serial_or_name());
        let left: Vec<&Obstacle> = self.obstacles.iter().filter(|o| !(confirmed && o.kind == Kind::HasContent)).collect();
        let Some(first) = left.first() else { return Ok(()) };
        let mut cause = format!("{} cannot be a target", disk.path.display());
        for o in &left {
            cause.push_str(&format!("{} {}", if left.len() == 1 { ":" } else { "\n  -" }, o.evidence));
        }
        let mut remedies: Vec<&str> = vec![];
        for o in &left {
            if !remedies.contains(&o.remedy.as_str()) {
                remedies.push(&o.remedy);
            }
        }
        Err(first.entry.because_do(cause, remedies.join("; ")))
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
            let of: Vec<String> = targets.iter().map(|d| format!("{} of {}", d.serial_or_name(), d.name)).collect();
            return Err(
                error::ERASE_NOT_A_TARGET.because(format!("--erase {word}: no target has this serial (there is {})", of.join(", ")))
            );
        }
    }
    Ok(())
}

fn unsuitable(disk: &Disk, world: &World, verdict: &mut Verdict) {
    let mut add = |entry: &'static Entry, evidence: String| verdict.add(entry, Kind::Unsuitable, evidence, entry.remedy.to_owned());
    if disk.size == 0 {
        add(&error::DISK_NO_MEDIUM, "its size is 0: a reader without a medium".to_owned());
    } else if disk.size < SMALLEST {
        add(&error::DISK_TOO_SMALL, format!("it has only {}", human(disk.size)));
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
    if let Some(map) = world.stacked.iter().find(|s| s.kind == "mpath" && s.slaves.contains(&disk.name)) {
        add(&error::DISK_IS_LEG, format!("it is one path of {}", map.path.display()));
    }
    let looped = disk.name.strip_prefix("loop").is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    if looped && disk.practice.is_none() {
        add(&error::NOT_A_DISK, "it is a loop device that is no practice disk".to_owned());
    }
    if disk.removable && disk.size > 0 {
        verdict.notes.push("it is removable: it must stay plugged in as long as the system on it runs".to_owned());
    }
    if disk.practice.is_some() {
        verdict.notes.push("it is a practice disk: no machine can boot from it".to_owned());
    }
}

fn content(disk: &Disk, world: &World, role: Role, verdict: &mut Verdict) {
    let erase = format!(
        "`--erase {}` confirms that everything on {} may be destroyed",
        crate::host::cmd::quote(disk.serial_or_name().as_ref()),
        disk.name
    );
    let mut found = describe(disk);
    found.extend(uses::groups_on(disk, world).iter().map(|vg| format!("a part of the volume group {vg}")));
    if role == Role::AltinstRootvg || is_clone(disk, world) {
        let remedy = format!("`alt_disk_install -X` removes it; or {erase}");
        verdict.add(&error::DISK_HAS_CLONE, Kind::HasContent, "it holds an altinst_rootvg that an earlier run made".to_owned(), remedy);
    } else if role == Role::OldRootvg {
        verdict.add(
            &error::DISK_HAS_OLD_ROOTVG,
            Kind::HasContent,
            "it holds old_rootvg, the system that this one was made from".to_owned(),
            format!("choose another disk; or {erase}"),
        );
    } else if !found.is_empty() {
        verdict.add(&error::DISK_HAS_CONTENT, Kind::HasContent, format!("it is not empty: {}", found.join(", ")), erase);
    } else if disk.blank_edges == Some(false) {
        verdict
            .notes
            .push("nothing known is on it, but its first or last MiB is not all zeros: it may hold data without a table".to_owned());
    }
}

/// Whether the disk holds an alternate: known by the names of its partitions or the tag of its volume group.
pub fn is_clone(disk: &Disk, world: &World) -> bool {
    let named = disk.partitions.iter().any(|p| p.label.as_deref().is_some_and(|l| l.starts_with(crate::disk::lvm::TAG)));
    let tagged = |vg: &str| world.lvm.vgs.iter().any(|v| v.name == vg && v.tags.iter().any(|t| t == crate::disk::lvm::TAG));
    named || uses::groups_on(disk, world).iter().any(|vg| tagged(vg))
}

/// What is on the disk, for people: `a GPT partition table with 3 partitions`, `vdb1: ext4 "data" (20 GiB)`.
pub fn describe(disk: &Disk) -> Vec<String> {
    let mut all = vec![];
    if let Some(t) = &disk.table {
        let kind = if t.kind == "dos" { "MBR".to_owned() } else { t.kind.to_uppercase() };
        let n = disk.partitions.len();
        all.push(format!("{kind} partition table with {n} partition{}", if n == 1 { "" } else { "s" }));
    }
    all.extend(disk.content.iter().map(name));
    for p in &disk.partitions {
        let held: Vec<String> = p.content.iter().map(name).collect();
        let held =
            if held.is_empty() { p.label.as_ref().map_or("no file system".to_owned(), |l| format!("\"{l}\"")) } else { held.join(" and ") };
        all.push(format!("{}: {held} ({})", p.name, human(p.size)));
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
mod tests {
    use super::*;
    use crate::disk::model::{Mention, Opener, Partition, SeenMount, Spread, Swap, Table, Vg};
    use crate::disk::sample;
    use crate::host::mounts::parse_mountinfo;

    type Change = fn(&mut World);

    fn mount(world: &mut World, pid: u32, line: &str) {
        let mount = parse_mountinfo(line.as_bytes()).remove(0);
        world.mounts.push(SeenMount { pid, mount });
    }

    fn own() -> u32 {
        std::process::id()
    }

    fn vdb(world: &mut World) -> &mut Disk {
        &mut world.disks[1]
    }

    fn with_partition(world: &mut World, kind: &str) {
        vdb(world).table = Some(Table { kind: "gpt".into(), id: "bbbb".into() });
        vdb(world).partitions = vec![sample::partition("vdb", 1, "254:17", kind)];
    }

    /// Every obstacle: what makes it, its id, its kind, what the evidence and the remedy say.
    #[test]
    fn every_obstacle() {
        let cases: Vec<(&str, Change, &str, Kind, &str, &str)> = vec![
            (
                "the root",
                |w| {
                    with_partition(w, "ext4");
                    mount(w, own(), "22 1 254:17 / / rw - ext4 /dev/vdb1 rw")
                },
                "ALT-210",
                Kind::InUse,
                "/dev/vdb1 is mounted at /",
                "another disk",
            ),
            (
                "the ESP",
                |w| {
                    with_partition(w, "vfat");
                    mount(w, own(), "22 1 254:17 / /boot/efi rw - vfat /dev/vdb1 rw")
                },
                "ALT-210",
                Kind::InUse,
                "/boot/efi",
                "another disk",
            ),
            (
                "a mount",
                |w| {
                    with_partition(w, "ext4");
                    mount(w, own(), "22 1 254:17 / /data rw - ext4 /dev/vdb1 rw")
                },
                "ALT-211",
                Kind::InUse,
                "/dev/vdb1 is mounted at /data",
                "umount /data",
            ),
            (
                "a mount elsewhere",
                |w| {
                    with_partition(w, "ext4");
                    mount(w, 4242, "22 1 254:17 / /data rw - ext4 /dev/vdb1 rw")
                },
                "ALT-211",
                Kind::InUse,
                "namespace of process 4242",
                "nsenter -t 4242",
            ),
            (
                "a container's root",
                |w| {
                    with_partition(w, "ext4");
                    mount(w, 4242, "22 1 254:17 / / rw - ext4 /dev/vdb1 rw")
                },
                "ALT-211",
                Kind::InUse,
                "mounted at / in the mount namespace of process 4242",
                "end that process",
            ),
            (
                "an anonymous btrfs",
                |w| {
                    with_partition(w, "btrfs");
                    mount(w, own(), "22 1 0:35 /@x /data rw - btrfs /dev/vdb1 rw")
                },
                "ALT-211",
                Kind::InUse,
                "mounted at /data",
                "umount",
            ),
            (
                "the other half of a btrfs",
                |w| {
                    with_partition(w, "btrfs");
                    mount(w, own(), "22 1 0:35 / /data rw - btrfs /dev/sdd rw");
                    w.spread.push(Spread { uuid: "u".into(), devices: vec!["sdd".into(), "vdb1".into()] })
                },
                "ALT-211",
                Kind::InUse,
                "/dev/sdd is mounted at /data",
                "umount",
            ),
            (
                "a btrfs of two devices",
                |w| {
                    with_partition(w, "btrfs");
                    w.spread.push(Spread { uuid: "u".into(), devices: vec!["sdd".into(), "vdb1".into()] })
                },
                "ALT-213",
                Kind::InUse,
                "btrfs of 2 devices",
                "btrfs device remove",
            ),
            (
                "swap",
                |w| {
                    with_partition(w, "swap");
                    w.swaps.push(Swap { path: "/dev/vdb1".into(), kind: "partition".into(), size: 1 })
                },
                "ALT-212",
                Kind::InUse,
                "/dev/vdb1 is swap",
                "swapoff /dev/vdb1",
            ),
            (
                "swap on a volume",
                |w| {
                    with_partition(w, "LVM2_member");
                    w.stacked.push(sample::stacked("dm-5", "253:5", "/dev/mapper/d-swap", "lvm", &["vdb1"]));
                    w.swaps.push(Swap { path: "/dev/mapper/d-swap".into(), kind: "partition".into(), size: 1 })
                },
                "ALT-212",
                Kind::InUse,
                "/dev/mapper/d-swap is swap",
                "swapoff",
            ),
            (
                "an active group",
                |w| {
                    with_partition(w, "LVM2_member");
                    w.lvm.pvs.push(crate::disk::model::Pv { path: "/dev/vdb1".into(), vg: Some("data".into()), ..Default::default() });
                    w.lvm.lvs.push(crate::disk::model::Lv { name: "lv1".into(), vg: "data".into(), active: true, ..Default::default() })
                },
                "ALT-213",
                Kind::InUse,
                "volume group data is active (lv1)",
                "vgchange -an data",
            ),
            (
                "a volume without lvm tools",
                |w| {
                    with_partition(w, "LVM2_member");
                    w.stacked.push(sample::stacked("dm-5", "253:5", "/dev/mapper/d-x", "lvm", &["vdb1"]))
                },
                "ALT-213",
                Kind::InUse,
                "logical volume /dev/mapper/d-x",
                "lvchange -an",
            ),
            (
                "LUKS",
                |w| {
                    with_partition(w, "crypto_LUKS");
                    w.stacked.push(crate::disk::model::Stacked {
                        dm_name: Some("secret".into()),
                        ..sample::stacked("dm-5", "253:5", "/dev/mapper/secret", "crypt", &["vdb1"])
                    })
                },
                "ALT-213",
                Kind::InUse,
                "/dev/mapper/secret is open",
                "cryptsetup close secret",
            ),
            (
                "MD",
                |w| {
                    with_partition(w, "linux_raid_member");
                    w.stacked.push(sample::stacked("md0", "9:0", "/dev/md0", "raid", &["vdb1"]))
                },
                "ALT-213",
                Kind::InUse,
                "RAID array /dev/md0",
                "mdadm --stop /dev/md0",
            ),
            (
                "bcache",
                |w| {
                    with_partition(w, "bcache");
                    w.stacked.push(sample::stacked("bcache0", "250:0", "/dev/bcache0", "bcache", &["vdb1"]))
                },
                "ALT-213",
                Kind::InUse,
                "/dev/bcache0",
                "bcache/stop",
            ),
            (
                "a loop device",
                |w| w.stacked.push(sample::stacked("loop1", "7:1", "/dev/loop1", "loop", &["vdb"])),
                "ALT-213",
                Kind::InUse,
                "/dev/loop1 is attached",
                "losetup -d /dev/loop1",
            ),
            ("an unknown holder", |w| vdb(w).holders.push("drbd0".into()), "ALT-213", Kind::InUse, "drbd0 holds it", "lsblk /dev/drbd0"),
            (
                "a process",
                |w| w.openers.push(Opener { pid: 77, command: "qemu-system-x86".into(), dev: "254:16".into() }),
                "ALT-214",
                Kind::InUse,
                "process 77 (qemu-system-x86) has /dev/vdb open",
                "end process 77",
            ),
            (
                "a process on a partition",
                |w| {
                    with_partition(w, "ext4");
                    w.openers.push(Opener { pid: 77, command: "dd".into(), dev: "254:17".into() })
                },
                "ALT-214",
                Kind::InUse,
                "has /dev/vdb1 open",
                "end process 77",
            ),
            (
                "fstab",
                |w| w.mentions.push(Mention { place: "/etc/fstab:7".into(), word: "UUID=x".into(), disk: "vdb".into() }),
                "ALT-215",
                Kind::InUse,
                "/etc/fstab:7 names it (UUID=x)",
                "remove that line of /etc/fstab if",
            ),
            (
                "closed",
                |w| vdb(w).unreadable = Some("/dev/vdb: Permission denied".into()),
                "ALT-218",
                Kind::Unsuitable,
                "Permission denied",
                "root",
            ),
            ("read-only", |w| vdb(w).read_only = true, "ALT-220", Kind::Unsuitable, "read-only", "write protection"),
            ("small", |w| vdb(w).size = 1 << 20, "ALT-221", Kind::Unsuitable, "only 1 MiB", "larger"),
            ("odd sectors", |w| vdb(w).logical_sector = 520, "ALT-222", Kind::Unsuitable, "520 bytes", "512 or 4096"),
            ("an empty reader", |w| vdb(w).size = 0, "ALT-223", Kind::Unsuitable, "without a medium", "insert"),
            (
                "a multipath leg",
                |w| w.stacked[2].slaves.push("vdb".into()),
                "ALT-204",
                Kind::Unsuitable,
                "one path of /dev/mapper/mpatha",
                "another disk",
            ),
            (
                "a table",
                |w| with_partition(w, ""),
                "ALT-230",
                Kind::HasContent,
                "GPT partition table with 1 partition, vdb1: no file system (1 GiB)",
                "--erase DISK-B",
            ),
            (
                "content on the whole disk",
                |w| vdb(w).content = sample::signatures("zfs_member"),
                "ALT-230",
                Kind::HasContent,
                "ZFS pool member",
                "--erase DISK-B",
            ),
            (
                "an inactive group",
                |w| {
                    with_partition(w, "LVM2_member");
                    w.lvm.pvs.push(crate::disk::model::Pv { path: "/dev/vdb1".into(), vg: Some("data".into()), ..Default::default() })
                },
                "ALT-230",
                Kind::HasContent,
                "a part of the volume group data",
                "--erase DISK-B",
            ),
            (
                "a clone by its partitions",
                |w| {
                    with_partition(w, "ext4");
                    vdb(w).partitions[0] = Partition { label: Some("altinst_rootvg root".into()), ..vdb(w).partitions[0].clone() }
                },
                "ALT-231",
                Kind::HasContent,
                "altinst_rootvg",
                "alt_disk_install -X",
            ),
            (
                "a clone by its group",
                |w| {
                    with_partition(w, "LVM2_member");
                    w.lvm.pvs.push(crate::disk::model::Pv { path: "/dev/vdb1".into(), vg: Some("alt".into()), ..Default::default() });
                    w.lvm.vgs.push(Vg { name: "alt".into(), tags: vec!["altinst_rootvg".into()], ..Vg::default() })
                },
                "ALT-231",
                Kind::HasContent,
                "altinst_rootvg",
                "--erase DISK-B",
            ),
        ];
        for (what, change, id, kind, evidence, remedy) in cases {
            let mut world = sample::world();
            change(&mut world);
            let disk = world.disks[1].clone();
            let verdict = examine(&disk, &world, Role::None);
            let hit = verdict
                .obstacles
                .iter()
                .find(|o| o.entry.id == id && o.kind == kind && o.evidence.contains(evidence) && o.remedy.contains(remedy));
            assert!(hit.is_some(), "{what}: {:#?}", verdict.obstacles);
            // Confirmation helps against content and nothing else.
            let allowed = verdict.allow(&["DISK-B".into()], &disk);
            assert_eq!(allowed.is_ok(), kind == Kind::HasContent, "{what}");
            for wrong in [vec![], vec!["vdb".to_owned()], vec!["DISK-A".into()], vec!["disk-b".into()], vec![String::new()]] {
                assert!(verdict.allow(&wrong, &disk).is_err(), "{what}: {wrong:?}");
            }
        }
    }

    #[test]
    fn a_free_disk_is_free() {
        let mut world = sample::world();
        // Neither a look of udev nor our own open file is a use, nor are other disks' troubles.
        world.openers.push(Opener { pid: 5, command: "(udev-worker)".into(), dev: "254:16".into() });
        world.openers.push(Opener { pid: own(), command: "altdisk".into(), dev: "254:16".into() });
        world.openers.push(Opener { pid: 6, command: "dd".into(), dev: "254:2".into() });
        mount(&mut world, own(), "22 1 253:0 / / rw - ext4 /dev/mapper/vg0-root rw");
        let verdict = examine(&world.disks[1], &world, Role::None);
        assert!(verdict.is_free() && verdict.notes.is_empty(), "{verdict:#?}");
        assert!(verdict.allow(&[], &world.disks[1]).is_ok());
    }

    #[test]
    fn notes() {
        let mut world = sample::world();
        vdb(&mut world).removable = true;
        vdb(&mut world).blank_edges = Some(false);
        let verdict = examine(&world.disks[1], &world, Role::None);
        assert!(verdict.is_free());
        assert!(verdict.notes[0].contains("removable") && verdict.notes[1].contains("not all zeros"), "{:?}", verdict.notes);
        assert!(examine(&world.disks[4], &world, Role::None).notes[0].contains("practice"));
    }

    #[test]
    fn roles_count() {
        let world = sample::world();
        let id = |role| examine(&world.disks[1], &world, role).obstacles.first().map(|o| o.entry.id);
        assert_eq!(
            [Role::Rootvg, Role::AltinstRootvg, Role::OldRootvg, Role::None].map(id),
            [Some("ALT-210"), Some("ALT-231"), Some("ALT-232"), None]
        );
    }

    #[test]
    fn a_refusal_tells_everything() {
        let mut world = sample::world();
        with_partition(&mut world, "ext4");
        mount(&mut world, own(), "22 1 254:17 / /data rw - ext4 /dev/vdb1 rw");
        world.openers.push(Opener { pid: 77, command: "dd".into(), dev: "254:16".into() });
        let disk = &world.disks[1];
        let err = examine(disk, &world, Role::None).allow(&["DISK-B".into()], disk).unwrap_err();
        let alt = error::of(&err).unwrap();
        assert_eq!(alt.entry.id, "ALT-211");
        assert_eq!(alt.cause, "/dev/vdb cannot be a target\n  - /dev/vdb1 is mounted at /data\n  - process 77 (dd) has /dev/vdb open");
        assert_eq!(alt.remedy, "`umount /data`; end process 77 (dd)");
    }

    #[test]
    fn erase_must_name_a_target() {
        let world = sample::world();
        let targets = [&world.disks[1], &world.disks[2]];
        assert!(check_erase(&["DISK-B".into(), "sdc".into()], &targets).is_ok());
        let err = check_erase(&["DISK-A".into()], &targets).unwrap_err();
        let alt = error::of(&err).unwrap();
        assert!(alt.entry.id == "ALT-233" && alt.cause.contains("DISK-B of vdb, sdc of sdc"), "{}", alt.cause);
    }
}
