//! The archive, put together: the head, every file in its turn, the checksums.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io::{self, Read};
use std::path::Path;

use super::content::Chunks;
use super::gather::{Batch, Item};
use super::walk::Walk;
use super::{Run, archive_path};
use crate::archive::output::pack::{Feed, Packer};
use crate::archive::output::spill::Spill;
use crate::archive::tar::{Kind, Member, flags, write};
use crate::error;
use crate::host::tree::{Errno, Kind as FileKind, Time};
use crate::image::manifest::{CHECKSUMS, IMAGE_DATA, MANIFEST};
use crate::image::sums;
use crate::tree::report::Tally;

struct Assembler<'a> {
    run: &'a Run<'a>,
    walk: &'a Walk<'a>,
    chunks: Chunks<'a>,
    sums: Spill,
    /// Of files with several names, the first name and how many are still to come. Those that all
    /// were met are forgotten.
    links: HashMap<(u64, u64), (Vec<u8>, u32)>,
}

/// Puts the whole archive together; returns its length. Failures are the run's.
pub fn assemble(
    run: &Run<'_>,
    walk: &Walk<'_>,
    packer: &Packer<'_>,
    feed: Feed,
    near: Option<&Path>,
) -> u64 {
    let mut all = Assembler {
        run,
        walk,
        chunks: Chunks::new(packer, feed),
        sums: Spill::new(near),
        links: HashMap::new(),
    };
    if let Err(e) = all.work() {
        run.fail(e, walk);
    }
    all.chunks.finish()
}

impl Assembler<'_> {
    fn work(&mut self) -> anyhow::Result<()> {
        self.head()?;
        while let Some(batch) = self.walk.next() {
            self.batch(batch).map_err(|e| {
                error::IMAGE_FULL
                    .with_cause(format!("keeping the checksums for the end of the image: {e}"))
            })?;
            if self.chunks.gone || self.run.is_stopped() {
                return Ok(());
            }
        }
        if !self.run.is_stopped() {
            self.checksums().map_err(|e| {
                error::IMAGE_WRITE.with_cause(format!("reading the checksums that were kept: {e}"))
            })?;
            write::end(self.chunks.buffer());
            self.chunks.pass_on();
        }
        Ok(())
    }

    fn head(&mut self) -> anyhow::Result<()> {
        let job = self.run.job;
        if let Some(text) = &job.image_data {
            self.text(IMAGE_DATA, text.as_bytes());
        }
        self.text(
            MANIFEST,
            &[serde_json::to_vec_pretty(&job.manifest)?.as_slice(), b"\n"].concat(),
        );
        Ok(())
    }

    /// A member of the image itself, readable by root only.
    fn own(&mut self, name: &str, size: u64) {
        let mtime =
            Time { secs: i64::try_from(self.run.job.manifest.made_secs).unwrap_or(0), nanos: 0 };
        let member = Member {
            mode: 0o600,
            mtime,
            size,
            stored: size,
            ..empty(name.as_bytes().to_vec(), Kind::Regular)
        };
        write::header(self.chunks.buffer(), &member);
        self.chunks.pass_on();
    }

    fn text(&mut self, name: &str, text: &[u8]) {
        let size = text.len() as u64;
        self.own(name, size);
        self.chunks.put(text);
        write::pad(self.chunks.buffer(), size);
    }

    fn checksums(&mut self) -> io::Result<()> {
        let sums = std::mem::replace(&mut self.sums, Spill::new(None));
        let size = sums.len();
        self.own(CHECKSUMS, size);
        let mut text = sums.read()?;
        let mut buffer = vec![0; 128 << 10];
        loop {
            let got = text.read(&mut buffer)?;
            if got == 0 {
                break;
            }
            self.chunks.put(&buffer[..got]);
        }
        write::pad(self.chunks.buffer(), size);
        Ok(())
    }

    fn batch(&mut self, batch: Batch) -> io::Result<()> {
        let dir = archive_path(self.walk.prefix(batch.tree), &batch.dir.path());
        for item in batch.items {
            if self.chunks.gone || self.run.is_stopped() {
                break;
            }
            let path = if item.name.is_empty() {
                [dir.strip_suffix(b"/").unwrap_or(&dir), b"/"].concat()
            } else {
                below(&dir, &item.name)
            };
            self.item(item, path)?;
        }
        Ok(())
    }

    fn item(&mut self, item: Item, path: Vec<u8>) -> io::Result<()> {
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
                ..empty(path, to)
            };
            self.plain(&member);
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
            ..empty(path, kind)
        };
        match (&member.kind, &item.file) {
            (Kind::Regular, Some(file)) => {
                let saved = match self.chunks.file(self.run, file, &stat, &mut member) {
                    Ok(saved) => saved,
                    Err(e) => {
                        self.run.unreadable(relative(&member.path), e, self.walk);
                        return Ok(());
                    }
                };
                if let Some(e) = saved.broken {
                    self.run.tally.failed(relative(&member.path), format!("cannot be read: {e}"));
                }
                if saved.tries > 1 {
                    Tally::add(&self.run.tally.recopied, 1);
                }
                if saved.torn {
                    self.run.tally.changing(relative(&member.path));
                }
                self.sums.add(&sums::line(&member.path, &saved.hash))?;
                self.run.member(&member.path);
            }
            // Changed its kind while it was looked at.
            (Kind::Regular, None) => {
                self.run.unreadable(relative(&member.path), Errno::ENOENT, self.walk);
                return Ok(());
            }
            _ => self.plain(&member),
        }
        if shared {
            self.links.insert(inode, (member.path, stat.nlink - 1));
        }
        Ok(())
    }

    fn plain(&mut self, member: &Member) {
        write::header(self.chunks.buffer(), member);
        self.chunks.pass_on();
        self.run.member(&member.path);
    }
}

fn empty(path: Vec<u8>, kind: Kind) -> Member {
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
