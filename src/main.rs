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
    let args: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    std::process::ExitCode::from(cli::run(&args) as u8)
}
