//! Suggestions for mistyped words.

/// How many single-character edits (insert, delete, replace) turn `a` into `b`.
pub fn edit_distance(a: &str, b: &str) -> usize {
    strsim::levenshtein(a, b)
}

/// The word of `words` that is most similar to `typed`, if one is similar enough.
pub fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let max_distance = 1 + typed.chars().count() / 4;
    // A long text is not a mistyped name.
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase();
    // A word in which every letter differs is not similar.
    let length = typed.trim_start_matches('-').chars().count();
    let near = words
        .into_iter()
        .map(|w| (edit_distance(&typed, &w.to_lowercase()), w))
        .filter(|(n, _)| *n <= max_distance && *n < length);
    near.min_by_key(|(n, _)| *n).map(|(_, w)| w)
}

/// A hint with all allowed values; a similar one comes first.
pub fn allowed_values<'a>(typed: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all: Vec<&str> = words.clone().into_iter().collect();
    let perhaps =
        nearest(typed, words).map(|w| format!("perhaps `{w}` is meant; ")).unwrap_or_default();
    if all.is_empty() { String::new() } else { format!("{perhaps}allowed: {}", all.join(", ")) }
}

/// A hint with only the similar word, for names of which there may be many.
pub fn did_you_mean<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, words).map(|w| format!("perhaps `{w}` is meant")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(
            (
                edit_distance("", "abc"),
                edit_distance("kitten", "sitting"),
                edit_distance("same", "same")
            ),
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
            allowed_values("rnig", ["text", "ring"]),
            "perhaps `ring` is meant; allowed: text, ring"
        );
        assert_eq!(allowed_values("x", ["text", "ring"]), "allowed: text, ring");
        assert_eq!(
            (did_you_mean("x", ["text"]).as_str(), allowed_values("x", []).as_str()),
            ("", "")
        );
    }
}
