//! Whatever is pressed, answered and resized: nothing panics, something is always on the screen,
//! and its legend tells the truth.

use crossterm::event::{Event, KeyCode, KeyEvent};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::testing::menus::{keys, model, press, top};
use crate::tui::canvas::Canvas;
use crate::tui::layer::Layer;
use crate::tui::model::{Effect, Model, Msg, UserMessage};
use crate::tui::update::update;
use crate::tui::view::view;

const WORDS: [&str; 34] = [
    "up", "down", "left", "right", "home", "end", "pgup", "pgdn", "tab", "backtab", "enter",
    "enter", "esc", "bs", "del", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "a", "1",
    "/", "n", "^k", "^u", "^a", "^e", "^x", "^l",
];
const PASTES: [&str; 5] = ["vdb", "vdb\n", "a\nb\n", "\n", "\u{1b}[A\t\r"];
const ANSWERS: [&str; 5] = [
    "",
    "# Name\nvdb 1\n # note\n!vda 2\n",
    "#size\n5\n",
    "nonsense\n",
    r#"{"version":1,"title":"T","text":["a"],"type":[{"prompt":"P","words":["a"],"add":["b"]}],"warnings":[]}"#,
];

#[derive(Clone, Debug)]
enum Happens {
    Key(usize),
    Paste(usize),
    Answer(usize),
    Fails,
    Size(u16, u16),
    Back,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        20 => (0..WORDS.len()).prop_map(Happens::Key),
        2 => (0..PASTES.len()).prop_map(Happens::Paste),
        4 => (0..ANSWERS.len()).prop_map(Happens::Answer),
        1 => Just(Happens::Fails),
        1 => (1u16..140, 1u16..50).prop_map(|(w, h)| Happens::Size(w, h)),
        1 => Just(Happens::Back),
    ]
}

fn draw(m: &Model) {
    let mut buf = Buffer::empty(Rect::new(0, 0, m.size.0, m.size.1));
    let mut canvas = Canvas::new(&mut buf, &m.theme);
    view(m, &mut canvas);
    let cursor = canvas.cursor;
    assert!(cursor.is_none_or(|(x, y)| x < m.size.0 && y < m.size.1));
    assert!(buf.content().iter().any(|c| c.symbol() != " "), "nothing is drawn on {:?}", m.size);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens(story in prop::collection::vec(happens(), 0..80)) {
        let mut m = model();
        for what in story {
            let token = m.tokens;
            let effects = match what {
                Happens::Key(n) => {
                    m.seen = true;
                    update(&mut m, Msg::Input(keys(WORDS[n])))
                }
                Happens::Paste(n) => {
                    let effects = update(&mut m, Msg::Input(vec![Event::Paste(PASTES[n].into())]));
                    assert!(effects.iter().all(|e| *e == Effect::Bell), "{effects:?}");
                    effects
                }
                Happens::Answer(n) => update(&mut m, Msg::Answer(token, Ok(ANSWERS[n].into()))),
                Happens::Fails => update(&mut m, Msg::Answer(token, Err(UserMessage::new("wrong", "right")))),
                Happens::Size(w, h) => update(&mut m, Msg::Size(w, h)),
                Happens::Back => update(&mut m, Msg::Opened(Err(UserMessage::new("wrong", "right")))),
            };
            if effects.contains(&Effect::Quit) {
                break;
            }
            assert!(!m.stack.is_empty() && m.stack.iter().any(Layer::is_shown));
            draw(&m);
        }
    }
}

fn legend(m: &Model) -> Vec<KeyEvent> {
    let legend = match m.top().unwrap() {
        Layer::Menu(l) => l.legend(),
        Layer::Form(l) => l.legend(),
        Layer::List(l, _) => l.legend(),
        Layer::Text(l) => l.legend(),
        Layer::Review(l) => l.legend(),
        Layer::Edit(l) => l.legend(),
        Layer::Wait(l) => l.legend(),
        Layer::Status(l) => l.legend(),
    };
    legend.into_iter().filter(|(_, what)| !what.is_empty()).map(|(key, _)| key).collect()
}

/// Every key that a legend shows does something: it does not ring the bell.
#[test]
fn legends_tell_the_truth() {
    let reach = [
        "",
        "enter",
        "enter down",
        "enter end",
        "enter down down a F7",
        "enter F6",
        "F1",
        "F8",
        "down enter",
        "end",
        "end enter",
        "end up enter",
        "enter enter",
        "enter down F4",
        "down down enter",
        "down down down down enter",
    ];
    let mut kinds = std::collections::BTreeSet::new();
    for way in reach {
        let mut m = model();
        press(&mut m, way);
        kinds.insert(top(&m).split(' ').next().unwrap().to_owned());
        for key in legend(&m) {
            let mut m = model();
            press(&mut m, way);
            if key == KeyCode::Char('n').into() {
                press(&mut m, "/ l enter");
            }
            let effects = update(&mut m, Msg::Input(vec![Event::Key(key)]));
            assert!(!effects.contains(&Effect::Bell), "after `{way}`: {key:?} on {}", top(&m));
        }
    }
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["edit", "form", "list", "menu", "text", "wait"]
    );
}
