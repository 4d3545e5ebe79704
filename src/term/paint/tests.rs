//! Whatever was painted before, the terminal shows the frame.

use proptest::prelude::*;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::emulator::{Cell as Shown, Emulator, Look as Seen};
use super::*;

/// The kinds of terminal that differ in what they are sent.
const KINDS: [(&str, bool); 8] = [
    ("vt100", false),
    ("vt220", false),
    ("ansi", false),
    ("linux", true),
    ("linux", false),
    ("xterm-256color", true),
    ("screen", true),
    ("rxvt", false),
];

const TEXTS: [&str; 14] = [
    "Install a Software Bundle",
    "                      ",
    "[TOP]",
    "> ",
    "Change / Show Characteristics of a Disk",
    "┌──────────────┐",
    "│              │",
    "└──────┬───────┘",
    "/usr/lib/systemd/system/some-service.service: copied",
    "naïve — “quoted” …",
    "見出し 漢字",
    "e\u{301}a\u{300}x",
    "a\tb\u{7}c\u{9b}d",
    "🦀 crab",
];

#[derive(Clone, Debug)]
enum Change {
    Text(u16, u16, usize, usize),
    Clear(u16, u16),
    Up(u16, u16, u16),
    Down(u16, u16, u16),
    Blank,
}

fn styles() -> Vec<Style> {
    let plain = Style::new();
    vec![
        plain,
        plain,
        plain.add_modifier(Modifier::REVERSED),
        plain.add_modifier(Modifier::BOLD),
        plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        plain.add_modifier(Modifier::DIM | Modifier::ITALIC),
        plain.fg(Color::Red),
        plain.fg(Color::Yellow).bg(Color::Blue).add_modifier(Modifier::BOLD),
        plain.fg(Color::DarkGray),
        plain.bg(Color::Indexed(202)).fg(Color::Rgb(10, 200, 30)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let (x, y) = (0..80u16, 0..24u16);
    prop_oneof![
        6 => (x.clone(), y.clone(), 0..TEXTS.len(), 0..styles().len()).prop_map(|(x, y, t, s)| Change::Text(x, y, t, s)),
        1 => (x, y.clone()).prop_map(|(x, y)| Change::Clear(x, y)),
        2 => (0..12u16, 2..12u16, 1..11u16).prop_map(|(t, h, n)| Change::Up(t, h, n)),
        1 => (0..12u16, 2..12u16, 1..11u16).prop_map(|(t, h, n)| Change::Down(t, h, n)),
        1 => Just(Change::Blank),
    ]
}

fn apply(buffer: &mut Buffer, change: &Change) {
    let (w, h) = (buffer.area.width, buffer.area.height);
    let old = buffer.clone();
    let mut take = |x: u16, y: u16, from: Option<u16>| {
        buffer[(x, y)] = from.map_or_else(Default::default, |y| old[(x, y)].clone())
    };
    match *change {
        Change::Text(x, y, t, s) => {
            buffer.set_stringn(x.min(w - 1), y.min(h - 1), TEXTS[t], 80, styles()[s]);
        }
        Change::Clear(x, y) => (x.min(w)..w).for_each(|x| take(x, y.min(h - 1), None)),
        Change::Up(top, rows, n) => {
            let bottom = (top + rows).min(h - 1);
            (top..=bottom)
                .for_each(|y| (0..w).for_each(|x| take(x, y, (y + n <= bottom).then_some(y + n))));
        }
        Change::Down(top, rows, n) => {
            let bottom = (top + rows).min(h - 1);
            (top..=bottom)
                .for_each(|y| (0..w).for_each(|x| take(x, y, (y >= top + n).then(|| y - n))));
        }
        Change::Blank => buffer.reset(),
    }
}

/// What the terminal should show, as the emulator says it.
fn expected(buffer: &Buffer, terminal: &Capabilities, utf8: bool) -> Vec<Shown> {
    let cells = grid::cells(buffer, terminal, utf8);
    let mut shown: Vec<Shown> = cells
        .iter()
        .map(|c| {
            let text = match c.glyph {
                grid::Glyph::Char(c) | grid::Glyph::Wide(c) => c,
                grid::Glyph::Half => '\0',
                grid::Glyph::Line(letter) => char::from(letter),
                grid::Glyph::Unknown => '!',
            };
            let flag = |n: u8| c.look.flags & n != 0;
            let look = Seen {
                fg: c.look.fg,
                bg: c.look.bg,
                bold: flag(1),
                dim: flag(2),
                underlined: flag(4),
                blinking: false,
                reversed: flag(8),
            };
            Shown { text, mark: c.mark, look }
        })
        .collect();
    // The corner is never written.
    let last = shown.len() - 1;
    if shown[last].text == '\0' {
        shown[last - 1] = BLANK_SHOWN;
    }
    shown[last] = BLANK_SHOWN;
    // A wide character that the terminal cannot show is two.
    for at in 1..shown.len() {
        if shown[at].text == '\0' && shown[at - 1].text.is_ascii() {
            shown[at].text = shown[at - 1].text;
        }
    }
    shown
}

const BLANK_SHOWN: Shown = Shown {
    text: ' ',
    mark: '\0',
    look: Seen {
        fg: None,
        bg: None,
        bold: false,
        dim: false,
        underlined: false,
        blinking: false,
        reversed: false,
    },
};

/// What can be seen of a cell: a blank shows only its background, unless it is reversed or
/// underlined.
fn seen(mut cell: Shown, lines: bool) -> Shown {
    if cell.text == ' ' && !cell.look.reversed && !cell.look.underlined {
        cell.look = Seen { bg: cell.look.bg, ..Seen::default() };
    }
    if lines && let Some((_, letter)) = LETTERS.iter().find(|(c, _)| *c == cell.text) {
        cell.text = *letter;
    }
    cell
}

const LETTERS: [(char, char); 7] =
    [('─', 'q'), ('│', 'x'), ('┌', 'l'), ('┐', 'k'), ('└', 'm'), ('┘', 'j'), ('┬', 'w')];

fn check(
    emulator: &Emulator,
    buffer: &Buffer,
    terminal: &Capabilities,
    utf8: bool,
) -> Result<(), String> {
    let wanted = expected(buffer, terminal, utf8);
    for (at, (is, want)) in emulator.cells.iter().zip(&wanted).enumerate() {
        let (is, want) = (seen(*is, !utf8), seen(*want, !utf8));
        if is != want {
            let (x, y) = (at % emulator.columns, at / emulator.columns);
            return Err(format!(
                "{} utf8={utf8}: cell {x},{y} is {is:?}, not {want:?}\n{}",
                terminal.name,
                emulator.text()
            ));
        }
    }
    if emulator.complaints.is_empty() {
        Ok(())
    } else {
        Err(format!("{}: {:?}", terminal.name, emulator.complaints))
    }
}

proptest! {
    /// The emulator also reads what firmware and kernel write to a serial line.
    #[test]
    fn the_emulator_survives_anything(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\x1b[?;0123456789rmHJKLMPXABCDhl\r\n".to_vec())], 0..300)) {
        Emulator::new(80, 24, "vt100", false).feed(&bytes);
        Emulator::new(80, 24, "xterm", true).feed(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_frame_is_shown(steps in prop::collection::vec(prop::collection::vec(change(), 1..6), 1..12), kind in 0..KINDS.len(), small: bool, budget in 20..400usize) {
        let (term, utf8) = KINDS[kind];
        let terminal = Capabilities::for_term(term);
        let (w, h) = if small { (21, 6) } else { (80, 24) };
        let mut painter = Painter::new(terminal.clone(), utf8, w as u16, h as u16);
        let mut slow = painter.clone();
        let mut emulator = Emulator::new(w, h, term, utf8);
        // What stood there before must not show through.
        emulator.feed(if terminal.scroll_regions { &b"\x1b[3;4r\x1b[1;7mdirt\r\ndirt\x0e"[..] } else { b"\x1b[1;7mdirt\r\ndirt" });
        let mut slowly = emulator.clone();
        let mut buffer = Buffer::empty(Rect::new(0, 0, w as u16, h as u16));
        for (n, step) in steps.iter().enumerate() {
            step.iter().for_each(|c| apply(&mut buffer, c));
            let cursor = (n % 3 != 0).then_some(((n * 7 % w) as u16, (n * 5 % h) as u16));
            emulator.feed(&painter.render(&buffer, cursor));
            prop_assert_eq!(check(&emulator, &buffer, &terminal, utf8), Ok(()));
            if let Some((x, y)) = cursor {
                prop_assert_eq!(emulator.cursor, (usize::from(x), usize::from(y)));
            }
            prop_assert!(!terminal.cursor_hiding || emulator.visible == cursor.is_some());
            prop_assert_eq!(painter.render(&buffer, cursor), b"");
            // In small portions, never catching up until the end.
            slowly.feed(&slow.render_buffer(&buffer, cursor, budget));
        }
        for _ in 0..200 {
            if slow.is_flushed() { break }
            slowly.feed(&slow.render_buffer(&buffer, None, budget));
        }
        prop_assert!(slow.is_flushed());
        prop_assert_eq!(check(&slowly, &buffer, &terminal, utf8), Ok(()));
        emulator.feed(&painter.restore());
        prop_assert!(emulator.restored());
        emulator.feed(&painter.render(&buffer, None));
        prop_assert_eq!(check(&emulator, &buffer, &terminal, utf8), Ok(()));
    }

    /// The same through ratatui, which draws only what has changed.
    #[test]
    fn ratatui_draws_on_it(steps in prop::collection::vec(prop::collection::vec(change(), 1..6), 1..8), kind in 0..KINDS.len()) {
        let (term, utf8) = KINDS[kind];
        let capabilities = Capabilities::for_term(term);
        let painter = Painter::new(capabilities.clone(), utf8, 80, 24);
        let Ok(mut terminal) = ratatui::Terminal::new(painter);
        let mut emulator = Emulator::new(80, 24, term, utf8);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
        for (n, step) in steps.iter().enumerate() {
            step.iter().for_each(|c| apply(&mut buffer, c));
            let cursor = (n % 3 != 0).then_some((n as u16 * 7 % 80, n as u16 * 5 % 24));
            let Ok(_) = terminal.draw(|frame| {
                frame.buffer_mut().clone_from(&buffer);
                if let Some(cursor) = cursor {
                    frame.set_cursor_position(cursor);
                }
            });
            emulator.feed(&terminal.backend_mut().render_within(usize::MAX));
            prop_assert_eq!(check(&emulator, &buffer, &capabilities, utf8), Ok(()));
            if let Some((x, y)) = cursor {
                prop_assert_eq!(emulator.cursor, (usize::from(x), usize::from(y)));
            }
        }
        // Another size: everything is drawn again.
        terminal.backend_mut().resize(40, 12);
        let mut emulator = Emulator::new(40, 12, term, utf8);
        let small = Buffer::with_lines(vec!["x".repeat(39); 12]);
        let Ok(_) = terminal.draw(|frame| frame.buffer_mut().merge(&small));
        emulator.feed(&terminal.backend_mut().render_within(usize::MAX));
        prop_assert_eq!(emulator.row(11), "x".repeat(39));
    }
}

/// Only terminals that are known to support them receive the marks of a synchronised update, and
/// only around a whole frame that is worth it.
#[test]
fn synchronised_updates() {
    for (term, wrapped) in [("vt100", false), ("linux", false), ("xterm", false), ("foot", true)] {
        let mut painter = Painter::new(Capabilities::for_term(term), false, 80, 24);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
        for y in 0..20 {
            buffer.set_string(0, y, "some text that is long enough", Style::new());
        }
        let bytes = String::from_utf8(painter.render(&buffer, None)).unwrap();
        assert_eq!(bytes.starts_with("\x1b[?2026h"), wrapped, "{term}");
        assert_eq!(bytes.ends_with("\x1b[?2026l"), wrapped, "{term}");
        buffer.set_string(0, 3, "T", Style::new());
        assert!(painter.render(&buffer, None).len() < 16, "{term}");
    }
}
