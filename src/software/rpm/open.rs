//! Repository files as they lie there: plain, or compressed with gzip, xz or zstd. How is found by their first bytes, not by their names.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The most memory that unpacking xz may take, bytes (level 9 needs 65 MiB).
const XZ_MEMORY: u64 = 192 << 20;
/// The largest window of zstd that is unpacked: 128 MiB, as the program's own limit is.
const ZSTD_WINDOW: u32 = 27;
/// The most bytes that a repository's file may have when it is unpacked. The largest distributions' have some 400 MiB.
const MOST: u64 = 2 << 30;

/// Opens a file and unpacks it while it is read. It ends, as if cut off, after 2 GiB.
///
/// # Errors
/// Why it cannot be read, in words that follow its name.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Err("it is no regular file".to_owned()),
        _ => {}
    }
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(|e| e.to_string())?);
    let start = file.fill_buf().map_err(|e| e.to_string())?;
    let unpacked: Box<dyn Read> = match start {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags).map_err(|e| e.to_string())?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(file, stream))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(|e| e.to_string())?;
            decoder.window_log_max(ZSTD_WINDOW).map_err(|e| e.to_string())?;
            Box::new(decoder)
        }
        [0, b'Z', b'C', b'K', b'1', ..] | [0, b'Z', b'H', b'R', b'1', ..] => {
            return Err("it is packed with zchunk, which altdisk does not read".to_owned());
        }
        [b'B', b'Z', b'h', ..] => return Err("it is packed with bzip2, which altdisk does not read".to_owned()),
        _ => Box::new(file),
    };
    Ok(Box::new(BufReader::with_capacity(1 << 16, unpacked.take(MOST))))
}
