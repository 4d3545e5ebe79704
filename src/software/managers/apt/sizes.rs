//! The installed packages with their sizes, and the space that a transaction takes.

use std::collections::BTreeMap;

use anyhow::Result;

use super::call::Call;
use crate::host::cmd::Cmd;
use crate::host::sandbox::Sandbox;
use crate::software::changes::{Changes, Package};
use crate::software::formats::deb::control::Paragraphs;
use crate::software::managers::manager::Job;
use crate::software::source::PackageSource;

/// An installed package, and its size in bytes by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The package.
    pub package: Package,
    /// Size of its files in bytes.
    pub bytes: u64,
}

const FORMAT: &str = "${Package}\\t${Version}\\t${Architecture}\\t${Installed-Size}\\t${Status}\\n";
/// The number of packages per query.
const BATCH: usize = 500;

/// dpkg's database.
///
/// # Errors
/// If dpkg-query fails.
pub fn database(inside: &Sandbox) -> Result<Vec<Known>> {
    let done = Cmd::new("dpkg-query", "read which packages are installed")
        .args(["-W", "-f", FORMAT])
        .in_sandbox(inside)
        .read()?;
    Ok(parse(&done.text()))
}

/// The packages that dpkg marks as essential.
///
/// # Errors
/// If dpkg-query fails.
pub fn essential(inside: &Sandbox) -> Result<Vec<String>> {
    const FORMAT: &str = "${Package}\\t${Essential}\\t${Protected}\\t${Important}\\n";
    let done = Cmd::new("dpkg-query", "read which packages are essential")
        .args(["-W", "-f", FORMAT])
        .in_sandbox(inside)
        .read()?;
    Ok(parse_marks(&done.text()))
}

fn parse_marks(text: &str) -> Vec<String> {
    let yes = |line: &str| {
        let (name, marks) = line.split_once('\t')?;
        marks.split('\t').any(|m| m == "yes").then(|| name.to_owned())
    };
    text.lines().filter_map(yes).collect()
}

/// Packages whose files are installed, configured or not.
fn parse(text: &str) -> Vec<Known> {
    let known = |line: &str| {
        let mut fields = line.split('\t');
        let (name, version, arch) = (fields.next()?, fields.next()?, fields.next()?);
        let kib: u64 = fields.next()?.trim().parse().unwrap_or(0);
        let state = fields.next()?.split(' ').nth(2)?;
        let there = !matches!(state, "not-installed" | "config-files") && !version.is_empty();
        let package =
            Package { name: name.to_owned(), version: version.to_owned(), arch: arch.to_owned() };
        there.then_some(Known { package, bytes: kib.saturating_mul(1024) })
    };
    text.lines().filter_map(known).collect()
}

/// The bytes to download, and the growth of the installed files in bytes.
///
/// # Errors
/// If apt-cache fails.
pub fn measure(job: &Job, changes: &Changes, installed: &[Known]) -> Result<(u64, i64)> {
    let new =
        changes.installed.iter().map(|p| (p.name.as_str(), p.arch.as_str(), p.version.as_str()));
    let after =
        changes.updated.iter().map(|u| (u.name.as_str(), u.arch.as_str(), u.after.as_str()));
    let wanted: Vec<(&str, &str, &str)> = new.chain(after).collect();
    let mut known = BTreeMap::new();
    for some in wanted.chunks(BATCH) {
        let names = some.iter().map(|(name, arch, version)| match *arch {
            "all" => format!("{name}={version}"),
            arch => format!("{name}:{arch}={version}"),
        });
        let call = Call::new(job, "apt-cache", "ask how large packages are")
            .args(["show", "--no-all-versions"])
            .args(names);
        let done = call.cmd().accept(&[100]).read()?;
        known.extend(parse_sizes(&done.stdout));
    }
    let key = |name: &str, arch: &str, version: &str| {
        (name.to_owned(), arch.to_owned(), version.to_owned())
    };
    let (mut download, mut growth) = (0u64, 0i64);
    for (name, arch, version) in wanted {
        let (size, bytes) = known.get(&key(name, arch, version)).copied().unwrap_or_default();
        download = download.saturating_add(size);
        growth = growth.saturating_add_unsigned(bytes);
    }
    let before = changes.updated.iter().map(|u| key(&u.name, &u.arch, &u.before));
    let gone: Vec<_> =
        before.chain(changes.removed.iter().map(|p| key(&p.name, &p.arch, &p.version))).collect();
    for k in installed
        .iter()
        .filter(|k| gone.contains(&key(&k.package.name, &k.package.arch, &k.package.version)))
    {
        growth = growth.saturating_sub_unsigned(k.bytes);
    }
    // Packages of a directory are not downloaded.
    Ok((if matches!(job.source, PackageSource::Directory { .. }) { 0 } else { download }, growth))
}

/// Bytes of the package file, and when installed, of each package that `apt-cache show` prints.
fn parse_sizes(text: &[u8]) -> BTreeMap<(String, String, String), (u64, u64)> {
    let (mut found, mut reader) = (BTreeMap::new(), Paragraphs::new(text));
    while let Ok(Some(fields)) = reader.next() {
        let text = |name: &str| fields.get(name).unwrap_or_default().to_owned();
        let number = |name: &str| text(name).parse::<u64>().unwrap_or(0);
        let sizes = (number("Size"), number("Installed-Size").saturating_mul(1024));
        let had =
            found.entry((text("Package"), text("Architecture"), text("Version"))).or_insert(sizes);
        // The paragraph of an installed package has no size of the file.
        had.0 = had.0.max(sizes.0);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there() {
        let text = "a\t1:2-3\tamd64\t12\tinstall ok installed\nb\t1\tall\t\thold ok half-configured\nc\t1\tall\t9\tdeinstall ok config-files\n\
                    d\t\t\t\tunknown ok not-installed\ne\t1\tall\t5\tinstall reinstreq half-installed\nnonsense\n";
        let found = parse(text);
        let names: Vec<(&str, u64)> =
            found.iter().map(|k| (k.package.name.as_str(), k.bytes)).collect();
        assert_eq!(names, [("a", 12288), ("b", 0), ("e", 5120)]);
        assert_eq!(found[0].package.version, "1:2-3");
    }

    #[test]
    fn what_no_system_can_be_without() {
        assert_eq!(
            parse_marks("a\tyes\t\t\nb\t\t\t\nc\tno\tyes\t\nd\t\t\tyes\nyes\n"),
            ["a", "c", "d"]
        );
    }

    #[test]
    fn what_apt_cache_shows() {
        let found = parse_sizes(include_bytes!("../../../../tests/fixtures/software/apt/show.txt"));
        let key = ("tzdata".to_owned(), "all".to_owned(), "2026f-0+deb12u1".to_owned());
        assert_eq!(found.get(&key), Some(&(307_832, 2_632_704)));
    }
}
