//! Starts the threads that read and unpack an archive.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Result;

use super::compression::Compression;
use super::frames;
use super::raw::Raw;
use super::stream::{BufferPool, SharedBytes, Source};
use super::streams::{BufferFiller, CHUNK, StreamItem, send, streams};
use crate::error;
use crate::host::threads;

/// How many buffers may wait.
const MAX_WAITING: usize = 6;

/// The bytes that threads bring.
struct Threads {
    items: Option<Receiver<StreamItem>>,
    endless: bool,
}

impl Source for Threads {
    fn next(&mut self) -> Result<Option<SharedBytes>> {
        let Some(items) = &self.items else { return Ok(None) };
        let died = || {
            error::IMAGE_READ.with_remedy(
                "the thread that reads the image ended",
                "this is a mistake in altdisk: please report it",
            )
        };
        let piece = match items.recv().map_err(|_| died())? {
            StreamItem::Ready(piece) => piece,
            StreamItem::Pending(piece) => piece.recv().map_err(|_| died())?,
            StreamItem::End => {
                self.items = None;
                return Ok(None);
            }
        };
        piece.map(Some).inspect_err(|_| self.items = None)
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
    let compression = Compression::detect(&start);
    if let Compression::Other(program) = compression {
        let name = raw.name();
        let unpack = match program {
            "unzip" | "7z" => format!("unpack it with {program} first, and name the archive in it"),
            _ => format!("unpack it on the way: {program} -dc {name} | alt_disk_install -d - ..."),
        };
        return Err(error::IMAGE_COMPRESSION
            .with_remedy(format!("{name} is compressed with {program}"), unpack));
    }
    let (to, items) = sync_channel(MAX_WAITING);
    let work = move || {
        let done = match compression {
            Compression::None => plain(&mut raw, &to),
            Compression::Zstd => frames::unpack(&mut raw, &to),
            _ => streams(&mut raw, compression, BufferFiller::default(), &to),
        };
        // Nobody listens: the reader has gone.
        let _ = to.send(match done {
            Ok(()) => StreamItem::End,
            Err(e) => StreamItem::Ready(Err(e)),
        });
    };
    threads::start("input", work)?;
    Ok(Box::new(Threads {
        items: Some(items),
        endless: endless && compression == Compression::None,
    }))
}

/// Nothing to unpack: what is read is handed on.
fn plain(raw: &mut Raw, to: &SyncSender<StreamItem>) -> Result<()> {
    let pool = BufferPool::default();
    // Pipes bring little at a time, tapes whole blocks.
    let size = CHUNK.max(raw.size()) + raw.size();
    loop {
        let mut buffer = pool.take(size);
        let filled = raw.fill(&mut buffer, CHUNK);
        let n = raw.checked(filled)?;
        if n == 0 || !send(to, SharedBytes::new(pool.fill(buffer, n))) {
            return Ok(());
        }
    }
}
