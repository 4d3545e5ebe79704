//! Themes: the built-in ones, bad files with the exact message, which one a terminal gets.
//! `UPDATE_GOLDEN=1 cargo test theme::` writes the messages anew; then read the difference.

use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};

use super::choose::{Wanted, choose};
use super::{Glyphs, Highlight, Role, Theme, load};
use crate::diagnostic::reader::SourceFile;

#[test]
fn the_built_in_looks() {
    let all = load::built_in();
    let names: Vec<&str> = all.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["classic", "mono", "serial", "high-contrast", "colour-blind-safe"]);
    assert_eq!(all[1], Theme::mono());
    for theme in &all {
        assert_eq!(theme.styles.len(), Role::ALL.len());
        // Whatever the colours, the selection is told apart, and so is an error.
        let plain = theme.style(Role::Text);
        assert!(
            theme.highlight == Highlight::Marker || theme.style(Role::Selected) != plain,
            "{}",
            theme.name
        );
        assert!(theme.name == "serial" || theme.style(Role::Error) != plain, "{}", theme.name);
        for style in &theme.styles {
            assert!(style.fg.is_none() || style.fg != style.bg, "{}", theme.name);
            assert!(
                theme.name == "colour-blind-safe" || style.fg != Some(Color::Indexed(4)),
                "no blue on black: {}",
                theme.name
            );
        }
    }
    assert!(all[2].styles.iter().all(|s| *s == Style::default()), "serial costs no byte");
}

#[test]
fn bad_files_have_their_message() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/themes/bad");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    assert!(paths.len() >= 15);
    for path in paths {
        let file = SourceFile {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            text: std::fs::read_to_string(&path).unwrap(),
        };
        let told: String =
            load::parse("x", &file).unwrap_err().iter().map(|s| format!("{s}\n")).collect();
        let beside = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&beside, &told).unwrap();
        }
        assert_eq!(
            told,
            std::fs::read_to_string(&beside).unwrap(),
            "{path:?}; UPDATE_GOLDEN=1 writes it anew"
        );
    }
}

fn chosen(wanted: Wanted) -> String {
    let (theme, wrong) = choose(&wanted);
    assert!(wrong.is_empty());
    theme.name
}

#[test]
fn which_look_a_terminal_gets() {
    let w = |name: Option<&str>, no_color, colors, speed| Wanted {
        name: name.map(str::to_owned),
        no_color,
        colors,
        utf8: true,
        speed,
        dirs: vec![],
    };
    let table = [
        (w(None, false, 8, None), "classic"),
        (w(None, false, 8, Some(38400)), "classic"),
        (w(None, false, 8, Some(19200)), "serial"),
        (w(None, false, 0, Some(9600)), "serial"),
        (w(None, false, 0, None), "mono"),
        (w(None, true, 256, None), "mono"),
        (w(Some("classic"), false, 8, Some(9600)), "classic"),
        (w(Some("high-contrast"), true, 8, None), "high-contrast"),
    ];
    for (wanted, want) in table {
        assert_eq!(chosen(wanted.clone()), want, "{wanted:?}");
    }
}

#[test]
fn no_more_than_the_terminal_has() {
    let get = |name: &str, colors, no_color, utf8| {
        choose(&Wanted { name: Some(name.into()), colors, no_color, utf8, ..Wanted::default() }).0
    };
    let blind = get("colour-blind-safe", 8, false, false);
    assert_eq!((blind.colors, blind.glyphs), (8, Glyphs::Line));
    assert_eq!(blind.style(Role::Error).fg, Some(Color::Indexed(3)));
    assert!(
        blind
            .styles
            .iter()
            .flat_map(|s| [s.fg, s.bg])
            .flatten()
            .all(|c| matches!(c, Color::Indexed(0..8)))
    );
    let none = get("high-contrast", 256, true, true);
    assert!(none.colors == 0 && none.styles.iter().all(|s| s.fg.is_none() && s.bg.is_none()));
    assert!(none.style(Role::Selected).add_modifier.contains(Modifier::REVERSED));
    assert!(!none.style(Role::Text).add_modifier.contains(Modifier::REVERSED));
    assert_eq!(
        get("colour-blind-safe", 256, false, true),
        load::find("colour-blind-safe", &[]).unwrap()
    );
}

#[test]
fn own_looks_and_mistakes_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    put(
        "mine.toml",
        "about = \"m\"\nhighlight = \"row\"\nglyphs = \"line\"\ncolors = 16\n[roles]\ntitle = { fg = \"bright-blue\", underline = true }\n",
    );
    put("classic.toml", "about = 1\n");
    let dirs = vec![dir.path().to_owned()];
    let mine = load::find("mine", &dirs).unwrap();
    assert_eq!(
        mine.style(Role::Title),
        Style::new().fg(Color::Indexed(12)).add_modifier(Modifier::UNDERLINED)
    );
    // A theme with mistakes is reported, and the built-in one of its name is used.
    let wanted = |name: &str| Wanted {
        name: Some(name.into()),
        colors: 8,
        utf8: true,
        dirs: dirs.clone(),
        ..Wanted::default()
    };
    let (theme, wrong) = choose(&wanted("classic"));
    assert_eq!(theme, load::find("classic", &[]).unwrap());
    assert!(
        wrong.iter().any(|s| s.to_string().contains("classic.toml:1:9: `about` must be a text")),
        "{wrong:?}"
    );
    let (theme, wrong) = choose(&wanted("mien"));
    assert_eq!(theme.name, "classic");
    assert_eq!(
        wrong[0].to_string(),
        "mien: there is no theme of this name\n    perhaps `mine` is meant; allowed: classic, colour-blind-safe, high-contrast, mine, mono, serial"
    );
    let (all, wrong) = load::all(&dirs);
    assert!(
        all.iter().any(|t| t.name == "mine")
            && all.iter().any(|t| t.name == "classic")
            && !wrong.is_empty()
    );
}

#[test]
fn every_role_has_a_line_in_the_manual() {
    let manual = include_str!("../../docs/themes.md");
    for (_, _, name) in Role::ALL {
        assert!(manual.contains(&format!("\n| `{name}` |")), "{name}");
    }
}
