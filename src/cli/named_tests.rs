//! Everything that texts name exists and works: panels, commands with their flags, fast paths,
//! files, and the defaults of fields.
//!
//! The tests read the menus, the catalogue of errors, the help of every command, the documents, and
//! everything between backticks in the source: a message that names a command is found there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::boot::bootlist::bootdisk::{ALTERNATE, ORIGIN};
use crate::cli::{Found, LOG, find, getopt, help, list, mksysb, ui};
use crate::disk::practice;
use crate::engine::prepare::from_image::boot_image;
use crate::engine::steps::customize;
use crate::engine::{ALT_INST, state};
use crate::error::{self, details};
use crate::flags::{self, Command};
use crate::job;
use crate::menu::load;
use crate::menu::model::{Builtin, Field, Kind, Screen, Set, Target};
use crate::theme;

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

/// What people read who never see the source: documents, menus, the catalogue of errors, the help
/// of every command.
fn documents() -> Vec<(String, String)> {
    let mut files = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    below(&root().join("docs"), ".md", &mut files);
    below(&root().join("menus"), ".toml", &mut files);
    let mut all = read(&files);
    let more = |id: &str| details::find(id).unwrap_or_default();
    all.extend(
        error::all()
            .map(|e| (e.id.to_owned(), format!("{}\n{}\n{}", e.title, e.remedy, more(e.id)))),
    );
    all.extend(flags::ALL.iter().map(|c| (format!("help of {}", c.name), help::help(c))));
    all.push(("the overview".to_owned(), help::overview(flags::ALL)));
    all
}

/// Every text with where it stands: the documents, and the source, where the messages are.
fn texts() -> Vec<(String, String)> {
    let mut files = vec![];
    below(&root().join("src"), ".rs", &mut files);
    // Tests name what is wrong on purpose.
    files.retain(|f| {
        !["tests.rs", "sample.rs", "figures.rs"]
            .iter()
            .any(|end| f.to_string_lossy().ends_with(end))
    });
    documents().into_iter().chain(read(&files)).collect()
}

/// The files as text, without the tests in them.
fn read(files: &[PathBuf]) -> Vec<(String, String)> {
    let name = |f: &Path| f.strip_prefix(root()).unwrap().display().to_string();
    let text = |f: &Path| {
        let text = fs::read_to_string(f).unwrap();
        text.split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
            .replace("\\\n", "")
            .replace("\\\"", "\"")
    };
    files.iter().map(|f| (name(f), text(f))).collect()
}

/// What stands between backticks, and lines of examples.
fn quoted(text: &str) -> Vec<String> {
    let ticks = text.split('`').skip(1).step_by(2).filter(|t| !t.contains('\n')).map(str::to_owned);
    let example = |l: &&str| l.starts_with("    ") || l.starts_with("  alt");
    let lines = text
        .lines()
        .filter(example)
        .map(|l| l.trim().split(" #").next().unwrap_or_default().trim().to_owned());
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
    // A sentence that begins with the name is no command line, and a line that shows usage is a
    // form of several.
    if line.contains(". ")
        || line.contains('[')
        || line.contains("...")
        || line.contains('|')
        || line.contains(" (")
        || line.contains(';')
        || line.contains('"')
    {
        return None;
    }
    let (words, cut) = words(line);
    let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    let placeholders =
        ["command", "COMMAND", "fastpath", "FASTPATH", "X", "WORD", "help", "job-supervisor"];
    // `help` and the hidden word of the supervisor are looked at by tests of their own.
    if program == "altdisk " && placeholders.contains(&words.get(1)?.as_str()) {
        return None;
    }
    let parsed = |command: &Command, args: &[OsString]| {
        getopt::parse(command, args).err().map(|e| format!("`{line}`: {e:#}"))
    };
    match find(&argv) {
        Found::Command(command, _, args) => {
            parsed(command, args).filter(|e| !(cut && e.contains("ALT-102")))
        }
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
        bad.extend(
            quoted(&text).iter().filter_map(|line| wrong(line)).map(|w| format!("{place}: {w}")),
        );
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // The test sees mistakes.
    for line in [
        "altdisk nonsense",
        "altdisk bootlist --old vda",
        "alt_disk_install --undo",
        "altdisk jobs --forever",
        "altdisk --plane",
    ] {
        assert!(wrong(line).is_some(), "{line}");
    }
    assert!(
        wrong("altdisk alt_clone").is_none() && wrong("alt_disk_install -C -P {phase}").is_none()
    );
}

fn titles(set: &Set) -> Vec<String> {
    let own = [Builtin::Jobs, Builtin::Themes, Builtin::Keys, Builtin::About]
        .map(|b| title_of(set, &Target::Builtin(b)));
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

/// One thing has one title, in the menu and above the panel; and a text that names a panel names it
/// by that.
#[test]
fn every_panel_that_a_text_names_is_there() {
    let set = load::built_in().unwrap();
    let titles = titles(&set);
    for screen in set.screens.values() {
        let Screen::Menu(menu) = screen else { continue };
        for item in &menu.items {
            if let Some(target) = &item.goto {
                assert_eq!(
                    item.text,
                    title_of(&set, target),
                    "{}: the line and what it opens",
                    menu.id
                );
            }
        }
    }
    let mut bad = vec![];
    for (place, text) in texts() {
        for (n, _) in text.match_indices("panel ") {
            let rest = &text[n + "panel ".len()..];
            let named =
                rest.strip_prefix('"').and_then(|r| r.split_once('"')).map(|(name, _)| name);
            match named {
                Some(name) if titles.iter().any(|t| t == name) || name.contains('{') => {}
                Some(name) => bad.push(format!("{place}: there is no panel \"{name}\"")),
                None if rest.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    bad.push(format!(
                        "{place}: the name of a panel stands in quotes: {}",
                        rest.chars().take(30).collect::<String>()
                    ));
                }
                None => {}
            }
        }
        for (n, _) in text.match_indices("menu: ") {
            let rest = &text[n + "menu: ".len()..];
            let named = rest
                .strip_prefix('"')
                .and_then(|r| r.split_once('"'))
                .map(|(name, _)| name.replace("\n        ", " "));
            // A message about menu files may say `menu: {..}`; a name that stands there is a title
            // in quotes.
            let document = !place.starts_with("src/");
            let is_name = rest.starts_with('"')
                || (document && rest.starts_with(|c: char| c.is_ascii_uppercase()))
                || place.starts_with("ALT-");
            if is_name && !named.as_ref().is_some_and(|n| titles.iter().any(|t| t == n)) {
                bad.push(format!(
                    "{place}: no panel is named after `menu:`: {}",
                    rest.chars().take(30).collect::<String>()
                ));
            }
        }
        // `(alt_clean)` beside a name.
        for path in text
            .split("(alt_")
            .skip(1)
            .filter_map(|r| r.split_once(')'))
            .map(|(p, _)| format!("alt_{p}"))
        {
            if path.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !matches!(ui::fastpath(&path, &[]), Ok(ui::Fast::Found))
            {
                bad.push(format!("{place}: there is no fast path {path}"));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// All that the panels say in sentences, with where it stands.
fn sentences(set: &Set) -> Vec<(String, String)> {
    let mut all = vec![];
    let field = |all: &mut Vec<(String, String)>, id: &str, f: &Field| {
        let message = f.pattern.as_ref().map(|p| p.message.as_str()).unwrap_or_default();
        all.push((format!("{id} {}", f.name), format!("{}\n{message}", f.help)));
    };
    for (id, screen) in &set.screens {
        match screen {
            Screen::Menu(m) => {
                all.push((id.clone(), m.help.clone()));
                all.extend(m.items.iter().map(|i| (format!("{id}: {}", i.text), i.help.clone())));
            }
            Screen::Selector(s) => {
                all.push((id.clone(), s.help.clone()));
                field(&mut all, id, &s.field);
            }
            Screen::Dialog(d) => {
                all.push((
                    id.clone(),
                    format!("{}\n{}", d.help, d.confirm.as_deref().unwrap_or_default()),
                ));
                d.fields.iter().for_each(|f| field(&mut all, id, f));
            }
        }
    }
    all
}

fn labels(set: &Set) -> Vec<String> {
    let fields = set.screens.values().flat_map(|s| match s {
        Screen::Menu(_) => [].iter(),
        Screen::Selector(s) => std::slice::from_ref(&s.field).iter(),
        Screen::Dialog(d) => d.fields.iter(),
    });
    fields.map(Field::title).collect()
}

/// What stands in quotes with a capital letter and more than one word is the title of a panel or
/// the label of a field, and so is what the words `the field` lead to.
#[test]
fn every_quoted_name_in_the_panels_is_there() {
    let set = load::built_in().unwrap();
    let (titles, labels) = (titles(&set), labels(&set));
    let is_there =
        |name: &str| titles.iter().any(|t| t == name) || labels.iter().any(|l| l.starts_with(name));
    let quoted = Regex::new(r#""([A-Z][^"]* [^"]*)""#).unwrap();
    let led_to = Regex::new(r#"(?:the field|the fields) "([^"]+)""#).unwrap();
    let (mut bad, mut seen) = (vec![], 0);
    for (place, text) in sentences(&set) {
        for name in quoted.captures_iter(&text).map(|c| c[1].to_owned()) {
            seen += 1;
            if !is_there(&name) {
                bad.push(format!("{place}: \"{name}\""));
            }
        }
    }
    for (place, text) in texts() {
        for name in led_to
            .captures_iter(&text.replace("\n        ", " "))
            .map(|c| c[1].to_owned())
            .filter(|n| !n.contains('{'))
        {
            seen += 1;
            if !is_there(&name) {
                bad.push(format!("{place}: there is no field \"{name}\""));
            }
        }
    }
    assert!(bad.is_empty() && seen > 10, "{seen}\n{}", bad.join("\n"));
    assert!(!is_there("Sizes and Layout") && is_there("Set bootlist"));
}

/// Files and directories that altdisk makes or reads. Below those that end with `/`, names are the
/// user's.
fn own_paths() -> Vec<String> {
    let dirs = [
        list::images::directory(),
        practice::directory(),
        job::files::OF_ROOT.into(),
        theme::load::ETC.into(),
        load::ETC.into(),
        boot_image::DIR.into(),
        ALT_INST.into(),
    ];
    let files: [PathBuf; 8] = [
        state::DIR.into(),
        Path::new(state::DIR).join(state::ALTERNATE),
        LOG.into(),
        Path::new(LOG).parent().unwrap().into(),
        mksysb::LOG.into(),
        ORIGIN.into(),
        ALTERNATE.into(),
        crate::host::sandbox::SHOWN.into(),
    ];
    dirs.iter()
        .map(|d| format!("{}/", d.display()))
        .chain(files.iter().map(|f| f.display().to_string()))
        .collect()
}

/// What every Linux system has, or what the documents say about others.
const SYSTEM: &[&str] = &[
    "/bin/sh",
    "/boot",
    "/dev",
    "/dev/mapper/control",
    "/dev/nst0",
    "/dev/sr0",
    "/dev/vdb",
    "/etc",
    "/etc/fstab",
    "/etc/hostid",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/resolv.conf",
    "/proc",
    "/proc/1",
    "/proc/PID/fd",
    "/proc/PID/fd/N",
    "/run",
    "/sys",
    "/usr",
    "/var/lib",
    "/var/log",
    "/var/tmp",
    // Of AIX, where a message says what is different here.
    "/etc/exclude.rootvg",
    "/dev/sdb",
    // The cache of the tests.
    "/var/cache",
    // Where the README installs the program.
    "/usr/local/sbin/alt_disk_install",
    "/usr/local/sbin/altdisk",
];

/// Below these, examples are.
const EXAMPLES: &[&str] = &["/root", "/tmp", "/mnt", "/media", "/updates", "/backup"];

/// What is wrong with a path in a text.
fn wrong_path(path: &str) -> Option<String> {
    let own = [
        "/var/lib/altdisk",
        "/var/log/altdisk",
        "/etc/altdisk",
        "/usr/lib/altdisk",
        "/run/altdisk",
        ALT_INST,
    ];
    let ours = own_paths().iter().any(|p| {
        path == p.trim_end_matches('/') || (p.ends_with('/') && path.starts_with(p.as_str()))
    });
    let known = SYSTEM.contains(&path)
        || customize::CLIENT_FILES.contains(&path)
        || path == "/etc/ssh/ssh_host_*_key";
    let example = EXAMPLES.iter().any(|e| path == *e || path.starts_with(&format!("{e}/")));
    match own.iter().any(|o| path == *o || path.starts_with(&format!("{o}/"))) {
        true if !ours => Some(format!("altdisk has no {path}")),
        false if !known && !example => Some(format!("{path} is not known")),
        _ => None,
    }
}

#[test]
fn every_path_that_a_text_names_is_right() {
    // Not part of a longer word, nor of a URL, a relative path or an option of a regular
    // expression.
    let path =
        Regex::new(r#"(?:^|[\s"'`(=,])(/[a-z][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.*-]+)*)"#).unwrap();
    let (mut bad, mut seen) = (vec![], 0);
    for (place, text) in documents() {
        for found in path.captures_iter(&text).map(|c| c[1].trim_end_matches(['.', ':']).to_owned())
        {
            seen += 1;
            bad.extend(wrong_path(&found).map(|w| format!("{place}: {w}")));
        }
    }
    assert!(bad.is_empty() && seen > 100, "{seen}\n{}", bad.join("\n"));
    // The test sees mistakes.
    for wrong in [
        "/var/lib/altdisk/image",
        "/var/log/altdisk.log",
        "/etc/altdisk/menu.d",
        "/alt_install",
        "/etc/nim",
    ] {
        assert!(wrong_path(wrong).is_some(), "{wrong}");
    }
    assert!(
        wrong_path("/var/lib/altdisk/images/a.mksysb").is_none()
            && wrong_path("/alt_inst/etc/hostname").is_none()
    );
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
            assert!(
                dir == Path::new("/root") || dir == list::images::directory(),
                "{} {}: {}",
                dialog.id,
                field.name,
                field.default
            );
        }
    }
    assert!(seen > 0);
    // What is found out when the panel of images opens, in a directory that is made (see `mksysb`).
    let image = PathBuf::from(crate::cli::discover::image_file());
    assert_eq!(image.parent(), Some(list::images::directory().as_path()));
}
