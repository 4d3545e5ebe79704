//! `updateinfo.xml`: the advisories of a repository (Fedora's, Red Hat's and SUSE's format), each
//! with what it fixes and in which packages.

use std::collections::BTreeMap;
use std::io::BufRead;

use super::xml::{self, Node};
use super::{names, version};
use crate::software::budget::Budget;
use crate::software::model::Fix;

/// The most advisories of one repository; Red Hat's have some ten thousand.
const MAX_ADVISORIES: usize = 200_000;
/// The most names and packages of one advisory.
const MAX_NAMES: usize = 10_000;
const MAX_PACKAGES: usize = 100_000;
/// Characters of an id.
const MAX_ID: usize = 128;
/// Bytes of a title; the rest of a longer one is cut.
const MAX_TITLE: usize = 200;

/// An advisory while it is read.
#[derive(Default)]
struct Advisory {
    id: String,
    /// `security`, `recommended`, ...
    kind: String,
    title: String,
    names: Vec<String>,
    /// The highest version of each package: of several architectures and collections, all have it.
    packages: BTreeMap<String, String>,
}

impl Advisory {
    fn add_reference(&mut self, id: &str, kind: &str, budget: &mut Budget) -> Result<(), String> {
        let name = match kind {
            // Bug numbers have no prefix there.
            "bugzilla" if id.bytes().all(|b| b.is_ascii_digit()) && !id.is_empty() => {
                format!("#{id}")
            }
            _ => names::canonical(id),
        };
        if names::looks_like_fix(&name)
            && name != self.id
            && !self.names.contains(&name)
            && self.names.len() < MAX_NAMES
        {
            budget.keep_word(&name)?;
            self.names.push(name);
        }
        Ok(())
    }

    fn add_package(
        &mut self,
        name: String,
        found: String,
        budget: &mut Budget,
    ) -> Result<(), String> {
        budget.keep_word(&found)?;
        match self.packages.get_mut(&name) {
            Some(there) if version::compare(there, &found).is_lt() => *there = found,
            Some(_) => {}
            None => {
                budget.keep_word(&name)?;
                self.packages.insert(name, found);
            }
        }
        Ok(())
    }

    fn into_fix(mut self) -> Fix {
        let announced = suse_names(&self.id, &self.kind);
        self.names.extend(announced);
        Fix {
            id: self.id,
            names: self.names,
            title: self.title.trim().to_owned(),
            packages: self.packages.into_iter().collect(),
        }
    }
}

/// The names that SUSE announces a patch by: `SUSE-SLE-Module-Basesystem-15-SP6-2024-123` is
/// SUSE-2024-123, announced as SUSE-SU-2024:0123-1 (SU for security, RU for recommended);
/// openSUSE's own likewise.
fn suse_names(id: &str, kind: &str) -> Vec<String> {
    let maker = ["SUSE", "openSUSE"]
        .into_iter()
        .find(|m| id.strip_prefix(m).is_some_and(|rest| rest.starts_with('-')));
    let mut parts = id.rsplit('-');
    let (number, year) = (
        parts.next().and_then(|n| n.parse::<u32>().ok()),
        parts.next().and_then(|y| y.parse::<u32>().ok()),
    );
    let (Some(maker), Some(number), Some(year @ 2000..=2999)) = (maker, number, year) else {
        return vec![];
    };
    let letters = if kind == "security" { "SU" } else { "RU" };
    // Packages of SUSE's enterprise system are openSUSE's too, and announced by SUSE.
    let by = if id.contains("-SLE-") { "SUSE" } else { maker };
    [format!("{by}-{year}-{number}"), format!("{by}-{letters}-{year}:{number:04}-1")]
        .into_iter()
        .filter(|n| n != id)
        .collect()
}

/// Reads the advisories.
///
/// # Errors
/// If the XML is damaged or implausibly large.
pub fn read(from: impl BufRead) -> Result<Vec<Fix>, String> {
    let (mut all, mut now, mut budget) = (vec![], Advisory::default(), Budget::default());
    xml::visit(from, |path, node| {
        let [_, update, inner @ ..] = path else { return Ok(()) };
        if update != "update" {
            return Ok(());
        }
        let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
        match (inner.as_slice(), node) {
            ([], Node::Open(attributes)) => {
                now = Advisory {
                    kind: attributes.get("type").unwrap_or_default(),
                    ..Advisory::default()
                };
            }
            ([], Node::Close) => {
                let fix = std::mem::take(&mut now).into_fix();
                if fix.id.is_empty() || fix.packages.is_empty() {
                    return Ok(());
                }
                budget.count_text(fix.id.len() + fix.title.len())?;
                if all.len() >= MAX_ADVISORIES {
                    return Err("it lists implausibly many advisories".to_owned());
                }
                all.push(fix);
            }
            (["id"], Node::Text(text)) if now.id.len() < 128 => {
                now.id.extend(text.trim().chars().take(MAX_ID))
            }
            (["title"], Node::Text(text)) if now.title.len() < MAX_TITLE => {
                now.title.extend(text.chars().take(MAX_TITLE))
            }
            (["references", "reference"], Node::Open(attributes)) => {
                let (id, kind) = (
                    attributes.get("id").unwrap_or_default(),
                    attributes.get("type").unwrap_or_default(),
                );
                now.add_reference(&id, &kind, &mut budget)?;
                // Some name the CVE in the title alone: `CVE-2024-1111 foo: overflow`.
                for name in names::find_fixes(&attributes.get("title").unwrap_or_default()) {
                    if name.starts_with("CVE-") {
                        now.add_reference(&name, "cve", &mut budget)?;
                    }
                }
            }
            (["pkglist", "collection", "package"], Node::Open(attributes)) => {
                let get = |name| attributes.get(name).unwrap_or_default();
                if !matches!(get("arch").as_str(), "src" | "nosrc")
                    && now.packages.len() < MAX_PACKAGES
                {
                    let found =
                        version::format_evr(&get("epoch"), &get("version"), &get("release"));
                    now.add_package(get("name"), found, &mut budget)?;
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_suse() {
        for (id, kind, want) in [
            (
                "SUSE-SLE-Module-Basesystem-15-SP6-2024-123",
                "security",
                vec!["SUSE-2024-123", "SUSE-SU-2024:0123-1"],
            ),
            (
                "openSUSE-SLE-15.6-2024-2973",
                "recommended",
                vec!["SUSE-2024-2973", "SUSE-RU-2024:2973-1"],
            ),
            ("openSUSE-2022-10123", "security", vec!["openSUSE-SU-2022:10123-1"]),
            ("SUSE-2024-1", "security", vec!["SUSE-SU-2024:0001-1"]),
            ("FEDORA-2024-0123456789", "security", vec![]),
            ("SUSE-x", "security", vec![]),
        ] {
            assert_eq!(suse_names(id, kind), want, "{id}");
        }
    }

    /// Text of an endless list, made while it is read.
    fn repeated(head: &str, part: String, times: usize) -> impl BufRead {
        use std::io::Read;
        let parts = std::iter::repeat_n(part, times);
        struct Parts<I>(I, std::io::Cursor<String>);
        impl<I: Iterator<Item = String>> Read for Parts<I> {
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                match self.1.read(to)? {
                    0 => match self.0.next() {
                        Some(next) => {
                            self.1 = std::io::Cursor::new(next);
                            self.1.read(to)
                        }
                        None => Ok(0),
                    },
                    n => Ok(n),
                }
            }
        }
        std::io::BufReader::new(Parts(parts, std::io::Cursor::new(head.to_owned())))
    }

    #[test]
    fn one_advisory_cannot_fill_the_memory() {
        let head = "<updates><update><id>X-1</id><pkglist><collection>";
        let package = |name: &str| {
            format!(r#"<package name="{name}" epoch="0" version="1" release="1" arch="x86_64"/>"#)
        };
        let why = read(repeated(head, package(&"x".repeat(4 << 20)), 100_000)).unwrap_err();
        assert!(why.contains("more than 4096 bytes"), "{why}");
        let id = read(
            format!(
                "<u><update><id>{0}</id><id>{0}</id><pkglist><collection>{1}</collection></pkglist></update></u>",
                "i".repeat(9999),
                package("a")
            )
            .as_bytes(),
        );
        assert!(id.unwrap()[0].id.len() < 300);
    }

    #[test]
    fn advisories_of_several_makers() {
        let text = r##"<updates>
            <update from="maint-coord@suse.de" status="stable" type="security" version="1"><id>openSUSE-SLE-15.6-2024-2973</id>
              <title>Security update for glibc</title><release>openSUSE Leap 15.6</release>
              <references><reference href="https://bugzilla.suse.com/1223423" id="1223423" title="VUL-0: CVE-2024-33599: glibc" type="bugzilla"/>
                <reference href="https://www.suse.com/security/cve/CVE-2024-33600/" id="CVE-2024-33600" title="CVE-2024-33600" type="cve"/></references>
              <pkglist><collection><package name="glibc" epoch="0" version="2.38" release="150600.14.5.1" arch="x86_64" src="glibc.src.rpm"/>
                <package name="glibc" epoch="0" version="2.38" release="150600.14.5.1" arch="src"/>
                <package name="glibc-locale" epoch="0" version="2.38" release="150600.14.5.1" arch="i586"/></collection></pkglist></update>
            <update type="security"><id>RHSA-2024:3339</id><title>Important: glibc security update</title>
              <references><reference href="https://access.redhat.com/errata/RHSA-2024:3339" id="RHSA-2024:3339" type="self" title="RHSA-2024:3339"/>
                <reference href="https://access.redhat.com/security/updates/classification/#important" id="classification" type="other" title="#important"/></references>
              <pkglist><collection><name>rhel-9</name><package name="glibc" epoch="0" version="2.34" release="100.el9_4.2" arch="x86_64"/></collection>
                <collection><package name="glibc" epoch="0" version="2.34" release="83.el9_3.9" arch="x86_64"/></collection></pkglist></update>
            <update><id>EMPTY-1</id></update></updates>"##;
        let all = read(text.as_bytes()).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(
            all[0].names,
            [
                "#1223423",
                "CVE-2024-33599",
                "CVE-2024-33600",
                "SUSE-2024-2973",
                "SUSE-SU-2024:2973-1"
            ]
        );
        let names: Vec<&str> = all[0].packages.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["glibc", "glibc-locale"]);
        assert_eq!((all[1].id.as_str(), all[1].names.len()), ("RHSA-2024:3339", 0));
        assert_eq!(all[1].packages, [("glibc".to_owned(), "2.34-100.el9_4.2".to_owned())]);
    }
}
