//! A file that gets its name when it is whole. Until then it has none at all where the file system
//! can do that (O_TMPFILE), so that even a power cut leaves nothing; else it is `.NAME.altdisk-tmp`
//! beside it.

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::fcntl::{AtFlags, OFlag};

use crate::error;
use crate::host::fs_calls;
use crate::text::shell::quote;

/// Bytes after which the kernel is told to begin writing: the end is short then.
const EARLY_WRITE: u64 = 32 << 20;

/// A kind of output.
pub enum Kind {
    /// Standard output.
    Standard,
    /// A tape, another character device, a named pipe.
    Device,
    /// A regular file, which may be there; links are followed.
    File(PathBuf),
}

/// The kind of output that `name` stands for.
///
/// # Errors
/// ALT-658 for what no image can be written to.
pub fn classify(name: &Path) -> Result<Kind> {
    let not =
        |what: &str| Err(error::IMAGE_PLACE.with_cause(format!("{} is {what}", name.display())));
    if name == Path::new("-") {
        return Ok(Kind::Standard);
    }
    let meta = match fs::metadata(name) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return new_file(name),
        Err(e) => {
            return Err(error::IMAGE_PLACE.with_cause(format!(
                "{} could not be examined: {}",
                name.display(),
                error::text_of(&e)
            )));
        }
    };
    let kind = meta.file_type();
    if kind.is_dir() {
        return Err(error::IMAGE_PLACE
            .with_remedy(format!("{} is a directory", name.display()), "name a file in it"));
    }
    if kind.is_block_device() {
        return not("a disk or partition, which would be overwritten");
    }
    if kind.is_char_device() || kind.is_fifo() {
        return Ok(Kind::Device);
    }
    if !kind.is_file() {
        return not("neither a file nor a device");
    }
    Ok(Kind::File(name.canonicalize()?))
}

fn new_file(name: &Path) -> Result<Kind> {
    let wrong =
        |why: &str| Err(error::IMAGE_PLACE.with_cause(format!("{}: {why}", name.display())));
    if name.symlink_metadata().is_ok() {
        return wrong("the link leads nowhere");
    }
    let Some(base) = name.file_name().filter(|_| !name.as_os_str().as_bytes().ends_with(b"/"))
    else {
        return wrong("this is not a file name");
    };
    let dir = name.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match dir.canonicalize() {
        Ok(dir) if dir.is_dir() => Ok(Kind::File(dir.join(base))),
        _ => {
            let cause =
                format!("{}: the directory {} does not exist", name.display(), dir.display());
            let remedy = format!(
                "make it with `mkdir -p {}`, or name a file in a directory that exists",
                quote(dir.as_os_str())
            );
            Err(error::IMAGE_PLACE.with_remedy(cause, remedy))
        }
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    path: PathBuf,
    directory: PathBuf,
    /// The name that it has until it is whole, if it has one.
    beside: Option<PathBuf>,
    written: u64,
    told: u64,
}

impl NewFile {
    /// Makes the file that will be `path` (absolute, not a link).
    ///
    /// # Errors
    /// ALT-655.
    pub fn make(path: &Path) -> Result<Self> {
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let cannot = |e: io::Error| {
            error::IMAGE_WRITE.with_cause(format!(
                "no file could be made in {}: {}",
                directory.display(),
                error::text_of(&e)
            ))
        };
        let beside = beside(path);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        // Left by a run that was killed: an image has no use for it, and this one must not meet it.
        let _ = fs::remove_file(&beside);
        if let Ok(file) = options.clone().custom_flags(OFlag::O_TMPFILE.bits()).open(&directory) {
            return Ok(Self {
                file,
                path: path.to_owned(),
                directory,
                beside: None,
                written: 0,
                told: 0,
            });
        }
        let file = options
            .create_new(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&beside)
            .map_err(cannot)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            directory,
            beside: Some(beside),
            written: 0,
            told: 0,
        })
    }

    /// The directory that it will be in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Device and inode of the file itself, and of the one that it will replace.
    pub fn inodes(&self) -> Vec<(u64, u64)> {
        let own = self.file.metadata().ok();
        own.into_iter().chain(fs::metadata(&self.path).ok()).map(|m| (m.dev(), m.ino())).collect()
    }

    /// Bytes that are free for it.
    pub fn room(&self) -> Option<u64> {
        nix::sys::statvfs::fstatvfs(&self.file)
            .ok()
            .map(|s| s.blocks_available().saturating_mul(s.fragment_size()))
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        if self.written - self.told >= EARLY_WRITE {
            fs_calls::begin_writing(&self.file, self.told, self.written - self.told);
            self.told = self.written;
        }
        Ok(())
    }

    /// Writes everything to the device and gives the file its name.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if self.beside.is_none() {
            // A link cannot replace a name, a rename can.
            let beside = beside(&self.path);
            match fs::remove_file(&beside) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let own = CString::new(format!("/proc/self/fd/{}", self.file.as_fd().as_raw_fd()))?;
            nix::unistd::linkat(
                nix::fcntl::AT_FDCWD,
                own.as_c_str(),
                nix::fcntl::AT_FDCWD,
                &beside,
                AtFlags::AT_SYMLINK_FOLLOW,
            )?;
            self.beside = Some(beside);
        }
        if let Some(beside) = &self.beside {
            fs::rename(beside, &self.path)?;
            self.beside = None;
        }
        File::open(&self.directory)?.sync_all()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    // Names may have 255 bytes.
    let name = path.file_name().map(|n| n.as_bytes()).unwrap_or_default();
    let name = [b".", &name[..name.len().min(200)], b".altdisk-tmp"].concat();
    path.with_file_name(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(name))
}
