//! Which walls of the sandbox this kernel cannot build, found out by asking it.

use std::fs;

use super::{cgroup, landlock};

/// What is missing, in words for a list of warnings; empty where nothing is.
pub fn missing() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut all = vec![];
    if !status.lines().any(|l| l.starts_with("Seccomp:")) {
        all.push(
            "no filter of system calls: this kernel has no seccomp. Only capabilities and namespaces hold what packages run".to_owned(),
        );
    }
    if !landlock::is_there() {
        all.push("no second wall around files: this kernel has no Landlock (Linux 5.19)".to_owned());
    }
    all.extend(cgroup::missing());
    all.into_iter().map(|what| format!("the sandbox that the copy's programs run in has {what}")).collect()
}
