//! The step of phase 2 that updates the alternate, from the wish to the record of what changed.
//!
//! Everything that must go again (the medium's mount, placeholders, the work directory) goes
//! whatever happens; after a kill [`tidy`] finds it, at the next update or in phase 3.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::contents::is_named;
use super::place::{self, Opened};
use super::resolve::Offer;
use super::space::{self, Need};
use super::{
    Changes, Flags, Format, Goal, Job, Location, Manager, Package, Place, Wanted, apt, contents,
    deb, dnf, judge, pacman, zypper,
};
use crate::boot::distro::Family;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::find_program;
use crate::host::placeholders::{self, Placeholders};
use crate::host::sandbox::Sandbox;
use crate::host::signals;
use crate::secret::{MASK, SecretText};
use crate::text::path::show_path;

/// Ours in the alternate, for the time of the run.
const WORK: &str = "/var/cache/altdisk-work";

/// What was done, also where it failed on the way.
#[derive(Debug)]
pub struct Done {
    pub manager: &'static str,
    pub changes: Changes,
}

/// The package manager of a system: by its family, else by what is installed.
///
/// # Errors
/// ALT-731 where there is none that altdisk knows.
pub fn detect(root: &Path) -> Result<Box<dyn Manager>> {
    let has = |program: &str| find_program(root, program).is_some();
    let dnf = has("dnf") || has("dnf5") || has("yum");
    match Family::of(root) {
        Family::Debian if has("apt-get") => Ok(Box::new(apt::Apt)),
        Family::Suse if has("zypper") => Ok(Box::new(zypper::Zypper)),
        Family::Fedora if dnf => Ok(Box::new(dnf::Dnf)),
        Family::Arch if has("pacman") => Ok(Box::new(pacman::Pacman)),
        _ if has("apt-get") => Ok(Box::new(apt::Apt)),
        _ if has("zypper") => Ok(Box::new(zypper::Zypper)),
        _ if dnf => Ok(Box::new(dnf::Dnf)),
        _ if has("pacman") => Ok(Box::new(pacman::Pacman)),
        _ => Err(error::NO_MANAGER
            .with_cause(format!("{} has none of apt-get, dnf, zypper, pacman", root.display()))),
    }
}

/// What can be refused before anything is touched: `root` is the system that is or will be updated.
/// Nothing is run. Returns what is worth knowing.
///
/// # Errors
/// ALT-731 to ALT-738: no manager, wrong flags, nothing in the location, a name that is not there.
pub fn check(wanted: &Wanted, root: &Path) -> Result<Vec<String>> {
    let manager = detect(root)?;
    flags(wanted, manager.name())?;
    // A medium is looked at when its turn comes, what is fetched is known only then.
    let Location::Directory(dir) = &wanted.location else { return Ok(vec![]) };
    let mut found = read(dir, &*manager)?;
    if found.format == Format::Deb {
        let architectures = deb::architectures(root)?;
        found.packages.retain(|p| deb::fits(&architectures, &p.arch));
    }
    let fixes =
        if wanted.fixes.is_empty() { vec![] } else { contents::fixes(&found, dir, &wanted.fixes)? };
    Offer { available: &found.packages, fixes: &fixes, format: manager.format() }.has(wanted)?;
    let mut notes = vec![format!(
        "{}: packages for {}: {}",
        dir.display(),
        manager.name(),
        found.packages.len()
    )];
    notes.extend(
        found
            .damaged
            .iter()
            .map(|(file, why)| format!("{} is no package that can be used: {why}", file.display())),
    );
    Ok(notes)
}

/// An error about the directory that a medium is mounted at, with the name that the user gave.
fn as_named(e: anyhow::Error, here: &Path, location: &Location) -> anyhow::Error {
    match (location, error::find(&e)) {
        (Location::Device(device), Some(alt)) => alt.entry.with_remedy(
            alt.cause.replace(&here.display().to_string(), &device.display().to_string()),
            alt.remedy.clone(),
        ),
        _ => e,
    }
}

fn flags(wanted: &Wanted, manager: &str) -> Result<Flags> {
    let flags = super::flags::parse(wanted.flags.as_ref().map(SecretText::expose))?;
    flags.check(manager)?;
    Ok(flags)
}

fn read(dir: &Path, manager: &dyn Manager) -> Result<super::Contents> {
    let found = contents::read(dir)?;
    if found.format != manager.format() {
        return Err(error::WRONG_FORMAT.with_cause(format!(
            "{} holds {}, and the system is updated by {}",
            dir.display(),
            found.format,
            manager.name()
        )));
    }
    if let (true, Some((file, why))) = (found.packages.is_empty(), found.damaged.first()) {
        return Err(error::BAD_LOCATION.with_remedy(
            format!(
                "no package in {} can be used: {}: {why}",
                dir.display(),
                show_path(file.as_os_str().as_encoded_bytes())
            ),
            "copy the packages anew, or name another directory",
        ));
    }
    Ok(found)
}

/// What the update needs to know of the alternate.
pub struct Target<'a> {
    pub root: &'a Path,
    /// What programs see while nothing is installed.
    pub sandbox: Sandbox,
    /// What was installed before an earlier update that was killed: what that one changed is told
    /// with this one's changes.
    pub before: Option<Vec<Package>>,
    /// Keeps what is installed now, for that case.
    pub keep: &'a dyn Fn(&[Package]) -> Result<()>,
}

/// What was installed before the update, as soon as it is known.
struct Before<'a> {
    packages: Option<Vec<Package>>,
    keep: &'a dyn Fn(&[Package]) -> Result<()>,
}

impl Before<'_> {
    fn is(&mut self, packages: Vec<Package>) -> Result<()> {
        if self.packages.is_none() {
            (self.keep)(&packages)?;
            self.packages = Some(packages);
        }
        Ok(())
    }
}

/// Updates the alternate. What was changed is returned beside how it ended: a failed update may
/// have installed a part.
pub fn install(target: Target, wanted: &Wanted, events: &Events) -> (Option<Done>, Result<()>) {
    let root = target.root;
    let manager = match detect(root) {
        Ok(manager) => manager,
        Err(e) => return (None, Err(e)),
    };
    let mut inside = target.sandbox;
    let mut before = Before { packages: target.before, keep: target.keep };
    let ended = prepared(&mut inside, wanted, &*manager, &mut before, events);
    let Some(before) = before.packages else { return (None, ended) };
    let after = match manager.installed(&inside) {
        Ok(after) => after,
        // Why the update failed says more.
        Err(e) => return (None, ended.and(Err(e))),
    };
    (Some(Done { manager: manager.name(), changes: Changes::between(&before, &after) }), ended)
}

/// A stored request whose passwords are not kept any more cannot be carried out.
fn has_password(wanted: &Wanted) -> Result<()> {
    let url = match &wanted.location {
        Location::Url { url, .. } => Some(url),
        _ => None,
    };
    match [url, wanted.flags.as_ref()]
        .into_iter()
        .flatten()
        .any(|text| text.expose().contains(MASK))
    {
        true => Err(error::BAD_LOCATION.with_remedy(
            "the password of the location (or of -I) is not kept any more",
            "run phase 2 with the whole command line again: `alt_disk_install -C -P 2 -l ...`",
        )),
        false => Ok(()),
    }
}

/// Between what must be made first and what must be undone after.
fn prepared(
    inside: &mut Sandbox,
    wanted: &Wanted,
    manager: &dyn Manager,
    before: &mut Before,
    events: &Events,
) -> Result<()> {
    tidy(&inside.root)?;
    let flags = flags(wanted, manager.name())?;
    has_password(wanted)?;
    let opened = Opened::open(&wanted.location, events)?;
    inside.shared.extend(opened.shown());
    // What lies in a directory needs no network, and scripts have no business with it.
    inside.network = opened.shown().is_none();
    // Just removed: what is there now is ours and empty.
    Beneath::open(&inside.root)?.make_directories(WORK)?;
    let held = Placeholders::hold(inside)?;
    let job = Job {
        root: &inside.root,
        inside,
        place: &opened.place,
        work: PathBuf::from(WORK),
        flags: &flags,
        interrupted: before.packages.is_some(),
        events,
    };
    let ended = update(&job, wanted, manager, before);
    inside.shared.clear();
    // All of them, whatever one of them says.
    let undone = [held.close(), remove_work(&inside.root), opened.close()];
    undone.into_iter().fold(ended, Result::and)
}

fn update(job: &Job, wanted: &Wanted, manager: &dyn Manager, before: &mut Before) -> Result<()> {
    let events = job.events;
    if let Place::Directory { here, .. } = job.place {
        let found = read(here, manager).map_err(|e| as_named(e, here, &wanted.location))?;
        for (file, why) in found.damaged {
            events.warn(format!("{} is no package that can be used: {why}", file.display()));
        }
    }
    // Before repairs: they count as changes. A database that does not open is repaired first.
    if let Ok(installed) = manager.installed(job.inside) {
        before.is(installed)?;
    }
    manager.prepare(job)?;
    let available = manager.available(job)?;
    let fixes = if wanted.fixes.is_empty() {
        vec![]
    } else {
        manager.fixes(job, &wanted.fixes, &available)?
    };
    let installed = manager.installed(job.inside)?;
    before.is(installed.clone())?;
    let resolved = Offer { available: &available, fixes: &fixes, format: manager.format() }
        .goals(wanted, &installed)?;
    resolved.notes.iter().for_each(|n| events.note(n));
    if resolved.goals.is_empty() {
        events.note("nothing is to be installed");
        return Ok(());
    }
    let transaction = manager.transaction(job, &resolved.goals, &available)?;
    let changes = &transaction.changes;
    let missing = judge::left_out(manager.format(), changes, &resolved.goals)?;
    let kept = resolved
        .goals
        .contains(&Goal::All)
        .then(|| judge::kept(manager.format(), changes, &installed, &available))
        .flatten();
    announce(changes, kept.is_some(), events);
    missing.into_iter().chain(kept).for_each(|said| events.warn(said));
    if changes.is_empty() {
        return Ok(());
    }
    judge::harmless(manager.format(), changes, &wanted.packages, &manager.essential(job.inside)?)?;
    if !job.flags.requisites {
        no_requisites(manager.format(), &transaction.changes, &resolved.goals)?;
    }
    Need::of(&transaction, &available, space::kernel_image(job.root)).check(job.root, &job.work)?;
    if signals::interrupted() {
        return Err(error::INTERRUPTED.with_cause("stopped by a signal"));
    }
    if !job.inside.network || !manager.fetch(job, &resolved.goals)? {
        return manager.apply(job, &resolved.goals);
    }
    // All is here now: the scripts of packages have no business with the network.
    let alone = Sandbox { network: false, ..job.inside.clone() };
    manager.apply(&Job { inside: &alone, work: job.work.clone(), ..*job }, &resolved.goals)
}

/// Without `g` nothing comes along that was not asked for.
fn no_requisites(format: Format, changes: &Changes, goals: &[Goal]) -> Result<()> {
    let all = goals.contains(&Goal::All);
    let updated = changes.updated.iter().map(|u| (&u.name, &u.arch)).filter(|_| !all);
    let mut others = changes.installed.iter().map(|p| (&p.name, &p.arch)).chain(updated);
    match others.find(|(name, arch)| !is_asked(format, goals, name, arch)) {
        Some((name, _)) => Err(error::CONFLICTING_UPDATE.with_remedy(
            format!(
                "{} would be installed too, and -I does not say `g`",
                show_path(name.as_bytes())
            ),
            "add the letter g to -I, so that requisites are installed too, or name the package",
        )),
        None => Ok(()),
    }
}

fn is_asked(format: Format, goals: &[Goal], name: &str, arch: &str) -> bool {
    goals.iter().any(
        |g| matches!(g, Goal::Package { name: word, .. } if is_named(format, word, name, arch)),
    )
}

/// `kept`: not everything that is old becomes new.
fn announce(changes: &Changes, kept: bool, events: &Events) {
    if changes.is_empty() {
        events.note(if kept {
            "nothing can be updated as it is"
        } else {
            "everything is up to date: nothing is to be installed"
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
/// Where something cannot be removed.
pub fn tidy(root: &Path) -> Result<()> {
    place::tidy()?;
    placeholders::tidy(root)?;
    remove_work(root)
}

/// Unmounts the medium that a killed update was reading.
///
/// # Errors
/// Where it stays busy.
pub fn release_medium() -> Result<()> {
    place::tidy()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::software::changes::Update;

    fn goal(name: &str) -> Goal {
        Goal::Package { name: name.into(), version: None }
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
        let err = format!("{:#}", read(dir.path(), &zypper::Zypper).unwrap_err());
        assert!(
            err.contains("ALT-738")
                && err
                    .contains("holds Debian packages (.deb), and the system is updated by zypper"),
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
        let fine = |goals: &[Goal]| no_requisites(Format::Deb, &changes, goals).is_ok();
        assert!(fine(&[goal("vim:amd64"), goal("base")]) && fine(&[goal("vim"), Goal::All]));
        assert!(
            !fine(&[goal("vim:amd64")])
                && !fine(&[goal("vim:i386"), goal("base")])
                && !fine(&[Goal::All])
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
