//! Files of the copy that are replaced while packages are installed in it: something else is
//! mounted on them in the sandbox, and [`placeholders`](super::placeholders) makes those that are
//! missing.

use std::path::{Path, PathBuf};

use super::beneath::Beneath;

/// Prevents services from being started (Debian's invoke-rc.d(8)).
pub const POLICY: &str = "/usr/sbin/policy-rc.d";
/// The name servers, resolv.conf(5).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The text by which a placeholder is recognised.
pub const MARK: &str = "made by altdisk while packages are installed; it may be removed";

/// True if `name` is a regular file in the system at `root`, or leads to one there.
pub fn is_file(root: &Path, name: &str) -> bool {
    Beneath::open(root).is_ok_and(|root| root.is_file(name))
}

/// Where resolv.conf leads, if that is below /run: as systemd-resolved and NetworkManager have it.
pub fn link_into_run(root: &Path) -> Option<PathBuf> {
    let leads_to = Beneath::open(root).ok()?.leads_to(RESOLV_CONF).ok()?;
    leads_to.starts_with("/run").then_some(leads_to)
}
