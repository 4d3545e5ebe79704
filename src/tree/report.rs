//! The report at the end of a copy. Lists are cut, so that a tree of nothing but bad files does
//! not fill the memory.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error;
use crate::host::fs_calls::Errno;
use crate::text::path::show_path;
use crate::text::printable::Message;

/// At most this many paths of a list are kept; the rest is only counted.
const MAX_PATHS: usize = 100;

/// How many of them one message names.
const MAX_PATHS_SHOWN: usize = 10;

/// Paths, relative to the tree's top, with what there is to say of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathList {
    pub first: Vec<(Vec<u8>, String)>,
    pub count: u64,
}

impl PathList {
    fn add(&mut self, path: Vec<u8>, what: String) {
        if self.first.len() < MAX_PATHS {
            self.first.push((path, what));
        }
        self.count += 1;
    }

    /// The paths below `prefix`, for a message.
    pub fn text(&self, prefix: &[u8]) -> String {
        let mut out = String::new();
        for (path, what) in self.first.iter().take(MAX_PATHS_SHOWN) {
            let _ = write!(out, "\n  {}", show_path(&absolute_path(prefix, path)));
            if !what.is_empty() {
                let _ = write!(out, ": {what}");
            }
        }
        let more = self.count.saturating_sub(MAX_PATHS_SHOWN as u64);
        if more > 0 {
            let _ = write!(out, "\n  and {more} more");
        }
        out
    }
}

/// The path in the running system of `path` in a tree that is at `prefix` there.
pub fn absolute_path(prefix: &[u8], path: &[u8]) -> Vec<u8> {
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    if path.is_empty() && !prefix.is_empty() {
        prefix.to_vec()
    } else {
        [prefix, b"/", path].concat()
    }
}

/// The results of a copy. Paths are relative to the tree's top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Names made, directories among them.
    pub files: u64,
    /// Bytes of content written.
    pub bytes: u64,
    /// Names that the exclude list took.
    pub excluded: u64,
    /// Names that were left out whatever the list says; a directory's content counts as one.
    pub left_out: u64,
    /// Files that changed while they were copied, and were copied again.
    pub recopied: u64,
    /// Files that changed every time: their copy may not be of one moment.
    pub changing: PathList,
    pub vanished: PathList,
    /// btrfs subvolumes (other file systems) in the tree: an empty directory stands for each.
    pub subvolumes: PathList,
    /// Metadata that the target cannot keep: what, how often, and the first file.
    pub not_kept: Vec<(String, u64, Vec<u8>)>,
}

/// The report while it grows.
#[derive(Debug, Default)]
pub struct Tally {
    pub files: AtomicU64,
    pub bytes: AtomicU64,
    pub excluded: AtomicU64,
    pub left_out: AtomicU64,
    pub recopied: AtomicU64,
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    changing: PathList,
    vanished: PathList,
    subvolumes: PathList,
    failed: PathList,
    not_kept: BTreeMap<String, (u64, Vec<u8>)>,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that changed every time it was copied.
    pub fn add_changing(&self, path: Vec<u8>) {
        self.lock().changing.add(path, String::new());
    }

    /// A file that disappeared before it was copied.
    pub fn add_vanished(&self, path: Vec<u8>) {
        self.lock().vanished.add(path, String::new());
    }

    /// A subvolume that is not copied.
    pub fn add_subvolume(&self, path: Vec<u8>) {
        self.lock().subvolumes.add(path, String::new());
    }

    /// A file that could not be copied, and why.
    pub fn add_failed(&self, path: Vec<u8>, why: String) {
        self.lock().failed.add(path, why);
    }

    /// Metadata that the target cannot keep.
    pub fn add_not_kept(&self, what: &str, e: Errno, path: Vec<u8>) {
        let mut lists = self.lock();
        let key = format!("{what} ({})", error::text_of(&e));
        // Attributes can have any names: not each deserves a line of its own.
        let key = if lists.not_kept.len() >= MAX_PATHS && !lists.not_kept.contains_key(&key) {
            "other metadata".to_owned()
        } else {
            key
        };
        lists.not_kept.entry(key).or_insert((0, path)).0 += 1;
    }

    /// The finished report, and the files that could not be copied.
    pub fn finish(self) -> (Report, PathList) {
        let lists = self.lists.into_inner().unwrap_or_else(PoisonError::into_inner);
        let report = Report {
            files: self.files.into_inner(),
            bytes: self.bytes.into_inner(),
            excluded: self.excluded.into_inner(),
            left_out: self.left_out.into_inner(),
            recopied: self.recopied.into_inner(),
            changing: lists.changing,
            vanished: lists.vanished,
            subvolumes: lists.subvolumes,
            not_kept: lists
                .not_kept
                .into_iter()
                .map(|(what, (count, path))| (what, count, path))
                .collect(),
        };
        (report, lists.failed)
    }

    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

impl Report {
    /// The warnings for the user.
    pub fn warnings(&self, prefix: &[u8]) -> Vec<Message> {
        let mut out: Vec<Message> = vec![];
        let mut list = |list: &PathList, what: &str| {
            if list.count > 0 {
                out.push((format!("{} {what}:", list.count), list.text(prefix)).into());
            }
        };
        list(
            &self.changing,
            "file(s) kept changing while they were copied; their copy may not be of one moment",
        );
        list(&self.vanished, "file(s) disappeared before they were copied");
        list(
            &self.subvolumes,
            "subvolume(s) or other file systems are in the tree, each stays an empty directory here",
        );
        out.extend(self.not_kept.iter().map(|(what, count, path)| {
            format!(
                "{what} could not be kept on the target for {count} file(s), the first is {}",
                show_path(&absolute_path(prefix, path))
            )
            .into()
        }));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_running_system() {
        assert_eq!(absolute_path(b"/", b"etc/x"), b"/etc/x");
        assert_eq!(absolute_path(b"/var", b"x"), b"/var/x");
        assert_eq!(
            (absolute_path(b"/var", b""), absolute_path(b"/", b"")),
            (b"/var".to_vec(), b"/".to_vec())
        );
    }

    #[test]
    fn lists_are_cut_and_counted() {
        let tally = Tally::default();
        for i in 0..1000 {
            tally.add_failed(format!("f{i}").into_bytes(), "Input/output error".to_owned());
            tally.add_not_kept("the flag j", Errno::EPERM, b"x".to_vec());
        }
        let (report, failed) = tally.finish();
        assert_eq!((failed.first.len(), failed.count), (MAX_PATHS, 1000));
        let text = failed.text(b"/var");
        assert!(
            text.starts_with("\n  /var/f0: Input/output error\n") && text.ends_with("and 990 more"),
            "{text}"
        );
        assert_eq!(
            report.warnings(b"/").iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "the flag j (Operation not permitted) could not be kept on the target for 1000 file(s), the first is /x"
            ]
        );
    }
}
