//! Records at the end of the event file, and who may write them.
//!
//! The supervisor and a command of altdisk's own append to one file, each record with one write. A
//! full disk ends nothing: what was not taken is counted and told when there is room again, and
//! after half a record the next one begins on a line of its own.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;

use crate::event::{Event, Sink};
use crate::host::fd;

/// Writes records to a file, and goes on after an error.
#[derive(Debug)]
pub struct Appender<W> {
    to: W,
    /// Records that were not written.
    lost: u64,
    /// The file ends within a record.
    torn: bool,
}

impl<W: Write> Appender<W> {
    /// An appender to this file.
    pub fn new(to: W) -> Self {
        Self { to, lost: 0, torn: false }
    }

    /// The file.
    pub fn file(&self) -> &W {
        &self.to
    }

    /// Appends these. Progress that is lost is not missed.
    pub fn append(&mut self, events: &[Event]) {
        let mut text = Vec::new();
        if self.torn {
            text.push(b'\n');
        }
        if self.lost > 0 {
            add(
                &mut text,
                &Event::Warning {
                    text: format!("{} records could not be written here, and are lost", self.lost),
                },
            );
        }
        let told = text.len();
        let mut ends = Vec::with_capacity(events.len());
        for event in events {
            add(&mut text, event);
            ends.push(text.len());
        }
        let written = self.write(&text);
        if written >= told {
            self.lost = 0;
        }
        let missed = events
            .iter()
            .zip(ends)
            .filter(|(e, end)| *end > written && !matches!(e, Event::Progress { .. }));
        self.lost += missed.count() as u64;
        if written > 0 {
            self.torn = text[written - 1] != b'\n';
        }
    }

    /// How much of it was taken.
    fn write(&mut self, text: &[u8]) -> usize {
        let mut written = 0;
        while written < text.len() {
            match self.to.write(&text[written..]) {
                Ok(n) if n > 0 => written += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        written
    }
}

fn add(text: &mut Vec<u8>, event: &Event) {
    // The supervisor writes here what no [`crate::event::Events`] has seen.
    if let Ok(record) = serde_json::to_vec(&event.clone().masked()) {
        text.extend_from_slice(&record);
        text.push(b'\n');
    }
}

impl Sink for Appender<File> {
    /// Never fails: a disk that is full now may have room later.
    fn take(&mut self, event: &Event) -> std::io::Result<()> {
        self.append(std::slice::from_ref(event));
        Ok(())
    }
}

/// The value of `ALTDISK_EVENTS` for a command that gets `file`: the descriptor, and which file it
/// is.
///
/// # Errors
/// If the kernel does not say.
pub fn descriptor_name(file: &File) -> std::io::Result<String> {
    let meta = file.metadata()?;
    Ok(format!("{}:{}:{}", file.as_raw_fd(), meta.dev(), meta.ino()))
}

/// The file that such a value names, if the descriptor still is that file and it is appended to. A
/// stale variable, whose descriptor is another file by now, does no harm.
pub fn open_named(value: &str) -> Option<File> {
    let mut numbers = value.split(':');
    let mut next = || numbers.next()?.parse::<u64>().ok();
    let (number, dev, ino) = (next()?, next()?, next()?);
    let number = RawFd::try_from(number).ok().filter(|n| *n > 2)?;
    let meta = std::fs::metadata(format!("/proc/self/fd/{number}")).ok()?;
    if (meta.dev(), meta.ino()) != (dev, ino) || !meta.is_file() {
        return None;
    }
    fd::duplicate(number).ok().filter(fd::is_appended_to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    /// A disk with this much room.
    struct Disk {
        text: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let n = bytes.len().min(self.room);
            self.room -= n;
            self.text.extend_from_slice(&bytes[..n]);
            if n == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(n) }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn note(text: &str) -> Event {
        Event::Note { text: text.into() }
    }

    #[test]
    fn a_full_disk_loses_records_and_nothing_else() {
        let mut appender = Appender::new(Disk { text: vec![], room: 50 });
        appender.append(&[note("one")]);
        appender.append(&[note("torn: half of it"), note("lost")]);
        appender.append(&[Event::Progress {
            phase: 1,
            bytes: 1,
            bytes_total: 2,
            files: 1,
            files_total: 2,
            rate: 3,
            eta: None,
        }]);
        appender.append(&[note("lost too")]);
        appender.to.room = 1000;
        appender.append(&[note("two")]);
        appender.append(&[note("three")]);
        let text = String::from_utf8(appender.to.text).unwrap();
        let whole: Vec<Event> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        let warning =
            Event::Warning { text: "3 records could not be written here, and are lost".into() };
        assert_eq!(whole, [note("one"), warning, note("two"), note("three")], "{text}");
        assert_eq!(text.lines().count(), 5, "one line is the torn record:\n{text}");
    }

    #[test]
    fn only_the_file_that_was_meant() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str, append: bool| {
            OpenOptions::new()
                .create(true)
                .write(true)
                .append(append)
                .open(dir.path().join(name))
                .unwrap()
        };
        let (a, b, cut) = (open("a", true), open("b", true), open("c", false));
        assert!(open_named(&descriptor_name(&a).unwrap()).is_some());
        let (_, of_a) = descriptor_name(&a)
            .map(|n| n.split_once(':').map(|(x, y)| (x.to_owned(), y.to_owned())).unwrap())
            .unwrap();
        for stale in [
            format!("{}:{of_a}", b.as_raw_fd()),
            a.as_raw_fd().to_string(),
            descriptor_name(&cut).unwrap(),
            "1:2:3".into(),
            "x".into(),
        ] {
            assert!(open_named(&stale).is_none(), "{stale}");
        }
    }
}
