//! Health checks: programs in directories, run one after the other.
//!
//! The directories are altdisk's and those of greenboot, as they are. A required check that fails
//! means that the system is not healthy, and the checks after it are not run. A wanted one that
//! fails is only reported.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error;
use crate::event::Events;
use crate::host::cmd::Cmd;
use crate::host::trusted;

/// Where the directories `required.d` and `wanted.d` are.
pub const DIRECTORIES: [&str; 3] =
    ["/etc/altdisk/check", "/etc/greenboot/check", "/usr/lib/greenboot/check"];
/// Seconds that a check may take.
const CHECK_TIMEOUT: &str = "60";
/// Seconds after which a check that does not end is killed.
const KILL_TIMEOUT: &str = "5";
/// The exit code with which `timeout` says that it ended the program.
const TIMED_OUT: i32 = 124;

/// A check as it lies in its directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    pub path: PathBuf,
    pub required: bool,
    /// Why it cannot be run; it counts as failed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A check with its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    #[serde(flatten)]
    pub check: HealthCheck,
    pub passed: bool,
    /// How it ended: `exit code 1`.
    pub how: String,
    /// The last lines that it printed.
    pub output: String,
}

/// The checks, required ones first, in the order in which they run.
pub fn find() -> Vec<HealthCheck> {
    find_in(&DIRECTORIES.map(Path::new))
}

fn find_in(directories: &[&Path]) -> Vec<HealthCheck> {
    let mut found = vec![];
    for (name, required) in [("required.d", true), ("wanted.d", false)] {
        for dir in directories.iter().map(|d| d.join(name)) {
            match trusted::list(&dir, "sh") {
                Ok(paths) => found.extend(paths.into_iter().map(|path| {
                    let refused = trusted::trust_path(&path).err().map(|e| e.wrong);
                    HealthCheck { path, required, refused }
                })),
                // Nobody knows which checks it holds.
                Err(e) => found.push(HealthCheck { path: dir, required, refused: Some(e.wrong) }),
            }
        }
    }
    found
}

/// Runs the checks, up to the first required one that fails.
pub fn run(checks: &[HealthCheck], events: &Events) -> Vec<Checked> {
    let mut done = vec![];
    for check in checks {
        let checked = run_one(check, events);
        let ends = check.required && !checked.passed;
        done.push(checked);
        if ends {
            break;
        }
    }
    done
}

/// Whether every required check has passed.
pub fn are_healthy(checked: &[Checked]) -> bool {
    checked.iter().all(|c| c.passed || !c.check.required)
}

fn run_one(check: &HealthCheck, events: &Events) -> Checked {
    let ended = |passed: bool, how: String, output: String| Checked {
        check: check.clone(),
        passed,
        how,
        output: output.trim().to_owned(),
    };
    if let Some(why) = &check.refused {
        return ended(false, why.clone(), String::new());
    }
    let sentence = format!("run the health check {}", check.path.display());
    let run = Cmd::new("timeout", sentence)
        .args([format!("--kill-after={KILL_TIMEOUT}").as_str(), CHECK_TIMEOUT])
        .arg(&check.path)
        .run_to_its_end(events);
    match run {
        Ok(done) if done.code == Some(TIMED_OUT) => ended(
            false,
            format!("it did not end within {CHECK_TIMEOUT} seconds"),
            done.last_lines(),
        ),
        Ok(done) => ended(done.success(), done.how(), done.last_lines()),
        Err(e) => ended(false, error::chain_of(&e), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(dir: &Path, name: &str, text: &str, mode: u32) {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn required_checks_come_first_and_the_first_failure_ends() {
        let dir = tempfile::tempdir().unwrap();
        let (own, other) = (dir.path().join("own"), dir.path().join("other"));
        put(&own, "wanted.d/a.sh", "#!/bin/sh\nexit 1\n", 0o755);
        put(&own, "required.d/20.sh", "#!/bin/sh\necho fine\n", 0o755);
        put(&other, "required.d/10.sh", "#!/bin/sh\necho one; echo two >&2; exit 3\n", 0o755);
        put(&own, "required.d/README", "no check", 0o644);
        let all = find_in(&[&own, &other, &dir.path().join("none")]);
        let names = |all: &[HealthCheck]| {
            all.iter()
                .map(|c| c.path.strip_prefix(dir.path()).unwrap().display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&all),
            ["own/required.d/20.sh", "other/required.d/10.sh", "own/wanted.d/a.sh"]
        );
        let done = run(&all, &Events::new());
        assert_eq!(done.iter().map(|c| c.passed).collect::<Vec<_>>(), [true, false]);
        assert_eq!((done[1].how.as_str(), are_healthy(&done)), ("exit code 3", false));
        assert!(done[1].output.contains("one") && done[1].output.contains("two"));
        // A wanted one that fails makes nothing worse.
        std::fs::remove_file(other.join("required.d/10.sh")).unwrap();
        let done = run(&find_in(&[&own, &other]), &Events::new());
        assert_eq!((done.len(), done[1].passed, are_healthy(&done)), (2, false, true));
        // One that cannot be run has not passed.
        put(&own, "required.d/30.sh", "#!/bin/sh\n", 0o644);
        assert!(!are_healthy(&run(&find_in(&[&own]), &Events::new())));
    }

    #[test]
    fn what_others_can_write_is_not_run() {
        if !nix::unistd::geteuid().is_root() {
            return println!("skipped: needs root");
        }
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "required.d/a.sh", "#!/bin/sh\n", 0o777);
        let done = run(&find_in(&[dir.path()]), &Events::new());
        assert!(!done[0].passed && done[0].how.contains("others can write it"), "{done:?}");
    }
}
