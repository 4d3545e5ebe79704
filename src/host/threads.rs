//! Threads. The standard library's `spawn` panics when the kernel gives none (memory,
//! `RLIMIT_NPROC`, a control group's `pids.max`): here that is an error, or work that goes on with
//! fewer. `tests/house.rs` sees to it that nothing calls that `spawn`.

use std::io;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use anyhow::Result;

use crate::error;

/// Starts a thread that lives as long as it likes.
///
/// # Errors
/// ALT-805 if the kernel gives none.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    Builder::new().name(name.to_owned()).spawn(work).map(drop).map_err(|e| failed(name, &e))
}

/// Starts a thread of `scope`.
///
/// # Errors
/// ALT-805 if the kernel gives none.
pub fn start_in<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<ScopedJoinHandle<'s, T>> {
    try_in(scope, name, work).map_err(|e| failed(name, &e))
}

/// The same with what the kernel said.
///
/// # Errors
/// The kernel's.
pub fn try_in<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 's,
) -> io::Result<ScopedJoinHandle<'s, T>> {
    Builder::new().name(name.to_owned()).spawn_scoped(scope, work)
}

/// Starts `wanted` threads that do the same, or as many as there can be.
///
/// # Errors
/// ALT-805 if there can be none at all.
pub fn start_some<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    wanted: usize,
    work: impl Fn() -> T + Send + Copy + 's,
) -> Result<Vec<ScopedJoinHandle<'s, T>>> {
    let mut all = vec![];
    for _ in 0..wanted {
        match start_in(scope, name, work) {
            Ok(thread) => all.push(thread),
            Err(e) if all.is_empty() => return Err(e),
            Err(_) => break,
        }
    }
    Ok(all)
}

fn failed(name: &str, e: &io::Error) -> anyhow::Error {
    error::NO_THREAD
        .with_cause(format!("a thread ({name}) could not be started: {}", error::text_of(e)))
}
