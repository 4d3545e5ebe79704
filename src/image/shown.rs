//! What a running kernel shows as files below /proc, /sys and /run: in an archive of `/` that was
//! made without leaving it out, and of no use on a disk.

/// Where it is; the directories themselves belong to a system.
const DIRECTORIES: [&[u8]; 3] = [b"proc/", b"sys/", b"run/"];

/// True if a path (from the root on, no leading slash) is of something in one of those directories.
pub fn is_shown(path: &[u8]) -> bool {
    DIRECTORIES.iter().any(|d| path.starts_with(d) && path.len() > d.len())
}

/// For people: how many members are left out.
pub fn left_out(members: u64) -> String {
    format!(
        "{members} members of the archive are left out: in /proc, /sys and /run a running system shows its own"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown() {
        for (path, shown) in [
            ("proc/1/status", true),
            ("sys/kernel", true),
            ("run/lock", true),
            ("proc", false),
            ("proc/", false),
        ] {
            assert_eq!(is_shown(path.as_bytes()), shown, "{path}");
        }
        for path in ["var/run/x", "process/x", "srv/proc/1", "dev/null", ""] {
            assert!(!is_shown(path.as_bytes()), "{path}");
        }
    }
}
