//! A file's content: holes stay holes, allocated but unwritten space stays so, and a file that
//! changes meanwhile is copied again.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use crate::host::fs_calls::{Errno, Stat, errno, read_ahead, stat_fd};
use crate::host::make;
use crate::tree::content::{
    MAX_TRIES, READ_AHEAD, RETRY_PAUSE, has_changed, may_have_holes, next_data_range,
};
use crate::tree::error::CopyError;
use crate::tree::work::Work;

/// The size of the buffer. It stays in the processor's cache: larger ones are slower.
pub const BUFFER: usize = 128 << 10;

/// Up to this size a file without holes is copied without asking for holes.
const SMALL: u64 = 1 << 20;

/// How a copy ended.
pub struct Copied {
    /// The source's state that the copy has.
    pub stat: Stat,
    /// How often it was copied.
    pub tries: u32,
    /// It changed during the last try, too.
    pub changed: bool,
}

/// Copies the content of `from`, which was `stat` when it was opened, into the empty `to`.
pub fn copy(
    work: &Work<'_>,
    from: &File,
    to: &File,
    stat: &Stat,
    buffer: &mut [u8],
) -> Result<Copied, CopyError> {
    let mut before = *stat;
    for tries in 1.. {
        copy_once(work, from, to, &before, buffer)?;
        let after = stat_fd(from).map_err(CopyError::Source)?;
        let changed = has_changed(&before, &after);
        if !changed || tries == MAX_TRIES {
            return Ok(Copied { stat: after, tries, changed });
        }
        before = after;
        make::truncate(to, 0).map_err(CopyError::Target)?;
        std::thread::sleep(RETRY_PAUSE);
    }
    Err(CopyError::Source(Errno::EAGAIN))
}

fn copy_once(
    work: &Work<'_>,
    from: &File,
    to: &File,
    stat: &Stat,
    buffer: &mut [u8],
) -> Result<(), CopyError> {
    let dense = !may_have_holes(stat);
    if dense && stat.size <= SMALL {
        return copy_range(work, from, to, 0, stat.size, buffer).map(drop);
    }
    make::read_in_order(from);
    let mut at = 0;
    let mut end = 0;
    while at < stat.size {
        let next = next_data_range(from, at, stat.size).map_err(CopyError::Source)?;
        let (data, hole) = next.unwrap_or((stat.size, stat.size));
        if dense && data > at {
            // Allocated but never written (fallocate): stays so if the target can do it.
            match make::allocate(to, at, data - at) {
                Ok(()) => end = data,
                Err(Errno::EOPNOTSUPP) => {}
                Err(e) => return Err(CopyError::Target(e)),
            }
        }
        if data == stat.size {
            break;
        }
        end = copy_range(work, from, to, data, hole, buffer)?;
        at = hole;
    }
    if end < stat.size {
        make::truncate(to, stat.size).map_err(CopyError::Target)?;
    }
    Ok(())
}

/// Copies from `at` to `end`, or to where the file ends; returns that place.
fn copy_range(
    work: &Work<'_>,
    from: &File,
    to: &File,
    mut at: u64,
    end: u64,
    buffer: &mut [u8],
) -> Result<u64, CopyError> {
    let mut ahead = at + READ_AHEAD;
    while at < end {
        if at + READ_AHEAD / 2 >= ahead && ahead < end {
            read_ahead(from.as_fd(), ahead, READ_AHEAD);
            ahead += READ_AHEAD;
        }
        let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let got =
            from.read_at(&mut buffer[..want], at).map_err(|e| CopyError::Source(errno(&e)))?;
        if got == 0 {
            break;
        }
        to.write_all_at(&buffer[..got], at).map_err(|e| CopyError::Target(errno(&e)))?;
        at += got as u64;
        work.count_bytes(got as u64);
        if work.is_stopped() {
            return Err(CopyError::Stopped);
        }
    }
    Ok(at)
}
