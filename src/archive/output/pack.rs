//! Chunks of an archive, compressed on every processor, each for itself, and written in their
//! order.
//!
//! A zstd chunk is a frame that tells its content's size and has a checksum; before it stands a
//! skippable frame with its length, as pzstd does, so that a reader can find the frames without
//! decompressing and unpack them on every processor too. gzip chunks are members, xz chunks
//! streams: all three are what the format allows, and the plain tools read them as one.
//!
//! The number of chunks under way is bounded: as many as there are compressors, one that is filled,
//! one that is written; buffers are used again.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::Output;
use super::method::Method;
use zstd::zstd_safe::CParameter;

use crate::error;

/// The skippable frame before each zstd frame (pzstd's): its magic number, little-endian, and the
/// size of what it holds, which is the length of the frame behind it.
pub const SKIPPABLE_FRAME: [u8; 8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0];

/// A chunk is full with this much content, or with less if more processors share what may be
/// compressed at a time.
pub const CHUNK: usize = 4 << 20;

/// The most a chunk holds: one that is nearly full still gets a whole small file and its headers.
pub const MAX_CHUNK: usize = CHUNK + (1 << 20);

/// The work of this many processors fits into 64 MiB.
const MAX_COMPRESSORS: usize = 8;

/// How much is compressed between two checks for a stop.
const PIECE: usize = 64 << 10;

/// The level whose tables are made half as large (together 384 KiB): they stay in the processor's
/// second cache then, beside the content. Measured on a system's files: a sixth less time for an
/// image that is a hundredth larger.
const DEFAULT_LEVEL: i32 = 3;

/// How much content may be compressed at a time in total.
const MAX_IN_WORK: usize = 8 << 20;

type Packed = io::Result<(Vec<u8>, Vec<u8>)>;

struct Chunk {
    content: Vec<u8>,
    done: SyncSender<Packed>,
}

/// Shared by the threads of one image.
pub struct Packer<'a> {
    /// Set when nobody needs the rest.
    stopped: &'a AtomicBool,
    method: Method,
    compressors: usize,
    chunk: usize,
    spare: Mutex<Vec<Vec<u8>>>,
    work: Mutex<Receiver<Chunk>>,
}

/// The receiving end: chunks in the order in which they were sent.
pub struct PackedChunks(Receiver<Receiver<Packed>>);

/// The sending end. Dropping it ends the archive.
pub struct ChunkSender {
    work: SyncSender<Chunk>,
    order: SyncSender<Receiver<Packed>>,
}

impl<'a> Packer<'a> {
    /// The compressors, and both ends of the queue of chunks.
    pub fn new(method: Method, stopped: &'a AtomicBool) -> (Self, ChunkSender, PackedChunks) {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let compressors =
            if method == Method::None { 1 } else { processors.clamp(1, MAX_COMPRESSORS) };
        let (work, chunks) = sync_channel(compressors);
        let (order, packed) = sync_channel(compressors);
        let packer = Self {
            stopped,
            method,
            compressors,
            chunk: (MAX_IN_WORK / compressors).clamp(1 << 20, CHUNK),
            spare: Mutex::default(),
            work: Mutex::new(chunks),
        };
        (packer, ChunkSender { work, order }, PackedChunks(packed))
    }

    /// Threads that [`Packer::compress`].
    pub fn compressors(&self) -> usize {
        self.compressors
    }

    /// Bytes of content in a chunk; the last file may make it a little longer.
    pub fn chunk(&self) -> usize {
        self.chunk
    }

    /// An empty buffer.
    pub fn buffer(&self) -> Vec<u8> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }

    /// A compressor thread.
    pub fn compress(&self) {
        let mut engine = Engine::new(self.method);
        loop {
            let chunk = self.work.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(chunk) = chunk else { return };
            let packed = match &mut engine {
                Ok(None) => Ok((Vec::new(), chunk.content)),
                Ok(Some(engine)) => {
                    let mut out = self.buffer();
                    let done =
                        engine.pack(&chunk.content, &mut out, self.stopped).map(|head| (head, out));
                    self.give_back(chunk.content);
                    done
                }
                Err(e) => Err(io::Error::new(e.kind(), error::text_of(e))),
            };
            // Nobody waits for it any more when all was stopped.
            let _ = chunk.done.send(packed);
        }
    }

    /// The writing thread: every chunk in its turn.
    ///
    /// # Errors
    /// The kernel's, or a compressor's. Then no chunk is taken any more.
    pub fn write(&self, line: PackedChunks, out: &mut Output) -> io::Result<()> {
        for packed in line.packed() {
            let (head, body) = packed?;
            out.write(&head)?;
            out.write(&body)?;
            self.give_back(body);
        }
        Ok(())
    }
}

impl PackedChunks {
    /// The header before each chunk, and the chunk, compressed.
    pub fn packed(self) -> impl Iterator<Item = Packed> {
        let died = |_| {
            Err(io::Error::other(
                "a thread of the compressor ended early; this is a bug of altdisk",
            ))
        };
        self.0.into_iter().map(move |packed| packed.recv().unwrap_or_else(died))
    }
}

impl ChunkSender {
    /// Sends a chunk; waits while too many are under way. False if nobody receives it any more.
    pub fn send(&self, content: Vec<u8>) -> bool {
        let (done, packed) = sync_channel(1);
        self.order.send(packed).is_ok() && self.work.send(Chunk { content, done }).is_ok()
    }
}

/// One thread's compressor, used again for every chunk.
enum Engine {
    Zstd(Box<zstd::bulk::Compressor<'static>>),
    Gzip(u32),
    Xz(u32),
}

impl Engine {
    fn new(method: Method) -> io::Result<Option<Self>> {
        Ok(Some(match method {
            Method::None => return Ok(None),
            Method::Zstd(level) => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                if level == DEFAULT_LEVEL {
                    compressor.set_parameter(CParameter::HashLog(16))?;
                    compressor.set_parameter(CParameter::ChainLog(15))?;
                }
                Self::Zstd(Box::new(compressor))
            }
            Method::Gzip(level) => Self::Gzip(level),
            Method::Xz(level) => Self::Xz(level),
        }))
    }

    /// Compresses into `out`; returns what stands before it.
    fn pack(
        &mut self,
        content: &[u8],
        out: &mut Vec<u8>,
        stopped: &AtomicBool,
    ) -> io::Result<Vec<u8>> {
        // Slow ones look again and again whether they may stop.
        let pieces = |to: &mut dyn Write| {
            content.chunks(PIECE).try_for_each(|piece| {
                if stopped.load(Ordering::Relaxed) { Err(gone()) } else { to.write_all(piece) }
            })
        };
        match self {
            _ if stopped.load(Ordering::Relaxed) => Err(gone()),
            Self::Zstd(compressor) => {
                out.reserve(zstd::zstd_safe::compress_bound(content.len()));
                compressor.compress_to_buffer(content, out)?;
                let length = u32::try_from(out.len()).map_err(io::Error::other)?;
                Ok([SKIPPABLE_FRAME.as_slice(), &length.to_le_bytes()].concat())
            }
            Self::Gzip(level) => {
                let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::new(*level));
                pieces(&mut gzip)?;
                gzip.finish().map(|_| Vec::new())
            }
            Self::Xz(level) => {
                let mut xz = liblzma::write::XzEncoder::new(out, *level);
                pieces(&mut xz)?;
                xz.finish().map(|_| Vec::new())
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("stopped")
}
