//! The GRUB directory of a disk: the running system's own, or another disk's, mounted for a moment.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::bootlist::bootdisk::BootDisk;
use crate::boot::device;
use crate::disk::fs;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::Cmd;
use crate::host::mounts;
use crate::host::temporary_mount::TemporaryMount;

/// An open GRUB directory. `close` it: dropping unmounts as well, but tells nobody if that fails.
pub struct GrubDir {
    /// Where the system is mounted; it is not held open, or it could not be unmounted.
    root: PathBuf,
    /// In it.
    dir: PathBuf,
    mounted: Option<TemporaryMount>,
    activated: Option<String>,
    events: Events,
}

impl GrubDir {
    /// The running system's own directory.
    ///
    /// # Errors
    /// ALT-509 if there is none.
    pub fn open_own(events: &Events) -> Result<Self> {
        let dir = find_own(Path::new("/")).ok_or_else(|| {
            error::NO_BOOTLIST.with_cause(
                "no GRUB configuration is in /boot/grub or /boot/grub2 of the running system",
            )
        })?;
        Ok(Self { root: "/".into(), dir, mounted: None, activated: None, events: events.clone() })
    }

    /// Another disk's: found by its boot file system's UUID, mounted below /run; where it is
    /// mounted writable already, that is used.
    ///
    /// # Errors
    /// ALT-512 if the file system is not there, is there twice, or holds no GRUB directory.
    pub fn open_other(disk: &BootDisk, write: bool, events: &Events) -> Result<Self> {
        let refuse = |why: String| error::OTHER_GRUB.with_cause(format!("{}: {why}", disk.title()));
        let mut this = Self {
            root: PathBuf::new(),
            dir: disk.grub_dir.clone(),
            mounted: None,
            activated: None,
            events: events.clone(),
        };
        let device = this.device(disk)?.ok_or_else(|| {
            refuse(format!("no device holds its boot file system {}", disk.boot_fs_uuid))
        })?;
        this.root = match mounted_at(&device, write)? {
            Some(at) => at,
            None => this.mount(&device, disk, write)?,
        };
        // What the other system links to is its own, whatever stands at that path here.
        if !Beneath::open(&this.root)?.is_file(this.dir.join("grub.cfg")) {
            return Err(refuse(format!(
                "{} of file system {} holds no grub.cfg",
                disk.grub_dir.display(),
                disk.boot_fs_uuid
            )));
        }
        Ok(this)
    }

    fn device(&mut self, disk: &BootDisk) -> Result<Option<PathBuf>> {
        let find =
            || device::find_only(&disk.boot_fs_uuid, |why| error::OTHER_GRUB.with_cause(why));
        let mut found = find()?;
        if let Some(vg) = disk.boot_vg.as_ref().filter(|_| found.is_none()) {
            Cmd::new("vgchange", format!("activate {vg} to reach its boot file system"))
                .args(["-ay", vg])
                .run(&self.events)?;
            self.activated = Some(vg.clone());
            found = find()?;
        }
        Ok(found)
    }

    fn mount(&mut self, device: &Path, disk: &BootDisk, write: bool) -> Result<PathBuf> {
        let kept = disk.boot_mount_options.split(',').filter(|o| o.starts_with("subvol="));
        let options: Vec<&str> = kept.chain([if write { "rw" } else { "ro" }]).collect();
        let name = format!("boot-{}", disk.id());
        let options = options.join(",");
        let mounted =
            TemporaryMount::new(device, &name, &disk.boot_fstype, &options, &self.events)?;
        Ok(self.mounted.insert(mounted).path().to_owned())
    }

    /// The content of custom.cfg; None where there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn custom(&self) -> Result<Option<Vec<u8>>> {
        Beneath::open(&self.root)?.read(self.dir.join("custom.cfg"))
    }

    /// Writes custom.cfg, or removes it; does nothing where it is so already.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_custom(&self, content: Option<&[u8]>) -> Result<()> {
        if self.custom()?.as_deref() == content {
            return Ok(());
        }
        let root = Beneath::open(&self.root)?;
        let path = root.leads_to(self.dir.join("custom.cfg"))?;
        match content {
            Some(text) => root.replace(&path, text, 0o644),
            None => root.remove(&path),
        }
    }

    /// Replaces custom.cfg by what `change` makes of it, and closes the directory. True if that is
    /// something else.
    ///
    /// # Errors
    /// If it cannot be read or written; as [`GrubDir::close`].
    pub fn edit_custom(
        self,
        change: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>,
    ) -> Result<bool> {
        let old = self.custom()?;
        let new = change(old.as_deref());
        self.set_custom(new.as_deref())?;
        self.close().map(|()| new != old)
    }

    /// The content of custom.cfg; the directory is closed.
    ///
    /// # Errors
    /// If it cannot be read; as [`GrubDir::close`].
    pub fn read_custom(self) -> Result<Option<Vec<u8>>> {
        let text = self.custom();
        self.close()?;
        text
    }

    /// # Errors
    /// ALT-804 if the file system cannot be unmounted.
    pub fn close(mut self) -> Result<()> {
        self.release()
    }

    fn release(&mut self) -> Result<()> {
        self.mounted.take().map_or(Ok(()), TemporaryMount::close)?;
        if let Some(vg) = self.activated.take() {
            Cmd::new("vgchange", format!("deactivate {vg} again"))
                .args(["-an", &vg])
                .run(&self.events)?;
        }
        Ok(())
    }
}

impl Drop for GrubDir {
    fn drop(&mut self) {
        drop(self.release());
    }
}

/// The name of GRUB's directory in /boot, as the distribution of the running system has it.
pub fn name() -> &'static str {
    if Path::new("/boot/grub2").exists() { "grub2" } else { "grub" }
}

/// GRUB's directory below `root`: the one with a grub.cfg.
pub fn find_own(root: &Path) -> Option<PathBuf> {
    let system = Beneath::open(root).ok()?;
    ["boot/grub", "boot/grub2"]
        .iter()
        .map(Path::new)
        .find(|d| system.is_file(d.join("grub.cfg")))
        .map(|d| root.join(d))
}

/// Where the device's file system is mounted as a whole, writable if asked.
///
/// # Errors
/// If /proc is not mounted.
pub fn mounted_at(device: &Path, write: bool) -> Result<Option<PathBuf>> {
    let real = std::fs::canonicalize(device).unwrap_or_else(|_| device.to_owned());
    let same = |m: &mounts::Mount| {
        std::fs::canonicalize(&m.source).is_ok_and(|s| s == real) && m.root == Path::new("/")
    };
    let usable = |m: &mounts::Mount| !write || m.options.split(',').any(|o| o == "rw");
    Ok(mounts::mounted()?
        .into_iter()
        .filter(|m| !fs::has_subvolumes(&m.fstype))
        .find(|m| same(m) && usable(m))
        .map(|m| m.mount_point))
}
