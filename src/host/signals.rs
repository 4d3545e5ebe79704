//! Being interrupted: SIGINT and SIGTERM end the program that runs and then, in order, the step
//! that ran it.
//!
//! A hang-up is ignored: a clone outlives the line that it was started from.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::host::procs;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The process group of the program that runs, 0 if none.
static RUNNING: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(_: nix::libc::c_int) {
    INTERRUPTED.store(true, Ordering::SeqCst);
    let group = RUNNING.load(Ordering::SeqCst);
    if group > 0 {
        // SAFETY: kill(2) is async-signal-safe.
        unsafe { nix::libc::kill(-group, nix::libc::SIGTERM) };
    }
}

/// From now on SIGINT and SIGTERM set [`interrupted`], and SIGHUP does nothing.
pub fn catch() {
    let noted =
        SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
    let ignored = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for (signal, action) in
        [(Signal::SIGINT, &noted), (Signal::SIGTERM, &noted), (Signal::SIGHUP, &ignored)]
    {
        // SAFETY: the handler touches atomics and calls kill(2), nothing else.
        let _ = unsafe { sigaction(signal, action) };
    }
}

/// From now on a file that would become larger than `RLIMIT_FSIZE` allows is an error of write(2),
/// EFBIG, and no death by SIGXFSZ. Programs that are run have it so too. (SIGPIPE is ignored by
/// Rust's runtime, and reset for the programs.)
pub fn ignore_file_limit() {
    let ignored = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    let _ = unsafe { sigaction(Signal::SIGXFSZ, &ignored) };
}

/// True if the user asked to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Notes which program a signal has to end; 0 for none.
pub fn running(group: i32) {
    RUNNING.store(group, Ordering::SeqCst);
}

/// After an interrupt: what a program, which has ended and is not reaped, started and left behind
/// is ended too, and waited for.
pub fn end_group(leader: u32) {
    const MAX_TRIES: u32 = 50;
    let Ok(group) = i32::try_from(leader) else { return };
    for _ in 0..MAX_TRIES {
        if procs::signal_group(group, Signal::SIGKILL).is_err() || !procs::group_lives(group) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
