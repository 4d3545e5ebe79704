//! Software updates by dnf and by zypper: a machine in a namespace whose copy is made a system of
//! rpm packages, and updated from directories of packages that are built here
//! (`machine/rpmworld.sh`). The programs are Debian's; the machine itself stays as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::path::Path;
use std::process::Command;

use harness::{Machine, beside, missing, said, same};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const UPDATE: &str = "alt_disk_install -C -B -P 2";
const HANGING: &str = "alt_disk_install -C -B -P 2 -l /updates/hang -w hang";

/// A machine whose copy stands after phase 1: rpm, dnf and zypper are in both, the packages of the
/// world are installed in both, and os-release of the copy says `id`.
fn cloned(name: &str, id: &str) -> Option<Machine> {
    let tools = ["rpmbuild", "rpmsign", "createrepo_c", "gpg"];
    let absent = tools.into_iter().find(|p| !Path::new("/usr/bin").join(p).exists());
    if let Some(why) = missing().or(absent.map(|p| format!("{p} not installed"))) {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    machine.blank("target", 2600);
    machine.lay_over("rpmroot.sh");
    let world = tempfile::tempdir().unwrap();
    assert!(Command::new(beside("rpmworld.sh")).arg(world.path()).status().unwrap().success());
    assert!(
        Command::new("cp")
            .arg("-rT")
            .arg(world.path())
            .arg(machine.root().join("updates"))
            .status()
            .unwrap()
            .success()
    );
    machine.must("rpm -i --nodeps /updates/installed/*.rpm");
    said(&machine.run("alt_disk_install -C -B -P 1 target"), 0, &[]);
    machine.must(&format!(
        "rm /alt_inst/etc/os-release; printf 'ID={id}\\nVERSION_ID=40\\n' >/alt_inst/etc/os-release"
    ));
    Some(machine)
}

/// The versions of a package in the alternate.
fn version(machine: &Machine, name: &str) -> String {
    machine
        .must(&format!("chroot /alt_inst rpm -q --qf '%{{VERSION}} ' {name} || true"))
        .trim()
        .to_owned()
}

/// The same story for both managers.
fn story(name: &str, id: &str, manager: &str) {
    let Some(machine) = cloned(name, id) else { return };
    let before = machine.own(&[]);
    let update = |what: &str| machine.run(&format!("{UPDATE} -l /updates/{what}"));

    // Refused before anything is run.
    said(&update("v2 -w nothere"), 3, &["ALT-733", "nothere"]);
    said(&update("v2 -w other=7"), 3, &["ALT-733", "1.0-1.fc40"]);
    said(&update("v2 -F CVE-1999-0001"), 3, &["ALT-734", "CVE-2024-1111"]);
    said(&update("v2 -I --installroot=/ -w other"), 2, &["ALT-737"]);
    said(&update("v2 -I --no-such-flag -w other"), 4, &["ALT-737", "--no-such-flag"]);

    // By a bug, by a CVE number of a changelog and of an advisory; what it needs comes too, and
    // nothing else.
    said(&update("v2 -F 'rhbz#7654321'"), 0, &["libthing", "1.1-1.fc40", manager]);
    assert_eq!(version(&machine, "libthing"), "1.1");
    said(&update("v2 -I -acX -F CVE-2024-1111"), 4, &["ALT-749", "newdep"]);
    said(&update("v2 -F CVE-2024-1111"), 0, &["hello is new", "newdep"]);
    assert_eq!(
        (version(&machine, "hello"), version(&machine, "newdep")),
        ("2.0".into(), "1.0".into())
    );
    said(&update("repo -F fedora-2024-0a1b2c3d4e"), 0, &["has it already"]);
    assert_eq!(version(&machine, "tool"), "1.0");

    // What fails is told in the manager's words, and can be repeated.
    said(&update("unmet -w unmet"), 4, &["ALT-740", "nothing provides what-nobody-has >= 3"]);
    said(
        &update("failpre -w failpre"),
        4,
        &["ALT-730", "its last words", "%prein(failpre-2.0-1.fc40.noarch)"],
    );
    assert_eq!(version(&machine, "failpre"), "1.0");
    said(&update("failpost -w failpost"), 0, &["its last words", "a script of a package failed"]);

    // A script that hangs is stopped by an interrupt; killed with it, the update is finished by the
    // next.
    let run = machine.hanging(HANGING);
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).unwrap();
    let done = run.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.code() == Some(4) && text.contains("stopped by a signal"),
        "{:?} {text}",
        done.status
    );
    assert_eq!(machine.must("pgrep -fc 'sleep 111[1]' || true").trim(), "0", "nothing goes on");
    machine.must("rm /alt_inst/root/waits; chroot /alt_inst sh -c 'rpm -e --nodeps hang-2.0 || true; rpm -i --nodeps --force /hang-1.0* || true' 2>/dev/null");

    // Everything there is; a second kernel stands beside the first.
    said(&update("v2 -w all"), 0, &["tool", "1:1.1-1.fc40"]);
    let all =
        ["tool", "kernel-core", "fedora-release", "other"].map(|name| version(&machine, name));
    assert_eq!(all, ["1.1", "6.1 6.2", "40.1", "package other is not installed"]);
    said(&update("v2 -w all"), 0, &["up to date"]);
    said(&update("v2 -F 40.1_ML"), 0, &["up to date"]);
    // An older version, because it is named.
    said(&update("installed -w libthing=1.0-1.fc40"), 0, &[]);
    assert_eq!(version(&machine, "libthing"), "1.0");

    let left = machine.must("ls -d /alt_inst/var/cache/altdisk* /alt_inst/usr/sbin/policy-rc.d /alt_inst/etc/yum.repos.d/* /alt_inst/etc/zypp/repos.d/* 2>/dev/null; true");
    assert_eq!(left, "", "nothing of ours stays in the copy");
    same(&before, &machine.own(&[]));
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}

#[test]
fn by_dnf() {
    story("updates-dnf", "fedora", "dnf");
}

#[test]
fn by_zypper() {
    story("updates-zypper", "opensuse-leap", "zypper");
}

#[test]
fn a_killed_update_is_finished() {
    let Some(machine) = cloned("updates-rpm-kill", "fedora") else { return };
    let mut run = machine.hanging(HANGING);
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(version(&machine, "hang"), "1.0 2.0");
    machine.must("touch /alt_inst/root/go");
    said(&machine.run("alt_disk_install --resume"), 0, &["an update was interrupted: hang"]);
    assert_eq!(version(&machine, "hang"), "2.0");
    said(&machine.run(&format!("{UPDATE} -l /updates/v2 -w all")), 0, &[]);
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}
