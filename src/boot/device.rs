//! Devices found by an identifier, and a partition's place on its disk. Asked anew each time; no
//! cache is trusted.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::host::cmd::Cmd;
use crate::host::files;

/// Devices whose `key` (`UUID`, `PARTUUID`) is `value`, as blkid probes them now. More than one
/// means duplicates.
///
/// # Errors
/// If blkid is missing.
pub fn find_by(key: &str, value: &str) -> Result<Vec<PathBuf>> {
    let asked = Cmd::new("blkid", format!("find the device with {key}={value}"))
        .args(["-c", "/dev/null", "-o", "device", "-t"])
        .arg(format!("{key}={value}"))
        .accept(&[2])
        .read()?;
    Ok(asked.text().lines().map(PathBuf::from).collect())
}

/// The device with this UUID, if there is one. `refuse` makes the error for several, from a sentence
/// that names them.
///
/// # Errors
/// If blkid is missing; that of `refuse`.
pub fn find_only(
    uuid: &str,
    refuse: impl FnOnce(String) -> anyhow::Error,
) -> Result<Option<PathBuf>> {
    let mut found = find_by("UUID", uuid)?;
    if found.len() > 1 {
        let all: Vec<String> = found.iter().map(|p| p.display().to_string()).collect();
        return Err(refuse(format!("several devices have the UUID {uuid}: {}", all.join(", "))));
    }
    Ok(found.pop())
}

/// One value that blkid knows of a device (`UUID`, `TYPE`, `PARTUUID`, `PTUUID`).
///
/// # Errors
/// If blkid is missing.
pub fn value(device: &Path, key: &str) -> Result<Option<String>> {
    let asked = Cmd::new("blkid", format!("read {key} of {}", device.display()))
        .args(["-c", "/dev/null", "-o", "value", "-s", key])
        .arg(device)
        .accept(&[2])
        .read()?;
    Ok(Some(asked.text().trim().to_owned()).filter(|v| !v.is_empty()))
}

/// The disk that a partition is on, and its number there; None for what is no partition.
pub fn partition(device: &Path) -> Option<(PathBuf, u32)> {
    let real = std::fs::canonicalize(device).ok()?;
    let name = real.file_name()?.to_str()?.to_owned();
    let sys = std::fs::canonicalize(format!("/sys/class/block/{name}")).ok()?;
    let number = files::line(sys.join("partition"))?.parse().ok()?;
    let disk = sys.parent()?.file_name()?.to_str()?.to_owned();
    Some((Path::new("/dev").join(disk), number))
}

/// Kernel names of the whole disks below a device, through LVM and the like.
pub fn disks_below(device: &Path) -> Vec<String> {
    let Some(name) = std::fs::canonicalize(device)
        .ok()
        .and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()))
    else {
        return vec![];
    };
    let mut found = vec![];
    collect(&name, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(name: &str, found: &mut Vec<String>) {
    let sys = PathBuf::from(format!("/sys/class/block/{name}"));
    let slaves: Vec<String> = std::fs::read_dir(sys.join("slaves"))
        .map(|d| d.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    for slave in &slaves {
        collect(slave, found);
    }
    if !slaves.is_empty() {
        return;
    }
    match partition(&Path::new("/dev").join(name)) {
        Some((disk, _)) => found.extend(disk.file_name().map(|n| n.to_string_lossy().into_owned())),
        None if sys.exists() => found.push(name.to_owned()),
        None => {}
    }
}
