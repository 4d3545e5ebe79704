//! Levels of a distribution: `12.11`.

/// `12.11` of `12.11`, `12.11_ML`, `9.4-GA`: the level that a word names, as AIX's -F takes
/// keywords such as `4.2.1.0_AIX_ML`. None if it names no level.
pub fn parse_level(word: &str) -> Option<&str> {
    let level = word.trim().split(['_', '-']).next().unwrap_or_default();
    let numbers: Vec<&str> = level.split('.').collect();
    let number = |n: &&str| (1..=4).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
    ((2..=4).contains(&numbers.len()) && numbers.iter().all(number)).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_a_distribution() {
        for (word, level) in [
            ("12.11", Some("12.11")),
            ("12.11_ML", Some("12.11")),
            ("22.04.5-LTS", Some("22.04.5")),
            ("4.2.1.0_AIX_ML", Some("4.2.1.0")),
            ("1068412", None),
            ("CVE-1.2", None),
            ("12.", None),
            ("1.2.3.4.5", None),
            ("12.12345", None),
        ] {
            assert_eq!(parse_level(word), level, "{word}");
        }
    }
}
