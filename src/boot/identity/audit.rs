//! The independence audit: is anything of the source's disks still named in the finished alternate?
//!
//! Identifiers (UUIDs, serials, links made of them) count wherever they stand, comments too:
//! nothing else looks like them. Device paths, LVM names and labels count only where a device is
//! meant (fstab, units, kernel command lines, GRUB's searches), not in comments. The same for every
//! initramfs, member by member. Beside that: does every kernel have its initramfs, does fstab name
//! the alternate's own volumes, is the loader where a firmware looks and does it look for the
//! alternate's file system?

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::fstab;
use super::ids::IdMap;
use super::places::{PLACES, Syntax, Treatment, syntax, syntax_in_initramfs, walk};
use super::references::Names;
use super::{crypttab, lvm_conf, unit, units};
use crate::boot::cpio;
use crate::boot::distro::Family;
use crate::boot::kernels;
use crate::boot::loader;
use crate::boot::loader::grub::efi::fallback_file;
use crate::boot::loader::grub::names::{BIOS, EFI_ARCH};
use crate::boot::texts::Text;
use crate::host::beneath::Beneath;
use crate::host::fs_calls::Kind as FileKind;

/// One thing that keeps the alternate from being finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// As seen inside the alternate; for a member of an initramfs `/boot/initrd.img-6.1:etc/fstab`.
    pub path: String,
    /// Counted from 1; 0 for a file as a whole.
    pub line: usize,
    /// What is wrong, with what was found.
    pub what: String,
    /// The line.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = if self.line == 0 { String::new() } else { format!(":{}", self.line) };
        let text = if self.text.is_empty() { String::new() } else { format!(": {}", self.text) };
        write!(f, "{}{line}: {}{text}", self.path, self.what)
    }
}

/// What must be there beyond the absence of old identifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// By what the EFI loader may look for the alternate's /boot: its file system's UUID; on LVM
    /// also the volume group's UUID (GRUB's `lvmid/`).
    pub boot_ids: Vec<String>,
    /// The BIOS loader was installed.
    pub bios: bool,
    /// The EFI loader was installed on the ESP mounted there (inside the root).
    pub esp: Option<PathBuf>,
    /// Kernels and their initramfs are expected (false with -g where there is none).
    pub kernels: bool,
}

/// Searches the alternate mounted at `root`. An empty list means that it is independent.
///
/// # Errors
/// If a file or an initramfs cannot be read: what was not searched is not clean.
pub fn audit(root: &Path, map: &IdMap, expect: &Expect) -> Result<Vec<Finding>> {
    let copy = Beneath::open(root)?;
    let mut search = Search { copy: &copy, names: Names::new(map)?, found: vec![] };
    // What is only reported is no finding.
    for place in PLACES.iter().filter(|p| p.treatment != Treatment::Report) {
        for (path, kind) in walk(&copy, *place)? {
            if units::is_overridden(&copy, &path, &search.names.rules) {
                continue;
            }
            search.name(&path);
            if kind == FileKind::Regular {
                search.file(&path)?;
            }
        }
    }
    let mut found = search.found;
    let fstab =
        copy.read("etc/fstab")?.and_then(Text::from_bytes).map(|t| t.text).unwrap_or_default();
    found.extend(own_fstab(&fstab, map)?);
    if expect.kernels {
        found.extend(images(&copy, root, map)?);
    }
    found.extend(loaders(&copy, root, expect)?);
    Ok(found)
}

struct Search<'a> {
    copy: &'a Beneath,
    names: Names,
    found: Vec<Finding>,
}

fn seen_inside(path: &Path) -> String {
    Path::new("/").join(path).display().to_string()
}

/// What is wrong with the name of a file, or with the target of a link.
pub fn in_name(path: &Path, name: &str, names: &Names) -> Vec<Finding> {
    let finding = |what| Finding { path: seen_inside(path), line: 0, what, text: String::new() };
    let ids: Vec<Finding> = names
        .rules
        .identifiers(name)
        .into_iter()
        .map(|(_, id)| finding(format!("a name with the identifier {id} of the source")))
        .collect();
    let is_unit = path.components().any(|c| c.as_os_str() == "systemd");
    let unit = Path::new(name)
        .file_name()
        .and_then(|n| n.to_str())
        .filter(|n| is_unit && unit::renamed(n, &names.rules).is_some());
    match unit.filter(|_| ids.is_empty()) {
        Some(unit) => vec![finding(format!("{unit} is named after a device of the source"))],
        None => ids,
    }
}

/// What of a text must not stay.
pub fn in_text(shown: &str, syntax: Syntax, text: &str, names: &Names) -> Vec<Finding> {
    let rules = &names.rules;
    // Most files hold nothing: asked once for the whole, not line by line.
    if syntax == Syntax::Text && rules.identifiers(text).is_empty() {
        return vec![];
    }
    let mut found = vec![];
    let finding = |line: usize, what: String, text: String| Finding {
        path: shown.to_owned(),
        line,
        what,
        text,
    };
    for (i, line) in text.lines().enumerate() {
        let mut add = |what: String| {
            found.push(finding(i + 1, what, line.trim().chars().take(200).collect()))
        };
        let ids = rules.identifiers(line);
        for (_, id) in &ids {
            add(format!("the identifier {id} of the source"));
        }
        if !ids.is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        for word in stale(syntax, line, names) {
            add(format!("{word} names the source"));
        }
    }
    if let Some(at) = lvm_conf::stale(text, &names.lvm).filter(|_| syntax == Syntax::Lvm) {
        let (line, what) = (
            text[..at].lines().count(),
            "this names the source's disk, and keeps LVM from finding the copy's".to_owned(),
        );
        found.push(finding(
            line,
            what,
            text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().into(),
        ));
    }
    found
}

/// Words of a line that name a device of the source, where the syntax says that a device is meant.
fn stale(syntax: Syntax, line: &str, names: &Names) -> Vec<String> {
    let rules = &names.rules;
    let field =
        |n: usize| line.split_whitespace().nth(n).filter(|w| rules.stale(w)).map(str::to_owned);
    let named = |found: Vec<(usize, &str)>| {
        found
            .into_iter()
            .map(|(_, w)| w.trim_matches([' ', '\t', '"', '\'']).to_owned())
            .collect::<Vec<_>>()
    };
    match syntax {
        Syntax::Text | Syntax::Grubenv => vec![],
        Syntax::Fstab => {
            let mut all: Vec<String> = field(0).into_iter().collect();
            let options = line.split_whitespace().nth(3).unwrap_or_default();
            all.extend(
                options
                    .split(',')
                    .filter_map(|o| o.split_once('='))
                    .filter(|(_, v)| rules.stale(v))
                    .map(|(_, v)| v.to_owned()),
            );
            if all.is_empty() {
                named(rules.names(line.split_whitespace().next().unwrap_or_default()))
            } else {
                all
            }
        }
        Syntax::Crypttab => crypttab::stale(line, rules).map(str::to_owned).into_iter().collect(),
        Syntax::Unit => unit::stale(line, rules),
        Syntax::InstallDevice => {
            Some(line.trim()).filter(|w| rules.is_disk(w)).map(str::to_owned).into_iter().collect()
        }
        Syntax::CommandLine | Syntax::Lvm => {
            let all = named(rules.parameters(line));
            if all.is_empty() { named(rules.names(line)) } else { all }
        }
    }
}

impl Search<'_> {
    /// Names of units and targets of links hold identifiers too.
    fn name(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let target = self.copy.read_link(path).unwrap_or_default().to_string_lossy().into_owned();
        // A unit that is switched off starts nothing.
        if target == "/dev/null" {
            return;
        }
        for text in [name, target] {
            self.found.extend(in_name(path, &text, &self.names));
        }
    }

    /// `path`: as seen inside, without the first `/`.
    fn file(&mut self, path: &Path) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_ascii_lowercase();
        if name == "core.img" || Path::new(&name).extension().is_some_and(|e| e == "efi") {
            return self.loader_image(path);
        }
        if let Some(text) = Text::read(self.copy, path)? {
            self.found.extend(in_text(&seen_inside(path), syntax(path), &text.text, &self.names));
        }
        Ok(())
    }

    /// GRUB has the file system to look for built into its image. (That for BIOS is mostly
    /// compressed; it was made by this run.)
    fn loader_image(&mut self, path: &Path) -> Result<()> {
        let bytes: String =
            self.copy.read(path)?.unwrap_or_default().iter().map(|b| char::from(*b)).collect();
        for (_, id) in self.names.rules.identifiers(&bytes) {
            let what = format!("the identifier {id} of the source");
            self.found.push(Finding {
                path: seen_inside(path),
                line: 0,
                what,
                text: String::new(),
            });
        }
        Ok(())
    }
}

/// Every root file system, swap and ESP of the map must be what the alternate's fstab names.
pub fn own_fstab(text: &str, map: &IdMap) -> Result<Vec<Finding>> {
    let entries = fstab::parse(text, "/etc/fstab")?;
    let mut found = vec![];
    let mut add = |line: usize, what: String| {
        found.push(Finding { path: "/etc/fstab".into(), line, what, text: String::new() })
    };
    for v in map.volumes.iter().filter(|v| v.what.starts_with('/')) {
        match entries.iter().find(|e| e.mount_point == Path::new(&v.what)) {
            Some(e) if e.spec != v.new_spec => add(
                e.line,
                format!("{} is mounted from {}, not from {}", v.what, e.spec, v.new_spec),
            ),
            None if v.what == "/" => add(0, "there is no line for /".to_owned()),
            _ => {}
        }
    }
    Ok(found)
}

/// Every kernel has its initramfs, and none holds a trace of the source.
fn images(copy: &Beneath, root: &Path, map: &IdMap) -> Result<Vec<Finding>> {
    let mut search = Search { copy, names: Names::new(map)?, found: vec![] };
    for k in kernels::installed(root) {
        let shown = k.initramfs.display().to_string();
        if !copy.is_file(&k.initramfs) {
            if k.modules {
                let what = format!("kernel {} has no initramfs", k.version);
                search.found.push(Finding { path: shown, line: 0, what, text: String::new() });
            }
            continue;
        }
        cpio::members(copy.open_file(&k.initramfs)?, &k.initramfs, &mut |name, content| {
            if let Some(text) = Text::from_bytes(content.to_vec()) {
                let syntax = syntax_in_initramfs(Path::new(name));
                search.found.extend(in_text(
                    &format!("{shown}:{name}"),
                    syntax,
                    &text.text,
                    &search.names,
                ));
            }
        })?;
    }
    Ok(search.found)
}

/// The loaders are where a firmware looks, and look for the alternate's own file system.
fn loaders(copy: &Beneath, root: &Path, expect: &Expect) -> Result<Vec<Finding>> {
    let mut found = vec![];
    let mut missing = |path: &Path, what: &str| {
        found.push(Finding {
            path: path.display().to_string(),
            line: 0,
            what: what.to_owned(),
            text: String::new(),
        });
    };
    if expect.bios {
        let dirs = ["/boot/grub", "/boot/grub2"].map(|d| Path::new(d).join(BIOS).join("core.img"));
        if !dirs.iter().any(|d| copy.is_file(d)) {
            missing(&dirs[0], "the BIOS loader's image is not there");
        }
    }
    let Some(esp) = &expect.esp else { return Ok(found) };
    let fallback = fallback_file(Path::new(""));
    if !copy.is_file(esp.join(&fallback)) {
        missing(
            &esp.join(&fallback),
            "the loader for a firmware without boot entries is not there",
        );
    }
    let loader = loader::detect(root).efi_file(copy, esp).replace('\\', "/");
    let loader = Path::new(loader.trim_start_matches('/'));
    if !copy.is_file(esp.join(loader)) {
        missing(&esp.join(loader), "the loader is not there");
    }
    if expect.boot_ids.is_empty() {
        return Ok(found);
    }
    let dir = loader.parent().unwrap_or(Path::new(""));
    let read = |file: &Path| copy.read(esp.join(file)).ok().flatten();
    let names =
        |file: &Path| read(file).is_some_and(|b| expect.boot_ids.iter().any(|id| holds(&b, id)));
    let stub = dir.join("grub.cfg");
    // A signed GRUB reads the stub beside it; one made here has the file system's UUID built in.
    let built_in = dir.join(format!("grub{}.efi", EFI_ARCH));
    let fedora = Family::detect(root) == Family::Fedora && names(&dir.join("bootuuid.cfg"));
    if !names(&stub) && !names(&built_in) && !names(loader) && !fedora {
        missing(
            &esp.join(&stub),
            &format!("no loader here looks for the boot file system {}", expect.boot_ids[0]),
        );
    }
    Ok(found)
}

fn holds(bytes: &[u8], uuid: &str) -> bool {
    bytes.windows(uuid.len()).any(|w| w.eq_ignore_ascii_case(uuid.as_bytes()))
}

#[cfg(test)]
mod tests;
