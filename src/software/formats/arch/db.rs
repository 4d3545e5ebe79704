//! pacman's databases: of a repository (a tar archive with a `desc` for each package), and of what
//! is installed (directories with the same).

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

use super::entry::Entry;
use crate::host::beneath::Beneath;
use crate::host::fs_calls;
use crate::software::budget::Budget;
use crate::software::formats::members::{self, Kind};
use crate::software::unpack::unpacked;

/// The largest `desc`, in bytes.
const MAX_DESC: u64 = 1 << 20;
/// The largest database, unpacked, in bytes.
const MAX_DATABASE: u64 = 2 << 30;
/// Memory of a line of a `desc` beside its text: each may become a string of its own.
const LINE_OVERHEAD: usize = 40;

/// The packages of a repository's database, which errors call `path`. Entries that cannot be
/// understood are left out: they cannot be installed either.
///
/// # Errors
/// If the database is damaged; ALT-711 if a signal interrupts it.
pub fn read(file: File, path: &Path) -> Result<Vec<Entry>> {
    let (mut all, mut budget) = (vec![], Budget::default());
    let failed = || path.display().to_string();
    members::visit(unpacked(file)?.take(MAX_DATABASE), |member| {
        if member.kind == Kind::File && member.path.ends_with(b"/desc") {
            let text = member.read(MAX_DESC)?;
            let lines = text.iter().filter(|b| **b == b'\n').count();
            budget.count_text(text.len() + lines * LINE_OVERHEAD).map_err(anyhow::Error::msg)?;
            all.extend(Entry::parse_desc(&String::from_utf8_lossy(&text)).ok());
        }
        Ok(ControlFlow::Continue(()))
    })
    .with_context(failed)?;
    Ok(all)
}

/// A database with these packages, as repo-add(8) makes it, not compressed.
///
/// # Errors
/// If a path cannot be stored in an archive.
pub fn build(entries: &[&Entry]) -> Result<Vec<u8>> {
    let mut archive = Builder::new(vec![]);
    for entry in entries {
        let dir = format!("{}-{}", entry.name, entry.version);
        let desc = entry.desc().into_bytes();
        archive.append_data(
            &mut header(EntryType::Directory, 0o755, 0),
            format!("{dir}/"),
            &b""[..],
        )?;
        archive.append_data(
            &mut header(EntryType::Regular, 0o644, desc.len() as u64),
            format!("{dir}/desc"),
            desc.as_slice(),
        )?;
    }
    Ok(archive.into_inner()?)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}

/// The installed packages, and the names of packages whose installation was interrupted: their
/// directories are empty.
pub fn local(root: &Beneath, dir: &Path) -> (Vec<Entry>, Vec<String>) {
    let (mut all, mut torn) = (vec![], vec![]);
    for entry in root
        .read_dir(dir)
        .unwrap_or_default()
        .into_iter()
        .filter(|e| e.kind == fs_calls::Kind::Directory)
    {
        let mut text = String::new();
        let desc = root.open_file(dir.join(&entry.name).join("desc"));
        let read = desc.and_then(|f| f.take(MAX_DESC).read_to_string(&mut text));
        match (read, Entry::parse_desc(&text)) {
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
    fn built_and_read() {
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
        std::fs::write(&path, build(&[&a, &b]).unwrap()).unwrap();
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
