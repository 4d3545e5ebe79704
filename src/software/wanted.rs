//! What is to be installed: `-w`, `-b`, `-f`, `-F` and what the files that they name list.
//!
//! `-w` and a bundle name packages, `-F` and a fix list name fixes. The values are split, the files
//! read, every name is looked at before anything else happens: a name that no package can have is
//! told with its place. What the names mean is found out later, in the location.

mod lists;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Location, flags, location};
use crate::error;
use crate::secret::SecretText;
use lists::{Kind, Names};

/// What `-l -w -b -f -F -I` ask for, the files that they name read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub location: Location,
    /// Every update that there is: `-w all`, or `update_all` in a bundle or as one.
    pub all: bool,
    /// `name` or `name=version`, of `-w` and the bundle, each once.
    pub packages: Vec<String>,
    /// Of `-F` and the fix list, each once.
    pub fixes: Vec<String>,
    /// `-I` as given; None: the manager's default.
    pub flags: Option<SecretText>,
    /// For people: the bundle's file.
    pub bundle: Option<PathBuf>,
    /// For people: the fix list's file.
    pub fix_bundle: Option<PathBuf>,
}

/// The values of the flags, as they were given.
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

/// The bundle that is no file: every update.
pub const UPDATE_ALL: &str = "update_all";

/// A list is a page or two, not a database.
const MOST: u64 = 1 << 20;

impl Wanted {
    /// Splits the values, reads the files that they name, and looks whether the location is one.
    ///
    /// # Errors
    /// ALT-107 and ALT-736 where a name cannot be one, ALT-118, ALT-122 and ALT-732 where the
    /// location cannot be one, ALT-737 for flags that cannot be used, ALT-741 where nothing is
    /// wanted.
    pub fn read(given: &Given) -> Result<Self> {
        let mut packages = Names::default();
        if let Some(value) = given.packages {
            packages.add(lists::value(Kind::Packages, "-w", value)?, Kind::Packages)?;
        }
        let bundle = given.bundle.filter(|b| !is_update_all(b));
        packages.all |= given.bundle.is_some_and(is_update_all);
        if let Some(file) = bundle {
            packages.add(lists::file(Kind::Packages, &text(file, "-b")?, file)?, Kind::Packages)?;
        }
        let mut fixes = Names::default();
        if let Some(value) = given.fixes {
            fixes.add(lists::value(Kind::Fixes, "-F", value)?, Kind::Fixes)?;
        }
        if let Some(file) = given.fix_bundle {
            fixes.add(lists::file(Kind::Fixes, &text(file, "-f")?, file)?, Kind::Fixes)?;
        }
        let location = location::parse(given.location)?;
        flags::parse(given.flags)?;
        if !packages.all && packages.names.is_empty() && fixes.names.is_empty() {
            return Err(error::NOTHING_WANTED.with_cause(format!(
                "-l {} is given, and nothing to install from there",
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

/// What a bundle (or a list of fixes) lists: whether it is every update, and the names.
///
/// # Errors
/// ALT-736 with the place, ALT-122 where the file cannot be read.
pub fn list_of(file: &Path, of_fixes: bool) -> Result<(bool, Vec<String>)> {
    let kind = if of_fixes { Kind::Fixes } else { Kind::Packages };
    lists::file(kind, &text(file, if of_fixes { "-f" } else { "-b" })?, file)
        .map(|n| (n.all, n.names))
}

/// Whether this value of `-b` means every update instead of a file.
pub fn is_update_all(value: &Path) -> bool {
    value == Path::new(UPDATE_ALL)
}

fn text(file: &Path, flag: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    // Opening a fifo waits.
    let read = match std::fs::metadata(file) {
        Ok(meta) if !meta.is_file() => {
            return Err(error::FILE_UNREADABLE
                .with_cause(format!("{} after {flag} is not a regular file", file.display())));
        }
        Ok(_) => File::open(file).and_then(|f| f.take(MOST + 1).read_to_end(&mut text)),
        Err(e) => Err(e),
    };
    read.map_err(|e| {
        error::FILE_UNREADABLE
            .with_cause(format!("{} after {flag} cannot be read: {e}", file.display()))
    })?;
    if text.len() as u64 > MOST {
        return Err(error::BAD_LIST.with_cause(format!(
            "{}: it is larger than {} KiB; that is not a list of names",
            file.display(),
            MOST >> 10
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
            "ALT-741: -l configured is given, and nothing to install from there"
        );
        assert_eq!(
            refused(&Given { bundle: Some(&large), ..alone }),
            format!(
                "ALT-736: {}: it is larger than 1024 KiB; that is not a list of names",
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
