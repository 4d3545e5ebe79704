//! Moments at which tests kill or stop a run.

use std::fmt::Display;

/// For the tests of crashes: with ALTDISK_TEST_KILL=`before|after|done`:`STEP`, this process is
/// killed as by `kill -9` when that step is about to act, has acted but is not yet journalled as
/// done, or is done. With ALTDISK_TEST_STOP it is stopped there, and continues with SIGCONT, for
/// tests of concurrent commands.
pub fn crash_point(moment: &str, step: impl Display) {
    use nix::sys::signal::Signal;
    for (variable, signal) in
        [("ALTDISK_TEST_KILL", Signal::SIGKILL), ("ALTDISK_TEST_STOP", Signal::SIGSTOP)]
    {
        if std::env::var(variable).is_ok_and(|v| v == format!("{moment}:{step}")) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), signal);
        }
    }
}
