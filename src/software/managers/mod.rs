//! Package managers: each is a directory that implements [`Manager`], and a line of [`detect`].

mod apt;
mod dnf;
pub mod manager;
mod pacman;
mod rpm;
mod zypper;

use std::path::Path;

use anyhow::Result;

use crate::boot::distro::Family;
use crate::error;
use crate::host::cmd::find_program;

pub use manager::{Job, Manager};

/// The package manager of a system: that of its family, or else one that is installed.
///
/// # Errors
/// ALT-731 if it has none that altdisk supports.
pub fn detect(root: &Path) -> Result<Box<dyn Manager>> {
    let has = |program: &str| find_program(root, program).is_some();
    let dnf = has("dnf") || has("dnf5") || has("yum");
    match Family::detect(root) {
        Family::Debian if has("apt-get") => Ok(Box::new(apt::Apt)),
        Family::Suse if has("zypper") => Ok(Box::new(zypper::Zypper)),
        Family::Fedora if dnf => Ok(Box::new(dnf::Dnf)),
        Family::Arch if has("pacman") => Ok(Box::new(pacman::Pacman)),
        _ if has("apt-get") => Ok(Box::new(apt::Apt)),
        _ if has("zypper") => Ok(Box::new(zypper::Zypper)),
        _ if dnf => Ok(Box::new(dnf::Dnf)),
        _ if has("pacman") => Ok(Box::new(pacman::Pacman)),
        _ => Err(error::NO_MANAGER
            .with_cause(format!("{} has none of apt-get, dnf, zypper, pacman", root.display()))),
    }
}
