//! The restorer on its own, with its memory watched.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// `altdisk restoretree` of the image to the directory.
pub fn restoretree(image: &Path, to: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("restoretree")
        .args(more)
        .args([image, to])
        .output()
        .unwrap()
}

/// Everything that was said.
pub fn said(out: &Output) -> String {
    String::from_utf8_lossy(&[out.stderr.as_slice(), &out.stdout].concat()).into_owned()
}

/// Restores and expects success; returns what was said.
pub fn restored(image: &Path, to: &Path) -> String {
    let out = restoretree(image, to, &[]);
    assert_eq!(out.status.code(), Some(0), "{}: {}", image.display(), said(&out));
    said(&out)
}

/// How it ended, what it said, its most memory (KiB) and its time.
pub struct Watched {
    pub code: Option<i32>,
    pub said: String,
    pub peak: u64,
    pub took: Duration,
}

/// Runs `altdisk` with these words and watches its memory; it is ended after `limit`.
pub fn watched(words: &[&str], stdin: Stdio, limit: Duration) -> Watched {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("said");
    let file = fs::File::create(&log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_altdisk"));
    command.args(words).stdin(stdin).stdout(file.try_clone().unwrap()).stderr(file);
    let mut child = Guard(command.spawn().unwrap());
    // The command holds the other end of what is its standard input.
    drop(command);
    let (begun, mut peak) = (Instant::now(), 0);
    let code = loop {
        let text = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap_or_default();
        let kib = text
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .and_then(|v| v.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        if let Some(status) = child.0.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < limit, "{words:?} did not end");
        std::thread::sleep(Duration::from_millis(5));
    };
    Watched {
        code,
        said: String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned(),
        peak,
        took: begun.elapsed(),
    }
}

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
