//! What a terminal understands, by the name in `TERM`.
//!
//! A small table instead of a terminfo library: altdisk must run where no terminfo files are. The
//! families are those that administrators meet: xterm and what copies it, the Linux console, screen
//! and tmux, the VT100 and VT220 lines, ansi. A name that nobody knows is taken for a VT100 without
//! colours, which nearly all others understand; terminals that are known to speak another language
//! (vt52, wyse, 3151) are dumb, as is an empty name: they get the plain mode.

/// How the line-drawing set is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// There is none: frames are `+-|`.
    None,
    /// `ESC ) 0` once, then SO and SI.
    Shift,
    /// `ESC ( 0` and `ESC ( B`.
    Designate,
}

/// What the keyboard sends for keys that terminals disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// VT100: `ESC O t` and its neighbours are F5 to F10, as terminfo has it.
    Vt100,
    /// VT220: Help, Do, and F11 to F13 that stand for Esc, BS and LF.
    Vt220,
    /// FreeBSD's console and SCO: `ESC [ M` to `ESC [ V` are F1 to F10.
    Sco,
    /// xterm, Linux console and what copies them.
    Xterm,
}

/// What can be sent to a terminal, and what it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// The name in `TERM`.
    pub name: String,
    /// Nothing but lines of text: the plain mode is for it.
    pub dumb: bool,
    /// 0, 8, 16 or 256.
    pub colors: u16,
    /// It shows UTF-8 where the locale says so.
    pub utf8: bool,
    pub drawing: Drawing,
    /// Scrolling regions (`ESC [ t ; b r`) and `ESC M`, the way up.
    pub regions: bool,
    /// BS is the way left and LF the way down.
    pub steps: bool,
    /// The cursor can be hidden.
    pub hide: bool,
    /// There is a second screen, and the first comes back.
    pub alternate: bool,
    pub dim: bool,
    pub underline: bool,
    pub keys: Keys,
    /// The keyboard has F1 to F10; without, the legend says `Esc 1`.
    pub function_keys: bool,
}

/// Prefixes of names that are no ANSI terminals.
const FOREIGN: [&str; 14] = [
    "dumb", "vt52", "adm", "tvi", "wy30", "wy50", "wy60", "wyse", "ibm31", "ibm327", "hp", "3270",
    "glass", "h19",
];
/// Prefixes of names of terminals that are as xterm is.
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
/// Those of them that have another second screen; and those that shift to their drawing set.
const OTHER_SCREEN: [&str; 4] = ["rxvt", "konsole", "gnome", "iterm"];
const SHIFTING: [&str; 7] = ["rxvt", "konsole", "gnome", "iterm", "vte", "putty", "nsterm"];
/// Old ones that are as a VT100 is.
const OLD: [&str; 4] = ["xterm-r", "xterm-mono", "xterm-old", "xterm-vt"];
/// Those of the others that always have 256 colours, whatever their name says.
const RICH: [&str; 11] = [
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

impl Terminal {
    /// What a terminal with this `TERM` can do.
    pub fn of(term: &str) -> Self {
        let name = term.to_ascii_lowercase();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
        let mut it = if name.is_empty() || begins(&FOREIGN) {
            Self {
                dumb: true,
                regions: false,
                steps: false,
                drawing: Drawing::None,
                ..Self::vt100()
            }
        } else if begins(&OLD) {
            Self::vt100()
        } else if begins(&LIKE_XTERM) || name == "st" {
            Self::xterm(&name, begins(&RICH))
        } else if begins(&["screen.xterm"]) {
            Self { dim: true, ..Self::xterm("xterm", false) }
        } else if begins(&["screen", "tmux"]) {
            Self { alternate: true, ..Self::console() }
        } else if begins(&["linux"]) {
            Self::console()
        } else if begins(&["vt2", "vt3", "vt4", "vt5"]) {
            Self { hide: true, drawing: Drawing::Designate, keys: Keys::Vt220, ..Self::vt100() }
        } else if begins(&["ansi", "pcansi", "cons25", "scoansi", "eterm"]) {
            let keys = if begins(&["cons25", "scoansi"]) { Keys::Sco } else { Keys::Xterm };
            let underline = keys != Keys::Sco;
            Self {
                colors: 8,
                drawing: Drawing::None,
                regions: false,
                steps: false,
                underline,
                keys,
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

    /// The terminal of this session, by the environment.
    pub fn here() -> Self {
        Self::of(&std::env::var("TERM").unwrap_or_default())
    }

    fn vt100() -> Self {
        Self {
            name: String::new(),
            dumb: false,
            colors: 0,
            utf8: false,
            drawing: Drawing::Shift,
            regions: true,
            steps: true,
            hide: false,
            alternate: false,
            dim: false,
            underline: true,
            keys: Keys::Vt100,
            function_keys: false,
        }
    }

    fn console() -> Self {
        Self {
            colors: 8,
            utf8: true,
            hide: true,
            dim: true,
            keys: Keys::Xterm,
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
            drawing: if shifting { Drawing::Shift } else { Drawing::Designate },
            hide: true,
            alternate: newer || !begins(&OTHER_SCREEN),
            keys: Keys::Xterm,
            function_keys: true,
            ..Self::vt100()
        }
    }

    /// Whether what is typed is taken for UTF-8: unless the locale (looked up by `var`) names
    /// another character set.
    pub fn hears_utf8(var: impl Fn(&str) -> Option<String>) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|v| var(v).filter(|value| !value.is_empty()))
            .unwrap_or_default();
        let set = locale.split_once('.').map_or("", |(_, set)| set).to_ascii_lowercase();
        set.is_empty() || set.starts_with("utf")
    }

    /// Whether text goes out as UTF-8: the terminal shows it, and the locale (looked up by `var`)
    /// says that it is on.
    pub fn speaks_utf8(&self, var: impl Fn(&str) -> Option<String>) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|v| var(v).filter(|value| !value.is_empty()))
            .unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        self.utf8 && (locale.contains("utf-8") || locale.contains("utf8"))
    }

    /// Gives a terminal of `rows` rows back as it was: plain looks and letters, the whole screen
    /// scrolls, the cursor is seen and stands on an empty last line.
    pub fn leave(&self, rows: u16) -> Vec<u8> {
        if self.dumb {
            return vec![];
        }
        let mut bytes = b"\x1b[m".to_vec();
        match self.drawing {
            Drawing::None => {}
            Drawing::Shift => bytes.push(0x0f),
            Drawing::Designate => bytes.extend_from_slice(b"\x1b(B"),
        }
        if self.regions {
            bytes.extend_from_slice(b"\x1b[r");
        }
        bytes.extend_from_slice(format!("\x1b[{rows};1H\x1b[K").as_bytes());
        if self.hide {
            bytes.extend_from_slice(b"\x1b[?25h");
        }
        if self.alternate {
            bytes.extend_from_slice(b"\x1b[?1049l");
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (name, colors, utf8, drawing, regions, alternate, fkeys) in [
            ("vt100", 0, false, Drawing::Shift, true, false, false),
            ("vt102", 0, false, Drawing::Shift, true, false, false),
            ("vt220", 0, false, Drawing::Designate, true, false, false),
            ("vt420-w", 0, false, Drawing::Designate, true, false, false),
            ("ansi", 8, false, Drawing::None, false, false, false),
            ("linux", 8, true, Drawing::Shift, true, false, true),
            ("xterm", 8, true, Drawing::Designate, true, true, true),
            ("xterm-256color", 256, true, Drawing::Designate, true, true, true),
            ("xterm-mono", 0, false, Drawing::Shift, true, false, false),
            ("screen.xterm-256color", 256, true, Drawing::Designate, true, true, true),
            ("tmux", 8, true, Drawing::Shift, true, true, true),
            ("rxvt", 8, true, Drawing::Shift, true, false, true),
            ("alacritty", 256, true, Drawing::Designate, true, true, true),
            ("nobody-knows", 0, false, Drawing::Shift, true, false, false),
        ] {
            let t = Terminal::of(name);
            assert_eq!(
                (t.dumb, t.colors, t.utf8, t.drawing, t.regions, t.alternate, t.function_keys),
                (false, colors, utf8, drawing, regions, alternate, fkeys),
                "{name}"
            );
        }
        for name in ["", "dumb", "vt52", "wy60", "ibm3151"] {
            assert!(Terminal::of(name).dumb, "{name}");
            assert_eq!(Terminal::of(name).leave(24), b"");
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
        assert!(Terminal::of("xterm").speaks_utf8(lang("", "de_DE.UTF-8")));
        assert!(!Terminal::of("xterm").speaks_utf8(lang("C", "de_DE.UTF-8")));
        assert!(!Terminal::of("vt220").speaks_utf8(lang("", "de_DE.utf8")));
        assert!(!Terminal::of("linux").speaks_utf8(|_| None));
    }
}
