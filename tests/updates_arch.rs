//! Software updates by pacman: a machine in a namespace whose copy is made a system of pacman, and
//! updated from directories of packages that are built here (`machine/archworld.sh`). The program
//! is Debian's; the machine itself stays as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::process::Command;

use harness::{Machine, beside, missing, said, same};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const UPDATE: &str = "alt_disk_install -C -B -P 2";
const HANGING: &str = "alt_disk_install -C -B -P 2 -l /updates/hang -w hang";

/// A machine whose copy stands after phase 1, with pacman and three packages in it, and os-release
/// of an Arch.
fn cloned(name: &str) -> Option<Machine> {
    if let Some(why) = missing() {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    machine.blank("target", 2600);
    machine.lay_over("archroot.sh");
    assert!(
        Command::new(beside("archworld.sh"))
            .arg(machine.root().join("updates"))
            .status()
            .unwrap()
            .success()
    );
    machine.must("rm /etc/pacman.conf; printf '[options]\\nLocalFileSigLevel = Never\\n' >/etc/pacman.conf; pacman -U --noconfirm /updates/installed/*");
    said(&machine.run("alt_disk_install -C -B -P 1 target"), 0, &[]);
    machine.must("rm /alt_inst/etc/os-release; printf 'ID=arch\\n' >/alt_inst/etc/os-release");
    Some(machine)
}

/// What is installed in the alternate.
fn installed(machine: &Machine) -> String {
    machine.must("chroot /alt_inst pacman -Q").trim().replace('\n', ", ")
}

#[test]
fn by_pacman() {
    let Some(machine) = cloned("updates-pacman") else { return };
    let before = machine.own(&[]);
    let update = |what: &str| machine.run(&format!("{UPDATE} -l /updates/{what}"));

    // What is there, beside what is installed.
    let list = machine.must("altdisk list packages /updates/v2");
    assert!(
        list.contains("\napp ")
            && list.contains("2.0-1")
            && list.contains("1.0-1")
            && list.contains("app of the tests"),
        "{list}"
    );
    let list = machine.must("altdisk list fixes /updates/v2; altdisk list bundles /updates/v2");
    for part in [
        "AVG-7 ",
        "code execution (high)",
        "ASA-202401-1, CVE-2024-1111",
        "lib 2.0-1 (installed: 1.0-1)",
        "\nupdate_all",
        "/updates/v2/web.bnd",
        "2 packages",
    ] {
        assert!(list.contains(part), "no `{part}` in {list}");
    }

    // Refused before anything is run.
    said(&update("v2 -w nothere"), 3, &["ALT-733", "nothere"]);
    said(&update("v2 -w app=7"), 3, &["ALT-733", "2.0-1"]);
    said(&update("v2 -F CVE-2024-2222"), 3, &["ALT-734", "AVG-7"]);
    said(&update("v2 -I --dbpath=/ -w app"), 2, &["ALT-737"]);
    said(&update("unmet -w unmet"), 4, &["ALT-740", "what-nobody-has>=3"]);
    machine.must("mkdir -p /alt_inst/usr/share/tests; echo other >/alt_inst/usr/share/tests/there");
    said(&update("clash -w clash"), 4, &["ALT-740", "/usr/share/tests/there exists in filesystem"]);
    assert_eq!(installed(&machine), "app 1.0-1, lib 1.0-1, old 1.0-1");

    // By a CVE number; by a bundle, with and without what it needs; everything, in which one
    // package takes the place of another.
    said(&update("v2 -F CVE-2024-1111"), 0, &["packages to be updated: 1,"]);
    assert_eq!(installed(&machine), "app 1.0-1, lib 2.0-1, old 1.0-1");
    said(&update("v2 -I -acX -w app"), 4, &["ALT-749", "extra"]);
    machine.must("echo mine >/alt_inst/etc/app.conf");
    said(&update("v2 -b /updates/v2/web.bnd"), 0, &[]);
    assert_eq!(installed(&machine), "app 2.0-1, extra 1.0-1, lib 2.0-1, old 1.0-1, unused 1.0-1");
    assert_eq!(
        machine.must("cat /alt_inst/etc/app.conf /alt_inst/etc/app.conf.pacnew"),
        "mine\ntwo\n"
    );
    said(&update("v2 -b update_all"), 0, &["old 1.0-1 will be removed"]);
    assert_eq!(installed(&machine), "app 2.0-1, extra 1.0-1, lib 2.0-1, new 1.0-1, unused 1.0-1");
    said(&update("v2 -w all"), 0, &["up to date"]);

    // What was changed, for people and for programs.
    let text = machine.must("altdisk software");
    assert!(
        text.lines().all(|l| l.chars().count() <= 80)
            && text.contains("pacman")
            && text.contains("-F CVE-2024-1111"),
        "{text}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&machine.must("altdisk software --json")).unwrap();
    let all = json["alternate"].as_array().unwrap();
    assert_eq!(
        (
            all.len(),
            &all[0]["changes"]["updated"][0]["after"],
            &all[2]["changes"]["removed"][0]["name"]
        ),
        (3, &"2.0-1".into(), &"old".into())
    );
    assert!(machine.root().join("alt_inst/var/lib/altdisk/software.json").is_file());

    // A script that hangs is stopped by an interrupt.
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
    assert_eq!(machine.must("pgrep -fc 'sleep 100[7]' || true").trim(), "0", "nothing goes on");

    // Killed, the update is finished by the next; the lock that is left stops nobody.
    machine.must("rm -f /alt_inst/root/waits /alt_inst/var/lib/pacman/db.lck; chroot /alt_inst pacman -R --noconfirm hang");
    let mut run = machine.hanging(HANGING);
    run.kill().unwrap();
    run.wait().unwrap();
    machine.must("touch /alt_inst/root/go /alt_inst/var/lib/pacman/db.lck");
    said(
        &machine.run("alt_disk_install --resume"),
        0,
        &["removed the lock of pacman", "an update was interrupted: hang"],
    );
    assert!(installed(&machine).contains("hang 1.0-1"));

    let left = machine.must("ls -d /alt_inst/var/cache/altdisk* /alt_inst/usr/sbin/policy-rc.d /alt_inst/var/lib/pacman/db.lck /alt_inst/var/lib/pacman/sync/* 2>/dev/null; true");
    assert_eq!(left, "", "nothing of ours stays in the copy");
    same(&before, &machine.own(&[]));
}
