//! Reads the list of mounts: `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One line of mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number.
    pub id: u32,
    /// The number of the mount that it is mounted on.
    pub parent: u32,
    /// `major:minor` as the kernel writes it (anonymous for btrfs).
    pub dev: String,
    /// The directory inside the file system that is mounted here (`/`, `/@home`, a bind's
    /// directory).
    pub root: PathBuf,
    /// Its mount point.
    pub mount_point: PathBuf,
    /// Per-mount options, comma separated.
    pub options: String,
    /// The kernel's name of the kind of file system.
    pub fstype: String,
    /// The device path or name that was mounted.
    pub source: String,
    /// Per-file-system options.
    pub super_options: String,
}

impl Mount {
    /// True if this is the same mount as another list has it. Its number is not compared: in every
    /// namespace it has another.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (&self.dev, &self.root, &self.mount_point) == (&other.dev, &other.root, &other.mount_point)
    }
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
        let digits = field
            .get(i + 1..i + 4)
            .filter(|d| field[i] == b'\\' && d.iter().all(|b| (b'0'..=b'7').contains(b)));
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

/// The mounts of this namespace, in mount order.
///
/// # Errors
/// If /proc is not mounted.
pub fn mounted() -> Result<Vec<Mount>> {
    Ok(parse_mountinfo(
        &std::fs::read("/proc/self/mountinfo").context("reading /proc/self/mountinfo")?,
    ))
}

/// The mount that an open file is on, by its number in mountinfo.
///
/// # Errors
/// If /proc is not mounted.
pub fn mount_id(fd: &impl AsRawFd) -> std::io::Result<u32> {
    let text = std::fs::read(format!("/proc/thread-self/fdinfo/{}", fd.as_raw_fd()))?;
    parse_mount_id(&String::from_utf8_lossy(&text))
        .ok_or_else(|| std::io::Error::other("fdinfo does not name the mount"))
}

/// `mnt_id` of the text of a fdinfo file (proc_pid_fdinfo(5)).
fn parse_mount_id(fdinfo: &str) -> Option<u32> {
    fdinfo.lines().find_map(|l| l.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// True if a mount is of the file system on this device.
pub fn is_of(mount: &Mount, device: &Path) -> bool {
    let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
    let number = std::fs::metadata(device).map(|m| {
        format!("{}:{}", nix::sys::stat::major(m.rdev()), nix::sys::stat::minor(m.rdev()))
    });
    number.is_ok_and(|n| n == mount.dev) || real(Path::new(&mount.source)) == real(device)
}

/// True if something is mounted exactly there.
pub fn is_mount_point(at: &Path) -> bool {
    mounted().is_ok_and(|all| all.iter().any(|m| m.mount_point == at))
}

/// Writes a path as fstab and mountinfo do: blank, tab, newline, backslash and `#` in octal.
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
        assert_eq!(
            (m[0].dev.as_str(), m[0].fstype.as_str(), m[0].source.as_str()),
            ("254:0", "ext4", "/dev/vda")
        );
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

    #[test]
    fn reads_the_mount_of_a_descriptor() {
        assert_eq!(parse_mount_id("pos:\t0\nflags:\t010000000\nmnt_id:\t29\n"), Some(29));
    }
}
