//! What was done, for later: `smit.log` (screens, commands, output, codes) and `smit.script` (the commands alone, a shell script).

/// Something for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A screen was shown.
    Screen { kind: &'static str, fastpath: String, title: String },
    /// `-t`: a program was asked something.
    Question { command: String },
    /// `-v`: what it answered.
    Answer { text: String },
    /// A command is run (or would be, under `-x`).
    Command { line: String, run: bool },
    /// How it ended; `job` is where its output is, 0 if it had the terminal.
    Ended { job: u32, how: String },
    /// An error was shown.
    Error { text: String },
}
