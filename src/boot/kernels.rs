//! The kernels installed in a root, and the initramfs that belongs to each.

use std::path::{Path, PathBuf};

use crate::host::beneath::{Beneath, Entry};
use crate::host::fs_calls::Kind;

/// An installed kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// As in /lib/modules (`6.1.0-25-amd64`); Arch: the package (`linux-lts`).
    pub version: String,
    /// Inside the root.
    pub image: PathBuf,
    /// Where its initramfs belongs, inside the root; it need not exist yet.
    pub initramfs: PathBuf,
    /// Whether its modules are installed; without them no initramfs can be made.
    pub modules: bool,
}

/// Kernels in /boot, by version. Rescue and crash kernels are left out: their images are made by
/// other means.
pub fn installed(root: &Path) -> Vec<Kernel> {
    let Ok(root) = Beneath::open(root) else { return vec![] };
    // Links such as /boot/vmlinuz-linux -> ... would count a kernel twice.
    let found =
        root.read_dir("boot").unwrap_or_default().into_iter().filter(|e| e.kind != Kind::Symlink);
    let mut all: Vec<Kernel> =
        found.filter_map(|e| kernel(&root, &e.name.to_string_lossy())).collect();
    all.sort_by(|a, b| a.version.cmp(&b.version));
    all
}

fn kernel(root: &Beneath, name: &str) -> Option<Kernel> {
    let version = ["vmlinuz-", "vmlinux-", "Image-"].iter().find_map(|p| name.strip_prefix(p))?;
    let other = version.contains("rescue")
        || version.contains("kdump")
        || [".old", ".bak", ".gz", ".sig"].iter().any(|s| version.ends_with(s));
    if other || version.is_empty() {
        return None;
    }
    let modules = ["lib/modules", "usr/lib/modules"]
        .iter()
        .any(|dir| has_modules(root, Path::new(dir), version));
    Some(Kernel {
        version: version.to_owned(),
        image: Path::new("/boot").join(name),
        initramfs: initramfs(root, version),
        modules,
    })
}

/// Arch names its kernels after packages; the package is written beside the modules.
fn has_modules(root: &Beneath, dir: &Path, version: &str) -> bool {
    let package = |e: &Entry| {
        root.text(dir.join(&e.name).join("pkgbase")).is_some_and(|p| p.trim() == version)
    };
    root.is_dir(dir.join(version)) || root.read_dir(dir).unwrap_or_default().iter().any(package)
}

/// The name that the distribution uses: the one that exists, else that of the tool that is
/// installed.
fn initramfs(root: &Beneath, version: &str) -> PathBuf {
    let names = [
        format!("initrd.img-{version}"),
        format!("initramfs-{version}.img"),
        format!("initrd-{version}"),
    ];
    let debian = root.is_dir("etc/initramfs-tools") || root.is_dir("usr/share/initramfs-tools");
    let wanted = if debian { &names[0] } else { &names[1] };
    let name = names.iter().find(|n| root.is_file(Path::new("boot").join(n))).unwrap_or(wanted);
    Path::new("/boot").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_distribution() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert!(installed(root).is_empty());
        for d in [
            "boot",
            "lib/modules/6.1.0-9-amd64",
            "usr/lib/modules/6.9.1-arch1",
            "etc/initramfs-tools",
        ] {
            std::fs::create_dir_all(root.join(d)).unwrap();
        }
        std::fs::write(root.join("usr/lib/modules/6.9.1-arch1/pkgbase"), "linux-lts\n").unwrap();
        for f in [
            "vmlinuz-6.1.0-9-amd64",
            "vmlinuz-0-rescue-abc",
            "vmlinuz-linux-lts",
            "initramfs-linux-lts.img",
            "vmlinuz-5.0",
            "config-5.0",
        ] {
            std::fs::write(root.join("boot").join(f), "").unwrap();
        }
        std::os::unix::fs::symlink("vmlinuz-5.0", root.join("boot/vmlinuz-current")).unwrap();
        let found: Vec<(String, String, bool)> = installed(root)
            .into_iter()
            .map(|k| (k.version, k.initramfs.display().to_string(), k.modules))
            .collect();
        assert_eq!(
            found,
            [
                ("5.0".into(), "/boot/initrd.img-5.0".into(), false),
                ("6.1.0-9-amd64".into(), "/boot/initrd.img-6.1.0-9-amd64".into(), true),
                ("linux-lts".into(), "/boot/initramfs-linux-lts.img".into(), true),
            ]
        );
    }
}
