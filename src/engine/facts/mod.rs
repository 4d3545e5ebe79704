//! Everything that planning needs to know about the machine, asked once; nothing is changed.
//!
//! [`Facts::gather`] asks. [`source`] describes the file systems of the running system,
//! [`bootable`] its boot loaders, [`names`] the names of its devices, [`usage`] how full it is. The
//! other files look closer where a request needs it: protected files, writable snapshots, the
//! exclude list, the archive of an image install.

pub mod bootable;
pub mod esp;
pub mod exclusions;
pub mod machine;
pub mod names;
pub mod protections;
pub mod snapshots;
pub mod source;
pub mod subvolume;
pub mod survey;
pub mod system;
pub mod trees;
pub mod usage;

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Result;

use crate::boot::identity::fstab;
use crate::boot::identity::ids::Names;
use crate::boot::loader;
use crate::disk::fs::FsType;
use crate::disk::mkfs;
use crate::disk::model::Inventory;
use crate::engine::facts::bootable::{Bootable, Firmware, bootable};
use crate::engine::facts::machine::Machine;
use crate::engine::facts::source::Source;
use crate::error;
use crate::host::beneath::own_path;
use crate::host::files;
use crate::host::mounts::{self, Mount};
use crate::image::data::{Fs, Image};

/// The machine as it is now.
pub struct Facts {
    /// Disks, volumes, mounts and their users.
    pub inventory: Inventory,
    /// The system to be cloned.
    pub source: Source,
    /// How it boots.
    pub boot: Bootable,
    /// File system types that this kernel can mount.
    pub mountable: Vec<String>,
    /// Why `source` says its disks only: the running system could not be cloned, which does not
    /// keep an image from being installed.
    pub undescribed: Option<anyhow::Error>,
}

impl Facts {
    /// Asks the machine. Changes nothing; without root some things stay unknown
    /// (`inventory.unknown`).
    ///
    /// # Errors
    /// If rootvg cannot be cloned in kind (ALT-3xx).
    pub fn gather() -> Result<Self> {
        let facts = Self::for_image()?;
        match facts.undescribed {
            Some(e) => Err(e),
            None => Ok(facts),
        }
    }

    /// The same for an image install, which the running system's own layout need not concern.
    ///
    /// # Errors
    /// If the machine cannot be asked.
    pub fn for_image() -> Result<Self> {
        let inventory = Inventory::gather()?;
        // First: looking into /boot mounts it where it is mounted on demand.
        let boot = bootable();
        let mounts = mounts::mounted()?;
        let text = files::read_optional(Path::new("/etc/fstab"))?.unwrap_or_default();
        let fstab = fstab::parse(&String::from_utf8_lossy(&text), "/etc/fstab")?;
        let (source, undescribed) = match source::describe(
            &inventory,
            &mounts,
            &fstab,
            describe_image(boot.firmware),
            &Machine,
        ) {
            Ok(source) => (source, None),
            Err(e) => (
                Source {
                    disks: source::root_disks(&inventory, &mounts, &Machine),
                    ..Source::default()
                },
                Some(e),
            ),
        };
        let mut facts =
            Self { inventory, source, boot, mountable: mkfs::filesystems_supported(), undescribed };
        facts.look_at_unmounted_esp()?;
        Ok(facts)
    }

    /// A loader for UEFI can lie on an ESP that is not mounted.
    fn look_at_unmounted_esp(&mut self) -> Result<()> {
        let image = &self.source.image;
        let Some(fs) = image.fs_data.iter().find(|f| esp::is_esp(image, f)) else {
            return Ok(());
        };
        if self.boot.efi.is_ok() || esp::is_mounted(&fs.fs_name)? {
            return Ok(());
        }
        let view = self.open_esp(&fs.fs_name).ok().flatten();
        self.boot.efi = loader::detect(Path::new("/")).capability_without_esp(
            Path::new("/"),
            &fs.fs_name,
            view.as_ref().map(own_path).as_deref(),
        );
        Ok(())
    }

    /// Opens the ESP of rootvg that belongs at `fs_name`, see [`esp::open`].
    ///
    /// # Errors
    /// ALT-406 if it cannot be opened.
    pub fn open_esp(&self, fs_name: &str) -> Result<Option<OwnedFd>> {
        let names = names::source_device(&self.source, fs_name).map(|d| self.old_names(d));
        esp::open(Path::new(fs_name), names.as_ref(), self.esp_mountable())
    }

    /// The mount through which a file system of rootvg is read.
    ///
    /// # Errors
    /// ALT-310 if it is not mounted any more.
    pub fn mount_of(&self, fs: &Fs) -> Result<Mount> {
        let device = names::source_device(&self.source, &fs.fs_name).map(Path::to_owned);
        source::mount::mount_of(fs, device.as_slice())
    }

    /// Everything by which a device of rootvg can be named.
    pub fn old_names(&self, device: &Path) -> Names {
        let subvolumes = self
            .source
            .subvolume_ids
            .iter()
            .find(|(d, _)| d == device)
            .map(|(_, ids)| ids.clone())
            .unwrap_or_default();
        Names { subvolumes, ..names::old_names(&self.inventory, device) }
    }

    /// How the running system boots, and the error to report if it has no kernel. A /boot that is
    /// not mounted hides its kernels, even if the directory below it holds an old one.
    pub fn kernels_there(&self) -> (Bootable, anyhow::Error) {
        let mut boot = self.boot.clone();
        if self.source.not_mounted.iter().any(|at| at == Path::new("/boot")) {
            boot.kernels.clear();
            let cause = "/boot is in /etc/fstab but not mounted, so the kernels that this system starts are not seen";
            return (
                boot,
                error::NO_KERNEL.with_remedy(cause, "`mount /boot`, and run the command again"),
            );
        }
        let cause = "there is no kernel in /boot: this is a container, a microVM, or a machine whose kernel comes from elsewhere";
        (boot, error::NO_KERNEL.with_cause(cause))
    }

    /// True if the ESP can be filled.
    pub fn can_mount(&self, fs: FsType) -> bool {
        self.mountable.iter().any(|name| fs.is_named(name))
    }

    /// Whether the running kernel can mount an EFI system partition.
    pub fn esp_mountable(&self) -> bool {
        self.can_mount(FsType::Vfat)
    }
}

fn describe_image(firmware: Firmware) -> Image {
    let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = os
        .lines()
        .find_map(|l| l.strip_prefix("PRETTY_NAME="))
        .map(|v| v.trim_matches('"').to_owned());
    let uname = nix::sys::utsname::uname().map(|u| {
        [u.sysname(), u.nodename(), u.release(), u.machine()]
            .map(|w| w.to_string_lossy().into_owned())
            .join(" ")
    });
    Image {
        image_type: "clone".into(),
        date_time: crate::host::sys::now().1,
        uname_info: uname.unwrap_or_default(),
        platform: if firmware == Firmware::Uefi { "uefi".into() } else { "bios".into() },
        oslevel: pretty.unwrap_or_default(),
    }
}
