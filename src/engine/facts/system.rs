//! Describes the running system in the terms of an image's manifest.

use std::path::Path;

use crate::boot::loader::platform;
use crate::engine::facts::bootable::{Bootable, Firmware};
use crate::host::files;
use crate::image::level::{level, value};
use crate::image::manifest::System;

/// Describes the running system; `boot` is what can be made bootable from it.
pub fn describe_running_system(boot: &Bootable) -> System {
    let text = |path: &str| {
        let bytes = files::read_optional(Path::new(path)).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let os = [text("/etc/os-release"), text("/usr/lib/os-release")]
        .into_iter()
        .find(|t| !t.is_empty())
        .unwrap_or_default();
    let debian = text("/etc/debian_version");
    let uname = nix::sys::utsname::uname().ok();
    let said = |word: Option<&std::ffi::OsStr>| {
        word.map(|w| w.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let why = |can: &Result<(), String>| can.as_ref().err().cloned().unwrap_or_default();
    System {
        host: said(uname.as_ref().map(|u| u.nodename())),
        machine_id: text("/etc/machine-id").trim().to_owned(),
        distribution: value(&os, "ID"),
        name: value(&os, "PRETTY_NAME"),
        level: level(&os, Some(&debian).filter(|d| !d.is_empty()).map(String::as_str)),
        architecture: said(uname.as_ref().map(|u| u.machine())),
        firmware: if boot.firmware == Firmware::Uefi { "uefi".into() } else { "bios".into() },
        kernels: boot.kernels.clone(),
        no_initramfs: boot.initramfs.as_ref().err().cloned(),
        platforms: [
            (platform(Firmware::Bios), why(&boot.bios)),
            (platform(Firmware::Uefi), why(&boot.efi)),
        ]
        .map(|(p, w)| (p.to_owned(), w))
        .into(),
    }
}
