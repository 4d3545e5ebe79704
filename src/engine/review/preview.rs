//! The plan for people, before anything happens: what is erased, how large everything becomes,
//! every step and its commands, what boots next, how to go back. And the same as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

use crate::engine::plan::layout::{Layout, VolumeLayout};
use crate::engine::plan::{self, Action, Base, Plan};
use crate::engine::prepare::replace;
use crate::engine::prepare::{self, Prepared};
use crate::engine::request::Request;
use crate::engine::review::commands;
use crate::engine::run::{self, On};
use crate::engine::state::State;
use crate::engine::state::{relocate, standing};
use crate::event::Events;
use crate::text::size::format_size;

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    argv: &'a [String],
    targets: &'a [String],
    warnings: &'a [String],
    notes: &'a [String],
    base: &'a Base,
    steps: Vec<JsonStep<'a>>,
    boots_next: String,
    go_back: String,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    #[serde(flatten)]
    step: &'a plan::Step,
    commands: Vec<String>,
}

/// The text (or JSON) of what this request would do. `events` hear of what takes long.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn preview(request: &Request, json: bool, events: &Events) -> Result<String> {
    let on = run::may_run(request, standing::whole(State::peek()?)?)?;
    let prepared = prepared(request, on, events)?;
    let plan = plan::plan(&prepared.base, request);
    if json { as_json(&prepared, &plan) } else { Ok(as_text(&prepared, &plan)) }
}

/// What the request works from: everything checked anew, or what phase 1 stored.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn prepared(request: &Request, on: On, events: &Events) -> Result<Prepared> {
    let a = match on {
        On::Nothing => return prepare::prepare(request, None, events),
        On::Replaces(old) => {
            let mut prepared = prepare::prepare(request, Some(&old), events)?;
            prepared.notes.insert(0, replace::note(&old));
            return Ok(prepared);
        }
        On::Copy(a) => a,
    };
    let base = prepare::again(relocate::settle(&a, Some(request))?, request, events)?;
    Ok(Prepared { base, warnings: vec![], notes: vec![], targets: vec![], archive: None })
}

fn as_json(p: &Prepared, plan: &Plan) -> Result<String> {
    let steps = plan
        .steps
        .iter()
        .map(|step| JsonStep { step, commands: commands::of(&step.action, &p.base) })
        .collect();
    let json = Json {
        version: 1,
        argv: &plan.request.argv,
        targets: &p.targets,
        warnings: &p.warnings,
        notes: &p.notes,
        base: &p.base,
        steps,
        boots_next: boots_next(&p.base, plan),
        go_back: go_back(&p.base),
    };
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

/// Pure, for golden tests.
pub fn as_text(p: &Prepared, plan: &Plan) -> String {
    let mut t = String::new();
    let base = &p.base;
    let _ = writeln!(
        t,
        "PREVIEW: nothing is changed. The command:\n  {}\n",
        plan.request.argv.join(" ")
    );
    if !p.targets.is_empty() {
        t.push_str("EVERYTHING ON THESE DISKS IS ERASED\n");
        for line in &p.targets {
            let _ = writeln!(t, "  {line}");
        }
        t.push('\n');
    }
    sizes(&mut t, &base.layout);
    for (head, lines) in [("WARNINGS", &p.warnings), ("NOTES", &p.notes)] {
        if !lines.is_empty() {
            let _ = writeln!(t, "{head}");
            for line in lines {
                let _ = writeln!(t, "  - {line}");
            }
            t.push('\n');
        }
    }
    t.push_str("STEPS\n");
    let mut phase = 0;
    for (n, step) in (1..).zip(&plan.steps) {
        if step.phase != phase {
            phase = step.phase;
            let _ = writeln!(t, "  Phase {phase}: {}", plan::phase_title(base, phase));
        }
        let _ = writeln!(t, "  {n:>3}. {}", step.title);
        for line in commands::of(&step.action, base) {
            let _ = writeln!(t, "         {line}");
        }
    }
    let _ = writeln!(
        t,
        "\nWHAT BOOTS NEXT\n  {}\n\nHOW TO GO BACK\n  {}",
        boots_next(base, plan),
        go_back(base)
    );
    t
}

fn sizes(t: &mut String, layout: &Layout) {
    t.push_str("THE NEW LAYOUT (new identifiers are chosen when it runs)\n");
    for d in &layout.disks {
        let serial = d.serial.as_deref().map(|s| format!(", serial {s}")).unwrap_or_default();
        let _ = writeln!(t, "  {} ({}{serial}), GPT {}", d.name, format_size(d.size), d.table_id);
        for p in &d.partitions {
            let _ = writeln!(
                t,
                "    {:<16} {:>11}  {}",
                p.path.display(),
                format_size(p.size),
                holds(layout, p.path.as_path())
            );
        }
    }
    for vg in &layout.vgs {
        let _ = writeln!(t, "  volume group {} (made from {})", vg.name, vg.old_name);
        for v in layout.volumes.iter().filter(|v| v.vg.as_ref() == Some(&vg.name)) {
            let _ = writeln!(t, "    {:<16} {:>11}  {}", v.lv, format_size(v.size), describe(v));
        }
    }
    for s in &layout.swap_files {
        let _ = writeln!(t, "  swap file {} {}", s.file, format_size(s.size_mb << 20));
    }
    t.push('\n');
}

fn holds(layout: &Layout, partition: &std::path::Path) -> String {
    if let Some(v) = layout.volumes.iter().find(|v| v.device == partition) {
        return describe(v);
    }
    match layout.vgs.iter().find(|g| g.pvs.iter().any(|p| p == partition)) {
        Some(vg) => format!("physical volume of {}", vg.name),
        None => "BIOS boot partition (GRUB's core)".into(),
    }
}

fn describe(v: &VolumeLayout) -> String {
    let Some(fs) = &v.fs else { return format!("swap, UUID {}", v.uuid) };
    let subvolumes: Vec<&str> =
        fs.subvolume.iter().map(|s| s.path.as_str()).filter(|p| !p.is_empty()).collect();
    let subvolumes = if subvolumes.is_empty() {
        String::new()
    } else {
        format!(", subvolumes {}", subvolumes.join(" "))
    };
    format!(
        "{} {}, {} used, UUID {}{subvolumes}",
        fs.fs_name,
        fs.fs_vfs,
        format_size(fs.fs_used_mb << 20),
        v.uuid
    )
}

/// Which disk the machine starts after this run, and why.
pub fn boots_next(base: &Base, plan: &Plan) -> String {
    let first = base.layout.disks.first().map_or(String::new(), |d| d.shown());
    let old = base.present();
    if plan.steps.iter().any(|s| s.action == Action::Bootlist) {
        format!(
            "The copy on {first}, from the next reboot on; {old} stays second. Until phase 3 is done the boot list is not touched."
        )
    } else if base.on_practice_disks() {
        format!("The present system on {old}: no firmware starts a practice disk.")
    } else if plan.request.phases.list().contains(&3) {
        format!(
            "The present system on {old}: the boot list is left alone. `altdisk bootlist {first}` changes that later."
        )
    } else {
        format!("The present system on {old}: only phase 3 changes the boot list.")
    }
}

fn go_back(base: &Base) -> String {
    let old = base.present();
    format!(
        "Before a reboot: `alt_disk_install -X` sets the boot list to {old} and forgets the copy; its disk keeps it.\n  After booting the copy: `altdisk bootlist {old}`, then reboot."
    )
}
