//! `altdisk disks --alternates`: what copies of the system there are, how far they came, and what
//! can be done with each.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::output::wrap_paragraph;
use crate::disk::eligibility::is_clone;
use crate::disk::model::{Disk, Inventory, Role, clone_again};
use crate::disk::roles::roles;
use crate::engine::paths::ALT_INST;
use crate::engine::prepare::target_disks;
use crate::engine::privilege;
use crate::engine::run::order;
use crate::engine::state::record_state::{Marks, RecordState, Unreadable, unsafe_as_unreadable};
use crate::engine::state::{Alternate, State};
use crate::error;
use crate::host::{clock, mounts};
use crate::job::{self, Id, Summary};
use crate::text::shell::quote;
use crate::text::size::format_size;

/// The known alternates.
struct Known<'w> {
    stored: Option<Alternate>,
    unreadable: Option<Unreadable>,
    mounted: bool,
    /// Disks that hold a copy which no record here tells of.
    strangers: Vec<&'w Disk>,
    old: Vec<&'w Disk>,
}

/// The text or JSON form.
///
/// # Errors
/// Where the records cannot be read, or a tool is missing.
pub fn report(inventory: &Inventory, as_json: bool) -> Result<String> {
    privilege::require_root()?;
    let roles = roles(inventory, &target_disks::known_disks(&[])?);
    let (stored, unreadable) =
        match RecordState::from_stored(unsafe_as_unreadable(State::read_unlocked())?) {
            RecordState::None => (None, None),
            RecordState::Known(a) => (Some(*a), None),
            RecordState::NoJournal(_) | RecordState::Unreadable(_) => {
                (None, Marks::read(inventory).unreadable)
            }
        };
    let with = |role: Role| {
        inventory.disks.iter().filter(|d| roles.get(&d.name) == Some(&role)).collect::<Vec<_>>()
    };
    let mut strangers: Vec<&Disk> =
        with(Role::None).into_iter().filter(|d| is_clone(d, inventory)).collect();
    if unreadable.is_some() {
        strangers.extend(with(Role::AltinstRootvg));
    }
    let mounted = mounts::mounted()?.iter().any(|m| m.mount_point.starts_with(ALT_INST));
    let known = Known { mounted, unreadable, strangers, old: with(Role::OldRootvg), stored };
    Ok(if as_json { format!("{:#}\n", to_json(&known)) } else { describe(&known) })
}

fn to_json(k: &Known) -> Value {
    let names = |disks: &[&Disk]| disks.iter().map(|d| d.name.clone()).collect::<Vec<_>>();
    let stored = k.stored.as_ref().map(|a| {
        json!({
            "disks": a.base.layout.disks.iter().map(|d| &d.name).collect::<Vec<_>>(),
            "created": a.base.created,
            "source": a.base.source_disks,
            "argv": a.made_by(),
            "phases": a.phases_done(),
            "complete": a.run_complete(),
            "steps_left": if a.run_complete() { 0 } else { order::remaining_steps(a).len() },
            "removing": a.cleaning(),
            "mounted": k.mounted,
        })
    });
    json!({"version": 1, "altinst_rootvg": stored, "unreadable": k.unreadable.as_ref().map(|u| &u.why), "unknown_alternates": names(&k.strangers), "old_rootvg": names(&k.old)})
}

fn describe(k: &Known) -> String {
    let mut text = String::new();
    let mut add = |head: &str, lines: &[String]| {
        text.push_str(&format!("{head}\n"));
        lines.iter().for_each(|l| text.push_str(&wrap_paragraph("    ", "      ", l)));
    };
    if let Some(a) = &k.stored {
        let disks: Vec<String> = a
            .base
            .layout
            .disks
            .iter()
            .map(|d| {
                let serial =
                    d.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
                format!("{} ({}{serial})", d.shown(), format_size(d.size))
            })
            .collect();
        add(&format!("altinst_rootvg on {}", disks.join(" and ")), &possible_actions(a, k.mounted));
    }
    if let Some(u) = &k.unreadable {
        let lines = [u.why.clone(), u.remedy.clone()];
        add("A copy whose record cannot be read", &lines);
    }
    for d in &k.strangers {
        let again = format!("`{}` uses the disk again", clone_again(&d.name, d.serial.as_deref()));
        let (what, again) = match &k.unreadable {
            Some(_) => (
                "It holds a copy of a system: perhaps the one whose record cannot be read.",
                format!("After `alt_disk_install -X`, {again}."),
            ),
            None => (
                "It holds a copy that was forgotten, or that another system made.",
                format!("{again}."),
            ),
        };
        add(&format!("altinst_rootvg on {}", d.shown()), &[what.to_owned(), again]);
    }
    for d in &k.old {
        let back = format!("`altdisk bootlist {}` goes back to it: it boots next then.", d.name);
        add(
            &format!("old_rootvg on {}", d.shown()),
            &["The system that this one was made from.".to_owned(), back],
        );
    }
    if text.is_empty() {
        text.push_str("There is no copy. `alt_disk_install -C DISK` makes one.\n");
    }
    text
}

/// How far it came, and what can be done next.
fn possible_actions(a: &Alternate, mounted: bool) -> Vec<String> {
    let done: Vec<String> = a.phases_done().iter().map(u8::to_string).collect();
    let mut lines = vec![
        format!(
            "made {} from {}, by: {}",
            clock::minute(a.base.created),
            a.base.origin(),
            a.made_by().join(" ")
        ),
        match done.as_slice() {
            [] => "no phase is complete".to_owned(),
            _ => format!("phases that are complete: {}", done.join(", ")),
        },
    ];
    if mounted {
        lines.push(format!("it is mounted at {ALT_INST}"));
    }
    if a.journal_damaged {
        lines.push(
            "its journal is damaged or lost: what was done on it is not all known".to_owned(),
        );
    }
    if a.cleaning() {
        lines.push("its removal was started: `alt_disk_install -X` finishes it".to_owned());
        return lines;
    }
    if !a.run_complete() {
        if let Err(busy) = State::not_busy() {
            let find_active_uses =
                |j: &Summary| j.state == job::State::Running && j.spec.on_alternate();
            let job =
                job::list().unwrap_or_default().into_iter().find(find_active_uses).map(|j| j.id);
            lines.push(describe_running_job(job, &busy));
            return lines;
        }
        let left = order::remaining_steps(a);
        let next = left.first().map_or(String::new(), |s| format!(", next: {}", s.title));
        lines.push(format!("the last run did not finish; steps left: {}{next}", left.len()));
        lines.push("`alt_disk_install --resume` continues it".to_owned());
    } else if !a.phases_done().contains(&3) {
        lines.push(
            "`alt_disk_install -C -P 2` changes it further; `alt_disk_install -C -P 3` finishes it"
                .to_owned(),
        );
    } else {
        lines.push("it is finished: `altdisk bootlist` shows whether it boots next".to_owned());
        let erase: String = a
            .base
            .layout
            .disks
            .iter()
            .map(|d| format!(" --erase {}", quote(d.serial_or_name().as_ref())))
            .collect();
        lines.push(format!("`alt_disk_install -C{erase} {}` replaces it", a.disks()));
        lines.push(
            "`alt_disk_install -X` forgets it; its disk keeps it, and can be booted".to_owned(),
        );
        lines.push(format!("`alt_disk_install -X{erase}` forgets it and erases its disk"));
        return lines;
    }
    lines.push("`alt_disk_install -X` removes it and makes its disk free".to_owned());
    lines
}

/// Who is at work, and how that is seen and stopped. `job`: its number, where it is in the list of
/// jobs.
fn describe_running_job(job: Option<Id>, busy: &anyhow::Error) -> String {
    match job {
        Some(id) => format!(
            "job {id} is at work on it: `altdisk jobs follow {id}` shows it, `altdisk jobs stop {id}` ends it"
        ),
        None => error::cause(busy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    fn k_again(inventory: &Inventory) -> Known<'_> {
        Known {
            stored: None,
            unreadable: None,
            mounted: false,
            strangers: vec![&inventory.disks[1]],
            old: vec![],
        }
    }

    #[test]
    fn who_is_at_work_can_be_found() {
        let busy = error::BUSY
            .with_cause("another run of altdisk is at work (process 7: altdisk mksysb /x)");
        assert!(
            describe_running_job(Some(Id(12)), &busy).contains("`altdisk jobs stop 12` ends it")
        );
        assert_eq!(
            describe_running_job(None, &busy),
            "another run of altdisk is at work (process 7: altdisk mksysb /x)"
        );
    }

    #[test]
    fn in_words_and_json() {
        let inventory = sample::inventory();
        let none = Known {
            stored: None,
            unreadable: None,
            mounted: false,
            strangers: vec![],
            old: vec![],
        };
        assert!(describe(&none).starts_with("There is no copy."));
        assert_eq!(to_json(&none)["altinst_rootvg"], Value::Null);
        let k =
            Known { strangers: vec![&inventory.disks[1]], old: vec![&inventory.disks[0]], ..none };
        let text = describe(&k);
        assert!(
            text.contains("altinst_rootvg on vdb\n    It holds a copy that was forgotten")
                && text.contains("`altdisk bootlist vda` goes back"),
            "{text}"
        );
        let lost = describe(&Known {
            unreadable: Some(Unreadable {
                why: "ALT-702: plan.json: cut off".into(),
                remedy: "`alt_disk_install -X`".into(),
            }),
            ..k_again(&inventory)
        });
        assert!(
            lost.contains("A copy whose record cannot be read\n    ALT-702: plan.json: cut off")
                && lost.contains("perhaps the one"),
            "{lost}"
        );
        assert!(text.lines().all(|l| l.len() <= 80), "{text}");
        assert_eq!(to_json(&k)["old_rootvg"], json!(["vda"]));
    }
}
