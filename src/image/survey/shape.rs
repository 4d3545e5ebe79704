//! Whether an archive has the shape of a system's root: what it has at its top, and members whose
//! way goes through a link of its own.

use std::collections::{BTreeSet, HashSet};

use crate::archive::tar::{Kind, Member};
use crate::text::path::show_path;

/// The most names that are kept of anything: directories that are counted one by one, files of a
/// skeleton.
pub const MAX_NAMES: usize = 4096;

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
    through: Option<String>,
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
        let on_the_way = (1..parts.len())
            .map(|deep| parts[..deep].join(&b'/'))
            .find(|way| self.links.contains(way));
        if let (Some(link), None) = (on_the_way, &self.through) {
            self.through = Some(format!(
                "{} goes through {}, which is a symbolic link in the archive",
                show_path(&path),
                show_path(&link)
            ));
        }
        match member.kind {
            Kind::Symlink(_) => {
                self.links.insert(path);
            }
            Kind::Directory => {}
            // It takes the link's place.
            _ => {
                self.links.remove(&path);
            }
        }
    }

    /// A member that cannot be restored where it belongs.
    pub fn through_a_link(&self) -> Option<&str> {
        self.through.as_deref()
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
