//! The preview of a plan as text or JSON: what is erased, the sizes, every step with its commands,
//! what boots next, how to go back.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

use crate::engine::plan::layout::{Layout, VolumeLayout};
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::{Plan, Step};
use crate::engine::prepare::prepared::Prepared;
use crate::engine::prepare::replace;
use crate::engine::request::Request;
use crate::engine::review::commands;
use crate::engine::review::outlook::{boots_next, go_back};
use crate::engine::run::order;
use crate::engine::run::order::StartingPoint;
use crate::engine::state::{State, record_state, relocate};
use crate::engine::{plan, prepare};
use crate::event::Events;
use crate::text::size::format_size;

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    argv: &'a [String],
    targets: &'a [String],
    warnings: &'a [String],
    notes: &'a [String],
    base: &'a AlternateSpec,
    steps: Vec<JsonStep<'a>>,
    boots_next: String,
    go_back: String,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    #[serde(flatten)]
    step: &'a Step,
    commands: Vec<String>,
}

/// The text (or JSON) of what this request would do. `events` hear of what takes long.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn preview_request(request: &Request, json: bool, events: &Events) -> Result<String> {
    let on = order::starting_point(request, record_state::require_whole(State::read_unlocked()?)?)?;
    let prepared = prepare_request(request, on, events)?;
    let plan = plan::make_plan(&prepared.base, request);
    if json { as_json(&prepared, &plan) } else { Ok(as_text(&prepared, &plan)) }
}

/// The description that the request works from: checked now, or stored by phase 1.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn prepare_request(request: &Request, on: StartingPoint, events: &Events) -> Result<Prepared> {
    let a = match on {
        StartingPoint::Nothing => return prepare::prepare(request, None, events),
        StartingPoint::Replaces(old) => {
            let mut prepared = prepare::prepare(request, Some(&old), events)?;
            prepared.notes.insert(0, replace::describe_replacement(&old));
            return Ok(prepared);
        }
        StartingPoint::Copy(a) => a,
    };
    let base = prepare::refresh_spec(relocate::locate_disks(&a, Some(request))?, request, events)?;
    Ok(Prepared { base, warnings: vec![], notes: vec![], targets: vec![], archive: None })
}

fn as_json(p: &Prepared, plan: &Plan) -> Result<String> {
    let steps = plan
        .steps
        .iter()
        .map(|step| JsonStep {
            step,
            commands: commands::commands_of_action(&step.action, &p.base),
        })
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
        for line in commands::commands_of_action(&step.action, base) {
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
    t.push_str("THE NEW LAYOUT (the run chooses new identifiers)\n");
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
