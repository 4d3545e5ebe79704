//! System images and other programs: what ours says, GNU tar and bsdtar understand, and the other
//! way round; what is damaged, cut or built to do harm is refused; tapes.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "images/compare.rs"]
mod compare;
#[path = "copy/disk.rs"]
#[allow(dead_code)]
mod disk;
#[path = "images/harm.rs"]
mod harm;
#[path = "images/own.rs"]
mod own;
#[path = "images/run.rs"]
mod run;
#[path = "copy/torture.rs"]
#[allow(dead_code)]
mod torture;

use std::path::Path;
use std::process::Command;

use compare::{ALL, Holds, compare};
use disk::{Disk, sh};
use run::{restored, restoretree, said};

/// An empty ext4 on which looking at a file changes no access time.
fn empty() -> Option<Disk> {
    let disk = Disk::new("ext4", 400)?;
    sh(&format!("mount -o remount,noatime {}", disk.path().display()));
    Some(disk)
}

/// A torture tree on ext4 and an empty disk, or why the test is skipped. A file of 9 GiB with data
/// at its end is among the rest.
fn tortured() -> Option<(Disk, Disk)> {
    let (from, to) = (empty()?, empty()?);
    torture::build(from.path(), "ext4");
    sh(&format!(
        "cd {}/content && printf end | dd of=9GiB bs=1 seek=9663676413 conv=notrunc status=none",
        from.path().display()
    ));
    Some((from, to))
}

/// What can be changed and removed again.
fn freed(disk: &Disk) {
    sh(&format!("chattr -R -f -i -a {} || true", disk.path().display()));
}

fn has(program: &str) -> bool {
    let there = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .unwrap()
        .status
        .success();
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// bsdtar and GNU tar store devices with two names (GNU tar: FIFOs, too) as two.
const TWO_NAMES: &str = "(kinds|links)/(null|fifo)$";
/// What libarchive and GNU tar make of a time before 1970 that is no whole second: they take or
/// write the fraction with the wrong sign.
const BEFORE_1970: &str = "times/d?0$";

/// Names longer than PATH_MAX take a program that opens each whole path (GNU tar: quadratic;
/// bsdtar: not at all) too long.
fn without_the_deep_path(disk: &Disk) {
    sh(&format!(
        "cd {} && rm -rf 'a longer name' && chmod 2751 . && touch -d '1999-12-31 23:59:59.123456789' .",
        disk.path().display()
    ));
}

/// `line` writes an archive of the directory it runs in to its standard output; that is restored,
/// and compared.
fn through(line: &str, holds: Holds, except: &str) {
    let Some((from, to)) = tortured() else { return };
    if !holds.deep {
        without_the_deep_path(&from);
    }
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    // Sockets are named on standard error; that is no failure.
    sh(&format!("cd {} && {line} >{}", from.path().display(), archive.display()));
    let heard = restored(&archive, to.path());
    compare(from.path(), to.path(), holds, except);
    assert!(!heard.contains("panicked"), "{heard}");
    freed(&from);
    freed(&to);
}

/// GNU tar keeps no inode flags; for the deep path it takes minutes.
#[test]
fn gnu_tar_pax() {
    let line = "tar --format=posix --xattrs --xattrs-include='*' --acls -S --one-file-system --exclude=./lost+found -cf - .";
    through(line, Holds { flags: false, deep: false, ..ALL }, TWO_NAMES);
}

/// The old GNU format has neither extended attributes, ACLs, nor times below a second; access times
/// only in incremental archives.
#[test]
fn gnu_tar_gnu() {
    let line = "tar --format=gnu -S --exclude=./lost+found -cf - .";
    through(
        line,
        Holds {
            atime: false,
            nanoseconds: false,
            xattrs: false,
            acls: false,
            flags: false,
            deep: false,
        },
        &format!("{TWO_NAMES}|cap_net_raw"),
    );
}

/// bsdtar takes paths up to PATH_MAX, and has words for two inode flags only. It leaves a socket
/// out, but not the socket's second name.
#[test]
fn bsdtar_pax() {
    if !has("bsdtar") {
        return;
    }
    let line = "LC_ALL=C.UTF-8 bsdtar --format=pax --acls --xattrs --fflags --exclude ./lost+found --exclude ./links/socket -cf - .";
    through(
        line,
        Holds { deep: false, flags: false, ..ALL },
        &format!("{TWO_NAMES}|{BEFORE_1970}"),
    );
}

/// Jörg Schilling's, from which the names of ACLs and attributes in PAX archives come.
#[test]
fn star_pax() {
    if !has("star") {
        return;
    }
    let line = "star -c -acl -xattr -sparse artype=exustar -D f=- .";
    through(line, Holds { deep: false, flags: false, ..ALL }, "");
}

/// All forms of sparse files that there are.
#[test]
fn sparse_files_in_every_form() {
    let Some((from, to)) = tortured() else { return };
    let dir = tempfile::tempdir().unwrap();
    for (n, form) in [
        "--format=gnu",
        "--format=posix --sparse-version=0.0",
        "--format=posix --sparse-version=0.1",
        "--format=posix --sparse-version=1.0",
    ]
    .iter()
    .enumerate()
    {
        let archive = dir.path().join("archive");
        sh(&format!(
            "tar {form} -S -C {} -cf {} content",
            from.path().display(),
            archive.display()
        ));
        let to = to.path().join(format!("{n}"));
        std::fs::create_dir(&to).unwrap();
        restored(&archive, &to);
        let sums = |top: &Path| {
            sh(&format!(
                "cd '{}/content' && find . -type f -size -100M -exec sha256sum {{}} + | sort; stat -c '%s %n' *; for f in holes 9GiB; do tail -c 9000 $f | sha256sum; done",
                top.display()
            ))
        };
        assert_eq!(sums(from.path()), sums(&to), "{form}");
        let blocks = sh(&format!("cd '{}/content' && du -k 9GiB holes 'all hole'", to.display()));
        assert!(
            blocks.lines().all(|l| l.split('\t').next().unwrap().parse::<u64>().unwrap() < 100),
            "{form}: {blocks}"
        );
        sh(&format!("rm -r '{}'", to.display()));
    }
    freed(&from);
}

/// A root as `docker export` and distributions ship it: names without `./`, in any packing.
#[test]
fn root_tarballs_in_every_packing() {
    let Some(to) = empty() else { return };
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    sh(&format!(
        "mkdir -p {0}/etc {0}/usr/bin {0}/dev && cp -a /etc/passwd /etc/group {0}/etc && cp /bin/ls {0}/usr/bin && ln -s usr/bin {0}/bin && chmod 4755 {0}/usr/bin/ls && touch -d 2020-01-02 {0}/etc",
        root.display()
    ));
    let tar = dir.path().join("root.tar");
    sh(&format!(
        "cd {} && tar --format=ustar --numeric-owner -cf {} *",
        root.display(),
        tar.display()
    ));
    let packings = [
        ("cat", true),
        ("gzip -c", true),
        ("xz -c", true),
        ("xz -T2 --block-size=65536 -c", true),
        ("zstd -qc", true),
        ("zstd -q --long=27 -19 -c", true),
        ("pzstd -qc", true),
        ("split -b 40000 --filter='gzip -c'", true),
        ("split -b 40000 --filter='xz -c'", true),
        ("split -b 40000 --filter='zstd -qc'", true),
        ("bzip2 -c", false),
        ("lz4 -qc", false),
        ("xz --format=lzma -c", false),
    ];
    for (n, (packing, read)) in packings.iter().enumerate() {
        let packer = packing.split(' ').next().unwrap();
        if !has(packer) {
            continue;
        }
        let packed = dir.path().join(format!("packed-{n}"));
        sh(&format!("{packing} <{} >{}", tar.display(), packed.display()));
        let to = to.path().join(format!("{n}"));
        std::fs::create_dir(&to).unwrap();
        if *read {
            restored(&packed, &to);
            let list = |top: &Path| {
                sh(&format!(
                    "cd '{}' && find . -not -path . -printf '%P %y %m %U %G %Ts %l\n' | sort; sha256sum usr/bin/ls etc/*",
                    top.display()
                ))
            };
            assert_eq!(list(&root), list(&to), "{packing}");
        } else {
            let out = restoretree(&packed, &to, &[]);
            let text = said(&out);
            assert_ne!(out.status.code(), Some(0), "{packing}");
            assert!(text.contains("ALT-632") && text.contains(packer), "{packing}: {text}");
        }
    }
}
