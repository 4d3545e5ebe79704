//! `altdisk disks`: every disk, what it is, what is on it, and whether it can be a target; if not,
//! why.

use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::list::{holds, truncate_text};
use crate::cli::output::{print_raw, print_text, wrap_paragraph};
use crate::cli::{alternates, getopt};
use crate::disk::eligibility::{self, Kind, Verdict, describe};
use crate::disk::model::{Disk, Inventory, Role};
use crate::disk::roles::roles;
use crate::engine::facts::Facts;
use crate::engine::prepare::fits::{Fit, fits};
use crate::engine::prepare::target_disks;
use crate::engine::state::record_state::Marks;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::DISKS;
use crate::text::size::format_size;

/// Columns of the text form.
const WIDTH: usize = 80;
/// How many reasons the text form gives; all of them are in the JSON.
const REASONS: usize = 8;

/// Runs `altdisk disks`.
///
/// # Errors
/// ALT-10x for a wrong command line; ALT-801 where a tool is missing.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&DISKS, args)?;
    let (as_json, words) = (parsed.has("json"), &parsed.operands);
    if let Some(word) = words.first().filter(|_| parsed.has("alternates")) {
        return Err(error::UNEXPECTED_OPERAND.with_cause(format!(
            "--alternates takes no disk; `{}` is one",
            word.to_string_lossy()
        )));
    }
    // A system that cannot be cloned still has disks to show.
    let facts = if parsed.has("alternates") { None } else { Facts::gather().ok() };
    let fits = facts.as_ref().map(fits).unwrap_or_default();
    let mut inventory = match facts {
        Some(facts) => facts.inventory,
        None => Inventory::gather()?,
    };
    let marks = Marks::read(&inventory);
    inventory.unknown.extend(marks.unreadable.iter().map(|u| format!("{} ({})", u.why, u.remedy)));
    if parsed.has("alternates") {
        let text = alternates::report(&inventory, as_json)?;
        return Ok(if as_json {
            print_raw(&text, Exit::Done)
        } else {
            print_text(&text, Exit::Done)
        });
    }
    let roles = roles(&inventory, &target_disks::known_disks(&[])?);
    let seen = Seen { inventory: &inventory, roles: &roles, marks: &marks, fits: &fits };
    let mut named: Vec<&Disk> = vec![];
    for word in words {
        let disk = inventory.disk(&word.to_string_lossy())?;
        if !named.iter().any(|d| d.name == disk.name) {
            named.push(disk);
        }
    }
    let text = match (as_json, words.is_empty()) {
        (true, true) => format!("{:#}\n", json_form(&seen, inventory.disks.iter())),
        (true, false) => format!("{:#}\n", json_form(&seen, named.into_iter())),
        (false, true) => text_form(&seen),
        (false, false) => {
            named.into_iter().map(|d| everything(d, &seen)).collect::<Vec<_>>().join("\n")
        }
    };
    Ok(if as_json { print_raw(&text, Exit::Done) } else { print_text(&text, Exit::Done) })
}

/// The disks, and what is known of them.
struct Seen<'w> {
    inventory: &'w Inventory,
    roles: &'w BTreeMap<String, Role>,
    marks: &'w Marks,
    /// By kernel names, where it is known.
    fits: &'w BTreeMap<String, Fit>,
}

impl Seen<'_> {
    fn role(&self, disk: &Disk) -> Role {
        self.roles.get(&disk.name).copied().unwrap_or(Role::None)
    }

    fn examine(&self, disk: &Disk) -> Verdict {
        let mut verdict = eligibility::examine(disk, self.inventory, self.role(disk));
        self.marks.add_to(&mut verdict, disk, self.role(disk));
        verdict
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Rootvg => "rootvg",
        Role::AltinstRootvg => "altinst_rootvg",
        Role::OldRootvg => "old_rootvg",
        Role::None => "none",
    }
}

fn target(verdict: &Verdict) -> &'static str {
    if verdict.is_free() {
        "yes"
    } else if verdict.only_content() {
        "erase"
    } else {
        "no"
    }
}

/// The JSON form, version 1.
fn json_form<'w>(seen: &Seen, disks: impl Iterator<Item = &'w Disk>) -> Value {
    let disks = disks.map(|d| {
        let verdict = seen.examine(d);
        let kind = |k: Kind| match k {
            Kind::InUse => "in use",
            Kind::HasContent => "content",
            Kind::Unsuitable => "unsuitable",
        };
        let obstacles: Vec<Value> = verdict
            .obstacles
            .iter()
            .map(|o| json!({"id": o.entry.id, "kind": kind(o.kind), "evidence": o.evidence, "remedy": o.remedy}))
            .collect();
        let mut value = json!(d);
        value["role"] = json!(seen.role(d));
        value["target"] = json!(target(&verdict));
        value["obstacles"] = json!(obstacles);
        value["too_small"] = json!(seen.fits.get(&d.name).and_then(Fit::too_small));
        value["notes"] = json!(verdict.notes);
        value["erase"] = json!(d.serial_or_name());
        value
    });
    json!({"version": 1, "disks": disks.collect::<Vec<_>>(), "unknown": seen.inventory.unknown})
}

fn text_form(seen: &Seen) -> String {
    let inventory = seen.inventory;
    if inventory.disks.is_empty() {
        return "This machine shows no disks.\n".to_owned();
    }
    let mut text = table(seen);
    for d in &inventory.disks {
        let (role, verdict) = (seen.role(d), seen.examine(d));
        let known =
            if role == Role::None { String::new() } else { format!(", {}", role_name(role)) };
        text.push_str(&format!("\n{}: {}{known}\n", d.shown(), format_size(d.size)));
        let fit = seen.fits.get(&d.name);
        for line in details(d, &verdict, fit) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    for what in &inventory.unknown {
        wrap("Not known: ", what, "", &mut |line| {
            text.push_str(&line);
            text.push('\n');
        });
    }
    text
}

/// One line a disk, so that the free ones are seen at once; the reasons stand below, disk by disk.
fn table(seen: &Seen) -> String {
    let row = |name: &str, size: &str, model: &str, holds: &str, usable: &str| {
        format!("{name:<17} {size:>9}  {:<16} {holds:<16} {usable}", truncate_text(model, 16))
            .trim_end()
            .to_owned()
            + "\n"
    };
    let mut text = row("NAME", "SIZE", "MODEL", "HOLDS", "CAN BE A TARGET");
    for d in &seen.inventory.disks {
        let role = seen.role(d);
        let model =
            if d.practice.is_some() { "practice disk" } else { d.model.as_deref().unwrap_or("-") };
        text.push_str(&row(
            &d.shown(),
            &format_size(d.size),
            model,
            &holds(d, role),
            usable(&seen.examine(d), role, seen.fits.get(&d.name)),
        ));
    }
    text
}

/// Whether a copy can go there, or why not, in as few words as a column has.
fn usable(verdict: &Verdict, role: Role, fit: Option<&Fit>) -> &'static str {
    match (target(verdict), role) {
        ("yes" | "erase", _) if matches!(fit, Some(Fit::No(_))) => "no, too small",
        ("yes", _) => "yes",
        ("erase", _) => "only with --erase",
        (_, Role::Rootvg) => "no, runs now",
        (_, Role::AltinstRootvg) => "no, the copy",
        _ if verdict.obstacles.iter().any(|o| o.kind == Kind::InUse) => "no, in use",
        _ => "no, see below",
    }
}

/// All about one disk: each reason against it with what would remove it.
fn everything(d: &Disk, seen: &Seen) -> String {
    let (role, verdict) = (seen.role(d), seen.examine(d));
    let mut text = format!("{}: {}\n", d.shown(), format_size(d.size));
    let mut add = |head: &str, body: &str| {
        text.push_str(&wrap_paragraph(&format!("    {head:<14}"), &" ".repeat(18), body))
    };
    if let Some(file) = &d.practice {
        add("practice disk", &format!("in {}", file.display()));
    }
    add("model", d.model.as_deref().unwrap_or("not known"));
    add("serial", d.serial.as_deref().unwrap_or("none"));
    let transport =
        d.transport.clone().filter(|t| t != "loop").map(|t| format!("{t}, ")).unwrap_or_default();
    add("connection", &format!("{transport}sectors of {} bytes", d.logical_sector));
    add("role", role_name(role));
    match (&d.unreadable, describe(d).as_slice()) {
        (Some(why), _) => add("on it", &format!("not known: {why}")),
        (None, []) => add("on it", "nothing"),
        (None, all) => {
            all.iter().enumerate().for_each(|(i, c)| add(if i == 0 { "on it" } else { "" }, c))
        }
    }
    for (i, link) in d.links.iter().enumerate() {
        add(if i == 0 { "also called" } else { "" }, &link.display().to_string());
    }
    add(
        "target",
        match target(&verdict) {
            "yes" | "erase" if matches!(seen.fits.get(&d.name), Some(Fit::No(_))) => {
                "not for a clone as things are: it is too small"
            }
            "yes" => "yes: a clone can go there",
            "erase" => {
                "yes, when its serial number (or name, if it has none) is typed: it is not empty"
            }
            _ => "no",
        },
    );
    for o in &verdict.obstacles {
        add("because", &o.evidence);
        add("what to do", &o.remedy);
    }
    for n in room_note(&verdict, seen.fits.get(&d.name)).iter().chain(&verdict.notes) {
        add("note", n);
    }
    text
}

/// Whether there is room for a clone, of a disk that could be a target.
fn room_note(verdict: &Verdict, fit: Option<&Fit>) -> Option<String> {
    fit.filter(|_| verdict.only_content()).and_then(Fit::note)
}

fn details(d: &Disk, verdict: &Verdict, fit: Option<&Fit>) -> Vec<String> {
    let mut lines = vec![];
    let mut add = |head: &str, body: &str| wrap(head, body, "    ", &mut |l| lines.push(l));
    let mut what: Vec<String> = d.model.iter().cloned().collect();
    what.extend(d.transport.clone().filter(|t| t != "loop"));
    what.push(d.serial.as_ref().map_or("no serial".to_owned(), |s| format!("serial {s}")));
    if d.logical_sector > 512 {
        what.push(format!("sectors of {} bytes", d.logical_sector));
    }
    add("", &what.join(", "));
    let content = describe(d);
    match (&d.unreadable, content.is_empty()) {
        (None, true) if d.size > 0 => add("on it: ", "nothing"),
        _ => content
            .iter()
            .enumerate()
            .for_each(|(i, c)| add(if i == 0 { "on it: " } else { "       " }, c)),
    }
    let content_only = verdict.only_content();
    for o in verdict.obstacles.iter().take(REASONS) {
        // What is on it was told already; what to do about it was not.
        let generic = o.entry.id == error::DISK_HAS_CONTENT.id;
        match (generic, content_only) {
            (true, true) => add("to use it: ", &o.remedy),
            (true, false) => {}
            (false, true) => add("but: ", &format!("{}: {}", o.evidence, o.remedy)),
            (false, false) => add("no target: ", &o.evidence),
        }
    }
    if verdict.obstacles.len() > REASONS {
        add(
            "no target: ",
            &format!("and {} reasons more (--json lists all)", verdict.obstacles.len() - REASONS),
        );
    }
    for n in room_note(verdict, fit).iter().chain(&verdict.notes) {
        add("note: ", n);
    }
    lines
}

/// Breaks `head` and `body` into lines of at most [`WIDTH`] columns, each begun with `indent`,
/// later ones aligned below the body.
fn wrap(head: &str, body: &str, indent: &str, take: &mut dyn FnMut(String)) {
    let mut line = format!("{indent}{head}");
    let hang = line.chars().count();
    let mut empty = true;
    for word in body.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            take(std::mem::replace(&mut line, " ".repeat(hang)));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    take(line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn a_page_of_disks() {
        let mut inventory = sample::inventory();
        inventory.disks[1].table =
            Some(crate::disk::model::Table { kind: "dos".into(), id: "1234abcd".into() });
        inventory.disks[1].partitions = (1..=5)
            .map(|n| sample::partition("vdb", n, &format!("254:{}", 16 + n), "ext4"))
            .collect();
        inventory
            .unknown
            .push("12 processes do not show what they use (run as root to see it)".into());
        let no = |why: &str| Fit::No(why.to_owned());
        let fits = BTreeMap::from([
            ("vdb".to_owned(), no("vdb (20 GiB) is too small: it needs 30 GiB")),
            ("sdc".to_owned(), no("sdc (20 GiB) is too small: it needs 30 GiB")),
            ("loop6".to_owned(), Fit::AsFarAsCounted),
        ]);
        let text = text_form(&Seen {
            inventory: &inventory,
            roles: &BTreeMap::from([("vda".to_owned(), Role::Rootvg)]),
            marks: &Marks::default(),
            fits: &fits,
        });
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/disk/disks-page.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap(), "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH));
    }

    #[test]
    fn json_has_everything() {
        let inventory = sample::inventory();
        let value = json_form(
            &Seen {
                inventory: &inventory,
                roles: &BTreeMap::new(),
                marks: &Marks::default(),
                fits: &BTreeMap::from([("vdb".to_owned(), Fit::No("it needs 30 GiB".into()))]),
            },
            inventory.disks.iter(),
        );
        let b = &value["disks"][1];
        assert_eq!(
            (&b["name"], &b["target"], &b["role"], &b["erase"]),
            (&json!("vdb"), &json!("yes"), &json!("none"), &json!("DISK-B"))
        );
        assert_eq!(b["too_small"], json!("it needs 30 GiB"));
        assert_eq!(value["disks"][2]["obstacles"][0]["id"], "ALT-204");
    }
}
