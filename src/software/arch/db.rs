//! pacman's databases: of a repository (a tar archive with a `desc` for each package), and of what
//! is installed (directories with the same).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use super::entry::Entry;
use crate::archive::tar::read::Reader;
use crate::archive::tar::{Kind, Member, write};
use crate::host::beneath::Beneath;
use crate::host::tree::{self, Time};
use crate::software::budget::Budget;
use crate::software::deb::file::clean;
use crate::software::unpack::{Bytes, unpacked};

/// The most bytes of one `desc`, and of a database unpacked.
const DESC: usize = 1 << 20;
const MOST: u64 = 2 << 30;

/// The packages of a repository's database, which is called `path`.
///
/// # Errors
/// What is damaged; ALT-711 for an interrupt.
pub fn read(file: File, path: &Path) -> Result<Vec<Entry>> {
    let mut tar = Reader::new(Box::new(Bytes(unpacked(file)?.take(MOST))));
    let (mut all, mut budget) = (vec![], Budget::default());
    while let Some(member) = tar.next()? {
        if member.kind != Kind::Regular || !clean(&member.path).ends_with(b"/desc") {
            continue;
        }
        let mut text = vec![];
        while let Some(piece) = tar.piece()? {
            text.extend_from_slice(&piece);
            anyhow::ensure!(
                text.len() <= DESC,
                "{}: an entry is longer than any is",
                path.display()
            );
        }
        // Each line of it may become a text of its own.
        let lines = text.iter().filter(|b| **b == b'\n').count();
        budget
            .keep(text.len() + lines * 40)
            .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        // One that makes no sense is none of those that can be installed.
        all.extend(Entry::of_desc(&String::from_utf8_lossy(&text)).ok());
    }
    Ok(all)
}

/// A database with these packages, as repo-add(8) makes it, not compressed.
pub fn written(entries: &[&Entry]) -> Vec<u8> {
    let mut out = vec![];
    let member = |path: String, kind: Kind, size: u64| Member {
        path: path.into_bytes(),
        mode: if kind == Kind::Directory { 0o755 } else { 0o644 },
        kind,
        uid: 0,
        gid: 0,
        mtime: Time { secs: 0, nanos: 0 },
        atime: None,
        size,
        stored: size,
        map: None,
        xattrs: vec![],
        flags: None,
        offset: 0,
    };
    for entry in entries {
        let dir = format!("{}-{}", entry.name, entry.version);
        write::header(&mut out, &member(format!("{dir}/"), Kind::Directory, 0));
        let desc = entry.desc().into_bytes();
        let size = desc.len() as u64;
        write::header(&mut out, &member(format!("{dir}/desc"), Kind::Regular, size));
        out.extend_from_slice(&desc);
        write::pad(&mut out, size);
    }
    write::end(&mut out);
    out
}

/// What is installed, and the names of packages whose installing was interrupted: their directory
/// is there, and nothing in it.
pub fn local(root: &Beneath, dir: &Path) -> (Vec<Entry>, Vec<String>) {
    let (mut all, mut torn) = (vec![], vec![]);
    for entry in root
        .read_dir(dir)
        .unwrap_or_default()
        .into_iter()
        .filter(|e| e.kind == tree::Kind::Directory)
    {
        let mut text = String::new();
        let desc = root.open_file(dir.join(&entry.name).join("desc"));
        let read = desc.and_then(|f| f.take(DESC as u64).read_to_string(&mut text));
        match (read, Entry::of_desc(&text)) {
            (Ok(_), Ok(found)) => all.push(found),
            _ => torn.push(entry.name.to_string_lossy().into_owned()),
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    torn.sort();
    (all, torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        let dir = tempfile::tempdir().unwrap();
        let entry = |name: &str| Entry {
            name: name.into(),
            version: "1-1".into(),
            arch: "any".into(),
            file: format!("{name}-1-1-any.pkg.tar.gz").into(),
            ..Entry::default()
        };
        let (a, b) = (entry("a"), entry(&"long".repeat(40)));
        let path = dir.path().join("x.db");
        std::fs::write(&path, written(&[&a, &b])).unwrap();
        assert_eq!(read(File::open(&path).unwrap(), &path).unwrap(), [a, b]);
        // What tar(1) says of it.
        let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
        assert!(
            listed.status.success()
                && String::from_utf8_lossy(&listed.stdout).starts_with("a-1-1/\na-1-1/desc\n")
        );
        std::fs::write(&path, b"no archive").unwrap();
        assert!(read(File::open(&path).unwrap(), &path).is_err());
    }

    #[test]
    fn what_an_interruption_left() {
        let dir = tempfile::tempdir().unwrap();
        for (name, desc) in
            [("a-1-1", Some("%NAME%\na\n\n%VERSION%\n1-1\n\n%SIZE%\n7\n")), ("torn-2-1", None)]
        {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            if let Some(text) = desc {
                std::fs::write(dir.path().join(name).join("desc"), text).unwrap();
            }
        }
        std::fs::write(dir.path().join("ALPM_DB_VERSION"), "9\n").unwrap();
        let (all, torn) = local(&Beneath::open(dir.path()).unwrap(), Path::new("/"));
        assert_eq!((all.len(), all[0].installed_size, torn.join(" ")), (1, 7, "torn-2-1".into()));
    }
}
