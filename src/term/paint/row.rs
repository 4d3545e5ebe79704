//! One row of cells.

use crate::term::paint::grid::{BLANK, Cell, Glyph, Look, UNKNOWN};
use crate::term::paint::screen::Screen;

/// Makes row `y` show `next`. Two ways are tried where both can be right: writing what differs, and
/// emptying the row first.
pub(super) fn paint_row(screen: &mut Screen, y: usize, next: &[Cell]) {
    let mut next = next.to_vec();
    let bottom = y + 1 == screen.height;
    if bottom {
        keep_off_the_corner(screen.row(y), &mut next);
    }
    if screen.row(y) == next {
        return;
    }
    forget_split_wide(screen.row_mut(y), &next);
    let (before, cells, from) = (screen.state, screen.row(y).to_vec(), screen.out.len());
    write_differences(screen, y, &next);
    let first = (0..next.len()).find(|x| cells[*x] != next[*x]).unwrap_or(0);
    let corner = bottom && next.last().is_some_and(|c| *c != BLANK);
    let worth = !corner
        && screen.out.len() - from > 8
        && cells[first..].iter().any(|c| *c != BLANK)
        && cells[first].glyph != Glyph::Half;
    if worth {
        let (state, bytes) = (screen.state, screen.out.split_off(from));
        screen.state = before;
        screen.row_mut(y).copy_from_slice(&cells);
        screen.erase_line(first, y);
        write_differences(screen, y, &next);
        if screen.out.len() - from >= bytes.len() {
            screen.state = state;
            screen.out.truncate(from);
            screen.out.extend_from_slice(&bytes);
            screen.row_mut(y).copy_from_slice(&next);
        }
    }
}

/// The bottom-right cell is empty, whatever was drawn there.
pub(super) fn blank_the_corner(cells: &mut [Cell]) {
    if let [.., before, last] = cells {
        if last.glyph == Glyph::Half {
            *before = BLANK;
        }
        *last = BLANK;
    }
}

/// Writing the last cell would scroll the screen of some terminals: it stays as it is, or becomes
/// empty.
fn keep_off_the_corner(row: &[Cell], next: &mut [Cell]) {
    let last = next.len() - 1;
    let half = next[last].glyph == Glyph::Half && last > 0;
    if row[last] != next[last] || (half && row[last - 1] != next[last - 1]) {
        next[last] = BLANK;
        if half {
            next[last - 1] = BLANK;
        }
    }
}

/// What is left of a wide character of which one half is overwritten depends on the terminal.
fn forget_split_wide(row: &mut [Cell], next: &[Cell]) {
    for x in 0..row.len() - 1 {
        if matches!(row[x].glyph, Glyph::Wide(_))
            && (row[x] != next[x] || row[x + 1] != next[x + 1])
        {
            row[x] = UNKNOWN;
            row[x + 1] = UNKNOWN;
        }
    }
}

fn write_differences(screen: &mut Screen, y: usize, next: &[Cell]) {
    let tail = next.iter().rposition(|c| *c != BLANK).map_or(0, |x| x + 1);
    let mut x = 0;
    while x < next.len() {
        if screen.row(y)[x] == next[x] {
            x += 1;
        } else if x >= tail && worth_erasing(screen, y, x) {
            screen.erase_line(x, y);
            return;
        } else {
            screen.write_cell(x, y, next[x]);
            x += if matches!(next[x].glyph, Glyph::Wide(_)) { 2 } else { 1 };
        }
    }
}

/// All that follows is blank: erasing costs three bytes, and three more to have a pen without a
/// look.
fn worth_erasing(screen: &Screen, y: usize, x: usize) -> bool {
    let last = screen.row(y).iter().rposition(|c| *c != BLANK).unwrap_or(x);
    let pen = if screen.pen() == Look::default() { 0 } else { 3 };
    let forbidden = y + 1 == screen.height && last + 1 == screen.width;
    last + 1 - x > 3 + pen || forbidden
}
