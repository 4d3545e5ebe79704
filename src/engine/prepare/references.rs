//! Before phase 1: the references of the running system to its disks, as they will be in the copy.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::identity::ids::IdMap;
use crate::boot::identity::precheck;
use crate::disk::fs;
use crate::engine::plan::fstab::fstab_extras;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::request::Request;
use crate::error;
use crate::host::beneath::Beneath;
use crate::host::device;
use crate::host::mounts::{self, Mount};
use crate::tree::Excludes;

/// Refuses what the audit would refuse when everything is copied, and says what will be left alone.
///
/// # Errors
/// ALT-520 naming the line; ALT-501 for an fstab that cannot be read.
pub fn check_references(
    base: &AlternateSpec,
    request: &Request,
    excludes: &Excludes,
    warnings: &mut Vec<String>,
) -> Result<()> {
    // It counts nothing: what was matched is reported after the copying.
    let list = excludes.with_zero_counts();
    // By its own line alone: a directory that the list names is made if something in it is copied.
    let is_copied = |path: &Path| !list.matches(&[b"./", path.as_os_str().as_bytes()].concat());
    let closed = not_cloned(&mounts::mounted()?, &base.ids, &device::block_device);
    let seen = precheck::check(
        &Beneath::open(Path::new("/"))?.without(&closed),
        &base.ids,
        &fstab_extras(base),
        &is_copied,
    )?;
    warnings.extend(seen.warnings);
    warnings.extend(seen.left.iter().map(|l| l.describe("will be left")));
    let Some(first) = seen.findings.first() else { return Ok(()) };
    let more = if seen.findings.len() > 1 {
        format!(" (and {} more)", seen.findings.len() - 1)
    } else {
        String::new()
    };
    // Between the phases a script can still correct it.
    if request.phases.list().contains(&3) && request.script.is_none() {
        return Err(error::WOULD_REFER.with_cause(format!("{first}{more}")));
    }
    warnings.push(format!("phase 3 will refuse this unless it is corrected first: {first}{more}"));
    Ok(())
}

/// Mount points of everything that is not cloned: those files do not come into the copy, and the
/// server of a network file system may be gone. Only mountinfo is read, so none of them is touched.
/// `number`: `major:minor` of a device.
fn not_cloned(
    all: &[Mount],
    ids: &IdMap,
    number: &dyn Fn(&Path) -> Option<String>,
) -> Vec<PathBuf> {
    let devices: Vec<(&PathBuf, Option<String>)> =
        ids.volumes.iter().flat_map(|v| &v.old.devices).map(|d| (d, number(d))).collect();
    let is_cloned = |m: &Mount| {
        // A directory of it that is mounted elsewhere is copied where it is. (Those of a btrfs are
        // subvolumes.)
        let is_whole = m.root == Path::new("/") || fs::has_subvolumes(&m.fstype);
        is_whole
            && devices.iter().any(|(path, number)| {
                *path == Path::new(&m.source) || number.as_ref() == Some(&m.dev)
            })
    };
    // The last one mounted at a place is the one that is seen.
    let is_seen =
        |i: usize, m: &Mount| all[i + 1..].iter().all(|later| later.mount_point != m.mount_point);
    let closed = all
        .iter()
        .enumerate()
        .filter(|(i, m)| m.mount_point != Path::new("/") && is_seen(*i, m) && !is_cloned(m));
    closed.map(|(_, m)| m.mount_point.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::identity::map;

    #[test]
    fn mounts_that_are_not_cloned() {
        let text = b"21 1 254:2 / / rw - ext4 /dev/root rw
22 21 254:1 / /boot/efi rw - vfat /dev/vda1 rw
23 21 0:40 / /usr/local rw - nfs4 server:/local rw
24 21 0:41 / /net rw - autofs systemd-1 rw
25 21 254:9 / /home rw - ext4 /dev/mapper/my--vg-home rw
26 21 254:2 /srv/etc /usr/local/etc rw - ext4 /dev/vda2 rw
27 21 254:7 / /opt rw - ext4 /dev/vda7 rw
28 21 254:2 / /mnt rw - ext4 /dev/dm-3 rw
29 25 0:42 / /home rw - nfs4 server:/home rw
30 21 0:43 / /efi rw - autofs systemd-1 rw
31 30 254:1 / /efi rw - vfat /dev/vda1 rw
32 21 0:44 /@srv /srv rw - btrfs /dev/vda5 rw
";
        let number = |path: &Path| (path == Path::new("/dev/vda2")).then(|| "254:2".to_owned());
        let closed = not_cloned(&mounts::parse_mountinfo(text), &map(), &number);
        assert_eq!(
            closed,
            ["/usr/local", "/net", "/usr/local/etc", "/opt", "/home"].map(PathBuf::from)
        );
    }
}
