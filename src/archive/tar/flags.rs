//! Inode flags (chattr) as archives say them: the words of `SCHILY.fflags`.

use crate::host::attrs::flag;

/// The words of libarchive (archive_entry(3)), and those of its older versions and of chflags(1).
/// The first of a flag's is the one that is written.
const WORDS: &[(&str, u32)] = &[
    ("secdel", 0x1),
    ("securedeletion", 0x1),
    ("undel", 0x2),
    ("compress", flag::COMPRESSED),
    ("sync", 0x8),
    ("schg", flag::IMMUTABLE),
    ("schange", flag::IMMUTABLE),
    ("simmutable", flag::IMMUTABLE),
    ("uchg", flag::IMMUTABLE),
    ("uchange", flag::IMMUTABLE),
    ("uimmutable", flag::IMMUTABLE),
    ("sappnd", flag::APPEND),
    ("sappend", flag::APPEND),
    ("uappnd", flag::APPEND),
    ("uappend", flag::APPEND),
    ("nodump", 0x40),
    ("noatime", 0x80),
    ("nocompress", flag::NO_COMPRESSION),
    ("journal", 0x4000),
    ("journal-data", 0x4000),
    ("notail", 0x8000),
    ("dirsync", 0x1_0000),
    ("topdir", 0x2_0000),
    ("nocow", flag::NO_COW),
    ("dax", 0x200_0000),
    ("projinherit", 0x2000_0000),
];

/// The inode flags that these words name; words of other systems are ignored.
pub fn of_words(words: &str) -> u32 {
    words
        .split(',')
        .filter_map(|w| WORDS.iter().find(|(word, _)| *word == w.trim()))
        .fold(0, |all, (_, bit)| all | bit)
}

/// Inode flags as a member has them; None for none.
pub fn words(flags: u32) -> Option<String> {
    let mut left = flags;
    let mut all = vec![];
    for (word, bit) in WORDS.iter().filter(|(_, bit)| flags & bit != 0) {
        if left & bit != 0 {
            left &= !bit;
            all.push(*word);
        }
    }
    (!all.is_empty()).then(|| all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_flags() {
        for (words, flags) in [
            ("", 0),
            ("nodump", 0x40),
            ("schg,nodump", 0x50),
            ("uappnd, noatime", 0xa0),
            ("uarch,offline", 0),
            ("opaque,sync", 8),
        ] {
            assert_eq!(of_words(words), flags, "{words}");
        }
        assert_eq!(WORDS.iter().fold(0, |m, (_, bit)| m | bit), flag::MASK, "each flag has a word");
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(words(0), None);
        assert_eq!(words(0x4051).as_deref(), Some("secdel,schg,nodump,journal"));
        for (bit, _) in flag::COPIED {
            assert_eq!(of_words(&words(bit).unwrap()), bit);
        }
        assert_eq!(of_words(&words(flag::MASK).unwrap()), flag::MASK);
    }
}
