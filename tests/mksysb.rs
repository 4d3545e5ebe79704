//! Images made: read by GNU tar, bsdtar and b3sum, which know nothing of who wrote them; whole or
//! not there at all.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "copy/disk.rs"]
mod disk;
#[allow(dead_code)]
#[path = "copy/torture.rs"]
mod torture;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use disk::{Disk, sh};

fn savetree(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_altdisk")).arg("savetree").args(args).output().unwrap()
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&[out.stderr.as_slice(), &out.stdout].concat()).into_owned()
}

fn saved(from: &Path, to: &Path, more: &[&str]) -> String {
    let out = savetree(&[more, &[from.to_str().unwrap(), to.to_str().unwrap()]].concat());
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    said(&out)
}

fn root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: needs root");
    }
    root
}

fn there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// What a program says on standard error; it must succeed.
fn complaint(line: &str) -> String {
    let out = Command::new("bash").args(["-ec", line]).output().unwrap();
    assert!(out.status.success(), "{line}: {}", said(&out));
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// A small tree with something of most kinds.
fn small_tree(top: &Path) {
    sh(&format!(
        "cd {} && mkdir -p a/b 'c d' && echo one > a/one && ln a/one a/b/linked && ln -s one a/link && mkfifo 'c d/fifo' \
         && head -c 700000 /dev/urandom > 'c d/large' && : > empty && printf x > $'new\\nline' && chmod 4711 a/one && touch -d '2001-02-03 04:05:06.789' a/b \
         && truncate -s 5M holes && echo end >> holes",
        top.display()
    ));
}

/// Bytes of everything below, as other programs see it.
fn seen(top: &Path) -> String {
    sh(&format!(
        r#"cd {} && find . -not -name 'altdisk-*' -not -name image.data \( -type d -printf '%y %m %U %G %T+ %P\0' -o -printf '%y %m %U %G %T+ %n %s %l %P\0' \) | sort -z | tr '\n\0' '?\n'
           find . -type f -not -name 'altdisk-*' -execdir sha256sum -- {{}} + | sort"#,
        top.display()
    ))
}

#[test]
fn tar_bsdtar_and_b3sum_read_every_compression() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir(&from).unwrap();
    small_tree(&from);
    // bsdtar leaves the time of the directory that it unpacks into.
    let times = |text: String| -> String {
        text.lines().filter(|l| !l.ends_with(' ')).collect::<Vec<_>>().join("\n")
    };
    let want = times(seen(&from));
    for (end, more) in [
        ("tar", vec![]),
        ("tar.zst", vec![]),
        ("tar.gz", vec![]),
        ("tar.xz", vec![]),
        ("zst", vec!["-z", "19"]),
        ("odd", vec!["-z", "gzip:1"]),
    ] {
        let image = dir.path().join(format!("image.{end}"));
        saved(&from, &image, &more);
        let mode = fs::metadata(&image).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{end}");
        for program in ["tar", "bsdtar"].into_iter().filter(|p| there(p)) {
            let flag = if end == "zst" && program == "tar" { "--zstd" } else { "" };
            assert_eq!(
                complaint(&format!("{program} {flag} -tvf {} > /dev/null", image.display())),
                "",
                "{program} {end}"
            );
            let to = dir.path().join(format!("to.{program}.{end}"));
            fs::create_dir(&to).unwrap();
            assert_eq!(
                complaint(&format!(
                    "{program} {flag} -xpf {} -C {}",
                    image.display(),
                    to.display()
                )),
                "",
                "{program} {end}"
            );
            assert_eq!(times(seen(&to)), want, "{program} {end}");
            if there("b3sum") {
                assert_eq!(
                    complaint(&format!(
                        "cd {} && b3sum --quiet -c altdisk-checksums",
                        to.display()
                    )),
                    ""
                );
                let lines =
                    fs::read_to_string(to.join("altdisk-checksums")).unwrap().lines().count();
                let files = sh(&format!(
                    "find {} -type f -not -name 'altdisk-*' -printf '%i\\n' | sort -u | wc -l",
                    to.display()
                ));
                assert_eq!(lines.to_string(), files.trim(), "a line for every file");
            }
        }
    }
    assert_eq!(sh(&format!("ls -A {} | grep -c tmp || true", dir.path().display())).trim(), "0");
}

/// Everything that is hard to save, through other programs, as far as they can hold it.
#[test]
fn the_torture_tree_survives() {
    let (Some(from), Some(to)) = (Disk::new("ext4", 400), Disk::new("ext4", 400)) else { return };
    torture::build(from.path(), "ext4");
    // What no archive holds, or no program restores: sockets, names longer than PATH_MAX.
    sh(&format!(
        "cd {} && find . -type s -delete; rm -rf --one-file-system abc 'a longer name'",
        from.path().display()
    ));
    let image = to.path().join("image.tar");
    let heard = saved(from.path(), &image, &[]);
    assert!(!heard.contains("warning"), "{heard}");
    // GNU tar does not know inode flags.
    let heard = complaint(&format!("tar -tvf {} > /dev/null", image.display()));
    assert!(heard.lines().all(|l| l.contains("SCHILY.fflags")), "{heard}");
    let into = to.path().join("gnu");
    fs::create_dir(&into).unwrap();
    complaint(&format!(
        "tar --xattrs --xattrs-include='*' --acls -xpf {} -C {}",
        image.display(),
        into.display()
    ));
    let look = |top: &Path| {
        let by_file =
            r#"perl -00 -ne 'my ($f, @l) = split /\n/; print join("|", $f, sort @l), "\n"' | sort"#;
        sh(&format!(
            r#"cd {}
               find . -not -path './lost+found*' -not -name 'altdisk-*' -not -name '*hole*' \( -type d -printf '%y %m %U %G %T+ - %P\0' -o -type l -printf '%y %U %G %T+ %n %s %l %P\0' -o -printf '%y %m %U %G %T+ %n %s %l %P\0' \) | sort -z | tr '\n\0' '?\n'
               find . -type f -size -100M -not -name 'altdisk-*' -execdir sha256sum -- {{}} + | sort
               stat -c '%n %t:%T %F' kinds/* links/* | grep -v directory | sort
               (getfattr -Rhd -m - -e hex acl kinds links modes times flags names content; getfattr -hd -m - -e hex .) | {by_file}
               getfacl -RPn acl modes | {by_file}
               find content -name '*hole*' -printf '%P %s %b\n' | sort"#,
            top.display()
        ))
    };
    sh(&format!("chattr -R -f -i -a {} || true", from.path().display()));
    let (a, b) = (look(from.path()), look(&into));
    let differ: Vec<_> = a.lines().filter(|l| !b.lines().any(|m| m == *l)).take(20).collect();
    let instead: Vec<_> = b.lines().filter(|l| !a.lines().any(|m| m == *l)).take(20).collect();
    assert!(a == b, "{differ:#?} became {instead:#?}");
}

/// With our own restorer nothing is missing but sockets; what is allocated and was never written
/// comes back as zeros.
#[test]
fn the_torture_tree_survives_with_our_own_restorer() {
    let (Some(from), Some(to)) = (Disk::new("ext4", 400), Disk::new("ext4", 400)) else { return };
    torture::build(from.path(), "ext4");
    sh(&format!(
        "cd {0} && touch -r . {0}/../when && find . -type s -delete && rm content/allocated && : > content/allocated && touch -d 2020-01-01 content kinds links \
         && touch -r {0}/../when . && stat -c %b content/allocated",
        from.path().display()
    ));
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image.zst");
    let heard = saved(from.path(), &image, &[]);
    assert!(!heard.contains("warning"), "{heard}");
    let out = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("restoretree")
        .args([&image, to.path()])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    torture::compare(from.path(), to.path(), "ext4");
    sh(&format!("chattr -R -f -i -a {} {} || true", from.path().display(), to.path().display()));
}

#[test]
fn a_large_file_with_holes() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir(&from).unwrap();
    let file = File::create(from.join("9 GiB")).unwrap();
    for at in [5_u64 << 20, 3 << 30, (9 << 30) - 5] {
        file.write_all_at(b"data!", at).unwrap();
    }
    let image = dir.path().join("image.tar.zst");
    saved(&from, &image, &[]);
    assert!(fs::metadata(&image).unwrap().len() < 100_000);
    for program in ["tar", "bsdtar"].into_iter().filter(|p| there(p)) {
        let to = dir.path().join(program);
        fs::create_dir(&to).unwrap();
        assert_eq!(
            complaint(&format!("{program} -xf {} -C {}", image.display(), to.display())),
            ""
        );
        let back = File::open(to.join("9 GiB")).unwrap();
        let meta = back.metadata().unwrap();
        assert_eq!(meta.len(), 9 << 30);
        assert!(meta.blocks() * 512 < 1 << 20, "{program}: {} blocks", meta.blocks());
        let mut text = [0; 5];
        for at in [5_u64 << 20, 3 << 30, (9 << 30) - 5] {
            back.read_exact_at(&mut text, at).unwrap();
            assert_eq!(&text, b"data!", "{program}");
        }
    }
}

#[test]
fn the_image_is_not_in_itself_and_lists_exclude() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    small_tree(dir.path());
    fs::write(dir.path().join("list"), "^./a/\n^./list$\n").unwrap();
    let image = dir.path().join("c d/image.tar");
    let list = dir.path().join("list");
    let names = || sh(&format!("tar -tf '{}' | sort", image.display()));
    saved(dir.path(), &image, &["-e", list.to_str().unwrap()]);
    let want = "./\n./a/\n./c d/\n./c d/fifo\n./c d/large\n./empty\n./holes\n./new\\nline\naltdisk-checksums\naltdisk-manifest.json\n";
    assert_eq!(names(), want);
    // Over the one before: that one is not in it either.
    saved(dir.path(), &image, &["-e", list.to_str().unwrap(), "-x", "c d"]);
    assert_eq!(names(), want.replace("./c d/fifo\n./c d/large\n", ""));
}

#[test]
fn records_are_equal_and_readers_pass_over_the_padding() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir(&from).unwrap();
    small_tree(&from);
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (method, unpack) in
        [("none", "cat"), ("zstd", "zstd -dcq"), ("gzip", "gzip -dc"), ("xz", "xz -dc")]
    {
        for record in [512, 10240, 65536] {
            let size = record.to_string();
            let mut child = Command::new(env!("CARGO_BIN_EXE_altdisk"))
                .args(["savetree", "-z", method, "--block-size", &size])
                .args([&from, &fifo])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let mut bytes = vec![];
            File::open(&fifo).unwrap().read_to_end(&mut bytes).unwrap();
            assert!(child.wait().unwrap().success());
            assert_eq!(bytes.len() % record, 0, "{method} {record}");
            let image = dir.path().join("image");
            fs::write(&image, &bytes).unwrap();
            assert_eq!(
                complaint(&format!("{unpack} < {} | tar -tf - > /dev/null", image.display())),
                "",
                "{method} {record}"
            );
        }
    }
    let out = sh(&format!(
        "{} savetree -z none {} - 2>/dev/null | tar -tf - | wc -l",
        env!("CARGO_BIN_EXE_altdisk"),
        from.display()
    ));
    assert!(out.trim().parse::<u32>().unwrap() > 10, "{out}");
}

#[test]
fn a_signal_leaves_nothing_and_the_old_image() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image.tar.xz");
    fs::write(&image, "the old one").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .args(["savetree", "-z", "xz:9", "/usr"])
        .arg(&image)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    let begun = Instant::now();
    let mut heard = String::new();
    child.stderr.take().unwrap().read_to_string(&mut heard).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{heard}");
    assert!(heard.contains("ALT-662") && begun.elapsed() < Duration::from_secs(30), "{heard}");
    assert_eq!(fs::read_to_string(&image).unwrap(), "the old one");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_full_file_system_leaves_nothing_and_the_old_image() {
    let Some(disk) = Disk::new("ext4", 64) else { return };
    let dir = tempfile::tempdir().unwrap();
    sh(&format!("head -c 100M /dev/urandom > {}/random", dir.path().display()));
    let image = disk.path().join("image.zst");
    fs::write(&image, "the old one").unwrap();
    // It will not fit by far: refused before anything is written.
    let out = savetree(&["-z", "none", dir.path().to_str().unwrap(), image.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(3), "{}", said(&out));
    assert!(said(&out).contains("ALT-657") && said(&out).contains("needs 10"), "{}", said(&out));
    // It might, compressed; it does not.
    sh(&format!("truncate -s 90M {}/random", dir.path().display()));
    let out = savetree(&[dir.path().to_str().unwrap(), image.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(said(&out).contains("ALT-656"), "{}", said(&out));
    assert_eq!(fs::read_to_string(&image).unwrap(), "the old one");
    assert_eq!(sh(&format!("ls -A {}", disk.path().display())), "image.zst\nlost+found\n");
}

#[test]
fn places_that_are_refused() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    sh(&format!(
        "cd {} && mkdir d && ln -s nowhere dangling && mknod disk b 7 200 2>/dev/null || touch nodev",
        dir.path().display()
    ));
    let mut places = vec![at("d"), at("none/image"), at("dangling"), at("d/")];
    if dir.path().join("nodev").exists() {
        println!("skipped: no device nodes here");
    } else {
        places.push(at("disk"));
    }
    for place in places {
        let out = savetree(&["/etc", &place]);
        assert!(
            out.status.code() == Some(3) && said(&out).contains("ALT-658"),
            "{place}: {}",
            said(&out)
        );
    }
    for word in ["0", "bzip2", "zstd:20"] {
        let out = savetree(&["-z", word, "/etc", &at("x")]);
        assert!(out.status.code() == Some(2) && said(&out).contains("ALT-659"), "{}", said(&out));
    }
    let out = savetree(&["--block-size", "1000", "/etc", &at("x")]);
    assert!(out.status.code() == Some(2) && said(&out).contains("ALT-107"), "{}", said(&out));
    assert!(!dir.path().join("x").exists());
}

/// Files that grow, shrink and vanish while they are read never damage the archive.
#[test]
fn files_may_change_meanwhile() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir(&from).unwrap();
    for i in 0..400 {
        fs::write(from.join(format!("f{i}")), vec![b'x'; 100_000]).unwrap();
    }
    let image = dir.path().join("image.tar");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut n = 0_u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                n += 1;
                let path = from.join(format!("f{}", n * 7 % 400));
                match n % 3 {
                    0 => drop(fs::write(&path, vec![b'y'; (n * 977 % 400_000) as usize])),
                    1 => drop(
                        File::options()
                            .write(true)
                            .open(&path)
                            .and_then(|f| f.set_len(n * 31 % 200_000)),
                    ),
                    _ => drop(fs::remove_file(&path)),
                }
            }
        });
        for _ in 0..5 {
            saved(&from, &image, &[]);
            let heard = complaint(&format!("tar -tf {} > /dev/null", image.display()));
            assert_eq!(heard, "");
            let to = dir.path().join("to");
            fs::create_dir(&to).unwrap();
            complaint(&format!("tar -xf {} -C {}", image.display(), to.display()));
            if there("b3sum") {
                complaint(&format!("cd {} && b3sum --quiet -c altdisk-checksums", to.display()));
            }
            fs::remove_dir_all(&to).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn the_words_of_mksysb() {
    let mksysb = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_altdisk")).arg("mksysb").args(args).output().unwrap()
    };
    for (args, want) in [
        (vec![], "ALT-128"),
        (vec!["a", "b"], "ALT-128"),
        (vec!["--list", "--check", "a"], "ALT-107"),
        (vec!["--list", "-z", "3", "a"], "ALT-107"),
        (vec!["--verify", "-"], "ALT-107"),
        (vec!["-i", "-m", "/etc/passwd", "a"], "ALT-107"),
        (vec!["-m", "/nowhere/x", "a"], "ALT-122"),
        (vec!["-z", "lz4", "a"], "ALT-659"),
        (vec!["image"], "ALT-118"),
    ] {
        let out = mksysb(&args);
        assert!(
            out.status.code() == Some(2) && said(&out).contains(want),
            "{args:?}: {}",
            said(&out)
        );
    }
    if nix::unistd::geteuid().is_root() {
        return println!("skipped: root may");
    }
    let out = mksysb(&["/tmp/altdisk-test-image"]);
    assert!(out.status.code() == Some(3) && said(&out).contains("ALT-803"), "{}", said(&out));
}
