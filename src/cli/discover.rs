//! `altdisk discover`: what stands in a panel's fields when it opens, in SMIT's colon form.

use std::ffi::OsString;

use anyhow::Result;

use crate::cli::getopt;
use crate::cli::list::{Candidate, candidates, images};
use crate::cli::output::print_text;
use crate::disk::practice;
use crate::engine::facts::Facts;
use crate::engine::state::record_state;
use crate::error::{self, Exit};
use crate::event::Events;
use crate::flags::DISCOVER;
use crate::host::{clock, files, sys};

/// Runs `altdisk discover`.
///
/// # Errors
/// ALT-972 for an unknown panel.
pub fn run(args: &[OsString], _events: &Events) -> Result<Exit> {
    let parsed = getopt::parse(&DISCOVER, args)?;
    let words: Vec<String> =
        parsed.operands.iter().map(|o| o.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = match words.as_slice() {
        ["clone"] => clone_values(&candidates()?),
        ["alternate"] => alternate_values()?,
        ["image"] => vec![("file", default_image_file())],
        ["practice"] => vec![("name", practice::free_name()?), ("size", practice_size())],
        _ => {
            return Err(error::DISCOVER_WHAT
                .with_cause(format!("`altdisk discover {}` finds nothing", words.join(" "))));
        }
    };
    Ok(print_text(&format_colons(&found), Exit::Done))
}

/// The only disk that a clone can go to, with nothing lost. Practice disks count where there is no
/// other; no firmware starts those.
fn clone_values(all: &[Candidate]) -> Vec<(&'static str, String)> {
    let ready = |practice: bool| {
        all.iter().filter(move |c| c.practice == practice && c.ready()).collect::<Vec<_>>()
    };
    let (real, practice) = (ready(false), ready(true));
    let found = if real.is_empty() { practice } else { real };
    let target = match found.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    // Also a disk that must be erased first can be chosen from the list.
    let mut possible = all.iter().filter(|c| c.verdict.only_content()).peekable();
    let practice = match target {
        Some(target) => target.practice,
        None => possible.peek().is_some() && possible.all(|c| c.practice),
    };
    let target = target.map_or(String::new(), |t| t.name.clone());
    vec![("target", target), ("bootlist", if practice { "no" } else { "yes" }.to_owned())]
}

/// Where the alternate is, and whether its disk can be in a boot list.
fn alternate_values() -> Result<Vec<(&'static str, String)>> {
    let base = record_state::readable_base()?;
    let disks: Vec<&str> =
        base.iter().flat_map(|b| &b.layout.disks).map(|d| d.name.as_str()).collect();
    let bootlist = if base.as_ref().is_some_and(|b| b.on_practice_disks()) { "no" } else { "yes" };
    Ok(vec![("target", disks.join(" ")), ("bootlist", bootlist.to_owned())])
}

/// A name that tells the images of several machines and days apart.
pub(crate) fn default_image_file() -> String {
    let host = files::line("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' })
        .collect();
    let host = if host.is_empty() { "system" } else { &host };
    images::directory()
        .join(format!("{host}-{}.mksysb.zst", clock::day(sys::now().0)))
        .to_string_lossy()
        .into_owned()
}

/// As large as the disks of the running system, so that a clone fits; what `practice create` takes
/// by itself where that is not known.
fn practice_size() -> String {
    let disks = Facts::gather().map_or(vec![], |f| f.source.image.source_disk_data);
    format_gib(disks.iter().map(|d| d.size_mb).sum())
}

/// Whole GiB, rounded up; one more for what a table and a boot partition take.
fn format_gib(mb: u64) -> String {
    if mb == 0 { "8G".to_owned() } else { format!("{}G", mb.div_ceil(1024) + 1) }
}

/// `#name:name` and `value:value`; a colon in a value is `#!:`.
fn format_colons(found: &[(&str, String)]) -> String {
    let names: Vec<&str> = found.iter().map(|(n, _)| *n).collect();
    let values: Vec<String> = found.iter().map(|(_, v)| v.replace(':', "#!:")).collect();
    format!("#{}\n{}\n", names.join(":"), values.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::eligibility::{self, Verdict};
    use crate::engine::prepare::fits::Fit;

    fn candidate(name: &str, practice: bool, fits: bool) -> Candidate {
        let fit = (!fits).then(|| Fit::No("small".to_owned()));
        Candidate {
            name: name.into(),
            row: String::new(),
            verdict: Verdict::default(),
            practice,
            fit,
            has_serial: true,
            all: String::new(),
        }
    }

    #[test]
    fn the_only_free_disk() {
        let found = |all: &[Candidate]| {
            clone_values(all).into_iter().map(|(_, v)| v).collect::<Vec<_>>().join(" ")
        };
        let real = |n: &str| candidate(n, false, true);
        let (one, small) = (candidate("one", true, true), candidate("sdb", false, false));
        assert_eq!(found(&[]), " yes");
        assert_eq!(
            found(&[real("vdb"), candidate("one", true, true), candidate("sdb", false, false)]),
            "vdb yes"
        );
        assert_eq!(found(&[real("vdb"), real("vdc")]), " yes");
        assert_eq!(found(&[one, small]), "one no");
        // Two to choose from, or one that holds something: a practice disk in any case.
        let mut held = candidate("held", true, true);
        let content = eligibility::Obstacle {
            entry: &error::DISK_HAS_CONTENT,
            kind: eligibility::Kind::HasContent,
            evidence: String::new(),
            remedy: String::new(),
        };
        held.verdict.obstacles.push(content);
        assert_eq!(found(&[candidate("one", true, true), candidate("two", true, true)]), " no");
        assert_eq!(found(&[held]), " no");
    }

    #[test]
    fn sizes() {
        assert_eq!([0, 1, 8192, 8193].map(format_gib), ["8G", "2G", "9G", "10G"]);
    }

    #[test]
    fn colon_form() {
        assert_eq!(format_colons(&[("a", "1:2".into()), ("b", String::new())]), "#a:b\n1#!:2:\n");
    }
}
