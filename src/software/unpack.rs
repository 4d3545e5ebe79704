//! Compressed parts of packages and indexes, unpacked as a stream on this thread.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use anyhow::Result;

use crate::archive::input::compression::Compression;
use crate::archive::input::stream::{SharedBytes, Source};

/// The most memory that unpacking xz may take, bytes (level 9 needs 65 MiB).
const XZ_MEMORY: u64 = 192 << 20;
/// The largest window of zstd that is unpacked: 128 MiB.
const ZSTD_WINDOW: u32 = 27;
const CHUNK: usize = 64 << 10;

/// What `from` holds, unpacked if it is compressed by gzip, xz or zstd.
///
/// # Errors
/// What reading says, or that it is compressed in another way.
pub fn unpacked<R: Read + Send + 'static>(from: R) -> io::Result<Box<dyn Read + Send>> {
    let mut from = BufReader::with_capacity(CHUNK, from);
    Ok(match Compression::detect(from.fill_buf()?) {
        Compression::None => Box::new(from),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(from)),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY,
                liblzma::stream::CONCATENATED,
            )?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(from, stream))
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(from)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
        Compression::Other(program) => {
            return Err(io::Error::other(format!(
                "it is compressed with {program}, which is not read here"
            )));
        }
    })
}

/// A part of a file.
pub struct Part {
    pub file: File,
    pub at: u64,
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

/// Bytes on their way into the reader of tar archives.
pub struct Bytes<R>(pub R);

impl<R: Read + Send> Source for Bytes<R> {
    fn next(&mut self) -> Result<Option<SharedBytes>> {
        let mut buffer = vec![0; CHUNK];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(n) => {
                    buffer.truncate(n);
                    return Ok(Some(SharedBytes::new(buffer.into())));
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}
