//! Finds the packages with a fix: from advisories and changelogs of a directory, or from the
//! changelogs of a repository's candidates.
//!
//! A repository at a URL has no advisories that apt knows of, and not each publishes changelogs.
//! But each package holds its own: what can be updated is fetched to where apt keeps packages, so
//! that what is then installed is not fetched again.

use std::collections::BTreeSet;

use anyhow::Result;

use super::call::{Call, last_lines};
use super::work::work_path;
use super::{lists, simulate, sizes, sources};
use crate::error;
use crate::host::beneath::Directory;
use crate::software::formats::deb::catalog;
use crate::software::formats::deb::entry::Entry;
use crate::software::formats::deb::fixes::{self, Search};
use crate::software::managers::manager::Job;
use crate::software::model::Fix;
use crate::software::source::PackageSource;
use crate::software::space::Need;
use crate::text::size::format_size;

/// At most this many bytes are fetched to look for a fix.
const MAX_DOWNLOAD: u64 = 4 << 30;

/// The fixes that are asked for.
///
/// # Errors
/// If something cannot be read; ALT-730 if packages cannot be fetched.
pub fn find(job: &Job, asked: &[String]) -> Result<Vec<Fix>> {
    let codename = sources::codename(job);
    let mut entries = vec![];
    lists::visit(job, &mut |entry, _| entries.push(entry))?;
    let installed = sizes::database(job.inside)?.into_iter().map(|k| k.package.name).collect();
    if let PackageSource::Directory { outside, .. } = job.source {
        return fixes::relevant(
            &Search { dir: outside, entries: &entries, asked, codename: &codename },
            &installed,
        );
    }
    let (dir, entries) = fetch(job, &entries)?;
    fixes::relevant(
        &Search { dir: &dir.path(), entries: &entries, asked, codename: &codename },
        &installed,
    )
}

/// Fetches the packages that can be updated. Returns their directory, and the packages.
fn fetch(job: &Job, known: &[Entry]) -> Result<(Directory, Vec<Entry>)> {
    let call = Call::new(job, "apt-get", "ask apt what can be updated").flags().args([
        "-s",
        "-y",
        "dist-upgrade",
    ]);
    let acts = simulate::parse(&call.cmd().read()?.text());
    let coming: BTreeSet<(String, String)> = acts
        .into_iter()
        .filter_map(|act| match act {
            simulate::Action::Install { name, new, .. } => Some((name, new)),
            simulate::Action::Remove { .. } => None,
        })
        .collect();
    let sizes = known
        .iter()
        .filter(|e| coming.contains(&(e.name.clone(), e.version.clone())))
        .map(|e| e.size);
    let size = sizes.fold(0, u64::saturating_add);
    if size > MAX_DOWNLOAD {
        return Err(error::NO_SUCH_FIX.with_remedy(
            format!("{} packages can be updated, {} in all: too much to fetch only to read their changelogs", coming.len(), format_size(size)),
            "install all updates (-w all), or name the packages that contain the fix (-w)",
        ));
    }
    if !coming.is_empty() {
        Need::for_download(size).check(job.root, &job.work)?;
        job.events.note(format!(
            "{} packages can be updated ({}): reading their changelogs",
            coming.len(),
            format_size(size)
        ));
        let args = coming.iter().map(|(name, version)| format!("{name}={version}"));
        // It stores them in the current directory.
        let call = Call::without_sources(job, "sh", "fetch packages to look into their changelogs")
            .args(["-c", "cd \"$0\" && exec apt-get \"$@\""]);
        let call = call
            .args([work_path(job, "cache/archives")])
            .options()
            .args(["-q", "download"])
            .args(args);
        let done = call.cmd().accept(&[100]).run(job.events)?;
        if !done.success() {
            return Err(error::UPDATE_FAILED
                .with_cause(("apt could not fetch packages", last_lines(&done))));
        }
    }
    let dir = job.copy()?.directory(work_path(job, "cache/archives"))?;
    let mut entries = vec![];
    catalog::visit(&dir.path(), None, &mut |entry, _| entries.push(entry))?;
    Ok((dir, entries))
}
