//! A fresh identity for an installed image: what tells one installation from another is taken away, and the first boot makes it anew.
//!
//! systemd makes an empty /etc/machine-id anew at every start until it is written; ssh keys are made by a unit that is put there, as not
//! every distribution makes missing ones by itself. Host name and addresses stay as the image has them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::error;
use crate::event::Events;
use crate::host::cmd::{Cmd, find_program};
use crate::host::files;
use crate::host::resolve::resolve;
use crate::host::sandbox::Sandbox;

const UNIT: &str = "altdisk-ssh-keys.service";

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
    let at = |inner: &str| resolve(root, Path::new(inner));
    let id = at("/etc/machine-id")?;
    let systemd = at("/etc/systemd/system")?;
    if id.exists() || systemd.is_dir() {
        if let Some(dir) = id.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        }
        files::replace(&id, b"", 0o444)?;
        events.note("/etc/machine-id is empty: the first boot makes one");
    }
    // Mostly a link to the other.
    let dbus = at("/var/lib/dbus")?.join("machine-id");
    if dbus.symlink_metadata().is_ok_and(|m| m.is_file()) {
        files::remove(&dbus)?;
    }
    let keys = host_keys(&at("/etc/ssh")?)?;
    for key in &keys {
        files::remove(key)?;
    }
    if keys.is_empty() {
        return Ok(());
    }
    if systemd.is_dir() {
        files::remove(&systemd.join(UNIT))?;
        files::replace(&systemd.join(UNIT), UNIT_TEXT.as_bytes(), 0o644)?;
        let wants = at("/etc/systemd/system/multi-user.target.wants")?;
        std::fs::create_dir_all(&wants).with_context(|| format!("making {}", wants.display()))?;
        files::remove(&wants.join(UNIT))?;
        std::os::unix::fs::symlink(format!("/etc/systemd/system/{UNIT}"), wants.join(UNIT)).context("enabling the unit for ssh keys")?;
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

fn host_keys(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        other => other.with_context(|| format!("reading {}", dir.display()))?,
    };
    let mut keys = vec![];
    for entry in list {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("ssh_host_") && (name.ends_with("_key") || name.ends_with("_key.pub")) {
            keys.push(entry.path());
        }
    }
    Ok(keys)
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
