//! The step of phase 2 that updates the alternate, from the request to the changes.
//!
//! Temporary state (the mount of a medium, placeholders, the work directory) is removed in every
//! case; after a kill [`tidy`] removes it, at the next update or in phase 3.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::resolve::Offer;
use super::source::{self, OpenSource};
use super::space::{self, Need};
use super::{checks, formats};
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::placeholders::{self, Placeholders};
use crate::host::sandbox::Sandbox;
use crate::host::signals;
use crate::secret::{MASK, SecretText};
use crate::software::changes::{Changes, Package};
use crate::software::flags::Flags;
use crate::software::formats::{Contents, Format};
use crate::software::location::Location;
use crate::software::managers::{Job, Manager, detect};
use crate::software::model::PackageRequest;
use crate::software::source::PackageSource;
use crate::software::wanted::Wanted;
use crate::text::path::show_path;
use crate::text::printable::Message;

/// Our directory in the alternate during the run.
const WORK: &str = "/var/cache/altdisk-work";

/// The result of an update, even of one that failed.
#[derive(Debug)]
pub struct Done {
    /// The name of the package manager.
    pub manager: &'static str,
    /// The packages that were changed.
    pub changes: Changes,
}

/// Checks a request before anything is changed: `root` is the system that will be updated. Nothing
/// is run in it. Returns notes for the user.
///
/// # Errors
/// ALT-731 to ALT-738: no manager, wrong flags, nothing in the location, a name that is not there.
pub fn check(wanted: &Wanted, root: &Path) -> Result<Vec<String>> {
    let manager = detect(root)?;
    parse_flags(wanted, manager.name())?;
    // A medium or a repository is only read in phase 2.
    let Location::Directory(dir) = &wanted.location else { return Ok(vec![]) };
    let mut found = read_directory(dir, manager.format(), manager.name())?;
    found.format.retain_installable(root, &mut found.packages)?;
    let fixes = if wanted.fixes.is_empty() { vec![] } else { found.fixes(dir, &wanted.fixes)? };
    Offer { available: &found.packages, fixes: &fixes, format: manager.format() }.check(wanted)?;
    let mut notes = vec![format!(
        "{}: packages for {}: {}",
        dir.display(),
        manager.name(),
        found.packages.len()
    )];
    notes.extend(
        found.damaged.iter().map(|(file, why)| format!("{} cannot be used: {why}", file.display())),
    );
    Ok(notes)
}

/// An error about the directory that a medium is mounted at, with the name that the user gave.
fn with_device_name(e: anyhow::Error, outside: &Path, location: &Location) -> anyhow::Error {
    match (location, error::find(&e)) {
        (Location::Device(device), Some(alt)) => alt.entry.with_remedy(
            Message::with_lines(
                &alt.cause.replace(&outside.display().to_string(), &device.display().to_string()),
            ),
            Message::with_lines(&alt.remedy),
        ),
        _ => e,
    }
}

fn parse_flags(wanted: &Wanted, manager: &str) -> Result<Flags> {
    let flags = super::flags::parse(wanted.flags.as_ref().map(SecretText::expose))?;
    flags.check(manager)?;
    Ok(flags)
}

fn read_directory(dir: &Path, format: Format, manager: &str) -> Result<Contents> {
    let found = formats::read(dir)?;
    if found.format != format {
        return Err(error::WRONG_FORMAT.with_cause(format!(
            "{} contains {}, but the system is updated by {}",
            dir.display(),
            found.format.description(),
            manager
        )));
    }
    if let (true, Some((file, why))) = (found.packages.is_empty(), found.damaged.first()) {
        return Err(error::BAD_LOCATION.with_remedy(
            format!(
                "no package in {} can be used: {}: {why}",
                dir.display(),
                show_path(file.as_os_str().as_encoded_bytes())
            ),
            "copy the packages again, or give another directory",
        ));
    }
    Ok(found)
}

/// The alternate to update.
pub struct Target<'a> {
    /// Its mount point.
    pub root: &'a Path,
    /// The sandbox for programs, without the source of packages.
    pub sandbox: Sandbox,
    /// The packages before an earlier update that was killed: its changes are reported together
    /// with those of this one.
    pub before: Option<Vec<Package>>,
    /// Stores the packages that are installed now, for that case.
    pub keep: &'a dyn Fn(&[Package]) -> Result<()>,
}

/// The packages before the update, as soon as they are known.
struct Before<'a> {
    packages: Option<Vec<Package>>,
    keep: &'a dyn Fn(&[Package]) -> Result<()>,
}

impl Before<'_> {
    fn record(&mut self, packages: Vec<Package>) -> Result<()> {
        if self.packages.is_none() {
            (self.keep)(&packages)?;
            self.packages = Some(packages);
        }
        Ok(())
    }
}

/// Updates the alternate. Returns the changes and the result: a failed update may have installed
/// some packages.
pub fn install(target: Target, wanted: &Wanted, events: &Events) -> (Option<Done>, Result<()>) {
    let root = target.root;
    let manager = match detect(root) {
        Ok(manager) => manager,
        Err(e) => return (None, Err(e)),
    };
    let mut inside = target.sandbox;
    let mut before = Before { packages: target.before, keep: target.keep };
    let ended = prepare_and_update(&mut inside, wanted, &*manager, &mut before, events);
    let Some(before) = before.packages else { return (None, ended) };
    let after = match manager.installed(&inside) {
        Ok(after) => after,
        // The error of the update is more useful.
        Err(e) => return (None, ended.and(Err(e))),
    };
    (Some(Done { manager: manager.name(), changes: Changes::between(&before, &after) }), ended)
}

/// Refuses a stored request whose passwords are no longer stored.
fn require_password(wanted: &Wanted) -> Result<()> {
    let url = match &wanted.location {
        Location::Url { url, .. } => Some(url),
        _ => None,
    };
    match [url, wanted.flags.as_ref()]
        .into_iter()
        .flatten()
        .any(|text| text.expose().contains(MASK))
    {
        true => Err(error::PASSWORD_NOT_STORED
            .with_cause("the password of the location (or of -I) is no longer stored")),
        false => Ok(()),
    }
}

/// Between what must be made first and what must be undone after.
fn prepare_and_update(
    inside: &mut Sandbox,
    wanted: &Wanted,
    manager: &dyn Manager,
    before: &mut Before,
    events: &Events,
) -> Result<()> {
    remove_leftovers(&inside.root)?;
    let flags = parse_flags(wanted, manager.name())?;
    require_password(wanted)?;
    let opened = OpenSource::open(&wanted.location, events)?;
    inside.shared.extend(opened.shown());
    // A directory needs no network, and scripts must not use it.
    inside.network = opened.shown().is_none();
    // It was just removed, so this creates an empty one.
    Beneath::open(&inside.root)?.make_directories(WORK)?;
    let held = Placeholders::hold(inside)?;
    let job = Job {
        root: &inside.root,
        inside,
        source: &opened.source,
        work: PathBuf::from(WORK),
        flags: &flags,
        interrupted: before.packages.is_some(),
        events,
    };
    let ended = update(&job, wanted, manager, before);
    inside.shared.clear();
    // All of them, even if one fails.
    let undone = [held.close(), remove_work(&inside.root), opened.close()];
    undone.into_iter().fold(ended, Result::and)
}

fn update(job: &Job, wanted: &Wanted, manager: &dyn Manager, before: &mut Before) -> Result<()> {
    let events = job.events;
    if let PackageSource::Directory { outside, .. } = job.source {
        let found = read_directory(outside, manager.format(), manager.name())
            .map_err(|e| with_device_name(e, outside, &wanted.location))?;
        for (file, why) in found.damaged {
            events.warn(format!("{} cannot be used: {why}", file.display()));
        }
    }
    // Before repairs: they count as changes. A database that does not open is repaired first.
    if let Ok(installed) = manager.installed(job.inside) {
        before.record(installed)?;
    }
    manager.prepare(job)?;
    let available = manager.available(job)?;
    let fixes = if wanted.fixes.is_empty() {
        vec![]
    } else {
        manager.fixes(job, &wanted.fixes, &available)?
    };
    let installed = manager.installed(job.inside)?;
    before.record(installed.clone())?;
    let resolved = Offer { available: &available, fixes: &fixes, format: manager.format() }
        .resolve(wanted, &installed)?;
    resolved.notes.iter().for_each(|n| events.note(n));
    if resolved.requests.is_empty() {
        events.note("nothing has to be installed");
        return Ok(());
    }
    let transaction = manager.transaction(job, &resolved.requests, &available)?;
    let changes = &transaction.changes;
    let missing = checks::check_requested(manager.format(), changes, &resolved.requests)?;
    let kept = resolved
        .requests
        .contains(&PackageRequest::AllUpdates)
        .then(|| checks::describe_outdated(manager.format(), changes, &installed, &available))
        .flatten();
    report_changes(changes, kept.is_some(), events);
    missing.into_iter().chain(kept).for_each(|said| events.warn(said));
    if changes.is_empty() {
        return Ok(());
    }
    checks::refuse_harm(
        manager.format(),
        changes,
        &wanted.packages,
        &manager.essential(job.inside)?,
    )?;
    if !job.flags.requisites {
        refuse_requisites(manager.format(), &transaction.changes, &resolved.requests)?;
    }
    Need::for_transaction(&transaction, &available, space::kernel_image(job.root))
        .check(job.root, &job.work)?;
    if signals::interrupted() {
        return Err(error::INTERRUPTED.with_cause("stopped by a signal"));
    }
    if !job.inside.network || !manager.fetch(job, &resolved.requests)? {
        return manager.apply(job, &resolved.requests);
    }
    // All is here now: the scripts of packages have no business with the network.
    let alone = Sandbox { network: false, ..job.inside.clone() };
    manager.apply(&Job { inside: &alone, work: job.work.clone(), ..*job }, &resolved.requests)
}

/// Without `g` nothing comes along that was not asked for.
fn refuse_requisites(format: Format, changes: &Changes, requests: &[PackageRequest]) -> Result<()> {
    let all = requests.contains(&PackageRequest::AllUpdates);
    let updated = changes.updated.iter().map(|u| (&u.name, &u.arch)).filter(|_| !all);
    let mut others = changes.installed.iter().map(|p| (&p.name, &p.arch)).chain(updated);
    match others.find(|(name, arch)| !is_requested(format, requests, name, arch)) {
        Some((name, _)) => Err(error::REQUISITE_NEEDED.with_cause(format!(
            "{} would be installed too, but -I has no `g`",
            show_path(name.as_bytes())
        ))),
        None => Ok(()),
    }
}

fn is_requested(format: Format, requests: &[PackageRequest], name: &str, arch: &str) -> bool {
    requests.iter().any(
        |g| matches!(g, PackageRequest::Named { name: word, .. } if format.is_named(word, name, arch)),
    )
}

/// `kept`: not everything that is old becomes new.
fn report_changes(changes: &Changes, kept: bool, events: &Events) {
    if changes.is_empty() {
        events.note(if kept {
            "nothing can be updated now"
        } else {
            "everything is up to date: nothing has to be installed"
        });
        return;
    }
    events.note(format!(
        "packages to be updated: {}, newly installed: {}, removed: {}",
        changes.updated.len(),
        changes.installed.len(),
        changes.removed.len()
    ));
    for p in &changes.removed {
        events.warn(format!(
            "{} {} will be removed",
            show_path(p.name.as_bytes()),
            show_path(p.version.as_bytes())
        ));
    }
}

/// Links on the way to the work directory are followed within the copy; it itself is ours, and what
/// a link in its place points to is not.
fn remove_work(root: &Path) -> Result<()> {
    Beneath::open(root)?.remove_tree(WORK)
}

/// Takes away what a killed update left: in the alternate mounted at `root`, and a medium that is
/// still mounted.
///
/// # Errors
/// If something cannot be removed.
pub fn remove_leftovers(root: &Path) -> Result<()> {
    source::unmount_leftover()?;
    placeholders::remove_leftovers(root)?;
    remove_work(root)
}

/// Unmounts the medium that a killed update was reading.
///
/// # Errors
/// If it stays busy.
pub fn release_medium() -> Result<()> {
    source::unmount_leftover()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::software::changes::Update;
    use crate::software::formats::deb::DebFormat;
    use crate::software::formats::rpm::RpmFormat;

    fn request(name: &str) -> PackageRequest {
        PackageRequest::Named { name: name.into(), version: None }
    }

    fn package(name: &str, arch: &str) -> Package {
        Package { name: name.into(), version: "2".into(), arch: arch.into() }
    }

    fn update(name: &str, before: &str, after: &str) -> Update {
        Update {
            name: name.into(),
            arch: "amd64".into(),
            before: before.into(),
            after: after.into(),
        }
    }

    #[test]
    fn packages_of_another_format() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a_1_all.deb"), "cut").unwrap();
        let err = format!("{:#}", read_directory(dir.path(), &RpmFormat, "zypper").unwrap_err());
        assert!(
            err.contains("ALT-738")
                && err.contains(
                    "contains Debian packages (.deb), but the system is updated by zypper"
                ),
            "{err}"
        );
    }

    #[test]
    fn requisites_are_what_was_not_named() {
        let changes = Changes {
            installed: vec![package("vim", "amd64")],
            updated: vec![update("base", "1", "2")],
            removed: vec![],
        };
        let fine =
            |requests: &[PackageRequest]| refuse_requisites(&DebFormat, &changes, requests).is_ok();
        assert!(
            fine(&[request("vim:amd64"), request("base")])
                && fine(&[request("vim"), PackageRequest::AllUpdates])
        );
        assert!(
            !fine(&[request("vim:amd64")])
                && !fine(&[request("vim:i386"), request("base")])
                && !fine(&[PackageRequest::AllUpdates])
        );
    }

    #[test]
    fn work_stays_in_the_alternate() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        for at in [root.join("var"), root.join("data/cache/theirs"), outside.clone()] {
            fs::create_dir_all(at).unwrap();
        }
        fs::write(outside.join("kept"), "").unwrap();
        fs::write(root.join("data/cache/theirs/kept"), "").unwrap();
        symlink("/data/cache", root.join("var/cache")).unwrap();
        let work = root.join("data/cache/altdisk-work");
        // A link in its place is removed, not followed, wherever it leads.
        for target in
            [outside.clone(), "/data/cache/theirs".into(), "theirs".into(), "/nothere".into()]
        {
            symlink(target, &work).unwrap();
            remove_work(&root).unwrap();
            assert!(work.symlink_metadata().is_err());
        }
        assert!(outside.join("kept").exists() && root.join("data/cache/theirs/kept").exists());
        fs::create_dir_all(work.join("lists")).unwrap();
        remove_work(&root).unwrap();
        remove_work(&root).unwrap();
        assert!(!work.exists() && root.join("data/cache").is_dir());
    }
}
