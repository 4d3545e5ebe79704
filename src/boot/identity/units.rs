//! The units of a root as files: renamed where their names say a device, with the links to them;
//! those of packages replaced by others in /etc.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::change::Change;
use super::ids::Volume;
use super::places::{OWN_UNITS, PACKAGED_UNITS, PLACES, Treatment, walk};
use super::rules::Rules;
use super::unit;
use crate::boot::texts::Text;
use crate::event::{Event, Events};
use crate::host::beneath::Beneath;
use crate::host::fs_calls::Kind;

/// The new name of a file among units, or of a directory there.
pub fn new_name(name: &str, rules: &Rules) -> String {
    unit::renamed(name, rules).unwrap_or_else(|| rules.anywhere(name))
}

fn renamed_path(path: &Path, rules: &Rules) -> PathBuf {
    path.iter()
        .map(|part| part.to_str().map_or_else(|| part.to_owned(), |p| new_name(p, rules).into()))
        .collect()
}

/// The path of a packaged unit below the directory of units; None for another file.
fn packaged(path: &Path) -> Option<&Path> {
    PACKAGED_UNITS.iter().find_map(|dir| path.strip_prefix(dir).ok())
}

/// Whether another unit stands in front of a packaged one (systemd.unit(5)): one of its name, or
/// the one that was made from it here.
pub fn is_overridden(copy: &Beneath, path: &Path, rules: &Rules) -> bool {
    let Some(inner) = packaged(path) else { return false };
    let there = |inner: &Path| {
        OWN_UNITS.iter().any(|dir| copy.link_metadata(Path::new(dir).join(inner)).is_ok())
    };
    // A directory `x.swap.d` is looked into; a unit hides its links too.
    let renamed = renamed_path(inner, rules);
    there(inner) || renamed != inner && there(&renamed)
}

/// What a drop-in's unit is about: `home.mount.d/x.conf` to the `What=` of home.mount.
pub fn main_volume<'r>(copy: &Beneath, path: &Path, rules: &'r Rules) -> Option<&'r Volume> {
    let name = path.parent()?.file_name()?.to_str()?.strip_suffix(".d")?;
    let dirs = OWN_UNITS.iter().chain(&PACKAGED_UNITS);
    let text = dirs.into_iter().find_map(|dir| copy.text(Path::new(dir).join(name)))?;
    rules.volume_now_or_before(unit::find_device(&text)?)
}

/// Changes the names of units and the links to them, and puts units in front of packaged ones.
pub struct Job<'a> {
    pub copy: &'a Beneath,
    pub rules: &'a Rules,
    pub events: &'a Events,
    pub changes: Vec<Change>,
}

impl Job<'_> {
    /// # Errors
    /// If a directory cannot be read or a file not be changed.
    pub fn run(mut self) -> Result<Vec<Change>> {
        for dir in ["etc/systemd", "usr/local/lib/systemd"] {
            for (path, kind) in self.copy.walk(dir)? {
                self.link(&path, kind)?;
                self.name(&path, kind)?;
            }
        }
        for place in PLACES.iter().filter(|p| p.treatment == Treatment::Override) {
            for (path, kind) in walk(self.copy, *place)? {
                self.packaged(&path, kind)?;
            }
        }
        Ok(self.changes)
    }

    fn changed(&mut self, path: &Path, what: String) {
        let path = Path::new("/").join(path);
        self.events.emit(Event::File { path: format!("{}: {what}", path.display()) });
        self.changes.push(Change { path, line: 0, what });
    }

    fn link(&mut self, path: &Path, kind: Kind) -> Result<()> {
        let Some(target) = self.copy.read_link(path).filter(|_| kind == Kind::Symlink) else {
            return Ok(());
        };
        let new = renamed_path(&target, self.rules);
        if new != target {
            self.copy.remove(path)?;
            self.copy.symlink(&new, path)?;
            self.changed(path, format!("leads to {}", new.display()));
        }
        Ok(())
    }

    fn name(&mut self, path: &Path, kind: Kind) -> Result<()> {
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { return Ok(()) };
        let new = new_name(name, self.rules);
        if new == name || self.is_switched_off(path) {
            return Ok(());
        }
        let to = path.with_file_name(&new);
        if kind == Kind::Directory && self.copy.is_dir(&to) {
            return self.merge(path, &to);
        }
        if kind == Kind::Regular && self.copy.is_file(&to) {
            // Two units for one device: systemd would start one of them.
            self.events.warn(format!(
                "/{} and /{} are about one device: the copy keeps one of them",
                path.display(),
                to.display()
            ));
        }
        self.copy.rename(path, &new)?;
        self.changed(path, format!("renamed to {new}"));
        Ok(())
    }

    /// A packaged unit of this name is switched off: the name is meant, and not its device.
    fn is_switched_off(&self, path: &Path) -> bool {
        let Some(name) = path
            .file_name()
            .filter(|_| self.copy.read_link(path).is_some_and(|t| t == Path::new("/dev/null")))
        else {
            return false;
        };
        PACKAGED_UNITS.iter().any(|dir| self.copy.link_metadata(Path::new(dir).join(name)).is_ok())
    }

    /// Drop-ins or links for two names that are one now.
    fn merge(&mut self, from: &Path, to: &Path) -> Result<()> {
        for entry in self.copy.read_dir(from)? {
            let (old, new) = (from.join(&entry.name), to.join(&entry.name));
            if self.copy.link_metadata(&new).is_err() {
                match self.copy.read_link(&old) {
                    Some(target) => self.copy.symlink(target, &new)?,
                    None => self.copy.replace(
                        &new,
                        &self.copy.read(&old)?.unwrap_or_default(),
                        0o644,
                    )?,
                }
            }
            self.copy.remove(&old)?;
        }
        self.copy.remove_directory(from)?;
        self.changed(from, format!("its files are in {} now", to.display()));
        Ok(())
    }

    /// A unit of a package, a drop-in of it, or a link to one.
    fn packaged(&mut self, path: &Path, kind: Kind) -> Result<()> {
        let Some(inner) = packaged(path)
            .filter(|_| kind != Kind::Directory && !is_overridden(self.copy, path, self.rules))
        else {
            return Ok(());
        };
        let new_inner = renamed_path(inner, self.rules);
        let own = Path::new(OWN_UNITS[0]);
        let shown = format!("takes the place of /{}", path.display());
        if let Some(target) = self.copy.read_link(path) {
            let new = renamed_path(&target, self.rules);
            if new != target || new_inner != inner {
                self.copy.make_directories(own.join(&new_inner).parent().unwrap_or(own))?;
                self.copy.symlink(&new, own.join(&new_inner))?;
                self.changed(&own.join(&new_inner), shown);
            }
            return Ok(());
        }
        let Some(old) = Text::read(self.copy, path)? else { return Ok(()) };
        let new = unit::rewrite(&old.text, self.rules, main_volume(self.copy, path, self.rules));
        if new.text == old.text && new_inner == inner {
            return Ok(());
        }
        new.warnings.iter().for_each(|w| self.events.warn(format!("/{}: {w}", path.display())));
        self.copy.replace(own.join(&new_inner), &old.bytes(&new.text), 0o644)?;
        self.changed(&own.join(&new_inner), shown);
        // The unit of the old name is there all the same: it is switched off.
        if new_inner.file_name() != inner.file_name() && inner.parent() == Some(Path::new("")) {
            self.copy.symlink("/dev/null", own.join(inner))?;
            self.changed(&own.join(inner), "switched off".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::boot::identity::fstab::FstabExtras;
    use crate::boot::identity::references::rewrite;
    use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

    const NEW_SWAP: &str = "55555555-bbbb-4bbb-8bbb-555555555555";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn swap_unit() -> String {
        format!("dev-disk-by\\x2duuid-{}.swap", NEW_SWAP.replace('-', "\\x2d"))
    }

    #[test]
    fn swap_units_their_drop_ins_and_links() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let own = root.join("etc/systemd/system");
        write(root, "etc/systemd/system/dev-vda5.swap", "[Swap]\nWhat=/dev/vda5\n");
        write(root, "etc/systemd/system/dev-vda5.swap.d/a.conf", "[Swap]\nPriority=5\n");
        write(
            root,
            "etc/systemd/system/dev-disk-by\\x2dpartuuid-1234abcd\\x2d05.swap",
            "[Swap]\nWhat=/dev/disk/by-partuuid/1234abcd-05\n",
        );
        write(
            root,
            "etc/systemd/system/dev-disk-by\\x2dpartuuid-1234abcd\\x2d05.swap.d/b.conf",
            "[Swap]\nPriority=6\n",
        );
        write(root, "etc/systemd/system/backup.service", "[Unit]\nBindsTo=dev-vda5.device\n");
        fs::create_dir_all(own.join("swap.target.wants")).unwrap();
        symlink("../dev-vda5.swap", own.join("swap.target.wants/dev-vda5.swap")).unwrap();
        rewrite(root, &map(), &FstabExtras::default(), &Events::new()).unwrap();
        let unit = swap_unit();
        assert_eq!(
            fs::read_to_string(own.join(&unit)).unwrap(),
            format!("[Swap]\nWhat=/dev/disk/by-uuid/{NEW_SWAP}\n")
        );
        assert_eq!(
            fs::read_link(own.join("swap.target.wants").join(&unit)).unwrap(),
            Path::new("..").join(&unit)
        );
        let mut names: Vec<String> = fs::read_dir(&own)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["backup.service", &unit, &format!("{unit}.d"), "swap.target.wants"]);
        assert_eq!(fs::read_dir(own.join(format!("{unit}.d"))).unwrap().count(), 2);
        let service = fs::read_to_string(own.join("backup.service")).unwrap();
        assert_eq!(service, format!("[Unit]\nBindsTo={}\n", unit.replace(".swap", ".device")));
        assert_eq!(rewrite(root, &map(), &FstabExtras::default(), &Events::new()).unwrap(), []);
    }

    #[test]
    fn units_of_packages_are_overridden() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let vendor = root.join("usr/lib/systemd/system");
        let home = format!("[Mount]\nWhat=/dev/disk/by-uuid/{OLD_ROOT}\nWhere=/home\n");
        write(root, "usr/lib/systemd/system/home.mount", &home);
        write(root, "usr/lib/systemd/system/masked.mount", &home);
        write(root, "etc/systemd/system/masked.mount", "[Mount]\nWhat=/dev/vdz1\nWhere=/masked\n");
        write(root, "usr/lib/systemd/system/other.mount", "[Mount]\nWhat=tmpfs\n");
        write(root, "usr/lib/systemd/system/dev-vda5.swap", "[Swap]\nWhat=/dev/vda5\n");
        write(root, "usr/local/lib/systemd/system/srv.mount", &home);
        fs::create_dir_all(vendor.join("swap.target.wants")).unwrap();
        symlink("../dev-vda5.swap", vendor.join("swap.target.wants/dev-vda5.swap")).unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        // Switched off by the administrator: the one without a packaged unit goes on being that of
        // the device.
        fs::create_dir_all(root.join("etc/systemd/system")).unwrap();
        symlink("/dev/null", root.join("etc/systemd/system/dev-vda2.swap")).unwrap();
        rewrite(root, &map(), &FstabExtras::default(), &Events::new()).unwrap();
        let own = root.join("etc/systemd/system");
        assert_eq!(
            fs::read_to_string(vendor.join("home.mount")).unwrap(),
            home,
            "the package's own file"
        );
        assert_eq!(
            fs::read_to_string(own.join("home.mount")).unwrap(),
            home.replace(OLD_ROOT, NEW_ROOT)
        );
        assert_eq!(
            fs::read_to_string(root.join("usr/local/lib/systemd/system/srv.mount")).unwrap(),
            home.replace(OLD_ROOT, NEW_ROOT)
        );
        assert!(
            fs::read_to_string(own.join("masked.mount")).unwrap().contains("vdz1")
                && !own.join("other.mount").exists()
        );
        let unit = swap_unit();
        assert_eq!(
            fs::read_to_string(own.join(&unit)).unwrap(),
            format!("[Swap]\nWhat=/dev/disk/by-uuid/{NEW_SWAP}\n")
        );
        assert_eq!(fs::read_link(own.join("dev-vda5.swap")).unwrap(), Path::new("/dev/null"));
        assert!(!own.join("dev-vda2.swap").is_symlink());
        let root_unit =
            swap_unit().replace(&NEW_SWAP.replace('-', "\\x2d"), &NEW_ROOT.replace('-', "\\x2d"));
        assert_eq!(fs::read_link(own.join(root_unit)).unwrap(), Path::new("/dev/null"));
        assert_eq!(
            fs::read_link(own.join("swap.target.wants").join(&unit)).unwrap(),
            Path::new("..").join(&unit)
        );
        assert_eq!(rewrite(root, &map(), &FstabExtras::default(), &Events::new()).unwrap(), []);
        let expect = crate::boot::identity::audit::Expect::default();
        let found = crate::boot::identity::audit::audit(root, &map(), &expect).unwrap();
        assert!(found.iter().all(|f| f.path == "/etc/fstab"), "{found:?}");
    }
}
