//! Before phase 1: the references of the running system to its disks, as they will be in the copy.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::Result;

use crate::boot::beforehand;
use crate::copy::Excludes;
use crate::engine::plan::Base;
use crate::engine::request::Request;
use crate::engine::steps::fstab_extras;
use crate::error;
use crate::host::beneath::Beneath;

/// Refuses what the audit would refuse when everything is copied, and says what will be left alone.
///
/// # Errors
/// ALT-520 naming the line; ALT-501 for an fstab that cannot be read.
pub fn check(base: &Base, request: &Request, excludes: &Excludes, warnings: &mut Vec<String>) -> Result<()> {
    // It counts nothing: what was matched is reported after the copying.
    let list = excludes.anew();
    let is_copied =
        |path: &Path| !path.ancestors().filter(|a| *a != Path::new("")).any(|a| list.matches(&[b"./", a.as_os_str().as_bytes()].concat()));
    let seen = beforehand::look(&Beneath::open(Path::new("/"))?, &base.ids, &fstab_extras(base), &is_copied)?;
    warnings.extend(seen.warnings);
    warnings.extend(seen.left.iter().map(|l| l.said("will be left")));
    let Some(first) = seen.findings.first() else { return Ok(()) };
    let more = if seen.findings.len() > 1 { format!(" (and {} more)", seen.findings.len() - 1) } else { String::new() };
    // Between the phases a script can still correct it.
    if request.phases.list().contains(&3) && request.script.is_none() {
        return Err(error::WOULD_REFER.because(format!("{first}{more}")));
    }
    warnings.push(format!("phase 3 will refuse it if nothing corrects it before: {first}{more}"));
    Ok(())
}
