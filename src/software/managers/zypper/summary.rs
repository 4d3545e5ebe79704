//! The summary of a transaction that zypper prints as XML (`--xmlout`).
//!
//! `install-summary` holds a list for each kind of action (`to-upgrade`, `to-install`, `to-remove`,
//! `to-upgrade-change-arch`, ...) of `solvable`s. Where zypper would have to ask, the question's
//! description is the reason why it cannot be done.

use crate::software::changes::Package;
use crate::software::formats::rpm::version::normalize;
use crate::software::formats::rpm::xml::{self, Node};
use crate::software::managers::rpm::transaction::PlannedChanges;

/// The parsed answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The changes.
    pub planned: PlannedChanges,
    /// Errors, and questions of the solver: reasons why it cannot be done.
    pub problems: Vec<String>,
}

/// An answer that is cut off is taken as far as it removes: how zypper ended is looked at too.
pub fn parse(output: &str) -> Summary {
    // Text comes in pieces, between entities.
    let (mut summary, mut error, mut said) = (Summary::default(), false, String::new());
    let document = output.find("<?xml").map_or(output, |at| &output[at..]);
    let ended = xml::visit(document.as_bytes(), |path, node| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (path.as_slice(), node) {
            ([_, "install-summary", kind, "solvable"], Node::Open(attributes)) => {
                let get = |name| attributes.get(name).unwrap_or_default();
                if get("type") == "package" {
                    let package = Package {
                        name: get("name"),
                        version: normalize(&get("edition")),
                        arch: get("arch"),
                    };
                    summary.add(kind, package);
                }
            }
            ([.., "message"], Node::Open(attributes)) => {
                error = attributes.get("type").as_deref() == Some("error")
            }
            ([.., "message"], Node::Text(text)) if error => said += text,
            ([.., "prompt", "description"], Node::Text(text)) => said += text,
            ([.., "message"] | [.., "prompt", "description"], Node::Close) if !said.is_empty() => {
                summary.problems.push(std::mem::take(&mut said));
            }
            _ => {}
        }
        Ok(())
    });
    if let (Err(why), true) = (ended, summary == Summary::default()) {
        summary.problems.push(format!("what zypper answers cannot be read: {why}"));
    }
    summary
}

impl Summary {
    fn add(&mut self, kind: &str, package: Package) {
        match kind {
            "to-remove" => self.planned.removes.push(package),
            "to-reinstall" => {}
            kind if kind.starts_with("to-") => self.planned.installs.push(package),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(all: &[Package]) -> Vec<String> {
        all.iter().map(|p| format!("{}-{}.{}", p.name, p.version, p.arch)).collect()
    }

    #[test]
    fn what_zypper_would_do() {
        let summary =
            parse(include_str!("../../../../tests/fixtures/software/rpm/zypper-update.xml"));
        assert_eq!(
            list(&summary.planned.installs),
            [
                "a-package-with-a-name-that-is-longer-than-the-column-for-it-2.0.20240101git0123456789ab-1.fc40.noarch",
                "hello-2.0-1.fc40.noarch",
                "tool-1:1.1-1.fc40.noarch",
                "kernel-core-6.2-1.fc40.noarch",
                "newdep-1.0-1.fc40.noarch"
            ]
        );
        assert_eq!(list(&summary.planned.removes), ["hallo-0.5-1.fc40.noarch"]);
        assert!(summary.problems.is_empty());
    }

    #[test]
    fn what_stands_against_it() {
        let summary =
            parse(include_str!("../../../../tests/fixtures/software/rpm/zypper-problem.xml"));
        assert!(
            summary.planned == PlannedChanges::default() && summary.problems.len() == 1,
            "{summary:?}"
        );
        assert!(
            summary.problems[0]
                .starts_with("Problem: nothing provides what-nobody-has >= 3 needed by unmet-2.0-1.fc40.noarch\n Solution 1")
        );
        let missing = "noise\n<?xml version='1.0'?>\n<stream>\n<message type=\"info\">x</message><message type=\"error\">No provider of &apos;nonex&apos; found.</message>\n</stream>";
        assert_eq!(parse(missing).problems.concat(), "No provider of 'nonex' found.");
        assert!(parse("zypper: nothing").problems[0].contains("cannot be read"));
    }
}
