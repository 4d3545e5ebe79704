//! The output of a program while it runs: told line by line, and as much of it kept as is needed.
//!
//! A program of the copy says whatever it likes, as much as it likes. What is kept takes the running
//! system's memory, and what is told its disk: log, event file. So both have limits.

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::poll::{PollFd, PollFlags, poll};

use crate::event::{Event, Events, Stream};
use crate::host::watch::Watch;

/// The most bytes that an answer to a question may have.
pub(super) const MAX_ANSWER: usize = 256 << 20;

/// At least this many bytes of the output of a program that changes something are kept.
const TAIL: usize = 1 << 20;

/// A line that is longer is told in pieces.
const MAX_LINE: usize = 64 << 10;

/// The most that is told of one stream of a program of the copy, each line with what a record of it
/// takes beside its words.
const MAX_TOLD: usize = 16 << 20;
const RECORD: usize = 128;

/// Reads a program's output to its end, or until a moment after the program's own end: a daemon
/// that it started may keep the pipe. `watch`: it is a program of the copy.
pub(super) fn drain(
    pipe: impl Read + AsFd,
    stream: Stream,
    events: Option<&Events>,
    kept: &Mutex<Vec<u8>>,
    ended: &AtomicBool,
    watch: Option<&Watch>,
) {
    const LOOK: u16 = 200;
    let mut pipe = pipe;
    let mut teller = Teller {
        events,
        stream,
        aloud: watch.is_some(),
        left: if watch.is_some() { MAX_TOLD } else { usize::MAX },
    };
    let (mut line, mut chunk) = (Vec::new(), [0u8; 8192]);
    loop {
        let over = ended.load(Ordering::SeqCst);
        let ready = poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], LOOK).unwrap_or(0);
        if ready == 0 {
            if over {
                break;
            }
            // A question without a line break is shown too, or nobody would know why it is quiet.
            if watch.is_some_and(Watch::is_quiet) && !line.is_empty() {
                teller.tell(&std::mem::take(&mut line));
            }
            continue;
        }
        match pipe.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => {
                watch.inspect(|w| w.heard());
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&chunk[..n]);
                if events.is_none() && kept.len() > MAX_ANSWER {
                    break;
                }
                if events.is_some() && kept.len() > 2 * TAIL {
                    // What was told need not be kept: only the end is quoted.
                    kept.drain(..TAIL);
                }
                drop(kept);
                if events.is_some() {
                    line.extend_from_slice(&chunk[..n]);
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if line.len() > MAX_LINE && !line.contains(&b'\n') {
            teller.tell(&std::mem::take(&mut line));
        }
        while let Some(at) = line.iter().position(|b| *b == b'\n') {
            let whole: Vec<u8> = line.drain(..=at).collect();
            teller.tell(&whole[..at]);
        }
    }
    if !line.is_empty() {
        teller.tell(&line);
    }
}

/// Tells lines until there were too many.
struct Teller<'a> {
    events: Option<&'a Events>,
    stream: Stream,
    /// Its words are for the user.
    aloud: bool,
    /// Bytes that may still be told; 0: that there is more was told, too.
    left: usize,
}

impl Teller<'_> {
    fn tell(&mut self, line: &[u8]) {
        if self.left == 0 {
            return;
        }
        self.left = self.left.saturating_sub(line.len() + RECORD);
        self.emit(String::from_utf8_lossy(line).into_owned());
        if self.left == 0 {
            self.emit(format!("(more than {} MiB: what follows is not shown)", MAX_TOLD >> 20));
        }
    }

    fn emit(&self, line: String) {
        let Some(events) = self.events else { return };
        let stream = self.stream;
        events.emit(if self.aloud {
            Event::Said { stream, line }
        } else {
            Event::Output { stream, line }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;

    /// How many lines and bytes were told, and the last of them.
    #[derive(Default)]
    struct Told(usize, usize, String);
    struct Sink(Arc<Mutex<Told>>);
    impl crate::event::Sink for Sink {
        fn take(&mut self, event: &Event) -> std::io::Result<()> {
            if let Event::Said { line, .. } | Event::Output { line, .. } = event {
                let mut told = self.0.lock().unwrap();
                *told = Told(told.0 + 1, told.1 + line.len(), line.clone());
            }
            Ok(())
        }
    }

    fn told(line: &'static [u8], bytes: usize, of_the_copy: bool) -> (usize, usize, String) {
        let events = Events::new();
        let all = Arc::new(Mutex::new(Told::default()));
        events.add(Box::new(Sink(Arc::clone(&all))));
        let (out, mut its) = std::io::pipe().unwrap();
        let writer = std::thread::spawn(move || {
            for _ in 0..bytes / line.len() {
                its.write_all(line).unwrap();
            }
        });
        let watch = Watch::new(Some(&events));
        let watch = of_the_copy.then_some(&watch);
        let kept = Mutex::new(vec![]);
        drain(out, Stream::Stdout, Some(&events), &kept, &AtomicBool::new(false), watch);
        writer.join().unwrap();
        assert!(kept.lock().unwrap().len() <= 2 * TAIL + 8192);
        let Told(lines, bytes, last) = std::mem::take(&mut *all.lock().unwrap());
        (lines, bytes, last)
    }

    /// `yes` in a script of a package does not fill the running system's disk.
    #[test]
    fn a_program_of_the_copy_is_not_quoted_without_end() {
        const LINE: &[u8] = &[b'y'; 4096];
        let (lines, bytes, last) = told(LINE, MAX_TOLD + (1 << 20), true);
        assert!(bytes <= MAX_TOLD + 2 * MAX_LINE && bytes > MAX_TOLD / 2, "{bytes}");
        assert!(lines > 1 && last.starts_with("(more than 16 MiB"), "{last}");
        // Empty lines have records, too.
        let (lines, ..) = told(b"\n\n\n\n", MAX_TOLD / 64, true);
        assert_eq!(lines, MAX_TOLD / RECORD + 1);
        // What is the running system's own program's is told.
        let (lines, _, last) = told(b"\n\n\n\n", MAX_TOLD / 64, false);
        assert_eq!((lines, last.as_str()), (MAX_TOLD / 64, ""));
    }
}
