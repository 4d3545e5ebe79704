//! The top menu is the same, and names only screens that come later, when it is read alone.

use std::fs;
use std::path::PathBuf;

use crate::menu::load;
use crate::menu::model::{Screen, TOP};

#[test]
fn alone_it_is_the_one_of_the_whole_set() {
    let alone = load::top_menu(&[PathBuf::from("/nonexistent")]).unwrap();
    let all = load::built_in().unwrap();
    let lines = |set: &crate::menu::model::Set| match set.find(TOP) {
        Some(Screen::Menu(menu)) => format!("{menu:?}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(lines(&alone), lines(&all));
    assert!(alone.screens.len() < all.screens.len());
}

#[test]
fn a_directory_with_files_is_read_first() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = [dir.path().to_owned()];
    assert!(load::top_menu(&dirs).is_some());
    fs::write(dir.path().join("own.toml"), "").unwrap();
    assert!(load::top_menu(&dirs).is_none());
}
