//! Nothing is sent that the terminal's terminfo entry does not have.
//!
//! The entry is read with `infocmp`; where that is not installed, or does not know the terminal,
//! the test says so and passes.

use std::collections::BTreeSet;
use std::process::Command;

use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::*;

const TERMS: [&str; 46] = [
    "vt100",
    "vt102",
    "vt125",
    "vt132",
    "vt220",
    "vt320",
    "vt420",
    "vt520",
    "vt525",
    "ansi",
    "ansi-m",
    "pcansi",
    "cons25",
    "linux",
    "linux-m",
    "linux-16color",
    "screen",
    "screen-256color",
    "screen.xterm-256color",
    "screen.linux",
    "tmux",
    "tmux-256color",
    "xterm",
    "xterm-16color",
    "xterm-256color",
    "xterm-direct",
    "xterm-mono",
    "rxvt",
    "rxvt-256color",
    "konsole",
    "konsole-256color",
    "gnome",
    "gnome-256color",
    "vte",
    "vte-256color",
    "putty",
    "putty-256color",
    "alacritty",
    "kitty",
    "st",
    "st-256color",
    "mlterm",
    "iTerm.app",
    "iterm2",
    "mintty",
    "eterm-color",
];

/// The entry's strings, without delays, with control characters as they are.
fn strings(term: &str) -> Option<Vec<(String, String)>> {
    let out =
        Command::new("infocmp").args(["-1", term]).output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8(out.stdout).ok()?;
    let entries = text.lines().filter_map(|l| l.trim().trim_end_matches(',').split_once('='));
    Some(entries.map(|(name, value)| (name.to_owned(), unescaped(value))).collect())
}

fn unescaped(value: &str) -> String {
    let (mut out, mut chars) = (String::new(), value.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '$' if chars.peek() == Some(&'<') => while chars.next().is_some_and(|c| c != '>') {},
            '^' => out.extend(chars.next().map(|c| char::from(c as u8 & 0x1f))),
            '\\' => match chars.next() {
                Some('E') => out.push('\x1b'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\x08'),
                Some(d @ '0'..='3') => {
                    let digits: String = [d]
                        .into_iter()
                        .chain(std::iter::from_fn(|| chars.next_if(char::is_ascii_digit)).take(2))
                        .collect();
                    out.push(char::from(u8::from_str_radix(&digits, 8).unwrap_or(b'?')));
                }
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

/// The sequences in `text`: `CSI H`, `CSI ?25h`, `ESC M`, `SO`; the parameters of `m` one by one.
fn sequences(text: &str) -> BTreeSet<String> {
    let (mut found, mut chars) = (BTreeSet::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            if c < ' ' {
                found.insert(format!("control {}", c as u8));
            }
            continue;
        }
        match chars.next() {
            Some('[') => {
                let parameters: String =
                    std::iter::from_fn(|| chars.next_if(|c| ('\x20'..='\x3f').contains(c)))
                        .collect();
                let last = chars.next().unwrap_or('?');
                match (last, parameters.strip_prefix('?')) {
                    ('m', _) => found.extend(attributes(&parameters)),
                    (_, Some(mode)) => {
                        found.extend(mode.split(';').map(|m| format!("CSI ?{m}{last}")))
                    }
                    _ => _ = found.insert(format!("CSI {last}")),
                }
            }
            Some(set @ ('(' | ')')) => {
                _ = found.insert(format!("ESC {set}{}", chars.next().unwrap_or('?')))
            }
            Some(c) => _ = found.insert(format!("ESC {c}")),
            None => {}
        }
    }
    found
}

fn attributes(parameters: &str) -> Vec<String> {
    let (mut all, mut each) = (vec![], parameters.split(';'));
    while let Some(p) = each.next() {
        all.push(match p {
            "" => "SGR 0".to_owned(),
            "38" | "48" => format!("SGR {p};{};n", each.next().unwrap_or_default()),
            n => format!("SGR {n}"),
        });
        if p == "38" || p == "48" {
            each.next();
        }
    }
    all
}

/// What the entry allows.
fn allowed(term: &str, strings: &[(String, String)]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (name, value) in strings.iter().filter(|(name, _)| !name.starts_with('k') && name != "acsc")
    {
        // Numbers in place of parameters; `sgr` and colours have conditions and are asked for in
        // full.
        if !value.contains("%?") {
            let plain = ["%i", "%p1", "%p2"]
                .iter()
                .fold(value.clone(), |v, p| v.replace(p, ""))
                .replace("%d", "7");
            all.extend(
                sequences(&plain)
                    .into_iter()
                    .filter(|s| !name.starts_with("set") || !s.starts_with("SGR")),
            );
        }
        if name == "setaf" || name == "setab" {
            let colors: &[&str] = match Capabilities::for_term(term).colors {
                256 => &["1", "12", "100"],
                16 => &["1", "12"],
                _ => &["1"],
            };
            for color in colors {
                let out = Command::new("tput").args(["-T", term, name, color]).output().unwrap();
                let base = if name == "setaf" { ["3", "9"] } else { ["4", "10"] };
                for s in sequences(&String::from_utf8_lossy(&out.stdout)) {
                    // One colour of eight stands for all.
                    let of_eight = base
                        .iter()
                        .find(|b| s.len() == 5 + b.len() && s[4..].starts_with(**b))
                        .copied();
                    match of_eight {
                        Some(b) => all.extend((0..8).map(|n| format!("SGR {b}{n}"))),
                        None => _ = all.insert(s),
                    }
                }
            }
        }
    }
    // Entries have them only as extensions, which old ncurses do not read.
    let capabilities = Capabilities::for_term(term);
    for (known, mode) in
        [(capabilities.bracketed_paste, 2004), (capabilities.synchronised_update, 2026)]
    {
        if known {
            all.extend(['h', 'l'].map(|last| format!("CSI ?{mode}{last}")));
        }
    }
    // `sgr` has 0 before the others, and the control characters that move are their own
    // capabilities.
    all.insert("SGR 0".into());
    all
}

fn frames() -> Vec<(Buffer, Option<(u16, u16)>)> {
    let area = Rect::new(0, 0, 80, 24);
    let mut frames = vec![];
    let looks = [
        Style::new().add_modifier(Modifier::REVERSED),
        Style::new().add_modifier(
            Modifier::BOLD | Modifier::UNDERLINED | Modifier::SLOW_BLINK | Modifier::DIM,
        ),
        Style::new().fg(Color::Red).bg(Color::Blue),
        Style::new().fg(Color::LightGreen).bg(Color::LightRed),
        Style::new().fg(Color::Rgb(1, 200, 100)).bg(Color::Indexed(200)),
        Style::new(),
    ];
    for n in 0..40u16 {
        let mut b = Buffer::empty(area);
        for row in 0..18u16 {
            b.set_string(0, 3 + row, format!("{:>60}", (row + n) * 7), Style::new());
        }
        b.set_string(n % 7, n % 24, "┌──── some text ────┐", looks[usize::from(n) % looks.len()]);
        b.set_string(79 - n, 23, "x", looks[usize::from(n + 1) % looks.len()]);
        frames.push((b, (n % 3 > 0).then_some((n, n % 24))));
        if n % 10 == 9 {
            frames.push((Buffer::empty(area), None));
        }
    }
    frames
}

#[test]
fn only_what_terminfo_has() {
    let mut known = 0;
    for term in TERMS {
        let Some(strings) = strings(term) else {
            println!("skipped: infocmp is missing, or does not know {term}");
            continue;
        };
        known += 1;
        let allowed = allowed(term, &strings);
        for utf8 in [false, true] {
            let terminal = Capabilities::for_term(term);
            let utf8 = utf8 && terminal.utf8;
            let mut painter = Painter::new(terminal, utf8, 80, 24);
            let mut bytes: Vec<u8> =
                frames().iter().flat_map(|(b, cursor)| painter.render(b, *cursor)).collect();
            bytes.extend(painter.restore());
            let sent = sequences(&String::from_utf8(bytes).unwrap());
            let strange: Vec<&String> = sent.difference(&allowed).collect();
            assert!(strange.is_empty(), "{term}: sent {strange:?}\nallowed: {allowed:?}");
        }
    }
    println!("{known} terminals were compared with their entries");
}
