//! Which files of an archive tell what system it is, and what `boot` looks at to say how it can be
//! made bootable.

use crate::archive::tar::Kind;

/// The part of a member that is kept, with its path in the skeleton.
#[derive(Debug, PartialEq, Eq)]
pub enum Keep {
    Text(Vec<u8>),
    /// That it is there.
    Name(Vec<u8>),
    Directory(Vec<u8>),
}

/// No path that matters is longer.
const MAX_PATH: usize = 512;

const TEXTS: [&[u8]; 6] = [
    b"etc/os-release",
    b"usr/lib/os-release",
    b"etc/debian_version",
    b"etc/machine-id",
    b"etc/hostname",
    b"etc/fstab",
];

const PROGRAMS: [&[u8]; 9] = [
    b"grub-install",
    b"grub-mkconfig",
    b"grub2-install",
    b"grub2-mkconfig",
    b"update-initramfs",
    b"mkinitramfs",
    b"dracut",
    b"mkinitcpio",
    b"shim-install",
];

/// Loaders other than GRUB.
const LOADERS: [&[u8]; 10] = [
    b"boot/extlinux/extlinux.conf",
    b"boot/syslinux/syslinux.cfg",
    b"boot/refind_linux.conf",
    b"boot/limine.conf",
    b"boot/efi/limine.conf",
    b"efi/limine.conf",
    b"boot/firmware/config.txt",
    b"boot/config.txt",
    b"boot/cmdline.txt",
    b"etc/zipl.conf",
];

/// The part of the member with these names that is kept.
pub fn wanted(parts: &[&[u8]], kind: &Kind) -> Option<Keep> {
    let path = || parts.join(&b'/');
    if parts.iter().map(|p| p.len() + 1).sum::<usize>() > MAX_PATH {
        return None;
    }
    let regular = matches!(kind, Kind::Regular | Kind::HardLink(_));
    let file = regular || matches!(kind, Kind::Symlink(_));
    match parts {
        // Below /lib/modules a kernel counts by its directory; Arch writes the package's name into
        // it.
        [b"usr", b"lib", b"modules", _, b"pkgbase"] | [b"lib", b"modules", _, b"pkgbase"]
            if *kind == Kind::Regular =>
        {
            Some(Keep::Text(path()))
        }
        // Some archives name no directories.
        [b"usr", b"lib", b"modules", _, inside @ ..]
            if *kind == Kind::Directory || !inside.is_empty() =>
        {
            Some(Keep::Directory(parts[..4].join(&b'/')))
        }
        [b"lib", b"modules", _, inside @ ..] if *kind == Kind::Directory || !inside.is_empty() => {
            Some(Keep::Directory(parts[..3].join(&b'/')))
        }
        [b"boot", name] if regular && is_boot(name) => Some(Keep::Name(path())),
        [b"usr", b"local", b"bin" | b"sbin", name]
        | [b"usr", b"bin" | b"sbin", name]
        | [b"bin" | b"sbin", name]
            if file && PROGRAMS.contains(name) =>
        {
            Some(Keep::Name(path()))
        }
        [b"usr", b"lib", b"grub", platform, ..] | [b"usr", b"share", b"grub2", platform, ..] => {
            grub(parts, platform, kind, path())
        }
        [b"usr", b"lib", b"shim", b"shimx64.efi.signed"] if file => Some(Keep::Name(path())),
        [b"etc", b"initramfs-tools", ..] => Some(Keep::Directory(parts[..2].join(&b'/'))),
        [b"usr", b"share", b"initramfs-tools", ..] => Some(Keep::Directory(parts[..3].join(&b'/'))),
        [b"boot", b"efi", b"EFI", rest @ ..] | [b"efi" | b"boot", b"EFI", rest @ ..] => {
            esp(rest, kind, path())
        }
        _ if *kind == Kind::Regular && TEXTS.contains(&path().as_slice()) => {
            Some(Keep::Text(path()))
        }
        _ if file
            && (LOADERS.contains(&path().as_slice()) || parts == [b"etc", &b"lilo.conf"[..]]) =>
        {
            Some(Keep::Name(path()))
        }
        _ => None,
    }
}

/// A kernel or an initramfs.
fn is_boot(name: &[u8]) -> bool {
    let names: [&[u8]; 6] =
        [b"vmlinuz-", b"vmlinux-", b"Image-", b"initrd.img-", b"initramfs-", b"initrd-"];
    names.iter().any(|n| name.starts_with(n))
}

/// GRUB's modules: the platforms' directories, and the two files that stand for each.
fn grub(parts: &[&[u8]], platform: &[u8], kind: &Kind, path: Vec<u8>) -> Option<Keep> {
    let known: [&[u8]; 4] = [b"i386-pc", b"x86_64-efi", b"arm64-efi", b"x86_64-efi-signed"];
    if !known.contains(&platform) {
        return None;
    }
    match (parts.get(4..), kind) {
        (
            Some([b"boot.img" | b"moddep.lst"]),
            Kind::Regular | Kind::Symlink(_) | Kind::HardLink(_),
        ) => Some(Keep::Name(path)),
        (_, Kind::Directory) if parts.len() == 4 => Some(Keep::Directory(path)),
        _ => None,
    }
}

/// Loaders on the ESP, and the directories that they are in.
fn esp(rest: &[&[u8]], kind: &Kind, path: Vec<u8>) -> Option<Keep> {
    match (rest, kind) {
        (_, Kind::Directory) if rest.len() <= 2 => Some(Keep::Directory(path)),
        ([_, name], Kind::Regular) if name.to_ascii_lowercase().ends_with(b".efi") => {
            Some(Keep::Name(path))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept() {
        let at = |path: &str, kind: Kind| {
            let parts: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
            wanted(&parts, &kind)
        };
        let link = || Kind::Symlink(b"x".to_vec());
        for path in ["etc/fstab", "usr/lib/os-release", "usr/lib/modules/6.9/pkgbase"] {
            assert_eq!(at(path, Kind::Regular), Some(Keep::Text(path.into())));
        }
        for path in [
            "usr/sbin/grub-install",
            "sbin/mkinitramfs",
            "boot/vmlinuz-6.1",
            "usr/lib/grub/i386-pc/boot.img",
            "boot/efi/EFI/debian/shimx64.efi",
        ] {
            assert_eq!(at(path, Kind::Regular), Some(Keep::Name(path.into())));
        }
        for path in [
            "lib/modules/6.1",
            "usr/lib/grub/x86_64-efi",
            "boot/efi/EFI",
            "boot/EFI/BOOT",
            "etc/initramfs-tools",
        ] {
            assert_eq!(at(path, Kind::Directory), Some(Keep::Directory(path.into())));
        }
        assert_eq!(
            at("lib/modules/6.1/kernel/a.ko", Kind::Regular),
            Some(Keep::Directory(b"lib/modules/6.1".to_vec()))
        );
        assert_eq!(
            at("etc/initramfs-tools/modules", Kind::Regular),
            Some(Keep::Directory(b"etc/initramfs-tools".to_vec()))
        );
        assert!(at("usr/bin/dracut", link()).is_some());
        for (path, kind) in [
            // A link to a kernel would count it twice; a linked text is nowhere.
            ("boot/vmlinuz-6.1", link()),
            ("etc/os-release", link()),
            ("usr/bin/ls", Kind::Regular),
            ("usr/lib/grub/i386-pc/acpi.mod", Kind::Regular),
            ("boot/efi/EFI/a/b/c.efi", Kind::Regular),
            ("etc", Kind::Directory),
        ] {
            assert_eq!(at(path, kind), None, "{path}");
        }
        assert_eq!(at(&format!("boot/vmlinuz-{}", "x".repeat(600)), Kind::Regular), None);
    }
}
