//! Whether an update fits, before anything of it is installed.
//!
//! The alternate's file systems count: downloads are stored in the directory of the job, installed
//! files grow the file system of /usr, new kernels that of /boot. A
//! package manager unpacks a package beside what it replaces: the largest package needs its whole
//! size once more.

use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::host::beneath::{Beneath, Entry};
use crate::host::fs_calls::Kind;
use crate::software::model::{Available, Transaction};
use crate::text::size::format_size;

/// For package databases, initramfs work and what scripts write.
const SPARE: u64 = 32 << 20;

/// The space that a transaction takes in the file systems of the alternate, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// For downloads.
    pub work: u64,
    /// For installed files.
    pub usr: u64,
    /// For kernels and their initramfs.
    pub boot: u64,
}

impl Need {
    /// The space for a transaction; `kernel_image` is that of one kernel, see [`kernel_image`].
    pub fn for_transaction(
        transaction: &Transaction,
        available: &[Available],
        kernel_image: u64,
    ) -> Self {
        let changes = &transaction.changes;
        let unpacked = changes
            .updated
            .iter()
            .map(|u| (&u.name, &u.after))
            .chain(changes.installed.iter().map(|p| (&p.name, &p.version)));
        let size = |(name, version): (&String, &String)| {
            available
                .iter()
                .find(|a| a.name == *name && a.version == *version)
                .map_or(0, |a| a.installed_size)
        };
        let largest = unpacked.map(size).max().unwrap_or(0);
        // The old package stays until its successor is complete.
        let names = changes
            .installed
            .iter()
            .map(|p| &p.name)
            .chain(changes.updated.iter().map(|u| &u.name));
        let kernels = names.filter(|n| is_kernel(n)).count() as u64;
        Self {
            work: transaction.download,
            usr: u64::try_from(transaction.growth)
                .unwrap_or(0)
                .saturating_add(largest)
                .saturating_add(SPARE),
            boot: kernels.saturating_mul(kernel_image),
        }
    }

    /// The space for a download of this many bytes.
    pub fn for_download(bytes: u64) -> Self {
        Self { work: bytes.saturating_add(SPARE), usr: 0, boot: 0 }
    }

    /// Compares it with the free space below `root`; `work` is the directory of the job.
    ///
    /// # Errors
    /// ALT-735 with the file system that is too small.
    pub fn check(&self, root: &Path, work: &Path) -> Result<()> {
        let copy = Beneath::open(root)?;
        let mut needs: Vec<(u64, u64, u64, &str)> = Vec::new();
        for (path, bytes, name) in [
            (Path::new("/usr"), self.usr, "/usr"),
            (work, self.work, "/var"),
            (Path::new("/boot"), self.boot, "/boot"),
        ] {
            let at = copy.leads_to(path)?;
            let at = at.ancestors().find(|p| copy.exists(p)).unwrap_or(Path::new("/"));
            let (device, free) = copy.room(at)?;
            match needs.iter_mut().find(|n| n.0 == device) {
                Some(n) => n.1 = n.1.saturating_add(bytes),
                None => needs.push((device, bytes, free, name)),
            }
        }
        match needs.iter().find(|(_, bytes, free, _)| bytes > free) {
            None => Ok(()),
            Some((_, bytes, free, name)) => Err(error::NO_ROOM_FOR_UPDATE.with_cause(format!(
                "the update needs {} in the copy's file system for {name}, where {} are free",
                format_size(*bytes),
                format_size(*free)
            ))),
        }
    }
}

/// Packages that bring a kernel and its initramfs to /boot.
fn is_kernel(name: &str) -> bool {
    let signed = name
        .strip_prefix("linux-image-")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    signed
        || matches!(
            name,
            "kernel"
                | "kernel-core"
                | "kernel-default"
                | "kernel-default-base"
                | "kernel-uek"
                | "kernel-uek-core"
                | "linux"
                | "linux-lts"
        )
}

/// Whether a file in /boot is an initramfs that is rebuilt with its kernel. One for rescue
/// holds every driver, several times what others take; that one and kdump's stay as they are.
pub fn is_initramfs(name: &str) -> bool {
    (name.starts_with("initrd") || name.starts_with("initramfs"))
        && !["rescue", "kdump"].iter().any(|other| name.contains(other))
}

/// The space that one kernel takes in /boot, judging by the present ones: the largest kernel and
/// the largest initramfs.
pub fn kernel_image(root: &Path) -> u64 {
    let Ok(root) = Beneath::open(root) else { return 0 };
    let size =
        |e: &Entry| root.link_metadata(Path::new("/boot").join(&e.name)).map_or(0, |s| s.size);
    let found = root.read_dir("/boot").unwrap_or_default();
    let files = found.iter().filter(|e| e.kind == Kind::Regular);
    let files: Vec<(String, u64)> =
        files.map(|e| (e.name.to_string_lossy().into_owned(), size(e))).collect();
    let largest = |which: &dyn Fn(&str) -> bool| {
        files.iter().filter(|(name, _)| which(name)).map(|(_, size)| *size).max().unwrap_or(0)
    };
    let is_kernel = |name: &str| name.starts_with("vmlinu") || name.starts_with("Image");
    [largest(&is_kernel), largest(&is_initramfs), largest(&|name| name.starts_with("System.map"))]
        .into_iter()
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::changes::Package;
    use crate::software::changes::Update;

    #[test]
    fn what_an_update_takes() {
        let package =
            |name: &str| Package { name: name.into(), version: "2".into(), arch: "amd64".into() };
        let size = |name: &str, installed_size| Available {
            name: name.into(),
            version: "2".into(),
            installed_size,
            ..Available::default()
        };
        let mut t = Transaction { download: 5, growth: 1000, ..Transaction::default() };
        t.changes.installed =
            vec![package("linux-image-6.1.0-9-amd64"), package("linux-image-amd64"), package("x")];
        let need = Need::for_transaction(
            &t,
            &[size("x", 300), size("linux-image-6.1.0-9-amd64", 700)],
            50,
        );
        assert_eq!(need, Need { work: 5, usr: 1700 + SPARE, boot: 50 });
        // A kernel that is updated in place, beside a new one.
        let update = |name: &str| Update {
            name: name.into(),
            arch: "amd64".into(),
            before: "1".into(),
            after: "2".into(),
        };
        t.changes.updated = vec![update("linux-image-6.1.0-8-amd64"), update("y")];
        assert_eq!(Need::for_transaction(&t, &[], 50).boot, 100);
        // Sizes are what packages say of themselves.
        t.growth = i64::MAX;
        let most = Need::for_transaction(&t, &[size("x", u64::MAX)], u64::MAX);
        assert_eq!((most.usr, most.boot), (u64::MAX, u64::MAX));
        assert_eq!(Need::for_download(u64::MAX).work, u64::MAX);
        t.changes.updated.clear();
        t.growth = -1000;
        assert_eq!(Need::for_transaction(&t, &[], 50).usr, SPARE);
    }

    #[test]
    fn images_for_rescue_and_kdump_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let boot = dir.path().join("boot");
        std::fs::create_dir(&boot).unwrap();
        for (name, size, is_one) in [
            ("initrd.img-6.1.0-9-amd64", 20, true),
            ("initramfs-5.14.0-70.el9.x86_64.img", 30, true),
            ("initramfs-linux-fallback.img", 10, true),
            ("initramfs-0-rescue-5c2f1a0e9b7d4f6a.img", 900, false),
            ("initramfs-5.14.0-70.el9.x86_64kdump.img", 800, false),
            ("initrd-5.14.21-150500-default-kdump", 700, false),
            ("vmlinuz-6.1.0-9-amd64", 7, false),
        ] {
            assert_eq!(is_initramfs(name), is_one, "{name}");
            std::fs::write(boot.join(name), vec![0; size]).unwrap();
        }
        assert_eq!(kernel_image(dir.path()), 37);
    }

    #[test]
    fn too_little_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let need = |usr| Need { work: 0, usr, boot: 0 };
        assert!(need(1).check(dir.path(), Path::new("/var/x")).is_ok());
        let err =
            format!("{:#}", need(u64::MAX / 4).check(dir.path(), Path::new("/var/x")).unwrap_err());
        assert!(err.contains("ALT-735") && err.contains("file system for /usr"), "{err}");
        let all = Need { work: u64::MAX, usr: u64::MAX, boot: 1 };
        assert!(all.check(dir.path(), Path::new("/var/x")).is_err());
        assert!(Need::for_download(1 << 60).check(dir.path(), Path::new("/var/x")).is_err());
    }
}
