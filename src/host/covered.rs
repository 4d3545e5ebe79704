//! Mounts that others hide: what is visible at a path is not always what is mounted there.
//!
//! A tmpfs over /home (log2ram and its like), a bind over a directory, an automount point: the path
//! leads to whatever was mounted last. The kernel keeps the others, and mountinfo shows them all
//! with their parents, so it can be told which hide which.

use std::path::{Path, PathBuf};

use crate::host::mountinfo::Mount;

/// The mounts that the kernel comes through on its way along `at`, the last one being what is
/// visible there. (What is mounted over `/` itself is not visible to processes that have that as
/// their root.)
fn way<'m>(all: &[&'m Mount], at: &Path) -> Vec<&'m Mount> {
    let top = |m: &&&Mount| {
        m.mount_point == Path::new("/") && !all.iter().any(|p| p.id == m.parent && p.id != m.id)
    };
    let Some(mut here) = all.iter().find(top).copied() else { return vec![] };
    let mut way = vec![here];
    let mut prefixes: Vec<&Path> = at.ancestors().filter(|p| *p != Path::new("/")).collect();
    prefixes.reverse();
    for prefix in prefixes {
        while let Some(next) = all.iter().find(|m| m.parent == here.id && m.mount_point == prefix) {
            here = next;
            way.push(here);
        }
    }
    way
}

/// Where to unmount, once each and in this order, until `wanted` is what its mount point leads to;
/// nothing where it is visible.
pub fn covering(all: &[Mount], wanted: &Mount) -> Vec<PathBuf> {
    let mut left: Vec<&Mount> = all.iter().collect();
    let mut carrying = vec![wanted.id];
    let mut next = wanted.parent;
    while let Some(parent) = all.iter().find(|m| m.id == next).filter(|m| !carrying.contains(&m.id))
    {
        carrying.push(parent.id);
        next = parent.parent;
    }
    let mut off = vec![];
    loop {
        let way = way(&left, &wanted.mount_point);
        let Some(first) = way.iter().find(|m| !carrying.contains(&m.id)) else { return off };
        // Of several at one place the last one goes first, and all that stands on it goes with it.
        let Some(above) = way.iter().rfind(|m| m.mount_point == first.mount_point) else {
            return off;
        };
        off.push(above.mount_point.clone());
        let mut gone = vec![above.id];
        while let Some(child) =
            left.iter().find(|m| gone.contains(&m.parent) && !gone.contains(&m.id))
        {
            gone.push(child.id);
        }
        left.retain(|m| !gone.contains(&m.id));
    }
}

/// True if the mount is what its mount point leads to.
pub fn is_visible(all: &[Mount], wanted: &Mount) -> bool {
    covering(all, wanted).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mountinfo::parse_mountinfo;

    const MOUNTS: &str = "20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 8:2 / /home rw - xfs /dev/sda2 rw
22 21 0:40 / /home rw - tmpfs tmpfs rw
23 20 8:3 / /srv/data rw - ext4 /dev/sda3 rw
24 20 0:41 / /srv rw - tmpfs tmpfs rw
25 20 0:42 / /boot rw - autofs systemd-1 rw
26 25 8:4 / /boot rw - ext4 /dev/sda4 rw
27 24 8:5 / /srv/data rw - ext4 /dev/sda5 rw
28 20 8:6 / /homework rw - ext4 /dev/sda6 rw
29 20 8:1 / / rw - ext4 /dev/sda1 rw
30 20 8:7 / /opt rw - ext4 /dev/sda7 rw
31 30 0:43 / /opt rw - tmpfs tmpfs rw
32 31 0:44 / /opt rw - tmpfs tmpfs rw
";

    #[test]
    fn what_hides_what() {
        let all = parse_mountinfo(MOUNTS.as_bytes());
        let hidden_by = |id: u32| -> Vec<String> {
            let wanted = all.iter().find(|m| m.id == id).unwrap();
            covering(&all, wanted).iter().map(|p| p.display().to_string()).collect()
        };
        let nothing = [] as [&str; 0];
        assert_eq!(hidden_by(20), nothing);
        assert_eq!(hidden_by(21), ["/home"], "a tmpfs over it");
        assert_eq!(hidden_by(22), nothing);
        assert_eq!(hidden_by(23), ["/srv"], "above it on the path, with what stands on that");
        assert_eq!(hidden_by(24), nothing);
        assert_eq!(hidden_by(26), nothing, "it stands on the automount point");
        assert_eq!(hidden_by(25), ["/boot"]);
        assert_eq!(hidden_by(27), nothing, "what was there before is hidden, not this");
        assert_eq!(hidden_by(28), nothing);
        assert_eq!(hidden_by(30), ["/opt", "/opt"], "two over it");
    }
}
