//! The pop-up list: one or several choices; what cannot be chosen is grey and says why when the
//! cursor is on it.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use crate::menu::lists::Listing;
use crate::theme::{Highlight, Role};
use crate::tui::canvas::{Canvas, ListLine, columns, scroll_markers};
use crate::tui::find::{self, Find, Found};
use crate::tui::keys::{self, KeyNames, Legend};
use crate::tui::popup::{self, PopupLayout, fold, follow};
use crate::tui::screens::{Insertion, Outcome};

const ONE: &[&str] = &["Move cursor to desired item and press Enter."];
const SOME: &[&str] = &[
    "Move cursor to desired item and press F7.",
    "    ONE OR MORE items can be selected.",
    "Press Enter AFTER making all selections.",
];
const INFORMATION: &[&str] = &["This is for information: type the value into the field."];
/// Columns before the text of an entry: the mark of what is chosen and a blank.
const MARGIN: u16 = 2;
/// Rows that a reason may take.
const REASON: usize = 2;
/// The column where the selection is named, in the row of the lower marker.
const SELECTED: u16 = 13;
/// How far Left and Right scroll.
const SIDEWAYS: usize = 8;

/// How many entries can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    One,
    Several,
    /// It is only shown.
    None,
}

/// A list on the screen.
#[derive(Clone, Debug)]
pub struct List {
    title: String,
    pub listing: Listing,
    choose: Choose,
    /// The help that F1 shows.
    pub help: String,
    chosen: Vec<usize>,
    /// What the field held when the list was opened. A default that nobody chose is replaced by
    /// what F7 marks.
    was_filled: bool,
    prefilled: bool,
    /// F7 was pressed since the list was opened.
    toggled: bool,
    at: usize,
    /// The line that the cursor was on when the list was opened.
    began: usize,
    top: usize,
    shift: usize,
    find: Find,
    pub hint: Option<String>,
}

impl List {
    /// A list with the cursor on the first entry that can be chosen.
    pub fn new(title: &str, listing: Listing, choose: Choose) -> Self {
        let at = listing.entries.iter().position(|e| !e.refused).unwrap_or(0);
        let help = String::new();
        Self {
            title: title.to_owned(),
            listing,
            choose,
            help,
            chosen: vec![],
            was_filled: false,
            prefilled: false,
            toggled: false,
            at,
            began: at,
            top: 0,
            shift: 0,
            find: Find::default(),
            hint: None,
        }
    }

    /// Marks what stands in the field now, and goes to the first of it.
    pub fn with_chosen(mut self, values: &[String]) -> Self {
        let here: Vec<usize> = values
            .iter()
            .filter_map(|v| self.listing.entries.iter().position(|e| e.value == *v && !e.refused))
            .collect();
        self.at = here.first().copied().unwrap_or(self.at);
        self.began = self.at;
        self.was_filled = !here.is_empty();
        if self.choose == Choose::Several {
            self.chosen = here;
        }
        self
    }

    /// What stands in the field is its default: the user has not chosen it.
    pub fn prefilled(mut self, is: bool) -> Self {
        self.prefilled = is;
        self
    }

    /// The title of the pop-up.
    pub fn title(&self) -> &str {
        &self.title
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

    /// The rows of the body: an entry's line or one of its notes. The notes of what is refused
    /// stand below the list instead.
    fn rows(&self) -> Vec<(usize, Option<&str>)> {
        let entries = self.listing.entries.iter().enumerate();
        let mut rows = vec![];
        for (n, entry) in entries {
            rows.push((n, None));
            if !entry.refused {
                rows.extend(entry.notes.iter().map(|note| (n, Some(note.trim_start()))));
            }
        }
        rows
    }

    fn heading(&self) -> Vec<&str> {
        // `# Name` stands above `disk0`: the blank after the # is none of the heading.
        self.listing
            .heading
            .as_deref()
            .map(|h| h.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect())
            .unwrap_or_default()
    }

    fn reasons(&self) -> bool {
        self.listing.entries.iter().any(|e| e.refused && !e.notes.is_empty())
    }

    /// Rows beside those of the entries: the heading above, the reason below.
    fn extra(&self) -> usize {
        self.heading().len() + if self.reasons() { REASON + 1 } else { 0 }
    }

    fn instructions(&self) -> &'static [&'static str] {
        match self.choose {
            Choose::One => ONE,
            Choose::Several => SOME,
            Choose::None => INFORMATION,
        }
    }

    fn place(&self, size: (u16, u16)) -> PopupLayout {
        popup::layout(
            size,
            self.instructions().len(),
            self.rows().len().max(1) + self.extra(),
            &self.legend(),
        )
    }

    fn shown_rows(&self, size: (u16, u16)) -> usize {
        usize::from(self.place(size).body.height).saturating_sub(self.extra()).max(1)
    }

    /// Searches, moves the cursor, marks or chooses.
    pub fn key(&mut self, key: KeyEvent, size: (u16, u16)) -> Outcome {
        self.hint = None;
        let lines: Vec<&String> = self.listing.entries.iter().map(|e| &e.line).collect();
        match self.find.key(key) {
            Found::NotMine => {}
            Found::Typing => return Outcome::Stay,
            Found::Next(needle) => {
                let Some(at) = find::next(&lines, self.at, &needle) else {
                    self.find.miss();
                    return Outcome::Bell;
                };
                self.at = at;
                return Outcome::Stay;
            }
        }
        let last = self.listing.entries.len().saturating_sub(1);
        let page = self.shown_rows(size).saturating_sub(1).max(1);
        match key.code {
            KeyCode::Up => self.at = self.at.saturating_sub(1),
            KeyCode::Down => self.at = (self.at + 1).min(last),
            KeyCode::PageUp => self.at = self.at.saturating_sub(page),
            KeyCode::PageDown => self.at = (self.at + page).min(last),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            KeyCode::Left => self.shift = self.shift.saturating_sub(SIDEWAYS),
            KeyCode::Right => {
                self.shift = (self.shift + SIDEWAYS).min(self.widest().saturating_sub(SIDEWAYS))
            }
            KeyCode::F(7) | KeyCode::Char(' ') if self.choose == Choose::Several => {
                return self.toggle();
            }
            KeyCode::Enter => return self.enter(),
            _ => return Outcome::Bell,
        }
        Outcome::Stay
    }

    fn widest(&self) -> usize {
        self.listing.entries.iter().map(|e| usize::from(columns(&e.line))).max().unwrap_or(0)
    }

    fn can(&self) -> bool {
        self.listing.entries.get(self.at).is_some_and(|e| !e.refused)
    }

    fn toggle(&mut self) -> Outcome {
        if !self.can() {
            return Outcome::Bell;
        }
        match self.chosen.iter().position(|n| *n == self.at) {
            Some(at) => _ = self.chosen.remove(at),
            None => {
                if self.prefilled && !self.toggled {
                    self.chosen.clear();
                }
                self.chosen.push(self.at);
            }
        }
        self.toggled = true;
        Outcome::Stay
    }

    /// What Enter takes as marked. Without F7 the marks are only what the field held, and they
    /// count no more once the cursor has moved: Enter then takes the line under it.
    fn marked(&self) -> Option<&[usize]> {
        let counts = if self.toggled {
            !self.chosen.is_empty() || self.was_filled
        } else {
            self.at == self.began && self.was_filled
        };
        (self.choose == Choose::Several && counts).then_some(self.chosen.as_slice())
    }

    fn enter(&mut self) -> Outcome {
        match self.marked() {
            Some(marked) => Outcome::Chosen(marked.to_vec()),
            None if self.choose == Choose::None => Outcome::Back,
            None if self.can() => Outcome::Chosen(vec![self.at]),
            None => Outcome::Bell,
        }
    }

    /// What Enter takes, in words; nothing as long as nothing is or was marked.
    fn selected(&self) -> Option<String> {
        if self.choose != Choose::Several || !self.toggled && !self.was_filled {
            return None;
        }
        let names = |of: &[usize]| {
            of.iter()
                .filter_map(|n| Some(self.listing.entries.get(*n)?.value.as_str()))
                .collect::<Vec<_>>()
                .join(" ")
        };
        Some(match self.marked() {
            Some([]) => "Selected: nothing".to_owned(),
            Some(marked) => format!("Selected: {}", names(marked)),
            // It says itself why not.
            None if !self.can() => return None,
            None if self.toggled || self.prefilled => "Enter selects this line.".to_owned(),
            None => format!("Enter selects this line, F7 adds it to: {}", names(&self.chosen)),
        })
    }

    /// Scrolls until the entry under the cursor is shown.
    pub fn settle(&mut self, size: (u16, u16)) {
        let rows = self.rows();
        let mine = |(n, _): &(usize, Option<&str>)| *n == self.at;
        let (first, last) =
            (rows.iter().position(mine).unwrap_or(0), rows.iter().rposition(mine).unwrap_or(0));
        let (all, shown) = (rows.len(), self.shown_rows(size));
        let top = follow(self.top, last, shown, all);
        self.top = follow(top, first, shown, all);
    }

    /// The keys that work here.
    pub fn legend(&self) -> Legend {
        let mut legend = keys::entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
        ]);
        if self.choose == Choose::Several {
            legend.push((KeyCode::F(7).into(), "Select"));
        }
        legend.extend(keys::entries([
            (KeyCode::F(8), "Image"),
            (KeyCode::F(10), "Exit"),
            (KeyCode::Enter, "Do"),
            (KeyCode::Char('/'), "Find"),
            (KeyCode::Char('n'), "Find Next"),
        ]));
        legend
    }

    /// Draws the pop-up.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames) {
        let size = (c.width(), c.height());
        let place = self.place(size);
        let (rows, heading) = (self.rows(), self.heading());
        let shown = self.shown_rows(size);
        // The markers count entries' rows, not the heading.
        popup::draw(c, place, &self.title, self.instructions(), (0, 0), &self.legend(), key_names);
        if let Some((above, under)) = scroll_markers(self.top, shown, rows.len()) {
            c.draw_text(place.body.x, place.body.y - 1, &above, Role::Note);
            c.draw_text(place.body.x, place.body.bottom(), &under, Role::Note);
        }
        c.within(place.body, |c| {
            for (y, line) in heading.iter().enumerate() {
                c.draw_text(MARGIN, y as u16, &self.cut(line), Role::Heading);
            }
            let entries = Rect::new(0, heading.len() as u16, c.width(), shown as u16);
            c.within(entries, |c| self.entries(c, &rows));
            self.reason(c, entries.bottom() + 1);
        });
        if let Some(selected) = self.selected() {
            // The marker of what scrolls stands before it.
            let (x, room) = (place.body.x + SELECTED, place.body.width.saturating_sub(SELECTED));
            c.draw_text_within(
                x,
                place.body.bottom(),
                room,
                &keys::with_key_names(&selected, key_names),
                Role::Value,
            );
        }
        if let Some(hint) = &self.hint {
            let width = place.body.width;
            c.fill(Rect::new(place.body.x, place.body.bottom(), width, 1), Role::Text);
            c.draw_text_within(place.body.x, place.body.bottom(), width, hint, Role::Warning);
        }
        self.find.draw(c, place.body.x, place.body.bottom(), place.body.width);
    }

    fn entries(&self, c: &mut Canvas<'_>, rows: &[(usize, Option<&str>)]) {
        if rows.is_empty() {
            c.draw_text(MARGIN, 0, "There is nothing to choose from.", Role::Note);
        }
        let line = |(n, note): &(usize, Option<&str>)| {
            let entry = &self.listing.entries[*n];
            let (indent, text, role) = match note {
                Some(note) => (2, *note, Role::Note),
                None if entry.refused => (0, entry.line.as_str(), Role::Disabled),
                None => (0, entry.line.as_str(), Role::Text),
            };
            ListLine { indent, text: self.cut(text), role }
        };
        let lines: Vec<ListLine> = rows.iter().map(line).collect();
        let selected = rows.iter().position(|(n, note)| *n == self.at && note.is_none());
        let part = Rect::new(0, 0, c.width(), c.height());
        c.draw_list(part, (1, MARGIN), &lines, (self.top, selected));
        // Where `>` is the cursor, chosen entries have another mark.
        let mark = if c.theme.highlight == Highlight::Marker { "x" } else { ">" };
        for (y, (n, note)) in rows.iter().skip(self.top).take(usize::from(c.height())).enumerate() {
            if note.is_none() && self.marked().is_some_and(|m| m.contains(n)) {
                c.draw_text(0, y as u16, mark, Role::Mark);
            }
        }
    }

    fn reason(&self, c: &mut Canvas<'_>, y: u16) {
        let Some(entry) =
            self.listing.entries.get(self.at).filter(|e| e.refused && !e.notes.is_empty())
        else {
            return;
        };
        let why = entry.notes.iter().map(|n| n.trim()).collect::<Vec<_>>().join(" ");
        for (n, line) in
            fold(&format!("Cannot be chosen: {why}"), c.width()).iter().take(REASON).enumerate()
        {
            c.draw_text(0, y + n as u16, line, Role::Warning);
        }
    }

    fn cut(&self, line: &str) -> String {
        line.chars().skip(self.shift).collect()
    }
}

#[cfg(test)]
mod tests;
