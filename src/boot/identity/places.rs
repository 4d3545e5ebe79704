//! The one list of places where a system names its disks. Rewriting, the audit and the look
//! beforehand all walk it, and read each file by the same syntax: what one of them knows, the
//! others know too.
//!
//! Files of the administrator are changed where they are. Units below /usr/lib belong to packages
//! (file-hierarchy(7)), whose next update would undo a change there: a unit of the same name in
//! /etc/systemd/system takes their place. Scripts and tables of cron are only read: what a device
//! is for in them nobody knows, so it is reported.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::host::beneath::Beneath;
use crate::host::fs_calls::Kind as FileKind;

/// What is done in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Files are changed.
    Change,
    /// Units of packages: others take their place.
    Override,
    /// Files are read, and what names the source is reported.
    Report,
    /// Changed by a program of its own, and audited.
    Audit,
}

/// A file, or a directory with all below it; inside a root, without the first `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub path: &'static str,
    pub treatment: Treatment,
}

const fn place(path: &'static str, treatment: Treatment) -> Location {
    Location { path, treatment }
}

/// systemd.unit(5), from the strongest; /run is empty when a system starts.
pub const OWN_UNITS: [&str; 2] = ["etc/systemd/system", "usr/local/lib/systemd/system"];
/// Where packages install units, with and without the merged /usr.
pub const PACKAGED_UNITS: [&str; 2] = ["usr/lib/systemd/system", "lib/systemd/system"];

/// The places, each once; an earlier one takes what a later one leads to.
pub const PLACES: [Location; 16] = [
    place("etc", Treatment::Change),
    place("boot", Treatment::Change),
    place("efi", Treatment::Change),
    place("usr/local/etc", Treatment::Change),
    place("usr/local/lib/systemd", Treatment::Change),
    place("usr/local/lib/udev", Treatment::Change),
    place("usr/share/initramfs-tools/conf.d", Treatment::Change),
    place("usr/lib/dracut/dracut.conf.d", Treatment::Change),
    place("usr/lib/kernel", Treatment::Change),
    place("var/lib/initramfs-tools", Treatment::Change),
    place(PACKAGED_UNITS[0], Treatment::Override),
    place(PACKAGED_UNITS[1], Treatment::Override),
    place("usr/local/bin", Treatment::Report),
    place("usr/local/sbin", Treatment::Report),
    place("var/spool/cron", Treatment::Report),
    place("var/cache/debconf/config.dat", Treatment::Audit),
];

/// What is found in a place: a path inside the root without the first `/` and without links, and
/// what it is.
pub type Found = (PathBuf, FileKind);

/// Everything in a place. A directory that another place leads to is walked there (/lib where it is
/// a link to /usr/lib).
///
/// # Errors
/// If a directory cannot be read.
pub fn walk(root: &Beneath, place: Location) -> Result<Vec<Found>> {
    let leads = root.leads_to(place.path)?;
    let earlier = PLACES.iter().take_while(|p| p.path != place.path);
    for other in earlier {
        // One that cannot be reached has nothing in common with this.
        if root.leads_to(other.path).is_ok_and(|other| other == leads) {
            return Ok(vec![]);
        }
    }
    if root.is_file(&leads) {
        return Ok(vec![(leads.strip_prefix("/").unwrap_or(&leads).to_owned(), FileKind::Regular)]);
    }
    root.walk(place.path)
}

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// fstab(5).
    Fstab,
    /// crypttab(5).
    Crypttab,
    /// systemd.unit(5), drop-ins too.
    Unit,
    /// Kernel command lines, wherever they are kept; shell variables and GRUB commands with them.
    CommandLine,
    /// lvm.conf(5).
    Lvm,
    /// GRUB's environment block.
    Grubenv,
    /// A disk, and nothing else (SUSE's grub_installdevice).
    InstallDevice,
    /// No grammar.
    Text,
}

const COMMAND_LINES: [&str; 16] = [
    "etc/default/grub",
    "etc/kernel/",
    "usr/lib/kernel/",
    "etc/cmdline",
    "etc/grub.d/",
    "etc/initramfs-tools/",
    "usr/share/initramfs-tools/",
    "etc/dracut",
    "usr/lib/dracut/",
    "etc/mkinitcpio",
    "boot/grub/",
    "boot/grub2/",
    "boot/loader/",
    "boot/efi/",
    "boot/extlinux/",
    "boot/syslinux/",
];
const MORE_COMMAND_LINES: [&str; 25] = [
    "efi/",
    "boot/EFI/",
    "boot/firmware/",
    "boot/cmdline.txt",
    "boot/armbianEnv.txt",
    "boot/orangepiEnv.txt",
    "boot/uEnv.txt",
    "boot/boot.cmd",
    "boot/refind_linux.conf",
    "boot/limine",
    "etc/limine",
    "etc/default/limine",
    "etc/default/u-boot",
    "etc/default/extlinux",
    "etc/default/flash-kernel",
    "etc/default/kexec",
    "etc/default/kdump-tools",
    "etc/sysconfig/grub",
    "etc/sysconfig/kernel",
    "etc/sysconfig/kexec",
    "etc/sysconfig/kdump",
    "etc/tuned/bootcmdline",
    "etc/lilo.conf",
    "etc/zipl.conf",
    "etc/syslinux",
];

/// By the path inside a root, without the first `/`.
pub fn syntax(inner: &Path) -> Syntax {
    let text = inner.to_string_lossy();
    let name = inner.file_name().unwrap_or_default().to_string_lossy();
    let lvm = ["etc/lvm/lvm.conf", "etc/lvm/lvmlocal.conf"].contains(&text.as_ref())
        || text.starts_with("etc/lvm/profile/");
    match text.as_ref() {
        "etc/default/grub_installdevice" => Syntax::InstallDevice,
        "etc/crypttab" | "etc/crypttab.initramfs" => Syntax::Crypttab,
        "etc/fstab" => Syntax::Fstab,
        _ if text.starts_with("etc/fstab.d/") => Syntax::Fstab,
        _ if lvm => Syntax::Lvm,
        _ if name == "grubenv" => Syntax::Grubenv,
        _ if is_unit(inner) => Syntax::Unit,
        _ if COMMAND_LINES.iter().chain(&MORE_COMMAND_LINES).any(|p| text.starts_with(p)) => {
            Syntax::CommandLine
        }
        _ => Syntax::Text,
    }
}

/// The same for a member of an initramfs, which has places of its own.
pub fn syntax_in_initramfs(inner: &Path) -> Syntax {
    let name = inner.file_name().unwrap_or_default().to_string_lossy();
    let starts = |dirs: &[&str]| dirs.iter().any(|d| inner.starts_with(d));
    match syntax(inner) {
        Syntax::Text if name == "fstab" => Syntax::Fstab,
        Syntax::Text
            if ["cryptroot/crypttab", "etc/crypttab"].iter().any(|p| inner.ends_with(p)) =>
        {
            Syntax::Crypttab
        }
        Syntax::Text if name == "resume" || name.ends_with(".cfg") => Syntax::CommandLine,
        Syntax::Text
            if starts(&[
                "conf",
                "cmdline.d",
                "etc/conf.d",
                "etc/cmdline.d",
                "etc/lvm",
                "usr/lib/dracut",
            ]) =>
        {
            Syntax::CommandLine
        }
        known => known,
    }
}

const UNITS: [&str; 8] =
    ["service", "mount", "automount", "swap", "device", "target", "socket", "path"];

/// A unit of the system, or a drop-in for one (`home.mount.d/x.conf`).
fn is_unit(inner: &Path) -> bool {
    let below = ["etc/systemd", "usr/local/lib/systemd"]
        .iter()
        .chain(&PACKAGED_UNITS)
        .any(|d| inner.starts_with(d));
    let ends = |p: &Path, more: &str| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        UNITS.iter().any(|u| {
            name.ends_with(&format!(".{u}{more}"))
                || (!more.is_empty() && name == format!("{u}{more}"))
        })
    };
    let drop_in = || {
        inner.extension().is_some_and(|e| e == "conf")
            && inner.parent().is_some_and(|d| ends(d, ".d"))
    };
    below && (ends(inner, "") || drop_in())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_a_syntax() {
        for (path, want) in [
            ("etc/fstab", Syntax::Fstab),
            ("etc/fstab.d/x", Syntax::Fstab),
            ("etc/crypttab", Syntax::Crypttab),
            ("etc/systemd/system/srv.mount", Syntax::Unit),
            ("etc/systemd/system/srv.mount.d/more.conf", Syntax::Unit),
            ("etc/systemd/system/backup.service", Syntax::Unit),
            ("etc/systemd/system/mount.d/all.conf", Syntax::Unit),
            ("etc/systemd/system.conf", Syntax::Text),
            ("usr/local/lib/systemd/system/srv.swap", Syntax::Unit),
            ("lib/systemd/system/srv.mount", Syntax::Unit),
            ("usr/lib/systemd/system/srv.mount", Syntax::Unit),
            ("srv/x.mount", Syntax::Text),
            ("etc/lvm/lvm.conf", Syntax::Lvm),
            ("etc/lvm/profile/x.profile", Syntax::Lvm),
            ("etc/default/grub", Syntax::CommandLine),
            ("etc/default/grub.d/x.cfg", Syntax::CommandLine),
            ("etc/default/grub_installdevice", Syntax::InstallDevice),
            ("boot/grub/custom.cfg", Syntax::CommandLine),
            ("boot/efi/EFI/fedora/grubenv", Syntax::Grubenv),
            ("boot/efi/EFI/proxmox/grub.cfg", Syntax::CommandLine),
            ("boot/EFI/proxmox/grub.cfg", Syntax::CommandLine),
            ("boot/refind_linux.conf", Syntax::CommandLine),
            ("boot/limine/limine.conf", Syntax::CommandLine),
            ("etc/default/kexec", Syntax::CommandLine),
            ("etc/nagios/x.cfg", Syntax::Text),
        ] {
            assert_eq!(syntax(Path::new(path)), want, "{path}");
        }
        for (path, want) in [
            ("conf/conf.d/zz-resume", Syntax::CommandLine),
            ("cryptroot/crypttab", Syntax::Crypttab),
            ("etc/lvm/lvm.conf", Syntax::Lvm),
            ("usr/lib/x", Syntax::Text),
        ] {
            assert_eq!(syntax_in_initramfs(Path::new(path)), want, "{path}");
        }
    }

    #[test]
    fn a_place_is_walked_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("usr/lib/systemd/system")).unwrap();
        std::fs::write(dir.path().join("usr/lib/systemd/system/a.mount"), "").unwrap();
        std::os::unix::fs::symlink("usr/lib", dir.path().join("lib")).unwrap();
        let root = Beneath::open(dir.path()).unwrap();
        let all: Vec<Found> = PLACES.iter().flat_map(|p| walk(&root, *p).unwrap()).collect();
        assert_eq!(all, [(PathBuf::from("usr/lib/systemd/system/a.mount"), FileKind::Regular)]);
    }
}
