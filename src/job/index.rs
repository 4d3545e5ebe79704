//! The lines of a log, and their places in the event file: a sparse index, built while the
//! file grows.
//!
//! Every [`BLOCK`] bytes a [`Checkpoint`] notes how many lines of each [`Class`] stand before it. A
//! hundred megabytes need a hundred kilobytes of index, any line is found by reading one block, and
//! a filter is a sum over the counts: nothing is scanned again.

use crate::event::lines::{self, Shown};
use crate::event::{Event, StepStatus, Stream};
use crate::text::{printable, printable_lines};

/// Bytes between two checkpoints (at least; a record is not divided).
pub const BLOCK: u64 = 64 << 10;

/// The kinds of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// The command's own output.
    Stdout,
    /// Its standard error.
    Stderr,
    /// A program that it runs, and how that ended.
    Command,
    /// Output of such a program.
    Inner,
    /// Its standard error.
    InnerErr,
    /// A phase or a step begins.
    Step,
    Note,
    Warning,
    /// A step that failed; why is said by the error after it.
    Failed,
    Error,
    /// A file that was copied.
    File,
    /// The command's last words.
    End,
}

/// How many classes there are.
pub const CLASSES: usize = 12;

impl Class {
    /// Whether it came from a standard error.
    pub fn is_stderr(self) -> bool {
        matches!(self, Class::Stderr | Class::InnerErr)
    }
}

/// What of the command's own output stands elsewhere on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its errors, all of them.
    pub errors: bool,
    /// Its last words.
    pub end: bool,
}

/// A selection of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// The output of the command itself; the programs that it runs are left out.
    #[default]
    Own,
    /// The same without what stands elsewhere on the screen.
    Brief(Elsewhere),
    /// Everything.
    All,
    /// Standard error, warnings, errors.
    Trouble,
    /// Errors.
    Errors,
}

impl Filter {
    /// The filters in the order of the key.
    pub const CYCLE: [Filter; 4] = [Filter::Own, Filter::All, Filter::Trouble, Filter::Errors];

    /// The one after it.
    pub fn next(self) -> Self {
        let at = Self::CYCLE.iter().position(|f| *f == self).unwrap_or(0);
        Self::CYCLE[(at + 1) % Self::CYCLE.len()]
    }

    /// As the screen names it.
    pub fn name(self) -> &'static str {
        match self {
            Filter::Own | Filter::Brief(_) => "without the programs it runs",
            Filter::All => "everything",
            Filter::Trouble => "stderr and warnings",
            Filter::Errors => "errors",
        }
    }

    /// Whether it shows lines of this class.
    pub fn shows(self, class: Class) -> bool {
        match self {
            Filter::All => true,
            Filter::Own => !matches!(class, Class::Command | Class::Inner | Class::InnerErr),
            Filter::Brief(elsewhere) => match class {
                Class::Error => !elsewhere.errors,
                Class::End => !elsewhere.end,
                _ => Filter::Own.shows(class),
            },
            Filter::Trouble => matches!(
                class,
                Class::Stderr | Class::InnerErr | Class::Warning | Class::Failed | Class::Error
            ),
            Filter::Errors => matches!(class, Class::Failed | Class::Error),
        }
    }
}

/// Lines of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u32; CLASSES]);

impl Counts {
    /// Adds lines of this class.
    pub fn add(&mut self, class: Class, n: u32) {
        self.0[class as usize] = self.0[class as usize].saturating_add(n);
    }

    /// The lines of this class.
    pub fn count(&self, class: Class) -> u64 {
        u64::from(self.0[class as usize])
    }

    /// Lines that the filter shows.
    pub fn count_shown(&self, filter: Filter) -> u64 {
        ALL.iter().filter(|c| filter.shows(**c)).map(|c| self.count(*c)).sum()
    }
}

const ALL: [Class; CLASSES] = [
    Class::Stdout,
    Class::Stderr,
    Class::Command,
    Class::Inner,
    Class::InnerErr,
    Class::Step,
    Class::Note,
    Class::Warning,
    Class::Failed,
    Class::Error,
    Class::File,
    Class::End,
];

/// The line counts at one place of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    pub offset: u64,
    /// Lines before it.
    pub counts: Counts,
    /// Whether a program was running that the command runs.
    pub inside: bool,
}

/// The additions to the index from a piece of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Growth {
    pub checkpoints: Vec<Checkpoint>,
    /// The state at the end of the piece.
    pub end: Checkpoint,
}

/// Reads an event file from its beginning to its end, piece by piece.
#[derive(Debug, Default)]
pub struct Indexer {
    at: Checkpoint,
    last: u64,
    /// A record whose end has not been written yet.
    partial: Vec<u8>,
}

impl Indexer {
    /// Where the next piece begins.
    pub fn offset(&self) -> u64 {
        self.at.offset + self.partial.len() as u64
    }

    /// Takes the next piece; tells the events in it that are more than lines.
    pub fn feed(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Event)) -> Growth {
        let mut growth = Growth::default();
        while let Some(at) = bytes.iter().position(|b| *b == b'\n') {
            let (head, rest) = bytes.split_at(at + 1);
            if self.partial.is_empty() {
                self.record(head, &mut growth, &mut tell);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(head);
                self.record(&whole, &mut growth, &mut tell);
            }
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        growth.end = self.at;
        growth
    }

    fn record(&mut self, record: &[u8], growth: &mut Growth, tell: &mut impl FnMut(Event)) {
        if self.at.offset >= self.last + BLOCK {
            self.last = self.at.offset;
            growth.checkpoints.push(self.at);
        }
        let event = count(record, &mut self.at.inside, &mut self.at.counts);
        self.at.offset += record.len() as u64;
        event.into_iter().for_each(tell);
    }
}

/// The class of a record by its first bytes, without parsing it: most of a long log is output and
/// file names.
fn class_of_prefix(record: &[u8], inside: bool) -> Option<Class> {
    const OUT: &[u8] = br#"{"event":"output","stream":"stdout","#;
    const ERR: &[u8] = br#"{"event":"output","stream":"stderr","#;
    if record.starts_with(OUT) {
        return Some(if inside { Class::Inner } else { Class::Stdout });
    }
    if record.starts_with(ERR) {
        return Some(if inside { Class::InnerErr } else { Class::Stderr });
    }
    record.starts_with(br#"{"event":"file","#).then_some(Class::File)
}

fn count(record: &[u8], inside: &mut bool, counts: &mut Counts) -> Option<Event> {
    if let Some(class) = class_of_prefix(record, *inside) {
        counts.add(class, 1);
        return None;
    }
    let event = parse(record)?;
    each_line(&event, inside, &mut |class, _| counts.add(class, 1));
    Some(event)
}

/// A record that is no event (a write cut short by a full disk) counts as a line of output: nothing
/// is hidden.
pub fn parse(record: &[u8]) -> Option<Event> {
    if record.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    Some(serde_json::from_slice(record).unwrap_or_else(|_| Event::Output {
        stream: Stream::Stderr,
        line: String::from_utf8_lossy(record).trim_end_matches('\n').to_owned(),
    }))
}

/// The lines of the log that an event is, in order.
pub fn each_line(event: &Event, inside: &mut bool, take: &mut dyn FnMut(Class, String)) {
    const SHOWN: Shown = Shown { debug: true, verbose: true, ascii: false };
    if matches!(
        event,
        Event::Step { .. } | Event::Phase { .. } | Event::Error { .. } | Event::Done { .. }
    ) {
        // A program that could not even be started has no end of its own.
        *inside = false;
    }
    let class = match event {
        Event::Output { stream, .. } => match (stream, *inside) {
            (Stream::Stdout, false) => Class::Stdout,
            (Stream::Stderr, false) => Class::Stderr,
            (Stream::Stdout, true) => Class::Inner,
            (Stream::Stderr, true) => Class::InnerErr,
        },
        Event::Said { stream: Stream::Stdout, .. } => Class::Stdout,
        Event::Said { stream: Stream::Stderr, .. } => Class::Stderr,
        Event::Command { .. } => {
            *inside = true;
            Class::Command
        }
        Event::CommandEnd { .. } => {
            *inside = false;
            Class::Command
        }
        Event::File { .. } => Class::File,
        Event::Step { title, state: StepStatus::Failed, .. } => {
            return take(Class::Failed, format!("failed: {}", printable(title, false)));
        }
        Event::Step { state: StepStatus::Done, .. } => Class::Command,
        Event::Phase { .. } | Event::Step { .. } => Class::Step,
        Event::Note { .. } => Class::Note,
        Event::Done { .. } => Class::End,
        Event::Warning { text } => {
            let text = format!("warning: {}", printable_lines(text, false));
            return text.lines().for_each(|l| take(Class::Warning, l.to_owned()));
        }
        Event::Error { id, cause, remedy } => {
            let text = format!(
                "{id} {}\n  what to do: {}",
                printable_lines(cause, false),
                printable_lines(remedy, false)
            );
            return text.lines().for_each(|l| take(Class::Error, l.to_owned()));
        }
        Event::Start { .. } | Event::Plan { .. } | Event::Progress { .. } => return,
    };
    match event {
        // One record, one line, whatever is in it: the index counts them without looking.
        Event::Output { .. } | Event::Said { .. } | Event::File { .. } => {
            take(class, lines::line(event, SHOWN).unwrap_or_default())
        }
        _ => lines::line(event, SHOWN)
            .iter()
            .flat_map(|t| t.lines())
            .for_each(|l| take(class, l.to_owned())),
    }
}
