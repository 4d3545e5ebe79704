//! A status screen that is fed from a recording.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::event::{Event, Stream};
use crate::job::follow::Batch;
use crate::job::index::Indexer;
use crate::job::log::Log;
use crate::job::{Ended, Id, Spec, State, Summary};
use crate::testing::golden;
use crate::theme::Theme;
use crate::tui::canvas::Canvas;
use crate::tui::keys;
use crate::tui::status::model::{Action, Msg, Status};

/// A status and the recording that it is fed from.
pub struct Stage {
    pub status: Status,
    pub indexer: Indexer,
    pub path: PathBuf,
    pub at: Instant,
    _dir: Option<tempfile::TempDir>,
}

pub fn ended(code: i32) -> State {
    State::Ended(Ended { code: Some(code), signal: None, time: 1_795_366_900, ms: 754_000 })
}

impl Stage {
    pub fn on(path: PathBuf, argv: &[&str], size: (u16, u16)) -> Self {
        let spec =
            Spec::new(argv.iter().map(|w| (*w).to_owned()).collect(), "Clone the running system");
        let job = Summary {
            id: Id(7),
            spec,
            started: 0,
            state: State::Running,
            group: None,
            stopped: false,
        };
        let status = Status::with_log(job, Log::open(&path).unwrap(), size.0, size.1);
        Self { status, indexer: Indexer::default(), path, at: Instant::now(), _dir: None }
    }

    pub fn clone(size: (u16, u16)) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jobs/clone.jsonl");
        Self::on(path, &["alt_disk_install", "-C", "-B", "target"], size)
    }

    /// A job of `sh` that has said these things.
    pub fn said(events: &[Event], size: (u16, u16)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        std::fs::write(&path, text(events)).unwrap();
        let mut stage = Self { _dir: Some(dir), ..Self::on(path, &["sh", "-c", "a job"], size) };
        stage.feed(usize::MAX, State::Running);
        stage
    }

    /// It says more.
    pub fn says(&mut self, events: &[Event]) {
        use std::io::Write;
        std::fs::OpenOptions::new()
            .append(true)
            .open(&self.path)
            .unwrap()
            .write_all(&text(events))
            .unwrap();
        self.feed(usize::MAX, State::Running);
    }

    /// The follower reads on to line `to` of the file.
    pub fn feed(&mut self, to: usize, state: State) {
        let all = std::fs::read(&self.path).unwrap();
        let end = all.split_inclusive(|b| *b == b'\n').take(to).map(<[u8]>::len).sum::<usize>();
        let from = usize::try_from(self.indexer.offset()).unwrap();
        let mut events = vec![];
        let growth = self.indexer.feed(&all[from..end.max(from)], |e| events.push(e));
        let batch = Batch { events, growth, state, at: self.at, whole: true };
        assert_eq!(self.status.update(Msg::Batch(batch)), []);
    }

    pub fn key(&mut self, key: KeyEvent) -> Vec<Action> {
        self.status.update(Msg::Key(key))
    }

    pub fn keys(&mut self, keys: &[KeyCode]) {
        for key in keys {
            let mut actions = self.key((*key).into());
            while actions == [Action::Continue] {
                actions = self.status.update(Msg::Continue);
            }
        }
    }

    pub fn draw(&self, c: &mut Canvas<'_>) {
        self.status.view(c, keys::KeyNames::Function, true);
    }

    pub fn golden(&self, name: &str) {
        let (width, height) = self.status.size;
        golden::check(&format!("status-{name}"), width, height, |c| self.draw(c));
    }

    pub fn screen(&self) -> Vec<String> {
        let (width, height) = self.status.size;
        let (mut buf, theme) = (Buffer::empty(Rect::new(0, 0, width, height)), Theme::mono());
        self.draw(&mut Canvas::new(&mut buf, &theme));
        buf.content()
            .chunks(usize::from(width))
            .map(|r| r.iter().map(|c| c.symbol()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    /// The rows of the log that are seen.
    pub fn seen(&self) -> Vec<String> {
        self.status.pane.rows.iter().map(|r| r.text.clone()).collect()
    }
}

pub fn text(events: &[Event]) -> Vec<u8> {
    events
        .iter()
        .flat_map(|e| serde_json::to_string(e).unwrap().into_bytes().into_iter().chain(*b"\n"))
        .collect()
}

pub fn out(line: impl Into<String>) -> Event {
    Event::Output { stream: Stream::Stdout, line: line.into() }
}

pub fn err(line: impl Into<String>) -> Event {
    Event::Output { stream: Stream::Stderr, line: line.into() }
}

pub fn numbered(n: std::ops::Range<u32>) -> Vec<Event> {
    n.map(|n| out(format!("line {n}"))).collect()
}

pub const SIZE: (u16, u16) = (80, 24);
pub const LARGE: (u16, u16) = (132, 43);

/// A line of the recording in the middle of copying.
pub fn copying() -> usize {
    let text = include_str!("../../../../tests/fixtures/jobs/clone.jsonl");
    text.lines()
        .position(|l| l.contains(r#""event":"progress""#) && !l.contains(r#""bytes":0,"#))
        .unwrap()
        + 1
}

/// A clone in the middle of copying, for pictures.
pub fn running_clone(size: (u16, u16)) -> Status {
    let mut stage = Stage::clone(size);
    stage.feed(copying(), State::Running);
    stage.status
}

/// The same when it has ended with this code.
pub fn ended_clone(size: (u16, u16), code: i32) -> Status {
    let mut stage = Stage::clone(size);
    stage.feed(usize::MAX, ended(code));
    stage.status
}
