//! `altdisk savetree FROM IMAGE`: the writer of images by itself, for tests, benchmarks and the
//! curious.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::archive::output::{LARGEST_RECORD, Method, Output, RECORD};
use crate::archive::tar::BLOCK;
use crate::cli::getopt;
use crate::cli::getopt::Parsed;
use crate::cli::session::attach_console;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::SAVETREE;
use crate::host::{signals, sys};
use crate::image::create::{self, Job, Tree};
use crate::image::manifest::{FORMAT, Manifest};
use crate::tree::{Excludes, Progress, Source};

/// Parses the arguments and saves.
///
/// # Errors
/// The writer's; wrong arguments.
pub fn run(args: &[OsString], events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&SAVETREE, args)?;
    let [from, to] = parsed.operands.as_slice() else {
        return Err(error::OPERANDS.with_remedy(
            "FROM and an image are needed",
            "name a directory, and a file, a device or -",
        ));
    };
    let verbose = parsed.has("V");
    attach_console(events, &SAVETREE, false, verbose, to == "-");
    let from = Path::new(from);
    if !from.is_dir() {
        return Err(
            error::NOT_A_DIRECTORY.with_cause(format!("{} is not a directory", from.display()))
        );
    }
    let excludes = match parsed.value("e") {
        Some(list) => Excludes::parse(
            &std::fs::read(list)
                .with_context(|| format!("reading {}", Path::new(list).display()))?,
            Path::new(list),
        )?,
        None => Excludes::default(),
    };
    let (method, record) = form(&parsed, Path::new(to))?;
    signals::catch();
    let leave_out: Vec<PathBuf> = parsed.values("x").map(PathBuf::from).collect();
    let trees =
        [Tree { source: Source::open_directory(from)?, prefix: PathBuf::from("/"), leave_out }];
    let totals = create::count(&trees, &excludes.with_zero_counts())?;
    let out = Output::open(Path::new(to), method, record)?;
    out.require_room(totals.bytes)?;
    let (secs, made) = sys::now();
    let manifest = Manifest {
        format: FORMAT,
        tool: concat!("altdisk ", env!("CARGO_PKG_VERSION")).to_owned(),
        made,
        made_secs: secs,
        files: totals.files,
        bytes: totals.bytes,
        checksums: "blake3".to_owned(),
        ..Manifest::default()
    };
    let job = Job { image_data: None, manifest, trees: &trees, excludes: &excludes, verbose };
    let done = create::create(&job, out, events, &Progress::new(1, totals))?;
    let r = &done.report;
    events.note(format!(
        "{} files, {} bytes; {} excluded, {} left out, {} read again",
        r.files, r.bytes, r.excluded, r.left_out, r.recopied
    ));
    Ok(Exit::Done)
}

/// How an image is compressed, and the size of records: `-z` and `--block-size`.
///
/// # Errors
/// ALT-659, ALT-107.
pub fn form(parsed: &Parsed, name: &Path) -> Result<(Method, usize)> {
    let method = match parsed.value("z") {
        Some(word) => Method::parse(&word.to_string_lossy())?,
        None => Method::of_name(name),
    };
    let record = match parsed.value("block-size").map(|w| w.to_string_lossy().into_owned()) {
        None => RECORD,
        Some(word) => match word.parse::<usize>() {
            Ok(n) if n > 0 && n <= LARGEST_RECORD && n.is_multiple_of(BLOCK) => n,
            _ => {
                return Err(error::BAD_VALUE.with_remedy(
                    format!("`{word}` after --block-size is not a size of a record"),
                    format!("give a multiple of {BLOCK} up to {LARGEST_RECORD}"),
                ));
            }
        },
    };
    Ok((method, record))
}
