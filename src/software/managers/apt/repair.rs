//! Repairs what an earlier run left: packages that are not configured or only partly unpacked, or
//! whose dependencies are missing.
//!
//! apt repairs them as soon as it knows the location, which may have the right package: a version
//! whose script does not fail, or the archive of a package that was cut off. After that nothing is
//! broken, or apt has said why.

use std::collections::BTreeSet;

use anyhow::Result;

use super::call::{Call, last_lines};
use crate::error;
use crate::host::cmd::Cmd;
use crate::software::managers::manager::Job;
use crate::text::printable;

/// The journal of dpkg: files in it show an unfinished operation.
const UPDATES: &str = "/var/lib/dpkg/updates";
const FORMAT: &str = "${binary:Package}\\t${Status}\\n";

/// Has dpkg take up its journal, without which apt does nothing. No script is run yet: one that
/// hung would hang again, and the location may have a version whose script does not.
///
/// # Errors
/// If dpkg fails.
pub fn replay_journal(job: &Job) -> Result<()> {
    let interrupted = !job.copy()?.read_dir(UPDATES).unwrap_or_default().is_empty();
    if !interrupted {
        return Ok(());
    }
    // Of all that dpkg can do, this changes least: no selection is given.
    Call::without_sources(job, "dpkg", "take up the journal that an interrupted run left")
        .args(["--set-selections"])
        .cmd()
        .stdin("")
        .run(job.events)
        .map(drop)
}

/// Repairs broken packages, once the sources are known.
///
/// # Errors
/// ALT-730 with the output of apt if that fails.
pub fn repair(job: &Job) -> Result<()> {
    let broken = find_broken(job)?;
    let check = Call::new(job, "apt-get", "look whether installed packages have what they need")
        .args(["check", "-qq"]);
    if broken.is_empty() && check.cmd().accept(&[100]).read()?.success() {
        return Ok(());
    }
    // They are named so that apt takes newer versions of them.
    let call = Call::new(job, "apt-get", "repair what an earlier run left")
        .flags()
        .args(["-y", "-q", "-f", "install"])
        .args(&broken);
    let done = call.cmd().accept(&[100]).run(job.events)?;
    if done.success() {
        return Ok(());
    }
    Err(error::UPDATE_FAILED.with_remedy(
        ("packages that an earlier run left half installed cannot be repaired", last_lines(&done)),
        format!(
            "add a version that works to the location, or remove the package (`chroot {} dpkg --purge {}`); then run phase 2 again (-P 2 or -P 23)",
            job.root.display(),
            broken.iter().map(|n| printable(n, false)).collect::<Vec<_>>().join(" ")
        ),
    ))
}

/// The packages that are neither installed nor removed.
fn find_broken(job: &Job) -> Result<BTreeSet<String>> {
    let ask = Cmd::new("dpkg-query", "look for packages that an earlier run left unfinished")
        .args(["-W", "-f", FORMAT]);
    Ok(parse_unfinished(&ask.in_sandbox(job.inside).read()?.text()))
}

fn parse_unfinished(text: &str) -> BTreeSet<String> {
    let unfinished = |line: &str| {
        let (name, status) = line.split_once('\t')?;
        let mut words = status.split(' ').skip(1);
        let (flag, state) = (words.next()?, words.next()?);
        let fine = flag == "ok" && matches!(state, "installed" | "config-files" | "not-installed");
        (!fine).then(|| name.to_owned())
    };
    text.lines().filter_map(unfinished).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_packages() {
        let text = "a\tinstall ok installed\nb:amd64\tinstall ok half-configured\nc\tinstall reinstreq half-installed\nd\tdeinstall ok config-files\n\
                    e\thold ok unpacked\nf\tinstall ok triggers-pending\ng\tunknown ok not-installed\n\n";
        assert_eq!(
            parse_unfinished(text).into_iter().collect::<Vec<_>>(),
            ["b:amd64", "c", "e", "f"]
        );
    }
}
