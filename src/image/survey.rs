//! The contents of an archive without a manifest: one pass over it, nothing unpacked.
//!
//! A few small texts are kept, the rest is counted. What can be installed from it (kernels,
//! initramfs, loaders) is not judged here: the pass notes which of the files are there that such a
//! judgement looks at, and [`Survey::skeleton`] makes a tiny root of them. So an archive is judged
//! by the very code that judges a running system.

mod elf;
mod shape;
mod wanted;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::archive::Archive;
use super::kernel_files::is_kernel_file;
use super::level::{level, value};
use super::manifest::System;
use super::restore::path::parse_name;
use crate::archive::tar::{Kind, Member};
use crate::event::Events;
use shape::MAX_NAMES;
use wanted::{Keep, wanted};

/// The longest text that is kept, bytes.
const MAX_TEXT: u64 = 64 << 10;
/// How deep directories are counted: `usr/lib/x`.
const MAX_DEPTH: usize = 3;

/// The result of a survey.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// host, machine_id, distribution, name, level and architecture. What follows from installed
    /// packages (kernels, no_initramfs, platforms) is for `boot::grub::capability` to say of the
    /// [`Survey::skeleton`].
    pub system: System,
    /// Members, and bytes of content (holes not counted).
    pub files: u64,
    pub bytes: u64,
    /// etc/fstab, if there is one.
    pub fstab: Option<String>,
    /// Files directly in boot/, and their bytes.
    pub boot: BTreeMap<String, u64>,
    /// Its shape as a whole.
    pub shape: shape::Shape,
    /// Bytes and members below each directory.
    below: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Files of the skeleton with their text, directories without.
    skeleton: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Survey {
    /// Bytes of content and members below the directory `prefix` (`usr/lib`: with or without
    /// slashes around, at most three names; empty: all). Of the first 4096 directories; (0, 0) for
    /// others.
    pub fn below(&self, prefix: &str) -> (u64, u64) {
        match prefix.trim_matches('/') {
            "" => (self.bytes, self.files),
            inside => self.below.get(inside.as_bytes()).copied().unwrap_or_default(),
        }
    }

    /// Makes a tiny root in the empty directory `dir`, which must be nobody else's: what
    /// `boot::grub::capability` looks at, empty where only its being there counts. There are only
    /// files and directories in it, no links.
    ///
    /// # Errors
    /// If files cannot be made there.
    pub fn skeleton(&self, dir: &Path) -> Result<()> {
        for (path, text) in &self.skeleton {
            let at = dir.join(OsStr::from_bytes(path));
            let parent = if text.is_some() { at.parent().unwrap_or(dir) } else { &at };
            let made = std::fs::create_dir_all(parent)
                .and_then(|()| text.as_ref().map_or(Ok(()), |t| std::fs::write(&at, t)));
            match made {
                // An archive may hold one name as a file and as a directory.
                Err(e)
                    if matches!(
                        e.kind(),
                        std::io::ErrorKind::NotADirectory
                            | std::io::ErrorKind::IsADirectory
                            | std::io::ErrorKind::AlreadyExists
                    ) => {}
                other => other.with_context(|| format!("making {}", at.display()))?,
            }
        }
        Ok(())
    }

    fn count(&mut self, parts: &[&[u8]], member: &Member) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(member.stored);
        if let [b"boot", name] = parts
            && member.is_regular()
            && self.boot.len() < MAX_NAMES
        {
            self.boot.insert(String::from_utf8_lossy(name).into_owned(), member.size);
        }
        let inside = if member.kind == Kind::Directory {
            parts.len()
        } else {
            parts.len().saturating_sub(1)
        };
        for deep in 1..=inside.min(MAX_DEPTH) {
            let name = parts[..deep].join(&b'/');
            if self.below.len() >= MAX_NAMES && !self.below.contains_key(&name) {
                return;
            }
            let (bytes, files) = self.below.entry(name).or_default();
            *bytes = bytes.saturating_add(member.stored);
            *files += 1;
        }
    }

    fn add_to_skeleton(&mut self, path: Vec<u8>, text: Option<Vec<u8>>) {
        if self.skeleton.len() < MAX_NAMES || self.skeleton.contains_key(&path) {
            self.skeleton.insert(path, text);
        }
    }

    fn text(&self, path: &str) -> Option<String> {
        self.skeleton
            .get(path.as_bytes())?
            .as_ref()
            .map(|t| String::from_utf8_lossy(t).into_owned())
    }
}

/// Reads the whole archive.
///
/// # Errors
/// As [`Archive::next`].
pub fn survey(archive: &mut Archive, events: &Events) -> Result<Survey> {
    let mut found = Survey::default();
    let mut machines = elf::Machines::default();
    while let Some(member) = archive.next()? {
        archive.notes().into_iter().for_each(|n| events.warn(n));
        let Some(parts) = parts(&member.path) else {
            found.shape.see_odd(&member);
            continue;
        };
        found.shape.see(&parts, &member);
        if is_kernel_file(&parts.join(&b'/')) {
            found.shape.shown += 1;
            continue;
        }
        found.count(&parts, &member);
        match wanted(&parts, &member.kind) {
            Some(Keep::Name(path)) => found.add_to_skeleton(path, Some(vec![])),
            Some(Keep::Directory(path)) => found.add_to_skeleton(path, None),
            Some(Keep::Text(path)) => {
                if member.map.is_none() && member.size <= MAX_TEXT {
                    let text = content(archive, usize::try_from(MAX_TEXT).unwrap_or_default())?;
                    found.add_to_skeleton(path, Some(text));
                }
                continue;
            }
            None => {}
        }
        if let Some(rank) = elf::rank(&parts)
            .filter(|rank| member.is_regular() && member.map.is_none() && machines.wants(*rank))
        {
            machines.look(rank, &content(archive, elf::HEADER)?);
        }
    }
    archive.finish(None)?;
    archive.notes().into_iter().for_each(|n| events.warn(n));
    found.system = system(&found, machines.best());
    found.fstab = found.text("etc/fstab");
    Ok(found)
}

fn system(found: &Survey, machine: Option<&'static str>) -> System {
    let first_line = |path: &str| {
        found.text(path).and_then(|t| Some(t.lines().next()?.trim().to_owned())).unwrap_or_default()
    };
    // etc/os-release is a link to the other in most systems, and links are not followed here.
    let release = found
        .text("etc/os-release")
        .or_else(|| found.text("usr/lib/os-release"))
        .unwrap_or_default();
    let id = first_line("etc/machine-id");
    System {
        host: first_line("etc/hostname"),
        machine_id: if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            id
        } else {
            String::new()
        },
        distribution: value(&release, "ID"),
        name: value(&release, "PRETTY_NAME"),
        level: level(&release, found.text("etc/debian_version").as_deref()),
        architecture: machine.unwrap_or_default().to_owned(),
        ..System::default()
    }
}

/// The first bytes of the current member's content.
fn content(archive: &mut Archive, most: usize) -> Result<Vec<u8>> {
    let mut text = vec![];
    while let Some(piece) = archive.piece()? {
        let room = most.saturating_sub(text.len());
        text.extend_from_slice(&piece[..piece.len().min(room)]);
        if text.len() >= most {
            break;
        }
    }
    Ok(text)
}

/// The names of a path in every form: `./x`, `x`, `/x`. None for one that the restore refuses.
fn parts(path: &[u8]) -> Option<Vec<&[u8]>> {
    let parts: Vec<&[u8]> =
        path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".").collect();
    parse_name(path, false).is_ok().then_some(parts)
}

#[cfg(test)]
mod tests;
