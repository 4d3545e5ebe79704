//! What an earlier run left: packages that are unpacked and not configured, or whose dependencies are missing.
//!
//! Neither repair has to succeed here: the location may bring just what mends it (a version whose script does not fail). If it does not, apt
//! says so when it is asked to install, and its words are the error.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::call::Call;
use crate::host::resolve::resolve;
use crate::software::Job;

/// dpkg's journal; files in it are what it was doing when it ended.
const UPDATES: &str = "/var/lib/dpkg/updates";

/// Configures what is not configured.
///
/// # Errors
/// If dpkg cannot be started.
pub fn configure(job: &Job) -> Result<()> {
    let interrupted = fs::read_dir(resolve(job.root, Path::new(UPDATES))?).is_ok_and(|mut entries| entries.next().is_some());
    let audit = Call::bare(job, "dpkg", "look for packages that an interrupted run left").args(["--audit"]).cmd().accept(&[1, 2]).read()?;
    if !interrupted && audit.stdout.is_empty() {
        return Ok(());
    }
    let call = Call::bare(job, "dpkg", "finish what an interrupted run left").dpkg_flags().args(["--configure", "-a"]);
    let done = call.cmd().accept(&[1, 2]).run(job.events)?;
    if !done.success() {
        job.events.warn("packages that an earlier run left cannot be configured: the location may have other versions of them");
    }
    Ok(())
}

/// Installs what is missing for what is installed, after the sources are known.
///
/// # Errors
/// If apt cannot be started.
pub fn dependencies(job: &Job) -> Result<()> {
    let check = Call::new(job, "apt-get", "look whether installed packages have what they need").args(["check", "-qq"]);
    if check.cmd().accept(&[100]).read()?.success() {
        return Ok(());
    }
    let call = Call::new(job, "apt-get", "repair dependencies that an interrupted run left").flags();
    let done = call.args(["-y", "-q", "-f", "install"]).cmd().accept(&[100]).run(job.events)?;
    if !done.success() {
        job.events.warn("dependencies of installed packages are missing, and the location does not have them");
    }
    Ok(())
}
