//! Commands that only root may run.

use anyhow::Result;

use crate::error;

/// # Errors
/// ALT-803 without root.
pub fn require_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        Ok(())
    } else {
        Err(error::NOT_ROOT.with_cause(format!("only root may do this, and you are {}", who())))
    }
}

/// `nobody (uid 65534)`.
fn who() -> String {
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => format!("{} (uid {uid})", user.name),
        _ => format!("uid {uid}"),
    }
}
