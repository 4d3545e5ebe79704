//! The packages of a directory: what its databases know, and every other package file opened.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::db;
use super::entry::Entry;
use crate::archive::tar::read::Reader;
use crate::software::deb::file::{clean, stopped, why};
use crate::software::unpack::{Bytes, unpacked};
use crate::software::walk;

/// .PKGINFO is among the first members; so far it is searched, members and bytes unpacked.
const MEMBERS: usize = 64;
const MOST: u64 = 64 << 20;
/// The most bytes of it.
const INFO: usize = 1 << 20;

/// Packages, and the files that look like packages and are none, with why.
pub type Found = (Vec<Entry>, Vec<(PathBuf, String)>);

/// Everything below `dir`; paths are relative to it.
///
/// # Errors
/// Where it cannot be read; ALT-711 for an interrupt.
pub fn entries(dir: &Path) -> Result<Found> {
    let files = walk::files(dir, &|_| true)?;
    let there: BTreeSet<&PathBuf> = files.iter().collect();
    let (mut all, mut damaged, mut known) = (vec![], vec![], BTreeSet::new());
    for database in files.iter().filter(|p| p.extension().is_some_and(|e| e == "db")) {
        let found = match File::open(dir.join(database))
            .map_err(Into::into)
            .and_then(|file| db::read(file, database))
        {
            Ok(found) => found,
            Err(e) if stopped(&e) => return Err(e),
            // Many things end in .db; packages are opened then.
            Err(_) => continue,
        };
        for mut entry in found {
            let beside = database
                .parent()
                .unwrap_or(Path::new(""))
                .join(entry.file.file_name().unwrap_or_default());
            if there.contains(&beside) && known.insert(beside.clone()) {
                entry.file = beside;
                all.push(entry);
            }
        }
    }
    for file in files.iter().filter(|p| is_package(p) && !known.contains(*p)) {
        match open(dir, file) {
            Ok(entry) => all.push(entry),
            Err(e) if stopped(&e) => return Err(e),
            Err(e) => damaged.push((file.clone(), why(&e))),
        }
    }
    Ok((all, damaged))
}

fn is_package(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split_once(".pkg.tar").is_some_and(|(_, end)| {
        ["", ".zst", ".xz", ".gz", ".bz2", ".lz4", ".lzo", ".lrz", ".Z"].contains(&end)
    })
}

fn open(dir: &Path, path: &Path) -> Result<Entry> {
    let file = File::open(dir.join(path))?;
    let size = file.metadata()?.len();
    let mut tar = Reader::new(Box::new(Bytes(unpacked(file)?.take(MOST))));
    for _ in 0..MEMBERS {
        let Some(member) = tar.next()? else { break };
        if clean(&member.path) != b".PKGINFO" {
            continue;
        }
        let mut text = vec![];
        while let Some(piece) = tar.piece()? {
            text.extend_from_slice(&piece);
            anyhow::ensure!(text.len() <= INFO, "its .PKGINFO is longer than any is");
        }
        return Entry::of_info(&String::from_utf8_lossy(&text), path, size)
            .map_err(anyhow::Error::msg);
    }
    anyhow::bail!("it has no .PKGINFO")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::archive;

    #[test]
    fn packages_and_databases() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        let info = |name: &str| format!("pkgname = {name}\npkgver = 2-1\narch = any\n");
        let file = |name: &str, content: &[u8]| archive::member(name, b'0', content);
        let package = |name: &str| {
            archive::archive(&[
                file(".BUILDINFO", b"x"),
                file(".PKGINFO", info(name).as_bytes()),
                file("usr/x", b"y"),
            ])
        };
        write("a-2-1-any.pkg.tar.zst", &zstd::encode_all(package("a").as_slice(), 1).unwrap());
        write("sub/b-2-1-any.pkg.tar", &package("b"));
        write(
            "torn-2-1-any.pkg.tar.zst",
            &zstd::encode_all(package("torn").as_slice(), 1).unwrap()[..20],
        );
        write("none-1-1-any.pkg.tar", &archive::archive(&[file("usr/x", b"y")]));
        write("a-2-1-any.pkg.tar.zst.sig", b"signature");
        write("notes.db", b"something else");
        // What the database knows is not opened.
        write("repo/c-1-1-any.pkg.tar.xz", b"not looked into");
        let entry = |name: &str| Entry {
            name: name.into(),
            version: "1-1".into(),
            file: format!("{name}-1-1-any.pkg.tar.xz").into(),
            ..Entry::default()
        };
        write("repo/altdisk.db", &db::written(&[&entry("c"), &entry("gone")]));
        let (mut all, mut damaged) = entries(dir.path()).unwrap();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        damaged.sort();
        let names: Vec<String> =
            all.iter().map(|e| format!("{} {} {}", e.name, e.version, e.file.display())).collect();
        assert_eq!(
            names,
            [
                "a 2-1 a-2-1-any.pkg.tar.zst",
                "b 2-1 sub/b-2-1-any.pkg.tar",
                "c 1-1 repo/c-1-1-any.pkg.tar.xz"
            ]
        );
        let files: Vec<String> = damaged.iter().map(|(f, _)| f.display().to_string()).collect();
        assert_eq!(files, ["none-1-1-any.pkg.tar", "torn-2-1-any.pkg.tar.zst"], "{damaged:?}");
    }
}
