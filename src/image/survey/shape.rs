//! Whether an archive has the shape of a system's root: what it has at its top, and members that
//! the restore would refuse.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::archive::tar::{Kind, Member};
use crate::image::restore::path::parse_name;
use crate::text::path::show_path;

/// The most names that are kept of anything: directories that are counted one by one, files of a
/// skeleton.
pub const MAX_NAMES: usize = 4096;
/// The most files whose names are remembered, as hashes: 64 MiB. Of more, what depends on names is
/// found by the restore.
const MAX_FILES: usize = 4 << 20;

/// The observations.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Names at the top.
    top: BTreeSet<Vec<u8>>,
    /// Those of them that are directories.
    directories: BTreeSet<Vec<u8>>,
    /// True if there are layers of a container image.
    layers: bool,
    links: HashSet<Vec<u8>>,
    /// Hashes of paths: everything but directories, and directories with something in them.
    files: HashSet<u64>,
    parents: HashSet<u64>,
    refused: Option<String>,
    /// Members that are not restored, see [`crate::image::kernel_files`].
    pub shown: u64,
}

impl Shape {
    /// Notes a member with these names.
    pub fn see(&mut self, parts: &[&[u8]], member: &Member) {
        let Some(first) = parts.first() else { return };
        let below = parts.len() > 1 || member.kind == Kind::Directory;
        if self.top.len() < MAX_NAMES {
            self.top.insert(first.to_vec());
            if below {
                self.directories.insert(first.to_vec());
            }
        }
        self.layers |= (parts.len() == 2 && parts[1] == b"layer.tar")
            || parts.starts_with(&[b"blobs", b"sha256"]);
        let path = parts.join(&b'/');
        let ways: Vec<Vec<u8>> = (1..parts.len()).map(|deep| parts[..deep].join(&b'/')).collect();
        if self.refused.is_none() {
            self.refused = self
                .why_refused(&path, &ways, member)
                .map(|why| format!("{} {why}", show_path(&path)));
        }
        if self.parents.len() < MAX_FILES {
            self.parents.extend(ways.iter().map(|way| hash(way)));
        }
        match member.kind {
            Kind::Symlink(_) => {
                self.links.insert(path.clone());
            }
            Kind::Directory => {
                // It takes a file's place. What is a link already stays one.
                if !self.links.contains(&path) {
                    self.files.remove(&hash(&path));
                }
                return;
            }
            // It takes the link's place.
            _ => {
                self.links.remove(&path);
            }
        }
        if self.files.len() < MAX_FILES {
            self.files.insert(hash(&path));
        }
    }

    /// Notes a member whose name leads out of the archive, or is none.
    pub fn see_odd(&mut self, member: &Member) {
        if let (Err(why), None) = (parse_name(&member.path, false), &self.refused) {
            self.refused = Some(format!("{}: {why}", show_path(&member.path)));
        }
    }

    fn why_refused(&self, path: &[u8], ways: &[Vec<u8>], member: &Member) -> Option<String> {
        if let Some(link) = ways.iter().find(|way| self.links.contains(*way)) {
            let link = show_path(link);
            return Some(format!("goes through {link}, which is a symbolic link in the archive"));
        }
        if let Some(file) = ways.iter().find(|way| self.files.contains(&hash(way))) {
            return Some(format!("lies below {}, which is not a directory", show_path(file)));
        }
        if member.kind != Kind::Directory && self.parents.contains(&hash(path)) {
            return Some("is a directory with files in it, and something else".to_owned());
        }
        let Kind::HardLink(target) = &member.kind else { return None };
        match parse_name(target, false) {
            Err(why) => Some(format!("is a hard link to {}: {why}", show_path(target))),
            Ok(to) if self.files.len() >= MAX_FILES || self.files.contains(&hash(&to.path)) => None,
            Ok(to) => {
                let to = show_path(&to.path);
                Some(format!("is a hard link to {to}, which is not in the archive before it"))
            }
        }
    }

    /// A member that cannot be restored where it belongs.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Why this is no system's root; None if it may be one.
    pub fn not_a_root(&self) -> Option<(String, &'static str)> {
        let has = |name: &str| self.top.contains(name.as_bytes());
        if (has("manifest.json") && (self.layers || has("blobs"))) || has("oci-layout") {
            let remedy = "export the files of a container instead: `docker create IMAGE`, `docker export CONTAINER > FILE`";
            return Some(("it holds the layers of a container image (as `docker save` writes them), not files".to_owned(), remedy));
        }
        if has("etc") && (has("usr") || has("bin")) {
            return None;
        }
        let remedy = "make the archive of the root directory itself: `tar -C DIRECTORY -cf FILE .`";
        if let (1, Some(only)) = (self.top.len(), self.directories.first()) {
            return Some((format!("everything in it lies below {}/", show_path(only)), remedy));
        }
        Some(("it has no /etc and /usr at its top".to_owned(), remedy))
    }
}

fn hash(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
