//! Which command was called: by the program's name, or by its first word. Nothing else.

mod archive;
mod boot;
mod cli;
mod copy;
mod disk;
mod engine;
mod error;
mod event;
mod flags;
mod host;
mod image;
mod job;
mod menu;

mod diagnostic;
mod secret;
mod software;
mod term;
#[cfg(test)]
mod testing;
mod text;
mod theme;
mod tree;
mod trial;
mod tui;

fn main() -> std::process::ExitCode {
    cli::main(&std::env::args_os().collect::<Vec<_>>())
}
