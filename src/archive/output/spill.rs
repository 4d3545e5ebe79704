//! Text that must wait for the end of an image: in memory while it is short, then in a file without
//! a name.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// Up to this many bytes stay in memory.
const MEMORY: usize = 2 << 20;

/// The text.
#[derive(Debug)]
pub struct Spill {
    directories: Vec<PathBuf>,
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
}

impl Spill {
    /// `near`: where the file is made if possible.
    pub fn new(near: Option<&Path>) -> Self {
        let usual = ["/var/tmp", "/tmp"].map(PathBuf::from);
        Self {
            directories: near.map(Path::to_owned).into_iter().chain(usual).collect(),
            memory: Vec::new(),
            file: None,
            length: 0,
        }
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The kernel's, mostly for want of room.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        self.memory.extend_from_slice(bytes);
        if self.memory.len() < MEMORY {
            return Ok(());
        }
        if self.file.is_none() {
            let anonymous = |dir: &PathBuf| {
                File::options()
                    .read(true)
                    .write(true)
                    .mode(0o600)
                    .custom_flags(OFlag::O_TMPFILE.bits())
                    .open(dir)
                    .ok()
            };
            self.file = self.directories.iter().find_map(anonymous);
        }
        // Where no file can be made, it stays in memory.
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory)?;
            self.memory.clear();
        }
        Ok(())
    }

    /// Everything, from the beginning.
    ///
    /// # Errors
    /// The kernel's.
    pub fn read(self) -> io::Result<Box<dyn Read>> {
        let memory = io::Cursor::new(self.memory);
        Ok(match self.file {
            None => Box::new(memory),
            Some(mut file) => {
                file.rewind()?;
                Box::new(file.chain(memory))
            }
        })
    }
}
