use super::*;
use crate::disk::model::{Lvm, SeenMount, Table};
use crate::engine::request::Phases;
use crate::engine::state::Record;
use crate::host::mounts::parse_mountinfo;
use crate::testing::alternate;
use crate::testing::sample;

/// A finished copy on vdb, the disks with it, and the request that makes it anew.
fn stands() -> (Alternate, Inventory, Request) {
    let a = alternate::finished(alternate::lvm(), &[alternate::target("vdb", 16, 512)]);
    let table = Some(Table { kind: "gpt".into(), id: a.base.layout.disks[0].table_id.clone() });
    let size = a.base.layout.disks[0].size;
    let vdb = Disk { serial: Some("S-vdb".into()), table, size, ..sample::disk("vdb", "254:16") };
    let inventory =
        Inventory { disks: vec![vdb, sample::disk("vdc", "254:32")], ..Inventory::default() };
    let argv = ["alt_disk_install", "-C", "-B", "vdb"].map(str::to_owned).to_vec();
    let request = Request {
        targets: vec!["vdb".into()],
        erase: vec!["S-vdb".into()],
        argv,
        ..alternate::request(Phases::All)
    };
    (a, inventory, request)
}

fn refused(request: &Request, a: &Alternate, inventory: &Inventory) -> String {
    let e = check_replace(request, a, inventory).unwrap_err();
    let alt = error::find(&e).unwrap();
    format!("{alt} -> {}", alt.remedy)
}

#[test]
fn its_serial_number_makes_a_finished_copy_anew() {
    let (a, inventory, request) = stands();
    check_replace(&request, &a, &inventory).unwrap();
    let both = Request { targets: vec!["vdc".into(), "/dev/vdb".into()], ..request.clone() };
    check_replace(&both, &a, &inventory).unwrap();
    // Without it the refusal names the very command.
    let said = refused(&Request { erase: vec![], ..request.clone() }, &a, &inventory);
    assert!(
        said.starts_with("ALT-703: there is a finished copy (altinst_rootvg) on vdb"),
        "{said}"
    );
    assert!(
        said.contains("`alt_disk_install -C --erase S-vdb -B vdb`")
            && said.contains("-X` forgets it"),
        "{said}"
    );
    // On another disk it is in the way.
    let other =
        refused(&Request { targets: vec!["vdc".into()], ..request.clone() }, &a, &inventory);
    assert!(
        other.starts_with("ALT-703")
            && !other.contains("--erase")
            && other.contains("-X` forgets it"),
        "{other}"
    );
}

#[test]
fn an_unfinished_copy_is_never_replaced() {
    let (mut a, inventory, request) = stands();
    a.journal.retain(|r| !matches!(r, Record::Phase { phase: 3 }));
    let said = refused(&request, &a, &inventory);
    assert!(
        said.contains("not finished") && said.contains("--resume") && !said.contains("--erase"),
        "{said}"
    );
}

/// LVM starts at boot what it finds: that alone does not keep a copy from being made anew.
#[test]
fn volumes_that_nobody_uses_are_no_obstacle() {
    let (a, mut inventory, _) = stands();
    let vg = a.base.layout.vgs[0].name.clone();
    inventory.disks[0].partitions = vec![sample::partition("vdb", 4, "254:20", "LVM2_member")];
    inventory.disks[0].partitions[0].holders = vec!["dm-7".into(), "dm-8".into()];
    let lv = |name: &str| Lv {
        name: name.into(),
        vg: vg.clone(),
        dm_path: format!("/dev/mapper/{name}").into(),
        active: true,
        ..Lv::default()
    };
    inventory.lvm = Lvm { lvs: vec![lv("root"), lv("var")], ..Lvm::default() };
    inventory.stacked = vec![
        sample::stacked("dm-7", "253:7", "/dev/mapper/root", "lvm", &["vdb4"]),
        sample::stacked("dm-8", "253:8", "/dev/mapper/var", "lvm", &["vdb4"]),
    ];
    let mount = parse_mountinfo(b"22 1 253:8 / /mnt rw - ext4 /dev/mapper/var rw\n").remove(0);
    inventory.mounts.push(SeenMount { pid: std::process::id(), mount });
    let away = without_idle_volumes(&inventory, &a);
    let names: Vec<&str> = away.stacked.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        (names, away.disks[0].partitions[0].holders.join(" ")),
        (vec!["dm-8"], "dm-8".to_owned()),
        "what is mounted is in use"
    );
    assert_eq!(away.lvm.lvs.iter().map(|l| l.active).collect::<Vec<_>>(), [false, true]);
}
