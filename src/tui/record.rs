//! What was done, for later: `smit.log` (screens, commands, output, codes) and `smit.script` (the
//! commands alone, a shell script).
//!
//! No password is written to either of them: a command with one stands as a comment in the script.
//! The files lie in a home directory for years, and every copy and image of the system takes them
//! along; a state directory that is never copied holds what must be kept.
//!
//! Both are appended to, never truncated, and only their owner may read them. A failure to
//! write is reported once, with the first command; the work continues.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error;
use crate::host::own_file::{self, Name};
use crate::host::{clock, sys};
use crate::secret;
use crate::text::{printable, printable_lines};

/// Something for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The session begins.
    Begin { argv: String },
    /// A screen was shown.
    Screen { kind: &'static str, fastpath: String, title: String },
    /// `-t`: a program was asked something.
    Question { command: String },
    /// `-v`: what it answered.
    Answer { text: String },
    /// A command is run (or would be, under `-x`); `hides`: a password is left out of it.
    Command { line: String, hides: bool, run: bool },
    /// It runs as this job.
    Started { job: u32 },
    /// How it ended; `job` is where its output is, 0 if it had the terminal.
    Ended { job: u32, how: String },
    /// Its status is left before its end.
    GoesOn { job: u32 },
    /// An error was shown.
    Error { text: String },
    /// The session ends; jobs go on.
    End,
}

impl Record {
    /// What is said of a job: its place in the log is where the job's output ends.
    pub fn is_of_a_job(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::Ended { job: 1.., .. } | Self::GoesOn { .. })
    }

    /// As the log has it; `date` as SMIT writes it. Nothing that a program or a name holds commands
    /// the terminal of who reads it.
    pub fn text(&self, date: &str) -> String {
        match self {
            Self::Begin { argv } => {
                format!("\n[{date}]\n    Starting altdisk ({})\n", printable(argv, false))
            }
            Self::Screen { kind, fastpath, title } => {
                let mut screen = kind.to_string();
                if let Some(first) = screen.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                format!(
                    "\n    ({screen} screen selected,\n        FastPath = \"{fastpath}\",\n        title = \"{}\".)\n",
                    printable(title, false)
                )
            }
            Self::Question { command } => {
                format!("\n[{date}]\n    Query: {}\n", printable_lines(command, false))
            }
            Self::Answer { text } => format!("    It answers:\n{}", indented(text)),
            Self::Command { line, run, .. } => {
                let line = printable_lines(line, false);
                let begins = if *run {
                    "Output from Command_to_Execute follows below:\n---- start ----"
                } else {
                    "It is not run in this session."
                };
                format!(
                    "\n[{date}]\n    Command_to_Execute follows below:\n>> {line}\n\n    {begins}\n"
                )
            }
            Self::Started { .. } => String::new(),
            Self::Ended { how, .. } => format!("---- end ----\n\n[{date}]\n    {how}\n"),
            Self::GoesOn { job } => {
                format!(
                    "---- it runs ----\n\n[{date}]\n    continues as job {job}: `altdisk jobs` shows it.\n"
                )
            }
            Self::Error { text } => {
                format!("\n[{date}]\n    Error: {}\n", printable_lines(text, false))
            }
            Self::End => format!("\n[{date}]\n    Exiting altdisk\n"),
        }
    }
}

/// A command in the script, with the time before it.
pub fn script(line: &str, date: &str) -> String {
    format!("#\n# [{date}]\n#\n{line}\n")
}

fn indented(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let _ = writeln!(out, "        {}", printable(line, false));
    }
    out
}

/// One of the two files.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: io::Result<File>,
    told: bool,
}

impl LogFile {
    /// Opens the file for appending. A failure is kept for [`LogFile::complaint`].
    pub fn open(path: &Path, name: Name) -> Self {
        Self { path: path.to_owned(), file: own_file::append(path, name), told: false }
    }

    /// Appends all of `text` at once, so that two sessions do not mix their lines.
    pub fn write(&mut self, text: &str) {
        if let Ok(file) = &mut self.file
            && let Err(e) = file.write_all(text.as_bytes())
        {
            self.file = Err(e);
        }
    }

    /// What is wrong with it, the first time that somebody asks.
    pub fn complaint(&mut self) -> Option<String> {
        let e = self.file.as_ref().err()?;
        let text = format!("{}: {}", self.path.display(), error::text_of(e));
        (!std::mem::replace(&mut self.told, true)).then_some(text)
    }
}

/// Both of them.
#[derive(Debug)]
pub struct SessionLogs {
    log: LogFile,
    script: LogFile,
}

impl SessionLogs {
    /// Opens `smit.log` and `smit.script`, each by its path and by how it was named.
    pub fn open(log: (&Path, Name), script: (&Path, Name)) -> Self {
        Self { log: LogFile::open(log.0, log.1), script: LogFile::open(script.0, script.1) }
    }

    /// What is wrong with a file that was asked for by name.
    pub fn refused(&mut self, log: bool, script: bool) -> Option<String> {
        let mut logs = [(&mut self.log, log), (&mut self.script, script)]
            .into_iter()
            .filter(|(_, named)| *named);
        logs.find_map(|(file, _)| file.complaint())
    }

    /// The log once more, for a thread that appends to it.
    pub fn log(&self) -> Option<File> {
        self.log.file.as_ref().ok()?.try_clone().ok()
    }

    /// Where the log is.
    pub fn log_path(&self) -> &Path {
        &self.log.path
    }

    /// Writes it down; what is wrong with the files is returned once, with the first command.
    pub fn record(&mut self, record: &Record) -> Option<String> {
        let date = clock::date(sys::now().0);
        self.log.write(&secret::masked(&record.text(&date)));
        let Record::Command { line, hides, .. } = record else { return None };
        // A password is not written down, and so the line would not do the same again.
        self.script.write(&script(
            &if *hides {
                format!("# a password is left out here: {}", line.replace('\n', "\n# "))
            } else {
                line.clone()
            },
            &date,
        ));
        let wrong: Vec<String> =
            [&mut self.log, &mut self.script].into_iter().filter_map(LogFile::complaint).collect();
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_log_has_smits_form() {
        let text = Record::Screen {
            kind: "menu",
            fastpath: "alt_install".into(),
            title: "Alternate".into(),
        }
        .text("D");
        assert_eq!(
            text,
            "\n    (Menu screen selected,\n        FastPath = \"alt_install\",\n        title = \"Alternate\".)\n"
        );
        let text = Record::Command { line: "ls -l".into(), hides: false, run: true }
            .text("Nov 22 2011, 14:48:12");
        assert!(
            text.starts_with(
                "\n[Nov 22 2011, 14:48:12]\n    Command_to_Execute follows below:\n>> ls -l\n"
            ),
            "{text}"
        );
        assert!(
            Record::Answer { text: "a\x1b[2J\nb".into() }
                .text("D")
                .ends_with("        a\\x1b[2J\n        b\n")
        );
    }

    #[test]
    fn appended_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("smit.script");
        for n in 0..2 {
            let mut file = LogFile::open(&path, Name::Default);
            file.write(&script(&format!("echo {n}"), "D"));
            assert_eq!(file.complaint(), None);
        }
        let out = std::process::Command::new("sh").arg(&path).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), "0\n1\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn only_what_hides_is_a_comment_in_the_script() {
        let dir = tempfile::tempdir().unwrap();
        let (log, script) = (dir.path().join("log"), dir.path().join("script"));
        let mut logs = SessionLogs::open((&log, Name::Given), (&script, Name::Given));
        for (line, hides) in
            [("echo '********'", false), ("set -p '********'", true), ("echo 'a\x1b[2J\nb'", false)]
        {
            assert_eq!(logs.record(&Record::Command { line: line.into(), hides, run: true }), None);
        }
        let script = std::fs::read_to_string(&script).unwrap();
        assert!(
            script.contains("\necho '********'\n")
                && script.contains("\n# a password is left out here: set -p"),
            "{script}"
        );
        let log = std::fs::read_to_string(&log).unwrap();
        assert!(log.contains(">> echo 'a\\x1b[2J\nb'\n"), "{log}");
    }

    #[test]
    fn complains_once() {
        let mut file = LogFile::open(Path::new("/proc/no/such"), Name::Given);
        file.write("x");
        assert!(file.complaint().unwrap().starts_with("/proc/no/such: "));
        assert_eq!(file.complaint(), None);
    }
}
