//! Protections of files in the running system that a plain copy of the files would lose. They are
//! found before anything is written, and reported one by one.
//!
//! - Encrypted directories (fscrypt): an unlocked one reads as plain text, and so the copy gets
//!   plain text. The kernel does not reveal the key, so the copy cannot be encrypted with it.
//! - Files with checksums (fs-verity): the copier enables them again; an image cannot hold them.
//! - Directories that fold case: kept where the copy's file system has the feature (it has, unless
//!   an image.data made it another); an image cannot.
//! - Writable btrfs snapshots (machinectl clone, layers of containers): cloned as subvolumes of
//!   their own, which takes the room of what they share.
//!
//! A loss is an error unless it is accepted by name (`--accept`).

mod walk;

use std::path::Path;

use anyhow::Result;

use crate::disk::extsuper::ExtSuper;
use crate::disk::fs::Protections;
use crate::engine::facts::{Facts, esp, names, trees};
use crate::engine::request::Loss;
use crate::error;
use crate::image::data::{Fs, ImageData};
use crate::tree::Excludes;
pub use walk::{Found, Wanted};

/// So many files or directories of one kind are named; the rest is counted.
pub const NAMED: usize = 50;

/// The destination of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Copy,
    Image,
}

/// Messages for the user before anything is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Losses that were accepted.
    pub warnings: Vec<String>,
    /// Protections that the copy keeps.
    pub notes: Vec<String>,
}

/// Looks through the file systems of rootvg that can hold something protected.
///
/// # Errors
/// ALT-327 for files that are encrypted and locked; ALT-335 for what would be lost and was not
/// accepted.
pub fn check_protections(
    image: &ImageData,
    facts: &Facts,
    excludes: &Excludes,
    accepted: &[Loss],
    into: Destination,
) -> Result<Messages> {
    let mut all = vec![];
    for fs in image.fs_data.iter().filter(|f| !esp::is_esp(image, f)) {
        let Some(now) = facts.source.image.fs_data.iter().find(|s| s.fs_name == fs.fs_name) else {
            continue;
        };
        let device = names::source_device(&facts.source, &fs.fs_name);
        let wanted = device.map_or_else(Wanted::default, |device| can_hold(now, device, facts));
        if wanted == Wanted::default() {
            continue;
        }
        for tree in trees::open_file_system(fs, facts)? {
            all.push((walk::walk(&tree, wanted, excludes)?, keeps(fs, into)));
        }
    }
    classify(&all, accepted, into)
}

/// The protections that a file system of the running system supports. Programs that are older than
/// a feature do not report it, so the superblock of ext4 is read.
fn can_hold(fs: &Fs, device: &Path, facts: &Facts) -> Wanted {
    match fs.fs_vfs.facts().protections {
        Protections::ExtSuperblock => ExtSuper::read(device).map_or_else(
            || Wanted {
                encryption: has(fs, "encrypt"),
                verity: has(fs, "verity"),
                casefold: has(fs, "casefold"),
            },
            |s| Wanted { encryption: s.encrypt, verity: s.verity, casefold: s.casefold },
        ),
        Protections::BtrfsSysfs => {
            let uuid = facts.old_names(device).uuid.unwrap_or_default();
            let verity = !uuid.is_empty()
                && Path::new("/sys/fs/btrfs").join(uuid).join("features/verity").exists();
            Wanted { verity, ..Wanted::default() }
        }
        Protections::Features => Wanted {
            encryption: has(fs, "encrypt"),
            verity: has(fs, "verity"),
            casefold: has(fs, "casefold"),
        },
        Protections::None => Wanted::default(),
    }
}

/// Protections that the copy keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Keeps {
    verity: bool,
    casefold: bool,
}

fn keeps(fs: &Fs, into: Destination) -> Keeps {
    match fs.fs_vfs.facts().protections {
        _ if into == Destination::Image => Keeps::default(),
        Protections::ExtSuperblock | Protections::Features => {
            Keeps { verity: has(fs, "verity"), casefold: has(fs, "casefold") }
        }
        Protections::BtrfsSysfs => Keeps { verity: true, casefold: false },
        Protections::None => Keeps::default(),
    }
}

fn has(fs: &Fs, feature: &str) -> bool {
    fs.fs_mkfs_options.iter().any(|o| o.split(',').any(|f| f == feature))
}

fn classify(all: &[(Found, Keeps)], accepted: &[Loss], into: Destination) -> Result<Messages> {
    if let Some(at) = all.iter().find_map(|(found, _)| found.locked.as_ref()) {
        let (shown, accept) = (at.strip_suffix('/').unwrap_or(at), Loss::Encryption.word());
        let remedy = format!(
            "leave it out: the line `{}` in an exclude list (-e); or unlock it (`fscrypt unlock {shown}`) and add `--accept {accept}`, as its files \
             are plain text where they are copied to",
            pattern(at)
        );
        return Err(error::SOURCE_LOCKED.with_remedy(
            format!("{shown} is encrypted (fscrypt) and locked: its files cannot be read"),
            remedy,
        ));
    }
    let of = |pick: &dyn Fn(&(Found, Keeps)) -> Vec<String>| {
        all.iter().flat_map(pick).collect::<Vec<String>>()
    };
    let what = if into == Destination::Image { "the image" } else { "the copy" };
    let slash = |paths: &[String]| paths.iter().map(|p| format!("{p}/")).collect::<Vec<_>>();
    let encrypted = of(&|(f, _)| [&slash(&f.encrypted)[..], &f.encrypted_files].concat());
    let verity = of(&|(f, k)| [&f.opaque[..], if k.verity { &[] } else { &f.verity }].concat());
    let casefold = of(&|(f, k)| if k.casefold { vec![] } else { slash(&f.casefold) });
    let losses = [
        (
            Loss::Encryption,
            encrypted,
            format!("is encrypted (fscrypt) and unlocked: in {what} its files are plain text"),
        ),
        (Loss::Verity, verity, format!("has checksums (fs-verity): in {what} it has none")),
        (
            Loss::Casefold,
            casefold,
            format!(
                "takes names in upper and lower case for the same (chattr +F): in {what} it does not"
            ),
        ),
    ];
    refuse_unless_accepted(&losses, accepted, what)?;
    let mut messages = Messages::default();
    for (_, paths, text) in &losses {
        messages.warnings.extend(named(paths, text));
    }
    messages.notes.extend(named(
        &of(&|(f, k)| if k.verity { f.verity.clone() } else { vec![] }),
        "has checksums (fs-verity): the copy gets the same",
    ));
    let kept = of(&|(f, k)| if k.casefold { slash(&f.casefold) } else { vec![] });
    messages.notes.extend(named(
        &kept,
        "takes names in upper and lower case for the same (chattr +F): the copy does too",
    ));
    Ok(messages)
}

/// Refuses the first kind of loss that is not accepted, with all of the kinds that must be.
fn refuse_unless_accepted(
    losses: &[(Loss, Vec<String>, String)],
    accepted: &[Loss],
    what: &str,
) -> Result<()> {
    let open: Vec<_> = losses
        .iter()
        .filter(|(loss, paths, _)| !paths.is_empty() && !accepted.contains(loss))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let cause: Vec<String> = open.iter().flat_map(|(_, paths, text)| named(paths, text)).collect();
    let words: Vec<&str> =
        accepted.iter().chain(open.iter().map(|(loss, ..)| loss)).map(|l| l.word()).collect();
    let first = open.first().and_then(|(_, paths, _)| paths.first()).map_or("/", String::as_str);
    let remedy = format!(
        "leave it out: a line like `{}` for each in an exclude list (-e); or accept that it is so: `--accept {}`",
        pattern(first),
        words.join(",")
    );
    let first = format!("what protects files here would be missing in {what}:");
    Err(error::PROTECTION_LOST.with_remedy((first, format!("\n  {}", cause.join("\n  "))), remedy))
}

/// A line of an exclude list that takes a file, or what is in a directory (with a / at its end),
/// and nothing else.
fn pattern(path: &str) -> String {
    let special = |c: char| if "\\.*[]^$".contains(c) { format!("\\{c}") } else { c.to_string() };
    let escaped: String = path.chars().map(special).collect();
    format!("^.{escaped}{}", if path.ends_with('/') { "" } else { "$" })
}

/// A line for each path, up to [`NAMED`]; then how many more there are.
pub fn named(paths: &[String], text: &str) -> Vec<String> {
    let mut lines: Vec<String> = paths.iter().take(NAMED).map(|p| format!("{p} {text}")).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => {}
        more => lines.push(format!("and {more} more like {}", paths[0])),
    }
    lines
}

#[cfg(test)]
mod tests;
