//! Frames to bytes.
//!
//! A drawn screen is turned into `grid` cells and compared with what the terminal shows (`screen`).
//! Several ways to get there are tried and the shortest goes out: writing what differs from top to
//! bottom or from bottom to top, moving rows (`scroll`), clearing the screen first. On a 9600-baud
//! line a byte takes a millisecond, the trying a few hundred microseconds.

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

use ratatui::buffer::Buffer;

use crate::term::kind::Terminal;
use grid::{BLANK, Cell};
use screen::Screen;
use scroll::Scroll;

/// Knows what the screen shows, and says how to make it show something else.
#[derive(Clone, Debug)]
pub struct Painter {
    terminal: Terminal,
    utf8: bool,
    /// None: nothing is known.
    screen: Option<Screen>,
    settled: bool,
    wanted: Wanted,
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
const FLICKER: usize = 24;

impl Painter {
    /// `utf8`: as [`Terminal::speaks_utf8`] says.
    pub fn new(terminal: Terminal, utf8: bool) -> Self {
        Self { terminal, utf8, screen: None, settled: false, wanted: Wanted::default() }
    }

    /// All of [`Painter::frame_within`] at once.
    #[cfg(test)]
    pub fn frame(&mut self, next: &Buffer, cursor: Option<(u16, u16)>) -> Vec<u8> {
        self.frame_within(next, cursor, usize::MAX)
    }

    /// The bytes that turn what is on the screen into `next`, with the cursor at `cursor` (column,
    /// row); None: the cursor is hidden where that can be done, and left where it is elsewhere.
    /// Nothing changed: no bytes. The bottom-right cell is never written.
    ///
    /// Not more than about `budget` bytes (a row more at most): rows that this frame changed before
    /// those that earlier ones left, the row of the cursor first, then as many others as there is
    /// room for. See [`Painter::settled`].
    pub fn frame_within(
        &mut self,
        next: &Buffer,
        cursor: Option<(u16, u16)>,
        budget: usize,
    ) -> Vec<u8> {
        let (width, height) = (usize::from(next.area.width), usize::from(next.area.height));
        if width == 0 || height == 0 || self.terminal.dumb {
            return vec![];
        }
        let mut cells = grid::cells(next, &self.terminal, self.utf8);
        row::leave_the_corner(&mut cells);
        let cursor = cursor.map(|(x, y)| (usize::from(x), usize::from(y)));
        self.wanted.note(&cells, width);
        let (screen, known) =
            match self.screen.take().filter(|s| (s.width, s.height) == (width, height)) {
                Some(screen) => (screen, true),
                None => (Screen::fresh(&self.terminal, width, height), false),
            };
        let mut best: Option<(usize, Plan, Screen)> = None;
        for plan in plans(&screen, &cells, known, self.terminal.regions) {
            let (tried, _) = render(&screen, &cells, plan, cursor, usize::MAX, &[]);
            // Of two that are as short: the one after which the pen has no look, which the next
            // frame begins with.
            let pen = usize::from(tried.pen() != grid::BLANK.look);
            let dear = 2 * (tried.out.len() + if plan == Plan::Clear { FLICKER } else { 0 }) + pen;
            if best.as_ref().is_none_or(|(least, ..)| dear < *least) {
                best = Some((dear, plan, tried));
            }
        }
        let Some((_, plan, whole)) = best else { return vec![] };
        let (mut screen, settled) = if whole.out.len() <= budget {
            (whole, true)
        } else if known && self.wanted.mixed(&screen, &cells) {
            render(&screen, &cells, Plan::Newest, cursor, budget, &self.wanted.since)
        } else {
            render(&screen, &cells, plan, cursor, budget, &[])
        };
        self.settled = settled;
        let bytes = std::mem::take(&mut screen.out);
        self.screen = Some(screen);
        bytes
    }

    /// Whether the last frame is on the screen as a whole; if not, call again when the line has
    /// room.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// Nothing is known of the screen any more: the next frame clears and paints it anew (Ctrl-L,
    /// after a shell, resized).
    pub fn forget(&mut self) {
        self.screen = None;
        self.settled = false;
    }

    /// The bytes that give the screen back; [`crate::term::tty::Tty`] sends them by itself.
    #[cfg(test)]
    pub fn leave(&mut self) -> Vec<u8> {
        let rows = self.screen.as_ref().map_or(24, |s| s.height);
        self.forget();
        self.terminal.leave(u16::try_from(rows).unwrap_or(24))
    }
}

fn plans(screen: &Screen, next: &[Cell], known: bool, regions: bool) -> Vec<Plan> {
    let mut plans = vec![Plan::Down];
    if known && screen.cells != next {
        plans.push(Plan::Up);
        if regions {
            plans.extend(scroll::find(screen, next).map(Plan::Scroll));
        }
        plans.push(Plan::Clear);
    }
    plans
}

/// Paints on a copy. False: the budget was used up before all was painted.
fn render(
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
        Plan::Scroll(scroll) => whole = scroll::run(&mut screen, scroll, next, budget),
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
        row::paint(&mut screen, y, &next[y * width..(y + 1) * width]);
    }
    screen.point(cursor);
    (screen, whole)
}
