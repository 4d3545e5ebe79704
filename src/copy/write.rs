//! Writers: batches become files.

use super::data;
use super::links::Claim;
use super::links::{Linked, forbidding};
use super::meta;
use super::queue::Item;
use super::run::{Fault, Run};
use crate::error;
use crate::host::make;
use crate::host::protect::{VERITY, Verity};
use crate::host::tree::{Errno, Kind, Sys, own_umask};
use crate::tree::dir::Open;
use crate::tree::report::Tally;
use std::fs::File;
use std::sync::atomic::Ordering;

/// A writer thread's whole life.
pub fn writer(run: &Run<'_>) {
    if let Err(e) = own_umask() {
        return run.fail(
            error::KERNEL.with_cause(format!("a thread could not have a umask of its own: {e}")),
        );
    }
    let mut buffer = vec![0; data::BUFFER];
    let mut left = None;
    while let Some((batch, directory)) = run.queue.take(left) {
        for item in batch.items {
            if run.stopped.load(Ordering::Relaxed) {
                break;
            }
            match name(run, &batch.at, &item, &mut buffer) {
                Ok(()) => run.made(&|| batch.at.dir.path_of(&item.name)),
                Err(fault) => run.judge(batch.at.dir.path_of(&item.name), fault),
            }
        }
        run.part_done(&batch.at);
        left = Some(directory);
    }
}

/// Makes a name: a link to a copy that is there, or a copy.
fn name(run: &Run<'_>, at: &Open, item: &Item, buffer: &mut [u8]) -> Result<(), Fault> {
    if item.stat.nlink < 2 {
        return copy(run, at, item, 0, buffer);
    }
    let _claim: Claim<'_> = run.links.claim(item.stat.ino);
    let hold_back = forbidding(&item.stat);
    match run.links.link(&item.stat, &at.target, &item.name).map_err(Fault::Target)? {
        Linked::Made => Ok(()),
        Linked::Last => {
            if hold_back != 0 {
                meta::held_back(run, at, &item.name, hold_back);
            }
            Ok(())
        }
        Linked::First => {
            copy(run, at, item, hold_back, buffer)?;
            run.links.stage(run.target, &item.stat, &at.target, &item.name).map_err(Fault::Target)
        }
    }
}

/// Makes a file with all that it has. What could not be finished is removed again.
fn copy(
    run: &Run<'_>,
    at: &Open,
    item: &Item,
    hold_back: u32,
    buffer: &mut [u8],
) -> Result<(), Fault> {
    let done = match (item.stat.kind(), &item.file) {
        (Some(Kind::Regular), Some(file)) => regular(run, at, item, file, hold_back, buffer),
        (Some(Kind::Symlink), _) => symlink(run, at, item),
        (Some(Kind::Char | Kind::Block | Kind::Fifo | Kind::Socket), _) => {
            anew(at, item, || make::node(&at.target, &item.name, &item.stat))
                .and_then(|()| meta::special(run, at, item))
        }
        // Changed its kind while it was looked at.
        _ => Err(Fault::Source(Errno::ENOENT)),
    };
    if matches!(done, Err(Fault::Source(_))) {
        let _ = make::unlink(&at.target, &item.name);
    }
    run.made_file();
    done
}

/// Makes something; what has its name already is replaced.
fn anew<T>(at: &Open, item: &Item, make: impl Fn() -> Sys<T>) -> Result<T, Fault> {
    match make() {
        Err(Errno::EEXIST) => {
            make::unlink(&at.target, &item.name).and_then(|()| make()).map_err(Fault::Target)
        }
        other => other.map_err(Fault::Target),
    }
}

fn regular(
    run: &Run<'_>,
    at: &Open,
    item: &Item,
    from: &File,
    hold_back: u32,
    buffer: &mut [u8],
) -> Result<(), Fault> {
    let to =
        anew(at, item, || make::create(&at.target, &item.name, item.stat.permissions() & 0o777))?;
    meta::before_content(run, at, item, from, &to);
    let copied = data::copy(run, from, &to, &item.stat, buffer)?;
    if copied.tries > 1 {
        Tally::add(&run.tally.recopied, 1);
    }
    if copied.torn {
        run.tally.changing(at.dir.path_of(&item.name));
    }
    let to =
        if copied.stat.attributes & VERITY == 0 { to } else { verity(run, at, item, from, to)? };
    meta::file(run, at, item, &copied.stat, from, &to, hold_back)
}

/// Gives a finished file the checksums (fs-verity) of its original, which takes that nobody has it
/// open for writing: it is returned open for reading, which is enough for metadata.
fn verity(run: &Run<'_>, at: &Open, item: &Item, from: &File, to: File) -> Result<File, Fault> {
    drop(to);
    let to = make::open_file(&at.target, &item.name).map_err(Fault::Target)?;
    if let Err(e) = Verity::of(from).and_then(|verity| verity.enable(&to, from)) {
        run.lost("fs-verity", e, at.dir.path_of(&item.name));
    }
    Ok(to)
}

fn symlink(run: &Run<'_>, at: &Open, item: &Item) -> Result<(), Fault> {
    let target = make::read_link(&at.source, &item.name).map_err(Fault::Source)?;
    anew(at, item, || make::symlink(&at.target, &item.name, &target))?;
    meta::special(run, at, item)
}
