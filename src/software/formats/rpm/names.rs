//! Names of fixes as people and changelogs write them, and the one form that they are compared in.
//!
//! `CVE-2024-33599`, `RHSA-2024:1234`, `FEDORA-2024-0123456789`, `openSUSE-SU-2024:0123-1`,
//! `SUSE-2024-123`; bugs are `#1234567` whatever the tracker is called (`rhbz#1234567`,
//! `bsc#1234567`, `1234567`), those of Red Hat's newer tracker `RHEL-12345`.

/// Prefixes of bug numbers: the names of trackers.
const TRACKERS: [&str; 10] =
    ["", "rhbz", "rh", "bz", "bug", "bugzilla", "bsc", "boo", "bnc", "bgo"];
/// Prefixes of the names of fixes that are written in capitals and end in numbers.
const CAPITALS: [&str; 5] = ["CVE", "RHSA", "RHBA", "RHEA", "RHEL"];

/// The canonical form of a name, for comparisons. A name of an unknown kind is returned unchanged.
pub fn canonical(name: &str) -> String {
    let name = name.trim();
    let number = name.rsplit_once('#').map_or(name, |(_, number)| number);
    let tracker =
        name.strip_suffix(number).unwrap_or_default().trim_end_matches('#').to_ascii_lowercase();
    if TRACKERS.contains(&tracker.trim())
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        return format!("#{number}");
    }
    match name.split_once('-') {
        Some((kind, _)) if CAPITALS.contains(&kind.to_ascii_uppercase().as_str()) => {
            name.to_ascii_uppercase()
        }
        _ => name.to_owned(),
    }
}

/// Whether two names mean the same fix, however they are written.
pub fn is_same(a: &str, b: &str) -> bool {
    canonical(a).eq_ignore_ascii_case(&canonical(b))
}

/// Whether this (in its canonical form) looks like a fix's name at all: references point to web
/// pages too.
pub fn looks_like_fix(name: &str) -> bool {
    let plain = !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:#.".contains(c));
    plain && name.bytes().any(|b| b.is_ascii_digit())
}

/// The fixes that a text (a changelog's entry, a title) names, in their canonical form, each once.
pub fn find_fixes(text: &str) -> Vec<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || "-#:/_".contains(c);
    let mut all: Vec<String> = text
        .split(|c| !part(c))
        .flat_map(words)
        .filter_map(|word| parse_fix(word.trim_matches(':')))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// `CVE-1/CVE-2` is two; what has a `#` is one, whatever it is.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(if text.contains('#') { '\0' } else { '/' })
}

fn parse_fix(word: &str) -> Option<String> {
    let name = canonical(word);
    let digits = |text: &str, least: usize| {
        (least..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let year = |rest: &str, between: char| {
        rest.split_once(between)
            .is_some_and(|(year, n)| digits(year, 4) && year.len() == 4 && digits(n, 2))
    };
    let fine = match name.strip_prefix('#') {
        // Shorter ones are numbers of lists more often than bugs.
        Some(number) => word.contains('#') && digits(number, 4),
        None => match name.split_once('-')? {
            ("CVE", rest) => year(rest, '-'),
            ("RHSA" | "RHBA" | "RHEA", rest) => year(rest, ':'),
            ("RHEL", rest) => digits(rest, 2),
            _ => false,
        },
    };
    fine.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        for (written, form) in [
            ("1234567", "#1234567"),
            ("#1234567", "#1234567"),
            ("rhbz#1234567", "#1234567"),
            ("RHBZ #1234567", "#1234567"),
            ("bsc#1223423", "#1223423"),
            (" boo#1223423 ", "#1223423"),
            ("cve-2024-33599", "CVE-2024-33599"),
            ("rhsa-2024:1234", "RHSA-2024:1234"),
            ("rhel-12345", "RHEL-12345"),
            ("FEDORA-2024-0a1b2c3d4e", "FEDORA-2024-0a1b2c3d4e"),
            ("openSUSE-SU-2024:0123-1", "openSUSE-SU-2024:0123-1"),
            ("9.4", "9.4"),
            ("15.6_ML", "15.6_ML"),
            ("gh#123", "gh#123"),
            ("#", "#"),
            ("", ""),
        ] {
            assert_eq!(canonical(written), form, "{written}");
        }
        assert!(
            is_same("fedora-2024-0A1B2C3D4E", "FEDORA-2024-0a1b2c3d4e")
                && is_same("bnc#99", "99")
                && !is_same("#1", "#2")
        );
    }

    #[test]
    fn what_a_changelog_names() {
        let text = "- fix CVE-2024-1111 and cve-2023-22222 (#1234567, rhbz#7654321), bsc#1223423; RHEL-4711 (RHSA-2024:1234)\n\
                    - PR#12345 gh#99999 a/b#88888 http://x/#77777 #12 bug #55555 Resolves: #66666: CVE-2020-1234/CVE-2020-1235 1999999";
        let want = [
            "#1223423",
            "#1234567",
            "#55555",
            "#66666",
            "#7654321",
            "CVE-2020-1234",
            "CVE-2020-1235",
            "CVE-2023-22222",
            "CVE-2024-1111",
            "RHEL-4711",
            "RHSA-2024:1234",
        ];
        assert_eq!(find_fixes(text), want);
        assert!(find_fixes("nothing 2024-1111 CVE-20-1").is_empty());
    }

    #[test]
    fn web_pages_are_no_names() {
        assert!(
            looks_like_fix("CVE-2024-1111")
                && looks_like_fix("#99")
                && looks_like_fix("openSUSE-SU-2024:0123-1")
        );
        assert!(
            !looks_like_fix("https://x/1")
                && !looks_like_fix("")
                && !looks_like_fix("ref")
                && !looks_like_fix("a b1")
        );
    }
}
