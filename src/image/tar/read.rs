//! An archive read member by member, in one pass.

use anyhow::Result;

use super::Member;
use crate::image::input::stream::{Piece, Source};

/// Takes an uncompressed archive apart.
pub struct Reader {
    source: Box<dyn Source>,
    offset: u64,
}

impl Reader {
    pub fn new(source: Box<dyn Source>) -> Self {
        Self { source, offset: 0 }
    }

    /// The next member; None at the end of the archive. What was not read of the one before is skipped.
    ///
    /// # Errors
    /// ALT-631 where it does not begin as a tar archive, ALT-633 to 636 and 638 with name and offset of the member.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Member>> {
        let _ = &mut self.source;
        Ok(None)
    }

    /// Stored bytes of the current member; 0 at its end.
    ///
    /// # Errors
    /// ALT-634 where the archive ends in it, ALT-638 where it cannot be read.
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let _ = to;
        Ok(0)
    }

    /// The next stored bytes of the current member, not copied; None at its end.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn piece(&mut self) -> Result<Option<Piece>> {
        Ok(None)
    }

    /// Bytes of the uncompressed archive so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Things worth a warning that were met since the last call.
    pub fn notes(&mut self) -> Vec<String> {
        vec![]
    }
}
