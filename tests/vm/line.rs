//! Somebody at a VT100 on the guest's serial line: reads the screen, presses keys.
//!
//! The line is a socket of QEMU's; what arrives is kept on an emulated VT100 of 24 lines, so that
//! waiting for a text means waiting for it to stand on the screen. Keys go out at the pace of 9600
//! baud, a byte at a time.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[path = "../pty/emulator.rs"]
#[allow(dead_code)] // the kit of the other tests needs more of it
mod emulator;

use emulator::Emulator;

/// One byte at 9600 baud, rounded up.
const BYTE: Duration = Duration::from_millis(2);

const ROWS: usize = 24;
const COLUMNS: usize = 80;

pub struct Line {
    stream: UnixStream,
    screen: Emulator,
    /// How many bytes have arrived.
    pub received: usize,
    /// How many keys were pressed.
    pub keys: usize,
}

impl Line {
    /// Connects as soon as the machine offers the line.
    pub fn connect(socket: &Path) -> Result<Self, String> {
        let begun = Instant::now();
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(e) if begun.elapsed() > Duration::from_secs(30) => {
                    return Err(format!("{}: {e}", socket.display()));
                }
                Err(_) => sleep(Duration::from_millis(50)),
            }
        };
        stream.set_read_timeout(Some(Duration::from_millis(100))).map_err(|e| e.to_string())?;
        Ok(Self {
            stream,
            screen: Emulator::new(COLUMNS, ROWS, "vt100", false),
            received: 0,
            keys: 0,
        })
    }

    /// What stands on the screen; blanks at the ends of lines are left out.
    pub fn text(&self) -> String {
        self.screen.text()
    }

    /// Waits until one of `texts` stands on the screen; which one.
    pub fn expect_one(&mut self, texts: &[&str], limit: Duration) -> Result<usize, String> {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if let Some(n) = texts.iter().position(|t| text.contains(t)) {
                return Ok(n);
            }
            if begun.elapsed() > limit {
                return Err(format!(
                    "waited {} s for {texts:?}; the screen:\n{text}",
                    limit.as_secs()
                ));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => {
                    return Err(format!(
                        "the line is gone while waiting for {texts:?}; the screen:\n{text}"
                    ));
                }
                Ok(n) => {
                    self.received += n;
                    self.screen.feed(&bytes[..n]);
                }
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(e) => return Err(e.to_string()),
            }
        }
    }

    /// Waits until `text` stands on the screen.
    pub fn expect(&mut self, text: &str, limit: Duration) -> Result<(), String> {
        self.expect_one(&[text], limit).map(drop)
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) -> Result<(), String> {
        // Nobody answers sooner, and altdisk does not believe keys of somebody who would.
        sleep(Duration::from_millis(70));
        for byte in keys.bytes() {
            self.stream.write_all(&[byte]).map_err(|e| e.to_string())?;
            sleep(BYTE);
        }
        self.keys += keys.len();
        Ok(())
    }

    /// Reads on for so long, whatever comes.
    pub fn idle(&mut self, time: Duration) -> usize {
        let before = self.received;
        // A text that cannot stand there: the time runs out.
        let _ = self.expect("\u{0}", time);
        self.received - before
    }
}
