//! Find in what scrolls: `/` and a text, then `n` for the next one; capital letters do not matter,
//! the search goes on from the top.

use tui_input::{Input, InputRequest};

use crate::term::key::Key;
use crate::theme::Role;
use crate::tui::canvas::Canvas;

/// What is searched for.
#[derive(Clone, Debug, Default)]
pub struct Find {
    typing: Option<Input>,
    needle: String,
    /// The last search found nothing; said until the next key.
    missed: bool,
}

/// What a key did.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It was no key for the search.
    NotMine,
    /// The text is still being typed, or the search was given up.
    Typing,
    /// Search for this, from the line after the current one on.
    Next(String),
}

impl Find {
    pub fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    /// Nothing was found.
    pub fn miss(&mut self) {
        self.missed = true;
    }

    pub fn key(&mut self, key: Key) -> Found {
        self.missed = false;
        let Some(input) = &mut self.typing else {
            return match key {
                Key::Char('/') => {
                    self.typing = Some(Input::default());
                    Found::Typing
                }
                Key::Char('n') if !self.needle.is_empty() => Found::Next(self.needle.clone()),
                Key::Char('n') => Found::Typing,
                _ => Found::NotMine,
            };
        };
        match key {
            Key::Enter => {
                let typed = input.value().to_lowercase();
                self.typing = None;
                // An empty text searches for the last one again.
                if !typed.is_empty() {
                    self.needle = typed;
                }
                return if self.needle.is_empty() {
                    Found::Typing
                } else {
                    Found::Next(self.needle.clone())
                };
            }
            Key::F(3) | Key::Esc => self.typing = None,
            Key::F(_) => return Found::NotMine,
            _ => {
                if let Some(request) = edit(key) {
                    input.handle(request);
                }
            }
        }
        Found::Typing
    }

    /// The line that asks for the text.
    pub fn draw(&self, c: &mut Canvas<'_>, x: u16, y: u16, width: u16) {
        if self.missed {
            c.put_within(x, y, width, &format!("Not found: {}", self.needle), Role::Warning);
        }
        let Some(input) = &self.typing else { return };
        let took = c.put(x, y, "Find: ", Role::Label);
        let room = usize::from(width.saturating_sub(took + 1));
        let start = input.visual_scroll(room);
        let shown: String = input.value().chars().skip(start).collect();
        let cut = c.put_within(x + took, y, room as u16, &shown, Role::Value);
        for blank in took + cut..width {
            c.put(x + blank, y, " ", Role::Text);
        }
        let before: String =
            input.value().chars().skip(start).take(input.cursor().saturating_sub(start)).collect();
        c.place_cursor(x + took + crate::tui::canvas::columns(&before), y);
    }
}

/// The first of `lines` after `from` (going round) that has `needle`, which is in lower case.
pub fn next<S: AsRef<str>>(lines: &[S], from: usize, needle: &str) -> Option<usize> {
    let all = lines.len();
    (1..=all).map(|n| (from + n) % all).find(|n| lines[*n].as_ref().to_lowercase().contains(needle))
}

/// What a key means where text is edited.
pub fn edit(key: Key) -> Option<InputRequest> {
    Some(match key {
        Key::Char(c) => InputRequest::InsertChar(c),
        Key::Left => InputRequest::GoToPrevChar,
        Key::Right => InputRequest::GoToNextChar,
        Key::Backspace => InputRequest::DeletePrevChar,
        Key::Delete | Key::Ctrl('x') => InputRequest::DeleteNextChar,
        Key::Ctrl('k') => InputRequest::DeleteTillEnd,
        Key::Ctrl('u') => InputRequest::DeleteLine,
        Key::Ctrl('w') => InputRequest::DeletePrevWord,
        Key::Ctrl('a') | Key::Home => InputRequest::GoToStart,
        Key::Ctrl('e') | Key::End => InputRequest::GoToEnd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_round_and_round() {
        let lines = ["One", "two", "ONE more", ""];
        assert_eq!(next(&lines, 0, "one"), Some(2));
        assert_eq!(next(&lines, 2, "one"), Some(0));
        assert_eq!(next(&lines, 0, "no"), None);
        assert_eq!(next::<&str>(&[], 0, "x"), None);
    }

    #[test]
    fn asks_for_the_text() {
        let mut find = Find::default();
        assert_eq!(find.key(Key::Char('n')), Found::Typing);
        assert_eq!(find.key(Key::Char('x')), Found::NotMine);
        for key in [Key::Char('/'), Key::Char('N'), Key::Char('x'), Key::Backspace] {
            assert_eq!(find.key(key), Found::Typing);
        }
        assert_eq!(find.key(Key::Enter), Found::Next("n".into()));
        assert_eq!(find.key(Key::Char('n')), Found::Next("n".into()));
        find.key(Key::Char('/'));
        assert!(find.is_typing());
        find.key(Key::F(3));
        assert!(!find.is_typing());
    }
}
