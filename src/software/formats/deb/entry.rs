//! A package, parsed from its control file or from a paragraph of an index.

use std::path::{Path, PathBuf};

use super::control::Paragraph;
use crate::software::model::Available;

/// A package of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The name of the binary package.
    pub name: String,
    /// Its version, as in deb-version(7).
    pub version: String,
    /// Its architecture, or `all`.
    pub arch: String,
    /// The source package that it was built from, and that one's version.
    pub source: String,
    /// The version of the source package.
    pub source_version: String,
    /// The first line of the description.
    pub summary: String,
    /// Bytes of the package file.
    pub size: u64,
    /// Bytes when installed.
    pub installed_size: u64,
    /// Relative to the directory.
    pub file: PathBuf,
    /// Of a suite that is for packages named with their version
    /// ([`super::index::Suite::on_request`]).
    pub on_request: bool,
}

impl Entry {
    /// Parses a paragraph. Names and versions become words of command lines and of indexes, so they
    /// may contain only what deb-control(5) allows.
    ///
    /// # Errors
    /// The field that is missing or invalid, for users.
    pub fn parse(fields: &Paragraph, file: &Path) -> Result<Self, String> {
        let need = |field: &str, good: fn(&str) -> bool| match fields.get(field) {
            None => Err(format!("its control file has no {field}")),
            Some(value) if good(value) => Ok(value.to_owned()),
            Some(value) => Err(format!("its {field} cannot be `{}`", shortened(value))),
        };
        let (name, version, arch) = (
            need("Package", is_name)?,
            need("Version", is_version)?,
            need("Architecture", is_arch)?,
        );
        // `Source: linux (6.1.1-1)`; left out if it is the same.
        let source = fields.get("Source").unwrap_or(&name);
        let (source, source_version) = match source.split_once('(') {
            Some((source, version)) => (source.trim(), version.trim_end_matches(')').trim()),
            None => (source.trim(), version.as_str()),
        };
        let number =
            |field: &str| fields.get(field).and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
        Ok(Self {
            source: if is_name(source) { source } else { &name }.to_owned(),
            source_version: if is_version(source_version) { source_version } else { &version }
                .to_owned(),
            summary: shortened(
                fields.get("Description").unwrap_or_default().lines().next().unwrap_or_default(),
            ),
            size: number("Size"),
            // In KiB there.
            installed_size: number("Installed-Size").saturating_mul(1024),
            file: file.to_owned(),
            on_request: false,
            name,
            version,
            arch,
        })
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
            file: Some(dir.join(&self.file)),
            on_request: self.on_request,
        }
    }
}

/// At most 200 characters of a text.
fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

fn is_name(text: &str) -> bool {
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
}

fn is_version(text: &str) -> bool {
    text.len() <= 200
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-:~_".contains(&b))
}

fn is_arch(text: &str) -> bool {
    text.len() <= 50
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::formats::deb::control::first;

    #[test]
    fn fields_become_a_package() {
        let text = "Package: libssl3\nSource: openssl (3.0.22-1)\nVersion: 3.0.22-1+b1\nArchitecture: amd64\nInstalled-Size: 6000\n\
                    Size: 123\nDescription: Secure Sockets\n long text\n";
        let got = Entry::parse(&first(text.as_bytes()), Path::new("x.deb")).unwrap();
        assert_eq!((got.source.as_str(), got.source_version.as_str()), ("openssl", "3.0.22-1"));
        assert_eq!(
            (got.size, got.installed_size, got.summary.as_str()),
            (123, 6_144_000, "Secure Sockets")
        );
        let plain =
            Entry::parse(&first(b"Package: a\nVersion: 1\nArchitecture: all\n"), Path::new("x"))
                .unwrap();
        assert_eq!((plain.source.as_str(), plain.source_version.as_str()), ("a", "1"));
    }

    #[test]
    fn odd_names_do_not_pass() {
        for (name, version, arch, said) in [
            ("-y", "1", "all", "Package cannot be `-y`"),
            ("a b", "1", "all", "Package"),
            ("a", "$(reboot)", "all", "Version"),
            ("a", "1", "../x", "Architecture"),
            ("a", "-1", "all", "Version"),
        ] {
            let text = format!("Package: {name}\nVersion: {version}\nArchitecture: {arch}\n");
            let why = Entry::parse(&first(text.as_bytes()), Path::new("x")).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        assert!(
            Entry::parse(&first(b"Package: a\nArchitecture: all\n"), Path::new("x"))
                .unwrap_err()
                .contains("no Version")
        );
    }
}
