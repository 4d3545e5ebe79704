//! The disk of the running system as a boot list names it, and the disks that the records and the
//! firmware know beside it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::bootdisk::{ALTERNATE, BootDisk, ORIGIN};
use super::machine::Machine;
use super::{efi, nvram};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::dir::find_own;
use crate::boot::{device, loader};
use crate::disk::fs::{self, FsType};
use crate::error;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::files;
use crate::host::mounts::{self, Mount};
use crate::host::serial;

/// The running machine with every disk that its boot list can name.
///
/// # Errors
/// ALT-509 if the running system's own disk cannot be found out; records that cannot be read.
pub fn detect_machine() -> Result<Machine> {
    let firmware = Firmware::of_machine();
    let here = boot_disk("rootvg")?;
    let mut others = vec![];
    for (path, role) in [(ALTERNATE, "altinst_rootvg"), (ORIGIN, "old_rootvg")] {
        let Some(mut disk) = BootDisk::load(Path::new(path))? else { continue };
        disk.role = role.to_owned();
        // The copy of a system brings the record along in which it is itself the alternate.
        if disk.id() == here.id() || others.iter().any(|o: &BootDisk| o.id() == disk.id()) {
            continue;
        }
        refresh_name(&mut disk)?;
        others.push(disk);
    }
    if firmware == Firmware::Uefi && find_program(Path::new("/"), "efibootmgr").is_some() {
        let more = in_nvram(&nvram::read()?, std::iter::once(&here).chain(&others))?;
        others.extend(more);
    }
    Ok(Machine { firmware, here, others })
}

/// The disk that the running system lies on.
///
/// # Errors
/// ALT-509 if its boot file system is on no disk that can be found out.
pub fn boot_disk(role: &str) -> Result<BootDisk> {
    let no = |why: String| error::NO_BOOTLIST.with_cause(why);
    let grub_dir = find_own(Path::new("/")).unwrap_or_else(|| "/boot/grub".into());
    let all = mounts::mounted()?;
    let m = holding(&all, &grub_dir).ok_or_else(|| no("no file system is mounted at /".into()))?;
    let source = PathBuf::from(&m.source);
    let name = device::disks_below(&source).into_iter().next();
    let name = name.ok_or_else(|| {
        no(format!(
            "{} lies on {} ({}), which is on no disk",
            grub_dir.display(),
            m.source,
            m.fstype
        ))
    })?;
    let uuid = device::value(&source, "UUID")?
        .ok_or_else(|| no(format!("the file system on {} has no UUID", m.source)))?;
    let disk = Path::new("/dev").join(&name);
    let (esp, esp_mount) = esp(&all, &name)?;
    let (esp_partuuid, esp_fat_uuid) = match &esp {
        Some(esp) => {
            (device::value(esp, "PARTUUID")?.map(|p| p.to_lowercase()), device::value(esp, "UUID")?)
        }
        None => (None, None),
    };
    Ok(BootDisk {
        role: role.to_owned(),
        serial: serial::of_disk(&Path::new("/sys/class/block").join(&name)),
        size: files::line(format!("/sys/class/block/{name}/size"))
            .and_then(|s| s.parse::<u64>().ok())
            .unwrap_or(0)
            .saturating_mul(512),
        table_id: device::value(&disk, "PTUUID")?,
        boot_fs_uuid: uuid,
        boot_fstype: m.fstype.clone(),
        boot_mount_options: if fs::has_subvolumes(&m.fstype) {
            format!("subvol={}", m.root.display())
        } else {
            String::new()
        },
        grub_dir: grub_dir.strip_prefix(&m.mount_point).unwrap_or(&grub_dir).to_owned(),
        boot_vg: volume_group(&source)?,
        esp_fat_uuid,
        loader: booted_loader(esp_partuuid.as_deref())?.or(loader_at(esp_mount.as_deref())?),
        esp_partuuid,
        name,
        fresh: false,
    })
}

/// What lies on the ESP that is mounted there.
fn loader_at(esp: Option<&Path>) -> Result<Option<String>> {
    esp.map(|at| Ok(loader::detect(Path::new("/")).efi_file(&Beneath::open(at)?, Path::new("/"))))
        .transpose()
}

/// The disks that the running system lies on, as far as that can be found out: what is known where
/// nothing else is.
pub fn disks_of_root() -> Vec<String> {
    let all = mounts::mounted().unwrap_or_default();
    holding(&all, Path::new("/"))
        .map(|m| device::disks_below(Path::new(&m.source)))
        .unwrap_or_default()
}

/// What the firmware started this time, where that lies on this ESP: the entry that exists is the
/// one to name again.
fn booted_loader(esp: Option<&str>) -> Result<Option<String>> {
    if Firmware::of_machine() != Firmware::Uefi
        || find_program(Path::new("/"), "efibootmgr").is_none()
    {
        return Ok(None);
    }
    let vars = nvram::read()?;
    Ok(loader_of(&vars, esp))
}

fn loader_of(vars: &efi::BootVars, esp: Option<&str>) -> Option<String> {
    let file = vars.entry(vars.current.as_deref()?)?.file.as_ref()?;
    (Some(file.partuuid.as_str()) == esp && !file.loader.is_empty()).then(|| file.loader.clone())
}

/// The mount that a path lies on: the deepest, of several at one place the newest.
fn holding<'a>(all: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    all.iter()
        .filter(|m| path.starts_with(&m.mount_point))
        .max_by_key(|m| m.mount_point.components().count())
}

/// The ESP on this disk and where it is mounted: by its mount, else by its type in the partition
/// table.
fn esp(all: &[Mount], disk: &str) -> Result<(Option<PathBuf>, Option<PathBuf>)> {
    let mounted = all.iter().find(|m| {
        // Whatever disk it is on: it is the one that this system was started from.
        FsType::Vfat.is_named(&m.fstype)
            && ["/boot/efi", "/efi", "/boot"].iter().any(|p| m.mount_point == Path::new(p))
    });
    if let Some(m) = mounted {
        return Ok((Some(PathBuf::from(&m.source)), Some(m.mount_point.clone())));
    }
    if find_program(Path::new("/"), "sfdisk").is_none() {
        return Ok((None, None));
    }
    let table = Cmd::new("sfdisk", format!("read the partition table of {disk}"))
        .args(["-J", &format!("/dev/{disk}")])
        .accept(&[1])
        .read()?;
    Ok((esp_in_table(&table.text()), None))
}

fn esp_in_table(json: &str) -> Option<PathBuf> {
    let table: serde_json::Value = serde_json::from_str(json).ok()?;
    let partitions = table.get("partitiontable")?.get("partitions")?.as_array()?;
    let is_esp = |p: &&serde_json::Value| {
        let kind = p.get("type").and_then(|t| t.as_str()).unwrap_or_default();
        kind.eq_ignore_ascii_case("C12A7328-F81F-11D2-BA4B-00A0C93EC93B") || kind == "ef"
    };
    partitions.iter().find(is_esp)?.get("node")?.as_str().map(PathBuf::from)
}

/// The volume group of a logical volume; None for anything else.
fn volume_group(source: &Path) -> Result<Option<String>> {
    let real = std::fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !files::line(format!("/sys/class/block/{name}/dm/uuid"))
        .is_some_and(|u| u.starts_with("LVM-"))
    {
        return Ok(None);
    }
    let asked = Cmd::new("lvs", format!("find the volume group of {}", source.display()))
        .args(["--noheadings", "-o", "vg_name"])
        .arg(source)
        .read()?;
    Ok(Some(asked.text().trim().to_owned()))
}

/// What the kernel calls a recorded disk today.
fn refresh_name(disk: &mut BootDisk) -> Result<()> {
    let keys = [
        ("PARTUUID", disk.esp_partuuid.clone()),
        ("UUID", Some(disk.boot_fs_uuid.clone()).filter(|u| !u.is_empty())),
    ];
    for (key, value) in keys {
        let Some(value) = value else { continue };
        let Some(found) = device::find_by(key, &value)?.into_iter().next() else { continue };
        if let Some(name) = device::disks_below(&found).into_iter().next() {
            disk.name = name;
            return Ok(());
        }
    }
    Ok(())
}

/// Disks that only the firmware's entries know: other systems on this machine.
fn in_nvram<'a>(
    vars: &efi::BootVars,
    known: impl Iterator<Item = &'a BootDisk>,
) -> Result<Vec<BootDisk>> {
    let known: Vec<&str> = known.filter_map(|d| d.esp_partuuid.as_deref()).collect();
    let mut found: Vec<BootDisk> = vec![];
    for file in vars.entries.iter().filter(|e| e.active).filter_map(|e| e.file.as_ref()) {
        let seen = known.iter().any(|k| k.eq_ignore_ascii_case(&file.partuuid))
            || found.iter().any(|d| d.esp_partuuid.as_ref() == Some(&file.partuuid));
        let device = if seen {
            None
        } else {
            device::find_by("PARTUUID", &file.partuuid)?.into_iter().next()
        };
        let Some((disk, _)) = device.as_deref().and_then(device::partition) else { continue };
        found.push(BootDisk {
            role: "none".into(),
            name: disk.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            boot_fs_uuid: file.partuuid.clone(),
            esp_partuuid: Some(file.partuuid.clone()),
            ..Default::default()
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_holds_a_path() {
        let text =
            b"22 1 254:1 / / rw - ext4 /dev/vda1 rw\n23 22 254:2 / /boot rw - ext4 /dev/vda2 rw\n24 22 0:5 / /bootx rw - tmpfs t rw\n";
        let all = mounts::parse_mountinfo(text);
        assert_eq!(holding(&all, Path::new("/boot/grub")).unwrap().source, "/dev/vda2");
        assert_eq!(holding(&all, Path::new("/bo")).unwrap().source, "/dev/vda1");
    }

    #[test]
    fn the_loader_that_was_started() {
        let vars = efi::parse(include_str!("../../../tests/fixtures/efibootmgr/debian12-v17.txt"));
        let esp = "0a8b6c4e-4d4d-4f0e-9a53-3e6f5a2c7d11";
        assert_eq!(loader_of(&vars, Some(esp)).as_deref(), Some("\\EFI\\debian\\shimx64.efi"));
        assert_eq!(loader_of(&vars, Some("other")), None);
        assert_eq!(loader_of(&vars, None), None);
    }

    #[test]
    fn the_esp_in_a_table() {
        let json = r#"{"partitiontable":{"label":"gpt","partitions":[{"node":"/dev/vdb1","type":"21686148-6449-6E6F-744E-656564454649"},
            {"node":"/dev/vdb2","type":"C12A7328-F81F-11D2-BA4B-00A0C93EC93B"}]}}"#;
        assert_eq!(esp_in_table(json).unwrap(), Path::new("/dev/vdb2"));
        assert_eq!(esp_in_table("{}"), None);
        assert_eq!(esp_in_table(""), None);
    }
}
