//! A screen a file: what it holds, what a key does there, how it looks. None of them knows of the
//! others: a key ends in an [`Outcome`], and the update decides what that means.

pub mod edit;
pub mod form;
pub mod form_keys;
pub mod form_rows;
pub mod form_view;
pub mod list;
pub mod menu;
pub mod review;
pub mod small;
pub mod text;
pub mod wait;

use crate::menu::model::Target;

/// What a key asks for, beyond what the screen did itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing more.
    Stay,
    /// The key means nothing here: the terminal's bell.
    Bell,
    /// Back one screen.
    Back,
    /// A menu's item.
    Go(Target),
    /// A form's Enter.
    Commit,
    /// A form's F4, F6 and F7.
    List,
    Command,
    Edit,
    /// What was chosen from a list: the numbers of the entries, in the order in which they were
    /// chosen.
    Chosen(Vec<usize>),
    /// The text of the wide editor.
    Edited(String),
    /// Enter on a pop-up that shows text.
    Read,
    /// Everything that had to be typed was typed: the words that this adds to the command.
    Reviewed(Vec<String>),
}

/// How a screen took a line of pasted text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// It is in the field.
    Done,
    /// The field does not take it; the screen shows why.
    Refused,
    /// No field is open for text.
    NoField,
}
