//! The firmware that starts a machine.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// How a machine is started. Stored in plans and journals as `bios` or `uefi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    Bios,
    Uefi,
}

impl Firmware {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Bios, Self::Uefi];

    /// The firmware that started the running machine.
    pub fn of_machine() -> Self {
        if Path::new("/sys/firmware/efi").exists() { Self::Uefi } else { Self::Bios }
    }
}
