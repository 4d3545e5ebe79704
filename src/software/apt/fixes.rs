//! Which packages bring a fix: what the directory's advisories and changelogs say, or the
//! changelogs of a repository's candidates.
//!
//! A repository at a URL has no advisories that apt knows of, and not each publishes changelogs.
//! But each package holds its own: what can be updated is fetched to where apt keeps packages, so
//! that what is then installed is not fetched again.

use std::collections::BTreeSet;

use anyhow::Result;

use super::call::{Call, below, words};
use super::{lists, simulate, sizes, sources};
use crate::error;
use crate::host::beneath::Directory;
use crate::software::deb::catalog;
use crate::software::deb::entry::Entry;
use crate::software::deb::fixes::{self, Search};
use crate::software::space::Need;
use crate::software::{Fix, Job, Place};
use crate::text::size::format_size;

/// More than so many bytes are not fetched to look for a fix.
const MOST: u64 = 4 << 30;

/// The fixes that are asked for.
///
/// # Errors
/// What cannot be read; ALT-730 where packages cannot be fetched.
pub fn find(job: &Job, asked: &[String]) -> Result<Vec<Fix>> {
    let codename = sources::codename(job);
    let mut entries = vec![];
    lists::each(job, &mut |entry, _| entries.push(entry))?;
    let installed = sizes::database(job.inside)?.into_iter().map(|k| k.package.name).collect();
    if let Place::Directory { here, .. } = job.place {
        return fixes::relevant(
            &Search { dir: here, entries: &entries, asked, codename: &codename },
            &installed,
        );
    }
    let (dir, entries) = fetch(job, &entries)?;
    fixes::relevant(
        &Search { dir: &dir.path(), entries: &entries, asked, codename: &codename },
        &installed,
    )
}

/// Fetches what can be updated: the directory that it is in, and what it is.
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
            simulate::Act::Install { name, new, .. } => Some((name, new)),
            simulate::Act::Remove { .. } => None,
        })
        .collect();
    let sizes = known
        .iter()
        .filter(|e| coming.contains(&(e.name.clone(), e.version.clone())))
        .map(|e| e.size);
    let size = sizes.fold(0, u64::saturating_add);
    if size > MOST {
        return Err(error::NO_SUCH_FIX.with_remedy(
            format!("{} packages can be updated, {} in all: too much to fetch for a look at their changelogs", coming.len(), format_size(size)),
            "install all updates (-w all), or the packages that you know to bring the fix (-w)",
        ));
    }
    if !coming.is_empty() {
        Need::of_download(size).check(job.root, &job.work)?;
        job.events.note(format!(
            "{} packages can be updated ({}): their changelogs tell what they fix",
            coming.len(),
            format_size(size)
        ));
        let words_of = coming.iter().map(|(name, version)| format!("{name}={version}"));
        // It puts them where it is.
        let call = Call::bare(job, "sh", "fetch packages to look into their changelogs")
            .args(["-c", "cd \"$0\" && exec apt-get \"$@\""]);
        let call = call
            .args([below(job, "cache/archives")])
            .options()
            .args(["-q", "download"])
            .args(words_of);
        let done = call.cmd().accept(&[100]).run(job.events)?;
        if !done.success() {
            return Err(
                error::UPDATE_FAILED.with_cause(("apt could not fetch packages", words(&done)))
            );
        }
    }
    let dir = job.copy()?.directory(below(job, "cache/archives"))?;
    let mut entries = vec![];
    catalog::each(&dir.path(), None, &mut |entry, _| entries.push(entry))?;
    Ok((dir, entries))
}
