//! Every fixture and golden file is used: a test names it, or reads the whole directory.
//!
//! A file that no test reads looks like something that is held true, and is not.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Directories that a test reads as a whole, with the words of the source that does.
const READ_AS_A_WHOLE: &[(&str, &str)] = &[
    ("tests/fixtures/menus/bad", "fixtures(\"bad\")"),
    ("tests/fixtures/menus/good", "fixtures(\"good\")"),
    ("tests/fixtures/image/bad", "join(\"tests/fixtures/image/bad\")"),
    ("tests/fixtures/themes/bad", "join(\"tests/fixtures/themes/bad\")"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn below(dir: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    files(&root().join(dir), &mut found);
    found
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs" || e == "sh" || e == "py")
}

/// The text of everything that can name a file: sources, scripts, and the menus, whose screens are
/// drawn into golden files.
fn all_sources() -> String {
    let mut all = fs::read_to_string(root().join("test.sh")).unwrap();
    for dir in ["src", "tests", "benches", "menus"] {
        for path in
            below(dir).iter().filter(|p| is_source(p) || p.starts_with(root().join("menus")))
        {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

/// Whether a source names the file: by its name, or by the part of it that is no size, kind or end.
/// A golden screen `panel-alt_clone-end-80x24.txt` is that of the screen `"alt_clone"`.
fn is_named(path: &Path, sources: &str) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    let at_a_boundary = |n: usize| sources[..n].ends_with(['/', '"', ' ', '`', '=']) || n == 0;
    if sources.match_indices(&*name).any(|(n, _)| at_a_boundary(n)) {
        return true;
    }
    let stem = name.split('.').next().unwrap_or_default();
    let (head, size) = stem.rsplit_once('-').unwrap_or((stem, ""));
    let is_size = size.split_once('x').is_some_and(|(w, h)| {
        [w, h].iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    });
    let stem = if is_size { head } else { stem };
    let kind = ["panel-", "status-"].iter().find_map(|k| stem.strip_prefix(k)).unwrap_or(stem);
    let screen = kind.strip_suffix("-end").unwrap_or(kind);
    [stem, kind, screen].iter().any(|word| sources.contains(&format!("\"{word}\"")))
}

#[test]
fn every_fixture_is_used() {
    let sources = all_sources();
    for (dir, words) in READ_AS_A_WHOLE {
        assert!(sources.contains(words), "no test reads {dir}");
    }
    let mut unused = vec![];
    let mut all = below("tests");
    all.extend(below("screenshots"));
    for path in all.iter().filter(|p| !is_source(p)) {
        let whole = READ_AS_A_WHOLE.iter().any(|(dir, ..)| path.starts_with(root().join(dir)));
        if !whole && !is_named(path, &sources) {
            unused.push(path.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    assert!(all.len() > 400 && unused.is_empty(), "no test uses:\n{}", unused.join("\n"));
}

/// Below a directory that is read as a whole, each bad file has its message, and each message its
/// file.
#[test]
fn every_bad_file_has_its_message() {
    for (dir, ..) in READ_AS_A_WHOLE.iter().filter(|(dir, ..)| dir.ends_with("/bad")) {
        for path in below(dir) {
            let twin = match path.extension().and_then(|e| e.to_str()) {
                Some("toml") => "txt",
                Some("txt") => "toml",
                _ => panic!("{} is neither a bad file nor a message", path.display()),
            };
            assert!(path.with_extension(twin).exists(), "{} stands alone", path.display());
        }
    }
}

#[test]
fn unused_files_are_found() {
    let sources =
        "check(\"begins\", 80, 24); include_str!(\"../fixtures/a.txt\"); id = \"alt_clone\"";
    for used in ["status-begins-80x24.txt", "a.txt", "panel-alt_clone-end-80x24.txt"] {
        assert!(is_named(Path::new(used), sources), "{used}");
    }
    for unused in ["status-begin-80x24.txt", "aa.txt", "b.txt", "panel-alt_clone-start-80x24.txt"] {
        assert!(!is_named(Path::new(unused), sources), "{unused}");
    }
}
