//! The restorer on real file systems: trees that GNU tar packed, compared by other programs;
//! archives that are built to leave the target, each refused with nothing outside touched; targets
//! that are full, and a signal.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "copy/disk.rs"]
mod disk;
#[path = "copy/torture.rs"]
mod torture;

use disk::{Disk, sh};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn restoretree(image: &Path, to: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("restoretree")
        .arg(image)
        .arg(to)
        .args(more)
        .output()
        .unwrap()
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&[out.stderr.as_slice(), &out.stdout].concat()).into_owned()
}

/// Restores and expects success; returns what was said.
fn restored(image: &Path, to: &Path) -> String {
    let out = restoretree(image, to, &[]);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    said(&out)
}

/// What other programs see of both trees is the same: what this kind of archive can hold.
fn compare(from: &Path, to: &Path, pax: bool) {
    let see = |what: &str, command: &str| {
        let (a, b) = (
            sh(&format!("cd {} && {command}", from.display())),
            sh(&format!("cd {} && {command}", to.display())),
        );
        assert!(a.lines().count() > 1, "{what}: {a}");
        if a != b {
            let differ: Vec<_> =
                a.lines().filter(|l| !b.lines().any(|m| m == *l)).take(20).collect();
            let instead: Vec<_> =
                b.lines().filter(|l| !a.lines().any(|m| m == *l)).take(20).collect();
            panic!("{what} differ: {differ:#?} became {instead:#?}");
        }
    };
    let time = if pax { "%T+" } else { "%Ts" };
    // Sockets cannot be stored, and GNU tar stores every name of a device node as one of its own;
    // the deep path is more than GNU tar takes.
    let left_out = "-not -path ./lost+found -not -path './a longer name*' -not -type s";
    see(
        "stat",
        &format!(
            r#"find . {left_out} \( -type d -printf '%y %m %U %G {time} - %P\0' -o -type l -printf '%y %U %G {time} %n %s %l %P\0' -o -type f -printf '%y %m %U %G {time} %n %s %P\0' -o -printf '%y %m %U %G {time} %P\0' \) | sed -z 's/\.0*\( \)/\1/' | sort -z | tr '\n\0' '?\n'"#
        ),
    );
    see(
        "content",
        "find . -type f -size -100M -not -path './a longer name*' -execdir sha256sum -- {} + | sort",
    );
    see("device numbers", "find kinds links -not -type s -exec stat -c '%n %t:%T %F' {} + | sort");
    see(
        "links",
        r#"find . -not -path './a longer name*' -type f -links +1 -printf '%i %P\n' | sort -k2 | awk '{ if (!($1 in n)) n[$1] = ++k; $1 = n[$1]; print }'"#,
    );
    see(
        "holes",
        r#"find content -type f -size +1M -printf '%p\n' | sort | while read -r f; do [ "$f" = content/allocated ] || stat -c '%n %b' "$f"; done | awk '{ printf "%s", $1; for (i = 2; i < NF; i++) printf " %s", $i; print int($NF / 128) }'"#,
    );
    if pax {
        let by_file =
            r#"perl -00 -ne 'my ($f, @l) = split /\n/; print join("|", $f, sort @l), "\n"' | sort"#;
        see(
            "attributes",
            &format!(
                "(getfattr -Rhd -m - -e hex acl modes times names content; getfattr -hd -m - -e hex .) | {by_file}"
            ),
        );
        see("ACLs", &format!("getfacl -RPn acl modes | {by_file}"));
    }
}

/// GNU tar packs the tree of everything that is hard; ours unpacks it.
fn round_trip(tar: &str, pax: bool) {
    let (Some(from), Some(to)) = (Disk::new("ext4", 400), Disk::new("ext4", 400)) else { return };
    torture::build(from.path(), "ext4");
    let image = from.path().parent().unwrap().join("tree.tar");
    sh(&format!(
        "cd {} && tar --numeric-owner --exclude='./a longer name' --exclude=./lost+found {tar} -cf {} . 2>/dev/null || [ $? = 1 ]",
        from.path().display(),
        image.display()
    ));
    restored(&image, to.path());
    compare(from.path(), to.path(), pax);
    // Again over what is there: it ends the same.
    restored(&image, to.path());
    compare(from.path(), to.path(), pax);
    sh(&format!("chattr -R -f -i -a {} || true", from.path().display()));
}

#[test]
fn gnu_tar_with_everything() {
    round_trip("--format=posix --xattrs --xattrs-include='*' --acls -S", true);
}

#[test]
fn gnu_tar_in_its_own_format() {
    round_trip("--format=gnu -S", false);
}

/// A tar archive, written by nobody but this test.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn header(&mut self, name: &str, kind: u8, link: &str, size: usize) {
        let mut h = [0u8; 512];
        let mut put = |at: usize, text: &[u8]| h[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, b"07000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        put(329, b"0000001\0");
        put(337, b"0000003\0");
        let sum: u32 = h.iter().map(|b| u32::from(*b)).sum();
        h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&h);
    }

    fn file(mut self, name: &str, content: &str) -> Self {
        self.header(name, b'0', "", content.len());
        self.0.extend_from_slice(content.as_bytes());
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn other(mut self, name: &str, kind: u8, link: &str) -> Self {
        self.header(name, kind, link, 0);
        self
    }

    fn dir(self, name: &str) -> Self {
        self.other(name, b'5', "")
    }

    fn link(self, name: &str, to: &str) -> Self {
        self.other(name, b'2', to)
    }

    fn hard(self, name: &str, to: &str) -> Self {
        self.other(name, b'1', to)
    }

    fn store(mut self, at: &Path) {
        self.0.resize(self.0.len() + 1024, 0);
        fs::write(at, self.0).unwrap();
    }
}

/// A directory with a target, and something beside it that must stay as it is.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root");
            return None;
        }
        let dir = tempfile::Builder::new().prefix("altdisk-test-").tempdir().unwrap();
        fs::create_dir_all(dir.path().join("outside/dir")).unwrap();
        fs::write(dir.path().join("outside/file"), "untouched").unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        Some(Self(dir))
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("root")
    }

    fn state(&self) -> String {
        sh(&format!(
            "cd {} && find . -path ./root -prune -o -printf '%p %y %m %U %n %s %T@ %C@\\n' && cat outside/file",
            self.0.path().display()
        ))
    }

    fn restore(&self, tar: Tar) -> Output {
        let image = tempfile::NamedTempFile::new().unwrap();
        tar.store(image.path());
        restoretree(image.path(), &self.root(), &[])
    }
}

#[test]
fn nothing_leaves_the_root() {
    let tar = Tar::default;
    let table: Vec<(&str, &str, Tar)> = vec![
        ("dots", "ALT-645", tar().file("../outside/file", "x")),
        ("dots behind a directory", "ALT-645", tar().dir("d").file("d/../../outside/file", "x")),
        ("dots at the end", "ALT-645", tar().dir("d/..")),
        ("an absolute link", "ALT-645", tar().link("l", "/tmp").file("l/altdisk-escaped", "x")),
        ("a relative link", "ALT-645", tar().link("l", "../outside").file("l/file", "x")),
        (
            "a link to a link",
            "ALT-645",
            tar().link("a", "../outside").link("b", "a").file("b/file", "x"),
        ),
        ("a directory through a link", "ALT-645", tar().link("l", "../outside").dir("l/new")),
        (
            "a link in the middle",
            "ALT-645",
            tar().dir("d").link("d/l", "../../outside").file("d/l/dir/x", "x"),
        ),
        ("a hard link with dots", "ALT-645", tar().hard("h", "../outside/file")),
        (
            "a hard link through a link",
            "ALT-645",
            tar().link("l", "../outside").hard("h", "l/file"),
        ),
        (
            "a hard link that is written through",
            "ALT-645",
            tar().link("l", "../outside").hard("h", "l").file("h/file", "x"),
        ),
        (
            "a directory swapped for a link",
            "ALT-645",
            tar().dir("d").link("d", "../outside").file("d/file", "x"),
        ),
        ("a file on the way", "ALT-646", tar().file("f", "x").file("f/y", "y")),
        ("a device on the way", "ALT-646", tar().other("dev", b'3', "").file("dev/x", "x")),
        ("a directory with files replaced", "ALT-646", tar().file("d/x", "x").file("d", "y")),
        ("the root replaced", "ALT-645", tar().link(".", "../outside")),
        ("the root as a file", "ALT-645", tar().file(".", "x")),
        ("a link to nothing", "ALT-647", tar().hard("h", "none")),
        ("a link into nothing", "ALT-647", tar().hard("h", "no/ne")),
    ];
    for (what, id, archive) in table {
        let Some(place) = Place::new() else { return };
        let before = place.state();
        let out = place.restore(archive);
        assert!(
            matches!(out.status.code(), Some(1 | 4)) && said(&out).contains(id),
            "{what}: {}",
            said(&out)
        );
        assert!(said(&out).contains("offset "), "{what}: {}", said(&out));
        assert_eq!(place.state(), before, "{what}");
    }
    assert!(!Path::new("/tmp/altdisk-escaped").exists());
}

#[test]
fn a_link_that_was_there_is_not_followed() {
    let Some(place) = Place::new() else { return };
    symlink("../outside", place.root().join("etc")).unwrap();
    let before = place.state();
    let out = place.restore(Tar::default().file("etc/file", "x"));
    assert!(said(&out).contains("ALT-645"), "{}", said(&out));
    // As a member of its own the directory takes the link's place.
    let out = place.restore(Tar::default().dir("etc").file("etc/file", "x"));
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert_eq!(fs::read(place.root().join("etc/file")).unwrap(), b"x");
    // What a link stands for is not written into, the link is replaced.
    symlink("../outside/file", place.root().join("own")).unwrap();
    let out = place.restore(Tar::default().file("own", "new"));
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(place.root().join("own").symlink_metadata().unwrap().is_file());
    assert_eq!(place.state(), before);
}

#[test]
fn the_later_one_wins_and_parents_are_made() {
    let Some(place) = Place::new() else { return };
    let mut tar = Tar::default();
    // Enough of them that several writers are at work.
    for i in 0..400 {
        tar = tar
            .file(&format!("many/{}/f", i % 7), &format!("{i}"))
            .dir(&format!("turn{}", i % 3))
            .link(&format!("turn{}", i % 3), "x");
        tar = tar.hard(&format!("links/{i}"), &format!("many/{}/f", i % 7));
    }
    let tar = tar
        .file("/deep/er/x", "x")
        .hard("/deep/x", "deep/er/x")
        .dir("turn0")
        .other("null", b'3', "")
        .file("twice", "1")
        .file("twice", "2");
    let out = place.restore(tar);
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(said(&out).contains("begin with /"), "{}", said(&out));
    let at = |p: &str| place.root().join(p);
    for i in 393..400 {
        let (f, l) = (at(&format!("many/{}/f", i % 7)), at(&format!("links/{i}")));
        assert_eq!(fs::read_to_string(&f).unwrap(), format!("{i}"));
        assert_eq!(fs::metadata(f).unwrap().ino(), fs::metadata(l).unwrap().ino());
    }
    assert_eq!(fs::read_to_string(at("links/5")).unwrap(), "5");
    assert!(
        at("turn0").symlink_metadata().unwrap().is_dir()
            && at("turn1").symlink_metadata().unwrap().is_symlink()
    );
    assert_eq!(fs::metadata(at("deep/er")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::metadata(at("deep/x")).unwrap().nlink(), 2);
    assert_eq!(fs::read_to_string(at("twice")).unwrap(), "2");
    let null = at("null").symlink_metadata().unwrap();
    assert!(null.file_type().is_char_device() && null.rdev() == nix::sys::stat::makedev(1, 3));
}

#[test]
fn what_is_mounted_below_is_part_of_the_target() {
    let Some(disk) = Disk::new("ext4", 32) else { return };
    fs::create_dir(disk.path().join("boot")).unwrap();
    let mounted = disk::Tmpfs::over(&disk.path().join("boot"));
    let image = tempfile::NamedTempFile::new().unwrap();
    Tar::default().dir("boot").file("boot/kernel", "k").store(image.path());
    restored(image.path(), disk.path());
    Tar::default().link("boot", "x").store(image.path());
    let out = restoretree(image.path(), disk.path(), &[]);
    assert!(matches!(out.status.code(), Some(1 | 4)), "{}", said(&out));
    fs::remove_file(disk.path().join("boot/kernel")).unwrap();
    let out = restoretree(image.path(), disk.path(), &[]);
    assert!(said(&out).contains("ALT-645") && said(&out).contains("mounted"), "{}", said(&out));
    drop(mounted);
    assert_eq!(fs::read_dir(disk.path().join("boot")).unwrap().count(), 0);
}

#[test]
fn a_full_target_is_a_clear_error() {
    let Some(disk) = Disk::new("ext4", 16) else { return };
    let image = tempfile::NamedTempFile::new().unwrap();
    let mut tar = Tar::default();
    for i in 0..30 {
        tar = tar.file(&format!("f{i}"), &"x".repeat(1 << 20));
    }
    tar.store(image.path());
    let out = restoretree(image.path(), disk.path(), &[]);
    assert_eq!(out.status.code(), Some(4), "{}", said(&out));
    let text = said(&out);
    assert!(text.contains("ALT-403") && text.contains("No space left"), "{text}");
}

#[test]
fn a_signal_stops_it() {
    let Some(place) = Place::new() else { return };
    let mut child = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .args(["restoretree", "-"])
        .arg(place.root())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let tar = Tar::default().file("first", &"1".repeat(1 << 20)).0;
    let mut asked = false;
    // It goes on until the reader has gone.
    for _ in 0..2000 {
        if pipe.write_all(&tar).is_err() {
            break;
        }
        if !asked {
            let pid = i32::try_from(child.id()).unwrap();
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGTERM,
            )
            .ok();
            asked = true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(pipe);
    let out = child.wait_with_output().unwrap();
    assert!(out.status.code() == Some(1) && said(&out).contains("ALT-711"), "{}", said(&out));
}

#[test]
fn a_silent_pipe_does_not_keep_it() {
    let Some(place) = Place::new() else { return };
    let mut child = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .args(["restoretree", "-"])
        .arg(place.root())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As a network that died in the middle: nothing comes any more, and no end either.
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&Tar::default().file("first", &"1".repeat(1 << 20)).0).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let pid = i32::try_from(child.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)
        .unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        assert!(std::time::Instant::now() < end, "it waits for the pipe");
        std::thread::sleep(Duration::from_millis(20));
    }
    let out = child.wait_with_output().unwrap();
    assert!(out.status.code() == Some(1) && said(&out).contains("ALT-711"), "{}", said(&out));
}

/// A small tree as an image of our own, and as bsdtar packs it: with flags that forbid changes, and
/// a link to such a file.
fn small_tree(disk: &Disk) -> std::path::PathBuf {
    let from = disk.path().join("from");
    let script = "mkdir -p d D; touch -d 2001-02-03 D; echo i > d/i; ln d/i l; echo a > a; echo n > n; chattr +i d/i; chattr +a a D; chattr +d n; chattr +A D
        head -c 3000000 /dev/urandom > big; truncate -s 5M sparse; echo x >> sparse; touch -d 2001-02-03 d";
    sh(&format!("mkdir {0} && cd {0} && {script}", from.display()));
    from
}

fn free(disk: &Disk) {
    sh(&format!("chattr -R -f -i -a {} || true", disk.path().display()));
}

#[test]
fn flags_come_last_and_links_before_them() {
    let (Some(disk), Some(to)) = (Disk::new("ext4", 64), Disk::new("ext4", 64)) else { return };
    let from = small_tree(&disk);
    let image = disk.path().join("image");
    for command in [
        format!("{} savetree -z none {{}} {}", env!("CARGO_BIN_EXE_altdisk"), image.display()),
        format!("bsdtar --format=pax -C {{}} -cf {} .", image.display()),
    ] {
        sh(&command.replace("{}", &from.display().to_string()));
        restored(&image, to.path());
        let see = |top: &Path| {
            sh(&format!(
                "cd {} && lsattr -Rd d D l a n big sparse d/i && stat -c '%n %y %s' d D && sha256sum d/i l a n big sparse && stat -c %h l",
                top.display()
            ))
        };
        assert_eq!(see(&from), see(to.path()), "{command}");
        assert!(see(to.path()).contains("----i---------e------- d/i"));
        free(&to);
        sh(&format!("cd {} && rm -rf d D l a n big sparse", to.path().display()));
        fs::remove_file(&image).unwrap();
    }
    free(&disk);
}

#[test]
fn an_image_that_is_changed_or_cut_is_noticed() {
    let (Some(disk), Some(to)) = (Disk::new("ext4", 64), Disk::new("ext4", 64)) else { return };
    let from = small_tree(&disk);
    let image = disk.path().join("image");
    sh(&format!(
        "{} savetree -z none {} {}",
        env!("CARGO_BIN_EXE_altdisk"),
        from.display(),
        image.display()
    ));
    free(&disk);
    let whole = fs::read(&image).unwrap();
    let content = fs::read(from.join("big")).unwrap();
    let at = whole.windows(64).position(|w| w == &content[..64]).unwrap();
    let mut changed = whole.clone();
    changed[at + 1_234_567] ^= 1;
    fs::write(&image, changed).unwrap();
    let out = restoretree(&image, to.path(), &[]);
    assert!(
        matches!(out.status.code(), Some(1 | 4))
            && said(&out).contains("ALT-637")
            && said(&out).contains("big"),
        "{}",
        said(&out)
    );
    for (length, what) in [(at + 1_000_000, "big"), (whole.len() - 3000, "ALT-63")] {
        free(&to);
        fs::write(&image, &whole[..length]).unwrap();
        let out = restoretree(&image, to.path(), &[]);
        assert!(
            matches!(out.status.code(), Some(1 | 4))
                && said(&out).contains("ALT-63")
                && said(&out).contains(what),
            "{}",
            said(&out)
        );
    }
    free(&to);
    assert!(!sh(&format!("ls -A {}", to.path().display())).contains(".altdisk"));
}
