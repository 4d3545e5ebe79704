//! The copier on real file systems: a tree of everything that is hard to copy, compared by find,
//! getfattr, lsattr and sha256sum, which know nothing of how it was copied; and what must happen
//! when files change, vanish or cannot be read.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "copy/disk.rs"]
mod disk;
#[path = "copy/torture.rs"]
mod torture;

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use disk::{Disk, sh};

fn copytree(from: &Path, to: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("copytree")
        .arg(from)
        .arg(to)
        .args(more)
        .output()
        .unwrap()
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&[out.stderr.as_slice(), &out.stdout].concat()).into_owned()
}

/// Copies and expects success; returns what was said.
fn copied(from: &Disk, to: &Disk, more: &[&str]) -> String {
    let out = copytree(from.path(), to.path(), more);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    said(&out)
}

/// Two disks of a kind, or why the test is skipped.
fn pair(kind: &str, mb: u64) -> Option<(Disk, Disk)> {
    Some((Disk::new(kind, mb)?, Disk::new(kind, mb)?))
}

fn keeps_everything(kind: &str) {
    let Some((from, to)) = pair(kind, 400) else { return };
    torture::build(from.path(), kind);
    let heard = copied(&from, &to, &[]);
    // chattr +j needs CAP_SYS_RESOURCE, which a container may lack: then the warning says so, and
    // nothing else is lost.
    let lost: Vec<_> =
        heard.lines().filter(|l| l.contains("warning: ") && !l.contains("subvolume(s)")).collect();
    assert!(lost.iter().all(|l| l.contains("chattr +j")), "{heard}");
    torture::compare(from.path(), to.path(), kind);
    assert!(!to.path().join(".altdisk-links").exists());
    if kind != "ext4" {
        return;
    }
    // Again over what is there: it ends the same (what is immutable must be freed first).
    sh(&format!("cd {} && chattr -R -f -i -a . || true", to.path().display()));
    copied(&from, &to, &[]);
    torture::compare(from.path(), to.path(), kind);
    sh(&format!("chattr -R -f -i -a {} {} || true", from.path().display(), to.path().display()));
}

#[test]
fn ext4_keeps_everything() {
    keeps_everything("ext4");
}

#[test]
fn xfs_keeps_everything() {
    keeps_everything("xfs");
}

#[test]
fn btrfs_keeps_everything_and_stays_in_its_subvolume() {
    keeps_everything("btrfs");
    let Some((from, to)) = pair("btrfs", 150) else { return };
    sh(&format!(
        "cd {} && btrfs -q subvolume create nested && mkdir sub && echo x > sub/in && echo y > nested/not",
        from.path().display()
    ));
    let heard = copied(&from, &to, &[]);
    assert!(heard.contains("1 subvolume(s)") && heard.contains("/nested"), "{heard}");
    assert_eq!(fs::read_dir(to.path().join("nested")).unwrap().count(), 0);
    assert!(to.path().join("sub/in").exists());
}

#[test]
fn very_many_links_in_one_directory_and_little_memory() {
    let Some((from, to)) = pair("ext4", 700) else { return };
    let (one, two) = (from.path().join("one"), from.path().join("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    for i in 0..20_000 {
        let file = one.join(format!("a file with a long name {i}"));
        fs::write(&file, format!("{i}")).unwrap();
        let second = if i % 2 == 0 { &two } else { &one };
        fs::hard_link(&file, second.join(format!("link {i}"))).unwrap();
    }
    for i in 0..5_000 {
        fs::create_dir(two.join(format!("directory {i}"))).unwrap();
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("copytree")
        .args([from.path(), to.path()])
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kb = text
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .and_then(|v| v.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kb.unwrap_or(0));
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert!(status.success());
    assert!(peak > 1000 && peak < 64 << 10, "{peak} KiB");
    println!("peak memory {peak} KiB");
    for i in (0..20_000).step_by(397) {
        let second = if i % 2 == 0 { "two" } else { "one" };
        let (a, b) = (
            to.path().join(format!("one/a file with a long name {i}")),
            to.path().join(format!("{second}/link {i}")),
        );
        let (ma, mb) = (fs::metadata(&a).unwrap(), fs::metadata(b).unwrap());
        assert_eq!(
            (ma.ino(), ma.nlink(), fs::read(a).unwrap()),
            (mb.ino(), 2, format!("{i}").into_bytes())
        );
    }
    let count = |d: &str| fs::read_dir(to.path().join(d)).unwrap().count();
    assert_eq!((count("one"), count("two"), count(".")), (30_000, 15_000, 3));
}

#[test]
fn sees_what_is_under_mount_points_on_both_sides() {
    let Some((from, to)) = pair("ext4", 32) else { return };
    for (disk, name) in [(&from, "below"), (&to, "old")] {
        fs::create_dir(disk.path().join("mnt")).unwrap();
        fs::write(disk.path().join("mnt").join(name), "x").unwrap();
    }
    sh(&format!("chmod 0711 {}/mnt", from.path().display()));
    let mounted =
        [disk::Tmpfs::over(&from.path().join("mnt")), disk::Tmpfs::over(&to.path().join("mnt"))];
    fs::write(from.path().join("mnt/above"), "y").unwrap();
    let before = fs::read("/proc/self/mountinfo").unwrap();
    copied(&from, &to, &[]);
    assert!(
        !to.path().join("mnt/below").exists() && !to.path().join("mnt/above").exists(),
        "went to the mounted file system"
    );
    let lines = |b: &[u8]| {
        String::from_utf8_lossy(b).lines().filter(|l| l.contains("altdisk-test")).count()
    };
    // Other tests mount and unmount meanwhile, but none below these.
    assert!(lines(&before) > 0);
    drop(mounted);
    assert!(to.path().join("mnt/below").exists() && !to.path().join("mnt/above").exists());
    assert_eq!(fs::metadata(to.path().join("mnt")).unwrap().mode() & 0o7777, 0o711);
}

#[test]
fn excludes_as_grep_would_and_leaves_out() {
    let Some((from, to)) = pair("ext4", 32) else { return };
    let at = |p: &str| from.path().join(p);
    for dir in ["tmp/deep/er", "var/tmp/keep", "cache/one", "cache/two", "run/state", "own"] {
        fs::create_dir_all(at(dir)).unwrap();
    }
    for file in [
        "tmp/a",
        "tmp/deep/er/b",
        "var/tmp/c",
        "cache/one/x.o",
        "cache/two/y.c",
        "run/state/z",
        "own/d",
        "swapfile",
        "new\nline",
    ] {
        fs::write(at(file), file).unwrap();
    }
    symlink("/nowhere", at("tmp/link")).unwrap();
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(&list, "^./tmp/\n^./cache/one\n^./cache/two$\n/tmp/c$\nw.li\n^./none\n").unwrap();
    let heard = copied(
        &from,
        &to,
        &["-e", list.path().to_str().unwrap(), "-x", "own", "-x", "swapfile", "-x", "run/state"],
    );
    let found = sh(&format!("cd {} && find . -mindepth 1 | sort", to.path().display()));
    let expected = [
        "./cache",
        "./cache/two",
        "./cache/two/y.c",
        "./lost+found",
        "./own",
        "./run",
        "./run/state",
        "./tmp",
        "./var",
        "./var/tmp",
        "./var/tmp/keep",
    ];
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    // ./tmp/: a, deep, deep/er, deep/er/b, link. ./cache/one: itself and x.o. The directory two is
    // the parent of a file.
    for count in [
        "^./tmp/ matched 5 ",
        "^./cache/one matched 2 ",
        "^./cache/two$ matched 1 ",
        "/tmp/c$ matched 1 ",
        "w.li matched 1 ",
        "`^./none`: it matched nothing",
    ] {
        assert!(heard.contains(count), "{count}: {heard}");
    }
    fs::write(&list, "fine\n^./tmp\\(\n").unwrap();
    let out = copytree(from.path(), to.path(), &["-e", list.path().to_str().unwrap()]);
    assert!(out.status.code() == Some(2) && said(&out).contains(":2:7: "), "{}", said(&out));
}

#[test]
fn a_file_that_changes_is_copied_again_or_reported() {
    let Some((from, to)) = pair("ext4", 200) else { return };
    let path = from.path().join("busy");
    fs::write(&path, vec![1; 48 << 20]).unwrap();
    fs::write(from.path().join("quiet"), "q").unwrap();
    let over = AtomicBool::new(false);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let heard = std::thread::scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                file.write_all_at(b"changed", 4 << 20).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // Names come and go meanwhile.
        s.spawn(|| {
            for i in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let dir = from.path().join(format!("comes and goes {}", i % 300));
                if fs::create_dir(&dir).is_ok() {
                    fs::write(dir.join("x"), "x").unwrap();
                } else {
                    fs::remove_dir_all(&dir).unwrap();
                }
            }
        });
        let out = copytree(from.path(), to.path(), &[]);
        over.store(true, Ordering::Relaxed);
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        said(&out)
    });
    assert!(
        heard.contains("1 file(s) kept changing")
            && heard.contains("/busy")
            && heard.contains("1 copied again"),
        "{heard}"
    );
    assert_eq!(fs::read(to.path().join("quiet")).unwrap(), b"q");
    assert_eq!(fs::metadata(to.path().join("busy")).unwrap().len(), 48 << 20);
}

#[test]
fn an_unreadable_file_fails_the_copy_but_not_the_rest() {
    let Some(mut from) = Disk::new("btrfs", 150) else { return };
    let Some(to) = Disk::new("ext4", 64) else { return };
    let mark = b"these bytes are found in the image and changed there";
    for name in ["bad one", "bad two"] {
        fs::write(from.path().join(name), mark.repeat(500)).unwrap();
    }
    fs::write(from.path().join("good"), "g").unwrap();
    // btrfs checks what it reads: changed behind its back, a block is an I/O error.
    from.unmount();
    let mut image = fs::read(from.image()).unwrap();
    let at: Vec<_> =
        image.windows(mark.len()).enumerate().filter(|(_, w)| w == mark).map(|(i, _)| i).collect();
    assert!(at.len() >= 1000);
    at.iter().for_each(|i| image[*i] ^= 1);
    fs::write(from.image(), image).unwrap();
    from.mount();
    let out = copytree(from.path(), to.path(), &[]);
    let heard = said(&out);
    assert_eq!(out.status.code(), Some(4), "{heard}");
    for part in
        ["ALT-402", "2 file(s)", "/bad one: could not be read: Input/output error", "/bad two"]
    {
        assert!(heard.contains(part), "{part}: {heard}");
    }
    assert!(to.path().join("good").exists() && !to.path().join("bad one").exists());
    let list = tempfile::NamedTempFile::new().unwrap();
    fs::write(&list, "^./bad \n").unwrap();
    copied(&from, &to, &["-e", list.path().to_str().unwrap()]);
}

#[test]
fn a_full_target_is_a_clear_error() {
    let (Some(from), Some(to)) = (Disk::new("ext4", 64), Disk::new("ext4", 16)) else { return };
    for i in 0..30 {
        fs::write(from.path().join(format!("f{i}")), vec![i; 1 << 20]).unwrap();
    }
    let out = copytree(from.path(), to.path(), &[]);
    assert_eq!(out.status.code(), Some(4), "{}", said(&out));
    assert!(
        said(&out).contains("ALT-403") && said(&out).contains("No space left on device"),
        "{}",
        said(&out)
    );
}

#[test]
fn a_tree_is_not_copied_into_itself() {
    let Some(disk) = Disk::new("ext4", 32) else { return };
    fs::create_dir(disk.path().join("copy")).unwrap();
    fs::write(disk.path().join("x"), "x").unwrap();
    let out = copytree(disk.path(), &disk.path().join("copy"), &[]);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(disk.path().join("copy/x").exists());
    assert_eq!(fs::read_dir(disk.path().join("copy/copy")).unwrap().count(), 0);
}

#[test]
fn names_every_file_with_v() {
    let Some((from, to)) = pair("ext4", 32) else { return };
    fs::create_dir(from.path().join("d")).unwrap();
    fs::write(from.path().join("d/new\nline"), "x").unwrap();
    let out = copytree(from.path(), to.path(), &["-V"]);
    // The last line counts them.
    let mut lines: Vec<_> =
        std::str::from_utf8(&out.stdout).unwrap().lines().filter(|l| l.starts_with('/')).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["/", "/d", r"/d/new\012line", "/lost+found"]);
}
