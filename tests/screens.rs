//! Forms on real terminals: every key of the legend in every encoding, byte by byte; sizes, the
//! shell, looks, bad files. `lines.rs` has the line itself.
#![allow(clippy::unwrap_used)]

mod pty;

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use nix::sys::termios::{InputFlags, LocalFlags};
use pty::{Pty, Setup, keys};
use tempfile::TempDir;

const MENU: &str = r##"
[[dialog]]
id = "try"
title = "Try Everything"
help = "A form for tests."
command = ["printf", "<%s>\n"]

[[dialog.field]]
name = "text"
label = "Some text"
help = "Help on some text."
size = 60
required = "?"

[[dialog.field]]
name = "ring"
label = "A ring"
help = "Help on the ring."
kind = "ring"
choices = ["one", "two", "three"]
required = "y"

[[dialog.field]]
name = "list"
label = "A list"
help = "Help on the list."
kind = "list"
list = ["seq", "-f", "line %g", "100"]
take = "second"
many = "words"
required = "?"

[[dialog]]
id = "slow"
title = "Slow"
help = "Its list never comes."
command = ["true"]

[[dialog.field]]
name = "list"
label = "Never"
help = "Never."
list = ["sleep", "600"]
list_timeout = 600

[[dialog]]
id = "late"
title = "Late"
help = "Ends when nobody looks."
ghost = true
shell = 'echo at once; while ! [ -e "$HOME/go" ]; do sleep 0.05; done; echo too late; exit 5'
"##;

/// A home directory with menus of its own.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("menus")).unwrap();
    fs::write(home.path().join("menus/try.toml"), MENU).unwrap();
    home
}

fn setup(home: &Path, words: &[&str]) -> Setup {
    let dir = home.join("menus").to_str().unwrap().to_owned();
    let argv = [env!("CARGO_BIN_EXE_altdisk"), "ui", "--menu-dir", &dir]
        .iter()
        .chain(words)
        .map(|w| (*w).to_owned())
        .collect::<Vec<_>>();
    Setup::new(argv)
        .env("HOME", home.to_str().unwrap())
        .env("ALTDISK_JOBS", home.join("jobs").to_str().unwrap())
}

fn typed(pty: &Pty, bytes: &[u8], expect: &str, what: &str) {
    pty.send(bytes);
    assert!(
        pty.wait_until(pty::SOON, |e| e.text().contains(expect)),
        "{what}: {expect:?} did not come:\n{}\n{:?}",
        pty.screen(),
        String::from_utf8_lossy(&pty.raw()[pty.raw().len().saturating_sub(600)..])
    );
}

/// What each key of the legend brings to the screen, and the keys that lead back to the form.
const SHOWS: &[(&str, &str, &[&str])] = &[
    ("F1", "Help on some text.", &["F3"]),
    ("F2", "Try Everything", &[]),
    ("F6", "SHOW COMMAND STRING", &["F3"]),
    ("F7", "Some text", &["F3"]),
    ("F8", "PRINT SCREEN", &["F3"]),
    ("Down", "Try Everything", &["Up"]),
    ("End", "Try Everything", &["Home"]),
    ("Ctrl-L", "Try Everything", &[]),
];

#[test]
fn every_key_in_every_encoding_byte_by_byte() {
    let home = home();
    let mut pty = setup(home.path(), &["try"]).start();
    pty.wait_for("[Entry Fields]");
    for gap in [0, 3, 60] {
        pty.gap(Duration::from_millis(gap));
        for (key, shows, back) in SHOWS {
            for bytes in keys::encodings(key) {
                typed(&pty, &bytes, shows, &format!("{key} as {bytes:?}, {gap} ms"));
                pty.keys(back);
                assert!(
                    pty.wait_until(pty::SOON, |e| e.text().contains("[Entry Fields]")
                        && e.text().contains("Press Enter AFTER making")),
                    "{}",
                    pty.screen()
                );
            }
        }
        // The ring: forth and back; then the list, found and chosen.
        pty.keys(&["Home", "Down"]);
        for bytes in keys::encodings("Tab") {
            typed(&pty, &bytes, " two ", "Tab");
            pty.keys(&["BackTab"]);
            pty.wait_for(" one ");
        }
        for bytes in keys::encodings("F4") {
            typed(&pty, &bytes, "three", &format!("F4 as {bytes:?}"));
            pty.keys(&["F3"]);
            pty.wait_gone("three");
        }
        pty.keys(&["Home"]);
        for bytes in keys::encodings("Backspace") {
            pty.keys(&["ab"]);
            pty.wait_for("[ab");
            typed(&pty, &bytes, "[a", "Backspace");
            pty.send(&bytes);
            pty.wait_gone("[a");
        }
        for bytes in keys::encodings("F5") {
            pty.keys(&["zz"]);
            pty.wait_for("[zz");
            pty.send(&bytes);
            pty.wait_gone("[zz");
        }
        for bytes in keys::encodings("F3") {
            pty.keys(&["F1"]);
            pty.wait_for("CONTEXTUAL HELP");
            pty.send(&bytes);
            pty.wait_gone("CONTEXTUAL HELP");
        }
    }
    for bytes in keys::encodings("F10") {
        let mut pty = setup(home.path(), &["try"]).start();
        pty.wait_for("[Entry Fields]");
        pty.send(&bytes);
        assert!(
            pty.wait_exit(Duration::from_secs(5)).is_some_and(|s| s.success()),
            "F10 as {bytes:?}\n{}",
            pty.screen()
        );
    }
}

#[test]
fn find_choose_run_and_do_it_again() {
    let home = home();
    let mut pty = setup(home.path(), &["try"]).start();
    pty.gap(Duration::from_millis(2));
    pty.wait_for("[Entry Fields]");
    pty.keys(&["it's; $HOME", "Down", "Tab", "Down", "F4"]);
    pty.wait_for("line 1");
    pty.keys(&["/", "line 77", "Enter"]);
    pty.wait_for("line 77");
    pty.keys(&["F7", "Up", "F7", "Enter"]);
    pty.wait_for("77 76");
    pty.keys(&["Enter"]);
    pty.wait_for("COMMAND STATUS");
    pty.wait_for("Command: OK");
    for line in ["<it's; $HOME>", "<two>", "<77>", "<76>"] {
        pty.wait_for(line);
    }
    pty.keys(&["F10"]);
    assert!(pty.wait_exit(Duration::from_secs(5)).unwrap().success());
    let again =
        std::process::Command::new("sh").arg(home.path().join("smit.script")).output().unwrap();
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "<it's; $HOME>\n<two>\n<77>\n<76>\n");
    assert_eq!(pty.complaints(), Vec::<String>::new());
}

/// What was copied from somewhere takes its line break along; it must not run anything.
#[test]
fn a_pasted_line_break_is_not_enter() {
    let home = home();
    for speed in [None, Some(9600)] {
        let setup = setup(home.path(), &["try"]);
        let setup = if let Some(bits) = speed { setup.speed(bits) } else { setup };
        for gap in [0, 1] {
            // A machine that is busy for longer than a person needs between two keys pastes nothing.
            let pty = (0..20)
                .find_map(|_| {
                    let mut pty = setup.start();
                    pty.wait_for("[Entry Fields]");
                    pty.gap(Duration::from_millis(gap));
                    let pause = pty.send(b"PRACTICE-one\nsecond line\n");
                    (pause < Duration::from_millis(20)).then_some(pty)
                })
                .expect("20 times the machine was too busy to paste");
            // Both lines at once, or the line break and then the second line.
            pty.wait_for("pasted");
            pty.wait_for("[PRACTICE-one");
            assert!(
                !pty.screen().contains("second") && !pty.screen().contains("COMMAND STATUS"),
                "{}",
                pty.screen()
            );
            std::thread::sleep(Duration::from_millis(200));
            pty.keys(&["Enter"]);
            pty.wait_for("<PRACTICE-one>");
        }
    }
}

/// Text that the terminal marks as pasted is never a key, and the marks are off again afterwards.
#[test]
fn marked_pastes_are_text() {
    let home = home();
    let mut pty = setup(home.path(), &["try"]).term("xterm-256color").start();
    pty.wait_for("[Entry Fields]");
    assert!(pty.terminal().marks_pastes);
    pty.send(b"\x1b[200~PRACTICE-two\r\x1b[201~");
    pty.wait_for("A pasted line break is not Enter.");
    pty.wait_for("[PRACTICE-two");
    pty.send(b"\x1b[200~one\rtwo\r\x1b[21~\x1b[201~");
    pty.wait_for("Only one line can be pasted here.");
    assert!(pty.screen().contains("[PRACTICE-two") && !pty.screen().contains("COMMAND STATUS"));
    pty.signal(Signal::SIGTERM);
    pty.wait_exit(Duration::from_secs(5)).unwrap();
    assert!(pty.terminal().restored(), "{}", pty.screen());
    assert_eq!(pty.complaints(), Vec::<String>::new());
}

/// A session that is left does not take the result of its job along: the next one writes it down.
#[test]
fn the_log_gets_the_result_of_a_job_that_was_left() {
    let home = home();
    let pty = setup(home.path(), &["late"]).start();
    pty.wait_for("at once");
    pty.keys(&["F10"]);
    let log = || fs::read_to_string(home.path().join("smit.log")).unwrap_or_default();
    let wait = |text: &str| {
        let begun = std::time::Instant::now();
        while !log().contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{text}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("---- it runs ----");
    fs::write(home.path().join("go"), "").unwrap();
    let ended = home.path().join("jobs/1/exit.json");
    let begun = std::time::Instant::now();
    while !ended.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!log().lines().any(|l| l.trim() == "too late"));
    for _ in 0..2 {
        let mut pty = setup(home.path(), &["try"]).start();
        pty.wait_for("[Entry Fields]");
        pty.keys(&["F10"]);
        pty.wait_exit(Duration::from_secs(5)).unwrap();
    }
    wait("Job 1 has ended: ");
    let text = log();
    for once in ["at once\n", "too late\n", "exit code 5"] {
        assert_eq!(text.lines().filter(|l| l.trim() == once.trim()).count(), 1, "{once}\n{text}");
    }
}

#[test]
fn flow_control_stays_as_the_line_has_it() {
    let home = home();
    let pty = setup(home.path(), &["try"]).start();
    pty.wait_for("[Entry Fields]");
    assert!(pty.settings().input_flags.contains(InputFlags::IXON));
    assert!(!pty.settings().local_flags.contains(LocalFlags::ICANON));
}

#[test]
fn sizes() {
    let home = home();
    let pty = setup(home.path(), &["try"]).size_unknown().start();
    pty.wait_for("[Entry Fields]");
    drop(pty);
    let pty = setup(home.path(), &["try"]).start();
    pty.wait_for("[Entry Fields]");
    pty.keys(&["kept"]);
    pty.wait_for("[kept");
    pty.resize(60, 16);
    pty.wait_for("at least 80x20");
    // Below a status line of tmux, and on the smallest screen.
    for rows in [23, 20] {
        pty.resize(80, rows);
        pty.wait_for("[kept");
        pty.wait_for("=Exit");
    }
    pty.resize(132, 43);
    pty.wait_for("[kept");
    pty.resize(80, 24);
    pty.wait_for("[kept");
}

#[test]
fn a_list_that_never_comes_can_be_left() {
    let home = home();
    let mut pty = setup(home.path(), &["slow"]).start();
    pty.wait_for("[Entry Fields]");
    pty.keys(&["F4"]);
    pty.wait_for("sleep 600");
    pty.keys(&["F3"]);
    pty.wait_gone("sleep 600");
    pty.keys(&["F4"]);
    pty.wait_for("sleep 600");
    pty.keys(&["F10"]);
    assert!(pty.wait_exit(Duration::from_secs(5)).is_some());
}

#[test]
fn f9_is_a_shell_and_back() {
    let home = home();
    let mut pty = setup(home.path(), &["try"]).env("SHELL", "/bin/sh").start();
    pty.wait_for("[Entry Fields]");
    pty.keys(&["kept"]);
    pty.wait_for("[kept");
    pty.keys(&["F9"]);
    pty.wait_for("Type `exit` to return");
    assert!(pty.settings().local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON));
    pty.keys(&["echo sh''ell", "Enter"]);
    pty.wait_for("shell");
    pty.keys(&["exit", "Enter"]);
    pty.wait_for("[kept");
    pty.wait_gone("shell");
    pty.keys(&["F10"]);
    assert!(pty.wait_exit(Duration::from_secs(5)).unwrap().success());
}

#[test]
fn bad_files_never_start() {
    let home = home();
    fs::write(home.path().join("menus/bad.toml"), "[[dialog]]\nid = \"x\"\ntittle = \"X\"\n")
        .unwrap();
    let mut pty = setup(home.path(), &[]).start();
    assert_eq!(pty.wait_exit(Duration::from_secs(5)).unwrap().code(), Some(2));
    pty.settle(Duration::from_millis(50));
    let said = pty.screen();
    assert!(said.contains("bad.toml:3:1") && said.contains("tittle"), "{said}");
    assert!(!said.contains("Move cursor"), "{said}");
}

#[test]
fn looks() {
    let home = home();
    // A slow line gets the marker, NO_COLOR no colours, dumb terminals lines of text.
    let pty = setup(home.path(), &[]).term("vt220").speed(9600).start();
    pty.wait_for("> Clone the Running System");
    let pty = setup(home.path(), &[]).term("xterm-256color").env("NO_COLOR", "1").start();
    pty.wait_for("Clone the Running System");
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(
        !raw.contains("\x1b[3") && !raw.contains("\x1b[4") && raw.contains("\x1b[7m"),
        "{raw:?}"
    );
    let pty = setup(home.path(), &[]).term("dumb").start();
    pty.wait_for("1  Clone the Running System");
    assert!(!pty.raw().contains(&0x1b));
    let mut pty = setup(home.path(), &["--theme", "nosuch"]).start();
    pty.wait_for("nosuch");
    pty.keys(&["Enter"]);
    pty.wait_for("Move cursor");
    pty.keys(&["F10"]);
    assert!(pty.wait_exit(Duration::from_secs(5)).unwrap().success());
}
