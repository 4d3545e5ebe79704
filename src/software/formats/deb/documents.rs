//! The changelog inside a package: `usr/share/doc/PACKAGE/changelog.Debian.gz`, or `changelog.gz`
//! where Debian is the author.

use std::io::{BufReader, Cursor};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;

use super::changelog::{self, Entry};
use super::file::Deb;
use crate::software::formats::members::{Kind, Member};
use crate::software::unpack::unpacked;

/// The largest compressed changelog that is read, in bytes.
const MAX_PACKED: u64 = 16 << 20;
/// The names of a changelog, in the order of the files in a package.
const NAMES: [&str; 4] = ["changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog"];

/// The place of the changelog of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Read; the version of its first entry.
    Read(String),
    /// In another package, of this name.
    In(String),
    /// A link to something else.
    Linked,
    /// In none of the members that were visited.
    None,
}

/// Reads the entries of `package`'s changelog, the newest first, until `visit` returns false.
///
/// # Errors
/// If the package is damaged; ALT-711 if a signal interrupts it.
pub fn read(file: &Path, package: &str, visit: &mut dyn FnMut(Entry) -> bool) -> Result<Found> {
    let deb = Deb::open(file).map_err(anyhow::Error::msg)?;
    let dir = format!("usr/share/doc/{package}");
    let (mut found, mut is_inside) = (Found::None, false);
    deb.visit_data(|member| {
        let path = std::mem::take(&mut member.path);
        let Some(name) = path.strip_prefix(dir.as_bytes()) else {
            // The files of a directory follow each other.
            return Ok(if is_inside { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
        };
        match (name, &member.kind) {
            (b"", Kind::Symlink(target)) => {
                found = elsewhere(target, package, 1);
                return Ok(ControlFlow::Break(()));
            }
            (b"", _) => is_inside = true,
            (name, _) => {
                is_inside |= name.starts_with(b"/");
                let file_name = name.strip_prefix(b"/").and_then(|n| std::str::from_utf8(n).ok());
                if let Some(name) = file_name.filter(|n| NAMES.contains(n)) {
                    found = read_changelog(name, member, package, visit)?;
                    if found != Found::None {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Reads a member with the name of a changelog; None if it is not the package's.
fn read_changelog(
    name: &str,
    member: &mut Member,
    package: &str,
    visit: &mut dyn FnMut(Entry) -> bool,
) -> Result<Found> {
    match &member.kind {
        Kind::Symlink(target) => {
            let found = elsewhere(target, package, 2);
            Ok(if found == Found::None && name != "changelog.gz" { Found::Linked } else { found })
        }
        Kind::File if member.size <= MAX_PACKED => {
            let packed = unpacked(Cursor::new(member.read(MAX_PACKED)?))?;
            let version = changelog::read(BufReader::new(packed), visit)?;
            Ok(version.map_or(Found::None, Found::Read))
        }
        _ => Ok(Found::None),
    }
}

/// The package whose directory a link leads to: the last part of its target, or the one before (a
/// link to the changelog itself).
fn elsewhere(to: &[u8], package: &str, part: usize) -> Found {
    let to = String::from_utf8_lossy(to);
    match to.trim_end_matches('/').rsplit('/').nth(part - 1) {
        Some(name) if name != package && !matches!(name, "" | "." | "..") => {
            Found::In(name.to_owned())
        }
        _ => Found::None,
    }
}
