//! Tests of the command line as a whole: what texts name exists, and what panels build is accepted.

mod named_commands;
mod named_panels;
mod named_paths;
mod panels;
mod remedies;
mod texts;
