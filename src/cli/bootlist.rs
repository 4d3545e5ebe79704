//! `altdisk bootlist`: shows and sets which disk this machine boots next, as AIX's command of that name does.
//!
//!     bootlist [-m normal] [-o] [--json] [disk ...]
//!
//! Without disks (or with -o) it shows; with disks it sets them as the list, first one first.

use std::ffi::OsString;

use anyhow::Result;

use crate::boot::bootdisk::BootDisk;
use crate::boot::bootlist::{self, BootListing, Firmware, Machine};
use crate::boot::here;
use crate::cli::flags::BOOTLIST;
use crate::cli::getopt;
use crate::cli::{console, say, wrapped, write};
use crate::engine::state::State;
use crate::error::{self, Exit};
use crate::event::Events;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    show: bool,
    json: bool,
    disks: Vec<String>,
}

fn parse(args: &[OsString]) -> Result<Options> {
    let parsed = getopt::parse(&BOOTLIST, args)?;
    if let Some(mode) = parsed.value("m").filter(|m| *m != "normal") {
        return Err(error::BAD_VALUE
            .because_do(format!("-m {}: the only boot list here is `normal`", mode.display()), "write -m normal, or leave -m out"));
    }
    let disks = parsed.operands.iter().map(|o| o.to_string_lossy().into_owned()).collect();
    Ok(Options { show: parsed.has("o"), json: parsed.has("json"), disks })
}

/// Runs the command.
///
/// # Errors
/// ALT-509 to ALT-512, and ALT-803 for setting without root.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let options = parse(args)?;
    console(events, &BOOTLIST, false, false, false);
    if !nix::unistd::geteuid().is_root() {
        return Err(error::NOT_ROOT.because("the boot list is read from devices and firmware variables that only root can read"));
    }
    let lock = if options.disks.is_empty() { None } else { Some(State::lock()?) };
    let machine = here::machine()?;
    if !options.disks.is_empty() {
        set(&machine, &options.disks, events)?;
        drop(lock);
    }
    if options.show || options.json || options.disks.is_empty() {
        let list = machine.current(events)?;
        return Ok(match options.json {
            true => write(&(serde_json::to_string_pretty(&list)? + "\n"), Exit::Done),
            false => say(&shown(&list), Exit::Done),
        });
    }
    Ok(Exit::Done)
}

fn set(machine: &Machine, words: &[String], events: &Events) -> Result<()> {
    let mut order: Vec<&BootDisk> = vec![];
    for word in words {
        let disk = machine.find(word)?;
        if order.iter().any(|d| d.id() == disk.id()) {
            return Err(error::BOOT_DISK.because_do(format!("{word}: {} is named twice", disk.title()), "name each disk once"));
        }
        order.push(disk);
    }
    bootlist::capability(machine.firmware)?;
    let before = machine.snapshot(&order, events)?;
    if let Err(e) = machine.set(&order, events) {
        // Half a list is none: back to what it was, and the first error is what counts.
        if let Err(undo) = machine.undo(&before, events) {
            events.warn(format!("the boot list could not be restored: {undo:#}"));
        }
        return Err(e);
    }
    say(&done(machine, order[0]), Exit::Done);
    Ok(())
}

/// What was done, what it takes, and the way back.
fn done(machine: &Machine, first: &BootDisk) -> String {
    let mut text = format!("{} boots next.\n", first.title());
    if first.id() == machine.here.id() {
        text.push_str("That is the running system.\n");
    } else {
        let back = &machine.here.name;
        text.push_str(&format!("Nothing changes until the machine restarts: `shutdown -r now`.\nTo stay here, or to come back from there: `altdisk bootlist {back}`.\n"));
    }
    text
}

/// One line a disk: name, role, whether it boots next, and why.
fn shown(list: &BootListing) -> String {
    let mut text = String::new();
    for d in &list.disks {
        text.push_str(&format!("{:<10} {:<15} {:<11} ({})\n", d.name, d.role, if d.next { "boots next" } else { "-" }, d.why));
    }
    for f in &list.foreign {
        text.push_str(&format!("{:<10} {:<15} {f}\n", "-", "none"));
    }
    let words = in_words(list);
    if !words.is_empty() {
        text.push('\n');
        text.push_str(&wrapped("", "", &words));
    }
    if list.firmware == Firmware::Bios {
        if !list.disks.iter().any(|d| d.next) {
            text.push_str("Which disk boots next depends on which one the BIOS starts: their GRUBs do not agree.\n");
        } else if list.disks.len() == 1 {
            text.push_str("No other disk is known to altdisk; the BIOS chooses the disk, and its GRUB starts it.\n");
        }
    }
    text
}

/// Which system the next start brings, and why, for people who know neither firmware nor GRUB.
fn in_words(list: &BootListing) -> String {
    let firmware = if list.firmware == Firmware::Uefi { "UEFI" } else { "BIOS" };
    if let Some(d) = list.disks.iter().find(|d| d.next) {
        let what = match d.role.as_str() {
            "rootvg" => "the system that runs now",
            "altinst_rootvg" => "the copy of the system that runs now",
            "old_rootvg" => "the system that this one was made from",
            _ => "another system",
        };
        return format!("At the next start this machine boots {}: {what}. Why: {} ({firmware}).", d.name, d.why);
    }
    match list.foreign.iter().find(|f| f.ends_with(", boots next")) {
        Some(f) => format!("At the next start the firmware takes an entry that is not of altdisk: {}.", f.trim_end_matches(", boots next")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::bootlist::Listed;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn flags_as_getopt_reads_them() {
        let o = parse(&words("-m normal -o vdb vda")).unwrap();
        assert_eq!(o, Options { show: true, disks: vec!["vdb".into(), "vda".into()], ..Default::default() });
        assert_eq!(parse(&words("-mnormal -- -x")).unwrap().disks, ["-x"]);
        for bad in ["-m service vda", "-m", "-x", "--output"] {
            let err = parse(&words(bad)).unwrap_err();
            assert_eq!(error::of(&err).unwrap().entry.exit, Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn the_list_says_why() {
        let listed = |name: &str, next, why: &str| Listed { name: name.into(), role: "rootvg".into(), next, why: why.into() };
        let mut list = BootListing {
            firmware: Firmware::Uefi,
            disks: vec![listed("vda", true, "Boot0003 debian, 1 of 4 in BootOrder")],
            foreign: vec!["Boot0000 UiApp".into()],
        };
        assert_eq!(
            shown(&list),
            "vda        rootvg          boots next  (Boot0003 debian, 1 of 4 in BootOrder)\n-          none            Boot0000 UiApp\n\n\
             At the next start this machine boots vda: the system that runs now. Why:\n\
             Boot0003 debian, 1 of 4 in BootOrder (UEFI).\n"
        );
        list.disks[0].next = false;
        list.foreign[0].push_str(", boots next");
        assert!(shown(&list).ends_with("an entry that is not of altdisk: Boot0000\nUiApp.\n"), "{}", shown(&list));
        list = BootListing { firmware: Firmware::Bios, disks: vec![listed("vda", false, "x"), listed("vdb", false, "y")], foreign: vec![] };
        assert!(shown(&list).ends_with("do not agree.\n"));
    }

    #[test]
    fn the_way_back_is_told() {
        let disk = |name: &str| BootDisk { name: name.into(), role: "r".into(), boot_fs_uuid: name.into(), ..Default::default() };
        let machine = Machine { firmware: Firmware::Bios, here: disk("vda"), others: vec![disk("vdb")] };
        let text = done(&machine, &machine.others[0]);
        assert!(text.contains("r (vdb) boots next") && text.contains("shutdown -r now") && text.contains("altdisk bootlist vda"), "{text}");
        assert!(done(&machine, &machine.here).contains("running system"));
    }
}
