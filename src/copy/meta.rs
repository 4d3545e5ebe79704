//! What a file has beside its content, given to its copy in the order that the kernel wants: owner
//! (which clears setuid and capabilities), extended attributes, permissions, times, and inode flags
//! last, as some forbid everything else. What the target cannot keep is counted, not fatal.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use super::queue::Item;
use super::run::{Fault, Run};
use crate::host::attrs::{self, Of, flag};
use crate::host::make;
use crate::host::tree::{Errno, Kind, Stat, Sys, stat_fd};
use crate::tree::dir::Open;

/// Setuid, setgid, sticky: not set when a file is made.
const SPECIAL: u32 = 0o7000;

/// A directory's permissions until it is finished.
pub const PRIVATE: u32 = 0o700;

/// Flags that must be set while a file is empty to take effect.
const BEFORE_CONTENT: u32 = flag::NO_COW | flag::COMPRESSED | flag::NO_COMPRESSION;

/// Gives a new, empty file the inode flags that decide how its content is stored.
pub fn before_content(run: &Run<'_>, at: &Open, item: &Item, source: &File, to: &File) {
    let wanted = attrs::flags(source) & BEFORE_CONTENT;
    if wanted != 0 {
        let path = || at.dir.path_of(&item.name);
        set_flags(run, to.as_fd(), wanted, &path);
    }
}

/// A regular file's metadata. `hold_back` are inode flags that must not be set yet.
pub fn file(
    run: &Run<'_>,
    at: &Open,
    item: &Item,
    stat: &Stat,
    source: &File,
    to: &File,
    hold_back: u32,
) -> Result<(), Fault> {
    let path = || at.dir.path_of(&item.name);
    let (from, of) = (Of::File(source.as_fd()), Of::File(to.as_fd()));
    let foreign = stat.uid != 0 || stat.gid != 0;
    if foreign {
        run.keep("the owner", make::own(to, stat), &path)?;
    }
    xattrs(run, from, of, &item.attributes, &path)?;
    // An access ACL's mask is the group's permissions, so setting it changed nothing; chown may
    // have.
    if stat.mode & SPECIAL != 0 {
        run.keep("the permissions", make::permit(to, stat.permissions()), &path)?;
    }
    run.keep("the times", make::date(to, stat), &path)?;
    flags_and_project(run, source.as_fd(), to.as_fd(), hold_back, &path)
}

/// The metadata of what is neither a regular file nor a directory: it is never opened.
pub fn special(run: &Run<'_>, at: &Open, item: &Item) -> Result<(), Fault> {
    let path = || at.dir.path_of(&item.name);
    let (stat, name) = (&item.stat, item.name.as_c_str());
    if stat.uid != 0 || stat.gid != 0 {
        run.keep("the owner", make::own_at(&at.target, name, stat), &path)?;
    }
    xattrs(
        run,
        Of::Name(at.source.as_fd(), name),
        Of::Name(at.target.as_fd(), name),
        &item.attributes,
        &path,
    )?;
    if stat.kind() != Some(Kind::Symlink) && stat.mode & SPECIAL != 0 {
        run.keep("the permissions", make::permit_at(&at.target, name, stat.permissions()), &path)?;
    }
    run.keep("the times", make::date_at(&at.target, name, stat), &path)
}

/// A directory's, when everything in it is there.
pub fn directory(run: &Run<'_>, at: &Open, stat: &Stat) -> Result<(), Fault> {
    let path = || at.dir.path();
    let (from, of) = (Of::File(at.source.as_fd()), Of::File(at.target.as_fd()));
    run.keep("the owner", make::own(&at.target, stat), &path)?;
    match attrs::names(from) {
        Ok(names) => xattrs(run, from, of, &names, &path)?,
        Err(e) => run.unreadable(path(), e),
    }
    run.keep("the permissions", make::permit(&at.target, stat.permissions()), &path)?;
    run.keep("the times", make::date(&at.target, stat), &path)?;
    flags_and_project(run, at.source.as_fd(), at.target.as_fd(), 0, &path)
}

fn xattrs(
    run: &Run<'_>,
    from: Of<'_>,
    to: Of<'_>,
    names: &[CString],
    path: &dyn Fn() -> Vec<u8>,
) -> Result<(), Fault> {
    for name in names {
        let value = match attrs::value(from, name) {
            Ok(value) => value,
            // Taken away meanwhile.
            Err(Errno::ENODATA) => continue,
            Err(e) => return Err(Fault::Source(e)),
        };
        match attrs::set(to, name, &value) {
            // Too large for the target's kind of file system, or the target is full: a full one
            // shows by itself.
            Err(Errno::ENOSPC) if run.has_room() => {
                run.lost(&attribute(name), Errno::ENOSPC, path())
            }
            other => run.keep(&attribute(name), other, path)?,
        }
    }
    Ok(())
}

fn attribute(name: &CStr) -> String {
    format!("the attribute {}", crate::text::path::show_path(name.to_bytes()))
}

fn flags_and_project(
    run: &Run<'_>,
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    hold_back: u32,
    path: &dyn Fn() -> Vec<u8>,
) -> Result<(), Fault> {
    let project = if run.projects { attrs::project(from) } else { 0 };
    if project != 0 {
        run.keep("the project id", attrs::set_project(to, project), path)?;
    }
    let wanted = attrs::flags(from) & flag::MASK & !hold_back;
    if wanted != 0 {
        set_flags(run, to, wanted, path);
    }
    Ok(())
}

/// Adds inode flags; where the kernel refuses them together, one by one, and those that it refuses
/// are counted.
fn set_flags(run: &Run<'_>, to: BorrowedFd<'_>, wanted: u32, path: &dyn Fn() -> Vec<u8>) {
    let now = attrs::flags(to);
    if now & wanted == wanted || attrs::put_flags(to, now | wanted).is_ok() {
        return;
    }
    let mut now = now;
    // What forbids changes comes last.
    let (forbidding, others): (Vec<_>, Vec<_>) =
        flag::KEPT.iter().partition(|(bit, _)| bit & (flag::IMMUTABLE | flag::APPEND) != 0);
    let missing = wanted & !now;
    for (bit, letter) in others.into_iter().chain(forbidding).filter(|(bit, _)| missing & bit != 0)
    {
        match attrs::put_flags(to, now | bit) {
            Ok(()) => now |= bit,
            Err(e) => run.lost(&format!("the flag {letter} (chattr +{letter})"), e, path()),
        }
    }
}

/// Sets the flags that were held back from a file with several names, when it has the last.
pub fn held_back(run: &Run<'_>, at: &Open, name: &CStr, flags: u32) {
    let set = || -> Sys<()> {
        let file = make::open_file(&at.target, name)?;
        attrs::put_flags(&file, attrs::flags(&file) | flags)
    };
    if let Err(e) = set() {
        run.lost("the flags i and a (chattr)", e, at.dir.path_of(name));
    }
}

/// Takes from a directory that was there before what its new entries would inherit (group, default
/// ACL, flags), and shuts it for others until it is finished.
pub fn neutral(run: &Run<'_>, at: &Open) -> Sys<()> {
    let there = stat_fd(&at.target)?;
    if !run.owners || (there.permissions(), there.uid, there.gid) == (PRIVATE, 0, 0) {
        return Ok(());
    }
    let now = attrs::flags(&at.target);
    if now & flag::MASK != 0 {
        attrs::put_flags(&at.target, now & !flag::MASK)?;
    }
    make::own(&at.target, &Stat::default())?;
    make::permit(&at.target, PRIVATE)?;
    attrs::remove(&at.target, c"system.posix_acl_default")
}

/// Makes a new, empty directory fold case if the source's does: later it could not be set.
pub fn casefold(run: &Run<'_>, at: &Open) {
    if attrs::flags(&at.source) & flag::CASEFOLD != 0
        && let now = attrs::flags(&at.target)
        && now & flag::CASEFOLD == 0
        && let Err(e) = attrs::put_flags(&at.target, now | flag::CASEFOLD)
    {
        run.lost("the flag F (chattr +F)", e, at.dir.path());
    }
}
