//! Whole images: head, checksums, end; and archives that are none of ours.

use super::Archive;
use crate::error;
use crate::image::verify::{self, Verified};
use crate::testing::archive::Memory;
use crate::testing::archive::{archive, member, zoo};
use crate::testing::image::image;

fn open(bytes: &[u8]) -> anyhow::Result<Archive> {
    Archive::of_source(Box::new(Memory(bytes.chunks(10_000).map(<[u8]>::to_vec).collect())))
}

fn verified(bytes: &[u8]) -> anyhow::Result<Verified> {
    let dir = tempfile::tempdir().unwrap();
    verify::verify(&mut open(bytes)?, dir.path(), |_| Ok(()))
}

fn failed<T>(result: anyhow::Result<T>) -> (&'static str, String) {
    let Err(err) = result else { panic!("it passed") };
    (error::find(&err).unwrap().entry.id, err.to_string())
}

const FILES: [(&str, &[u8]); 3] = [("./a", b"first"), ("./b\n", b""), ("./c", &[7; 3000])];

#[test]
fn an_image_of_ours() {
    let bytes = image(&FILES);
    let mut archive = open(&bytes).unwrap();
    assert_eq!(archive.head.image_data.as_deref(), Some("# layout\n"));
    assert_eq!(archive.head.manifest.as_ref().unwrap().tool, "altdisk 0");
    let mut paths = vec![];
    while let Some(m) = archive.next().unwrap() {
        paths.push(m.path);
    }
    assert_eq!(
        (paths, archive.regular()),
        (vec![b"./a".to_vec(), b"./b\n".to_vec(), b"./c".to_vec()], 3)
    );
    assert_eq!(archive.finish(None).unwrap(), 3);
    assert!(archive.next().unwrap().is_none());
    assert_eq!(verified(&bytes).unwrap(), Verified { files: 3, bytes: 3005, checked: 3 });
}

#[test]
fn damage_is_named() {
    let bytes = image(&FILES);
    let at = bytes.windows(5).position(|w| w == b"first").unwrap();
    let mut wrong = bytes.clone();
    wrong[at] = b'F';
    let (id, text) = failed(verified(&wrong));
    assert!(id == "ALT-637" && text.contains("./a (at byte"), "{text}");
    for cut in (0..bytes.len() - 1024).step_by(256) {
        let (id, text) = failed(verified(&bytes[..cut]));
        assert!(id == "ALT-634" || cut == 0, "{cut}: {text}");
    }
    // Cut where a member ends, and ended as an archive ends: ours end with checksums.
    let (id, text) = failed(verified(&archive(&[bytes[..3 * 1024].to_vec()])));
    assert!(id == "ALT-634" && text.contains("before its checksums"), "{text}");
    let more = [&bytes[..bytes.len() - 1024], &member("./late", b'0', b"")].concat();
    let (id, text) = failed(verified(&archive(&[more])));
    assert!(id == "ALT-633" && text.contains("./late follows"), "{text}");
}

#[test]
fn heads_that_are_not_understood() {
    let manifest = |text: &str| archive(&[member("altdisk-manifest.json", b'0', text.as_bytes())]);
    let full = r#"{"format":1,"tool":"t","made":"","made_secs":0,"system":{},"files":0,"bytes":0,"identities":{},"checksums":"blake3"}"#;
    assert!(open(&manifest(full)).unwrap().head.manifest.is_some());
    for (text, want) in [
        ("{", "ALT-641"),
        (r#"{"format":1}"#, "ALT-641"),
        (r#"{"format":2,"tool":"altdisk 9\u001b"}"#, "ALT-639"),
        (&full.replace("blake3", "md5"), "ALT-639"),
        ("\u{0}", "ALT-641"),
    ] {
        let (id, said) = failed(open(&manifest(text)));
        assert_eq!(id, want, "{said}");
        assert!(!said.contains('\u{1b}'));
    }
    let mut data = member("image.data", b'0', b"text");
    data[512] = 0xff;
    assert_eq!(failed(open(&archive(&[data]))).0, "ALT-641");
    assert_eq!(
        failed(open(&archive(&[member("image.data", b'0', &vec![b'x'; 2 << 20])]))).0,
        "ALT-641"
    );
}

#[test]
fn an_archive_of_others() {
    // Their files may have our names, if only behind others or below a directory.
    let bytes = archive(&[
        member("./image.data", b'0', b"x"),
        member("altdisk-checksums", b'0', b"x"),
        member("image.data", b'0', b"x"),
    ]);
    let mut archive_ = open(&bytes).unwrap();
    assert_eq!(archive_.head, super::Head::default());
    assert_eq!(std::iter::from_fn(|| archive_.next().unwrap()).count(), 3);
    assert_eq!(verified(&zoo()).unwrap().checked, 0);
    // A layout that somebody put in front of a root file system.
    let mut mixed =
        open(&archive(&[member("image.data", b'0', b"l"), member("./x", b'0', b"")])).unwrap();
    assert_eq!(mixed.head.image_data.as_deref(), Some("l"));
    assert_eq!(mixed.next().unwrap().unwrap().path, b"./x");
}

#[test]
fn listed_as_tar_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zoo.tar");
    std::fs::write(&path, zoo()).unwrap();
    let mut lines = vec![];
    verify::list(&mut open(&zoo()).unwrap(), |l| {
        lines.push(l.to_owned());
        Ok(())
    })
    .unwrap();
    let Ok(out) = std::process::Command::new("tar")
        .args(["--numeric-owner", "--utc", "--warning=no-unknown-keyword", "-tvf"])
        .arg(&path)
        .env("LC_ALL", "C")
        .output()
    else {
        return println!("skipped: no tar");
    };
    let theirs = String::from_utf8(out.stdout).unwrap();
    // Tar makes a column wider once a line needs it.
    let words = |l: &str| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (ours, theirs): (Vec<_>, Vec<_>) =
        (lines.iter().map(|l| words(l)).collect(), theirs.lines().map(words).collect());
    assert_eq!(ours, theirs);
}
