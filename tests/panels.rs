//! A person at a slow terminal clones a machine through the panels: from the menu to the end; and
//! loses the line in the middle.
#![allow(clippy::unwrap_used)]

#[path = "machine/mod.rs"]
mod machine;
mod pty;

use std::time::{Duration, Instant};

use machine::Machine;
use pty::{Pty, Setup};

/// A whole clone of the small machine, with room for other work on this computer.
const CLONE: Duration = Duration::from_secs(300);

/// `altdisk` on a VT100 of its own, whose keys come byte by byte.
fn altdisk(m: &Machine) -> Pty {
    let mut pty = Setup::new(m.words("altdisk")).env("MACHINE_TERM", "vt100").start();
    pty.gap(Duration::from_millis(5));
    pty
}

#[track_caller]
fn comes(pty: &Pty, text: &str, within: Duration) {
    assert!(
        pty.wait_until(within, |e| e.text().contains(text)),
        "{text:?} did not come; the screen shows\n{}",
        pty.screen()
    );
    // Nobody reads faster, and altdisk does not believe keys of somebody who would. On a busy
    // computer the rest of the screen takes a moment.
    std::thread::sleep(Duration::from_millis(500));
}

/// Enter, Enter, Enter: the menu's first line, the dialog with the only free disk in it, the page
/// of what will happen.
fn begin(pty: &Pty, disk: &str) {
    pty.wait_for("Move cursor to desired item and press Enter.");
    pty.keys(&["Enter"]);
    pty.wait_for(&format!("[{disk}]"));
    pty.keys(&["F6"]);
    pty.wait_for("SHOW COMMAND STRING");
    pty.wait_for("altdisk alt_disk_install -C");
    pty.keys(&["Enter", "Enter"]);
    comes(pty, "WHAT BOOTS NEXT", Duration::from_secs(60));
}

#[test]
fn a_clone_from_the_menu_to_the_end() {
    if let Some(why) = machine::missing() {
        println!("skipped: {why}");
        return;
    }
    let m = Machine::new("panels", "parts");
    m.blank("spare", 3072);
    let mut pty = altdisk(&m);
    begin(&pty, "spare");
    assert!(
        m.run("mountpoint -q /alt_inst").code != Some(0),
        "nothing happens before the last Enter"
    );
    pty.keys(&["Enter"]);
    comes(&pty, "COMMAND STATUS", Duration::from_secs(20));
    comes(&pty, "Command: OK", CLONE);
    let idle = (pty.settle(Duration::from_millis(2500)), pty.wakeups());
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((pty.settle(Duration::from_millis(10)), pty.wakeups()), (0, idle.1), "at rest");
    assert!(m.must("altdisk disks").contains("altinst_rootvg"));
    // Away with it again, through the panels too: this asks for a word.
    pty.keys(&["F3", "F3"]);
    pty.wait_for("Move cursor to desired item and press Enter.");
    pty.keys(&["Down", "Down", "Down", "Enter"]);
    comes(&pty, "Forget the Copy and Erase Its Disk", Duration::from_secs(5));
    // The first line asks for nothing: it forgets the copy.
    pty.keys(&["Enter"]);
    comes(&pty, "WHAT IS FORGOTTEN", Duration::from_secs(30));
    pty.keys(&["Esc"]);
    pty.wait_for("Move cursor to desired item and press Enter.");
    pty.keys(&["Down", "Enter"]);
    comes(&pty, "WHAT IS ERASED", Duration::from_secs(30));
    // Enter alone, and a wrong word, do nothing.
    pty.keys(&["Enter", "wrong", "Enter"]);
    pty.settle(Duration::from_millis(500));
    assert!(m.must("altdisk disks").contains("altinst_rootvg"), "{}", pty.screen());
    pty.keys(&["Esc"]);
    pty.wait_for("Move cursor to desired item and press Enter.");
    pty.keys(&["Enter"]);
    comes(&pty, "WHAT IS ERASED", Duration::from_secs(30));
    pty.keys(&["spare", "Enter"]);
    comes(&pty, "COMMAND STATUS", Duration::from_secs(20));
    comes(&pty, "Command: OK", Duration::from_secs(120));
    assert!(!m.must("altdisk disks").contains("altinst_rootvg"));
    let script = m.must("cat /root/smit.script");
    assert!(
        script
            .lines()
            .any(|l| l.starts_with("altdisk alt_disk_install -C") && l.ends_with("spare")),
        "{script}"
    );
    assert!(
        script.lines().any(|l| l == "altdisk alt_disk_install -X --erase PRACTICE-spare"),
        "{script}"
    );
    pty.keys(&["F10"]);
    assert!(pty.wait_exit(Duration::from_secs(5)).unwrap().success());
    assert_eq!(pty.complaints(), Vec::<String>::new());
}

#[test]
fn the_line_drops_in_the_middle() {
    if let Some(why) = machine::missing() {
        println!("skipped: {why}");
        return;
    }
    let m = Machine::new("hangup", "plain");
    m.blank("spare", 3072);
    let mut pty = altdisk(&m);
    begin(&pty, "spare");
    pty.keys(&["Enter"]);
    comes(&pty, "Command: running", Duration::from_secs(30));
    let begun = Instant::now();
    pty.hang_up();
    assert!(pty.wait_exit(Duration::from_secs(3)).is_some(), "the interface outlives its line");
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(m.must("altdisk jobs").contains("running"), "the clone goes on");
    // The next one says so and shows it.
    let again = altdisk(&m);
    comes(&again, "COMMAND STATUS", Duration::from_secs(20));
    comes(&again, "Command: OK", CLONE);
    drop(again);
    assert!(m.must("altdisk disks").contains("altinst_rootvg"));
    m.must("alt_disk_install -X");
}

/// The panel that restarts the machine says first what boots and who is logged in. A stand-in takes
/// the place of the programs that would do it: nothing is restarted here.
#[test]
fn a_restart_says_what_boots_and_who_is_disconnected() {
    if let Some(why) = machine::missing() {
        println!("skipped: {why}");
        return;
    }
    let m = Machine::new("restart", "plain");
    m.must(
        "for p in systemctl shutdown; do printf '#!/bin/sh\\necho \"$0 $*\" >>/root/restarted\\n' >/usr/local/sbin/$p && chmod 755 /usr/local/sbin/$p; done
         printf '#!/bin/sh\\necho \"anna     pts/7        2026-11-29 20:02 (192.0.2.7)\"\\n' >/usr/local/bin/who && chmod 755 /usr/local/bin/who",
    );
    // These are looked up before any other, so that what follows cannot restart anything.
    for program in ["systemctl", "shutdown"] {
        assert!(
            m.run(&format!(
                "test -x /usr/local/sbin/{program} && grep -q restarted /usr/local/sbin/{program}"
            ))
            .code
                == Some(0)
        );
    }
    let restarted = || m.run("cat /root/restarted").stdout;
    // While a run is at work, nobody restarts the machine under it.
    let unconfirmed = m.run("altdisk restart");
    assert!(
        unconfirmed.code == Some(2) && unconfirmed.stderr.contains("ALT-130"),
        "{unconfirmed:?}"
    );
    let busy = m.run("mkdir -p /var/lib/altdisk && flock /var/lib/altdisk altdisk restart --yes");
    assert!(
        busy.code == Some(3) && busy.stderr.contains("ALT-701"),
        "{}{}",
        busy.stdout,
        busy.stderr
    );
    let mut pty = Setup::new(m.words("altdisk alt_restart")).env("MACHINE_TERM", "vt100").start();
    pty.gap(Duration::from_millis(5));
    for text in [
        "WHAT BOOTS",
        "WHO IS LOGGED IN",
        "anna on pts/7 since 2026-11-29 20:02 (192.0.2.7)",
        "WHEN",
    ] {
        comes(&pty, text, Duration::from_secs(30));
    }
    assert_eq!(restarted(), "", "nothing happens before Enter");
    pty.keys(&["Enter"]);
    comes(&pty, "Command: OK", Duration::from_secs(30));
    assert!(
        ["/usr/local/sbin/shutdown -r now\n", "/usr/local/sbin/systemctl reboot\n"]
            .contains(&restarted().as_str()),
        "{}",
        restarted()
    );
}

/// A run that a shell began goes on when its terminal is lost; it is in the list of jobs, in the
/// menu, and is stopped from there.
#[test]
fn a_run_of_a_shell_is_found_again_after_a_hang_up() {
    if let Some(why) = machine::missing() {
        println!("skipped: {why}");
        return;
    }
    let m = Machine::new("shell", "plain");
    m.blank("spare", 3072);
    // It waits in the middle, however fast the computer is.
    m.must("printf '#!/bin/sh\\ntouch /root/begun\\nexec sleep 600\\n' >/root/waits && chmod 755 /root/waits");
    let mut pty = Setup::new(m.words("alt_disk_install -C -B -s /root/waits spare"))
        .env("MACHINE_TERM", "vt100")
        .start();
    comes(&pty, "Run the customization script", CLONE);
    let begun = Instant::now();
    while !m.root().join("root/begun").exists() {
        assert!(begun.elapsed() < CLONE, "the script does not run");
        std::thread::sleep(Duration::from_millis(100));
    }
    pty.hang_up();
    let jobs = m.must("altdisk jobs");
    assert!(
        jobs.lines().any(|l| l.contains(" running ")
            && l.ends_with("alt_disk_install -C -B -s /root/waits spare")),
        "{jobs}"
    );
    let told =
        m.must("altdisk disks --alternates").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("job 1 is at work on it") && told.contains("`altdisk jobs stop 1` ends it"),
        "{told}"
    );
    let busy = m.run("alt_disk_install -X");
    assert!(
        busy.code == Some(3)
            && busy.stderr.contains("ALT-701")
            && busy.stderr.contains("`altdisk jobs` shows it"),
        "{}",
        busy.stderr
    );
    // The menu opens it at once, and stops it.
    let pty = altdisk(&m);
    comes(&pty, "Job 1", Duration::from_secs(20));
    comes(&pty, "Run the customization script", Duration::from_secs(20));
    pty.keys(&["Ctrl-C"]);
    comes(&pty, "ARE YOU SURE??", Duration::from_secs(20));
    pty.keys(&["Enter"]);
    comes(&pty, "Command: failed", Duration::from_secs(60));
    drop(pty);
    let jobs = m.must("altdisk jobs");
    assert!(
        jobs.lines().any(|l| l.trim_start().starts_with("1 ") && l.contains(" stopped ")),
        "{jobs}"
    );
    assert_eq!(m.run("altdisk jobs follow 1").code, Some(4));
    assert!(m.must("altdisk disks --alternates").contains("--resume"));
    m.must("alt_disk_install -X");
}
