//! Parses the output of `apt-get -s`: one line for each action.

use std::collections::BTreeSet;

use super::sizes::Known;
use crate::software::changes::{Changes, Package, Update};

/// One act of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Unpack and configure; `old`: the version that is installed.
    Install {
        name: String,
        arch: String,
        old: Option<String>,
        new: String,
    },
    Remove {
        name: String,
        arch: Option<String>,
        version: String,
    },
}

/// `Inst name[:arch] [old] (new repositories [arch]) [...]`, `Remv name[:arch] [version]`, `Purg`
/// likewise. `Conf` says nothing new.
pub fn parse(text: &str) -> Vec<Action> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Action> {
    let (verb, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let (name, arch) = match name.split_once(':') {
        Some((name, arch)) => (name, Some(arch.to_owned())),
        None => (name, None),
    };
    let name = name.to_owned();
    let (old, rest) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((old, rest)) => (Some(old.to_owned()), rest.trim_start()),
        None => (None, rest),
    };
    match verb {
        "Inst" => {
            // Up to the first closing one: dependencies that are broken for the moment follow.
            let (what, _) = rest.strip_prefix('(')?.split_once(')')?;
            let new = what.split(' ').next()?.to_owned();
            let of = what.rsplit_once('[').and_then(|(_, arch)| arch.strip_suffix(']'));
            let arch = of.map(str::to_owned).or(arch)?;
            Some(Action::Install { name, arch, old, new })
        }
        "Remv" | "Purg" => Some(Action::Remove { name, arch, version: old? }),
        _ => None,
    }
}

/// The actions as changes of the installed packages.
pub fn changes(acts: &[Action], installed: &[Known]) -> Changes {
    let mut changes = Changes::default();
    let mut gone = BTreeSet::new();
    for act in acts {
        match act.clone() {
            // Reinstalling a version is not a change.
            Action::Install { old: Some(old), new, .. } if old == new => {}
            Action::Install { name, arch, old: Some(before), new: after } => {
                changes.updated.push(Update { name, arch, before, after })
            }
            Action::Install { name, arch, old: None, new } => {
                changes.installed.push(Package { name, version: new, arch })
            }
            Action::Remove { name, arch, version } => {
                let known = installed
                    .iter()
                    .map(|k| &k.package)
                    .find(|p| p.name == name && p.version == version);
                let arch = arch.or_else(|| known.map(|p| p.arch.clone())).unwrap_or_default();
                // Purged packages are named twice.
                if gone.insert((name.clone(), arch.clone())) {
                    changes.removed.push(Package { name, version, arch });
                }
            }
        }
    }
    changes.installed.sort();
    changes.removed.sort();
    changes.updated.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIST_UPGRADE: &str =
        include_str!("../../../../tests/fixtures/software/apt/dist-upgrade.txt");
    const REMOVES: &str = include_str!("../../../../tests/fixtures/software/apt/conflict.txt");

    #[test]
    fn a_recorded_dist_upgrade() {
        let acts = parse(DIST_UPGRADE);
        let found = changes(&acts, &[]);
        let updated = |name: &str| {
            found
                .updated
                .iter()
                .find(|u| u.name == name)
                .map(|u| (u.before.as_str(), u.after.as_str(), u.arch.as_str()))
        };
        assert_eq!(updated("tzdata"), Some(("2026b-0+deb12u1", "2026f-0+deb12u1", "all")));
        assert_eq!(updated("linux-image-cloud-amd64"), Some(("6.1.176-1", "6.1.192-2", "amd64")));
        let new: Vec<&str> = found.installed.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(new, ["linux-image-6.1.0-56-cloud-amd64"]);
        assert!(found.removed.is_empty());
        let lines = DIST_UPGRADE.lines().filter(|l| l.starts_with("Inst ")).count();
        assert_eq!(lines, acts.len());
    }

    #[test]
    fn a_recorded_conflict() {
        let installed = [Known {
            package: Package { name: "fine".into(), version: "1.0".into(), arch: "all".into() },
            bytes: 0,
        }];
        let found = changes(&parse(REMOVES), &installed);
        assert_eq!(found.removed, [installed[0].package.clone()]);
        assert_eq!(found.installed.len(), 1);
    }

    #[test]
    fn forms_of_lines() {
        let text = "Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.11/stable, Debian-Security:12/x [i386]) [libc6:amd64 ]\n\
                    Remv old:i386 [1:2.0]\nPurg old:i386 [1:2.0]\nInst odd\nConf x (1 y [z])\nInst a [1] (1 b [all])\n\n E: x\n";
        let acts = parse(text);
        assert_eq!(
            acts[0],
            Action::Install {
                name: "libc6".into(),
                arch: "i386".into(),
                old: Some("2.36-9".into()),
                new: "2.36-10".into()
            }
        );
        let found = changes(&acts, &[]);
        assert_eq!((found.updated.len(), found.removed.len(), found.installed.len()), (1, 1, 0));
        assert_eq!(found.removed[0].arch, "i386");
    }
}
