//! What is seen of the model: the last whole screen of the stack, and the pop-ups on top of it.

use crossterm::event::KeyCode;
use ratatui::Frame;

use crate::theme::Role;
use crate::tui::canvas::Canvas;
use crate::tui::keys;
use crate::tui::model::Model;
use crate::tui::screens::small;

/// Esc was pressed, and a digit makes it a function key.
const ESCAPE: &str = "Esc-";

/// Draws the model on ratatui's frame.
pub fn draw_frame(model: &Model, frame: &mut Frame<'_>) {
    let mut canvas = Canvas::new(frame.buffer_mut(), &model.theme);
    view(model, &mut canvas);
    if let Some(cursor) = canvas.cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Draws the model on an empty canvas.
pub fn view(model: &Model, c: &mut Canvas<'_>) {
    // A theme with a background of its own covers the whole screen with it.
    if c.theme.style(Role::Text).bg.is_some() {
        c.fill(c.area, Role::Text);
    }
    if small::is_small((c.width(), c.height())) {
        return small::view(c, &keys::name(KeyCode::F(10), model.key_names));
    }
    let shown: Vec<_> = model.stack.iter().filter(|l| l.is_shown()).collect();
    let base = shown.iter().rposition(|l| !l.is_popup()).unwrap_or(0);
    let last = shown.len().saturating_sub(1);
    for (n, layer) in shown.iter().enumerate().skip(base) {
        if n > base {
            // Only the top one may have the cursor.
            c.cursor = None;
        }
        layer.view(c, model.key_names, n == last);
    }
    if model.escape {
        // The last cell of the screen is never written: some terminals scroll then.
        let (x, y) =
            (c.width().saturating_sub(ESCAPE.len() as u16 + 1), c.height().saturating_sub(1));
        c.draw_text(x, y, ESCAPE, Role::Mark);
    }
}
