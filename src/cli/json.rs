//! `--events FD`: one JSON object a line, the first with the stream's version.
//!
//! The reader may go away or stop reading; the work goes on. Progress is lossy: while the pipe is
//! full it is left out. Everything else is delivered, but a reader that takes nothing for
//! [`READER_TIMEOUT`] counts as gone.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::Result;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error;
use crate::event::{Event, Events, Sink};
use crate::host::fd;

const READER_TIMEOUT: Duration = Duration::from_secs(10);
/// A pipe that poll(2) calls writable takes this much without blocking (PIPE_BUF of pipe(7)).
const CHUNK: usize = 4096;

/// The sink for `--events`.
pub struct JsonLines {
    file: File,
    timeout: Duration,
    /// The bytes of one write.
    chunk: usize,
}

/// Has the events written to the descriptor after `--events`, if there is one.
///
/// # Errors
/// ALT-107 if it is not open, or not for writing.
pub fn attach(events: &Events, fd: Option<i32>) -> Result<()> {
    if let Some(fd) = fd {
        events.add(Box::new(JsonLines::on(fd)?));
    }
    Ok(())
}

impl JsonLines {
    /// Writes to descriptor `fd`, which the caller of the program opened.
    ///
    /// # Errors
    /// ALT-107 if it is not open, or not for writing.
    fn on(fd: i32) -> Result<Self> {
        let remedy = format!("open it for writing, for example `--events {fd} {fd}>events.jsonl`");
        let file = fd::duplicate(fd).map_err(|_| {
            error::BAD_VALUE
                .with_remedy(format!("descriptor {fd} after --events is not open"), &remedy)
        })?;
        if !fd::writable(&file) {
            return Err(error::BAD_VALUE.with_remedy(
                format!("descriptor {fd} after --events is not open for writing"),
                remedy,
            ));
        }
        // A record goes into a regular file as a whole: others may append there too.
        let chunk = if file.metadata().is_ok_and(|m| m.is_file()) { usize::MAX } else { CHUNK };
        Ok(Self { file, timeout: READER_TIMEOUT, chunk })
    }

    /// Whether something can be written within `time` without blocking, or the reader is gone (the
    /// write then says so).
    fn ready(&self, time: Duration) -> io::Result<bool> {
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        loop {
            match poll(&mut [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)], timeout) {
                Err(nix::errno::Errno::EINTR) => {}
                other => return other.map(|n| n > 0).map_err(io::Error::from),
            }
        }
    }
}

impl Sink for JsonLines {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        if matches!(event, Event::Progress { .. }) && !self.ready(Duration::ZERO)? {
            return Ok(());
        }
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            if !self.ready(self.timeout)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.file.write(&rest[..rest.len().min(self.chunk)]) {
                Ok(n) => rest = &rest[n..],
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                    ) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::{AsRawFd, OwnedFd};

    fn piped(timeout: Duration) -> (io::PipeReader, JsonLines) {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = JsonLines::on(writer.as_raw_fd()).unwrap();
        sink.timeout = timeout;
        drop(OwnedFd::from(writer));
        (reader, sink)
    }

    fn note(text: &str) -> Event {
        Event::Note { text: text.into() }
    }

    fn progress() -> Event {
        Event::Progress {
            phase: 1,
            bytes: 1,
            bytes_total: 2,
            files: 1,
            files_total: 2,
            rate: 3,
            eta: None,
        }
    }

    #[test]
    fn lines_arrive() {
        let (mut reader, mut sink) = piped(READER_TIMEOUT);
        let long = "x".repeat(10_000);
        for event in [note("a\nb"), progress(), note(&long)] {
            sink.take(&event).unwrap();
        }
        drop(sink);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let events: Vec<Event> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(events, [note("a\nb"), progress(), note(&long)]);
    }

    #[test]
    fn a_reader_that_stops_loses_progress_and_then_counts_as_gone() {
        let (_reader, mut sink) = piped(Duration::from_millis(20));
        let filled = (0..10_000).find(|_| sink.take(&note(&"x".repeat(1000))).is_err());
        assert!(filled.is_some_and(|n| n > 10), "{filled:?}");
        for _ in 0..1000 {
            sink.take(&progress()).unwrap();
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_an_error_and_no_signal() {
        let (reader, mut sink) = piped(READER_TIMEOUT);
        drop(reader);
        assert_eq!(sink.take(&note("x")).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_descriptor_must_be_open_for_writing() {
        let said = |fd: i32| error::find(&JsonLines::on(fd).err().unwrap()).unwrap().to_string();
        assert_eq!(said(1_000_000), "ALT-107: descriptor 1000000 after --events is not open");
        let null = File::open("/dev/null").unwrap();
        assert!(said(null.as_raw_fd()).ends_with("is not open for writing"));
    }
}
