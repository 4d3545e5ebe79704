//! A limit on the memory for the lists of a location. It is counted while they are read, because a
//! file of some megabytes can unpack to gigabytes.

/// The most bytes that are kept of one list. The largest distributions have a hundred thousand
/// packages of some hundred bytes.
pub const MAX_KEPT: usize = 256 << 20;
/// The most bytes of one name, version or path.
pub const MAX_WORD: usize = 4096;
/// Memory of a string beside its bytes.
const TEXT_OVERHEAD: usize = 64;

/// The bytes that may still be kept of one list.
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
    /// If the limit is reached: a clause that follows the name of the list.
    pub fn count_text(&mut self, bytes: usize) -> Result<(), String> {
        self.0 = self
            .0
            .checked_sub(bytes.saturating_add(TEXT_OVERHEAD))
            .ok_or("it is implausibly large")?;
        Ok(())
    }

    /// Counts a name, a version or a path that is to be kept.
    ///
    /// # Errors
    /// As [`Budget::keep`], and if it is too long.
    pub fn keep_word(&mut self, word: &str) -> Result<(), String> {
        if word.len() > MAX_WORD {
            return Err(format!("it has a name or version of more than {MAX_WORD} bytes"));
        }
        self.count_text(word.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_too_much_is_kept() {
        let mut budget = Budget::default();
        assert!(
            budget.count_text(MAX_KEPT / 2).is_ok() && budget.count_text(MAX_KEPT / 2).is_err()
        );
        assert!(budget.count_text(usize::MAX).is_err());
        assert!(
            budget.keep_word(&"x".repeat(MAX_WORD)).is_ok()
                && budget.keep_word(&"x".repeat(MAX_WORD + 1)).is_err()
        );
    }
}
