//! Menus: panels as data. Files become a [`model::Set`]; a dialog and its values become an argv.
//!
//! `load` reads the files into `model`, with every mistake at its place; `check` looks at the whole
//! set. A screen's `values` are judged by `rules` and become a `command`. What commands answer is
//! read by `lists` and `discover`, asked by `ask`; `next` finds what follows a selector.

pub mod ask;
pub mod builtin;
pub mod check;
pub mod command;
pub mod discover;
pub mod draft;
pub mod lists;
pub mod load;
pub mod model;
pub mod next;
pub mod own_program;
pub mod placeholders;
mod read;
pub mod review;
pub mod rules;
pub mod values;

#[cfg(test)]
mod tests;
