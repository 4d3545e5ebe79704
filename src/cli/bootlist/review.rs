//! The page that a panel shows before it sets the boot list.

use crate::boot::bootlist::Machine;
use crate::boot::bootlist::bootdisk::{BootDisk, ORIGIN};
use crate::engine::review::{Page, Review};
use crate::host::clock;
use crate::text::size::format_size;

/// When this system was made from the previous one, in seconds since the epoch.
pub(super) fn copy_time() -> Option<u64> {
    let made = std::fs::metadata(ORIGIN).ok()?.modified().ok()?;
    made.duration_since(std::time::UNIX_EPOCH).ok().map(|d| d.as_secs())
}

/// The page about setting the list to this disk, or about booting it once.
pub(super) fn review_page(
    machine: &Machine,
    disk: &BootDisk,
    made: Option<u64>,
    once: bool,
) -> Review {
    let serial = disk.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
    let mut system = vec![format!("{}: {}{serial}", disk.shown(), format_size(disk.size))];
    system.push(match disk.role.as_str() {
        "old_rootvg" => match made {
            Some(at) => {
                format!("The previous system. This one was made from it, and the record of that was written {}.", clock::minute(at))
            }
            None => "The previous system, from which this one was made.".to_owned(),
        },
        "altinst_rootvg" => "The copy of the running system.".to_owned(),
        "rootvg" => "The running system.".to_owned(),
        _ => "Another system.".to_owned(),
    });
    let back = machine.here.practice().unwrap_or(&machine.here.name);
    let mut page = Page::default();
    page.part("WHAT BOOTS NEXT", &system);
    page.part("WHEN", &["Nothing changes until the machine restarts.".to_owned()]);
    let (title, way_back) = if once {
        (
            format!("Boot {} once", disk.shown()),
            "By itself: the start after the next one boots what the machine boots now. Nothing is checked; if the system does not come up, switch the machine off and on. Until the restart, `altdisk bootlist --cancel` cancels the choice.".to_owned(),
        )
    } else {
        (
            format!("Boot {} next", disk.shown()),
            format!("`altdisk bootlist {back}`, here or there: this disk stays as it is."),
        )
    };
    page.part("HOW TO GO BACK", &[way_back]);
    Review { version: 1, title, text: page.lines, ..Review::default() }
}

#[cfg(test)]
mod tests {
    use super::super::find_disk;
    use super::*;
    use crate::boot::firmware::Firmware;
    use crate::error;

    #[test]
    fn a_previous_system_is_named_before_it_is_chosen() {
        let disk = |name: &str, role: &str| BootDisk {
            name: name.into(),
            role: role.into(),
            boot_fs_uuid: name.into(),
            serial: Some(format!("S-{name}")),
            size: 20 << 30,
            ..Default::default()
        };
        let mut machine = Machine {
            firmware: Firmware::Bios,
            here: disk("vda", "rootvg"),
            others: vec![disk("vdb", "old_rootvg")],
        };
        let page = |once| {
            let disk = find_disk(&machine, "old_rootvg").unwrap();
            review_page(&machine, disk, None, once).text.join("\n")
        };
        let text = page(false);
        assert!(
            text.contains("vdb: 20 GiB, serial S-vdb") && text.contains("altdisk bootlist vda"),
            "{text}"
        );
        assert!(page(true).contains("what the machine boots now"));
        machine.others[0] =
            BootDisk { serial: Some("PRACTICE-one".into()), ..disk("loop2", "altinst_rootvg") };
        let told = |word: &str| {
            error::find(&find_disk(&machine, word).unwrap_err()).unwrap().cause.clone()
        };
        assert!(told("old_rootvg").starts_with("there is no previous system"));
        assert_eq!(told("one (loop2)"), "one is a practice disk: no machine can boot from it");
    }
}
