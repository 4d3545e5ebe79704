//! One screen or pop-up of the stack, whichever it is.

use crossterm::event::KeyEvent;

use crate::tui::canvas::Canvas;
use crate::tui::keys::KeyNames;
use crate::tui::screens::edit::Edit;
use crate::tui::screens::form::Form;
use crate::tui::screens::list::List;
use crate::tui::screens::menu::Menu;
use crate::tui::screens::review::Review;
use crate::tui::screens::text::Text;
use crate::tui::screens::wait::Wait;
use crate::tui::screens::{Insertion, Outcome};
use crate::tui::status::Status;

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListPurpose {
    /// The field under the cursor of the form below.
    Field,
    Jobs,
    Themes,
}

/// A screen or a pop-up.
#[derive(Debug)]
pub enum Layer {
    Menu(Menu),
    Form(Box<Form>),
    List(List, ListPurpose),
    Text(Text),
    Review(Box<Review>),
    Edit(Box<Edit>),
    Wait(Wait),
    Status(Box<Status>),
}

impl Layer {
    /// Whether it stands on top of the screen below instead of covering it.
    pub fn is_popup(&self) -> bool {
        match self {
            Self::List(..) | Self::Edit(_) | Self::Wait(_) => true,
            Self::Text(text) => text.is_popup(),
            Self::Menu(_) | Self::Form(_) | Self::Review(_) | Self::Status(_) => false,
        }
    }

    /// Whether there is anything to see of it.
    pub fn is_shown(&self) -> bool {
        match self {
            Self::Form(form) => !form.ghost,
            Self::Wait(wait) => wait.slow,
            _ => true,
        }
    }

    /// A key that the update did not take for itself.
    pub fn key(&mut self, key: KeyEvent, size: (u16, u16)) -> Outcome {
        match self {
            Self::Menu(menu) => menu.key(key, size),
            Self::Form(form) => form.key(key, size),
            Self::List(list, _) => list.key(key, size),
            Self::Text(text) => text.key(key, size),
            Self::Review(review) => review.key(key, size),
            Self::Edit(edit) => edit.key(key),
            Self::Wait(_) | Self::Status(_) => Outcome::Bell,
        }
    }

    /// Takes a line of pasted text.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        match self {
            Self::Form(form) => form.insert_text(text),
            Self::Edit(edit) => edit.insert_text(text),
            Self::Review(review) => review.insert_text(text),
            Self::List(list, _) => list.insert_text(text),
            Self::Text(page) => page.insert_text(text),
            Self::Status(status) => status.insert_text(text),
            Self::Menu(_) | Self::Wait(_) => Insertion::NoField,
        }
    }

    /// Shows something about the last key, until the next one.
    pub fn hint(&mut self, text: &str) {
        let hint = match self {
            Self::Form(form) => &mut form.hint,
            Self::Review(review) => &mut review.hint,
            Self::Edit(edit) => &mut edit.hint,
            Self::Text(text) => &mut text.hint,
            Self::Status(status) => return status.show_message(text),
            Self::Menu(menu) => &mut menu.hint,
            Self::List(list, _) => &mut list.hint,
            Self::Wait(_) => return,
        };
        *hint = Some(text.to_owned());
    }

    /// Whether a text to search for is being typed, so that F3 ends that and not the screen.
    pub fn is_typing(&self) -> bool {
        match self {
            Self::List(list, _) => list.is_typing(),
            Self::Text(text) => text.is_typing(),
            _ => false,
        }
    }

    /// After keys and another size: what the cursor is on is shown.
    pub fn settle(&mut self, size: (u16, u16)) {
        match self {
            Self::Menu(menu) => menu.settle(size),
            Self::Form(form) => form.settle(size),
            Self::List(list, _) => list.settle(size),
            Self::Text(text) => text.settle(size),
            Self::Review(review) => review.settle(size),
            Self::Edit(_) | Self::Wait(_) | Self::Status(_) => {}
        }
    }

    /// Draws it; `focused`: nothing is on top of it, so that its legend counts.
    pub fn view(&self, c: &mut Canvas<'_>, key_names: KeyNames, focused: bool) {
        match self {
            Self::Menu(menu) => menu.view(c, key_names, focused),
            Self::Form(form) => form.view(c, key_names, focused),
            Self::List(list, _) => list.view(c, key_names),
            Self::Text(text) => text.view(c, key_names, focused),
            Self::Review(review) => review.view(c, key_names, focused),
            Self::Edit(edit) => edit.view(c, key_names),
            Self::Wait(wait) => wait.view(c, key_names),
            Self::Status(status) => status.view(c, key_names, focused),
        }
    }
}
