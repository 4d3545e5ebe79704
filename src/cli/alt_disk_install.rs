//! `alt_disk_install`: the arguments are checked, the sinks are attached, the engine runs.

mod arguments;
mod files;

use std::ffi::OsString;
use std::io::IsTerminal;

use anyhow::Result;

use arguments::Output;
#[cfg(test)]
pub use arguments::read;

use crate::cli::failure::{emit_error, outcome_sentence};
use crate::cli::output::{print_raw, print_text, wrap_lines};
use crate::cli::session::{attach_console, begin, end};
use crate::cli::{in_job, json, review};
use crate::engine;
use crate::engine::request::Action;
use crate::error::Exit;
use crate::event::{Event, Events};
use crate::flags;

/// The log of `alt_disk_install`.
pub const LOG: &str = "/var/log/altdisk/alt_disk_inst.log";

/// `alt_disk_install`: rules first, then the sinks, then the engine. Its errors are events too.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let (action, output) = arguments::read(args)?;
    if let Action::Review(of) = &action {
        return Ok(print_text(&review::review(of)?, Exit::Done));
    }
    let preview = matches!(action, Action::Preview { .. });
    let argv = in_job::command_words(flags::ALT_DISK_INSTALL.name, args);
    add_sinks(events, output, preview)?;
    let job = begin(events, (!preview).then_some((LOG, output.verbose)), argv);
    if let Action::Install(request) | Action::Preview { request, .. } = &action {
        arguments::describe_unused_flags(args, request.phases)
            .into_iter()
            .for_each(|text| events.note(text));
    }
    let cleaning = matches!(action, Action::CleanUp { .. });
    let (exit, text) = match run_engine(action, output, events) {
        Ok(text) => (Exit::Done, text),
        Err(err) => {
            let (_, exit) = emit_error(events, &err);
            (exit, outcome_sentence(exit, cleaning).to_owned())
        }
    };
    // In a job a plan goes to its supervisor as text: nothing is the last word before that has
    // arrived.
    if !(in_job::is_active() && preview && exit == Exit::Done) {
        events.emit(Event::Done { exit: exit as u8, text });
    }
    end(job, exit);
    Ok(exit)
}

/// The one place where the command line hands over to the engine. Returns the sentence that ends
/// the run.
fn run_engine(action: Action, output: Output, events: &Events) -> Result<String> {
    let options = engine::steps::context::Options { verbose: output.verbose };
    match action {
        Action::Install(request) => engine::run::install(&request, options, events),
        Action::Resume => engine::run::resume(options, events),
        Action::CleanUp { erase, .. } => engine::run::cleanup::clean_up(&erase, events),
        Action::Review(of) => review::review(&of),
        Action::Preview { request, json } => {
            let text = engine::review::preview::preview_request(&request, json, events)?;
            match (json, std::io::stdout().is_terminal()) {
                (true, _) => print_raw(&text, Exit::Done),
                (false, true) => print_text(&wrap_lines(&text), Exit::Done),
                (false, false) => print_text(&text, Exit::Done),
            };
            Ok(String::new())
        }
    }
}

fn add_sinks(events: &Events, output: Output, preview: bool) -> Result<()> {
    attach_console(events, &flags::ALT_DISK_INSTALL, output.debug, output.verbose, preview);
    json::attach(events, output.events_fd)
}
