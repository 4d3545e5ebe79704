//! Bytes to keys.
use std::time::Instant;

use crate::term::key::Key;
use crate::term::kind::Keys;

/// Collects bytes until they are a key.
#[derive(Clone, Debug)]
pub struct Decoder {
    keys: Keys,
    utf8: bool,
}

impl Decoder {
    /// `utf8`: whether the terminal sends UTF-8 (else Latin-1).
    pub fn new(keys: Keys, utf8: bool) -> Self {
        Self { keys, utf8 }
    }

    /// Takes bytes as they came, and returns the keys that are whole now.
    pub fn feed(&mut self, _bytes: &[u8], _now: Instant) -> Vec<Key> {
        vec![]
    }

    /// When [`Decoder::expire`] is to be called if nothing comes before; None: bytes are not waited for.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Gives up what was not finished in time.
    pub fn expire(&mut self, _now: Instant) -> Vec<Key> {
        vec![]
    }
}
