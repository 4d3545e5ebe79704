//! One screen or pop-up of the stack, whichever it is.

use crate::term::key::Key;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Sends;
use crate::tui::screens::Step;
use crate::tui::screens::edit::Edit;
use crate::tui::screens::form::Form;
use crate::tui::screens::list::List;
use crate::tui::screens::menu::Menu;
use crate::tui::screens::review::Review;
use crate::tui::screens::text::Text;
use crate::tui::screens::wait::Wait;
use crate::tui::status::Status;

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// The field under the cursor of the form below.
    Field,
    Jobs,
    Themes,
}

#[derive(Debug)]
pub enum Layer {
    Menu(Menu),
    Form(Box<Form>),
    List(List, For),
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
    pub fn key(&mut self, key: Key, size: (u16, u16)) -> Step {
        match self {
            Self::Menu(menu) => menu.key(key, size),
            Self::Form(form) => form.key(key, size),
            Self::List(list, _) => list.key(key, size),
            Self::Text(text) => text.key(key, size),
            Self::Review(review) => review.key(key, size),
            Self::Edit(edit) => edit.key(key),
            Self::Wait(_) | Self::Status(_) => Step::Bell,
        }
    }

    /// Says something about the last key, until the next one.
    pub fn hint(&mut self, text: &str) {
        let hint = match self {
            Self::Form(form) => &mut form.hint,
            Self::Review(review) => &mut review.hint,
            Self::Edit(edit) => &mut edit.hint,
            Self::Text(text) => &mut text.hint,
            Self::Status(status) => return status.tell(text),
            Self::Menu(_) | Self::List(..) | Self::Wait(_) => return,
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
    pub fn view(&self, c: &mut Canvas<'_>, sends: Sends, focused: bool) {
        match self {
            Self::Menu(menu) => menu.view(c, sends, focused),
            Self::Form(form) => form.view(c, sends, focused),
            Self::List(list, _) => list.view(c, sends),
            Self::Text(text) => text.view(c, sends, focused),
            Self::Review(review) => review.view(c, sends, focused),
            Self::Edit(edit) => edit.view(c, sends),
            Self::Wait(wait) => wait.view(c, sends),
            Self::Status(status) => status.view(c, sends, focused),
        }
    }
}
