use std::fs::{self, File};

use super::*;
use crate::image::create::Tree;
use crate::tree::Source;

fn found() -> Found {
    Found {
        encrypted: vec!["/home/a.b".into(), "/srv".into()],
        encrypted_files: vec!["/root/moved".into()],
        verity: vec!["/usr/x".into()],
        casefold: vec!["/srv/share".into()],
        ..Found::default()
    }
}

const ALL: Keeps = Keeps { verity: true, casefold: true };

#[test]
fn what_would_be_lost_is_refused_and_named() {
    let err =
        classify(&[(found(), Keeps::default())], &[Loss::Verity], Destination::Copy).unwrap_err();
    let alt = error::find(&err).unwrap();
    assert_eq!(alt.entry.id, "ALT-335");
    for path in [
        "/home/a.b/ is encrypted",
        "/srv/ is encrypted",
        "/root/moved is encrypted",
        "/srv/share/ takes names",
    ] {
        assert!(alt.cause.contains(path), "{path}: {}", alt.cause);
    }
    assert!(!alt.cause.contains("/usr/x"), "{}", alt.cause);
    assert!(
        alt.remedy.contains("`--accept verity,encryption,casefold`")
            && alt.remedy.contains(r"`^./home/a\.b/`"),
        "{}",
        alt.remedy
    );
}

#[test]
fn what_is_accepted_is_a_warning_and_what_is_kept_a_note() {
    let told = classify(&[(found(), ALL)], &[Loss::Encryption], Destination::Copy).unwrap();
    assert_eq!((told.warnings.len(), told.notes.len()), (3, 2), "{told:?}");
    assert!(
        told.warnings[0].contains("in the copy its files are plain text")
            && told.notes[0].contains("/usr/x has checksums"),
        "{told:?}"
    );
    // Of an image nothing is kept.
    let told = classify(&[(found(), Keeps::default())], &Loss::ALL, Destination::Image).unwrap();
    assert_eq!((told.warnings.len(), told.notes.len()), (5, 0), "{told:?}");
    assert!(told.warnings[0].contains("in the image"), "{told:?}");
    // How its checksums are made cannot be asked.
    let opaque = Found { opaque: vec!["/usr/y".into()], ..Found::default() };
    assert!(
        classify(&[(opaque, ALL)], &[], Destination::Copy)
            .unwrap_err()
            .to_string()
            .contains("/usr/y has checksums")
    );
    assert_eq!(
        classify(&[(Found::default(), Keeps::default())], &[], Destination::Image).unwrap(),
        Messages::default()
    );
}

#[test]
fn what_is_locked_is_refused_whatever_is_accepted() {
    let locked = Found { locked: Some("/boot/vault/".into()), ..found() };
    let err = classify(&[(locked, ALL)], &Loss::ALL, Destination::Copy).unwrap_err();
    let alt = error::find(&err).unwrap();
    assert_eq!(alt.entry.id, "ALT-327");
    for part in ["`^./boot/vault/`", "`fscrypt unlock /boot/vault`", "--accept encryption"] {
        assert!(alt.remedy.contains(part), "{}", alt.remedy);
    }
}

/// The remedy's lines take what they say, and nothing else.
#[test]
fn lines_for_an_exclude_list_are_exact() {
    for (path, taken, not) in [
        ("/home/a.b/", "./home/a.b/x", "./home/aXb/x"),
        ("/home/a.b/", "./home/a.b/", "./srv/home/a.b/x"),
        ("/usr/[x]*", "./usr/[x]*", "./usr/xx"),
        ("/usr/x", "./usr/x", "./usr/xy"),
        ("/a\\b$", "./a\\b$", "./a\\b$c"),
    ] {
        let list = Excludes::parse(pattern(path).as_bytes(), Path::new("list")).unwrap();
        assert!(
            list.matches(taken.as_bytes()) && !list.matches(not.as_bytes()),
            "{path}: {}",
            pattern(path)
        );
    }
}

#[test]
fn long_lists_are_cut() {
    let paths: Vec<String> = (0..NAMED + 7).map(|n| format!("/x{n}")).collect();
    let lines = named(&paths, "is so");
    assert_eq!(
        (lines.len(), lines[0].as_str(), lines[NAMED].as_str()),
        (NAMED + 1, "/x0 is so", "and 7 more like /x0")
    );
    assert!(named(&[], "is so").is_empty());
}

#[test]
fn a_copy_keeps_what_its_file_system_can() {
    let fs = |vfs: &str, features: &str| Fs {
        fs_vfs: vfs.parse().unwrap(),
        fs_mkfs_options: vec!["-O".into(), features.into()],
        ..Fs::default()
    };
    assert_eq!(keeps(&fs("ext4", "none,casefold,verity"), Destination::Copy), ALL);
    assert_eq!(
        keeps(&fs("ext4", "none,verity"), Destination::Copy),
        Keeps { verity: true, casefold: false }
    );
    assert_eq!(keeps(&fs("ext4", "none,casefold,verity"), Destination::Image), Keeps::default());
    // An image.data that makes it another.
    assert_eq!(keeps(&fs("xfs", ""), Destination::Copy), Keeps::default());
}

#[test]
fn a_plain_tree_has_nothing_to_lose() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("a/b/c"), "c").unwrap();
    let tree = Tree {
        source: Source::from_fd(File::open(dir.path()).unwrap().into()),
        prefix: "/".into(),
        leave_out: vec![],
    };
    let all = Wanted { encryption: true, verity: true, casefold: true };
    let excludes = Excludes::parse(b"", Path::new("")).unwrap();
    assert_eq!(walk::walk(&tree, all, &excludes).unwrap(), Found::default());
}
