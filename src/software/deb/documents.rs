//! The changelog inside a package: `usr/share/doc/PACKAGE/changelog.Debian.gz`, or `changelog.gz`
//! where Debian is the author.

use std::io::{BufReader, Cursor};
use std::path::Path;

use anyhow::Result;

use super::changelog::{self, Entry};
use super::file::{Deb, clean};
use crate::archive::tar::Kind;
use crate::archive::tar::read::Reader;
use crate::software::unpack::unpacked;

/// The most bytes of a packed changelog that are held.
const PACKED: u64 = 16 << 20;
/// Names it may have, in the order in which they come in a package.
const NAMES: [&str; 4] = ["changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog"];

/// Where a package's changelog is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Read; the version of its first entry.
    Read(String),
    /// In another package, of this name.
    In(String),
    None,
}

/// Reads the entries of `package`'s changelog, the newest first, until `visit` says that it is
/// enough.
///
/// # Errors
/// What is damaged; ALT-711 for an interrupt.
pub fn read(file: &Path, package: &str, visit: &mut dyn FnMut(Entry) -> bool) -> Result<Found> {
    let deb = Deb::open(file).map_err(anyhow::Error::msg)?;
    let mut tar = deb.data()?;
    let dir = format!("usr/share/doc/{package}");
    let mut inside = false;
    while let Some(member) = tar.next()? {
        let path = clean(&member.path);
        let Some(name) = path.strip_prefix(dir.as_bytes()) else {
            // A directory's content stands together.
            if inside {
                break;
            }
            continue;
        };
        match (name, &member.kind) {
            (b"", Kind::Symlink(to)) => return Ok(elsewhere(to, package, 1)),
            (b"", _) => inside = true,
            (name, kind) => {
                inside |= name.starts_with(b"/");
                let Some(name) = name
                    .strip_prefix(b"/")
                    .and_then(|n| std::str::from_utf8(n).ok())
                    .filter(|n| NAMES.contains(n))
                else {
                    continue;
                };
                match kind {
                    Kind::Symlink(to) => {
                        let found = elsewhere(to, package, 2);
                        if found != Found::None || name != "changelog.gz" {
                            return Ok(found);
                        }
                    }
                    Kind::Regular if member.stored <= PACKED => {
                        if let Some(version) = entries(&mut tar, visit)? {
                            return Ok(Found::Read(version));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(Found::None)
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

fn entries(tar: &mut Reader, visit: &mut dyn FnMut(Entry) -> bool) -> Result<Option<String>> {
    let mut packed = vec![];
    while let Some(piece) = tar.piece()? {
        packed.extend_from_slice(&piece);
    }
    Ok(changelog::read(BufReader::new(unpacked(Cursor::new(packed))?), visit)?)
}
