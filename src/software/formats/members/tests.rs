use std::collections::BTreeMap;

use proptest::prelude::*;
use tar::{Builder, Header};

use super::*;

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn archive(fill: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(vec![]);
    fill(&mut builder);
    builder.into_inner().unwrap()
}

fn add_file(to: &mut Builder<Vec<u8>>, path: &str, contents: &[u8]) {
    to.append_data(&mut header(EntryType::Regular, contents.len() as u64), path, contents).unwrap();
}

/// A record before a member that claims and has this many bytes.
fn add_record(to: &mut Builder<Vec<u8>>, kind: EntryType, contents: &[u8]) {
    let mut header = header(kind, contents.len() as u64);
    header.set_path("record").unwrap();
    header.set_cksum();
    to.append(&header, contents).unwrap();
}

fn all(bytes: &[u8]) -> Result<Vec<(String, Kind, Vec<u8>)>> {
    let mut found = vec![];
    visit(bytes, |member| {
        let path = String::from_utf8_lossy(&member.path).into_owned();
        found.push((path, member.kind.clone(), member.read(100)?));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

#[test]
fn members_with_short_and_long_names() {
    let long = "d".repeat(90) + "/" + &"n".repeat(90);
    let bytes = archive(|b| {
        add_file(b, "./control", b"text");
        b.append_data(&mut header(EntryType::Directory, 0), "dir/", &b""[..]).unwrap();
        add_file(b, &long, b"x");
        b.append_link(&mut header(EntryType::Symlink, 0), "link", &long).unwrap();
        add_record(b, EntryType::XHeader, b"18 path=other/new\n");
        add_file(b, "old", b"");
    });
    let want = [
        ("control".to_owned(), Kind::File, b"text".to_vec()),
        ("dir".to_owned(), Kind::Other, vec![]),
        (long.clone(), Kind::File, b"x".to_vec()),
        ("link".to_owned(), Kind::Symlink(long.into_bytes()), vec![]),
        ("other/new".to_owned(), Kind::File, vec![]),
    ];
    assert_eq!(all(&bytes).unwrap(), want);
    let mut first = None;
    visit(bytes.as_slice(), |member| {
        first = Some(member.path.clone());
        Ok(ControlFlow::Break(()))
    })
    .unwrap();
    assert_eq!(first.unwrap(), b"control");
}

/// What tar(1) writes, in each of its formats.
#[test]
fn archives_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("file"), "x").unwrap();
    std::os::unix::fs::symlink("t".repeat(150), dir.path().join("link")).unwrap();
    for format in ["gnu", "pax"] {
        let done = std::process::Command::new("tar")
            .args(["-c", &format!("--format={format}"), "-C"])
            .arg(dir.path())
            .arg(".")
            .output()
            .unwrap();
        assert!(done.status.success());
        let found: BTreeMap<String, Kind> =
            all(&done.stdout).unwrap().into_iter().map(|(path, kind, _)| (path, kind)).collect();
        let file = format!("{}/{}/file", "d".repeat(120), "e".repeat(120));
        assert_eq!(found[&file], Kind::File, "{format}");
        assert_eq!(found["link"], Kind::Symlink("t".repeat(150).into_bytes()), "{format}");
    }
}

#[test]
fn limits() {
    let error = |bytes: &[u8]| format!("{:#}", all(bytes).unwrap_err());
    let large = archive(|b| add_file(b, "a", &[0; 101]));
    assert_eq!(error(&large), "its a has 101 bytes, more than the 100 that are allowed");
    let cut = archive(|b| add_file(b, "a", &[0; 90]));
    assert_eq!(error(&cut[..560]), "it is cut off within its a");
    let name = archive(|b| add_record(b, EntryType::GNULongName, &[b'x'; 5000]));
    assert_eq!(error(&name), "a path in it has 5000 bytes, more than the 4096 that are allowed");
    // A record that claims a terabyte is refused before anything is kept of it.
    let mut claims = header(EntryType::XHeader, 1 << 40);
    claims.set_path("record").unwrap();
    claims.set_cksum();
    let records = [claims.as_bytes().as_slice(), &[b'1'; 4096]].concat();
    assert!(error(&records).starts_with("a PAX record has 1099511627776 bytes"), "{records:?}");
    let sparse = archive(|b| add_record(b, EntryType::XHeader, b"22 GNU.sparse.major=1\n"));
    assert_eq!(error(&sparse), "it has a sparse file");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damage_is_an_error_or_is_read(at in 0usize..2048, byte in any::<u8>(), end in 0usize..2048) {
        let mut bytes = archive(|b| {
            add_file(b, &"p/".repeat(60), b"text");
            add_record(b, EntryType::XHeader, b"18 path=other/new\n");
            add_file(b, "b", b"x");
        });
        bytes[at] = byte;
        bytes.truncate(bytes.len() - end);
        let _ = all(&bytes);
    }
}
