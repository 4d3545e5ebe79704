//! The panels that ship, as they look, and the pictures of them that the README shows.
//!
//! Golden screens: every screen of the built-in menus at 80x24 (text and roles), those that scroll
//! at their end too, and a few at 132x43. Pictures: `UPDATE_GOLDEN=1 cargo test --bins shipped`
//! writes screenshots/*.svg anew; without it they must be what the screens are now.

use std::path::Path;
use std::rc::Rc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::menu::load;
use crate::menu::model::{Screen, Set, TOP};
use crate::testing::golden::check;
use crate::testing::menus::{answer, press, top};
use crate::theme::{self, Theme};
use crate::tui::canvas::Canvas;
use crate::tui::keys::KeyNames;
use crate::tui::layer::Layer;
use crate::tui::model::{Effect, Model, Msg, Options};
use crate::tui::screens::form::Form;
use crate::tui::screens::menu::Menu;
use crate::tui::update::update;
use crate::tui::view::view;

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (132, 43);
/// An 80x24 console below a status line of tmux or screen.
const STATUS_LINE: (u16, u16) = (80, 23);
const DISKS: &str = "\
# NAME           SIZE MODEL          SERIAL               HOLDS
vdb          20 GiB QEMU HARDDISK  QM00002              ext4
#    holds ext4; its serial must be typed
vdc          40 GiB QEMU HARDDISK  QM00003              -
!vda         20 GiB QEMU HARDDISK  QM00001              rootvg
#    the running system is on it
";

fn set() -> Rc<Set> {
    Rc::new(load::built_in().unwrap())
}

fn model(size: (u16, u16), theme: Theme) -> Model {
    let options = Options { root: true, home: "/root".into(), ..Options::default() };
    Model::new(set(), theme, KeyNames::Function, options, size)
}

/// The screen as it opens, without what its commands would find; None if there is nothing of it to
/// see.
fn opened(screen: &Screen) -> Option<Layer> {
    Some(match screen {
        Screen::Menu(menu) => Layer::Menu(Menu::new(menu.clone())),
        Screen::Selector(s) if s.ghost => return None,
        Screen::Selector(selector) => {
            Layer::Form(Box::new(Form::selector(Rc::new(selector.clone()), Default::default())))
        }
        Screen::Dialog(d) if d.ghost => return None,
        Screen::Dialog(dialog) => {
            Layer::Form(Box::new(Form::dialog(Rc::new(dialog.clone()), Default::default())))
        }
    })
}

#[test]
fn every_panel_is_golden() {
    let set = set();
    assert!(set.screens.len() > 9);
    for (id, screen) in &set.screens {
        let large = ["alt_clone", TOP].contains(&id.as_str());
        for size in [Some(SMALL), Some(STATUS_LINE), large.then_some(LARGE)].into_iter().flatten() {
            let mut m = model(size, Theme::mono());
            let Some(layer) = opened(screen) else { continue };
            crate::tui::flow::push(&mut m, layer);
            check(&format!("panel-{id}"), size.0, size.1, |c| view(&m, c));
            let before = crate::testing::golden::drawn(size.0, size.1, |c| view(&m, c));
            if before.contains("[TOP]") {
                press(&mut m, "pgdn pgdn pgdn pgdn pgdn");
                check(&format!("panel-{id}-end"), size.0, size.1, |c| view(&m, c));
            }
        }
    }
}

/// On the smallest screen there is room for the fields, a list with reasons, and the keys.
#[test]
fn every_panel_works_on_the_smallest_screen() {
    let size = crate::tui::screens::small::NEEDED;
    for (id, screen) in &set().screens {
        let Some(layer) = opened(screen) else { continue };
        let mut m = model(size, Theme::mono());
        crate::tui::flow::push(&mut m, layer);
        let shown = crate::testing::golden::drawn(size.0, size.1, |c| view(&m, c));
        assert!(shown.contains("F10=Exit") && shown.contains("Enter=Do"), "{id}: {shown}");
        press(&mut m, "F1");
        assert!(
            crate::testing::golden::drawn(size.0, size.1, |c| view(&m, c))
                .contains("CONTEXTUAL HELP"),
            "{id}"
        );
        press(&mut m, "F3");
        for _ in 0..30 {
            let at = top(&m);
            press(&mut m, "down");
            let shown = crate::testing::golden::drawn(size.0, size.1, |c| view(&m, c));
            let cursor = shown.contains("cursor: column") || !at.starts_with("form");
            assert!(cursor, "{id}: the cursor is not shown\n{shown}");
        }
    }
    let mut m = model(size, Theme::mono());
    crate::tui::flow::open(&mut m, "alt_clone", Default::default());
    answer(&mut m, "#target:bootlist\n:yes\n");
    press(&mut m, "F4");
    answer(&mut m, DISKS);
    let shown = crate::testing::golden::drawn(size.0, size.1, |c| view(&m, c));
    assert!(["vdb ", "vdc ", "F10=Exit"].iter().all(|t| shown.contains(t)), "{shown}");
}

/// Nothing that a panel says is cut at 80 columns.
#[test]
fn every_panel_fits() {
    for (id, screen) in &set().screens {
        let Some(layer) = opened(screen) else { continue };
        let mut m = model(SMALL, Theme::mono());
        crate::tui::flow::push(&mut m, layer);
        assert!(crate::tui::canvas::columns(screen.title()) <= 78, "{id}: the title");
        if let Screen::Menu(menu) = screen {
            menu.items.iter().for_each(|i| {
                assert!(crate::tui::canvas::columns(&i.text) <= 76, "{id}: {}", i.text)
            });
        }
        // Help for the panel and for each of its fields or items.
        for _ in 0..60 {
            press(&mut m, "F1");
            assert_eq!(top(&m), "text help", "{id}");
            let help = crate::testing::golden::drawn(80, 24, |c| view(&m, c));
            assert!(!help.contains("There is no help for this."), "{id}: {help}");
            press(&mut m, "F3 down");
        }
    }
}

/// The lists that are code: the jobs, the themes.
#[test]
fn own_lists_are_golden() {
    use crate::job::{Ended, Id, Spec, State, Summary};
    let job = |n: u32, state, stopped| {
        let spec = Spec::new(vec!["altdisk".into()], "Clone the Running System to Another Disk");
        Summary { id: Id(n), spec, started: 0, state, group: None, stopped }
    };
    let ended =
        |code| State::Ended(Ended { code, signal: code.is_none().then_some(9), time: 0, ms: 0 });
    let jobs = vec![
        job(12, State::Running, false),
        job(11, ended(Some(0)), false),
        job(9, ended(Some(4)), false),
        job(8, ended(Some(4)), true),
        job(7, ended(None), false),
        job(1, State::Lost { alive: false }, false),
    ];
    let mut m = model(SMALL, Theme::mono());
    crate::tui::flow::open(&mut m, TOP, Default::default());
    update(&mut m, Msg::Jobs(Ok(jobs), 90));
    let shown = crate::testing::golden::drawn(80, 24, |c| view(&m, c));
    for line in [
        "|    Job  Started           State             Time  What",
        "  running           1:30  Clone the",
        "  OK  ",
        "  failed (4) ",
        "  stopped ",
        "  signal 9 ",
        "  unknown ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    press(&mut m, "F3");
    update(&mut m, Msg::Themes(theme::load::built_in()));
    check("looks", 80, 24, |c| view(&m, c));
}

fn classic() -> Theme {
    let classic = theme::load::built_in().into_iter().find(|t| t.name == "classic").unwrap();
    assert!(classic.colors >= 8);
    classic
}

fn picture(name: &str, m: &Model) {
    let mut buf = Buffer::empty(Rect::new(0, 0, m.size.0, m.size.1));
    let mut canvas = Canvas::new(&mut buf, &m.theme);
    view(m, &mut canvas);
    let cursor = canvas.cursor;
    let drawn = crate::tui::svg::svg(&buf, cursor);
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{name}.svg"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &drawn).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "{} is not what the screen is now; UPDATE_GOLDEN=1 cargo test --bins shipped writes it",
        path.display()
    );
}

#[test]
fn screenshots() {
    let mut m = model(SMALL, classic());
    crate::tui::flow::open(&mut m, TOP, Default::default());
    picture("menu", &m);
    press(&mut m, "home enter");
    // The clone's form looks up the free disk first.
    assert_eq!(top(&m), "wait");
    answer(&mut m, "#target:bootlist\nvdb:yes\n");
    assert_eq!(top(&m), "form alt_clone target");
    picture("clone", &m);
    press(&mut m, "F1");
    picture("help", &m);
    press(&mut m, "F3 F4");
    answer(&mut m, DISKS);
    press(&mut m, "down down");
    picture("list", &m);
    press(&mut m, "F3 F6");
    picture("command", &m);
    press(&mut m, "F3 enter");
    answer(&mut m, include_str!("../../../tests/fixtures/reviews/clone.json"));
    assert_eq!(top(&m), "review");
    picture("review", &m);
    let effects = press(&mut m, "S-vdb enter");
    assert!(matches!(&effects[..], [Effect::Start { .. }]), "{effects:?}");
    let status = crate::tui::status::tests::stage::running_clone((110, 32));
    let mut m = model((110, 32), classic());
    update(&mut m, Msg::Opened(Ok(Box::new(status))));
    picture("status", &m);
}
