//! Questions to programs that must not hold up whoever asks: a process group of their own without a
//! terminal, a time limit, a limit of what is read, and an end at any moment.
//!
//! A thread starts the program, reads both its outputs and waits; it alone reaps the child, and the
//! group is only signalled while the child is not reaped, so that no other process is ever hit.

use std::io::{PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::error;
use crate::host::cmd::EVENTS_VARIABLE;
use crate::host::{sys, threads};

/// Most that is read of what it prints.
pub const MAX_OUTPUT: usize = 1 << 20;
/// Bytes kept from the end of its standard error.
const COMPLAINT: usize = 16 << 10;
/// Lines of it that are quoted. The first one says what is wrong, the last ones what came of it.
const QUOTED: usize = 40;
/// Between asking a group to end and ending it.
const GRACE: Duration = Duration::from_millis(300);

/// This program's file, even where another one has taken its place since.
pub const MYSELF: &str = "/proc/self/exe";
/// Names that mean this very program, installed or not, and whatever else is installed under them.
pub const OURS: [&str; 2] = ["altdisk", "alt_disk_install"];

/// A program to ask.
#[derive(Clone, Debug)]
pub struct Question {
    pub argv: Vec<String>,
    /// The command line as people may see it, for errors. `argv` may hold a password, and stands
    /// in no text.
    pub shown: String,
    /// Beside the environment.
    pub env: Vec<(String, String)>,
    pub limit: Duration,
}

/// Ends a question.
#[derive(Clone, Debug)]
pub struct Stop {
    inner: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The group, while the child is not reaped.
    group: Option<Pid>,
    stopped: bool,
    /// Closed to wake the thread.
    wake: Option<PipeWriter>,
}

impl Stop {
    /// Ends the program and everything that it started; its answer is not told any more.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.wake = None;
        if let Some(group) = state.group {
            // It may have ended by itself this moment.
            let _ = killpg(group, Signal::SIGTERM);
        }
    }

    fn stopped(&self) -> bool {
        self.lock().stopped
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program's output, line by line; if there is very much, its beginning and end.
fn quoted_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    if lines.len() > QUOTED {
        lines.splice(QUOTED / 2..lines.len() - QUOTED / 2, ["..."]);
    }
    lines.iter().map(|l| format!("\n  {l}")).collect()
}

/// How it ended.
enum Ended {
    Stopped,
    Late,
    TooMuch,
    By(ExitStatus),
}

impl Question {
    /// Asks on a thread. `tell` gets the answer there; not after a stop. Where there can be no
    /// thread, that is the answer, at once.
    pub fn start(self, tell: impl FnOnce(Result<String>) + Send + 'static) -> Stop {
        let stop = Stop { inner: Arc::default() };
        let ours = stop.clone();
        let tell = Arc::new(Mutex::new(Some(tell)));
        let take =
            |tell: &Mutex<Option<_>>| tell.lock().unwrap_or_else(PoisonError::into_inner).take();
        let there = Arc::clone(&tell);
        let started = threads::start("question", move || {
            let answer = self.ask(&ours);
            if let Some(tell) = take(&there).filter(|_| !ours.stopped()) {
                tell(answer);
            }
        });
        if let Err(e) = started
            && let Some(tell) = take(&tell)
        {
            tell(Err(e));
        }
        stop
    }

    fn ask(&self, stop: &Stop) -> Result<String> {
        let (wake, writer) = std::io::pipe().context("a pipe")?;
        let mut child = {
            // Under the lock: a stop finds the group or prevents the start.
            let mut state = stop.lock();
            if state.stopped {
                return Ok(String::new());
            }
            let child = self.spawn()?;
            state.group = i32::try_from(child.id()).ok().map(Pid::from_raw);
            state.wake = Some(writer);
            child
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = self.follow(&mut child, &wake, stop, &mut out, &mut err);
        let shown = &self.shown;
        let said = quoted_lines(&err);
        match ended? {
            Ended::Stopped => Ok(String::new()),
            Ended::Late => Err(error::ASK_LATE.with_cause((
                format!("`{shown}` was ended after {} seconds", self.limit.as_secs()),
                said,
            ))),
            Ended::TooMuch => Err(error::ASK_LONG
                .with_cause(format!("`{shown}` printed more than {} KiB", MAX_OUTPUT >> 10))),
            Ended::By(status) if status.success() => Ok(String::from_utf8_lossy(&out).into_owned()),
            Ended::By(status) => {
                let how = match (status.code(), status.signal()) {
                    (Some(code), _) => format!("exit code {code}"),
                    (None, signal) => format!("ended by signal {}", signal.unwrap_or(0)),
                };
                if let Some(own) = error::read_back(&String::from_utf8_lossy(&err)) {
                    return Err(anyhow::Error::new(own));
                }
                let said = if said.is_empty() { quoted_lines(&out) } else { said };
                Err(error::ASK_FAILED.with_cause((format!("`{shown}`: {how}"), said)))
            }
        }
    }

    fn spawn(&self) -> Result<Child> {
        let (program, args) = self
            .argv
            .split_first()
            .ok_or_else(|| error::ASK_START.with_cause("an empty command"))?;
        let mut command = command(program);
        command
            .args(args)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .env_remove(EVENTS_VARIABLE)
            .env_remove("ENV")
            .env_remove("BASH_ENV");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        sys::die_with_parent(&mut command);
        command.spawn().map_err(|e| {
            error::ASK_START.with_cause(format!(
                "`{}` could not be started: {}",
                self.shown,
                error::text_of(&e)
            ))
        })
    }

    /// Reads and waits until the program has ended, one way or another, and is reaped.
    fn follow(
        &self,
        child: &mut Child,
        wake: &PipeReader,
        stop: &Stop,
        out: &mut Vec<u8>,
        err: &mut Vec<u8>,
    ) -> Result<Ended> {
        const LOOK: Duration = Duration::from_millis(100);
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let deadline = Instant::now() + self.limit;
        // A daemon that it left behind may keep the pipes: they are read a moment longer, not for
        // ever.
        let mut gone: Option<Instant> = None;
        let ended = loop {
            if stop.stopped() {
                break Some(Ended::Stopped);
            }
            if out.len() > MAX_OUTPUT {
                break Some(Ended::TooMuch);
            }
            let now = Instant::now();
            if gone.is_none() && (has_ended(child) || now >= deadline) {
                if !has_ended(child) {
                    break Some(Ended::Late);
                }
                gone = Some(now);
            }
            let open = stdout.is_some() || stderr.is_some();
            if gone.is_some_and(|at| !open || now > at + LOOK * 2) {
                break None;
            }
            let ready = wait_for(
                stdout.as_ref().map(AsFd::as_fd),
                stderr.as_ref().map(AsFd::as_fd),
                wake.as_fd(),
                LOOK.min(deadline - now.min(deadline)).max(Duration::from_millis(5)),
            );
            if ready[0] && !take(&mut stdout, out) {
                stdout = None;
            }
            if ready[1] && !take(&mut stderr, err) {
                stderr = None;
            }
            if err.len() > 2 * COMPLAINT {
                err.drain(..err.len() - COMPLAINT);
            }
        };
        if ended.is_some() {
            end(child);
        }
        // From here on the number may belong to somebody else.
        stop.lock().group = None;
        let status = child.wait().context("waiting for a program")?;
        Ok(ended.unwrap_or(Ended::By(status)))
    }
}

/// Ours are this program itself.
fn command(program: &str) -> Command {
    match std::fs::read_link(MYSELF) {
        Ok(exe)
            if OURS.contains(&program)
                && exe.file_name().is_some_and(|n| n.to_string_lossy().starts_with("altdisk")) =>
        {
            let mut command = Command::new(MYSELF);
            command.arg0(program);
            command
        }
        _ if program.contains('/') => Command::new(program),
        _ => Command::new(
            super::cmd::find_program(Path::new("/"), program).unwrap_or_else(|| program.into()),
        ),
    }
}

/// True if it has ended; it is not reaped.
fn has_ended(child: &Child) -> bool {
    let Ok(pid) = i32::try_from(child.id()) else { return true };
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(Pid::from_raw(pid)), flags), Ok(WaitStatus::StillAlive))
}

/// Asks the group to end, and ends it.
fn end(child: &Child) {
    let Ok(pid) = i32::try_from(child.id()) else { return };
    let group = Pid::from_raw(pid);
    let _ = killpg(group, Signal::SIGTERM);
    let begun = Instant::now();
    while begun.elapsed() < GRACE && !has_ended(child) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = killpg(group, Signal::SIGKILL);
}

/// For each of the two pipes, true if it has something to read or has ended.
fn wait_for(
    stdout: Option<BorrowedFd<'_>>,
    stderr: Option<BorrowedFd<'_>>,
    wake: BorrowedFd<'_>,
    most: Duration,
) -> [bool; 2] {
    let mut fds: Vec<PollFd> = [Some(wake), stdout, stderr]
        .into_iter()
        .flatten()
        .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
        .collect();
    let most = u16::try_from(most.as_millis()).unwrap_or(u16::MAX);
    if poll(&mut fds, most).unwrap_or(0) <= 0 {
        return [false; 2];
    }
    let mut ready = fds[1..].iter().map(|fd| fd.any().unwrap_or(false));
    [
        stdout.is_some() && ready.next().unwrap_or(false),
        stderr.is_some() && ready.next().unwrap_or(false),
    ]
}

/// Reads once; false at the end.
fn take(pipe: &mut Option<impl Read>, to: &mut Vec<u8>) -> bool {
    let mut chunk = [0u8; 16 << 10];
    match pipe.as_mut().map(|p| p.read(&mut chunk)) {
        Some(Ok(n)) if n > 0 => {
            to.extend_from_slice(&chunk[..n]);
            true
        }
        Some(Err(e)) => e.kind() == std::io::ErrorKind::Interrupted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn ask(script: &str, limit_ms: u64) -> (Stop, mpsc::Receiver<Result<String>>) {
        let (sender, receiver) = mpsc::channel();
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let question = Question {
            argv,
            shown: "the script".into(),
            env: vec![("ALTDISK_ASKED".into(), "yes".into())],
            limit: Duration::from_millis(limit_ms),
        };
        (question.start(move |r| drop(sender.send(r))), receiver)
    }

    fn answer(script: &str, limit_ms: u64) -> Result<String> {
        let (_stop, receiver) = ask(script, limit_ms);
        receiver.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn refused(script: &str, limit_ms: u64) -> String {
        let err = answer(script, limit_ms).unwrap_err();
        let alt = error::find(&err).unwrap();
        format!("{}: {}", alt.entry.id, alt.cause)
    }

    fn alive(pid: &str) -> bool {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    }

    #[test]
    fn answers() {
        assert_eq!(
            answer("echo $ALTDISK_ASKED; cat; tty; echo hidden >&2; exit 0", 10_000).unwrap(),
            "yes\nnot a tty\n"
        );
        assert_eq!(
            answer("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done", 20_000)
                .unwrap()
                .len(),
            220_000
        );
    }

    #[test]
    fn failures_say_why() {
        let text = refused("echo out; echo 1 >&2; echo why >&2; exit 3", 10_000);
        assert!(
            text.starts_with("ALT-907: `the script`: ")
                && text.ends_with("exit code 3\n  1\n  why"),
            "{text}"
        );
        assert!(refused("kill -9 $$", 10_000).ends_with("ended by signal 9"));
        // An error of our own is that error, with its own remedy.
        let own = "echo 'altdisk disks: ALT-701 a run is at work' >&2; echo '  what to do: wait' >&2; exit 3";
        assert_eq!(refused(own, 10_000), "ALT-701: a run is at work");
        let text = refused("echo begun >&2; sleep 60", 300);
        assert!(text.starts_with("ALT-908: ") && text.ends_with("begun"), "{text}");
        assert!(refused("cat /dev/zero", 20_000).starts_with("ALT-909: "));
        let (sender, receiver) = mpsc::channel();
        let question = Question {
            argv: vec!["no-such-program".into(), "secret".into()],
            shown: "no-such-program ***".into(),
            env: vec![],
            limit: Duration::from_secs(9),
        };
        let _stop = question.start(move |r| drop(sender.send(r)));
        let err = receiver.recv_timeout(Duration::from_secs(9)).unwrap().unwrap_err();
        assert!(
            err.to_string().starts_with("ALT-906: `no-such-program ***` could not be started: "),
            "{err}"
        );
    }

    #[test]
    fn a_stop_ends_the_whole_group_and_tells_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("pids");
        let (stop, receiver) = ask(
            &format!(
                "trap '' TERM; sleep 60 & echo $$ $! >{n}.t; mv {n}.t {n}; wait; sleep 60",
                n = note.display()
            ),
            60_000,
        );
        let begun = Instant::now();
        while !note.exists() && begun.elapsed().as_secs() < 10 {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.stop();
        let pids = std::fs::read_to_string(&note).unwrap();
        // The sender goes without having told anything: the thread has ended, so the child is
        // reaped.
        assert!(receiver.recv_timeout(Duration::from_secs(10)).is_err());
        let leader = pids.split_whitespace().next().unwrap();
        assert!(!Path::new("/proc").join(leader).exists() || !alive(leader));
        let begun = Instant::now();
        while pids.split_whitespace().any(alive) && begun.elapsed().as_secs() < 5 {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!pids.split_whitespace().any(alive), "{pids}");
    }

    #[test]
    fn a_daemon_is_not_waited_for() {
        let begun = Instant::now();
        let text = answer("sleep 30 & echo $!", 20_000).unwrap();
        assert!(begun.elapsed().as_secs() < 10);
        drop(Command::new("kill").arg(text.trim()).status());
    }
}
