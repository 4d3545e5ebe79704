//! Each test is made with openat2(2) and without it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::host::attrs::{self, AttrTarget};
use crate::host::fs_calls::{Errno, Kind};
use std::fs::File;
use std::os::fd::AsFd;

/// A root beside a directory that nothing may get to.
struct World {
    dir: tempfile::TempDir,
    by_name: bool,
}

impl World {
    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    fn beneath(&self) -> Beneath {
        Beneath::open_as(&self.root(), self.by_name).unwrap()
    }
}

fn both(test: impl Fn(&World)) {
    for by_name in [false, true] {
        let world = World { dir: tempfile::tempdir().unwrap(), by_name };
        for dir in [world.root().join("etc/real"), world.outside()] {
            fs::create_dir_all(dir).unwrap();
        }
        fs::write(world.root().join("etc/real/f"), "in").unwrap();
        fs::write(world.outside().join("f"), "secret").unwrap();
        test(&world);
        assert_eq!(fs::read_to_string(world.outside().join("f")).unwrap(), "secret", "{by_name}");
        assert_eq!(fs::read_dir(world.outside()).unwrap().count(), 1, "{by_name}");
    }
}

#[test]
fn links_stay_inside() {
    both(|w| {
        let root = w.root();
        symlink("/etc/real/f", root.join("abs")).unwrap();
        symlink("../../../../../etc/real", root.join("etc/up")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/no/such", root.join("dangling")).unwrap();
        symlink(w.outside().join("f"), root.join("out")).unwrap();
        symlink("../outside/f", root.join("out2")).unwrap();
        symlink("/proc/self/root", root.join("magic")).unwrap();
        let b = w.beneath();
        for path in
            ["/abs", "etc/up/f", "/../../etc/./real/../real/f", "/etc/real/f", "etc/up/../up/f"]
        {
            assert_eq!(b.text(path).as_deref(), Some("in"), "{path} {}", w.by_name);
        }
        for path in
            ["out", "out2", "../outside/f", "dangling", "magic/etc/passwd", "etc/real/f/..", "none"]
        {
            assert!(
                b.read(path).ok().flatten().is_none() && !b.exists(path),
                "{path} {}",
                w.by_name
            );
        }
        assert!(b.read("loop").is_err() && b.leads_to("loop").is_err());
        let leads = |p: &str| b.leads_to(p).unwrap();
        assert_eq!(leads("etc/up/f"), Path::new("/etc/real/f"));
        assert_eq!(leads("/dangling/x/../y"), Path::new("/no/such/y"));
        assert_eq!(leads("/"), Path::new("/"));
        assert_eq!(b.read_link("dangling").unwrap(), Path::new("/no/such"));
        assert_eq!(b.read_link("etc/real/f"), None);
        assert!(b.is_dir("/") && b.is_dir("etc/up") && b.is_file("abs") && !b.is_file("etc"));
        assert_eq!(b.link_metadata("abs").unwrap().kind(), Some(Kind::Symlink));
    });
}

#[test]
fn what_is_no_file_is_not_opened() {
    both(|w| {
        nix::unistd::mkfifo(&w.root().join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        symlink("fifo", w.root().join("link")).unwrap();
        // Opening a FIFO for reading waits for a writer.
        for name in ["fifo", "link", "etc"] {
            assert!(w.beneath().read(name).is_err(), "{name}");
        }
    });
}

#[test]
fn replaces_what_a_link_means_inside() {
    both(|w| {
        let (root, b) = (w.root(), w.beneath());
        symlink(w.outside().join("f"), root.join("etc/fstab")).unwrap();
        symlink("/etc/real/f", root.join("etc/inner")).unwrap();
        // Owner, mode and attributes stay.
        fs::set_permissions(root.join("etc/real/f"), fs::Permissions::from_mode(0o640)).unwrap();
        let kept = attrs::set(
            AttrTarget::File(File::open(root.join("etc/real/f")).unwrap().as_fd()),
            c"user.altdisk",
            b"v",
        )
        .is_ok();
        b.replace("etc/inner", b"new", 0o644).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/real/f")).unwrap(), "new");
        assert_eq!(fs::metadata(root.join("etc/real/f")).unwrap().mode() & 0o7777, 0o640);
        if kept {
            let file = File::open(root.join("etc/real/f")).unwrap();
            assert_eq!(
                attrs::value(AttrTarget::File(file.as_fd()), c"user.altdisk").unwrap(),
                b"v"
            );
        }
        assert!(root.join("etc/inner").is_symlink());
        // A link out means a file of that name inside; its directories are made.
        b.replace("/etc/fstab", b"made", 0o600).unwrap();
        let inside = root.join(w.outside().strip_prefix("/").unwrap()).join("f");
        assert_eq!(
            (
                fs::read_to_string(&inside).unwrap().as_str(),
                fs::metadata(&inside).unwrap().mode() & 0o7777
            ),
            ("made", 0o600)
        );
        // What lies in the way of the new file is no trap either.
        symlink(w.outside().join("g"), root.join("etc/real/.f.altdisk-new")).unwrap();
        b.replace("etc/real/f", b"again", 0o644).unwrap();
        assert_eq!(fs::read_dir(root.join("etc/real")).unwrap().count(), 1);
        assert!(b.replace("/", b"", 0o644).is_err() && b.replace("etc", b"", 0o644).is_err());
    });
}

#[test]
fn makes_and_removes_names_not_what_they_lead_to() {
    both(|w| {
        let (root, b) = (w.root(), w.beneath());
        symlink(w.outside(), root.join("out")).unwrap();
        symlink(w.outside().join("new"), root.join("etc/new")).unwrap();
        b.make_directories("out/sub").unwrap();
        assert!(root.join(w.outside().strip_prefix("/").unwrap()).join("sub").is_dir());
        assert!(b.create("etc/new", b"x", 0o644).is_err(), "a link is something");
        b.create("etc/fresh", b"x", 0o444).unwrap();
        assert_eq!(fs::metadata(root.join("etc/fresh")).unwrap().mode() & 0o7777, 0o444);
        b.set_mode("etc/fresh", 0o600).unwrap();
        assert_eq!(fs::metadata(root.join("etc/fresh")).unwrap().mode() & 0o7777, 0o600);
        drop(b.create_file("etc/new", 0o640).unwrap());
        assert!(!root.join("etc/new").is_symlink());
        b.rename("etc/fresh", "older").unwrap();
        assert!(b.rename("etc/older", "../../outside/x").is_err());
        b.symlink("/etc/older", "etc/link").unwrap();
        assert!(b.symlink("x", "etc/link").is_err());
        for name in ["out", "etc/link", "etc/link", "no/such"] {
            b.remove(name).unwrap();
        }
        assert!(
            !root.join("out").is_symlink()
                && root.join("etc/older").exists()
                && w.outside().exists()
        );
        b.remove_directory("no/such").unwrap();
        assert!(b.remove_directory("etc").is_err());
    });
}

#[test]
fn trees_are_walked_removed_and_copied_without_their_links() {
    both(|w| {
        let (root, b) = (w.root(), w.beneath());
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        fs::write(root.join("a/b/c/f"), "x").unwrap();
        symlink(w.outside(), root.join("a/b/out")).unwrap();
        symlink("/a", root.join("etc/a")).unwrap();
        let walked: Vec<String> =
            b.walk("etc/a").unwrap().iter().map(|(p, _)| p.display().to_string()).collect();
        assert_eq!(walked, ["a/b/c/f", "a/b/c", "a/b/out", "a/b"]);
        assert_eq!(b.files("/a").unwrap(), [Path::new("a/b/c/f")]);
        assert!(b.walk("none").unwrap().is_empty());
        // The target has a link where a file comes, and one where a directory does.
        let target = Beneath::open_as(&w.root(), w.by_name).unwrap();
        fs::create_dir_all(root.join("to/b/c")).unwrap();
        symlink(w.outside().join("f"), root.join("to/b/c/f")).unwrap();
        assert_eq!(b.copy_files("a", &target, "to").unwrap(), [Path::new("a/b/out")]);
        assert!(!root.join("to/b/c/f").is_symlink());
        assert_eq!(fs::read_to_string(root.join("to/b/c/f")).unwrap(), "x");
        fs::remove_dir_all(root.join("to/b")).unwrap();
        symlink(w.outside(), root.join("to/b")).unwrap();
        assert!(b.copy_files("a", &target, "to").is_err());
        b.remove_tree("a").unwrap();
        b.remove_tree("to/b").unwrap();
        b.remove_tree("none").unwrap();
        assert!(!root.join("a").exists() && !root.join("to/b").is_symlink());
    });
}

#[test]
fn a_new_file_takes_the_place_of_an_old_one() {
    both(|w| {
        let (root, b) = (w.root(), w.beneath());
        // The running system's files are those of the root here: what matters is where the copy
        // goes.
        symlink(w.outside().join("f"), root.join("etc/key")).unwrap();
        symlink(w.outside(), root.join("etc/dir")).unwrap();
        let put = |from: &Path, to: &Path| {
            assert!(!to.exists() && !to.is_symlink());
            fs::write(to, from.display().to_string()).map_err(Into::into)
        };
        for name in ["/etc/key", "/etc/dir", "/etc/none/at/all"] {
            b.take_in(Path::new(name), &mut |from, to| put(from, to)).unwrap();
            assert_eq!(fs::read_to_string(root.join(&name[1..])).unwrap(), name);
            assert!(!root.join(&name[1..]).is_symlink());
        }
        // A failure leaves the old one.
        assert!(b.take_in(Path::new("/etc/key"), &mut |_, _| anyhow::bail!("no")).is_err());
        assert_eq!(fs::read_to_string(root.join("etc/key")).unwrap(), "/etc/key");
        assert!(
            fs::read_dir(root.join("etc"))
                .unwrap()
                .flatten()
                .all(|e| !e.file_name().to_string_lossy().contains("altdisk"))
        );
    });
}

#[test]
fn mount_points_are_reached_without_links() {
    both(|w| {
        let (root, b) = (w.root(), w.beneath());
        symlink("/etc", root.join("boot")).unwrap();
        symlink(w.outside(), root.join("etc/out")).unwrap();
        let link = |path: &str| match b.mount_point(Path::new(path), true) {
            Err(Unfit::Link(name, target)) => (name, target),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(link("/boot"), ("/boot".into(), "/etc".into()));
        assert_eq!(link("/boot/efi"), ("/boot".into(), "/etc".into()));
        assert_eq!(link("/etc/out"), ("/etc/out".into(), w.outside()));
        assert!(matches!(
            b.mount_point(Path::new("/etc/real/f"), true),
            Err(Unfit::Other(_, Errno::ENOTDIR))
        ));
        assert!(matches!(b.mount_point(Path::new("/etc/../etc"), true), Err(Unfit::Other(..))));
        assert!(matches!(
            b.mount_point(Path::new("/srv/data"), false),
            Err(Unfit::Other(_, Errno::ENOENT))
        ));
        let made = b.mount_point(Path::new("/srv/data"), true).unwrap();
        assert!(root.join("srv/data").is_dir());
        // The directory itself is meant, whatever has its name by then.
        fs::rename(root.join("srv/data"), root.join("srv/moved")).unwrap();
        symlink(w.outside(), root.join("srv/data")).unwrap();
        fs::write(made.path().join("here"), "").unwrap();
        assert!(root.join("srv/moved/here").exists());
    });
}

#[test]
fn a_path_of_any_length_is_found() {
    both(|w| {
        let b = w.beneath();
        let long: PathBuf = std::iter::repeat_n("n".repeat(200), 40).collect();
        b.make_directories(&long).unwrap();
        b.replace(long.join("f"), b"deep", 0o644).unwrap();
        assert_eq!(b.text(long.join("f")).as_deref(), Some("deep"));
        b.remove_tree("n".repeat(200)).unwrap();
    });
}

#[test]
fn what_is_closed_is_not_touched() {
    both(|w| {
        fs::create_dir_all(w.root().join("usr/local/lib/d")).unwrap();
        fs::create_dir_all(w.root().join("usr/lib")).unwrap();
        fs::write(w.root().join("usr/local/lib/f"), "x").unwrap();
        symlink("/usr/local/lib", w.root().join("opt")).unwrap();
        symlink("local/lib/f", w.root().join("usr/link")).unwrap();
        let open = w.beneath();
        let closed = w.beneath().without(&["/usr/local".into()]);
        for path in ["usr/local", "usr/local/lib/f", "opt/f", "usr/link", "usr/lib/../local/lib"] {
            assert!(open.exists(path) && open.leads_to(path).is_ok(), "{path}");
            assert_eq!(closed.metadata(path).unwrap_err(), Errno::EXDEV, "{path}");
            assert!(
                !closed.exists(path)
                    && closed.leads_to(path).is_err()
                    && closed.read(path).is_err(),
                "{path}"
            );
        }
        assert!(closed.is_dir("usr/lib") && closed.link_metadata("usr/link").is_ok());
        let walked = |b: &Beneath| b.walk("usr").unwrap().len();
        assert_eq!((walked(&open), walked(&closed)), (6, 2));
        assert!(closed.walk("usr/local/lib").is_err());
    });
}
