//! The terminal is too small: what there is, what is needed. Everything is kept until it grows.

use crate::theme::Role;
use crate::tui::canvas::Canvas;

/// SMIT's screens are made for 80x24; a console with a status line of screen or tmux has a row
/// less, and nothing is lost down to this.
pub const NEEDED: (u16, u16) = (80, 20);

/// Whether a terminal of this size is too small.
pub fn is_small(size: (u16, u16)) -> bool {
    size.0 < NEEDED.0 || size.1 < NEEDED.1
}

/// Says what size is needed; `exit` is the name of the key that leaves.
pub fn view(c: &mut Canvas<'_>, exit: &str) {
    let (width, height) = (c.width(), c.height());
    let lines = [
        "The terminal is too small.".to_owned(),
        format!("It is {width}x{height}; at least {}x{} is needed.", NEEDED.0, NEEDED.1),
        "Make it larger; nothing is lost.".to_owned(),
        "altdisk --plain works at any size.".to_owned(),
        format!("{exit}=Exit"),
    ];
    let top = height.saturating_sub(lines.len() as u16) / 2;
    for (n, line) in lines.iter().enumerate() {
        c.draw_centred(top + n as u16, line, if n == 0 { Role::Warning } else { Role::Text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_needed() {
        assert!(is_small((79, 24)) && is_small((80, 19)) && !is_small((80, 20)));
        crate::testing::golden::check("small", 60, 16, |c| view(c, "F10"));
        // It must not fail however small it is.
        crate::testing::golden::drawn(3, 1, |c| view(c, "F10"));
    }
}
