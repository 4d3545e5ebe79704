//! `altdisk bootlist`: shows and sets which disk this machine boots next, as AIX's command of that
//! name does.
//!
//!     bootlist [-m normal|once] [--cancel] [-o] [--json] [disk ...]
//!
//! Without disks (or with -o) it shows; with disks it sets them as the list, first one first, or
//! (-m once) boots one of them once.

mod review;

use std::ffi::OsString;

use anyhow::Result;

use crate::boot::bootlist::bootdisk::BootDisk;
use crate::boot::bootlist::running_system;
use crate::boot::bootlist::{self, BootListing, Listed, Machine};
use crate::boot::firmware::Firmware;
use crate::cli::getopt;
use crate::cli::output::{print_raw, print_review, print_text, wrap_paragraph};
use crate::cli::session::attach_console;
use crate::disk::model::Inventory;
use crate::engine::state::State;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::BOOTLIST;
use crate::text::one_line;
use crate::trial::once;
use review::{copy_time, review_page};

/// The parsed command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    show: bool,
    json: bool,
    review: bool,
    /// For the next start only.
    once: bool,
    cancel: bool,
    disks: Vec<String>,
}

impl Options {
    fn changes(&self) -> bool {
        self.cancel || !self.disks.is_empty()
    }
}

fn parse(args: &[OsString]) -> Result<Options> {
    let parsed = getopt::parse(&BOOTLIST, args)?;
    let wrong = |cause: String, remedy: &str| Err(error::BAD_VALUE.with_remedy(cause, remedy));
    let once = match parsed.value("m").map(|m| m.to_string_lossy()) {
        None => false,
        Some(mode) if mode == "normal" => false,
        Some(mode) if mode == "once" => true,
        Some(mode) => {
            return wrong(
                format!("-m {mode}: the boot lists here are `normal` and `once`"),
                "write -m normal or -m once, or leave -m out",
            );
        }
    };
    let disks: Vec<String> =
        parsed.operands.iter().map(|o| o.to_string_lossy().into_owned()).collect();
    if once && disks.len() != 1 {
        return wrong(
            format!("-m once takes one disk, not {}", disks.len()),
            "name one disk after -m once",
        );
    }
    let cancel = parsed.has("cancel");
    if cancel && !disks.is_empty() {
        return wrong("--cancel with a disk".to_owned(), "leave the disk or --cancel out");
    }
    Ok(Options {
        show: parsed.has("o"),
        json: parsed.has("json"),
        review: parsed.has("review"),
        once,
        cancel,
        disks,
    })
}

/// Runs the command.
///
/// # Errors
/// ALT-509 to ALT-512, and ALT-803 for setting without root.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let options = parse(args)?;
    attach_console(events, &BOOTLIST, false, false, false);
    if !nix::unistd::geteuid().is_root() {
        return Err(error::NOT_ROOT.with_cause(
            "the boot list is read from devices and firmware variables that only root can read",
        ));
    }
    if let (true, Some(first)) = (options.review, options.disks.first()) {
        let machine = running_system::detect_machine()
            .map_err(|e| wrong_disk(&options.disks).unwrap_or(e))?;
        let disk = find_disk(&machine, first)?;
        let page = review_page(&machine, disk, copy_time(), options.once);
        return print_review(&page);
    }
    let lock = if options.changes() { Some(State::lock()?) } else { None };
    let machine = match running_system::detect_machine() {
        Err(err) if !options.changes() && !options.json => {
            return Ok(print_text(
                &describe_unknown(&running_system::disks_of_root(), &err),
                Exit::Done,
            ));
        }
        machine => machine.map_err(|e| wrong_disk(&options.disks).unwrap_or(e))?,
    };
    if options.cancel {
        print_text(&cancel_once(&machine, events)?, Exit::Done);
    } else if let (true, Some(word)) = (options.once, options.disks.first()) {
        print_text(&boot_once(&machine, find_disk(&machine, word)?, events)?, Exit::Done);
    } else if options.changes() {
        set_list(&machine, &options.disks, events)?;
    }
    drop(lock);
    if options.show || options.json || !options.changes() {
        let list = match once::listing(&machine, events) {
            Err(err) if !options.json => {
                return Ok(print_text(
                    &describe_unknown(&[machine.here.shown()], &err),
                    Exit::Done,
                ));
            }
            list => list?,
        };
        return Ok(match options.json {
            true => print_raw(&(serde_json::to_string_pretty(&list)? + "\n"), Exit::Done),
            false => print_text(&format_list(&list), Exit::Done),
        });
    }
    Ok(Exit::Done)
}

/// The error about a name that no disk has: where the boot list cannot be read, that is not why.
fn wrong_disk(words: &[String]) -> Option<anyhow::Error> {
    let is_role = |w: &&String| ["rootvg", "altinst_rootvg", "old_rootvg"].contains(&w.as_str());
    let inventory = Inventory::gather().ok()?;
    words.iter().filter(|w| !is_role(w)).find_map(|w| inventory.disk(w).err())
}

/// The answer where it is not known what starts this machine: what is known, and why the rest is
/// not.
fn describe_unknown(disks: &[String], err: &anyhow::Error) -> String {
    let on = if disks.is_empty() {
        "a disk that altdisk cannot find out".to_owned()
    } else {
        disks.join(" and ")
    };
    let why = error::cause(err);
    let text = format!(
        "This machine runs from {on}. altdisk cannot tell what it boots next: {why}. It has changed nothing, so the machine most likely boots \
as it did the last time. Another disk is chosen in the menu of the firmware."
    );
    wrap_paragraph("", "", &text)
}

/// The system that the next start boots, in a sentence; or why it is unknown.
pub fn describe_next_boot(events: &Events) -> String {
    match running_system::detect_machine().and_then(|machine| once::listing(&machine, events)) {
        Ok(list) => Some(describe_next(&list))
            .filter(|words| !words.is_empty())
            .unwrap_or_else(|| describe_unclear(&list)),
        Err(err) => one_line(&describe_unknown(&running_system::disks_of_root(), &err)),
    }
}

/// The disk that is meant, if the machine can boot from it.
fn find_disk<'m>(machine: &'m Machine, word: &str) -> Result<&'m BootDisk> {
    if word == "old_rootvg" && !machine.others.iter().any(|d| d.role == word) {
        let cause = "there is no previous system: this system was not made by altdisk, or its record is gone";
        return Err(error::BOOT_DISK
            .with_remedy(cause, "`altdisk bootlist` lists the disks that can be chosen"));
    }
    let disk = machine.find(word)?;
    match disk.practice() {
        Some(name) => Err(error::BOOT_DISK.with_remedy(
            format!("{name} is a practice disk: no machine can boot from it"),
            "name a real disk",
        )),
        None => Ok(disk),
    }
}

/// Arms the disk for one start, unless it boots next anyway.
fn boot_once(machine: &Machine, disk: &BootDisk, events: &Events) -> Result<String> {
    let list = machine.current(events)?;
    if list.disks.iter().any(|d| d.next && d.name == disk.shown() && d.role == disk.role) {
        return Ok(format!("{} boots next anyway; nothing was changed.\n", disk.title()));
    }
    once::set(machine, disk, events)?;
    let text = format!(
        "{} boots at the next start, once; the start after that boots what the boot list says.\n\
         Nothing changes until the machine restarts: `altdisk restart`.\n\
         To cancel this before the restart: `altdisk bootlist --cancel`.\n",
        disk.title()
    );
    Ok(text)
}

fn cancel_once(machine: &Machine, events: &Events) -> Result<String> {
    Ok(match once::cancel(machine, events)? {
        true => "The one-time choice was cancelled.\n",
        false => "There was no one-time choice.\n",
    }
    .to_owned())
}

fn set_list(machine: &Machine, words: &[String], events: &Events) -> Result<()> {
    let mut order: Vec<&BootDisk> = vec![];
    for word in words {
        let disk = find_disk(machine, word)?;
        if order.iter().any(|d| d.id() == disk.id()) {
            return Err(error::BOOT_DISK.with_remedy(
                format!("{word}: {} is named twice", disk.title()),
                "name each disk once",
            ));
        }
        order.push(disk);
    }
    bootlist::capability(machine.firmware)?;
    // The firmware's one-time choice is replaced, and after a failure restored, with its order.
    if machine.firmware == Firmware::Bios && once::cancel(machine, events)? {
        events.note("the new boot list replaces the one-time choice");
    }
    let before = machine.snapshot(&order, events)?;
    if let Err(e) = machine.set(&order, events) {
        // Half a list is none: back to what it was, and the first error is what counts.
        if let Err(undo) = machine.undo(&before, events) {
            events.warn(format!("the boot list could not be restored: {}", error::chain_of(&undo)));
        }
        return Err(e);
    }
    print_text(&describe_change(machine, order[0]), Exit::Done);
    Ok(())
}

/// The change, when it takes effect, and the way back.
fn describe_change(machine: &Machine, first: &BootDisk) -> String {
    let mut text = format!("{} boots next.\n", first.title());
    if first.id() == machine.here.id() {
        text.push_str("That is the running system.\n");
    } else {
        let back = machine.here.practice().unwrap_or(&machine.here.name);
        text.push_str(&format!("Nothing changes until the machine restarts: `altdisk restart`.\nTo stay here, or to return from there: `altdisk bootlist {back}`.\n"));
    }
    text
}

/// One line a disk: name, role, whether it boots next, and why.
fn format_list(list: &BootListing) -> String {
    let mut text = String::new();
    for d in &list.disks {
        text.push_str(&format!(
            "{:<17} {:<15} {:<11} ({})\n",
            d.name,
            d.role,
            if d.next { "boots next" } else { "-" },
            d.why
        ));
    }
    for f in &list.foreign {
        text.push_str(&format!("{:<17} {:<15} {f}\n", "-", "none"));
    }
    let words = describe_next(list);
    if !words.is_empty() {
        text.push('\n');
        text.push_str(&wrap_paragraph("", "", &words));
    }
    if list.firmware == Firmware::Bios {
        if !list.disks.iter().any(|d| d.next) {
            text.push_str(&wrap_paragraph("", "", &describe_unclear(list)));
        } else if list.disks.iter().any(Listed::is_practice) {
            text.push_str("The BIOS chooses the disk, and its GRUB starts it. No BIOS starts a practice disk.\n");
        } else if bootable_names(list).len() == 1 {
            text.push_str("No other disk is known to altdisk; the BIOS chooses the disk, and its GRUB starts it.\n");
        }
    }
    text
}

/// The names of the disks that a machine can boot from.
fn bootable_names(list: &BootListing) -> Vec<&str> {
    list.disks.iter().filter(|d| !d.is_practice()).map(|d| d.name.as_str()).collect()
}

/// Why it is not known what boots next.
fn describe_unclear(list: &BootListing) -> String {
    let known = bootable_names(list).join(" and ");
    let mut disks = list.disks.iter().filter(|d| !d.is_practice());
    // Nothing is known of any: then there is no second system either that could be meant.
    if let Some(here) =
        list.disks.first().filter(|_| disks.all(|d| d.why.starts_with(bootlist::UNREADABLE)))
    {
        return format!(
            "This machine runs from {}. altdisk cannot tell what it boots next: {}.",
            here.name, here.why
        );
    }
    match list.firmware {
        Firmware::Bios => format!(
            "altdisk cannot tell what boots next: the GRUBs of {known} each start another system, and the BIOS decides which disk is first."
        ),
        Firmware::Uefi => format!(
            "altdisk cannot tell what boots next: no entry of the firmware's boot order leads to {known}."
        ),
    }
}

/// The system that the next start boots, and why, for people who know neither firmware nor GRUB.
fn describe_next(list: &BootListing) -> String {
    let firmware = if list.firmware == Firmware::Uefi { "UEFI" } else { "BIOS" };
    if let Some(d) = list.disks.iter().find(|d| d.next) {
        let what = match d.role.as_str() {
            "rootvg" => "the system that runs now",
            "altinst_rootvg" => "the copy of the system that runs now",
            "old_rootvg" => "the system that this one was made from",
            _ => "another system",
        };
        return format!(
            "At the next start this machine boots {}: {what}. Why: {} ({firmware}).",
            d.name, d.why
        );
    }
    match list.foreign.iter().find(|f| f.ends_with(", boots next")) {
        Some(f) => format!(
            "At the next start the firmware takes an entry that is not of altdisk: {}.",
            f.trim_end_matches(", boots next")
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn flags_as_getopt_reads_them() {
        let o = parse(&words("-m normal -o vdb vda")).unwrap();
        assert_eq!(
            o,
            Options { show: true, disks: vec!["vdb".into(), "vda".into()], ..Default::default() }
        );
        assert_eq!(parse(&words("-mnormal -- -x")).unwrap().disks, ["-x"]);
        let o = parse(&words("-m once vdb")).unwrap();
        assert!(o.once && o.changes() && o.disks == ["vdb"]);
        assert!(parse(&words("--cancel")).unwrap().changes());
        for bad in
            ["-m service vda", "-m", "-x", "--output", "-m once", "-m once vda vdb", "--cancel vda"]
        {
            let err = parse(&words(bad)).unwrap_err();
            assert_eq!(error::find(&err).unwrap().entry.exit, Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn the_list_says_why() {
        let listed = |name: &str, next, why: &str| Listed {
            name: name.into(),
            role: "rootvg".into(),
            next,
            why: why.into(),
        };
        let mut list = BootListing {
            firmware: Firmware::Uefi,
            disks: vec![listed("vda", true, "Boot0003 debian, 1 of 4 in BootOrder")],
            foreign: vec!["Boot0000 UiApp".into()],
        };
        assert_eq!(
            format_list(&list),
            "vda               rootvg          boots next  (Boot0003 debian, 1 of 4 in BootOrder)\n-                 none            Boot0000 UiApp\n\n\
             At the next start this machine boots vda: the system that runs now. Why:\n\
             Boot0003 debian, 1 of 4 in BootOrder (UEFI).\n"
        );
        list.disks[0].next = false;
        list.foreign[0].push_str(", boots next");
        assert!(
            format_list(&list).ends_with("an entry that is not of altdisk: Boot0000\nUiApp.\n"),
            "{}",
            format_list(&list)
        );
        list = BootListing {
            firmware: Firmware::Bios,
            disks: vec![listed("vda", false, "x"), listed("vdb", false, "y")],
            foreign: vec![],
        };
        assert!(format_list(&list).ends_with("altdisk cannot tell what boots next: the GRUBs of vda and vdb each start another\nsystem, and the BIOS decides which disk is first.\n"), "{}", format_list(&list));
        list.disks = vec![listed(
            "vda",
            false,
            "its GRUB cannot be read: no GRUB configuration is in /boot/grub",
        )];
        assert!(
            format_list(&list).contains("This machine runs from vda. altdisk cannot tell"),
            "{}",
            format_list(&list)
        );
        let text = describe_unknown(
            &["vda".into()],
            &error::NO_BOOTLIST.with_cause("no GRUB configuration is in /boot/grub"),
        );
        assert!(
            text.starts_with(
                "This machine runs from vda. altdisk cannot tell what it boots next: no GRUB"
            ),
            "{text}"
        );
    }

    #[test]
    fn the_way_back_is_told() {
        let disk = |name: &str| BootDisk {
            name: name.into(),
            role: "r".into(),
            boot_fs_uuid: name.into(),
            ..Default::default()
        };
        let machine =
            Machine { firmware: Firmware::Bios, here: disk("vda"), others: vec![disk("vdb")] };
        let text = describe_change(&machine, &machine.others[0]);
        assert!(
            text.contains("r (vdb) boots next")
                && text.contains("altdisk restart")
                && text.contains("altdisk bootlist vda"),
            "{text}"
        );
        assert!(describe_change(&machine, &machine.here).contains("running system"));
    }
}
