//! Paths of the running system and of the copy that several parts of the engine share.

use std::path::{Path, PathBuf};

/// The alternate is mounted here between phases.
pub const ALT_INST: &str = "/alt_inst";

/// The directory of altdisk's state; it is never copied to an alternate.
pub const STATE: &str = "/var/lib/altdisk";

/// The directory of the stored alternate, below [`STATE`].
pub const ALTERNATE: &str = "altinst";

/// Members of an image that belong on the ESP wait here, below the alternate's root, until phase 3
/// has verified everything else.
pub const ESP_WAITS: &str = ".altdisk-esp";

/// The list of files whose chattr flags are off at the moment, at the top of the copy.
pub const FLAGS: &str = ".altdisk-flags";

/// The path that `path` of the running system has below `root`.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap_or(path);
    if inside.as_os_str().is_empty() { root.to_owned() } else { root.join(inside) }
}
