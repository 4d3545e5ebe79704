//! Restores of archives in memory.

use super::{Job, restore};
use crate::error;
use crate::event::Events;
use crate::image::archive::Archive;
use crate::image::manifest::{CHECKSUMS, MANIFEST, Manifest};
use crate::image::sums::{self, FileHash};
use crate::testing::archive::Memory;
use crate::testing::archive::{archive, member, pax};
use crate::tree::{Progress, Totals};

/// The error's id and text; None if all was restored.
fn failure(bytes: Vec<u8>, divert: &[(&str, &str)]) -> Option<(&'static str, String)> {
    let dir = tempfile::tempdir().unwrap();
    let divert: Vec<_> = divert.iter().map(|(a, b)| (a.into(), b.into())).collect();
    let job = Job { to: dir.path(), divert: &divert, verbose: false };
    let archive = Archive::of_source(Box::new(Memory::new(bytes))).unwrap();
    let err = restore(archive, &job, &Events::new(), &Progress::new(1, Totals::default())).err()?;
    Some((error::find(&err).unwrap().entry.id, err.to_string()))
}

#[test]
fn a_file_that_cannot_be_made_does_not_accuse_the_checksums() {
    // No file of ext4 or xfs is so large.
    let size = i64::MAX.cast_unsigned();
    let manifest = Manifest {
        format: 1,
        tool: "altdisk 0".into(),
        checksums: "blake3".into(),
        ..Manifest::default()
    };
    let text = size.to_string();
    let records: [(&str, &[u8]); 2] =
        [("GNU.sparse.size", text.as_bytes()), ("GNU.sparse.map", b"")];
    let sums = [
        sums::line(b"./huge", &FileHash::new(size, Some(&[])).finish()),
        sums::line(b"./small", blake3::hash(b"small").as_bytes()),
    ];
    let bytes = archive(&[
        member(MANIFEST, b'0', &serde_json::to_vec(&manifest).unwrap()),
        pax(&records),
        member("./huge", b'0', b""),
        member("./small", b'0', b"small"),
        member(CHECKSUMS, b'0', &sums.concat()),
    ]);
    let Some((id, text)) = failure(bytes, &[]) else {
        return println!("skipped: this file system takes a file of 8 EiB");
    };
    assert_eq!(id, "ALT-648", "{text}");
    assert!(text.contains("huge") && !text.contains("small"), "{text}");
}

#[test]
fn nothing_mixes_with_what_is_diverted() {
    let divert = [("boot/efi", ".altdisk-esp")];
    for path in ["./.altdisk-esp", "./.altdisk-esp/EFI/x"] {
        let bytes = archive(&[member("./boot/efi/EFI/y", b'0', b"y"), member(path, b'0', b"x")]);
        assert_eq!(failure(bytes, &divert).unwrap().0, "ALT-645", "{path}");
    }
}
