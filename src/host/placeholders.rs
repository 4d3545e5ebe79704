//! Files that must exist in the copy while packages are installed there, because something is
//! mounted on them (see [`sandbox`](super::sandbox)).
//!
//! They say what they are in their content, and are removed afterwards; [`tidy`] finds those of a
//! run that was killed.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::beneath::Beneath;
use super::replaced_files::{MARK, POLICY, RESOLV_CONF, link_into_run};
use super::sandbox::Sandbox;

/// Every placeholder is smaller, in bytes.
const MAX_SIZE: u64 = 4096;

/// The placeholders of one run.
#[must_use = "closing removes them and tells whether that went well"]
pub struct Placeholders {
    root: Beneath,
    made: Vec<PathBuf>,
}

impl Placeholders {
    /// Makes those that are missing in the copy.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn hold(inside: &Sandbox) -> Result<Self> {
        remove_leftovers(&inside.root)?;
        let root = Beneath::open(&inside.root)?;
        let (services, names) =
            (root.is_dir("usr/sbin"), root.is_dir("etc") && inside.resolv_conf.is_some());
        let names = names && link_into_run(&inside.root).is_none();
        let mut held = Self { root, made: vec![] };
        if services {
            held.make(POLICY, &format!("#!/bin/sh\n# {MARK}\nexit 101\n"), 0o755)?;
        }
        if names {
            held.make(RESOLV_CONF, &format!("# {MARK}\n"), 0o644)?;
        }
        Ok(held)
    }

    fn make(&mut self, name: &str, content: &str, mode: u32) -> Result<()> {
        // A link's target is made: the name itself is not for us to change. Without a directory for
        // it, nothing is mounted there either.
        let at = self.root.leads_to(name)?;
        if self.root.link_metadata(&at).is_ok()
            || !self.root.is_dir(at.parent().unwrap_or(Path::new("/")))
        {
            return Ok(());
        }
        self.root.create(&at, content.as_bytes(), mode)?;
        self.made.push(at);
        Ok(())
    }

    /// # Errors
    /// If one cannot be removed.
    pub fn close(mut self) -> Result<()> {
        std::mem::take(&mut self.made).iter().try_for_each(|at| remove(&self.root, at))
    }
}

impl Drop for Placeholders {
    fn drop(&mut self) {
        // After an error; what stays is found by tidy.
        self.made.iter().for_each(|at| drop(remove(&self.root, at)));
    }
}

/// Removes what a killed run left in the copy.
///
/// # Errors
/// If it cannot be removed.
pub fn remove_leftovers(root: &Path) -> Result<()> {
    let root = Beneath::open(root)?;
    for name in [POLICY, RESOLV_CONF] {
        // A link that leads in a circle hides nothing of ours.
        root.leads_to(name).map_or(Ok(()), |at| remove(&root, &at))?;
    }
    Ok(())
}

/// Removes a placeholder; what is none stays.
fn remove(root: &Beneath, at: &Path) -> Result<()> {
    let small = root.metadata(at).is_ok_and(|s| s.size < MAX_SIZE);
    if small && root.text(at).is_some_and(|text| text.contains(MARK)) {
        root.remove(at)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn placeholders_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("usr/sbin")).unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        let mut inside = Sandbox::new(root);
        inside.resolv_conf = Some(vec![]);
        let (policy, resolv) = (root.join("usr/sbin/policy-rc.d"), root.join("etc/resolv.conf"));
        let held = Placeholders::hold(&inside).unwrap();
        assert!(policy.exists() && resolv.exists());
        // As after a kill.
        std::mem::forget(held);
        remove_leftovers(root).unwrap();
        assert!(!policy.exists() && !resolv.exists());
        // What is the copy's own stays, whatever happens.
        fs::write(&policy, "#!/bin/sh\nexit 0\n").unwrap();
        Placeholders::hold(&inside).unwrap().close().unwrap();
        assert!(policy.exists() && !resolv.exists());
        remove_leftovers(root).unwrap();
        assert!(policy.exists());
    }

    #[test]
    fn links_do_not_lead_them_out() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = dir.path();
        fs::create_dir_all(root.join("usr/sbin")).unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        let ours = format!("# {MARK}\n");
        fs::write(outside.path().join("policy"), &ours).unwrap();
        symlink(outside.path().join("policy"), root.join("usr/sbin/policy-rc.d")).unwrap();
        symlink(outside.path().join("resolv"), root.join("etc/resolv.conf")).unwrap();
        let mut inside = Sandbox::new(root);
        inside.resolv_conf = Some(vec![]);
        Placeholders::hold(&inside).unwrap().close().unwrap();
        assert_eq!(fs::read_to_string(outside.path().join("policy")).unwrap(), ours);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }
}
