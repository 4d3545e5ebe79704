//! Find in what scrolls: `/` and a text, then `n` for the next one; capital letters do not matter,
//! the search goes on from the top.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};

use crate::theme::Role;
use crate::tui::canvas::{Canvas, columns};
use crate::tui::screens::Insertion;

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
    /// Whether the text to search for is being typed.
    pub fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    /// Nothing was found.
    pub fn miss(&mut self) {
        self.missed = true;
    }

    /// Takes a key, if it belongs to the search.
    pub fn key(&mut self, key: KeyEvent) -> Found {
        self.missed = false;
        let Some(input) = &mut self.typing else {
            return match key.code {
                KeyCode::Char('/') => {
                    self.typing = Some(Input::default());
                    Found::Typing
                }
                KeyCode::Char('n') if !self.needle.is_empty() => Found::Next(self.needle.clone()),
                KeyCode::Char('n') => Found::Typing,
                _ => Found::NotMine,
            };
        };
        match key.code {
            KeyCode::Enter => {
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
            KeyCode::F(3) | KeyCode::Esc => self.typing = None,
            KeyCode::F(_) => return Found::NotMine,
            _ => {
                if let Some(request) = edit(key) {
                    input.handle(request);
                }
            }
        }
        Found::Typing
    }

    /// Puts a line of pasted text into the text to search for.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        match &mut self.typing {
            Some(input) => insert_line(input, text),
            None => Insertion::NoField,
        }
    }

    /// The line that asks for the text.
    pub fn draw(&self, c: &mut Canvas<'_>, x: u16, y: u16, width: u16) {
        if self.missed {
            c.draw_text_within(x, y, width, &format!("Not found: {}", self.needle), Role::Warning);
        }
        let Some(input) = &self.typing else { return };
        let took = c.draw_text(x, y, "Find: ", Role::Label);
        let room = usize::from(width.saturating_sub(took + 1));
        let start = input.visual_scroll(room);
        let shown: String = input.value().chars().skip(start).collect();
        let cut = c.draw_text_within(x + took, y, room as u16, &shown, Role::Value);
        let rest = took + cut;
        c.fill(Rect::new(x + rest, y, width.saturating_sub(rest), 1), Role::Text);
        let before: String =
            input.value().chars().skip(start).take(input.cursor().saturating_sub(start)).collect();
        c.place_cursor(x + took + columns(&before), y);
    }
}

/// Puts a line of pasted text into an input that takes any printable character.
pub fn insert_line(input: &mut Input, text: &str) -> Insertion {
    if text.contains(char::is_control) {
        return Insertion::Refused;
    }
    for c in text.chars() {
        input.handle(InputRequest::InsertChar(c));
    }
    Insertion::Done
}

/// The first of `lines` after `from` (going round) that has `needle`, which is in lower case.
pub fn next<S: AsRef<str>>(lines: &[S], from: usize, needle: &str) -> Option<usize> {
    let all = lines.len();
    (1..=all).map(|n| (from + n) % all).find(|n| lines[*n].as_ref().to_lowercase().contains(needle))
}

/// The effect of a key where text is edited.
pub fn edit(key: KeyEvent) -> Option<InputRequest> {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('x') if ctrl => InputRequest::DeleteNextChar,
        KeyCode::Char('k') if ctrl => InputRequest::DeleteTillEnd,
        KeyCode::Char('u') if ctrl => InputRequest::DeleteLine,
        KeyCode::Char('w') if ctrl => InputRequest::DeletePrevWord,
        KeyCode::Char('a') if ctrl => InputRequest::GoToStart,
        KeyCode::Char('e') if ctrl => InputRequest::GoToEnd,
        KeyCode::Char(_) if ctrl => return None,
        KeyCode::Char(c) => InputRequest::InsertChar(c),
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
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
        assert_eq!(find.key(KeyCode::Char('n').into()), Found::Typing);
        assert_eq!(find.key(KeyCode::Char('x').into()), Found::NotMine);
        for key in [KeyCode::Char('/'), KeyCode::Char('N'), KeyCode::Char('x'), KeyCode::Backspace]
        {
            assert_eq!(find.key(key.into()), Found::Typing);
        }
        assert_eq!(find.key(KeyCode::Enter.into()), Found::Next("n".into()));
        assert_eq!(find.key(KeyCode::Char('n').into()), Found::Next("n".into()));
        find.key(KeyCode::Char('/').into());
        assert!(find.is_typing());
        find.key(KeyCode::F(3).into());
        assert!(!find.is_typing());
    }
}
