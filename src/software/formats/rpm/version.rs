//! Versions of rpm: `[epoch:]version-release`, compared as rpm's own `rpmvercmp` does.
//!
//! A version is a row of tokens: what stands between letters and digits only separates (`1.0`,
//! `1_0` and `1..0` are one). Two rows are compared token by token: `~` is older than the end
//! (`1.0~rc1` before `1.0`), the end older than `^` (`1.0^git1` after `1.0`), that older than
//! letters, those older than numbers. This orders every two texts, and always in the same way, so
//! that lists can be sorted by it.

use std::cmp::Ordering;

/// A part of a version, oldest first. `End` is the end of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a str),
    /// Without leading zeros: the longer one is the larger.
    Number(usize, &'a str),
}

/// The tokens of a version, then `End` for ever.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Token<'a> {
        let rest = self
            .0
            .trim_start_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '~' || c == '^'));
        let take = |of: fn(&char) -> bool| rest.find(|c: char| !of(&c)).unwrap_or(rest.len());
        let (length, token) = match rest.chars().next() {
            None => (0, Token::End),
            Some('~') => (1, Token::Tilde),
            Some('^') => (1, Token::Caret),
            Some(c) if c.is_ascii_digit() => {
                let length = take(char::is_ascii_digit);
                let digits = rest[..length].trim_start_matches('0');
                (length, Token::Number(digits.len(), digits))
            }
            Some(_) => {
                let length = take(char::is_ascii_alphabetic);
                (length, Token::Letters(&rest[..length]))
            }
        };
        self.0 = &rest[length..];
        token
    }
}

/// `rpmvercmp` of rpm(8): two versions or two releases.
fn parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Tokens(a), Tokens(b));
    loop {
        match (a.next(), b.next()) {
            (Token::End, Token::End) => return Ordering::Equal,
            (a, b) if a == b => {}
            (a, b) => return a.cmp(&b),
        }
    }
}

/// A version in its three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evr<'a> {
    /// Digits; `0` if it has none.
    pub epoch: &'a str,
    /// The version of the software.
    pub version: &'a str,
    /// None if it has none: such a version matches every release.
    pub release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits `[epoch:]version[-release]`.
    pub fn parse(text: &'a str) -> Self {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) => {
                (if epoch.is_empty() { "0" } else { epoch }, rest)
            }
            _ => ("0", text),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => Self { epoch, version, release: Some(release) },
            None => Self { epoch, version: rest, release: None },
        }
    }
}

/// Compares two versions. One without a release is older than the same with any.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Evr::parse(a), Evr::parse(b));
    parts(a.epoch, b.epoch).then_with(|| parts(a.version, b.version)).then_with(|| {
        match (a.release, b.release) {
            (Some(a), Some(b)) => parts(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    })
}

/// Formats a version; an epoch of 0 is left out.
pub fn format_evr(epoch: &str, version: &str, release: &str) -> String {
    match epoch.trim_start_matches('0') {
        "" => format!("{version}-{release}"),
        epoch => format!("{epoch}:{version}-{release}"),
    }
}

/// The same of a whole version: `0:1.0-1` is `1.0-1`.
pub fn normalize(evr: &str) -> String {
    let parts = Evr::parse(evr);
    match parts.release {
        Some(release) => format_evr(parts.epoch, parts.version, release),
        None => evr.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::orders::{is_total, versions};
    use proptest::prelude::*;

    /// Versions in an order that rpm's documentation and its own test table give; those of one line
    /// are equal.
    const ROWS: &[&[&[&str]]] = &[
        &[&["1.0"], &["2.0"], &["2.0.1"], &["2.0.1a"]],
        &[&["5.5p1"], &["5.5p2"], &["5.5p10"]],
        &[&["10xyz"], &["10.1xyz"]],
        &[&["xyz10"], &["xyz10.1"]],
        &[&["xyz.4"], &["2"], &["8"]],
        &[&["5.5p2"], &["5.6p1"], &["6.5p1"]],
        &[&["6.0"], &["6.0.rc1"], &["6.0.1"]],
        &[&["10a2"], &["10b2"]],
        &[&["1.0a"], &["1.0aa"]],
        &[&["10.0001", "10.1"], &["10.0039"]],
        &[&["4.999.9"], &["5.0"]],
        &[&["20101121"], &["20101122"]],
        &[&["2_0", "2.0", "2..0", "2.0."]],
        &[&["a+", "a_", "a"], &["b"]],
        &[&["1.0~rc1~git123"], &["1.0~rc1"], &["1.0~rc2"], &["1.0"]],
        &[&["1.0"], &["1.0^"], &["1.0^git1"], &["1.0^git2"], &["1.01"]],
        &[&["1.0~rc1"], &["1.0~rc1^git1"], &["1.0"]],
        &[&["1.0^git1~pre"], &["1.0^git1"]],
        &[&["1.0^20160101"], &["1.0^20160102"], &["1.0.1"]],
        &[&["1b.fc17"], &["1.fc17"], &["2"]],
        &[&["99999999999999999999999998"], &["99999999999999999999999999"]],
        &[&["1.1.\u{b1}", "1.1."], &["1.1.1"]],
    ];

    #[test]
    fn the_known_rows() {
        for row in ROWS {
            for (i, left) in row.iter().enumerate() {
                for (j, right) in row.iter().enumerate() {
                    for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
                        assert_eq!(parts(a, b), i.cmp(&j), "{a} and {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn epoch_first_then_version_then_release() {
        for (older, newer) in [
            ("1.0-1", "1:0.1-1"),
            ("9:1.0-1", "10:0.1-1"),
            ("1.0-1.fc39", "1.0-1.fc40"),
            ("1.0-1.el9", "1.0-1.el9_4.1"),
            ("1.0-9", "1.0-10"),
            ("1.0", "1.0-0"),
            ("1.0~rc1-5", "1.0-1"),
            ("2.34-83.el9", "2.34-100.el9_4.2"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{older} {newer}");
        }
        for (a, b) in [
            ("0:1.0-1", "1.0-1"),
            (":1.0-1", "1.0-1"),
            ("01:1.0-1", "1:1.0-1"),
            ("1.0-01", "1.0-1"),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        assert_eq!(Evr::parse("http://x-1").epoch, "0");
        assert_eq!(
            (format_evr("0", "1", "2"), format_evr("3", "1", "2"), format_evr("", "1", "2")),
            ("1-2".into(), "3:1-2".into(), "1-2".into())
        );
    }

    /// Against rpm itself, where it is installed.
    #[test]
    fn as_rpm_says() {
        let mut lua = String::new();
        let all: Vec<&str> = ROWS
            .iter()
            .flat_map(|row| row.iter().flat_map(|e| e.iter().copied()))
            .filter(|v| v.is_ascii())
            .collect();
        let mut pairs = vec![];
        for a in &all {
            for b in all.iter().step_by(3) {
                lua += &format!("print(rpm.vercmp('{a}','{b}')..' ');");
                pairs.push((a, b));
            }
        }
        let Ok(done) =
            std::process::Command::new("rpm").args(["--eval", &format!("%{{lua:{lua}}}")]).output()
        else {
            println!("skipped: rpm is not installed");
            return;
        };
        let said = String::from_utf8(done.stdout).unwrap();
        let said: Vec<i8> = said.split_whitespace().map(|l| l.parse().unwrap()).collect();
        assert_eq!(said.len(), pairs.len());
        for ((a, b), rpm) in pairs.iter().zip(said) {
            assert_eq!(parts(a, b) as i8, rpm, "{a} and {b}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(v in versions()) {
            is_total(&v, |a, b| compare(a, b))?;
        }
    }
}
