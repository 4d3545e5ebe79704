//! `updateinfo.xml`: the advisories of a repository (Fedora's, Red Hat's and SUSE's format), each with what it fixes and in which packages.

use std::collections::BTreeMap;
use std::io::BufRead;

use super::xml::{self, Node};
use super::{names, version};
use crate::software::Fix;

/// The most advisories of one repository; Red Hat's have some ten thousand.
const MOST: usize = 200_000;
/// The most bytes that are kept of all.
const MOST_KEPT: usize = 256 << 20;
/// Bytes of a title; the rest of a longer one is cut.
const TITLE: usize = 200;

/// An advisory while it is read.
#[derive(Default)]
struct Advisory {
    id: String,
    title: String,
    names: Vec<String>,
    /// The highest version of each package: of several architectures and collections, all have it.
    packages: BTreeMap<String, String>,
}

impl Advisory {
    fn refer(&mut self, id: &str, kind: &str) {
        let name = match kind {
            // Bug trackers' numbers stand there without a word before them.
            "bugzilla" if id.bytes().all(|b| b.is_ascii_digit()) && !id.is_empty() => format!("#{id}"),
            _ => names::canonical(id),
        };
        if names::is_one(&name) && name != self.id && !self.names.contains(&name) && self.names.len() < 10_000 {
            self.names.push(name);
        }
    }

    fn package(&mut self, name: String, found: String) {
        match self.packages.get_mut(&name) {
            Some(there) if version::compare(there, &found).is_lt() => *there = found,
            Some(_) => {}
            None => drop(self.packages.insert(name, found)),
        }
    }

    fn fix(self) -> Fix {
        Fix { id: self.id, names: self.names, title: self.title.trim().to_owned(), packages: self.packages.into_iter().collect() }
    }
}

/// Reads the advisories.
///
/// # Errors
/// Where the XML is damaged or larger than can be believed.
pub fn read(from: impl BufRead) -> Result<Vec<Fix>, String> {
    let (mut all, mut now, mut kept) = (vec![], Advisory::default(), 0usize);
    xml::each(from, |path, node| {
        let [_, update, inner @ ..] = path else { return Ok(()) };
        if update != "update" {
            return Ok(());
        }
        let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
        match (inner.as_slice(), node) {
            ([], Node::Open(_)) => now = Advisory::default(),
            ([], Node::Close) => {
                let fix = std::mem::take(&mut now).fix();
                if fix.id.is_empty() || fix.packages.is_empty() {
                    return Ok(());
                }
                let names: usize = fix.names.iter().map(|n| n.len() + 24).sum();
                kept += fix.id.len() + fix.title.len() + names + fix.packages.iter().map(|(n, v)| n.len() + v.len() + 48).sum::<usize>();
                if all.len() >= MOST || kept > MOST_KEPT {
                    return Err("it lists more advisories than can be believed".to_owned());
                }
                all.push(fix);
            }
            (["id"], Node::Text(text)) if now.id.len() < 128 => now.id += text.trim(),
            (["title"], Node::Text(text)) if now.title.len() < TITLE => now.title.extend(text.chars().take(TITLE)),
            (["references", "reference"], Node::Open(attributes)) => {
                let (id, kind) = (attributes.get("id").unwrap_or_default(), attributes.get("type").unwrap_or_default());
                now.refer(&id, &kind);
                // Some name the CVE in the title alone: `CVE-2024-1111 foo: overflow`.
                for name in names::mentioned(&attributes.get("title").unwrap_or_default()) {
                    if name.starts_with("CVE-") {
                        now.refer(&name, "cve");
                    }
                }
            }
            (["pkglist", "collection", "package"], Node::Open(attributes)) => {
                let get = |name| attributes.get(name).unwrap_or_default();
                if !matches!(get("arch").as_str(), "src" | "nosrc") && now.packages.len() < 100_000 {
                    let found = version::written(&get("epoch"), &get("version"), &get("release"));
                    now.package(get("name"), found);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(all)
}
