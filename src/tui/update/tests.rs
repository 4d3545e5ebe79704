//! The update, driven by keys: what is on top afterwards, and what has to be done.

mod paste;

use crate::job::{Id, Spec};
use crate::testing::golden::{check, drawn};
use crate::testing::menus::{answer, done, model, press, top};
use crate::tui::model::{Effect, Model, Msg, UserMessage};
use crate::tui::record::Record;
use crate::tui::update::update;
use crate::tui::view::view;

const DISKS: &str = "# Name     Size(MB)  Model\n!vda      20480     QEMU HARDDISK\n # the running system is on it\nvdb      20480     QEMU HARDDISK\nvdc      40960     QEMU HARDDISK\n # holds an ext4 file system\n";
pub(super) const REVIEW: &str = r#"{"version":1,"title":"Clone the running system to vdb","text":["What will be erased:","  vdb  20.0 GB  QEMU HARDDISK  serial QM00002","       an ext4 file system","What boots next:","  vdb; `altdisk bootlist vda` goes back"],"type":[{"prompt":"Serial number or name of the disk","words":["QM00002","vdb"],"add":["--erase","QM00002"]}],"warnings":["vdb is not empty."]}"#;

pub(super) fn shot(model: &Model) -> String {
    drawn(model.size.0, model.size.1, |c| view(model, c))
}

pub(super) fn started(effects: Vec<Effect>) -> Spec {
    effects
        .into_iter()
        .find_map(|e| if let Effect::Start { spec, .. } = e { Some(spec) } else { None })
        .unwrap()
}

#[test]
fn from_the_menu_to_a_clone() {
    let mut m = model();
    check("sample-menu", 80, 24, |c| view(&m, c));
    press(&mut m, "enter");
    assert_eq!(top(&m), "form alt_clone targets");
    check("sample-clone", 80, 24, |c| view(&m, c));
    // Nothing is asked twice: keys typed ahead wait for the list.
    let effects = press(&mut m, "F4 down enter");
    assert!(
        matches!(&effects[..], [Effect::Ask { argv, .. }] if *argv == ["disks"]),
        "{effects:?}"
    );
    assert_eq!(answer(&mut m, DISKS), []);
    assert_eq!(m.form().unwrap().values.get(0), "vdc");
    press(&mut m, "^u vdb enter");
    answer(&mut m, REVIEW);
    assert_eq!(top(&m), "review");
    check("sample-review", 80, 24, |c| view(&m, c));
    assert_eq!(press(&mut m, "enter"), []);
    assert!(shot(&m).contains("Type QM00002 or vdb first."));
    press(&mut m, "vda enter");
    assert!(shot(&m).contains("That does not match. Type QM00002 or vdb."));
    assert_eq!(top(&m), "review");
    let spec = started(press(&mut m, "bs b enter"));
    assert_eq!(spec.argv, ["alt_disk_install", "-C", "--erase", "QM00002", "-Pall", "vdb"]);
    assert_eq!(spec.shown, "alt_disk_install -C --erase QM00002 -Pall vdb");
    assert_eq!(spec.fastpath, "alt_clone");
}

#[test]
fn the_review_is_asked_with_its_words() {
    let mut m = model();
    let effects = press(&mut m, "enter vdb enter");
    assert!(
        matches!(&effects[..], [Effect::Ask { argv, .. }] if argv[..3] == ["alt_disk_install", "-C", "--review"]),
        "{effects:?}"
    );
    // A review that fails is told, and nothing runs.
    let token = m.tokens;
    update(
        &mut m,
        Msg::Answer(token, Err(UserMessage::new("ALT-201: vdb is in use", "choose another disk"))),
    );
    assert_eq!(top(&m), "text error");
    assert!(shot(&m).contains("ALT-201: vdb is in use"));
    press(&mut m, "enter");
    assert_eq!(top(&m), "form alt_clone targets");
    press(&mut m, "enter");
    answer(&mut m, "nonsense");
    assert_eq!(top(&m), "text error");
}

/// The pop-up has what the command line shows: number, headline, a line for each piece of evidence,
/// and the remedy apart.
#[test]
fn an_error_keeps_its_lines() {
    let said = "`altdisk list targets`: exit code 3\n  altdisk list: ALT-210 /dev/vda cannot be a target:\n    - /dev/vda is mounted at /\n    - swap is on it\n    what to do: choose another disk";
    let mut m = model();
    press(&mut m, "enter F4");
    let token = m.tokens;
    update(
        &mut m,
        Msg::Answer(token, Err(UserMessage::new(format!("ALT-907: {said}"), "see the program"))),
    );
    let shown = shot(&m);
    for line in [
        "ALT-210 /dev/vda cannot be a target:",
        "  - /dev/vda is mounted at /",
        "  - swap is on it",
        "What to do: choose another disk",
    ] {
        assert!(shown.lines().any(|l| l.contains(line)), "{line}\n{shown}");
    }
    assert!(!shown.contains("ALT-907") && !shown.contains("mounted at / -"), "{shown}");
}

#[test]
fn what_is_refused_moves_the_cursor() {
    let mut m = model();
    press(&mut m, "enter down down");
    assert_eq!(top(&m), "form alt_clone image_data");
    press(&mut m, "enter");
    assert_eq!(top(&m), "text error");
    press(&mut m, "F3");
    assert_eq!(top(&m), "form alt_clone targets");
}

#[test]
fn typed_ahead_never_says_yes() {
    let mut m = model();
    let effects = press(&mut m, "down enter enter enter enter");
    assert_eq!((effects, top(&m).as_str()), (vec![], "text sure"));
    let spec = started(press(&mut m, "enter"));
    assert_eq!(spec.argv, ["rm", "-rf", "/x"]);
    let mut m = model();
    press(&mut m, "down enter");
    press(&mut m, "F3");
    assert_eq!(top(&m), "menu altdisk");
}

/// On a terminal without function keys it is seen that Esc waits for its digit.
#[test]
fn an_esc_that_waits_is_shown() {
    let mut m = model();
    m.key_names = crate::tui::keys::KeyNames::Escape;
    let before = shot(&m);
    assert_eq!(done(update(&mut m, Msg::Escape(true))), []);
    assert!(shot(&m).lines().nth(23).unwrap().ends_with("Esc-"), "{}", shot(&m));
    update(&mut m, Msg::Escape(false));
    assert_eq!(shot(&m), before);
}

/// Keys of another read than the one before, with no frame between them.
fn unseen(m: &mut Model, text: &str) -> Vec<Effect> {
    done(update(m, Msg::Input(crate::testing::menus::keys(text))))
}

#[test]
fn a_question_that_was_not_painted_takes_no_yes() {
    let mut m = model();
    press(&mut m, "down enter enter");
    assert_eq!((top(&m).as_str(), m.seen), ("text sure", false));
    assert_eq!(
        (unseen(&mut m, "enter"), unseen(&mut m, "x enter"), top(&m).as_str()),
        (vec![], vec![], "text sure")
    );
    // Help over it that was seen does not show what is below.
    unseen(&mut m, "F1");
    press(&mut m, "F3");
    assert_eq!((unseen(&mut m, "enter"), top(&m).as_str()), (vec![], "text sure"));
    // Away and back to it is possible at once.
    unseen(&mut m, "F3");
    assert_eq!(top(&m), "menu altdisk");
    press(&mut m, "enter enter");
    started(press(&mut m, "enter"));
}

#[test]
fn a_review_takes_no_yes_before_it_was_painted_nor_does_what_follows_it() {
    let mut m = model();
    press(&mut m, "enter vdb enter");
    answer(&mut m, REVIEW);
    assert_eq!((unseen(&mut m, "vdb enter"), top(&m).as_str()), (vec![], "review"));
    // With ARE YOU SURE?? after it: the stack is as deep as before, and still nobody has seen that.
    let mut sure = (*m.pending.as_ref().unwrap().dialog).clone();
    sure.confirm = Some("Really?".into());
    m.pending.as_mut().unwrap().dialog = std::rc::Rc::new(sure);
    assert_eq!((press(&mut m, "vdb enter enter enter"), top(&m).as_str()), (vec![], "text sure"));
    assert_eq!((unseen(&mut m, "enter"), top(&m).as_str()), (vec![], "text sure"));
    started(press(&mut m, "enter"));
}

#[test]
fn a_job_is_not_stopped_by_a_key_typed_ahead() {
    use crate::tui::status::tests::stage::running_clone;
    let mut m = model();
    update(&mut m, Msg::Opened(Ok(Box::new(running_clone((80, 24))))));
    assert_eq!((press(&mut m, "^c enter"), unseen(&mut m, "enter")), (vec![], vec![]));
    assert!(matches!(&press(&mut m, "enter")[..], [Effect::Stop(_)]));
}

#[test]
fn what_is_told_meanwhile_comes_after_the_answer() {
    let mut m = model();
    press(&mut m, "down down down down enter");
    update(&mut m, Msg::Tell(UserMessage::new("a bad look", "")));
    assert_eq!(top(&m), "wait");
    answer(&mut m, "#size\n5\n");
    assert_eq!(top(&m), "text error");
    press(&mut m, "enter");
    assert_eq!(m.form().unwrap().values.get(0), "5");
}

#[test]
fn passwords_are_not_shown_where_programs_are_asked() {
    let mut m = model();
    press(&mut m, "enter vdb down down down down down down hunter2");
    assert_eq!(m.form().unwrap().values.get(7), "hunter2");
    m.options.trace = true;
    let effects = update(&mut m, Msg::Input(crate::testing::menus::keys("enter")));
    let shown = |e: &Effect| match e {
        Effect::Ask { argv, shown, .. } => {
            assert!(argv.iter().any(|w| w.contains("hunter2")));
            shown.contains("********") && !shown.contains("hunter2")
        }
        Effect::Record(Record::Question { command }) => {
            command.contains("********") && !command.contains("hunter2")
        }
        _ => false,
    };
    assert_eq!(effects.iter().filter(|e| shown(e)).count(), 2, "{effects:?}");
    let token = m.tokens;
    update(&mut m, Msg::Slow(token));
    assert!(shot(&m).contains("PLEASE WAIT") && !shot(&m).contains("hunter2"), "{}", shot(&m));
}

#[test]
fn the_log_hears_of_a_job_that_is_left_behind() {
    use crate::tui::status::tests::stage::{ended_clone, running_clone};
    for (status, want) in [(running_clone((80, 24)), true), (ended_clone((80, 24), 0), false)] {
        let mut m = model();
        press(&mut m, "down enter enter");
        press(&mut m, "enter");
        update(&mut m, Msg::Opened(Ok(Box::new(status))));
        let effects = update(&mut m, Msg::Input(crate::testing::menus::keys("F3")));
        assert_eq!(
            effects.iter().any(|e| matches!(e, Effect::Record(Record::GoesOn { job: 7 }))),
            want,
            "{effects:?}"
        );
    }
}

#[test]
fn the_first_form_says_that_a_job_runs() {
    let mut m = model();
    m.notice = Some("Job 5 is running.".into());
    press(&mut m, "enter");
    assert!(shot(&m).contains("Job 5 is running."), "{}", shot(&m));
    press(&mut m, "down");
    assert!(!shot(&m).contains("Job 5"));
    press(&mut m, "F3 enter");
    assert!(!shot(&m).contains("Job 5"));
}

#[test]
fn selectors_hand_on_their_answer() {
    let mut m = model();
    press(&mut m, "down down enter");
    assert_eq!(top(&m), "form service name");
    check("sample-selector", 80, 24, |c| view(&m, c));
    press(&mut m, "enter");
    assert_eq!(top(&m), "text error");
    press(&mut m, "enter ssh enter");
    assert_eq!(top(&m), "form restart unit");
    assert_eq!(started(press(&mut m, "enter")).argv, ["systemctl", "restart", "ssh"]);
}

#[test]
fn ghosts_show_only_their_list() {
    let mut m = model();
    press(&mut m, "down down down enter");
    assert_eq!(top(&m), "wait");
    answer(&mut m, "ssh\ncron\n");
    assert_eq!(top(&m), "list Service name");
    assert!(!shot(&m).contains("[Entry Fields]"));
    press(&mut m, "F3");
    assert_eq!(top(&m), "menu altdisk");
    press(&mut m, "enter");
    answer(&mut m, "ssh\ncron\n");
    press(&mut m, "down enter");
    assert_eq!(top(&m), "form restart unit");
    press(&mut m, "F3");
    assert_eq!(top(&m), "menu altdisk");
}

#[test]
fn questions_can_be_given_up() {
    let mut m = model();
    press(&mut m, "down down down down enter");
    assert_eq!(top(&m), "wait");
    // For a moment nothing is seen of it.
    assert!(!shot(&m).contains("PLEASE WAIT"));
    let token = m.tokens;
    update(&mut m, Msg::Slow(token));
    check("sample-wait", 80, 24, |c| view(&m, c));
    assert_eq!(press(&mut m, "x F3"), [Effect::Cancel(token)]);
    assert_eq!(top(&m), "menu altdisk");
    // An answer that comes too late changes nothing.
    update(&mut m, Msg::Answer(token, Ok("#size\n5\n".into())));
    assert_eq!(top(&m), "menu altdisk");
    press(&mut m, "enter");
    answer(&mut m, "#size:other\n5:\n");
    assert_eq!(m.form().unwrap().values.get(0), "5");
    m.options.root = false;
    press(&mut m, "enter");
    assert!(shot(&m).contains("needs root"));
}

#[test]
fn fields_take_what_they_are_for() {
    let mut m = model();
    press(&mut m, "enter down down down down");
    assert_eq!(top(&m), "form alt_clone count");
    assert_eq!(press(&mut m, "1x2345"), vec![Effect::Bell, Effect::Bell]);
    assert_eq!(m.form().unwrap().values.get(5), "1234");
    assert!(shot(&m).contains("[1234\n") || shot(&m).contains("[1234 "), "{}", shot(&m));
    press(&mut m, "down");
    assert!(shot(&m).contains("[1234]"));
    press(&mut m, "zff");
    assert_eq!(m.form().unwrap().values.get(6), "ff");
    press(&mut m, "down hunter2");
    assert!(!shot(&m).contains("hunter2") && shot(&m).contains("[********"));
    press(&mut m, "F6");
    assert!(
        !shot(&m).contains("hunter2") && shot(&m).contains("--secret '********'"),
        "{}",
        shot(&m)
    );
    press(&mut m, "F3 F5");
    assert_eq!(m.form().unwrap().values.get(7), "");
    press(&mut m, "down down tab");
    assert_eq!(m.form().unwrap().values.get(9), "yes");
    press(&mut m, "backtab backtab");
    assert_eq!(m.form().unwrap().values.get(9), "yes");
    assert_eq!(press(&mut m, "x"), [Effect::Bell]);
    assert!(shot(&m).contains("Tab changes it"));
    press(&mut m, "F4 home enter");
    assert_eq!(m.form().unwrap().values.get(9), "no");
}

#[test]
fn long_values_scroll_and_can_be_edited() {
    let mut m = model();
    press(&mut m, "enter down down /a/very/long/path/that/does/not/fit/here.data");
    check("sample-scrolled", 80, 24, |c| view(&m, c));
    press(&mut m, "down");
    assert!(shot(&m).contains("[/a/very/long/path/that>"), "{}", shot(&m));
    press(&mut m, "up F7");
    assert_eq!(top(&m), "edit");
    check("sample-edit", 80, 24, |c| view(&m, c));
    press(&mut m, "home X del enter");
    assert_eq!(m.form().unwrap().values.get(2), "Xa/very/long/path/that/does/not/fit/here.data");
    press(&mut m, "F7 zzz F3");
    assert_eq!(m.form().unwrap().values.get(2), "Xa/very/long/path/that/does/not/fit/here.data");
}

#[test]
fn values_outlive_everything_but_their_screen() {
    let mut m = model();
    press(&mut m, "enter vdb");
    update(&mut m, Msg::Size(60, 16));
    assert!(shot(&m).contains("It is 60x16; at least 80x20 is needed."));
    assert_eq!(press(&mut m, "x F3 enter"), []);
    assert_eq!(press(&mut m, "F10"), [Effect::Quit]);
    update(&mut m, Msg::Size(132, 43));
    assert_eq!(m.form().unwrap().values.get(0), "vdb");
    check("sample-clone", 132, 43, |c| view(&m, c));
    assert_eq!(press(&mut m, "F9 F2 ^z"), [Effect::Shell, Effect::Redraw, Effect::Suspend]);
    press(&mut m, "F1");
    assert!(shot(&m).contains("Help for targets.") && shot(&m).contains("Help for alt_clone."));
    assert_eq!(press(&mut m, "F9"), [Effect::Bell]);
    press(&mut m, "enter F8");
    assert!(shot(&m).contains("altdisk ui alt_clone") && shot(&m).contains("/home/ada"));
    assert_eq!(press(&mut m, "enter"), [Effect::SaveImage("alt_clone".into())]);
    update(&mut m, Msg::Saved(Ok(vec!["/home/ada/a.txt".into()])));
    assert!(shot(&m).contains("/home/ada/a.txt"));
    press(&mut m, "enter F3");
    assert_eq!(top(&m), "menu altdisk");
    assert_eq!(press(&mut m, "F3"), [Effect::Quit]);
}

#[test]
fn commands_with_the_terminal() {
    let mut m = model();
    assert_eq!(
        press(&mut m, "down down down down down enter enter"),
        [Effect::Inherit(vec!["vi".into()])]
    );
    assert_eq!(done(update(&mut m, Msg::Returned(Ok(0)))), [Effect::Redraw]);
    assert_eq!(top(&m), "menu altdisk");
    press(&mut m, "enter enter");
    update(&mut m, Msg::Returned(Ok(3)));
    assert!(shot(&m).contains("exit code 3"));
    press(&mut m, "enter");
    assert_eq!(top(&m), "form inherit -");
    assert_eq!(done(update(&mut m, Msg::Returned(Ok(3)))), [Effect::Redraw]);
}

#[test]
fn nothing_runs_in_a_dry_session() {
    use crate::tui::model::RunMode;
    let mut m = model();
    m.options.run_mode = RunMode::Questions;
    let effects = update(&mut m, Msg::Input(crate::testing::menus::keys("enter vdb enter")));
    let line = "alt_disk_install -C -Pall vdb".to_owned();
    assert!(
        effects.contains(&Effect::Record(Record::Command { line, hides: false, run: false })),
        "{effects:?}"
    );
    assert_eq!(done(effects), []);
    assert_eq!(top(&m), "text note");
    m.options.run_mode = RunMode::Nothing;
    assert_eq!(press(&mut m, "enter F4"), []);
    assert_eq!(top(&m), "text error");
}

#[test]
fn screens_that_are_code() {
    let mut m = model();
    assert_eq!(press(&mut m, "end up up up enter"), [Effect::Jobs]);
    update(&mut m, Msg::Jobs(Ok(vec![]), 0));
    assert!(shot(&m).contains("There is nothing to choose from."));
    assert_eq!(press(&mut m, "F3 down enter"), [Effect::Themes]);
    update(&mut m, Msg::Themes(vec![crate::theme::Theme::mono()]));
    assert_eq!(top(&m), "list Colours and Theme");
    assert_eq!(press(&mut m, "enter"), [Effect::Theme("mono".into())]);
    press(&mut m, "down enter");
    check("sample-keys", 80, 24, |c| view(&m, c));
    press(&mut m, "F3 down enter");
    assert_eq!(top(&m), "text page");
    check("sample-about", 80, 24, |c| view(&m, c));
}

#[test]
fn what_follows_the_end_of_a_job() {
    use crate::tui::status::tests::stage::{ended_clone, running_clone};
    let opened = |m: &mut Model, status| done(update(m, Msg::Opened(Ok(Box::new(status)))));
    // Mode P: after exit 0 back to the menu, else to the form.
    for (code, want) in [(0, "menu altdisk"), (1, "form back -")] {
        let mut m = model();
        crate::tui::flow::open(&mut m, "back", Default::default());
        press(&mut m, "enter");
        opened(&mut m, ended_clone((80, 24), code));
        assert_eq!(top(&m), "status");
        assert_eq!(press(&mut m, "F3"), [Effect::Close]);
        assert_eq!(top(&m), want, "{code}");
    }
    // Fields that want it are cleared, and only if it ended well.
    for (code, want) in [(0, ""), (1, "x")] {
        let mut m = model();
        crate::tui::flow::open(&mut m, "clear", Default::default());
        press(&mut m, "x enter");
        opened(&mut m, ended_clone((80, 24), code));
        press(&mut m, "F3");
        assert_eq!((top(&m).as_str(), m.form().unwrap().values.get(0)), ("form clear name", want));
    }
    // It goes on when its screen is left; the keys of the interface work there too.
    let mut m = model();
    opened(&mut m, running_clone((80, 24)));
    assert_eq!(press(&mut m, "F9 F2"), [Effect::Shell, Effect::Redraw]);
    press(&mut m, "F1");
    assert_eq!(top(&m), "text help");
    press(&mut m, "F3 F6");
    assert_eq!(top(&m), "text command");
    press(&mut m, "F3 F8");
    assert_eq!(top(&m), "text image");
    assert_eq!(press(&mut m, "F3 F3"), [Effect::Close]);
    assert_eq!(top(&m), "menu altdisk");
}

#[test]
fn a_job_that_cannot_start_is_told() {
    let mut m = model();
    press(&mut m, "down enter");
    press(&mut m, "enter");
    update(&mut m, Msg::Opened(Err(UserMessage::new("ALT-952: no", "do"))));
    assert_eq!(top(&m), "text error");
    press(&mut m, "enter");
    assert_eq!(top(&m), "menu altdisk");
    assert_eq!(Id(3).to_string(), "3");
}
