//! The kernels installed in a root, and the initramfs that belongs to each.

use std::path::{Path, PathBuf};

use crate::host::resolve::resolve;

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

/// Kernels in /boot, by version. Rescue and crash kernels are left out: their images are made by other means.
pub fn installed(root: &Path) -> Vec<Kernel> {
    let Ok(list) = resolve(root, Path::new("boot")).and_then(|dir| Ok(std::fs::read_dir(dir)?)) else { return vec![] };
    let mut all: Vec<Kernel> = list.flatten().filter_map(|e| kernel(root, &e.file_name().to_string_lossy())).collect();
    all.sort_by(|a, b| a.version.cmp(&b.version));
    all
}

fn kernel(root: &Path, name: &str) -> Option<Kernel> {
    let version = ["vmlinuz-", "vmlinux-", "Image-"].iter().find_map(|p| name.strip_prefix(p))?;
    let other =
        version.contains("rescue") || version.contains("kdump") || [".old", ".bak", ".gz", ".sig"].iter().any(|s| version.ends_with(s));
    // Links such as /boot/vmlinuz-linux -> ... would count a kernel twice.
    if other || version.is_empty() || root.join("boot").join(name).is_symlink() {
        return None;
    }
    let modules =
        ["lib/modules", "usr/lib/modules"].into_iter().any(|d| resolve(root, Path::new(d)).is_ok_and(|dir| has_modules(&dir, version)));
    Some(Kernel { version: version.to_owned(), image: Path::new("/boot").join(name), initramfs: initramfs(root, version), modules })
}

/// Arch names its kernels after packages; the package is written beside the modules.
fn has_modules(dir: &Path, version: &str) -> bool {
    let package = |e: std::fs::DirEntry| std::fs::read_to_string(e.path().join("pkgbase")).is_ok_and(|p| p.trim() == version);
    dir.join(version).is_dir() || std::fs::read_dir(dir).is_ok_and(|mut l| l.any(|e| e.is_ok_and(package)))
}

/// The name that the distribution uses: the one that exists, else that of the tool that is installed.
fn initramfs(root: &Path, version: &str) -> PathBuf {
    let names = [format!("initrd.img-{version}"), format!("initramfs-{version}.img"), format!("initrd-{version}")];
    let debian = root.join("etc/initramfs-tools").is_dir() || root.join("usr/share/initramfs-tools").is_dir();
    let wanted = if debian { &names[0] } else { &names[1] };
    let name = names.iter().find(|n| root.join("boot").join(n).is_file()).unwrap_or(wanted);
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
        for d in ["boot", "lib/modules/6.1.0-9-amd64", "usr/lib/modules/6.9.1-arch1", "etc/initramfs-tools"] {
            std::fs::create_dir_all(root.join(d)).unwrap();
        }
        std::fs::write(root.join("usr/lib/modules/6.9.1-arch1/pkgbase"), "linux-lts\n").unwrap();
        for f in
            ["vmlinuz-6.1.0-9-amd64", "vmlinuz-0-rescue-abc", "vmlinuz-linux-lts", "initramfs-linux-lts.img", "vmlinuz-5.0", "config-5.0"]
        {
            std::fs::write(root.join("boot").join(f), "").unwrap();
        }
        std::os::unix::fs::symlink("vmlinuz-5.0", root.join("boot/vmlinuz-current")).unwrap();
        let found: Vec<(String, String, bool)> =
            installed(root).into_iter().map(|k| (k.version, k.initramfs.display().to_string(), k.modules)).collect();
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
