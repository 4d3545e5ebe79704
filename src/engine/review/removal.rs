//! The review of `-X`: what will be forgotten or removed, kept and erased.

use anyhow::Result;

use super::model::Review;
use super::page::{self, Page};
use super::questions::{may_begin, question};
use crate::disk::model::Inventory;
use crate::engine::run::cleanup::DiskAction;
use crate::engine::run::clearing::check_erase_serials;
use crate::engine::run::leftovers::Found;
use crate::engine::run::{cleanup, leftovers};
use crate::engine::state::record_state::{RecordState, Stage, stage};
use crate::engine::state::{Alternate, State};
use crate::host::{clock, mounts};
use crate::text::size::format_size;

/// The page about `-X` with these serial numbers; `ask`: the disks of the copy shall be erased, and
/// their serial numbers are asked for.
///
/// # Errors
/// ALT-233 for a serial number of no disk of the copy; ALT-709 if the running system is the copy
/// itself.
pub fn review_clean_up(erase: &[String], ask: bool) -> Result<Review> {
    may_begin()?;
    let inventory = Inventory::gather()?;
    let a = match RecordState::from_stored(State::read_unlocked()?) {
        RecordState::Known(a) | RecordState::NoJournal(a) => a,
        RecordState::Unreadable(why) => {
            return of_leftovers(&inventory, Some(why.to_string()), erase, ask);
        }
        RecordState::None => return of_leftovers(&inventory, None, erase, ask),
    };
    cleanup::check_not_running_from_it(&a.base, &inventory)?;
    let at = |m: &mounts::Mount| m.mount_point.starts_with(crate::engine::paths::ALT_INST);
    let mounted: Vec<String> = mounts::mounted()?
        .iter()
        .filter(|m| at(m))
        .map(|m| m.mount_point.display().to_string())
        .collect();
    Ok(clean_up_page(
        &a,
        &cleanup::choose_disk_actions(&a, erase, cleanup::target_states(&a, &inventory))?,
        &mounted,
        ask,
    ))
}

/// Pure, for golden tests.
pub fn clean_up_page(
    alternate: &Alternate,
    actions: &[DiskAction],
    mounted: &[String],
    ask: bool,
) -> Review {
    let mut page = Page::default();
    let base = &alternate.base;
    let disks = base.layout.disk_names();
    let forgets = !ask
        && actions.iter().any(|d| matches!(d, DiskAction::Keep(_) | DiskAction::KeepUnsure(_)));
    let heading = if forgets { "WHAT IS FORGOTTEN" } else { "WHAT IS REMOVED" };
    let came = match stage(alternate) {
        Stage::Finished => "it is finished".to_owned(),
        Stage::NotKnown => "its journal is damaged or lost, so its progress is unknown".to_owned(),
        Stage::Unfinished => unfinished(alternate),
    };
    let what = format!(
        "altinst_rootvg on {disks}, made from {} on {}; {came}.",
        base.origin(),
        clock::minute(base.created)
    );
    page.part(
        heading,
        &[what, "Its mounts below /alt_inst and its entries in the boot list and the firmware are removed.".to_owned()],
    );
    unmounted(&mut page, mounted);
    let (mut typed, mut stays, mut erased) = (vec![], vec![], vec![]);
    for (layout, action) in base.layout.disks.iter().zip(actions) {
        match action {
            DiskAction::Untouched => {
                stays.push(format!("{} was not written to, and stays as it is.", layout.shown()))
            }
            DiskAction::Gone => stays.push(format!(
                "{} is not there (or cannot be told from another): what is on it stays.",
                layout.shown()
            )),
            DiskAction::Reused(d) => stays
                .push(format!("{} holds something else by now: it is left as it is.", d.shown())),
            DiskAction::Keep(d) | DiskAction::KeepUnsure(d) if ask => {
                typed.push(question(d, true));
                erased.push(format!(
                    "{}: everything that is on it; then it is free again.",
                    page::disk(layout)
                ));
            }
            DiskAction::Keep(_) => stays.push(format!(
                "{}: the copy, with its system and its boot loader. {AGAIN}",
                page::disk(layout)
            )),
            DiskAction::KeepUnsure(_) => {
                stays.push(format!("{}: the copy, finished or not. {AGAIN}", page::disk(layout)))
            }
            DiskAction::Erase(d) => {
                // If --erase named the disk of the finished copy, its serial number was typed
                // already.
                if stage(alternate) == Stage::Unfinished {
                    typed.push(question(d, false));
                }
                erased.push(format!(
                    "{}: everything that is on it; then it is free again.",
                    page::disk(layout)
                ));
            }
        }
    }
    staying(&mut page, &stays, &erased);
    let old = base.present();
    let boots = match alternate.before() {
        Some(_) => format!("{old}, as before the copy was made; the boot list is restored."),
        None => format!("{old}, as now: the copy has not changed the boot list."),
    };
    page.part("WHAT BOOTS NEXT", &[boots]);
    let back = match erased.is_empty() {
        true => {
            "The copy stays on its disk: the firmware's boot menu still starts it. The running system is not touched."
        }
        false => "This cannot be undone. The running system is not changed.",
    };
    page.part("HOW TO GO BACK", &[back.to_owned()]);
    let verb = if forgets { "Forget" } else { "Remove" };
    Review {
        version: 1,
        title: format!("{verb} the copy on {disks}"),
        text: page.lines,
        typed,
        warnings: vec![],
    }
}

/// How a disk that keeps something is used again.
const AGAIN: &str = "To use the disk again, its serial number must be typed (--erase).";

fn unfinished(alternate: &Alternate) -> String {
    let done: Vec<String> = alternate.phases_done().iter().map(u8::to_string).collect();
    match done.as_slice() {
        [] => "it is not finished: no phase is complete".to_owned(),
        [one] => format!("it is not finished: phase {one} is complete"),
        more => format!("it is not finished: phases {} are complete", more.join(", ")),
    }
}

fn unmounted(page: &mut Page, mounted: &[String]) {
    let none = vec!["Nothing is mounted there now.".to_owned()];
    page.part("WHAT IS UNMOUNTED", if mounted.is_empty() { &none } else { mounted });
}

fn staying(page: &mut Page, stays: &[String], erased: &[String]) {
    if !stays.is_empty() {
        page.part("WHAT STAYS", stays);
    }
    let none = vec!["Nothing.".to_owned()];
    page.part("WHAT IS ERASED", if erased.is_empty() { &none } else { erased });
}

fn of_leftovers(
    inventory: &Inventory,
    unreadable: Option<String>,
    erase: &[String],
    ask: bool,
) -> Result<Review> {
    let found = leftovers::find_leftovers(inventory)?;
    let disks = found.erasable(inventory, unreadable.is_some());
    check_erase_serials(erase, &disks)?;
    Ok(leftovers_page(&found, inventory, unreadable, erase, ask))
}

/// Pure.
fn leftovers_page(
    found: &Found,
    inventory: &Inventory,
    unreadable: Option<String>,
    erase: &[String],
    ask: bool,
) -> Review {
    let disks = found.erasable(inventory, unreadable.is_some());
    let Some(why) = unreadable.or_else(|| {
        found
            .ours
            .then(|| "There is no record of a copy, but one is mounted below /alt_inst.".to_owned())
    }) else {
        let mut text = vec!["There is no altinst_rootvg: nothing to clean up.".to_owned()];
        text.extend(found.mounted.first().map(|m| {
            format!("{} is mounted at {}, and stays.", m.source, m.mount_point.display())
        }));
        return Review { version: 1, title: "Clean up".into(), text, ..Review::default() };
    };
    let mut page = Page::default();
    page.part(
        "WHAT IS REMOVED",
        &[why, "Mounts of a copy below /alt_inst and its entries in the boot list and the firmware are removed, as far as they are found.".to_owned()],
    );
    let mounted: Vec<String> = found
        .mounted
        .iter()
        .filter(|_| found.ours)
        .map(|m| m.mount_point.display().to_string())
        .collect();
    unmounted(&mut page, &mounted);
    let (mut typed, mut stays, mut erased) = (vec![], vec![], vec![]);
    for d in disks {
        let serial = d.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
        let name = format!("{}: {}{serial}", d.shown(), format_size(d.size));
        let said = erase.iter().any(|e| e == d.serial_or_name());
        if ask && !said {
            typed.push(question(d, true));
        }
        match ask || said {
            true => {
                erased.push(format!("{name}: everything that is on it; then it is free again."))
            }
            false => {
                stays.push(format!("{name}: the copy that is on it, finished or not. {AGAIN}"))
            }
        }
    }
    staying(&mut page, &stays, &erased);
    Review {
        version: 1,
        title: "Clean up after a copy whose record is lost".into(),
        text: page.lines,
        typed,
        warnings: vec![],
    }
}
