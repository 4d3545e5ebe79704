//! `alt_disk_install`: its flags become an [`Action`], after every rule of the command has been
//! checked.
//!
//! The order: what excludes what, what needs what, the form of values, then the files that flags
//! name and the lists in them. Nothing is touched while this goes on.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::firmware::Firmware;
use crate::boot::loader;
use crate::cli::alt_disk_install::files::{check_readable, check_script, unreadable};
use crate::cli::getopt::{self, Parsed};
use crate::cli::values::{accepted_losses, events_fd, text};
use crate::engine::request::{Action, FromImage, Identity, Phases, Request};
use crate::error::{self, Entry};
use crate::flags::{ALT_DISK_INSTALL, Flag, Source, ValueKind};
use crate::software::Wanted;
use crate::software::wanted::{self, Given};
use crate::text::shell::quote;

/// How the run is reported. No plan depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// `-D`.
    pub debug: bool,
    /// `-V`.
    pub verbose: bool,
    /// `--events FD`.
    pub events_fd: Option<i32>,
}

/// The forms of the command, by their numbers in the table.
const INSTALL: usize = 0;
const CLEAN_UP: usize = 1;
const RESUME: usize = 2;

/// Reads the words after the command's name.
///
/// # Errors
/// ALT-101 to ALT-129, and of the lists that flags name ALT-732 to ALT-741: what is wrong with the
/// command line. Nothing was touched.
pub fn read(args: &[OsString]) -> Result<(Action, Output)> {
    let parsed = getopt::parse(&ALT_DISK_INSTALL, args)?;
    let output =
        Output { debug: parsed.has("D"), verbose: parsed.has("V"), events_fd: events_fd(&parsed)? };
    let action = action(&parsed, args)?;
    Ok((if parsed.has("review") { Action::Review(Box::new(action)) } else { action }, output))
}

fn action(p: &Parsed, args: &[OsString]) -> Result<Action> {
    if p.has("X") {
        check_alone(p, "X", CLEAN_UP, &error::CLEAN_UP_ALONE)?;
        check_requirements(p)?;
        check_erase(p)?;
        return Ok(Action::CleanUp {
            erase: p.values("erase").map(text).collect(),
            ask: p.has("ask-erase"),
        });
    }
    if p.has("resume") {
        check_alone(p, "resume", RESUME, &error::RESUME_ALONE)?;
        return Ok(Action::Resume);
    }
    if let Some(flag) = p.flag_outside(INSTALL) {
        let cause = format!("{} is given without -X", flag.typed());
        return Err(error::BAD_VALUE.with_remedy(cause, "leave it out"));
    }
    exclusions(p)?;
    needs(p)?;
    let phases = values(p)?;
    files(p, phases)?;
    let software = software(p)?;
    targets(p, phases)?;
    let request = Request {
        phases,
        image: from_image(p)?,
        software,
        image_data: path(p, "i"),
        script: path(p, "s"),
        resolv_conf: path(p, "R"),
        exclude_list: path(p, "e"),
        accept: accepted_losses(p)?,
        set_bootlist: !p.has("B"),
        reboot: p.has("r"),
        remain_client: p.has("n"),
        skip_boot_check: p.has("g"),
        erase: p.values("erase").map(text).collect(),
        targets: p.operands.iter().map(|o| text(o)).collect(),
        argv: std::iter::once(ALT_DISK_INSTALL.name.to_owned())
            .chain(args.iter().map(|a| text(a)))
            .collect(),
    };
    Ok(if p.has("preview") {
        Action::Preview { request, json: p.has("json") }
    } else {
        Action::Install(request)
    })
}

/// Flags of phases that this run does not execute, in a sentence per phase: a note, not an error.
pub fn describe_unused_flags(args: &[OsString], phases: Phases) -> Vec<String> {
    let Ok(parsed) = getopt::parse(&ALT_DISK_INSTALL, args) else { return vec![] };
    let unused = |phase: u8| {
        let given = parsed.flags().filter(|f| f.phase == Some(phase)).map(Flag::typed);
        let mut flags: Vec<String> = vec![];
        for flag in given {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
        match flags.split_last() {
            Some((last, [])) => {
                Some(format!("{last} has no effect in this run: it belongs to phase {phase}"))
            }
            Some((last, others)) => Some(format!(
                "{} and {last} have no effect in this run: they belong to phase {phase}",
                others.join(", ")
            )),
            None => None,
        }
    };
    (1..=3).filter(|phase| !phases.list().contains(phase)).filter_map(unused).collect()
}

/// `-X` and `--resume` go with the flags of their own form only, and with no operand.
fn check_alone(p: &Parsed, name: &str, form: usize, rule: &'static Entry) -> Result<()> {
    let beside = p.flag_outside(form).map(Flag::typed);
    let Some(word) = beside.or_else(|| p.operands.first().map(|o| quote(o))) else { return Ok(()) };
    let typed = ALT_DISK_INSTALL.flag(name).map(Flag::typed).unwrap_or_default();
    Err(rule.with_cause(format!("{typed} is given together with {word}")))
}

/// Flags that need another flag.
fn check_requirements(p: &Parsed) -> Result<()> {
    let Some((flag, name)) = p.unmet_requirement() else { return Ok(()) };
    let needed = ALT_DISK_INSTALL.flag(name).map(Flag::typed).unwrap_or_default();
    let cause = format!("{} is given without {needed}", flag.typed());
    Err(match name {
        "l" => error::NEEDS_LOCATION.with_cause(cause),
        "preview" => error::JSON_ALONE.with_cause(cause),
        _ => error::BAD_VALUE.with_remedy(cause, "name the disk with --erase SERIAL"),
    })
}

fn exclusions(p: &Parsed) -> Result<()> {
    match (p.has("C"), p.has("d")) {
        (true, true) => return Err(error::TWO_SOURCES.with_cause("both -C and -d are given")),
        (false, false) => {
            return Err(error::NO_SOURCE.with_cause("neither -C nor -d is given"));
        }
        (clone, _) => {
            let (not_here, rule, source) = if clone {
                (Source::Image, &error::IMAGE_ONLY, "-C")
            } else {
                (Source::Clone, &error::CLONE_ONLY, "-d")
            };
            if let Some(flag) = p.flags().find(|f| f.source == not_here) {
                return Err(rule.with_cause(format!("{} is not valid with {source}", flag.typed())));
            }
        }
    }
    if p.has("B") && p.has("r") {
        return Err(error::REBOOT_WHERE.with_cause(
            "-B leaves the boot list alone, so -r would not reboot from the new disk",
        ));
    }
    Ok(())
}

fn needs(p: &Parsed) -> Result<()> {
    check_requirements(p)?;
    if p.has("review") && p.has("preview") {
        return Err(error::BAD_VALUE
            .with_remedy("--review and --preview are given together", "give one of them"));
    }
    Ok(())
}

fn values(p: &Parsed) -> Result<Phases> {
    if let Some(level) = p.value("L").filter(|l| !is_level(l)) {
        return Err(error::BAD_LEVEL
            .with_cause(format!("`{}` is not a level of the form V.R.M", text(level))));
    }
    check_erase(p)?;
    match p.value("P") {
        None => Ok(Phases::All),
        Some(word) => Phases::parse(&text(word)).ok_or_else(|| {
            error::BAD_PHASE.with_cause(format!("`{}` after -P is not a phase", text(word)))
        }),
    }
}

fn check_erase(p: &Parsed) -> Result<()> {
    match p.values("erase").any(OsStr::is_empty) {
        true => Err(error::BAD_VALUE.with_remedy(
            "the serial number after --erase is empty",
            "`altdisk disks` shows each disk's serial number",
        )),
        false => Ok(()),
    }
}

/// The request of `-d` and the flags that belong to it.
fn from_image(p: &Parsed) -> Result<Option<FromImage>> {
    let Some(device) = path(p, "d") else { return Ok(None) };
    let platforms: Vec<String> =
        p.value("p").map_or(vec![], |v| text(v).split(',').map(str::to_owned).collect());
    let known = Firmware::ALL.map(loader::platform);
    if let Some(other) = platforms.iter().find(|w| !known.contains(&w.as_str())) {
        let cause = format!(
            "`{other}` after -p is not a platform that altdisk knows ({})",
            known.join(", ")
        );
        return Err(
            error::BAD_VALUE.with_remedy(cause, "name one of them, or both with a comma between")
        );
    }
    let identity = match p.value("identity") {
        None => None,
        Some(word) => Some(Identity::parse(&text(word)).ok_or_else(|| {
            error::BAD_VALUE.with_remedy(
                format!("`{}` after --identity is neither keep nor fresh", text(word)),
                "write keep or fresh",
            )
        })?),
    };
    // The journal keeps it, and whoever goes on may be elsewhere.
    let device = if device == Path::new("-") {
        device
    } else {
        std::path::absolute(&device).unwrap_or(device)
    };
    Ok(Some(FromImage { device, level: p.value("L").map(text), platforms, identity }))
}

fn is_level(level: &OsStr) -> bool {
    let parts: Vec<&[u8]> = level.as_bytes().split(|b| *b == b'.').collect();
    parts.len() == 3 && parts.iter().all(|p| !p.is_empty() && p.iter().all(u8::is_ascii_digit))
}

fn files(p: &Parsed, phases: Phases) -> Result<()> {
    let is_full_path = |f: &&Flag| f.value.is_some_and(|v| v.kind == ValueKind::FullPath);
    for name in ALT_DISK_INSTALL.flags.iter().filter(is_full_path).map(Flag::typed) {
        let value = p.value(name.trim_start_matches('-'));
        if let Some(value) = value.filter(|v| !Path::new(v).is_absolute()) {
            let cause = format!("`{}` after {name} is not a full path name", text(value));
            let here = std::env::current_dir().unwrap_or_default().join(value);
            return Err(match here.exists() && !value.is_empty() {
                true => error::FULL_PATH
                    .with_remedy(cause, format!("write {name} {}", quote(here.as_os_str()))),
                false => error::FULL_PATH.with_cause(cause),
            });
        }
    }
    if let Some(script) = p.value("s") {
        check_script(Path::new(script))?;
    }
    for name in ["i", "R", "e", "b", "f"] {
        if let Some(file) =
            p.value(name).filter(|f| name != "b" || !wanted::is_update_all(Path::new(f)))
        {
            check_readable(name, Path::new(file))?;
        }
    }
    // Only phase 1 reads the image.
    if let Some(image) = p.value("d").filter(|d| *d != "-" && phases.list().contains(&1)) {
        fs::metadata(image).map_err(|e| unreadable("d", Path::new(image), &e))?;
    }
    Ok(())
}

/// The request of `-l` and the flags that need it.
fn software(p: &Parsed) -> Result<Option<Wanted>> {
    let word = |name: &str| match p.value(name) {
        None => Ok(None),
        Some(word) => word.to_str().map(Some).ok_or_else(|| {
            error::BAD_VALUE.with_remedy(
                format!("`{}` after -{name} is not text in UTF-8", text(word)),
                "use names in UTF-8",
            )
        }),
    };
    let Some(location) = word("l")? else { return Ok(None) };
    let file = |name: &str| p.value(name).map(Path::new);
    let given = Given {
        location,
        packages: word("w")?,
        bundle: file("b"),
        fix_bundle: file("f"),
        fixes: word("F")?,
        flags: word("I")?,
    };
    Wanted::read(&given).map(Some)
}

fn targets(p: &Parsed, phases: Phases) -> Result<()> {
    if p.operands.is_empty() && phases.list().contains(&1) {
        return Err(error::NO_TARGET.with_cause("no target disk is named"));
    }
    if p.operands.iter().any(|o| o.is_empty()) {
        return Err(error::NO_TARGET.with_cause("a target disk's name is empty"));
    }
    let devices: Vec<PathBuf> = p.operands.iter().map(|o| device(o)).collect();
    for (i, one) in devices.iter().enumerate() {
        if let Some(j) = devices[..i].iter().position(|d| d == one) {
            let (first, second) = (text(&p.operands[j]), text(&p.operands[i]));
            let cause = if first == second {
                format!("{first} is named twice")
            } else {
                format!("{first} and {second} are the same disk")
            };
            return Err(error::TARGET_TWICE.with_cause(cause));
        }
    }
    Ok(())
}

/// The device that a target's name means: `vdb`, `/dev/vdb` and a link to it are one.
fn device(name: &OsStr) -> PathBuf {
    let path = Path::new("/dev").join(name);
    path.canonicalize().unwrap_or(path)
}

fn path(p: &Parsed, name: &str) -> Option<PathBuf> {
    p.value(name).map(PathBuf::from)
}

#[cfg(test)]
mod tests;
