//! References in the alternate's files: whatever names the source's disks is made to name the alternate's.
//!
//! First the files whose grammar is known (fstab, units, kernel command lines, resume), then every text file in /etc and /boot for
//! identifiers that are unique wherever they stand. What describes only the source (LVM's archives, device.map) goes. The same machine stays the
//! same machine: machine-id, host name and keys are kept. Running it twice changes nothing more.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::bootlist::custom;
use super::fstab::{self, FstabExtras};
use super::identify::Rules;
use super::ids::IdMap;
use super::texts::Text;
use super::unit;
use crate::event::{Event, Events};
use crate::host::beneath::Beneath;
use crate::host::cmd::Cmd;
use crate::host::sandbox::Sandbox;
use crate::host::tree::Kind as FileKind;

/// One place that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As seen inside the alternate (`/etc/fstab`).
    pub path: PathBuf,
    /// Counted from 1; 0 for a file as a whole.
    pub line: usize,
    pub what: String,
}

/// What can only describe the source.
const DROPPED: [&str; 12] = [
    "etc/lvm/backup",
    "etc/lvm/archive",
    "etc/lvm/cache",
    "etc/lvm/devices/system.devices",
    "etc/lvm/devices/backup",
    "boot/grub/device.map",
    "boot/grub2/device.map",
    // Seeds must not be used twice.
    "var/lib/systemd/random-seed",
    "var/lib/urandom/random-seed",
    "boot/efi/loader/random-seed",
    "boot/loader/random-seed",
    "efi/loader/random-seed",
];

/// Where text files are searched for identifiers.
pub const SEARCHED: [&str; 4] = ["etc", "boot", "efi", "usr/local/etc"];

/// Makes the alternate mounted at `root` name its own disks.
///
/// # Errors
/// ALT-501 for an fstab that cannot be read; otherwise where a file cannot be read or written.
pub fn rewrite(root: &Path, map: &IdMap, extras: &FstabExtras, events: &Events) -> Result<Vec<Change>> {
    let mut job = Job { root, copy: Beneath::open(root)?, rules: Rules::new(map)?, changes: vec![], events };
    for path in DROPPED {
        job.drop_below(path)?;
    }
    job.fstab(extras)?;
    job.resume(map)?;
    for dir in ["boot/grub", "boot/grub2"] {
        job.grub_dir(dir)?;
    }
    job.units()?;
    for dir in SEARCHED {
        for path in job.copy.files(dir)? {
            job.text(&path)?;
        }
    }
    // Known files may be links that lead elsewhere; the alternate's elsewhere.
    for known in ["etc/crypttab", "etc/default/grub", "etc/kernel/cmdline", "etc/default/grub_installdevice"] {
        let path = job.copy.leads_to(known)?;
        if job.copy.is_file(&path) && path != Path::new("/").join(known) {
            job.text_as(&path, Path::new(known))?;
        }
    }
    job.debconf(map)?;
    Ok(job.changes)
}

struct Job<'a> {
    root: &'a Path,
    copy: Beneath,
    rules: Rules,
    changes: Vec<Change>,
    events: &'a Events,
}

impl Job<'_> {
    fn changed(&mut self, path: &Path, line: usize, what: impl Into<String>) {
        let shown = Path::new("/").join(path);
        let what = what.into();
        let place = if line == 0 { shown.display().to_string() } else { format!("{}:{line}", shown.display()) };
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

    fn fstab(&mut self, extras: &FstabExtras) -> Result<()> {
        let path = Path::new("/etc/fstab");
        let bytes = self.copy.read(path)?;
        let old = bytes.clone().and_then(Text::of).unwrap_or(Text::of(vec![]).context("empty text")?);
        let new = fstab::rewrite(&old.text, &self.rules, extras)?;
        for w in &new.warnings {
            self.events.warn(w.clone());
        }
        if new.changes.is_empty() {
            return Ok(());
        }
        self.copy.replace(path, &old.bytes(&new.text), 0o644)?;
        for c in new.changes {
            self.changed(path, c.line, c.new);
        }
        Ok(())
    }

    /// Always said, never left to be guessed: initramfs-tools would take any swap space that it sees on the running system.
    fn resume(&mut self, map: &IdMap) -> Result<()> {
        if !self.copy.is_dir("etc/initramfs-tools") {
            return Ok(());
        }
        let path = Path::new("/etc/initramfs-tools/conf.d/resume");
        let old = self.copy.read(path)?;
        let off = old.as_deref().is_some_and(|t| String::from_utf8_lossy(t).lines().any(|l| l.trim() == "RESUME=none"));
        let swap = map.volumes.iter().find(|v| v.what == "swap").and_then(|v| v.new.uuid.as_ref());
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

    /// GRUB's environment is made anew, and the source's boot list block goes.
    fn grub_dir(&mut self, dir: &str) -> Result<()> {
        let env = Path::new(dir).join("grubenv");
        if let Some(old) = self.copy.read(&env)? {
            let new = clean_grubenv(&old, &self.rules);
            if new != old {
                self.copy.replace(&env, &new, 0o644)?;
                self.changed(&env, 0, "made anew");
            }
        }
        let path = self.copy.leads_to(Path::new(dir).join("custom.cfg"))?;
        let Some(old) = self.copy.read(&path)? else { return Ok(()) };
        match custom::without(&old) {
            None => self.copy.remove(&path)?,
            Some(new) if new != old => self.copy.replace(&path, &new, 0o644)?,
            Some(_) => return Ok(()),
        }
        self.changed(&path, 0, "the source's boot list taken out");
        Ok(())
    }

    /// Units whose *names* hold an identifier (`dev-disk-by\x2duuid-....swap`), and links to them.
    fn units(&mut self) -> Result<()> {
        for (path, kind) in self.copy.walk("etc/systemd")? {
            if let Some(target) = self.copy.read_link(&path).filter(|_| kind == FileKind::Symlink) {
                let new = self.rules.anywhere(&target.to_string_lossy());
                if Path::new(&new) != target {
                    self.copy.remove(&path)?;
                    self.copy.symlink(&new, &path)?;
                    self.changed(&path, 0, format!("leads to {new}"));
                }
            }
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
            let new = self.rules.anywhere(name);
            if new != name {
                self.copy.rename(&path, &new)?;
                self.changed(&path, 0, format!("renamed to {new}"));
            }
        }
        Ok(())
    }

    fn text(&mut self, path: &Path) -> Result<()> {
        if path == Path::new("etc/fstab") || path.file_name().is_some_and(|n| n == "grubenv") {
            return Ok(());
        }
        self.text_as(path, path)
    }

    fn text_as(&mut self, path: &Path, inner: &Path) -> Result<()> {
        let Some(old) = Text::read(&self.copy, path)? else { return Ok(()) };
        let kind = Kind::of(inner);
        let new: String = match kind {
            // No grammar: the text as a whole, which is much faster (/boot holds symbol tables).
            Kind::Other => self.rules.anywhere(&old.text),
            Kind::Unit => {
                let new = unit::rewrite(&old.text, &self.rules);
                new.warnings.iter().for_each(|w| self.events.warn(format!("/{}: {w}", inner.display())));
                new.text
            }
            _ => old.text.split_inclusive('\n').map(|line| kind.line(line, &self.rules)).collect(),
        };
        if new == old.text {
            return Ok(());
        }
        self.copy.replace(path, &old.bytes(&new), 0o644)?;
        for (i, (_, n)) in old.text.lines().zip(new.lines()).enumerate().filter(|(_, (o, n))| o != n) {
            self.changed(path, i + 1, n.trim());
        }
        Ok(())
    }

    /// Where the package of GRUB writes its loader at the next upgrade: never again to the source's disk.
    fn debconf(&mut self, map: &IdMap) -> Result<()> {
        let path = Path::new("/var/cache/debconf/config.dat");
        let Some(known) = self.copy.read(path)? else { return Ok(()) };
        let known = String::from_utf8_lossy(&known).into_owned();
        let links: Vec<&str> = map.disk_links.iter().map(|p| p.new.as_str()).filter(|n| n.starts_with("/dev/disk/by-id/")).collect();
        let text = selections(&known, &links);
        if text.is_empty() || crate::host::cmd::find_program(self.root, "debconf-set-selections").is_none() {
            return Ok(());
        }
        Cmd::new("debconf-set-selections", "tell the GRUB packages of the alternate which disk is theirs")
            .stdin(text.clone())
            .inside(&Sandbox::new(self.root))
            .run(self.events)?;
        for line in text.lines() {
            self.changed(path, 0, line);
        }
        Ok(())
    }
}

/// What the debconf database is told: each question that it has and that is answered otherwise.
fn selections(known: &str, links: &[&str]) -> String {
    let mut all: Vec<&str> = links.to_vec();
    all.sort_unstable();
    all.dedup();
    let value = all.join(", ");
    let mut out = String::new();
    for (package, question) in [
        ("grub-pc", "grub-pc/install_devices"),
        ("grub-pc", "grub-pc/install_devices_disks_changed"),
        ("grub-efi-amd64", "grub-efi/install_devices"),
        ("grub-efi-amd64", "grub-efi/install_devices_disks_changed"),
    ] {
        let stanza = known.split("\n\n").find(|s| s.lines().any(|l| l == format!("Name: {question}")));
        let Some(stanza) = stanza else { continue };
        let now = stanza.lines().find_map(|l| l.strip_prefix("Value:")).unwrap_or_default().trim();
        if now != value {
            out.push_str(format!("{package} {question} multiselect {value}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// GRUB's environment block of exactly 1024 bytes, empty but for the kernel options that some distributions keep there. Saved entries,
/// counters and a block address inside the source's btrfs must not come along.
pub fn clean_grubenv(old: &[u8], rules: &Rules) -> Vec<u8> {
    const SIZE: usize = 1024;
    let mut new = b"# GRUB Environment Block\n".to_vec();
    for line in String::from_utf8_lossy(old).lines().filter(|l| l.starts_with("kernelopts=")) {
        let line = format!("{}\n", rules.command_line(line));
        if new.len() + line.len() <= SIZE {
            new.extend_from_slice(line.as_bytes());
        }
    }
    new.resize(SIZE, b'#');
    new
}

/// How a line of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Kernel command lines, wherever they are kept; shell variables with them.
    CommandLine,
    /// `name device key options`.
    Crypttab,
    /// `What=device`.
    Unit,
    Other,
}

impl Kind {
    /// By the path inside the alternate.
    pub fn of(inner: &Path) -> Self {
        let text = inner.to_string_lossy();
        let starts = |all: &[&str]| all.iter().any(|p| text.starts_with(p));
        let ext = inner.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if text == "etc/crypttab" || text == "etc/crypttab.initramfs" {
            Self::Crypttab
        } else if text.starts_with("etc/systemd/") && ["mount", "automount", "swap"].contains(&ext) {
            Self::Unit
        } else if starts(&[
            "etc/default/grub",
            "etc/kernel/",
            "etc/cmdline",
            "etc/grub.d/",
            "etc/initramfs-tools/",
            "etc/dracut",
            "etc/mkinitcpio",
        ]) || starts(&[
            "boot/grub/",
            "boot/grub2/",
            "boot/loader/",
            "boot/efi/",
            "efi/",
            "boot/extlinux/",
            "boot/syslinux/",
            "boot/firmware/",
        ]) || ["boot/cmdline.txt", "boot/armbianEnv.txt"].contains(&text.as_ref())
        {
            Self::CommandLine
        } else {
            Self::Other
        }
    }

    fn line(self, line: &str, rules: &Rules) -> String {
        match self {
            Self::CommandLine => rules.command_line(line),
            Self::Crypttab => {
                let second = line.split_whitespace().nth(1).filter(|_| !line.trim_start().starts_with('#'));
                match second.and_then(|d| rules.spec(d).map(|s| (d, s))) {
                    Some((device, spec)) => rules.anywhere(&line.replacen(device, spec, 1)),
                    None => rules.anywhere(line),
                }
            }
            Self::Unit | Self::Other => rules.anywhere(line),
        }
    }
}

#[cfg(test)]
mod tests;
