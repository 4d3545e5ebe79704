use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::engine::plan::step_id::StepId;
use crate::engine::state::errors::no_room;
use crate::host::own_file;

/// A plan and a journal as version 0.1.0 stored them, with the password of a URL in both.
const OLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-0.1.0");
const PASSWORD: &str = "geheim42";

fn old() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in [PLAN, JOURNAL] {
        fs::copy(Path::new(OLD).join(name), dir.path().join(name)).unwrap();
    }
    dir
}

fn known(dir: &Path) -> Alternate {
    load(dir).unwrap().known().unwrap().unwrap()
}

fn unreadable(dir: &Path) -> String {
    match load(dir) {
        Ok(Stored::Unreadable(why)) => error::find(&why).unwrap().to_string(),
        other => format!("{other:?}"),
    }
}

/// True if the password is in a file of the directory, by name.
fn holds_password(dir: &Path, name: &str) -> bool {
    fs::read_to_string(dir.join(name)).is_ok_and(|text| text.contains(PASSWORD))
}

#[test]
fn what_0_1_0_stored_is_loaded() {
    let dir = old();
    let a = known(dir.path());
    assert_eq!((a.run, a.base.version, a.journal_damaged, a.run_complete()), (1, 1, false, false));
    assert_eq!(a.phases_done().into_iter().collect::<Vec<_>>(), [1]);
    assert!(a.half_updated() && a.made_by().contains(&"-P".to_owned()));
    let wanted = a.plan.request.software.as_ref().unwrap();
    let crate::software::Location::Url { url, rest } = &wanted.location else {
        panic!("{wanted:?}")
    };
    assert_eq!((url.expose(), rest.len()), ("http://joe:geheim42@127.0.0.1:9/debian", 2));
}

#[test]
fn secrets_lie_apart() {
    let dir = old();
    let dir = dir.path();
    let a = known(dir);
    hide_secrets(dir, &a);
    for name in [PLAN, OLD_PLAN, IMAGE] {
        assert!(dir.join(name).exists() && !holds_password(dir, name), "{name}");
        assert_eq!(fs::metadata(dir.join(name)).unwrap().mode() & 0o7777, 0o644, "{name}");
    }
    assert!(holds_password(dir, "secrets.json"));
    assert_eq!(fs::metadata(dir.join("secrets.json")).unwrap().mode() & 0o7777, 0o600);
    // What is loaded has them again, and shows none of them.
    let again = known(dir);
    assert_eq!(again.plan, a.plan);
    assert!(!format!("{:?}", again.plan.steps).contains(PASSWORD));
    assert!(again.plan.request.argv.iter().any(|w| w.contains(PASSWORD)));
    // Another plan's are not put into this one.
    let mut text: Value =
        serde_json::from_slice(&fs::read(dir.join("secrets.json")).unwrap()).unwrap();
    text["run"] = 7.into();
    fs::write(dir.join("secrets.json"), text.to_string()).unwrap();
    assert!(!known(dir).plan.request.argv.iter().any(|w| w.contains(PASSWORD)));
    // Where no step needs them they are kept nowhere.
    store(dir, &Kept { run: 1, base: a.base, plan: a.plan }, false).unwrap();
    assert!(!dir.join("secrets.json").exists() && !holds_password(dir, PLAN));
    remove_all(dir).unwrap();
    assert!(!dir.exists());
    assert!(matches!(load(dir), Ok(Stored::None)));
}

#[test]
fn a_damaged_plan_has_a_copy() {
    let dir = old();
    let dir = dir.path();
    hide_secrets(dir, &known(dir));
    let want = known(dir);
    let plan = dir.join(PLAN);
    let whole = fs::read_to_string(&plan).unwrap();
    let damages: [(&str, &dyn Fn()); 9] = [
        ("truncated", &|| fs::write(&plan, &whole[..whole.len() / 2]).unwrap()),
        ("empty", &|| fs::write(&plan, "").unwrap()),
        ("garbage", &|| fs::write(&plan, [0xff; 100]).unwrap()),
        ("{}", &|| fs::write(&plan, "{}").unwrap()),
        ("null", &|| fs::write(&plan, "null").unwrap()),
        ("missing", &|| ()),
        ("directory", &|| fs::create_dir(&plan).unwrap()),
        ("fifo", &|| {
            nix::unistd::mkfifo(&plan, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap()
        }),
        ("link", &|| symlink("/dev/zero", &plan).unwrap()),
    ];
    let clear = || drop(fs::remove_file(&plan).or_else(|_| fs::remove_dir(&plan)));
    for (name, damage) in damages {
        clear();
        damage();
        assert_eq!(known(dir).plan, want.plan, "{name}");
        let copy = fs::read(dir.join(OLD_PLAN)).unwrap();
        fs::remove_file(dir.join(OLD_PLAN)).unwrap();
        let said = unreadable(dir);
        assert!(said.starts_with("ALT-702: ") && said.contains("plan.json"), "{name}: {said}");
        fs::write(dir.join(OLD_PLAN), copy).unwrap();
    }
    // A newer version's is no damage: the copy beside it is not believed either.
    clear();
    fs::write(&plan, whole.replace("\"version\": 1", "\"version\": 99")).unwrap();
    let said = unreadable(dir);
    assert!(
        said.starts_with("ALT-716: ")
            && said.ends_with("has version 99; this altdisk knows version 1"),
        "{said}"
    );
}

#[test]
fn what_others_can_write_is_not_believed() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: needs root");
    }
    for name in [PLAN, JOURNAL] {
        let dir = old();
        let file = dir.path().join(name);
        let said = || error::find(&load(dir.path()).unwrap_err()).unwrap().to_string();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        assert_eq!(said(), format!("ALT-717: {}: others can write it (mode 0664)", file.display()));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        nix::unistd::chown(&file, Some(1000.into()), None).unwrap();
        assert_eq!(said(), format!("ALT-717: {}: it belongs to user 1000", file.display()));
    }
}

#[test]
fn a_journal_that_lost_lines_says_so() {
    let dir = old();
    let journal = dir.path().join(JOURNAL);
    let whole = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    for (name, text) in [
        ("garbage within", whole.replacen(lines[3], "\u{0}\u{0}", 1)),
        ("no beginning", lines[1..].join("\n")),
        ("empty", String::new()),
    ] {
        fs::write(&journal, text).unwrap();
        assert!(known(dir.path()).journal_damaged, "{name}");
    }
    // Cut off at the end of a line it looks whole; that the copy was finished is noted apart.
    fs::write(&journal, &whole).unwrap();
    assert!(!known(dir.path()).journal_damaged);
    note_finished(dir.path());
    assert!(known(dir.path()).journal_damaged);
    fs::write(&journal, whole.clone() + "{\"r\":\"phase\",\"phase\":3}\n").unwrap();
    assert!(!known(dir.path()).journal_damaged);
    fs::remove_file(&journal).unwrap();
    let a = known(dir.path());
    assert!(a.journal_damaged && a.journal.is_empty());
    // A journal without a plan is not "nothing".
    fs::write(&journal, &whole).unwrap();
    fs::remove_file(dir.path().join(PLAN)).unwrap();
    assert!(unreadable(dir.path()).ends_with("is missing, and there is a journal beside it"));
}

#[test]
fn full_and_read_only_file_systems_have_names() {
    let of = |kind: std::io::ErrorKind| {
        no_room(anyhow::Error::new(std::io::Error::from(kind)).context("writing journal.jsonl"))
    };
    let full = error::find(&of(std::io::ErrorKind::StorageFull)).unwrap().to_string();
    assert!(
        full.starts_with(
            "ALT-712: writing journal.jsonl: no storage space; the file system of /var"
        ),
        "{full}"
    );
    let read_only = error::find(&of(std::io::ErrorKind::ReadOnlyFilesystem)).unwrap().to_string();
    assert!(read_only.starts_with("ALT-718: writing journal.jsonl: "), "{read_only}");
    assert!(error::find(&of(std::io::ErrorKind::PermissionDenied)).is_none());
}

#[test]
fn a_torn_journal_is_read_up_to_the_tear() {
    let whole =
        b"{\"r\":\"begin\",\"id\":\"1.gate\"}\n{\"r\":\"done\",\"id\":\"1.gate\"}\n".to_vec();
    let want = vec![Record::Begin { id: StepId::Gate }, Record::Done { id: StepId::Gate }];
    assert_eq!(parse_journal(&whole), (want.clone(), false));
    assert_eq!(
        parse_journal(&[&whole[..], b"{\"r\":\"begin\",\"id\":\"1.wi"].concat()),
        (want.clone(), false)
    );
    assert_eq!(parse_journal(&[b"garbage\n", &whole[..]].concat()), (want, true));
}

#[test]
fn a_record_after_a_torn_one_is_a_line_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(JOURNAL);
    let gate = |r: &str| format!("{{\"r\":\"{r}\",\"id\":\"1.gate\"}}");
    let begun = Record::Begin { id: StepId::Gate };
    for (there, want) in [
        (String::new(), vec![Record::CleanUp]),
        (gate("begin") + "\n", vec![begun.clone(), Record::CleanUp]),
        (gate("begin"), vec![begun.clone(), Record::CleanUp]),
        (gate("begin") + "\n" + &gate("done")[..9], vec![begun.clone(), Record::CleanUp]),
        (gate("begin") + "\n\0\0\0", vec![begun.clone(), Record::CleanUp]),
        (gate("begin")[..9].to_owned(), vec![Record::CleanUp]),
    ] {
        fs::write(&path, &there).unwrap();
        let mut file = own_file::append_believed(&path, 0o600).unwrap();
        end_line(&path, &mut file).unwrap();
        file.write_all(&[serde_json::to_vec(&Record::CleanUp).unwrap(), b"\n".to_vec()].concat())
            .unwrap();
        assert_eq!(parse_journal(&fs::read(&path).unwrap()), (want, false), "{there:?}");
    }
}

#[test]
fn a_password_that_is_also_another_word_is_put_back() {
    let dir = old();
    let dir = dir.path();
    let mut a = known(dir);
    // As `known` has learnt it: it is masked wherever it stands, but not in what later phases are
    // made of.
    let script = PathBuf::from("/root/geheim42/run.sh");
    a.plan.request.script = Some(script.clone());
    a.base.id = PASSWORD.to_owned();
    store(dir, &Kept { run: a.run, base: a.base.clone(), plan: a.plan.clone() }, true).unwrap();
    let text: Value = serde_json::from_slice(&fs::read(dir.join(PLAN)).unwrap()).unwrap();
    assert_eq!(text["plan"]["request"]["script"], "/root/***/run.sh");
    let again = known(dir);
    assert_eq!((again.plan.request.script, again.base.id.as_str()), (Some(script), PASSWORD));
    store(dir, &Kept { run: a.run, base: a.base, plan: a.plan }, false).unwrap();
    assert_eq!(known(dir).base.id, PASSWORD);
}

#[test]
fn whatever_has_the_name_of_the_record_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join(crate::engine::paths::ALTERNATE);
    let makes: [&dyn Fn(); 3] =
        [&|| fs::write(&at, "x").unwrap(), &|| symlink(dir.path(), &at).unwrap(), &|| {
            nix::unistd::mkfifo(&at, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap()
        }];
    fs::write(dir.path().join(PLAN), "stays").unwrap();
    for make in makes {
        make();
        remove_all(&at).unwrap();
        assert!(fs::symlink_metadata(&at).is_err());
    }
    assert!(dir.path().join(PLAN).exists(), "a link is removed, not what it leads to");
    remove_all(&at).unwrap();
    // Directories, with something in them, in the place of each file.
    for name in [PLAN, OLD_PLAN, JOURNAL, IMAGE, FINISHED, "secrets.json", "another"] {
        fs::create_dir_all(at.join(name).join("x")).unwrap();
    }
    remove_all(&at).unwrap();
    assert!(fs::symlink_metadata(&at).is_err());
}
