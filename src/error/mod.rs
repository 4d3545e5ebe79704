//! The one catalogue of errors: a stable number, its meaning, the remedy, the exit code.
//!
//! Code returns `anyhow::Result`; a failure that a user can meet is made from an [`Entry`] here:
//! `return Err(error::NO_SUCH_DISK.with_cause(format!("{name}: ...")))`. The command line finds it
//! again with [`find`], whatever context was added to it. Numbers are never reused, and each has
//! one meaning; a test keeps them unique and in order.
//!
//! One file per range: `usage` 1xx, `disks` 2xx, `source` 3xx and 4xx, `boot` 5xx, `layout` 601 to
//! 629, `images` 630 to 699, `phases` 701 to 729, `software` 730 to 759, `system` 8xx, `screens`
//! 9xx. `details` holds the longer explanations of `altdisk explain`,
//! `catalogue` lists all entries, `entry` is what they are made of.

#[macro_use]
mod entry;

mod boot;
mod catalogue;
mod chain;
pub mod details;
mod disks;
mod images;
mod layout;
mod output;
mod phases;
mod screens;
mod software;
mod source;
mod system;
mod usage;

use std::fmt;
use std::io::ErrorKind;

use crate::text::printable::Message;

pub use boot::*;
pub use catalogue::all;
pub use chain::{cause, chain_of, find, system_error, text_of};
pub use disks::*;
pub use entry::{AltError, Entry, Exit};
pub use images::*;
pub use layout::*;
pub use output::read_back;
pub use phases::*;
pub use screens::*;
pub use software::*;
pub use source::*;
pub use system::*;
pub use usage::*;

/// The error for a user: the catalogued one with the context around it, or the whole chain under
/// the number that fits an error of the system.
pub fn describe(err: &anyhow::Error) -> AltError {
    let Some(alt) = find(err) else {
        let entry = classify(err);
        let chain = chain_of(err).replacen(&format!("{LeftUnfinished}: "), "", 1);
        let cause = Message::from(chain).into_text();
        return AltError { entry, cause, remedy: entry.remedy.to_owned() };
    };
    let around = err.chain().take_while(|e| e.downcast_ref::<AltError>().is_none());
    let around: String = around
        .map(text_of)
        .filter(|context| *context != LeftUnfinished.to_string())
        .map(|context| Message::from(context).into_text() + ": ")
        .collect();
    AltError { entry: alt.entry, cause: around + &alt.cause, remedy: alt.remedy.clone() }
}

/// The entry for an error that has none of its own, by the system's error in the chain.
fn classify(err: &anyhow::Error) -> &'static Entry {
    let Some(e) = system_error(err) else { return &OTHER };
    match e.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => &NO_SPACE,
        ErrorKind::ReadOnlyFilesystem => &READ_ONLY,
        ErrorKind::PermissionDenied => &NOT_PERMITTED,
        _ if e.raw_os_error() == Some(EIO) => &DEVICE_ERROR,
        _ => &OTHER,
    }
}

/// The kernel's number for an error of a device; `ErrorKind` has no name for it.
const EIO: i32 = 5;

/// Added to an error (`err.context(LeftUnfinished)`) where an unfinished alternate stays behind:
/// exit code 4.
#[derive(Debug)]
pub struct LeftUnfinished;

impl fmt::Display for LeftUnfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an unfinished copy is left")
    }
}

/// The exit code of a command that failed with `err`.
pub fn exit_for(err: &anyhow::Error) -> Exit {
    if err.downcast_ref::<LeftUnfinished>().is_some() {
        return Exit::Unfinished;
    }
    find(err).map_or(Exit::Failed, |alt| alt.entry.exit)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::entry::RUN_AGAIN;
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order() {
        let all: Vec<&Entry> = all().collect();
        for pair in all.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for e in all {
            assert!(e.id.len() == 7 && e.id.starts_with("ALT-"), "{}", e.id);
            assert!(!e.title.is_empty() && !e.remedy.is_empty(), "{}", e.id);
        }
    }

    /// No remedy leads in a circle: phase 1 of a copy that was started is continued, not run again.
    #[test]
    fn remedies_lead_on() {
        for e in all() {
            assert!(!e.remedy.contains("phase again"), "{}", e.id);
            let mut alt = AltError { entry: e, cause: String::new(), remedy: e.remedy.to_owned() };
            alt.advise_to_resume();
            assert!(!alt.remedy.contains("command again"), "{}", e.id);
            assert_eq!(
                alt.remedy != e.remedy,
                e.remedy.contains(RUN_AGAIN),
                "{}: {}",
                e.id,
                e.remedy
            );
        }
    }

    #[test]
    fn found_below_context() {
        let err = NOT_ROOT.with_cause("uid 1000").context("while cloning");
        assert_eq!(find(&err).unwrap().entry.id, "ALT-803");
        assert_eq!(exit_for(&err), Exit::Refused);
        assert_eq!(exit_for(&err.context(LeftUnfinished).context("outer")), Exit::Unfinished);
    }

    #[test]
    fn the_system_s_errors_have_numbers() {
        let id = |number| {
            let err = anyhow::Error::from(io::Error::from_raw_os_error(number)).context("outer");
            let told = describe(&err);
            assert!(!told.cause.contains("os error"), "{}", told.cause);
            told.entry.id
        };
        // ENOSPC, EDQUOT, EROFS, EPERM, EACCES, EIO, ENOENT
        let ids = [28, 122, 30, 1, 13, 5, 2].map(id);
        let wanted = ["806", "806", "807", "808", "808", "809", "899"].map(|n| format!("ALT-{n}"));
        assert_eq!(ids.map(str::to_owned), wanted);
    }

    #[test]
    fn context_is_described_and_the_mark_is_not() {
        let err = NOT_ROOT.with_cause("uid 7").context("making /").context(LeftUnfinished);
        assert_eq!(describe(&err).to_string(), "ALT-803: making /: uid 7");
        assert_eq!(exit_for(&err), Exit::Unfinished);
        let other = anyhow::anyhow!("inner").context("outer").context(LeftUnfinished);
        assert_eq!(describe(&other).to_string(), "ALT-899: outer: inner");
    }
}
