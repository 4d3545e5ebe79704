//! A menu: its title, what to do, the items; the cursor skips what cannot be entered.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use crate::menu::model;
use crate::theme::Role;
use crate::tui::canvas::{Canvas, ListLine, scroll_markers};
use crate::tui::keys::{self, KeyNames, Legend};
use crate::tui::popup::follow;
use crate::tui::screens::Outcome;

const INSTRUCTION: &str = "Move cursor to desired item and press Enter.";
/// The first row and the first column of the items.
const FIRST: u16 = 4;
const COLUMN: u16 = 2;

/// A menu on the screen.
#[derive(Clone, Debug)]
pub struct Menu {
    pub menu: model::Menu,
    at: usize,
    top: usize,
    pub hint: Option<String>,
}

impl Menu {
    /// The menu with the cursor on its first item.
    pub fn new(menu: model::Menu) -> Self {
        let at = menu.items.iter().position(|i| i.goto.is_some()).unwrap_or(0);
        Self { menu, at, top: 0, hint: None }
    }

    /// The item that the cursor is on.
    pub fn item(&self) -> Option<&model::Item> {
        self.menu.items.get(self.at).filter(|i| i.goto.is_some())
    }

    /// Moves the cursor, or opens the item under it.
    pub fn key(&mut self, key: KeyEvent, size: (u16, u16)) -> Outcome {
        self.hint = None;
        let page = self.rows(size).saturating_sub(1).max(1);
        let last = self.menu.items.len().saturating_sub(1);
        match key.code {
            KeyCode::Up | KeyCode::BackTab => self.move_to(self.at.saturating_sub(1), false),
            KeyCode::Down | KeyCode::Tab => self.move_to((self.at + 1).min(last), true),
            KeyCode::PageUp => self.move_to(self.at.saturating_sub(page), false),
            KeyCode::PageDown => self.move_to((self.at + page).min(last), true),
            KeyCode::Home => self.move_to(0, true),
            KeyCode::End => self.move_to(last, false),
            KeyCode::Enter => {
                return self.item().and_then(|i| i.goto.clone()).map_or(Outcome::Bell, Outcome::Go);
            }
            _ => return Outcome::Bell,
        }
        Outcome::Stay
    }

    /// Moves to `to`, or the next item beyond it in that direction, or the nearest one before it.
    fn move_to(&mut self, to: usize, down: bool) {
        let items = &self.menu.items;
        let can = |n: &usize| items.get(*n).is_some_and(|i| i.goto.is_some());
        let after = (to..items.len()).find(can);
        let before = (0..=to).rev().find(can);
        let best = if down { after.or(before) } else { before.or(after) };
        self.at = best.unwrap_or(self.at);
    }

    /// Scrolls until the item under the cursor is shown.
    pub fn settle(&mut self, size: (u16, u16)) {
        let all = self.menu.items.len();
        // A heading above the first item is shown with it.
        let want = if self.menu.items[..self.at.min(all)].iter().all(|i| i.goto.is_none()) {
            0
        } else {
            self.at
        };
        self.top = follow(self.top, self.at, self.rows(size), all);
        self.top = if want == 0 { 0 } else { self.top };
    }

    /// How many items fit: a blank line stands before the legend, and the marker before that if
    /// they scroll.
    fn rows(&self, size: (u16, u16)) -> usize {
        let all = usize::from(
            size.1.saturating_sub(FIRST + 1 + keys::rows(&self.legend(), size.0, keys::WIDE)),
        );
        if self.menu.items.len() > all { all.saturating_sub(1).max(1) } else { all }
    }

    /// The keys that work here.
    pub fn legend(&self) -> Legend {
        keys::entries([
            (KeyCode::F(1), "Help"),
            (KeyCode::F(2), "Refresh"),
            (KeyCode::F(3), "Cancel"),
            (KeyCode::F(8), "Image"),
            (KeyCode::F(9), "Shell"),
            (KeyCode::F(10), "Exit"),
            (KeyCode::Enter, "Do"),
        ])
    }

    /// Draws the menu; `focused`: nothing is on top of it.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames, focused: bool) {
        c.draw_centred(0, &self.menu.title, Role::Title);
        c.draw_text(0, 2, INSTRUCTION, Role::Instruction);
        let legend = self.legend();
        let shown = self.rows((c.width(), c.height()));
        let line = |item: &model::Item| {
            let role = if item.goto.is_some() { Role::Text } else { Role::Heading };
            ListLine { indent: 0, text: item.text.clone(), role }
        };
        let lines: Vec<ListLine> = self.menu.items.iter().map(line).collect();
        let rows = Rect::new(0, FIRST, c.width(), shown as u16);
        c.draw_list(rows, (0, COLUMN), &lines, (self.top, self.item().map(|_| self.at)));
        let below = c.height().saturating_sub(keys::rows(&legend, c.width(), keys::WIDE));
        if let Some((above, under)) = scroll_markers(self.top, shown, self.menu.items.len()) {
            c.draw_text(0, FIRST - 1, &above, Role::Note);
            c.draw_text(0, FIRST + shown as u16, &under, Role::Note);
        }
        if let Some(hint) = &self.hint {
            let row = Rect::new(0, below.saturating_sub(1), c.width(), 1);
            c.fill(row, Role::Text);
            c.draw_text(0, row.y, hint, Role::Warning);
        }
        if focused {
            keys::draw(c, below, &legend, key_names, keys::WIDE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::model::{Item, Target};

    fn menu(lines: &[&str]) -> Menu {
        let item = |t: &&str| Item {
            text: t.trim_start_matches('-').into(),
            help: String::new(),
            goto: (!t.starts_with('-')).then(|| Target::Screen((*t).into())),
        };
        Menu::new(model::Menu {
            id: "m".into(),
            title: "Title".into(),
            help: String::new(),
            items: lines.iter().map(item).collect(),
        })
    }

    fn at(menu: &mut Menu, keys: &[KeyCode]) -> String {
        for key in keys {
            menu.key((*key).into(), (80, 24));
            menu.settle((80, 24));
        }
        menu.item().unwrap().text.clone()
    }

    #[test]
    fn the_cursor_skips_headings() {
        let mut m = menu(&["-Head", "a", "-", "b", "c", "-end"]);
        assert_eq!(at(&mut m, &[]), "a");
        assert_eq!(at(&mut m, &[KeyCode::Down]), "b");
        assert_eq!(at(&mut m, &[KeyCode::Down, KeyCode::Down]), "c");
        assert_eq!(at(&mut m, &[KeyCode::Up]), "b");
        assert_eq!(at(&mut m, &[KeyCode::Home]), "a");
        assert_eq!(at(&mut m, &[KeyCode::Up]), "a");
        assert_eq!(at(&mut m, &[KeyCode::End]), "c");
        assert_eq!(at(&mut m, &[KeyCode::PageUp]), "a");
        assert_eq!(m.key(KeyCode::Enter.into(), (80, 24)), Outcome::Go(Target::Screen("a".into())));
        assert_eq!(m.key(KeyCode::Char('x').into(), (80, 24)), Outcome::Bell);
        assert_eq!(menu(&[]).key(KeyCode::Enter.into(), (80, 24)), Outcome::Bell);
    }

    #[test]
    fn long_menus_scroll() {
        let names: Vec<String> = (0..40).map(|n| format!("item {n}")).collect();
        let mut m = menu(&names.iter().map(String::as_str).collect::<Vec<_>>());
        at(&mut m, &[KeyCode::PageDown]);
        crate::testing::golden::check("menu-long", 80, 24, |c| m.view(c, KeyNames::Escape, true));
        assert_eq!(at(&mut m, &[KeyCode::End]), "item 39");
        assert_eq!(m.top, 40 - 16);
    }
}
