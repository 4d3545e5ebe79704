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
    /// A line of its output.
    Output { text: String },
    /// How it ended.
    Ended { how: String },
    /// An error was shown.
    Error { text: String },
}
