//! The superblock of ext4, as far as programs that are older than a feature do not print it
//! (ext4(5), Documentation/filesystems/ext4).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where the superblock begins, and how much of it is read. Bytes.
const OFFSET: u64 = 1024;
const LENGTH: usize = 1024;
const MAGIC: u16 = 0xef53;
const INCOMPAT_ENCRYPT: u32 = 0x1_0000;
const INCOMPAT_CASEFOLD: u32 = 0x2_0000;
const RO_COMPAT_VERITY: u32 = 0x8000;
/// The only flag that there is: names that are not valid Unicode are refused.
const ENCODING_STRICT: u16 = 1;

/// What protects files of this file system, or names in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtSuper {
    pub encrypt: bool,
    pub verity: bool,
    pub casefold: bool,
    /// Names that are not valid in the encoding are refused.
    pub strict: bool,
}

impl ExtSuper {
    /// Of the file system on a device; None where it has none of ext2, ext3, ext4, or cannot be
    /// read.
    pub fn read(device: &Path) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        File::open(device).ok()?.read_exact_at(&mut bytes, OFFSET).ok()?;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8; LENGTH]) -> Option<Self> {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let long = |at: usize| u32::from(word(at)) | u32::from(word(at + 2)) << 16;
        let (incompat, ro_compat) = (long(0x60), long(0x64));
        (word(0x38) == MAGIC).then(|| Self {
            encrypt: incompat & INCOMPAT_ENCRYPT != 0,
            verity: ro_compat & RO_COMPAT_VERITY != 0,
            casefold: incompat & INCOMPAT_CASEFOLD != 0,
            strict: incompat & INCOMPAT_CASEFOLD != 0 && word(0x27e) & ENCODING_STRICT != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::cmd::Cmd;

    #[test]
    fn what_mke2fs_makes_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fs");
        let made = |features: &str, extended: &str| {
            File::create(&file).unwrap().set_len(16 << 20).unwrap();
            let extended: &[&str] = if extended.is_empty() { &[] } else { &["-E", extended] };
            Cmd::new("mke2fs", "make a file system")
                .args(["-q", "-F", "-t", "ext4", "-O", features])
                .args(extended)
                .arg(&file)
                .read()
                .unwrap();
            ExtSuper::read(&file).unwrap()
        };
        assert_eq!(made("none,extent", ""), ExtSuper::default());
        assert_eq!(
            made("none,extent,encrypt,verity", ""),
            ExtSuper { encrypt: true, verity: true, ..ExtSuper::default() }
        );
        let fold = |strict| ExtSuper { casefold: true, strict, ..ExtSuper::default() };
        assert_eq!(made("none,extent,casefold", "encoding=utf8"), fold(false));
        assert_eq!(made("none,extent,casefold", "encoding=utf8,encoding_flags=strict"), fold(true));
        File::create(&file).unwrap().set_len(16 << 20).unwrap();
        assert_eq!(ExtSuper::read(&file), None);
        assert_eq!(ExtSuper::read(Path::new("/nowhere")), None);
    }
}
