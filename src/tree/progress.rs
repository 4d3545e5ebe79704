//! How far it is: one [`Progress`] for all the trees of a phase, emitted at most twice a second.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::event::{Event, Events};

/// How much there is: bytes of content and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub bytes: u64,
    pub files: u64,
}

impl std::ops::Add for Totals {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            files: self.files.saturating_add(other.files),
        }
    }
}

/// Making a file takes about as long as writing this many bytes of a large one.
const FILE_COSTS: u64 = 32 << 10;

/// The rate is that of the last seconds, not of the whole time.
const WINDOW: Duration = Duration::from_secs(10);

/// With fewer bytes than this, their time says nothing about the disks.
const ENOUGH: u64 = 64 << 20;

/// Between two events.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// Counts what is done; safe to share between threads.
#[derive(Debug)]
pub struct Progress {
    phase: u8,
    totals: Totals,
    bytes: AtomicU64,
    files: AtomicU64,
    seen: Mutex<VecDeque<(Instant, Totals)>>,
    /// When the first file was copied.
    begun: OnceLock<Instant>,
}

impl Progress {
    /// For a phase in which `totals` are to be copied.
    pub fn new(phase: u8, totals: Totals) -> Self {
        Self {
            phase,
            totals,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            seen: Mutex::default(),
            begun: OnceLock::new(),
        }
    }

    /// Adds to what is done.
    pub fn add(&self, bytes: u64, files: u64) {
        self.begun.get_or_init(Instant::now);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.files.fetch_add(files, Ordering::Relaxed);
    }

    /// Bytes a second over the whole time; None if too little was copied to tell.
    pub fn average(&self) -> Option<u64> {
        let ms = u64::try_from(self.begun.get()?.elapsed().as_millis()).ok()?;
        let bytes = self.bytes.load(Ordering::Relaxed);
        (bytes >= ENOUGH && ms > 0).then(|| bytes.saturating_mul(1000) / ms)
    }

    /// Emits an event with the current state.
    pub fn emit(&self, events: &Events) {
        let now = Totals {
            bytes: self.bytes.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
        };
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        events.emit(self.event(&mut seen, Instant::now(), now));
    }

    fn event(&self, seen: &mut VecDeque<(Instant, Totals)>, time: Instant, now: Totals) -> Event {
        while seen.len() > 1 && time.duration_since(seen[0].0) > WINDOW {
            seen.pop_front();
        }
        seen.push_back((time, now));
        let (since, then) = seen[0];
        let ms = time.duration_since(since).as_millis();
        let per_second =
            |n: u64| u64::try_from(u128::from(n) * 1000 / ms.max(1)).unwrap_or(u64::MAX);
        let work = |t: Totals| t.bytes.saturating_add(t.files.saturating_mul(FILE_COSTS));
        let speed = per_second(work(now).saturating_sub(work(then)));
        // An estimate that was too low is raised to what is done.
        let (bytes_total, files_total) =
            (self.totals.bytes.max(now.bytes), self.totals.files.max(now.files));
        let left = work(Totals { bytes: bytes_total, files: files_total }) - work(now);
        Event::Progress {
            phase: self.phase,
            bytes: now.bytes,
            bytes_total,
            files: now.files,
            files_total,
            rate: per_second(now.bytes.saturating_sub(then.bytes)),
            eta: if speed > 0 && ms >= 1000 { Some(left.div_ceil(speed)) } else { None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left() {
        let p = Progress::new(1, Totals { bytes: 100 << 20, files: 0 });
        let (mut seen, t) = (VecDeque::new(), Instant::now());
        let at =
            |s: u64, mb: u64| (t + Duration::from_secs(s), Totals { bytes: mb << 20, files: 0 });
        let mut last = None;
        for (time, now) in [at(0, 0), at(1, 10), at(2, 20)] {
            last = Some(p.event(&mut seen, time, now));
        }
        let Some(Event::Progress { rate, eta, bytes_total, .. }) = last else { panic!() };
        assert_eq!((rate, eta, bytes_total), (10 << 20, Some(8), 100 << 20));
        // Only the last ten seconds count, and more than was thought is no overflow.
        for s in 3..40 {
            last = Some(p.event(
                &mut seen,
                t + Duration::from_secs(s),
                Totals { bytes: (20 << 20) + s, files: 7 },
            ));
        }
        let Some(Event::Progress { rate, files_total, .. }) = last else { panic!() };
        assert_eq!((rate, files_total), (1, 7));
        assert!(seen.len() < 14);
    }
}
