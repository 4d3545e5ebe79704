//! ratatui's backend: frames become the fewest bytes that display them.
//!
//! ratatui hands over the cells that a frame has changed (`backend`). The whole frame is turned
//! into the cells that this terminal can display (`grid`) and compared with what it displays now
//! (`screen`). Several ways to get there are tried and the shortest is sent: to write what differs
//! from top to bottom or from bottom to top, to scroll rows (`scroll`), to clear the screen first.
//! On a 9600-baud line a byte takes a millisecond; the comparison takes a few hundred microseconds.
//! crossterm's own backend sends ten times as much for a line of the log.

mod backend;
#[cfg(test)]
#[path = "../../../tests/pty/emulator.rs"]
#[allow(dead_code)] // its other user, the kit of the integration tests, needs more of it
mod emulator;
#[cfg(test)]
mod figures;
mod grid;
mod row;
mod screen;
mod scroll;
#[cfg(test)]
mod terminfo;
#[cfg(test)]
mod tests;

use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::term::capabilities::{Capabilities, ansi};
use grid::{BLANK, Cell};
use screen::Screen;
use scroll::Scroll;

/// Knows what the terminal displays, and finds the bytes that change it.
#[derive(Clone, Debug)]
pub struct Painter {
    capabilities: Capabilities,
    utf8: bool,
    /// The frame as ratatui has drawn it, and its cursor.
    drawn: Buffer,
    cursor: Cursor,
    /// The screen as the terminal displays it; None: unknown.
    screen: Option<Screen>,
    is_flushed: bool,
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// Column and row.
    position: (u16, u16),
    visible: bool,
}

/// The frame that was asked for last, and for each row with which frame it became what it is.
#[derive(Clone, Debug, Default)]
struct Wanted {
    cells: Vec<Cell>,
    frame: u64,
    since: Vec<u64>,
}

impl Wanted {
    fn note(&mut self, next: &[Cell], width: usize) {
        self.frame += 1;
        if self.cells.len() != next.len() || self.since.len() != next.len() / width {
            self.since = vec![self.frame; next.len() / width];
        } else {
            for (y, (was, is)) in self.cells.chunks(width).zip(next.chunks(width)).enumerate() {
                if was != is {
                    self.since[y] = self.frame;
                }
            }
        }
        self.cells = next.to_vec();
    }

    /// Whether rows that are not on the screen yet were asked for with different frames: what came
    /// last is the answer to a key, and must not wait for the rest of what was there before it.
    fn mixed(&self, screen: &Screen, next: &[Cell]) -> bool {
        let width = screen.width;
        let mut left = (0..screen.height)
            .filter(|y| screen.row(*y) != &next[y * width..(y + 1) * width])
            .map(|y| self.since[y]);
        left.next().is_some_and(|first| left.any(|since| since != first))
    }
}

/// In which way a frame is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Down,
    Up,
    Scroll(Scroll),
    Clear,
    /// Rows that were asked for last go first.
    Newest,
}

/// Clearing flickers: it has to save this many bytes.
const FLICKER_COST: usize = 24;
/// Shorter frames are sent without the marks of a synchronised update, which take 16 bytes.
const MIN_SYNCHRONISED: usize = 128;

impl Painter {
    /// For a terminal of `width` columns and `height` rows. `utf8`: see
    /// [`Capabilities::output_is_utf8`].
    pub fn new(capabilities: Capabilities, utf8: bool, width: u16, height: u16) -> Self {
        Self {
            capabilities,
            utf8,
            drawn: Buffer::empty(Rect::new(0, 0, width, height)),
            cursor: Cursor::default(),
            screen: None,
            is_flushed: false,
            wanted: Wanted::default(),
        }
    }

    /// The terminal has another size. ratatui asks for it and draws the next frame for it.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.drawn = Buffer::empty(Rect::new(0, 0, width, height));
        self.invalidate();
    }

    /// The bytes that turn what the terminal displays into the frame that was drawn last; none if
    /// nothing has changed. The cursor is hidden if the frame has none and the terminal can hide
    /// it. The bottom-right cell is never written: some terminals would scroll.
    ///
    /// At most about `budget` bytes (a row more at most): rows that this frame changed before those
    /// that earlier ones left, the row of the cursor first, then as many others as there is room
    /// for. See [`Painter::is_flushed`].
    pub fn render_within(&mut self, budget: usize) -> Vec<u8> {
        let drawn = std::mem::take(&mut self.drawn);
        let cursor = self.cursor.visible.then_some(self.cursor.position);
        let bytes = self.render_buffer(&drawn, cursor, budget);
        self.drawn = drawn;
        bytes
    }

    /// All of a frame at once.
    #[cfg(test)]
    pub fn render(&mut self, next: &Buffer, cursor: Option<(u16, u16)>) -> Vec<u8> {
        self.render_buffer(next, cursor, usize::MAX)
    }

    fn render_buffer(
        &mut self,
        next: &Buffer,
        cursor: Option<(u16, u16)>,
        budget: usize,
    ) -> Vec<u8> {
        let (width, height) = (usize::from(next.area.width), usize::from(next.area.height));
        if width == 0 || height == 0 || self.capabilities.dumb {
            return vec![];
        }
        let mut cells = grid::cells(next, &self.capabilities, self.utf8);
        row::blank_the_corner(&mut cells);
        let cursor = cursor.map(|(x, y)| (usize::from(x), usize::from(y)));
        self.wanted.note(&cells, width);
        let (screen, known) =
            match self.screen.take().filter(|s| (s.width, s.height) == (width, height)) {
                Some(screen) => (screen, true),
                None => (Screen::cleared(&self.capabilities, width, height), false),
            };
        let mut best: Option<(usize, Plan, Screen)> = None;
        for plan in plans(&screen, &cells, known, self.capabilities.scroll_regions) {
            let (tried, _) = paint_plan(&screen, &cells, plan, cursor, usize::MAX, &[]);
            // Of two that are as short: the one after which the pen has no look, which the next
            // frame begins with.
            let pen = usize::from(tried.pen() != grid::BLANK.look);
            let dear =
                2 * (tried.out.len() + if plan == Plan::Clear { FLICKER_COST } else { 0 }) + pen;
            if best.as_ref().is_none_or(|(least, ..)| dear < *least) {
                best = Some((dear, plan, tried));
            }
        }
        let Some((_, plan, whole)) = best else { return vec![] };
        let (mut screen, is_flushed) = if whole.out.len() <= budget {
            (whole, true)
        } else if known && self.wanted.mixed(&screen, &cells) {
            paint_plan(&screen, &cells, Plan::Newest, cursor, budget, &self.wanted.since)
        } else {
            paint_plan(&screen, &cells, plan, cursor, budget, &[])
        };
        self.is_flushed = is_flushed;
        let bytes = std::mem::take(&mut screen.out);
        self.screen = Some(screen);
        let whole = is_flushed && bytes.len() >= MIN_SYNCHRONISED;
        if whole && self.capabilities.synchronised_update {
            [ansi(BeginSynchronizedUpdate), bytes, ansi(EndSynchronizedUpdate)].concat()
        } else {
            bytes
        }
    }

    /// Whether the terminal displays the last frame as a whole; if not, render again when the line
    /// has room.
    pub fn is_flushed(&self) -> bool {
        self.is_flushed
    }

    /// The screen is unknown now: the next rendering clears it and paints everything (Ctrl-L, after
    /// a shell, after a change of size).
    pub fn invalidate(&mut self) {
        self.screen = None;
        self.is_flushed = false;
    }

    /// The bytes that restore the screen; [`crate::term::tty::Tty`] sends them by itself.
    #[cfg(test)]
    pub fn restore(&mut self) -> Vec<u8> {
        let rows = self.screen.as_ref().map_or(24, |s| s.height);
        self.invalidate();
        self.capabilities.restore_sequence(u16::try_from(rows).unwrap_or(24))
    }
}

fn plans(screen: &Screen, next: &[Cell], known: bool, regions: bool) -> Vec<Plan> {
    let mut plans = vec![Plan::Down];
    if known && screen.cells != next {
        plans.push(Plan::Up);
        if regions {
            plans.extend(scroll::find_scroll(screen, next).map(Plan::Scroll));
        }
        plans.push(Plan::Clear);
    }
    plans
}

/// Paints on a copy. False: the budget was used up before all was painted.
fn paint_plan(
    screen: &Screen,
    next: &[Cell],
    plan: Plan,
    cursor: Option<(usize, usize)>,
    budget: usize,
    since: &[u64],
) -> (Screen, bool) {
    let mut screen = screen.clone();
    let mut whole = true;
    match plan {
        Plan::Clear => screen.erase_below(0),
        Plan::Scroll(scroll) => whole = scroll::run_scroll(&mut screen, scroll, next, budget),
        Plan::Down | Plan::Up | Plan::Newest => {}
    }
    let width = screen.width;
    let mut order: Vec<usize> = (0..screen.height).collect();
    if plan == Plan::Up {
        order.reverse();
    }
    if let Some((_, y)) = cursor.filter(|_| budget < usize::MAX) {
        order.sort_by_key(|row| *row != y);
    }
    if plan == Plan::Newest {
        order.sort_by_key(|row| std::cmp::Reverse(since.get(*row)));
    }
    // Below this row all is to be empty: one sequence may do for many rows.
    let end = next.iter().rposition(|c| *c != BLANK).map_or(0, |at| at / width + 1);
    let full =
        |rows: &[Cell]| rows.chunks(width).filter(|row| row.iter().any(|c| *c != BLANK)).count();
    for y in order {
        if !whole || screen.out.len() >= budget {
            whole = whole && screen.cells == next;
            break;
        }
        if y >= end && full(&screen.cells[y * width..]) > 1 {
            screen.erase_below(y);
        }
        row::paint_row(&mut screen, y, &next[y * width..(y + 1) * width]);
    }
    screen.place_cursor(cursor);
    (screen, whole)
}
