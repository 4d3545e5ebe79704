//! One image from its beginning to its end.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use anyhow::Result;

use super::assemble::assemble;
use super::job::{Job, Made};
use super::list::List;
use super::state::Saver;
use super::walk::Walkers;
use crate::archive::output::Output;
use crate::archive::output::pack::Packer;
use crate::error;
use crate::event::Events;
use crate::host::{fs_calls, signals, threads};
use crate::tree::progress::Progress;
use crate::tree::work::{Work, join_all, thread_died};

/// Threads that walk: more than processors, because they wait for the disk.
const WALKER_THREADS: usize = 4;

/// Makes the image and closes it: a file has its name then.
///
/// # Errors
/// ALT-655, ALT-656 if it cannot be written; ALT-660 naming the files that could not be read;
/// ALT-661, ALT-662. If the image is a file, nothing is left of it then.
pub fn create(job: &Job<'_>, out: Output, events: &Events, progress: &Progress) -> Result<Made> {
    fs_calls::raise_open_files();
    let list = List::default();
    let work = Work::new(events, progress, job.verbose, vec![&list]);
    let saver = Saver { job, work, sockets: AtomicU64::new(0) };
    let (out, archive) = run_threads(&saver, &list, out)?;
    let sockets = saver.sockets.into_inner();
    let (failure, report, failed) = saver.work.finish();
    report.warnings(b"/").into_iter().for_each(|w| events.warn(w));
    if sockets > 0 {
        events.note(format!("{sockets} socket(s) are not in the image: an archive cannot hold them, and the programs that use them make them again"));
    }
    if let Some(e) = failure {
        return Err(e);
    }
    if failed.count > 0 {
        return Err(error::IMAGE_INCOMPLETE.with_cause((
            format!("{} file(s) could not be read:", failed.count),
            failed.text(b"/"),
        )));
    }
    if signals::interrupted() {
        return Err(error::IMAGE_STOPPED.with_cause("a signal stopped it"));
    }
    out.finish()?;
    progress.emit(events);
    Ok(Made { report, sockets, archive })
}

/// Starts every thread and waits for all. Returns the archive's length.
fn run_threads(saver: &Saver<'_>, list: &List, mut out: Output) -> Result<(Output, u64)> {
    let work = &saver.work;
    let walkers = Walkers::new(saver, list, out.own_inodes())?;
    let near = out.directory().map(Path::to_owned);
    let (packer, chunks, line) = Packer::new(out.method(), work.stop_flag());
    let interrupted = || error::IMAGE_STOPPED.with_cause("a signal stopped it");
    let archive = std::thread::scope(|s| {
        let _guard = work.stop_on_panic();
        let compress = || {
            let _guard = work.stop_on_panic();
            packer.compress();
        };
        let out = &mut out;
        let write = || {
            let _guard = work.stop_on_panic();
            let written = packer.write(line, out);
            if let Err(e) = written {
                work.fail(out.failed(&e));
            }
        };
        let walk = || {
            let _guard = work.stop_on_panic();
            walkers.run();
        };
        let (mut helpers, mut workers) = (vec![], vec![]);
        let start = || {
            helpers.push(work.start_reporting(s, interrupted)?);
            workers.push(threads::start_in(s, "write", write)?);
            workers.extend(threads::start_some(s, "compress", packer.compressors(), compress)?);
            workers.extend(threads::start_some(s, "walk", WALKER_THREADS, walk)?);
            Ok(())
        };
        let archive = match start() {
            Ok(()) => assemble(saver, &walkers, &packer, chunks, near.as_deref()),
            Err(e) => {
                work.fail(e);
                drop(chunks);
                0
            }
        };
        list.close();
        let worked = join_all(workers);
        work.end();
        if !(join_all(helpers) && worked) {
            work.fail(thread_died("mksysb"));
        }
        archive
    });
    Ok((out, archive))
}
