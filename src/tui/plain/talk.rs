//! Asking and answering, a line at a time. One channel carries everything that comes in: typed
//! lines, answers of programs, what a job does.

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::Result;

use crate::error;
use crate::host::threads;
use crate::job::follow::Batch;
use crate::menu::ask::RunningQuery;
use crate::text::{printable_lines, wrap};

/// How long a program may take before the user is told to wait.
const NOTICE_TIMEOUT: Duration = Duration::from_millis(1500);

/// What can be heard.
#[derive(Debug)]
pub enum Heard {
    Line(String),
    /// Nobody types any more.
    End,
    /// Of the question with this number.
    Answer((u64, Result<String>)),
    Job(Box<Batch>),
}

/// The person on the other side.
#[derive(Debug)]
pub struct Talk<W: Write> {
    out: W,
    heard: Receiver<Heard>,
    tell: Sender<Heard>,
    width: usize,
    ascii: bool,
    ended: bool,
    /// Asks the listening thread for one line, so that a program which gets the terminal loses
    /// nothing to it.
    want: Option<Sender<()>>,
    wanted: bool,
    /// Somebody sits there who can give up waiting.
    live: bool,
    asked: u64,
}

impl<W: Write> Talk<W> {
    /// Someone who reads `out` (`width` columns; nothing beyond ASCII if `ascii`), and is heard on
    /// a channel.
    pub fn new(out: W, width: usize, ascii: bool) -> Self {
        let (tell, heard) = channel();
        Self {
            out,
            heard,
            tell,
            width,
            ascii,
            ended: false,
            want: None,
            wanted: false,
            live: false,
            asked: 0,
        }
    }

    /// For threads that have something to say.
    pub fn teller(&self) -> Sender<Heard> {
        self.tell.clone()
    }

    /// Reads lines on a thread of its own, each when it is asked for. `live`: from a terminal.
    ///
    /// # Errors
    /// ALT-805 where the kernel gives no thread.
    pub fn listen(&mut self, input: impl BufRead + Send + 'static, live: bool) -> Result<()> {
        let (want, wanted) = channel();
        let tell = self.teller();
        threads::start("lines", move || {
            let mut lines = input.lines();
            while wanted.recv().is_ok() {
                let heard = match lines.next() {
                    Some(Ok(line)) => Heard::Line(line),
                    _ => Heard::End,
                };
                if tell.send(heard).is_err() {
                    break;
                }
            }
        })?;
        (self.want, self.live) = (Some(want), live);
        Ok(())
    }

    /// Whether a person sits at a terminal.
    pub fn live(&self) -> bool {
        self.live && !self.ended
    }

    fn listen_for_a_line(&mut self) {
        if self.wanted || self.ended {
            return;
        }
        let asked = self.want.as_ref().is_some_and(|w| w.send(()).is_ok());
        (self.wanted, self.ended) = (asked, !asked);
    }

    /// A paragraph, broken at blanks. Lines that begin with a blank stay as they are.
    pub fn say(&mut self, text: &str) {
        let clean = printable_lines(text, self.ascii);
        let text = wrap(&clean, self.width, 0, 0);
        self.write_text(&(text + "\n"));
    }

    /// A text below a mark: later lines stand below the first one's text; a list in it stays a
    /// list.
    pub fn item(&mut self, mark: &str, text: &str) {
        let clean = printable_lines(text, self.ascii);
        let indent = mark.chars().count();
        let mut lead = mark.to_owned();
        if clean.trim().is_empty() {
            return self.write_text(&(lead + "\n"));
        }
        for line in clean.trim_start().lines() {
            let words = line.trim_start();
            let at = indent + line.len() - words.len();
            let text = wrap(words, self.width, at, at);
            self.write_text(&format!("{lead}{}{text}\n", " ".repeat(at - indent)));
            lead = " ".repeat(indent);
        }
    }

    /// A line as it is, but for what a terminal would obey.
    pub fn line(&mut self, text: &str) {
        let clean = printable_lines(text, self.ascii);
        self.write_text(&(clean + "\n"));
    }

    /// A title with a blank line around it.
    pub fn title(&mut self, text: &str) {
        self.line("");
        self.say(text);
        let line: usize =
            printable_lines(text, self.ascii).lines().map(|l| l.chars().count()).max().unwrap_or(0);
        self.line(&"-".repeat(line.min(self.width)));
    }

    /// An error: what, and what to do.
    pub fn error(&mut self, err: &anyhow::Error) {
        let told = error::describe(err);
        self.item("! ", &format!("{} {}", told.entry.id, told.cause));
        self.item("  what to do: ", &told.remedy);
    }

    /// The next typed line without blanks around it; None at the end of the input, from then on.
    pub fn ask(&mut self, prompt: &str) -> Option<String> {
        self.ask_raw(prompt).map(|l| l.trim().to_owned())
    }

    /// As [`Talk::ask`], with blanks kept.
    pub fn ask_raw(&mut self, prompt: &str) -> Option<String> {
        let clean = printable_lines(prompt, self.ascii);
        self.write_text(&(clean + " "));
        loop {
            match self.hear() {
                Heard::Line(line) => return Some(line),
                Heard::End => break,
                // A job that was left goes on speaking for a moment.
                Heard::Answer(_) | Heard::Job(_) => {}
            }
        }
        self.write_text("\n");
        None
    }

    /// Asks a program; `shown` is what errors call it. Once it was said that it takes its time, a
    /// line gives it up (Ok(None)).
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn question(
        &mut self,
        argv: Vec<String>,
        shown: String,
        env: &[(String, String)],
        seconds: u64,
    ) -> Result<Option<String>> {
        let (tell, number) = (self.teller(), self.asked + 1);
        self.asked = number;
        let asker = RunningQuery::start(
            argv,
            shown,
            env.to_vec(),
            Duration::from_secs(seconds),
            move |text| {
                // Nobody listens where this fails.
                let _ = tell.send(Heard::Answer((number, text)));
            },
        );
        let mut said = false;
        loop {
            let heard = if said {
                self.heard.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.heard.recv_timeout(NOTICE_TIMEOUT)
            };
            match heard {
                Ok(Heard::Answer((n, text))) if n == number => return text.map(Some),
                Ok(Heard::Line(_)) if said => {
                    self.wanted = false;
                    asker.cancel();
                    self.line("Given up.");
                    return Ok(None);
                }
                Ok(Heard::Line(_)) => self.wanted = false,
                Ok(Heard::End) => self.ended = true,
                Ok(Heard::Answer(_) | Heard::Job(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    said = true;
                    if self.live {
                        self.line("Please wait; Enter gives up.");
                        self.listen_for_a_line();
                    } else {
                        self.line("Please wait.");
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// The next thing that is heard. After the end of the input only jobs speak.
    pub fn hear(&mut self) -> Heard {
        self.listen_for_a_line();
        if self.ended {
            return Heard::End;
        }
        let heard = self.heard.recv().unwrap_or(Heard::End);
        self.ended |= matches!(heard, Heard::End);
        self.wanted &= !matches!(heard, Heard::Line(_));
        heard
    }

    /// What happens while a job is followed. Without a person at a terminal (a script, or the end
    /// of the input) only the job is heard: the lines of a script are for what comes after it.
    pub fn hear_with_job(&mut self) -> Heard {
        if self.live && !self.ended {
            return self.hear();
        }
        loop {
            match self.heard.recv() {
                Ok(job @ Heard::Job(_)) => return job,
                Ok(Heard::Answer(_)) => {}
                Ok(Heard::Line(_)) => self.wanted = false,
                Ok(Heard::End) => self.ended = true,
                Err(_) => return Heard::End,
            }
        }
    }

    /// Writes; a reader who is gone has seen enough.
    fn write_text(&mut self, text: &str) {
        if self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).is_err() {
            self.ended = true;
        }
    }
}
