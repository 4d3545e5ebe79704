//! The commands as a user calls them: names, help, refusals, exit codes, where text goes. Nothing
//! here touches a disk.
#![allow(clippy::unwrap_used)]

use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

const BIN: &str = env!("CARGO_BIN_EXE_altdisk");

fn altdisk(args: &[&str]) -> Output {
    Command::new(BIN).args(args).output().unwrap()
}

fn stdout(o: &Output) -> String {
    String::from_utf8(o.stdout.clone()).unwrap()
}

fn stderr(o: &Output) -> String {
    String::from_utf8(o.stderr.clone()).unwrap()
}

#[test]
fn the_name_is_the_command() {
    let by_word = altdisk(&["alt_disk_install", "--help"]);
    let by_name =
        Command::new(BIN).arg0("/usr/sbin/alt_disk_install").arg("--help").output().unwrap();
    let by_help = altdisk(&["help", "alt_disk_install"]);
    assert_eq!(by_word.status.code(), Some(0));
    assert_eq!(stdout(&by_word), stdout(&by_name));
    assert_eq!(stdout(&by_word), stdout(&by_help));
    assert!(stdout(&by_word).contains("usage: alt_disk_install {-C | -d device}"));
}

#[test]
fn every_command_has_help() {
    let list = stdout(&altdisk(&["--help"]));
    let commands: Vec<&str> = list
        .lines()
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"alt_disk_install") && commands.contains(&"explain"), "{list}");
    assert!(!commands.contains(&"generate"), "packagers know it: {list}");
    for name in commands {
        let o = altdisk(&[name, "--help"]);
        assert_eq!(o.status.code(), Some(0), "{name}");
        assert!(stdout(&o).contains("usage: ") && stdout(&o).contains("--help"), "{name}");
    }
}

#[test]
fn without_a_command_it_helps() {
    let o = altdisk(&[]);
    assert_eq!(o.status.code(), Some(2));
    assert!(stdout(&o).contains("Commands:"));
    let o = altdisk(&["--version"]);
    assert_eq!(
        (o.status.code(), stdout(&o)),
        (Some(0), format!("altdisk {}\n", env!("CARGO_PKG_VERSION")))
    );
    let o = altdisk(&["alt_disk_instal"]);
    assert_eq!(o.status.code(), Some(2));
    assert_eq!(
        stderr(&o),
        "altdisk: ALT-105 altdisk has no command and no panel `alt_disk_instal`\n  what to do: perhaps `alt_disk_install` is meant; `altdisk --help` lists the commands\n"
    );
}

#[test]
fn a_refusal_has_id_cause_remedy_and_usage() {
    let o = altdisk(&["alt_disk_install", "-C", "-Br", "no-such-disk"]);
    assert_eq!((o.status.code(), stdout(&o).as_str()), (Some(2), ""));
    let text = stderr(&o);
    assert!(
        text.starts_with(
            "alt_disk_install: ALT-114 -B leaves the boot list alone, so -r would not reboot from the new disk\n  what to do: leave out -B"
        ),
        "{text}"
    );
    assert!(text.contains("\nusage: alt_disk_install {-C | -d device} [-P phase]"), "{text}");
}

#[test]
fn lists_and_locations_are_looked_at_first() {
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["-C", "-l", "/tmp", "x"],
            2,
            "ALT-741 -l /tmp is given, but nothing to install from there",
        ),
        (
            &["-C", "-l", "/tmp", "-w", "linux-*", "x"],
            2,
            "ALT-107 `linux-*` after -w is not a package: patterns are not possible",
        ),
        (&["-C", "-w", "vim", "x"], 2, "ALT-117 -w is given without -l"),
        (
            &["-C", "-l", "/dev/null", "-w", "vim", "x"],
            3,
            "ALT-732 /dev/null is a tape or another character device",
        ),
    ];
    for (args, code, says) in cases {
        let o = altdisk(&[&["alt_disk_install"], *args].concat());
        assert_eq!(o.status.code(), Some(*code), "{}", stderr(&o));
        assert!(stderr(&o).contains(says), "{}", stderr(&o));
    }
}

#[test]
fn a_reader_that_stops_is_no_failure() {
    // The pipe is closed before anything is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for args in [&["alt_disk_install", "--help"][..], &["errors"], &["--version"]] {
        let o = Command::new(BIN).args(args).stdout(writer.try_clone().unwrap()).output().unwrap();
        assert_eq!((o.status.code(), stderr(&o).as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn events_need_an_open_descriptor() {
    let o = altdisk(&["alt_disk_install", "-C", "--preview", "--events", "777", "no-such-disk"]);
    assert_eq!(o.status.code(), Some(2));
    assert!(
        stderr(&o).contains("ALT-107 descriptor 777 after --events is not open"),
        "{}",
        stderr(&o)
    );
}

#[test]
fn a_refused_preview_is_told_as_events_too() {
    let script = format!(
        "{BIN} alt_disk_install -C --preview --events 3 no-such-disk 3>&1 >/dev/null 2>/dev/null"
    );
    let o = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_ne!(o.status.code(), Some(0));
    let text = stdout(&o);
    let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
    assert!(
        first.starts_with(
            r#"{"event":"start","version":1,"argv":["alt_disk_install","-C","--preview""#
        ),
        "{text}"
    );
    assert!(last.starts_with(r#"{"event":"done","exit":"#), "{text}");
    assert!(text.lines().any(|l| l.starts_with(r#"{"event":"error","id":"ALT-"#)), "{text}");
}

#[test]
fn errors_are_explained() {
    let all = stdout(&altdisk(&["errors"]));
    assert!(all.contains("\nALT-114 -B and -r exclude each other\n"), "{all}");
    let o = altdisk(&["explain", "114", "ALT-602"]);
    assert_eq!(o.status.code(), Some(0));
    assert!(
        stdout(&o).starts_with("ALT-114 ")
            && stdout(&o).contains("\nALT-602 ")
            && stdout(&o).contains("exit code 2")
    );
    assert_eq!(altdisk(&["explain", "ALT-000"]).status.code(), Some(2));
    assert_eq!(altdisk(&["explain"]).status.code(), Some(2));
}

/// Every `alt_disk_install` line in README.md is one that the command line accepts as far as its
/// form goes.
#[test]
fn the_readme_shows_flags_that_exist() {
    let readme = include_str!("../README.md");
    let help = stdout(&altdisk(&["alt_disk_install", "--help"]));
    let lines: Vec<&str> = readme
        .lines()
        .map(|l| l.trim().trim_start_matches("sudo "))
        .filter(|l| l.starts_with("alt_disk_install "))
        .collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let command = line.split('#').next().unwrap_or_default();
        for word in command.split_whitespace().filter(|w| w.starts_with('-')) {
            assert!(help.contains(&format!("\n  {word}")), "{line}: {word}");
        }
    }
}
