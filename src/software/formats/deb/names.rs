//! Names of fixes, as people, changelogs and advisories write them, brought to one form:
//! `CVE-2024-1234`, `DSA-5678-1`, `USN-6543-1`, `#1068412` (Debian's bugs), `LP#2012345`
//! (Launchpad's), `12.11` (a level of the release).

use crate::software::formats::level::parse_level;

/// Advisories have a number that counts their revisions.
const ADVISORIES: [&str; 4] = ["DSA-", "DLA-", "DTSA-", "USN-"];

/// The forms that a word can mean. None if it is not the name of a fix.
fn forms(word: &str) -> Option<Vec<String>> {
    let upper: String = word.trim().to_ascii_uppercase();
    let packed: String =
        upper.chars().map(|c| if c.is_whitespace() || c == '_' { '-' } else { c }).collect();
    if packed.starts_with("CVE-") || ADVISORIES.iter().any(|a| packed.starts_with(a)) {
        return Some(vec![packed]);
    }
    let tight: String = upper.chars().filter(|c| !c.is_whitespace()).collect();
    let is_number = |text: &str| {
        !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit())
    };
    let number = tight.trim_start_matches(|c: char| !c.is_ascii_digit());
    if is_number(number) {
        return match tight[..tight.len() - number.len()].trim_end_matches('#').trim_end_matches(':')
        {
            "LP" => Some(vec![format!("LP#{number}")]),
            // The tracker is unknown.
            "" | "BUG" => Some(vec![format!("#{number}"), format!("LP#{number}")]),
            "CLOSES" | "CLOSES:BUG" | "DEBIANBUG" => Some(vec![format!("#{number}")]),
            _ => None,
        };
    }
    parse_level(&tight).map(|level| vec![level.to_owned()])
}

/// Whether a word, in any spelling, means `id`, which has its canonical form.
pub fn is_same(word: &str, id: &str) -> bool {
    Asked::new(&[word.to_owned()]).wants(id)
}

/// The fixes that are asked for.
pub struct Asked {
    /// Each name as written, and the forms that it can mean.
    words: Vec<(String, Vec<String>)>,
}

impl Asked {
    /// Parses the names, in any spelling.
    pub fn new(words: &[String]) -> Self {
        // A word of no known form may still be the name of an advisory.
        let forms = |w: &String| forms(w).unwrap_or_else(|| vec![w.trim().to_ascii_uppercase()]);
        Self { words: words.iter().map(|w| (w.clone(), forms(w))).collect() }
    }

    /// Whether no name was given, which asks for every fix.
    pub fn is_everything(&self) -> bool {
        self.words.is_empty()
    }

    /// The words that mean `id`, which has its canonical form.
    pub fn words_for<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a str> {
        self.words
            .iter()
            .filter(move |(_, forms)| forms.iter().any(|form| has_form(form, id)))
            .map(|(word, _)| word.as_str())
    }

    /// Whether `id` is asked for.
    pub fn wants(&self, id: &str) -> bool {
        self.is_everything() || self.words_for(id).next().is_some()
    }

    /// The words that mean nothing in `found`.
    pub fn words_not_in<'a>(&self, found: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        let missing = |(_, forms): &&(String, Vec<String>)| {
            !found.clone().any(|id| forms.iter().any(|form| has_form(form, id)))
        };
        self.words.iter().filter(missing).map(|(word, _)| word.clone()).collect()
    }

    /// Whether a level is among them.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.words
            .iter()
            .flat_map(|(_, forms)| forms)
            .map(String::as_str)
            .filter(|f| parse_level(f).is_some())
    }
}

/// `DSA-5678` means each revision of it.
fn has_form(form: &str, id: &str) -> bool {
    let rest = id
        .get(..form.len())
        .filter(|start| start.eq_ignore_ascii_case(form))
        .map(|_| &id[form.len()..]);
    match rest {
        Some("") => true,
        Some(rest) => {
            ADVISORIES.iter().any(|a| form.starts_with(a))
                && form.matches('-').count() == 1
                && rest.starts_with('-')
                && !rest[1..].contains('-')
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_name() {
        for (word, id) in [
            ("CVE-2024-1234", "CVE-2024-1234"),
            ("cve-2024-1234", "CVE-2024-1234"),
            (" CVE 2024-1234", "CVE-2024-1234"),
            ("#1068412", "#1068412"),
            ("1068412", "#1068412"),
            ("1068412", "LP#1068412"),
            ("bug 1068412", "#1068412"),
            ("Bug#1068412", "#1068412"),
            ("Closes: #1068412", "#1068412"),
            ("LP#2012345", "LP#2012345"),
            ("LP: #2012345", "LP#2012345"),
            ("lp:2012345", "LP#2012345"),
            ("DSA-5678-1", "DSA-5678-1"),
            ("dsa-5678", "DSA-5678-2"),
            ("DSA 5678", "DSA-5678-1"),
            ("usn-6543", "USN-6543-1"),
            ("12.11", "12.11"),
            ("12.11_ML", "12.11"),
            ("22.04.5-LTS", "22.04.5"),
        ] {
            let asked = Asked::new(&[word.to_owned()]);
            assert_eq!(asked.words_for(id).collect::<Vec<_>>(), [word], "{id}");
        }
        for (word, id) in [
            ("CVE-2024-1234", "CVE-2024-12345"),
            ("CVE-2024", "CVE-2024-1234"),
            ("LP#1", "#1"),
            ("DSA-567", "DSA-5678-1"),
            ("DSA-5678-1", "DSA-5678-2"),
            ("12.1", "12.11"),
            ("", "#1"),
            ("é", "#1"),
        ] {
            assert!(!Asked::new(&[word.to_owned()]).wants(id), "{word} {id}");
        }
        let asked = Asked::new(&["CVE-1-1".to_owned(), "12.9".to_owned()]);
        assert_eq!(asked.words_not_in(["CVE-1-1"].into_iter()), ["12.9"]);
        assert_eq!(asked.levels().collect::<Vec<_>>(), ["12.9"]);
        assert!(Asked::new(&[]).wants("anything"));
    }
}
