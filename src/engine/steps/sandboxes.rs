//! The block devices that programs of the copy can see, by task.

use std::path::{Path, PathBuf};

use crate::engine::paths::ALT_INST;
use crate::engine::plan::layout::{DiskLayout, Layout};
use crate::host::sandbox::Sandbox;

/// Everything of the copy, to read: package managers (whose scripts make initramfs images and
/// loader menus) and GRUB's tools that look for file systems.
pub fn for_whole_copy(layout: &Layout) -> Sandbox {
    build_sandbox(disks(layout).chain(volumes(layout)), layout)
}

/// The sandbox of an initramfs builder: file systems and swap spaces, no whole disk.
pub fn for_initramfs(layout: &Layout) -> Sandbox {
    let partitions = layout.disks.iter().flat_map(|d| &d.partitions).map(|p| &p.path);
    Sandbox { resolv_conf: None, ..build_sandbox(partitions.chain(volumes(layout)), layout) }
}

/// The sandbox of a boot loader's installer: `disk`, which it writes to, and the volumes with its
/// files.
pub fn for_loader(layout: &Layout, disk: &DiskLayout) -> Sandbox {
    let partitions = disk.partitions.iter().map(|p| &p.path);
    let sandbox =
        build_sandbox(std::iter::once(&disk.path).chain(partitions).chain(volumes(layout)), layout);
    let bios_boot =
        disk.partitions.iter().filter(|p| !is_in_use(layout, &p.path)).map(|p| p.path.clone());
    Sandbox {
        writable: std::iter::once(disk.path.clone()).chain(bios_boot).collect(),
        resolv_conf: None,
        ..sandbox
    }
}

/// True if a file system, a swap space or a volume group is on it.
fn is_in_use(layout: &Layout, partition: &Path) -> bool {
    layout.volumes.iter().any(|v| v.device == partition)
        || layout.vgs.iter().any(|g| g.pvs.iter().any(|p| p == partition))
}

fn build_sandbox<'a>(devices: impl Iterator<Item = &'a PathBuf>, layout: &Layout) -> Sandbox {
    let mut devices: Vec<PathBuf> = devices.filter(|p| p.exists()).cloned().collect();
    devices.sort();
    devices.dedup();
    let links = links(layout).into_iter().filter(|(_, to)| devices.contains(to)).collect();
    Sandbox { devices, links, ..Sandbox::new(Path::new(ALT_INST)) }
}

fn disks(layout: &Layout) -> impl Iterator<Item = &PathBuf> {
    layout
        .disks
        .iter()
        .flat_map(|d| std::iter::once(&d.path).chain(d.partitions.iter().map(|p| &p.path)))
}

fn volumes(layout: &Layout) -> impl Iterator<Item = &PathBuf> {
    layout.volumes.iter().map(|v| &v.device)
}

/// The links by which tools find them.
fn links(layout: &Layout) -> Vec<(PathBuf, PathBuf)> {
    let by_uuid = layout
        .volumes
        .iter()
        .map(|v| (Path::new("/dev/disk/by-uuid").join(&v.uuid), v.device.clone()));
    let by_partuuid = layout
        .disks
        .iter()
        .flat_map(|d| &d.partitions)
        .map(|p| (Path::new("/dev/disk/by-partuuid").join(&p.uuid), p.path.clone()));
    let by_name = layout.volumes.iter().filter_map(|v| {
        Some((Path::new("/dev").join(v.vg.as_ref()?).join(&v.lv), v.device.clone()))
    });
    by_uuid.chain(by_partuuid).chain(by_name).collect()
}
