//! The checked command line: options become a [`Request`], and everything else works from that.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::software::Wanted;

/// The phases of this invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phases {
    One,
    Two,
    Three,
    OneTwo,
    TwoThree,
    All,
}

impl Phases {
    /// The value of `-P`: 1, 2, 3, 12, 23 or all.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "1" => Self::One,
            "2" => Self::Two,
            "3" => Self::Three,
            "12" => Self::OneTwo,
            "23" => Self::TwoThree,
            "all" => Self::All,
            _ => return None,
        })
    }

    /// The phases in order.
    pub fn list(self) -> &'static [u8] {
        match self {
            Self::One => &[1],
            Self::Two => &[2],
            Self::Three => &[3],
            Self::OneTwo => &[1, 2],
            Self::TwoThree => &[2, 3],
            Self::All => &[1, 2, 3],
        }
    }
}

/// How an image install treats the identity of the image: /etc/machine-id, the ssh host keys, and
/// everything else that distinguishes machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// It is restored as the image has it.
    Keep,
    /// It is removed or recreated.
    Fresh,
}

impl Identity {
    /// The value of `--identity`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "keep" => Some(Self::Keep),
            "fresh" => Some(Self::Fresh),
            _ => None,
        }
    }
}

/// Something that protects files in the running system, and that a copy or an image may be without
/// (`--accept`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// Encrypted directories (fscrypt) become plain text.
    Encryption,
    /// Files with checksums (fs-verity) have none.
    Verity,
    /// Directories that fold case (chattr +F) do not.
    Casefold,
    /// Writable btrfs snapshots are left out.
    Snapshots,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Encryption, Self::Verity, Self::Casefold, Self::Snapshots];

    /// The value of `--accept`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Encryption => "encryption",
            Self::Verity => "verity",
            Self::Casefold => "casefold",
            Self::Snapshots => "snapshots",
        }
    }

    /// Parses a list with commas.
    ///
    /// # Errors
    /// The first word that names none of them.
    pub fn parse_list(words: &str) -> Result<Vec<Self>, String> {
        let parse = |word: &str| {
            Self::ALL.into_iter().find(|l| l.word() == word).ok_or_else(|| word.to_owned())
        };
        words.split([',', ' ']).filter(|w| !w.is_empty()).map(parse).collect()
    }
}

/// The options of an image install (`-d`) that a clone does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromImage {
    /// `-d`: a file, a tape or another device, `-` for standard input.
    pub device: PathBuf,
    /// `-L`: V.R.M.
    pub level: Option<String>,
    /// `-p`: the loader platforms; empty: that of this machine, and the other where the image has
    /// it.
    pub platforms: Vec<String>,
    /// `--identity`; None: kept where the image was made on this machine.
    pub identity: Option<Identity>,
}

/// A clone (`-C`) or an image install (`-d`), or some of its phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `-P`; all phases without it.
    pub phases: Phases,
    /// `-d`; None: the running system is cloned.
    #[serde(default)]
    pub image: Option<FromImage>,
    /// `-l -w -b -f -F -I`: what is installed in the alternate.
    #[serde(default)]
    pub software: Option<Wanted>,
    /// `-i`: full path of an edited image.data.
    pub image_data: Option<PathBuf>,
    /// `-s`: full path of the customization script.
    pub script: Option<PathBuf>,
    /// `-R`: full path of the resolv.conf to put there.
    pub resolv_conf: Option<PathBuf>,
    /// `-e`: full path of the exclude list.
    pub exclude_list: Option<PathBuf>,
    /// `--accept`: what the copy may be without.
    #[serde(default)]
    pub accept: Vec<Loss>,
    /// False with `-B`.
    pub set_bootlist: bool,
    /// `-r`.
    pub reboot: bool,
    /// `-n`.
    pub remain_client: bool,
    /// `-g`.
    pub skip_boot_check: bool,
    /// `--erase SERIAL`, as often as it was given.
    pub erase: Vec<String>,
    /// Target disks as typed.
    pub targets: Vec<String>,
    /// The command line that was given, for the log and the journal.
    pub argv: Vec<String>,
}

impl Request {
    /// True if the running system is copied, which no package manager may change meanwhile.
    pub fn copies(&self) -> bool {
        self.phases.list().contains(&1) && self.image.is_none()
    }
}

/// The task of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Install(Request),
    /// `-X`: nothing of the copy may be left in the running system.
    CleanUp {
        /// `--erase SERIAL`: disks of the copy that become free, as often as it was given.
        erase: Vec<String>,
        /// `--ask-erase`: the review asks for the serial numbers.
        ask: bool,
    },
    /// `--resume`: go on where the journal ends.
    Resume,
    /// `--review`: the page that is read before the command runs, as JSON on standard output.
    Review(Box<Action>),
    /// `--preview`: the plan alone, as text or (`json`) as JSON on standard output.
    Preview {
        request: Request,
        json: bool,
    },
}
