//! Our own zstd frames, unpacked on all processors.
//!
//! Each frame stands behind a skippable one that tells its length (magic 0x184D2A50, as pzstd has
//! it), so that it can be cut out without being understood. This thread cuts, workers unpack, and
//! who reads gets them in order. A frame without that, or a large one, makes the rest an ordinary
//! stream.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use zstd::zstd_safe;

use super::compression::Compression;
use super::raw::Raw;
use super::stream::{BufferPool, SharedBytes};
use super::streams::{BufferFiller, StreamItem, streams};
use crate::archive::output::pack::{self, SKIPPABLE_FRAME};
use crate::error;
use crate::host::threads;

const BEFORE: usize = SKIPPABLE_FRAME.len() + 4;
/// The most content of a frame that is unpacked apart: ours have no more.
const MAX_CONTENT: usize = pack::MAX_CHUNK;
/// Frames with less are unpacked here, several into one buffer: a piece of the archive costs memory
/// however small it is.
const SMALL: usize = 64 << 10;
/// Incompressible content becomes a little larger.
const MAX_FRAME: usize = MAX_CONTENT + MAX_CONTENT / 128 + 1024;
/// More threads than this would take more memory than they save time.
const MAX_WORKERS: usize = 4;
/// Bytes in unpacked frames that wait, are worked on or are held by who reads: five of ours.
const MAX_UNPACKED: usize = 5 * MAX_CONTENT;
/// Buffers for compressed frames have whole multiples of this, so that each fits the next frame.
const BUFFER_UNIT: usize = 1 << 20;
/// A frame's header has at most so many bytes.
const MAX_HEADER: usize = 18;

struct Job {
    frame: Vec<u8>,
    len: usize,
    /// Where it goes, with room for just this content.
    out: Vec<u8>,
    content: usize,
    to: SyncSender<Result<SharedBytes>>,
}

/// Unpacks all frames.
///
/// # Errors
/// As [`streams`].
pub fn unpack(raw: &mut Raw, to: &SyncSender<StreamItem>) -> Result<()> {
    let (compressed, pool) = (BufferPool::default(), BufferPool::bounded(MAX_UNPACKED));
    let mut workers = None;
    let mut filler = BufferFiller::default();
    loop {
        let Some((len, content)) = next(raw)? else {
            return streams(raw, Compression::Zstd, filler, to);
        };
        let skipped = raw.read_exact(&mut [0; BEFORE]);
        raw.checked(skipped)?;
        if content < SMALL {
            let unpacked = small(raw, len, content);
            let unpacked = raw.checked(unpacked)?;
            let pumped = filler.pump(unpacked.as_slice(), to);
            if !raw.checked(pumped)? {
                return Ok(());
            }
            continue;
        }
        if !filler.flush(to) {
            return Ok(());
        }
        let jobs = match &workers {
            Some(jobs) => jobs,
            None => workers.insert(start(raw.name(), &compressed, &pool)?),
        };
        // Taken here and not by the workers, so that the next in order always has one.
        let out = pool.take(content);
        let mut frame = compressed.take(len.next_multiple_of(BUFFER_UNIT));
        let got = raw.read_exact(&mut frame[..len]);
        raw.checked(got)?;
        let (result, later) = sync_channel(1);
        // First the place in the order, which bounds how many are under way.
        if to.send(StreamItem::Pending(later)).is_err()
            || jobs.send(Job { frame, len, out, content, to: result }).is_err()
        {
            return Ok(());
        }
    }
}

/// The content of a small frame.
fn small(raw: &mut Raw, len: usize, content: usize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; len];
    raw.read_exact(&mut frame)?;
    let unpacked = zstd::bulk::decompress(&frame, content)?;
    if unpacked.len() == content {
        Ok(unpacked)
    } else {
        Err(io::Error::other("a frame has another size than it says"))
    }
}

/// Length and content of the frame that stands next, if it can be unpacked apart.
fn next(raw: &mut Raw) -> Result<Option<(usize, usize)>> {
    let start =
        raw.peek(BEFORE + MAX_HEADER).map(|b| b[..b.len().min(BEFORE + MAX_HEADER)].to_vec());
    let start = raw.checked(start)?;
    Ok(measured(&start))
}

fn measured(start: &[u8]) -> Option<(usize, usize)> {
    let len = start.strip_prefix(&SKIPPABLE_FRAME)?.first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|n| *n <= MAX_FRAME)?;
    let frame = start.get(BEFORE..)?;
    let content = zstd_safe::get_frame_content_size(frame).ok()??;
    let content = usize::try_from(content).ok().filter(|n| *n <= MAX_CONTENT)?;
    frame.starts_with(b"\x28\xb5\x2f\xfd").then_some((len, content))
}

/// As many workers as there are processors. They end when the sender is dropped.
fn start(name: &str, compressed: &BufferPool, pool: &BufferPool) -> Result<SyncSender<Job>> {
    let count = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    let (jobs, queue) = sync_channel::<Job>(1);
    let queue = Arc::new(Mutex::new(queue));
    for n in 0..count {
        let (name, queue, compressed, pool) =
            (name.to_owned(), Arc::clone(&queue), compressed.clone(), pool.clone());
        match threads::start("unpack", move || work(&name, &queue, &compressed, &pool)) {
            Err(e) if n == 0 => return Err(e),
            // Those that there are do it.
            Err(_) => break,
            Ok(()) => {}
        }
    }
    Ok(jobs)
}

fn work(name: &str, queue: &Mutex<Receiver<Job>>, compressed: &BufferPool, pool: &BufferPool) {
    let mut context = zstd_safe::DCtx::create();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let mut out = job.out;
        let got = context
            .decompress(&mut out[..job.content], job.frame.get(..job.len).unwrap_or_default());
        compressed.put_back(job.frame);
        // Back into the pool in every case, for the thread that cuts waits for it.
        let filled = SharedBytes::new(pool.fill(out, job.content));
        let piece = match got {
            Ok(n) if n == job.content => Ok(filled),
            Ok(_) => Err(error::IMAGE_DAMAGED
                .with_cause(format!("{name}: a frame has another size than it says"))),
            Err(code) => {
                let why = zstd_safe::get_error_name(code);
                Err(error::IMAGE_DAMAGED
                    .with_cause(format!("{name}: what is compressed in it is damaged: {why}")))
            }
        };
        let _ = job.to.send(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::output::Method;
    use crate::archive::output::pack::Packer;
    use std::sync::atomic::AtomicBool;

    /// What the writer makes of its largest chunk must not pass for a stranger's: all behind it
    /// would be unpacked by one processor.
    #[test]
    fn our_own_frames_are_unpacked_apart() {
        let stopped = AtomicBool::new(false);
        let (packer, feed, line) = Packer::new(Method::Zstd(3), &stopped);
        assert!(packer.chunk() <= pack::MAX_CHUNK);
        assert!(feed.send(vec![7; pack::MAX_CHUNK]));
        drop(feed);
        packer.compress();
        let (head, body) = line.packed().next().unwrap().unwrap();
        assert_eq!(measured(&[head, body.clone()].concat()), Some((body.len(), pack::MAX_CHUNK)));
    }
}
