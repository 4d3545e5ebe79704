//! SignalPipe when an emulated machine has stopped.
//!
//! Once in a while QEMU's emulation stops dead (seen while an EFI variable was written, on a busy
//! host): it prints nothing and uses no processor time. A guest that waits still uses some.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a machine may show no sign of life.
const MAX_SILENCE: Duration = Duration::from_secs(90);
/// Processor time below which nothing happened, in clock ticks (hundredths of a second).
const MAX_IDLE_TICKS: u64 = 30;

pub struct Watchdog {
    stat: PathBuf,
    outputs: Vec<PathBuf>,
    last_sign: Instant,
    written: u64,
    ticks: u64,
}

impl Watchdog {
    /// Watches the process and the files that it writes to.
    pub fn new(pid: u32, outputs: &[&Path]) -> Self {
        Self {
            stat: PathBuf::from(format!("/proc/{pid}/stat")),
            outputs: outputs.iter().map(|path| path.to_path_buf()).collect(),
            last_sign: Instant::now(),
            written: 0,
            ticks: 0,
        }
    }

    pub fn has_stopped(&mut self) -> bool {
        let written = self.outputs.iter().map(|f| fs::metadata(f).map_or(0, |m| m.len())).sum();
        let ticks = processor_ticks(&fs::read_to_string(&self.stat).unwrap_or_default());
        if written != self.written || ticks > self.ticks + MAX_IDLE_TICKS {
            (self.written, self.ticks) = (written, ticks);
            self.last_sign = Instant::now();
        }
        self.last_sign.elapsed() > MAX_SILENCE
    }
}

/// User and system time in /proc/PID/stat (proc(5), fields 14 and 15).
fn processor_ticks(stat: &str) -> u64 {
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    fields.get(11..13).map_or(0, |f| f.iter().filter_map(|t| t.parse::<u64>().ok()).sum())
}
