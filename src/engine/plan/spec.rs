//! The description of one alternate. Phase 1 makes it once and stores it: the image, the layout
//! with its fresh identifiers, the identity map, how the source boots. Every later phase works from
//! it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::boot::identity::ids::IdMap;
use crate::engine::facts::bootable::{Bootable, Firmware};
use crate::engine::plan::layout::Layout;
use crate::engine::request::Identity;
use crate::image::data::ImageData;

/// The description of one alternate: made by phase 1, used by all later phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlternateSpec {
    /// Of the stored form.
    pub version: u32,
    /// Eight hex digits that name this alternate.
    pub id: String,
    /// Seconds since the epoch.
    pub created: u64,
    /// The layout as an image.data.
    pub image: ImageData,
    /// Kernel names of the source's disks.
    pub source_disks: Vec<String>,
    /// The target side.
    pub layout: Layout,
    /// Old and new identifiers.
    pub ids: IdMap,
    /// How it boots.
    pub boot: Bootable,
    /// True if this kernel can mount vfat, and so the ESP.
    pub esp_mountable: bool,
    /// Paths in the running system that are never copied: swap files, practice disks, own state.
    pub leave_out: Vec<PathBuf>,
    /// True if /alt_inst did not exist before.
    pub made_mount_point: bool,
    /// None: a clone of the running system.
    #[serde(default)]
    pub imaged: Option<ImageSource>,
}

/// The image that an image install restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// As `-d` names it.
    pub device: PathBuf,
    /// For people: `web1, Debian GNU/Linux 12 (12.11.0), made 2026-11-22 20:15`.
    pub what: String,
    /// The fingerprint by which an interrupted restore recognises it; empty for a stream without
    /// manifest.
    pub print: String,
    /// Number of members.
    pub files: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// A boot image that is put on top: kernel, initramfs, modules.
    pub boot_image: Option<PathBuf>,
    /// How the identity of the image is treated.
    pub identity: Identity,
    /// It was made on another machine, or that is not known.
    pub other_machine: bool,
}

impl AlternateSpec {
    /// True if the targets are practice disks (other loop devices are never targets).
    pub fn on_practice_disks(&self) -> bool {
        self.layout.disks.iter().any(|d| d.path.to_string_lossy().starts_with("/dev/loop"))
    }

    /// The disks of the running system in words: a system on a live medium has none.
    pub fn present(&self) -> String {
        if self.source_disks.is_empty() {
            "the running system's disk".to_owned()
        } else {
            self.source_disks.join(" ")
        }
    }

    /// The source of the alternate, in words.
    pub fn origin(&self) -> String {
        self.imaged.as_ref().map_or_else(|| self.source_disks.join(" "), |i| i.what.clone())
    }

    /// True if a loader for UEFI is installed.
    pub fn gets_efi_loader(&self) -> bool {
        self.boot.efi.is_ok() && self.esp_mountable && self.boots()
    }

    /// True if only a BIOS starts the result, on a machine that has one.
    pub fn starts_by_bios_alone(&self) -> bool {
        self.boot.firmware == Firmware::Bios && !self.gets_efi_loader()
    }

    /// True if there is a kernel, so that boot loaders make sense.
    pub fn boots(&self) -> bool {
        !self.boot.kernels.is_empty()
    }
}
