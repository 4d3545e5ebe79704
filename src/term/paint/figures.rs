//! What frames cost on a VT100: every byte is a millisecond at 9600 baud.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::*;

const LABELS: [&str; 12] = [
    "Clone the Running System",
    "Install a mksysb Image",
    "Make a mksysb Image",
    "Run Single Phases",
    "Go on After an Interruption",
    "Update or Customize the Alternate",
    "Clean Up",
    "Disks and Alternates",
    "Boot List",
    "Running and Finished Jobs",
    "Practice Disks",
    "About and Help",
];

fn reversed() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// A menu with the item `at` marked, by reversing its label or by `>`.
fn menu(at: usize, marker: bool) -> (Buffer, Option<(u16, u16)>) {
    let mut b = Buffer::empty(Rect::new(0, 0, 80, 24));
    b.set_string(24, 0, "Alternate Disk Installation", Style::new().add_modifier(Modifier::BOLD));
    b.set_string(0, 2, "Move cursor to desired item and press Enter.", Style::new());
    for (n, label) in LABELS.iter().enumerate() {
        let style = if n == at && !marker { reversed() } else { Style::new() };
        b.set_string(2, 4 + n as u16, label, style);
        if n == at && marker {
            b.set_string(0, 4 + n as u16, ">", Style::new());
        }
    }
    b.set_string(
        0,
        21,
        "Esc+1=Help          Esc+2=Refresh       Esc+3=Cancel        Esc+8=Image",
        Style::new(),
    );
    b.set_string(0, 22, "Esc+9=Shell         Esc+0=Exit          Enter=Do", Style::new());
    (b, Some((if marker { 0 } else { 2 }, 4 + at as u16)))
}

fn painter() -> Painter {
    Painter::new(Capabilities::for_term("vt100"), false, 80, 24)
}

/// The bytes of each step from the first frame on.
fn steps(frames: impl IntoIterator<Item = (Buffer, Option<(u16, u16)>)>) -> Vec<usize> {
    let mut painter = painter();
    frames.into_iter().map(|(buffer, cursor)| painter.render(&buffer, cursor).len()).collect()
}

fn median(mut all: Vec<usize>) -> usize {
    all.sort_unstable();
    all[all.len() / 2]
}

fn at_most(what: &str, bytes: usize, most: usize) {
    println!("{what}: {bytes} bytes");
    assert!(bytes <= most, "{what}: {bytes} bytes, more than {most}");
}

#[test]
fn the_menu() {
    let reversed = steps((0..LABELS.len()).map(|n| menu(n, false)));
    at_most("first screen", reversed[0], 850);
    at_most("highlight down by one", median(reversed[1..].to_vec()), 65);
    let up = steps((0..LABELS.len()).rev().map(|n| menu(n, false)));
    at_most("highlight up by one", median(up[1..].to_vec()), 65);
    let marker = steps((0..LABELS.len()).map(|n| menu(n, true)));
    at_most("marker down by one", median(marker[1..].to_vec()), 5);
    at_most(
        "marker up by one",
        median(steps((0..LABELS.len()).rev().map(|n| menu(n, true)))[1..].to_vec()),
        6,
    );
    at_most("eight arrows folded", steps([menu(0, false), menu(8, false)])[1], 80);
    at_most("nothing", steps([menu(0, false), menu(0, false)])[1], 0);
}

#[test]
fn typing() {
    let field = |text: &str| {
        let mut b = menu(3, true).0;
        b.set_string(0, 12, "  Volume label", Style::new());
        b.set_string(40, 12, format!("[{text:<30}]"), Style::new());
        (b, Some((41 + text.len() as u16, 12)))
    };
    let typed = steps(["", "a", "al", "alt", "alt_", "alt_1", "alt_"].map(field));
    assert_eq!(typed[1..6], [1; 5]);
    at_most("backspace", typed[6], 3);
}

/// A key's answer goes out before the rest of a log that was on its way.
#[test]
fn what_a_key_changed_comes_first() {
    let mut painter = painter();
    painter.render(&log(0).0, None);
    painter.render_buffer(&log(40).0, None, 150);
    assert!(!painter.is_flushed());
    let (mut popup, frame) = (log(40).0, "+----------------------------------------+");
    for y in 14..18 {
        popup.set_string(20, y, frame, Style::new());
    }
    let first = String::from_utf8(painter.render_buffer(&popup, None, 150)).unwrap();
    assert!(first.find(frame).is_some_and(|at| at < 30), "{first:?}");
    let rest: String = (0..3)
        .map(|_| String::from_utf8(painter.render_buffer(&popup, None, 150)).unwrap())
        .collect();
    assert_eq!(first.matches(frame).count() + rest.matches(frame).count(), 4, "{first:?} {rest:?}");
    while !painter.is_flushed() {
        assert!(!painter.render_buffer(&popup, None, 150).is_empty());
    }
    assert_eq!(painter.render(&popup, None), b"");
}

/// A full log pane of 18 rows below some rows of status, with `lines` scrolled past.
fn log(lines: usize) -> (Buffer, Option<(u16, u16)>) {
    pane(lines, 18)
}

fn pane(lines: usize, rows: usize) -> (Buffer, Option<(u16, u16)>) {
    let mut b = Buffer::empty(Rect::new(0, 0, 80, 24));
    b.set_string(30, 0, "COMMAND STATUS", Style::new());
    b.set_string(0, 2, "Command: running        stdout: yes        stderr: no", Style::new());
    for row in 0..rows {
        let mut seed = ((lines + row) as u32).wrapping_mul(2_654_435_761);
        let mut letter = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + (seed >> 24) as u8 % 26)
        };
        let text: String = (0..60).map(|n| if n % 8 == 7 { '/' } else { letter() }).collect();
        b.set_string(0, 3 + row as u16, text, Style::new());
    }
    b.set_string(
        0,
        22,
        "Esc+1=Help          Esc+2=Refresh       Esc+3=Cancel        Esc+6=Command",
        Style::new(),
    );
    (b, None)
}

#[test]
fn the_log() {
    let one = steps((0..20).map(log));
    at_most("one log line", median(one[1..].to_vec()), 80);
    at_most("ten log lines", steps([log(0), log(10)])[1], 650);
    at_most("ten log lines in a pane of eleven", steps([pane(0, 11), pane(10, 11)])[1], 650);
    at_most("back by one line", steps([log(9), log(8)])[1], 80);
    let parked = |n| (log(n).0, Some((0, 22)));
    at_most("one log line, cursor elsewhere", steps([parked(0), parked(1)])[1], 90);
    at_most("ten log lines, cursor elsewhere", steps([parked(0), parked(10)])[1], 650);
    // A line of the budget's size or one more, never the whole of it.
    let mut painter = painter();
    painter.render(&log(0).0, None);
    let part = painter.render_buffer(&log(10).0, None, 150).len();
    at_most("ten log lines in portions of 150", part, 250);
    assert!(!painter.is_flushed());
}
