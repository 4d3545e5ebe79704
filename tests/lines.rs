//! altdisk's interface on lines of all kinds: keys in pieces, signals, hang-ups, slow lines, lines
//! that know nothing.
#![allow(clippy::unwrap_used)]

mod pty;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::termios::{InputFlags, LocalFlags};
use pty::{Pty, Setup};

const QUIET: Duration = Duration::from_millis(150);
const BIN: &str = env!("CARGO_BIN_EXE_altdisk");
/// On the top menu, and on the screen that its last line leads to.
const TOP: &str = "Move cursor to desired item";

/// altdisk at a person's home that is empty.
fn setup(home: &tempfile::TempDir) -> Setup {
    let path = home.path().to_str().unwrap();
    Setup::new([BIN]).env("HOME", path).env("ALTDISK_JOBS", path)
}

fn opened(setup: &Setup) -> Pty {
    let mut pty = setup.start();
    pty.wait_for(TOP);
    pty.settle(QUIET);
    pty
}

/// The row whose label is reversed.
fn chosen(pty: &Pty) -> Option<usize> {
    let shown = pty.terminal();
    (0..shown.rows).find(|y| (0..shown.columns).any(|x| shown.cell(x, *y).look.reversed))
}

#[test]
fn keys_in_every_encoding_and_in_pieces() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = opened(&setup(&home));
    let first = chosen(&pty).unwrap();
    for gap in [0, 1, 20, 300] {
        pty.gap(Duration::from_millis(gap));
        for down in pty::keys::encodings("Down") {
            pty.send(&down);
            assert!(
                pty.wait_until(pty::SOON, |e| e.cell(4, first + 1).look.reversed),
                "{down:x?} {gap} ms apart\n{}",
                pty.screen()
            );
            pty.keys(&["Up"]);
            assert!(
                pty.wait_until(pty::SOON, |e| e.cell(4, first).look.reversed),
                "{down:x?} {gap} ms apart\n{}",
                pty.screen()
            );
        }
        for help in pty::keys::encodings("F1") {
            pty.send(&help);
            pty.wait_for("HELP");
            pty.keys(&["F3"]);
            pty.wait_gone("HELP");
        }
    }
    assert_eq!(pty.complaints(), [""; 0]);
}

#[test]
fn eight_keys_typed_ahead_are_one_frame() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = opened(&setup(&home));
    let first = chosen(&pty).unwrap();
    pty.send(&b"\x1b[B".repeat(8));
    let bytes = pty.settle(QUIET);
    assert!(chosen(&pty) > Some(first + 6) && bytes <= 130, "{bytes} bytes\n{}", pty.screen());
    pty.keys(&["F2"]);
    pty.settle(QUIET);
    assert_eq!(pty.complaints(), [""; 0]);
}

#[test]
fn idle_is_idle() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = opened(&setup(&home));
    let (wakeups, cpu) = (pty.wakeups(), pty.cpu());
    assert_eq!(pty.settle(Duration::from_secs(2)), 0);
    assert_eq!((pty.wakeups(), pty.cpu()), (wakeups, cpu));
}

#[test]
fn the_terminal_is_given_back() {
    let home = tempfile::tempdir().unwrap();
    for term in ["vt100", "vt220", "linux", "xterm-256color", "ansi", "screen"] {
        for end in ["F10", "SIGTERM", "SIGINT"] {
            let mut pty = Setup::start(&setup(&home).term(term));
            let before = pty.settings_before().clone();
            pty.wait_for(TOP);
            pty.settle(QUIET);
            assert!(!pty.settings().local_flags.contains(LocalFlags::ICANON));
            assert_eq!(
                pty.settings().input_flags & InputFlags::IXON,
                before.input_flags & InputFlags::IXON
            );
            match end {
                "SIGTERM" => pty.signal(Signal::SIGTERM),
                "SIGINT" => pty.signal(Signal::SIGINT),
                key => pty.keys(&[key]),
            }
            assert!(pty.wait_exit(pty::SOON).is_some(), "{term}: {end}\n{}", pty.screen());
            pty.settle(QUIET);
            assert!(pty.terminal().restored(), "{term}: {end}");
            assert_eq!(pty.settings().local_flags, before.local_flags, "{term}: {end}");
            assert_eq!(pty.complaints(), [""; 0], "{term}: {end}");
        }
    }
}

#[test]
fn stopped_and_continued() {
    let home = tempfile::tempdir().unwrap();
    // A shell with job control, whose job altdisk is.
    let script = format!("set -m; {BIN}; echo STOPPED; read x; fg; echo ENDED; read x");
    let path = home.path().to_str().unwrap();
    let mut pty =
        Setup::new(["sh", "-c", &script]).env("HOME", path).env("ALTDISK_JOBS", path).start();
    pty.wait_for(TOP);
    pty.settle(QUIET);
    let before = pty.screen();
    pty.keys(&["Ctrl-Z"]);
    pty.wait_for("STOPPED");
    assert!(
        pty.settings().local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO)
            && pty.terminal().restored()
    );
    pty.keys(&["Enter"]);
    pty.wait_gone("STOPPED");
    pty.wait_for(TOP);
    pty.settle(QUIET);
    assert_eq!(pty.screen(), before);
    assert!(!pty.settings().local_flags.contains(LocalFlags::ICANON));
    pty.keys(&["F10"]);
    pty.wait_for("ENDED");
    assert!(pty.terminal().restored() && pty.settings().local_flags.contains(LocalFlags::ICANON));
}

#[test]
fn a_line_that_drops_ends_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    for ignored in [false, true] {
        // An ignored SIGHUP is inherited.
        let trap = if ignored { "trap '' HUP; " } else { "" };
        let mut pty = Setup::new(["sh", "-c", &format!("{trap}exec {BIN}")])
            .env("HOME", path)
            .env("ALTDISK_JOBS", path)
            .start();
        pty.wait_for(TOP);
        pty.settle(QUIET);
        let begun = Instant::now();
        pty.hang_up();
        let dropped = Instant::now();
        assert!(pty.wait_exit(pty::SOON).is_some());
        assert!(dropped.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_serial_line_that_knows_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = opened(&setup(&home).size_unknown().speed(9600));
    // The look for slow lines, at 80x24.
    let screen = pty.screen();
    assert!(screen.lines().any(|l| l.starts_with('>')), "{screen}");
    assert!(chosen(&pty).is_none());
    pty.keys(&["Down"]);
    let bytes = pty.settle(Duration::from_millis(400));
    assert!(bytes <= 12, "{bytes}");
    // Keys are answered soon although a whole screen is on its way.
    let begun = Instant::now();
    pty.keys(&["Ctrl-L", "Down"]);
    assert!(pty.wait_until(pty::SOON, |e| e.row(6).starts_with('>') || e.row(5).starts_with('>')));
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!(pty.complaints(), [""; 0]);
}

#[test]
fn another_size() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = opened(&setup(&home).term("xterm").utf8());
    for (columns, rows) in [(132, 43), (60, 16), (20, 5), (80, 24)] {
        pty.resize(columns, rows);
        // A frame for the old size may still be on its way; the first one for the new size clears
        // the screen.
        assert!(
            pty.wait_until(pty::SOON, |e| !e.resized),
            "{columns}x{rows}: the screen was not cleared\n{}",
            pty.screen()
        );
        pty.settle(QUIET);
        assert!(!pty.screen().trim().is_empty());
    }
    pty.wait_for(TOP);
    assert_eq!(pty.complaints(), [""; 0]);
}

#[test]
fn a_key_is_answered_while_the_log_runs_over_a_slow_line() {
    a_key_is_answered_while("sleep 0.005; ");
}

#[test]
fn a_key_is_answered_while_the_log_runs_as_fast_as_it_can() {
    a_key_is_answered_while("");
}

fn a_key_is_answered_while(pace: &str) {
    let home = tempfile::tempdir().unwrap();
    let menus = home.path().join("menus");
    std::fs::create_dir(&menus).unwrap();
    let panel = format!(
        "[[dialog]]\nid = \"flood\"\ntitle = \"Flood\"\nhelp = \"Prints without an end.\"\nghost = true\n\
                 shell = 'i=0; while :; do i=$((i+1)); echo \"$i $i $i $i $i $i $i $i $i\"; {pace}done'\n"
    );
    std::fs::write(menus.join("flood.toml"), panel).unwrap();
    let path = home.path().to_str().unwrap();
    let pty = Setup::new([BIN, "ui", "--menu-dir", menus.to_str().unwrap(), "flood"])
        .env("HOME", path)
        .env("ALTDISK_JOBS", path)
        .speed(9600)
        .start();
    pty.wait_for("Command: running");
    std::thread::sleep(Duration::from_secs(2));
    let mut waits = vec![];
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        pty.keys(&["F6"]);
        assert!(pty.wait_until(pty::SOON, |e| e.text().contains("+----")), "{}", pty.screen());
        waits.push(begun.elapsed());
        pty.keys(&["F3"]);
        pty.wait_gone("+----");
        std::thread::sleep(Duration::from_millis(700));
    }
    waits.sort();
    println!("from a key to its frame's first line: {waits:?}");
    // 300 ms to the first byte; the upper border of the frame is another 80 bytes, 83 ms.
    assert!(waits[2] < Duration::from_millis(600), "{waits:?}");
    pty.keys(&["Ctrl-C"]);
    pty.wait_for("Enter=Do");
    std::thread::sleep(Duration::from_secs(1));
    pty.keys(&["Enter"]);
    pty.wait_for("Command: failed");
}

/// A panel that asks ARE YOU SURE?? and then writes a file; its folder, and the terminal with it.
fn careful(home: &tempfile::TempDir, speed: u32) -> (Pty, std::path::PathBuf) {
    let menus = home.path().join("menus");
    std::fs::create_dir_all(&menus).unwrap();
    let done = home.path().join("done");
    let panel = format!(
        "[[dialog]]\nid = \"careful\"\ntitle = \"Careful\"\nhelp = \"Writes a file.\"\nconfirm = \"Really?\"\n\
         shell = 'echo yes >{}; echo {{word}}'\n\
         [[dialog.field]]\nname = \"word\"\nlabel = \"Word\"\nhelp = \"Any.\"\n",
        done.display()
    );
    std::fs::write(menus.join("careful.toml"), panel).unwrap();
    let path = home.path().to_str().unwrap();
    let setup = Setup::new([BIN, "ui", "--menu-dir", menus.to_str().unwrap(), "careful"])
        .env("HOME", path)
        .env("ALTDISK_JOBS", path);
    let mut pty = setup.speed(speed).start();
    pty.wait_for("Word");
    pty.settle(Duration::from_millis(400));
    (pty, done)
}

#[test]
fn a_question_that_nobody_can_have_seen_is_not_answered() {
    for speed in [9600, 38400] {
        let home = tempfile::tempdir().unwrap();
        let (mut pty, done) = careful(&home, speed);
        for gap in [5, 15] {
            pty.send(b"\r");
            std::thread::sleep(Duration::from_millis(gap));
            pty.send(b"\r");
            pty.wait_for("SURE");
            pty.settle(Duration::from_millis(600));
            assert!(
                pty.screen().contains("Really?") && !done.exists(),
                "{speed}: {}",
                pty.screen()
            );
            pty.keys(&["F3"]);
            pty.wait_gone("SURE");
            pty.settle(Duration::from_millis(400));
        }
        pty.send(b"\r");
        pty.wait_for("SURE");
        pty.settle(Duration::from_millis(600));
        pty.send(b"\r");
        pty.wait_for("Command: OK");
        assert!(done.exists());
    }
}

#[test]
fn a_stop_from_outside_leaves_no_line_of_somebody_else() {
    let home = tempfile::tempdir().unwrap();
    let mut pty = opened(&setup(&home));
    let raw = pty.settings();
    let before = pty.screen();
    pty.signal(Signal::SIGSTOP);
    // What a shell with job control does meanwhile.
    let mut cooked = raw.clone();
    cooked.local_flags.insert(LocalFlags::ICANON | LocalFlags::ECHO);
    pty.set(&cooked);
    pty.signal(Signal::SIGCONT);
    let begun = Instant::now();
    while pty.settings().local_flags != raw.local_flags && begun.elapsed() < pty::SOON {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(pty.settings().local_flags, raw.local_flags);
    pty.settle(QUIET);
    assert_eq!(pty.screen(), before);
}
