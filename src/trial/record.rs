//! The record of a one-time boot: a GRUB environment block on an EFI system partition.
//!
//! GRUB of either disk reads and writes it before a kernel runs, altdisk does so afterwards. It is
//! the only thing that changes from start to start, and one write of 1024 bytes moves it from one
//! state to the next. So a power cut leaves the state before or the state after, and a block that
//! is neither starts nothing.
//!
//! The block has one spelling for each record ([`Record::to_block`]), in the order in which GRUB's
//! `save_env` leaves it. Format: GRUB manual, "The GRUB environment block".

use std::fmt;

/// Bytes of the block; GRUB's `save_env` writes as many.
pub const SIZE: usize = 1024;
/// Where the record is on the ESP.
pub const PATH: &str = "altdisk/trial.env";

const HEADER: &str = "# GRUB Environment Block\n";
/// Names of the variables, as GRUB's scripts use them.
pub const STATE: &str = "altdisk_trial";
pub const NONCE: &str = "altdisk_nonce";

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialState {
    /// The next start boots the disk.
    Armed,
    /// Another disk's GRUB has started the disk.
    Handed,
    /// The disk's own GRUB loads its kernel.
    Loading,
}

impl TrialState {
    /// In the order in which they follow each other.
    pub const ALL: [Self; 3] = [Self::Armed, Self::Handed, Self::Loading];

    /// The word in the record.
    pub fn word(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Handed => "handed",
            Self::Loading => "loading",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What the block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub state: TrialState,
    /// Names this choice of this disk: 32 hexadecimal digits. GRUB starts nothing for another one.
    pub nonce: String,
}

impl Record {
    /// A record in its first state.
    pub fn armed(nonce: &str) -> Self {
        Self { state: TrialState::Armed, nonce: nonce.to_owned() }
    }

    /// Reads a block. None unless it is a whole record.
    pub fn parse(block: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(block).ok()?.strip_prefix(HEADER)?;
        let mut lines = text.lines();
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix('=');
        let state = TrialState::from_word(value(STATE)?)?;
        let nonce = value(NONCE).filter(|nonce| is_nonce(nonce))?.to_owned();
        let record = Self { state, nonce };
        // The one spelling: every other byte counts too.
        (record.to_block() == block).then_some(record)
    }

    /// The block for this record.
    pub fn to_block(&self) -> [u8; SIZE] {
        let text = format!("{HEADER}{STATE}={}\n{NONCE}={}\n", self.state, self.nonce);
        let mut block = [b'#'; SIZE];
        let len = text.len().min(SIZE);
        block[..len].copy_from_slice(&text.as_bytes()[..len]);
        block
    }
}

/// True if the next start boots the disk for which `nonce` was made: the block is a whole record of
/// that choice, and nothing has been started for it.
pub fn is_armed(block: &[u8], nonce: &str) -> bool {
    Record::parse(block).is_some_and(|r| r.nonce == nonce && r.state == TrialState::Armed)
}

/// Whether this can be a [`Record::nonce`].
pub fn is_nonce(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn in_state(state: TrialState) -> Record {
        Record { state, ..Record::armed(ID) }
    }

    #[test]
    fn every_record_reads_back() {
        for state in TrialState::ALL {
            let block = in_state(state).to_block();
            assert_eq!(Record::parse(&block), Some(in_state(state)));
            assert_eq!(is_armed(&block, ID), state == TrialState::Armed, "{state}");
        }
    }

    #[test]
    fn a_changed_byte_is_no_other_record() {
        let block = Record::armed(ID).to_block();
        for at in 0..SIZE {
            for byte in 0..=255 {
                let mut other = block;
                other[at] = byte;
                assert_eq!(is_armed(&other, ID), other == block, "byte {at}: {byte:#04x}");
            }
        }
    }

    #[test]
    fn other_blocks_are_no_records() {
        let good = Record::armed(ID).to_block();
        assert_eq!(Record::parse(&good[..SIZE - 1]), None);
        assert_eq!(Record::parse(&[good.as_slice(), b"#"].concat()), None);
        for bytes in [[0; SIZE], [b'#'; SIZE], [0xff; SIZE]] {
            assert_eq!(Record::parse(&bytes), None);
        }
        // Cut off anywhere, the rest as flash memory or a fresh cluster shows it.
        for filler in [0, 0xff, b'\n'] {
            for at in 0..SIZE {
                let mut torn = good;
                torn[at..].fill(filler);
                assert_eq!(Record::parse(&torn), None, "{at} {filler:#04x}");
            }
        }
        let armed = format!("altdisk_trial=armed\naltdisk_nonce={ID}\n");
        for (lines, is_record) in [
            (armed.clone(), true),
            (format!("altdisk_nonce={ID}\n"), false),
            ("altdisk_trial=armed\n".into(), false),
            (format!("altdisk_nonce={ID}\naltdisk_trial=armed\n"), false),
            (format!("{armed}next_entry=1\n"), false),
            (format!("altdisk_trial=Armed\naltdisk_nonce={ID}\n"), false),
            (format!("altdisk_trial=armed \naltdisk_nonce={ID}\n"), false),
            (format!("altdisk_trial=armed\naltdisk_nonce={}\n", ID.to_uppercase()), false),
            (format!("altdisk_trial=armed\naltdisk_nonce={ID}"), false),
        ] {
            let mut block = [b'#'; SIZE];
            let text = format!("{HEADER}{lines}");
            block[..text.len()].copy_from_slice(text.as_bytes());
            assert_eq!(Record::parse(&block).is_some(), is_record, "{lines}");
        }
    }

    proptest! {
        /// Whatever is in the block: only the one spelling of the armed record starts the disk.
        #[test]
        fn nothing_but_the_record_starts_the_disk(
            bytes in proptest::collection::vec(any::<u8>(), 0..2 * SIZE),
            at in 0..SIZE,
            state in 0..TrialState::ALL.len(),
        ) {
            prop_assert!(!is_armed(&bytes, ID));
            let mut block = in_state(TrialState::ALL[state]).to_block().to_vec();
            let end = (at + bytes.len()).min(SIZE);
            block[at..end].copy_from_slice(&bytes[..end - at]);
            prop_assert_eq!(is_armed(&block, ID), block == Record::armed(ID).to_block());
        }
    }
}
