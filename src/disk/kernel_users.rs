//! Parts of the kernel that serve block devices to other machines: NVMe and SCSI targets, Xen's
//! block back end.
//!
//! They open a device without claiming it, and no process shows a descriptor; what they serve
//! stands in their configuration only.

use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::model::KernelUser;
use crate::host::files::line;

/// Every such use, `sys`: where sysfs is mounted, with configfs in its `kernel/config`.
pub fn gather(sys: &Path) -> Vec<KernelUser> {
    let config = sys.join("kernel/config");
    let mut all = nvme_targets(&config);
    all.extend(scsi_targets(&config));
    all.extend(xen(&sys.join("bus/xen-backend/devices")));
    all.extend(bcache(&sys.join("class/block")));
    all
}

/// The directories in one, by name.
fn entries(dir: &Path) -> Vec<(String, PathBuf)> {
    let read = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut all: Vec<_> = read
        .filter_map(|e| Some((e.file_name().into_string().ok()?, e.path())))
        .filter(|(_, p)| p.is_dir())
        .collect();
    all.sort();
    all
}

/// nvmet: `subsystems/NAME/namespaces/N/device_path` (a path, or a file's).
fn nvme_targets(config: &Path) -> Vec<KernelUser> {
    let mut all = vec![];
    for (subsystem, dir) in entries(&config.join("nvmet/subsystems")) {
        for (number, dir) in entries(&dir.join("namespaces")) {
            // Only what is enabled is open; what is configured is meant to be.
            if let Some(device) = line(dir.join("device_path")).filter(|d| d.starts_with('/')) {
                let remedy = format!("remove namespace {number} of {subsystem} with `nvmetcli`");
                all.push(KernelUser {
                    by: format!("the NVMe target {subsystem} (namespace {number})"),
                    device,
                    remedy,
                });
            }
        }
    }
    all
}

/// LIO: `target/core/{iblock,fileio,pscsi,rd_mcp}_N/NAME/udev_path`.
fn scsi_targets(config: &Path) -> Vec<KernelUser> {
    let mut all = vec![];
    for (kind, dir) in entries(&config.join("target/core")) {
        for (name, dir) in entries(&dir) {
            let given = line(dir.join("udev_path")).filter(|d| d.starts_with('/'));
            // What rtslib did not set is in what the back end tells: `iBlock device: sdb  UDEV
            // PATH: /dev/sdb`, `... Major: 8 Minor: 16`.
            let told =
                || fs::read_to_string(dir.join("info")).ok().and_then(|text| told_device(&text));
            if let Some(device) = given.or_else(told) {
                let remedy = format!(
                    "remove it with `targetcli /backstores delete {name}` or by your target's own tools"
                );
                all.push(KernelUser {
                    by: format!("the SCSI target {kind}/{name}"),
                    device,
                    remedy,
                });
            }
        }
    }
    all
}

fn told_device(info: &str) -> Option<String> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let after = |name: &str| {
        words.iter().position(|w| *w == name).and_then(|at| words.get(at + 1)).copied()
    };
    let path = words
        .windows(3)
        .find(|w| w[0] == "UDEV" && w[1] == "PATH:")
        .map(|w| w[2])
        .filter(|p| p.starts_with('/'));
    path.map(str::to_owned).or_else(|| Some(format!("{}:{}", after("Major:")?, after("Minor:")?)))
}

/// Xen: `vbd-DOMAIN-N/physical_device`, major and minor in hexadecimal.
fn xen(devices: &Path) -> Vec<KernelUser> {
    let number = |text: &str| {
        let (major, minor) = text.trim().split_once(':')?;
        Some(format!(
            "{}:{}",
            u32::from_str_radix(major, 16).ok()?,
            u32::from_str_radix(minor, 16).ok()?
        ))
    };
    let found = entries(devices).into_iter().filter_map(|(name, dir)| {
        let device = number(&line(dir.join("physical_device"))?)?;
        let mut numbers = name.split('-').skip(1);
        let (domain, id) = (numbers.next().unwrap_or("?"), numbers.next().unwrap_or("?"));
        let remedy = format!("`xl block-detach {domain} {id}` takes it from the domain");
        Some(KernelUser { by: format!("Xen's domain {domain} ({name})"), device, remedy })
    });
    found.collect()
}

/// bcache: a registered device has a directory of that name.
fn bcache(blocks: &Path) -> Vec<KernelUser> {
    let registered = entries(blocks)
        .into_iter()
        .filter(|(_, dir)| dir.join("bcache/set").exists() || dir.join("bcache/running").exists());
    registered
        .filter_map(|(name, dir)| {
            // A cache is stopped with its set, a backing device by itself.
            let set = if dir.join("bcache/set").exists() { "set/" } else { "" };
            let remedy = format!("`echo 1 > /sys/class/block/{name}/bcache/{set}stop` ends that");
            Some(KernelUser {
                by: format!("bcache, with which {name} is registered"),
                device: line(dir.join("dev"))?,
                remedy,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("kernel/config/nvmet/subsystems/nqn.backup/namespaces/1/device_path", "/dev/vdb\n"),
            ("kernel/config/nvmet/subsystems/nqn.backup/namespaces/2/device_path", "(null)\n"),
            ("kernel/config/target/core/iblock_0/lun0/udev_path", "/dev/sdc\n"),
            ("kernel/config/target/core/iblock_0/hba_info", "HBA Index: 0\n"),
            (
                "kernel/config/target/core/pscsi_0/raw/info",
                "Status: ACTIVATED\n  iBlock device: sdd  UDEV PATH:   readonly: 0\n        Major: 8 Minor: 48  CLAIMED: IBLOCK\n",
            ),
            ("bus/xen-backend/devices/vbd-3-51712/physical_device", "fd:1a\n"),
            ("class/block/sde/bcache/set", ""),
            ("class/block/sde/dev", "8:64\n"),
            ("class/block/sdf/dev", "8:80\n"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let all = gather(dir.path());
        let seen: Vec<(&str, &str)> =
            all.iter().map(|u| (u.by.as_str(), u.device.as_str())).collect();
        let want = [
            ("the NVMe target nqn.backup (namespace 1)", "/dev/vdb"),
            ("the SCSI target iblock_0/lun0", "/dev/sdc"),
            ("the SCSI target pscsi_0/raw", "8:48"),
            ("Xen's domain 3 (vbd-3-51712)", "253:26"),
            ("bcache, with which sde is registered", "8:64"),
        ];
        assert_eq!(seen, want);
        assert_eq!(all[3].remedy, "`xl block-detach 3 51712` takes it from the domain");
        assert_eq!(all[4].remedy, "`echo 1 > /sys/class/block/sde/bcache/set/stop` ends that");
        assert_eq!(gather(Path::new("/no/such")), []);
    }
}
