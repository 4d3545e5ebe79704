//! Events of a running command, and the sinks that receive them.
//!
//! The engine and the modules below it emit [`Event`]s into [`Events`]; sinks (console, log file,
//! JSON lines) turn them into text. A sink that fails is switched off: a reader that goes away
//! stops nothing. A sink that can recover (the file of a job, on a full disk) hides its errors and
//! continues. Secrets are masked before an event reaches a sink ([`Event::masked`]). Recorded
//! events can be replayed: each is written as one JSON object per line and can be read back.

pub mod lines;

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::secret::{masked, masked_words};
use crate::text::printable::Message;

/// Version of the JSON form, the first thing that a stream says
/// (`{"event":"start","version":1,...}`).
pub const VERSION: u32 = 1;

/// The output of a program that a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// The status of a phase or step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    Begin,
    Done,
    Failed,
    /// Nothing to do: an earlier run did it, or it does not apply.
    Skipped,
}

/// A step that is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Unique within the plan.
    pub id: String,
    /// 1, 2 or 3.
    pub phase: u8,
    /// A sentence for the user.
    pub title: String,
}

/// One thing that happened. Tagged by `event` in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First of all: the stream's version and what runs. `time`: seconds since the epoch.
    Start {
        version: u32,
        argv: Vec<String>,
        time: u64,
        pid: u32,
    },
    /// Every step of this run, before the first one begins.
    Plan {
        steps: Vec<Planned>,
    },
    Phase {
        phase: u8,
        title: String,
        state: StepStatus,
    },
    /// A step of the plan; `index` counts from 1 to `of` within this run.
    Step {
        id: String,
        phase: u8,
        index: usize,
        of: usize,
        title: String,
        state: StepStatus,
        ms: Option<u64>,
    },
    /// Bytes and files so far of what is to be copied; `rate` in bytes a second, `eta` in seconds.
    Progress {
        phase: u8,
        bytes: u64,
        bytes_total: u64,
        files: u64,
        files_total: u64,
        rate: u64,
        eta: Option<u64>,
    },
    /// A program starts: the sentence says why, argv is exactly what is run.
    Command {
        sentence: String,
        argv: Vec<String>,
    },
    /// It ended; `code` is None where a signal ended it.
    CommandEnd {
        argv0: String,
        code: Option<i32>,
        ms: u64,
    },
    /// A line of a program's output.
    Output {
        stream: Stream,
        line: String,
    },
    /// A line of a program whose words the user waits for: a package manager, the scripts of
    /// packages. Always shown.
    Said {
        stream: Stream,
        line: String,
    },
    /// A file was copied, rewritten or restored (shown with -V).
    File {
        path: String,
    },
    /// Worth knowing, nothing wrong.
    Note {
        text: String,
    },
    /// Something may surprise the user; work continues.
    Warning {
        text: String,
    },
    Error {
        id: String,
        cause: String,
        remedy: String,
    },
    /// Last of all: the exit code and a sentence.
    Done {
        exit: u8,
        text: String,
    },
}

impl Event {
    /// The same without passwords and tokens. Names of files and numbers stay as they are.
    pub fn masked(mut self) -> Self {
        match &mut self {
            Self::Start { argv, .. } => *argv = masked_words(argv),
            Self::Command { sentence, argv } => {
                *sentence = masked(sentence);
                *argv = masked_words(argv);
            }
            Self::Plan { steps } => steps.iter_mut().for_each(|s| s.title = masked(&s.title)),
            Self::Error { cause, remedy, .. } => {
                *cause = masked(cause);
                *remedy = masked(remedy);
            }
            Self::Phase { title: text, .. }
            | Self::Step { title: text, .. }
            | Self::Output { line: text, .. }
            | Self::Said { line: text, .. }
            | Self::Note { text }
            | Self::Warning { text }
            | Self::Done { text, .. } => *text = masked(text),
            Self::Progress { .. } | Self::CommandEnd { .. } | Self::File { .. } => {}
        }
        self
    }
}

/// A receiver of events. An error switches the sink off.
pub trait Sink: Send {
    fn take(&mut self, event: &Event) -> std::io::Result<()>;
}

/// The handle that everything emits into; cheap to clone, safe to share between threads.
#[derive(Clone, Default)]
pub struct Events {
    sinks: Arc<Mutex<Vec<Box<dyn Sink>>>>,
}

impl Events {
    /// A handle without sinks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sink; it sees what is emitted from now on.
    pub fn add(&self, sink: Box<dyn Sink>) {
        self.lock().push(sink);
    }

    /// Tells every sink; those that fail are dropped.
    pub fn emit(&self, event: Event) {
        let event = event.masked();
        self.lock().retain_mut(|s| s.take(&event).is_ok());
    }

    /// Emits a [`Event::Note`].
    pub fn note(&self, text: impl Into<Message>) {
        self.emit(Event::Note { text: text.into().into_text() });
    }

    /// Emits a [`Event::Warning`].
    pub fn warn(&self, text: impl Into<Message>) {
        self.emit(Event::Warning { text: text.into().into_text() });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn Sink>>> {
        self.sinks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Recorder(Arc<Mutex<Vec<Event>>>, usize);
    impl Sink for Recorder {
        fn take(&mut self, event: &Event) -> std::io::Result<()> {
            if self.1 == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
            }
            self.1 -= 1;
            self.0.lock().unwrap().push(event.clone());
            Ok(())
        }
    }

    #[test]
    fn a_dead_reader_stops_nothing() {
        let events = Events::new();
        let (short, long) = (Arc::default(), Arc::default());
        events.add(Box::new(Recorder(Arc::clone(&short), 1)));
        events.add(Box::new(Recorder(Arc::clone(&long), 9)));
        for i in 0..3 {
            events.note(format!("{i}"));
        }
        assert_eq!(short.lock().unwrap().len(), 1);
        assert_eq!(long.lock().unwrap().len(), 3);
    }

    #[test]
    fn no_secret_leaves() {
        let events = Events::new();
        let told = Arc::default();
        events.add(Box::new(Recorder(Arc::clone(&told), 99)));
        let url = || "x http://u:pw-of-event@h/".to_owned();
        events.note(url());
        events.warn(url());
        for stream in [Stream::Stdout, Stream::Stderr] {
            events.emit(Event::Said { stream, line: url() });
            events.emit(Event::Output { stream, line: url() });
        }
        events.emit(Event::Start { version: VERSION, argv: vec![url()], time: 0, pid: 1 });
        events.emit(Event::Command { sentence: url(), argv: vec![url()] });
        events.emit(Event::Error { id: "ALT-1".into(), cause: url(), remedy: url() });
        events
            .emit(Event::Plan { steps: vec![Planned { id: "1".into(), phase: 1, title: url() }] });
        events.emit(Event::Phase { phase: 1, title: url(), state: StepStatus::Begin });
        events.emit(Event::Done { exit: 0, text: url() });
        let told = format!("{:?}", told.lock().unwrap());
        assert!(
            !told.contains("pw-of-event") && told.matches("http://***@h/").count() == 14,
            "{told}"
        );
    }

    #[test]
    fn events_replay() {
        let e = Event::Step {
            id: "p1.mkfs".into(),
            phase: 1,
            index: 2,
            of: 9,
            title: "t".into(),
            state: StepStatus::Done,
            ms: Some(3),
        };
        let line = serde_json::to_string(&e).unwrap();
        assert!(line.starts_with(r#"{"event":"step","id":"p1.mkfs""#), "{line}");
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), e);
    }
}
