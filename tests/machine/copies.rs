//! What the tests of configurations share: a machine with a practice disk, and a look into the copy
//! on it.

use crate::harness::{Machine, missing};

/// A machine, and the device of its practice disk `one`; None, said, where machines cannot run.
pub fn machine(name: &str) -> Option<(Machine, String)> {
    if let Some(why) = missing() {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    let target = machine.blank("one", 4096);
    Some((machine, target))
}

/// The target's partition for a mount point.
pub fn partition(machine: &Machine, target: &str, at: &str) -> String {
    let table = machine.must(&format!("sfdisk -d {target}"));
    // sfdisk shows a colon as an underscore.
    let line = table
        .lines()
        .find(|l| l.contains(&format!("name=\"altinst_rootvg_{at}\"")))
        .unwrap_or_else(|| panic!("no {at} in {table}"));
    line.split_whitespace().next().unwrap().to_owned()
}

/// What a shell command says in the finished copy's file system for `at`, mounted read-only at
/// /mnt/x.
pub fn in_copy(machine: &Machine, target: &str, at: &str, command: &str) -> String {
    let node = partition(machine, target, at);
    let ended = machine.run(&format!(
        "mkdir -p /mnt/x && mount -o ro {node} /mnt/x && cd /mnt/x && {{ {command}; }}"
    ));
    machine.must("cd /; umount /mnt/x; rmdir /mnt/x");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}
