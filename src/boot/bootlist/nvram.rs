//! The UEFI boot variables, through efibootmgr: entries created without touching the order, read
//! back, then the order set.
//!
//! Exit codes of efibootmgr are not trusted: what counts is what a second reading shows. Entries of
//! others are never deleted.

use anyhow::Result;

use super::efi::{self, BootVars, Entry};
use crate::boot::bootlist::bootdisk::BootDisk;
use crate::boot::device;
use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;

/// # Errors
/// If efibootmgr is missing or fails.
pub fn read() -> Result<BootVars> {
    let vars = Cmd::new("efibootmgr", "read the firmware's boot entries").arg("-v").read()?;
    Ok(efi::parse(&vars.text()))
}

/// The entry that starts this disk, made if there is none.
pub fn entry_for(disk: &BootDisk, events: &Events) -> Result<String> {
    let partuuid = esp(disk)?;
    if let Some(entry) = best(&read()?, disk) {
        return Ok(entry.number.clone());
    }
    let device = device::find_by("PARTUUID", partuuid)?.into_iter().next().ok_or_else(|| {
        error::BOOT_ENTRY.with_cause(format!(
            "{}: its EFI system partition {partuuid} is not there",
            disk.title()
        ))
    })?;
    let (whole, number) = device::partition(&device).ok_or_else(|| {
        error::BOOT_ENTRY
            .with_cause(format!("{} is not a partition that the kernel knows", device.display()))
    })?;
    create(disk, &whole.to_string_lossy(), number).run(events)?;
    let vars = read()?;
    let made = best(&vars, disk).ok_or_else(|| {
        error::BOOT_ENTRY.with_cause(format!(
            "efibootmgr made an entry for {}, and the firmware does not show it",
            disk.title()
        ))
    })?;
    Ok(made.number.clone())
}

/// Create-only: `-c` would put it first in the boot order at once.
fn create(disk: &BootDisk, whole: &str, number: u32) -> Cmd {
    Cmd::new("efibootmgr", format!("make a boot entry for {}", disk.title()))
        .args(["-q", "-C", "-d", whole, "-p"])
        .arg(number.to_string())
        .args(["-L", &disk.title(), "-l", loader(disk)])
}

fn loader(disk: &BootDisk) -> &str {
    disk.loader.as_deref().unwrap_or("\\EFI\\BOOT\\BOOTX64.EFI")
}

fn esp(disk: &BootDisk) -> Result<&str> {
    disk.esp_partuuid.as_deref().ok_or_else(|| {
        error::NO_BOOT_PARTITION
            .with_cause(format!("{} has no EFI system partition that altdisk knows", disk.title()))
    })
}

/// The entry that starts this disk's loader: the wanted file before others on the same ESP, active
/// ones only.
pub fn best<'a>(vars: &'a BootVars, disk: &BootDisk) -> Option<&'a Entry> {
    let on = vars.on_partition(disk.esp_partuuid.as_deref()?);
    let exact =
        |e: &&&Entry| e.file.as_ref().is_some_and(|f| f.loader.eq_ignore_ascii_case(loader(disk)));
    let active: Vec<&Entry> = on.into_iter().filter(|e| e.active).collect();
    let found = active.iter().find(exact).copied();
    // A record without a loader names the whole disk: any entry on its ESP will do.
    if disk.loader.is_some() { found } else { found.or_else(|| active.first().copied()) }
}

/// The order that boots `wanted` first: then what is booted now, then the rest as it was.
pub fn order(vars: &BootVars, wanted: &[String]) -> Vec<String> {
    let mut all: Vec<String> = wanted.to_vec();
    for n in vars
        .current
        .iter()
        .filter(|n| vars.entry(n).is_some_and(|e| e.file.is_some()))
        .chain(&vars.order)
    {
        if !all.contains(n) {
            all.push(n.clone());
        }
    }
    all
}

/// Sets the boot order (and takes back a BootNext, which would come before it), and reads it back.
pub fn set_order(order: &[String], events: &Events) -> Result<()> {
    let before = read()?;
    if before.order != order {
        Cmd::new("efibootmgr", "set the firmware's boot order")
            .args(["-q", "-o", &order.join(",")])
            .run(events)?;
    }
    if let Some(next) = before.next {
        events.note(format!(
            "the firmware was told to boot entry Boot{next} once; the new boot list replaces that"
        ));
        cancel_once(events)?;
    }
    let after = read()?;
    if after.order == order {
        return Ok(());
    }
    let (wanted, shows) = (order.join(","), after.order.join(","));
    Err(error::BOOT_ENTRY
        .with_cause(format!("the boot order was set to {wanted}, and the firmware shows {shows}")))
}

/// Deletes an entry that altdisk made.
pub fn delete(number: &str, events: &Events) -> Result<()> {
    Cmd::new("efibootmgr", format!("delete the boot entry Boot{number} of the copy"))
        .args(["-q", "-B", "-b", number])
        .run(events)
        .map(drop)
}

/// Puts an entry at the end of the boot order unless it is in it: some firmware ignores a one-time
/// choice that is not.
pub fn append(number: &str, events: &Events) -> Result<()> {
    let mut order = read()?.order;
    if order.iter().any(|n| n == number) {
        return Ok(());
    }
    order.push(number.to_owned());
    Cmd::new("efibootmgr", format!("put Boot{number} at the end of the firmware's boot order"))
        .args(["-q", "-o", &order.join(",")])
        .run(events)?;
    require(read()?.order == order, format!("Boot{number} at the end of the boot order"))
}

/// Makes the firmware boot an entry once, and reads that back.
pub fn boot_once(number: &str, events: &Events) -> Result<()> {
    Cmd::new("efibootmgr", format!("tell the firmware to boot Boot{number} once"))
        .args(["-q", "-n", number])
        .run(events)?;
    require(read()?.next.as_deref() == Some(number), format!("Boot{number} as the one-time choice"))
}

/// Cancels the firmware's one-time choice. Returns whether there was one.
pub fn cancel_once(events: &Events) -> Result<bool> {
    if read()?.next.is_none() {
        return Ok(false);
    }
    Cmd::new("efibootmgr", "cancel the one-time choice").args(["-q", "-N"]).run(events)?;
    require(read()?.next.is_none(), "no one-time choice".to_owned()).map(|()| true)
}

fn require(shown: bool, wanted: String) -> Result<()> {
    if shown {
        return Ok(());
    }
    Err(error::BOOT_ENTRY
        .with_cause(format!("the firmware was given {wanted}, and does not show that")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> BootVars {
        efi::parse(include_str!("../../../tests/fixtures/efibootmgr/debian12-v17.txt"))
    }

    fn disk(loader: Option<&str>) -> BootDisk {
        BootDisk {
            name: "vdb".into(),
            role: "altinst_rootvg".into(),
            esp_partuuid: Some("0a8b6c4e-4d4d-4f0e-9a53-3e6f5a2c7d11".into()),
            loader: loader.map(str::to_owned),
            ..Default::default()
        }
    }

    #[test]
    fn creates_without_ordering() {
        let cmd = create(&disk(Some("\\EFI\\debian\\shimx64.efi")), "/dev/vdb", 2);
        assert_eq!(
            cmd.argv(),
            [
                "efibootmgr",
                "-q",
                "-C",
                "-d",
                "/dev/vdb",
                "-p",
                "2",
                "-L",
                "altinst_rootvg (vdb)",
                "-l",
                "\\EFI\\debian\\shimx64.efi"
            ]
        );
    }

    #[test]
    fn the_exact_loader_is_wanted() {
        assert_eq!(
            best(&vars(), &disk(Some("\\efi\\debian\\SHIMX64.efi"))).unwrap().number,
            "0003"
        );
        assert_eq!(best(&vars(), &disk(None)).unwrap().number, "0003");
        // Inactive, and another file: no.
        assert!(best(&vars(), &disk(Some("\\EFI\\debian\\grubx64.efi"))).is_none());
        assert!(best(&vars(), &BootDisk::default()).is_none());
    }

    #[test]
    fn the_running_system_comes_second_and_nothing_is_lost() {
        let mut v = vars();
        assert_eq!(order(&v, &["0007".into()]), ["0007", "0003", "0000", "0001", "0002"]);
        assert_eq!(order(&v, &["0003".into()]), ["0003", "0000", "0001", "0002"]);
        v.order = vec!["0001".into()];
        assert_eq!(order(&v, &["0007".into()]), ["0007", "0003", "0001"]);
    }
}
