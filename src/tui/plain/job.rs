//! Running and following, line by line.

use std::io::Write;

use anyhow::Result;

use crate::host::foreground;
use crate::job::index::{Class, Filter};
use crate::job::log::Log;
use crate::job::{self, Id, Spec, State, follow};
use crate::menu::command::Line;
use crate::menu::model::{Dialog, How};
use crate::tui::plain::session::{Answer, Leave, Plain, answer};
use crate::tui::plain::talk::Heard;
use crate::tui::record::Record;

/// Lines that are read at once.
const PAGE: usize = 500;
/// Finished jobs that the list shows.
const JOBS: usize = 20;

impl<W: Write> Plain<'_, W> {
    /// Runs what a dialog made; whether it ended well.
    pub(super) fn execute(&mut self, dialog: &Dialog, line: &Line, how: How) -> (Leave, bool) {
        let dry = self.run.dry || self.run.nothing;
        (self.run.record)(Record::Command { line: line.shown(), hides: line.hides(), run: !dry });
        if dry {
            self.tell("Not run, only recorded (-x).");
            return (Leave::Back, false);
        }
        let done = match how {
            How::Pipe | How::Still => self.as_job(dialog, line),
            How::Inherit => self.with_terminal(line),
            How::Exec => foreground::replace(&line.argv, &self.run.env).map(|never| match never {}),
        };
        self.stays = true;
        done.unwrap_or_else(|err| {
            self.tell_error(&err);
            (Leave::Back, false)
        })
    }

    fn as_job(&mut self, dialog: &Dialog, line: &Line) -> Result<(Leave, bool)> {
        let shown = if line.hides() { line.shown() } else { String::new() };
        let spec = Spec {
            shown,
            fastpath: dialog.id.clone(),
            env: self.run.env.clone(),
            ..Spec::new(line.argv.clone(), &*dialog.title)
        };
        let id = job::start(&spec)?;
        (self.run.record)(Record::Started { job: id.0 });
        self.talk.say(&if self.talk.live() {
            format!("It runs as job {id}. Enter leaves it running, `s` stops it.")
        } else {
            format!("It runs as job {id}.")
        });
        self.follow(id)
    }

    fn with_terminal(&mut self, line: &Line) -> Result<(Leave, bool)> {
        let code = foreground::run(&line.argv, &self.run.env)?;
        (self.run.record)(Record::Ended { job: 0, how: format!("exit code {code}") });
        self.talk.say(&format!("It ended with exit code {code}."));
        Ok((Leave::Back, code == 0))
    }

    /// Shows a job's lines as they come, until it ends or is left.
    pub(super) fn follow(&mut self, id: Id) -> Result<(Leave, bool)> {
        let tell = self.talk.teller();
        let mut log = Log::open(&job::directory::event_file(id)?)?;
        let _follower = follow::spawn(id, move |batch| {
            // Nobody listens where this fails.
            let _ = tell.send(Heard::Job(Box::new(batch)));
        })?;
        let mut seen = 0;
        loop {
            match self.talk.hear_with_job() {
                Heard::Job(batch) => {
                    log.grow(batch.growth);
                    self.lines(&log, &mut seen)?;
                    if batch.whole && batch.state != State::Running {
                        return Ok(self.ended(id, batch.state));
                    }
                }
                Heard::Line(word) => match (answer(word.trim()), word.trim()) {
                    (Answer::Nothing | Answer::Back, _) => {
                        (self.run.record)(Record::GoesOn { job: id.0 });
                        self.talk
                            .say(&format!("Job {id} is still running. To see it again: `altdisk jobs follow {id}`, or Running and Finished Jobs in the first menu."));
                        return Ok((Leave::Back, false));
                    }
                    (Answer::Quit, _) => {
                        (self.run.record)(Record::GoesOn { job: id.0 });
                        self.talk.say(&format!("Job {id} is still running."));
                        return Ok((Leave::Quit, false));
                    }
                    (_, "s") => self.stop(id),
                    _ => self.talk.say("Enter leaves it running, `s` stops it."),
                },
                Heard::End => {
                    (self.run.record)(Record::GoesOn { job: id.0 });
                    return Ok((Leave::Quit, false));
                }
                Heard::Answer(_) => {}
            }
        }
    }

    fn stop(&mut self, id: Id) {
        let on_alternate = job::find(id).is_ok_and(|j| j.spec.on_alternate());
        if on_alternate {
            self.talk.say(
                "That leaves an unfinished copy: `alt_disk_install --resume` continues it, `alt_disk_install -X` removes it. \
The running system is not changed by stopping.",
            );
        }
        if self.talk.ask("Type stop to stop it:").as_deref() == Some("stop") {
            if let Err(err) = job::stop(id) {
                self.talk.error(&err);
            }
        } else {
            self.talk.say("It keeps running.");
        }
    }

    fn lines(&mut self, log: &Log, seen: &mut u64) -> Result<()> {
        loop {
            let lines = log.lines(Filter::Own, *seen, PAGE)?;
            if lines.is_empty() {
                return Ok(());
            }
            *seen += lines.len() as u64;
            for line in lines {
                let mark = match line.class {
                    // What to do about it stands below it, indented; a warning says itself that it
                    // is one.
                    Class::Failed | Class::Error if !line.text.starts_with(' ') => "ERROR ",
                    class if class.is_stderr() => "! ",
                    _ => "",
                };
                self.talk.line(&format!("{mark}{}", line.text));
            }
        }
    }

    fn ended(&mut self, id: Id, state: State) -> (Leave, bool) {
        let (how, well) = match state {
            State::Ended(ended) if ended.success() => ("Command: OK".to_owned(), true),
            State::Ended(ended) => (format!("Command: failed ({})", ended.shown()), false),
            State::Lost { .. } | State::Running => {
                ("The process that supervised this job is gone (was the machine restarted?); its result is unknown.".to_owned(), false)
            }
        };
        (self.run.record)(Record::Ended { job: id.0, how: how.clone() });
        self.talk.say(&how);
        (Leave::Back, well)
    }

    /// Says at the start which jobs run.
    pub(super) fn jobs_that_run(&mut self) {
        for job in job::list().unwrap_or_default().iter().filter(|j| j.state == State::Running) {
            self.talk.say(&format!(
                "Job {} runs: {}. It is under Running and Finished Jobs.",
                job.id, job.spec.title
            ));
        }
    }

    /// Running and finished jobs.
    pub(super) fn jobs(&mut self) -> Leave {
        loop {
            let jobs = match job::list() {
                Ok(jobs) => jobs,
                Err(err) => {
                    self.tell_error(&err);
                    return Leave::Back;
                }
            };
            if jobs.is_empty() {
                self.tell("No job was run yet.");
                return Leave::Back;
            }
            if self.shows_panel() {
                self.talk.title("Running and Finished Jobs");
                for (n, job) in (1..).zip(jobs.iter().take(JOBS)) {
                    self.talk.item(
                        &format!("{n:>4}  "),
                        &format!("job {}: {} ({})", job.id, job.spec.title, job.state_word()),
                    );
                }
            }
            let Some(word) = self.talk.ask("Number to see it (b back, q quit):") else {
                return Leave::Quit;
            };
            match answer(&word) {
                Answer::Back => return Leave::Back,
                Answer::Nothing => {}
                Answer::Quit => return Leave::Quit,
                Answer::Number(n) if n >= 1 && n <= jobs.len().min(JOBS) => {
                    match self.follow(jobs[n - 1].id) {
                        Ok((Leave::Quit, _)) => return Leave::Quit,
                        Ok(_) => self.stays = true,
                        Err(err) => self.tell_error(&err),
                    }
                }
                _ => self.tell("Type the number of a line."),
            }
        }
    }
}
