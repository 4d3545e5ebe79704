//! Reading a whole image without unpacking it: every checksum (`--check`), every name (`--list`).

use std::path::Path;

use anyhow::Result;

use super::archive::Archive;
use super::sums::{Computed, FileHash};
use crate::archive::tar::{Kind, Member};
use crate::text::path::show_path;

/// The contents of a complete and undamaged image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Members that are files of the system, and their bytes of content (holes not counted).
    pub files: u64,
    pub bytes: u64,
    /// Regular files whose checksum was compared; 0 for an archive that is not ours, of which only
    /// the form can be checked.
    pub checked: u64,
}

/// Reads the whole archive and compares everything that can be compared: headers, checksums, the
/// end. `each` is called for every member (and may call off by an error), `spool` is a directory on
/// disk where checksums are kept meanwhile, 56 bytes a file.
///
/// # Errors
/// ALT-633 to 638, 642; what `each` says.
pub fn verify(
    archive: &mut Archive,
    spool: &Path,
    mut each: impl FnMut(&Member) -> Result<()>,
) -> Result<Verified> {
    let computed = if archive.head.manifest.is_some() { Some(Computed::new(spool)?) } else { None };
    let mut found = Verified::default();
    while let Some(m) = archive.next()? {
        each(&m)?;
        found.files += 1;
        found.bytes = found.bytes.saturating_add(m.stored);
        // What nobody compares is read all the same, by the next step of the archive.
        if let Some(computed) = computed.as_ref().filter(|_| m.is_regular()) {
            let mut hash = FileHash::new(m.size, m.map.as_deref());
            while let Some(piece) = archive.piece()? {
                hash.update(&piece);
            }
            computed.add(archive.regular().saturating_sub(1), &m.path, m.offset, &hash.finish())?;
        }
    }
    found.checked = archive.finish(computed.as_ref())?;
    Ok(found)
}

/// Names every member, one line each. The archive is read to its end.
///
/// # Errors
/// As [`Archive::next`]; what `print` says.
pub fn list(archive: &mut Archive, mut print: impl FnMut(&str) -> Result<()>) -> Result<()> {
    while let Some(m) = archive.next()? {
        print(&line(&m))?;
    }
    archive.finish(None).map(drop)
}

/// The line of one member as `tar --numeric-owner --utc -tv` has it: mode, owner, size (or device),
/// time, name. No name commands the terminal.
pub fn line(member: &Member) -> String {
    let (kind, what, more) = match &member.kind {
        Kind::Regular => ('-', member.size.to_string(), String::new()),
        Kind::Directory => ('d', "0".to_owned(), String::new()),
        Kind::HardLink(to) => ('h', "0".to_owned(), format!(" link to {}", show_path(to))),
        Kind::Symlink(to) => ('l', "0".to_owned(), format!(" -> {}", show_path(to))),
        Kind::Char(major, minor) => ('c', format!("{major},{minor}"), String::new()),
        Kind::Block(major, minor) => ('b', format!("{major},{minor}"), String::new()),
        Kind::Fifo => ('p', "0".to_owned(), String::new()),
    };
    let owner = format!("{}/{}", member.uid, member.gid);
    let width = 19usize.saturating_sub(owner.len() + 1).max(what.len());
    let time = utc(member.mtime.secs);
    format!(
        "{kind}{} {owner} {what:>width$} {time} {}{more}",
        permissions(member.mode),
        show_path(&member.path)
    )
}

/// `rwsr-x--t`
fn permissions(mode: u32) -> String {
    let bit = |bit: u32, c: char| if mode & bit != 0 { c } else { '-' };
    let run = |bit: u32, special: u32, small: char, large: char| match (
        mode & bit != 0,
        mode & special != 0,
    ) {
        (true, true) => small,
        (false, true) => large,
        (true, false) => 'x',
        (false, false) => '-',
    };
    [
        bit(0o400, 'r'),
        bit(0o200, 'w'),
        run(0o100, 0o4000, 's', 'S'),
        bit(0o40, 'r'),
        bit(0o20, 'w'),
        run(0o10, 0o2000, 's', 'S'),
        bit(0o4, 'r'),
        bit(0o2, 'w'),
        run(0o1, 0o1000, 't', 'T'),
    ]
    .iter()
    .collect()
}

/// `2026-11-22 20:20`. The calendar of days since 1970: Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms".
fn utc(secs: i64) -> String {
    let (days, of_day) = (i128::from(secs.div_euclid(86400)), secs.rem_euclid(86400));
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", of_day / 3600, of_day / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (secs, want) in [
            (0, "1970-01-01 00:00"),
            (-1, "1969-12-31 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (1_795_378_816, "2026-11-22 20:20"),
            (15_032_385_535, "2446-05-10 22:38"),
            (-2_208_988_800, "1900-01-01 00:00"),
        ] {
            assert_eq!(utc(secs), want);
        }
        assert!(utc(i64::MAX).starts_with("292277026596-12-04") && utc(i64::MIN).contains("-27 "));
    }

    #[test]
    fn modes() {
        for (mode, want) in [
            (0o644, "rw-r--r--"),
            (0o4755, "rwsr-xr-x"),
            (0o1777, "rwxrwxrwt"),
            (0o7000, "--S--S--T"),
            (0o2711, "rwx--s--x"),
        ] {
            assert_eq!(permissions(mode), want);
        }
    }
}
