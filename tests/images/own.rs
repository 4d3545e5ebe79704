//! Images of our own, given to other programs and taken back.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compare::{ALL, Holds, compare};
use crate::disk::{Disk, sh};
use crate::run::{restored, said};
use crate::{BEFORE_1970, TWO_NAMES, empty, freed, has, tortured};

/// Saves a tree; returns what was said.
pub fn saved(from: &Path, image: &Path, more: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("savetree")
        .args(more)
        .args([from, image])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    said(&out)
}

/// The torture tree, after `before` was run in it, as an image of our own, and an empty disk.
fn tortured_image(dir: &Path, before: &str, more: &[&str]) -> Option<(Disk, PathBuf, Disk)> {
    let (from, to) = tortured()?;
    sh(&format!("cd {} && {before}", from.path().display()));
    let image = dir.join("image.tar.zst");
    let heard = saved(from.path(), &image, &[more, &["-x", "lost+found"]].concat());
    println!("{heard}");
    Some((from, image, to))
}

/// Another program does this without a word; GNU tar may say that it has no inode flags.
fn quiet(line: &str) {
    let out = Command::new("bash").args(["-c", line]).env("LC_ALL", "C.UTF-8").output().unwrap();
    let complaints = String::from_utf8_lossy(&out.stderr);
    let complaints: Vec<&str> = complaints
        .lines()
        .filter(|l| !l.ends_with("unknown extended header keyword 'SCHILY.fflags'"))
        .collect();
    assert!(
        out.status.success() && complaints.is_empty(),
        "{line}: {}: {complaints:#?}",
        out.status
    );
}

#[test]
fn ours_to_ours() {
    let dir = tempfile::tempdir().unwrap();
    for method in ["zstd:1", "none", "gzip:1"] {
        let Some((from, image, to)) = tortured_image(dir.path(), "true", &["-z", method]) else {
            return;
        };
        restored(&image, to.path());
        compare(from.path(), to.path(), ALL, "");
        freed(&from);
        freed(&to);
    }
}

/// GNU tar unpacks ours and packs it anew. It has paths up to PATH_MAX, sets no access times, and
/// keeps no inode flags.
#[test]
fn ours_to_gnu_tar_to_ours() {
    let dir = tempfile::tempdir().unwrap();
    let Some((from, image, middle)) = tortured_image(dir.path(), "true", &["-x", "a longer name"])
    else {
        return;
    };
    quiet(&format!(
        "zstd -dc {0} | tar -t >/dev/null && zstd -dc {0} | tar -tv >/dev/null",
        image.display()
    ));
    let unpack = "tar --warning=no-timestamp --xattrs --xattrs-include='*' --acls -S --same-owner -p --numeric-owner --exclude=image.data --exclude='altdisk-*'";
    quiet(&format!("cd {} && zstd -dc {} | {unpack} -x", middle.path().display(), image.display()));
    let holds = Holds { flags: false, atime: false, deep: false, ..ALL };
    compare(from.path(), middle.path(), holds, BEFORE_1970);
    let Some(to) = empty() else { return };
    let archive = dir.path().join("again.tar");
    let pack =
        "tar --format=posix --xattrs --xattrs-include='*' --acls -S --exclude=./lost+found -cf";
    quiet(&format!("cd {} && {pack} {} .", middle.path().display(), archive.display()));
    restored(&archive, to.path());
    compare(from.path(), to.path(), holds, &format!("{TWO_NAMES}|{BEFORE_1970}"));
    freed(&from);
}

/// No key of PAX holds an equals sign: GNU tar and we write `%3D`, which libarchive takes for the
/// name.
const NO_EQUALS_SIGN: &str = r#"python3 -c 'import os; os.removexattr("acl/file", "user.q\"=\n")'"#;

/// bsdtar has paths up to PATH_MAX, words for two of the flags, and sets no access time of the
/// directory that it unpacks into.
#[test]
fn ours_to_bsdtar_and_back() {
    if !has("bsdtar") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let Some((from, image, middle)) =
        tortured_image(dir.path(), NO_EQUALS_SIGN, &["-x", "a longer name"])
    else {
        return;
    };
    quiet(&format!("bsdtar -tf {0} >/dev/null && bsdtar -tvf {0} >/dev/null", image.display()));
    let unpack = "bsdtar -p --same-owner --numeric-owner --acls --xattrs --fflags --exclude image.data --exclude 'altdisk-*'";
    quiet(&format!("cd {} && {unpack} -xf {}", middle.path().display(), image.display()));
    let holds = Holds { flags: false, deep: false, ..ALL };
    compare(from.path(), middle.path(), holds, &format!("{BEFORE_1970}| - $"));
    let Some(to) = empty() else { return };
    let archive = dir.path().join("again.tar");
    // It says of names that are not UTF-8 that they are not, and stores them.
    sh(&format!(
        "cd {} && LC_ALL=C.UTF-8 bsdtar --format=pax --acls --xattrs --fflags --exclude ./lost+found -cf {} .",
        middle.path().display(),
        archive.display()
    ));
    restored(&archive, to.path());
    compare(from.path(), to.path(), holds, &format!("{TWO_NAMES}|{BEFORE_1970}| - $"));
    freed(&from);
    freed(&middle);
    freed(&to);
}

/// The checksums at the end of an image are what `b3sum` would say; without it, a file's BLAKE3 is
/// checked by nobody else here.
#[test]
fn anybody_can_check_the_checksums() {
    if !has("b3sum") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    sh(&format!(
        "mkdir {0} && cd {0} && echo a >a && printf 'b\\\\n' >$'new\\nline' && cp /bin/ls 'b l'",
        root.display()
    ));
    let image = dir.path().join("image.tar");
    saved(&root, &image, &[]);
    sh(&format!(
        "mkdir {0}/out && cd {0}/out && tar -xf {1} && b3sum --check altdisk-checksums",
        dir.path().display(),
        image.display()
    ));
}
