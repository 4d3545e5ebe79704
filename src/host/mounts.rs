//! Mounts: `/proc/self/mountinfo` read (proc(5)), file systems mounted and unmounted.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};

use crate::error;

/// One line of mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub id: u32,
    pub parent: u32,
    /// `major:minor` as the kernel writes it (anonymous for btrfs).
    pub dev: String,
    /// The directory inside the file system that is mounted here (`/`, `/@home`, a bind's directory).
    pub root: PathBuf,
    pub mount_point: PathBuf,
    /// Per-mount options, comma separated.
    pub options: String,
    pub fstype: String,
    /// What was mounted: a device path, or a name.
    pub source: String,
    /// Per-file-system options.
    pub super_options: String,
}

/// Reads the text of a mountinfo file; lines that do not parse are left out.
pub fn parse_mountinfo(text: &[u8]) -> Vec<Mount> {
    text.split(|b| *b == b'\n').filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
    let dash = fields.iter().position(|f| *f == b"-")?;
    let text = |i: usize| fields.get(i).map(|f| String::from_utf8_lossy(f).into_owned());
    let path = |i: usize| fields.get(i).map(|f| PathBuf::from(unescape(f)));
    Some(Mount {
        id: text(0)?.parse().ok()?,
        parent: text(1)?.parse().ok()?,
        dev: text(2)?,
        root: path(3)?,
        mount_point: path(4)?,
        options: text(5)?,
        fstype: text(dash + 1)?,
        source: path(dash + 2)?.to_string_lossy().into_owned(),
        super_options: text(dash + 3).unwrap_or_default(),
    })
}

/// Undoes the `\040` octal escapes of mountinfo, /proc/swaps and fstab.
pub fn unescape(field: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(field.len());
    let mut i = 0;
    while i < field.len() {
        let digits = field.get(i + 1..i + 4).filter(|d| field[i] == b'\\' && d.iter().all(|b| (b'0'..=b'7').contains(b)));
        if let Some(d) = digits {
            let value = d.iter().fold(0u32, |v, b| v * 8 + u32::from(b - b'0'));
            out.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            i += 4;
        } else {
            out.push(field[i]);
            i += 1;
        }
    }
    OsString::from_vec(out)
}

/// What is mounted in this namespace, in mount order.
///
/// # Errors
/// If /proc is not mounted.
pub fn mounted() -> Result<Vec<Mount>> {
    Ok(parse_mountinfo(&std::fs::read("/proc/self/mountinfo").context("reading /proc/self/mountinfo")?))
}

/// Mounts `device` at `at` (which must exist). `options` is fstab's fourth field; words that only fstab knows are left out.
///
/// # Errors
/// ALT-802 with what mount(8) said.
pub fn mount(device: &Path, at: &Path, fstype: &str, options: &str, events: &crate::event::Events) -> Result<()> {
    let options: Vec<&str> = options.split(',').filter(|o| !o.is_empty() && !fstab_only(o)).collect();
    let mut cmd = crate::host::cmd::Cmd::new("mount", format!("mount {} at {}", device.display(), at.display())).args(["-t", fstype]);
    if !options.is_empty() {
        cmd = cmd.arg("-o").arg(options.join(","));
    }
    cmd.arg(device).arg(at).run(events).map(drop)
}

fn fstab_only(option: &str) -> bool {
    matches!(option, "defaults" | "auto" | "noauto" | "nofail" | "_netdev" | "user" | "users" | "owner" | "group")
        || option.starts_with("x-")
        || option.starts_with("comment=")
}

/// Unmounts everything at and below `top`, deepest and newest first; a busy one is tried for two seconds.
/// Returns what was unmounted.
///
/// # Errors
/// ALT-804 naming the mount point that stays busy.
pub fn unmount_below(top: &Path) -> Result<Vec<PathBuf>> {
    let below: Vec<PathBuf> = mounted()?.into_iter().map(|m| m.mount_point).filter(|p| p.starts_with(top)).collect();
    for at in below.iter().rev() {
        unmount(at)?;
    }
    Ok(below)
}

/// Unmounts one mount point, patiently.
///
/// # Errors
/// ALT-804 if it stays busy.
pub fn unmount(at: &Path) -> Result<()> {
    const TRIES: u32 = 20;
    let mut last = nix::errno::Errno::EBUSY;
    for _ in 0..TRIES {
        match umount2(at, MntFlags::UMOUNT_NOFOLLOW) {
            Ok(()) => return Ok(()),
            Err(nix::errno::Errno::EINVAL) if !is_mount_point(at) => return Ok(()),
            Err(e) => last = e,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(error::KERNEL.because_do(
        format!("{} cannot be unmounted: {last}", at.display()),
        format!("end what uses it (`fuser -vm {}` lists it) and run the command again", at.display()),
    ))
}

/// Whether something is mounted exactly there.
pub fn is_mount_point(at: &Path) -> bool {
    mounted().is_ok_and(|all| all.iter().any(|m| m.mount_point == at))
}

/// Writes a path as fstab and mountinfo do: blank, tab, newline and backslash in octal.
pub fn escape(path: &Path) -> String {
    let mut out = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' ' | '\t' | '\n' | '\\' | '#' => out.push_str(&format!("\\{:03o}", u32::from(c))),
                _ => out.push(c),
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\{b:03o}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_mountinfo() {
        let text = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
            40 22 0:35 /@home /srv/a\\040b rw - btrfs /dev/vda2 rw,subvolid=257,subvol=/@home\nbroken\n";
        let m = parse_mountinfo(text);
        assert_eq!(m.len(), 2);
        assert_eq!((m[0].dev.as_str(), m[0].fstype.as_str(), m[0].source.as_str()), ("254:0", "ext4", "/dev/vda"));
        assert_eq!(m[1].mount_point, Path::new("/srv/a b"));
        assert_eq!(m[1].root, Path::new("/@home"));
        assert_eq!(m[1].super_options, "rw,subvolid=257,subvol=/@home");
    }

    #[test]
    fn escapes_round_trip() {
        for p in ["/a b", "/tab\there", "/back\\slash", "/ünï", "/#x"] {
            assert_eq!(unescape(escape(Path::new(p)).as_bytes()), OsString::from(p));
        }
    }
}
