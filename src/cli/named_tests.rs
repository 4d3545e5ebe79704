//! What texts name is there and works: panels, commands with their flags, fast paths, files, and the defaults of fields.
//!
//! Read are the menus, the catalogue of errors, the help of every command, the READMEs, and whatever stands in backticks in the source:
//! a message that names a command is found there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::flags::{self, Command};
use crate::cli::{Found, find, getopt, help, list, ui};
use crate::error;
use crate::menu::load;
use crate::menu::model::{Builtin, Kind, Screen, Set, Target};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn below(dir: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

/// Every text with where it stands.
fn texts() -> Vec<(String, String)> {
    let mut files = vec![root().join("README.md"), root().join("menus/README.md"), root().join("themes/README.md")];
    below(&root().join("src"), ".rs", &mut files);
    below(&root().join("menus"), ".toml", &mut files);
    // Tests name what is wrong on purpose.
    files.retain(|f| !["tests.rs", "sample.rs", "figures.rs"].iter().any(|end| f.to_string_lossy().ends_with(end)));
    let name = |f: &Path| f.strip_prefix(root()).unwrap().display().to_string();
    let text = |f: &Path| {
        let text = fs::read_to_string(f).unwrap();
        text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().replace("\\\n", "").replace("\\\"", "\"")
    };
    let mut all: Vec<(String, String)> = files.iter().map(|f| (name(f), text(f))).collect();
    all.extend(error::all().map(|e| (e.id.to_owned(), format!("{}\n{}", e.title, e.remedy))));
    all.extend(flags::ALL.iter().map(|c| (format!("help of {}", c.name), help::help(c))));
    all
}

/// What stands between backticks, and lines of examples.
fn quoted(text: &str) -> Vec<String> {
    let ticks = text.split('`').skip(1).step_by(2).filter(|t| !t.contains('\n')).map(str::to_owned);
    let example = |l: &&str| l.starts_with("    ") || l.starts_with("  alt");
    let lines = text.lines().filter(example).map(|l| l.trim().split(" #").next().unwrap_or_default().trim().to_owned());
    ticks.chain(lines).collect()
}

/// The words of a command line; what is quoted is one, and a placeholder of the source ends it.
fn words(line: &str) -> (Vec<String>, bool) {
    let (line, cut) = line.split_once('{').map_or((line, false), |(head, _)| (head, true));
    let (mut words, mut quote) = (vec![String::new()], false);
    for c in line.trim_end().chars() {
        match c {
            '\'' => quote = !quote,
            ' ' if !quote => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    if cut {
        words.push("X".into());
    }
    (words, cut)
}

/// What is wrong with a command line of altdisk; None also for what is none.
fn wrong(line: &str) -> Option<String> {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let program = ["altdisk ", "alt_disk_install "].into_iter().find(|p| line.starts_with(p))?;
    // A sentence that begins with the name is no command line.
    if line.contains(". ") || line.contains("...") || line.contains('|') || line.contains(" (") || line.contains(';') || line.contains('"')
    {
        return None;
    }
    let (words, cut) = words(line);
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let placeholders = ["command", "COMMAND", "fastpath", "FASTPATH", "X", "WORD", "help", "job-supervisor"];
    // `help` and the hidden word of the supervisor are looked at by tests of their own.
    if program == "altdisk " && placeholders.contains(&words.get(1)?.as_str()) {
        return None;
    }
    let parsed = |command: &Command, args: &[OsString]| getopt::parse(command, args).err().map(|e| format!("`{line}`: {e:#}"));
    match find(&argv) {
        Found::Command(command, _, args) => parsed(command, args).filter(|e| !(cut && e.contains("ALT-102"))),
        Found::Unknown(word) if word.starts_with('-') => parsed(&flags::UI, &argv[1..]),
        Found::Unknown(word) => match ui::fastpath(&word, &[]) {
            Ok(ui::Fast::Found) => None,
            _ => Some(format!("`{line}`: no command and no panel")),
        },
        _ => None,
    }
}

#[test]
fn every_command_that_a_text_names_can_be_given() {
    let mut bad = vec![];
    for (place, text) in texts() {
        bad.extend(quoted(&text).iter().filter_map(|line| wrong(line)).map(|w| format!("{place}: {w}")));
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // The test sees mistakes.
    for line in ["altdisk nonsense", "altdisk bootlist --old vda", "alt_disk_install --undo", "altdisk jobs --forever", "altdisk --plane"] {
        assert!(wrong(line).is_some(), "{line}");
    }
    assert!(wrong("altdisk alt_clone").is_none() && wrong("alt_disk_install -C -P {phase}").is_none());
}

fn titles(set: &Set) -> Vec<String> {
    let own = [Builtin::Jobs, Builtin::Themes, Builtin::Keys, Builtin::About].map(|b| title_of(set, &Target::Builtin(b)));
    set.screens.values().map(|s| s.title().to_owned()).chain(own).collect()
}

fn title_of(set: &Set, target: &Target) -> String {
    match target {
        Target::Screen(id) => set.find(id).unwrap().title().to_owned(),
        Target::Builtin(Builtin::Jobs) => "Running and Finished Jobs".to_owned(),
        Target::Builtin(Builtin::Themes) => "Colours and Theme".to_owned(),
        Target::Builtin(Builtin::Keys) => "Keys".to_owned(),
        Target::Builtin(Builtin::About) => "About and Help".to_owned(),
    }
}

/// One thing has one title, in the menu and above the panel; and a text that names a panel names it by that.
#[test]
fn every_panel_that_a_text_names_is_there() {
    let set = load::built_in().unwrap();
    let titles = titles(&set);
    for screen in set.screens.values() {
        let Screen::Menu(menu) = screen else { continue };
        for item in &menu.items {
            if let Some(target) = &item.goto {
                assert_eq!(item.text, title_of(&set, target), "{}: the line and what it opens", menu.id);
            }
        }
    }
    let mut bad = vec![];
    for (place, text) in texts() {
        for (n, _) in text.match_indices("panel ") {
            let rest = &text[n + "panel ".len()..];
            let named = rest.strip_prefix('"').and_then(|r| r.split_once('"')).map(|(name, _)| name);
            match named {
                Some(name) if titles.iter().any(|t| t == name) || name.contains('{') => {}
                Some(name) => bad.push(format!("{place}: there is no panel \"{name}\"")),
                None if rest.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    bad.push(format!("{place}: the name of a panel stands in quotes: {}", rest.chars().take(30).collect::<String>()));
                }
                None => {}
            }
        }
        // `(alt_clean)` beside a name.
        for path in text.split("(alt_").skip(1).filter_map(|r| r.split_once(')')).map(|(p, _)| format!("alt_{p}")) {
            if path.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !matches!(ui::fastpath(&path, &[]), Ok(ui::Fast::Found)) {
                bad.push(format!("{place}: there is no fast path {path}"));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Files of the project that its README names.
#[test]
fn every_file_that_the_readme_names_is_there() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let linked =
        text.split("](").skip(1).filter_map(|r| r.split_once(')')).map(|(p, _)| p).filter(|p| !p.starts_with('#') && !p.contains(':'));
    let run = text.lines().filter_map(|l| l.strip_prefix("    ./")).filter_map(|l| l.split_whitespace().next());
    let listed =
        text.lines().filter_map(|l| l.strip_prefix("    ")).filter_map(|l| l.split_whitespace().next()).filter(|w| w.ends_with('/'));
    let named: Vec<&str> = linked.chain(run).chain(listed).collect();
    assert!(named.len() > 8, "{named:?}");
    for path in named {
        assert!(root().join(path).exists(), "README.md names {path}");
    }
}

/// A path that a field proposes can be written there: its directory is always there, or is made.
#[test]
fn every_default_works() {
    let set = load::built_in().unwrap();
    let mut seen = 0;
    for screen in set.screens.values() {
        let Screen::Dialog(dialog) = screen else { continue };
        for field in dialog.fields.iter().filter(|f| f.kind == Kind::Path) {
            if field.default.is_empty() {
                continue;
            }
            seen += 1;
            let dir = Path::new(&field.default).parent().unwrap();
            assert!(dir == Path::new("/root") || dir == list::images::directory(), "{} {}: {}", dialog.id, field.name, field.default);
        }
    }
    assert!(seen > 0);
    // What is found out when the panel of images opens, in a directory that is made (see `mksysb`).
    let image = PathBuf::from(crate::cli::discover::image_file());
    assert_eq!(image.parent(), Some(list::images::directory().as_path()));
}
