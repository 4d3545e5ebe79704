//! The screens: one model, a pure update, a view per screen.
