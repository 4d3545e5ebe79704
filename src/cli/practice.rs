//! `altdisk practice`: disks to practise on, out of files.

use std::ffi::OsString;
use std::io::Write;

use anyhow::Result;

use crate::disk::practice::{self, Practice};
use crate::disk::size::{human, parse};
use crate::error::{self, Exit};
use crate::event::Events;

const HELP: &str = "\
Usage: altdisk practice create [--size SIZE] [--count N]
                               [--sector-size 512|4096] [NAME]
       altdisk practice list
       altdisk practice remove NAME ... | --all

Practice disks are sparse files with loop devices. altdisk treats them as disks,
so everything but booting can be tried on them without risk.

  create   makes one (8G unless --size says otherwise; it takes only the space
           that is written to it) and attaches it. NAME is practice1, practice2
           and so on unless given; with --count N, NAME1 to NAMEn. After a
           restart the same command with the same NAME attaches it again.
  list     shows them
  remove   detaches them and deletes their files; refused while in use
";

/// Runs `altdisk practice` with what stands after that word.
///
/// # Errors
/// ALT-255 for a wrong command line, and those of [`crate::disk::practice`].
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        [w, ..] if ["--help", "-h", "help"].contains(w) || words.contains(&"--help") => HELP.to_owned(),
        ["create", rest @ ..] => create(rest, events)?,
        ["list"] => table(&practice::list()?),
        ["remove", "--all"] => remove(&practice::list()?.into_iter().map(|p| p.name).collect::<Vec<_>>(), events)?,
        ["remove", names @ ..] if !names.is_empty() && !names.iter().any(|n| n.starts_with('-')) => {
            remove(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), events)?
        }
        ["remove", ..] => return Err(usage("remove takes names, or --all")),
        [] => return Err(usage("create, list or remove is missing")),
        [word, ..] => return Err(usage(format!("`{word}` is not known here"))),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn usage(cause: impl Into<String>) -> anyhow::Error {
    error::PRACTICE_USAGE.because(cause)
}

fn create(words: &[&str], events: &Events) -> Result<String> {
    let (mut size, mut sector, mut count, mut name) = (None, None, 1u32, None);
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (flag, given) = word.split_once('=').map_or((*word, None), |(f, v)| (f, Some(v)));
        let mut value = || given.or_else(|| rest.next().copied()).ok_or_else(|| usage(format!("{flag} needs a value")));
        match flag {
            "--size" => size = Some(parse(value()?)?),
            "--sector-size" => sector = Some(value()?.parse().map_err(|_| usage("--sector-size takes 512 or 4096"))?),
            "--count" => count = value()?.parse().ok().filter(|n| (1..=16).contains(n)).ok_or_else(|| usage("--count takes 1 to 16"))?,
            f if f.starts_with('-') => return Err(usage(format!("{f} is not known here"))),
            _ if name.is_some() => return Err(usage("one NAME only; --count makes several")),
            n => name = Some(n.to_owned()),
        }
    }
    let mut made = vec![];
    for i in 1..=count {
        let name = match &name {
            Some(n) if count == 1 => n.clone(),
            Some(n) => format!("{n}{i}"),
            None => practice::free_name()?,
        };
        made.push(practice::create(&name, size, sector, events)?);
    }
    Ok(table(&made))
}

fn remove(names: &[String], events: &Events) -> Result<String> {
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
    let mut text = format!("{:<20} {:<12} {:>9} {:>9}  {}\n", "NAME", "DISK", "SIZE", "USED", "SERIAL");
    for p in all {
        let disk = p.device.as_ref().and_then(|d| d.file_name()).map_or("-".to_owned(), |n| n.to_string_lossy().into_owned());
        text.push_str(&format!("{:<20} {:<12} {:>9} {:>9}  {}\n", p.name, disk, human(p.size), human(p.used), practice::serial(&p.name)));
    }
    for p in all.iter().filter(|p| p.device.is_none()) {
        text.push_str(&format!("{} is not attached; `altdisk practice create {}` attaches it again.\n", p.name, p.name));
    }
    text
}
