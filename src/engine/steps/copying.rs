//! Copying one file system of the source to its place on the target, mounted alone at /alt_inst.
//!
//! Alone, so that what lies below mount points keeps its place, and so that the finished tree is
//! mounted once, at the end. A copy that was interrupted begins again with an empty file system: a
//! half-copied file is nowhere left.
//!
//! The source is seen likewise: each file system alone, whatever is mounted in it or over it. So
//! the copy has what rootvg has on disk, also where something else is visible in the running system
//! (a tmpfs over /var/log), and files that lie below mount points come along.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::copy::{self, Job};
use crate::disk::fs::FsType;
use crate::engine::facts::source::mount;
use crate::engine::facts::subvolume::{open_below, prefix};
use crate::engine::facts::usage;
use crate::engine::paths::ALT_INST;
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::{Action, Step};
use crate::engine::state::State;
use crate::engine::steps::context::Context;
use crate::engine::steps::subvolumes::{make_default, make_subvolume};
use crate::engine::steps::{disks, mounted, restoring};
use crate::event::Events;
use crate::host::mounts::Mount;
use crate::host::{detached, mounts};
use crate::image::data::Fs;
use crate::tree::{Excludes, Source, Totals};

/// Copies a volume's file system.
///
/// # Errors
/// Errors of mounting or of the copier (ALT-4xx).
pub fn copy_volume(c: &mut Context, index: usize) -> Result<()> {
    let (base, events) = (c.base, c.events);
    let v = &base.layout.volumes[index];
    let fs = v.fs.as_ref().context("a file system without its description")?;
    let at = Path::new(ALT_INST);
    mounted::unmount_all(base)?;
    if c.repeated {
        disks::make_fs(base, v, events)?;
    }
    let options = if fs.fs_vfs.has_subvolumes() { btrfs_options(fs) } else { String::new() };
    mounted::mount_alone(v, &options, events)?;
    let copied = if fs.subvolume.is_empty() {
        plain(c, fs, c.excludes)
    } else {
        subvolumes(c, v, fs, c.excludes)
    };
    // The file system must not stay mounted for the next one, whatever happened.
    let unmounted = mounts::unmount_below(at);
    copied?;
    unmounted?;
    let last = c.plan.steps.iter().rfind(|s| matches!(s.action, Action::Copy { .. }));
    if last.is_some_and(|s| s.action == Action::Copy { volume: index }) {
        report_excludes(c.excludes, events);
        c.progress.average().into_iter().for_each(State::keep_copy_rate);
    }
    Ok(())
}

/// The mount through which a file system of the plan is read.
fn source_mount(base: &AlternateSpec, fs: &Fs) -> Result<Mount> {
    mount::mount_of(fs, mount::devices_of(&base.ids, fs))
}

/// The amount that the remaining steps have to copy or restore.
pub fn totals(base: &AlternateSpec, steps: &[&Step]) -> Totals {
    let volumes = steps.iter().filter_map(|s| {
        if let Action::Copy { volume } = s.action { base.layout.volumes.get(volume) } else { None }
    });
    let restored = if steps.iter().any(|s| s.action == Action::Restore) {
        restoring::totals(base)
    } else {
        Totals::default()
    };
    volumes
        .filter_map(|v| v.fs.as_ref())
        .map(|fs| {
            let mount = source_mount(base, fs);
            let files = mount.and_then(|m| usage::counts(&m)).map_or(0, |counts| counts.files);
            Totals { bytes: fs.fs_used_mb << 20, files }
        })
        .fold(restored, |a, b| a + b)
}

fn btrfs_options(fs: &Fs) -> String {
    let mut wanted = fs.subvolume.iter().flat_map(|s| s.options.split(','));
    let compress = wanted.rfind(|o| o.starts_with("compress"));
    std::iter::once("subvolid=5").chain(compress).collect::<Vec<_>>().join(",")
}

fn plain(c: &Context, fs: &Fs, excludes: &Excludes) -> Result<()> {
    let from = Source::open_mount(&source_mount(c.base, fs)?)?;
    run(c, &from, Path::new(ALT_INST), Path::new(&fs.fs_name), &[], excludes)
}

fn run(
    c: &Context,
    from: &Source,
    to: &Path,
    prefix: &Path,
    apart: &[PathBuf],
    excludes: &Excludes,
) -> Result<()> {
    let leave_out: Vec<PathBuf> = c
        .base
        .leave_out
        .iter()
        .filter_map(|p| p.strip_prefix(prefix).ok())
        .filter(|p| !p.as_os_str().is_empty())
        .map(Path::to_owned)
        .collect();
    let job = Job {
        from,
        to,
        prefix,
        excludes,
        leave_out: &leave_out,
        apart,
        verbose: c.options.verbose,
    };
    copy::copy(&job, c.events, c.progress).map(drop)
}

/// Subvolumes are made and filled parents first, all of them through the file system's top level.
fn subvolumes(c: &Context, v: &VolumeLayout, fs: &Fs, excludes: &Excludes) -> Result<()> {
    let mount = source_mount(c.base, fs)?;
    let top: OwnedFd =
        detached::open_device(Path::new(&mount.source), FsType::Btrfs.name(), "subvolid=5")?;
    let at = Path::new(ALT_INST);
    let mut copied: Vec<&str> = Vec::new();
    for s in &fs.subvolume {
        if copied.contains(&s.path.as_str()) {
            // A subvolume that is mounted twice is still one subvolume.
            continue;
        }
        copied.push(&s.path);
        let to = at.join(&s.path);
        if !s.path.is_empty() {
            make_subvolume(&s.path, c.events)?;
        }
        let from =
            if s.path.is_empty() { top.try_clone()? } else { open_below(top.as_fd(), &s.path)? };
        let inside = fs
            .subvolume
            .iter()
            .filter_map(|o| Path::new(&o.path).strip_prefix(&s.path).ok().map(Path::to_owned));
        let apart: Vec<PathBuf> = inside.filter(|p| !p.as_os_str().is_empty()).collect();
        run(c, &Source::from_fd(from), &to, &prefix(fs, s), &apart, excludes)?;
    }
    if let Some(default) = &fs.fs_default_subvolume {
        make_default(default, v, c.events)?;
    }
    Ok(())
}

/// Reports the matches of each pattern of the exclude list.
pub fn report_excludes(excludes: &Excludes, events: &Events) {
    for used in excludes.report() {
        events.note(used.note());
        if let Some(warning) = used.full_warning() {
            events.warn(warning);
        }
    }
}
