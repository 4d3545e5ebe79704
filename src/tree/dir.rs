//! Directories that wait to be read: a stack, so that the walk is depth first and few of them wait.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use nix::fcntl::OFlag;

use super::work::Stop;
use crate::host::fs_calls::Stat;

/// How to open a directory for listing.
pub const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY);

/// The size of a buffer for the entries of a directory: one call lists about a thousand entries.
pub const LISTING: usize = 32 << 10;

/// A directory of the tree: its name and its parents', no descriptor.
#[derive(Debug)]
pub struct Dir {
    parent: Option<Arc<Dir>>,
    name: CString,
    /// Parts that must be done before its metadata is set: the listing, and each batch of its
    /// files.
    parts: AtomicUsize,
    /// Of the source, once it was opened.
    pub stat: OnceLock<Stat>,
}

impl Dir {
    /// The top of a tree.
    pub fn top() -> Arc<Self> {
        Arc::new(Self {
            parent: None,
            name: CString::default(),
            parts: AtomicUsize::new(1),
            stat: OnceLock::new(),
        })
    }

    /// A directory in another.
    pub fn child(parent: &Arc<Self>, name: CString) -> Arc<Self> {
        Arc::new(Self {
            parent: Some(Arc::clone(parent)),
            name,
            parts: AtomicUsize::new(1),
            stat: OnceLock::new(),
        })
    }

    /// True for the top of a tree.
    pub fn is_top(&self) -> bool {
        self.parent.is_none()
    }

    /// Relative to the tree's top; empty for the top.
    pub fn path(&self) -> Vec<u8> {
        let mut names = vec![];
        let mut at = self;
        while let Some(parent) = &at.parent {
            names.push(at.name.as_bytes());
            at = parent;
        }
        names.reverse();
        names.join(&b'/')
    }

    /// The path of an entry.
    pub fn path_of(&self, name: &CStr) -> Vec<u8> {
        join(&self.path(), name)
    }

    /// One more part that must be done.
    pub fn add_part(&self) {
        self.parts.fetch_add(1, Ordering::Relaxed);
    }

    /// A part is done; true for the last.
    pub fn part_done(&self) -> bool {
        self.parts.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// `dir/name`; just the name where `dir` is the top.
pub fn join(dir: &[u8], name: &CStr) -> Vec<u8> {
    if dir.is_empty() { name.to_bytes().to_vec() } else { [dir, b"/", name.to_bytes()].concat() }
}

/// The directory that a path is in, and its name there; None for the top.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.is_empty() {
        return None;
    }
    Some(
        path.iter()
            .rposition(|b| *b == b'/')
            .map_or((b"".as_slice(), path), |cut| (&path[..cut], &path[cut + 1..])),
    )
}

impl Drop for Dir {
    /// Lets go of the parents one after the other: a chain of thousands must not be dropped on the
    /// stack.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut dir) = next.and_then(Arc::into_inner) {
            next = dir.parent.take();
        }
    }
}

/// A directory to read, from a position on (0: from the beginning).
#[derive(Debug)]
pub struct DirTask {
    pub dir: Arc<Dir>,
    pub position: i64,
}

/// The tasks that wait. It is finished when none waits and nobody who could add one is at work.
#[derive(Debug, Default)]
pub struct DirStack {
    state: Mutex<Waiting>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    tasks: Vec<DirTask>,
    find_active_uses: usize,
    stopped: bool,
}

impl DirStack {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last of `tasks` is the next to be taken.
    pub fn push(&self, tasks: impl IntoIterator<Item = DirTask>) {
        self.lock().tasks.extend(tasks);
        self.more.notify_all();
    }

    /// How many tasks wait.
    pub fn len(&self) -> usize {
        self.lock().tasks.len()
    }

    /// The next task; [`DirStack::done`] must follow. None when all is finished or stopped.
    pub fn take(&self) -> Option<DirTask> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(task) = state.tasks.pop() {
                state.find_active_uses += 1;
                return Some(task);
            }
            if state.find_active_uses == 0 {
                return None;
            }
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A task that was taken is finished.
    pub fn done(&self) {
        self.lock().find_active_uses -= 1;
        self.more.notify_all();
    }
}

impl Stop for DirStack {
    fn stop(&self) {
        self.lock().stopped = true;
        self.more.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_chain_has_a_path_and_can_be_dropped() {
        let mut dir = Dir::top();
        for _ in 0..200_000 {
            dir = Dir::child(&dir, c"d".to_owned());
        }
        assert_eq!(dir.path().len(), 399_999);
        assert_eq!(Dir::child(&Dir::top(), c"a".to_owned()).path_of(c"b"), b"a/b");
        drop(dir);
    }

    #[test]
    fn paths_are_split_at_their_last_name() {
        assert_eq!(split(b""), None);
        assert_eq!(split(b"a"), Some((b"".as_slice(), b"a".as_slice())));
        assert_eq!(split(b"a/b/c"), Some((b"a/b".as_slice(), b"c".as_slice())));
    }

    #[test]
    fn ends_when_nobody_can_add() {
        let stack = DirStack::default();
        stack.push([DirTask { dir: Dir::top(), position: 0 }]);
        let seen = AtomicUsize::new(0);
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    while let Some(task) = stack.take() {
                        if seen.fetch_add(1, Ordering::Relaxed) < 50 {
                            let child = || DirTask {
                                dir: Dir::child(&task.dir, c"x".to_owned()),
                                position: 0,
                            };
                            stack.push([child(), child()]);
                        }
                        stack.done();
                    }
                });
            }
        });
        assert_eq!(seen.load(Ordering::Relaxed), 101);
        assert_eq!(stack.len(), 0);
    }
}
