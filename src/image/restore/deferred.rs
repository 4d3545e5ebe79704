//! Metadata that can only be set when every file is there: that of directories, and inode flags
//! that forbid changes.
//!
//! It is kept in the archive's order. For an archive with millions of directories it goes into a
//! file without a name in the target, so that memory does not grow.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Cursor, Read, Seek, Write};
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::host::fs_calls::{Sys, Time, errno};
use crate::host::make;
use crate::tree::metadata::Metadata;

/// Up to this many bytes stay in memory.
const MAX_IN_MEMORY: usize = 2 << 20;

/// The list: of directories the metadata, of other files the flags.
pub struct DeferredMetadata {
    /// In which the file is made.
    top: OwnedFd,
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
}

impl DeferredMetadata {
    /// An empty list, for files in `top`.
    pub fn new(top: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self { top: top.try_clone_to_owned()?, memory: vec![], file: None })
    }

    /// Adds the metadata of `path`.
    pub fn add(&mut self, path: &[u8], meta: &Metadata) -> Sys<()> {
        encode(&mut self.memory, path, meta);
        if self.memory.len() < MAX_IN_MEMORY {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(BufWriter::with_capacity(64 << 10, make::create_unnamed(&self.top)?));
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory).map_err(|e| errno(&e))?;
        }
        self.memory.clear();
        Ok(())
    }

    /// Calls `what` for everything that was added, in order.
    pub fn for_each(
        self,
        mut what: impl FnMut(&[u8], Metadata) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if let Some(file) = self.file {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            decode(&mut BufReader::with_capacity(64 << 10, file), &mut what)?;
        }
        decode(&mut Cursor::new(self.memory), &mut what)
    }
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(&(value.len() as u64).to_ne_bytes());
    out.extend_from_slice(value);
}

fn time(out: &mut Vec<u8>, time: Option<Time>) {
    out.push(u8::from(time.is_some()));
    let t = time.unwrap_or_default();
    out.extend_from_slice(&t.secs.to_ne_bytes());
    out.extend_from_slice(&t.nanos.to_ne_bytes());
}

fn encode(out: &mut Vec<u8>, path: &[u8], meta: &Metadata) {
    bytes(out, path);
    for n in [meta.mode, meta.uid, meta.gid, meta.flags] {
        out.extend_from_slice(&n.to_ne_bytes());
    }
    time(out, meta.mtime);
    time(out, meta.atime);
    out.extend_from_slice(&(meta.xattrs.len() as u64).to_ne_bytes());
    for (name, value) in &meta.xattrs {
        bytes(out, name.as_bytes());
        bytes(out, value);
    }
}

fn decode(
    from: &mut impl io::BufRead,
    what: &mut impl FnMut(&[u8], Metadata) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    while !from.fill_buf()?.is_empty() {
        let path = read_bytes(from)?;
        let [mode, uid, gid, flags] =
            [read(from)?, read(from)?, read(from)?, read(from)?].map(u32::from_ne_bytes);
        let (mtime, atime) = (read_time(from)?, read_time(from)?);
        let mut xattrs = vec![];
        for _ in 0..u64::from_ne_bytes(read(from)?) {
            let name = read_bytes(from)?;
            xattrs.push((CString::new(name)?, read_bytes(from)?));
        }
        what(&path, Metadata { mode, uid, gid, mtime, atime, xattrs, flags, project: 0 })?;
    }
    Ok(())
}

fn read<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = u64::from_ne_bytes(read(from)?);
    let mut bytes = vec![];
    from.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_time(from: &mut impl Read) -> io::Result<Option<Time>> {
    let [there] = read(from)?;
    let time =
        Time { secs: i64::from_ne_bytes(read(from)?), nanos: u32::from_ne_bytes(read(from)?) };
    Ok((there != 0).then_some(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn entries_come_back_in_order_from_memory_and_file() {
        let dir = tempfile::tempdir().unwrap();
        let top = File::open(dir.path()).unwrap();
        for (count, spilled) in [(3_u32, false), (60_000, true)] {
            let mut list = DeferredMetadata::new(top.as_fd()).unwrap();
            let meta = |n: u32| Metadata {
                mode: n & 0o7777,
                uid: n,
                gid: u32::MAX - n,
                mtime: Some(Time { secs: -i64::from(n), nanos: n }),
                atime: n.is_multiple_of(2).then_some(Time { secs: 1 << 40, nanos: 0 }),
                xattrs: (0..n % 3).map(|i| (c"user.x".to_owned(), vec![0; i as usize])).collect(),
                flags: 7,
                project: 0,
            };
            for n in 0..count {
                list.add(format!("dir{n}").as_bytes(), &meta(n)).unwrap();
            }
            assert_eq!(list.file.is_some(), spilled);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing has a name");
            let mut seen = 0;
            list.for_each(|path, m| {
                assert_eq!((path, m), (format!("dir{seen}").as_bytes(), meta(seen)));
                seen += 1;
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, count);
        }
    }
}
