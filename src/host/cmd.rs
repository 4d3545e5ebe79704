//! Programs: each with a sentence that says why, and an argv.
//!
//! `run` is for what changes something: the sentence and the argv go to the event stream, every
//! output line too, and a failure is an error that quotes the last lines. `read` is for questions:
//! quiet, stdout returned. Standard input is `/dev/null` or a given text, the locale is C, and a
//! program that is not installed is an error of its own. A program of the copy is run by
//! [`Cmd::in_sandbox`] and in no other way.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::error;
use crate::event::{Event, Events, Stream};
use crate::host::beneath::Beneath;
use crate::host::fs_calls::Kind;
use crate::host::output::{MAX_ANSWER, drain};
use crate::host::sandbox::{Cgroup, PROGRAMS, Sandbox};
use crate::host::watch::Watch;
use crate::host::{procs, signals, sys, threads};

/// A program to run.
#[derive(Clone, Debug)]
pub struct Cmd {
    program: String,
    args: Vec<OsString>,
    sentence: String,
    stdin: Option<Vec<u8>>,
    env: Vec<(String, OsString)>,
    inside: Option<Sandbox>,
    accept: Vec<i32>,
    through: Vec<(OsString, OsString)>,
}

/// The result of a program that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Finished {
    /// True for exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// `exit code 3`, `ended by a signal`.
    pub fn how(&self) -> String {
        self.code.map_or("ended by a signal".to_owned(), |c| format!("exit code {c}"))
    }

    /// The end of what it printed, for an error; begins with a line break if there is something.
    pub fn last_lines(&self) -> String {
        last_lines(&[self.stdout.as_slice(), b"\n", self.stderr.as_slice()].concat())
    }

    /// Standard output as text (invalid UTF-8 replaced).
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A program that lives as long as this does.
#[derive(Debug)]
pub struct Held {
    child: Child,
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Its input has ended; how it takes that is its own business.
        let _ = self.child.wait();
    }
}

/// The environment variable that names the descriptor of a job's event file; not for the programs
/// that altdisk runs.
pub const EVENTS_VARIABLE: &str = "ALTDISK_EVENTS";

/// How many last lines of output an error quotes.
const QUOTED: usize = 5;

/// The end of what a program said, for an error; begins with a line break if there is something.
pub(super) fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(QUOTED)..].iter().map(|l| format!("\n  {l}")).collect()
}

impl Cmd {
    /// `program` is looked up in `PATH` and the sbin directories.
    pub fn new(program: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: vec![],
            sentence: sentence.into(),
            stdin: None,
            env: vec![],
            inside: None,
            accept: vec![0],
            through: vec![],
        }
    }

    /// Appends an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Appends arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// The program's standard input.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, key: impl Into<String>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs it in the sandbox: the one way to run a program of the copy.
    pub fn in_sandbox(mut self, inside: &Sandbox) -> Self {
        self.inside = Some(inside.clone());
        self
    }

    /// Exit codes beside 0 that are no failure.
    pub fn accept(mut self, codes: &[i32]) -> Self {
        self.accept.extend_from_slice(codes);
        self
    }

    /// Gives the program `path` for each argument that is `name`; people are shown the name. For
    /// paths to open files, which tell nobody anything.
    pub fn through(mut self, name: impl AsRef<OsStr>, path: impl AsRef<OsStr>) -> Self {
        self.through.push((name.as_ref().to_owned(), path.as_ref().to_owned()));
        self
    }

    /// The argv that is run, as the log shows it.
    pub fn argv(&self) -> Vec<String> {
        let mut v = vec![self.program.clone()];
        v.extend(self.args.iter().map(|a| a.to_string_lossy().into_owned()));
        match &self.inside {
            Some(inside) => ["chroot".to_owned(), inside.root.to_string_lossy().into_owned()]
                .into_iter()
                .chain(v)
                .collect(),
            None => v,
        }
    }

    /// Runs a program that changes something, telling `events` what it says, line by line.
    ///
    /// # Errors
    /// ALT-801 if it is not installed, ALT-802 if it ends with a code that was not accepted.
    pub fn run(&self, events: &Events) -> Result<Finished> {
        self.check_exit(self.run_to_its_end(events)?)
    }

    /// The same, however it ends: the caller looks at the code.
    ///
    /// # Errors
    /// ALT-801 if it is not installed.
    pub fn run_to_its_end(&self, events: &Events) -> Result<Finished> {
        events.emit(Event::Command { sentence: self.sentence.clone(), argv: self.argv() });
        let begun = Instant::now();
        let done = self.execute(Some(events))?;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        events.emit(Event::CommandEnd { argv0: self.program.clone(), code: done.code, ms });
        Ok(done)
    }

    /// Asks a program something: nothing is told, its output is returned.
    ///
    /// # Errors
    /// As [`Cmd::run`].
    pub fn read(&self) -> Result<Finished> {
        let done = self.execute(None)?;
        self.check_exit(done)
    }

    /// Starts a program that works until its standard input ends, which is when the returned guard
    /// goes, or this process.
    ///
    /// # Errors
    /// ALT-801 if it is not installed, ALT-804 if it cannot be started.
    pub fn hold(&self) -> Result<Held> {
        let (mut command, _group) = self.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Held { child: self.spawn(&mut command)? })
    }

    fn check_exit(&self, done: Finished) -> Result<Finished> {
        if done.code.is_some_and(|c| self.accept.contains(&c)) {
            return Ok(done);
        }
        let argv = self.argv().join(" ");
        Err(error::PROGRAM_FAILED.with_cause((
            format!("{}: `{argv}`: {}", self.sentence, done.how()),
            done.last_lines(),
        )))
    }

    fn execute(&self, events: Option<&Events>) -> Result<Finished> {
        let (mut command, _group) = self.command()?;
        let pipe = || std::io::pipe().context("making a pipe");
        let ((out, its_out), (err, its_err)) = (pipe()?, pipe()?);
        command.stdout(its_out).stderr(its_err);
        let input = match &self.stdin {
            Some(text) => {
                let (its_input, input) = pipe()?;
                command.stdin(its_input);
                Some((input, text))
            }
            None => None,
        };
        let (stdout, stderr) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let ended = AtomicBool::new(false);
        let watch = self.inside.as_ref().map(|_| Watch::new(events));
        let child = std::thread::scope(|s| {
            // First those who listen, then the program: one that nobody can listen to is not
            // started.
            let listeners = || {
                if let Some((mut input, text)) = input {
                    // A program that does not read its input to the end is its own business.
                    threads::start_in(s, "input", move || drop(input.write_all(text)))?;
                }
                threads::start_in(s, "output", || {
                    drain(out, Stream::Stdout, events, &stdout, &ended, watch.as_ref())
                })?;
                threads::start_in(s, "errors", || {
                    drain(err, Stream::Stderr, events, &stderr, &ended, watch.as_ref())
                })?;
                watch.as_ref().map_or(Ok(()), |w| {
                    threads::start_in(s, "watch", || w.watch_until_ended(&ended)).map(drop)
                })
            };
            let child = listeners().and_then(|()| self.spawn(&mut command));
            // It holds the program's ends of the pipes.
            drop(command);
            if let Ok(child) = &child {
                watch.as_ref().inspect(|w| w.begin(child.id()));
                // Questions are short, but for those that are asked inside; what changes something
                // is ended by an interrupt.
                if events.is_some() || self.inside.is_some() {
                    signals::running(i32::try_from(child.id()).unwrap_or(0));
                }
                procs::await_end(child);
            }
            ended.store(true, Ordering::SeqCst);
            child
        });
        let mut child = child?;
        // Until it is reaped, the group's number is its own.
        signals::running(0);
        if signals::interrupted() {
            signals::end_group(child.id());
        }
        let status: ExitStatus =
            child.wait().with_context(|| format!("waiting for {}", self.program))?;
        let take =
            |m: Mutex<Vec<u8>>| m.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let done = Finished { code: status.code(), stdout: take(stdout), stderr: take(stderr) };
        if events.is_none() && done.stdout.len().max(done.stderr.len()) > MAX_ANSWER {
            let argv = self.argv().join(" ");
            return Err(error::PROGRAM_FAILED.with_cause(format!(
                "{}: `{argv}`: it says more than {MAX_ANSWER} bytes",
                self.sentence
            )));
        }
        Ok(done)
    }

    fn spawn(&self, command: &mut Command) -> Result<Child> {
        command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => error::PROGRAM_MISSING
                .with_cause(format!("`{}` was not found ({})", self.program, self.sentence)),
            _ => error::KERNEL.with_cause(format!(
                "could not start `{}`: {}",
                self.argv().join(" "),
                error::text_of(&e)
            )),
        })
    }

    /// The program ready to start, and the control group that must live as long as it does.
    fn command(&self) -> Result<(Command, Option<Cgroup>)> {
        let base =
            self.inside.as_ref().map_or_else(|| PathBuf::from("/"), |inside| inside.root.clone());
        let program = find_program(&base, &self.program).ok_or_else(|| {
            error::PROGRAM_MISSING.with_cause(format!(
                "`{}` was not found in {} ({})",
                self.program,
                base.display(),
                self.sentence
            ))
        })?;
        let mut c = Command::new(program);
        sys::die_with_parent(&mut c);
        let group = self
            .inside
            .as_ref()
            .map(|inside| inside.enter_before_exec(&mut c))
            .transpose()?
            .flatten();
        let given = |arg: &OsString| {
            self.through
                .iter()
                .find(|(name, _)| name == arg)
                .map_or(arg.clone(), |(_, path)| path.clone())
        };
        c.args(self.args.iter().map(given))
            .env_remove(EVENTS_VARIABLE)
            .env("LC_ALL", "C")
            .env("PATH", if self.inside.is_some() { sandbox_path() } else { SEARCH.join(":") })
            .envs(self.env.iter().map(|(k, v)| (k, v)));
        c.stdin(Stdio::null());
        // A group of its own: a ^C on the terminal reaches altdisk alone, which then decides.
        c.process_group(0);
        Ok((c, group))
    }
}

const SEARCH: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// PATH of programs that run [inside](Cmd::in_sandbox); package managers set one of their own for
/// scripts unless they are told.
pub fn sandbox_path() -> String {
    format!("{PROGRAMS}:{}", SEARCH.join(":"))
}

/// Where `program` is below `root`, as a path inside it; None if it is not installed there.
pub fn find_program(root: &Path, program: &str) -> Option<PathBuf> {
    let root = Beneath::open(root).ok()?;
    if program.contains('/') {
        return root.exists(program).then(|| PathBuf::from(program));
    }
    let is_program = |p: &PathBuf| {
        root.link_metadata(p).is_ok_and(|s| matches!(s.kind(), Some(Kind::Symlink | Kind::Regular)))
    };
    SEARCH.iter().map(|d| Path::new(d).join(program)).find(is_program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_judges() {
        let ok =
            Cmd::new("sh", "test").args(["-c", "cat; echo $LC_ALL"]).stdin("in\n").read().unwrap();
        assert_eq!(ok.text(), "in\nC\n");
        let err = Cmd::new("sh", "try it").args(["-c", "echo why >&2; exit 3"]).read().unwrap_err();
        let alt = error::find(&err).unwrap();
        assert_eq!(alt.entry.id, "ALT-802");
        assert!(
            alt.cause.contains("try it")
                && alt.cause.contains("exit code 3")
                && alt.cause.contains("why"),
            "{}",
            alt.cause
        );
        assert!(Cmd::new("sh", "x").args(["-c", "exit 3"]).accept(&[3]).read().is_ok());
        let err = Cmd::new("no-such-program", "x").read().unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-801");
    }

    #[test]
    fn an_answer_without_end_is_an_error() {
        let err = Cmd::new("cat", "ask").arg("/dev/zero").read().unwrap_err();
        let alt = error::find(&err).unwrap();
        assert!(
            alt.entry.id == "ALT-802" && alt.cause.ends_with("it says more than 268435456 bytes"),
            "{}",
            alt.cause
        );
    }

    #[test]
    fn a_daemon_that_keeps_the_pipe_is_not_waited_for() {
        let begun = Instant::now();
        let done = Cmd::new("sh", "start a daemon")
            .args(["-c", "echo begun; sleep 20 & echo $!"])
            .read()
            .unwrap();
        assert!(begun.elapsed().as_secs() < 10);
        let pid = done.text().lines().nth(1).unwrap().to_owned();
        assert!(done.text().starts_with("begun\n"));
        drop(Command::new("kill").arg(pid).status());
    }
}
