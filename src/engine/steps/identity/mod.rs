//! A fresh identity for an installed image: everything that distinguishes installations is removed,
//! recreated, or reported ([`table`] has the list and its sources).
//!
//! systemd fills an empty /etc/machine-id at every start until it can be written; ssh keys are made
//! by a unit that is put there, as not every distribution makes missing ones by itself. Names by
//! which disks are given out (iSCSI, NVMe) are made here. Host name, accounts and addresses stay as
//! the image has them. A key by which others recognise the machine stays too, and is reported: only
//! an administrator can replace it.

mod made;
pub mod table;

use std::path::{Path, PathBuf};

use anyhow::Result;
use uuid::Uuid;

use self::table::{Act, ITEMS, Item};
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::fs_calls::Kind;
use crate::host::sandbox::Sandbox;

const UNIT: &str = "altdisk-ssh-keys.service";
/// A host key, its public part, and its certificate (ssh-keygen(1)).
const KEYS: [&str; 3] = ["_key", "_key.pub", "_key-cert.pub"];
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
/// If a file cannot be written or removed.
pub fn make_fresh_identity(root: &Path, events: &Events) -> Result<()> {
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
    storage_names(&copy, events)?;
    credential_secret(&copy, events)?;
    for item in ITEMS {
        apply_item(&copy, item, events)?;
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
        return Err(error::PROGRAM_MISSING.with_remedy(
            "the image has ssh host keys of another machine, and no ssh-keygen to make others",
            "say --identity keep to leave them as they are",
        ));
    }
    Cmd::new("ssh-keygen", "make ssh host keys")
        .arg("-A")
        .in_sandbox(&Sandbox::new(root))
        .run(events)?;
    events.note("ssh host keys are made now (without systemd, not at the first boot)");
    Ok(())
}

/// A name for iSCSI and NVMe over fabrics, and the number of gethostid(3), where the image has
/// them.
fn storage_names(copy: &Beneath, events: &Events) -> Result<()> {
    let iscsi = "/etc/iscsi/initiatorname.iscsi";
    if let Some(text) = copy.read(iscsi)?
        && let Some((text, name)) =
            made::initiator_name(&String::from_utf8_lossy(&text), Uuid::new_v4())
    {
        copy.replace(iscsi, text.as_bytes(), 0o600)?;
        events.warn(format!("{iscsi}: the iSCSI name of this installation is now {name}: tell it to targets that admit hosts by name"));
    }
    let (nqn, id) = made::nvme_host(Uuid::new_v4());
    let files = [("/etc/nvme/hostnqn", &nqn), ("/etc/nvme/hostid", &id)];
    let there: Vec<_> = files.into_iter().filter(|(file, _)| copy.is_file(file)).collect();
    for (file, text) in &there {
        copy.replace(file, text.as_bytes(), 0o644)?;
    }
    if !there.is_empty() {
        events.warn(format!(
            "/etc/nvme: the NVMe name of this installation is now {}: tell it to subsystems that admit hosts by name",
            nqn.trim()
        ));
    }
    if copy.is_file("/etc/hostid") {
        copy.replace("/etc/hostid", &made::host_id(Uuid::new_v4()), 0o644)?;
        events.note("/etc/hostid is a fresh number");
    }
    Ok(())
}

/// systemd recreates its own secret when it is missing, but then nothing that was encrypted with it
/// can be read.
fn credential_secret(copy: &Beneath, events: &Events) -> Result<()> {
    let secret = "/var/lib/systemd/credential.secret";
    if !copy.exists(secret) {
        return Ok(());
    }
    let stored = [
        "/etc/credstore.encrypted",
        "/usr/lib/credstore.encrypted",
        "/usr/local/lib/credstore.encrypted",
    ];
    let mut used = stored.iter().any(|dir| copy.read_dir(dir).is_ok_and(|all| !all.is_empty()));
    for dir in ["/etc/systemd/system", "/usr/local/lib/systemd/system"]
        .into_iter()
        .filter(|dir| copy.is_dir(dir))
    {
        for unit in copy.files(dir)? {
            used = used
                || copy.read(&unit).ok().flatten().is_some_and(|text| {
                    String::from_utf8_lossy(&text).contains("CredentialEncrypted=")
                });
        }
    }
    if used {
        events.warn(format!("the copy keeps the other machine's key of encrypted credentials ({secret}), because credentials in it need that key: encrypt them again (systemd-creds(1))"));
        return Ok(());
    }
    copy.remove(secret)?;
    events.note(format!("{secret} is taken away: systemd makes another"));
    Ok(())
}

/// Does what the table has for one owner's files.
fn apply_item(copy: &Beneath, item: &Item, events: &Events) -> Result<()> {
    let mut files = vec![];
    for pattern in item.paths {
        files.extend(matching(copy, pattern)?);
    }
    let (mut gone, mut named) = (vec![], vec![]);
    for file in files {
        let removes = match item.act {
            Act::Remove => true,
            Act::RemoveWhere(text, _) => {
                copy.read(&file)?.is_some_and(|t| String::from_utf8_lossy(&t).contains(text))
            }
            Act::Name(_) => false,
        };
        if removes && copy.link_metadata(&file).is_ok_and(|s| s.kind() != Some(Kind::Directory)) {
            copy.remove(&file)?;
            gone.push(file.display().to_string());
        } else if !removes {
            named.push(file.display().to_string());
        }
    }
    if !gone.is_empty() {
        events.note(format!(
            "removed, because it is made again: {} ({})",
            item.what,
            gone.join(", ")
        ));
    }
    if let (false, Act::Name(todo) | Act::RemoveWhere(_, todo)) = (named.is_empty(), item.act) {
        events.warn(format!(
            "kept from the other machine: {} ({}): {todo} (see {})",
            item.what,
            named.join(", "),
            item.source
        ));
    }
    Ok(())
}

/// The files and directories of the copy that a path with `*` in its names means.
fn matching(copy: &Beneath, pattern: &str) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from("/")];
    for word in pattern.split('/').filter(|w| !w.is_empty()) {
        let Some((before, after)) = word.split_once('*') else {
            found.iter_mut().for_each(|p| p.push(word));
            continue;
        };
        let fits = |name: &str| {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        };
        let mut next = vec![];
        for dir in found.into_iter().filter(|d| copy.is_dir(d)) {
            let names =
                copy.read_dir(&dir)?.into_iter().map(|e| e.name.to_string_lossy().into_owned());
            next.extend(names.filter(|n| fits(n)).map(|n| dir.join(n)));
        }
        next.sort();
        found = next;
    }
    Ok(found.into_iter().filter(|p| copy.link_metadata(p).is_ok()).collect())
}

fn host_keys(copy: &Beneath) -> Result<Vec<PathBuf>> {
    let dir = Path::new("/etc/ssh");
    let names = copy.read_dir(dir)?.into_iter().map(|e| e.name.to_string_lossy().into_owned());
    let keys =
        names.filter(|n| n.starts_with("ssh_host_") && KEYS.iter().any(|end| n.ends_with(end)));
    Ok(keys.map(|n| dir.join(n)).collect())
}

#[cfg(test)]
mod tests;
