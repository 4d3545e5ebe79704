//! Reading the content of files that may have holes, and that may change meanwhile.

use std::fs::File;
use std::time::Duration;

use crate::host::fs_calls::{Errno, Stat, Sys, read_ahead};
use crate::host::make;

/// How many times a file that changes while it is read is read.
pub const MAX_TRIES: u32 = 3;

/// How long to wait before a file that changed is read again.
pub const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// How far a large file is read ahead, in bytes.
pub const READ_AHEAD: u64 = 4 << 20;

/// How much of a file is read ahead when it is found; the rest follows while it is read.
const FIRST_READ_AHEAD: u64 = 2 << 20;

/// Starts reading a file that was just found into the cache; returns how many bytes.
pub fn start_reading(file: &File, stat: &Stat) -> u64 {
    if stat.allocated == 0 {
        return 0;
    }
    let bytes = stat.size.min(FIRST_READ_AHEAD);
    read_ahead(file, 0, bytes);
    bytes
}

/// True if a file changed between two looks at it. A new status time means that the content may
/// have changed even if the modification time did not; a link that was made or removed sets it too
/// and is no such change.
pub fn has_changed(before: &Stat, after: &Stat) -> bool {
    after.size != before.size
        || after.mtime != before.mtime
        || (after.ctime != before.ctime && after.nlink == before.nlink)
}

/// True if a file may have holes: fewer bytes are allocated than it is long. What is allocated but
/// was never written counts as data.
pub fn may_have_holes(stat: &Stat) -> bool {
    stat.allocated < stat.size
}

/// The first range with data at or after `from` in a file of `size` bytes, as begin and end; None
/// if only a hole follows. On a file system without holes it is all the rest.
///
/// # Errors
/// The kernel's.
pub fn next_data_range(file: &File, from: u64, size: u64) -> Sys<Option<(u64, u64)>> {
    let begin = match make::next_data(file, from) {
        Ok(Some(begin)) if begin < size => begin,
        Ok(_) => return Ok(None),
        Err(Errno::EINVAL) if from < size => from,
        Err(e) => return Err(e),
    };
    let end = match make::next_hole(file, begin) {
        Ok(end) if end > begin => end.min(size),
        Ok(_) | Err(Errno::EINVAL | Errno::ENXIO) => size,
        Err(e) => return Err(e),
    };
    Ok(Some((begin, end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn ranges_with_data() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"end", 8 << 20).unwrap();
        let size = 16 << 20;
        file.set_len(size).unwrap();
        let mut ranges = vec![];
        let mut at = 0;
        while let Some((begin, end)) = next_data_range(&file, at, size).unwrap() {
            ranges.push((begin, end));
            at = end;
        }
        if ranges != [(0, size)] {
            assert!(ranges[0].0 == 0 && ranges[1].0 <= 8 << 20 && ranges[1].1 < size, "{ranges:?}");
            assert_eq!(ranges.len(), 2, "{ranges:?}");
        }
        assert_eq!(next_data_range(&file, size, size).ok().flatten(), None);
    }

    #[test]
    fn a_new_link_is_no_change() {
        let stat = Stat { size: 1, nlink: 1, ..Stat::default() };
        let mut later = stat;
        assert!(!has_changed(&stat, &later));
        later.ctime.secs = 1;
        assert!(has_changed(&stat, &later));
        later.nlink = 2;
        assert!(!has_changed(&stat, &later));
        later.mtime.nanos = 1;
        assert!(has_changed(&stat, &later));
    }
}
