//! The tar archives inside packages (control.tar, data.tar, .pkg.tar, pacman's databases), read as
//! a stream with the crate `tar`, without trust.
//!
//! The crate reads and checks headers. Its own handling of long names and PAX records is not used:
//! it keeps them in memory whole, however large an archive claims that they are. Here they have a
//! limit, and so have the contents that a caller asks for. What is merely passed over is never
//! kept; callers bound how much of a compressed archive is unpacked.

use std::io::{self, Read};
use std::ops::ControlFlow;

use anyhow::{Context, Result, bail, ensure};
use tar::{Archive, Entry, EntryType, PaxExtensions};

use crate::error;
use crate::host::signals;

/// The longest path, or target of a link, in bytes.
const MAX_PATH: u64 = 4096;
/// The largest set of PAX records of a member, in bytes: extended attributes are stored there.
const MAX_RECORDS: u64 = 1 << 20;
/// A reader that a signal stops does so within this many bytes.
const CHUNK: usize = 64 << 10;

/// The type of a member, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link, with its target.
    Symlink(Vec<u8>),
    /// Anything else: a directory, a hard link, a device.
    Other,
}

/// A member of an archive.
pub struct Member<'a> {
    /// The path, without `./` before it and `/` behind it.
    pub path: Vec<u8>,
    /// Its type.
    pub kind: Kind,
    /// Bytes of its contents.
    pub size: u64,
    contents: &'a mut dyn Read,
}

impl Member<'_> {
    /// The contents of a member that may have at most `max` bytes.
    ///
    /// # Errors
    /// If it is larger, or the archive ends within it.
    pub fn read(&mut self, max: u64) -> Result<Vec<u8>> {
        let path = String::from_utf8_lossy(&self.path);
        read_whole(&mut self.contents, self.size, max, &format!("its {path}"))
    }
}

/// Calls `visit` for each member, in their order, until it returns [`ControlFlow::Break`].
///
/// # Errors
/// The error of `visit`; if the archive is damaged; ALT-711 if a signal interrupts it.
pub fn visit(
    from: impl Read,
    mut visit: impl FnMut(&mut Member) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let result = visit_all(from, &mut visit);
    // A read that was interrupted looks like a damaged archive.
    if signals::interrupted() {
        return Err(error::INTERRUPTED.with_cause("stopped by a signal while a package was read"));
    }
    result
}

fn visit_all(
    from: impl Read,
    visit: &mut dyn FnMut(&mut Member) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut archive = Archive::new(Interruptible(from));
    // From records that precede a member.
    let (mut path, mut target): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        match entry.header().entry_type() {
            EntryType::GNULongName => path = Some(read_name(&mut entry)?),
            EntryType::GNULongLink => target = Some(read_name(&mut entry)?),
            EntryType::XHeader => {
                let size = entry.size();
                let records = read_whole(&mut entry, size, MAX_RECORDS, "a PAX record")?;
                for record in PaxExtensions::new(&records) {
                    let record = record.context("a PAX record is damaged")?;
                    match record.key_bytes() {
                        b"path" => path = Some(record.value_bytes().to_vec()),
                        b"linkpath" => target = Some(record.value_bytes().to_vec()),
                        // Sizes beyond the header's, and sparse files: no package has them.
                        b"size" => bail!("it has a member of more than 8 GiB"),
                        key if key.starts_with(b"GNU.sparse.") => bail!("it has a sparse file"),
                        _ => {}
                    }
                }
            }
            EntryType::XGlobalHeader => {}
            EntryType::GNUSparse => bail!("it has a sparse file"),
            kind => {
                let (path, target) = (path.take(), target.take());
                let path = path.unwrap_or_else(|| entry.path_bytes().into_owned());
                let kind = match kind {
                    EntryType::Regular | EntryType::Continuous => Kind::File,
                    EntryType::Symlink => Kind::Symlink(target.unwrap_or_else(|| {
                        entry.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default()
                    })),
                    _ => Kind::Other,
                };
                let mut member = Member {
                    path: clean(&path).to_vec(),
                    kind,
                    size: entry.size(),
                    contents: &mut entry,
                };
                if visit(&mut member)?.is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The name in a record of GNU tar, which ends with a zero byte.
fn read_name(entry: &mut Entry<impl Read>) -> Result<Vec<u8>> {
    let size = entry.size();
    let mut name = read_whole(entry, size, MAX_PATH, "a path in it")?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// All of the contents; `name` is what errors call it.
fn read_whole(from: &mut dyn Read, size: u64, max: u64, name: &str) -> Result<Vec<u8>> {
    ensure!(size <= max, "{name} has {size} bytes, more than the {max} that are allowed");
    let mut bytes = vec![];
    from.take(size).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 == size, "it is cut off within {name}");
    Ok(bytes)
}

/// A path without `./` or `/` before it and `/` behind it.
fn clean(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b".").filter(|p| p.starts_with(b"/")).unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Fails after a signal that asks to stop.
struct Interruptible<R>(R);

impl<R: Read> Read for Interruptible<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if signals::interrupted() {
            // The kind `Interrupted` would be tried again.
            return Err(io::Error::other("stopped by a signal"));
        }
        let len = to.len().min(CHUNK);
        self.0.read(&mut to[..len])
    }
}

#[cfg(test)]
mod tests;
