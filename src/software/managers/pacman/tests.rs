//! pacman itself, in a root of its own over which a file system is laid that takes what is written.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::*;
use crate::event::Events;
use crate::software::flags::{self, Flags};
use crate::testing::archives::build_tar;

/// The newest directory in the tests' cache whose name begins so.
fn cached(begin: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("ALTDISK_TEST_CACHE")
        .map_or_else(|| PathBuf::from("/var/cache/altdisk-tests"), PathBuf::from);
    let mut found: Vec<PathBuf> = fs::read_dir(cache)
        .ok()?
        .flatten()
        .map(|e| e.path())
        .filter(|p| {
            p.is_dir() && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(begin))
        })
        .collect();
    found.sort();
    found.pop()
}

struct Root {
    dir: tempfile::TempDir,
    inside: Sandbox,
    events: Events,
    source: PackageSource,
    flags: Flags,
}

impl Root {
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let (Some(base), Some(pacman)) = (cached("base-"), cached("archroot-")) else {
            println!("skipped: no root with pacman is there (tests/machine/archroot.sh makes one)");
            return None;
        };
        // Mounts of this thread alone: other tests look at what is mounted.
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        for name in ["work", "root", "packages/sub"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let at = |name: &str| dir.path().join(name).display().to_string();
        // Its own: the directory may be on an overlay itself.
        mount(Some("tmpfs"), &*at("work"), Some("tmpfs"), MsFlags::empty(), Some("size=256m"))
            .unwrap();
        fs::create_dir(dir.path().join("work/upper")).unwrap();
        fs::create_dir(dir.path().join("work/work")).unwrap();
        let options = format!(
            "lowerdir={}:{}/root,upperdir={w}/upper,workdir={w}/work",
            pacman.display(),
            base.display(),
            w = at("work")
        );
        if mount(Some("overlay"), &*at("root"), Some("overlay"), MsFlags::empty(), Some(&*options))
            .is_err()
        {
            umount2(&*at("work"), MntFlags::MNT_DETACH).unwrap();
            println!("skipped: the kernel has no overlay file system");
            return None;
        }
        let mut inside = Sandbox::new(&dir.path().join("root"));
        inside.shared = vec![(dir.path().join("packages"), "/run/altdisk/images".into())];
        let source = PackageSource::Directory {
            inside: "/run/altdisk/images".into(),
            outside: dir.path().join("packages"),
        };
        Some(Self {
            inside,
            dir,
            events: Events::new(),
            source,
            flags: flags::parse(None).unwrap(),
        })
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// A package in the directory; `info`: further lines of its .PKGINFO.
    fn package(&self, name: &str, version: &str, info: &str, files: &[(&str, &str)]) {
        let info = format!(
            "pkgname = {name}\npkgver = {version}\npkgdesc = made up\narch = any\nsize = 4096\n{info}"
        );
        let mut all: Vec<(&str, &[u8])> = vec![(".PKGINFO", info.as_bytes())];
        all.extend(files.iter().map(|(path, text)| (*path, text.as_bytes())));
        let package = build_tar(&all);
        let at = self.dir.path().join(format!("packages/sub/{name}-{version}-any.pkg.tar.zst"));
        fs::write(at, zstd::encode_all(package.as_slice(), 1).unwrap()).unwrap();
    }

    fn job(&self) -> Job<'_> {
        let work = self.root().join("var/cache/altdisk-work");
        drop(fs::remove_dir_all(&work));
        fs::create_dir_all(&work).unwrap();
        Job {
            root: &self.inside.root,
            inside: &self.inside,
            source: &self.source,
            work: "/var/cache/altdisk-work".into(),
            interrupted: false,
            flags: &self.flags,
            events: &self.events,
        }
    }

    /// Everything from the beginning to the end; the changes that were foretold.
    fn update(&self, requests: &[PackageRequest]) -> Result<Transaction> {
        let job = self.job();
        Pacman.prepare(&job)?;
        let transaction = Pacman.transaction(&job, requests, &[])?;
        let before = Pacman.installed(&self.inside)?;
        Pacman.apply(&job, requests)?;
        let made =
            crate::software::changes::Changes::between(&before, &Pacman.installed(&self.inside)?);
        assert_eq!(transaction.changes, made);
        Ok(transaction)
    }

    fn installed(&self) -> String {
        Pacman
            .installed(&self.inside)
            .unwrap()
            .iter()
            .map(|p| format!("{} {}\n", p.name, p.version))
            .collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        for name in ["root", "work"] {
            let _ = umount2(&self.dir.path().join(name), MntFlags::MNT_DETACH);
        }
    }
}

fn named(name: &str, version: Option<&str>) -> PackageRequest {
    PackageRequest::Named { name: name.into(), version: version.map(str::to_owned) }
}

fn told(e: &anyhow::Error) -> String {
    error::find(e).unwrap().to_string()
}

#[test]
fn packages_of_a_directory() {
    let Some(root) = Root::new() else { return };
    // With a script: pacman unpacks it into its database, and replaces links on the way there.
    root.package(
        "lib",
        "1-1",
        "",
        &[(".INSTALL", "post_install() { echo set up; }\n"), ("usr/lib/lib-x", "1")],
    );
    root.package(
        "app",
        "1-1",
        "depend = lib\nbackup = etc/app.conf\n",
        &[("usr/bin/app", "1"), ("etc/app.conf", "one\n")],
    );
    let t = root.update(&[named("app", None)]).unwrap();
    assert_eq!((t.changes.installed.len(), t.download, t.growth), (2, 0, 8192));
    assert_eq!(root.installed(), "app 1-1\nlib 1-1\n");
    assert!(root.root().join("var/lib/pacman/local/lib-1-1/install").is_file());
    // Newer ones, one of which nobody has; a changed configuration file; a package that takes the
    // place of another.
    root.package("lib", "2-1", "", &[("usr/lib/lib-x", "2")]);
    root.package(
        "app",
        "2-1",
        "depend = lib\nbackup = etc/app.conf\n",
        &[("usr/bin/app", "2"), ("etc/app.conf", "two\n")],
    );
    root.package("other", "1-1", "", &[]);
    fs::write(root.root().join("etc/app.conf"), "mine\n").unwrap();
    let sync = root.root().join("var/lib/pacman/sync");
    fs::write(sync.join("core.db"), "as it is").unwrap();
    // What a killed pacman leaves.
    fs::write(root.root().join("var/lib/pacman/db.lck"), "").unwrap();
    let t = root.update(&[PackageRequest::AllUpdates]).unwrap();
    assert_eq!((t.changes.updated.len(), t.changes.installed.len()), (2, 0));
    assert_eq!(root.installed(), "app 2-1\nlib 2-1\n");
    let text = |at: &str| fs::read_to_string(root.root().join(at)).unwrap();
    assert_eq!(
        (text("etc/app.conf"), text("etc/app.conf.pacnew"), text("usr/bin/app")),
        ("mine\n".into(), "two\n".into(), "2".into())
    );
    // An older version only by name; nothing of the alternate's own lists has changed.
    let t = root.update(&[named("lib", Some("1-1"))]).unwrap();
    assert_eq!(
        (t.changes.updated[0].after.as_str(), root.installed()),
        ("1-1", "app 2-1\nlib 1-1\n".into())
    );
    root.package(
        "lib2",
        "1-1",
        "replaces = lib\nprovides = lib\nconflict = lib\n",
        &[("usr/lib/lib-x", "3")],
    );
    let t = root.update(&[PackageRequest::AllUpdates]).unwrap();
    assert_eq!(
        (t.changes.removed[0].name.as_str(), root.installed()),
        ("lib", "app 2-1\nlib2 1-1\n".into())
    );
    let entries: Vec<String> = fs::read_dir(&sync)
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        (entries.join(" "), fs::read_to_string(sync.join("core.db")).unwrap()),
        ("core.db".into(), "as it is".into())
    );
    assert!(fs::read_dir(root.root().join("var/cache/pacman/pkg")).unwrap().next().is_none());
}

#[test]
fn what_cannot_be_done_is_said_in_pacmans_words() {
    let Some(root) = Root::new() else { return };
    root.package("app", "1-1", "depend = nowhere>=3\n", &[]);
    root.package("a", "1-1", "conflict = b\n", &[]);
    root.package("b", "1-1", "", &[]);
    root.package("own", "1-1", "", &[("usr/bin/there", "x")]);
    let no = told(&root.update(&[named("app", None)]).unwrap_err());
    assert!(
        no.starts_with("ALT-740: pacman cannot install the packages as requested")
            && no.contains("nowhere>=3"),
        "{no}"
    );
    let no = told(&root.update(&[named("a", None), named("b", None)]).unwrap_err());
    assert!(no.starts_with("ALT-740") && no.contains("conflict"), "{no}");
    fs::write(root.root().join("usr/bin/there"), "somebody else's").unwrap();
    let no = told(&root.update(&[named("own", None)]).unwrap_err());
    assert!(
        no.starts_with("ALT-740: pacman failed to install the packages")
            && no.contains("/usr/bin/there exists in filesystem"),
        "{no}"
    );
    assert_eq!(root.installed(), "");
}

#[test]
fn a_package_that_was_half_installed() {
    let Some(root) = Root::new() else { return };
    root.package("app", "1-1", "", &[("usr/bin/app", "1")]);
    root.package("b", "1-1", "", &[]);
    let local = root.root().join("var/lib/pacman/local/app-1-1");
    fs::create_dir_all(&local).unwrap();
    fs::write(root.root().join("usr/bin/app"), "half").unwrap();
    let t = root.update(&[named("b", None)]).unwrap();
    assert_eq!(t.changes.installed.len(), 1);
    assert_eq!(
        (root.installed(), fs::read_to_string(root.root().join("usr/bin/app")).unwrap()),
        ("app 1-1\nb 1-1\n".into(), "1".into())
    );
    assert!(local.join("desc").is_file());
}

#[test]
fn scripts_that_did_not_run() {
    let Some(root) = Root::new() else { return };
    root.package(
        "app",
        "1-1",
        "",
        &[(".INSTALL", "post_install() { echo first >>/root/said; }\npost_upgrade() { echo again >>/root/said; }\n"), ("usr/bin/app", "1")],
    );
    root.update(&[named("app", None)]).unwrap();
    // As if it had been killed before the script; and one that the location does not have.
    let log = root.root().join("var/log/pacman.log");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.split("[ALPM] transaction completed").next().unwrap()).unwrap();
    fs::remove_file(root.root().join("root/said")).unwrap();
    root.package("b", "1-1", "", &[]);
    root.update(&[named("b", None)]).unwrap();
    assert_eq!(fs::read_to_string(root.root().join("root/said")).unwrap_or_default(), "again\n");
    root.update(&[PackageRequest::AllUpdates]).unwrap();
    assert_eq!(
        fs::read_to_string(root.root().join("root/said")).unwrap(),
        "again\n",
        "once is enough"
    );
}

#[test]
fn repositories() {
    let Some(mut root) = Root::new() else { return };
    root.package("app", "1-1", "", &[("usr/bin/app", "1")]);
    // The alternate's own: a directory in it, with its own database, as pacman's repo-add makes it.
    let own = root.root().join("srv/own");
    fs::create_dir_all(&own).unwrap();
    let from = root.dir.path().join("packages/sub/app-1-1-any.pkg.tar.zst");
    fs::copy(&from, own.join("app-1-1-any.pkg.tar.zst")).unwrap();
    let mut entry = catalog::entries(&own).unwrap().0.remove(0);
    entry.version = "1-1".into();
    fs::write(own.join("own.db"), db::build(&[&entry]).unwrap()).unwrap();
    let conf =
        "[options]\nArchitecture = auto\nSigLevel = Never\n[own]\nServer = file:///srv/own\n";
    fs::write(root.root().join("etc/pacman.conf"), conf).unwrap();
    root.source = PackageSource::Configured;
    let t = root.update(&[named("app", None)]).unwrap();
    assert_eq!((t.changes.installed.len(), root.installed()), (1, "app 1-1\n".into()));
    assert!(t.download > 0 && root.root().join("var/lib/pacman/sync/own.db").is_file());
    // At a URL packages must be signed.
    root.source = PackageSource::Url { url: "file:///srv/own".into(), rest: vec!["own".into()] };
    entry.version = "2-1".into();
    fs::write(own.join("own.db"), db::build(&[&entry]).unwrap()).unwrap();
    let no = told(&root.update(&[PackageRequest::AllUpdates]).unwrap_err());
    assert!(no.starts_with("ALT-730") && no.contains("app-1-1-any.pkg.tar.zst.sig"), "{no}");
    assert_eq!(root.installed(), "app 1-1\n");
    root.source = PackageSource::Url { url: "file:///srv/none".into(), rest: vec![] };
    let no = told(&root.update(&[PackageRequest::AllUpdates]).unwrap_err());
    assert!(no.starts_with("ALT-732: pacman cannot fetch its lists of packages"), "{no}");
}

#[test]
fn versions_as_pacman_orders_them() {
    let Some(root) = Root::new() else { return };
    let versions = [
        "1.0a",
        "1.0",
        "1.0.1",
        "1:0.1",
        "1.5b-1",
        "1.5-2",
        "1.5.b-1",
        "2_0",
        "2.0",
        "1.007",
        "1.7",
        "6.9.1.arch1-1",
        "6.9.arch1-1",
        "2___a",
        "2_a",
    ];
    let script: String = versions
        .iter()
        .flat_map(|a| versions.iter().map(move |b| format!("vercmp {a} {b};")))
        .collect();
    let out =
        Command::new("chroot").arg(root.root()).args(["/bin/sh", "-c", &script]).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let ours: String = versions
        .iter()
        .flat_map(|a| versions.iter().map(move |b| format!("{}\n", arch::compare(a, b) as i8)))
        .collect();
    assert_eq!(said, ours);
}
