//! The next system to boot, and how to go back.

use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::{Action, Plan};

/// The disk that the machine starts after this run, and why.
pub fn boots_next(base: &AlternateSpec, plan: &Plan) -> String {
    let first = base.layout.disks.first().map_or(String::new(), |d| d.shown());
    let old = base.present();
    if plan.steps.iter().any(|s| s.action == Action::Bootlist) {
        format!(
            "The copy on {first}, from the next reboot on; {old} stays second. Until phase 3 is done the boot list is not touched."
        )
    } else if base.on_practice_disks() {
        format!("The running system on {old}: a machine cannot boot from a practice disk.")
    } else if plan.request.phases.list().contains(&3) {
        format!(
            "The running system on {old}: the boot list is not changed. `altdisk bootlist {first}` changes that later."
        )
    } else {
        format!("The running system on {old}: only phase 3 changes the boot list.")
    }
}

/// How to return to the running system, before and after a reboot.
pub fn go_back(base: &AlternateSpec) -> String {
    let old = base.present();
    format!(
        "Before a reboot: `alt_disk_install -X` sets the boot list to {old} and forgets the copy; its disk keeps it.\n  After booting the copy: `altdisk bootlist {old}`, then reboot."
    )
}
