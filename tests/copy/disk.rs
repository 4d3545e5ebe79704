//! File systems in sparse files, mounted by loop devices that go with them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a shell line, which must succeed; returns what it says.
pub fn sh(line: &str) -> String {
    let out = Command::new("bash").args(["-ec", line]).env("LC_ALL", "C").output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A fresh file system, mounted in a temporary directory.
pub struct Disk {
    dir: tempfile::TempDir,
    at: PathBuf,
    mounted: bool,
}

impl Disk {
    /// None (with a line that says why) where root, the program or the kernel's file system is
    /// missing.
    pub fn new(kind: &str, mb: u64) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        if Command::new(format!("mkfs.{kind}")).arg("-V").output().is_err() {
            println!("skipped: mkfs.{kind} is not installed");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("altdisk-test-").tempdir().unwrap();
        let at = dir.path().join("m");
        std::fs::create_dir(&at).unwrap();
        let mut disk = Self { dir, at, mounted: false };
        let options = match kind {
            "ext4" => "-q -F -b 4096 -E lazy_itable_init=1 -N 130000",
            "xfs" => "-q",
            _ => "-q -m single -d single",
        };
        // xfs takes no less than 300 MB.
        let mb = if kind == "xfs" { mb.max(320) } else { mb };
        let options = if mb < 400 { options.replace("-N 130000", "") } else { options.to_owned() };
        sh(&format!("truncate -s {mb}M {0} && mkfs.{kind} {options} {0}", disk.image().display()));
        if !Command::new("mount")
            .args(["-o", "loop"])
            .args([disk.image(), disk.at.clone()])
            .output()
            .unwrap()
            .status
            .success()
        {
            println!("skipped: this kernel does not mount {kind} from a file");
            return None;
        }
        disk.mounted = true;
        Some(disk)
    }

    pub fn path(&self) -> &Path {
        &self.at
    }

    pub fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    pub fn mount(&mut self) {
        sh(&format!("mount -o loop {} {}", self.image().display(), self.at.display()));
        self.mounted = true;
    }

    pub fn unmount(&mut self) {
        sh(&format!("umount {}", self.at.display()));
        self.mounted = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            Command::new("umount").arg(&self.at).status().ok();
        }
    }
}

/// A tmpfs over a directory.
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    pub fn over(at: &Path) -> Self {
        sh(&format!("mount -t tmpfs none {}", at.display()));
        Self(at.to_owned())
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().ok();
    }
}
