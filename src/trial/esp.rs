//! The EFI system partition that holds a record, mounted for a moment where it is not mounted.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::bootlist::bootdisk::BootDisk;
use crate::boot::device;
use crate::boot::loader::grub::dir::mounted_at;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::temporary_mount::TemporaryMount;

use super::record::{self, SIZE};

/// The record's block on the ESP with this FAT serial; None if there is no file, or no such ESP.
///
/// # Errors
/// If it is there and cannot be read, or two partitions have this serial.
pub fn read_record(fat_uuid: &str, events: &Events) -> Result<Option<Vec<u8>>> {
    let Some(device) = find_device(fat_uuid)? else { return Ok(None) };
    on_esp(&device, false, events, |esp| esp.read(record::PATH))
}

/// Writes the record's block, durably.
///
/// # Errors
/// ALT-514 if the ESP is not there or is there twice; if it cannot be written.
pub fn write_record(disk: &BootDisk, block: &[u8; SIZE], events: &Events) -> Result<()> {
    let fat_uuid = disk.esp_fat_uuid.as_deref().unwrap_or_default();
    let device = find_device(fat_uuid)?.ok_or_else(|| {
        error::ONCE_RECORD.with_cause(format!(
            "{}: its EFI system partition {fat_uuid} is not there",
            disk.title()
        ))
    })?;
    on_esp(&device, true, events, |esp| {
        esp.replace(record::PATH, block, 0o644)?;
        let read = esp.read(record::PATH)?;
        if read.as_deref() == Some(block.as_slice()) {
            return Ok(());
        }
        Err(error::ONCE_RECORD.with_cause(format!(
            "{}: what was written on its EFI system partition {fat_uuid} reads back differently",
            disk.title()
        )))
    })
}

/// Removes the record. That it or the ESP is not there is no error.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove_record(fat_uuid: &str, events: &Events) -> Result<()> {
    let Some(device) = find_device(fat_uuid)? else { return Ok(()) };
    on_esp(&device, true, events, |esp| {
        esp.remove(record::PATH)?;
        // Other files in it are not altdisk's.
        let dir = Path::new(record::PATH).parent().unwrap_or(Path::new(""));
        if esp.read_dir(dir)?.is_empty() { esp.remove_directory(dir) } else { Ok(()) }
    })
}

fn find_device(fat_uuid: &str) -> Result<Option<PathBuf>> {
    device::find_only(fat_uuid, |why| error::ONCE_RECORD.with_cause(why))
}

fn on_esp<T>(
    device: &Path,
    write: bool,
    events: &Events,
    act: impl FnOnce(&Beneath) -> Result<T>,
) -> Result<T> {
    if let Some(at) = mounted_at(device, write)? {
        return act(&Beneath::open(&at)?);
    }
    let name = device.file_name().unwrap_or_default().to_string_lossy();
    let options = if write { "rw" } else { "ro" };
    let mounted = TemporaryMount::new(device, &format!("esp-{name}"), "vfat", options, events)?;
    // Not held open, or it could not be unmounted.
    let done = Beneath::open(mounted.path()).and_then(|esp| act(&esp));
    let closed = mounted.close();
    let done = done?;
    closed.map(|()| done)
}
