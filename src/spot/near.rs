//! Slips of the pen: which of the allowed words was meant.

/// Levenshtein's distance.
pub fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The one of `words` that `typed` is most like, if it is like one.
pub fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + typed.chars().count() / 4;
    // A long text is no slip of a name.
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    // Where every letter is another one, nothing is like it.
    let length = typed.trim_start_matches('-').chars().count();
    let near = words
        .into_iter()
        .map(|w| (slips(&typed, &w.to_lowercase()), w))
        .filter(|(n, _)| *n <= most && *n < length);
    near.min_by_key(|(n, _)| *n).map(|(_, w)| w)
}

/// What would be right: the near word first, then all of them.
pub fn allowed<'a>(typed: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all: Vec<&str> = words.clone().into_iter().collect();
    let perhaps =
        nearest(typed, words).map(|w| format!("perhaps `{w}` is meant; ")).unwrap_or_default();
    if all.is_empty() { String::new() } else { format!("{perhaps}allowed: {}", all.join(", ")) }
}

/// As [`allowed`], for names of which there may be many: only the near one.
pub fn perhaps<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, words).map(|w| format!("perhaps `{w}` is meant")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(
            (slips("", "abc"), slips("kitten", "sitting"), slips("same", "same")),
            (3, 3, 0)
        );
        assert_eq!(nearest("lsit", ["text", "list", "ring"]), Some("list"));
        assert_eq!(nearest("Text", ["text"]), Some("text"));
        assert_eq!(
            (nearest("x", ["p", "n"]), nearest("-x", ["-p"]), nearest("-c", ["-d", "-C"])),
            (None, None, Some("-C"))
        );
        assert_eq!(nearest("zebra", ["text", "list"]), None);
        assert_eq!(
            allowed("rnig", ["text", "ring"]),
            "perhaps `ring` is meant; allowed: text, ring"
        );
        assert_eq!(allowed("x", ["text", "ring"]), "allowed: text, ring");
        assert_eq!((perhaps("x", ["text"]).as_str(), allowed("x", []).as_str()), ("", ""));
    }
}
