//! Mounts: `/proc/self/mountinfo` read (proc(5)), file systems mounted and unmounted.

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, umount2};

use crate::error;
use crate::event::Events;
use crate::host::beneath::{Beneath, Unfit, own_path};
use crate::host::cmd::Cmd;
use crate::host::tree;

/// One line of mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub id: u32,
    pub parent: u32,
    /// `major:minor` as the kernel writes it (anonymous for btrfs).
    pub dev: String,
    /// The directory inside the file system that is mounted here (`/`, `/@home`, a bind's
    /// directory).
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

impl Mount {
    /// Whether this is the same mount as another list has it. Its number is not compared: in every
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

/// What is mounted in this namespace, in mount order.
///
/// # Errors
/// If /proc is not mounted.
pub fn mounted() -> Result<Vec<Mount>> {
    Ok(parse_mountinfo(
        &std::fs::read("/proc/self/mountinfo").context("reading /proc/self/mountinfo")?,
    ))
}

/// Mounts `device` at `at` (which must exist). `options` is fstab's fourth field; words that only
/// fstab knows are left out.
///
/// # Errors
/// ALT-802 with what mount(8) said.
pub fn mount(device: &Path, at: &Path, fstype: &str, options: &str, events: &Events) -> Result<()> {
    mount_command(device, at, fstype, options).arg(device).arg(at).run(events).map(drop)
}

fn mount_command(device: &Path, at: &Path, fstype: &str, options: &str) -> Cmd {
    let options: Vec<&str> =
        options.split(',').filter(|o| !o.is_empty() && !fstab_only(o)).collect();
    let cmd = Cmd::new("mount", format!("mount {} at {}", device.display(), at.display()))
        .args(["-t", fstype]);
    if options.is_empty() { cmd } else { cmd.arg("-o").arg(options.join(",")) }
}

/// Mounts `device` on the directory `inner` beneath `root`, which is made if need be.
///
/// What lies beneath `root` is not trusted: the directory is opened without following a link,
/// mounted on by its descriptor, and looked at again afterwards. What turns out to be mounted
/// elsewhere is unmounted.
///
/// # Errors
/// ALT-713 naming the link or file in the way, or where the directory was moved meanwhile; ALT-802
/// with what mount(8) said.
pub fn mount_beneath(
    root: &Path,
    inner: &Path,
    device: &Path,
    fstype: &str,
    options: &str,
    events: &Events,
) -> Result<()> {
    let top = Beneath::open(root)?;
    let shown = top.shown(inner);
    let at = top.mount_point(inner, true).map_err(|e| unfit(&top, &e))?;
    // Without -c, mount(8) would look for the name of the directory and mount there.
    mount_command(device, &shown, fstype, options)
        .arg("-c")
        .arg(device)
        .arg(at.path())
        .run(events)?;
    drop(at);
    if is_mounted_beneath(root, inner, device)? {
        return Ok(());
    }
    if let Some(elsewhere) = mounted()?.iter().rfind(|m| is_of(m, device)) {
        unmount(&elsewhere.mount_point)?;
    }
    Err(error::MOUNT_POINT.with_cause(format!(
        "{} was moved while {} was mounted there",
        shown.display(),
        device.display()
    )))
}

fn unfit(root: &Beneath, why: &Unfit) -> anyhow::Error {
    let (name, what) = match why {
        Unfit::Link(name, target) => (name, format!("is a link to {}", target.display())),
        Unfit::Other(name, e) => {
            (name, format!("is not a directory that can be used: {}", e.desc()))
        }
    };
    let shown = root.shown(name);
    error::MOUNT_POINT.with_remedy(
        format!("{} {what}", shown.display()),
        format!(
            "put a directory in its place (`mv {0} {0}.old && mkdir {0}`) and run the command again; or remove the copy with `alt_disk_install -X`",
            shown.display()
        ),
    )
}

/// Whether the directory `inner` beneath `root`, reached without a link, is where the file system
/// on `device` is mounted and seen.
///
/// # Errors
/// If /proc is not mounted.
pub fn is_mounted_beneath(root: &Path, inner: &Path, device: &Path) -> Result<bool> {
    let Ok(top) = Beneath::open(root) else { return Ok(false) };
    let Ok(at) = top.mount_point(inner, false) else { return Ok(false) };
    let (id, shown) =
        (mount_id(at.fd()).context("reading /proc/thread-self/fdinfo")?, top.shown(inner));
    Ok(mounted()?.iter().any(|m| m.id == id && m.mount_point == shown && is_of(m, device)))
}

/// The mount that an open file lies on, by its number in mountinfo.
///
/// # Errors
/// If /proc is not mounted.
pub fn mount_id(fd: &impl AsRawFd) -> std::io::Result<u32> {
    let text = std::fs::read(format!("/proc/thread-self/fdinfo/{}", fd.as_raw_fd()))?;
    parse_mount_id(&String::from_utf8_lossy(&text))
        .ok_or_else(|| std::io::Error::other("fdinfo does not tell the mount"))
}

/// `mnt_id` of the text of a fdinfo file (proc_pid_fdinfo(5)).
fn parse_mount_id(fdinfo: &str) -> Option<u32> {
    fdinfo.lines().find_map(|l| l.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// Whether a mount is of the file system on this device.
pub fn is_of(mount: &Mount, device: &Path) -> bool {
    let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
    let number = std::fs::metadata(device).map(|m| {
        format!("{}:{}", nix::sys::stat::major(m.rdev()), nix::sys::stat::minor(m.rdev()))
    });
    number.is_ok_and(|n| n == mount.dev) || real(Path::new(&mount.source)) == real(device)
}

fn fstab_only(option: &str) -> bool {
    matches!(
        option,
        "defaults"
            | "auto"
            | "noauto"
            | "nofail"
            | "_netdev"
            | "user"
            | "users"
            | "owner"
            | "group"
    ) || option.starts_with("x-")
        || option.starts_with("comment=")
}

/// Unmounts everything at and below `top`, by what mountinfo says at each moment: what is mounted
/// on another goes first. A busy one is tried for two seconds. Returns what was unmounted, the last
/// first.
///
/// # Errors
/// ALT-804 naming the mount point that stays busy.
pub fn unmount_below(top: &Path) -> Result<Vec<PathBuf>> {
    let mut unmounted = vec![];
    for _ in 0..MAX_MOUNTS {
        let Some(m) = last_below(&mounted()?, top) else { return Ok(unmounted) };
        unmount(&m.mount_point)?;
        unmounted.insert(0, m.mount_point);
    }
    Err(error::KERNEL.with_cause(format!("more and more is mounted below {}", top.display())))
}

/// More mounts than anybody has in one place.
const MAX_MOUNTS: usize = 10_000;

/// The mount at or below `top` that is to be unmounted next: the newest of those that nothing is
/// mounted on.
fn last_below(all: &[Mount], top: &Path) -> Option<Mount> {
    let is_free = |m: &Mount| !all.iter().any(|other| other.parent == m.id && other.id != m.id);
    all.iter().rfind(|m| m.mount_point.starts_with(top) && is_free(m)).cloned()
}

/// Unmounts one mount point, patiently. `at` is a path as mountinfo has it, without links.
///
/// # Errors
/// ALT-804 if it stays busy.
pub fn unmount(at: &Path) -> Result<()> {
    const TRIES: u32 = 20;
    let mut last = Errno::EBUSY;
    for _ in 0..TRIES {
        match unmount_once(at) {
            Ok(()) => return Ok(()),
            Err(_) if !is_mount_point(at) => return Ok(()),
            Err(e) => last = e,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(error::KERNEL.with_remedy(
        format!("{} cannot be unmounted: {last}", at.display()),
        format!(
            "end what uses it (`fuser -vm {}` lists it) and run the command again",
            at.display()
        ),
    ))
}

/// The directory above is opened without following a link, so that nothing else is unmounted if a
/// name on the way becomes one. The mount point itself cannot be held open: that would keep it
/// busy.
fn unmount_once(at: &Path) -> nix::Result<()> {
    let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else {
        return Err(Errno::EINVAL);
    };
    let top = std::fs::File::open("/").map_err(|e| tree::errno(&e))?;
    let parent = parent.as_os_str().as_bytes().strip_prefix(b"/").unwrap_or_default();
    let dir = tree::open_below(top.as_fd(), parent, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
    umount2(&own_path(&dir).join(name), MntFlags::UMOUNT_NOFOLLOW)
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
    fn mounts_beneath_a_root_whatever_links_are_in_it() {
        if !nix::unistd::geteuid().is_root() {
            return println!("skipped: needs root");
        }
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let (root, outside, device) =
            (top.join("root"), top.join("outside"), Path::new("altdisk-test-tmpfs"));
        for at in [&root, &outside] {
            std::fs::create_dir(at).unwrap();
        }
        std::os::unix::fs::symlink("../outside", root.join("boot")).unwrap();
        let mount = |inner: &str| {
            mount_beneath(&root, Path::new(inner), device, "tmpfs", "size=1m", &Events::new())
        };
        let is_there = |inner: &str| is_mounted_beneath(&root, Path::new(inner), device).unwrap();
        for inner in ["/boot", "/boot/efi"] {
            let e = format!("{:#}", mount(inner).unwrap_err());
            assert!(
                e.contains("ALT-713") && e.contains("root/boot is a link to ../outside"),
                "{e}"
            );
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        mount("/a/b").unwrap();
        mount("/a/b/c").unwrap();
        assert!(is_there("/a/b") && is_there("/a/b/c") && !is_there("/a") && !is_there("/"));
        // A directory above mount points can be renamed, and its name used for a link.
        std::fs::rename(root.join("a"), root.join("moved")).unwrap();
        std::os::unix::fs::symlink("../outside", root.join("a")).unwrap();
        assert!(!is_there("/a/b") && is_there("/moved/b"));
        assert_eq!(unmount_below(&root).unwrap(), [root.join("moved/b"), root.join("moved/b/c")]);
        assert!(unmount_below(&root).unwrap().is_empty() && root.join("moved/b").is_dir());
        assert_eq!(parse_mount_id("pos:\t0\nflags:\t010000000\nmnt_id:\t29\n"), Some(29));
    }
}
