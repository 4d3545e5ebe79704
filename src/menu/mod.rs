//! Menus: panels as data. Files become a [`model::Set`]; a dialog and its values become an argv.

pub mod model;
