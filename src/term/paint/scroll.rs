//! Finding out that rows have moved: a log that grew, a list that was scrolled.

use crate::term::paint::grid::{BLANK, Cell};
use crate::term::paint::row;
use crate::term::paint::screen::Screen;

/// Rows `top` to `bottom` move by `by` rows, up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scroll {
    pub(super) top: usize,
    pub(super) bottom: usize,
    pub(super) by: usize,
    pub(super) up: bool,
}

/// The move that saves most, if any seems to. It is only estimated here; the painter tries it
/// before it believes it.
pub(super) fn find_scroll(screen: &Screen, next: &[Cell]) -> Option<Scroll> {
    let (width, height) = (screen.width, screen.height);
    let row = |y: usize| &next[y * width..(y + 1) * width];
    let blank = vec![BLANK; width];
    let old: Vec<isize> = (0..height).map(|y| cost(screen.row(y), row(y))).collect();
    if old.iter().filter(|c| **c > 0).count() < 3 {
        return None;
    }
    let empty: Vec<isize> = (0..height).map(|y| cost(&blank, row(y))).collect();
    let mut best: Option<(isize, Scroll)> = None;
    for by in 1..height {
        for up in [true, false] {
            let gain = |y: usize| {
                let from = if up { y + by } else { y };
                let to = if up { y } else { y + by };
                old[to] - cost(screen.row(from), row(to))
            };
            let Some((sum, first, last)) = best_run((0..height - by).map(gain)) else { continue };
            let (top, bottom) = (first, last + by);
            let coming = if up { last + 1..bottom + 1 } else { top..top + by };
            let sum = sum - coming.map(|y| empty[y] - old[y]).sum::<isize>();
            if sum > 0 && best.is_none_or(|(b, _)| sum > b) {
                best = Some((sum, Scroll { top, bottom, by, up }));
            }
        }
    }
    best.map(|(_, scroll)| scroll)
}

/// The run with the greatest sum, with where it begins and ends.
fn best_run(gains: impl Iterator<Item = isize>) -> Option<(isize, usize, usize)> {
    let mut best: Option<(isize, usize, usize)> = None;
    let (mut sum, mut from) = (0, 0);
    for (y, gain) in gains.enumerate() {
        if sum <= 0 {
            (sum, from) = (0, y);
        }
        sum += gain;
        if sum > 0 && best.is_none_or(|(b, ..)| sum > b) {
            best = Some((sum, from, y));
        }
    }
    best
}

fn cost(now: &[Cell], next: &[Cell]) -> isize {
    /// What it takes to get over cells that stay.
    const SKIP_COST: isize = 4;
    let (mut cost, mut written, mut same) = (0, 0, SKIP_COST);
    for (a, b) in now.iter().zip(next) {
        written += isize::from(*b != BLANK);
        if a == b {
            same += 1;
        } else {
            cost += 1 + same.min(SKIP_COST);
            same = 0;
        }
    }
    // Erasing the row and writing it may be less.
    cost.min(written + SKIP_COST)
}

/// Moves the rows, and writes those that come in as they do: each takes one line feed and no cursor
/// motion. False: `budget` bytes were used up before all had come in.
pub(super) fn run_scroll(
    screen: &mut Screen,
    scroll: Scroll,
    next: &[Cell],
    budget: usize,
) -> bool {
    let Scroll { top, bottom, by, up } = scroll;
    let width = screen.width;
    let part = top > 0 || bottom + 1 < screen.height;
    if part {
        screen.set_region(top, bottom);
    }
    let mut whole = true;
    for n in 0..by {
        if n > 0 && screen.out.len() >= budget {
            whole = false;
            break;
        }
        if up {
            screen.scroll_up(top, bottom);
        } else {
            screen.scroll_down(top, bottom);
        }
        let (at, of) = if up { (bottom, bottom + 1 + n - by) } else { (top, top + by - 1 - n) };
        row::paint_row(screen, at, &next[of * width..(of + 1) * width]);
    }
    if part {
        screen.reset_region();
    }
    whole
}
