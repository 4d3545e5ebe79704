//! A file's content: holes stay holes, what is allocated and empty stays so, and what changes
//! meanwhile is copied again.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::run::{Fault, Run};
use crate::host::make;
use crate::host::tree::{Errno, Stat, errno, read_ahead, stat_fd};

/// Stays in the processor's cache: larger ones are slower.
pub const BUFFER: usize = 128 << 10;

/// How often a file that changes while it is copied is copied.
const TRIES: u32 = 3;

/// A file without holes below this size is not asked for them.
const SMALL: u64 = 1 << 20;

/// How far a large file is read ahead, and in which steps.
const AHEAD: u64 = 4 << 20;

/// How a copy ended.
pub struct Copied {
    /// The source's state that the copy has.
    pub stat: Stat,
    /// How often it was copied.
    pub tries: u32,
    /// It changed during the last try, too.
    pub torn: bool,
}

/// Copies the content of `from`, which was `stat` when it was opened, into the empty `to`.
pub fn copy(
    run: &Run<'_>,
    from: &File,
    to: &File,
    stat: &Stat,
    buffer: &mut [u8],
) -> Result<Copied, Fault> {
    let mut before = *stat;
    for tries in 1.. {
        once(run, from, to, &before, buffer)?;
        let after = stat_fd(from).map_err(Fault::Source)?;
        // A change of status says that content may have changed though the times say no; a link
        // made or removed says so too, and is none.
        let torn = after.size != before.size
            || after.mtime != before.mtime
            || (after.ctime != before.ctime && after.nlink == before.nlink);
        if !torn || tries == TRIES {
            return Ok(Copied { stat: after, tries, torn });
        }
        before = after;
        make::truncate(to, 0).map_err(Fault::Target)?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Fault::Source(Errno::EAGAIN))
}

fn once(
    run: &Run<'_>,
    from: &File,
    to: &File,
    stat: &Stat,
    buffer: &mut [u8],
) -> Result<(), Fault> {
    let dense = stat.allocated >= stat.size;
    if dense && stat.size <= SMALL {
        return range(run, from, to, 0, stat.size, buffer).map(drop);
    }
    make::read_in_order(from);
    let mut at = 0;
    let mut end = 0;
    while at < stat.size {
        let data = match make::next_data(from, at) {
            Ok(Some(data)) if data < stat.size => data,
            Ok(_) => stat.size,
            // The file system knows no holes.
            Err(Errno::EINVAL) => at,
            Err(e) => return Err(Fault::Source(e)),
        };
        if dense && data > at {
            // Allocated but never written (fallocate): stays so where the target can.
            match make::allocate(to, at, data - at) {
                Ok(()) => end = data,
                Err(Errno::EOPNOTSUPP) => {}
                Err(e) => return Err(Fault::Target(e)),
            }
        }
        if data == stat.size {
            break;
        }
        let hole = match make::next_hole(from, data) {
            Ok(hole) if hole > data => hole.min(stat.size),
            Ok(_) | Err(Errno::EINVAL | Errno::ENXIO) => stat.size,
            Err(e) => return Err(Fault::Source(e)),
        };
        end = range(run, from, to, data, hole, buffer)?;
        at = hole;
    }
    if end < stat.size { make::truncate(to, stat.size).map_err(Fault::Target) } else { Ok(()) }
}

/// Copies from `at` to `end`, or to where the file ends; returns that place.
fn range(
    run: &Run<'_>,
    from: &File,
    to: &File,
    mut at: u64,
    end: u64,
    buffer: &mut [u8],
) -> Result<u64, Fault> {
    let mut ahead = at + AHEAD;
    while at < end {
        if at + AHEAD / 2 >= ahead && ahead < end {
            read_ahead(from.as_fd(), ahead, AHEAD);
            ahead += AHEAD;
        }
        let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let got = from.read_at(&mut buffer[..want], at).map_err(|e| Fault::Source(errno(&e)))?;
        if got == 0 {
            break;
        }
        to.write_all_at(&buffer[..got], at).map_err(|e| Fault::Target(errno(&e)))?;
        at += got as u64;
        run.wrote(got as u64);
        if run.stopped.load(Ordering::Relaxed) {
            return Err(Fault::Stopped);
        }
    }
    Ok(at)
}
