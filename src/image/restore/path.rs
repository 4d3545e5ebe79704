//! Where a member belongs: stored names become paths below the root, or are refused.
//!
//! Only what has no meaning is dropped (`./`, `//`, a slash at the end). Whatever could lead out of
//! the root is refused, never mended: an archive that holds it was not made from a system. That no
//! symbolic link stands on the way is the kernel's to check, when the path is used.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The longest name of one component, `NAME_MAX`.
const NAME_MAX: usize = 255;

/// A stored name as a path below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPath {
    /// Components with one `/` between, relative to the root; empty for the root itself.
    pub path: Vec<u8>,
    /// It began with `/`, which was dropped.
    pub absolute: bool,
}

/// Parses a stored name, or returns why it is refused. `own`: the image is one of ours, which
/// never begins a name with `/`.
pub fn parse_name(stored: &[u8], own: bool) -> Result<MemberPath, &'static str> {
    if stored.is_empty() {
        return Err("its name is empty");
    }
    if stored.contains(&0) {
        return Err("its name holds a NUL byte");
    }
    let absolute = stored[0] == b'/';
    if absolute && own {
        return Err("its name begins with /");
    }
    let mut path = Vec::with_capacity(stored.len());
    for name in stored.split(|b| *b == b'/') {
        match name {
            b"" | b"." => continue,
            b".." => return Err("its name holds the component `..`"),
            _ if name.len() > NAME_MAX => {
                return Err("a component of its name is longer than 255 bytes");
            }
            _ => {}
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
    }
    Ok(MemberPath { path, absolute })
}

/// Paths below a prefix that are restored below another directory.
#[derive(Debug, Default)]
pub struct Diversions(Vec<(Vec<u8>, Vec<u8>)>);

impl Diversions {
    /// None where a prefix, or what is in its place, is no path below the root.
    pub fn new(pairs: &[(PathBuf, PathBuf)]) -> Option<Self> {
        let bytes = |p: &Path| {
            parse_name(p.as_os_str().as_bytes(), false)
                .ok()
                .map(|c| c.path)
                .filter(|p| !p.is_empty())
        };
        pairs
            .iter()
            .map(|(prefix, instead)| Some((bytes(prefix)?, bytes(instead)?)))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// True if what is below `path` goes elsewhere.
    pub fn is_prefix(&self, path: &[u8]) -> bool {
        self.0.iter().any(|(prefix, _)| prefix == path)
    }

    /// True if `path` is, or is in, a directory where others are restored instead: nothing of the
    /// archive's own may be there.
    pub fn is_taken(&self, path: &[u8]) -> bool {
        self.0.iter().any(|(_, instead)| {
            path.strip_prefix(instead.as_slice())
                .is_some_and(|r| matches!(r.first(), None | Some(b'/')))
        })
    }

    /// Where `path` goes. The prefix itself stays where it is: it is the directory that will be
    /// mounted over.
    pub fn apply(&self, path: Vec<u8>) -> Vec<u8> {
        for (prefix, instead) in &self.0 {
            if let Some(rest) =
                path.strip_prefix(prefix.as_slice()).filter(|r| r.first() == Some(&b'/'))
            {
                return [instead.as_slice(), rest].concat();
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        for (stored, path, absolute) in [
            ("./", "", false),
            (".", "", false),
            ("/", "", true),
            ("./etc/passwd", "etc/passwd", false),
            ("etc//x/./y/", "etc/x/y", false),
            ("/usr/bin/", "usr/bin", true),
            ("//usr", "usr", true),
            ("...", "...", false),
            ("a/..b/c..", "a/..b/c..", false),
            (" ", " ", false),
        ] {
            assert_eq!(
                parse_name(stored.as_bytes(), false),
                Ok(MemberPath { path: path.into(), absolute }),
                "{stored}"
            );
        }
        assert_eq!(parse_name("n".repeat(255).as_bytes(), true).unwrap().path.len(), 255);
    }

    #[test]
    fn names_are_refused() {
        for stored in
            ["", "..", "../x", "./../x", "a/../../x", "a/..", "/..", "a/../b", "nul\0", "\0"]
        {
            assert!(parse_name(stored.as_bytes(), false).is_err(), "{stored:?}");
        }
        assert!(parse_name(format!("a/{}/b", "n".repeat(256)).as_bytes(), false).is_err());
        assert!(parse_name(b"/etc", true).is_err());
    }

    #[test]
    fn diverts() {
        let d = Diversions::new(&[("boot/efi".into(), ".altdisk-esp".into())]).unwrap();
        for (from, to) in [
            ("boot/efi/EFI/x", ".altdisk-esp/EFI/x"),
            ("boot/efi", "boot/efi"),
            ("boot/efix/y", "boot/efix/y"),
            ("x/boot/efi/y", "x/boot/efi/y"),
        ] {
            assert_eq!(d.apply(from.into()), to.as_bytes(), "{from}");
        }
        for (path, taken) in [
            (".altdisk-esp", true),
            (".altdisk-esp/EFI/x", true),
            (".altdisk-esps", false),
            ("x/.altdisk-esp", false),
            ("", false),
        ] {
            assert_eq!(d.is_taken(path.as_bytes()), taken, "{path}");
        }
        assert!(d.is_prefix(b"boot/efi") && !d.is_prefix(b"boot"));
        assert!(
            Diversions::new(&[("/".into(), "x".into())]).is_none()
                && Diversions::new(&[("a".into(), "../x".into())]).is_none()
        );
    }
}
