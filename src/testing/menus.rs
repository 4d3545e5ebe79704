//! A small set of menus for the tests of the screens: what the shipped panels look like, with every
//! kind of field.

use std::rc::Rc;

use crossterm::event::{Event, KeyCode, KeyEvent};

use crate::menu::model::{
    Builtin, Choice, Dialog, Field, How, Item, Kind, List, Many, Menu, Mode, Next, Required, Run,
    Screen, Selector, Set, Take, Target,
};
use crate::tui::keys::{KeyNames, ctrl};
use crate::tui::layer::Layer;
use crate::tui::model::{Effect, Model, Msg, Options};
use crate::tui::screens::text::TextKind;
use crate::tui::update::update;

pub fn field(name: &str, label: &str, kind: Kind) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        help: format!("Help for {name}."),
        kind,
        required: Required::Given,
        size: 0,
        default: String::new(),
        from: None,
        list: None,
        many: Many::One,
        choices: vec![],
        prefix: format!("--{name} "),
        last: false,
        clear: false,
        indent: 0,
        requires: vec![],
        requires_one: vec![],
        conflicts: vec![],
        only_if: None,
        pattern: None,
    }
}

pub fn ring(name: &str, label: &str, choices: &[(&str, &str)]) -> Field {
    let choices: Vec<Choice> = choices
        .iter()
        .map(|(shown, real)| Choice { shown: (*shown).into(), real: (*real).into() })
        .collect();
    Field {
        default: choices[0].shown.clone(),
        choices,
        prefix: String::new(),
        ..field(name, label, Kind::Ring)
    }
}

pub fn list(words: &[&str]) -> List {
    List {
        command: Run::Argv(words.iter().map(|w| (*w).into()).collect()),
        take: Take::First,
        timeout: 10,
    }
}

pub fn dialog(id: &str, title: &str, fields: Vec<Field>, command: &[&str]) -> Dialog {
    Dialog {
        id: id.into(),
        title: title.into(),
        help: format!("Help for {id}."),
        fields,
        command: Run::Argv(command.iter().map(|w| (*w).into()).collect()),
        mode: Mode { how: How::Pipe, back: false },
        confirm: None,
        review: None,
        ghost: false,
        discover: None,
        timeout: 5,
        root: false,
        after_selector: false,
    }
}

pub fn clone_dialog() -> Dialog {
    let yes_no =
        |name: &str, label: &str, real: &str| ring(name, label, &[("no", ""), ("yes", real)]);
    let fields = vec![
        Field {
            required: Required::Filled,
            list: Some(list(&["disks"])),
            many: Many::Words,
            last: true,
            prefix: String::new(),
            ..field("targets", "Target Disk(s) to install", Kind::Text)
        },
        Field {
            prefix: "-P".into(),
            ..ring(
                "phase",
                "Phase to execute",
                &[("all", "all"), ("1", "1"), ("2", "2"), ("3", "3")],
            )
        },
        Field { prefix: "-i ".into(), ..field("image_data", "image.data file", Kind::Path) },
        Field { prefix: "-e ".into(), ..field("exclude", "Exclude list", Kind::Path) },
        field("", "", Kind::Heading),
        Field { indent: 1, size: 4, ..field("count", "How many", Kind::Number) },
        Field { indent: 1, ..field("mask", "Mask", Kind::Hex) },
        field("secret", "Password", Kind::Password),
        Field { prefix: "-s ".into(), ..field("script", "Customization script", Kind::Path) },
        yes_no("bootlist", "Set bootlist to boot from this disk\non next reboot?", "-B"),
        yes_no("reboot", "Reboot when complete?", "-r"),
        yes_no("verbose", "Verbose output?", "-V"),
        yes_no("debug", "Debug output?", "-D"),
    ];
    Dialog {
        review: Some(vec!["--review".into()]),
        ..dialog(
            "alt_clone",
            "Clone the Rootvg to an Alternate Disk",
            fields,
            &["alt_disk_install", "-C"],
        )
    }
}

fn to(id: &str) -> Option<Target> {
    Some(Target::Screen(id.into()))
}

pub fn set() -> Set {
    let item = |text: &str, goto: Option<Target>| Item {
        text: text.into(),
        help: format!("Help for {text}."),
        goto,
    };
    let menu = Menu {
        id: "altdisk".into(),
        title: "Alternate Disk Installation".into(),
        help: "Help for the menu.".into(),
        items: vec![
            item("Clone the Rootvg to an Alternate Disk", to("alt_clone")),
            item("Ask First", to("sure")),
            item("", None),
            item("Choose a Service", to("service")),
            item("Choose without a Form", to("ghost")),
            item("Look up First", to("found")),
            item("Edit with the Terminal", to("inherit")),
            item("More", None),
            item("Running and Finished Jobs", Some(Target::Builtin(Builtin::Jobs))),
            item("Looks", Some(Target::Builtin(Builtin::Themes))),
            item("Keys", Some(Target::Builtin(Builtin::Keys))),
            item("About", Some(Target::Builtin(Builtin::About))),
        ],
    };
    let name = Field {
        list: Some(list(&["services"])),
        required: Required::Filled,
        ..field("name", "Service name", Kind::Text)
    };
    let selector = |id: &str, ghost| Selector {
        id: id.into(),
        title: "Choose a Service".into(),
        help: "Help for the selector.".into(),
        field: name.clone(),
        next: Next::To(Target::Screen("restart".into())),
        ghost,
        after_selector: false,
    };
    let restart = Field {
        from: Some("name".into()),
        required: Required::Always,
        prefix: String::new(),
        ..field("unit", "Service", Kind::Text)
    };
    let dialogs = vec![
        clone_dialog(),
        Dialog {
            confirm: Some("It will be gone.".into()),
            ghost: true,
            mode: Mode { how: How::Pipe, back: true },
            ..dialog("sure", "Ask First", vec![], &["rm", "-rf", "/x"])
        },
        dialog("restart", "Restart a Service", vec![restart], &["systemctl", "restart"]),
        Dialog {
            discover: Some(Run::Argv(vec!["discover".into()])),
            root: true,
            ..dialog(
                "found",
                "Look up First",
                vec![Field { from: Some("size".into()), ..field("size", "Size", Kind::Number) }],
                &["resize"],
            )
        },
        Dialog {
            mode: Mode { how: How::Pipe, back: true },
            ..dialog("back", "Back", vec![], &["true"])
        },
        dialog(
            "clear",
            "Clear",
            vec![Field { clear: true, ..field("name", "Name", Kind::Text) }],
            &["true"],
        ),
        Dialog {
            mode: Mode { how: How::Inherit, back: true },
            ..dialog("inherit", "Edit", vec![], &["vi"])
        },
    ];
    let mut set = Set::default();
    let screens = dialogs.into_iter().map(Screen::Dialog).chain([
        Screen::Menu(menu),
        Screen::Selector(selector("service", false)),
        Screen::Selector(selector("ghost", true)),
    ]);
    set.screens.extend(screens.map(|s| (s.id().to_owned(), s)));
    set
}

/// A model with the sample menus, as root, the first menu open.
pub fn model() -> Model {
    let options = Options { root: true, home: "/home/ada".into(), ..Options::default() };
    let mut model = Model::new(
        Rc::new(set()),
        crate::theme::Theme::mono(),
        KeyNames::Function,
        options,
        (80, 24),
    );
    model.themes = vec![crate::theme::Theme::mono()];
    crate::tui::flow::open(&mut model, "altdisk", Default::default());
    model
}

/// Keys as a test writes them: `down enter F4 "abc"`.
pub fn keys(text: &str) -> Vec<Event> {
    let mut keys: Vec<KeyEvent> = vec![];
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        match word {
            "up" => keys.push(KeyCode::Up.into()),
            "down" => keys.push(KeyCode::Down.into()),
            "left" => keys.push(KeyCode::Left.into()),
            "right" => keys.push(KeyCode::Right.into()),
            "home" => keys.push(KeyCode::Home.into()),
            "end" => keys.push(KeyCode::End.into()),
            "pgup" => keys.push(KeyCode::PageUp.into()),
            "pgdn" => keys.push(KeyCode::PageDown.into()),
            "tab" => keys.push(KeyCode::Tab.into()),
            "backtab" => keys.push(KeyCode::BackTab.into()),
            "enter" => keys.push(KeyCode::Enter.into()),
            "esc" => keys.push(KeyCode::Esc.into()),
            "bs" => keys.push(KeyCode::Backspace.into()),
            "del" => keys.push(KeyCode::Delete.into()),
            _ => {
                match (word.strip_prefix('F').and_then(|n| n.parse().ok()), word.strip_prefix('^'))
                {
                    (Some(n), _) => keys.push(KeyCode::F(n).into()),
                    (_, Some(c)) => keys.extend(c.chars().map(ctrl)),
                    _ => keys.extend(
                        word.trim_matches('"').chars().map(|c| KeyEvent::from(KeyCode::Char(c))),
                    ),
                }
            }
        }
    }
    keys.into_iter().map(Event::Key).collect()
}

/// Presses keys after what is on the screen was seen; returns what has to be done, without what is
/// written down.
pub fn press(model: &mut Model, text: &str) -> Vec<Effect> {
    model.seen = true;
    done(update(model, Msg::Input(keys(text))))
}

/// The program that was asked last answers.
pub fn answer(model: &mut Model, text: &str) -> Vec<Effect> {
    let token = model.tokens;
    done(update(model, Msg::Answer(token, Ok(text.into()))))
}

pub fn done(effects: Vec<Effect>) -> Vec<Effect> {
    effects.into_iter().filter(|e| !matches!(e, Effect::Record(_) | Effect::Later(_))).collect()
}

/// What is on top, in a word.
pub fn top(model: &Model) -> String {
    match model.top() {
        None => "nothing".into(),
        Some(Layer::Menu(m)) => format!("menu {}", m.menu.id),
        Some(Layer::Form(f)) => {
            format!("form {} {}", f.dialog.id, f.field().map_or("-", |f| f.name.as_str()))
        }
        Some(Layer::List(l, _)) => format!("list {}", l.title()),
        Some(Layer::Text(t)) => format!(
            "text {}",
            match t.kind {
                TextKind::Help => "help",
                TextKind::Command => "command",
                TextKind::Error => "error",
                TextKind::Sure => "sure",
                TextKind::Image => "image",
                TextKind::Note => "note",
                TextKind::Page => "page",
            }
        ),
        Some(Layer::Review(_)) => "review".into(),
        Some(Layer::Edit(_)) => "edit".into(),
        Some(Layer::Wait(_)) => "wait".into(),
        Some(Layer::Status(_)) => "status".into(),
    }
}
