//! LVM volumes made and unmade. The running system's LVM must not notice more than it has to: no
//! metadata backups below /etc/lvm, no entries in its devices file, and every command sees only the
//! devices that it is told.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::lvm_report;
use crate::disk::model::Disk;
use crate::disk::node::partitions_of;
use crate::event::Events;
use crate::host::cmd::Cmd;

/// The tag by which a clone's volume group is known for what it is.
pub const TAG: &str = "altinst_rootvg";

/// The only devices that LVM is to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub devices: Vec<PathBuf>,
    /// Whether this machine's LVM has a devices file (then `--devices` is known and needed).
    pub devices_file: bool,
}

impl Scope {
    /// These devices, the way this machine's LVM wants to be told.
    pub fn new(devices: &[PathBuf]) -> Self {
        Self { devices: devices.to_vec(), devices_file: lvm_report::has_devices_file() }
    }

    fn args(&self) -> Vec<String> {
        let text = |p: &PathBuf| p.to_string_lossy().into_owned();
        // Not every command takes `-A n`; all of them take this.
        let quiet = "backup{backup=0 archive=0}";
        if self.devices_file {
            let list: Vec<String> = self.devices.iter().map(text).collect();
            return vec!["--devices".into(), list.join(","), "--config".into(), quiet.into()];
        }
        let accept: String = self
            .devices
            .iter()
            .map(|d| format!("\"a|^{}$|\",", text(d).replace('.', "\\.")))
            .collect();
        vec![
            "--config".into(),
            format!(
                "{quiet} devices{{filter=[{accept}\"r|.*|\"] global_filter=[{accept}\"r|.*|\"]}}"
            ),
        ]
    }

    fn cmd(&self, sentence: String, command: &str, args: &[&str]) -> Cmd {
        Cmd::new("lvm", sentence)
            .arg(command)
            .args(self.args())
            .args(args)
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
    }
}

/// `pvcreate`, one device.
pub fn pv_create(scope: &Scope, device: &Path) -> Cmd {
    scope.cmd(
        format!("make {} a physical volume", device.display()),
        "pvcreate",
        &["-y", "--zero", "y", &device.to_string_lossy()],
    )
}

/// `vgcreate` with the tag that says what it is. `extent_size` in bytes.
pub fn vg_create(scope: &Scope, name: &str, pvs: &[PathBuf], extent_size: u64) -> Cmd {
    let extent = format!("{extent_size}b");
    let mut args = vec!["-y", "--physicalextentsize", &extent, "--addtag", TAG, name];
    let paths: Vec<String> = pvs.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    args.extend(paths.iter().map(String::as_str));
    scope.cmd(format!("make the volume group {name}"), "vgcreate", &args)
}

/// `lvcreate` of a linear volume, active afterwards, old signatures in it wiped. On `pvs` only, if
/// any are named.
pub fn lv_create(scope: &Scope, vg: &str, name: &str, extents: u64, pvs: &[PathBuf]) -> Cmd {
    let extents = extents.to_string();
    let mut args = vec!["-y", "-Wy", "-Zy", "-l", &extents, "-n", name, vg];
    let paths: Vec<String> = pvs.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    args.extend(paths.iter().map(String::as_str));
    scope.cmd(format!("make the logical volume {name}"), "lvcreate", &args)
}

/// `vgchange -ay`.
pub fn vg_activate(scope: &Scope, vg: &str) -> Cmd {
    scope.cmd(format!("activate the volume group {vg}"), "vgchange", &["-ay", vg])
}

/// `vgchange -an`.
pub fn vg_deactivate(scope: &Scope, vg: &str) -> Cmd {
    scope.cmd(format!("deactivate the volume group {vg}"), "vgchange", &["-an", vg])
}

/// `vgremove` with everything in it.
pub fn vg_remove(scope: &Scope, vg: &str) -> Cmd {
    scope.cmd(format!("remove the volume group {vg}"), "vgremove", &["-ff", "-y", vg])
}

/// `lvremove`, active or not.
pub fn lv_remove(scope: &Scope, vg: &str, name: &str) -> Cmd {
    scope.cmd(
        format!("remove the logical volume {name}"),
        "lvremove",
        &["-A", "n", "-ff", "-y", &format!("{vg}/{name}")],
    )
}

/// Whether the devices of `scope` hold this volume group, and in it (if one is named) this logical
/// volume.
///
/// # Errors
/// ALT-801 where LVM is not installed.
pub fn exists(scope: &Scope, vg: &str, lv: Option<&str>) -> Result<bool> {
    let name = lv.map_or(vg.to_owned(), |lv| format!("{vg}/{lv}"));
    let asked = scope.cmd(
        format!("look for {name}"),
        if lv.is_some() { "lvs" } else { "vgs" },
        &["--noheadings", "-o", "vg_name", &name],
    );
    // 5: there is none of that name.
    Ok(asked.accept(&[5]).read()?.success())
}

/// LVM's own UUID of a volume group: GRUB names it when /boot lies there.
///
/// # Errors
/// ALT-802 where there is no such group on the devices of `scope`.
pub fn vg_uuid(scope: &Scope, vg: &str) -> Result<String> {
    let asked = scope
        .cmd(format!("read the UUID of {vg}"), "vgs", &["--noheadings", "-o", "vg_uuid", vg])
        .read()?;
    Ok(asked.text().trim().to_owned())
}

/// The path of a logical volume: dashes in names are doubled there.
pub fn mapper_path(vg: &str, lv: &str) -> PathBuf {
    let double = |name: &str| name.replace('-', "--");
    PathBuf::from(format!("/dev/mapper/{}-{}", double(vg), double(lv)))
}

/// Deactivates and removes `vg` if the disk holds a part of it and LVM is installed. That the group
/// misses other disks is no hindrance.
///
/// # Errors
/// ALT-802 where a volume of it is in use.
pub fn deactivate_if_there(vg: &str, disk: &Disk, events: &Events) -> Result<()> {
    let Some(scope) = scope_of(vg, disk)? else { return Ok(()) };
    // 5: nothing was active.
    if has_device_mapper() {
        vg_deactivate(&scope, vg).accept(&[5]).run(events)?;
    }
    vg_remove(&scope, vg).accept(&[5]).run(events).map(drop)
}

/// Deactivates `vg` if the disk holds a part of it; what is on it stays. A volume that somebody has
/// mounted stays active.
///
/// # Errors
/// ALT-801 where LVM is not installed any more.
pub fn put_away(vg: &str, disk: &Disk, events: &Events) -> Result<()> {
    match scope_of(vg, disk)? {
        Some(scope) if has_device_mapper() => {
            vg_deactivate(&scope, vg).accept(&[5]).run(events).map(drop)
        }
        _ => Ok(()),
    }
}

/// The physical volumes of `vg`; None where the disk holds none of them, or where there is no LVM.
fn scope_of(vg: &str, disk: &Disk) -> Result<Option<Scope>> {
    if !lvm_report::installed() {
        return Ok(None);
    }
    let pvs = lvm_report::gather()?.pvs;
    let nodes = partitions_of(&disk.name);
    let ours = |path: &PathBuf| *path == disk.path || nodes.contains(path);
    if !pvs.iter().any(|pv| pv.vg.as_deref() == Some(vg) && ours(&pv.path)) {
        return Ok(None);
    }
    let devices: Vec<PathBuf> =
        pvs.into_iter().filter(|pv| pv.vg.as_deref() == Some(vg)).map(|pv| pv.path).collect();
    Ok(Some(Scope::new(&devices)))
}

/// Without it nothing can be active.
fn has_device_mapper() -> bool {
    Path::new("/sys/class/misc/device-mapper").exists() || Path::new("/dev/mapper/control").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(devices_file: bool) -> Scope {
        Scope { devices: vec!["/dev/vdb3".into(), "/dev/vdc1".into()], devices_file }
    }

    #[test]
    fn golden_command_lines() {
        let filter = r#"backup{backup=0 archive=0} devices{filter=["a|^/dev/vdb3$|","a|^/dev/vdc1$|","r|.*|"] global_filter=["a|^/dev/vdb3$|","a|^/dev/vdc1$|","r|.*|"]}"#;
        let pvs = [PathBuf::from("/dev/vdb3"), PathBuf::from("/dev/vdc1")];
        let all = [
            (pv_create(&scope(true), &pvs[0]), "lvm pvcreate --devices /dev/vdb3,/dev/vdc1 --config backup{backup=0 archive=0} -y --zero y /dev/vdb3".to_owned()),
            (pv_create(&scope(false), &pvs[0]), format!("lvm pvcreate --config {filter} -y --zero y /dev/vdb3")),
            (
                vg_create(&scope(true), "alt_vg0", &pvs, 4 << 20),
                "lvm vgcreate --devices /dev/vdb3,/dev/vdc1 --config backup{backup=0 archive=0} -y --physicalextentsize 4194304b --addtag altinst_rootvg alt_vg0 /dev/vdb3 /dev/vdc1".to_owned(),
            ),
            (
                lv_create(&scope(true), "alt_vg0", "root", 2560, &pvs[..1]),
                "lvm lvcreate --devices /dev/vdb3,/dev/vdc1 --config backup{backup=0 archive=0} -y -Wy -Zy -l 2560 -n root alt_vg0 /dev/vdb3".to_owned(),
            ),
            (vg_activate(&scope(true), "alt_vg0"), "lvm vgchange --devices /dev/vdb3,/dev/vdc1 --config backup{backup=0 archive=0} -ay alt_vg0".to_owned()),
            (vg_deactivate(&scope(true), "alt_vg0"), "lvm vgchange --devices /dev/vdb3,/dev/vdc1 --config backup{backup=0 archive=0} -an alt_vg0".to_owned()),
            (vg_remove(&scope(true), "alt_vg0"), "lvm vgremove --devices /dev/vdb3,/dev/vdc1 --config backup{backup=0 archive=0} -ff -y alt_vg0".to_owned()),
        ];
        for (cmd, want) in all {
            assert_eq!(cmd.argv().join(" "), want);
        }
    }

    #[test]
    fn dashes_double() {
        assert_eq!(mapper_path("vg-0", "lv-root"), Path::new("/dev/mapper/vg--0-lv--root"));
    }
}
