//! The machine in a namespace is what the tests upon it take it for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::fs;

use harness::{Machine, missing};

#[test]
fn a_machine_in_a_namespace_has_its_own_root_and_leaves_nothing() {
    if let Some(why) = missing() {
        println!("skipped: {why}");
        return;
    }
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    let mut machine = Machine::new("harness", "parts");
    let disk = machine.disk();
    let data = machine.data_checksum();
    assert_eq!(machine.must("findmnt -no SOURCE /").trim(), format!("{disk}p3"));
    assert_eq!(machine.must("findmnt -no SOURCE /home").trim(), format!("{disk}p4"));
    assert_eq!(mounts(), before, "the host sees the machine's mounts");
    machine.must("evidence check /opt/evidence && evidence check /home/evidence && test -x /usr/local/sbin/altdisk");

    // A practice disk is recognised by this path, whichever namespace asks.
    let practice = machine.blank("harness-one", 64);
    let backing = fs::read_to_string(format!(
        "/sys/block/{}/loop/backing_file",
        practice.trim_start_matches("/dev/")
    ))
    .unwrap();
    assert_eq!(backing.trim(), "/var/lib/altdisk/practice/harness-one.img");

    let state = machine.state();
    assert_eq!(machine.state(), state, "two looks at the same state differ");
    machine.must("mkdir -p /alt_inst && mount -t tmpfs none /alt_inst && echo more >>/etc/fstab");
    let changed = machine.state();
    for trace in ["/alt_inst none tmpfs", "alt_inst\n", "/etc/fstab"] {
        assert!(
            changed
                .lines()
                .any(|line| !state.contains(line) && format!("{line}\n").contains(trace)),
            "the state does not show {trace}"
        );
    }
    let manifest = machine.manifest("/home");
    assert!(
        manifest.contains("user.evidence") && manifest.contains("security.capability"),
        "{manifest}"
    );

    let mut sleeping = machine.start("sleep 1000");
    machine.power_off();
    assert_eq!(sleeping.wait().unwrap().code(), None, "the power loss spared a process");
    let loops = || {
        fs::read_dir("/sys/block")
            .unwrap()
            .flatten()
            .filter_map(|d| fs::read_to_string(d.path().join("loop/backing_file")).ok())
    };
    let image = machine.image().to_string_lossy().into_owned();
    assert!(
        !loops().any(|file| file.trim() == image
            || file.trim() == "/var/lib/altdisk/practice/harness-one.img"),
        "loop devices are left"
    );
    assert_eq!(machine.data_checksum(), data, "the disk that is mounted read-only was changed");
    machine.power_on();
    assert_eq!(
        machine.must("tail -n 1 /etc/fstab").trim(),
        "more",
        "what was written before the power loss is gone"
    );
}
