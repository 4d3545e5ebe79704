//! The one catalogue of errors: a stable id, what it means, what to do about it, how the command exits.
//!
//! Code returns `anyhow::Result`; a failure that a user can meet is made from an [`Entry`] here:
//! `return Err(error::NO_SUCH_DISK.because(format!("{name}: ...")))`. The command line finds it again
//! with [`of`], whatever context was put around it. Ids are never reused; a test keeps them unique and
//! in order. Ranges: 1xx usage, 2xx target disks, 3xx the source, 4xx copying, 5xx booting,
//! 6xx image.data, 7xx phases and state, 8xx programs and the kernel.

use std::fmt;

/// How the command ends. The numbers are documented in `--help` and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// It failed, and nothing of an alternate is left behind.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused before anything was touched.
    Refused = 3,
    /// It failed on the way: an unfinished alternate is left for `-X` (or `--resume`).
    Unfinished = 4,
}

/// One line of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// Stable id, `ALT-nnn`.
    pub id: &'static str,
    /// What is wrong, in general; the cause says it for this case.
    pub title: &'static str,
    /// What to do about it, unless the case has a better remedy.
    pub remedy: &'static str,
    pub exit: Exit,
}

/// An error as a user meets it: catalogue entry, the cause in this case, the remedy.
#[derive(Debug)]
pub struct Alt {
    pub entry: &'static Entry,
    pub cause: String,
    pub remedy: String,
}

impl fmt::Display for Alt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry.id, self.cause)
    }
}

impl std::error::Error for Alt {}

impl Entry {
    /// This error, with what is wrong in this case and the catalogue's remedy.
    pub fn because(&'static self, cause: impl Into<String>) -> anyhow::Error {
        self.because_do(cause, self.remedy)
    }

    /// The same with a remedy for this very case.
    pub fn because_do(&'static self, cause: impl Into<String>, remedy: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Alt { entry: self, cause: cause.into(), remedy: remedy.into() })
    }
}

/// The catalogued error inside `err`, if there is one.
pub fn of(err: &anyhow::Error) -> Option<&Alt> {
    err.chain().find_map(|e| e.downcast_ref::<Alt>())
}

macro_rules! catalogue {
    ($($name:ident = $id:literal, $exit:ident, $title:literal, $remedy:literal;)*) => {
        $(#[doc = $title] pub static $name: Entry = Entry { id: $id, title: $title, remedy: $remedy, exit: Exit::$exit };)*
        /// Every entry, in the order of the ids.
        pub static ALL: &[&Entry] = &[$(&$name),*];
    };
}

catalogue! {
    // 1xx usage
    // 2xx target disks
    // 3xx the source
    // 4xx copying
    // 5xx booting
    FSTAB_LINE = "ALT-501", Failed, "a line of fstab or crypttab cannot be read", "mend the line that the cause names, on the running system, and run the command again";
    NO_KERNEL = "ALT-502", Refused, "no kernel is installed", "install a kernel package of the distribution, or say -g to make a copy that cannot boot by itself";
    NO_INITRAMFS_TOOL = "ALT-503", Refused, "nothing here makes an initramfs", "install initramfs-tools, dracut or mkinitcpio, whichever the distribution uses, or say -g";
    INITRAMFS = "ALT-504", Failed, "an initramfs was not made", "read the tool's output in the log; free space in /boot is the usual reason";
    LOADER_FOREIGN = "ALT-505", Refused, "the system boots with a loader that altdisk cannot install", "install GRUB as the distribution's packages do, or say -g to make a copy that cannot boot by itself";
    NO_LOADER = "ALT-506", Refused, "the boot loader's packages are not installed", "install the packages that the cause names and run the command again";
    LOADER = "ALT-507", Failed, "the boot loader is not complete", "read the loader's output in the log, mend what it names, and run phase 3 again";
    NOT_INDEPENDENT = "ALT-508", Failed, "the alternate still refers to the disk it was made from", "each place is named above: correct it below /alt_inst (or in the customization script) and run phase 3 again";
    NO_BOOTLIST = "ALT-509", Refused, "the boot list of this machine cannot be set from here", "choose the disk in the menu of the firmware; `alt_disk_install -B` leaves the boot list alone";
    BOOT_ENTRY = "ALT-510", Failed, "the firmware did not take the boot entry or the boot order", "choose the disk in the firmware's boot menu; the disk boots from its fallback loader without an entry";
    BOOT_DISK = "ALT-511", Usage, "not a disk that the boot list knows", "see `altdisk bootlist -o` for the disks that it knows";
    OTHER_GRUB = "ALT-512", Failed, "the GRUB of another disk cannot be changed", "see the cause; the firmware's boot menu chooses the disk without it";
    // 6xx image.data
    // 7xx phases and state
    // 8xx programs and the kernel
    PROGRAM_MISSING = "ALT-801", Refused, "a program that is needed is not installed", "install the package that the cause names and run the command again";
    PROGRAM_FAILED = "ALT-802", Failed, "a program failed", "read its output above (and in the log), mend what it names, and run the command again";
    NOT_ROOT = "ALT-803", Refused, "this needs root", "run it as root, for example with sudo";
    KERNEL = "ALT-804", Failed, "the kernel refused an operation", "see the cause; `dmesg` may say more";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for e in ALL {
            assert!(e.id.len() == 7 && e.id.starts_with("ALT-"), "{}", e.id);
            assert!(!e.title.is_empty() && !e.remedy.is_empty(), "{}", e.id);
        }
    }

    #[test]
    fn found_below_context() {
        let err = NOT_ROOT.because("uid 1000").context("while cloning");
        assert_eq!(of(&err).unwrap().entry.id, "ALT-803");
    }
}
