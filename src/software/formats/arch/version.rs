//! Versions of pacman packages, `[epoch:]version[-release]`, ordered as vercmp(8) does it.
//!
//! A version is a row of segments: digits or letters, each with the separators before it. Two rows
//! are compared segment by segment. vercmp itself goes round in circles where a version ends in
//! separators (`1.` is newer than `1.a`, that newer than `11`, and that newer than `1.`). Such an
//! end counts as just newer than the end without them here, so that the order is total: Rust's sort
//! panics on any other. Everything else is as vercmp says, and what is equal is equal for both.

use std::cmp::Ordering;

/// One step of a version, oldest first. After one of the two ends come no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    /// Letters right behind a number are older than nothing: `1.0rc` comes before `1.0`.
    Letters(&'a [u8]),
    End,
    EndAfterSeparators,
    /// Without leading zeros: the longer one is the larger.
    Number(usize, &'a [u8]),
    /// First how many separators there are, then what follows.
    Separated(usize, Part<'a>),
}

/// The part after separators. A number is newer than letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Letters(&'a [u8]),
    Number(usize, &'a [u8]),
}

/// The segments of a version, then its end for ever.
struct Segments<'a>(&'a [u8]);

impl<'a> Segments<'a> {
    fn next(&mut self) -> Segment<'a> {
        let take = |text: &'a [u8], of: fn(&u8) -> bool| {
            text.split_at(text.iter().take_while(|c| of(c)).count())
        };
        let (separators, rest) = take(self.0, |c| !c.is_ascii_alphanumeric());
        let (digits, after_digits) = take(rest, u8::is_ascii_digit);
        let (letters, after_letters) = take(rest, u8::is_ascii_alphabetic);
        let digits_alone = take(digits, |c| *c == b'0').1;
        let (part, rest) = match (digits, letters) {
            ([], []) if separators.is_empty() => return Segment::End,
            ([], []) => return Segment::EndAfterSeparators,
            ([], letters) => (Part::Letters(letters), after_letters),
            _ => (Part::Number(digits_alone.len(), digits_alone), after_digits),
        };
        self.0 = rest;
        match (separators.len(), part) {
            (0, Part::Letters(letters)) => Segment::Letters(letters),
            (0, Part::Number(length, digits)) => Segment::Number(length, digits),
            (count, part) => Segment::Separated(count, part),
        }
    }
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Segments(a.as_bytes()), Segments(b.as_bytes()));
    loop {
        match (a.next(), b.next()) {
            (a, b) if a != b => return a.cmp(&b),
            (Segment::End | Segment::EndAfterSeparators, _) => return Ordering::Equal,
            _ => {}
        }
    }
}

/// Compares two versions as vercmp(8) does. Releases count only if both have one, so
/// this is not an order to sort by: see [`order`].
pub fn compare(a: &str, b: &str) -> Ordering {
    match (parts(a).2, parts(b).2) {
        (Some(_), Some(_)) | (None, None) => order(a, b),
        _ => epoch_and_version(a, b),
    }
}

/// The order for sorting: as [`compare`], but a version without a release is older than the same
/// with any.
pub fn order(a: &str, b: &str) -> Ordering {
    epoch_and_version(a, b).then_with(|| match (parts(a).2, parts(b).2) {
        (Some(a), Some(b)) => compare_parts(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    })
}

fn epoch_and_version(a: &str, b: &str) -> Ordering {
    let ((epoch_a, version_a, _), (epoch_b, version_b, _)) = (parts(a), parts(b));
    compare_parts(epoch_a, epoch_b).then_with(|| compare_parts(version_a, version_b))
}

/// Epoch, version, release.
fn parts(text: &str) -> (&str, &str, Option<&str>) {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (epoch, rest) = match text[digits..].strip_prefix(':') {
        Some(rest) => (if digits == 0 { "0" } else { &text[..digits] }, rest),
        None => ("0", text),
    };
    rest.rsplit_once('-')
        .map_or((epoch, rest, None), |(version, release)| (epoch, version, Some(release)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::orders::{is_total, versions};
    use proptest::prelude::*;

    /// The order that vercmp(8) documents, and cases around it.
    #[test]
    fn as_vercmp_says() {
        let rising = [
            "1.0a", "1.0b", "1.0beta", "1.0p", "1.0pre", "1.0rc", "1.0", "1.0.a", "1.0.1", "1.1",
            "1.10", "2", "1:0.1", "2:0",
        ];
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
        fn the_order_is_total(v in versions()) {
            is_total(&v, |a, b| order(a, b))?;
        }

        #[test]
        fn equal_for_vercmp_where_a_release_is_missing(a in "[0-9a-c._]{0,5}", b in "[0-9a-c._]{0,5}") {
            prop_assert_eq!(compare(&a, &b), order(&a, &b));
            prop_assert_eq!(compare(&format!("{a}-1"), &b), order(&a, &b));
            prop_assert_eq!(compare(&a, &format!("{a}-1")), Ordering::Equal);
            prop_assert_eq!(order(&a, &format!("{a}-1")), Ordering::Less);
        }
    }
}
