//! The packages of a directory: what its databases know, and every other package file opened.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::db;
use super::entry::Entry;
use crate::error;
use crate::software::formats::damaged::is_interruption;
use crate::software::formats::members;
use crate::software::unpack::unpacked;
use crate::software::walk;

/// .PKGINFO is searched among this many first members.
const MAX_MEMBERS: usize = 64;
/// The search reads this many bytes, unpacked.
const MAX_SEARCHED: u64 = 64 << 20;
/// The largest .PKGINFO, in bytes.
const MAX_INFO: u64 = 1 << 20;

/// Packages, and files that look like packages but cannot be used, with the reason.
pub type Found = (Vec<Entry>, Vec<(PathBuf, String)>);

/// Everything below `dir`; paths are relative to it.
///
/// # Errors
/// If it cannot be read; ALT-711 if a signal interrupts it.
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
            Err(e) if is_interruption(&e) => return Err(e),
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
            Err(e) if is_interruption(&e) => return Err(e),
            Err(e) => damaged.push((file.clone(), error::cause(&e))),
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
    let (mut info, mut seen) = (None, 0);
    members::visit(unpacked(file)?.take(MAX_SEARCHED), |member| {
        seen += 1;
        if member.path == b".PKGINFO" {
            info = Some(member.read(MAX_INFO)?);
        }
        let is_done = info.is_some() || seen == MAX_MEMBERS;
        Ok(if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let Some(info) = info else { anyhow::bail!("it has no .PKGINFO") };
    Entry::parse_info(&String::from_utf8_lossy(&info), path, size).map_err(anyhow::Error::msg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::archives::build_tar;

    #[test]
    fn packages_and_databases() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        let info = |name: &str| format!("pkgname = {name}\npkgver = 2-1\narch = any\n");
        let package = |name: &str| {
            build_tar(&[(".BUILDINFO", b"x"), (".PKGINFO", info(name).as_bytes()), ("usr/x", b"y")])
        };
        write("a-2-1-any.pkg.tar.zst", &zstd::encode_all(package("a").as_slice(), 1).unwrap());
        write("sub/b-2-1-any.pkg.tar", &package("b"));
        write(
            "torn-2-1-any.pkg.tar.zst",
            &zstd::encode_all(package("torn").as_slice(), 1).unwrap()[..20],
        );
        write("none-1-1-any.pkg.tar", &build_tar(&[("usr/x", b"y")]));
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
        write("repo/altdisk.db", &db::build(&[&entry("c"), &entry("gone")]).unwrap());
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
