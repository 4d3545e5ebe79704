//! Pasted text: it goes into a field on one line, and a line break in it is never Enter.

use crossterm::event::Event;

use super::{REVIEW, shot, started};
use crate::testing::menus::{answer, done, model, press, top};
use crate::tui::model::{Effect, Model, Msg};
use crate::tui::status::tests::stage::running_clone;
use crate::tui::texts::{PASTED_LINE_BREAK, PASTED_LINES, PASTED_NOWHERE};
use crate::tui::update::update;

fn paste(m: &mut Model, text: &str) -> Vec<Effect> {
    m.seen = true;
    done(update(m, Msg::Input(vec![Event::Paste(text.into())])))
}

/// It does nothing but show `message`.
fn only_says(m: &mut Model, text: &str, message: &str) {
    let before = top(m);
    assert_eq!(paste(m, text), [Effect::Bell]);
    assert_eq!(top(m), before);
    assert!(shot(m).contains(message), "{message}\n{}", shot(m));
}

/// People who copy a serial number from a list mostly copy the line break too.
#[test]
fn into_fields() {
    let mut m = model();
    press(&mut m, "enter");
    assert_eq!(paste(&mut m, "vdb"), []);
    assert_eq!(m.form().unwrap().values.get(0), "vdb");
    only_says(&mut m, "vdc\nvdd", PASTED_LINES);
    // The second line of a text, from a terminal that does not mark pastes.
    only_says(&mut m, "\nvdc\n", PASTED_LINES);
    only_says(&mut m, "1\n", PASTED_LINE_BREAK);
    assert_eq!(m.form().unwrap().values.get(0), "vdb1");
    // A field that is not typed, and one that takes digits only: all or nothing.
    press(&mut m, "down");
    only_says(&mut m, "2", "This value is not typed");
    press(&mut m, "down down down");
    assert_eq!(top(&m), "form alt_clone count");
    only_says(&mut m, "12x", "Only digits");
    assert_eq!(m.form().unwrap().values.get(5), "");
    // The window of F7.
    press(&mut m, "home up up up up F7");
    only_says(&mut m, "x\n", PASTED_LINE_BREAK);
    assert_eq!(top(&m), "edit");
}

#[test]
fn nothing_is_run_or_confirmed() {
    let mut m = model();
    only_says(&mut m, "\n", PASTED_LINE_BREAK);
    only_says(&mut m, "down\n", PASTED_NOWHERE);
    press(&mut m, "enter vdb enter");
    // The review, with the very word that it asks for.
    answer(&mut m, REVIEW);
    only_says(&mut m, "QM00002\n", PASTED_LINE_BREAK);
    started(press(&mut m, "enter"));
    // ARE YOU SURE??
    let mut m = model();
    press(&mut m, "down enter enter");
    only_says(&mut m, "\n", PASTED_LINE_BREAK);
    only_says(&mut m, "yes\n", PASTED_NOWHERE);
    assert_eq!(top(&m), "text sure");
    // ARE YOU SURE?? to stop a job.
    let mut m = model();
    update(&mut m, Msg::Opened(Ok(Box::new(running_clone((80, 24))))));
    press(&mut m, "^c");
    only_says(&mut m, "\n", PASTED_LINE_BREAK);
}

#[test]
fn into_a_search() {
    let mut m = model();
    press(&mut m, "enter F4");
    answer(&mut m, "vda 1\nvdb 2\n");
    only_says(&mut m, "vdb", PASTED_NOWHERE);
    press(&mut m, "/");
    assert_eq!(paste(&mut m, "vdb"), []);
    assert!(shot(&m).contains("Find: vdb"));
    only_says(&mut m, "\n", "Find: vdb");
}
