//! The documents name what exists: links, headings, scripts, files, tests. The README stays short.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn below(dir: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

/// Every document with its text.
fn markdown() -> Vec<(PathBuf, String)> {
    let mut files = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
        .map(|f| root().join(f))
        .to_vec();
    below(&root().join("docs"), ".md", &mut files);
    files.into_iter().map(|f| (f.clone(), fs::read_to_string(f).unwrap())).collect()
}

/// The name by which a link leads to a heading: `## \`-X\` and more` is `-x-and-more`.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || " _-".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    let (mut bad, mut seen) = (vec![], 0);
    for (file, text) in markdown() {
        let targets = text.split("](").skip(1).filter_map(|r| r.split_once(')')).map(|(t, _)| t);
        for target in targets.filter(|t| !t.contains(':')) {
            seen += 1;
            let (path, part) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.clone() } else { file.with_file_name(path) };
            let there = fs::read_to_string(&path);
            let has_part = |text: String| {
                part.is_empty() || text.lines().any(|l| l.starts_with('#') && anchor(l) == part)
            };
            if !path.exists() || !there.map_or(part.is_empty(), has_part) {
                bad.push(format!("{}: {target}", file.display()));
            }
        }
        // Scripts that a document runs.
        let run = text
            .lines()
            .filter_map(|l| l.trim_start().trim_start_matches("sudo ").strip_prefix("./"));
        for script in run.filter_map(|l| l.split_whitespace().next()) {
            if !root().join(script).exists() {
                bad.push(format!("{}: ./{script}", file.display()));
            }
        }
    }
    assert!(bad.is_empty() && seen > 50, "{seen}\n{}", bad.join("\n"));
    assert_eq!(anchor("## `[[menu]]` and -X"), "menu-and--x");
}

#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().count() <= 200, "README.md has {} lines", text.lines().count());
    for document in ["reference", "architecture", "menus", "themes", "security"] {
        assert!(text.contains(&format!("](docs/{document}.md)")), "{document}");
    }
}

/// Documents for maintainers name files of the source and tests: they are there.
#[test]
fn every_file_and_test_that_a_document_names_is_there() {
    let mut sources = vec![];
    below(&root().join("src"), ".rs", &mut sources);
    below(&root().join("tests"), ".rs", &mut sources);
    let all: String = sources.iter().map(|f| fs::read_to_string(f).unwrap()).collect();
    let file =
        Regex::new(r"\b(?:src|tests|benches|menus|themes)/[A-Za-z0-9_./-]*[A-Za-z0-9_]").unwrap();
    let test = Regex::new(r"`([a-z]+(?:_[a-z0-9]+){2,})`").unwrap();
    let (mut bad, mut seen) = (vec![], 0);
    for (place, text) in markdown() {
        // `tests/updates_*.rs` stands for several.
        let begins = |f: &str| {
            let (dir, name) = f.rsplit_once('/').unwrap();
            let names = fs::read_dir(root().join(dir)).into_iter().flatten().flatten();
            f.ends_with('_')
                && names.map(|e| e.file_name()).any(|n| n.to_string_lossy().starts_with(name))
        };
        let files = file
            .find_iter(&text)
            .map(|m| m.as_str())
            .filter(|f| !root().join(f).exists() && !begins(f));
        bad.extend(files.map(|f| format!("{}: there is no {f}", place.display())));
        for name in test.captures_iter(&text).map(|c| c[1].to_owned()) {
            seen += 1;
            if !all.contains(&format!("fn {name}(")) && !all.contains(&name) {
                bad.push(format!("{}: there is no `{name}`", place.display()));
            }
        }
    }
    assert!(bad.is_empty() && seen > 20, "{seen}\n{}", bad.join("\n"));
}
