//! System images: below the directory of images, what is mounted below /mnt and
//! /media, and a directory that is named.
//!
//! Only the beginning of each file is read, where an image of ours says what it is. Other archives
//! are listed by their names alone: what they hold is known only after reading all of them. All
//! that an image says is shown as text that no terminal obeys.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::rows::{Row, WIDTH, truncate_text};
use crate::engine::paths::STATE;
use crate::error;
use crate::host::clock;
use crate::image::archive::Archive;
use crate::image::manifest::Manifest;
use crate::text::printable;
use crate::text::size::format_size;

/// Levels of directories that are searched.
const MAX_DEPTH: usize = 4;
/// A file system may be large, or far away: the search ends after this time, and after so many
/// files.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_FILES: usize = 20_000;
/// Columns of the path, where it fits.
const PATH: usize = 36;

/// The heading of the columns.
pub fn heading() -> String {
    format_columns("IMAGE", "SIZE", "HOST", "LEVEL", "MADE")
}

/// Where images are by themselves.
pub fn directory() -> PathBuf {
    Path::new(STATE).join("images")
}

/// The images in the usual places and below `more`, newest first.
pub fn rows(more: Option<&Path>) -> Vec<Row> {
    let mut places = vec![directory(), "/mnt".into(), "/media".into()];
    // A file that is named already stands in its directory.
    let named = more.map(|p| if p.is_dir() { p } else { p.parent().unwrap_or(p) });
    // The whole system is no place to search.
    places.extend(named.filter(|p| p.is_absolute() && *p != Path::new("/")).map(Path::to_path_buf));
    places.sort();
    search(&places)
}

fn search(places: &[PathBuf]) -> Vec<Row> {
    let mut search = Search { begun: Instant::now(), seen: 0, found: vec![] };
    let mut last: Option<&PathBuf> = None;
    for place in places {
        if last.is_none_or(|l| !place.starts_with(l)) {
            search.directory(place, MAX_DEPTH);
            last = Some(place);
        }
    }
    let all = search.goes_on();
    search.found.sort_by(|a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    let mut rows: Vec<Row> = search.found.into_iter().map(|(_, _, row)| row).collect();
    if !all {
        let text = "Not everything was looked through: there is too much of it. Name a directory."
            .to_owned();
        rows.push(Row { text, refused: true, notes: vec![] });
    }
    rows
}

struct Search {
    begun: Instant,
    seen: usize,
    /// When it was made or changed (seconds since the epoch), its path, its row.
    found: Vec<(u64, PathBuf, Row)>,
}

impl Search {
    fn goes_on(&self) -> bool {
        self.seen < MAX_FILES && self.begun.elapsed() < SEARCH_TIMEOUT
    }

    fn directory(&mut self, dir: &Path, deep: usize) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        let mut below = vec![];
        for entry in entries.flatten() {
            self.seen += 1;
            if !self.goes_on() {
                return;
            }
            // Not through symbolic links: they lead in circles, or to what is listed elsewhere.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => below.push(entry.path()),
                Ok(kind) if kind.is_file() => self.file(entry.path()),
                _ => {}
            }
        }
        if deep > 1 {
            below.sort();
            below.iter().for_each(|dir| self.directory(dir, deep - 1));
        }
    }

    fn file(&mut self, path: PathBuf) {
        let Ok(meta) = fs::metadata(&path) else { return };
        let Some(kind) = kind(&path) else { return };
        let head = match kind {
            Kind::Archive => None,
            Kind::Image => match Archive::open(&path) {
                Ok(archive) => archive.head.manifest.map(Ok),
                Err(e) => Some(Err(error::chain_of(&e))),
            },
        };
        let changed = u64::try_from(meta.mtime()).unwrap_or(0);
        let made = head.as_ref().and_then(|h| h.as_ref().ok()).map_or(changed, |m| m.made_secs);
        let row = row(&path, meta.len(), head.as_ref().map(|h| h.as_ref().map_err(String::as_str)));
        self.found.push((made, path, row));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It may be one of ours: the name or the beginning says so.
    Image,
    /// An archive by its name.
    Archive,
}

/// By name and first bytes; None: no image.
fn kind(path: &Path) -> Option<Kind> {
    let mut first = Vec::new();
    File::open(path).ok()?.take(512).read_to_end(&mut first).ok()?;
    let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().to_lowercase();
    let archive = [".tar", ".tgz", ".txz", ".tzst", ".tar.gz", ".tar.xz", ".tar.zst"]
        .iter()
        .any(|end| name.ends_with(end));
    // Our own frames of zstd, and the name of our first member in a tar.
    let ours = first.starts_with(&[0x50, 0x2a, 0x4d, 0x18]) || first.starts_with(b"image.data\0");
    let packed = [&[0x1f, 0x8b][..], &[0x28, 0xb5, 0x2f, 0xfd], b"\xfd7zXZ\0"]
        .iter()
        .any(|magic| first.starts_with(magic));
    let tar = first.get(257..262) == Some(b"ustar");
    match () {
        () if ours || (packed || tar) && name.contains("mksysb") => Some(Kind::Image),
        () if archive && (packed || tar) => Some(Kind::Archive),
        () => None,
    }
}

fn row(path: &Path, size: u64, head: Option<Result<&Manifest, &str>>) -> Row {
    let shown = printable(&path.to_string_lossy(), false);
    let mut notes = vec![];
    // The first word of a line is the value.
    let mut refused = false;
    if shown.contains(char::is_whitespace) || path.to_str().is_none_or(|p| p != shown) {
        refused = true;
        notes.push("There are blanks or the like in its name: type it into the field.".to_owned());
    }
    let (host, level, made) = match head {
        Some(Ok(m)) => (m.system.host.clone(), m.system.level.clone(), clock::day(m.made_secs)),
        _ => (String::new(), String::new(), String::new()),
    };
    match head {
        Some(Ok(m)) => {
            if m.system.architecture != std::env::consts::ARCH && !m.system.architecture.is_empty()
            {
                refused = true;
                notes.push(format!(
                    "It is for {}, this machine is {}.",
                    plain(&m.system.architecture),
                    std::env::consts::ARCH
                ));
            }
            let about = [plain(&m.system.name), format!("{} of files", format_size(m.bytes))];
            notes.push(
                about.iter().filter(|a| !a.is_empty()).cloned().collect::<Vec<_>>().join(", "),
            );
        }
        Some(Err(why)) => {
            refused = true;
            notes.push(plain(why));
        }
        None => notes.push(
            "The archive has no description: all of it is read before it is installed.".to_owned(),
        ),
    }
    let text = if shown.chars().count() <= PATH {
        format_columns(&shown, &format_size(size), &plain(&host), &plain(&level), &made)
    } else {
        let told = [format_size(size), plain(&host), plain(&level), made];
        notes.insert(
            0,
            told.iter().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>().join("  "),
        );
        shown
    };
    Row { text, refused, notes }
}

fn format_columns(path: &str, size: &str, host: &str, level: &str, made: &str) -> String {
    let or = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    format!(
        "{path:<PATH$} {size:>8} {:<8} {:<7} {}",
        truncate_text(&or(host), 8),
        truncate_text(&or(level), 7),
        or(made)
    )
}

/// In short and harmless words.
fn plain(text: &str) -> String {
    truncate_text(&printable(text, false), WIDTH * 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::manifest::System;

    fn manifest(host: &str, architecture: &str) -> Manifest {
        let system = System {
            host: host.into(),
            level: "12.11.0".into(),
            architecture: architecture.into(),
            name: "Debian GNU/Linux 12 (bookworm)".into(),
            ..System::default()
        };
        Manifest { made_secs: 1_700_000_000, bytes: 3 << 29, system, ..Manifest::default() }
    }

    #[test]
    fn lines() {
        let here = std::env::consts::ARCH;
        let (m, other) = (manifest("alpha", here), manifest("a\x1b[2J name that is long", "vax"));
        let name = "/mnt/backup/2026/november/a-rather-long-name.mksysb";
        let rows = [
            row(Path::new("/mnt/alpha.mksysb"), 500 << 20, Some(Ok(&m))),
            row(Path::new(name), 500 << 20, Some(Ok(&m))),
            row(Path::new("/mnt/b"), 1 << 20, Some(Ok(&other))),
            row(Path::new("/mnt/c.tar.xz"), 77, None),
            row(Path::new("/mnt/a b"), 77, Some(Err("ALT-634 it ends too early"))),
        ];
        let day = clock::day(1_700_000_000);
        assert_eq!(
            super::super::rows::format_list(&heading(), &rows),
            format!(
                "#IMAGE                                    SIZE HOST     LEVEL   MADE\n\
                 /mnt/alpha.mksysb                     500 MiB alpha    12.11.0 {day}\n\
                 #    Debian GNU/Linux 12 (bookworm), 1.5 GiB of files\n\
                 {name}\n\
                 #    500 MiB  alpha  12.11.0  {day}\n\
                 #    Debian GNU/Linux 12 (bookworm), 1.5 GiB of files\n\
                 !/mnt/b                                  1 MiB a\\x1b[.. 12.11.0 {day}\n\
                 #    It is for vax, this machine is {here}.\n\
                 #    Debian GNU/Linux 12 (bookworm), 1.5 GiB of files\n\
                 /mnt/c.tar.xz                            77 B -        -       -\n\
                 #    The archive has no description: all of it is read before it is\n\
                 #    installed.\n\
                 !/mnt/a b                                 77 B -        -       -\n\
                 #    There are blanks or the like in its name: type it into the field.\n\
                 #    ALT-634 it ends too early\n"
            )
        );
    }

    #[test]
    fn what_counts_as_an_image() {
        let dir = tempfile::tempdir().unwrap();
        let made = |name: &str, bytes: &[u8]| {
            fs::write(dir.path().join(name), bytes).unwrap();
            kind(&dir.path().join(name))
        };
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(made("x", b"\x50\x2a\x4d\x18\x04\0\0\0"), Some(Kind::Image));
        assert_eq!(made("y", &[b"image.data\0".as_slice(), &[0; 501]].concat()), Some(Kind::Image));
        assert_eq!(made("alpha.mksysb", &tar), Some(Kind::Image));
        assert_eq!(made("root.tar", &tar), Some(Kind::Archive));
        assert_eq!(made("root.tar.xz", b"\xfd7zXZ\0..."), Some(Kind::Archive));
        assert_eq!(
            (made("log.gz", &[0x1f, 0x8b, 8]), made("notes.tar", b"text"), made("empty.tar", b"")),
            (None, None, None)
        );
    }

    #[test]
    fn searches_below_and_comes_to_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("1/2/3/4/5");
        fs::create_dir_all(&deep).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("1/round")).unwrap();
        let gz = [0x1f, 0x8b, 8, 0];
        for at in ["a.tar.gz", "1/2/3/b.tar.gz", "1/2/3/4/5/too-deep.tar.gz"] {
            fs::write(dir.path().join(at), gz).unwrap();
        }
        // A place below another is searched once.
        let rows = search(&[dir.path().to_path_buf(), dir.path().join("1")]);
        let names: Vec<&str> = rows
            .iter()
            .map(|r| r.text.rsplit('/').next().unwrap().split(' ').next().unwrap())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names.contains(&"a.tar.gz") && names.contains(&"b.tar.gz"), "{names:?}");
    }
}
