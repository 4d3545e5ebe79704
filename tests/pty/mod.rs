//! A command on a terminal of its own: for tests that use altdisk as a person does.
//!
//! [`Setup`] says which terminal it is, [`Setup::start`] starts the command on it; [`Pty`] types
//! keys (all at once, or byte by byte with gaps as a slow line brings them), shows the screen,
//! waits for text, counts bytes, CPU time and wake-ups, and hangs up. What the command sends goes
//! through a strict [`emulator`]. Everything is ended when the `Pty` goes.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod emulator;
pub mod keys;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{BaudRate, SetArg, Termios, cfsetspeed, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use rustix::termios::{Winsize, tcsetwinsize};

use emulator::Emulator;

/// How long a test waits for something that must come.
pub const SOON: Duration = Duration::from_secs(20);

/// A command, and the terminal that it is to run on.
#[derive(Clone, Debug)]
pub struct Setup {
    argv: Vec<String>,
    term: String,
    size: (u16, u16),
    known: bool,
    utf8: bool,
    speed: Option<u32>,
    env: BTreeMap<String, String>,
}

impl Setup {
    /// On a VT100 of 80x24 unless something else is said.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self {
            argv,
            term: "vt100".into(),
            size: (80, 24),
            known: true,
            utf8: false,
            speed: None,
            env: BTreeMap::new(),
        }
    }

    pub fn term(mut self, term: &str) -> Self {
        self.term = term.into();
        self
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    /// The line says 0x0, as every serial line does.
    pub fn size_unknown(mut self) -> Self {
        self.known = false;
        self
    }

    /// In a UTF-8 locale.
    pub fn utf8(mut self) -> Self {
        self.utf8 = true;
        self
    }

    /// A line of so many bits a second: the command is told, and its bytes are taken no faster.
    pub fn speed(mut self, bits: u32) -> Self {
        self.speed = Some(bits);
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Starts it, in a session of its own whose controlling terminal this is.
    pub fn start(&self) -> Pty {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname_r(&master).unwrap();
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(nix::libc::O_NOCTTY)
                .open(&name)
                .unwrap()
        };
        let slave = open();
        if let Some(bits) = self.speed {
            let mut line = tcgetattr(&slave).unwrap();
            cfsetspeed(&mut line, rate(bits)).unwrap();
            tcsetattr(&slave, SetArg::TCSANOW, &line).unwrap();
        }
        if self.known {
            set_size(&master, self.size);
        }
        let settings_before = tcgetattr(&slave).unwrap();
        let mut command = Command::new("setsid");
        command.arg("--ctty").args(&self.argv);
        let kept = ["HOME", "PATH", "USER", "TMPDIR", "LLVM_PROFILE_FILE"]
            .into_iter()
            .filter_map(|n| Some((n, std::env::var_os(n)?)));
        command
            .env_clear()
            .envs(kept)
            .env("TERM", &self.term)
            .env("LC_ALL", if self.utf8 { "C.UTF-8" } else { "C" })
            .envs(&self.env);
        command
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave));
        let started = Instant::now();
        let child = command.spawn().unwrap();
        // The command keeps its copies of the line until it ends.
        drop(command);
        let shown = Emulator::new(self.size.0.into(), self.size.1.into(), &self.term, self.utf8);
        let seen = Seen {
            emulator: shown,
            bytes: 0,
            raw: vec![],
            last: started,
            first: None,
            ended: false,
        };
        let shared = Arc::new((Mutex::new(seen), Condvar::new()));
        let master = Arc::new(master);
        let reader = (Arc::clone(&shared), clone_of(&master));
        let speed = self.speed;
        let thread = std::thread::spawn(move || receive(reader.1, &reader.0, speed));
        Pty {
            child,
            master: Some(master),
            settings_before,
            shared,
            thread: Some(thread),
            gap: Duration::ZERO,
            started,
            marked: 0,
        }
    }
}

/// What has come from the command.
struct Seen {
    emulator: Emulator,
    bytes: usize,
    raw: Vec<u8>,
    last: Instant,
    first: Option<Instant>,
    ended: bool,
}

/// A running command and its terminal.
pub struct Pty {
    child: Child,
    master: Option<Arc<PtyMaster>>,
    settings_before: Termios,
    shared: Arc<(Mutex<Seen>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
    gap: Duration,
    started: Instant,
    marked: usize,
}

fn clone_of(master: &PtyMaster) -> File {
    use std::os::fd::AsFd;
    File::from(master.as_fd().try_clone_to_owned().unwrap())
}

fn receive(mut line: File, shared: &(Mutex<Seen>, Condvar), speed: Option<u32>) {
    // A slow line is read in small pieces, each taking its time.
    let mut free = Instant::now();
    let mut bytes = vec![0; speed.map_or(65536, |bits| (bits as usize / 10 / 50).max(1))];
    loop {
        use std::os::fd::AsFd;
        let mut waiting = [nix::poll::PollFd::new(line.as_fd(), nix::poll::PollFlags::POLLIN)];
        // Woken up now and then to see whether the test has hung up.
        let ready = nix::poll::poll(&mut waiting, 200u16).unwrap_or(0);
        if shared.0.lock().unwrap().ended {
            return;
        }
        if ready == 0 {
            continue;
        }
        let n = line.read(&mut bytes).unwrap_or(0);
        let mut seen = shared.0.lock().unwrap();
        seen.emulator.feed(&bytes[..n]);
        seen.bytes += n;
        seen.raw.extend_from_slice(&bytes[..n]);
        seen.last = Instant::now();
        seen.first = seen.first.or(Some(seen.last));
        seen.ended |= n == 0;
        shared.1.notify_all();
        if seen.ended {
            return;
        }
        drop(seen);
        if let Some(bits) = speed {
            // A line is exact: a sleep that took too long is made up for by the next.
            free = free.max(Instant::now() - Duration::from_millis(20))
                + Duration::from_secs_f64(n as f64 * 10.0 / f64::from(bits));
            std::thread::sleep(free.saturating_duration_since(Instant::now()));
        }
    }
}

impl Pty {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.0.lock().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From now on bytes are typed so far apart.
    pub fn gap(&mut self, gap: Duration) {
        self.gap = gap;
    }

    /// Types these bytes.
    ///
    /// Returns the longest pause between two bytes: a busy machine makes longer ones than were
    /// asked for.
    pub fn send(&self, bytes: &[u8]) -> Duration {
        let mut line = clone_of(self.master.as_ref().unwrap());
        if self.gap.is_zero() {
            line.write_all(bytes).unwrap();
            return Duration::ZERO;
        }
        let mut longest = Duration::ZERO;
        let mut last = Instant::now();
        for (n, b) in bytes.iter().enumerate() {
            if n > 0 {
                std::thread::sleep(self.gap);
            }
            line.write_all(&[*b]).unwrap();
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        longest
    }

    /// Types keys by name, as this kind of terminal sends them: `Down`, `F3`, `Enter`, `Ctrl-L`;
    /// anything else is text.
    pub fn keys(&self, names: &[&str]) {
        for (n, name) in names.iter().enumerate() {
            // Nobody presses Enter that soon after a text; a line break that comes at once is taken
            // for a pasted one.
            if *name == "Enter" && n > 0 && keys::first(names[n - 1]) == names[n - 1].as_bytes() {
                std::thread::sleep(Duration::from_millis(150));
            }
            self.send(&keys::first(name));
        }
    }

    /// The whole screen as text.
    pub fn screen(&self) -> String {
        self.seen().emulator.text()
    }

    /// A copy of the terminal as it is now.
    pub fn terminal(&self) -> Emulator {
        self.seen().emulator.clone()
    }

    /// What has come since the beginning.
    pub fn raw(&self) -> Vec<u8> {
        self.seen().raw.clone()
    }

    /// Waits until `done`; false if it did not come in time.
    pub fn wait_until(&self, within: Duration, done: impl Fn(&Emulator) -> bool) -> bool {
        let (seen, changed) = (self.seen(), &self.shared.1);
        let (seen, _) =
            changed.wait_timeout_while(seen, within, |s| !done(&s.emulator) && !s.ended).unwrap();
        done(&seen.emulator)
    }

    /// Waits for a text; fails with the screen if it does not come.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let came = self.wait_until(SOON, |e| e.text().contains(text));
        // Nobody reads faster, and altdisk does not believe keys of somebody who would.
        std::thread::sleep(Duration::from_millis(70));
        assert!(came, "{text:?} did not come; the screen shows\n{}", self.screen());
    }

    /// Waits until a text is gone.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        let gone = self.wait_until(SOON, |e| !e.text().contains(text));
        assert!(gone, "{text:?} did not go; the screen shows\n{}", self.screen());
    }

    /// Waits until nothing has come for `quiet`, and returns how many bytes came since the last
    /// call.
    pub fn settle(&mut self, quiet: Duration) -> usize {
        let begun = Instant::now();
        loop {
            let (last, ended) = {
                let seen = self.seen();
                (seen.last.max(begun), seen.ended)
            };
            let left = quiet.saturating_sub(last.elapsed());
            if left.is_zero() || ended {
                break;
            }
            std::thread::sleep(left);
        }
        let bytes = self.seen().bytes;
        bytes - std::mem::replace(&mut self.marked, bytes)
    }

    /// From the start of the command to its first byte.
    pub fn first_byte(&self) -> Option<Duration> {
        self.seen().first.map(|at| at - self.started)
    }

    /// What the terminal could not take or should not have been sent.
    pub fn complaints(&self) -> Vec<String> {
        self.seen().emulator.complaints.clone()
    }

    /// The line's settings before the command was started, which changes them at once.
    pub fn settings_before(&self) -> &Termios {
        &self.settings_before
    }

    /// The line's settings.
    pub fn settings(&self) -> Termios {
        tcgetattr(self.master.as_ref().unwrap()).unwrap()
    }

    /// Somebody else sets the line.
    pub fn set(&self, settings: &Termios) {
        tcsetattr(self.master.as_ref().unwrap(), SetArg::TCSANOW, settings).unwrap();
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().emulator.resize(columns.into(), rows.into());
        set_size(self.master.as_ref().unwrap(), (columns, rows));
    }

    pub fn signal(&self, signal: Signal) {
        kill(pid(&self.child), signal).unwrap();
    }

    /// The line drops.
    pub fn hang_up(&mut self) {
        self.seen().ended = true;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.master = None;
    }

    /// Waits for the command's end.
    pub fn wait_exit(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// CPU time that it has used so far.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(self.proc("stat")).unwrap_or_default();
        let fields: Vec<u64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|f| f.parse().ok())
            .collect();
        // Ticks of a hundredth of a second on every Linux.
        Duration::from_millis(fields.iter().sum::<u64>() * 10)
    }

    /// How often its threads have slept so far: what happens while it is idle are wake-ups.
    pub fn wakeups(&self) -> u64 {
        let Ok(tasks) = fs::read_dir(self.proc("task")) else { return 0 };
        tasks.flatten().map(|t| field(&t.path().join("status"), "voluntary_ctxt_switches:")).sum()
    }

    /// Memory that it has now, in KiB.
    pub fn memory(&self) -> u64 {
        field(Path::new(&self.proc("status")), "VmRSS:")
    }

    /// The state letter of its process: `T` is stopped.
    pub fn state(&self) -> Option<char> {
        let stat = fs::read_to_string(self.proc("stat")).ok()?;
        stat.rsplit(')').next()?.trim().chars().next()
    }

    fn proc(&self, what: &str) -> String {
        format!("/proc/{}/{what}", self.child.id())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Its whole session's foreground and its own group; what it detached on purpose is the
        // test's business.
        let _ = kill(Pid::from_raw(-pid(&self.child).as_raw()), Signal::SIGKILL);
        let _ = kill(pid(&self.child), Signal::SIGKILL);
        let _ = self.child.wait();
        if let Ok(mut seen) = self.shared.0.lock() {
            seen.ended = true;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

fn field(path: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Both numbers at once, as a terminal emulator sets them. stty(1) sets one after the other, and a
/// program may paint a frame for the size in between.
fn set_size(master: &PtyMaster, (columns, rows): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).unwrap();
}

fn rate(bits: u32) -> BaudRate {
    match bits {
        1200 => BaudRate::B1200,
        2400 => BaudRate::B2400,
        9600 => BaudRate::B9600,
        19200 => BaudRate::B19200,
        38400 => BaudRate::B38400,
        _ => unreachable!("no such speed here: {bits}"),
    }
}
