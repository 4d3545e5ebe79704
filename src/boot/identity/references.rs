//! References in the alternate's files: whatever names the source's disks is made to name the
//! alternate's.
//!
//! Each file in the [list of places](super::places) by its syntax, where it has one: there a device
//! is known for what it is. Identifiers, which are unique, are replaced wherever they stand. What
//! is still named and was left alone is [reported](super::left_references). What describes only the
//! source (LVM's archives, device.map) goes. The same machine stays the same machine: machine-id,
//! host name and keys are kept. Running it twice changes nothing more.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::change::Change;
use super::fstab::{self, FstabExtras};
use super::ids::IdMap;
use super::places::{PLACES, Syntax, Treatment, syntax, walk};
use super::rules::Rules;
use super::{crypttab, debconf, grubenv, lvm_conf, unit, units};
use crate::boot::loader::grub::custom;
use crate::boot::texts::Text;
use crate::disk::fs::FsType;
use crate::event::{Event, Events};
use crate::host::beneath::Beneath;
use crate::host::cmd::Cmd;
use crate::host::fs_calls::Kind as FileKind;
use crate::host::sandbox::Sandbox;

/// What can only describe the source.
pub const DROPPED: [&str; 14] = [
    "etc/lvm/backup",
    "etc/lvm/archive",
    "etc/lvm/cache",
    // Without it LVM looks at every device again.
    "etc/lvm/devices/system.devices",
    "etc/lvm/devices/backup",
    "etc/blkid.tab",
    "etc/blkid.tab.old",
    "boot/grub/device.map",
    "boot/grub2/device.map",
    // Seeds must not be used twice.
    "var/lib/systemd/random-seed",
    "var/lib/urandom/random-seed",
    "boot/efi/loader/random-seed",
    "boot/loader/random-seed",
    "efi/loader/random-seed",
];

/// What the rewriting of any file needs.
pub struct Names {
    pub rules: Rules,
    pub lvm: lvm_conf::Volumes,
    /// The files are an image's, which may be of another machine.
    pub of_image: bool,
    /// The copy's disk, by a link that stays.
    disk: Option<String>,
}

impl Names {
    /// # Errors
    /// If a name is too long to be searched for.
    pub fn new(map: &IdMap) -> Result<Self> {
        let links = || map.disk_links.iter().map(|p| &p.new);
        let disk = links().find(|n| n.starts_with("/dev/disk/by-id/")).or(links().next()).cloned();
        Ok(Self {
            rules: Rules::new(map)?,
            lvm: lvm_conf::Volumes::new(map),
            of_image: false,
            disk,
        })
    }

    /// The text of the file `inner` of `root` as the copy needs it, and what is to be said about
    /// it, with the file's name.
    pub fn rewritten(&self, root: &Beneath, inner: &Path, text: &str) -> (String, Vec<String>) {
        let rules = &self.rules;
        match syntax(inner) {
            // No grammar: the text as a whole, which is much faster (/boot holds symbol tables).
            Syntax::Text => (rules.anywhere(text), vec![]),
            Syntax::CommandLine => (
                text.split_inclusive('\n').map(|line| rules.command_line(line)).collect(),
                self.taken_out(inner, text),
            ),
            Syntax::Unit => {
                let new = unit::rewrite(text, rules, units::main_volume(root, inner, rules));
                (
                    new.text,
                    new.warnings
                        .into_iter()
                        .map(|w| format!("/{}: {w}", inner.display()))
                        .collect(),
                )
            }
            Syntax::Crypttab => {
                let new = crypttab::rewrite(text, rules, self.of_image);
                (new.text, new.warnings)
            }
            Syntax::Lvm => (lvm_conf::rewrite(text, rules, &self.lvm), vec![]),
            Syntax::InstallDevice => {
                (text.split_inclusive('\n').map(|line| self.install_device(line)).collect(), vec![])
            }
            // What is no fstab after all is a text.
            Syntax::Fstab => match fstab::rewrite(text, rules, &FstabExtras::default()) {
                Ok(new) => (new.text, new.warnings),
                Err(_) => (rules.anywhere(text), vec![]),
            },
            Syntax::Grubenv => (text.to_owned(), self.taken_out(inner, text)),
        }
    }

    /// What is said about kernel parameters that are taken out.
    fn taken_out(&self, inner: &Path, text: &str) -> Vec<String> {
        let lines = text.lines().enumerate();
        let all = lines
            .flat_map(|(i, l)| self.rules.taken_out(l).into_iter().map(move |what| (i + 1, what)));
        all.map(|(line, what)| format!("/{}:{line}: {what}", inner.display())).collect()
    }

    fn install_device(&self, line: &str) -> String {
        match &self.disk {
            Some(disk) if self.rules.is_disk(line.trim()) => line.replacen(line.trim(), disk, 1),
            _ => self.rules.anywhere(line),
        }
    }
}

/// What the crypttab of a root means for its fstab: mappings that are not made, and swap volumes
/// that are theirs.
pub fn fstab_rewritten(
    text: &str,
    crypttab: Option<&str>,
    names: &Names,
    extras: &FstabExtras,
) -> Result<(fstab::Rewritten, crypttab::Rewritten)> {
    let mappings =
        crypttab.map(|t| crypttab::rewrite(t, &names.rules, names.of_image)).unwrap_or_default();
    let mut extras = extras.clone();
    extras.lines.retain(|w| {
        !FsType::Swap.is_named(&w.fstype)
            || !mappings.taken.iter().any(|uuid| w.spec == format!("UUID={uuid}"))
    });
    let new = fstab::rewrite(
        &crypttab::without_mappings(text, &mappings.disabled),
        &names.rules,
        &extras,
    )?;
    Ok((new, mappings))
}

/// Makes the alternate mounted at `root` name its own disks.
///
/// # Errors
/// ALT-501 for an fstab that cannot be read; otherwise where a file cannot be read or written.
pub fn rewrite(
    root: &Path,
    map: &IdMap,
    extras: &FstabExtras,
    events: &Events,
) -> Result<Vec<Change>> {
    let mut job = Job {
        root,
        copy: Beneath::open(root)?,
        names: Names { of_image: extras.claim, ..Names::new(map)? },
        changes: vec![],
        events,
    };
    for path in DROPPED {
        job.drop_below(path)?;
    }
    for conf in ["etc/lvm/lvm.conf", "etc/lvm/lvmlocal.conf"] {
        let text = job.copy.text(conf).unwrap_or_default();
        if let Some(name) = lvm_conf::devices_file(&text) {
            job.drop_below(&format!("etc/lvm/devices/{name}"))?;
        }
    }
    // Before crypttab, from which it follows: an interrupted run begins here again.
    let taken = job.fstab(extras)?;
    job.resume(map, &taken)?;
    for dir in ["boot/grub", "boot/grub2"] {
        job.grub_dir(dir)?;
    }
    let changes =
        units::Job { copy: &job.copy, rules: &job.names.rules, events, changes: vec![] }.run()?;
    job.changes.extend(changes);
    for place in PLACES.iter().filter(|p| p.treatment == Treatment::Change) {
        for (path, kind) in walk(&job.copy, *place)? {
            if kind == FileKind::Regular {
                job.text(&path)?;
            }
        }
    }
    // Known files may be links that lead elsewhere; the alternate's elsewhere.
    for known in KNOWN {
        let path = job.copy.leads_to(known)?;
        if job.copy.is_file(&path) && path != Path::new("/").join(known) {
            job.text_as(&path, Path::new(known))?;
        }
    }
    job.debconf(map)?;
    Ok(job.changes)
}

const KNOWN: [&str; 5] = [
    "etc/crypttab",
    "etc/default/grub",
    "etc/kernel/cmdline",
    "etc/default/grub_installdevice",
    "etc/lvm/lvm.conf",
];

struct Job<'a> {
    root: &'a Path,
    copy: Beneath,
    names: Names,
    changes: Vec<Change>,
    events: &'a Events,
}

impl Job<'_> {
    fn changed(&mut self, path: &Path, line: usize, what: impl Into<String>) {
        let shown = Path::new("/").join(path);
        let what = what.into();
        let place = if line == 0 {
            shown.display().to_string()
        } else {
            format!("{}:{line}", shown.display())
        };
        self.events.emit(Event::File { path: format!("{place}: {what}") });
        self.changes.push(Change { path: shown, line, what });
    }

    fn drop_below(&mut self, inner: &str) -> Result<()> {
        let path = self.copy.leads_to(inner)?;
        let all = if self.copy.is_dir(&path) { self.copy.files(&path)? } else { vec![path] };
        for file in all {
            if self.copy.link_metadata(&file).is_ok() {
                self.copy.remove(&file)?;
                self.changed(&file, 0, "removed: it described the source");
            }
        }
        Ok(())
    }

    /// Returns the swap volumes that belong to mappings of crypttab.
    fn fstab(&mut self, extras: &FstabExtras) -> Result<Vec<String>> {
        let path = Path::new("/etc/fstab");
        let bytes = self.copy.read(path)?;
        let old = bytes
            .and_then(Text::from_bytes)
            .unwrap_or(Text::from_bytes(vec![]).context("empty text")?);
        let crypttab = self.copy.read("/etc/crypttab")?.and_then(Text::from_bytes).map(|t| t.text);
        let (new, mappings) = fstab_rewritten(&old.text, crypttab.as_deref(), &self.names, extras)?;
        for w in &new.warnings {
            self.events.warn(w.clone());
        }
        if new.text != old.text {
            self.copy.replace(path, &old.bytes(&new.text), 0o644)?;
        }
        for c in new.changes {
            self.changed(path, c.line, c.new);
        }
        for name in mappings.disabled {
            self.changed(path, 0, format!("everything on {name} is disabled, as {name} is"));
        }
        Ok(mappings.taken)
    }

    /// Always said, never left to be guessed: initramfs-tools would take any swap space that it
    /// sees on the running system.
    fn resume(&mut self, map: &IdMap, taken: &[String]) -> Result<()> {
        if !self.copy.is_dir("etc/initramfs-tools") {
            return Ok(());
        }
        let path = Path::new("/etc/initramfs-tools/conf.d/resume");
        let old = self.copy.read(path)?;
        let off = old
            .as_deref()
            .is_some_and(|t| String::from_utf8_lossy(t).lines().any(|l| l.trim() == "RESUME=none"));
        let swaps = map.volumes.iter().filter(|v| v.what == "swap");
        // What is made anew at each start holds nothing to resume from.
        let swap = swaps.filter_map(|v| v.new.uuid.as_ref()).find(|uuid| !taken.contains(uuid));
        let text = match swap.filter(|_| !off) {
            Some(uuid) => format!("RESUME=UUID={uuid}\n"),
            None => "RESUME=none\n".to_owned(),
        };
        if old.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        self.copy.replace(path, text.as_bytes(), 0o644)?;
        self.changed(path, 1, text.trim_end());
        Ok(())
    }

    /// GRUB's environment without its counters, and the source's boot list block goes.
    fn grub_dir(&mut self, dir: &str) -> Result<()> {
        let env = Path::new(dir).join("grubenv");
        if let Some(old) = self.copy.read(&env)? {
            let (_, warnings) =
                self.names.rewritten(&self.copy, &env, &String::from_utf8_lossy(&old));
            warnings.iter().for_each(|w| self.events.warn(w));
            let (new, left_out) = grubenv::rewrite(&old, &self.names.rules);
            if new != old {
                self.copy.replace(&env, &new, 0o644)?;
                self.changed(&env, 0, "GRUB's counters are taken out");
            }
            if !left_out.is_empty() {
                self.events.warn(format!(
                    "/{} has no room for {}",
                    env.display(),
                    left_out.join(", ")
                ));
            }
        }
        let path = self.copy.leads_to(Path::new(dir).join("custom.cfg"))?;
        let Some(old) = self.copy.read(&path)? else { return Ok(()) };
        match custom::remove_block(&old) {
            None => self.copy.remove(&path)?,
            Some(new) if new != old => self.copy.replace(&path, &new, 0o644)?,
            Some(_) => return Ok(()),
        }
        self.changed(&path, 0, "the source's boot list taken out");
        Ok(())
    }

    fn text(&mut self, path: &Path) -> Result<()> {
        if path == Path::new("etc/fstab") {
            return Ok(());
        }
        self.text_as(path, path)
    }

    fn text_as(&mut self, path: &Path, inner: &Path) -> Result<()> {
        if syntax(inner) == Syntax::Grubenv {
            return Ok(());
        }
        let Some(old) = Text::read(&self.copy, path)? else { return Ok(()) };
        let (new, warnings) = self.names.rewritten(&self.copy, inner, &old.text);
        warnings.iter().for_each(|w| self.events.warn(w));
        if new == old.text {
            return Ok(());
        }
        self.copy.replace(path, &old.bytes(&new), 0o644)?;
        if old.text.lines().count() != new.lines().count() {
            self.changed(path, 0, "rewritten");
            return Ok(());
        }
        for (i, (_, n)) in
            old.text.lines().zip(new.lines()).enumerate().filter(|(_, (o, n))| o != n)
        {
            self.changed(path, i + 1, n.trim());
        }
        Ok(())
    }

    /// Where the package of GRUB writes its loader at the next upgrade: never again to the source's
    /// disk.
    fn debconf(&mut self, map: &IdMap) -> Result<()> {
        let path = Path::new(debconf::DATABASE);
        let Some(known) = self.copy.read(path)? else { return Ok(()) };
        let known = String::from_utf8_lossy(&known).into_owned();
        let links: Vec<&str> = map
            .disk_links
            .iter()
            .map(|p| p.new.as_str())
            .filter(|n| n.starts_with("/dev/disk/by-id/"))
            .collect();
        let text = debconf::selections(&known, &links);
        if text.is_empty()
            || crate::host::cmd::find_program(self.root, "debconf-set-selections").is_none()
        {
            return Ok(());
        }
        Cmd::new(
            "debconf-set-selections",
            "tell the GRUB packages of the copy which disk is theirs",
        )
        .stdin(text.clone())
        .in_sandbox(&Sandbox::new(self.root))
        .run(self.events)?;
        for line in text.lines() {
            self.changed(path, 0, line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
