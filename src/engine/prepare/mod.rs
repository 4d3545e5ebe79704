//! Before phase 1: every check that can refuse, then the description that all phases work from.
//! Nothing is changed.
//!
//! [`clone`](self::clone) and [`from_image`] are the two ways to begin. Both check the
//! [`target_disks`], the [`requirements`] and the ability to [`boot`](self::boot), and lay the
//! system out ([`sizes`]). Lists of disks say what the same checks would ([`fits`]).

pub mod boot;
mod boot_fs;
pub mod clone;
pub mod fits;
pub mod from_image;
pub mod image_data;
pub mod needs;
pub mod prepared;
pub mod references;
pub mod replace;
pub mod requirements;
pub mod sizes;
pub mod target_disks;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::boot::kernels;
use crate::engine::facts::bootable;
use crate::engine::paths::ALT_INST;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::prepare::prepared::Prepared;
use crate::engine::request::Request;
use crate::engine::state::Alternate;
use crate::error;
use crate::event::Events;
use crate::host::{mounts, sandbox};
use crate::software::{Location, install};

/// Checks the request against the machine and settles everything. `replaced`: the finished copy on
/// the targets, which is forgotten first. `events` hear of what takes long.
///
/// # Errors
/// The first refusal of the targets (ALT-2xx), the source or the sizes (ALT-3xx), the boot loader
/// (ALT-5xx), image.data (ALT-6xx).
pub fn prepare(
    request: &Request,
    replaced: Option<&Alternate>,
    events: &Events,
) -> Result<Prepared> {
    let updates = updates(request, Path::new("/"))?;
    let mut prepared = match &request.image {
        Some(from) => from_image::prepare_image_install(request, from, replaced),
        None => clone::prepare_clone(request, replaced, events),
    }?;
    prepared.notes.extend(updates);
    prepared.warnings.extend(sandbox::missing());
    Ok(prepared)
}

/// Checks, as far as possible now, that phase 2 can install the requested packages; `root`: the
/// system that is copied, or the copy.
fn updates(request: &Request, root: &Path) -> Result<Vec<String>> {
    let Some(wanted) = request.software.as_ref().filter(|_| request.phases.list().contains(&2))
    else {
        return Ok(vec![]);
    };
    if let Location::Device(device) = &wanted.location
        && let Some(target) =
            request.targets.iter().find(|t| request.phases.list().contains(&1) && is_on(device, t))
    {
        return Err(error::BAD_LOCATION.with_remedy(
            format!("{} is on {target}, and everything on that disk would be erased before the packages are read", device.display()),
            "copy the packages into a directory first",
        ));
    }
    install::check(wanted, root)
}

/// True if a device is this disk (as it was typed), or a partition of it.
fn is_on(device: &Path, disk: &str) -> bool {
    let node = |path: PathBuf| {
        path.canonicalize().ok().and_then(|p| p.file_name().map(std::ffi::OsStr::to_owned))
    };
    match (node(device.to_owned()), node(Path::new("/dev").join(disk))) {
        (Some(device), Some(disk)) => {
            device == disk || Path::new("/sys/class/block").join(disk).join(device).exists()
        }
        _ => false,
    }
}

/// A later phase on a stored base: what may have changed since phase 1 is asked again.
///
/// # Errors
/// ALT-509 if the boot list cannot be set.
pub fn refresh_spec(
    base: AlternateSpec,
    request: &Request,
    events: &Events,
) -> Result<AlternateSpec> {
    let mut base = base;
    // After a reboot it is not mounted yet: then all this is found out by the step.
    if mounts::is_mount_point(Path::new(ALT_INST)) {
        // An update may have brought another one.
        let kernels: Vec<String> =
            kernels::installed(Path::new(ALT_INST)).into_iter().map(|k| k.version).collect();
        if !kernels.is_empty() && base.boots() {
            base.boot.kernels = kernels;
        }
        updates(request, Path::new(ALT_INST))?.iter().for_each(|n| events.note(n));
    }
    if !request.phases.list().contains(&3) {
        return Ok(base);
    }
    base.boot.bootlist = bootable::bootlist_capability(base.boot.firmware);
    let practice = base.on_practice_disks();
    match boot::bootlist_refusal(request, &mut base.boot, practice) {
        Some(e) if !request.skip_boot_check || request.reboot => Err(e),
        Some(e) => {
            events.warn(format!("{} (continuing because of -g)", error::cause(&e)));
            Ok(base)
        }
        None => Ok(base),
    }
}
