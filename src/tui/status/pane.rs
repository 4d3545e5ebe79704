//! The log pane: a window on the log that stays at its end or stands still where the user put it.
//!
//! A [`Position`] is a line and, where lines are wrapped, a row of it. What is seen is read from the
//! log after each change, a window of it at a time; nothing else of the log is in memory.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::job::index::{Class, Elsewhere, Filter, Growth};
use crate::job::log::{Hit, Log, Search, matches};
use crate::tui::canvas::expand_tabs;
use crate::tui::status::rows;

/// Columns that Left and Right move.
const SIDE: usize = 20;
/// Figures change no more often than this.
pub const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// Columns of the mark before a line of standard error.
pub const MARK: usize = 2;

/// A row of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u64,
    pub row: usize,
}

/// A row as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub place: Position,
    pub class: Class,
    pub text: String,
    /// There is more of the line on the left, on the right.
    pub more: (bool, bool),
    /// Where find has found something: columns of `text`.
    pub found: Option<(usize, usize)>,
}

/// The pane.
#[derive(Debug)]
pub struct Pane {
    log: Log,
    pub filter: Filter,
    pub wrap: bool,
    sideways: usize,
    top: Position,
    /// It stays at the end.
    pub following: bool,
    /// It stays at the beginning until somebody moves it.
    still: bool,
    /// Columns and rows of text.
    size: (usize, usize),
    pub rows: Vec<Row>,
    /// What find looked for last, in lower case, and the line where it was.
    pub needle: String,
    hit: Option<u64>,
    search: Option<Search>,
    /// Lines below the window, as they were shown last, and when.
    below: u64,
    counted: Option<Instant>,
}

impl Pane {
    /// A pane at the end of the log.
    pub fn new(log: Log) -> Self {
        Self {
            log,
            filter: Filter::default(),
            wrap: true,
            sideways: 0,
            top: Position::default(),
            following: true,
            still: false,
            size: (80, 10),
            rows: vec![],
            needle: String::new(),
            hit: None,
            search: None,
            below: 0,
            counted: None,
        }
    }

    /// Takes over what the follower found.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn grow(&mut self, growth: Growth, at: Instant) -> Result<()> {
        self.log.grow(growth);
        let due =
            self.counted.is_none_or(|c| at.saturating_duration_since(c) >= MIN_REFRESH_INTERVAL);
        self.show()?;
        if due || self.below == 0 {
            self.count_below();
            self.counted = Some(at);
        }
        Ok(())
    }

    /// The first rows stay where they are while more comes.
    pub fn stand_still(&mut self) {
        (self.still, self.following) = (true, false);
    }

    /// The log that is shown.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// # Errors
    /// If the log cannot be read.
    pub fn resize(&mut self, width: usize, height: usize) -> Result<()> {
        if self.size != (width, height) {
            self.size = (width, height.max(1));
            self.top.row = 0;
            self.refresh()?;
        }
        Ok(())
    }

    /// Another filter; the line at the top stays near where it was.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn filter_next(&mut self) -> Result<()> {
        self.set_filter(self.filter.next())
    }

    /// What of the command's own output is not shown here, as it stands elsewhere on the screen.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn leave_out(&mut self, elsewhere: Elsewhere) -> Result<()> {
        let all = elsewhere == Elsewhere::default();
        let filter = if all { Filter::Own } else { Filter::Brief(elsewhere) };
        if self.filter == filter || !matches!(self.filter, Filter::Own | Filter::Brief(_)) {
            Ok(())
        } else {
            self.set_filter(filter)
        }
    }

    fn set_filter(&mut self, filter: Filter) -> Result<()> {
        let count = self.log.count(self.filter).max(1);
        self.filter = filter;
        // Both are in the order of time: the same part of the way down is the best guess without
        // reading everything.
        self.top = Position { line: self.top.line * self.log.count(self.filter) / count, row: 0 };
        self.hit = None;
        self.refresh()
    }

    /// # Errors
    /// If the log cannot be read.
    pub fn toggle_wrap(&mut self) -> Result<()> {
        self.wrap = !self.wrap;
        self.sideways = 0;
        self.top.row = 0;
        self.refresh()
    }

    /// Left or right, where lines are not wrapped.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn side(&mut self, right: bool) -> Result<()> {
        if right && !self.wrap && self.rows.iter().any(|r| r.more.1) {
            self.sideways += SIDE;
        } else if !right {
            self.sideways = self.sideways.saturating_sub(SIDE);
        }
        self.refresh()
    }

    /// # Errors
    /// If the log cannot be read.
    pub fn down(&mut self, n: usize) -> Result<()> {
        let ahead = self.rows_from(self.top, n + self.size.1)?;
        if ahead.len() >= n + self.size.1 {
            self.top = ahead[n].place;
            self.following = false;
        } else {
            self.following = true;
        }
        self.refresh()
    }

    /// # Errors
    /// If the log cannot be read.
    pub fn up(&mut self, n: usize) -> Result<()> {
        if self.top == Position::default() {
            return Ok(());
        }
        self.top = self.rows_before(self.top, n)?.first().map_or(Position::default(), |r| r.place);
        self.following = false;
        self.refresh()
    }

    /// Rows of a page: one stays in sight.
    pub fn page(&self) -> usize {
        self.size.1.saturating_sub(1).max(1)
    }

    /// # Errors
    /// If the log cannot be read.
    pub fn home(&mut self) -> Result<()> {
        (self.top, self.following) = (Position::default(), false);
        self.refresh()
    }

    /// # Errors
    /// If the log cannot be read.
    pub fn end(&mut self) -> Result<()> {
        self.following = true;
        self.refresh()
    }

    /// Begins to look for the needle: from the window's first line on, or from the last hit.
    pub fn find(&mut self, forward: bool) {
        let count = self.log.count(self.filter);
        let from = match (self.hit, forward) {
            (Some(hit), true) => (hit + 1) % count.max(1),
            (Some(hit), false) => hit.checked_sub(1).unwrap_or(count.saturating_sub(1)),
            (None, true) => self.top.line,
            (None, false) => self.rows.last().map_or(0, |r| r.place.line),
        };
        self.search = Some(Search::new(&self.needle, self.filter, from, forward));
    }

    /// Looks for something new.
    pub fn find_new(&mut self, text: &str) {
        self.needle = text.to_lowercase();
        self.hit = None;
        self.find(true);
    }

    /// Whether a search is under way.
    pub fn searching(&self) -> bool {
        self.search.is_some()
    }

    /// Gives the search up.
    pub fn stop_searching(&mut self) {
        self.search = None;
    }

    /// Goes on with the search; the window moves to what it finds.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn go_on(&mut self) -> Result<Hit> {
        let Some(search) = &mut self.search else { return Ok(Hit::No) };
        let hit = self.log.search(search)?;
        if hit != Hit::NotYet {
            self.search = None;
        }
        if let Hit::Line(line) = hit {
            self.hit = Some(line);
            if !self.rows.iter().any(|r| r.place.line == line) {
                let above = self.size.1 as u64 / 3;
                self.top = Position { line: line.saturating_sub(above), row: 0 };
                self.following = false;
            }
            // A window that moved on is no place to read what was found.
            if self.following {
                self.top = self.rows.first().map_or(self.top, |r| r.place);
                self.following = false;
            }
            self.refresh()?;
        }
        Ok(hit)
    }

    /// What stands above and below the rows; nothing if all of it is seen. While it follows what
    /// runs, the upper one has no figure: it would change with every line.
    pub fn markers(&self, live: bool) -> Option<(String, String)> {
        let (first, last) = (self.rows.first()?, self.rows.last()?);
        let above = first.place.line.max(u64::from(first.place.row > 0));
        if above == 0 && self.at_end(last) {
            return None;
        }
        let top = match above {
            0 => "[TOP]".to_owned(),
            _ if live && self.following => "[MORE...]".to_owned(),
            n => format!("[MORE...{n}]"),
        };
        let bottom = if self.at_end(last) {
            "[BOTTOM]".to_owned()
        } else {
            format!("[MORE...{}]", self.below.max(1))
        };
        Some((top, bottom))
    }

    fn at_end(&self, last: &Row) -> bool {
        self.following || (last.place.line + 1 >= self.log.count(self.filter) && self.below == 0)
    }

    fn count_below(&mut self) {
        let rest = |pane: &Self| -> Option<u64> {
            let last = pane.rows.last()?;
            let lines = pane.log.count(pane.filter).saturating_sub(last.place.line + 1);
            let cut = pane
                .rows_from(last.place, 2)
                .ok()?
                .get(1)
                .is_some_and(|next| next.place.line == last.place.line);
            Some(lines + u64::from(cut))
        };
        self.below = rest(self).unwrap_or(0);
    }

    fn refresh(&mut self) -> Result<()> {
        self.show()?;
        self.count_below();
        Ok(())
    }

    fn show(&mut self) -> Result<()> {
        let end = Position { line: self.log.count(self.filter), row: 0 };
        if !self.following {
            self.rows = self.rows_from(self.top, self.size.1)?;
            // A window that is not full stands at the end.
            if self.rows.len() == self.size.1 || (self.still && self.top == Position::default()) {
                return Ok(());
            }
            self.following = true;
        }
        self.top =
            self.rows_before(end, self.size.1)?.first().map_or(Position::default(), |r| r.place);
        self.rows = self.rows_from(self.top, self.size.1)?;
        Ok(())
    }

    fn rows_from(&self, place: Position, n: usize) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        for (number, line) in (place.line..).zip(self.log.lines(self.filter, place.line, n)?) {
            let skip = if number == place.line { place.row } else { 0 };
            found.extend(self.rows_of(number, line.class, &line.text).into_iter().skip(skip));
            if found.len() >= n {
                break;
            }
        }
        found.truncate(n);
        Ok(found)
    }

    fn rows_before(&self, place: Position, n: usize) -> Result<Vec<Row>> {
        let first = place.line.saturating_sub(n as u64);
        let count = usize::try_from(place.line - first).unwrap_or(0) + usize::from(place.row > 0);
        let mut found = Vec::new();
        for (number, line) in (first..).zip(self.log.lines(self.filter, first, count)?) {
            let most = if number == place.line { place.row } else { usize::MAX };
            found.extend(self.rows_of(number, line.class, &line.text).into_iter().take(most));
        }
        Ok(found.split_off(found.len().saturating_sub(n)))
    }

    fn rows_of(&self, line: u64, class: Class, text: &str) -> Vec<Row> {
        let text = expand_tabs(text);
        let width = self.size.0.saturating_sub(if class.is_stderr() { MARK } else { 0 }).max(1);
        let needle = if self.hit == Some(line) { self.needle.as_str() } else { "" };
        let row = |row: usize, text: String, more: (bool, bool)| {
            let found = matches(&text, needle)
                .map(|r| (rows::columns(&text[..r.start]), rows::columns(&text[r])));
            Row { place: Position { line, row }, class, text, more, found }
        };
        if self.wrap {
            let pieces = rows::wrapped(&text, width);
            return pieces
                .into_iter()
                .enumerate()
                .map(|(n, piece)| row(n, text[piece].to_owned(), (false, false)))
                .collect();
        }
        let (seen, more) = rows::window(&text, self.sideways, width);
        vec![row(0, seen, (self.sideways > 0 && rows::columns(&text) > 0, more))]
    }
}
