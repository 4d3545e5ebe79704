//! One bad file per rule, with the exact message: `tests/fixtures/menus/bad/NAME.toml` and
//! `NAME.txt`. `UPDATE_GOLDEN=1 cargo test bad_files` writes the messages anew; then read the
//! difference.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::diagnostic::reader::SourceFile;
use crate::menu::load::merge_layers;

pub(super) fn fixtures(dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/menus").join(dir);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    paths
}

pub(super) fn file(path: &Path) -> SourceFile {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    SourceFile { name, text: std::fs::read_to_string(path).unwrap() }
}

fn diagnostics(files: Vec<Vec<SourceFile>>) -> String {
    merge_layers(files).1.iter().map(|s| format!("{s}\n")).collect()
}

#[test]
fn every_rule_has_its_message() {
    let paths = fixtures("bad");
    assert!(paths.len() > 100, "{}", paths.len());
    let mut wrong = vec![];
    for path in paths {
        let told = diagnostics(vec![vec![file(&path)]]);
        let beside = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&beside, &told).unwrap();
        }
        if told.is_empty() || told != std::fs::read_to_string(&beside).unwrap_or_default() {
            wrong.push(format!("{}:\n{told}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 writes them anew\n{}", wrong.join("\n"));
}

#[test]
fn all_errors_in_one_run_in_their_order() {
    let dialog = |id: &str, more: &str| {
        format!(
            "[[dialog]]\nid = \"{id}\"\ntitle = \"D\"\nhelp = \"h\"\ncommand = [\"true\"]\n{more}\n"
        )
    };
    let one = dialog("a", "mode = \"x\"\nroot = 1") + &dialog("b", "ghots = true");
    let two = dialog("a", "");
    let files = vec![
        SourceFile { name: "1.toml".into(), text: one },
        SourceFile { name: "2.toml".into(), text: two },
    ];
    let told = merge_layers(vec![files]).1;
    let places: Vec<String> =
        told.iter().map(|s| format!("{}:{}:{} {}", s.file, s.line, s.column, s.message)).collect();
    assert_eq!(
        places,
        [
            "1.toml:6:8 `mode` cannot be `x`",
            "1.toml:7:8 `root` must be true or false",
            "1.toml:13:1 a dialog has no key `ghots`",
            "2.toml:2:6 the id `a` is there twice",
        ]
    );
}

#[test]
fn a_broken_file_does_not_make_errors_of_others() {
    let menu = "[[menu]]\nid = \"m\"\ntitle = \"M\"\nhelp = \"h\"\n[[menu.item]]\ntext = \"t\"\ngoto = \"d\"\n";
    let files = vec![
        SourceFile { name: "1".into(), text: menu.into() },
        SourceFile { name: "2".into(), text: "[[dialog]]\nid = d".into() },
    ];
    let told = merge_layers(vec![files]).1;
    assert!(told.iter().all(|s| s.file == "2") && !told.is_empty(), "{told:?}");
}

/// A good file with pieces cut out, doubled, exchanged or put in.
fn mutated() -> impl Strategy<Value = String> {
    const PIECES: [&str; 18] = [
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        "#",
        "\"\"\"",
        "[[dialog]]\n",
        "0x",
        "\u{0}",
        "\u{e9}",
        "{f}",
        "true",
        ",",
        "\\",
    ];
    let edit = (0usize..20_000, 0usize..60, proptest::sample::select(&PIECES[..]), 0u8..4);
    (0usize..100, proptest::collection::vec(edit, 1..6)).prop_map(|(which, edits)| {
        let paths: Vec<PathBuf> = fixtures("good").into_iter().chain(fixtures("bad")).collect();
        // Mostly the file with every feature.
        let path = if which < 70 { &paths[0] } else { &paths[which % paths.len()] };
        let mut text: Vec<char> = std::fs::read_to_string(path).unwrap().chars().collect();
        for (at, len, piece, how) in edits {
            let at = at % (text.len() + 1);
            let end = (at + len).min(text.len());
            match how {
                0 => drop(text.drain(at..end)),
                1 => {
                    let copy = text[at..end].to_vec();
                    text.splice(at..at, copy);
                }
                2 => drop(text.splice(at..end, piece.chars()).collect::<Vec<_>>()),
                _ => drop(text.splice(at..at, piece.chars()).collect::<Vec<_>>()),
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_loader_never_panics(text in mutated()) {
        let lines = text.lines().count() + 1;
        let (_, told) = merge_layers(vec![vec![SourceFile { name: "x".into(), text }]]);
        for diagnostic in told {
            prop_assert!(diagnostic.line <= lines && !diagnostic.to_string().chars().any(|c| c.is_control() && c != '\n'), "{:?}", diagnostic);
        }
    }
}
