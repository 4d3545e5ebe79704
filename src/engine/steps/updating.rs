//! The step of phase 2 that installs packages, and the record of its changes.

use std::path::Path;

use anyhow::Result;

use crate::boot::kernels;
use crate::engine::paths::{ALT_INST, STATE};
use crate::engine::state::updates;
use crate::engine::state::updates::Update;
use crate::engine::steps::context::Context;
use crate::engine::steps::sandboxes;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::sys;
use crate::secret::masked_words;
use crate::software::Wanted;
use crate::software::install::{self, Target};

/// Installs what the request wants.
///
/// # Errors
/// ALT-73x: nothing was installed, or the package manager failed; phase 2 can be run again.
pub fn install_packages(wanted: &Wanted, c: &Context) -> Result<()> {
    let (root, here) = (Path::new(ALT_INST), Path::new(STATE).join("altinst"));
    let kernels_before = kernels::installed(root);
    let (done, ended) = install::install(
        Target {
            root,
            sandbox: sandboxes::for_whole_copy(&c.base.layout),
            before: updates::kept_before(&here)?,
            keep: &|packages| updates::keep_before(&here, packages),
        },
        wanted,
        c.events,
    );
    for kernel in kernels::installed(root)
        .iter()
        .filter(|k| !kernels_before.iter().any(|b| b.version == k.version))
    {
        c.events.note(format!("a new kernel: {}", kernel.version));
    }
    let Some(done) = done else { return ended };
    let argv = masked_words(&c.plan.request.argv);
    let update = Update {
        time: sys::now().0,
        argv,
        manager: done.manager.to_owned(),
        changes: done.changes,
        complete: ended.is_ok(),
    };
    tell(&update, c.events);
    // The result of the update matters more than an error of writing its record.
    ended.and(record(&here, root, &update))
}

/// Here first: the alternate may be full.
fn record(here: &Path, root: &Path, update: &Update) -> Result<()> {
    if !update.changes.is_empty() {
        updates::record(&Beneath::open(Path::new("/"))?, here, update)?;
        updates::record(&Beneath::open(root)?, Path::new(STATE), update)?;
    }
    updates::forget_before(here)
}

fn tell(update: &Update, events: &Events) {
    if update.changes.is_empty() {
        return events.note("no package was changed");
    }
    events.note(match update.complete {
        true => "What was changed in the copy (`altdisk software` shows it again):",
        false => "What was changed in the copy before the update ended; some of it may be unpacked and not configured:",
    });
    update.changes.lines().into_iter().for_each(|line| events.note(format!("  {line}")));
}
