//! What an error and its chain say: the text for messages, records and lists, the catalogued error,
//! and the system's error. Errors are formatted here and nowhere else, because the standard library
//! and nix put numbers and names into their text (`Permission denied (os error 13)`, `EACCES:
//! Permission denied`).

use std::error::Error;
use std::io;
use std::path::Path;

use nix::errno::Errno;

use super::entry::{AltError, Entry};
use crate::text::printable::{Message, join_lines, without_error_numbers};

/// The text of one error. An error of the system, whether `io::Error` or `Errno`, is its
/// description alone: `Permission denied`.
pub fn text_of(e: &(dyn Error + 'static)) -> String {
    match e.downcast_ref::<Errno>() {
        Some(errno) => text_of(&io::Error::from(*errno)),
        None => without_error_numbers(&e.to_string()),
    }
}

/// The text of an error with everything that led to it: `outer: inner`. An error that repeats its
/// source at its own end is not followed by it.
pub fn chain_of(e: &anyhow::Error) -> String {
    let mut chain = String::new();
    for text in e.chain().map(text_of) {
        if chain.is_empty() {
            chain = text;
        } else if !chain.ends_with(&text) {
            chain = chain + ": " + &text;
        }
    }
    chain
}

/// The system's error in a chain: what kind it is of, and its number if it has one.
pub fn system_error(e: &anyhow::Error) -> Option<io::Error> {
    e.chain().find_map(|e| match e.downcast_ref::<io::Error>() {
        Some(e) => Some(match e.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => e.kind().into(),
        }),
        None => e.downcast_ref::<Errno>().map(|errno| io::Error::from(*errno)),
    })
}

/// The cause without number and remedy, in one line: that of the catalogued error in a chain, or the
/// whole chain where there is none.
pub fn cause(e: &anyhow::Error) -> String {
    find(e).map_or_else(|| Message::from(chain_of(e)).into_text(), |alt| join_lines(&alt.cause))
}

/// The catalogued error inside `err`, if there is one.
pub fn find(err: &anyhow::Error) -> Option<&AltError> {
    err.chain().find_map(|e| e.downcast_ref::<AltError>())
}

impl Entry {
    /// This error, with a path and what the system says about it as the cause: `/dev/vda: Input/output
    /// error`.
    pub fn with_path(&'static self, path: &Path, e: &(dyn Error + 'static)) -> anyhow::Error {
        self.with_cause(format!("{}: {}", path.display(), text_of(e)))
    }

    /// This error, with the cause of another one: number and remedy are this entry's, and the lines
    /// of the cause stay.
    pub fn with_cause_of(&'static self, e: &anyhow::Error) -> anyhow::Error {
        let cause = find(e).map_or_else(|| cause(e).into(), |alt| Message::with_lines(&alt.cause));
        self.with_cause(cause)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn system_errors_are_their_descriptions() {
        let io = || io::Error::from_raw_os_error(2);
        assert_eq!(text_of(&io()), "No such file or directory");
        assert_eq!(text_of(&Errno::ENOENT), text_of(&io()));
        assert_eq!(text_of(&io::Error::other("the line is cut off")), "the line is cut off");
        let chain = Err::<(), _>(Errno::EACCES).context(format!("/x: {}", text_of(&io())));
        let text = chain_of(&chain.unwrap_err());
        assert_eq!(text, "/x: No such file or directory: Permission denied");
    }

    /// Such an error shows its source in its own text.
    #[derive(Debug)]
    struct Repeats(io::Error);

    impl std::fmt::Display for Repeats {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "/x: {}", text_of(&self.0))
        }
    }

    impl Error for Repeats {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn nothing_is_said_twice() {
        let e = anyhow::Error::new(Repeats(io::Error::from_raw_os_error(13))).context("outer");
        assert_eq!(chain_of(&e), "outer: /x: Permission denied");
    }

    #[test]
    fn a_cause_is_passed_on_with_its_lines() {
        let inner = crate::error::PROGRAM_FAILED.with_cause(("rpm -qa:", "\n  no".to_owned()));
        let outer = crate::error::UPDATE_FAILED.with_cause_of(&inner.context("around"));
        assert_eq!(find(&outer).unwrap().cause, "rpm -qa:\n  no");
    }

    /// Whichever way the text of an error becomes a part of another, there is no `\\n` in it.
    #[test]
    fn the_lines_of_a_cause_are_one_in_a_sentence() {
        let e = || {
            let more = "\n  first\n  second".to_owned();
            crate::error::PROGRAM_FAILED.with_cause(("rpm -qa:", more)).context("around")
        };
        let alt = find(&e()).unwrap().to_string();
        for text in [chain_of(&e()), cause(&e()), alt] {
            let warning = Message::from(format!("not now: {text}")).into_text();
            assert!(warning.ends_with("rpm -qa: first; second"), "{warning}");
        }
        let wrapped = crate::error::UPDATE_FAILED.with_cause(format!("{}; stop", cause(&e())));
        assert_eq!(find(&wrapped).unwrap().cause, "rpm -qa: first; second; stop");
    }

    #[test]
    fn the_system_s_error_is_found() {
        let io = anyhow::Error::from(io::Error::from_raw_os_error(28)).context("outer");
        let errno = anyhow::Error::from(Errno::ENOSPC).context("outer");
        for e in [io, errno] {
            let found = system_error(&e).unwrap();
            assert_eq!(
                (found.kind(), found.raw_os_error()),
                (io::ErrorKind::StorageFull, Some(28))
            );
        }
        let other = anyhow::Error::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert_eq!(system_error(&other).unwrap().kind(), io::ErrorKind::UnexpectedEof);
        assert!(system_error(&anyhow::anyhow!("x")).is_none());
    }
}
