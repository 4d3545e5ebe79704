//! A root with a real rpm, dnf and zypper, for tests: the guest of the machine tests with
//! `tests/machine/rpmroot.sh` laid over it, and the packages of `tests/machine/rpmworld.sh`
//! installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::event::{Event, Events, Sink};
use crate::host::sandbox::{SHARED_DIR, Sandbox};
use crate::software::flags::Flags;
use crate::software::managers::manager::{Job, Manager};
use crate::software::model::{PackageRequest, Transaction};
use crate::software::source::PackageSource;

/// A root file system that is removed at the end.
pub struct Root {
    /// The packages of tests/machine/rpmworld.sh.
    pub world: PathBuf,
    /// The root directory.
    pub root: PathBuf,
    said: Arc<Mutex<Vec<String>>>,
    /// Events of what is run in it.
    pub events: Events,
    _dir: TempDir,
}

/// The job's directory, as the flow makes it.
const WORK: &str = "/var/cache/altdisk-work";

fn shell(line: &str) -> String {
    let done = Command::new("bash").args(["-euc", line]).output().unwrap();
    assert!(
        done.status.success(),
        "{line}: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// As the flow asks.
pub fn transaction(
    manager: &dyn Manager,
    job: &Job,
    requests: &[PackageRequest],
) -> anyhow::Result<Transaction> {
    manager.transaction(job, requests, &manager.available(job)?)
}

struct Said(Arc<Mutex<Vec<String>>>);

impl Sink for Said {
    fn take(&mut self, event: &Event) -> std::io::Result<()> {
        let line = match event {
            Event::Output { line, .. } | Event::Said { line, .. } => line.clone(),
            Event::Note { text } | Event::Warning { text } => text.clone(),
            Event::Command { argv, .. } => argv.join(" "),
            _ => return Ok(()),
        };
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

impl Root {
    /// `id` of os-release; None, with why, where it cannot be made here.
    pub fn new(id: &str) -> Option<Self> {
        let overlay =
            fs::read_to_string("/proc/filesystems").is_ok_and(|t| t.contains("\toverlay\n"));
        if !nix::unistd::geteuid().is_root() || !overlay {
            println!("skipped: needs root, and a kernel with overlayfs");
            return None;
        }
        // It takes a while to make, and the network: unit tests use it where it is.
        let cache = std::env::var("ALTDISK_TEST_CACHE")
            .unwrap_or_else(|_| "/var/cache/altdisk-tests".to_owned());
        let names = fs::read_dir(cache)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned());
        let names: Vec<String> = names.collect();
        if ["rpmroot-", "base-"].iter().any(|begin| !names.iter().any(|n| n.starts_with(begin))) {
            println!("skipped: tests/machine/rpmroot.sh was not run yet");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let world = world(&dir.path().join("world"))?;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let over = shell(&scripts.join("machine/rpmroot.sh").to_string_lossy());
        let base = shell(&scripts.join("vm/base.sh").to_string_lossy());
        let at = dir.path().display();
        shell(&format!(
            "cd {at}; mkdir upper work root; mount -t overlay overlay -o lowerdir={over}:{base}/root,upperdir=upper,workdir=work root
            mkdir root/world; cp world/installed/* root/world; chroot root sh -c 'rpm -i --nodeps /world/*.rpm'; rm -r root/world
            rm -f root/etc/os-release; printf 'ID={id}\\nVERSION_ID=40\\n' >root/etc/os-release"
        ));
        let (said, events) = (Arc::default(), Events::new());
        events.add(Box::new(Said(Arc::clone(&said))));
        Some(Self { world, root: dir.path().join("root"), said, events, _dir: dir })
    }

    /// Does something with a job for a directory of the world, prepared.
    pub fn with<T>(
        &self,
        manager: &dyn Manager,
        dir: &str,
        flags: &Flags,
        work: impl FnOnce(&Job) -> T,
    ) -> T {
        let outside = self.world.join(dir);
        let at = Path::new(SHARED_DIR).join("location");
        self.at(
            manager,
            &PackageSource::Directory { inside: at.clone(), outside: outside.clone() },
            vec![(outside, at)],
            flags,
            work,
        )
    }

    /// As [`Root::with`], for any source.
    pub fn at<T>(
        &self,
        manager: &dyn Manager,
        source: &PackageSource,
        shown: Vec<(PathBuf, PathBuf)>,
        flags: &Flags,
        work: impl FnOnce(&Job) -> T,
    ) -> T {
        self.try_at(manager, source, shown, flags, work)
            .unwrap_or_else(|e| panic!("{e:#}\n{}", self.said()))
    }

    /// As [`Root::at`], with the error of the manager.
    pub fn try_at<T>(
        &self,
        manager: &dyn Manager,
        source: &PackageSource,
        shown: Vec<(PathBuf, PathBuf)>,
        flags: &Flags,
        work: impl FnOnce(&Job) -> T,
    ) -> anyhow::Result<T> {
        let mut inside = Sandbox::new(&self.root);
        inside.shared = shown;
        inside.network = !matches!(source, PackageSource::Directory { .. });
        let outside = self.root.join(&WORK[1..]);
        let _ = fs::remove_dir_all(&outside);
        fs::create_dir_all(&outside).unwrap();
        let job = Job {
            root: &self.root,
            inside: &inside,
            source,
            work: WORK.into(),
            flags,
            interrupted: true,
            events: &self.events,
        };
        let result = manager.prepare(&job).map(|()| work(&job));
        fs::remove_dir_all(outside).unwrap();
        result
    }

    /// Copies a directory of the world into the root.
    pub fn copy(&self, dir: &str, to: &str) {
        shell(&format!("cp -r {}/{dir} {}{to}", self.world.display(), self.root.display()));
    }

    /// What was said since the last time.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().drain(..).collect::<Vec<_>>().join("\n")
    }

    /// What is installed: `name=version`, of those whose names begin so.
    pub fn installed(&self, manager: &dyn Manager, begin: &str) -> Vec<String> {
        let all = manager.installed(&Sandbox::new(&self.root)).unwrap();
        all.iter()
            .filter(|p| p.name.starts_with(begin))
            .map(|p| format!("{}={}", p.name, p.version))
            .collect()
    }

    /// A shell's line in the root.
    pub fn run(&self, line: &str) -> String {
        shell(&format!("chroot {} sh -euc '{line}'", self.root.display()))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.root).status();
    }
}

/// The packages of tests/machine/rpmworld.sh; None where its tools are not installed.
pub fn world(dir: &Path) -> Option<PathBuf> {
    for tool in ["rpmbuild", "createrepo_c", "modifyrepo_c"] {
        if Command::new(tool).arg("--version").output().is_err() {
            println!("skipped: {tool} is not installed");
            return None;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine/rpmworld.sh");
    let done = Command::new(script).arg(dir).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(dir.to_owned())
}
