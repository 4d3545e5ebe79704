//! Stops that altdisk asked for itself (Ctrl-Z), so that the SIGCONT after them is told from one
//! that follows a stop by somebody else.

use std::sync::atomic::{AtomicBool, Ordering};

static CONTINUE_EXPECTED: AtomicBool = AtomicBool::new(false);

/// The next SIGCONT ends a stop of our own.
pub(super) fn expect_continue() {
    CONTINUE_EXPECTED.store(true, Ordering::SeqCst);
}

/// Whether this SIGCONT was expected; the next one is not.
pub(super) fn take_expected_continue() -> bool {
    CONTINUE_EXPECTED.swap(false, Ordering::SeqCst)
}
