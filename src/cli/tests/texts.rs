//! All texts of the project: documents, menus, the catalogue of errors, help, and the source.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::help;
use crate::error::{self, details};
use crate::flags;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn below(dir: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            below(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

/// Texts for people who never see the source: documents, menus, the catalogue of errors, the help
/// of every command.
pub fn documents() -> Vec<(String, String)> {
    let mut files = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    below(&root().join("docs"), ".md", &mut files);
    below(&root().join("menus"), ".toml", &mut files);
    let mut all = read(&files);
    let more = |id: &str| details::find(id).unwrap_or_default();
    all.extend(
        error::all()
            .map(|e| (e.id.to_owned(), format!("{}\n{}\n{}", e.title, e.remedy, more(e.id)))),
    );
    all.extend(flags::ALL.iter().map(|c| (format!("help of {}", c.name), help::help(c))));
    all.push(("the overview".to_owned(), help::overview(flags::ALL)));
    all
}

/// Every text with where it stands: the documents, and the source, where the messages are.
pub fn texts() -> Vec<(String, String)> {
    let mut files = vec![];
    below(&root().join("src"), ".rs", &mut files);
    // Tests name what is wrong on purpose.
    files.retain(|f| {
        let name = f.to_string_lossy();
        !name.contains("/tests/")
            && !["tests.rs", "sample.rs", "figures.rs"].iter().any(|end| name.ends_with(end))
    });
    documents().into_iter().chain(read(&files)).collect()
}

/// The files as text, without the tests in them.
pub fn read(files: &[PathBuf]) -> Vec<(String, String)> {
    let name = |f: &Path| f.strip_prefix(root()).unwrap().display().to_string();
    let text = |f: &Path| {
        let text = fs::read_to_string(f).unwrap();
        text.split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default()
            .replace("\\\n", "")
            .replace("\\\"", "\"")
    };
    files.iter().map(|f| (name(f), text(f))).collect()
}

/// Texts between backticks, and lines of examples.
pub fn quoted(text: &str) -> Vec<String> {
    let ticks = text.split('`').skip(1).step_by(2).filter(|t| !t.contains('\n')).map(str::to_owned);
    let example = |l: &&str| l.starts_with("    ") || l.starts_with("  alt");
    let lines = text
        .lines()
        .filter(example)
        .map(|l| l.trim().split(" #").next().unwrap_or_default().trim().to_owned());
    ticks.chain(lines).collect()
}
