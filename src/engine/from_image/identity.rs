//! A fresh identity for an installed image: what tells one installation from another is taken away, and the first boot makes it anew.
//!
//! systemd makes an empty /etc/machine-id anew at every start until it is written; ssh keys are made by a unit that is put there, as not
//! every distribution makes missing ones by itself. Host name and addresses stay as the image has them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::sandbox::Sandbox;
use crate::host::tree::Kind;

const UNIT: &str = "altdisk-ssh-keys.service";
const MACHINE_ID: &str = "/etc/machine-id";

/// Runs once: afterwards there are keys.
const UNIT_TEXT: &str =
    "# Put here by altdisk: this system was installed from an image of another machine, and must not have that machine's keys.
[Unit]
Description=Make ssh host keys for this installation
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
Before=ssh.service ssh.socket sshd.service sshd.socket

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
";

/// Takes the identity out of the system mounted at `root`.
///
/// # Errors
/// Where a file cannot be written or removed.
pub fn fresh(root: &Path, events: &Events) -> Result<()> {
    let copy = Beneath::open(root)?;
    let systemd = Path::new("/etc/systemd/system");
    if copy.exists(MACHINE_ID) || copy.is_dir(systemd) {
        copy.replace(MACHINE_ID, b"", 0o444)?;
        events.note("/etc/machine-id is empty: the first boot makes one");
    }
    // Mostly a link to the other.
    let dbus = "/var/lib/dbus/machine-id";
    if copy.link_metadata(dbus).is_ok_and(|s| s.kind() == Some(Kind::Regular)) {
        copy.remove(dbus)?;
    }
    let keys = host_keys(&copy)?;
    for key in &keys {
        copy.remove(key)?;
    }
    if keys.is_empty() {
        return Ok(());
    }
    if copy.is_dir(systemd) {
        copy.remove(systemd.join(UNIT))?;
        copy.replace(systemd.join(UNIT), UNIT_TEXT.as_bytes(), 0o644)?;
        let wants = systemd.join("multi-user.target.wants");
        copy.make_directories(&wants)?;
        copy.remove(wants.join(UNIT))?;
        copy.symlink(systemd.join(UNIT), wants.join(UNIT))?;
        events.note(format!("ssh host keys are taken away: the first boot makes others ({UNIT})"));
        return Ok(());
    }
    if find_program(root, "ssh-keygen").is_none() {
        return Err(error::PROGRAM_MISSING.because_do(
            "the image has ssh host keys of another machine, and no ssh-keygen to make others",
            "say --identity keep to leave them as they are",
        ));
    }
    Cmd::new("ssh-keygen", "make ssh host keys").arg("-A").inside(&Sandbox::new(root)).run(events)?;
    events.note("ssh host keys are made anew (no systemd: now, not at the first boot)");
    Ok(())
}

fn host_keys(copy: &Beneath) -> Result<Vec<PathBuf>> {
    let dir = Path::new("/etc/ssh");
    let names = copy.read_dir(dir)?.into_iter().map(|e| e.name.to_string_lossy().into_owned());
    let keys = names.filter(|n| n.starts_with("ssh_host_") && (n.ends_with("_key") || n.ends_with("_key.pub")));
    Ok(keys.map(|n| dir.join(n)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_other_machine_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let outside = tempfile::tempdir().unwrap();
        for d in ["etc/ssh", "etc/systemd/system", "var/lib/dbus"] {
            std::fs::create_dir_all(root.join(d)).unwrap();
        }
        for f in ["etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub", "etc/ssh/sshd_config", "var/lib/dbus/machine-id"] {
            std::fs::write(root.join(f), "x").unwrap();
        }
        // Links that lead out must not be followed out.
        let wants = outside.path().join("multi-user.target.wants");
        std::fs::create_dir(&wants).unwrap();
        std::os::unix::fs::symlink(&wants, root.join("etc/systemd/system/multi-user.target.wants")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("id"), root.join("etc/machine-id")).unwrap();
        std::fs::write(outside.path().join("id"), "mine").unwrap();
        fresh(root, &Events::new()).unwrap();
        fresh(root, &Events::new()).unwrap();
        assert_eq!(std::fs::read_to_string(outside.path().join("id")).unwrap(), "mine");
        assert!(!root.join("etc/ssh/ssh_host_rsa_key").exists() && !root.join("etc/ssh/ssh_host_rsa_key.pub").exists());
        assert!(root.join("etc/ssh/sshd_config").exists() && !root.join("var/lib/dbus/machine-id").exists());
        assert_eq!(std::fs::read_dir(&wants).unwrap().count(), 0, "the host's units");
        let link = root.join(wants.strip_prefix("/").unwrap()).join(UNIT);
        assert_eq!(std::fs::read_link(link).unwrap(), Path::new("/etc/systemd/system").join(UNIT));
        assert!(std::fs::read_to_string(root.join("etc/systemd/system").join(UNIT)).unwrap().contains("ssh-keygen -A"));
    }
}
