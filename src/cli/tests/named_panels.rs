//! Every panel and field that a text names exists, and the defaults of fields work.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::texts::texts;
use crate::cli::{discover, list, ui};
use crate::menu::load;
use crate::menu::model::{Builtin, Field, Kind, Screen, Set, Target};

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

/// Text in quotes with a capital letter and more than one word is the title of a panel or
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
    let image = PathBuf::from(discover::default_image_file());
    assert_eq!(image.parent(), Some(list::images::directory().as_path()));
}
