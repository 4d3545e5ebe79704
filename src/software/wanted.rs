//! The request: `-l`, `-w`, `-b`, `-f`, `-F`, `-I`, and the names in the files that they give.
//!
//! `-w` and a bundle name packages, `-F` and a fix list name fixes. The values are split, the files
//! read, every name is looked at before anything else happens: a name that no package can have is
//! reported with its position. They are looked up in the location later.

mod lists;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::flags;
use super::location;
use crate::error;
use crate::secret::SecretText;
use crate::software::location::Location;
use lists::{ListKind, Names};

/// The values of `-l -w -b -f -F -I`, with the files that they name already read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// `-l`.
    pub location: Location,
    /// Every update that there is: `-w all`, or `update_all` in a bundle or as one.
    pub all: bool,
    /// `name` or `name=version`, of `-w` and the bundle, each once.
    pub packages: Vec<String>,
    /// Of `-F` and the fix list, each once.
    pub fixes: Vec<String>,
    /// `-I` as given; None: the manager's default.
    pub flags: Option<SecretText>,
    /// The file of the bundle, to show it.
    pub bundle: Option<PathBuf>,
    /// The file of the fix list, to show it.
    pub fix_bundle: Option<PathBuf>,
}

/// The values of the flags, as given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// `-l`
    pub location: &'a str,
    /// `-w`
    pub packages: Option<&'a str>,
    /// `-b`
    pub bundle: Option<&'a Path>,
    /// `-f`
    pub fix_bundle: Option<&'a Path>,
    /// `-F`
    pub fixes: Option<&'a str>,
    /// `-I`
    pub flags: Option<&'a str>,
}

/// A value of `-b` that is not a file: every update.
pub const UPDATE_ALL: &str = "update_all";

/// The largest list that is read, in bytes.
const MAX_LIST: u64 = 1 << 20;

impl Wanted {
    /// Splits the values, reads the files that they name, and looks whether the location is one.
    ///
    /// # Errors
    /// ALT-107 and ALT-736 for an invalid name, ALT-118, ALT-122 and ALT-732 for an invalid
    /// location, ALT-737 for flags that cannot be used, ALT-741 if nothing is requested.
    pub fn read(given: &Given) -> Result<Self> {
        let mut packages = Names::default();
        if let Some(value) = given.packages {
            packages
                .add(lists::parse_value(ListKind::Packages, "-w", value)?, ListKind::Packages)?;
        }
        let bundle = given.bundle.filter(|b| !is_update_all(b));
        packages.all |= given.bundle.is_some_and(is_update_all);
        if let Some(file) = bundle {
            packages.add(
                lists::parse_file(ListKind::Packages, &read_file(file, "-b")?, file)?,
                ListKind::Packages,
            )?;
        }
        let mut fixes = Names::default();
        if let Some(value) = given.fixes {
            fixes.add(lists::parse_value(ListKind::Fixes, "-F", value)?, ListKind::Fixes)?;
        }
        if let Some(file) = given.fix_bundle {
            fixes.add(
                lists::parse_file(ListKind::Fixes, &read_file(file, "-f")?, file)?,
                ListKind::Fixes,
            )?;
        }
        let location = location::parse(given.location)?;
        flags::parse(given.flags)?;
        if !packages.all && packages.names.is_empty() && fixes.names.is_empty() {
            return Err(error::NOTHING_WANTED.with_cause(format!(
                "-l {} is given, but nothing to install from there",
                given.location
            )));
        }
        Ok(Self {
            location,
            all: packages.all,
            packages: packages.names,
            fixes: fixes.names,
            flags: given.flags.map(SecretText::from),
            bundle: bundle.map(Path::to_path_buf),
            fix_bundle: given.fix_bundle.map(Path::to_path_buf),
        })
    }
}

impl Wanted {
    /// A title for the step, for users.
    pub fn title(&self) -> String {
        let count = |n: usize, what: &str| {
            (n > 0).then(|| {
                format!(
                    "{n} {what}{}",
                    if n == 1 { "" } else { if what.ends_with('x') { "es" } else { "s" } }
                )
            })
        };
        let all = self.all.then(|| "every update".to_owned());
        let parts: Vec<String> =
            [all, count(self.packages.len(), "package"), count(self.fixes.len(), "fix")]
                .into_iter()
                .flatten()
                .collect();
        let from = match &self.location {
            Location::Configured => "the repositories that the copy has".to_owned(),
            other => other.to_string(),
        };
        let list = match parts.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            all => all.concat(),
        };
        format!("Install {list} from {from}")
    }

    /// The request in detail, for users: one line for each part.
    pub fn lines(&self) -> Vec<String> {
        let list = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
        };
        let all = self.all.then(|| "every update of what is installed".to_owned());
        let flags = self.flags.as_ref().map(|f| format!("flags: {f}"));
        [all, list("packages", &self.packages), list("fixes", &self.fixes), flags]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Reads a bundle or a list of fixes: whether it asks for every update, and its names.
///
/// # Errors
/// ALT-736 with the position, ALT-122 if the file cannot be read.
pub fn read_list(file: &Path, of_fixes: bool) -> Result<(bool, Vec<String>)> {
    let kind = if of_fixes { ListKind::Fixes } else { ListKind::Packages };
    lists::parse_file(kind, &read_file(file, if of_fixes { "-f" } else { "-b" })?, file)
        .map(|n| (n.all, n.names))
}

/// Whether this value of `-b` means every update instead of a file.
pub fn is_update_all(value: &Path) -> bool {
    value == Path::new(UPDATE_ALL)
}

fn read_file(file: &Path, flag: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    // Opening a fifo waits.
    let read = match std::fs::metadata(file) {
        Ok(meta) if !meta.is_file() => {
            return Err(error::FILE_UNREADABLE
                .with_cause(format!("{} after {flag} is not a regular file", file.display())));
        }
        Ok(_) => File::open(file).and_then(|f| f.take(MAX_LIST + 1).read_to_end(&mut text)),
        Err(e) => Err(e),
    };
    read.map_err(|e| {
        error::FILE_UNREADABLE.with_cause(format!(
            "{} after {flag} cannot be read: {}",
            file.display(),
            error::text_of(&e)
        ))
    })?;
    if text.len() as u64 > MAX_LIST {
        return Err(error::BAD_LIST.with_cause(format!(
            "{}: the file is larger than {} KiB, so it is not a list of names",
            file.display(),
            MAX_LIST >> 10
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(given: &Given) -> String {
        error::find(&Wanted::read(given).unwrap_err()).unwrap().to_string()
    }

    #[test]
    fn flags_and_files_become_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (bundle, list) =
            (file("b", "# all of it\nI:vim\nR:curl=8.5\n"), file("f", "CVE-2024-33599\n"));
        let here = dir.path().to_str().unwrap();
        let given = Given {
            location: here,
            packages: Some("vim, nano"),
            bundle: Some(&bundle.clone()),
            fix_bundle: Some(&list.clone()),
            fixes: Some("LP: #12 cve-2024-33599"),
            flags: Some("-acgXY"),
        };
        let want = Wanted {
            location: Location::Directory(here.into()),
            all: false,
            packages: vec!["vim".into(), "nano".into(), "curl=8.5".into()],
            fixes: vec!["LP:#12".into(), "cve-2024-33599".into()],
            flags: Some("-acgXY".into()),
            bundle: Some(bundle),
            fix_bundle: Some(list),
        };
        assert_eq!(Wanted::read(&given).unwrap(), want);
        assert_eq!(
            serde_json::from_str::<Wanted>(&serde_json::to_string(&want).unwrap()).unwrap(),
            want
        );
        let all = Wanted::read(&Given {
            location: "configured",
            bundle: Some(Path::new("update_all")),
            ..Given::default()
        })
        .unwrap();
        assert!(
            all.all
                && all.packages.is_empty()
                && all.bundle.is_none()
                && all.location == Location::Configured
        );
    }

    #[test]
    fn refusals() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large");
        std::fs::write(&large, vec![b'\n'; (1 << 20) + 1]).unwrap();
        let alone = Given { location: "configured", ..Given::default() };
        assert_eq!(
            refused(&alone),
            "ALT-741: -l configured is given, but nothing to install from there"
        );
        assert_eq!(
            refused(&Given { bundle: Some(&large), ..alone }),
            format!(
                "ALT-736: {}: the file is larger than 1024 KiB, so it is not a list of names",
                large.display()
            )
        );
        let twice = refused(&Given { packages: Some("a=1 a=2"), ..alone });
        assert_eq!(twice, "ALT-107: `a` is asked for in version 1 and in version 2");
        assert!(
            refused(&Given { fix_bundle: Some(dir.path()), ..alone })
                .contains("is not a regular file")
        );
        assert!(
            refused(&Given { packages: Some("a"), flags: Some("--x 'y"), ..alone })
                .starts_with("ALT-737")
        );
    }
}
