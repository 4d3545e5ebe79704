//! What the update wants done, done: the only file of the screens that touches the world, beside
//! the loop.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::error;
use crate::host::{clock, foreground, own_file, sys};
use crate::job::{self, follow};
use crate::menu::ask::Asker;
use crate::theme::choose::Wanted;
use crate::theme::{self, Theme};
use crate::tui::log_job;
use crate::tui::model::{Effect, Msg, Told};
use crate::tui::record::{Books, Record};
use crate::tui::run::{End, Event, Screen};
use crate::tui::status::{self, Status};
use crate::tui::svg;

/// A question that is answered sooner is never seen.
const SLOW: Duration = Duration::from_millis(300);
/// How long the end waits for output that is copied to the log.
const COPY: Duration = Duration::from_secs(1);

/// Where things are.
pub struct Places {
    pub books: Books,
    /// The home directory: images are written there.
    pub home: PathBuf,
    /// Where the chosen look is kept.
    pub theme: Option<PathBuf>,
    /// What is known about the terminal, for looks.
    pub wanted: Wanted,
    /// For every program that is run from here.
    pub env: Vec<(String, String)>,
}

/// What carries out effects.
pub struct Doer {
    sender: Sender<Event>,
    at: Places,
    asked: HashMap<u64, Asker>,
    follower: Option<follow::Follower>,
    /// Which follower's batches count.
    number: u64,
    /// The follower may send another batch.
    more: Option<SyncSender<()>>,
    /// Threads that copy output to the log.
    copies: Vec<JoinHandle<()>>,
}

impl Doer {
    pub fn new(sender: Sender<Event>, at: Places) -> Self {
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

    fn close(&mut self) {
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
        while begun.elapsed() < COPY && self.copies.iter().any(|c| !c.is_finished()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.at.books.record(&Record::End);
    }

    fn send(&self, msg: Msg) {
        // The receiver lives as long as the loop.
        let _ = self.sender.send(Event::Msg(msg));
    }

    fn ask(&mut self, token: u64, argv: Vec<String>, shown: String, limit: Duration) {
        let sender = self.sender.clone();
        let tell = move |answer: Result<String>| {
            let answer = answer.map_err(|e| Told::from(&e));
            let _ = sender.send(Event::Msg(Msg::Answer(token, answer)));
        };
        self.asked.insert(token, Asker::start(argv, shown, self.at.env.clone(), limit, tell));
    }

    /// Opens a job's status and follows it.
    fn open(&mut self, id: job::Id, size: (u16, u16)) -> Result<Box<Status>> {
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

    fn start(&mut self, mut spec: job::Spec, size: (u16, u16)) -> Result<Box<Status>> {
        spec.env.clone_from(&self.at.env);
        let id = job::start(&spec)?;
        // Before anybody can see its end.
        if let Some(mut log) = self.at.books.log() {
            log_job::record(&Record::Started { job: id.0 }, self.at.books.log_path(), &mut log);
        }
        self.open(id, size)
    }

    /// What a job of this session said, and then how it ended or that it goes on, at the end of the
    /// log.
    fn write_job(&mut self, record: Record) {
        let path = self.at.books.log_path().to_owned();
        self.in_log(move |to| log_job::record(&record, &path, to));
    }

    /// The results of jobs that nobody has seen end.
    fn catch_up(&mut self) {
        let path = self.at.books.log_path().to_owned();
        self.in_log(move |to| log_job::catch_up(&path, to));
    }

    /// Writes into the log on another thread: it may be much. If no thread can be had, the jobs'
    /// own files still have it.
    fn in_log(&mut self, write: impl FnOnce(&mut File) + Send + 'static) {
        let Some(mut to) = self.at.books.log() else { return };
        let copy = std::thread::Builder::new().name("log".into()).spawn(move || write(&mut to));
        self.copies.retain(|c| !c.is_finished());
        self.copies.extend(copy);
    }
}

/// Carries out one effect.
///
/// # Errors
/// If the terminal has vanished.
pub fn perform(screen: &mut Screen, effect: Effect) -> Result<()> {
    let size = screen.model.size;
    match effect {
        Effect::Ask { token, argv, shown, limit } => screen.doer().ask(token, argv, shown, limit),
        Effect::Cancel(token) => drop(screen.doer().asked.remove(&token)),
        Effect::Later(token) => screen.later(SLOW, Msg::Slow(token)),
        Effect::Start { spec, still } => {
            let status = screen
                .doer()
                .start(spec, size)
                .map(|s| if still { Box::new(s.still()) } else { s });
            let status = status.map_err(|e| Told::from(&e));
            screen.apply(Msg::Opened(status));
        }
        Effect::Open(id) => {
            let status = screen.doer().open(id, size).map_err(|e| Told::from(&e));
            screen.apply(Msg::Opened(status));
        }
        Effect::Close => {
            screen.doer().close();
            screen.doer().catch_up();
        }
        Effect::Jobs => {
            screen.apply(Msg::Jobs(job::list().map_err(|e| Told::from(&e)), sys::now().0))
        }
        Effect::Stop(id) => stopped(screen, job::stop(id)),
        Effect::Kill(id) => stopped(screen, job::kill(id)),
        Effect::Continue => screen.doer().send(Msg::Status(status::Msg::Continue)),
        Effect::Shell => {
            let shell = std::env::var("SHELL")
                .ok()
                .filter(|s| !s.is_empty())
                .unwrap_or_else(|| "/bin/sh".into());
            with_terminal(screen, &[shell], Some("Type `exit` to return to altdisk."))?;
        }
        Effect::Inherit(argv) => with_terminal(screen, &argv, None)?,
        Effect::Exec(argv) => {
            screen.reader.pause();
            screen.tty.suspend()?;
            let _ = screen.doer().at.books.record(&Record::End);
            let Err(failed) = foreground::replace(&argv, &screen.doer().at.env.clone());
            screen.tty.resume()?;
            screen.reader.resume();
            screen.apply(Msg::Returned(Err(Told::from(&failed))));
        }
        Effect::SaveImage(fastpath) => {
            let saved = save(screen, &fastpath).map_err(|e| Told::from(&e));
            screen.apply(Msg::Saved(saved));
        }
        Effect::Themes => {
            let themes = themes(screen);
            screen.apply(Msg::Themes(themes));
        }
        Effect::Theme(name) => keep(screen, &name),
        Effect::Record(record) => write_down(screen, &record),
        Effect::Redraw => screen.repaint(),
        Effect::Suspend => {
            screen.reader.pause();
            screen.tty.stop_here()?;
            screen.reader.resume();
            screen.repaint();
        }
        Effect::Bell => screen.tty.write(b"\x07")?,
        Effect::Quit => screen.end = Some(End::Left),
    }
    Ok(())
}

fn stopped(screen: &mut Screen, asked: Result<()>) {
    if let Err(e) = asked {
        let told = Told::from(&e);
        screen.apply(Msg::Status(status::Msg::Tell(told.wrong)));
    }
}

/// Gives the terminal to a program; comes back when that ends. `shell`: what is said before it.
fn with_terminal(screen: &mut Screen, argv: &[String], shell: Option<&str>) -> Result<()> {
    screen.reader.pause();
    screen.tty.suspend()?;
    // The terminal is in order now; if nobody sees what is said, nobody misses it.
    let say = |text: &str| drop(writeln!(std::io::stdout(), "{text}"));
    shell.into_iter().for_each(say);
    let env = screen.doer().at.env.clone();
    let code = foreground::run(argv, &env).map_err(|e| Told::from(&e));
    if let (None, Ok(1..)) = (shell, &code) {
        // What it said must be read before the screens cover it.
        say("Press Enter to return to altdisk.");
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    screen.tty.resume()?;
    screen.reader.resume();
    screen.apply(Msg::Returned(code));
    Ok(())
}

/// F8: the screen as text and as a picture.
fn save(screen: &mut Screen, fastpath: &str) -> Result<Vec<String>> {
    let (buf, cursor) = screen.drawn();
    let name: String = fastpath
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' })
        .collect();
    let stamp: String = clock::stamp(sys::now().0)
        .chars()
        .map(|c| if c == ' ' { '-' } else { c })
        .filter(|c| *c != ':')
        .collect();
    let begin = if name.is_empty() || name == "altdisk" {
        "altdisk".to_owned()
    } else {
        format!("altdisk-{name}")
    };
    let mut files = vec![];
    for (end, content) in [("txt", svg::text(&buf)), ("svg", svg::svg(&buf, cursor))] {
        let path = screen.doer().at.home.join(format!("{begin}-{stamp}.{end}"));
        let write = || {
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?
                .write_all(content.as_bytes())
        };
        write().map_err(|e: std::io::Error| {
            error::NO_IMAGE.with_cause(format!("{}: {e}", path.display()))
        })?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

/// The chosen look, for the next time. That it cannot be kept is no reason to disturb.
fn keep(screen: &mut Screen, name: &str) {
    if let Some(path) = screen.doer().at.theme.clone() {
        let _ = own_file::keep(&path, format!("{name}\n").as_bytes());
    }
}

fn write_down(screen: &mut Screen, record: &Record) {
    if record.is_of_a_job() {
        return screen.doer().write_job(record.clone());
    }
    if let Some(wrong) = screen.doer().at.books.record(record) {
        let remedy =
            "altdisk continues without it. -l and -s name other files for the log and the script.";
        screen.tell(Told::new(format!("What you do is not written down: {wrong}"), remedy));
    }
}

/// The looks, as this terminal can show them.
fn themes(screen: &mut Screen) -> Vec<Theme> {
    let wanted = screen.doer().at.wanted.clone();
    let (themes, _) = theme::load::all(&wanted.dirs);
    themes.into_iter().map(|t| theme::choose::fitted(t, &wanted)).collect()
}
