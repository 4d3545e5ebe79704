//! The record of a one-time boot: a GRUB environment block on an EFI system partition.
//!
//! GRUB of either disk reads and writes it before a kernel runs, altdisk does so afterwards. It is
//! the only thing that changes from start to start, and one write of 1024 bytes moves it from one
//! state to the next. So a power cut leaves the state before or the state after, and a block that
//! is neither starts nothing.
//!
//! The block has one spelling for each record ([`Record::to_block`]), which GRUB's `save_env` leaves
//! as it is but for the word. GRUB does not ask how long a block is: it takes what a file that was
//! cut short still has. So the nonce, without which it starts nothing, stands at the very end, and
//! its line break is the last byte: GRUB reads no value without one. All words have the same length,
//! for there is no room to grow. Format: GRUB manual, "The GRUB environment block".

use std::fmt;

/// Bytes of the block; GRUB's `save_env` writes as many.
pub const SIZE: usize = 1024;
/// Where the record is on the ESP.
pub const PATH: &str = "altdisk/trial.env";

const HEADER: &str = "# GRUB Environment Block\n";
/// Names of the variables, as GRUB's scripts use them.
pub const STATE: &str = "altdisk_trial";
pub const NONCE: &str = "altdisk_nonce";
/// One that no script reads: it fills the block.
const FILL: &str = "altdisk_fill";

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
            Self::Handed => "given",
            Self::Loading => "loads",
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
        value(FILL)?;
        let nonce = value(NONCE).filter(|nonce| is_nonce(nonce))?.to_owned();
        let record = Self { state, nonce };
        // The one spelling: every other byte counts too.
        (record.to_block() == block).then_some(record)
    }

    /// The block for this record.
    pub fn to_block(&self) -> [u8; SIZE] {
        let start = format!("{HEADER}{STATE}={}\n{FILL}=", self.state);
        let end = format!("\n{NONCE}={}\n", self.nonce);
        let mut block = [b'-'; SIZE];
        let (start, end) = (start.as_bytes(), end.as_bytes());
        // A nonce has 32 letters, so both have room.
        let (first, last) = (start.len().min(SIZE), SIZE.saturating_sub(end.len()));
        block[..first].copy_from_slice(&start[..first]);
        block[last..].copy_from_slice(&end[..SIZE - last]);
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
                let same = (torn == good).then(|| Record::armed(ID));
                assert_eq!(Record::parse(&torn), same, "{at} {filler:#04x}");
            }
        }
        let text = String::from_utf8(good.to_vec()).unwrap();
        let fill = text.matches('-').count();
        for (from, to) in [
            ("armed", "Armed"),
            ("armed\n", "arme \n"),
            (ID, &ID.to_uppercase()),
            ("altdisk_fill=---------------------", "altdisk_fill=--------\nnext_entry=1"),
            ("altdisk_nonce", "altdisk_nonc_"),
            ("altdisk_fill", "altdisk_fil_"),
        ] {
            let other = text.replace(from, to);
            assert_eq!((other.len(), other != text), (SIZE, true), "{from}");
            assert_eq!(Record::parse(other.as_bytes()), None, "{from}");
        }
        let other = format!(
            "{HEADER}altdisk_nonce={ID}\naltdisk_fill={}\naltdisk_trial=armed\n",
            "-".repeat(fill)
        );
        assert_eq!((other.len(), Record::parse(other.as_bytes())), (SIZE, None));
    }

    /// GRUB's own code on the block: its tool reads and writes as `load_env` and `save_env` do.
    fn grub(args: &[&str]) -> Option<String> {
        let done = std::process::Command::new("grub-editenv").args(args).output().ok()?;
        Some(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    #[test]
    fn grub_starts_nothing_for_what_is_cut_short() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("trial.env");
        let at = file.to_str().unwrap();
        let armed = Record::armed(ID).to_block();
        let nonce = format!("{NONCE}={ID}\n");
        let read = |block: &[u8]| {
            std::fs::write(&file, block).unwrap();
            grub(&[at, "list"])
        };
        let Some(whole) = read(&armed) else {
            return println!("skipped: grub-editenv is not installed");
        };
        assert!(whole.contains(&nonce) && whole.contains("altdisk_trial=armed\n"), "{whole}");
        // Every length that ends in a record's lines or in the last of its fill, and some between.
        for length in (0..160).chain((160..SIZE - 80).step_by(50)).chain(SIZE - 80..SIZE) {
            let text = read(&armed[..length]).unwrap();
            assert!(!text.contains(&nonce), "{length} bytes: {text}");
        }
        // The way of a boot: each word takes the place of the one before, and nothing moves.
        std::fs::write(&file, armed).unwrap();
        for state in [TrialState::Handed, TrialState::Loading] {
            grub(&[at, "set", &format!("{STATE}={state}")]).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), in_state(state).to_block());
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
