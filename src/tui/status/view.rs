//! Draws the status screen.

use ratatui::layout::Rect;

use crate::event::Event;
use crate::event::lines::{percent, progress};
use crate::job::State;
use crate::job::index::{Class, Filter};
use crate::text::{clock, printable};
use crate::theme::Role;
use crate::tui::canvas::{Canvas, Mark, scroll_markers};
use crate::tui::keys::{self, KeyNames};
use crate::tui::popup;
use crate::tui::status::layout::{INSTRUCTION_ROW, Layout};
use crate::tui::status::model::{Focus, Overlay, Status};
use crate::tui::status::pane::{MARK, Row};
use crate::tui::status::words;
use crate::tui::status::work::{Entry, Phase, Step, WorkStatus};

/// Columns of the progress bar at 80 columns.
const BAR: u16 = 24;
/// Where what is shown is named, in the row of the upper marker.
const SHOWN: u16 = 23;

impl Status {
    /// Draws it on the whole screen; `focused`: nothing is on top of it, so that its legend counts.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames, focused: bool) {
        let layout = Layout::for_status(self);
        c.draw_centred(0, "COMMAND STATUS", Role::Title);
        c.draw_centred(1, &words::name(&self.job, &self.began), Role::Note);
        self.state(c);
        c.draw_text(0, INSTRUCTION_ROW, words::INSTRUCTION, Role::Instruction);
        self.end(c, &layout);
        if layout.strip.height > 0 {
            c.within(layout.strip, |c| self.strip(c));
        }
        if layout.shows(Focus::Log, self.focus) {
            self.log(c, &layout);
        }
        if self.work.has_steps() && layout.shows(Focus::Steps, self.focus) {
            self.steps(c, &layout);
        }
        if layout.wide {
            c.draw_divider(
                layout.log.x.saturating_sub(2),
                layout.log.y.saturating_sub(1),
                layout.message,
            );
        }
        if focused && self.asks().is_none() {
            let legend = self.legend();
            keys::draw(
                c,
                c.height().saturating_sub(keys::rows(&legend, c.width(), keys::WIDE)),
                &legend,
                key_names,
                keys::WIDE,
            );
        }
        match &self.overlay {
            Some(Overlay::Find(input)) => {
                let took = c.draw_text(0, layout.message, "Find: ", Role::Instruction);
                let room = c.width().saturating_sub(took + 1);
                let skip = input.visual_scroll(usize::from(room));
                c.draw_text(
                    took,
                    layout.message,
                    &input.value().chars().skip(skip).collect::<String>(),
                    Role::Value,
                );
                let cursor = u16::try_from(input.visual_cursor().saturating_sub(skip)).unwrap_or(0);
                c.place_cursor(took + cursor, layout.message);
            }
            Some(Overlay::Stop(force)) => self.ask(c, *force, key_names),
            None => {
                c.draw_text(0, layout.message, &self.message, Role::Instruction);
            }
        }
    }

    fn state(&self, c: &mut Canvas<'_>) {
        let (word, role) = match self.job.state {
            State::Running => ("running", Role::Running),
            State::Ended(ended) if ended.success() => ("OK", Role::Ok),
            State::Ended(_) | State::Lost { .. } => ("failed", Role::Error),
        };
        let (out, err) = self.streams();
        for (x, label, word, role) in [
            (0, "Command: ", word, role),
            (23, "stdout: ", if out { "yes" } else { "no" }, Role::Value),
            (45, "stderr: ", if err { "yes" } else { "no" }, Role::Value),
        ] {
            let took = c.draw_text(x, 2, label, Role::Label);
            c.draw_text(x + took, 2, word, role);
        }
    }

    fn end(&self, c: &mut Canvas<'_>, layout: &Layout) {
        let role = if self.ended() == Some(0) { Role::Ok } else { Role::Warning };
        let mut y = layout.top;
        for line in &layout.said {
            c.draw_text(0, y, line, role);
            y += 1;
        }
        for (itself, line) in &layout.errors {
            c.draw_text(0, y, line, if *itself { Role::Error } else { Role::Instruction });
            y += 1;
        }
    }

    /// Two rows: the phases and the step that runs; how far it is.
    fn strip(&self, c: &mut Canvas<'_>) {
        let mut x = 0;
        for phase in &self.work.phases {
            let (mark, role) = c.mark(mark(phase.status));
            x += c.draw_text(x, 0, &format!("{mark} Phase {}", phase.number), role) + 2;
        }
        let (at, of) = self.work.at;
        if at > 0 {
            x += c.draw_text(x, 0, &format!("Step {at} of {of}: "), Role::Label);
            let title = self.work.current().map_or("", |s| s.title.as_str());
            c.draw_text(x, 0, &printable(title, false), Role::Text);
        }
        self.bar(c, 1, BAR, false);
    }

    /// The bar and its figures, in one row or in two.
    fn bar(&self, c: &mut Canvas<'_>, y: u16, width: u16, below: bool) {
        let Some(event @ Event::Progress { .. }) = &self.progress else { return };
        c.draw_gauge(0, y, width, percent(event).unwrap_or(0));
        let (x, y) = if below { (0, y + 1) } else { (width + 1, y) };
        c.draw_text(
            x,
            y,
            &progress(event, usize::from(c.width().saturating_sub(x + 1))),
            Role::Running,
        );
    }

    fn log(&self, c: &mut Canvas<'_>, layout: &Layout) {
        let area = layout.log;
        let mut x = area.x;
        let above = area.y.saturating_sub(1);
        if layout.wide {
            x += heading(c, x, above, "Output", self.focus == Focus::Log) + 2;
        }
        if let Some((top, bottom)) = self.pane.markers(self.runs()) {
            c.draw_text(x, above, &top, Role::Note);
            c.draw_text(area.x, area.bottom(), &bottom, Role::Note);
        }
        if !matches!(self.pane.filter, Filter::Own | Filter::Brief(_)) {
            c.draw_text(
                area.x + SHOWN,
                above,
                &format!("Shown: {}", self.pane.filter.name()),
                Role::Mark,
            );
        }
        c.within(area, |c| {
            for (y, row) in (0..).zip(&self.pane.rows) {
                self.row(c, y, row);
            }
        });
    }

    fn row(&self, c: &mut Canvas<'_>, y: u16, row: &Row) {
        let role = match row.class {
            Class::Stdout | Class::Note | Class::File | Class::End => Role::Text,
            Class::Stderr | Class::InnerErr => Role::Stderr,
            Class::Command => Role::Command,
            Class::Inner => Role::Note,
            Class::Step => Role::Heading,
            Class::Warning => Role::Warning,
            Class::Failed | Class::Error => Role::Error,
        };
        let mut x = 0;
        if row.class.is_stderr() {
            // Recognisable without colour too.
            c.draw_text(0, y, "!", Role::Mark);
            x = MARK as u16;
        }
        c.draw_text(x, y, &row.text, role);
        if let Some((from, wide)) = row.found {
            let at = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
            let (from, wide) = (at(from).min(c.width()), at(wide).min(c.width()));
            c.restyle(
                Rect {
                    x: x + from,
                    y,
                    width: wide.min(c.width().saturating_sub(x + from)),
                    height: 1,
                },
                Role::Found,
            );
        }
        if row.more.0 {
            c.draw_text(x, y, "<", Role::Mark);
        }
        if row.more.1 {
            c.draw_text(c.width().saturating_sub(1), y, ">", Role::Mark);
        }
    }

    fn steps(&self, c: &mut Canvas<'_>, layout: &Layout) {
        let area = layout.steps;
        let list = self.work.list();
        let rows = usize::from(area.height);
        let first = self.first_step(rows);
        let mut x = 0;
        let above = area.y.saturating_sub(1);
        if layout.wide {
            x += heading(c, x, above, "Steps", self.focus == Focus::Steps) + 2;
        }
        if let Some((top, bottom)) = scroll_markers(first, rows, list.len()) {
            c.draw_text(x, above, &top, Role::Note);
            c.draw_text(0, area.bottom(), &bottom, Role::Note);
        }
        c.within(area, |c| {
            for (y, entry) in (0..).zip(list.iter().skip(first).take(rows)) {
                match entry {
                    Entry::Phase(phase) => phase_row(c, y, phase),
                    Entry::Step(step) => step_row(c, y, step),
                }
            }
        });
        if layout.wide && self.runs() {
            let below = Rect { x: 0, y: area.bottom() + 1, width: area.width, height: 2 };
            c.within(below, |c| self.bar(c, 0, c.width(), true));
        }
    }

    /// ARE YOU SURE??, as every other pop-up.
    fn ask(&self, c: &mut Canvas<'_>, force: bool, key_names: KeyNames) {
        let width = popup::inner(self.size);
        let mut lines: Vec<String> = vec![];
        for paragraph in words::stop(&self.job, force) {
            lines.extend(popup::fold(&paragraph, width));
            lines.push(String::new());
        }
        lines.push("    Press Enter to stop it.".to_owned());
        lines.push("    Press Cancel to let it go on.".to_owned());
        let legend = self.legend();
        let place = popup::layout(self.size, 0, lines.len(), &legend);
        popup::draw(c, place, "ARE YOU SURE??", &[], (0, lines.len()), &legend, key_names);
        c.within(place.body, |c| {
            for (y, line) in (0..).zip(&lines) {
                c.draw_text(0, y, line, Role::Text);
            }
        });
        c.draw_text_within(
            place.body.x,
            place.body.bottom(),
            place.body.width,
            &self.message,
            Role::Warning,
        );
    }
}

/// A pane's heading; the one that the keys move looks selected.
fn heading(c: &mut Canvas<'_>, x: u16, y: u16, text: &str, focused: bool) -> u16 {
    if focused {
        c.draw_selected(x, x + 2, y, text, Role::Heading);
    } else {
        c.draw_text(x + 2, y, text, Role::Heading);
    }
    2 + u16::try_from(text.len()).unwrap_or(0)
}

fn phase_row(c: &mut Canvas<'_>, y: u16, phase: &Phase) {
    let (mark, role) = c.mark(mark(phase.status));
    c.draw_text(0, y, mark, role);
    let title = if phase.title.is_empty() {
        String::new()
    } else {
        format!(": {}", printable(&phase.title, false))
    };
    c.draw_text(2, y, &format!("Phase {}{title}", phase.number), Role::Heading);
}

fn step_row(c: &mut Canvas<'_>, y: u16, step: &Step) {
    let (mark, role) = c.mark(mark(step.status));
    c.draw_text(2, y, mark, role);
    let took = step.ms.filter(|ms| *ms >= 1000).map(|ms| clock(ms / 1000)).unwrap_or_default();
    let at = c.width().saturating_sub(u16::try_from(took.len()).unwrap_or(0) + 1);
    let text = if matches!(step.status, WorkStatus::Waiting | WorkStatus::Skipped) {
        Role::Note
    } else {
        Role::Text
    };
    c.draw_text_within(4, y, at.saturating_sub(5), &printable(&step.title, false), text);
    c.draw_text(at, y, &took, Role::Note);
}

fn mark(status: WorkStatus) -> Mark {
    match status {
        WorkStatus::Waiting => Mark::Waiting,
        WorkStatus::Running => Mark::Running,
        WorkStatus::Done => Mark::Done,
        WorkStatus::Failed => Mark::Failed,
        WorkStatus::Skipped => Mark::Skipped,
    }
}
