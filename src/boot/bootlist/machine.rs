//! The disks that a boot list can name, and the firmware that reads it.

use anyhow::Result;

use super::bootdisk::BootDisk;
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::dir::GrubDir;
use crate::error;
use crate::event::Events;

/// The disks that a boot list can name, and the firmware that reads it.
#[derive(Clone, Debug)]
pub struct Machine {
    pub firmware: Firmware,
    /// The disk of the running system.
    pub here: BootDisk,
    pub others: Vec<BootDisk>,
}

impl Machine {
    /// This disk and the others.
    pub fn disks(&self) -> impl Iterator<Item = &BootDisk> {
        std::iter::once(&self.here).chain(&self.others)
    }

    /// The disk that `word` means.
    ///
    /// # Errors
    /// ALT-511 naming the disks that are known.
    pub fn find(&self, word: &str) -> Result<&BootDisk> {
        self.disks().find(|d| d.is_called(word)).ok_or_else(|| {
            let known: Vec<String> = self.disks().map(BootDisk::title).collect();
            error::BOOT_DISK.with_cause(format!("{word}: the boot list knows {}", known.join(", ")))
        })
    }

    /// The disk with this [`BootDisk::id`].
    pub fn by_id(&self, id: &str) -> Option<&BootDisk> {
        self.disks().find(|d| d.id() == id)
    }

    /// The GRUB directory of a disk, mounted if it has to be.
    ///
    /// # Errors
    /// ALT-509 or ALT-512 if it cannot be reached.
    pub fn open(&self, disk: &BootDisk, write: bool, events: &Events) -> Result<GrubDir> {
        if disk.id() == self.here.id() {
            GrubDir::open_own(events)
        } else {
            GrubDir::open_other(disk, write, events)
        }
    }

    /// The disks whose GRUB a new list concerns: all but those just made, which hold nothing and
    /// need nothing as the first.
    pub(super) fn arbiters<'a>(
        &'a self,
        order: &'a [&BootDisk],
    ) -> impl Iterator<Item = &'a BootDisk> {
        let first = order.first().map(|d| d.id());
        self.disks().filter(move |d| !(d.fresh && Some(d.id()) == first))
    }
}
