//! Compression: found by the first bytes, undone in a thread of its own.
//!
//! Streams that follow each other are one archive, as every unpacker has it; zeros behind the last
//! are padding of a tape's block.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Result;

use super::frames;
use super::raw::Raw;
use super::stream::{Bin, Piece, Source};
use crate::error;
use crate::host::threads;

/// Bytes of the buffers that a stream is unpacked into.
const CHUNK: usize = 512 << 10;
/// How many of them may wait.
const WAITING: usize = 6;
/// The most memory that unpacking xz may take, bytes (level 9 needs 65 MiB).
const XZ_MEMORY: u64 = 192 << 20;
/// The largest window of zstd that is unpacked: 128 MiB, as the program's own limit is.
const ZSTD_WINDOW: u32 = 27;

/// How an image is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Zstd,
    Gzip,
    Xz,
    /// The program that unpacks it.
    Other(&'static str),
}

impl Compression {
    /// By the first bytes: a header block of tar, or the sign of a compression.
    pub fn of(start: &[u8]) -> Self {
        if start.get(257..262) == Some(b"ustar") {
            return Self::None;
        }
        let signs: [(&[u8], Self); 12] = [
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\x1f\x8b", Self::Gzip),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"BZh", Self::Other("bzip2")),
            (b"\x04\x22\x4d\x18", Self::Other("lz4")),
            (b"\x02\x21\x4c\x18", Self::Other("lz4")),
            (b"LZIP", Self::Other("lzip")),
            (b"\x89LZO", Self::Other("lzop")),
            (b"\x1f\x9d", Self::Other("gzip")),
            (b"\x5d\0\0", Self::Other("xz")),
            (b"7z\xbc\xaf", Self::Other("7z")),
            (b"PK\x03\x04", Self::Other("unzip")),
        ];
        if is_skippable(start) {
            return Self::Zstd;
        }
        signs
            .iter()
            .find(|(sign, _)| start.starts_with(sign))
            .map_or(Self::None, |(_, found)| *found)
    }
}

/// A frame of zstd's (and lz4's) that holds no data.
pub fn is_skippable(start: &[u8]) -> bool {
    matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What the threads send: a piece, or where one that is not ready yet will come from.
pub enum Slot {
    Ready(Result<Piece>),
    Later(Receiver<Result<Piece>>),
    /// The whole source was read. Without it a thread died.
    End,
}

/// The bytes that threads bring.
struct Threads {
    slots: Option<Receiver<Slot>>,
    endless: bool,
}

impl Source for Threads {
    fn next(&mut self) -> Result<Option<Piece>> {
        let Some(slots) = &self.slots else { return Ok(None) };
        let died = || {
            error::IMAGE_READ.with_remedy(
                "the thread that reads the image ended",
                "this is a mistake in altdisk: please report it",
            )
        };
        let piece = match slots.recv().map_err(|_| died())? {
            Slot::Ready(piece) => piece,
            Slot::Later(piece) => piece.recv().map_err(|_| died())?,
            Slot::End => {
                self.slots = None;
                return Ok(None);
            }
        };
        piece.map(Some).inspect_err(|_| self.slots = None)
    }

    fn ends(&self) -> bool {
        !self.endless
    }
}

/// Starts the threads. `endless`: the medium goes on behind the archive with anything.
///
/// # Errors
/// ALT-632, ALT-638.
pub fn start(mut raw: Raw, endless: bool) -> Result<Box<dyn Source>> {
    let start = raw.peek(512).map(<[u8]>::to_vec);
    let start = raw.checked(start)?;
    let compression = Compression::of(&start);
    if let Compression::Other(program) = compression {
        let name = raw.name();
        let unpack = match program {
            "unzip" | "7z" => format!("unpack it with {program} first, and name the archive in it"),
            _ => format!("unpack it on the way: {program} -dc {name} | alt_disk_install -d - ..."),
        };
        return Err(error::IMAGE_COMPRESSION
            .with_remedy(format!("{name} is compressed with {program}"), unpack));
    }
    let (to, slots) = sync_channel(WAITING);
    let work = move || {
        let done = match compression {
            Compression::None => plain(&mut raw, &to),
            Compression::Zstd => frames::unpack(&mut raw, &to),
            _ => streams(&mut raw, compression, Filling::default(), &to),
        };
        // Nobody listens: the reader has gone.
        let _ = to.send(match done {
            Ok(()) => Slot::End,
            Err(e) => Slot::Ready(Err(e)),
        });
    };
    threads::start("input", work)?;
    Ok(Box::new(Threads {
        slots: Some(slots),
        endless: endless && compression == Compression::None,
    }))
}

/// Sends a piece on; false when nobody wants more.
pub fn send(to: &SyncSender<Slot>, piece: Piece) -> bool {
    piece.is_empty() || to.send(Slot::Ready(Ok(piece))).is_ok()
}

/// Nothing to unpack: what is read is handed on.
fn plain(raw: &mut Raw, to: &SyncSender<Slot>) -> Result<()> {
    let bin = Bin::default();
    // Pipes bring little at a time, tapes whole blocks.
    let size = CHUNK.max(raw.size()) + raw.size();
    loop {
        let mut buffer = bin.take(size);
        let filled = raw.fill(&mut buffer, CHUNK);
        let n = raw.checked(filled)?;
        if n == 0 || !send(to, Piece::of(bin.fill(buffer, n))) {
            return Ok(());
        }
    }
}

/// What is unpacked of streams, however small they are, on its way into pieces of one size: a piece
/// keeps a whole buffer.
#[derive(Default)]
pub struct Filling {
    bin: Bin,
    buffer: Vec<u8>,
    have: usize,
}

impl Filling {
    /// Everything that `from` has; false when nobody wants more.
    ///
    /// # Errors
    /// What `from` says.
    pub fn pump(&mut self, mut from: impl Read, to: &SyncSender<Slot>) -> io::Result<bool> {
        loop {
            if self.buffer.is_empty() {
                self.buffer = self.bin.take(CHUNK);
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
    pub fn flush(&mut self, to: &SyncSender<Slot>) -> bool {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            return true;
        }
        let have = std::mem::take(&mut self.have);
        send(to, Piece::of(self.bin.fill(buffer, have)))
    }
}

/// Streams or frames, one behind the other; `filling` may have something already.
///
/// # Errors
/// ALT-632 to 634, ALT-638.
pub fn streams(
    raw: &mut Raw,
    compression: Compression,
    mut filling: Filling,
    to: &SyncSender<Slot>,
) -> Result<()> {
    loop {
        let start = raw.peek(6).map(<[u8]>::to_vec);
        let start = raw.checked(start)?;
        if start.iter().all(|b| *b == 0) {
            filling.flush(to);
            return zeros(raw);
        }
        if start.len() < 4 {
            return Err(raw.error(&io::ErrorKind::UnexpectedEof.into()));
        }
        if Compression::of(&start) != compression {
            return Err(error::IMAGE_DAMAGED
                .with_cause(format!("{}: other data follow what is compressed", raw.name())));
        }
        let unpacked = match compression {
            Compression::Zstd => zstd(raw).and_then(|d| filling.pump(d, to)),
            Compression::Xz => xz(raw).and_then(|d| filling.pump(d, to)),
            _ => filling.pump(flate2::bufread::GzDecoder::new(&mut *raw), to),
        };
        match unpacked {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(e) => {
                // The damage is behind what was unpacked before it.
                filling.flush(to);
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
    let text = e.to_string();
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
