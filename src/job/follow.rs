//! Following a job: a thread that sleeps until the kernel says that the event file grew, or that
//! the supervisor is gone.
//!
//! There are no timers while nothing happens. What happens comes in [`Batch`]es, at most one in
//! [`PACE`]: an index of the new lines for [`crate::job::log::Log`], and the events that a screen's
//! model wants. [`SETTLE`] after the last one comes an empty batch, so that figures that were held
//! back can be shown.

use std::fs::File;
use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::event::Event;
use crate::host::{detach, threads};
use crate::job::index::{Growth, Indexer};
use crate::job::model::{Id, State};
use crate::job::{directory, files};

/// The shortest time between two batches while the job speaks.
pub const PACE: Duration = Duration::from_millis(200);
/// How long after the last batch the empty one comes.
pub const SETTLE: Duration = Duration::from_millis(1000);
/// The bytes of one read, so that a long file does not become one batch.
const PIECE: usize = 1 << 20;

/// The events since the last batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Start, phases, steps, errors, done, and the last progress: what is more than a line of the
    /// log.
    pub events: Vec<Event>,
    pub growth: Growth,
    pub state: State,
    /// When it was read.
    pub at: Instant,
    /// Whether the end of the file was reached.
    pub whole: bool,
}

/// Ends the following when it is dropped.
#[derive(Debug)]
pub struct Follower {
    _open: PipeWriter,
}

/// Follows a job from its beginning; `send` is called from a thread of its own and may block. The
/// last batch has a state that is not running; after it nothing comes.
///
/// # Errors
/// ALT-953 where there is no such job; what the kernel says where it cannot be watched.
pub fn spawn(id: Id, send: impl FnMut(Batch) + Send + 'static) -> Result<Follower> {
    files::find(id)?;
    let dir = directory::of_job(id)?;
    let inotify =
        Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).context("inotify")?;
    let seen = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    inotify.add_watch(&dir, seen).with_context(|| format!("watching {}", dir.display()))?;
    let file = File::open(dir.join("events.jsonl"))
        .with_context(|| format!("opening {}", dir.join("events.jsonl").display()))?;
    let (closed, open) = std::io::pipe().context("pipe")?;
    // The supervisor's end is seen even where it leaves no file.
    let supervisor = files::read_run(&dir)
        .filter(|r| r.supervisor.is_alive())
        .and_then(|r| detach::end_of(r.supervisor.pid));
    let following =
        Following { dir, file, inotify, closed, supervisor, indexer: Indexer::default() };
    threads::start("follower", move || following.run(send))?;
    Ok(Follower { _open: open })
}

struct Following {
    dir: PathBuf,
    file: File,
    inotify: Inotify,
    closed: PipeReader,
    supervisor: Option<OwnedFd>,
    indexer: Indexer,
}

/// Why the thread woke up.
enum Woken {
    Something,
    Nothing,
    Closed,
}

impl Following {
    fn run(mut self, mut send: impl FnMut(Batch)) {
        let mut chunk = vec![0; PIECE];
        loop {
            // State first: what is read afterwards holds everything that was written before an end.
            let state = files::state(&self.dir).0;
            loop {
                let batch = self.read(&mut chunk, state);
                let whole = batch.whole;
                send(batch);
                if whole {
                    break;
                }
            }
            // The pace: what comes meanwhile is one batch.
            if state != State::Running || matches!(self.sleep(Some(PACE), false), Woken::Closed) {
                return;
            }
            let woken = match self.sleep(Some(SETTLE), true) {
                Woken::Nothing => {
                    send(self.read(&mut [], state));
                    self.sleep(None, true)
                }
                woken => woken,
            };
            if matches!(woken, Woken::Closed) {
                return;
            }
            // The notifications only wake this thread; the files tell the rest.
            while self.inotify.read_events().is_ok_and(|e| !e.is_empty()) {}
        }
    }

    /// The next piece of the file; with an empty `chunk` none, which tells how things stand.
    fn read(&mut self, chunk: &mut [u8], state: State) -> Batch {
        // A file that cannot be read is one that does not grow.
        let n = self.file.read_at(chunk, self.indexer.offset()).unwrap_or(0);
        let mut events: Vec<Event> = vec![];
        let growth = self.indexer.feed(&chunk[..n], |event| match event {
            // Only the last one counts.
            Event::Progress { .. } if matches!(events.last(), Some(Event::Progress { .. })) => {
                events.pop();
                events.push(event);
            }
            Event::Command { .. }
            | Event::CommandEnd { .. }
            | Event::Output { .. }
            | Event::Said { .. }
            | Event::File { .. }
            | Event::Note { .. } => {}
            other => events.push(other),
        });
        let whole = n == 0 || n < chunk.len();
        // An end is only told with the last piece.
        Batch {
            events,
            growth,
            state: if whole { state } else { State::Running },
            at: Instant::now(),
            whole,
        }
    }

    fn sleep(&self, time: Option<Duration>, watch: bool) -> Woken {
        let timeout = time
            .map_or(PollTimeout::NONE, |t| PollTimeout::try_from(t).unwrap_or(PollTimeout::MAX));
        let mut fds = vec![PollFd::new(self.closed.as_fd(), PollFlags::POLLIN)];
        if watch {
            fds.push(PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN));
            fds.extend(self.supervisor.iter().map(|s| PollFd::new(s.as_fd(), PollFlags::POLLIN)));
        }
        match poll(&mut fds, timeout) {
            Ok(0) => Woken::Nothing,
            Ok(_) if fds[0].any().unwrap_or(true) => Woken::Closed,
            Ok(_) | Err(nix::errno::Errno::EINTR) => Woken::Something,
            Err(_) => Woken::Closed,
        }
    }
}
