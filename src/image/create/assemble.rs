//! The archive, put together: the head, every file in its turn, the checksums.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io::{self, Read};
use std::path::Path;

use super::content::Chunks;
use super::item::{Batch, Item};
use super::state::{Saver, archive_path};
use super::walk::Walkers;
use crate::archive::output::pack::{ChunkSender, Packer};
use crate::archive::output::spill::Spill;
use crate::archive::tar::{Kind, Member, flags, write};
use crate::error;
use crate::host::fs_calls::{Errno, Kind as FileKind, Time};
use crate::image::manifest::{CHECKSUMS, IMAGE_DATA, MANIFEST};
use crate::image::sums;
use crate::tree::report::Tally;

struct Assembler<'a> {
    saver: &'a Saver<'a>,
    walkers: &'a Walkers<'a>,
    chunks: Chunks<'a>,
    sums: Spill,
    /// Of files with several names, the first name and how many are still to come; removed with the
    /// last.
    links: HashMap<(u64, u64), (Vec<u8>, u32)>,
}

/// Puts the whole archive together; returns its length. Failures are recorded in `saver`.
pub fn assemble(
    saver: &Saver<'_>,
    walkers: &Walkers<'_>,
    packer: &Packer<'_>,
    sender: ChunkSender,
    near: Option<&Path>,
) -> u64 {
    let mut all = Assembler {
        saver,
        walkers,
        chunks: Chunks::new(packer, sender),
        sums: Spill::new(near),
        links: HashMap::new(),
    };
    if let Err(e) = all.assemble() {
        saver.work.fail(e);
    }
    all.chunks.finish()
}

impl Assembler<'_> {
    fn assemble(&mut self) -> anyhow::Result<()> {
        self.append_head()?;
        while let Some(batch) = self.walkers.next_batch() {
            self.append_batch(batch).map_err(|e| {
                error::IMAGE_FULL.with_cause(format!(
                    "the checksums for the end of the image could not be kept: {}",
                    error::text_of(&e)
                ))
            })?;
            if self.chunks.gone || self.saver.work.is_stopped() {
                return Ok(());
            }
        }
        if !self.saver.work.is_stopped() {
            self.append_checksums().map_err(|e| {
                error::IMAGE_WRITE.with_cause(format!(
                    "the checksums that were kept could not be read: {}",
                    error::text_of(&e)
                ))
            })?;
            write::end(self.chunks.buffer());
            self.chunks.send_if_full();
        }
        Ok(())
    }

    fn append_head(&mut self) -> anyhow::Result<()> {
        let job = self.saver.job;
        if let Some(text) = &job.image_data {
            self.append_own(IMAGE_DATA, text.as_bytes());
        }
        self.append_own(
            MANIFEST,
            &[serde_json::to_vec_pretty(&job.manifest)?.as_slice(), b"\n"].concat(),
        );
        Ok(())
    }

    /// A member of the image itself, readable by root only.
    fn append_own_header(&mut self, name: &str, size: u64) {
        let mtime =
            Time { secs: i64::try_from(self.saver.job.manifest.made_secs).unwrap_or(0), nanos: 0 };
        let member = Member {
            mode: 0o600,
            mtime,
            size,
            stored: size,
            ..empty_member(name.as_bytes().to_vec(), Kind::Regular)
        };
        write::header(self.chunks.buffer(), &member);
        self.chunks.send_if_full();
    }

    fn append_own(&mut self, name: &str, text: &[u8]) {
        let size = text.len() as u64;
        self.append_own_header(name, size);
        self.chunks.append(text);
        write::pad(self.chunks.buffer(), size);
    }

    fn append_checksums(&mut self) -> io::Result<()> {
        let sums = std::mem::replace(&mut self.sums, Spill::new(None));
        let size = sums.len();
        self.append_own_header(CHECKSUMS, size);
        let mut text = sums.read()?;
        let mut buffer = vec![0; 128 << 10];
        loop {
            let got = text.read(&mut buffer)?;
            if got == 0 {
                break;
            }
            self.chunks.append(&buffer[..got]);
        }
        write::pad(self.chunks.buffer(), size);
        Ok(())
    }

    fn append_batch(&mut self, batch: Batch) -> io::Result<()> {
        let dir = archive_path(self.walkers.prefix(batch.tree), &batch.dir.path());
        for item in batch.items {
            if self.chunks.gone || self.saver.work.is_stopped() {
                break;
            }
            let path = if item.name.is_empty() {
                [dir.strip_suffix(b"/").unwrap_or(&dir), b"/"].concat()
            } else {
                below(&dir, &item.name)
            };
            self.append_item(item, path)?;
        }
        Ok(())
    }

    fn append_item(&mut self, item: Item, path: Vec<u8>) -> io::Result<()> {
        let stat = item.stat;
        let inode = (stat.dev, stat.ino);
        let shared = stat.nlink > 1 && stat.kind() != Some(FileKind::Directory);
        if shared && let Some((first, left)) = self.links.get_mut(&inode) {
            let to = Kind::HardLink(first.clone());
            *left -= 1;
            if *left == 0 {
                self.links.remove(&inode);
            }
            let member = Member {
                mode: stat.permissions(),
                uid: stat.uid,
                gid: stat.gid,
                mtime: stat.mtime,
                ..empty_member(path, to)
            };
            self.append_header(&member);
            return Ok(());
        }
        let kind = match stat.kind() {
            Some(FileKind::Regular) => Kind::Regular,
            Some(FileKind::Directory) => Kind::Directory,
            Some(FileKind::Symlink) => Kind::Symlink(item.link),
            Some(FileKind::Char) => Kind::Char(stat.rdev.0, stat.rdev.1),
            Some(FileKind::Block) => Kind::Block(stat.rdev.0, stat.rdev.1),
            Some(FileKind::Fifo) => Kind::Fifo,
            Some(FileKind::Socket) | None => return Ok(()),
        };
        let mut member = Member {
            mode: stat.permissions(),
            uid: stat.uid,
            gid: stat.gid,
            mtime: stat.mtime,
            atime: Some(stat.atime),
            xattrs: item.xattrs,
            flags: flags::words(item.flags),
            ..empty_member(path, kind)
        };
        match (&member.kind, &item.file) {
            (Kind::Regular, Some(file)) => {
                let saved = match self.chunks.append_file(self.saver, file, &stat, &mut member) {
                    Ok(saved) => saved,
                    Err(e) => {
                        self.saver.record_unreadable(relative(&member.path), e);
                        return Ok(());
                    }
                };
                if let Some(e) = saved.broken {
                    self.saver.record_incomplete(relative(&member.path), e);
                }
                if saved.tries > 1 {
                    Tally::add(&self.saver.work.tally.recopied, 1);
                }
                if saved.changed {
                    self.saver.work.tally.add_changing(relative(&member.path));
                }
                self.sums.add(&sums::line(&member.path, &saved.hash))?;
                self.saver.count_member(&member.path);
            }
            // It became something else while it was examined.
            (Kind::Regular, None) => {
                self.saver.record_unreadable(relative(&member.path), Errno::ENOENT);
                return Ok(());
            }
            _ => self.append_header(&member),
        }
        if shared {
            self.links.insert(inode, (member.path, stat.nlink - 1));
        }
        Ok(())
    }

    fn append_header(&mut self, member: &Member) {
        write::header(self.chunks.buffer(), member);
        self.chunks.send_if_full();
        self.saver.count_member(&member.path);
    }
}

fn empty_member(path: Vec<u8>, kind: Kind) -> Member {
    Member {
        path,
        kind,
        mode: 0,
        uid: 0,
        gid: 0,
        mtime: Time::default(),
        atime: None,
        size: 0,
        stored: 0,
        map: None,
        xattrs: vec![],
        flags: None,
        offset: 0,
    }
}

fn below(dir: &[u8], name: &CStr) -> Vec<u8> {
    [dir.strip_suffix(b"/").unwrap_or(dir), b"/", name.to_bytes()].concat()
}

/// `./etc/x` as the tally has it.
fn relative(path: &[u8]) -> Vec<u8> {
    path.strip_prefix(b"./").unwrap_or(path).to_vec()
}
