//! The screens: one model, a pure update, a view per screen.

pub mod canvas;
#[cfg(test)]
pub mod golden;
pub mod plain;
pub mod record;
pub mod status;

pub fn about() -> String {
    String::new()
}
