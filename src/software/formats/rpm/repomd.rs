//! `repodata/repomd.xml`: the files of a repository's metadata (createrepo's format).

use std::path::{Component, Path, PathBuf};

use super::metadata_file::open;
use super::xml::{self, Node};

/// Its path in a repository.
pub const REPOMD: &str = "repodata/repomd.xml";
/// At most this many kinds of metadata are read of one repository.
const MAX_KINDS: usize = 64;

/// The files of a kind of metadata, `primary` or `updateinfo`, as the repository names them: first
/// those of the plain XML, then those that carry a suffix (`primary_zck`). Empty where the
/// repository has none.
///
/// # Errors
/// If repomd.xml cannot be read, or names a file outside the repository.
pub fn files(repository: &Path, kind: &str) -> Result<Vec<PathBuf>, String> {
    let mut found: Vec<(String, PathBuf)> = vec![];
    let mut now: Option<String> = None;
    xml::visit(
        open(&repository.join(REPOMD)).map_err(|why| format!("{REPOMD}: {why}"))?,
        |path, node| {
            let Node::Open(attributes) = node else { return Ok(()) };
            match path {
                [_, data] if data == "data" => now = attributes.get("type"),
                [_, data, location] if data == "data" && location == "location" => {
                    if let (Some(kind), Some(href)) = (&now, attributes.get("href"))
                        && found.len() < MAX_KINDS
                    {
                        found.push((kind.clone(), PathBuf::from(href)));
                    }
                }
                _ => {}
            }
            Ok(())
        },
    )
    .map_err(|why| format!("{REPOMD}: {why}"))?;
    let of = |kind: &str| {
        found.iter().filter(|(k, _)| k == kind).map(|(_, file)| file.clone()).collect::<Vec<_>>()
    };
    let all = [of(kind), of(&format!("{kind}_zck"))].concat();
    match all
        .iter()
        .find(|f| !f.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)))
    {
        Some(_) => Err(format!("{REPOMD}: it names files outside the repository")),
        None => Ok(all),
    }
}

/// A file of metadata, as the repository names it, and a reader of its contents.
pub type Opened = (PathBuf, Box<dyn std::io::BufRead>);

/// Opens the metadata of a kind: the first file that can be read; None if the repository has none.
///
/// # Errors
/// As [`files`], or why no file of it can be read.
pub fn metadata(repository: &Path, kind: &str) -> Result<Option<Opened>, String> {
    let mut why = None;
    for file in files(repository, kind)? {
        match open(&repository.join(&file)) {
            Ok(reader) => return Ok(Some((file, reader))),
            Err(wrong) => why = why.or(Some(format!("{}: {wrong}", file.display()))),
        }
    }
    why.map_or(Ok(None), Err)
}
