//! Practice disks: sparse files with loop devices, which the rest of altdisk treats as disks.
//!
//! A loop device counts as a disk if, and only if, its backing file lies in the one directory here.
//! There is no record besides the files, so none can be wrong. A restart takes the loop device away
//! and leaves the file: it is then listed as not attached, and [`create`] with the same name
//! attaches it again.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::disk::claim::Claim;
use crate::disk::model::{Disk, Inventory, PRACTICE};
use crate::disk::partitions::forget_partitions;
use crate::disk::sysfs::{self, Block};
use crate::disk::udev::settle;
use crate::disk::uses;
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::device::loop_is_on;
use crate::text::printable;
use crate::text::size::format_size;

/// Where the files of practice disks are.
pub fn directory() -> PathBuf {
    PathBuf::from("/var/lib/altdisk/practice")
}

/// The serial of the practice disk `name`.
pub fn serial(name: &str) -> String {
    format!("{PRACTICE}{name}")
}

/// Whether a block device is a practice disk: a loop device on a file in [`directory`], this very
/// file and not one of the same name in some container.
pub fn is_ours(block: &Block) -> bool {
    let file = block
        .backing_file
        .as_ref()
        .filter(|f| f.parent() == Some(&directory()) && f.extension().is_some_and(|e| e == "img"));
    file.is_some_and(|f| {
        loop_is_on(&Path::new("/dev").join(&block.devname), f).unwrap_or_else(|| f.exists())
    })
}

/// A practice disk, attached or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    pub name: String,
    pub file: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Bytes that the sparse file takes.
    pub used: u64,
    /// `/dev/loopN`; None where it is not attached (after a restart).
    pub device: Option<PathBuf>,
}

/// All practice disks, by name.
///
/// # Errors
/// If the directory cannot be read.
pub fn list() -> Result<Vec<Practice>> {
    let dir = directory();
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(error::NOT_ROOT.with_cause("only root can see the practice disks"));
        }
        Err(e) => return Err(e).with_context(|| format!("reading {}", dir.display())),
    };
    let blocks = sysfs::read_all(Path::new("/sys"), Path::new("/run/udev/data"));
    let mut all = vec![];
    for file in
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "img"))
    {
        let (Some(name), Ok(meta)) =
            (file.file_stem().map(|n| n.to_string_lossy().into_owned()), fs::metadata(&file))
        else {
            continue;
        };
        let device = blocks
            .iter()
            .find(|b| b.backing_file.as_ref() == Some(&file) && is_ours(b))
            .map(|b| Path::new("/dev").join(&b.devname));
        all.push(Practice {
            name,
            size: meta.len(),
            used: meta.blocks().saturating_mul(512),
            device,
            file,
        });
    }
    all.sort_by_cached_key(|p| sysfs::natural(&p.name));
    Ok(all)
}

/// The practice disk of that name.
///
/// # Errors
/// ALT-253 where there is none.
pub fn find(name: &str) -> Result<Practice> {
    let all = list()?;
    let names: Vec<String> = all.iter().map(|p| p.name.clone()).collect();
    all.into_iter().find(|p| p.name == name).ok_or_else(|| {
        let list = if names.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there is {}", names.join(", "))
        };
        error::PRACTICE_UNKNOWN.with_cause(format!(
            "{}: no practice disk of this name ({list})",
            printable(name, false)
        ))
    })
}

/// Whether `name` may be a practice disk's name.
///
/// # Errors
/// ALT-251 if not.
pub fn check_name(name: &str) -> Result<()> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let good = begins
        && name.len() <= 32
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !good {
        return Err(error::PRACTICE_NAME.with_cause(format!(
            "`{}` is not a name for a practice disk",
            printable(name, false)
        )));
    }
    let starts = [
        "sd", "vd", "hd", "xvd", "nvme", "mmcblk", "loop", "md", "dm-", "sr", "ram", "zram", "nbd",
    ];
    let rest = starts.iter().find_map(|s| name.strip_prefix(s));
    let kernel = rest.is_some_and(|r| {
        r.starts_with(|c: char| c.is_ascii_digit())
            || (!r.is_empty() && r.len() <= 3 && r.chars().all(|c| c.is_ascii_lowercase()))
    });
    if kernel {
        return Err(error::PRACTICE_NAME.with_cause(format!(
            "`{name}` is what the kernel calls disks: it could be taken for a real one"
        )));
    }
    Ok(())
}

/// Makes a practice disk, or attaches one that a restart has detached (then `size` and `sector`
/// must be None or as they are). `size` in bytes, 8 GiB by default; `sector` 512 or 4096.
///
/// # Errors
/// ALT-251, ALT-252, ALT-803, ALT-802 with what losetup said.
pub fn create(
    name: &str,
    size: Option<u64>,
    sector: Option<u32>,
    events: &Events,
) -> Result<Practice> {
    check_name(name)?;
    if !nix::unistd::geteuid().is_root() {
        return Err(error::NOT_ROOT.with_cause("making a practice disk needs root"));
    }
    if sector.is_some_and(|s| s != 512 && s != 4096) {
        return Err(
            error::DISK_SECTOR.with_cause("a practice disk has sectors of 512 or 4096 bytes")
        );
    }
    let file = directory().join(format!("{name}.img"));
    let old = list()?.into_iter().find(|p| p.name == name);
    let fresh = old.is_none();
    if let Some(old) = old {
        if let Some(device) = old.device {
            return Err(error::PRACTICE_EXISTS.with_cause(format!(
                "{name} is {} ({})",
                device.display(),
                format_size(old.size)
            )));
        }
        if size.is_some_and(|s| s != old.size) {
            return Err(error::PRACTICE_EXISTS.with_cause(format!(
                "{name} exists, is not attached, and has {}, not the size asked for",
                format_size(old.size)
            )));
        }
        events.note(format!("{name} existed and is attached again"));
    } else {
        make_file(&file, size.unwrap_or(8 << 30), events)?;
    }
    let sector = sector.or_else(|| sector_of(&file)).unwrap_or(512);
    let attach = Cmd::new("losetup", format!("make {name} a disk")).args([
        "--show",
        "-f",
        "-P",
        "--sector-size",
        &sector.to_string(),
    ]);
    let attached = attach.arg(&file).run(events).inspect_err(|_| {
        if fresh {
            drop(fs::remove_file(&file));
        }
    })?;
    let device = PathBuf::from(attached.text().trim());
    // A machine that was killed, or a plain `losetup -d`, leaves partition nodes behind: the kernel
    // keeps them for the next file on this loop device. None of them is of this file.
    let number = device.file_name().unwrap_or_default().to_string_lossy().into_owned();
    forget_partitions(&device, &number, events)?;
    // Kernels that do not look for partitions themselves are told them; one without a table is no
    // failure.
    if !fresh {
        Cmd::new("partx", format!("make the kernel read the partitions of {name}"))
            .arg("-u")
            .arg(&device)
            .accept(&[1])
            .run(events)?;
    }
    settle(events)?;
    let made = list()?.into_iter().find(|p| p.name == name && p.device.as_ref() == Some(&device));
    made.ok_or_else(|| {
        error::KERNEL.with_cause(format!(
            "{} was attached to {} but does not show",
            file.display(),
            device.display()
        ))
    })
}

/// Bytes that can still be written to the practice disk in `file`: what its file system has free,
/// and what the file has already.
pub fn room(file: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    let free = nix::sys::statvfs::statvfs(file).ok()?;
    let has = fs::metadata(file).ok()?.blocks().saturating_mul(512);
    Some(free.blocks_available().saturating_mul(free.fragment_size()).saturating_add(has))
}

fn make_file(file: &Path, size: u64, events: &Events) -> Result<()> {
    if size < 64 << 20 || !size.is_multiple_of(1 << 20) {
        return Err(error::BAD_SIZE.with_remedy(
            format!("a practice disk of {size} bytes"),
            "give at least 64M, in whole MiB",
        ));
    }
    let dir = directory();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&dir)
        .with_context(|| format!("making {}", dir.display()))?;
    let room = nix::sys::statvfs::statvfs(&dir)
        .map_or(u64::MAX, |s| s.blocks_available().saturating_mul(s.fragment_size()));
    if room < size {
        let text = format!(
            "{} has {} free; the practice disk of {} takes only what is written to it, but filling it would fail",
            dir.display(),
            format_size(room),
            format_size(size)
        );
        events.warn(text);
    }
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let new = new.with_context(|| format!("making {}", file.display()))?;
    new.set_len(size)
        .with_context(|| format!("making {} as large as {}", file.display(), format_size(size)))
        .inspect_err(|_| drop(fs::remove_file(file)))
}

/// The sector size that a GPT in the file was written for.
fn sector_of(file: &Path) -> Option<u32> {
    let file = File::open(file).ok()?;
    [512u32, 4096].into_iter().find(|sector| {
        let mut magic = [0u8; 8];
        file.read_exact_at(&mut magic, u64::from(*sector)).is_ok() && &magic == b"EFI PART"
    })
}

/// Removes a practice disk: its partitions, its loop device, its file.
///
/// # Errors
/// ALT-253 where there is none; ALT-254 with the evidence where it is in use.
pub fn remove(name: &str, events: &Events) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err(error::NOT_ROOT.with_cause("removing a practice disk needs root"));
    }
    let practice = find(name)?;
    if let Some(device) = &practice.device {
        let inventory = Inventory::gather()?;
        if let Some(disk) = inventory.disks.iter().find(|d| d.path == *device) {
            refuse_if_used(name, disk, &inventory)?;
            detach(disk, events)?;
        }
    }
    fs::remove_file(&practice.file).with_context(|| format!("removing {}", practice.file.display()))
}

fn refuse_if_used(name: &str, disk: &Disk, inventory: &Inventory) -> Result<()> {
    let used = uses::find_uses(disk, inventory);
    if !used.is_empty() {
        let (evidence, remedies): (Vec<String>, Vec<String>) =
            used.into_iter().map(|u| (u.evidence, u.remedy)).unzip();
        return Err(error::PRACTICE_IN_USE.with_remedy(
            format!("{name} ({}): {}", disk.path.display(), evidence.join("; ")),
            remedies.join("; "),
        ));
    }
    let claim = Claim::take(disk).map_err(|e| {
        let why = error::cause(&e);
        error::PRACTICE_IN_USE.with_cause(format!("{name}: {why}"))
    })?;
    claim.close()
}

fn detach(disk: &Disk, events: &Events) -> Result<()> {
    forget_partitions(&disk.path, &disk.name, events)?;
    Cmd::new("losetup", format!("detach {}", disk.path.display()))
        .arg("-d")
        .arg(&disk.path)
        .run(events)?;
    // The kernel detaches later where somebody (udev) still looks at it; the file must not go
    // before that.
    for _ in 0..50 {
        let now =
            crate::host::files::line(format!("/sys/class/block/{}/loop/backing_file", disk.name));
        if now.map(PathBuf::from) != disk.practice {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(error::PRACTICE_IN_USE
        .with_cause(format!("{} stays attached: something has it open", disk.path.display())))
}

/// The first name of the form `practiceN` that is free.
///
/// # Errors
/// As [`list`].
pub fn free_name() -> Result<String> {
    let all = list()?;
    let taken = |n: &u32| all.iter().any(|p| p.name == format!("practice{n}"));
    Ok(format!("practice{}", (1u32..).find(|n| !taken(n)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["one", "A-1_b"] {
            assert!(check_name(good).is_ok());
        }
        for bad in ["", "1x", "../x", "a.b", "a b", "x/y", "-x", &"a".repeat(33)] {
            assert_eq!(
                error::find(&check_name(bad).unwrap_err()).unwrap().entry.id,
                "ALT-251",
                "{bad}"
            );
        }
    }

    #[test]
    fn sector_size_is_found_in_the_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for (at, want) in [(512usize, Some(512)), (4096, Some(4096)), (1024, None)] {
            let mut image = vec![0u8; 8192];
            image[at..at + 8].copy_from_slice(b"EFI PART");
            fs::write(&path, &image).unwrap();
            assert_eq!(sector_of(&path), want);
        }
    }
}
