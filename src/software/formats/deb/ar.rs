//! The outermost layer of a .deb: an ar archive (deb(5)). Only the positions of its members are
//! read.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: u64 = 60;
/// At most this many members are read: a package has three, and a signature or two.
const MAX_MEMBERS: usize = 32;

/// A member: name, where its content begins in the file, bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name, without padding.
    pub name: String,
    /// The offset of its contents in the file, in bytes.
    pub at: u64,
    /// The size of its contents in bytes.
    pub size: u64,
}

/// The members. Each must lie within the file, so that a truncated file is detected without reading
/// it.
///
/// # Errors
/// The reason why it is not a package, for users.
pub fn members(file: &File) -> Result<Vec<Member>, String> {
    let length = file.metadata().map_err(|e| error::text_of(&e))?.len();
    let mut magic = [0; 8];
    if length < 8 {
        return Err(format!("it has only {length} bytes"));
    }
    file.read_exact_at(&mut magic, 0).map_err(|e| error::text_of(&e))?;
    if &magic != MAGIC {
        return Err("it does not begin like a Debian package".to_owned());
    }
    let (mut found, mut at) = (vec![], 8);
    while at < length && found.len() < MAX_MEMBERS {
        // A last odd byte is padding that some tools forget.
        if length - at < HEADER {
            return Err(format!("it is cut off after {length} bytes"));
        }
        let mut header = [0; HEADER as usize];
        file.read_exact_at(&mut header, at).map_err(|e| error::text_of(&e))?;
        let member = parse(&header, at + HEADER)
            .ok_or_else(|| format!("its structure is damaged at byte {at}"))?;
        let end = member.at.saturating_add(member.size);
        if end > length {
            return Err(format!(
                "it is cut off: it should have at least {end} bytes and has {length}"
            ));
        }
        at = end + end % 2;
        found.push(member);
    }
    Ok(found)
}

fn parse(header: &[u8; HEADER as usize], at: u64) -> Option<Member> {
    if !header.ends_with(b"`\n") {
        return None;
    }
    let text = |from: usize, to: usize| std::str::from_utf8(header.get(from..to)?).ok();
    // GNU's ar ends names with a slash.
    let name = text(0, 16)?.trim_end().trim_end_matches('/').to_owned();
    let size = text(48, 58)?.trim_end();
    if size.is_empty() || !size.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Member { name, at, size: size.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::archives::build_ar;

    fn read(bytes: &[u8]) -> Result<Vec<Member>, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x"), bytes).unwrap();
        members(&File::open(dir.path().join("x")).unwrap())
    }

    #[test]
    fn members_are_found_and_cut_files_too() {
        let whole = build_ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar.xz/", b"abc"),
            ("data.tar", b"defgh"),
        ]);
        let found = read(&whole).unwrap();
        let names: Vec<(&str, u64)> = found.iter().map(|m| (m.name.as_str(), m.size)).collect();
        assert_eq!(names, [("debian-binary", 4), ("control.tar.xz", 3), ("data.tar", 5)]);
        assert_eq!(&whole[found[1].at as usize..][..3], b"abc");
        for end in 0..whole.len() - 1 {
            let got = read(&whole[..end]);
            // At the border of members it is a shorter archive, which what is read of it tells.
            let border = [8, 72, 136].contains(&end) || end == 135;
            assert_eq!(got.is_ok(), border, "{end} {got:?}");
        }
        assert!(read(b"PK\x03\x04 something else").unwrap_err().contains("does not begin"));
        let mut odd = whole.clone();
        odd[8 + 48..8 + 58].copy_from_slice(b"9999999999");
        assert!(read(&odd).unwrap_err().contains("cut off"));
        odd[8 + 48..8 + 58].copy_from_slice(b"-1        ");
        assert!(read(&odd).unwrap_err().contains("damaged at byte 8"));
    }
}
