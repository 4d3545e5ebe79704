//! Parses what pacman would do (`--print`), and computes the space that it takes.

use crate::software::changes::Package;
use crate::software::changes::Update;
use crate::software::formats::arch::entry::Entry;
use crate::software::model::Transaction;

/// Name, version, bytes to fetch.
pub const PRINT_FORMAT: &str = "%n %v %s";

/// One package that would be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name of the package.
    pub name: String,
    /// The version that would be installed.
    pub version: String,
    /// Bytes to download.
    pub fetch: u64,
}

/// Reads what was printed in [`PRINT_FORMAT`]; other lines are remarks.
pub fn parse(text: &str) -> Vec<Target> {
    let line = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [name, version, fetch] => Some(Target {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            fetch: fetch.parse().ok()?,
        }),
        _ => None,
    };
    text.lines().filter_map(line).collect()
}

/// The transaction of these targets. `there`: what the lists have; packages that others replace go,
/// which pacman does not print.
pub fn transaction(
    targets: &[Target],
    there: &[Entry],
    installed: &[Entry],
    fetched: bool,
) -> Transaction {
    let mut out = Transaction::default();
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let package = |e: &Entry| Package {
        name: e.name.clone(),
        version: e.version.clone(),
        arch: e.arch.clone(),
    };
    let mut gone: Vec<&Entry> = vec![];
    for target in targets {
        let known = there.iter().find(|e| e.name == target.name && e.version == target.version);
        let (arch, size) = known.map_or((String::new(), 0), |e| (e.arch.clone(), e.installed_size));
        let had = installed.iter().find(|e| e.name == target.name);
        if fetched {
            out.download = out.download.saturating_add(target.fetch);
        }
        out.growth = out
            .growth
            .saturating_add(signed(size))
            .saturating_sub(signed(had.map_or(0, |h| h.installed_size)));
        let new = Package { name: target.name.clone(), version: target.version.clone(), arch };
        match had {
            None => out.changes.installed.push(new),
            Some(had) if had.version != new.version => {
                out.changes.updated.push(Update {
                    name: new.name,
                    arch: new.arch,
                    before: had.version.clone(),
                    after: new.version,
                });
            }
            Some(_) => {}
        }
        let replaced = |old: &&Entry| {
            old.name != target.name
                && !targets.iter().any(|t| t.name == old.name)
                && known.is_some_and(|e| {
                    e.list("REPLACES")
                        .iter()
                        .any(|r| r.split(['<', '=', '>']).next() == Some(&old.name))
                })
        };
        gone.extend(installed.iter().filter(replaced));
    }
    gone.sort_by(|a, b| a.name.cmp(&b.name));
    gone.dedup_by(|a, b| a.name == b.name);
    out.growth =
        gone.iter().fold(out.growth, |sum, e| sum.saturating_sub(signed(e.installed_size)));
    out.changes.removed = gone.into_iter().map(package).collect();
    out.changes.installed.sort();
    out.changes.updated.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_becomes_a_transaction() {
        let text = "zlib 1:1.3-2 100\nnew 1-1 50\nsame 1-1 0\n there is nothing to do\n:: Starting full system upgrade...\n";
        let targets = parse(text);
        assert_eq!(targets.len(), 3);
        let entry = |name: &str, version: &str, installed_size| Entry {
            name: name.into(),
            version: version.into(),
            arch: "x86_64".into(),
            installed_size,
            ..Entry::default()
        };
        let mut new = entry("new", "1-1", 300);
        new.lists = vec![("REPLACES", vec!["old<2".into(), "zlib".into(), "none".into()])];
        let there = [entry("zlib", "1:1.3-2", 1000), new, entry("same", "1-1", 7)];
        let installed =
            [entry("zlib", "1:1.2-1", 900), entry("old", "1-1", 40), entry("same", "1-1", 7)];
        let t = transaction(&targets, &there, &installed, true);
        assert_eq!((t.download, t.growth), (150, 1000 - 900 + 300 - 40));
        assert_eq!(
            (t.changes.installed.len(), t.changes.updated.len(), t.changes.removed.len()),
            (1, 1, 1)
        );
        assert_eq!(
            (t.changes.updated[0].before.as_str(), t.changes.removed[0].name.as_str()),
            ("1:1.2-1", "old")
        );
        assert_eq!(transaction(&targets, &there, &installed, false).download, 0);
    }
}
