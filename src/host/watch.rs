//! Watching a program that may hang: whoever waits is told when nothing has been said for long, and
//! what is running then.
//!
//! A program that does not end although it was asked to is ended: the scripts of packages may
//! ignore SIGTERM.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::event::Events;
use crate::host::{procs, signals};

/// How long it is quiet before that is told for the first time; then after twice as long, and so
/// on.
const QUIET: Duration = Duration::from_secs(30);
/// After this time an unfinished line is shown.
const UNFINISHED: Duration = Duration::from_secs(2);
/// How long a program may take to end after SIGTERM.
const TERM_TIMEOUT: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// As many of the last command lines are told.
const TOLD: usize = 2;

/// One program that is watched.
pub struct Watch {
    /// 0 before it begins.
    pid: AtomicU32,
    /// None for questions: only an interrupt is watched for.
    events: Option<Events>,
    begun: Instant,
    /// Milliseconds after `begun`.
    heard: AtomicU64,
}

impl Watch {
    /// Watches a program that is about to be started.
    pub fn new(events: Option<&Events>) -> Self {
        Self {
            pid: AtomicU32::new(0),
            events: events.cloned(),
            begun: Instant::now(),
            heard: AtomicU64::new(0),
        }
    }

    /// The program was started.
    pub fn begin(&self, pid: u32) {
        self.pid.store(pid, Ordering::SeqCst);
    }

    /// Its process, and its group; None before it begins.
    fn pid(&self) -> Option<i32> {
        i32::try_from(self.pid.load(Ordering::SeqCst)).ok().filter(|p| *p > 0)
    }

    /// It said something.
    pub fn heard(&self) {
        self.heard.store(
            u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            Ordering::SeqCst,
        );
    }

    /// True if an unfinished line should be shown now.
    pub fn is_quiet(&self) -> bool {
        self.quiet() > UNFINISHED
    }

    fn quiet(&self) -> Duration {
        self.begun
            .elapsed()
            .saturating_sub(Duration::from_millis(self.heard.load(Ordering::SeqCst)))
    }

    /// Watches until the program has ended.
    pub fn watch_until_ended(&self, ended: &AtomicBool) {
        let mut next = QUIET;
        let mut asked: Option<Instant> = None;
        while !ended.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
            let quiet = self.quiet();
            if quiet < QUIET {
                next = QUIET;
            } else if quiet >= next && asked.is_none() {
                self.tell(next);
                next *= 2;
            }
            if signals::interrupted() {
                let since = *asked.get_or_insert_with(Instant::now);
                if since.elapsed() > TERM_TIMEOUT
                    && let Some(group) = self.pid()
                {
                    // Gone already is as good.
                    let _ = procs::signal_group(group, Signal::SIGKILL);
                }
            }
        }
    }

    fn tell(&self, quiet: Duration) {
        let mut chain = self.pid().map(procs::working_for).unwrap_or_default();
        // A shell that works in a subshell has the same command line twice.
        chain.dedup();
        let last = chain[chain.len().saturating_sub(TOLD)..]
            .iter()
            .map(|c| format!("`{}`", short(c)))
            .collect::<Vec<_>>()
            .join(", which runs ");
        let what = if last.is_empty() { String::new() } else { format!("; running now: {last}") };
        let Some(events) = &self.events else { return };
        events.warn(format!(
            "no output for {} seconds{what}. It may just be slow. If it hangs, stop it with Ctrl-C, or with `altdisk jobs stop ID` if it is a job; then the phase can be run again",
            quiet.as_secs()
        ));
    }
}

/// A command line that is not too long to read.
fn short(command: &str) -> String {
    const MAX_LENGTH: usize = 100;
    if command.chars().count() <= MAX_LENGTH {
        command.to_owned()
    } else {
        command.chars().take(MAX_LENGTH).chain("...".chars()).collect()
    }
}
