//! `-l`: the location of packages.
//!
//! A directory, a device or an image of a file system, a URL, or `configured`. Whether there are
//! packages is left to [`super::formats`] and the managers. Here a location is refused that cannot
//! contain any, with a remedy.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::error;
use crate::secret::SecretText;
use crate::text::printable;

/// As `-l` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// A directory of packages, or one that is a repository.
    Directory(PathBuf),
    /// A block device or a file with a file system (an ISO image): mounted read-only while it is
    /// read.
    Device(PathBuf),
    /// A repository: its URL, and for apt the suite and components where they are given
    /// (`http://.../debian bookworm main`).
    Url { url: SecretText, rest: Vec<String> },
    /// `configured`: the repositories that the alternate itself is configured with.
    Configured,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) | Self::Device(path) => {
                f.write_str(&printable(&path.to_string_lossy(), false))
            }
            Self::Url { url, rest } => {
                write!(f, "{url}{}", rest.iter().map(|w| format!(" {w}")).collect::<String>())
            }
            Self::Configured => f.write_str("configured"),
        }
    }
}

/// The value for the repositories of the copy itself.
pub const CONFIGURED: &str = "configured";
const SCHEMES: [&str; 3] = ["http://", "https://", "ftp://"];
/// The scheme of URLs that mean a directory of this machine.
const FILE: &str = "file://";

/// Parses the value of `-l`.
///
/// # Errors
/// ALT-118 if it is neither a full path nor one of the other forms, ALT-122 if it does not exist,
/// ALT-107 for an invalid URL, ALT-732 for a file that cannot contain packages.
pub fn parse(value: &str) -> Result<Location> {
    let value = value.trim();
    if value == CONFIGURED {
        return Ok(Location::Configured);
    }
    match value.split_once("://") {
        Some((scheme, _))
            if scheme.chars().all(|c| c.is_ascii_alphabetic()) && !scheme.is_empty() =>
        {
            parse_url(value)
        }
        _ => parse_path(Path::new(value)),
    }
}

fn parse_url(value: &str) -> Result<Location> {
    let wrong = |why: String| {
        let cause = format!("`{}` after -l is not a repository: {why}", printable(value, false));
        error::BAD_VALUE.with_remedy(
            cause,
            "write it as in -l https://host/path, and for apt with suite and components: -l 'https://host/debian bookworm main'",
        )
    };
    let mut words = value.split_whitespace();
    let url = words.next().unwrap_or_default();
    let rest: Vec<String> = words.map(str::to_owned).collect();
    let lower = url.to_ascii_lowercase();
    if let Some(dir) = lower.strip_prefix(FILE).map(|_| &url[FILE.len()..]) {
        return match dir.starts_with('/') && rest.is_empty() && !dir.contains('%') {
            true => parse_path(Path::new(dir)),
            false => Err(error::BAD_VALUE.with_remedy(
                format!("`{}` after -l is not the URL of a directory", printable(value, false)),
                "give the full path of a directory on this machine, such as -l /updates",
            )),
        };
    }
    let Some(scheme) = SCHEMES.iter().find(|s| lower.starts_with(*s)) else {
        return Err(wrong("only http, https, ftp and file are understood".into()));
    };
    let plain =
        |text: &str| text.chars().all(|c| c.is_ascii_graphic() && !"\"'`<>\\{}|^".contains(c));
    let place = &url[scheme.len()..];
    if place.is_empty() || place.starts_with('/') {
        return Err(wrong("the name of the machine is missing".into()));
    }
    if !plain(url) {
        return Err(wrong("there are characters in it that no URL has".into()));
    }
    let word = |w: &str| {
        !w.starts_with('-') && w.chars().all(|c| c.is_ascii_alphanumeric() || "._/+-".contains(c))
    };
    if let Some(other) = rest.iter().find(|w| !word(w)) {
        return Err(wrong(format!("`{}` is not a suite or component", printable(other, false))));
    }
    Ok(Location::Url { url: url.into(), rest })
}

fn parse_path(path: &Path) -> Result<Location> {
    let shown = printable(&path.to_string_lossy(), false);
    if !path.is_absolute() {
        let cause = format!("`{shown}` after -l is not a full path name");
        let here = std::env::current_dir().unwrap_or_default().join(path);
        return Err(match here.exists() && !path.as_os_str().is_empty() {
            true => error::FULL_PATH.with_remedy(cause, format!("write -l {}", crate::text::shell::quote(here.as_os_str()))),
            false => error::FULL_PATH.with_remedy(
                cause,
                "give a directory, a device or the image of a medium by its full path, the URL of a repository, or `configured`",
            ),
        });
    }
    let unreadable = |e: std::io::Error| {
        error::FILE_UNREADABLE
            .with_cause(format!("{shown} after -l cannot be read: {}", error::text_of(&e)))
    };
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    let kind = path_kind(path, &meta).map_err(unreadable)?;
    let refuse = |why: &str, remedy: String| {
        Err(error::BAD_LOCATION.with_remedy(format!("{shown} {why}"), remedy))
    };
    match kind {
        PathKind::Directory => Ok(Location::Directory(path.to_path_buf())),
        PathKind::Device => Ok(Location::Device(path.to_path_buf())),
        PathKind::Tape => refuse(
            "is a tape or another character device, and packages cannot be installed from one as it is",
            format!("read it into a directory first (`tar -C DIRECTORY -xf {shown}`), and give that directory after -l"),
        ),
        PathKind::Package => {
            let dir = path.parent().unwrap_or(path).display().to_string();
            refuse(
                "is a single file",
                format!("give the directory that holds the packages (-l {}), and -w for what to install", printable(&dir, false)),
            )
        }
        PathKind::Other => refuse(
            "is neither a directory, nor a device, nor the image of a medium",
            "give a directory of packages, a device or an ISO image, the URL of a repository, or `configured` after -l".into(),
        ),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathKind {
    Directory,
    Device,
    Tape,
    /// A package or an archive: perhaps its directory was meant.
    Package,
    Other,
}

fn path_kind(path: &Path, meta: &Metadata) -> std::io::Result<PathKind> {
    let kind = meta.file_type();
    if kind.is_dir() {
        return Ok(PathKind::Directory);
    }
    if kind.is_block_device() {
        return Ok(PathKind::Device);
    }
    if kind.is_char_device() {
        return Ok(PathKind::Tape);
    }
    if !kind.is_file() {
        return Ok(PathKind::Other);
    }
    if holds_file_system(&File::open(path)?) {
        return Ok(PathKind::Device);
    }
    let name = path.to_string_lossy().to_lowercase();
    let package = [".deb", ".rpm", ".tar", ".zst", ".xz", ".gz", ".bz2", ".zip", ".bnd", ".bundle"]
        .iter()
        .any(|end| name.ends_with(end));
    Ok(if package { PathKind::Package } else { PathKind::Other })
}

/// By the marks that file systems have at their places: ISO 9660 and UDF, ext2 to ext4, XFS, btrfs,
/// squashfs, erofs, FAT.
fn holds_file_system(file: &File) -> bool {
    const MARKS: [(u64, &[u8]); 12] = [
        (0x8001, b"CD001"),
        (0x8001, b"BEA01"),
        (0x438, &[0x53, 0xef]),
        (0, b"XFSB"),
        (0x10040, b"_BHRfS_M"),
        (0, b"hsqs"),
        (0x400, &[0xe2, 0xe1, 0xf5, 0xe0]),
        (0x36, b"FAT1"),
        (0x52, b"FAT32"),
        (0x8801, b"NSR02"),
        (0x8801, b"NSR03"),
        (3, b"EXFAT   "),
    ];
    MARKS.iter().any(|(at, mark)| {
        let mut here = [0; 8];
        let here = &mut here[..mark.len()];
        file.read_exact_at(here, *at).is_ok() && here == *mark
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(value: &str) -> String {
        match parse(value) {
            Ok(location) => format!("{location:?}"),
            Err(e) => error::find(&e).unwrap().to_string(),
        }
    }

    #[test]
    fn urls() {
        let at = |url: &str, rest: &str| {
            format!(
                "Url {{ url: {url:?}, rest: {:?} }}",
                rest.split_whitespace().collect::<Vec<_>>()
            )
        };
        let no = |value: &str, why: &str| {
            format!("ALT-107: `{value}` after -l is not a repository: {why}")
        };
        let table = [
            ("http://deb.example.org/debian", at("http://deb.example.org/debian", "")),
            (" HTTPS://h/d  bookworm main contrib ", at("HTTPS://h/d", "bookworm main contrib")),
            ("ftp://h/d ./", at("ftp://h/d", "./")),
            ("http://h/d bookworm-security/updates", at("http://h/d", "bookworm-security/updates")),
            ("http://", no("http://", "the name of the machine is missing")),
            ("http:///x", no("http:///x", "the name of the machine is missing")),
            ("nfs://h/x", no("nfs://h/x", "only http, https, ftp and file are understood")),
            ("http://h/\"x", no("http://h/\"x", "there are characters in it that no URL has")),
            (
                "http://h/d [trusted=yes]",
                no("http://h/d [trusted=yes]", "`[trusted=yes]` is not a suite or component"),
            ),
            ("http://h/d -x", no("http://h/d -x", "`-x` is not a suite or component")),
            ("file:///", "Directory(\"/\")".into()),
            ("file://h/x", "ALT-107: `file://h/x` after -l is not the URL of a directory".into()),
            (
                "file:///usr bookworm",
                "ALT-107: `file:///usr bookworm` after -l is not the URL of a directory".into(),
            ),
            ("configured", "Configured".into()),
        ];
        for (value, want) in table {
            assert_eq!(outcome(value), want, "{value}");
        }
    }

    #[test]
    fn what_is_on_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let mut iso = vec![0; 0x8010];
        iso[0x8001..0x8006].copy_from_slice(b"CD001");
        let mut ext = vec![0; 0x500];
        ext[0x438..0x43a].copy_from_slice(&[0x53, 0xef]);
        for (name, bytes) in [("a.iso", &iso), ("ext.img", &ext)] {
            let path = make(name, bytes);
            assert_eq!(parse(&path).unwrap(), Location::Device(path.into()), "{name}");
        }
        let place = dir.path().to_str().unwrap();
        assert_eq!(parse(place).unwrap(), Location::Directory(place.into()));
        let (deb, notes) = (make("x_1_all.deb", b"!<arch>\n"), make("notes", b"text"));
        assert_eq!(outcome(&deb), format!("ALT-732: {deb} is a single file"));
        assert_eq!(
            outcome(&notes),
            format!(
                "ALT-732: {notes} is neither a directory, nor a device, nor the image of a medium"
            )
        );
        assert!(
            outcome("/dev/null")
                .starts_with("ALT-732: /dev/null is a tape or another character device")
        );
        assert!(
            outcome("/no/such")
                .starts_with("ALT-122: /no/such after -l cannot be read: No such file")
        );
        assert_eq!(outcome("rmt0"), "ALT-118: `rmt0` after -l is not a full path name");
        assert_eq!(outcome(""), "ALT-118: `` after -l is not a full path name");
    }
}
