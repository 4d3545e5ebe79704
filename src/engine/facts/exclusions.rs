//! The exclude list, checked before anything is written: a list that excludes what a system cannot
//! do without is an error.
//!
//! Directories of the system and mount points are made whatever the list says, empty if it takes
//! all that is in them: without /proc or /tmp nothing runs in the copy.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::boot::identity::fstab;
use crate::boot::kernels::{self, Kernel};
use crate::engine::facts::source::Source;
use crate::engine::paths::{ALT_INST, FLAGS, STATE};
use crate::error;
use crate::host::{files, fs_calls, mounts};
use crate::tree::Excludes;
use crate::tree::filter::ExcludeFilter;

/// Directories that a system expects to find (file-hierarchy(7)), whatever is in them.
const EXPECTED: [&str; 11] = [
    "/boot", "/dev", "/etc", "/mnt", "/proc", "/root", "/run", "/sys", "/tmp", "/var/log",
    "/var/tmp",
];

/// Without anything in one of these, or without one of the files, there is no system.
const ESSENTIAL: [&str; 20] = [
    "/",
    "/etc",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/share",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/systemd/system",
    "/bin/sh",
    "/sbin/init",
    "/lib/ld-linux-aarch64.so.1",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-musl-x86_64.so.1",
];
/// Without these it does not boot.
const BOOTS: [&str; 8] = [
    "/boot",
    "/usr/lib/modules",
    "/lib/modules",
    "/usr/lib/grub",
    "/usr/share/grub",
    "/usr/share/initramfs-tools",
    "/usr/lib/dracut",
    "/usr/lib/initcpio",
];
/// Programs that phase 3 runs in the copy, those of them that are there.
const PROGRAMS: [&str; 10] = [
    "update-initramfs",
    "mkinitramfs",
    "dracut",
    "mkinitcpio",
    "grub-install",
    "grub2-install",
    "grub-mkconfig",
    "grub2-mkconfig",
    "grub-mkimage",
    "grub2-mkimage",
];

/// The exclude list, or an empty one.
///
/// # Errors
/// ALT-401 for an invalid pattern.
pub fn read_exclude_list(file: Option<&PathBuf>) -> Result<Excludes> {
    let Some(file) = file else { return Excludes::parse(b"", Path::new("")) };
    let list = Excludes::parse(
        &std::fs::read(file).with_context(|| format!("reading {}", file.display()))?,
        file,
    )?;
    Ok(list.keeping(EXPECTED.iter().map(PathBuf::from).chain(mount_points()?)))
}

/// Every mount point, those that are only in fstab included.
fn mount_points() -> Result<Vec<PathBuf>> {
    let text = files::read_optional(Path::new("/etc/fstab"))?.unwrap_or_default();
    let fstab = fstab::parse(&String::from_utf8_lossy(&text), "/etc/fstab")?;
    let named = fstab.into_iter().map(|e| e.mount_point).filter(|at| at.is_absolute());
    Ok(mounts::mounted()?
        .into_iter()
        .map(|m| m.mount_point)
        .chain(named)
        .filter(|at| at != Path::new("/"))
        .collect())
}

/// The exclude list, which leaves what a system needs; `boots`: also what it boots with.
///
/// # Errors
/// ALT-401 for an invalid pattern, ALT-407 for a list that takes too much.
pub fn read_checked(file: Option<&PathBuf>, boots: bool) -> Result<Excludes> {
    let list = read_exclude_list(file)?;
    file.map_or(Ok(()), |file| check(file, &list, boots))?;
    Ok(list)
}

/// Refuses a list that leaves nothing of what a system needs; `boots`: also of what it boots with.
///
/// # Errors
/// ALT-407 naming the directory and the lines.
fn check(file: &Path, list: &Excludes, boots: bool) -> Result<()> {
    let mut all: Vec<PathBuf> = ESSENTIAL.iter().map(PathBuf::from).collect();
    if boots {
        all.extend(BOOTS.iter().map(PathBuf::from));
        let dirs = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        all.extend(dirs.iter().flat_map(|d| PROGRAMS.iter().map(move |p| Path::new(d).join(p))));
    }
    let kernels = if boots { kernels::installed(Path::new("/")) } else { vec![] };
    let modules = |k: &Kernel| Path::new("/usr/lib/modules").join(&k.version).join("kernel");
    all.extend(kernels.iter().map(modules));
    let is_copied = |k: &Kernel| !takes(&list.with_zero_counts(), &k.image).unwrap_or(false);
    if !kernels.iter().any(is_copied) {
        all.extend(kernels.first().map(|k| k.image.clone()));
    }
    for at in &all {
        let list = list.with_zero_counts();
        if !takes(&list, at).unwrap_or(false) {
            continue;
        }
        let lines: Vec<String> = list
            .report()
            .iter()
            .filter(|u| u.matches > 0)
            .map(|u| format!("line {}: `{}`", u.line, u.text))
            .collect();
        return Err(error::EXCLUDES_ALL.with_cause(format!(
            "{} {} {} ({})",
            file.display(),
            if at.is_dir() { "leaves nothing of" } else { "leaves out" },
            at.display(),
            lines.join(", ")
        )));
    }
    Ok(())
}

/// True if the list takes all of a directory that has something in it, or a file, or a link that
/// stands in the place of either, or what the link leads to.
fn takes(list: &Excludes, at: &Path) -> Result<bool> {
    let Ok(there) = at.symlink_metadata() else { return Ok(false) };
    if !there.is_dir() {
        // A file is excluded by its own line alone.
        let is_taken = |p: &Path| list.matches(&[b".", p.as_os_str().as_encoded_bytes()].concat());
        let to = at.canonicalize().ok().filter(|to| to.is_file());
        return Ok(is_taken(at) || to.is_some_and(|to| is_taken(&to)));
    }
    let dir = File::open(at)?;
    let dev = fs_calls::stat_fd(&dir)?.dev;
    Ok(ExcludeFilter::new(list, dir.as_fd(), dev, at).excludes_everything()?)
}

/// Practice disks' backing files and our own state: what neither a clone nor an image contains.
pub fn leave_out(source: &Source) -> Vec<PathBuf> {
    let swap = source.image.swap_file_data.iter().map(|s| PathBuf::from(&s.file));
    let own = [STATE, ALT_INST, "/var/log/altdisk"].map(PathBuf::from);
    own.into_iter().chain([Path::new("/").join(FLAGS)]).chain(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_state_is_left_out() {
        let all = leave_out(&Source::default());
        for path in ["/alt_inst", "/.altdisk-flags"] {
            assert!(all.contains(&PathBuf::from(path)), "{path}: {all:?}");
        }
    }
}
