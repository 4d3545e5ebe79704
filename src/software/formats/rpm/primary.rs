//! `primary.xml`: the packages of a repository (createrepo's format).

use std::io::BufRead;
use std::path::{Component, Path, PathBuf};

use super::version;
use super::xml::{self, Node};
use crate::software::budget::{Budget, MAX_WORD};
use crate::software::model::Available;

/// The most packages of one repository; the largest distributions have a hundred thousand.
const MAX_PACKAGES: usize = 500_000;
/// Bytes of a summary; the rest of a longer one is cut.
const MAX_SUMMARY: usize = 200;

/// Reads the packages, without source packages. Their files are as the repository names them,
/// relative to it.
///
/// # Errors
/// If the XML is damaged or implausibly large.
pub fn read(from: impl BufRead) -> Result<Vec<Available>, String> {
    let (mut all, mut now, mut budget) = (vec![], Available::default(), Budget::default());
    xml::visit(from, |path, node| {
        let [_, package, inner @ ..] = path else { return Ok(()) };
        if package != "package" {
            return Ok(());
        }
        match (inner, node) {
            ([], Node::Open(_)) => now = Available::default(),
            ([], Node::Close) => {
                let done = std::mem::take(&mut now);
                if done.name.is_empty()
                    || done.version.is_empty()
                    || matches!(done.arch.as_str(), "src" | "nosrc")
                {
                    return Ok(());
                }
                budget.count_text(done.summary.len())?;
                if all.len() >= MAX_PACKAGES {
                    return Err("it lists implausibly many packages".to_owned());
                }
                all.push(done);
            }
            ([one], Node::Text(text)) => match one.as_str() {
                "name" => add(&mut now.name, text, &mut budget)?,
                "arch" => add(&mut now.arch, text, &mut budget)?,
                "summary" if now.summary.len() < MAX_SUMMARY => {
                    now.summary.extend(text.chars().take(MAX_SUMMARY))
                }
                _ => {}
            },
            ([one], Node::Open(attributes)) => match one.as_str() {
                "version" => {
                    let get = |name| attributes.get(name).unwrap_or_default();
                    now.version = version::format_evr(&get("epoch"), &get("ver"), &get("rel"));
                    budget.keep_word(&now.version)?;
                }
                "size" => {
                    let get = |name| attributes.get(name).and_then(|n| n.parse().ok()).unwrap_or(0);
                    (now.size, now.installed_size) = (get("package"), get("installed"));
                }
                "location" => {
                    let href = attributes.get("href").unwrap_or_default();
                    budget.keep_word(&href)?;
                    now.file = Some(PathBuf::from(href)).filter(|f| !f.as_os_str().is_empty());
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    })?;
    Ok(all)
}

/// Text comes in pieces, between entities.
fn add(to: &mut String, text: &str, budget: &mut Budget) -> Result<(), String> {
    budget.keep_word(text.trim())?;
    *to += text.trim();
    if to.len() > MAX_WORD {
        Err(format!("it has a name of more than {MAX_WORD} bytes"))
    } else {
        Ok(())
    }
}

/// Turns the files of packages into paths below `repository`; None for those that do not exist.
pub fn locate(all: &mut [Available], repository: &Path) {
    for package in all {
        let inside = |f: &PathBuf| {
            f.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
        };
        package.file =
            package.file.take().filter(inside).map(|f| repository.join(f)).filter(|f| f.is_file());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_package_cannot_fill_the_memory() {
        let long = "x".repeat(5000);
        for inside in [
            format!("<name>{long}</name>"),
            "<name>xxxxxxx&amp;</name>".repeat(1000),
            format!(r#"<version ver="{long}" rel="1"/>"#),
            format!(r#"<location href="{long}"/>"#),
        ] {
            let why = read(format!("<metadata><package>{inside}</package></metadata>").as_bytes())
                .unwrap_err();
            assert!(why.contains("more than 4096 bytes"), "{why}");
        }
    }
}
