//! A command is asked something: please wait. Shown only if it takes a while; F3 gives it up.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use crate::theme::Role;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{self, KeyNames, Legend};
use crate::tui::popup::{self, fold};

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The question's number.
    pub token: u64,
    /// The command as it is shown.
    command: String,
    /// It takes long enough to be shown.
    pub slow: bool,
}

impl Wait {
    /// The question `token`, not shown yet.
    pub fn new(token: u64, command: String) -> Self {
        Self { token, command, slow: false }
    }

    /// The keys that work here.
    pub fn legend(&self) -> Legend {
        keys::entries([
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
            (KeyCode::F(10), "Exit"),
        ])
    }

    /// Draws the pop-up.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames) {
        let lines = fold(&self.command, popup::inner((c.width(), c.height())));
        let place = popup::layout((c.width(), c.height()), 1, lines.len(), &self.legend());
        popup::draw(
            c,
            place,
            "PLEASE WAIT",
            &["This command is running:"],
            (0, lines.len()),
            &self.legend(),
            key_names,
        );
        c.within(place.body, |c| {
            let rows = Rect::new(0, 0, c.width(), c.height());
            c.draw_lines(rows, lines.iter().map(|line| (line.as_str(), Role::Command)));
        });
    }
}
