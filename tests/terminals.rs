//! The kit that runs commands on terminals does what its tests believe, and altdisk without a
//! terminal says so.
#![allow(clippy::unwrap_used)]

mod pty;

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::termios::LocalFlags;
use pty::Setup;

fn shell(script: &str) -> Setup {
    Setup::new(["sh", "-c", script])
}

#[test]
fn text_keys_and_size() {
    let mut pty =
        shell("stty -echo; tty >/dev/null && stty size; read line; echo \"<$line>\"; read line")
            .size(100, 30)
            .start();
    pty.wait_for("30 100");
    pty.gap(Duration::from_millis(5));
    pty.keys(&["abc", "Enter"]);
    pty.wait_for("<abc>");
    assert_eq!(pty.settle(Duration::from_millis(50)), "30 100\r\n<abc>\r\n".len());
    assert!(!pty.settings().local_flags.contains(LocalFlags::ECHO));
    pty.resize(80, 24);
    assert_eq!(pty.terminal().columns, 80);
    pty.keys(&["Enter"]);
    assert!(pty.wait_exit(pty::SOON).unwrap().success());
}

#[test]
fn lines_that_do_not_know_their_size_but_their_speed() {
    let pty = shell("stty size; stty speed; sleep 20").size_unknown().speed(9600).start();
    pty.wait_for("0 0\n9600");
    assert!(pty.first_byte().is_some());
}

#[test]
fn a_slow_line_is_slow() {
    let begun = std::time::Instant::now();
    let mut pty = shell("stty raw; printf '%0960d' 0; sleep 20").speed(9600).start();
    assert!(pty.wait_until(pty::SOON, |e| e.cell(0, 11).text == '0' && e.cell(79, 11).text == '0'));
    assert!(begun.elapsed() > Duration::from_millis(800), "{:?}", begun.elapsed());
    assert_eq!(pty.settle(Duration::from_millis(100)), 960);
}

#[test]
fn hanging_up_and_signals() {
    let mut pty = shell("echo here; sleep 30").start();
    pty.wait_for("here");
    pty.hang_up();
    let status = pty.wait_exit(pty::SOON).unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::SIGHUP as i32));
    let mut pty = shell("trap 'exit 7' TERM; echo here; while :; do sleep 0.05; done").start();
    pty.wait_for("here");
    assert!(pty.memory() > 0 && pty.cpu() < Duration::from_secs(5));
    let before = pty.wakeups();
    assert!(before > 0);
    pty.signal(Signal::SIGTERM);
    assert_eq!(pty.wait_exit(pty::SOON).unwrap().code(), Some(7));
}

#[test]
fn the_emulator_is_strict() {
    let pty = shell("printf 'a\\033[7mb\\033[27mc\\033[38;5;1md\\033(0q\\033(B\\033[1m'; sleep 20")
        .start();
    pty.wait_for("abcd─");
    let shown = pty.terminal();
    // A VT100 cannot switch reverse off alone, and knows no colours.
    assert_eq!([1, 2, 4].map(|x| shown.cell(x, 0).look.reversed), [true; 3]);
    assert_eq!(
        pty.complaints(),
        ["SGR 27", "SGR 38", "SGR 1"].map(str::to_owned)[..pty.complaints().len()]
    );
    assert!(!shown.restored());
    let ours = shell("printf 'a\\033[7mb\\033[mc'; sleep 20").term("xterm").start();
    ours.wait_for("abc");
    assert!(
        ours.complaints().is_empty()
            && ours.terminal().restored()
            && !ours.terminal().cell(2, 0).look.reversed
    );
}

/// What is on its way when the size changes was drawn for the old one; from the clear on, nothing
/// is forgiven.
#[test]
fn a_resize_forgives_the_corner_until_the_screen_is_cleared() {
    let mut emulator = pty::emulator::Emulator::new(6, 3, "xterm", true);
    emulator.resize(4, 2);
    emulator.feed(b"\x1b[2;4Hx\x1b[2;1H\x1b[J\x1b[2;4Hx");
    assert!(emulator.resized && emulator.complaints.is_empty(), "{:?}", emulator.complaints);
    emulator.feed(b"\x1b[H\x1b[J\x1b[2;4Hx");
    assert!(!emulator.resized);
    assert_eq!(emulator.complaints, ["the bottom-right cell was written"]);
}

#[test]
fn altdisk_needs_a_terminal() {
    let out = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .stdin(Stdio::null())
        .env("TERM", "vt100")
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2), "{out:?}");
}
