//! The graph of the modules below src/, read from the source: which file uses which. Tests do not
//! count: neither files of tests nor a `mod tests` at the end of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module's path (`disk::model`), and the modules that it uses.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The module that a file below `src` is; the root is empty.
pub fn module_of(file: &Path, src: &Path) -> String {
    let inside = file.strip_prefix(src).unwrap().with_extension("");
    let mut parts: Vec<String> =
        inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "main", "lib"].contains(&last.as_str())) {
        parts.pop();
    }
    parts.join("::")
}

/// Whether a module is only compiled for tests.
pub fn is_test(module: &str) -> bool {
    module.split("::").any(|part| {
        ["tests", "testing", "golden", "built"].contains(&part) || part.ends_with("_tests")
    })
}

/// Each module with what it uses. `sources`: modules and their texts.
pub fn graph(sources: &BTreeMap<String, String>) -> Graph {
    let product = sources.iter().filter(|(module, _)| !is_test(module));
    product.map(|(module, text)| (module.clone(), uses(module, text, sources))).collect()
}

fn uses(module: &str, text: &str, all: &BTreeMap<String, String>) -> BTreeSet<String> {
    let code = code_of(text);
    let mut found = BTreeSet::new();
    for path in paths(&code) {
        let full = absolute(module, &path, all);
        if let Some(used) = full.and_then(|full| longest_module(&full, all))
            && used != module
            && !is_test(&used)
        {
            found.insert(used);
        }
    }
    found
}

/// The text without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = product.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Every path of at least two words, those within braces too: `a::{b::c, d}` is `a::b::c`, `a::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = vec![];
    let bytes = code.as_bytes();
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut at = 0;
    while at < bytes.len() {
        let begins = is_word(bytes[at])
            && (at == 0 || !(is_word(bytes[at - 1]) || b":.$'".contains(&bytes[at - 1])));
        if !begins {
            at += 1;
            continue;
        }
        let mut end = at;
        walk(code, &mut end, &mut vec![], &mut found);
        at = end.max(at + 1);
    }
    found.retain(|path| path.len() > 1);
    found
}

/// Reads the path that begins at `at` after the words of `prefix`.
fn walk(code: &str, at: &mut usize, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let depth = prefix.len();
    loop {
        let word: String =
            code[*at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        *at += word.len();
        if !word.is_empty() {
            prefix.push(word);
        }
        if !code[*at..].starts_with("::") {
            break;
        }
        *at += 2;
        if code[*at..].starts_with('{') {
            *at += 1;
            while *at < code.len() && !code[*at..].starts_with('}') {
                let c = code[*at..].chars().next().unwrap_or(' ');
                if c.is_ascii_alphanumeric() || c == '_' {
                    walk(code, at, prefix, found);
                } else {
                    *at += c.len_utf8();
                }
            }
            *at = (*at + 1).min(code.len());
            prefix.truncate(depth);
            return;
        }
    }
    found.push(prefix.clone());
    prefix.truncate(depth);
}

/// The path from the crate's root on; None for a path into another crate.
fn absolute(module: &str, path: &[String], all: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let here: Vec<String> =
        module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([&here, &path[1..]].concat()),
        "super" => {
            let up = path.iter().take_while(|word| *word == "super").count();
            Some([&here[..here.len().saturating_sub(up)], &path[up..]].concat())
        }
        child => {
            let below = [here.as_slice(), &[child.to_owned()]].concat();
            all.contains_key(&below.join("::")).then(|| [here.as_slice(), path].concat())
        }
    }
}

fn longest_module(path: &[String], all: &BTreeMap<String, String>) -> Option<String> {
    (1..=path.len()).rev().map(|n| path[..n].join("::")).find(|module| all.contains_key(module))
}

/// Groups of modules that use one another, directly or through others; the largest first.
pub fn cycles(graph: &Graph) -> Vec<Vec<String>> {
    let mut left: BTreeSet<&String> = graph.keys().collect();
    let mut found = vec![];
    while let Some(module) = left.pop_first() {
        let below = reachable(graph, module);
        let group: Vec<String> = below
            .iter()
            .filter(|other| reachable(graph, other).contains(module))
            .cloned()
            .collect();
        group.iter().for_each(|member| _ = left.remove(member));
        if group.len() > 1 {
            found.push(group);
        }
    }
    found.sort_by_key(|group| std::cmp::Reverse(group.len()));
    found
}

fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(module) = open.pop() {
        for used in graph.get(&module).into_iter().flatten() {
            if seen.insert(used.clone()) {
                open.push(used.clone());
            }
        }
    }
    seen
}

#[test]
fn groups_and_children_are_uses() {
    let all: BTreeMap<String, String> =
        ["", "a", "a::b", "a::c", "d"].iter().map(|m| ((*m).to_owned(), String::new())).collect();
    let used = |module: &str, text: &str| -> Vec<String> {
        uses(module, text, &all).into_iter().collect()
    };
    assert_eq!(used("d", "use crate::{a::{b::X, c}, std};"), ["a::b", "a::c"]);
    assert_eq!(used("a::b", "use super::{Y, c::Z}; // crate::d"), ["a", "a::c"]);
    assert_eq!(used("a", "mod b;\nfn f() { b::go(); x.c::<u8>(); std::d::e() }"), ["a::b"]);
    assert_eq!(used("a", "use crate::d;\n#[cfg(test)]\nmod tests { use crate::a::c::X; }"), ["d"]);
}

#[test]
fn cycles_are_found_whole() {
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "f"), ("f", "e")];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(from.into()).or_default().insert(to.into());
    }
    let owned = |group: &[&str]| group.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>();
    assert_eq!(cycles(&graph), [owned(&["a", "b", "c"]), owned(&["e", "f"])]);
}
