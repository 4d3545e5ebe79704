//! `primary.xml`: the packages of a repository (createrepo's format).

use std::io::BufRead;
use std::path::{Component, Path, PathBuf};

use super::version;
use super::xml::{self, Node};
use crate::software::Available;

/// The most packages of one repository; the largest distributions have a hundred thousand.
const MOST: usize = 500_000;
/// The most bytes that are kept of all packages.
const MOST_KEPT: usize = 256 << 20;
/// Bytes of a summary; the rest of a longer one is cut.
const SUMMARY: usize = 200;

/// Reads the packages, without source packages. Their files are as the repository names them, relative to it.
///
/// # Errors
/// Where the XML is damaged or larger than can be believed.
pub fn read(from: impl BufRead) -> Result<Vec<Available>, String> {
    let (mut all, mut now, mut kept) = (vec![], Available::default(), 0usize);
    xml::each(from, |path, node| {
        let [_, package, inner @ ..] = path else { return Ok(()) };
        if package != "package" {
            return Ok(());
        }
        match (inner, node) {
            ([], Node::Open(_)) => now = Available::default(),
            ([], Node::Close) => {
                let done = std::mem::take(&mut now);
                if done.name.is_empty() || done.version.is_empty() || matches!(done.arch.as_str(), "src" | "nosrc") {
                    return Ok(());
                }
                let file = done.file.as_ref().map_or(0, |f| f.as_os_str().len());
                kept += done.name.len() + done.version.len() + done.arch.len() + done.summary.len() + file;
                if all.len() >= MOST || kept > MOST_KEPT {
                    return Err("it lists more packages than can be believed".to_owned());
                }
                all.push(done);
            }
            ([one], Node::Text(text)) => match one.as_str() {
                "name" => now.name += text.trim(),
                "arch" => now.arch += text.trim(),
                "summary" if now.summary.len() < SUMMARY => now.summary.extend(text.chars().take(SUMMARY)),
                _ => {}
            },
            ([one], Node::Open(attributes)) => match one.as_str() {
                "version" => {
                    let get = |name| attributes.get(name).unwrap_or_default();
                    now.version = version::written(&get("epoch"), &get("ver"), &get("rel"));
                }
                "size" => {
                    let get = |name| attributes.get(name).and_then(|n| n.parse().ok()).unwrap_or(0);
                    (now.size, now.installed_size) = (get("package"), get("installed"));
                }
                "location" => now.file = attributes.get("href").map(PathBuf::from),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    })?;
    Ok(all)
}

/// The packages' files as they lie below `repository`; None for those that are not there.
pub fn locate(all: &mut [Available], repository: &Path) {
    for package in all {
        let inside = |f: &PathBuf| f.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        package.file = package.file.take().filter(inside).map(|f| repository.join(f)).filter(|f| f.is_file());
    }
}
