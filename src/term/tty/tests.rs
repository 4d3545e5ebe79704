use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use nix::sys::termios::{BaudRate, InputFlags, LocalFlags, OutputFlags, Termios, cfsetspeed};

use super::*;
use crate::testing::terminal::{OwnTerminal, open_terminal};

fn opened(term: &str, change: impl Fn(&mut Termios)) -> (Tty, File, Termios, OwnTerminal) {
    let (own, master) = open_terminal(change);
    let before = tcgetattr(own.fd()).unwrap();
    (Tty::from_fd(own.fd(), &Capabilities::for_term(term)).unwrap(), master, before, own)
}

fn read(master: &mut File) -> String {
    // What was written in pieces may arrive in pieces.
    let mut text = Vec::new();
    loop {
        let wait = if text.is_empty() { 5000u16 } else { 100 };
        let mut line = [nix::poll::PollFd::new(master.as_fd(), nix::poll::PollFlags::POLLIN)];
        if nix::poll::poll(&mut line, wait).unwrap() == 0 {
            return String::from_utf8_lossy(&text).into_owned();
        }
        let mut bytes = [0; 4096];
        // Where nobody has the other end open any more, that is the end.
        match master.read(&mut bytes) {
            Ok(n) if n > 0 => text.extend_from_slice(&bytes[..n]),
            _ => return String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

#[test]
fn raw_and_back() {
    for xon in [true, false] {
        let (tty, mut master, before, _own) =
            opened("vt100", |t| t.input_flags.set(InputFlags::IXON | InputFlags::IXOFF, xon));
        let raw = tcgetattr(tty.shared()).unwrap();
        assert_eq!(raw.input_flags.contains(InputFlags::IXON | InputFlags::IXOFF), xon);
        assert!(
            !raw.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
        );
        assert!(
            !raw.input_flags.contains(InputFlags::ICRNL)
                && !raw.output_flags.contains(OutputFlags::OPOST)
        );
        let line = tty.shared();
        tty.close().unwrap();
        let after = tcgetattr(&line).unwrap();
        assert_eq!(
            (after.input_flags, after.local_flags, after.output_flags),
            (before.input_flags, before.local_flags, before.output_flags)
        );
        assert_eq!(read(&mut master), "\x1b[m\x0f\x1b[r\x1b[24;1H\x1b[K");
    }
}

#[test]
fn given_back_once_and_taken_again() {
    let (mut tty, mut master, _, _own) = opened("xterm", |_| {});
    tty.write(b"frame").unwrap();
    tty.suspend().unwrap();
    assert_eq!(
        read(&mut master),
        "frame\x1b[m\x1b(B\x1b[r\x1b[24;1H\x1b[K\x1b[?2004l\x1b[?25h\x1b[?1049l"
    );
    tty.resume().unwrap();
    assert!(!tcgetattr(tty.shared()).unwrap().local_flags.contains(LocalFlags::ICANON));
    tty.suspend().unwrap();
    read(&mut master);
    tty.write(b"x").unwrap();
    drop(tty);
    assert_eq!(read(&mut master), "x");
}

#[test]
fn a_panic_gives_it_back() {
    let (tty, mut master, before, _own) = opened("linux", |_| {});
    let line = tty.shared();
    let _ = std::thread::spawn(|| panic!("on purpose")).join();
    assert_eq!(tcgetattr(&line).unwrap().local_flags, before.local_flags);
    assert!(read(&mut master).ends_with("\x1b[?25h"));
    drop(tty);
}

#[test]
fn a_line_that_is_full_or_gone() {
    let (mut tty, mut master, _, _own) = opened("vt100", |_| {});
    assert_eq!(
        (tty.unsent(), tty.busy_for(), tty.byte_budget(Duration::ZERO)),
        (0, None, usize::MAX)
    );
    let (begun, much) = (Instant::now(), vec![b'x'; 200_000]);
    tty.write(&much).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(
        tty.unsent() > 0
            && tty.busy_for().is_some()
            && tty.byte_budget(Duration::from_secs(1)) == 0
    );
    let mut seen = 0;
    while seen < much.len() {
        seen += read(&mut master).len();
        tty.write(b"").unwrap();
    }
    assert_eq!((seen, tty.unsent()), (much.len(), 0));
    drop(master);
    // A program that another test starts at this moment may have the master open until it
    // executes.
    let until = Instant::now() + Duration::from_secs(10);
    let err = loop {
        match tty.write(b"x") {
            Err(e) => break e,
            Ok(()) => {
                assert!(Instant::now() < until, "a line that is gone takes what is written")
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-942");
}

#[test]
fn a_slow_line_is_not_overrun() {
    let (mut tty, _master, _, _own) = opened("vt100", |t| cfsetspeed(t, BaudRate::B9600).unwrap());
    assert_eq!((tty.speed(), tty.busy_for()), (9600, None));
    let within = Duration::from_millis(200);
    assert_eq!(tty.byte_budget(within), 192);
    tty.write(&[b'x'; 480]).unwrap();
    let busy = tty.busy_for().unwrap();
    assert!(busy > Duration::from_millis(350) && busy <= Duration::from_millis(500), "{busy:?}");
    assert_eq!(tty.byte_budget(within), 0);
    std::thread::sleep(Duration::from_millis(510));
    assert_eq!(tty.byte_budget(within), 192);
}

#[test]
fn no_terminal() {
    let err =
        Tty::from_fd(File::open("/dev/null").unwrap().into(), &Capabilities::for_term("vt100"))
            .unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-943");
}
