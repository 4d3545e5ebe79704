//! `altdisk practice`: disks to practise on, out of files.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::getopt::{self, Parsed};
use crate::cli::output::print_text;
use crate::cli::session::attach_console;
use crate::disk::practice::{self, Practice};
use crate::disk::size::parse;
use crate::engine::state::{State, record_state};
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::PRACTICE;
use crate::text::printable::Message;
use crate::text::size::format_size;

/// Runs `altdisk practice`.
///
/// # Errors
/// ALT-255 for a wrong command line, and those of [`crate::disk::practice`].
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&PRACTICE, args)?;
    attach_console(events, &PRACTICE, false, false, false);
    let words: Vec<String> =
        parsed.operands.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let names = match words.as_slice() {
        ["list", _, ..] => return Err(usage("list takes no names")),
        [] => return Err(usage("create, list or remove is missing")),
        [_, names @ ..] => names,
    };
    let Some(form) = PRACTICE.form_of_word(words[0]) else {
        return Err(usage(format!("`{}` is not known here", words[0])));
    };
    if let Some(flag) = parsed.flag_outside(form) {
        return Err(usage(format!("{} does not go with {}", flag.typed(), words[0])));
    }
    // A run that is at work, and an alternate that stands, keep their disks.
    let lock = if words[0] == "remove" { Some(State::lock_soon()?) } else { None };
    let text = match (words[0], names) {
        ("create", names) => create(&parsed, names, events)?,
        ("list", _) => table(&practice::list()?),
        (_, []) if parsed.has("all") => {
            remove(&practice::list()?.into_iter().map(|p| p.name).collect::<Vec<_>>(), events)?
        }
        (_, names) if names.is_empty() || parsed.has("all") => {
            return Err(usage("remove takes names, or --all"));
        }
        (_, names) => remove(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), events)?,
    };
    drop(lock);
    Ok(print_text(&text, Exit::Done))
}

fn usage(cause: impl Into<Message>) -> anyhow::Error {
    error::PRACTICE_USAGE.with_cause(cause)
}

fn create(parsed: &Parsed, names: &[&str], events: &Events) -> Result<String> {
    let text = |flag: &str| parsed.value(flag).map(|v| v.to_string_lossy().into_owned());
    let size = text("size").map(|v| parse(&v)).transpose()?;
    let sector = text("sector-size")
        .map(|v| v.parse().map_err(|_| usage("--sector-size takes 512 or 4096")))
        .transpose()?;
    let count: u32 = match text("count") {
        Some(n) => n
            .parse()
            .ok()
            .filter(|n| (1..=16).contains(n))
            .ok_or_else(|| usage("--count takes 1 to 16"))?,
        None => 1,
    };
    if names.len() > 1 {
        return Err(usage("one NAME only; --count makes several"));
    }
    let mut made = vec![];
    for i in 1..=count {
        let name = match names.first() {
            Some(n) if count == 1 => (*n).to_owned(),
            Some(n) => format!("{n}{i}"),
            None => practice::free_name()?,
        };
        made.push(practice::create(&name, size, sector, events)?);
    }
    Ok(table(&made))
}

fn remove(names: &[String], events: &Events) -> Result<String> {
    let alternate = record_state::readable_base()?.map_or(vec![], |b| b.layout.disks);
    if let Some(name) =
        names.iter().find(|n| alternate.iter().any(|d| d.serial == Some(practice::serial(n))))
    {
        return Err(error::PRACTICE_IN_USE.with_remedy(
            format!("{name} holds the copy"),
            "`alt_disk_install -X` gives the copy up; then remove the disk",
        ));
    }
    let mut text = String::new();
    names.iter().try_for_each(|name| practice::find(name).map(drop))?;
    for name in names {
        practice::remove(name, events)?;
        text.push_str(&format!("{name} is removed.\n"));
    }
    Ok(if text.is_empty() { "There are no practice disks.\n".to_owned() } else { text })
}

fn table(all: &[Practice]) -> String {
    if all.is_empty() {
        return "There are no practice disks. `altdisk practice create` makes one.\n".to_owned();
    }
    let mut text =
        format!("{:<20} {:<12} {:>9} {:>9}  {}\n", "NAME", "DISK", "SIZE", "USED", "SERIAL");
    for p in all {
        let disk = p
            .device
            .as_ref()
            .and_then(|d| d.file_name())
            .map_or("-".to_owned(), |n| n.to_string_lossy().into_owned());
        text.push_str(&format!(
            "{:<20} {:<12} {:>9} {:>9}  {}\n",
            p.name,
            disk,
            format_size(p.size),
            format_size(p.used),
            practice::serial(&p.name)
        ));
    }
    for p in all.iter().filter(|p| p.device.is_none()) {
        text.push_str(&format!(
            "{} is not attached; `altdisk practice create {}` attaches it again.\n",
            p.name, p.name
        ));
    }
    text
}
