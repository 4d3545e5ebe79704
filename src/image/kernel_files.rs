//! Files below /proc, /sys and /run that come from a running kernel. They are in an archive of `/`
//! that was made without leaving them out, and are of no use on a disk.

/// Their directories, which themselves belong to a system.
const DIRECTORIES: [&[u8]; 3] = [b"proc/", b"sys/", b"run/"];

/// True if a path (from the root on, no leading slash) is of something in one of those directories.
pub fn is_kernel_file(path: &[u8]) -> bool {
    DIRECTORIES.iter().any(|d| path.starts_with(d) && path.len() > d.len())
}

/// A note for the user: how many members are left out.
pub fn left_out_note(members: u64) -> String {
    format!(
        "{members} members of the archive are left out: in /proc, /sys and /run a running system shows its own"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_kernel_files() {
        for (path, expected) in [
            ("proc/1/status", true),
            ("sys/kernel", true),
            ("run/lock", true),
            ("proc", false),
            ("proc/", false),
        ] {
            assert_eq!(is_kernel_file(path.as_bytes()), expected, "{path}");
        }
        for path in ["var/run/x", "process/x", "srv/proc/1", "dev/null", ""] {
            assert!(!is_kernel_file(path.as_bytes()), "{path}");
        }
    }
}
