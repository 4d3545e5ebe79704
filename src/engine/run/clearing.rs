//! Shared by both ways of cleaning up: with the record of the copy (`cleanup`) and without it
//! (`leftovers`).

use std::os::unix::fs::MetadataExt;

use anyhow::Result;

use crate::boot::bootlist::First;
use crate::boot::firmware::Firmware;
use crate::disk::model::{Disk, Inventory, clone_again, practice_name, shown_name};
use crate::engine::crash::crash_point;
use crate::engine::paths::ALT_INST;
use crate::engine::state::State;
use crate::engine::steps::bootlist;
use crate::error::{self, LeftUnfinished};
use crate::event::Events;
use crate::host::{mounts, procs};

/// # Errors
/// ALT-233 for a serial number that none of these disks has.
pub fn check_erase_serials(erase: &[String], copy: &[&Disk]) -> Result<()> {
    let Some(word) = erase.iter().find(|e| !copy.iter().any(|d| d.serial_or_name() == e.as_str()))
    else {
        return Ok(());
    };
    let there: Vec<String> =
        copy.iter().map(|d| format!("{} of {}", d.serial_or_name(), d.name)).collect();
    let there = if there.is_empty() {
        "there is no disk with a copy of this system".to_owned()
    } else {
        format!("there is {}", there.join(", "))
    };
    Err(error::ERASE_NOT_A_TARGET.with_remedy(
        format!("--erase {word}: the copy is on no disk with this serial number ({there})"),
        "`altdisk disks --alternates` shows the disks of the copy. To use another disk, name it as a target: `alt_disk_install -C --erase SERIAL DISK`",
    ))
}

/// The results of the parts of a clean-up.
#[derive(Default)]
pub struct Outcome {
    /// Errors so far.
    pub errors: Vec<anyhow::Error>,
    /// Disks that are free now.
    pub freed: Vec<String>,
    /// Name, and what is typed to erase it.
    pub kept: Vec<(String, String)>,
    /// Disks that do not hold the copy, or are not there.
    pub left: Vec<String>,
}

impl Outcome {
    /// Collects the error of one part, if it failed.
    pub fn note(&mut self, done: Result<()>) {
        self.errors.extend(done.err());
    }

    /// Removes the record, but only if nothing is left to undo. `running`: the disks of the running
    /// system.
    ///
    /// # Errors
    /// All that could not be done, in one.
    pub fn finish(mut self, state: &mut State, running: &str, first: &First) -> Result<String> {
        if self.errors.is_empty() {
            self.note(bootlist::forget_record());
            crash_point("after", "X.forget");
            self.note(state.remove_alternate());
        }
        if let Some(first) = (!self.errors.is_empty()).then(|| self.errors.remove(0)) {
            let others: String =
                self.errors.iter().map(|e| format!("{}; ", error::chain_of(e))).collect();
            let first =
                if others.is_empty() { first } else { first.context(format!("{others}and")) };
            return Err(first.context(LeftUnfinished));
        }
        Ok(self.in_words(running, first, Firmware::of_machine()))
    }

    fn in_words(&self, running: &str, first: &First, firmware: Firmware) -> String {
        let done = if self.kept.is_empty() { "removed" } else { "forgotten" };
        let mut text = format!("The copy (altinst_rootvg) is {done}.");
        for (disks, what) in [(&self.freed, "free"), (&self.left, "left as before (see above)")] {
            if !disks.is_empty() {
                text.push_str(&format!(" {}: {what}.", disks.join(" ")));
            }
        }
        for (name, serial) in &self.kept {
            let (name, again) = (shown_name(name, Some(serial)), clone_again(name, Some(serial)));
            text.push_str(&format!(" {name} keeps what is on it; `{again}` uses the disk again."));
        }
        text + &first_in_words(first, running) + &self.what_a_bios_starts(firmware)
    }

    /// A BIOS is not asked: one that starts the disk of a copy that stays boots that.
    fn what_a_bios_starts(&self, firmware: Firmware) -> String {
        let bootable = self.kept.iter().filter(|(name, s)| practice_name(name, Some(s)).is_none());
        let names: Vec<&str> = bootable.map(|(name, _)| name.as_str()).collect();
        if firmware == Firmware::Uefi || names.is_empty() {
            return String::new();
        }
        format!(
            " Which disk the BIOS starts cannot be read: if it starts {}, it boots what is there.",
            names.join(" or ")
        )
    }
}

/// A sentence, with a blank before it.
pub fn first_in_words(first: &First, running: &str) -> String {
    match first {
        First::Here => format!(" Bootlist is set to the boot disk: {running}."),
        First::Copy(entry) => format!(
            " The firmware boots {entry} first, a copy that stays on its disk; `altdisk bootlist rootvg` puts the running system first."
        ),
        First::Other(sentence) => format!(" {sentence}."),
    }
}

/// `st_dev` of what is mounted at and below /alt_inst from these disks.
///
/// # Errors
/// If /proc is not mounted.
pub fn device_numbers_below(disks: &[&Disk], inventory: &Inventory) -> Result<Vec<u64>> {
    let of_these = |m: &mounts::Mount| {
        let below = inventory.disks_of_mount(m);
        !below.is_empty() && below.iter().all(|name| disks.iter().any(|d| d.name == *name))
    };
    let mounted = mounts::mounted()?
        .into_iter()
        .filter(|m| m.mount_point.starts_with(ALT_INST) && of_these(m));
    Ok(mounted.filter_map(|m| std::fs::metadata(&m.mount_point).ok()).map(|m| m.dev()).collect())
}

/// Ends the programs whose root is on one of these devices.
///
/// # Errors
/// If /proc is not mounted.
pub fn end_processes_on(devices: &[u64], events: &Events) -> Result<()> {
    for (pid, command) in procs::end_those_rooted_on(devices)? {
        events.note(format!("ended process {pid} ({command}), which worked in the copy"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_practice_disk_is_called_by_its_own_name_and_never_boots() {
        let kept =
            Outcome { kept: vec![("loop0".into(), "PRACTICE-one".into())], ..Outcome::default() };
        let again = "one (loop0) keeps what is on it; `alt_disk_install -C --erase PRACTICE-one -B one` uses the disk again.";
        let text = kept.in_words("vda", &First::Here, Firmware::Bios);
        assert!(text.contains(again) && text.ends_with("boot disk: vda."), "{text}");
    }

    #[test]
    fn what_is_said_in_the_end() {
        let kept = Outcome {
            kept: vec![("vdb".into(), "S 1".into())],
            left: vec!["vdc".into()],
            ..Outcome::default()
        };
        assert_eq!(
            kept.in_words("vda", &First::Here, Firmware::Uefi),
            "The copy (altinst_rootvg) is forgotten. vdc: left as before (see above). vdb keeps what is on it; \
             `alt_disk_install -C --erase 'S 1' vdb` uses the disk again. Bootlist is set to the boot disk: vda."
        );
        let freed = Outcome { freed: vec!["vdb".into()], ..Outcome::default() };
        assert_eq!(
            freed.in_words("vda", &First::Here, Firmware::Bios),
            "The copy (altinst_rootvg) is removed. vdb: free. Bootlist is set to the boot disk: vda."
        );
        // Nothing is said of the boot list that was not seen in it.
        let bios = kept.in_words("vda", &First::Here, Firmware::Bios);
        assert!(bios.ends_with(" if it starts vdb, it boots what is there."), "{bios}");
        for (first, end) in [
            (
                First::Copy("Boot0002 x".into()),
                "`altdisk bootlist rootvg` puts the running system first.",
            ),
            (First::Other("The firmware decides".into()), " The firmware decides."),
        ] {
            let text = freed.in_words("vda", &first, Firmware::Uefi);
            assert!(text.ends_with(end) && !text.contains("Bootlist is set"), "{text}");
        }
    }
}
