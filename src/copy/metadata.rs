//! The metadata of source files, given to their copies. See [`crate::tree::metadata`] for the
//! order.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;

use super::batch::{Item, OpenDir};
use super::state::Copier;
use crate::host::attrs::{self, AttrTarget, flag};
use crate::host::fs_calls::{Kind, Stat, Sys, stat_fd};
use crate::host::make;
use crate::tree::error::CopyError;
use crate::tree::metadata::{Metadata, make_private, read_xattrs};

/// Gives a regular file its metadata. `flags` are the inode flags it should have now.
pub fn copy_to_file(
    copier: &Copier<'_>,
    at: &OpenDir,
    item: &Item,
    stat: &Stat,
    source: &File,
    to: &File,
    flags: u32,
) -> Result<(), CopyError> {
    let metadata = Metadata {
        xattrs: read_xattrs(AttrTarget::File(source.as_fd()), &item.attributes)
            .map_err(CopyError::Source)?,
        flags,
        project: project(copier, source),
        ..Metadata::from_stat(stat)
    };
    let path = || at.dir.path_of(&item.name);
    copier.metadata(&path).apply_to_file(to, &metadata).map_err(CopyError::Target)
}

/// Gives its metadata to what is neither a regular file nor a directory; it is never opened.
pub fn copy_to_name(copier: &Copier<'_>, at: &OpenDir, item: &Item) -> Result<(), CopyError> {
    let (stat, name) = (&item.stat, item.name.as_c_str());
    let metadata = Metadata {
        xattrs: read_xattrs(AttrTarget::Name(at.source.as_fd(), name), &item.attributes)
            .map_err(CopyError::Source)?,
        ..Metadata::from_stat(stat)
    };
    let path = || at.dir.path_of(name);
    let is_symlink = stat.kind() == Some(Kind::Symlink);
    copier
        .metadata(&path)
        .apply_to_name(&at.target, name, &metadata, is_symlink)
        .map_err(CopyError::Target)
}

/// Gives a directory its metadata when everything in it is there.
pub fn copy_to_directory(copier: &Copier<'_>, at: &OpenDir, stat: &Stat) -> Result<(), CopyError> {
    let path = || at.dir.path();
    let from = AttrTarget::File(at.source.as_fd());
    let names = attrs::names(from).unwrap_or_else(|e| {
        copier.record_unreadable(path(), e);
        vec![]
    });
    let metadata = Metadata {
        xattrs: read_xattrs(from, &names).map_err(CopyError::Source)?,
        flags: attrs::flags(&at.source) & flag::MASK,
        project: project(copier, &at.source),
        ..Metadata::from_stat(stat)
    };
    copier.metadata(&path).apply_to_directory(&at.target, &metadata).map_err(CopyError::Target)
}

fn project(copier: &Copier<'_>, source: impl AsFd) -> u32 {
    if copier.has_projects { attrs::project(source) } else { 0 }
}

/// A part of a directory is done; the last part gives it its metadata. The top waits for the end of
/// the copy.
pub fn finish_part(copier: &Copier<'_>, at: &OpenDir) {
    if at.dir.part_done()
        && !at.dir.is_top()
        && !copier.work.is_stopped()
        && let Some(stat) = at.dir.stat.get()
        && let Err(e) = copy_to_directory(copier, at, stat)
    {
        copier.record_error(at.dir.path(), e);
    }
}

/// Sets the flags that were held back from a file with several names, once it has the last.
pub fn set_held_back_flags(copier: &Copier<'_>, at: &OpenDir, name: &CStr, flags: u32) {
    let set = || -> Sys<()> {
        let file = make::open_file(&at.target, name)?;
        attrs::put_flags(&file, attrs::flags(&file) | flags)
    };
    if let Err(e) = set() {
        let what = "the flags i and a (chattr)";
        copier.work.tally.add_not_kept(what, e, at.dir.path_of(name));
    }
}

/// Prepares the target's directory for its new entries: nothing to inherit, closed to others until
/// it is finished, and case-insensitive if the source's is, which cannot be set later.
pub fn prepare_directory(copier: &Copier<'_>, at: &OpenDir) -> Sys<()> {
    if !copier.target.is_private(&stat_fd(&at.target)?) {
        make_private(&at.target)?;
    }
    if attrs::flags(&at.source) & flag::CASEFOLD != 0
        && let now = attrs::flags(&at.target)
        && now & flag::CASEFOLD == 0
        && let Err(e) = attrs::put_flags(&at.target, now | flag::CASEFOLD)
    {
        copier.work.tally.add_not_kept("the flag F (chattr +F)", e, at.dir.path());
    }
    Ok(())
}
