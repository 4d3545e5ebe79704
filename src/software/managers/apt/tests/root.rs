//! A Debian system for tests: the guest of the virtual machines, with a file system laid over it
//! that takes what is written.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::*;
use crate::event::Events;
use crate::software::flags::Flags;
use crate::software::source::PackageSource;

/// The guest that the machines of the tests are made of (tests/vm/base.sh).
fn guest() -> Option<PathBuf> {
    let cache = std::env::var_os("ALTDISK_TEST_CACHE")
        .map_or_else(|| PathBuf::from("/var/cache/altdisk-tests"), PathBuf::from);
    let entries = fs::read_dir(cache).ok()?.flatten().map(|e| e.path());
    entries.into_iter().find(|p| {
        p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("debootstrap-"))
            && p.join("etc/passwd").exists()
    })
}

pub struct Root {
    pub dir: tempfile::TempDir,
    pub inside: Sandbox,
    pub events: Events,
}

impl Root {
    pub fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let Some(guest) = guest() else {
            println!("skipped: no guest is there (tests/vm/layout.sh makes one)");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        for name in ["upper", "work", "root", "packages", "build"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let at = |name: &str| dir.path().join(name).display().to_string();
        // Its own: the directory may be on an overlay itself.
        mount(Some("tmpfs"), &*at("work"), Some("tmpfs"), MsFlags::empty(), Some("size=1g"))
            .unwrap();
        fs::create_dir(dir.path().join("work/upper")).unwrap();
        fs::create_dir(dir.path().join("work/work")).unwrap();
        let options = format!(
            "lowerdir={},upperdir={}/upper,workdir={}/work",
            guest.display(),
            at("work"),
            at("work")
        );
        if mount(Some("overlay"), &*at("root"), Some("overlay"), MsFlags::empty(), Some(&*options))
            .is_err()
        {
            umount2(&*at("work"), MntFlags::MNT_DETACH).unwrap();
            println!("skipped: the kernel has no overlay file system");
            return None;
        }
        let mut inside = Sandbox::new(&dir.path().join("root"));
        inside.shared = vec![(dir.path().join("packages"), "/run/altdisk/location".into())];
        inside.network = true;
        Some(Self { inside, dir, events: Events::new() })
    }

    pub fn packages(&self) -> PathBuf {
        self.dir.path().join("packages")
    }

    /// Builds a package; `control`: further fields, `files`: path and content, those below DEBIAN
    /// with their mode.
    pub fn deb(&self, name: &str, version: &str, control: &str, files: &[(&str, &str)]) {
        let build =
            self.dir.path().join("build").join(format!("{name}-{}", version.replace(':', "_")));
        fs::create_dir_all(build.join("DEBIAN")).unwrap();
        let text = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\nInstalled-Size: 100\nDescription: made up\n{control}"
        );
        fs::write(build.join("DEBIAN/control"), text).unwrap();
        for (path, content) in files {
            let at = build.join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(&at, content).unwrap();
            if content.starts_with("#!") {
                Command::new("chmod").arg("755").arg(&at).status().unwrap();
            }
        }
        let done = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "-b"])
            .arg(&build)
            .arg(self.packages())
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    pub fn source(&self) -> PackageSource {
        PackageSource::Directory {
            inside: "/run/altdisk/location".into(),
            outside: self.packages(),
        }
    }

    pub fn with<T>(&self, flags: &Flags, act: impl FnOnce(&Job) -> T) -> T {
        let source = self.source();
        let work = PathBuf::from("/var/lib/altdisk/software");
        let outside = self.inside.root.join("var/lib/altdisk/software");
        let _ = fs::remove_dir_all(&outside);
        fs::create_dir_all(&outside).unwrap();
        let job = Job {
            root: &self.inside.root,
            inside: &self.inside,
            source: &source,
            work,
            interrupted: false,
            flags,
            events: &self.events,
        };
        let result = act(&job);
        fs::remove_dir_all(&outside).unwrap();
        result
    }

    pub fn version(&self, name: &str) -> Option<String> {
        Apt.installed(&self.inside).unwrap().into_iter().find(|p| p.name == name).map(|p| p.version)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.inside.root.join(path)).unwrap_or_default()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        for name in ["root", "work"] {
            let _ = umount2(&self.dir.path().join(name), MntFlags::MNT_DETACH);
        }
    }
}
