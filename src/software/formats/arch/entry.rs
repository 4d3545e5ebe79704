//! A package, parsed from its .PKGINFO or from the `desc` of a database, and written as a `desc`.

use std::path::{Path, PathBuf};

use crate::software::changes::Package;
use crate::software::model::Available;

/// A package of pacman's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `pkgname`.
    pub name: String,
    /// `[epoch:]version-release`.
    pub version: String,
    /// The architecture, or `any`.
    pub arch: String,
    /// The description; empty if there is none.
    pub summary: String,
    /// Bytes of the file, and when installed.
    pub size: u64,
    /// Size of the installed files in bytes.
    pub installed_size: u64,
    /// The package file, in the directory that was read; of a database of a repository that is
    /// elsewhere: its name.
    pub file: PathBuf,
    /// Other lists of the database, by their names there: DEPENDS, PROVIDES and so on.
    pub lists: Vec<(&'static str, Vec<String>)>,
}

/// Keys of .PKGINFO, and their names in `desc`.
const LISTS: [(&str, &str); 7] = [
    ("group", "GROUPS"),
    ("depend", "DEPENDS"),
    ("optdepend", "OPTDEPENDS"),
    ("conflict", "CONFLICTS"),
    ("provides", "PROVIDES"),
    ("replaces", "REPLACES"),
    ("license", "LICENSE"),
];

impl Entry {
    /// Parses a .PKGINFO: `key = value` lines.
    ///
    /// # Errors
    /// The field that is missing or invalid.
    pub fn parse_info(text: &str, file: &Path, size: u64) -> Result<Self, String> {
        let mut entry = Self { file: file.to_path_buf(), size, ..Self::default() };
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=').map(|(k, v)| (k.trim(), v.trim())) else {
                continue;
            };
            match key {
                _ if line.starts_with('#') => {}
                "pkgname" => entry.name = value.to_owned(),
                "pkgver" => entry.version = value.to_owned(),
                "arch" => entry.arch = value.to_owned(),
                "pkgdesc" => entry.summary = value.to_owned(),
                "size" => entry.installed_size = value.parse().unwrap_or(0),
                key => {
                    if let Some((_, list)) = LISTS.iter().find(|(k, _)| *k == key) {
                        entry.add(list, value);
                    }
                }
            }
        }
        entry.checked()
    }

    /// Parses a `desc`: `%KEY%`, then a value on each line, then an empty line.
    ///
    /// # Errors
    /// The field that is missing or invalid.
    pub fn parse_desc(text: &str) -> Result<Self, String> {
        let (mut entry, mut key) = (Self::default(), "");
        for line in text.lines() {
            if line.is_empty() {
                key = "";
            } else if key.is_empty() {
                key = line.strip_prefix('%').and_then(|l| l.strip_suffix('%')).unwrap_or_default();
            } else {
                match key {
                    "NAME" => entry.name = line.to_owned(),
                    "VERSION" => entry.version = line.to_owned(),
                    "ARCH" => entry.arch = line.to_owned(),
                    "DESC" => entry.summary = line.to_owned(),
                    "FILENAME" => entry.file = line.into(),
                    "CSIZE" => entry.size = line.parse().unwrap_or(0),
                    // In repositories, and in the database of installed packages.
                    "ISIZE" | "SIZE" => entry.installed_size = line.parse().unwrap_or(0),
                    key => {
                        if let Some((_, list)) = LISTS.iter().find(|(_, k)| *k == key) {
                            entry.add(list, line);
                        }
                    }
                }
            }
        }
        entry.checked()
    }

    fn add(&mut self, list: &'static str, value: &str) {
        match self.lists.iter_mut().find(|(k, _)| *k == list) {
            Some((_, values)) => values.push(value.to_owned()),
            None => self.lists.push((list, vec![value.to_owned()])),
        }
    }

    /// Names become words of a command line and paths: only those that pacman itself allows are
    /// taken.
    fn checked(self) -> Result<Self, String> {
        let name = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
        if self.name.is_empty() || self.version.is_empty() {
            return Err("it has no name and version".to_owned());
        }
        if self.name.starts_with(['-', '.']) || !self.name.chars().all(name) {
            return Err("its name is invalid".to_owned());
        }
        if !self.version.chars().all(|c| name(c) || c == ':' || c == '~') {
            return Err("its version is invalid".to_owned());
        }
        Ok(self)
    }

    /// The values of one list.
    pub fn list(&self, key: &str) -> &[String] {
        self.lists.iter().find(|(k, _)| *k == key).map_or(&[], |(_, v)| v.as_slice())
    }

    /// Its `desc` in a database.
    pub fn desc(&self) -> String {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (size, installed) = (self.size.to_string(), self.installed_size.to_string());
        let one = |key: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("%{key}%\n{value}\n\n") }
        };
        let mut text = [
            ("FILENAME", file.as_str()),
            ("NAME", &self.name),
            ("VERSION", &self.version),
            ("DESC", &self.summary),
            ("CSIZE", &size),
            ("ISIZE", &installed),
            ("ARCH", &self.arch),
        ]
        .map(|(key, value)| one(key, value))
        .concat();
        for (key, values) in &self.lists {
            text.push_str(&one(key, &values.join("\n")));
        }
        text
    }

    /// The package, where it is installed.
    pub fn package(&self) -> Package {
        Package { name: self.name.clone(), version: self.version.clone(), arch: self.arch.clone() }
    }

    /// The package as `dir`, which was read, offers it.
    pub fn available(&self, dir: &Path) -> Available {
        Available {
            name: self.name.clone(),
            version: self.version.clone(),
            arch: self.arch.clone(),
            summary: self.summary.clone(),
            size: self.size,
            installed_size: self.installed_size,
            file: (!self.file.as_os_str().is_empty()).then(|| dir.join(&self.file)),
            ..Available::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Generated by makepkg 6.0.2\npkgname = zlib\npkgbase = zlib\npkgver = 1:1.3.1-2\npkgdesc = Compression library = small\n\
                        url = https://www.zlib.net/\nsize = 345012\narch = x86_64\nlicense = Zlib\ndepend = glibc\ndepend = bash>=5\nprovides = libz.so=1-64\n";

    #[test]
    fn from_a_package_into_a_database_and_back() {
        let entry =
            Entry::parse_info(INFO, Path::new("core/zlib-1:1.3.1-2-x86_64.pkg.tar.zst"), 99)
                .unwrap();
        assert_eq!(
            (entry.name.as_str(), entry.version.as_str(), entry.installed_size),
            ("zlib", "1:1.3.1-2", 345_012)
        );
        assert_eq!(entry.summary, "Compression library = small");
        assert_eq!(entry.list("DEPENDS"), ["glibc", "bash>=5"]);
        let back = Entry::parse_desc(&entry.desc()).unwrap();
        assert_eq!(back, Entry { file: "zlib-1:1.3.1-2-x86_64.pkg.tar.zst".into(), ..entry });
    }

    #[test]
    fn names_that_are_none() {
        let told = |name: &str, version: &str| {
            Entry::parse_info(&format!("pkgname = {name}\npkgver = {version}\n"), Path::new("x"), 0)
                .unwrap_err()
        };
        assert_eq!(told("", "1"), "it has no name and version");
        for name in ["-Rdd", "../x", "a b", "a/b", "x\u{1b}"] {
            assert_eq!(told(name, "1"), "its name is invalid", "{name}");
        }
        assert_eq!(told("x", "1/2"), "its version is invalid");
    }
}
