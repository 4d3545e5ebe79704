//! One package file (deb(5)): its control file, and single files of its content. Read without dpkg,
//! and without trust.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use super::ar::{self, Member};
use super::control::{self, Paragraph};
use crate::archive::tar::Kind;
use crate::archive::tar::read::Reader;
use crate::error;
use crate::software::unpack::{Bytes, Part, unpacked};

/// The most bytes of a control file.
const CONTROL: usize = 1 << 20;
/// So far the control archive is read, unpacked: scripts and checksums stand in it too.
const CONTROL_ARCHIVE: u64 = 256 << 20;

/// An opened package.
pub struct Deb {
    file: File,
    control: Member,
    data: Member,
}

impl Deb {
    /// # Errors
    /// Why it is no package, for people.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let members = ar::members(&file)?;
        let find = |start: &str| {
            members.iter().find(|m| {
                m.name == start || m.name.strip_prefix(start).is_some_and(|r| r.starts_with('.'))
            })
        };
        if members.first().is_none_or(|m| m.name != "debian-binary") {
            return Err("it is an archive, but no Debian package".to_owned());
        }
        let missing = |what: &str| format!("it is cut off: it has no {what}");
        let control = find("control.tar").cloned().ok_or_else(|| missing("control.tar"))?;
        let data = find("data.tar").cloned().ok_or_else(|| missing("data.tar"))?;
        Ok(Self { file, control, data })
    }

    /// Bytes of the package file.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |m| m.len())
    }

    fn tar(&self, member: &Member, most: u64) -> Result<Reader> {
        let part = Part { file: self.file.try_clone()?, at: member.at, left: member.size };
        Ok(Reader::new(Box::new(Bytes(unpacked(part)?.take(most)))))
    }

    /// The control file.
    ///
    /// # Errors
    /// What is damaged; ALT-711 for an interrupt.
    pub fn control(&self) -> Result<Paragraph> {
        let mut tar = self.tar(&self.control, CONTROL_ARCHIVE)?;
        while let Some(member) = tar.next()? {
            if clean(&member.path) == b"control" && member.kind == Kind::Regular {
                let mut text = vec![];
                while let Some(piece) = tar.piece()? {
                    text.extend_from_slice(&piece);
                    anyhow::ensure!(
                        text.len() <= CONTROL,
                        "its control file is longer than any is"
                    );
                }
                return Ok(control::first(&text));
            }
        }
        anyhow::bail!("it has no control file")
    }

    /// The content, member by member.
    ///
    /// # Errors
    /// What is damaged.
    pub fn data(&self) -> Result<Reader> {
        self.tar(&self.data, u64::MAX)
    }
}

/// A member's path without `./` before it and `/` behind it.
pub fn clean(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b".").filter(|p| p.starts_with(b"/")).unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Whether reading was stopped by a signal, which is no damage.
pub fn stopped(e: &anyhow::Error) -> bool {
    error::find(e).is_some_and(|alt| std::ptr::eq(alt.entry, &error::INTERRUPTED))
}

/// What is wrong with a package, in one line.
pub fn why(e: &anyhow::Error) -> String {
    error::cause(e)
}
