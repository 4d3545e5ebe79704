//! Decompression of packages and indexes, as a stream, on the calling thread.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use crate::archive::input::compression::Compression;

/// Memory limit of xz in bytes (level 9 needs 65 MiB).
const MAX_XZ_MEMORY: u64 = 192 << 20;
/// Window limit of zstd, as a power of two: 128 MiB.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;
const CHUNK: usize = 64 << 10;

/// A reader of the decompressed contents of `from`, which may be plain or compressed with gzip, xz
/// or zstd.
///
/// # Errors
/// If it cannot be read, or is compressed in another way.
pub fn unpacked<R: Read + Send + 'static>(from: R) -> io::Result<Box<dyn Read + Send>> {
    let mut from = BufReader::with_capacity(CHUNK, from);
    Ok(match Compression::detect(from.fill_buf()?) {
        Compression::None => Box::new(from),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(
                MAX_XZ_MEMORY,
                liblzma::stream::CONCATENATED,
            )?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(from, stream))
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(from)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Other(program) => {
            return Err(io::Error::other(format!(
                "it is compressed with {program}, which is not read here"
            )));
        }
    })
}

/// A part of a file, as a reader.
pub struct Part {
    /// The whole file.
    pub file: File,
    /// The offset of the next byte.
    pub at: u64,
    /// The bytes that are left.
    pub left: u64,
}

impl Read for Part {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = to.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.file.read_at(&mut to[..most], self.at)?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}
