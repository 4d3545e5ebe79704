//! Unpacks compressed streams, one after the other.
//!
//! Streams that follow each other are one archive, as every unpacker has it; zeros behind the last
//! are padding of a tape's block.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender};

use anyhow::Result;

use super::compression::Compression;
use super::raw::Raw;
use super::stream::{BufferPool, SharedBytes};
use crate::error;

/// Bytes of the buffers that a stream is unpacked into.
pub const CHUNK: usize = 512 << 10;
/// The most memory that unpacking xz may take, bytes (level 9 needs 65 MiB).
const XZ_MEMORY: u64 = 192 << 20;
/// The largest window of zstd that is unpacked: 128 MiB, as the program's own limit is.
const ZSTD_WINDOW: u32 = 27;

/// An item that the threads send.
pub enum StreamItem {
    /// Bytes, or the error that ended the stream.
    Ready(Result<SharedBytes>),
    /// Something that is not ready yet.
    Pending(Receiver<Result<SharedBytes>>),
    /// The whole source was read. Without it a thread died.
    End,
}

/// Sends a piece on; false when nobody wants more.
pub fn send(to: &SyncSender<StreamItem>, piece: SharedBytes) -> bool {
    piece.is_empty() || to.send(StreamItem::Ready(Ok(piece))).is_ok()
}

/// Collects the unpacked bytes of streams, however small those are, in buffers of one size: each
/// piece that is sent keeps a whole buffer.
#[derive(Default)]
pub struct BufferFiller {
    pool: BufferPool,
    buffer: Vec<u8>,
    have: usize,
}

impl BufferFiller {
    /// Everything that `from` has; false when nobody wants more.
    ///
    /// # Errors
    /// Those of `from`.
    pub fn pump(&mut self, mut from: impl Read, to: &SyncSender<StreamItem>) -> io::Result<bool> {
        loop {
            if self.buffer.is_empty() {
                self.buffer = self.pool.take(CHUNK);
            }
            match from.read(&mut self.buffer[self.have..])? {
                0 => return Ok(true),
                n => self.have += n,
            }
            if self.have == self.buffer.len() && !self.flush(to) {
                return Ok(false);
            }
        }
    }

    /// Sends what there is; false when nobody wants it.
    pub fn flush(&mut self, to: &SyncSender<StreamItem>) -> bool {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            return true;
        }
        let have = std::mem::take(&mut self.have);
        send(to, SharedBytes::new(self.pool.fill(buffer, have)))
    }
}

/// Streams or frames, one behind the other; `filler` may have something already.
///
/// # Errors
/// ALT-632 to 634, ALT-638.
pub fn streams(
    raw: &mut Raw,
    compression: Compression,
    mut filler: BufferFiller,
    to: &SyncSender<StreamItem>,
) -> Result<()> {
    loop {
        let start = raw.peek(6).map(<[u8]>::to_vec);
        let start = raw.checked(start)?;
        if start.iter().all(|b| *b == 0) {
            filler.flush(to);
            return zeros(raw);
        }
        if start.len() < 4 {
            return Err(raw.error(&io::ErrorKind::UnexpectedEof.into()));
        }
        if Compression::detect(&start) != compression {
            return Err(error::IMAGE_DAMAGED
                .with_cause(format!("{}: other data follow what is compressed", raw.name())));
        }
        let unpacked = match compression {
            Compression::Zstd => zstd(raw).and_then(|d| filler.pump(d, to)),
            Compression::Xz => xz(raw).and_then(|d| filler.pump(d, to)),
            _ => filler.pump(flate2::bufread::GzDecoder::new(&mut *raw), to),
        };
        match unpacked {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(e) => {
                // The damage is behind what was unpacked before it.
                filler.flush(to);
                return Err(too_large(&e, raw).unwrap_or_else(|| raw.error(&e)));
            }
        }
    }
}

fn zstd(raw: &mut Raw) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW)?;
    Ok(decoder)
}

fn xz(raw: &mut Raw) -> io::Result<impl Read> {
    let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0)?;
    Ok(liblzma::bufread::XzDecoder::new_stream(raw, stream))
}

/// Unpacking that would take more memory than it may.
fn too_large(e: &io::Error, raw: &Raw) -> Option<anyhow::Error> {
    let text = error::text_of(e);
    let xz = e.get_ref().and_then(|e| e.downcast_ref::<liblzma::stream::Error>())
        == Some(&liblzma::stream::Error::MemLimit);
    let command = match () {
        () if xz => "xz -dc",
        () if text.contains("too much memory") => "zstd --long=31 -dc",
        () => return None,
    };
    let name = raw.name();
    let cause = format!("{name}: unpacking it takes more memory than altdisk gives to it");
    Some(error::IMAGE_COMPRESSION.with_remedy(
        cause,
        format!("unpack it on the way: {command} {name} | alt_disk_install -d - ..."),
    ))
}

/// Nothing but zeros to the end.
fn zeros(raw: &mut Raw) -> Result<()> {
    loop {
        let some = raw.fill_buf().map(|b| (b.len(), b.iter().all(|b| *b == 0)));
        match raw.checked(some)? {
            (0, _) => return Ok(()),
            (n, true) => raw.consume(n),
            (_, false) => {
                return Err(error::IMAGE_DAMAGED
                    .with_cause(format!("{}: other data follow what is compressed", raw.name())));
            }
        }
    }
}
