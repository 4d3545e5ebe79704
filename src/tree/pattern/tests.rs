//! Compared with grep itself.

use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};

/// What grep says: Some(matched) for each line, None where it refuses the pattern.
fn grep(pattern: &[u8], lines: &[Vec<u8>]) -> Option<Vec<bool>> {
    use std::os::unix::ffi::OsStrExt;
    let mut child = Command::new("grep")
        .env("LC_ALL", "C")
        .args(["-n", "-a", "-z", "-e"])
        .arg(std::ffi::OsStr::from_bytes(pattern))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut text = lines.join(&0);
    text.push(0);
    // grep that refuses the pattern reads nothing.
    drop(child.stdin.take().unwrap().write_all(&text));
    let out = child.wait_with_output().unwrap();
    if out.status.code() == Some(2) {
        return None;
    }
    let mut matched = vec![false; lines.len()];
    for found in out.stdout.split(|b| *b == 0).filter(|f| !f.is_empty()) {
        let colon = found.iter().position(|b| *b == b':').unwrap();
        matched[std::str::from_utf8(&found[..colon]).unwrap().parse::<usize>().unwrap() - 1] = true;
    }
    Some(matched)
}

fn ours(pattern: &[u8], lines: &[Vec<u8>]) -> Option<Vec<bool>> {
    let regex = regex::bytes::Regex::new(&translate(pattern).ok()?).unwrap();
    Some(lines.iter().map(|l| regex.is_match(l)).collect())
}

fn agree(pattern: &[u8], lines: &[Vec<u8>]) -> bool {
    ours(pattern, lines) == grep(pattern, lines)
}

#[test]
fn means_what_grep_means() {
    let lines: Vec<Vec<u8>> = [
        "./tmp",
        "./tmp/x",
        "./var/tmp/x",
        "./a.b",
        "./axb",
        "*a",
        "+a",
        "?",
        "{1}a",
        "aa",
        "aaa",
        "a$b",
        "a^b",
        "^a",
        "",
        "]",
        "a]",
        "-",
        "./A",
        "./a b",
        "./a\tb",
        "./x\\y",
        "./(x)",
        "a|b",
        "./é",
        "word one",
        "x_y",
        "a\\",
        "[",
        ":",
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .chain([b"./\xff\xfe".to_vec(), b"./a\xffb".to_vec()])
    .collect();
    let patterns = [
        "^./tmp/",
        "^./tmp$",
        "/tmp/",
        r"a\.b",
        "a.b",
        "*a",
        "^*a",
        r"\(*a\)",
        r"\+a",
        r"\?",
        r"\{1\}a",
        r"a\{2\}",
        r"a\{2,\}",
        r"a\{,2\}$",
        r"a\{1,2\}b*",
        "a$b",
        "a^b",
        r"\(^a\)",
        r"x\|^a",
        r"a$\|b",
        r"\(a$\)",
        "a**",
        "[]]",
        "[^]]",
        "[]a]",
        "[a-c]",
        "[[:upper:]]",
        "[[:space:][:digit:]]",
        "[a-]",
        "[-a]",
        "[[.a.]]",
        "[[=a=]c]",
        r"[\]",
        r"[\n]",
        r"\w\W",
        r"\bone",
        r"\<one\>",
        r"x\By",
        r"\s",
        r"\S$",
        r"\`a",
        r"a\'",
        r"a\|",
        r"\|a",
        r"\(\)a",
        "é",
        ".é",
        "^.*$",
        "",
        "^",
        "$",
        "^$",
        "a{1}",
        "a+",
        "(x)",
        "a|b",
        r"\(a\|b\)*$",
        r"^\(ab*\)\{2\}",
        "^^a",
        "a$$",
        r"a\{0\}",
        r"\/",
        r"\-",
        "[.]",
        "[^a]",
        r"^\.",
        "[[]",
        "[:]",
        "[a:]",
        r"\(a\)\{1,2\}",
        r"a*\{2\}",
        r"[[:alpha:]-]",
    ];
    let wrong: Vec<&str> = patterns.into_iter().filter(|p| !agree(p.as_bytes(), &lines)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn refuses_what_grep_refuses_and_says_where() {
    for (pattern, column, why) in [
        (r"abc\", 4, "escapes nothing"),
        (r"ab\(c", 3, r"no \)"),
        (r"ab\)", 3, r"no \("),
        ("x[a", 2, "no ]"),
        ("[[:foo:]]", 2, "no such class"),
        ("[:space:]", 1, "two brackets"),
        ("[b-a]", 4, "before it begins"),
        (r"a\{2,1\}", 2, "smaller first"),
        (r"a\{x\}", 2, "numbers"),
        (r"a\{1", 2, r"no \}"),
        ("[[.space.]]", 2, "one character"),
        ("[[:alpha:]-z]", 11, "begin a range"),
        ("[[=a=]-c]", 7, "begin a range"),
    ] {
        let e = translate(pattern.as_bytes()).unwrap_err();
        let number = why == "numbers";
        assert!(e.column == column && (number || e.why.contains(why)), "{pattern}: {e:?}");
        assert_eq!(grep(pattern.as_bytes(), &[b"x".to_vec()]), None, "{pattern}");
    }
    assert!(translate(br"\(a\)\1").unwrap_err().why.contains("back-references"));
    assert!(translate(br"\b*").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_grep(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "b", "/", ".", "*", "^", "$", r"\(", r"\)", r"\|", r"\{1,2\}", r"\{2\}", r"\+", r"\?", r"\.", "[ab]", "[^a/]", "[[:alpha:]]", "[b-]", "[]^]", "-", r"\w",
        ]), 1..9),
        lines in prop::collection::vec("[ab./*^$+?{}|()-]{0,8}", 1..12),
    ) {
        let pattern = parts.concat();
        let lines: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
        // A repetition of an assertion ($*, $\{2\}) is refused here and odd there.
        if let Some(mine) = ours(pattern.as_bytes(), &lines) {
            prop_assert_eq!(Some(mine), grep(pattern.as_bytes(), &lines), "{}", pattern);
        }
    }
}
