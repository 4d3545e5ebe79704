//! `altdisk list`: the choices that the panels' lists offer, in the format that lists have.
//!
//! A line is a choice, its first word the value. The first line is a heading (`#`), `!` begins a
//! line that cannot be chosen, and lines with `#` after a choice are notes to it. Everything fits
//! into a pop-up list on 80 columns.

mod disks;
pub mod images;
mod rows;
mod software;

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use crate::boot::bootlist::running_system;
use crate::boot::bootlist::{BootListing, Machine};
use crate::cli::getopt;
use crate::cli::output::print_text;
use crate::disk::practice::{self, Practice};
use crate::engine::state::record_state;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::LIST;
use crate::text::size::format_size;
use crate::text::wrap;
use crate::trial::once;
use rows::{Row, WIDTH, format_list};
use software::What;

pub use disks::{Candidate, candidates, holds};
pub use rows::truncate_text;

/// Runs `altdisk list`.
///
/// # Errors
/// ALT-971 for an unknown list, and the errors of reading disks, records and boot lists.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&LIST, args)?;
    let words: Vec<String> =
        parsed.operands.iter().map(|o| o.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (heading, rows) = match words.as_slice() {
        ["targets"] => (disks::HEADING.to_owned(), disks::targets()?),
        ["disks"] => (disks::HEADING.to_owned(), disks::all()?),
        ["bootable"] => bootable(events)?,
        ["practice"] => practices(&practice::list()?, &held()?),
        ["images"] => (images::heading(), images::rows(None)),
        ["images", more] => (images::heading(), images::rows(Some(Path::new(more)))),
        [what @ ("packages" | "bundles" | "fixes" | "fixbundles"), place @ ..] => {
            let what = match *what {
                "packages" => What::Packages,
                "bundles" => What::Bundles,
                "fixes" => What::Fixes,
                _ => What::FixBundles,
            };
            // A URL with suite and components is several words, or one with blanks.
            software::rows(what, (!place.is_empty()).then(|| place.join(" ")).as_deref())?
        }
        ["locations"] => software::locations()?,
        ["errors"] => (
            "NUMBER  WHAT IS WRONG".to_owned(),
            error::all().map(|e| entry(e.id, e.title)).collect(),
        ),
        _ => {
            return Err(error::LIST_WHAT
                .with_cause(format!("`altdisk list {}` lists nothing", words.join(" "))));
        }
    };
    Ok(print_text(&format_list(&heading, &rows), Exit::Done))
}

/// The title of an error; lines that do not fit beside the number go below it.
fn entry(id: &str, title: &str) -> Row {
    let lines = wrap(title, WIDTH - 8, 0, 0);
    let (first, rest) = lines.split_once('\n').unwrap_or((&lines, ""));
    Row {
        text: format!("{id} {first}"),
        refused: false,
        notes: rest.lines().map(|l| format!("   {l}")).collect(),
    }
}

fn bootable(events: &Events) -> Result<(String, Vec<Row>)> {
    crate::engine::privilege::require_root()?;
    let heading =
        format!("{:<9} {:<15} {:<20} {:>9}  BOOTS NEXT", "NAME", "ROLE", "SERIAL", "SIZE");
    let known = running_system::detect_machine()
        .and_then(|machine| Ok((once::listing(&machine, events)?, machine)));
    match known {
        Ok((list, machine)) => Ok((heading, boot_rows(&machine, &list))),
        // A list with the reason in it says more than none.
        Err(err) => {
            let why = error::cause(&err);
            let row = |name: String| Row {
                text: format!("{name:<9} {:<15}", "rootvg"),
                refused: true,
                notes: vec![format!("the boot list is not known: {why}")],
            };
            Ok((heading, running_system::disks_of_root().into_iter().map(row).collect()))
        }
    }
}

fn boot_rows(machine: &Machine, list: &BootListing) -> Vec<Row> {
    let row = |d: &crate::boot::bootlist::bootdisk::BootDisk| {
        let listed = list.disks.iter().find(|l| l.name == d.shown() && l.role == d.role);
        let name = d.practice().unwrap_or(&d.name);
        let next = listed.is_some_and(|l| l.next);
        let serial = d.serial.as_deref().unwrap_or("-");
        Row {
            text: format!(
                "{name:<9} {:<15} {:<20} {:>9}  {}",
                d.role,
                serial,
                format_size(d.size),
                if next { "yes" } else { "-" }
            ),
            refused: d.practice().is_some(),
            notes: listed.map(|l| l.why.clone()).into_iter().collect(),
        }
    };
    machine.disks().map(row).collect()
}

/// Serials of the disks that the alternate is on.
fn held() -> Result<Vec<String>> {
    Ok(record_state::readable_base()?
        .map_or(vec![], |b| b.layout.disks.into_iter().filter_map(|d| d.serial).collect()))
}

fn practices(all: &[Practice], held: &[String]) -> (String, Vec<Row>) {
    let row = |p: &Practice| {
        let disk = p
            .device
            .as_ref()
            .and_then(|d| d.file_name())
            .map_or("-".to_owned(), |n| n.to_string_lossy().into_owned());
        let refused = held.contains(&practice::serial(&p.name));
        let mut notes = vec![];
        if refused {
            notes.push("holds the copy: clean up (alt_clean) first".to_owned());
        }
        if p.device.is_none() {
            notes.push("not attached since the machine restarted; making it again under this name attaches it".to_owned());
        }
        Row {
            text: format!(
                "{:<32} {disk:<9} {:>9} {:>9}",
                p.name,
                format_size(p.size),
                format_size(p.used)
            ),
            refused,
            notes,
        }
    };
    (
        format!("{:<32} {:<9} {:>9} {:>9}", "NAME", "DISK", "SIZE", "USED"),
        all.iter().map(row).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::bootlist::Listed;
    use crate::boot::bootlist::bootdisk::BootDisk;
    use crate::boot::firmware::Firmware;

    #[test]
    fn the_format() {
        let rows = [
            Row { text: "vdb  20 GiB".into(), refused: false, notes: vec![] },
            Row {
                text: "vda  20 GiB  ".into(),
                refused: true,
                notes: vec!["word ".repeat(20), "second".into()],
            },
        ];
        let text = format_list("NAME SIZE", &rows);
        let word = "word ".repeat(13);
        assert_eq!(
            text,
            format!(
                "#NAME SIZE\nvdb  20 GiB\n!vda  20 GiB\n#    {}\n#    {}\n#    second\n",
                word.trim_end(),
                "word ".repeat(7)
            )
        );
        assert!(text.lines().all(|l| l.len() <= WIDTH));
        assert_eq!(
            (truncate_text("abcdef", 6), truncate_text("abcdefg", 6)),
            ("abcdef".into(), "abcd..".into())
        );
    }

    #[test]
    fn what_can_boot() {
        let disk = |name: &str, role: &str| BootDisk {
            name: name.into(),
            role: role.into(),
            serial: Some(format!("S-{name}")),
            size: 20 << 30,
            ..BootDisk::default()
        };
        let machine = Machine {
            firmware: Firmware::Bios,
            here: disk("vda", "rootvg"),
            others: vec![disk("vdb", "altinst_rootvg")],
        };
        let listed = |name: &str, role: &str, next| Listed {
            name: name.into(),
            role: role.into(),
            next,
            why: "its GRUB says so".into(),
        };
        let list = BootListing {
            firmware: Firmware::Bios,
            disks: vec![listed("vda", "rootvg", false), listed("vdb", "altinst_rootvg", true)],
            foreign: vec![],
        };
        let text: Vec<String> = boot_rows(&machine, &list).into_iter().map(|r| r.text).collect();
        assert_eq!(
            text,
            [
                "vda       rootvg          S-vda                   20 GiB  -",
                "vdb       altinst_rootvg  S-vdb                   20 GiB  yes"
            ]
        );
    }

    #[test]
    fn practice_disks() {
        let disk = |name: &str, device: Option<&str>| Practice {
            name: name.into(),
            file: "/x".into(),
            size: 8 << 30,
            used: 1 << 20,
            device: device.map(Into::into),
        };
        let (heading, rows) = practices(
            &[disk("one", Some("/dev/loop6")), disk("two", None)],
            &["PRACTICE-one".into()],
        );
        assert_eq!(
            format_list(&heading, &rows),
            "#NAME                             DISK           SIZE      USED\n\
             !one                              loop6         8 GiB     1 MiB\n\
             #    holds the copy: clean up (alt_clean) first\n\
             two                              -             8 GiB     1 MiB\n\
             #    not attached since the machine restarted; making it again under\n\
             #    this name attaches it\n"
        );
        assert!(rows[0].refused && !rows[1].refused);
    }
}
