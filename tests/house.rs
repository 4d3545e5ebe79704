//! The house rules, read from the source: which room may use which, where `unsafe` may stand, how
//! large a file may be.
#![allow(clippy::unwrap_used)]

#[path = "house/modules.rs"]
mod modules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// `room: what it may use`; `text` is for all. `disk::model` stands for plain data that the
/// rooms beside it may read.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "secret",
            "flags",
            "engine",
            "trial",
            "disk",
            "copy",
            "tree",
            "archive",
            "image",
            "software",
            "boot",
            "tui",
            "menu",
            "job",
            "term",
            "theme",
            "diagnostic",
            "host",
            "event",
            "error",
            "text",
        ],
    ),
    (
        "tui",
        &[
            "secret",
            "menu",
            "job",
            "term",
            "theme",
            "diagnostic",
            "flags",
            "host",
            "event",
            "error",
            "text",
        ],
    ),
    ("menu", &["secret", "diagnostic", "flags", "host", "error", "text"]),
    ("theme", &["diagnostic", "host", "error"]),
    ("diagnostic", &["error"]),
    ("job", &["secret", "host", "event", "error", "text"]),
    ("term", &["host", "error"]),
    ("text", &[]),
    (
        "engine",
        &[
            "secret", "trial", "disk", "copy", "tree", "archive", "image", "software", "boot",
            "host", "event", "error", "text",
        ],
    ),
    ("trial", &["boot", "host", "event", "error"]),
    ("disk", &["host", "event", "error", "text"]),
    ("copy", &["tree", "host", "event", "error", "text"]),
    ("tree", &["host", "event", "error", "text"]),
    ("image", &["tree", "archive", "boot::identity", "disk::fs", "host", "event", "error", "text"]),
    ("archive", &["host", "event", "error", "text"]),
    ("flags", &[]),
    (
        "software",
        &[
            "secret",
            "boot::distro",
            "disk::size",
            "disk::fs",
            "archive::input",
            "tree::report",
            "host",
            "event",
            "error",
            "text",
        ],
    ),
    ("boot", &["disk::model", "disk::fs", "host", "event", "error", "text"]),
    ("host", &["secret", "event", "error"]),
    ("event", &["secret"]),
    ("secret", &[]),
    ("error", &[]),
    (
        "testing",
        &[
            "archive", "disk", "boot", "software", "host", "event", "tui", "menu", "theme",
            "engine", "image", "error",
        ],
    ),
];
/// Lines of the largest file.
const MAX_LINES: usize = 500;
/// Half of the files below src/ have fewer lines.
const MAX_MEDIAN: usize = 190;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_symlink() || name == "target" || (name.starts_with('.') && name != ".ci") {
            continue;
        }
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = vec![];
    files(&root().join("src"), &mut found);
    found.retain(|p| p.extension().is_some_and(|e| e == "rs"));
    assert!(found.len() > 20, "{found:?}");
    found.into_iter().map(|p| (p.clone(), fs::read_to_string(p).unwrap())).collect()
}

fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The rooms that the text names: `crate::disk::model::Disk` is `disk::model`; also within `use
/// crate::{disk::model, error}`.
fn used(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if at > 0 && text[..at].ends_with(|c: char| c == '$' || c == '_' || c.is_alphanumeric()) {
            continue;
        }
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(top_level(group)),
            None => rooms.extend(two_words(rest)),
        }
    }
    rooms
}

fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut item, mut items) = (0, String::new(), vec![]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(std::mem::take(&mut item)),
            c if depth == 0 => item.push(c),
            _ => {}
        }
    }
    items.push(item);
    items.iter().filter_map(|i| two_words(i.trim())).collect()
}

fn two_words(path: &str) -> Option<String> {
    let word =
        |p: &str| p.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let first = word(path);
    let second = path[first.len()..].strip_prefix("::").map(word).unwrap_or_default();
    (!first.is_empty())
        .then(|| if second.is_empty() { first } else { format!("{first}::{second}") })
}

fn forbidden(room: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(r, _)| *r == room) else {
        return vec![format!("{room} has no arrows")];
    };
    let fine = |used: &String| {
        let first = used.split("::").next().unwrap_or_default();
        // An item at the top of the crate (a macro) is no room.
        first == room
            || first == "text"
            || first == "testing"
            || !ARROWS.iter().any(|(r, _)| *r == first)
            || allowed.contains(&first)
            || allowed.contains(&used.as_str())
    };
    used(text).into_iter().filter(|u| !fine(u)).collect()
}

/// The standard library's way to start a thread panics where the kernel gives none.
#[test]
fn threads_are_started_in_one_place() {
    for (path, text) in sources().iter().filter(|(p, _)| !p.ends_with("host/threads.rs")) {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let name = path.to_string_lossy();
        let test = name.ends_with("tests.rs") || name.contains("/tests/");
        for way in ["thread::spawn(", " s.spawn(", "scope.spawn("] {
            assert!(test || !code.contains(way), "{}: {way}", path.display());
        }
    }
}

/// An error is shown by the functions of `error::chain`: what it makes of itself has numbers and
/// names of system errors in it. An error is called `e` or `error` here, a text `why`.
#[test]
fn errors_do_not_format_themselves() {
    let ways: Vec<String> = ["e", "err", "error", "errno"]
        .iter()
        .flat_map(|e| {
            [
                format!("{{{e}}}"),
                format!("{{{e}:"),
                format!(" {e}.to_string()"),
                format!("({e}.to_string()"),
            ]
        })
        .chain(
            ["e.desc()", "map_err(ToString::to_string", ":#}\", e)", "{}\", e)"].map(str::to_owned),
        )
        .collect();
    for (path, text) in sources() {
        let name = path.to_string_lossy();
        let test =
            name.ends_with("tests.rs") || ["/tests/", "/testing/"].iter().any(|d| name.contains(d));
        if test || path.ends_with("error/chain.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (n, line) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//"))
        {
            let found = ways.iter().find(|way| line.contains(way.as_str()));
            // `{undo:#}`: an error, whatever its name; `{:#}` makes JSON readable.
            let chain = line.matches(":#}").count() > line.matches("{:#}").count();
            assert!(found.is_none() && !chain, "{}:{}: {line}", path.display(), n + 1);
        }
    }
}

/// What is sorted by a comparison of its own has a test that this is an order: Rust's sort panics
/// on others.
#[test]
fn comparisons_are_orders() {
    for (path, text) in sources() {
        let of_its_own =
            ["impl Ord for", "impl PartialOrd for", "partial_cmp", "BinaryHeap", "-> Ordering {"];
        let (code, tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        let file = path.to_string_lossy().into_owned();
        // These only choose a format's order.
        let only_choose = ["mod.rs", "package_format.rs"].iter().any(|f| file.ends_with(f))
            && file.contains("software/formats/")
            || file.ends_with("software/resolve.rs");
        if of_its_own.iter().any(|w| code.contains(w)) && !only_choose {
            assert!(
                tests.contains("is_total("),
                "{file} compares, and has no test by testing::orders"
            );
        }
    }
}

#[test]
fn the_arrows_hold() {
    let mut wrong = vec![];
    for (path, text) in sources() {
        for target in forbidden(&room(&path), &text) {
            wrong.push(format!("{} uses {target}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_check_sees_wrong_arrows() {
    assert_eq!(forbidden("disk", "use crate::flags;"), ["flags"]);
    assert_eq!(
        forbidden("boot", "use crate::{error, disk::scan::{self, x}, host};"),
        ["disk::scan"]
    );
    assert!(forbidden("boot", "use crate::disk::model::Disk;\nuse crate::error;").is_empty());
    assert_eq!(forbidden("event", "fn f() { crate::error::find(e) }"), ["error::find"]);
    assert_eq!(forbidden("attic", ""), ["attic has no arrows"]);
}

#[test]
fn unsafe_only_in_host() {
    for (path, text) in sources().iter().filter(|(p, _)| room(p) != "host") {
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(
                !words.into_iter().any(|w| w == "unsafe" || w == "unsafe_code"),
                "{}:{}: {line}",
                path.display(),
                n + 1
            );
        }
    }
}

#[test]
fn every_unsafe_says_why() {
    for (path, text) in sources().iter().filter(|(p, _)| room(p) == "host") {
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, l)| !l.trim_start().starts_with("//") && l.contains("unsafe {"))
        {
            let said = lines[n.saturating_sub(6)..n].iter().any(|l| l.contains("SAFETY:"));
            assert!(said, "{}:{}: {line}", path.display(), n + 1);
        }
    }
}

#[test]
fn files_are_small() {
    let mut found = vec![];
    for top in ["src", "tests"] {
        files(&root().join(top), &mut found);
    }
    found.retain(|p| p.extension().is_some_and(|e| e == "rs" || e == "sh"));
    let lines = |path: &PathBuf| fs::read_to_string(path).unwrap().lines().count();
    let large: Vec<String> = found
        .iter()
        .filter(|path| lines(path) > MAX_LINES)
        .map(|path| format!("{} has {} lines", path.display(), lines(path)))
        .collect();
    assert!(large.is_empty(), "{}", large.join("\n"));
    let mut sizes: Vec<usize> =
        found.iter().filter(|p| p.starts_with(root().join("src"))).map(lines).collect();
    sizes.sort_unstable();
    assert!(sizes[sizes.len() / 2] < MAX_MEDIAN, "the median is {}", sizes[sizes.len() / 2]);
}

#[test]
fn no_file_is_part_of_a_cycle() {
    let src = root().join("src");
    let texts: BTreeMap<String, String> =
        sources().into_iter().map(|(path, text)| (modules::module_of(&path, &src), text)).collect();
    let found = modules::cycles(&modules::graph(&texts));
    let lines: Vec<String> = found.iter().map(|group| group.join(" ")).collect();
    assert!(found.is_empty(), "{} cycles:\n{}", found.len(), lines.join("\n"));
}

/// Nothing names a directory of the machine that it was written on.
#[test]
fn no_foreign_paths() {
    let needle = ["/wo", "rk/"].concat();
    let mut found = vec![];
    files(root(), &mut found);
    for path in found {
        let text = fs::read(&path).unwrap();
        let hit = text.windows(needle.len()).any(|w| w == needle.as_bytes());
        assert!(!hit, "{} contains {needle}", path.display());
    }
}

/// What belongs to the copy is named by paths inside it and reached by `host::beneath`: a full path
/// would follow the copy's links.
#[test]
fn the_copy_is_reached_beneath_its_root() {
    // Paths that are only shown, told to the customization script, or lie in the running system.
    const SHOWN: [&str; 5] = [
        "review/commands.rs",
        "engine/paths.rs",
        "plan/mod.rs",
        "steps/customize.rs",
        "loader/grub/dir.rs",
    ];
    let full = ["root.join(", "ALT_INST).join(", "below(Path::new(ALT_INST)"];
    let is_test = |p: &Path| {
        p.parent().is_some_and(|dir| dir.ends_with("tests"))
            || ["tests.rs", "on_disk_tests.rs", "real.rs", "golden.rs"]
                .iter()
                .any(|t| p.ends_with(t))
    };
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (path, text) in sources()
        .iter()
        .filter(|(p, _)| ["boot", "engine", "software"].contains(&room(p).as_str()) && !is_test(p))
    {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (n, line) in code
            .lines()
            .enumerate()
            .filter(|(_, l)| full.iter().any(|f| l.replace("unmount_below(", "").contains(f)))
        {
            let shown = SHOWN.iter().find(|s| path.ends_with(s));
            assert!(shown.is_some(), "{}:{}: {line}", path.display(), n + 1);
            seen.extend(shown.copied());
        }
    }
    assert_eq!(seen.len(), SHOWN.len(), "an exception that is none any more: only {seen:?} are");
}
