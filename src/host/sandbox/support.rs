//! Protections of the sandbox that this kernel does not support, found by trying them.

use super::{cgroup, filter, landlock};

/// The missing protections as texts for a list of warnings.
pub fn missing() -> Vec<String> {
    let mut all = vec![];
    if !filter::is_there() {
        all.push(
            "no filter of system calls: this kernel has no seccomp filters. Only capabilities and namespaces hold what packages run"
                .to_owned(),
        );
    }
    if !landlock::is_there() {
        all.push(
            "no second wall around files: this kernel has no Landlock (Linux 5.19)".to_owned(),
        );
    }
    all.extend(cgroup::missing());
    all.into_iter()
        .map(|what| format!("the sandbox of the copy's programs is weaker here: {what}"))
        .collect()
}
