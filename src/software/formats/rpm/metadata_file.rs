//! Metadata files of a repository: plain, or compressed with gzip, xz or zstd, which their first
//! bytes show, not their names.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error;
use crate::software::unpack::unpacked;

/// The most bytes that a repository's file may have when it is unpacked. The largest distributions'
/// have some 400 MiB.
const MAX_UNPACKED: u64 = 2 << 30;

/// Opens a file and unpacks it while it is read. It ends, as if cut off, after 2 GiB.
///
/// # Errors
/// Why it cannot be read: a clause that follows its name.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Err("it is not a regular file".to_owned()),
        _ => {}
    }
    let mut file = BufReader::new(File::open(path).map_err(|e| error::text_of(&e))?);
    let start = file.fill_buf().map_err(|e| error::text_of(&e))?;
    // Two signs: of whole files, and of headers apart from their data.
    if start.starts_with(b"\0ZCK1") || start.starts_with(b"\0ZHR1") {
        return Err("it is compressed with zchunk, which altdisk does not support".to_owned());
    }
    let unpacked = unpacked(file).map_err(|e| error::text_of(&e))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, unpacked.take(MAX_UNPACKED))))
}
