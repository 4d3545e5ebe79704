//! The console. On a terminal: sentences, and one progress line that is drawn in place, at most
//! twice a second, with nothing but `\r` and printable characters (a vt100 at 9600 baud is enough).
//! In a pipe: plain lines, and progress when ten per cent more are done or ten seconds have gone
//! by. Sentences go to standard output, warnings and errors to standard error.

use std::io::{IsTerminal, Write, sink};
use std::time::{Duration, Instant};

use crate::cli::help::WIDTH;
use crate::event::lines::{Shown, line, percent, progress};
use crate::event::{Event, Sink, StepStatus};
use crate::host::fd;
use crate::text::{printable_lines, wrap};

const REDRAW: Duration = Duration::from_millis(500);
const PIPE_EVERY: Duration = Duration::from_secs(10);
const PIPE_PERCENT: u64 = 10;

/// Where text goes, and what kind of place it is.
pub struct ConsoleStream {
    /// The stream.
    pub write: Box<dyn Write + Send>,
    /// Columns, asked for at each drawing; None if it is no terminal.
    pub columns: Option<fn() -> usize>,
}

/// Shows events as text: sentences, progress and errors.
pub struct Console {
    name: String,
    out: ConsoleStream,
    err: ConsoleStream,
    shown: Shown,
    now: Box<dyn FnMut() -> Duration + Send>,
    /// Columns of the progress line that stands on the terminal now.
    drawn: usize,
    /// The latest progress, when it was told, and how far it was then.
    latest: Option<Event>,
    told: Option<(Duration, u64)>,
    /// Whether `latest` is what stands there.
    current: bool,
}

impl Console {
    /// On this program's standard output and standard error; with `aside`, sentences go to standard
    /// error too, as standard output belongs to a result.
    pub fn standard(name: String, debug: bool, verbose: bool, aside: bool) -> Self {
        let stdout = || ConsoleStream {
            write: Box::new(std::io::stdout()),
            columns: terminal(std::io::stdout().is_terminal(), || columns(1)),
        };
        let stderr = || ConsoleStream {
            write: Box::new(std::io::stderr()),
            columns: terminal(std::io::stderr().is_terminal(), || columns(2)),
        };
        let begun = Instant::now();
        let shown = Shown { debug, verbose, ascii: !utf8_locale(|name| std::env::var(name).ok()) };
        Self::new(
            name,
            if aside { stderr() } else { stdout() },
            stderr(),
            shown,
            Box::new(move || begun.elapsed()),
        )
    }

    /// On any streams; `now` is the time since the start.
    pub fn new(
        name: String,
        out: ConsoleStream,
        err: ConsoleStream,
        shown: Shown,
        now: Box<dyn FnMut() -> Duration + Send>,
    ) -> Self {
        Self { name, out, err, shown, now, drawn: 0, latest: None, told: None, current: false }
    }

    /// A sentence is wrapped on a terminal; names, commands and output stay as they are.
    fn print(&mut self, text: &str, sentence: bool) {
        self.clear();
        let text = match self.out.columns {
            Some(columns) if sentence => wrap(text, columns().clamp(20, WIDTH), 0, 0),
            _ => text.to_owned(),
        };
        write_text(&mut self.out, &format!("{text}\n"));
    }

    fn complain(&mut self, text: &str) {
        self.clear();
        write_text(&mut self.err, text);
    }

    /// Takes the progress line off the terminal.
    fn clear(&mut self) {
        if self.drawn > 0 {
            let blank = " ".repeat(self.drawn);
            write_text(&mut self.out, &format!("\r{blank}\r"));
            self.drawn = 0;
        }
    }

    fn progress(&mut self, event: &Event) {
        let (now, done) = ((self.now)(), percent(event).unwrap_or(0));
        self.latest = Some(event.clone());
        let due = match (self.out.columns, self.told) {
            (Some(_), Some((at, _))) => now >= at + REDRAW,
            (Some(_), None) => true,
            (None, Some((at, was))) => now >= at + PIPE_EVERY || done >= was + PIPE_PERCENT,
            (None, None) => {
                self.told = Some((now, 0));
                done >= PIPE_PERCENT
            }
        };
        self.current = due;
        if due {
            self.told = Some((now, done));
            self.draw(event);
        }
    }

    fn draw(&mut self, event: &Event) {
        let Some(columns) = self.out.columns else {
            return write_text(&mut self.out, &format!("{}\n", progress(event, WIDTH)));
        };
        // The last column stays free: some terminals break the line there.
        let text = progress(event, columns().clamp(2, WIDTH) - 1);
        let rest = " ".repeat(self.drawn.saturating_sub(text.len()));
        self.drawn = text.len();
        write_text(&mut self.out, &format!("\r{text}{rest}"));
    }

    /// The work that progress was told of is over: its last state stays as a line.
    fn finish(&mut self) {
        let Some(event) = self.latest.take() else { return };
        self.told = None;
        if !self.current || (self.out.columns.is_some() && self.drawn == 0) {
            self.draw(&event);
        }
        if self.out.columns.is_some() {
            self.drawn = 0;
            write_text(&mut self.out, "\n");
        }
    }
}

impl Sink for Console {
    fn take(&mut self, event: &Event) -> std::io::Result<()> {
        match event {
            Event::Progress { .. } => self.progress(event),
            Event::Step { state: StepStatus::Done | StepStatus::Failed, .. }
            | Event::Phase { state: StepStatus::Done | StepStatus::Failed, .. } => self.finish(),
            _ => {}
        }
        match event {
            Event::Warning { text } => {
                let text =
                    format!("{}: warning: {}", self.name, printable_lines(text, self.shown.ascii));
                let text = if self.err.columns.is_some() { wrap(&text, WIDTH, 0, 2) } else { text };
                self.complain(&format!("{text}\n"));
            }
            Event::Error { id, cause, remedy } => {
                let text = error_text(
                    &self.name,
                    id,
                    cause,
                    remedy,
                    self.err.columns.is_some(),
                    self.shown.ascii,
                );
                self.complain(&text);
            }
            _ => {
                if let Some(text) = line(event, self.shown) {
                    let verbatim = matches!(
                        event,
                        Event::Command { .. }
                            | Event::CommandEnd { .. }
                            | Event::Output { .. }
                            | Event::Said { .. }
                            | Event::File { .. }
                    );
                    self.print(&text, !verbatim);
                }
            }
        }
        Ok(())
    }
}

/// An error for people: `alt_disk_install: ALT-104 cause`, then what to do.
pub fn error_text(
    name: &str,
    id: &str,
    cause: &str,
    remedy: &str,
    wrapped: bool,
    ascii: bool,
) -> String {
    let cause = printable_lines(&format!("{name}: {id} {cause}"), ascii);
    let remedy = printable_lines(&format!("what to do: {remedy}"), ascii);
    if wrapped {
        format!("{}\n  {}\n", wrap(&cause, WIDTH, 0, 2), wrap(&remedy, WIDTH, 2, 4))
    } else {
        format!("{cause}\n  {remedy}\n")
    }
}

/// Writes; a place that is gone is written to no more, and the other one goes on.
fn write_text(place: &mut ConsoleStream, text: &str) {
    if place.write.write_all(text.as_bytes()).and_then(|()| place.write.flush()).is_err() {
        place.write = Box::new(sink());
    }
}

fn terminal(is: bool, columns: fn() -> usize) -> Option<fn() -> usize> {
    (is && std::env::var_os("TERM").is_none_or(|t| t != "dumb")).then_some(columns)
}

/// The width of the terminal, else COLUMNS, else 80 (a serial line reports no size).
fn columns(descriptor: i32) -> usize {
    let env = || std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    fd::columns(descriptor).map(usize::from).or_else(env).unwrap_or(WIDTH)
}

/// Whether the locale's characters are UTF-8; on an 8-bit terminal some of their bytes would be
/// control codes.
fn utf8_locale(var: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| var(name).filter(|v| !v.is_empty()));
    locale.is_some_and(|l| ["utf-8", "utf8"].iter().any(|u| l.to_ascii_lowercase().contains(u)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);
    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Replays the recording: each event `tick` ms after the one before. Standard output and
    /// standard error on one paper.
    fn replay(columns: Option<fn() -> usize>, shown: Shown, tick: u64) -> String {
        let paper = Paper::default();
        let place = || ConsoleStream { write: Box::new(paper.clone()), columns };
        let mut ms = 0;
        let now = move || {
            ms += tick;
            Duration::from_millis(ms)
        };
        let mut console =
            Console::new("alt_disk_install".into(), place(), place(), shown, Box::new(now));
        for event in include_str!("../../tests/fixtures/events/clone.jsonl").lines() {
            console.take(&serde_json::from_str(event).unwrap()).unwrap();
        }
        paper.text()
    }

    fn golden(name: &str, text: &str) {
        let path = format!("{}/tests/fixtures/events/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        assert_eq!(
            text,
            std::fs::read_to_string(&path).unwrap(),
            "{name}; UPDATE_GOLDEN=1 writes it anew"
        );
    }

    #[test]
    fn a_recording_in_a_pipe() {
        golden("clone.pipe.txt", &replay(None, Shown::default(), 1000));
        golden(
            "clone.debug.txt",
            &replay(None, Shown { debug: true, verbose: true, ascii: true }, 1000),
        );
    }

    #[test]
    fn a_recording_on_a_terminal() {
        let text = replay(Some(|| 80), Shown::default(), 1000);
        golden("clone.terminal.txt", &text.replace('\r', "<CR>"));
        assert!(text.chars().all(|c| c == '\r' || c == '\n' || (' '..='~').contains(&c)));
        assert!(text.lines().flat_map(|l| l.split('\r')).all(|l| l.len() <= WIDTH));
        let narrow = replay(Some(|| 20), Shown::default(), 1000);
        assert!(
            narrow
                .split('\n')
                .filter(|l| l.contains('%'))
                .flat_map(|l| l.split('\r'))
                .all(|l| !l.contains('%') || l.len() < 20)
        );
    }

    #[test]
    fn a_terminal_is_not_flooded() {
        let paper = Paper::default();
        let place = || ConsoleStream { write: Box::new(paper.clone()), columns: Some(|| 80) };
        let mut ms = 0;
        let now = move || {
            ms += 10;
            Duration::from_millis(ms)
        };
        let mut console =
            Console::new("x".into(), place(), place(), Shown::default(), Box::new(now));
        for i in 0..1000 {
            console
                .take(&Event::Progress {
                    phase: 1,
                    bytes: i,
                    bytes_total: 1000,
                    files: i,
                    files_total: 1000,
                    rate: 1,
                    eta: None,
                })
                .unwrap();
        }
        assert_eq!(paper.text().matches('\r').count(), 20, "ten seconds, two a second");
    }

    #[test]
    fn errors_survive_a_closed_output() {
        let paper = Paper::default();
        let (out, err) = (
            ConsoleStream { write: Box::new(Closed), columns: None },
            ConsoleStream { write: Box::new(paper.clone()), columns: None },
        );
        let mut console =
            Console::new("x".into(), out, err, Shown::default(), Box::new(|| Duration::ZERO));
        console.take(&Event::Note { text: "lost".into() }).unwrap();
        console
            .take(&Event::Error {
                id: "ALT-101".into(),
                cause: "a\x1bb".into(),
                remedy: "c".into(),
            })
            .unwrap();
        assert_eq!(paper.text(), "x: ALT-101 a\\x1bb\n  what to do: c\n");
    }

    #[test]
    fn errors_are_wrapped_for_a_terminal() {
        let long = "word ".repeat(30);
        let text = error_text(
            "alt_disk_install",
            "ALT-802",
            &format!("{long}\n  quoted output"),
            &long,
            true,
            false,
        );
        assert!(text.lines().all(|l| l.len() <= WIDTH), "{text}");
        assert!(text.contains("\n    quoted output\n  what to do: word"), "{text}");
    }

    #[test]
    fn names_and_commands_stay_whole() {
        let paper = Paper::default();
        let place = || ConsoleStream { write: Box::new(paper.clone()), columns: Some(|| 40) };
        let all = Shown { debug: true, verbose: true, ascii: false };
        let mut console =
            Console::new("x".into(), place(), place(), all, Box::new(|| Duration::ZERO));
        let path = format!("/a  b/{}", "long name ".repeat(10));
        console.take(&Event::File { path: path.clone() }).unwrap();
        console
            .take(&Event::Note { text: "a sentence that is longer than forty columns".into() })
            .unwrap();
        assert_eq!(
            paper.text(),
            format!("{path}\na sentence that is longer than forty\ncolumns\n")
        );
    }

    #[test]
    fn locales() {
        let with = |pairs: &'static [(&str, &str)]| {
            utf8_locale(move |n| pairs.iter().find(|p| p.0 == n).map(|p| p.1.to_owned()))
        };
        assert!(with(&[("LANG", "en_US.UTF-8")]) && with(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        assert!(
            !with(&[])
                && !with(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")])
                && !with(&[("LANG", "de_DE.ISO-8859-1")])
        );
    }
}
