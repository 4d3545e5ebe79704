//! A package file: the parts of its header that are needed here.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::error;

use super::header::{self, Header, tag};
use super::version;

/// Bytes of a path that the kernel takes (PATH_MAX).
const MAX_PATH: usize = 4096;

/// A dependency of a package: required, provided, conflicting and so on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// A package, a capability, a file, or a whole condition in parentheses.
    pub name: String,
    /// RPMSENSE_ bits of rpmds.h.
    pub flags: u64,
    /// `[epoch:]version[-release]`, empty where any will do.
    pub version: String,
}

impl Dependency {
    const LESS: u64 = 1 << 1;
    const GREATER: u64 = 1 << 2;
    const EQUAL: u64 = 1 << 3;
    /// PREREQ, SCRIPT_PRE and SCRIPT_POST: needed before the package's scripts run.
    const BEFORE: u64 = 1 << 6 | 1 << 9 | 1 << 10;
    /// A feature of rpm itself.
    const RPMLIB: u64 = 1 << 24;

    /// `LT`, `LE`, `EQ`, `GE`, `GT`, as repodata write it; None without a version.
    pub fn relation(&self) -> Option<&'static str> {
        match self.flags & (Self::LESS | Self::GREATER | Self::EQUAL) {
            Self::LESS => Some("LT"),
            Self::GREATER => Some("GT"),
            Self::EQUAL => Some("EQ"),
            n if n == Self::LESS | Self::EQUAL => Some("LE"),
            n if n == Self::GREATER | Self::EQUAL => Some("GE"),
            _ => None,
        }
    }

    /// Whether the scripts of the package need it.
    pub fn is_needed_by_scripts(&self) -> bool {
        self.flags & Self::BEFORE != 0
    }

    /// Whether rpm itself satisfies it.
    pub fn is_for_rpm_itself(&self) -> bool {
        self.flags & Self::RPMLIB != 0 || self.name.starts_with("rpmlib(")
    }
}

/// An entry of a package's changelog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who, and in which version: `A B <a@b.c> - 1:2.0-1`.
    pub author: String,
    /// The text of the entry.
    pub text: String,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The full path.
    pub path: String,
    /// It is a directory.
    pub directory: bool,
    /// Owned by the package, but not in it.
    pub ghost: bool,
}

/// A package's header.
#[derive(Clone, Debug)]
pub struct Package {
    /// The name.
    pub name: String,
    /// The epoch; `0` if it has none.
    pub epoch: String,
    /// The version.
    pub version: String,
    /// The release.
    pub release: String,
    /// The architecture, or `noarch`.
    pub arch: String,
    /// It is a source package.
    pub source: bool,
    /// The whole header.
    pub header: Header,
    /// The byte range of the header in the file.
    pub range: (u64, u64),
}

impl Package {
    /// Reads a package file's header; the payload is not looked at.
    ///
    /// # Errors
    /// Why it is not a package, or is damaged.
    pub fn read(file: &Path) -> Result<Self, String> {
        // A fifo or a device of that name would keep us waiting.
        match std::fs::metadata(file) {
            Ok(meta) if !meta.is_file() => return Err("it is not a regular file".to_owned()),
            _ => {}
        }
        Self::parse(&mut BufReader::new(File::open(file).map_err(|e| error::text_of(&e))?))
    }

    /// Parses a package; the payload is not read.
    ///
    /// # Errors
    /// As [`Package::read`].
    pub fn parse(from: &mut impl std::io::Read) -> Result<Self, String> {
        let header::Lead { source, header, range } = header::read(from)?;
        let needed = |tag: u32, what: &str| match header.text(tag) {
            Some(text)
                if !text.is_empty() && text.len() <= 256 && !text.contains(char::is_whitespace) =>
            {
                Ok(text)
            }
            _ => Err(format!("its header has no {what}")),
        };
        let (name, version) = (needed(tag::NAME, "name")?, needed(tag::VERSION, "version")?);
        let (release, arch) =
            (needed(tag::RELEASE, "release")?, needed(tag::ARCH, "architecture")?);
        let epoch = header.number(tag::EPOCH).unwrap_or(0).to_string();
        // Old tools marked source packages in the lead only, new ones leave out the name of their
        // own source.
        let source = source || header.text(tag::SOURCE_RPM).is_none_or(|s| s.is_empty());
        Ok(Self { name, epoch, version, release, arch, source, header, range })
    }

    /// `[epoch:]version-release`.
    pub fn evr(&self) -> String {
        version::format_evr(&self.epoch, &self.version, &self.release)
    }

    /// Bytes of its files when it is installed.
    pub fn installed_size(&self) -> u64 {
        self.header.number(tag::LONG_SIZE).or_else(|| self.header.number(tag::SIZE)).unwrap_or(0)
    }

    /// The dependencies of a kind, one of the triples in [`tag`].
    pub fn dependencies(&self, kind: [u32; 3]) -> Vec<Dependency> {
        let [names, flags, versions] = kind;
        let (flags, versions) = (self.header.numbers(flags), self.header.texts(versions));
        let one = |(n, name)| Dependency {
            name,
            flags: flags.get(n).copied().unwrap_or(0),
            version: versions.get(n).cloned().unwrap_or_default(),
        };
        self.header
            .texts(names)
            .into_iter()
            .enumerate()
            .map(one)
            .filter(|d| !d.name.is_empty())
            .collect()
    }

    /// Its files and directories.
    pub fn files(&self) -> Vec<Owned> {
        let (bases, dirs) = (self.header.texts(tag::BASE_NAMES), self.header.texts(tag::DIR_NAMES));
        let indexes = self.header.numbers(tag::DIR_INDEXES);
        let (modes, flags) =
            (self.header.numbers(tag::FILE_MODES), self.header.numbers(tag::FILE_FLAGS));
        let path = |(n, base): (usize, String)| {
            let dir = usize::try_from(*indexes.get(n)?).ok().and_then(|at| dirs.get(at))?;
            // One long directory for very many files would be a small package and a large list.
            if dir.len() + base.len() > MAX_PATH {
                return None;
            }
            Some((n, format!("{dir}{base}")))
        };
        let mut paths: Vec<(usize, String)> =
            bases.into_iter().enumerate().filter_map(path).collect();
        if paths.is_empty() {
            paths = self.header.texts(tag::OLD_FILE_NAMES).into_iter().enumerate().collect();
        }
        let owned = |(n, path): (usize, String)| Owned {
            path,
            directory: modes.get(n).is_some_and(|m| m & 0o170_000 == 0o040_000),
            ghost: flags.get(n).is_some_and(|f| f & (1 << 6) != 0),
        };
        paths.into_iter().map(owned).collect()
    }

    /// Its changelog, newest first.
    pub fn changelog(&self) -> Vec<Change> {
        let (authors, texts) =
            (self.header.texts(tag::CHANGELOG_NAME), self.header.texts(tag::CHANGELOG_TEXT));
        authors.into_iter().zip(texts).map(|(author, text)| Change { author, text }).collect()
    }
}
