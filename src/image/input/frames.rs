//! Our own zstd frames, unpacked on all processors.
//!
//! Each frame stands behind a skippable one that tells its length (magic 0x184D2A50, as pzstd has it), so that it can be cut out without being
//! understood. This thread cuts, workers unpack, and who reads gets them in order. A frame without that, or a large one, makes the rest an
//! ordinary stream.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use zstd::zstd_safe;

use super::raw::Raw;
use super::stream::{Bin, Piece};
use super::unpack::{Compression, Slot, streams};
use crate::error;

/// The frame before a frame: its magic and the length of what it holds, then that: the length of the frame.
pub const SIGN: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0];
const BEFORE: usize = SIGN.len() + 4;
/// The most content of a frame that is unpacked apart; ours have 4 MiB.
const CONTENT: usize = 8 << 20;
/// What cannot be compressed becomes a little larger.
const LARGEST: usize = CONTENT + CONTENT / 128 + 1024;
/// More threads than this would take more memory than they save time.
const WORKERS: usize = 4;
/// Unpacked frames that wait, are worked on or are held by who reads: with ours 20 MiB.
const UNPACKED: usize = 5;
/// A frame's header has at most so many bytes.
const HEADER: usize = 18;

struct Job {
    frame: Vec<u8>,
    len: usize,
    /// Where it goes, with room for just this content.
    out: Vec<u8>,
    content: usize,
    to: SyncSender<Result<Piece>>,
}

/// Unpacks all frames.
///
/// # Errors
/// As [`streams`].
pub fn unpack(raw: &mut Raw, to: &SyncSender<Slot>) -> Result<()> {
    let (compressed, bin) = (Bin::default(), Bin::bounded(UNPACKED));
    let mut workers = None;
    loop {
        let Some((len, content)) = next(raw)? else { return streams(raw, Compression::Zstd, to) };
        let jobs = match &workers {
            Some(jobs) => jobs,
            None => workers.insert(start(raw.name(), &compressed, &bin)?),
        };
        let mut frame = compressed.take(len);
        let got = skip(raw).and_then(|()| raw.read_exact(&mut frame[..len]));
        raw.checked(got)?;
        // Taken here and not by the workers, so that the next in order always has one.
        let out = bin.take(content);
        let (result, later) = sync_channel(1);
        // First the place in the order, which bounds how many are under way.
        if to.send(Slot::Later(later)).is_err() || jobs.send(Job { frame, len, out, content, to: result }).is_err() {
            return Ok(());
        }
    }
}

/// Length and content of the frame that stands next, if it can be unpacked apart.
fn next(raw: &mut Raw) -> Result<Option<(usize, usize)>> {
    let start = raw.peek(BEFORE + HEADER).map(|b| b[..b.len().min(BEFORE + HEADER)].to_vec());
    let start = raw.checked(start)?;
    Ok(measured(&start))
}

fn measured(start: &[u8]) -> Option<(usize, usize)> {
    let len = start.strip_prefix(&SIGN)?.first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|n| *n <= LARGEST)?;
    let frame = start.get(BEFORE..)?;
    let content = zstd_safe::get_frame_content_size(frame).ok()??;
    let content = usize::try_from(content).ok().filter(|n| *n <= CONTENT)?;
    frame.starts_with(b"\x28\xb5\x2f\xfd").then_some((len, content))
}

fn skip(raw: &mut Raw) -> io::Result<()> {
    raw.read_exact(&mut [0; BEFORE])
}

/// As many workers as there are processors. They end when the sender is dropped.
fn start(name: &str, compressed: &Bin, bin: &Bin) -> Result<SyncSender<Job>> {
    let count = thread::available_parallelism().map_or(1, usize::from).min(WORKERS);
    let (jobs, queue) = sync_channel::<Job>(1);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..count {
        let (name, queue, compressed, bin) = (name.to_owned(), Arc::clone(&queue), compressed.clone(), bin.clone());
        thread::Builder::new()
            .name("unpack".to_owned())
            .spawn(move || work(&name, &queue, &compressed, &bin))
            .context("starting a thread")?;
    }
    Ok(jobs)
}

fn work(name: &str, queue: &Mutex<Receiver<Job>>, compressed: &Bin, bin: &Bin) {
    let mut context = zstd_safe::DCtx::create();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let mut out = job.out;
        let got = context.decompress(&mut out[..job.content], job.frame.get(..job.len).unwrap_or_default());
        compressed.give(job.frame);
        let piece = match got {
            Ok(n) if n == job.content => Ok(Piece::of(bin.fill(out, n))),
            Ok(_) => Err(error::IMAGE_DAMAGED.because(format!("{name}: a frame has another size than it says"))),
            Err(code) => {
                let why = zstd_safe::get_error_name(code);
                Err(error::IMAGE_DAMAGED.because(format!("{name}: what is compressed in it is damaged: {why}")))
            }
        };
        let _ = job.to.send(piece);
    }
}
