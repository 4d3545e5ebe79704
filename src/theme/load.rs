//! Themes from TOML files: built in, and an administrator's own. The format is described in
//! `docs/themes.md`.

use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};

use crate::diagnostic::reader::{self, Diagnostics, SourceFile, TableReader};
use crate::diagnostic::{Diagnostic, suggest};
use crate::host::trusted;
use crate::theme::{Glyphs, Highlight, Role, Theme};

/// Where an administrator's themes are.
pub const ETC: &str = "/etc/altdisk/themes.d";

const FILES: &[(&str, &str)] = &[
    ("classic", include_str!("../../themes/classic.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
    ("serial", include_str!("../../themes/serial.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind-safe", include_str!("../../themes/colour-blind-safe.toml")),
];
const HIGHLIGHTS: &[(&str, Highlight)] =
    &[("label", Highlight::Label), ("row", Highlight::Row), ("marker", Highlight::Marker)];
const GLYPHS: &[(&str, Glyphs)] =
    &[("unicode", Glyphs::Unicode), ("line", Glyphs::Line), ("ascii", Glyphs::Ascii)];
const DEPTHS: [i64; 4] = [0, 8, 16, 256];
const COLORS: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];
const ATTRIBUTES: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("reverse", Modifier::REVERSED),
    ("underline", Modifier::UNDERLINED),
    ("dim", Modifier::DIM),
];
const LOOK: &[&str] = &["fg", "bg", "bold", "reverse", "underline", "dim"];

/// The names of the themes that are part of this program.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The themes that are part of this program: classic, mono, serial, high-contrast,
/// colour-blind-safe.
pub fn built_in() -> Vec<Theme> {
    names().map(built_in_one).collect()
}

/// The tests see to it that the built-in files are right; without that there is always mono.
fn built_in_one(name: &str) -> Theme {
    let text = FILES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text);
    text.and_then(|text| {
        parse(
            name,
            &SourceFile { name: format!("built in: themes/{name}.toml"), text: text.to_owned() },
        )
        .ok()
    })
    .unwrap_or_else(Theme::mono)
}

/// The theme called `name`: the file `name.toml` in the last of `dirs` that has it, else a built-in
/// one. A name with `/` is a file.
///
/// # Errors
/// What is wrong with the file, or that there is no such theme.
pub fn find(name: &str, dirs: &[PathBuf]) -> Result<Theme, Vec<Diagnostic>> {
    if name.contains('/') {
        return read(Path::new(name));
    }
    let there = dirs
        .iter()
        .rev()
        .map(|dir| dir.join(format!("{name}.toml")))
        .find(|path| path.symlink_metadata().is_ok());
    if let Some(path) = there {
        return read(&path);
    }
    if names().any(|n| n == name) {
        return Ok(built_in_one(name));
    }
    let mut all: Vec<String> = names().map(str::to_owned).collect();
    for dir in dirs {
        all.extend(trusted::list(dir, "toml").unwrap_or_default().iter().map(|p| stem(p)));
    }
    all.sort();
    all.dedup();
    let allowed = suggest::allowed_values(name, all.iter().map(String::as_str));
    Err(vec![Diagnostic::for_file(name, "there is no theme of this name", allowed)])
}

/// All themes, by name, and the mistakes in their files.
pub fn all(dirs: &[PathBuf]) -> (Vec<Theme>, Vec<Diagnostic>) {
    let (mut themes, mut diagnostics) = (built_in(), vec![]);
    for dir in dirs {
        match trusted::list(dir, "toml") {
            Ok(paths) => {
                for path in paths {
                    match read(&path) {
                        Ok(theme) => {
                            themes.retain(|t| t.name != theme.name);
                            themes.push(theme);
                        }
                        Err(mut wrong) => diagnostics.append(&mut wrong),
                    }
                }
            }
            Err(d) => diagnostics.push(Diagnostic::for_file(
                d.path.display().to_string(),
                d.wrong,
                d.right,
            )),
        }
    }
    (themes, diagnostics)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<Theme, Vec<Diagnostic>> {
    match trusted::read(path) {
        Ok(text) => parse(&stem(path), &SourceFile { name: path.display().to_string(), text }),
        Err(d) => Err(vec![Diagnostic::for_file(d.path.display().to_string(), d.wrong, d.right)]),
    }
}

/// Parses the file of a theme.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(name: &str, file: &SourceFile) -> Result<Theme, Vec<Diagnostic>> {
    let table = reader::parse(file)?;
    let found = Diagnostics::default();
    let top = TableReader::new(
        file,
        0,
        &table,
        0..0,
        &found,
        "a theme",
        &["about", "highlight", "glyphs", "colors", "roles"],
    );
    let depth = top.number("colors", 0..=256).filter(|n| {
        let fine = DEPTHS.contains(n);
        if !fine {
            top.report_key("colors", format!("`colors` is {n}"), "allowed: 0, 8, 16, 256");
        }
        fine
    });
    let colors = u16::try_from(depth.unwrap_or(0)).unwrap_or(0);
    let theme = Theme {
        name: name.to_owned(),
        about: top.required_text("about"),
        highlight: top.one_of("highlight", HIGHLIGHTS).unwrap_or(Highlight::Label),
        glyphs: top.one_of("glyphs", GLYPHS).unwrap_or(Glyphs::Ascii),
        colors,
        // Where `colors` is wrong itself, no colour is reported as wrong because of it.
        styles: roles(&top, if depth.is_none() && top.has("colors") { 256 } else { colors }),
    };
    let needed = [
        ("highlight", "highlight = \"label\""),
        ("glyphs", "glyphs = \"ascii\""),
        ("colors", "colors = 8"),
    ];
    for (key, add) in needed.into_iter().filter(|(key, _)| top.lacks(key)) {
        top.report_key(
            key,
            format!("`{key}` is missing"),
            format!("add {add}; `altdisk help themes` lists the other values"),
        );
    }
    let mut diagnostics = found.into_inner();
    diagnostics.sort_by_key(|s| (s.line, s.column));
    if diagnostics.is_empty() { Ok(theme) } else { Err(diagnostics) }
}

fn roles(top: &TableReader, colors: u16) -> Vec<Style> {
    let keys: Vec<&str> = Role::ALL.iter().map(|(_, _, name)| *name).collect();
    let Some(table) = top.table("roles", "[roles]", &keys) else {
        return vec![Style::default(); Role::ALL.len()];
    };
    let style = |name: &str| {
        let Some(look) = table.table(name, "a role", LOOK) else { return Style::default() };
        let style = Style {
            fg: color(&look, "fg", colors),
            bg: color(&look, "bg", colors),
            ..Style::default()
        };
        ATTRIBUTES
            .into_iter()
            .filter(|(key, _)| look.boolean(key))
            .fold(style, |s, (_, m)| s.add_modifier(m))
    };
    keys.into_iter().map(style).collect()
}

/// A colour by name or number.
fn color(look: &TableReader, key: &str, colors: u16) -> Option<Color> {
    if !look.has(key) {
        return None;
    }
    if colors == 0 {
        look.report_key(
            key,
            "this theme has no colours",
            "set `colors` to 8, 16 or 256, or use bold, reverse, underline, dim",
        );
        return None;
    }
    let names = &COLORS[..usize::from(colors.min(16))];
    if !look.is_text(key) {
        let number = look.number(key, 0..=i64::from(colors) - 1)?;
        return u8::try_from(number).ok().map(Color::Indexed);
    }
    let name = look.text(key)?;
    let number = names.iter().position(|n| *n == name);
    if number.is_none() {
        look.report_key(
            key,
            format!("there is no colour `{name}` among {colors}"),
            suggest::allowed_values(&name, names.iter().copied()),
        );
    }
    number.and_then(|n| u8::try_from(n).ok()).map(Color::Indexed)
}
