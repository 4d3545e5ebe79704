//! What effects need beside the screen: questions to programs, the job that is followed, the logs.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::job::{self, follow};
use crate::menu::ask::RunningQuery;
use crate::theme::choose::Wanted;
use crate::tui::channel::Event;
use crate::tui::log_job;
use crate::tui::model::{Msg, UserMessage};
use crate::tui::record::{Record, SessionLogs};
use crate::tui::status::Status;

/// How long the end of the session waits for output that is copied to the log.
const LOG_COPY_TIMEOUT: Duration = Duration::from_secs(1);

/// Where things are kept.
pub struct Paths {
    pub logs: SessionLogs,
    /// The home directory: images are written there.
    pub home: PathBuf,
    /// Where the chosen theme is kept.
    pub theme: Option<PathBuf>,
    /// What is known about the terminal, for themes.
    pub wanted: Wanted,
    /// For every program that is run from here.
    pub env: Vec<(String, String)>,
}

/// Carries out effects.
pub struct EffectRunner {
    sender: Sender<Event>,
    pub(super) at: Paths,
    pub(super) asked: HashMap<u64, RunningQuery>,
    follower: Option<follow::Follower>,
    /// Which follower's batches count.
    number: u64,
    /// The follower may send another batch.
    more: Option<SyncSender<()>>,
    /// Threads that copy output to the log.
    copies: Vec<JoinHandle<()>>,
}

impl EffectRunner {
    /// Nothing is asked or followed yet; answers and batches go to `sender`.
    pub fn new(sender: Sender<Event>, at: Paths) -> Self {
        Self {
            sender,
            at,
            asked: HashMap::new(),
            follower: None,
            number: 0,
            more: None,
            copies: vec![],
        }
    }

    /// Whether the follower with this number is the current one.
    pub fn follows(&self, number: u64) -> bool {
        self.number == number && self.follower.is_some()
    }

    /// The follower may go on. It sends one batch and waits: however fast a job speaks, not more is
    /// kept than is shown.
    pub fn more(&self) {
        if let Some(more) = &self.more {
            // A full channel says it already; a follower that is gone wants nothing.
            let _ = more.try_send(());
        }
    }

    /// The answer has come: there is nothing to end any more.
    pub fn has_answered(&mut self, token: u64) {
        self.asked.remove(&token);
    }

    pub(super) fn close(&mut self) {
        self.follower = None;
        self.more = None;
    }

    /// The session ends; `goes_on` is what the log says about the job on the screen.
    pub fn finish(&mut self, goes_on: Option<&Record>) {
        self.asked.clear();
        self.close();
        match goes_on {
            Some(record) => self.write_job(record.clone()),
            None => self.catch_up(),
        }
        let begun = Instant::now();
        while begun.elapsed() < LOG_COPY_TIMEOUT && self.copies.iter().any(|c| !c.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.at.logs.record(&Record::End);
    }

    pub(super) fn send(&self, msg: Msg) {
        // The receiver lives as long as the loop.
        let _ = self.sender.send(Event::Msg(msg));
    }

    pub(super) fn ask(&mut self, token: u64, argv: Vec<String>, shown: String, limit: Duration) {
        let sender = self.sender.clone();
        let tell = move |answer: Result<String>| {
            let answer = answer.map_err(|e| UserMessage::from(&e));
            let _ = sender.send(Event::Msg(Msg::Answer(token, answer)));
        };
        self.asked
            .insert(token, RunningQuery::start(argv, shown, self.at.env.clone(), limit, tell));
    }

    /// Opens a job's status and follows it.
    pub(super) fn open(&mut self, id: job::Id, size: (u16, u16)) -> Result<Box<Status>> {
        let status = Status::new(job::find(id)?, size.0, size.1)?;
        self.number += 1;
        let (number, sender) = (self.number, self.sender.clone());
        let (more, may) = sync_channel(1);
        let _ = more.try_send(());
        self.more = Some(more);
        self.follower = Some(follow::spawn(id, move |batch| {
            if may.recv().is_ok() {
                let _ = sender.send(Event::Batch(number, batch));
            }
        })?);
        Ok(Box::new(status))
    }

    pub(super) fn start(&mut self, mut spec: job::Spec, size: (u16, u16)) -> Result<Box<Status>> {
        spec.env.clone_from(&self.at.env);
        let id = job::start(&spec)?;
        // Before anybody can see its end.
        if let Some(mut log) = self.at.logs.log() {
            log_job::record(&Record::Started { job: id.0 }, self.at.logs.log_path(), &mut log);
        }
        self.open(id, size)
    }

    /// What a job of this session said, and then how it ended or that it goes on, at the end of the
    /// log.
    pub(super) fn write_job(&mut self, record: Record) {
        let path = self.at.logs.log_path().to_owned();
        self.in_log(move |to| log_job::record(&record, &path, to));
    }

    /// The results of jobs that nobody has seen end.
    pub(super) fn catch_up(&mut self) {
        let path = self.at.logs.log_path().to_owned();
        self.in_log(move |to| log_job::catch_up(&path, to));
    }

    /// Writes into the log on another thread: it may be much. If no thread can be had, the jobs'
    /// own files still have it.
    fn in_log(&mut self, write: impl FnOnce(&mut File) + Send + 'static) {
        let Some(mut to) = self.at.logs.log() else { return };
        let copy = std::thread::Builder::new().name("log".into()).spawn(move || write(&mut to));
        self.copies.retain(|c| !c.is_finished());
        self.copies.extend(copy);
    }
}
