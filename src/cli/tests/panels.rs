//! The panels that ship, held against the commands that they run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command as Process;

use crate::cli::commands::COMMANDS;
use crate::cli::{alt_disk_install, getopt};
use crate::error;
use crate::flags::{self, Command};
use crate::menu::model::{Dialog, Field, Kind, Run, Screen, Set, Target};
use crate::menu::values::{Context, Values};
use crate::menu::{command, load, rules};

fn shipped() -> Set {
    load::built_in().unwrap()
}

fn dialogs(set: &Set) -> impl Iterator<Item = &Dialog> {
    set.screens.values().filter_map(|s| if let Screen::Dialog(d) = s { Some(d) } else { None })
}

/// What earlier screens of these panels hand on.
fn context() -> Context {
    Context::from([("disk".to_owned(), "vdb".to_owned())])
}

/// A file that every path field accepts, be it a script or a list, with a name that no shell must
/// see unquoted.
fn file(dir: &Path) -> String {
    let path = dir.join("it's a $HOME `x`; \"file\" *");
    std::fs::write(&path, "#!/bin/sh\nx11\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_string_lossy().into_owned()
}

/// Texts to put into a field: every choice, or what a user may type there.
fn samples(field: &Field, file: &str) -> Vec<String> {
    let words: &[&str] = match (field.kind, field.name.as_str()) {
        (Kind::Heading, _) => return vec![],
        (Kind::Ring, _) => return field.choices.iter().map(|c| c.shown.clone()).collect(),
        (_, "location") => &["", "/", "configured", "https://h/debian bookworm main", "updates"],
        (_, "packages") => &["", "vim", "vim curl=8,nano", "all", "linux-*"],
        (_, "fixes") => &["", "CVE-2024-33599 LP: #2012345", "$(reboot)"],
        (_, "flags") => &["", "-acgXY", "--no-install-recommends -o 'a b'", "vim"],
        (Kind::Path, "bundle") => {
            return vec![String::new(), "update_all".to_owned(), file.to_owned()];
        }
        (Kind::Path, _) => return vec![String::new(), file.to_owned()],
        (Kind::Number, _) => &["2", "16", "17"],
        (_, "number") => &["", "ALT-320", "ALT-320 ALT-101"],
        (_, "accept") => &["", "encryption", "verity,snapshots", "everything"],
        (_, "size") => &["20G", "1.5TiB", "much"],
        (_, "level") => &["", "12.11.0", "12.11"],
        (_, "name") => &["two", "2", "a b"],
        (_, "target" | "disk" | "names") => &["vdx", " vdx  vdy ", "", "-X", "vdx;reboot"],
        (kind, name) => panic!("{kind:?} {name}: no samples"),
    };
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// The dialog as it opens (with something in fields that must be filled), with each field in each
/// of its samples, and with each two.
fn spread(dialog: &Dialog, file: &str, pairs: bool) -> Vec<Values> {
    let mut base = Values::new(dialog, &context());
    for (n, field) in dialog.fields.iter().enumerate() {
        if rules::validate(dialog, &base).is_some_and(|r| r.field == field.name) {
            let fits = samples(field, file).into_iter().find(|s| {
                base.set(n, s.clone());
                rules::validate(dialog, &base).is_none_or(|r| r.field != field.name)
            });
            assert!(fits.is_some(), "{} {}", dialog.id, field.name);
        }
    }
    let mut all = vec![base.clone()];
    let texts: Vec<Vec<String>> = dialog.fields.iter().map(|f| samples(f, file)).collect();
    for n in 0..texts.len() {
        for text in &texts[n] {
            let mut one = base.clone();
            one.set(n, text.clone());
            for m in (n + 1..texts.len()).filter(|_| pairs) {
                for other in &texts[m] {
                    let mut two = one.clone();
                    two.set(m, other.clone());
                    all.push(two);
                }
            }
            all.push(one);
        }
    }
    all
}

fn refused_by_command(argv: &[String]) -> Option<String> {
    let command: &Command = flags::ALL.iter().find(|c| c.name == argv[1]).unwrap();
    let words: Vec<OsString> = argv[2..].iter().map(OsString::from).collect();
    let outcome = match command.name {
        "alt_disk_install" => alt_disk_install::read(&words).map(drop),
        _ => getopt::parse(command, &words).map(drop),
    };
    outcome.err().map(|e| error::find(&e).unwrap().to_string())
}

#[test]
fn they_have_no_mistakes() {
    let (_, diagnostics) = load::merge_layers(vec![load::built_in_layer()]);
    let said: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}

/// The line that is shown, read by a shell, is what is run. The shell must not do the work itself:
/// the commands are functions there, it finds no program, and a panel that runs anything else is
/// refused before the shell starts.
#[test]
fn the_previewed_line_is_what_runs() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path());
    let (set, mut seen, mut script, mut wanted) =
        (shipped(), BTreeSet::new(), String::new(), vec![]);
    for dialog in dialogs(&set) {
        for values in spread(dialog, &file, false) {
            let line = command::build_line(dialog, &values, &context());
            if seen.insert(line.argv.clone()) {
                let (program, shown) = (line.argv[0].as_str(), line.shown());
                let stands_in = ["altdisk", "alt_disk_install"].contains(&program)
                    && shown.split(' ').next() == Some(program);
                assert!(stands_in, "{}: `{shown}` would be run in earnest", dialog.id);
                script.push_str(&shown);
                script.push('\n');
                wanted.extend(line.argv[1..].iter().cloned().chain(["end of line".to_owned()]));
            }
        }
    }
    assert!(seen.len() > 60, "{}", seen.len());
    let script = format!(
        "altdisk() {{ printf '%s\\0' \"$@\" 'end of line'; }}\nalt_disk_install() {{ altdisk \"$@\"; }}\n{script}"
    );
    let nowhere = dir.path().join("no programs");
    let out = Process::new("/bin/sh")
        .args(["-c", &script])
        .env("PATH", nowhere)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(
        out.status.success() && out.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), wanted);
}

/// What the dialog lets pass, the command takes; and the page before it can be asked for with the
/// same words.
#[test]
fn a_dialog_refuses_what_its_command_would_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path());
    let (set, mut passed, mut refused) = (shipped(), 0, 0);
    for dialog in dialogs(&set) {
        for values in spread(dialog, &file, true) {
            let line = command::build_line(dialog, &values, &context());
            if rules::validate(dialog, &values).is_some() {
                refused += 1;
                continue;
            }
            passed += 1;
            assert_eq!(refused_by_command(&line.argv), None, "{}: {}", dialog.id, line.shown());
            if let Some(words) = &dialog.review {
                let review = line.with_words(words).argv;
                assert_eq!(refused_by_command(&review), None, "{}: {}", dialog.id, line.shown());
            }
        }
    }
    assert!(passed > 500 && refused > 100, "{passed} {refused}");
}

/// As a panel opens, each of its fields holds what it takes itself; and once the fields are filled
/// that must be, its command takes the rest as it is.
#[test]
fn a_panel_works_with_its_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let (file, set) = (file(dir.path()), shipped());
    // As `altdisk discover` finds them.
    let found = [
        ("target", "vdb"),
        ("bootlist", "yes"),
        ("name", "practice1"),
        ("size", "9G"),
        ("file", &crate::cli::discover::default_image_file()),
    ];
    let found: Context =
        context().into_iter().chain(found.map(|(n, v)| (n.to_owned(), v.to_owned()))).collect();
    let (mut defaults, mut whole) = (0, 0);
    for dialog in dialogs(&set) {
        for context in [&found, &context()] {
            for field in &dialog.fields {
                let alone = std::slice::from_ref(field);
                let values = Values::for_fields(alone, context);
                if values.get(0).is_empty() {
                    assert!(
                        field.kind != Kind::Ring,
                        "{} {}: a ring shows nothing",
                        dialog.id,
                        field.name
                    );
                    continue;
                }
                defaults += 1;
                assert_eq!(rules::validate_fields(alone, &values), None, "{}", dialog.id);
            }
        }
        let mut values = Values::new(dialog, &found);
        for (n, field) in dialog.fields.iter().enumerate() {
            if values.get(n).is_empty()
                && rules::validate(dialog, &values).is_some_and(|r| r.field == field.name)
            {
                values.set(n, samples(field, &file).into_iter().find(|s| !s.is_empty()).unwrap());
            }
        }
        whole += 1;
        assert_eq!(rules::validate(dialog, &values), None, "{}", dialog.id);
        let line = command::build_line(dialog, &values, &found);
        assert_eq!(refused_by_command(&line.argv), None, "{}: {}", dialog.id, line.shown());
    }
    assert!(defaults > 100 && whole > 20, "{defaults} {whole}");
}

/// Every command that is asked for a list, a first value or a page is there.
#[test]
fn lists_and_first_values_come_from_commands_that_exist() {
    let set = shipped();
    let mut runs: Vec<&Run> = vec![];
    let mut fields: Vec<&Field> = vec![];
    for screen in set.screens.values() {
        match screen {
            Screen::Menu(_) => {}
            Screen::Selector(s) => fields.push(&s.field),
            Screen::Dialog(d) => {
                runs.extend(d.discover.iter());
                fields.extend(&d.fields);
            }
        }
    }
    runs.extend(fields.iter().filter_map(|f| f.list.as_ref()).map(|l| &l.command));
    assert!(runs.len() > 5);
    for run in runs {
        let argv = command::build_argv(run, &context());
        assert_eq!(argv[0], "altdisk");
        assert!(COMMANDS.iter().any(|(c, _)| c.name == argv[1]), "{argv:?}");
        let command = flags::ALL.iter().find(|c| c.name == argv[1]).unwrap();
        let forms: Vec<String> =
            command.forms.iter().map(|f| format!("{} {}", f.word, f.operands)).collect();
        assert!(forms.iter().any(|f| f.contains(&argv[2])), "{argv:?}: {forms:?}");
        assert_eq!(refused_by_command(&argv), None);
    }
}

/// Everything is explained, in few lines, and fits into SMIT's columns.
#[test]
fn a_novice_finds_help_everywhere() {
    let set = shipped();
    let explained = |what: &str, help: &str| {
        let lines = crate::text::wrap(help.trim(), 72, 0, 0).lines().count();
        assert!((1..=13).contains(&lines), "{what}: {lines} lines of help");
    };
    let fits =
        |field: &Field| assert!(field.label.lines().all(|l| l.len() <= 50), "{}", field.label);
    let (mut reached, mut shown) = (BTreeSet::new(), 0);
    for (id, screen) in &set.screens {
        match screen {
            Screen::Menu(m) => {
                explained(id, &m.help);
                for item in &m.items {
                    assert!(item.text.len() <= 60, "{}", item.text);
                    if let Some(Target::Screen(to)) = &item.goto {
                        reached.insert(to.clone());
                    } else {
                        explained(&item.text, &item.help);
                    }
                }
            }
            Screen::Selector(s) => {
                explained(id, &s.help);
                explained(&s.field.name, &s.field.help);
                reached.insert("alt_disk_show".to_owned());
            }
            Screen::Dialog(d) => {
                explained(id, &d.help);
                for field in d.fields.iter().filter(|f| f.kind != Kind::Heading) {
                    explained(&format!("{id} {}", field.name), &field.help);
                    fits(field);
                    shown += 1;
                }
            }
        }
    }
    assert!(shown > 30);
    let lost: Vec<&String> =
        set.screens.keys().filter(|id| !reached.contains(*id) && *id != "altdisk").collect();
    assert!(lost.is_empty(), "no menu leads to {lost:?}");
}

/// The plain case stays a short line.
#[test]
fn only_what_matters_is_sent() {
    let set = shipped();
    let find = |id: &str| dialogs(&set).find(|d| d.id == id).unwrap().clone();
    let clone = find("alt_clone");
    let found = Context::from([
        ("target".to_owned(), "vdb".to_owned()),
        ("bootlist".to_owned(), "yes".to_owned()),
    ]);
    let mut values = Values::new(&clone, &found);
    assert_eq!(rules::validate(&clone, &values), None);
    assert_eq!(
        command::build_line(&clone, &values, &found).shown(),
        "altdisk alt_disk_install -C vdb"
    );
    let at = |name: &str| clone.fields.iter().position(|f| f.name == name).unwrap();
    for (name, value) in
        [("phase", "12"), ("script", "/root/my script"), ("bootlist", "no"), ("verbose", "yes")]
    {
        values.set(at(name), value);
    }
    // The boot list belongs to phase 3: with phases 1 and 2 it is not asked for.
    assert_eq!(
        command::build_line(&clone, &values, &found).shown(),
        "altdisk alt_disk_install -C -P 12 -s '/root/my script' -V vdb"
    );
    let practice = Context::from([
        ("target".to_owned(), "one".to_owned()),
        ("bootlist".to_owned(), "no".to_owned()),
    ]);
    assert_eq!(
        command::build_line(&clone, &Values::new(&clone, &practice), &practice).shown(),
        "altdisk alt_disk_install -C -B one"
    );
    values.set(at("phase"), "all");
    values.set(at("reboot"), "yes");
    assert_eq!(rules::validate(&clone, &values).unwrap().field, "reboot");
    for (id, review) in [("alt_forget", "-X --review"), ("alt_erase", "-X --review --ask-erase")] {
        let clean = find(id);
        let line = command::build_line(&clean, &Values::new(&clean, &found), &found);
        assert_eq!(line.shown(), "altdisk alt_disk_install -X");
        assert_eq!(
            line.with_words(clean.review.as_ref().unwrap()).argv.join(" "),
            format!("altdisk alt_disk_install {review}")
        );
    }
}
