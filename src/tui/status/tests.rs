//! The screen from recordings: a real clone onto a practice disk
//! (`tests/fixtures/jobs/clone.jsonl`), and made ones.

pub mod stage;

use std::path::Path;
use std::time::Duration;

use crossterm::event::KeyCode;

use super::layout::Layout;
use super::model::{Action, Msg};
use super::pane;
use crate::event::Event;
use crate::job::follow::Batch;
use crate::job::{Ended, Id, State};
use crate::tui::keys;
use stage::*;

#[test]
fn a_clone_while_it_runs() {
    for size in [SIZE, LARGE] {
        let mut stage = Stage::clone(size);
        stage.golden("clone-begins");
        stage.feed(copying(), State::Running);
        stage.golden("clone-runs");
        stage.keys(&[KeyCode::Tab]);
        stage.golden("clone-steps");
        stage.keys(&[KeyCode::Tab, KeyCode::Char('f')]);
        stage.golden("clone-everything");
        stage.key(keys::ctrl('c'));
        stage.golden("clone-stop");
    }
}

#[test]
fn a_clone_at_its_end() {
    for size in [SIZE, LARGE] {
        let mut stage = Stage::clone(size);
        stage.feed(usize::MAX, ended(0));
        assert_eq!(stage.status.ended(), Some(0));
        stage.golden("clone-ok");
    }
}

#[test]
fn a_clone_that_fails() {
    for size in [SIZE, LARGE] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events/clone.jsonl");
        let mut stage = Stage::on(path, &["alt_disk_install", "-C", "vdb"], size);
        stage.feed(usize::MAX, ended(4));
        stage.golden("clone-failed");
    }
}

#[test]
fn any_command_as_smit_shows_it() {
    let mut stage =
        Stage::said(&[out("Verifying."), err("a word\x1b[2J of warning"), out("col\tumns")], SIZE);
    stage.golden("output");
    let screen = stage.screen();
    assert_eq!(screen[0], format!("{}COMMAND STATUS", " ".repeat(33)));
    assert_eq!(screen[2], "Command: running       stdout: yes           stderr: yes");
    assert_eq!(screen[4], "Before command completion, additional instructions may appear below.");
    assert_eq!(screen[7..10], ["Verifying.", "! a word\\x1b[2J of warning", "col     umns"]);
    stage.says(&numbered(0..60));
    assert_eq!(
        (screen_row(&stage, 6), screen_row(&stage, 18)),
        ("[MORE...]".into(), "[BOTTOM]".into())
    );
    stage.keys(&[KeyCode::Home]);
    assert_eq!(
        (screen_row(&stage, 6), screen_row(&stage, 18)),
        ("[TOP]".into(), "[MORE...52]".into())
    );
    stage.keys(&[KeyCode::End]);
    stage.feed(usize::MAX, ended(0));
    assert_eq!(
        (screen_row(&stage, 6), screen_row(&stage, 19)),
        ("[MORE...51]".into(), "[BOTTOM]".into())
    );
    stage.golden("output-ok");
}

fn screen_row(stage: &Stage, row: usize) -> String {
    stage.screen()[row].clone()
}

/// A line more moves the log and changes nothing else, so that it costs a terminal with regions one
/// line.
#[test]
fn a_line_more_changes_the_log_alone() {
    for events in [
        numbered(0..100),
        [vec![Event::Start { version: 1, argv: vec![], time: 0, pid: 1 }], numbered(0..100)]
            .concat(),
    ] {
        let mut stage = Stage::said(&events, SIZE);
        let before = stage.screen();
        for n in 100..130 {
            stage.says(&numbered(n..n + 1));
        }
        let after = stage.screen();
        let area = Layout::for_status(&stage.status).log;
        for (y, (b, a)) in before.iter().zip(&after).enumerate() {
            let inside = (usize::from(area.y)..usize::from(area.bottom())).contains(&y);
            assert!(inside || a == b, "row {y}: {b} {a}");
        }
        assert_eq!(stage.seen().last().unwrap(), "line 129");
    }
    let mut stage = Stage::clone(SIZE);
    stage.feed(copying(), State::Running);
    let before = stage.screen();
    // Half a second later, the next figures.
    stage.at += Duration::from_millis(500);
    let progress = Event::Progress {
        phase: 1,
        bytes: 5,
        bytes_total: 9,
        files: 1,
        files_total: 2,
        rate: 3,
        eta: None,
    };
    let batch = |at, events| {
        Msg::Batch(Batch {
            events,
            growth: crate::job::index::Growth { end: stage_end(&stage), ..Default::default() },
            state: State::Running,
            at,
            whole: true,
        })
    };
    let (soon, later) =
        (batch(stage.at, vec![progress.clone()]), batch(stage.at + Duration::from_secs(1), vec![]));
    stage.status.update(soon);
    assert_eq!(stage.screen(), before, "figures change at most once a second");
    stage.status.update(later);
    assert_ne!(stage.screen(), before, "what was held back is shown");
}

fn stage_end(stage: &Stage) -> crate::job::index::Checkpoint {
    crate::job::index::Checkpoint {
        offset: stage.indexer.offset(),
        counts: *stage.status.pane.log().counts(),
        inside: false,
    }
}

#[test]
fn it_follows_the_end_unless_scrolled_up() {
    let mut stage = Stage::said(&numbered(0..50), SIZE);
    let height = stage.seen().len();
    assert_eq!(stage.seen().last().unwrap(), "line 49");
    stage.keys(&[KeyCode::Up, KeyCode::Up]);
    assert_eq!(stage.seen().last().unwrap(), "line 47");
    stage.says(&numbered(50..60));
    assert_eq!(stage.seen().last().unwrap(), "line 47");
    assert_eq!(screen_row(&stage, 18), "[MORE...2]", "the figure is in no hurry");
    stage.at += Duration::from_secs(1);
    stage.says(&[]);
    assert_eq!(screen_row(&stage, 18), "[MORE...12]");
    stage.keys(&[KeyCode::PageUp]);
    assert_eq!(stage.seen().last().unwrap(), &format!("line {}", 47 - (height - 1)));
    stage.keys(&[KeyCode::PageDown, KeyCode::Down]);
    assert_eq!(stage.seen().last().unwrap(), "line 48");
    stage.keys(&[KeyCode::PageDown, KeyCode::PageDown]);
    stage.says(&numbered(60..61));
    assert_eq!(stage.seen().last().unwrap(), "line 60");
    stage.keys(&[KeyCode::Home, KeyCode::Up]);
    assert_eq!(stage.seen()[0], "line 0");
}

#[test]
fn a_still_pane_keeps_the_first_screenful() {
    let mut stage = Stage::said(&[], SIZE);
    stage.status = stage.status.still();
    stage.says(&numbered(0..5));
    stage.says(&numbered(5..50));
    stage.at += pane::MIN_REFRESH_INTERVAL;
    stage.says(&[]);
    assert_eq!(
        (stage.seen()[0].as_str(), screen_row(&stage, 18).as_str()),
        ("line 0", "[MORE...39]")
    );
    stage.keys(&[KeyCode::End]);
    assert_eq!(stage.seen().last().unwrap(), "line 49");
}

#[test]
fn long_lines_wrap_or_move_sideways() {
    let long = (0..30).map(|n| format!("word{n:02}")).collect::<Vec<_>>().join(" ");
    let mut stage = Stage::said(&[out("short"), err(&long), out("x".repeat(100))], SIZE);
    assert_eq!(stage.seen().len(), 1 + 3 + 2);
    assert!(stage.seen()[1..4].iter().all(|r| r.len() <= 78), "the mark needs two columns");
    stage.keys(&[KeyCode::Char('w')]);
    assert_eq!(stage.seen().len(), 3);
    assert!(screen_row(&stage, 8).ends_with('>') && screen_row(&stage, 9).ends_with('>'));
    stage.keys(&[KeyCode::Right]);
    assert!(screen_row(&stage, 8).starts_with("! <"), "{}", screen_row(&stage, 8));
    assert!(stage.seen()[1].starts_with(" word03") && stage.seen()[2].len() == 80);
    stage.keys(&[KeyCode::Right; 20]);
    let far = stage.seen();
    assert!(far[1].ends_with("word29"), "{far:?}");
    stage.keys(&[KeyCode::Left; 20]);
    assert_eq!(stage.seen()[0], "short");
}

#[test]
fn one_long_line_is_scrolled_by_rows() {
    let mut stage = Stage::said(&[out("x".repeat(80 * 30))], SIZE);
    assert_eq!(
        (screen_row(&stage, 6), screen_row(&stage, 18)),
        ("[MORE...]".into(), "[BOTTOM]".into())
    );
    stage.keys(&[KeyCode::Home]);
    assert_eq!(
        (screen_row(&stage, 6), screen_row(&stage, 18)),
        ("[TOP]".into(), "[MORE...1]".into())
    );
    stage.keys(&[KeyCode::Down, KeyCode::PageDown]);
    assert_eq!(stage.status.pane.rows[0].place, pane::Position { line: 0, row: 11 });
    stage.keys(&[KeyCode::PageDown, KeyCode::PageDown]);
    assert_eq!(screen_row(&stage, 18), "[BOTTOM]");
    stage.keys(&[KeyCode::Up]);
    assert_eq!(screen_row(&stage, 18), "[MORE...1]");
}

#[test]
fn find_and_find_next() {
    let mut events = numbered(0..200);
    events[150] = err("an ODD line");
    events[20] = out("oddly");
    let mut stage = Stage::said(&events, SIZE);
    let typed: Vec<KeyCode> =
        "/oddx".chars().map(KeyCode::Char).chain([KeyCode::Backspace, KeyCode::Enter]).collect();
    stage.keys(&[KeyCode::Home]);
    stage.keys(&typed[..5]);
    stage.golden("find");
    stage.keys(&typed[5..]);
    assert!(stage.seen().contains(&"oddly".to_owned()));
    let found = |stage: &Stage| {
        stage.status.pane.rows.iter().find_map(|r| r.found.map(|f| (r.text.clone(), f)))
    };
    assert_eq!(found(&stage), Some(("oddly".into(), (0, 3))));
    stage.keys(&[KeyCode::Char('n')]);
    assert_eq!(found(&stage), Some(("an ODD line".into(), (3, 3))));
    stage.golden("found");
    stage.keys(&[KeyCode::Char('n')]);
    assert_eq!(found(&stage), Some(("oddly".into(), (0, 3))), "it wraps");
    stage.keys(&[KeyCode::Char('N')]);
    assert_eq!(found(&stage), Some(("an ODD line".into(), (3, 3))));
    stage.says(&numbered(200..300));
    assert_eq!(
        found(&stage),
        Some(("an ODD line".into(), (3, 3))),
        "what was found stays in sight"
    );
    for c in "/nowhere".chars() {
        stage.keys(&[KeyCode::Char(c)]);
    }
    stage.keys(&[KeyCode::Enter]);
    assert_eq!(stage.status.message, "`nowhere` was not found.");
}

#[test]
fn filters() {
    let command = Event::Command { sentence: "s".into(), argv: vec!["mkfs".into()] };
    let end = Event::CommandEnd { argv0: "mkfs".into(), code: Some(0), ms: 1 };
    let warning = Event::Warning { text: "mind".into() };
    let mut stage =
        Stage::said(&[out("own"), command, out("inner"), err("inner err"), end, warning], SIZE);
    assert_eq!(stage.seen(), ["own", "warning: mind"]);
    stage.keys(&[KeyCode::Char('f')]);
    assert_eq!(
        stage.seen(),
        ["own", "+ mkfs", "inner", "inner err", "+ mkfs: exit 0, 0.00 s", "warning: mind"]
    );
    assert_eq!(screen_row(&stage, 6).trim(), "Shown: everything");
    stage.keys(&[KeyCode::Char('f')]);
    assert_eq!(stage.seen(), ["inner err", "warning: mind"]);
    stage.keys(&[KeyCode::Char('f')]);
    assert_eq!(stage.seen(), [""; 0]);
    stage.keys(&[KeyCode::Char('f')]);
    assert_eq!(stage.seen(), ["own", "warning: mind"]);
}

#[test]
fn stopping_asks_and_then_forces() {
    let mut stage = Stage::said(&[out("x")], SIZE);
    assert_eq!(stage.key(keys::ctrl('c')), []);
    stage.golden("stop");
    assert_eq!(stage.key(KeyCode::F(3).into()), [], "that only closes the box");
    stage.key(keys::ctrl('c'));
    assert_eq!(stage.key(KeyCode::Char('q').into()), []);
    assert_eq!(stage.key(KeyCode::Enter.into()), [Action::Stop(Id(7))]);
    assert!(stage.status.legend().contains(&(keys::ctrl('c'), "End by force")));
    stage.key(keys::ctrl('c'));
    assert_eq!(stage.key(KeyCode::Enter.into()), [Action::Kill(Id(7))]);
    stage.key(keys::ctrl('c'));
    stage.feed(
        usize::MAX,
        State::Ended(Ended { code: None, signal: Some(15), time: 0, ms: 10_000 }),
    );
    assert_eq!(stage.status.ended(), Some(143));
    assert_eq!(screen_row(&stage, 5), "It was stopped after 0:10.");
    assert_eq!(stage.key(keys::ctrl('c')), []);
    assert!(stage.status.overlay.is_none(), "nothing is left to stop");
    stage.golden("stopped");
}

#[test]
fn keys_that_are_the_interface_s() {
    let mut stage = Stage::said(&[out("x")], SIZE);
    assert!(stage.status.leaving().unwrap().starts_with("Job 7 is still running"));
    for (key, action) in [
        (KeyCode::F(1), Action::Help),
        (KeyCode::F(2), Action::Refresh),
        (KeyCode::F(3), Action::Leave),
        (KeyCode::Esc, Action::Leave),
        (KeyCode::F(6), Action::ShowCommand("sh -c 'a job'".into())),
        (KeyCode::F(8), Action::Image),
        (KeyCode::F(9), Action::Shell),
        (KeyCode::F(10), Action::Exit),
    ] {
        assert_eq!(stage.key(key.into()), [action]);
    }
    stage.feed(usize::MAX, ended(0));
    assert_eq!(stage.status.leaving(), None);
}

#[test]
fn a_lost_job() {
    let mut stage = Stage::clone(SIZE);
    stage.feed(copying(), State::Lost { alive: false });
    assert_eq!(stage.status.ended(), Some(255));
    stage.golden("lost");
}

#[test]
fn it_fits_any_size() {
    for width in [20, 40, 80, 109, 110, 200] {
        for height in [5, 10, 24, 60] {
            let mut stage = Stage::clone((width, height));
            stage.feed(copying(), State::Running);
            stage.keys(&[KeyCode::Tab, KeyCode::Down, KeyCode::Tab, KeyCode::PageUp]);
            stage.key(keys::ctrl('c'));
            stage.screen();
            stage.feed(usize::MAX, ended(1));
            stage.screen();
        }
    }
}
