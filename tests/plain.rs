//! The panels without a screen, as a script or somebody at a printer uses them: `altdisk --plain`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const MENU: &str = r##"
[[item]]
menu = "altdisk"
text = "Greet Somebody"
goto = "greet"
order = 1

[[dialog]]
id = "greet"
title = "Greet Somebody"
help = "Says something to somebody."
command = ["printf", "<%s>"]

[[dialog.field]]
name = "who"
label = "Who"
help = "The name."
list = ["printf", "#name\n!ann asleep\n# does not hear\nbob awake\ncat awake\n"]
take = "first"
required = "+"

[[dialog.field]]
name = "how"
label = "How"
help = "Kindly or not."
kind = "ring"
choices = [{ shown = "kindly", real = "" }, { shown = "loudly", real = "!!" }]
required = "?"

[[dialog.field]]
name = "secret"
label = "Password"
help = "Nobody sees it."
kind = "password"
required = "?"

[[selector]]
id = "whom"
title = "Whom To Wake"
help = "Chooses somebody."
goto = "wake"

[selector.field]
name = "whom"
label = "Whom"
help = "The name."
default = "ann"

[[dialog]]
id = "wake"
title = "Wake"
help = "Wakes somebody."
command = ["echo", "woken: {whom}"]
ghost = true
after_selector = true

[[dialog]]
id = "erase"
title = "Erase"
help = "Asks first."
shell = 'if [ "$1" = --review ]; then cat "$REVIEW"; else echo "erased $*"; fi'
review = ["--review"]
"##;

const REVIEW: &str = r#"{"version":1,"title":"What will be erased","text":["the disk vdb"],"type":[{"prompt":"Type its serial","words":["S1"],"add":["--erase","S1"]}]}"#;

/// What `altdisk --plain` prints when these lines are typed, and the home directory with its
/// records.
fn typed(home: &Path, args: &[&str], lines: &str) -> String {
    fs::create_dir_all(home.join("menus")).unwrap();
    fs::write(home.join("menus/greet.toml"), MENU).unwrap();
    fs::write(home.join("review.json"), REVIEW).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .args(["--plain", "--menu-dir"])
        .arg(home.join("menus"))
        .args(args)
        .env("HOME", home)
        .env("REVIEW", home.join("review.json"))
        .env("ALTDISK_JOBS", home.join("jobs"))
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{text}");
    text
}

#[test]
fn from_the_menu_to_the_end() {
    let home = tempfile::tempdir().unwrap();
    let text = typed(home.path(), &[], "1\ngo\n1\n1\n2\n2\n3\npass word\nc\ngo\nq\n");
    for said in [
        "   1  Greet Somebody\n",
        "this field must be filled in",
        "      name\n   -  ann asleep\n        does not hear\n   1  bob awake\n   2  cat awake\n",
        "   1 * Who: [bob] +\n   2   How: loudly +\n   3   Password: ********\n",
        "  printf '<%s>' bob '!!' '********'\n",
        "<bob><!!><pass word>\nCommand: OK\n",
    ] {
        assert!(text.contains(said), "{said:?} is not in:\n{text}");
    }
    let script = fs::read_to_string(home.path().join("smit.script")).unwrap();
    assert!(script.contains("printf '<%s>' bob '!!'") && !script.contains("pass word"), "{script}");
}

#[test]
fn nothing_runs_without_the_word() {
    let home = tempfile::tempdir().unwrap();
    for (lines, ran) in [
        ("go\nS2\nyes\n", false),
        ("go\nS1\nno\n", false),
        ("go\nS1\n", false),
        ("go\nS1\nyes\n", true),
    ] {
        let text = typed(home.path(), &["erase"], lines);
        assert!(text.contains("What will be erased") && text.contains("the disk vdb"), "{text}");
        assert_eq!(text.contains("erased --erase S1"), ran, "{lines:?}:\n{text}");
        assert_eq!(text.contains("Nothing was run."), !ran, "{lines:?}:\n{text}");
    }
}

#[test]
fn dry_runs_record_only() {
    let home = tempfile::tempdir().unwrap();
    let text = typed(home.path(), &["-x", "greet"], "1\n1\ngo\nq\n");
    assert!(!text.contains("<bob>") && !home.path().join("jobs").exists(), "{text}");
    let log = fs::read_to_string(home.path().join("smit.log")).unwrap();
    assert!(log.contains("printf '<%s>' bob"), "{log}");
}

#[test]
fn help_is_everywhere() {
    let home = tempfile::tempdir().unwrap();
    let text = typed(home.path(), &[], "?\n?1\n1\n?\n?2\nzzz\nb\n99\nq\n");
    for said in [
        "Says something to somebody.",
        "Kindly or not.",
        "`zzz` is none of these",
        "There is no line 99",
    ] {
        assert!(text.contains(said), "{said:?} is not in:\n{text}");
    }
}

/// What was asked for is the last thing before the next prompt: the panel is not printed below it,
/// which would move it away on 24 lines.
#[test]
fn what_was_asked_for_stays_in_sight() {
    let home = tempfile::tempdir().unwrap();
    let count = |lines: &str, what: &str| {
        typed(home.path(), &["greet"], lines).lines().filter(|l| l.contains(what)).count()
    };
    for (lines, shown) in [
        ("q\n", 1),
        ("?\nq\n", 1),
        ("?2\nzzz\nc\nq\n", 1),
        ("go\nq\n", 1),
        ("1\n1\ngo\nq\n", 2),
        ("1\n1\ngo\n\nq\n", 3),
    ] {
        assert_eq!(count(lines, "   3   Password:"), shown, "{lines:?}");
    }
    let text = typed(home.path(), &[], "?\nxyz\n\nq\n");
    assert_eq!(text.matches("   1  Greet Somebody\n").count(), 2, "{text}");
}

#[test]
fn going_back_runs_nothing() {
    let home = tempfile::tempdir().unwrap();
    for (lines, woken) in
        [("b\n", ""), ("q\n", ""), ("-\nb\n", ""), ("\nb\n", "ann"), ("bob\n\nb\n", "bob")]
    {
        let text = typed(home.path(), &["whom"], lines);
        assert_eq!(text.contains("woken: "), !woken.is_empty(), "{lines:?}:\n{text}");
        assert!(
            text.contains(&format!("woken: {woken}")) || woken.is_empty(),
            "{lines:?}:\n{text}"
        );
    }
}

#[test]
fn nothing_at_all_is_run_under_capital_x() {
    let home = tempfile::tempdir().unwrap();
    let text = typed(home.path(), &["-X", "greet"], "l1\nb\nq\n");
    assert!(text.contains("Nothing can be chosen here now.") && !text.contains("bob"), "{text}");
    let text = typed(home.path(), &["-x", "erase"], "go\nq\n");
    assert!(!text.contains("What will be erased") && !text.contains("erased"), "{text}");
}
