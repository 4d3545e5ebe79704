//! Which command was called: by the program's name, or by its first word. Nothing else.
#![allow(dead_code)]

mod boot;
mod cli;
mod copy;
mod disk;
mod engine;
mod error;
mod event;
mod host;
mod image;

fn main() -> std::process::ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((word, rest)) if word == "copytree" => cli::copytree::main(rest),
        _ => std::process::ExitCode::SUCCESS,
    }
}
