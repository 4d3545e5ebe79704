use super::*;
use crate::menu::lists::Entry;
use crate::testing::golden::{check, drawn};

const SIZE: (u16, u16) = (80, 24);

fn disks() -> Listing {
    let entry = |line: &str, notes: &[&str], refused| Entry {
        line: line.into(),
        notes: notes.iter().map(|n| (*n).into()).collect(),
        value: line.split_whitespace().next().unwrap().into(),
        refused,
    };
    Listing {
        heading: Some("Name     Size      Model".into()),
        entries: vec![
            entry("vda      20 GB     QEMU HARDDISK", &["the running system is on it"], true),
            entry("vdb      20 GB     QEMU HARDDISK", &[], false),
            entry("vdc      40 GB     QEMU HARDDISK", &["holds an ext4 file system"], false),
        ],
    }
}

fn list(choose: Choose) -> List {
    List::new("Target Disk(s) to install", disks(), choose)
}

#[test]
fn golden_lists() {
    let mut l = list(Choose::Several).with_chosen(&["vdb".into()]);
    l.settle(SIZE);
    check("list", 80, 24, |c| l.view(c, KeyNames::Function));
    l.key(KeyCode::Up.into(), SIZE);
    check("list-refused", 80, 24, |c| l.view(c, KeyNames::Escape));
}

#[test]
fn chooses() {
    let mut l = list(Choose::One);
    assert_eq!(l.key(KeyCode::Enter.into(), SIZE), Outcome::Chosen(vec![1]));
    l.key(KeyCode::Up.into(), SIZE);
    assert_eq!(l.key(KeyCode::Enter.into(), SIZE), Outcome::Bell);
    assert_eq!(l.key(KeyCode::F(7).into(), SIZE), Outcome::Bell);
    let mut l = list(Choose::Several);
    assert_eq!(l.key(KeyCode::Enter.into(), SIZE), Outcome::Chosen(vec![1]));
    l.key(KeyCode::End.into(), SIZE);
    l.key(KeyCode::F(7).into(), SIZE);
    l.key(KeyCode::Up.into(), SIZE);
    l.key(KeyCode::F(7).into(), SIZE);
    assert_eq!(l.key(KeyCode::Enter.into(), SIZE), Outcome::Chosen(vec![2, 1]));
    let mut l = list(Choose::Several).with_chosen(&["vdb".into()]);
    l.key(KeyCode::F(7).into(), SIZE);
    assert_eq!(l.key(KeyCode::Enter.into(), SIZE), Outcome::Chosen(vec![]));
}

/// A disk that nobody chose must not be erased: the line under the cursor is meant, and F7
/// replaces a default.
#[test]
fn the_line_under_the_cursor_is_taken() {
    let press = |l: &mut List, keys: &[KeyCode]| {
        keys.iter().fold(Outcome::Stay, |_, k| l.key((*k).into(), SIZE))
    };
    for prefilled in [true, false] {
        let filled = || list(Choose::Several).with_chosen(&["vdb".into()]).prefilled(prefilled);
        assert_eq!(press(&mut filled(), &[KeyCode::Enter]), Outcome::Chosen(vec![1]));
        assert_eq!(
            press(&mut filled(), &[KeyCode::Down, KeyCode::Enter]),
            Outcome::Chosen(vec![2]),
            "{prefilled}"
        );
        assert_eq!(press(&mut filled(), &[KeyCode::Up, KeyCode::Enter]), Outcome::Bell);
    }
    let filled =
        |prefilled| list(Choose::Several).with_chosen(&["vdb".into()]).prefilled(prefilled);
    assert_eq!(
        press(&mut filled(true), &[KeyCode::Down, KeyCode::F(7), KeyCode::Enter]),
        Outcome::Chosen(vec![2])
    );
    assert_eq!(
        press(&mut filled(false), &[KeyCode::Down, KeyCode::F(7), KeyCode::Enter]),
        Outcome::Chosen(vec![1, 2])
    );
    assert_eq!(
        press(
            &mut filled(true),
            &[KeyCode::Down, KeyCode::F(7), KeyCode::Up, KeyCode::F(7), KeyCode::Enter]
        ),
        Outcome::Chosen(vec![2, 1])
    );
    assert_eq!(
        press(&mut filled(true), &[KeyCode::Down, KeyCode::F(7), KeyCode::F(7), KeyCode::Enter]),
        Outcome::Chosen(vec![])
    );
    let said = |keys: &[KeyCode], prefilled| {
        let mut l = filled(prefilled);
        keys.iter().for_each(|k| _ = l.key((*k).into(), SIZE));
        l.settle(SIZE);
        drawn(80, 24, |c| l.view(c, KeyNames::Function))
    };
    assert!(said(&[], true).contains("Selected: vdb "));
    assert!(said(&[KeyCode::Down], true).contains("Enter selects this line."));
    assert!(said(&[KeyCode::Down], false).contains("Enter selects this line, F7 adds it to: vdb"));
    assert!(said(&[KeyCode::Down, KeyCode::F(7)], true).contains("Selected: vdc "));
    assert!(said(&[KeyCode::F(7)], true).contains("Selected: nothing"));
}

#[test]
fn long_lists_scroll() {
    let entries = (0..200)
        .map(|n| Entry { line: format!("disk{n}"), value: format!("disk{n}"), ..Entry::default() })
        .collect();
    let mut l = List::new("Many", Listing { heading: Some("Name".into()), entries }, Choose::One);
    for key in [
        KeyCode::Char('/'),
        KeyCode::Char('1'),
        KeyCode::Char('9'),
        KeyCode::Char('9'),
        KeyCode::Enter,
    ] {
        assert_eq!(l.key(key.into(), SIZE), Outcome::Stay);
    }
    l.settle(SIZE);
    let shown = drawn(80, 24, |c| l.view(c, KeyNames::Function));
    assert!(
        shown.contains("disk199")
            && shown.contains("[BOTTOM]")
            && shown.contains("[MORE...188]")
            && shown.contains("Name"),
        "{shown}"
    );
}
