//! The log, appended to: a date line, an empty line, `cmd:` and the command line, then everything
//! that was said and done (commands and their output too, whatever the console shows; files only
//! with -V).

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::console::error_text;
use crate::error;
use crate::event::lines::{Shown, line};
use crate::event::{Event, Events, Sink};
use crate::host::own_file::{self, Refused};
use crate::host::sys;
use crate::secret::masked_words;
use crate::text::shell::quoted;
use crate::text::{printable, printable_lines};

/// Writes events to a log as text.
pub struct LogFile<W: Write + Send = fs::File> {
    to: W,
    shown: Shown,
    date: fn() -> String,
    name: String,
}

/// Has everything written to the log at `path`; where that cannot be, says so once, with the
/// command. `begun`: what was told before the log was there.
pub fn add(events: &Events, path: &Path, verbose: bool, argv: &[String], begun: Option<&Event>) {
    match LogFile::open(path, verbose) {
        Ok(mut log) => {
            if let Some(event) = begun {
                // A failure is reported with the next event.
                let _ = log.take(&event.clone().masked());
            }
            events.add(Box::new(log));
        }
        Err(e) => {
            let remedy = e.remedy().map(|r| format!("; {r}")).unwrap_or_default();
            events.warn(format!(
                "no log is written: {}{remedy} (command: {})",
                error::text_of(&e),
                quoted(&masked_words(argv))
            ));
        }
    }
}

impl LogFile {
    /// Opens (or makes) the log at `path`: a file of root's own in a directory of root's own, where
    /// nobody else can put something else.
    ///
    /// # Errors
    /// If it is not that, or cannot be written.
    pub fn open(path: &Path, verbose: bool) -> std::result::Result<Self, Refused> {
        own_file::make_directory(path.parent().unwrap_or(Path::new("/")), 0o755)?;
        let file = own_file::append_believed(path, 0o640)?;
        Ok(Self::new(file, verbose, || sys::now().1))
    }
}

impl<W: Write + Send> LogFile<W> {
    fn new(to: W, verbose: bool, date: fn() -> String) -> Self {
        Self {
            to,
            shown: Shown { debug: true, verbose, ascii: false },
            date,
            name: "alt_disk_install".to_owned(),
        }
    }

    fn text(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Start { argv, .. } => {
                self.name = argv.first().cloned().unwrap_or_default();
                Some(format!("{}\n\ncmd: {}\n", (self.date)(), printable(&quoted(argv), false)))
            }
            Event::Warning { text } => {
                Some(format!("{}: warning: {}\n", self.name, printable_lines(text, false)))
            }
            Event::Error { id, cause, remedy } => {
                Some(error_text(&self.name, id, cause, remedy, false, false))
            }
            Event::Done { exit, .. } => {
                let text = line(event, self.shown).map(|t| t + "\n").unwrap_or_default();
                Some(format!("{text}exit code {exit}, {}\n\n", (self.date)()))
            }
            other => line(other, self.shown).map(|t| t + "\n"),
        }
    }
}

impl<W: Write + Send> Sink for LogFile<W> {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        let Some(text) = self.text(event) else { return Ok(()) };
        let done = self.to.write_all(text.as_bytes());
        if let Err(e) = &done {
            // This sink is not asked again, so this is said once; standard error may be gone as
            // well.
            let _ = writeln!(
                io::stderr(),
                "{}: warning: the log is not continued: {}",
                self.name,
                error::text_of(e)
            );
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Stream;

    #[test]
    fn as_aix_writes_it() {
        let mut log = LogFile::new(Vec::new(), false, || "Sun Nov 22 14:48:12 UTC 2026".into());
        let argv =
            ["alt_disk_install", "-C", "-s", "/root/my script", "vdb"].map(str::to_owned).to_vec();
        for event in [
            Event::Start { version: 1, argv, time: 0, pid: 1 },
            Event::Note { text: "Checking disk sizes.".into() },
            Event::Command { sentence: "flush".into(), argv: vec!["sync".into(), "-f".into()] },
            Event::Output { stream: Stream::Stderr, line: "odd\x1b[m".into() },
            Event::CommandEnd { argv0: "sync".into(), code: Some(1), ms: 1234 },
            Event::File { path: "/etc/motd".into() },
            Event::Warning { text: "slow".into() },
            Event::Error { id: "ALT-802".into(), cause: "why".into(), remedy: "do".into() },
            Event::Done { exit: 1, text: "It failed.".into() },
        ] {
            log.take(&event).unwrap();
        }
        let want = "Sun Nov 22 14:48:12 UTC 2026\n\ncmd: alt_disk_install -C -s '/root/my script' vdb\nChecking disk sizes.\n+ sync -f\nodd\\x1b[m\n\
            + sync: exit 1, 1.23 s\nalt_disk_install: warning: slow\nalt_disk_install: ALT-802 why\n  what to do: do\nIt failed.\n\
            exit code 1, Sun Nov 22 14:48:12 UTC 2026\n\n";
        assert_eq!(String::from_utf8(log.to).unwrap(), want);
    }

    #[test]
    fn appends_and_makes_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log/altdisk/x.log");
        for text in ["one", "two"] {
            LogFile::open(&path, false).unwrap().take(&Event::Note { text: text.into() }).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert!(LogFile::open(Path::new("/proc/no/log"), false).is_err());
    }
}
