//! One package file (deb(5)): its control file, and single files of its content. Read without dpkg,
//! and without trust.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;

use super::ar::{self, Member};
use super::control::{self, Paragraph};
use crate::error;
use crate::software::formats::members::{self, Kind};
use crate::software::unpack::{Part, unpacked};

/// The largest control file, in bytes.
const MAX_CONTROL: u64 = 1 << 20;
/// The control archive is read so far, unpacked: it contains scripts and checksums too.
const MAX_CONTROL_ARCHIVE: u64 = 256 << 20;

/// An opened package.
pub struct Deb {
    file: File,
    control: Member,
    data: Member,
}

impl Deb {
    /// Opens a package file.
    ///
    /// # Errors
    /// Why it is not a package, for users.
    pub fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| error::text_of(&e))?;
        let members = ar::members(&file)?;
        let find = |start: &str| {
            members.iter().find(|m| {
                m.name == start || m.name.strip_prefix(start).is_some_and(|r| r.starts_with('.'))
            })
        };
        if members.first().is_none_or(|m| m.name != "debian-binary") {
            return Err("it is an archive, but no Debian package".to_owned());
        }
        let missing = |name: &str| format!("it is cut off: it has no {name}");
        let control = find("control.tar").cloned().ok_or_else(|| missing("control.tar"))?;
        let data = find("data.tar").cloned().ok_or_else(|| missing("data.tar"))?;
        Ok(Self { file, control, data })
    }

    /// The size of the package file in bytes.
    pub fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |m| m.len())
    }

    /// The control file.
    ///
    /// # Errors
    /// If the package is damaged; ALT-711 if a signal interrupts it.
    pub fn control(&self) -> Result<Paragraph> {
        let mut found = None;
        members::visit(self.unpack(&self.control)?.take(MAX_CONTROL_ARCHIVE), |member| {
            if member.path != b"control" || member.kind != Kind::File {
                return Ok(ControlFlow::Continue(()));
            }
            found = Some(control::first(&member.read(MAX_CONTROL)?));
            Ok(ControlFlow::Break(()))
        })?;
        found.ok_or_else(|| anyhow::anyhow!("it has no control file"))
    }

    /// Visits the files of the content, as [`members::visit`] does.
    ///
    /// # Errors
    /// If the package is damaged; ALT-711 if a signal interrupts it.
    pub fn visit_data(
        &self,
        visit: impl FnMut(&mut members::Member) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        members::visit(self.unpack(&self.data)?, visit)
    }

    fn unpack(&self, member: &Member) -> Result<Box<dyn Read + Send>> {
        let part = Part { file: self.file.try_clone()?, at: member.at, left: member.size };
        Ok(unpacked(part)?)
    }
}
