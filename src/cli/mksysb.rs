//! `altdisk mksysb`: its words become a request; what happens is told to console, log and
//! `--events` as an install tells it.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::failure::emit_error;
use crate::cli::getopt::Parsed;
use crate::cli::list::images;
use crate::cli::session::{attach_console, begin, end};
use crate::cli::{getopt, in_job, json, savetree, values};
use crate::engine::mksysb;
use crate::engine::mksysb::Request;
use crate::error::{self, Exit};
use crate::event::{Event, Events};
use crate::flags::MKSYSB;
use crate::job::Registered;
use crate::text::shell::quote;

/// The forms that read an image, by their numbers in the table.
const LIST: usize = 1;
const CHECK: usize = 2;

/// The log of `altdisk mksysb`.
pub(super) const LOG: &str = "/var/log/altdisk/mksysb.log";

/// Runs the command.
///
/// # Errors
/// Wrong words, and what lists or checks an image; failures of saving are events.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&MKSYSB, args)?;
    let [image] = parsed.operands.as_slice() else {
        return Err(error::OPERANDS.with_remedy(
            "the image is not named, or more than one is",
            "name one file or device, or - for standard output",
        ));
    };
    if let Some((mode, form)) =
        [("list", LIST), ("check", CHECK)].into_iter().find(|(m, _)| parsed.has(m))
    {
        if let Some(flag) = parsed.flag_outside(form) {
            let cause = format!(
                "--{mode} reads an existing image; {} cannot be given with it",
                flag.typed()
            );
            return Err(error::BAD_VALUE.with_remedy(cause, "leave one of them out"));
        }
        return if mode == "list" {
            list(Path::new(image))
        } else {
            check(Path::new(image), &parsed, events)
        };
    }
    let request = request(&parsed, image)?;
    make_own_directory(&request.to)?;
    let job = sinks(&parsed, events, image == "-", args)?;
    let exit = report_result(events, mksysb::save_image(&request, events));
    end(job, exit);
    Ok(exit)
}

fn request(p: &Parsed, to: &OsString) -> Result<Request> {
    let to = PathBuf::from(to);
    if p.has("i") && p.has("m") {
        return Err(error::BAD_VALUE.with_remedy(
            "-i and -m are given together",
            "-i makes a new image.data, -m uses one that is there: give one of them",
        ));
    }
    if p.has("verify") && to == Path::new("-") {
        return Err(error::BAD_VALUE.with_remedy(
            "--verify is given with -, which cannot be read again",
            "check it where it arrives: `altdisk mksysb --check`",
        ));
    }
    if !p.has("replace") && std::fs::metadata(&to).is_ok_and(|m| m.is_file()) {
        let name = quote(to.as_os_str());
        let how = format!(
            "to look at it: `altdisk mksysb --check {name}`; to write a new image in its place: --replace"
        );
        return Err(error::IMAGE_EXISTS.with_remedy(format!("{name} exists"), how));
    }
    let (method, record) = savetree::form(p, &to)?;
    let file = |name: &str| -> Result<Option<PathBuf>> {
        let Some(path) = p.value(name).map(PathBuf::from) else { return Ok(None) };
        let cannot = |why: String| {
            error::FILE_UNREADABLE.with_cause(format!("{} after -{name} {why}", path.display()))
        };
        match std::fs::File::open(&path).and_then(|f| f.metadata()) {
            Ok(meta) if meta.is_file() => Ok(Some(path)),
            Ok(_) => Err(cannot("is not a regular file".to_owned())),
            Err(e) => Err(cannot(format!("cannot be read: {}", error::text_of(&e)))),
        }
    };
    let (image_data, exclude_list) = (file("m")?, file("e")?);
    if to != Path::new("-") && !to.is_absolute() {
        return Err(error::FULL_PATH.with_cause(format!("`{}` is not a full path", to.display())));
    }
    let accept = values::accepted_losses(p)?;
    Ok(Request {
        to,
        image_data,
        exclude_list,
        accept,
        method,
        record,
        verify: p.has("verify"),
        verbose: p.has("V"),
    })
}

/// Standard output belongs to the image where that goes there.
fn sinks(
    p: &Parsed,
    events: &Events,
    aside: bool,
    args: &[OsString],
) -> Result<Option<Registered>> {
    attach_console(events, &MKSYSB, p.has("D"), p.has("V"), aside);
    json::attach(events, values::events_fd(p)?)?;
    Ok(begin(events, Some((LOG, p.has("V"))), in_job::command_words(&MKSYSB.invocation(), args)))
}

/// The directory for images that the panel proposes need not be there: it is made, for root alone,
/// as an image holds every secret of the system. One that somebody else named is not made: a slip
/// in its name would go unseen.
fn make_own_directory(image: &Path) -> Result<()> {
    let own = images::directory();
    if image.parent() != Some(&own) || own.is_dir() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&own);
    made.map_err(|e| {
        error::IMAGE_PLACE.with_cause(format!(
            "making the directory {}: {}",
            own.display(),
            error::text_of(&e)
        ))
    })
}

fn report_result(events: &Events, done: Result<String>) -> Exit {
    let (exit, text) = match done {
        Ok(text) => (Exit::Done, text),
        Err(err) => {
            let (_, exit) = emit_error(events, &err);
            (
                exit,
                if exit == Exit::Refused {
                    "Nothing was written.".to_owned()
                } else {
                    "There is no image.".to_owned()
                },
            )
        }
    };
    events.emit(Event::Done { exit: exit as u8, text });
    exit
}

fn list(image: &Path) -> Result<Exit> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let listed = mksysb::list_members(image, |line| Ok(writeln!(out, "{line}")?));
    let closed = |e: &anyhow::Error| {
        error::system_error(e).is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    match listed.and_then(|()| Ok(out.flush()?)) {
        // A reader that closed it has seen enough.
        Err(e) if closed(&e) => Ok(Exit::Done),
        other => other.map(|()| Exit::Done),
    }
}

fn check(image: &Path, p: &Parsed, events: &Events) -> Result<Exit> {
    attach_console(events, &MKSYSB, false, false, false);
    json::attach(events, values::events_fd(p)?)?;
    mksysb::verify_image(image, events).map(|_| Exit::Done)
}
