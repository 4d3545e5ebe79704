//! Writers: batches become files.

use std::fs::File;

use super::batch::{Item, OpenDir};
use super::data;
use super::links::{Linked, forbidding_flags};
use super::metadata;
use super::state::Copier;
use crate::error;
use crate::host::attrs::{self, flag};
use crate::host::fs_calls::{Errno, Kind, Sys, own_umask};
use crate::host::make;
use crate::host::protect::{VERITY, Verity};
use crate::tree::error::CopyError;
use crate::tree::report::Tally;

/// A writer thread.
pub fn run(copier: &Copier<'_>) {
    let work = &copier.work;
    let _guard = work.stop_on_panic();
    if let Err(e) = own_umask() {
        let cause = format!("a thread could not set a umask of its own: {}", error::text_of(&e));
        return work.fail(error::KERNEL.with_cause(cause));
    }
    let mut buffer = vec![0; data::BUFFER];
    let mut left = None;
    while let Some((batch, directory)) = copier.queue.take(left) {
        for item in batch.items {
            if work.is_stopped() {
                break;
            }
            let path = || batch.at.dir.path_of(&item.name);
            match make_name(copier, &batch.at, &item, &mut buffer) {
                Ok(()) => copier.count_name(&path),
                Err(e) => copier.record_error(path(), e),
            }
        }
        metadata::finish_part(copier, &batch.at);
        left = Some(directory);
    }
}

/// Makes a name: a link to a copy that already exists, or a copy.
fn make_name(
    copier: &Copier<'_>,
    at: &OpenDir,
    item: &Item,
    buffer: &mut [u8],
) -> Result<(), CopyError> {
    if item.stat.nlink < 2 {
        return copy(copier, at, item, 0, buffer);
    }
    let links = &copier.links;
    let _claim = links.claim(item.stat.ino);
    let hold_back = forbidding_flags(&item.stat);
    match links.link(&item.stat, &at.target, &item.name).map_err(CopyError::Target)? {
        Linked::Made => Ok(()),
        Linked::Last => {
            if hold_back != 0 {
                metadata::set_held_back_flags(copier, at, &item.name, hold_back);
            }
            Ok(())
        }
        Linked::First => {
            copy(copier, at, item, hold_back, buffer)?;
            links
                .stage(&copier.target.top, &item.stat, &at.target, &item.name)
                .map_err(CopyError::Target)
        }
    }
}

/// Makes a file with everything it has. If it could not be read to the end it is removed again.
/// `hold_back` are inode flags that must not be set yet.
fn copy(
    copier: &Copier<'_>,
    at: &OpenDir,
    item: &Item,
    hold_back: u32,
    buffer: &mut [u8],
) -> Result<(), CopyError> {
    let done = match (item.stat.kind(), &item.file) {
        (Some(Kind::Regular), Some(file)) => {
            copy_regular(copier, at, item, file, hold_back, buffer)
        }
        (Some(Kind::Symlink), _) => copy_symlink(copier, at, item),
        (Some(Kind::Char | Kind::Block | Kind::Fifo | Kind::Socket), _) => {
            replace(at, item, || make::create_node(&at.target, &item.name, &item.stat))
                .and_then(|()| metadata::copy_to_name(copier, at, item))
        }
        // It became something else while it was examined.
        _ => Err(CopyError::Source(Errno::ENOENT)),
    };
    if matches!(done, Err(CopyError::Source(_))) {
        let _ = make::unlink(&at.target, &item.name);
    }
    copier.work.count_file();
    done
}

/// Makes something; an existing file with its name is replaced.
fn replace<T>(at: &OpenDir, item: &Item, make: impl Fn() -> Sys<T>) -> Result<T, CopyError> {
    match make() {
        Err(Errno::EEXIST) => {
            make::unlink(&at.target, &item.name).and_then(|()| make()).map_err(CopyError::Target)
        }
        other => other.map_err(CopyError::Target),
    }
}

fn copy_regular(
    copier: &Copier<'_>,
    at: &OpenDir,
    item: &Item,
    from: &File,
    hold_back: u32,
    buffer: &mut [u8],
) -> Result<(), CopyError> {
    let permissions = item.stat.permissions() & 0o777;
    let to = replace(at, item, || make::create_file(&at.target, &item.name, permissions))?;
    let path = || at.dir.path_of(&item.name);
    let flags = attrs::flags(from) & flag::MASK;
    copier.metadata(&path).prepare(&to, flags);
    let copied = data::copy(&copier.work, from, &to, &item.stat, buffer)?;
    if copied.tries > 1 {
        Tally::add(&copier.work.tally.recopied, 1);
    }
    if copied.changed {
        copier.work.tally.add_changing(path());
    }
    let to = if copied.stat.attributes & VERITY == 0 {
        to
    } else {
        enable_verity(copier, at, item, from, to)?
    };
    metadata::copy_to_file(copier, at, item, &copied.stat, from, &to, flags & !hold_back)
}

/// Gives a finished file the checksums (fs-verity) of its original. Nobody may have it open for
/// writing then, so it is returned open for reading, which is enough for metadata.
fn enable_verity(
    copier: &Copier<'_>,
    at: &OpenDir,
    item: &Item,
    from: &File,
    to: File,
) -> Result<File, CopyError> {
    drop(to);
    let to = make::open_file(&at.target, &item.name).map_err(CopyError::Target)?;
    if let Err(e) = Verity::read(from).and_then(|verity| verity.enable(&to, from)) {
        copier.work.tally.add_not_kept("fs-verity", e, at.dir.path_of(&item.name));
    }
    Ok(to)
}

fn copy_symlink(copier: &Copier<'_>, at: &OpenDir, item: &Item) -> Result<(), CopyError> {
    let target = make::read_link(&at.source, &item.name).map_err(CopyError::Source)?;
    replace(at, item, || make::symlink(&at.target, &item.name, &target))?;
    metadata::copy_to_name(copier, at, item)
}
