//! Where everything stands on the status screen: SMIT's rows, then what the room allows.
//!
//! 80 columns: two rows of strip with phase, step and progress (the end of the command, later),
//! below them the log, or the list of steps in its place. From [`WIDE`] columns on: the list on the
//! left, the log on the right.

use ratatui::layout::Rect;

use crate::job::index::Elsewhere;
use crate::text::wrap;
use crate::tui::popup::fold;
use crate::tui::status::model::{Focus, Status};
use crate::tui::status::words;
use crate::tui::status::work::ReportedError;

/// Columns from which there are two panes.
pub const WIDE: u16 = 110;
/// The row of SMIT's instruction; what is ours begins below.
pub const INSTRUCTION_ROW: u16 = 4;
/// Columns of the list of steps beside the log, at most.
const LIST: u16 = 56;

/// The parts. The markers of a pane stand in the row above and below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub wide: bool,
    /// What is said about the end, and the errors: lines from `top` on, errors after `said`.
    pub top: u16,
    pub said: Vec<String>,
    pub errors: Vec<(bool, String)>,
    /// What stands there, and that the log need not show again.
    pub elsewhere: Elsewhere,
    /// Two rows of phase, step and progress, while the command runs; no height otherwise.
    pub strip: Rect,
    pub log: Rect,
    pub steps: Rect,
    /// The last row: what was told, what is typed.
    pub message: u16,
}

impl Layout {
    /// The layout for the size and the state of `status`.
    pub fn for_status(status: &Status) -> Self {
        let (width, height) = status.size;
        let bottom = height.saturating_sub(status.legend_rows());
        let wide = width >= WIDE && status.work.has_steps();
        let top = INSTRUCTION_ROW + 1;
        let columns = usize::from(width.saturating_sub(1)).max(20);
        let lines = |text: &str, indent: usize| whole_lines(text, columns, indent);
        let on_alternate = status.job.spec.on_alternate();
        let end = words::shows_last_words(status.job.state, &status.work.words);
        let said =
            words::ending(status.job.state, &status.work.words, on_alternate, status.asked_to_stop);
        let said = if said.is_empty() { vec![] } else { lines(&said, 0) };
        // The log keeps half of the room, whatever there is to say.
        let most = usize::from(bottom.saturating_sub(top) / 2).saturating_sub(said.len());
        let (errors, errors_are_whole) = if status.runs() {
            (vec![], false)
        } else {
            fault_lines(&status.work.errors, &lines, most)
        };
        let strip_rows = if status.runs() && status.work.has_steps() && !wide { 2 } else { 0 };
        let strip = Rect { x: 0, y: top, width, height: strip_rows };
        let above = if strip_rows > 0 {
            strip_rows
        } else {
            u16::try_from(said.len() + errors.len()).unwrap_or(0)
        };
        // A row for the marker above; where there is nothing to say, the row stays empty.
        let first = top + above.max(1) + 1;
        let pane = |x: u16, width: u16| Rect {
            x,
            y: first,
            width,
            height: bottom.saturating_sub(first + 2),
        };
        let list = if wide { LIST.min(width * 2 / 5) } else { width };
        let right = if wide { list + 3 } else { 0 };
        let (log, mut steps) = (pane(right, width.saturating_sub(right)), pane(0, list));
        if wide && status.runs() {
            // The bar and its figures stand below the list.
            steps.height = steps.height.saturating_sub(2);
        }
        Self {
            wide,
            top,
            said,
            errors,
            elsewhere: Elsewhere { errors: errors_are_whole, end },
            strip,
            log,
            steps,
            message: bottom.saturating_sub(1),
        }
    }

    /// Whether the log, or the list of steps, is on the screen.
    pub fn shows(&self, focus: Focus, now: Focus) -> bool {
        self.wide || focus == now
    }
}

/// A text in lines, none of them cut: what goes on hangs by `indent`, or as its line is indented
/// itself.
fn whole_lines(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let of = |line: &str| match line.starts_with(' ') {
        true => fold(line, u16::try_from(columns).unwrap_or(u16::MAX)),
        false => wrap(line, columns, 0, indent).lines().map(str::to_owned).collect(),
    };
    text.lines().flat_map(of).collect()
}

/// The errors, each with what to do, in at most `most` lines: (whether it is the error itself, the
/// line). And whether that is all of it.
fn fault_lines(
    errors: &[ReportedError],
    lines: &dyn Fn(&str, usize) -> Vec<String>,
    most: usize,
) -> (Vec<(bool, String)>, bool) {
    let mut all = vec![];
    for fault in errors {
        all.extend(
            lines(&format!("{} {}", fault.id, fault.cause), 2).into_iter().map(|l| (true, l)),
        );
        all.extend(
            lines(&format!("What to do: {}", fault.remedy), 2).into_iter().map(|l| (false, l)),
        );
    }
    let whole = all.len() <= most;
    if !whole {
        all.truncate(most.saturating_sub(1));
        all.push((false, "... (more below: End)".to_owned()));
    }
    (all, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program said is indented, and often longer than the screen: its end is where the
    /// reason stands.
    #[test]
    fn nothing_is_cut_before_its_end() {
        let text = "ALT-730 apt could not fetch the lists of packages:\n  E: Failed to fetch http://deb.example/dists/bookworm/InRelease  \
                    Temporary failure resolving 'deb.example'";
        let lines = whole_lines(text, 60, 2);
        assert!(
            lines.iter().all(|l| l.len() <= 60)
                && lines.last().unwrap().ends_with("resolving 'deb.example'"),
            "{lines:#?}"
        );
        assert!(lines[1..].iter().all(|l| l.starts_with("  ")), "{lines:#?}");
        let fault = |n: usize| ReportedError {
            id: format!("ALT-73{n}"),
            cause: "x".into(),
            remedy: "y".into(),
        };
        let of = |n: usize, most| {
            fault_lines(&(0..n).map(fault).collect::<Vec<_>>(), &|t, i| whole_lines(t, 60, i), most)
        };
        assert_eq!((of(2, 4).0.len(), of(2, 4).1), (4, true));
        let (shown, whole) = of(3, 4);
        assert!(!whole && shown.len() == 4 && shown[3].1.contains("more below"), "{shown:?}");
    }
}
