//! The capabilities of a terminal, found by the name in `TERM`.
//!
//! A small table replaces a terminfo library, because altdisk must run where no terminfo files are
//! installed. It covers the families that administrators meet: xterm and its relatives, the Linux
//! console, screen and tmux, VT100 and VT220, ansi. An unknown name is treated as a VT100 without
//! colours, which nearly every terminal understands. Terminals with another command set (vt52,
//! wyse, 3151) and an empty name count as dumb: they get the plain mode.
//!
//! Bracketed paste and synchronised updates are used only with terminals that are known to support
//! them: everything else must never receive these sequences.

use crossterm::event::DisableBracketedPaste;
use crossterm::terminal::{EndSynchronizedUpdate, LeaveAlternateScreen};

/// How the line-drawing character set is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineDrawing {
    /// The terminal has none: boxes are drawn with `+-|`.
    None,
    /// `ESC ) 0` once, then SO and SI.
    Shift,
    /// `ESC ( 0` and `ESC ( B`.
    Designate,
}

/// The sequences of keys that terminals disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyboard {
    /// VT100: `ESC O t` and its neighbours are F5 to F10, as terminfo has it.
    Vt100,
    /// VT220: Help, Do, and F11 to F13 that stand for Esc, BS and LF.
    Vt220,
    /// FreeBSD's console and SCO: `ESC [ M` to `ESC [ V` are F1 to F10.
    Sco,
    /// xterm, the Linux console and their relatives.
    Xterm,
}

/// The sequences that a terminal accepts and sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The name in `TERM`.
    pub name: String,
    /// It can only print lines of text: altdisk uses the plain mode.
    pub dumb: bool,
    /// 0, 8, 16 or 256.
    pub colors: u16,
    /// It can display UTF-8, if the locale uses it.
    pub utf8: bool,
    pub drawing: LineDrawing,
    /// Scrolling regions (`ESC [ t ; b r`) and reverse index (`ESC M`).
    pub scroll_regions: bool,
    /// BS moves the cursor left and LF moves it down.
    pub control_motion: bool,
    /// The cursor can be hidden.
    pub cursor_hiding: bool,
    /// It has an alternate screen and restores the first one afterwards.
    pub alternate_screen: bool,
    /// It marks pasted text (`CSI ? 2004 h`).
    pub bracketed_paste: bool,
    /// It displays a frame only when all of it has arrived (`CSI ? 2026 h`).
    pub synchronised_update: bool,
    pub dim: bool,
    pub underline: bool,
    pub keyboard: Keyboard,
    /// The keyboard has F1 to F10; otherwise the legend shows `Esc 1`.
    pub function_keys: bool,
}

/// Prefixes of names of terminals that do not understand ANSI sequences.
const NOT_ANSI: [&str; 14] = [
    "dumb", "vt52", "adm", "tvi", "wy30", "wy50", "wy60", "wyse", "ibm31", "ibm327", "hp", "3270",
    "glass", "h19",
];
/// Prefixes of names of terminals that behave like xterm.
const LIKE_XTERM: [&str; 18] = [
    "xterm",
    "rxvt",
    "konsole",
    "gnome",
    "vte",
    "putty",
    "alacritty",
    "foot",
    "kitty",
    "wezterm",
    "st-",
    "stterm",
    "mlterm",
    "iterm",
    "contour",
    "mintty",
    "ghostty",
    "nsterm",
];
/// Those of them whose alternate screen works differently.
const OTHER_SCREEN: [&str; 4] = ["rxvt", "konsole", "gnome", "iterm"];
/// Those of them that shift to their line-drawing set.
const SHIFTING: [&str; 7] = ["rxvt", "konsole", "gnome", "iterm", "vte", "putty", "nsterm"];
/// Old variants that behave like a VT100.
const OLD_XTERM: [&str; 4] = ["xterm-r", "xterm-mono", "xterm-old", "xterm-vt"];
/// Terminals that always have 256 colours, whatever their name says.
const ALWAYS_256_COLORS: [&str; 11] = [
    "alacritty",
    "foot",
    "xterm-kitty",
    "kitty",
    "wezterm",
    "contour",
    "xterm-ghostty",
    "ghostty",
    "iterm",
    "mintty",
    "nsterm",
];

/// Relatives of xterm that never learned bracketed paste.
const WITHOUT_BRACKETED_PASTE: [&str; 1] = ["rxvt"];
/// Terminals that are known to support synchronised updates. Others that do are not recognisable
/// by their name: many call themselves `xterm-256color`.
const SYNCHRONISED: [&str; 8] =
    ["alacritty", "foot", "kitty", "xterm-kitty", "wezterm", "contour", "xterm-ghostty", "ghostty"];

impl Capabilities {
    /// The capabilities of a terminal with this `TERM`.
    pub fn for_term(term: &str) -> Self {
        let name = term.to_ascii_lowercase();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
        let mut it = if name.is_empty() || begins(&NOT_ANSI) {
            Self {
                dumb: true,
                scroll_regions: false,
                control_motion: false,
                drawing: LineDrawing::None,
                ..Self::vt100()
            }
        } else if begins(&OLD_XTERM) {
            Self::vt100()
        } else if begins(&LIKE_XTERM) || name == "st" {
            Self::xterm(&name, begins(&ALWAYS_256_COLORS))
        } else if begins(&["screen.xterm"]) {
            Self { dim: true, bracketed_paste: false, ..Self::xterm("xterm", false) }
        } else if begins(&["screen", "tmux"]) {
            Self { alternate_screen: true, bracketed_paste: begins(&["tmux"]), ..Self::console() }
        } else if begins(&["linux"]) {
            Self::console()
        } else if begins(&["vt2", "vt3", "vt4", "vt5"]) {
            Self {
                cursor_hiding: true,
                drawing: LineDrawing::Designate,
                keyboard: Keyboard::Vt220,
                ..Self::vt100()
            }
        } else if begins(&["ansi", "pcansi", "cons25", "scoansi", "eterm"]) {
            let keyboard =
                if begins(&["cons25", "scoansi"]) { Keyboard::Sco } else { Keyboard::Xterm };
            let underline = keyboard != Keyboard::Sco;
            Self {
                colors: 8,
                drawing: LineDrawing::None,
                scroll_regions: false,
                control_motion: false,
                underline,
                keyboard,
                ..Self::vt100()
            }
        } else {
            Self::vt100()
        };
        match &name {
            _ if it.colors == 0 => {}
            n if n.contains("mono") || n.ends_with("-m") => it.colors = 0,
            n if n.contains("256color") => it.colors = 256,
            n if n.contains("16color") && n.starts_with("xterm") => it.colors = 16,
            _ => {}
        }
        term.clone_into(&mut it.name);
        it
    }

    /// The capabilities of the terminal that `TERM` in the environment names.
    pub fn from_env() -> Self {
        Self::for_term(&std::env::var("TERM").unwrap_or_default())
    }

    fn vt100() -> Self {
        Self {
            name: String::new(),
            dumb: false,
            colors: 0,
            utf8: false,
            drawing: LineDrawing::Shift,
            scroll_regions: true,
            control_motion: true,
            cursor_hiding: false,
            alternate_screen: false,
            bracketed_paste: false,
            synchronised_update: false,
            dim: false,
            underline: true,
            keyboard: Keyboard::Vt100,
            function_keys: false,
        }
    }

    fn console() -> Self {
        Self {
            colors: 8,
            utf8: true,
            cursor_hiding: true,
            dim: true,
            keyboard: Keyboard::Xterm,
            function_keys: true,
            ..Self::vt100()
        }
    }

    fn xterm(name: &str, rich: bool) -> Self {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
        let newer = begins(&["rxvt-unicode", "iterm2"]);
        let shifting = begins(&SHIFTING) && !begins(&["rxvt-unicode"]);
        Self {
            colors: if rich { 256 } else { 8 },
            utf8: true,
            drawing: if shifting { LineDrawing::Shift } else { LineDrawing::Designate },
            cursor_hiding: true,
            alternate_screen: newer || !begins(&OTHER_SCREEN),
            bracketed_paste: newer || !begins(&WITHOUT_BRACKETED_PASTE),
            synchronised_update: begins(&SYNCHRONISED),
            keyboard: Keyboard::Xterm,
            function_keys: true,
            ..Self::vt100()
        }
    }

    /// Whether typed bytes are UTF-8: yes, unless the locale (looked up by `var`) names another
    /// character set.
    pub fn input_is_utf8(var: impl Fn(&str) -> Option<String>) -> bool {
        let locale = locale(var);
        let set = locale.split_once('.').map_or("", |(_, set)| set);
        set.is_empty() || set.starts_with("utf")
    }

    /// Whether text is sent as UTF-8: the terminal displays it, and the locale (looked up by
    /// `var`) uses it.
    pub fn output_is_utf8(&self, var: impl Fn(&str) -> Option<String>) -> bool {
        let locale = locale(var);
        self.utf8 && (locale.contains("utf-8") || locale.contains("utf8"))
    }

    /// The sequence that leaves a terminal of `rows` rows as it was: default attributes and
    /// character set, the whole screen scrolls, pasted text is not marked any more, and the cursor
    /// is visible on an empty last line.
    pub fn restore_sequence(&self, rows: u16) -> Vec<u8> {
        if self.dumb {
            return vec![];
        }
        let mut bytes = vec![];
        if self.synchronised_update {
            bytes.extend(ansi(EndSynchronizedUpdate));
        }
        bytes.extend_from_slice(b"\x1b[m");
        match self.drawing {
            LineDrawing::None => {}
            LineDrawing::Shift => bytes.push(0x0f),
            LineDrawing::Designate => bytes.extend_from_slice(b"\x1b(B"),
        }
        if self.scroll_regions {
            bytes.extend_from_slice(b"\x1b[r");
        }
        bytes.extend_from_slice(format!("\x1b[{rows};1H\x1b[K").as_bytes());
        if self.bracketed_paste {
            bytes.extend(ansi(DisableBracketedPaste));
        }
        if self.cursor_hiding {
            bytes.extend(ansi(crossterm::cursor::Show));
        }
        if self.alternate_screen {
            bytes.extend(ansi(LeaveAlternateScreen));
        }
        bytes
    }
}

/// The bytes of a crossterm command.
pub fn ansi(command: impl crossterm::Command) -> Vec<u8> {
    let mut sequence = String::new();
    // Writing to a string cannot fail.
    let _ = command.write_ansi(&mut sequence);
    sequence.into_bytes()
}

/// The name of the locale for characters, in lower case; empty if there is none.
fn locale(var: impl Fn(&str) -> Option<String>) -> String {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| var(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (name, colors, utf8, drawing, regions, alternate, fkeys) in [
            ("vt100", 0, false, LineDrawing::Shift, true, false, false),
            ("vt102", 0, false, LineDrawing::Shift, true, false, false),
            ("vt220", 0, false, LineDrawing::Designate, true, false, false),
            ("vt420-w", 0, false, LineDrawing::Designate, true, false, false),
            ("ansi", 8, false, LineDrawing::None, false, false, false),
            ("linux", 8, true, LineDrawing::Shift, true, false, true),
            ("xterm", 8, true, LineDrawing::Designate, true, true, true),
            ("xterm-256color", 256, true, LineDrawing::Designate, true, true, true),
            ("xterm-mono", 0, false, LineDrawing::Shift, true, false, false),
            ("screen.xterm-256color", 256, true, LineDrawing::Designate, true, true, true),
            ("tmux", 8, true, LineDrawing::Shift, true, true, true),
            ("rxvt", 8, true, LineDrawing::Shift, true, false, true),
            ("alacritty", 256, true, LineDrawing::Designate, true, true, true),
            ("nobody-knows", 0, false, LineDrawing::Shift, true, false, false),
        ] {
            let t = Capabilities::for_term(name);
            assert_eq!(
                (
                    t.dumb,
                    t.colors,
                    t.utf8,
                    t.drawing,
                    t.scroll_regions,
                    t.alternate_screen,
                    t.function_keys
                ),
                (false, colors, utf8, drawing, regions, alternate, fkeys),
                "{name}"
            );
        }
        for name in ["", "dumb", "vt52", "wy60", "ibm3151"] {
            assert!(Capabilities::for_term(name).dumb, "{name}");
            assert_eq!(Capabilities::for_term(name).restore_sequence(24), b"");
        }
    }

    #[test]
    fn newer_sequences_only_where_they_are_known() {
        for (name, paste, synchronised) in [
            ("vt100", false, false),
            ("vt220", false, false),
            ("linux", false, false),
            ("ansi", false, false),
            ("dumb", false, false),
            ("nobody-knows", false, false),
            ("screen", false, false),
            ("rxvt", false, false),
            ("xterm-mono", false, false),
            ("tmux-256color", true, false),
            ("xterm-256color", true, false),
            ("rxvt-unicode-256color", true, false),
            ("xterm-kitty", true, true),
            ("alacritty", true, true),
        ] {
            let t = Capabilities::for_term(name);
            assert_eq!((t.bracketed_paste, t.synchronised_update), (paste, synchronised), "{name}");
            let end = String::from_utf8(t.restore_sequence(24)).unwrap();
            assert_eq!(
                (end.contains("?2004l"), end.contains("?2026l")),
                (paste, synchronised),
                "{name}: {end:?}"
            );
        }
    }

    #[test]
    fn the_locale_decides() {
        let lang = |all: &'static str, lang: &'static str| {
            move |v: &str| {
                if v == "LC_ALL" {
                    Some(all.into())
                } else if v == "LANG" {
                    Some(lang.into())
                } else {
                    None
                }
            }
        };
        assert!(Capabilities::for_term("xterm").output_is_utf8(lang("", "de_DE.UTF-8")));
        assert!(!Capabilities::for_term("xterm").output_is_utf8(lang("C", "de_DE.UTF-8")));
        assert!(!Capabilities::for_term("vt220").output_is_utf8(lang("", "de_DE.utf8")));
        assert!(!Capabilities::for_term("linux").output_is_utf8(|_| None));
    }
}
