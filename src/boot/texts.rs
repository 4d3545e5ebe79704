//! The text files of a copy: read without loss whatever their encoding.

use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};

use crate::host::beneath::Beneath;

/// No configuration file is larger, in bytes.
const LARGEST: u64 = 64 << 20;

/// A file's text. Bytes that are no UTF-8 come as Latin-1, and go back as they were.
pub struct Text {
    pub text: String,
    latin1: bool,
}

/// The bytes of a file, read no further than its first block with a NUL: kernels, initramfs and
/// programs are large. None for these.
fn read_text(file: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    const BLOCK: u64 = 64 << 10;
    let mut bytes = vec![];
    loop {
        let before = bytes.len();
        let more = file.by_ref().take(BLOCK).read_to_end(&mut bytes)?;
        if bytes[before..].contains(&0) || bytes.len() as u64 > LARGEST {
            return Ok(None);
        }
        if more == 0 {
            return Ok(Some(bytes));
        }
    }
}

impl Text {
    /// None for a binary file (it holds a NUL byte), for an enormous one, and for what is no
    /// regular file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(root: &Beneath, inner: &Path) -> Result<Option<Self>> {
        let reading = || format!("reading {}", root.shown(inner).display());
        if !root.is_file(inner) {
            return Ok(None);
        }
        root.open_file(inner)
            .and_then(|mut file| read_text(&mut file))
            .with_context(reading)
            .map(|b| b.and_then(Self::from_bytes))
    }

    /// Takes the bytes of a file; None if they contain a NUL, so that it is not text.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        if bytes.contains(&0) {
            return None;
        }
        Some(match String::from_utf8(bytes) {
            Ok(text) => Self { text, latin1: false },
            Err(e) => {
                Self { text: e.as_bytes().iter().map(|b| char::from(*b)).collect(), latin1: true }
            }
        })
    }

    /// A new text of this file, in its encoding.
    pub fn bytes(&self, new: &str) -> Vec<u8> {
        if !self.latin1 {
            return new.as_bytes().to_vec();
        }
        let mut out = Vec::with_capacity(new.len());
        for c in new.chars() {
            match u8::try_from(u32::from(c)) {
                Ok(b) => out.push(b),
                Err(_) => out.extend_from_slice(c.to_string().as_bytes()),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_file_is_not_read_to_its_end() {
        let mut kernel = io::Cursor::new([vec![b'M', b'Z', 0], vec![1; 1 << 20]].concat());
        assert_eq!(read_text(&mut kernel).unwrap(), None);
        assert!(kernel.position() <= 64 << 10, "{}", kernel.position());
        let text = [b"x\n".repeat(100_000), b"end".to_vec()].concat();
        assert_eq!(read_text(&mut io::Cursor::new(text.clone())).unwrap(), Some(text.clone()));
        assert_eq!(read_text(&mut io::Cursor::new([text, vec![0]].concat())).unwrap(), None);
        assert_eq!(
            read_text(&mut io::Cursor::new(vec![b'x'; usize::try_from(LARGEST).unwrap() + 1]))
                .unwrap(),
            None
        );
    }

    #[test]
    fn no_encoding_is_lost() {
        for bytes in [b"caf\xe9 \xff\n".to_vec(), "naïve ✓".as_bytes().to_vec(), vec![]] {
            let t = Text::from_bytes(bytes.clone()).unwrap();
            assert_eq!(t.bytes(&t.text), bytes);
        }
        assert!(Text::from_bytes(b"a\0b".to_vec()).is_none());
    }

    #[test]
    fn only_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&dir.path().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::write(dir.path().join("f"), "text").unwrap();
        let root = Beneath::open(dir.path()).unwrap();
        // A FIFO without a writer would be waited for.
        for name in ["fifo", ".", "none"] {
            assert!(Text::read(&root, Path::new(name)).unwrap().is_none(), "{name}");
        }
        assert_eq!(Text::read(&root, Path::new("f")).unwrap().unwrap().text, "text");
    }
}
