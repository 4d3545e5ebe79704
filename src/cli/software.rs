//! `altdisk software`: what updates changed, packages before and after.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::cli::output::{print_raw, print_text, wrap_paragraph};
use crate::cli::{getopt, help};
use crate::engine::paths::STATE;
use crate::engine::state::updates::Update;
use crate::engine::state::{State, updates};
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::SOFTWARE;
use crate::host::beneath::Beneath;
use crate::host::clock;
use crate::software::Changes;
use crate::text::printable;
use crate::text::shell::quoted;

/// Runs `altdisk software`.
///
/// # Errors
/// ALT-702 where a record cannot be read.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&SOFTWARE, args)?;
    let hidden = !nix::unistd::geteuid().is_root()
        && std::fs::read_dir(STATE)
            .is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied);
    if hidden {
        return Err(error::NOT_ROOT.with_cause(format!(
            "what was updated is recorded below {}, which only root can read",
            STATE
        )));
    }
    let here = Beneath::open(Path::new("/"))?;
    let copy_is_known = State::read_base_unlocked()?.known()?.is_some();
    let alternate = if copy_is_known {
        Some(updates::read(&here, &Path::new(STATE).join("altinst"))?)
    } else {
        None
    };
    let system = updates::read(&here, Path::new(STATE))?;
    Ok(if parsed.has("json") {
        print_raw(&to_json(alternate.as_deref(), &system), Exit::Done)
    } else {
        print_text(&describe(alternate.as_deref(), &system), Exit::Done)
    })
}

/// Version 1. `alternate` is null where there is none.
fn to_json(alternate: Option<&[Update]>, system: &[Update]) -> String {
    format!("{:#}\n", json!({"version": 1, "alternate": alternate, "system": system}))
}

fn describe(alternate: Option<&[Update]>, system: &[Update]) -> String {
    let mut text = String::new();
    match alternate {
        None => text.push_str("There is no copy.\n"),
        Some([]) => text.push_str("The copy (altinst_rootvg) has not been updated.\n"),
        Some(all) => {
            text.push_str("The copy (altinst_rootvg):\n");
            all.iter().for_each(|u| text.push_str(&describe_update(u)));
        }
    }
    if !system.is_empty() {
        text.push_str("\nThis system, when it was the copy:\n");
        system.iter().for_each(|u| text.push_str(&describe_update(u)));
    }
    text
}

fn describe_update(update: &Update) -> String {
    let plain = |text: &str| printable(text, false);
    let mut text = format!("\n{}  {}\n", clock::minute(update.time), plain(&update.manager));
    text.push_str(&wrap_paragraph("  ", "    ", &plain(&quoted(&update.argv))));
    if !update.complete {
        text.push_str(
            "  It did not come to its end: some packages may be unpacked and not configured.\n",
        );
    }
    text.push_str(&format!("  {}\n", describe_totals(&update.changes)));
    text + &format_table(&update.changes)
}

/// How much of what was done, in one line.
fn describe_totals(changes: &Changes) -> String {
    let parts = [
        (changes.updated.len(), "updated"),
        (changes.installed.len(), "installed"),
        (changes.removed.len(), "removed"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() {
        "nothing changed".to_owned()
    } else {
        format!("packages: {}", parts.join(", "))
    }
}

/// A line a package: name, version before, version after.
fn format_table(changes: &Changes) -> String {
    let mut rows: Vec<[String; 3]> = vec![];
    let row = |name: &str, before: &str, after: &str| {
        [printable(name, false), printable(before, false), printable(after, false)]
    };
    rows.extend(changes.updated.iter().map(|u| row(&u.name, &u.before, &u.after)));
    rows.extend(changes.installed.iter().map(|p| row(&p.name, "-", &p.version)));
    rows.extend(changes.removed.iter().map(|p| row(&p.name, &p.version, "-")));
    if rows.is_empty() {
        return String::new();
    }
    rows.sort();
    rows.insert(0, row("PACKAGE", "BEFORE", "AFTER"));
    const NAME: usize = 34;
    let widest = |n: usize, most: usize| {
        rows.iter().map(|r| r[n].chars().count()).max().unwrap_or(0).min(most)
    };
    let (name, before) = (widest(0, NAME), widest(1, 22));
    let line = |[n, b, a]: &[String; 3]| {
        let line = format!("    {n:<name$}  {b:<before$}  {a}");
        if line.chars().count() <= help::WIDTH {
            return line + "\n";
        }
        // Long names have their versions below them, long versions one below the other.
        let versions = format!("        {b:<before$}  {a}");
        match versions.chars().count() <= help::WIDTH {
            true => format!("    {n}\n{versions}\n"),
            false => format!("    {n}\n        {b}\n        {a}\n"),
        }
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::{Package, changes};

    fn update() -> Update {
        let package = |name: &str, version: &str| Package {
            name: name.into(),
            version: version.into(),
            arch: "amd64".into(),
        };
        let changed = |name: &str, before: &str, after: &str| changes::Update {
            name: name.into(),
            arch: "amd64".into(),
            before: before.into(),
            after: after.into(),
        };
        Update {
            time: 0,
            argv: vec!["alt_disk_install".into(), "-C".into(), "-F".into(), "CVE-1 CVE-2".into()],
            manager: "apt".into(),
            changes: Changes {
                installed: vec![package("linux-image-6.1.0-22-amd64", "6.1.94-1")],
                updated: vec![
                    changed("libc6", "2.36-9+deb12u4", "2.36-9+deb12u7"),
                    changed(&"x".repeat(60), "1", &"2".repeat(30)),
                ],
                removed: vec![package("old", "1.0")],
            },
            complete: true,
        }
    }

    #[test]
    fn in_eighty_columns() {
        let text = describe(Some(&[update()]), &[]);
        let (first, rest) = text.split_once("  apt\n").unwrap();
        assert!(first.starts_with("The copy (altinst_rootvg):\n\n19"), "{text}");
        assert_eq!(
            rest,
            format!(
                "  alt_disk_install -C -F 'CVE-1 CVE-2'\n\
                 \x20 packages: 2 updated, 1 installed, 1 removed\n\
                 \x20   PACKAGE                             BEFORE          AFTER\n\
                 \x20   libc6                               2.36-9+deb12u4  2.36-9+deb12u7\n\
                 \x20   linux-image-6.1.0-22-amd64          -               6.1.94-1\n\
                 \x20   old                                 1.0             -\n\
                 \x20   {}\n\
                 \x20       1               {}\n",
                "x".repeat(60),
                "2".repeat(30)
            )
        );
        assert!(text.lines().all(|l| l.len() <= help::WIDTH));
        assert_eq!(describe(None, &[]), "There is no copy.\n");
        assert_eq!(describe(Some(&[]), &[]), "The copy (altinst_rootvg) has not been updated.\n");
        assert!(describe(None, &[update()]).contains("\nThis system, when it was the copy:\n"));
        assert_eq!(describe_totals(&Changes::default()), "nothing changed");
    }

    #[test]
    fn as_json() {
        let value: serde_json::Value = serde_json::from_str(&to_json(None, &[update()])).unwrap();
        assert_eq!((&value["version"], &value["alternate"]), (&json!(1), &json!(null)));
        assert_eq!(value["system"][0]["changes"]["updated"][0]["after"], "2.36-9+deb12u7");
    }
}
