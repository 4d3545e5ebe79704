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
    let events = event::Events::new();
    let done = match args.split_first() {
        Some((word, rest)) if word == "bootlist" => cli::bootlist::run(rest, &mut std::io::stdout(), &events),
        _ => Ok(error::Exit::Done),
    };
    let exit = done.unwrap_or_else(|e| {
        eprintln!("altdisk: {e:#}");
        let alt = error::of(&e);
        if let Some(alt) = alt {
            eprintln!("altdisk: {}", alt.remedy);
        }
        alt.map_or(error::Exit::Failed, |a| a.entry.exit)
    });
    std::process::ExitCode::from(exit as u8)
}
