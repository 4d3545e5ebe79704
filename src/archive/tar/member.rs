//! One member, put together of its header and of the extended headers and long names before it.

use std::collections::HashMap;
use std::ffi::CString;

use super::acl::{self, Who};
use super::header::Header;
use super::pax::Pax;
use super::{Bad, Kind, Member};
use crate::error;
use crate::host::fs_calls::Time;
use crate::text::path::show_path;

/// At most this many names of users and groups are remembered.
const NAMES: usize = 4096;
/// The longest name that is; useradd takes 32 bytes.
const NAME: usize = 64;

/// The headers before a member's own.
#[derive(Debug, Default)]
pub struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Begun with what holds for all members.
    pub pax: Option<Pax>,
}

impl Before {
    /// GNU's long name of the next member.
    pub fn long_name(&mut self, text: Vec<u8>) -> Result<(), Bad> {
        self.name = Some(to_nul(text));
        Ok(())
    }

    /// GNU's long target of the next member.
    pub fn long_link(&mut self, text: Vec<u8>) -> Result<(), Bad> {
        self.link = Some(to_nul(text));
        Ok(())
    }
}

fn to_nul(mut text: Vec<u8>) -> Vec<u8> {
    if let Some(end) = text.iter().position(|b| *b == 0) {
        text.truncate(end);
    }
    text
}

/// Numbers of users and groups as the headers tell them beside their names: ACLs of GNU tar have
/// names only.
#[derive(Debug, Default)]
pub struct Names(HashMap<(bool, Vec<u8>), u32>);

impl Names {
    /// Remembers the names of a member's owner and group.
    pub fn learn(&mut self, header: &Header, before: &Before) {
        let pax = before.pax.as_ref();
        // A name that does not fit into the header is cut there.
        let user = pax.and_then(|p| p.user.as_deref()).unwrap_or(header.user());
        let group = pax.and_then(|p| p.group.as_deref()).unwrap_or(header.group());
        self.learn_name(true, user, pax.and_then(|p| p.uid).or(header.uid().ok()));
        self.learn_name(false, group, pax.and_then(|p| p.gid).or(header.gid().ok()));
    }

    fn learn_name(&mut self, user: bool, name: &[u8], id: Option<u32>) {
        if let Some(id) =
            id.filter(|_| !name.is_empty() && name.len() <= NAME && self.0.len() < NAMES)
        {
            // Most members have the owner of the one before.
            let key = (user, name.to_vec());
            self.0.entry(key).or_insert(id);
        }
    }

    fn number(&self, who: Who, name: &[u8]) -> Option<u32> {
        let learnt = self.0.get(&(who == Who::User, name.to_vec())).copied();
        learnt.or_else(|| (name == b"root").then_some(0))
    }
}

/// How the content of a member is stored.
#[derive(Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// With holes: the map is known, not yet checked.
    Map(Vec<(u64, u64)>),
    /// GNU's old form: entries of the header, and whether blocks with more follow.
    OldGnu(Vec<(u64, u64)>, bool),
    /// GNU's 1.0: the map stands before the content.
    InContent,
    /// It is of a kind without content, and yet tells a size.
    Nothing(u64),
}

/// The member (`map` empty, `offset` 0), what of it is lost, and how its content is stored.
type Made = (Member, Vec<String>, Form);

/// Puts a member together. An error comes with its path.
pub fn make(
    header: &Header,
    before: &Before,
    global: &Pax,
    names: &Names,
) -> Result<Made, (Vec<u8>, Bad)> {
    let pax = before.pax.as_ref().unwrap_or(global);
    let path = pax.path.clone().or_else(|| before.name.clone()).unwrap_or_else(|| header.path());
    let path = pax.sparse.name.clone().unwrap_or(path);
    match make_named(path.clone(), header, before, pax, names) {
        Ok(made) => Ok(made),
        Err(bad) => Err((path, bad)),
    }
}

fn make_named(
    path: Vec<u8>,
    header: &Header,
    before: &Before,
    pax: &Pax,
    names: &Names,
) -> Result<Made, Bad> {
    sensible(&path, "name")?;
    let link = || {
        let link =
            pax.link.clone().or_else(|| before.link.clone()).unwrap_or_else(|| header.link());
        sensible(&link, "target").map(|()| link)
    };
    let device = || -> Result<(u32, u32), Bad> {
        Ok((or(pax.device.0, || header.major())?, or(pax.device.1, || header.minor())?))
    };
    let kind = match header.typeflag() {
        // Before POSIX a directory was told by the slash at its end alone.
        b'0' | b'\0' | b'7' if path.ends_with(b"/") => Kind::Directory,
        b'0' | b'\0' | b'7' => Kind::Regular,
        b'S' if header.is_gnu() => Kind::Regular,
        b'1' => Kind::HardLink(link()?),
        b'2' => Kind::Symlink(link()?),
        b'3' => device().map(|(major, minor)| Kind::Char(major, minor))?,
        b'4' => device().map(|(major, minor)| Kind::Block(major, minor))?,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        flag => return Err(unsupported(flag)),
    };
    let stored = or(pax.size, || header.size())?;
    let (size, form) = content(&kind, stored, header, pax)?;
    let (mtime, atime) = times(header, pax)?;
    let mut notes = vec![];
    let (xattrs, mut lost) = attributes(pax, names);
    notes.append(&mut lost);
    if !pax.unknown.is_empty() {
        notes.push(format!(
            "the archive says more of it than can be restored ({})",
            pax.unknown.join(", ")
        ));
    }
    let member = Member {
        path,
        mode: header.mode().map_err(Bad::damaged)?,
        uid: or(pax.uid, || header.uid())?,
        gid: or(pax.gid, || header.gid())?,
        mtime,
        atime,
        size,
        stored: if matches!(form, Form::Nothing(_)) { 0 } else { stored },
        map: None,
        xattrs,
        flags: pax.flags.clone(),
        offset: 0,
        kind,
    };
    Ok((member, notes, form))
}

/// mtime and atime.
///
/// libarchive writes a quarter before 1970 as `-1.75` where everybody else has `-0.25`: it puts a
/// minus before the seconds below and forgets that the fraction counts from there. Its header tells
/// those seconds, so that it can be known.
fn times(header: &Header, pax: &Pax) -> Result<(Time, Option<Time>), Bad> {
    let Some(mtime) = pax.mtime else {
        return Ok((Time { secs: header.mtime().map_err(Bad::damaged)?, nanos: 0 }, pax.atime));
    };
    let odd =
        mtime.secs < 0 && mtime.nanos > 0 && header.short_mtime() == mtime.secs.checked_add(1);
    let right = |t: Time| match t {
        Time { secs, nanos: 1.. } if odd && secs < 0 => {
            Time { secs: secs.saturating_add(1), nanos: 1_000_000_000 - t.nanos }
        }
        t => t,
    };
    Ok((right(mtime), pax.atime.map(right)))
}

/// The value of the extended header, or else of the header.
fn or<T>(pax: Option<T>, header: impl FnOnce() -> Result<T, String>) -> Result<T, Bad> {
    pax.map_or_else(|| header().map_err(Bad::damaged), Ok)
}

/// A name or target must be one that the kernel can take.
fn sensible(name: &[u8], what: &str) -> Result<(), Bad> {
    match name {
        [] => Err(Bad::damaged(format!("it has no {what}"))),
        name if name.contains(&0) => Err(Bad::damaged(format!("its {what} holds a NUL byte"))),
        _ => Ok(()),
    }
}

fn unsupported(flag: u8) -> Bad {
    let what = match flag {
        b'D' => "a directory of an incremental archive (tar --incremental)".to_owned(),
        b'M' => "the rest of a file that begins on another volume (tar --multi-volume)".to_owned(),
        b'N' => "names in a form that GNU tar gave up in 1990".to_owned(),
        b'S' => {
            "a file with holes in star's own form (make it with -H exustar or GNU tar)".to_owned()
        }
        b'A' | b'E' => "an ACL in Solaris's form".to_owned(),
        b'I' => "a file without content (star -meta)".to_owned(),
        other => format!("a member of a kind that is not known ({})", show_path(&[other])),
    };
    Bad { entry: &error::IMAGE_MEMBER, text: format!("it is {what}") }
}

/// The size when restored, and how the content is stored.
fn content(kind: &Kind, stored: u64, header: &Header, pax: &Pax) -> Result<(u64, Form), Bad> {
    if stored > i64::MAX.cast_unsigned() {
        return Err(Bad::damaged("its size is not a number that a file can have"));
    }
    if *kind != Kind::Regular {
        return Ok((0, Form::Nothing(stored)));
    }
    if header.typeflag() == b'S' {
        let (map, more) = header.map(false).map_err(Bad::damaged)?;
        return Ok((header.real_size().map_err(Bad::damaged)?, Form::OldGnu(map, more)));
    }
    let sparse = &pax.sparse;
    let real_size = || {
        sparse
            .real_size
            .ok_or_else(|| Bad::damaged("the archive does not say how large it is with its holes"))
    };
    match (sparse.major, sparse.minor, &sparse.map) {
        (Some(1), Some(0), _) => Ok((real_size()?, Form::InContent)),
        (None, None, None) => Ok((stored, Form::Plain)),
        (None | Some(0), None | Some(0 | 1), Some(map)) => {
            Ok((real_size()?, Form::Map(map.clone())))
        }
        _ => Err(Bad {
            entry: &error::IMAGE_MEMBER,
            text: "its holes are stored in a form that is not known".to_owned(),
        }),
    }
}

/// All extended attributes, ACLs and the label among them; and what of that is lost.
fn attributes(pax: &Pax, names: &Names) -> (Vec<(CString, Vec<u8>)>, Vec<String>) {
    let mut all = pax.xattrs.clone();
    let mut lost = vec![];
    for (name, text, what) in [
        (c"system.posix_acl_access", &pax.access, "ACL"),
        (c"system.posix_acl_default", &pax.default, "default ACL"),
    ] {
        let Some(text) = text else { continue };
        // In the kernel's own form there are numbers only.
        if all.iter().any(|(n, _)| n.as_c_str() == name) {
            continue;
        }
        match acl::to_kernel(text, |who, name| names.number(who, name)) {
            Ok(value) => all.push((name.to_owned(), value)),
            Err(why) => lost.push(format!("its {what} cannot be restored: {why}")),
        }
    }
    let label = c"security.selinux";
    if let Some(text) =
        pax.selinux.as_ref().filter(|_| !all.iter().any(|(n, _)| n.as_c_str() == label))
    {
        // The kernel keeps the NUL at its end; archives do not.
        let mut value = text.clone();
        if value.last() != Some(&0) {
            value.push(0);
        }
        all.push((label.to_owned(), value));
    }
    (all, lost)
}
