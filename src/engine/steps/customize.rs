//! Phase 2: resolv.conf, the files that keep a managed machine managed, the customization script.

use std::path::Path;

use anyhow::{Context, Result};

use crate::engine::paths::{ALT_INST, below};
use crate::engine::plan::spec::AlternateSpec;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::Cmd;

/// Files that `-n` copies again from the running system, if they exist: management systems
/// recognise a machine by them. AIX's two come first; the README documents the list.
pub const CLIENT_FILES: &[&str] = &[
    "/.rhosts",
    "/etc/niminfo",
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ecdsa_key.pub",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_ed25519_key.pub",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_rsa_key.pub",
    "/root/.ssh/authorized_keys",
    "/etc/krb5.keytab",
    "/etc/ansible/facts.d",
    "/etc/salt/minion",
    "/etc/salt/minion_id",
    "/etc/salt/pki/minion",
    "/etc/puppet/puppet.conf",
    "/etc/puppetlabs/puppet/puppet.conf",
    "/etc/puppetlabs/puppet/ssl",
    "/etc/chef/client.rb",
    "/etc/chef/client.pem",
    "/etc/landscape/client.conf",
    "/etc/pki/consumer",
    "/etc/rhsm/rhsm.conf",
    "/etc/sssd/sssd.conf",
    "/etc/zabbix/zabbix_agentd.conf",
];

/// Puts `file` there as /etc/resolv.conf. A link (to systemd-resolved's, say) is replaced by the
/// file.
///
/// # Errors
/// If it cannot be read or written.
pub fn write_resolv_conf(file: &Path, events: &Events) -> Result<()> {
    let text = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let copy = Beneath::open(Path::new(ALT_INST))?;
    let at = "/etc/resolv.conf";
    if let Some(link) = copy.read_link(at) {
        events.note(format!("{at} of the copy was a link to {}: now it is a file", link.display()));
        copy.remove(at)?;
    }
    copy.replace(at, &text, 0o644)
}

/// Copies [`CLIENT_FILES`] as they are now.
///
/// # Errors
/// If one that is there cannot be copied.
pub fn copy_client_files(events: &Events) -> Result<()> {
    let copy = Beneath::open(Path::new(ALT_INST))?;
    let mut copied = Vec::new();
    for name in CLIENT_FILES {
        if Path::new(name).symlink_metadata().is_err() {
            continue;
        }
        copy.take_in(Path::new(name), &mut |from, to| {
            let cp = Cmd::new("cp", format!("copy {name} to the copy")).args(["-a", "-T", "--"]);
            cp.arg(from).arg(to).run(events).map(drop)
        })?;
        copied.push(*name);
    }
    events.note(if copied.is_empty() {
        "none of the files that keep a machine managed is on this system".to_owned()
    } else {
        format!("copied: {}", copied.join(" "))
    });
    Ok(())
}

/// Runs the customization script on the running system, with the alternate's paths in its
/// environment.
///
/// # Errors
/// ALT-720 if it fails: phase 2 stops there, and can be run again.
pub fn run_script(file: &Path, base: &AlternateSpec, events: &Events) -> Result<()> {
    let disks: Vec<&str> = base.layout.disks.iter().map(|d| d.name.as_str()).collect();
    let boot = below(Path::new(ALT_INST), Path::new("/boot"));
    let done = Cmd::new(file.to_string_lossy(), "run the customization script")
        .env("ALT_INST", ALT_INST)
        .env("ALT_BOOT", boot)
        .env("ALT_DISKS", disks.join(" "))
        .env("ALT_ID", &base.id)
        .env("ALT_VG", base.layout.vgs.first().map_or("", |v| v.name.as_str()))
        .run_to_its_end(events)?;
    if done.success() {
        return Ok(());
    }
    let last = done.last_lines();
    let colon = if last.is_empty() { "" } else { "; the last that it printed:" };
    Err(error::SCRIPT_FAILED
        .with_cause((format!("{}: {}{colon}", file.display(), done.how()), last)))
}
