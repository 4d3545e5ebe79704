//! What is kept of the lists that a location brings: counted while they are read, for a file of
//! some megabytes can unpack to gigabytes.

/// The most bytes that are kept of one list. The largest distributions have a hundred thousand
/// packages of some hundred bytes.
pub const MAX_KEPT: usize = 256 << 20;
/// The most bytes of one name, version or path.
pub const MAX_WORD: usize = 4096;
/// What a text in a list takes beside its bytes.
const OVERHEAD: usize = 64;

/// What may still be kept of one list.
#[derive(Debug)]
pub struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_KEPT)
    }
}

impl Budget {
    /// Counts a text that is to be kept.
    ///
    /// # Errors
    /// Where nothing more can be kept, in words that follow the list's name.
    pub fn keep(&mut self, bytes: usize) -> Result<(), String> {
        self.0 = self
            .0
            .checked_sub(bytes.saturating_add(OVERHEAD))
            .ok_or("it lists more than can be believed")?;
        Ok(())
    }

    /// Counts a name, a version or a path that is to be kept.
    ///
    /// # Errors
    /// As [`Budget::keep`], and where it is longer than any is.
    pub fn keep_word(&mut self, word: &str) -> Result<(), String> {
        if word.len() > MAX_WORD {
            return Err(format!("it has a name or version of more than {MAX_WORD} bytes"));
        }
        self.keep(word.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_too_much_is_kept() {
        let mut budget = Budget::default();
        assert!(budget.keep(MAX_KEPT / 2).is_ok() && budget.keep(MAX_KEPT / 2).is_err());
        assert!(budget.keep(usize::MAX).is_err());
        assert!(
            budget.keep_word(&"x".repeat(MAX_WORD)).is_ok()
                && budget.keep_word(&"x".repeat(MAX_WORD + 1)).is_err()
        );
    }
}
