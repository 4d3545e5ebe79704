//! Text to read: CONTEXTUAL HELP, SHOW COMMAND STRING, ERROR MESSAGE, PRINT SCREEN, ARE YOU SURE??;
//! and whole screens of text.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use crate::theme::Role;
use crate::tui::canvas::{Canvas, scroll_markers};
use crate::tui::find::{self, Find, Found};
use crate::tui::keys::{self, KeyNames, Legend};
use crate::tui::popup::{self, fold, follow};
use crate::tui::screens::{Insertion, Outcome};

const RETURN: &str = "Press Enter or Cancel to return to the application.";

/// What the text is for: its title and what Enter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    Help,
    Command,
    Error,
    Sure,
    Image,
    /// Something to know.
    Note,
    /// A screen of its own.
    Page,
}

/// A text on the screen.
#[derive(Clone, Debug)]
pub struct Text {
    pub kind: TextKind,
    title: String,
    paragraphs: Vec<(String, Role)>,
    top: usize,
    /// The line that find has found.
    found: Option<usize>,
    find: Find,
    pub hint: Option<String>,
}

impl Text {
    /// A text with the role of each paragraph.
    pub fn new(kind: TextKind, title: &str, paragraphs: Vec<(String, Role)>) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            paragraphs,
            top: 0,
            found: None,
            find: Find::default(),
            hint: None,
        }
    }

    /// One text in its lines.
    pub fn plain(kind: TextKind, title: &str, text: &str) -> Self {
        Self::new(kind, title, vec![(text.to_owned(), Role::Text)])
    }

    /// The command line that Enter would run, or that runs.
    pub fn command(line: &str) -> Self {
        Self::new(TextKind::Command, "SHOW COMMAND STRING", vec![(line.to_owned(), Role::Command)])
    }

    /// CONTEXTUAL HELP about a screen or a field.
    pub fn help(about: &str, text: &str) -> Self {
        let text =
            if text.trim().is_empty() { "There is no help for this." } else { text.trim_end() };
        Self::new(
            TextKind::Help,
            "CONTEXTUAL HELP",
            vec![(about.to_owned(), Role::Heading), (format!("\n{text}"), Role::Text)],
        )
    }

    /// ERROR MESSAGE, with what to do if `remedy` says so.
    pub fn error(text: &str, remedy: &str) -> Self {
        let mut paragraphs = vec![(text.to_owned(), Role::Error)];
        // The catalogue's remedies are no sentences of their own.
        let lead = if remedy.starts_with(|c: char| c.is_lowercase() || c == '`') {
            "What to do: "
        } else {
            ""
        };
        if !remedy.is_empty() {
            paragraphs.push((format!("\n{lead}{remedy}"), Role::Text));
        }
        Self::new(TextKind::Error, "ERROR MESSAGE", paragraphs)
    }

    /// ARE YOU SURE?? before a command runs.
    pub fn sure(text: &str) -> Self {
        let ends = "    Press Enter to continue.\n    Press Cancel to return to the application.";
        Self::new(
            TextKind::Sure,
            "ARE YOU SURE??",
            vec![(text.to_owned(), Role::Warning), (ends.to_owned(), Role::Text)],
        )
    }

    fn page(&self) -> bool {
        self.kind == TextKind::Page
    }

    /// Whether it stands on top of the screen below.
    pub fn is_popup(&self) -> bool {
        !self.page()
    }

    fn lines(&self, width: u16) -> Vec<(String, Role)> {
        self.paragraphs
            .iter()
            .flat_map(|(text, role)| fold(text, width).into_iter().map(|l| (l, *role)))
            .collect()
    }

    /// The keys that our own sentences name, as this terminal sends them. What programs said stays
    /// as it is.
    pub fn with_key_names(&mut self, key_names: KeyNames) {
        for (text, _) in self
            .paragraphs
            .iter_mut()
            .filter(|(_, role)| matches!(role, Role::Text | Role::Heading))
        {
            *text = keys::with_key_names(text, key_names);
        }
    }

    fn instructions(&self) -> &'static [&'static str] {
        match self.kind {
            TextKind::Sure => &[],
            TextKind::Image => &[
                "Press Enter to save this screen as text and as a picture.",
                "Press Cancel to return to the application.",
            ],
            _ => &[RETURN],
        }
    }

    /// The width of the text and how many rows of it are shown.
    fn room(&self, size: (u16, u16), all: usize) -> (u16, usize) {
        if self.page() {
            return (size.0.saturating_sub(4).min(110), page_rows(size, &self.legend()));
        }
        let place = popup::layout(size, self.instructions().len(), all, &self.legend());
        (place.body.width, usize::from(place.body.height))
    }

    fn width(&self, size: (u16, u16)) -> u16 {
        self.room(size, 1).0
    }

    /// Searches, scrolls, or answers.
    pub fn key(&mut self, key: KeyEvent, size: (u16, u16)) -> Outcome {
        self.hint = None;
        let lines = self.lines(self.width(size));
        let (_, rows) = self.room(size, lines.len());
        if lines.len() > rows || self.find.is_typing() {
            let from = self.found.unwrap_or(self.top);
            match self.find.key(key) {
                Found::NotMine => {}
                Found::Typing => return Outcome::Stay,
                Found::Next(needle) => {
                    let texts: Vec<&String> = lines.iter().map(|(l, _)| l).collect();
                    let Some(at) = find::next(&texts, from, &needle) else {
                        self.find.miss();
                        return Outcome::Bell;
                    };
                    self.found = Some(at);
                    self.top = follow(self.top, at, rows, lines.len());
                    return Outcome::Stay;
                }
            }
        }
        let last = lines.len().saturating_sub(rows);
        let page = rows.saturating_sub(1).max(1);
        match key.code {
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::Down => self.top = (self.top + 1).min(last),
            KeyCode::PageUp => self.top = self.top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top = (self.top + page).min(last),
            KeyCode::Home => self.top = 0,
            KeyCode::End => self.top = last,
            KeyCode::Enter => return Outcome::Read,
            _ => return Outcome::Bell,
        }
        Outcome::Stay
    }

    /// Whether the text to search for is being typed.
    pub fn is_typing(&self) -> bool {
        self.find.is_typing()
    }

    /// Takes a line of pasted text into the text to search for.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        self.hint = None;
        self.find.insert_text(text)
    }

    /// Keeps the text on the screen when its size changes.
    pub fn settle(&mut self, size: (u16, u16)) {
        let all = self.lines(self.width(size)).len();
        self.top = self.top.min(all.saturating_sub(self.room(size, all).1));
    }

    /// The keys that work here.
    pub fn legend(&self) -> Legend {
        let mut legend = keys::entries([(KeyCode::F(2), "Refresh"), (KeyCode::F(3), "Cancel")]);
        if self.kind != TextKind::Image {
            legend.push((KeyCode::F(8).into(), "Image"));
        }
        if self.kind != TextKind::Help {
            legend.insert(0, (KeyCode::F(1).into(), "Help"));
        }
        if self.page() {
            legend.push((KeyCode::F(9).into(), "Shell"));
        }
        legend.push((KeyCode::F(10).into(), "Exit"));
        legend.push((KeyCode::Enter.into(), "Do"));
        // Whether it scrolls decides itself only by what stands here, so that the legend never
        // jumps.
        if self.paragraphs.iter().map(|(t, _)| t.len()).sum::<usize>() > 400 || self.page() {
            legend.extend(keys::entries([
                (KeyCode::Char('/'), "Find"),
                (KeyCode::Char('n'), "Find Next"),
            ]));
        }
        legend
    }

    /// Draws the text; `focused`: nothing is on top of it.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames, focused: bool) {
        let size = (c.width(), c.height());
        let lines = self.lines(self.width(size));
        if self.page() {
            return self.view_page(c, &lines, key_names, focused);
        }
        let place = popup::layout(size, self.instructions().len(), lines.len(), &self.legend());
        popup::draw(
            c,
            place,
            &self.title,
            self.instructions(),
            (self.top, lines.len()),
            &self.legend(),
            key_names,
        );
        c.within(place.body, |c| self.body(c, &lines));
        if let Some(hint) = &self.hint {
            c.draw_text_within(
                place.body.x,
                place.body.bottom(),
                place.body.width,
                hint,
                Role::Warning,
            );
        }
        self.find.draw(c, place.body.x, place.body.bottom(), place.body.width);
    }

    fn view_page(
        &self,
        c: &mut Canvas<'_>,
        lines: &[(String, Role)],
        key_names: KeyNames,
        focused: bool,
    ) {
        c.draw_centred(0, &self.title, Role::Title);
        let rows = page_rows((c.width(), c.height()), &self.legend());
        let below = c.height().saturating_sub(keys::rows(&self.legend(), c.width(), keys::WIDE));
        let body = Rect::new(2, PAGE, c.width().saturating_sub(2), rows as u16);
        c.within(body, |c| self.body(c, lines));
        if let Some((above, under)) = scroll_markers(self.top, rows, lines.len()) {
            c.draw_text(0, PAGE - 1, &above, Role::Note);
            c.draw_text(0, PAGE + rows as u16, &under, Role::Note);
        }
        if focused {
            keys::draw(c, below, &self.legend(), key_names, keys::WIDE);
        }
        let width = c.width();
        self.find.draw(c, 0, below.saturating_sub(2), width);
    }

    fn body(&self, c: &mut Canvas<'_>, lines: &[(String, Role)]) {
        let lines = lines.iter().enumerate().skip(self.top).map(|(n, (line, role))| {
            (line.as_str(), if self.found == Some(n) { Role::Found } else { *role })
        });
        c.draw_lines(Rect::new(0, 0, c.width(), c.height()), lines);
    }
}

/// Where a page's text begins.
const PAGE: u16 = 2;

fn page_rows(size: (u16, u16), legend: &Legend) -> usize {
    usize::from(size.1.saturating_sub(PAGE + 2 + keys::rows(legend, size.0, keys::WIDE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::golden::{check, drawn};

    const SIZE: (u16, u16) = (80, 24);

    #[test]
    fn golden_popups() {
        let sure = Text::sure(
            "Continuing may delete information you may want\nto keep.  This is your last chance to stop\nbefore continuing.",
        );
        check("sure", 80, 24, |c| sure.view(c, KeyNames::Function, true));
        let command = Text::command("alt_disk_install -C -B vdb");
        check("command", 80, 24, |c| command.view(c, KeyNames::Function, true));
        let error = Text::error(
            "ALT-961: Target Disk(s) to install: this field must be filled in.",
            "Press F4 for a list.",
        );
        check("error", 80, 24, |c| error.view(c, KeyNames::Escape, true));
    }

    #[test]
    fn scrolls_and_finds() {
        let text: String =
            (0..60).map(|n| format!("This is line number {n} of the text.\n")).collect();
        let mut help = Text::help("Lines", &text);
        for key in [
            KeyCode::Char('/'),
            KeyCode::Char('R'),
            KeyCode::Char(' '),
            KeyCode::Char('4'),
            KeyCode::Char('2'),
            KeyCode::Enter,
        ] {
            assert_eq!(help.key(key.into(), SIZE), Outcome::Stay);
        }
        let shown = drawn(80, 24, |c| help.view(c, KeyNames::Function, true));
        assert!(
            shown.contains("line number 42")
                && shown.contains("FFFF")
                && shown.contains("[MORE..."),
            "{shown}"
        );
        help.key(KeyCode::End.into(), SIZE);
        assert!(drawn(80, 24, |c| help.view(c, KeyNames::Function, true)).contains("[BOTTOM]"));
        help.settle((80, 100));
        assert_eq!(help.top, 0);
        assert_eq!(help.key(KeyCode::Enter.into(), SIZE), Outcome::Read);
        assert_eq!(help.key(KeyCode::Char('x').into(), SIZE), Outcome::Bell);
    }
}
