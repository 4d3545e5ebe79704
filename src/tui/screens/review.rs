//! What will happen, before it does: the text that the command itself wrote about it, the words to
//! type, the command line.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use tui_input::Input;

use crate::menu::command::Line;
use crate::menu::review;
use crate::theme::Role;
use crate::tui::canvas::{Canvas, columns, scroll_markers};
use crate::tui::find::{edit, insert_line};
use crate::tui::keys::{self, KeyNames, Legend};
use crate::tui::popup::fold;
use crate::tui::screens::{Insertion, Outcome};

/// The first row of the text.
const FIRST: u16 = 4;
/// Rows that the command line may take.
const COMMAND: usize = 2;
/// Columns for what is typed; fewer beside a long prompt, which is never cut.
const TYPED: u16 = 24;
const MIN_TYPED: u16 = 12;
/// Columns of a prompt's row for mark, brackets and blanks.
const AROUND_PROMPT: u16 = 6;

/// `WHAT BOOTS NEXT`, or a line that ends with a colon.
fn is_heading(line: &str) -> bool {
    let capitals = line.chars().any(char::is_alphabetic) && !line.chars().any(char::is_lowercase);
    !line.starts_with(' ') && (capitals || line.ends_with(':'))
}

/// The review on the screen.
#[derive(Clone, Debug)]
pub struct Review {
    answer: review::Review,
    line: Line,
    inputs: Vec<Input>,
    /// Which of the prompts the cursor is on.
    at: usize,
    top: usize,
    pub hint: Option<String>,
}

impl Review {
    /// The review of `line`, with nothing typed yet.
    pub fn new(answer: review::Review, line: Line) -> Self {
        let inputs = answer.questions.iter().map(|_| Input::default()).collect();
        Self { answer, line, inputs, at: 0, top: 0, hint: None }
    }

    /// What is run after Enter.
    pub fn line(&self) -> Line {
        let add: Vec<String> =
            self.answer.questions.iter().flat_map(|a| a.add.iter().cloned()).collect();
        self.line.with_words(&add)
    }

    fn right(&self, n: usize) -> bool {
        let typed = self.inputs.get(n).map_or("", |i| i.value());
        self.answer.questions.get(n).is_some_and(|q| q.takes(typed))
    }

    /// Scrolls, edits what is typed, or runs the command.
    pub fn key(&mut self, key: KeyEvent, size: (u16, u16)) -> Outcome {
        self.hint = None;
        let lines = self.lines(size.0).len();
        let rows = self.rows(size);
        let last = lines.saturating_sub(rows);
        let page = rows.saturating_sub(1).max(1);
        match key.code {
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::Down => self.top = (self.top + 1).min(last),
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::PageDown => self.top = (self.top + page).min(last),
            KeyCode::Home => self.top = 0,
            KeyCode::End => self.top = last,
            KeyCode::F(6) => return Outcome::Command,
            KeyCode::Tab if !self.inputs.is_empty() => self.at = (self.at + 1) % self.inputs.len(),
            KeyCode::BackTab if !self.inputs.is_empty() => {
                self.at = (self.at + self.inputs.len() - 1) % self.inputs.len()
            }
            KeyCode::Enter => return self.enter(),
            _ => {
                let (Some(request), Some(input)) = (edit(key), self.inputs.get_mut(self.at)) else {
                    return Outcome::Bell;
                };
                return if input.handle(request).is_some() { Outcome::Stay } else { Outcome::Bell };
            }
        }
        Outcome::Stay
    }

    /// Takes a line of pasted text into the prompt under the cursor.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        self.hint = None;
        match self.inputs.get_mut(self.at) {
            Some(input) => insert_line(input, text),
            None => Insertion::NoField,
        }
    }

    /// Runs only when everything was typed; else goes to what is missing.
    fn enter(&mut self) -> Outcome {
        let Some(missing) = (0..self.inputs.len()).find(|n| !self.right(*n)) else {
            return Outcome::Reviewed(
                self.answer.questions.iter().flat_map(|a| a.add.iter().cloned()).collect(),
            );
        };
        let typed = self.inputs[missing].value().trim();
        let words = self.answer.questions[missing].words.join(" or ");
        if missing == self.at || !typed.is_empty() {
            self.hint = Some(if typed.is_empty() {
                format!("Type {words} first.")
            } else {
                format!("That does not match. Type {words}. Nothing has been changed.")
            });
        }
        self.at = missing;
        Outcome::Stay
    }

    /// Keeps the text on the screen when its size changes.
    pub fn settle(&mut self, size: (u16, u16)) {
        self.top = self.top.min(self.lines(size.0).len().saturating_sub(self.rows(size)));
    }

    /// The keys that work here.
    pub fn legend(&self) -> Legend {
        let mut legend = keys::entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
            (KeyCode::F(6), "Command"),
            (KeyCode::F(8), "Image"),
            (KeyCode::F(9), "Shell"),
            (KeyCode::F(10), "Exit"),
            (KeyCode::Enter, "Do"),
        ]);
        if self.inputs.len() > 1 {
            legend.push((KeyCode::Tab.into(), "Next Field"));
        }
        legend
    }

    fn lines(&self, width: u16) -> Vec<(String, Role)> {
        let wide = width.saturating_sub(2);
        let warnings = self
            .answer
            .warnings
            .iter()
            .flat_map(|w| fold(&format!("Warning: {w}"), wide))
            .map(|l| (l, Role::Warning));
        let role = |line: &str| if is_heading(line) { Role::Heading } else { Role::Text };
        let text = self
            .answer
            .text
            .iter()
            .flat_map(|t| fold(t, wide).into_iter().map(move |l| (l, role(t))));
        warnings.chain(text).collect()
    }

    /// The command line; one that is too long ends in the key that shows all of it.
    fn command(&self, width: u16, key_names: KeyNames) -> Vec<String> {
        let mut lines = fold(&format!("Command: {}", self.line().shown()), width.saturating_sub(1));
        if lines.len() > COMMAND {
            lines.truncate(COMMAND);
            if let Some(last) = lines.last_mut() {
                let kept: String =
                    last.chars().take(usize::from(width).saturating_sub(14)).collect();
                *last = format!("{kept}... ({})", keys::name(KeyCode::F(6), key_names));
            }
        }
        lines
    }

    /// Rows below the text: a blank, the prompts, the command, a blank.
    fn rows_below(&self, size: (u16, u16)) -> u16 {
        let legend = keys::rows(&self.legend(), size.0, keys::WIDE);
        let prompts = (0..self.inputs.len()).map(|n| self.prompt_rows(n, size.0)).sum::<u16>();
        legend + 1 + self.command(size.0, KeyNames::Function).len() as u16 + prompts + 1
    }

    fn rows(&self, size: (u16, u16)) -> usize {
        usize::from(size.1.saturating_sub(FIRST + self.rows_below(size))).max(1)
    }

    /// Draws the review; `focused`: nothing is on top of it.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames, focused: bool) {
        let size = (c.width(), c.height());
        c.draw_centred(0, &self.answer.title, Role::Title);
        let what = if self.inputs.is_empty() {
            "Read what will be done, then press Enter."
        } else {
            "Read what will be done, type the requested words, then press Enter."
        };
        c.draw_text(0, 2, what, Role::Instruction);
        let (lines, rows) = (self.lines(size.0), self.rows(size));
        let part = Rect::new(0, FIRST, c.width(), rows as u16);
        c.draw_lines(part, lines.iter().skip(self.top).map(|(l, role)| (l.as_str(), *role)));
        let below = FIRST + rows as u16;
        if let Some((above, under)) = scroll_markers(self.top, rows, lines.len()) {
            c.draw_text(0, FIRST - 1, &above, Role::Note);
            c.draw_text(0, below, &under, Role::Note);
        }
        let mut command = below + 1;
        for n in 0..self.inputs.len() {
            self.prompt(c, command, n, focused);
            command += self.prompt_rows(n, size.0);
        }
        for (n, line) in self.command(size.0, key_names).iter().enumerate() {
            c.draw_text(0, command + n as u16, line, Role::Command);
        }
        let legend = size.1.saturating_sub(keys::rows(&self.legend(), size.0, keys::WIDE));
        if let Some(hint) = &self.hint {
            c.draw_text(0, legend.saturating_sub(1), hint, Role::Error);
        }
        if focused {
            keys::draw(c, legend, &self.legend(), key_names, keys::WIDE);
        }
    }

    /// The prompt, broken so that what is typed has its place behind the last line.
    fn prompt_lines(&self, n: usize, width: u16) -> Vec<String> {
        let room = width.saturating_sub(MIN_TYPED + AROUND_PROMPT);
        fold(self.answer.questions.get(n).map_or("", |q| &q.prompt), room)
    }

    fn prompt_rows(&self, n: usize, width: u16) -> u16 {
        self.prompt_lines(n, width).len() as u16
    }

    fn prompt(&self, c: &mut Canvas<'_>, y: u16, n: usize, focused: bool) {
        let input = &self.inputs[n];
        let here = n == self.at;
        let lines = self.prompt_lines(n, c.width());
        c.draw_text(0, y, "*", Role::Mark);
        for (i, line) in (0..).zip(&lines) {
            if here {
                c.draw_selected(1, 2, y + i, line, Role::Label)
            } else {
                _ = c.draw_text(2, y + i, line, Role::Label)
            }
        }
        let y = y + lines.len().saturating_sub(1) as u16;
        let x = 2 + lines.last().map_or(0, |l| columns(l)) + 1;
        let room = TYPED.min(c.width().saturating_sub(x + 3)).max(MIN_TYPED);
        let skip = input.visual_scroll(usize::from(room));
        let seen: String = input.value().chars().skip(skip).collect();
        c.draw_text(x, y, "[", Role::Mark);
        let took = c.draw_text_within(x + 1, y, room, &seen, Role::Value);
        if input.value().is_empty() || !here {
            c.draw_text(x + 1 + took, y, "]", Role::Mark);
        }
        if here && focused {
            let before: String = input
                .value()
                .chars()
                .skip(skip)
                .take(input.cursor().saturating_sub(skip))
                .collect();
            c.place_cursor(x + 1 + columns(&before), y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::golden::drawn;

    #[test]
    fn a_long_prompt_is_never_cut() {
        let prompt = "Serial number or name of practice-for-the-night (loop12), to erase it";
        let text = format!(
            r#"{{"version":1,"title":"Clone","text":["x"],"type":[{{"prompt":"{prompt}","words":["S1"],"add":[]}}]}}"#
        );
        let answer = review::parse(&text).unwrap();
        for width in [60, 80, 100] {
            let mut review = Review::new(answer.clone(), Line::default());
            review.insert_text("PRACTICE-practice-for-the-night");
            let shown = drawn(width, 24, |c| review.view(c, KeyNames::Function, true));
            let shown = shown.split("=== roles").next().unwrap();
            let words: Vec<&str> = shown.split_whitespace().collect();
            let all = words.join(" ");
            assert!(all.contains(&format!("* {prompt} [")), "{width}:\n{shown}");
            assert!(all.contains("the-night Command"), "{width}:\n{shown}");
            assert!(shown.lines().all(|l| l.chars().count() <= usize::from(width)), "{shown}");
        }
    }
}
