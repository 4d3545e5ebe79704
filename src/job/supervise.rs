//! The supervisor of a job: starts the command, writes down what it says, and how it ended.
//!
//! It lives in a session of its own and does nothing but wait. A command of altdisk's own writes
//! events into the event file itself; what any command prints becomes `output` events, in the order
//! in which it arrives. A full disk or a daemon that keeps the pipes open stops nothing.

use std::fs::{File, OpenOptions};
use std::io::{PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;

use crate::error;
use crate::event::{Event, Stream, VERSION};
use crate::host::cmd::EVENTS_VARIABLE;
use crate::host::procs::{self, Process};
use crate::host::{self, ask, cmd, detach, sys, threads};
use crate::job::append::{self, Appender};
use crate::job::control;
use crate::job::files::{self, RunRecord};
use crate::job::model::{Ended, STOPPED, Spec};
use crate::job::split::LineSplitter;
use crate::job::start::Answer;

/// How long what is left in the pipes is waited for after the command's end.
const LEFT: Duration = Duration::from_millis(200);
/// The same in all, where something goes on writing.
const LEFT_IN_ALL: Duration = Duration::from_secs(2);
/// How long the rest of a process group has after a stop before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the order that comes on standard input as the job in `dir`. `own` says which programs this
/// executable is itself, should they not be installed under that name. Returns when the command has
/// ended.
///
/// # Errors
/// Where the order cannot be read, or the end not be written down.
pub fn run(dir: &Path, own: fn(&str) -> bool) -> Result<()> {
    let mut order = Vec::new();
    std::io::stdin().read_to_end(&mut order)?;
    let spec: Spec = serde_json::from_slice(&order).context("reading the order")?;
    detach::detach()?;
    // Only an end by force needs it.
    let _ = detach::adopt_orphans();
    let begun = Instant::now();
    let ended = match wait_for_the_end() {
        Ok(ended) => ended,
        Err(e) => {
            return answer(&Answer::Failed(
                error::chain_of(&e),
                error::NO_THREAD.remedy.to_owned(),
            ));
        }
    };
    let (mut child, mut events) = match begin(&spec, dir, own) {
        Ok(both) => both,
        Err((cause, remedy)) => return answer(&Answer::Failed(cause, remedy)),
    };
    answer(&Answer::Runs)?;
    watch(&mut child, ended, &mut events);
    finish(dir, &mut events, &mut child, begun)
}

/// Says how the start went; from then on nobody listens. Who asked may have ended already: what
/// runs goes on all the same.
fn answer(answer: &Answer) -> Result<()> {
    let mut out = std::io::stdout();
    let text = serde_json::to_vec(answer)?;
    let _ = out.write_all(&text).and_then(|()| out.flush());
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(())
}

type Refusal = (String, String);

fn begin(spec: &Spec, dir: &Path, own: fn(&str) -> bool) -> Result<(Child, Writer), Refusal> {
    let internal = |what: &str, why: String| {
        (
            format!("{what}: {why}"),
            "free some space on the file system of the jobs, or repair it".to_owned(),
        )
    };
    let name = spec.argv.first().map(String::as_str).filter(|n| !n.is_empty());
    let name =
        name.ok_or_else(|| ("there is no command to run".to_owned(), "name one".to_owned()))?;
    let (program, mine) = program(name, own).ok_or_else(|| {
        (
            format!("{name} was not found"),
            format!("install the program `{name}`, or give its full path name"),
        )
    })?;
    let path = dir.join("events.jsonl");
    let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path);
    let file = file.map_err(|e| internal(&path.display().to_string(), error::text_of(&e)))?;
    let mut command = Command::new(&program);
    command.arg0(name).args(&spec.argv[1..]).envs(spec.env.iter().map(|(k, v)| (k, v)));
    // Another program could write into the log what it likes.
    if mine {
        command.env(
            EVENTS_VARIABLE,
            append::descriptor_name(&file)
                .map_err(|e| internal(&path.display().to_string(), error::text_of(&e)))?,
        );
    } else {
        command.env_remove(EVENTS_VARIABLE);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    detach::hand_over(&mut command, mine.then(|| file.as_raw_fd()));
    let mut child = command.spawn().map_err(|e| {
        let remedy = match e.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "make the file executable, or become a user who may run it"
            }
            _ => "check that it is a program for this machine",
        };
        (format!("{}: {}", program.display(), error::text_of(&e)), remedy.to_owned())
    })?;
    let pid = child.id();
    let number = |pid: u32| i32::try_from(pid).unwrap_or(0);
    // The command may have ended already; its number is not free before it is waited for.
    let run = Process::this()
        .zip(Process::find(number(pid)))
        .map(|(supervisor, command)| RunRecord { supervisor, command, alone: false });
    let written =
        run.context("reading /proc").and_then(|run| files::write(&dir.join("run.json"), &run));
    if let Err(e) = written {
        let _ = procs::signal_group(number(pid), Signal::SIGKILL);
        let _ = child.wait();
        return Err(internal("run.json", error::chain_of(&e)));
    }
    let argv = if spec.shown.is_empty() { spec.argv.clone() } else { vec![spec.shown.clone()] };
    // The command works where it was asked for; this process keeps no file system busy.
    let _ = std::env::set_current_dir("/");
    let mut events = Writer {
        file: Appender::new(file),
        start: Some(Event::Start { version: VERSION, argv, time: sys::now().0, pid }),
    };
    if !mine {
        events.append(&[]);
    }
    Ok((child, events))
}

/// Where the program is, and whether it is this one.
fn program(name: &str, own: fn(&str) -> bool) -> Option<(PathBuf, bool)> {
    let myself = PathBuf::from(ask::MYSELF);
    if ask::OURS.contains(&name) {
        return Some((myself, true));
    }
    let found = if name.contains('/') {
        Some(PathBuf::from(name))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|d| d.join(name)).find(|p| {
            nix::unistd::access(p, nix::unistd::AccessFlags::X_OK).is_ok() && p.is_file()
        });
        found.or_else(|| cmd::find_program(Path::new("/"), name))
    };
    let same = |p: &Path| {
        let (a, b) = (p.metadata().ok(), myself.metadata().ok());
        a.zip(b).is_some_and(|(a, b)| (a.dev(), a.ino()) == (b.dev(), b.ino()))
    };
    match found {
        Some(path) => {
            let mine = same(&path);
            path.exists().then_some((path, mine))
        }
        None => own(name).then_some((myself, true)),
    }
}

/// The event file.
struct Writer {
    file: Appender<File>,
    /// The first record, as long as it is not known that there is one.
    start: Option<Event>,
}

impl Writer {
    fn append(&mut self, events: &[Event]) {
        // The command writes here too; whoever comes first says what has begun.
        if let Some(start) =
            self.start.take().filter(|_| self.file.file().metadata().is_ok_and(|m| m.len() == 0))
        {
            self.file.append(&[start]);
        }
        if !events.is_empty() {
            self.file.append(events);
        }
    }

    /// Whether the command has said itself how it ended.
    fn is_done(&self) -> bool {
        const TAIL: u64 = 64 << 10;
        let length = self.file.file().metadata().map_or(0, |m| m.len());
        let mut tail = vec![0; usize::try_from(length.min(TAIL)).unwrap_or(0)];
        if self.file.file().read_exact_at(&mut tail, length.saturating_sub(TAIL)).is_err() {
            return false;
        }
        let last = tail.trim_ascii_end().rsplit(|b| *b == b'\n').next().unwrap_or_default();
        matches!(serde_json::from_slice(last), Ok(Event::Done { .. }))
    }
}

/// One of the two outputs.
struct Source {
    pipe: Option<PipeReader>,
    stream: Stream,
    splitter: LineSplitter,
}

/// The way to the thread that waits for the command, which is there before the command is.
struct End {
    leader: mpsc::Sender<Pid>,
    /// At its end when the command has ended: like everything else here, that is seen on a pipe.
    over: PipeReader,
}

fn wait_for_the_end() -> Result<End> {
    let (over, open) = std::io::pipe().context("making a pipe")?;
    let (leader, told) = mpsc::channel();
    threads::start("wait", move || {
        if let Ok(leader) = told.recv() {
            await_end(leader);
        }
        drop(open);
    })?;
    Ok(End { leader, over })
}

/// Writes down what the command says until it has ended; it is not reaped.
fn watch(child: &mut Child, end: End, events: &mut Writer) {
    let mut sources = [
        Source {
            pipe: child.stdout.take().map(|o| PipeReader::from(std::os::fd::OwnedFd::from(o))),
            stream: Stream::Stdout,
            splitter: LineSplitter::default(),
        },
        Source {
            pipe: child.stderr.take().map(|e| PipeReader::from(std::os::fd::OwnedFd::from(e))),
            stream: Stream::Stderr,
            splitter: LineSplitter::default(),
        },
    ];
    // The thread that hears this is there.
    let _ = end.leader.send(Pid::from_raw(i32::try_from(child.id()).unwrap_or(0)));
    listen(&mut sources, &end.over, events);
}

/// Returns when the command has ended. Orphans of its that end before it are buried.
fn await_end(leader: Pid) {
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    loop {
        match waitid(Id::All, ended).map(|s| s.pid()) {
            Ok(Some(pid)) if pid != leader => drop(waitpid(pid, Some(WaitPidFlag::WNOHANG))),
            Err(Errno::EINTR) => {}
            _ => break,
        }
    }
    // Whatever was strange above: this one is what counts.
    while waitid(Id::Pid(leader), ended) == Err(Errno::EINTR) {}
}

fn listen(sources: &mut [Source; 2], over: &PipeReader, events: &mut Writer) {
    let mut chunk = vec![0; 64 << 10];
    let mut ended: Option<Instant> = None;
    loop {
        let wait = match ended {
            Some(_) if sources.iter().all(|s| s.pipe.is_none()) => break,
            Some(at) if at.elapsed() > LEFT_IN_ALL => break,
            Some(_) => Some(LEFT),
            None => sources
                .iter()
                .filter_map(|s| s.splitter.deadline())
                .min()
                .map(|d| d.saturating_duration_since(Instant::now())),
        };
        // Rounded up, so that a deadline has passed when poll returns.
        let timeout = wait.map_or(PollTimeout::NONE, |w| {
            PollTimeout::try_from(w + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        let ready = {
            let mut fds: Vec<PollFd> = sources
                .iter()
                .filter_map(|s| s.pipe.as_ref())
                .map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN))
                .collect();
            if ended.is_none() {
                fds.push(PollFd::new(over.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, timeout) {
                Ok(n) => {
                    let mut hits = fds.iter().map(|f| f.any().unwrap_or(false));
                    let hits = sources
                        .each_ref()
                        .map(|s| s.pipe.is_some() && hits.next().unwrap_or(false))
                        .to_vec();
                    (n > 0).then(|| {
                        (
                            hits,
                            fds.last().is_some_and(|f| ended.is_none() && f.any().unwrap_or(false)),
                        )
                    })
                }
                Err(nix::errno::Errno::EINTR) => continue,
                Err(_) => None,
            }
        };
        let mut told = vec![];
        match ready {
            None if ended.is_some() => break,
            None => {}
            Some((hits, is_over)) => {
                for (source, _) in sources.iter_mut().zip(hits).filter(|(_, hit)| *hit) {
                    source.read(&mut chunk, &mut told);
                }
                if is_over {
                    ended = Some(Instant::now());
                }
            }
        }
        for source in sources.iter_mut() {
            let stream = source.stream;
            source
                .splitter
                .expire(Instant::now(), &mut |line| told.push(Event::Output { stream, line }));
        }
        if !told.is_empty() {
            events.append(&told);
        }
    }
    let mut told = vec![];
    for source in sources.iter_mut() {
        let stream = source.stream;
        source.splitter.finish(&mut |line| told.push(Event::Output { stream, line }));
    }
    events.append(&told);
}

impl Source {
    fn read(&mut self, chunk: &mut [u8], told: &mut Vec<Event>) {
        let stream = self.stream;
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(chunk) {
            Ok(0) => self.pipe = None,
            Ok(n) => self.splitter.feed(&chunk[..n], Instant::now(), &mut |line| {
                told.push(Event::Output { stream, line })
            }),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }
}

/// The end: what is left of what was stopped goes too, and how it ended is written down. The
/// command is reaped only here, so that until then its group's number is its own.
fn finish(dir: &Path, events: &mut Writer, child: &mut Child, begun: Instant) -> Result<()> {
    let leader = i32::try_from(child.id()).unwrap_or(0);
    let mut asked = control::requested_stop(dir);
    if asked.is_some() {
        end_group(leader);
        asked = control::requested_stop(dir);
    }
    if asked == Some(true) {
        let left = end_children(leader);
        if !left.is_empty() {
            events.append(&[Event::Warning {
                text: format!("These processes do not end: {}.", left.join(", ")),
            }]);
        }
    }
    let status = {
        let _held = control::lock_job(dir);
        child.wait().context("waiting for the command")?
    };
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let ended = Ended { code: status.code(), signal: status.signal(), time: sys::now().0, ms };
    if !events.is_done() {
        let text = match (status.signal(), asked.is_some()) {
            (Some(_), true) => STOPPED.to_owned(),
            (Some(signal), false) => format!("It was ended by signal {signal}."),
            _ => String::new(),
        };
        events
            .append(&[Event::Done { exit: u8::try_from(ended.status()).unwrap_or(u8::MAX), text }]);
    }
    files::write(&dir.join("exit.json"), &ended)
}

/// Gives the group of a command that is not reaped a moment to end, and ends it.
fn end_group(group: i32) {
    let asked = Instant::now();
    let mut killed = false;
    while procs::group_lives(group) {
        if asked.elapsed() > GRACE && !killed {
            let _ = procs::signal_group(group, Signal::SIGKILL);
            killed = true;
        }
        // A process that survives SIGKILL hangs in the kernel.
        if asked.elapsed() > GRACE * 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends what the command left behind in groups of its own: orphans are this process's children, and
/// only it reaps them. Returns what does not end.
fn end_children(leader: i32) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let left: Vec<i32> = procs::children().into_iter().filter(|c| *c != leader).collect();
        if left.is_empty() || begun.elapsed() > GRACE {
            let name = |pid: &i32| {
                format!(
                    "{pid} ({})",
                    host::files::line(format!("/proc/{pid}/comm")).unwrap_or_default()
                )
            };
            return left.iter().map(name).collect();
        }
        for child in left {
            let child = Pid::from_raw(child);
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, Some(WaitPidFlag::WNOHANG));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
