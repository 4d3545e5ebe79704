//! An image as it is seen by whoever installs, lists or checks it: its own description, then the
//! members that are files of the system.
//!
//! An image of our own begins with `image.data` and the manifest and ends with the checksums; those
//! are read here and are not passed on as members. In any other archive every member is a file of
//! the system. A pipe or a tape is read once: what follows the head is not lost.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use super::manifest::{CHECKSUMS, FORMAT, IMAGE_DATA, MANIFEST, Manifest};
use super::sums::{Compare, Computed};
use crate::archive::input::Input;
use crate::archive::input::stream::SharedBytes;
use crate::archive::tar::Member;
use crate::archive::tar::read::Reader;
use crate::error;
use crate::text::path::show_path;
use crate::text::printable;

/// The head of an image, before its first file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// The layout, as text; also of an archive without manifest whose first member is `image.data`.
    pub image_data: Option<String>,
    /// Some: the image is one of ours.
    pub manifest: Option<Manifest>,
}

/// An opened image.
pub struct Archive {
    /// Read already.
    pub head: Head,
    input: Option<Input>,
    reader: Reader,
    /// Read behind the head, to be given out first.
    pending: Option<Member>,
    state: ReaderState,
    regular: u64,
}

/// Where in the archive the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReaderState {
    Members,
    /// In front of the content of our last member.
    Checksums,
    End,
}

/// The longest texts of the head, bytes.
const MAX_DATA: u64 = 1 << 20;
const MAX_MANIFEST: u64 = 8 << 20;

impl Archive {
    /// Opens a file, a tape, another character device, a FIFO or (`-`) standard input, and reads
    /// the head.
    ///
    /// # Errors
    /// ALT-630 to 641: it cannot be opened or read, is no archive, or begins with what is not
    /// understood.
    pub fn open(name: &Path) -> Result<Self> {
        Self::open_input(Input::open(name)?)
    }

    fn open_input(input: Input) -> Result<Self> {
        let reader = Reader::new(input.decompressed()?);
        Self::begin(reader, Some(input))
    }

    /// An archive that is no file: uncompressed bytes from anywhere.
    ///
    /// # Errors
    /// As [`Archive::open`].
    #[cfg(test)]
    pub fn of_source(source: Box<dyn crate::archive::input::stream::Source>) -> Result<Self> {
        Self::begin(Reader::new(source), None)
    }

    fn begin(reader: Reader, input: Option<Input>) -> Result<Self> {
        let mut archive = Self {
            head: Head::default(),
            input,
            reader,
            pending: None,
            state: ReaderState::Members,
            regular: 0,
        };
        archive.pending = archive.reader.next()?;
        if let Some(text) = archive.head_member(IMAGE_DATA, MAX_DATA)? {
            archive.head.image_data = Some(text);
        }
        if let Some(text) = archive.head_member(MANIFEST, MAX_MANIFEST)? {
            archive.head.manifest = Some(understood(&text)?);
        }
        Ok(archive)
    }

    /// The text of the member that stands next, if it has that name.
    fn head_member(&mut self, name: &str, longest: u64) -> Result<Option<String>> {
        let Some(member) = self.pending.take_if(|m| m.path == name.as_bytes() && m.is_regular())
        else {
            return Ok(None);
        };
        if member.size > longest || member.map.is_some() {
            return Err(
                error::IMAGE_MANIFEST.with_cause(format!("its {name} has {} bytes", member.size))
            );
        }
        let mut text = vec![];
        while let Some(piece) = self.reader.piece()? {
            text.extend_from_slice(&piece);
        }
        self.pending = self.reader.next()?;
        String::from_utf8(text)
            .map(Some)
            .map_err(|_| error::IMAGE_MANIFEST.with_cause(format!("its {name} is not text")))
    }

    /// The next file of the system; None behind the last, and then [`Archive::finish`] has to be
    /// called. What was not read of the one before is skipped.
    ///
    /// # Errors
    /// ALT-633 to 638 with the member's name and the offset in the uncompressed archive.
    pub fn next(&mut self) -> Result<Option<Member>> {
        if self.state != ReaderState::Members {
            return Ok(None);
        }
        let member = match self.pending.take() {
            Some(member) => Some(member),
            None => self.reader.next()?,
        };
        let ours = self.head.manifest.is_some();
        match member {
            Some(m) if ours && m.path == CHECKSUMS.as_bytes() && m.is_regular() => {
                self.state = ReaderState::Checksums;
                Ok(None)
            }
            None if ours => Err(error::IMAGE_CUT.with_cause(format!(
                "the archive ends after {} bytes, before its checksums",
                self.reader.offset()
            ))),
            None => {
                self.state = ReaderState::End;
                Ok(None)
            }
            Some(m) => {
                self.regular += u64::from(m.is_regular());
                Ok(Some(m))
            }
        }
    }

    /// How many regular files [`Archive::next`] has given out: the number of the current one for
    /// [`Computed::add`] is one less.
    pub fn regular(&self) -> u64 {
        self.regular
    }

    /// The next stored bytes of the current member without copying them; None at its end. A piece
    /// keeps its whole buffer (up to 4 MiB) in memory: hold few, in the order of the archive.
    ///
    /// # Errors
    /// As [`Archive::next`].
    pub fn piece(&mut self) -> Result<Option<SharedBytes>> {
        self.reader.piece()
    }

    /// True if [`Archive::reopen`] works: not for a pipe.
    pub fn seekable(&self) -> bool {
        self.input.as_ref().is_some_and(Input::seekable)
    }

    /// The same image from its start.
    ///
    /// # Errors
    /// ALT-640 for a pipe; as [`Archive::open`].
    pub fn reopen(self) -> Result<Self> {
        let Self { input, reader, .. } = self;
        drop(reader);
        let input = input.ok_or_else(|| error::IMAGE_AGAIN.with_cause("it is not a file"))?;
        Self::open_input(input.reopen()?)
    }

    /// Things worth a warning that were met since the last call: what an archive holds and nobody
    /// can restore.
    pub fn notes(&mut self) -> Vec<String> {
        self.reader.notes()
    }

    /// Behind the last member: reads to the very end, so that a cut or damaged image never passes,
    /// and compares the checksums of an image of ours with what was computed while it was read
    /// (None: nobody computed any; then they are only counted). How many there were.
    ///
    /// # Errors
    /// ALT-634 if it ends too early, ALT-637 for the first file that differs.
    pub fn finish(&mut self, computed: Option<&Computed>) -> Result<u64> {
        while self.state == ReaderState::Members && self.next()?.is_some() {}
        let mut checked = 0;
        if self.state == ReaderState::Checksums {
            let mut compare = Compare::new(computed, self.regular);
            while let Some(piece) = self.reader.piece()? {
                compare.take(&piece)?;
            }
            checked = compare.finish()?;
            if let Some(m) = self.reader.next()? {
                let text =
                    format!("{} follows the checksums, where an image ends", show_path(&m.path));
                return Err(error::IMAGE_DAMAGED.with_cause(text));
            }
        }
        self.state = ReaderState::End;
        Ok(checked)
    }
}

/// The manifest, if this program can know what it means.
fn understood(text: &str) -> Result<Manifest> {
    /// Fields that every version has.
    #[derive(Deserialize)]
    struct Any {
        format: u32,
        #[serde(default)]
        tool: String,
    }
    let wrong = |e: serde_json::Error| {
        error::IMAGE_MANIFEST.with_cause(format!("{MANIFEST}: {}", error::text_of(&e)))
    };
    let any: Any = serde_json::from_str(text).map_err(wrong)?;
    if any.format > FORMAT {
        let tool = printable(&any.tool, false);
        let cause = format!(
            "it was made by {tool} in form {}, and this altdisk reads forms up to {FORMAT}",
            any.format
        );
        return Err(error::IMAGE_FORMAT.with_cause(cause));
    }
    let manifest: Manifest = serde_json::from_str(text).map_err(wrong)?;
    if manifest.checksums != "blake3" {
        let cause = format!(
            "its checksums are of a kind that is not known ({})",
            printable(&manifest.checksums, false)
        );
        return Err(error::IMAGE_FORMAT.with_cause(cause));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests;
