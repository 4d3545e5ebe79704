//! Versions of Debian packages: `[epoch:]upstream[-revision]`, ordered as deb-version(7) says.

use std::cmp::Ordering;

/// Compares two versions. Any text has a place in the order, even one that is not a version.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::split(a), Parts::split(b));
    compare_part(a.epoch, b.epoch)
        .then_with(|| compare_part(a.upstream, b.upstream))
        .then_with(|| compare_part(a.revision, b.revision))
}

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Self {
        let text = text.trim();
        // The epoch ends at the first colon, the revision begins behind the last hyphen; one that
        // is absent counts as 0.
        let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self {
            epoch: epoch.as_bytes(),
            upstream: upstream.as_bytes(),
            revision: revision.as_bytes(),
        }
    }
}

/// Compares by turns what is no digit (letters before all other characters, `~` before even the
/// end) and numbers.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        loop {
            let (x, y) = (weight(a.first()), weight(b.first()));
            if x != y {
                return x.cmp(&y);
            }
            if x == 0 {
                break;
            }
            (a, b) = (&a[1..], &b[1..]);
        }
        let (x, y) = (number(&mut a), number(&mut b));
        // Without leading zeros the longer one is larger; numbers may be of any length.
        let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// 0 for a digit and for the end.
fn weight(c: Option<&u8>) -> i32 {
    match c {
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

/// Takes the digits at the front, and gives them without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|c| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let first = digits.iter().position(|c| *c != b'0').unwrap_or(digits.len());
    &digits[first..]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::testing::orders::{is_total, versions};

    /// In each, the first is older than the second.
    const OLDER: &[(&str, &str)] = &[
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1.0-1", "1.0-2"),
        ("1.0", "1.0-1"),
        ("1.0~rc1", "1.0"),
        ("1.0~rc1-1", "1.0-1"),
        ("1.0~~", "1.0~~a"),
        ("1.0~~a", "1.0~"),
        ("1.0~", "1.0"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0+"),
        ("1.0+dfsg-1", "1.0.1-1"),
        ("2:1.0", "10:0.1"),
        ("9.9", "1:0.1"),
        ("12.4+deb12u5", "12.4+deb12u11"),
        ("3.0.22-1~deb12u1", "3.0.22-1"),
        ("3.0.22-1~deb12u1", "3.0.22-1~deb12u2"),
        ("1.0-1", "1.0-1+b1"),
        ("1.0-1+b1", "1.0-1.1"),
        ("1-2-3", "1-3-1"),
        ("6.1.176-1", "6.1.192-2"),
        ("99999999999999999999999998", "99999999999999999999999999"),
        ("1.0-a", "1.0-b"),
        ("a", "a1"),
        ("1:1:2", "1:1:3"),
        ("1.A", "1.a"),
    ];
    const SAME: &[(&str, &str)] = &[
        ("1.0", "1.0"),
        ("0:1.0", "1.0"),
        ("1.0-0", "1.0"),
        ("1.00", "1.0"),
        ("1.01", "1.1"),
        ("000:1", "1"),
        ("", ""),
        ("1.0-00", "1.0-0"),
    ];

    #[test]
    fn the_order_of_deb_version() {
        for (old, new) in OLDER {
            assert_eq!(compare(old, new), Ordering::Less, "{old} {new}");
            assert_eq!(compare(new, old), Ordering::Greater, "{new} {old}");
        }
        for (a, b) in SAME {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn dpkg_says_the_same() {
        if Command::new("dpkg").arg("--version").output().is_err() {
            return println!("skipped: dpkg is not installed");
        }
        let ask = |a: &str, op: &str, b: &str| {
            Command::new("dpkg")
                .args(["--compare-versions", a, op, b])
                .output()
                .unwrap()
                .status
                .success()
        };
        // dpkg warns about a version that begins with a letter, and compares it all the same.
        for (a, b) in OLDER {
            assert!(ask(a, "lt", b), "{a} {b}");
        }
        for (a, b) in SAME.iter().filter(|(a, _)| !a.is_empty()) {
            assert!(ask(a, "eq", b), "{a} {b}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_order_is_total(v in versions()) {
            is_total(&v, |a, b| compare(a, b))?;
        }
    }
}
