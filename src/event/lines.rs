//! Events as lines of text, for the console and for the log: AIX's sentences, and under debug what
//! `set -x` would show.

use crate::event::{Event, StepStatus};
use crate::text::shell::quoted;
use crate::text::size::format_size;
use crate::text::{clock, printable, printable_lines};

/// How much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// Commands, their output, exit and time.
    pub debug: bool,
    /// Every file.
    pub verbose: bool,
    /// Nothing beyond ASCII.
    pub ascii: bool,
}

/// The event's text without a line break at its end; None if it is not shown (progress never is,
/// warnings and errors are the caller's).
pub fn line(event: &Event, shown: Shown) -> Option<String> {
    let clean = |text: &str| printable_lines(text, shown.ascii);
    let one = |text: &str| printable(text, shown.ascii);
    match event {
        Event::Phase { phase, title, state: StepStatus::Begin } => {
            let banner = format!("## Phase {phase} ###################");
            Some(if title.is_empty() { banner } else { format!("{banner}\n{}", one(title)) })
        }
        Event::Step { title, state: StepStatus::Begin, .. } => Some(one(title)),
        Event::Step { title, state: StepStatus::Skipped, .. } => {
            Some(format!("{}: nothing to do", one(title).trim_end_matches('.')))
        }
        Event::Step { id, state, ms: Some(ms), .. } if shown.debug => {
            let how = if *state == StepStatus::Done { "done" } else { "failed" };
            Some(format!("+ step {}: {how}, {}", one(id), seconds(*ms)))
        }
        Event::Command { argv, .. } if shown.debug => {
            Some(format!("+ {}", printable(&quoted(argv), shown.ascii)))
        }
        Event::CommandEnd { argv0, code, ms } if shown.debug => {
            let how = code.map_or("ended by a signal".to_owned(), |c| format!("exit {c}"));
            Some(format!("+ {}: {how}, {}", printable(argv0, shown.ascii), seconds(*ms)))
        }
        Event::Output { line, .. } if shown.debug => Some(last_state(line, shown)),
        Event::Said { line, .. } => Some(last_state(line, shown)),
        Event::File { path } if shown.verbose => Some(printable(path, shown.ascii)),
        Event::Note { text } => Some(clean(text)),
        Event::Done { text, .. } if !text.is_empty() => Some(clean(text)),
        _ => None,
    }
}

/// Text overwritten with carriage returns is progress: only its last state counts.
fn last_state(line: &str, shown: Shown) -> String {
    printable(line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default(), shown.ascii)
}

/// Whole per cent of the work; by bytes, or by files where there are no bytes.
pub fn percent(event: &Event) -> Option<u64> {
    let Event::Progress { bytes, bytes_total, files, files_total, .. } = event else { return None };
    let (done, all) =
        if *bytes_total > 0 { (*bytes, *bytes_total) } else { (*files, *files_total) };
    let share = (u128::from(done) * 100).checked_div(u128::from(all)).unwrap_or(100);
    Some(u64::try_from(share.min(100)).unwrap_or(100))
}

/// Progress in at most `width` columns: what does not fit is left out from the end.
pub fn progress(event: &Event, width: usize) -> String {
    let Event::Progress { bytes: done, bytes_total, files, rate, eta, .. } = event else {
        return String::new();
    };
    let mut parts = vec![
        format!("{:3}%", percent(event).unwrap_or(0)),
        format!("{} of {}", format_size(*done), format_size(*bytes_total)),
    ];
    // The most wanted first: where there is little room, the end is left out.
    parts.extend(eta.map(|s| format!("{} left", clock(s))));
    parts.extend((*rate > 0).then(|| format!("{}/s", format_size(*rate))));
    parts.push(format!("{files} files"));
    while parts.len() > 1 && parts.join("  ").len() > width {
        parts.pop();
    }
    let mut text = parts.join("  ");
    text.truncate(width);
    text
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(bytes: u64, bytes_total: u64, eta: Option<u64>) -> Event {
        Event::Progress {
            phase: 1,
            bytes,
            bytes_total,
            files: 34120,
            files_total: 60000,
            rate: 110 << 20,
            eta,
        }
    }

    #[test]
    fn progress_fits() {
        let event = copied(1299000000, 3 << 30, Some(15));
        assert_eq!(
            progress(&event, 79),
            " 40%  1.2 GiB of 3 GiB  0:15 left  110 MiB/s  34120 files"
        );
        assert_eq!(progress(&event, 40), " 40%  1.2 GiB of 3 GiB  0:15 left");
        assert_eq!(progress(&event, 10), " 40%");
        assert_eq!(progress(&event, 2), " 4");
    }

    #[test]
    fn percent_has_no_pitfalls() {
        assert_eq!(percent(&copied(0, 0, None)), Some(56));
        assert_eq!(percent(&copied(u64::MAX, u64::MAX, None)), Some(100));
        assert_eq!(percent(&copied(7, 5, None)), Some(100));
        assert_eq!(
            percent(&Event::Progress {
                phase: 1,
                bytes: 0,
                bytes_total: 0,
                files: 0,
                files_total: 0,
                rate: 0,
                eta: None
            }),
            Some(100)
        );
    }

    #[test]
    fn names_are_harmless() {
        let all = Shown { debug: true, verbose: true, ascii: false };
        assert_eq!(
            line(&Event::File { path: "/a\x1b[2J\nb".into() }, all).unwrap(),
            "/a\\x1b[2J\\nb"
        );
        let output = Event::Output {
            stream: crate::event::Stream::Stdout,
            line: "1%\r50%\r100%\x07\r".into(),
        };
        assert_eq!(line(&output, all).unwrap(), "100%\\x07");
        assert!(line(&output, Shown::default()).is_none());
    }
}
