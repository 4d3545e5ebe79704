//! The order of versions as pacman has it (vercmp(8)): `[epoch:]version[-release]`, segments of digits or letters compared one by one.

use std::cmp::Ordering;

/// Which of two versions is newer. Releases count only where both have one.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, version_a, release_a), (epoch_b, version_b, release_b)) = (parts(a), parts(b));
    let release = || match (release_a, release_b) {
        (Some(a), Some(b)) => segments(a.as_bytes(), b.as_bytes()),
        _ => Ordering::Equal,
    };
    segments(epoch_a.as_bytes(), epoch_b.as_bytes()).then_with(|| segments(version_a.as_bytes(), version_b.as_bytes())).then_with(release)
}

/// Epoch, version, release.
fn parts(text: &str) -> (&str, &str, Option<&str>) {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (epoch, rest) = match text[digits..].strip_prefix(':') {
        Some(rest) => (if digits == 0 { "0" } else { &text[..digits] }, rest),
        None => ("0", text),
    };
    rest.rsplit_once('-').map_or((epoch, rest, None), |(version, release)| (epoch, version, Some(release)))
}

fn segments(a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let count = |text: &[u8], of: fn(&u8) -> bool| text.iter().take_while(|c| of(c)).count();
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let between = (count(a, |c| !c.is_ascii_alphanumeric()), count(b, |c| !c.is_ascii_alphanumeric()));
        (a, b) = (&a[between.0..], &b[between.1..]);
        if a.is_empty() || b.is_empty() {
            break;
        }
        if between.0 != between.1 {
            return between.0.cmp(&between.1);
        }
        let number = a[0].is_ascii_digit();
        let kind: fn(&u8) -> bool = if number { u8::is_ascii_digit } else { u8::is_ascii_alphabetic };
        let (x, y) = (&a[..count(a, kind)], &b[..count(b, kind)]);
        if y.is_empty() {
            // A number is newer than letters.
            return if number { Ordering::Greater } else { Ordering::Less };
        }
        (a, b) = (&a[x.len()..], &b[y.len()..]);
        let order = if number {
            let (x, y) = (&x[count(x, |c| *c == b'0')..], &y[count(y, |c| *c == b'0')..]);
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            x.cmp(y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    let letter = |text: &[u8]| text.first().is_some_and(u8::is_ascii_alphabetic);
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        // Letters at the end are older than nothing (1.0rc before 1.0), everything else is newer.
        _ if (a.is_empty() && !letter(b)) || letter(a) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The order that vercmp(8) documents, and cases around it.
    #[test]
    fn as_vercmp_says() {
        let rising = ["1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1", "1.1", "1.10", "2", "1:0.1", "2:0"];
        for (n, a) in rising.iter().enumerate() {
            for (m, b) in rising.iter().enumerate() {
                assert_eq!(compare(a, b), n.cmp(&m), "{a} {b}");
            }
        }
        let table = [
            ("1.5.0-1", "1.5.0-2", Ordering::Less),
            ("1.5.0", "1.5.0-2", Ordering::Equal),
            ("1.5.1-1", "1.5.0-9", Ordering::Greater),
            ("0:1.0-1", "1.0-1", Ordering::Equal),
            ("1.007", "1.7", Ordering::Equal),
            ("2.0", "2_0", Ordering::Equal),
            ("2___a", "2_a", Ordering::Greater),
            ("1.1.a", "1.1", Ordering::Greater),
            ("6.9.1.arch1-1", "6.9.arch1-1", Ordering::Greater),
            ("", "1", Ordering::Less),
        ];
        for (a, b, want) in table {
            assert_eq!((compare(a, b), compare(b, a)), (want, want.reverse()), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn turned_round(a in "[0-9a-c.:_-]{0,9}", b in "[0-9a-c.:_-]{0,9}") {
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            // What pacman leaves open (a segment against none) may not make a panic.
            let _ = compare(&a, &b);
        }
    }
}
