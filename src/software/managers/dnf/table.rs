//! Parses the table of changes that dnf prints before it asks for confirmation.
//!
//! dnf 4 and dnf 5 print nearly the same: sections (`Upgrading:`) of rows (name, architecture,
//! version, repository, size). A row begins with one blank; dnf 4 breaks long ones, what follows
//! stands further right. Below a row there may be `replacing ...`: with dnf 4 packages of other
//! names, with dnf 5 also the older version. At the end the packages are is_complete, and the rows
//! read are held against that.

use crate::software::changes::Package;
use crate::software::formats::rpm::version::normalize;
use crate::software::managers::rpm::transaction::PlannedChanges;

/// The parsed table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The changes.
    pub planned: PlannedChanges,
    /// Packages that would have been updated, but cannot be.
    pub skipped: Vec<Package>,
    replaced: Vec<Package>,
    /// The rows are as many as dnf counts at the end.
    pub is_complete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Install,
    Remove,
    Skip,
    /// Reinstalled, and streams of modules: no package changes.
    Other,
}

/// Parses the output; None if it has no table: there is nothing to do, or an error.
pub fn parse(output: &str) -> Option<Table> {
    let mut lines = output.lines().skip_while(|l| !is_heading(l));
    lines.next()?;
    let (mut table, mut section, mut counts, mut rows) = (Table::default(), None, (0, 0), 0);
    let mut words: Vec<&str> = vec![];
    let mut summary = false;
    for line in lines {
        if line.starts_with("Transaction Summary") {
            table.finish_row(&mut words, section, &mut rows);
            summary = true;
        } else if summary {
            counts = add_count(line, counts);
        } else if let Some(next) = parse_section(line) {
            table.finish_row(&mut words, section, &mut rows);
            section = Some(next);
        } else if line.starts_with("===") {
            // A rule.
        } else if let Some(rest) =
            line.trim_start().strip_prefix("replacing ").filter(|_| line.starts_with("  "))
        {
            table.finish_row(&mut words, section, &mut rows);
            table.add_replaced(rest);
        } else if line.starts_with(' ') && !line.starts_with("  ") {
            table.finish_row(&mut words, section, &mut rows);
            words = line.split_whitespace().collect();
        } else if line.starts_with("  ") && !words.is_empty() {
            words.extend(line.split_whitespace());
        }
    }
    // dnf 5 also lists the older version of an updated package as replaced.
    let Table { planned, replaced, .. } = &mut table;
    replaced.retain(|r| !planned.installs.iter().any(|c| c.name == r.name));
    planned.removes.append(replaced);
    table.is_complete = summary && counts.0.saturating_add(counts.1) == rows;
    summary.then_some(table)
}

/// The line above the columns; dnf 4 shortens its words where there is little room.
fn is_heading(line: &str) -> bool {
    line.split_whitespace().next() == Some("Package")
        && ["Arch", "Version", "Repo", "Size"].iter().all(|w| line.contains(w))
}

/// Any line that begins at the margin and ends in a colon begins a section; those of unknown names
/// too.
fn parse_section(line: &str) -> Option<Section> {
    let known = [
        ("Installing", Section::Install),
        ("Upgrading", Section::Install),
        ("Downgrading", Section::Install),
        ("Removing", Section::Remove),
        ("Skipping packages", Section::Skip),
    ];
    let found =
        known.iter().find(|(begin, _)| line.starts_with(begin)).map(|(_, section)| *section);
    if found.is_some() {
        return found;
    }
    (line.ends_with(':') && !line.starts_with(' ')).then_some(Section::Other)
}

/// Adds a line of the summary: `Upgrade  4 Packages (+1 Dependent package)`, ` Upgrading:         4
/// packages`. The first number is of packages that are installed, the second of those that go.
/// Reinstalled and skipped ones are no change, and dnf 5 counts replaced ones apart.
fn add_count(line: &str, (installs, removes): (usize, usize)) -> (usize, usize) {
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let verb = words.next().unwrap_or_default();
    let numbers = words.filter_map(|w| w.parse::<usize>().ok()).fold(0, usize::saturating_add);
    match verb {
        "Install" | "Installing" | "Upgrade" | "Upgrading" | "Downgrade" | "Downgrading"
            if line.to_lowercase().contains("package") =>
        {
            (installs.saturating_add(numbers), removes)
        }
        "Remove" | "Removing" if line.to_lowercase().contains("package") => {
            (installs, removes.saturating_add(numbers))
        }
        _ => (installs, removes),
    }
}

impl Table {
    /// A row is complete.
    fn finish_row(&mut self, words: &mut Vec<&str>, section: Option<Section>, rows: &mut usize) {
        let row = std::mem::take(words);
        let ([name, arch, evr, ..], Some(section)) = (row.as_slice(), section) else { return };
        let package = package(name, arch, evr);
        match section {
            Section::Install => self.planned.installs.push(package),
            Section::Remove => self.planned.removes.push(package),
            Section::Skip => self.skipped.push(package),
            Section::Other => {}
        }
        if matches!(section, Section::Install | Section::Remove) {
            *rows += 1;
        }
    }

    /// `hallo.noarch 1-1` (dnf 4) or `hallo noarch 1-1 repository 1.0 KiB` (dnf 5).
    fn add_replaced(&mut self, rest: &str) {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let package = match words.as_slice() {
            [name_arch, evr] => {
                name_arch.rsplit_once('.').map(|(name, arch)| package(name, arch, evr))
            }
            [name, arch, evr, ..] => Some(package(name, arch, evr)),
            _ => None,
        };
        self.replaced.extend(package);
    }
}

fn package(name: &str, arch: &str, evr: &str) -> Package {
    Package { name: name.to_owned(), version: normalize(evr), arch: arch.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(all: &[Package]) -> Vec<String> {
        all.iter().map(|p| format!("{}-{}.{}", p.name, p.version, p.arch)).collect()
    }

    #[test]
    fn of_dnf_4() {
        let table = parse(include_str!("../../../../tests/fixtures/software/rpm/dnf4-upgrade.txt"))
            .unwrap();
        assert!(table.is_complete, "{table:?}");
        assert_eq!(
            list(&table.planned.installs),
            [
                "kernel-core-6.2-1.fc40.noarch",
                "a-package-with-a-name-that-is-longer-than-the-column-for-it-2.0.20240101git0123456789ab-1.fc40.noarch",
                "hello-2.0-1.fc40.noarch",
                "tool-1:1.1-1.fc40.noarch",
                "newdep-1.0-1.fc40.noarch"
            ]
        );
        assert_eq!(list(&table.planned.removes), ["hallo-0.5-1.fc40.noarch"]);
        assert_eq!(list(&table.skipped), ["unmet-2.0-1.fc40.noarch"]);
    }

    #[test]
    fn broken_rows() {
        let text = " Package  Arch  Version  Repository  Size\n===\nUpgrading:\n pipewire-jack-audio-connection-kit\n\
                    \x20                               x86_64 1.0.6-1.fc41           rawhide   133 k\n pipewire-libs                 i686   1.0.6-1.fc41           rawhide   1.9 M\n\
                    \nTransaction Summary\n===\nUpgrade  2 Packages\n";
        let table = parse(text).unwrap();
        assert!(table.is_complete);
        assert_eq!(
            list(&table.planned.installs),
            [
                "pipewire-jack-audio-connection-kit-1.0.6-1.fc41.x86_64",
                "pipewire-libs-1.0.6-1.fc41.i686"
            ]
        );
    }

    #[test]
    fn of_dnf_5() {
        let table = parse(include_str!("../../../../tests/fixtures/software/rpm/dnf5-upgrade.txt"))
            .unwrap();
        assert!(table.is_complete, "{table:?}");
        assert_eq!(
            list(&table.planned.installs),
            [
                "openh264-2.6.0-2.fc43.x86_64",
                "qemu-img-2:9.1.2-1.fc41.x86_64",
                "unbound-libs-1.22.0-8.fc41.i686"
            ]
        );
        assert_eq!(list(&table.planned.removes), ["noopenh264-2.6.0-1.fc43.x86_64"]);
    }

    #[test]
    fn other_answers() {
        for text in [
            "",
            "Nothing to do.\nComplete!\n",
            "Error: \n Problem: x\n",
            "Package hello-1.0-1.fc40.noarch is already installed.\n",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let text = include_str!("../../../../tests/fixtures/software/rpm/dnf4-upgrade.txt")
            .replace("Upgrade  3 Packages", "Upgrade  4 Packages");
        assert!(!parse(&text).unwrap().is_complete);
        let removed = " Package Arch Version Repository Size\nDowngrading:\n a noarch 1-1 x 1 k\nRemoving dependent packages:\n b noarch 0:1-1 @System 1\n\
                       \nTransaction Summary\n====\nRemove     1 Package\nDowngrade  1 Package\n";
        let table = parse(removed).unwrap();
        assert_eq!(
            (list(&table.planned.installs), list(&table.planned.removes)),
            (vec!["a-1-1.noarch".into()], vec!["b-1-1.noarch".into()])
        );
        assert!(table.is_complete);
    }
}
