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

/// Cells that a region costs beside what is written in it.
const SETTING: isize = 16;

/// The move that saves most, if any does. What is counted are cells that differ; the painter tries it before it believes it.
pub(super) fn find(screen: &Screen, next: &[Cell]) -> Option<Scroll> {
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
            let sum = sum - coming.map(|y| empty[y] - old[y]).sum::<isize>() - SETTING - 2 * isize::try_from(by).unwrap_or(0);
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
    let (mut differ, mut written) = (0, 0);
    for (a, b) in now.iter().zip(next) {
        differ += isize::from(a != b);
        written += isize::from(*b != BLANK);
    }
    // Erasing the row and writing it may be less.
    differ.min(written + 3)
}

/// Moves the rows, and writes those that come in as they do: each takes one line feed and no cursor motion.
/// False: `budget` bytes were used up before all had come in.
pub(super) fn run(screen: &mut Screen, scroll: Scroll, next: &[Cell], budget: usize) -> bool {
    let Scroll { top, bottom, by, up } = scroll;
    let width = screen.width;
    let part = top > 0 || bottom + 1 < screen.height;
    if part {
        screen.region(top, bottom);
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
        row::paint(screen, at, &next[of * width..(of + 1) * width]);
    }
    if part {
        screen.whole();
    }
    whole
}
