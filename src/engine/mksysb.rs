//! An image of the running system: what is in it, where it goes, and the steps of making it.
//!
//! The same facts as for a clone say what rootvg is; each of its file systems is seen alone, without what is mounted in it, read-only and
//! without access times. What is not rootvg's (/proc, data disks, network file systems) is an empty directory in the image.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::copy::{Progress, Source};
use crate::disk::size::human;
use crate::engine::facts::{self, Facts};
use crate::engine::quiet::Quiet;
use crate::engine::{copying, names, prepare, run, state, system};
use crate::error;
use crate::event::{Event, Events, Planned, State};
use crate::host::mounts::{self, Mount};
use crate::host::{signals, sys, view};
use crate::image::archive::Archive;
use crate::image::create::{self, Job, Made, Tree};
use crate::image::data::{Fs, ImageData};
use crate::image::manifest::{FORMAT, Identities, Manifest, VolumeNames};
use crate::image::output::{Method, Output};
use crate::image::{parse, verify};

/// What was asked for, checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// A file, a tape or another device, `-`.
    pub to: PathBuf,
    /// `-m`.
    pub image_data: Option<PathBuf>,
    /// `-e`.
    pub exclude_list: Option<PathBuf>,
    pub method: Method,
    /// Bytes in a record of a tape or pipe.
    pub record: usize,
    /// `--verify`: read it afterwards.
    pub verify: bool,
    /// `-V`.
    pub verbose: bool,
}

/// Where what is read of an image is kept until its end.
const SPOOL: &str = "/var/tmp";

/// Makes the image. Returns the sentence that ends the run.
///
/// # Errors
/// ALT-803 without root, ALT-3xx for a system that cannot be described, ALT-6xx as [`create::create`] and [`verify::verify`].
pub fn save(request: &Request, events: &Events) -> Result<String> {
    run::require_root()?;
    signals::catch();
    let steps = Steps::plan(request, events);
    let looked = steps.run(0, || look(request, events))?;
    let made = steps.run(1, || write(request, looked, events))?;
    if request.verify {
        steps.run(2, || check(&request.to, events).map(drop))?;
    }
    events.emit(Event::Phase { phase: 1, title: TITLE.to_owned(), state: State::Done });
    Ok(format!("The image {} holds {} files with {}.", request.to.display(), made.report.files, human(made.report.bytes)))
}

/// Compares every file in an image with its checksum. Returns how many there are.
///
/// # Errors
/// ALT-63x as [`verify::verify`].
pub fn check(image: &Path, events: &Events) -> Result<u64> {
    let mut archive = Archive::open(image)?;
    let verified = verify::verify(&mut archive, Path::new(SPOOL), |_| Ok(()))?;
    archive.notes().into_iter().for_each(|n| events.warn(n));
    events.note(format!("{} files are as they were saved, {} of them compared with their checksums", verified.files, verified.checked));
    Ok(verified.checked)
}

const TITLE: &str = "Saving the running system";

/// The steps of a run, told as those of an install are.
struct Steps<'a> {
    all: Vec<Planned>,
    events: &'a Events,
}

impl<'a> Steps<'a> {
    fn plan(request: &Request, events: &'a Events) -> Self {
        let step = |id: &str, title: String| Planned { id: format!("mksysb.{id}"), phase: 1, title };
        let mut all = vec![
            step("look", "Looking at the file systems.".to_owned()),
            step("save", format!("Writing the image to {}.", request.to.display())),
        ];
        if request.verify {
            all.push(step("verify", "Reading the image, comparing every file with its checksum.".to_owned()));
        }
        events.emit(Event::Plan { steps: all.clone() });
        events.emit(Event::Phase { phase: 1, title: TITLE.to_owned(), state: State::Begin });
        Self { all, events }
    }

    fn run<T>(&self, index: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let tell = |state, ms| {
            if let Some(Planned { id, phase, title }) = self.all.get(index).cloned() {
                self.events.emit(Event::Step { id, phase, index: index + 1, of: self.all.len(), title, state, ms });
            }
        };
        tell(State::Begin, None);
        let done = work();
        let ms = u64::try_from(begun.elapsed().as_millis()).ok();
        tell(if done.is_ok() { State::Done } else { State::Failed }, ms);
        done
    }
}

/// Everything that is settled before the first byte is written.
struct Looked {
    output: Output,
    trees: Vec<Tree>,
    excludes: crate::copy::Excludes,
    image_data: String,
    manifest: Manifest,
    _quiet: Quiet,
}

fn look(request: &Request, events: &Events) -> Result<Looked> {
    // A clone at work holds the package manager's lock, which would be told instead. The lock of runs is not taken: an image may be piped
    // into `alt_disk_install -d -` here.
    state::State::not_busy()?;
    let excludes = prepare::excludes(request.exclude_list.as_ref())?;
    let facts = Facts::gather()?;
    let mut warnings = facts.source.warnings.clone();
    let mut image = prepare::image(request.image_data.as_ref(), &facts, &mut warnings)?;
    warnings.iter().for_each(|w| events.warn(w));
    image.image_data.image_type = "mksysb".to_owned();
    let output = Output::open(&request.to, request.method, request.record)?;
    let quiet = Quiet::begin(true, events)?;
    let trees = trees(&image, &facts)?;
    let totals = create::count(&trees, &excludes)?;
    output.require_room(totals.bytes)?;
    events.note(format!("{} files with {} are saved in {}.", totals.files, human(totals.bytes), request.to.display()));
    let (made_secs, made) = sys::now();
    let manifest = Manifest {
        format: FORMAT,
        tool: concat!("altdisk ", env!("CARGO_PKG_VERSION")).to_owned(),
        made,
        made_secs,
        system: system::running(&facts.boot),
        files: totals.files,
        bytes: totals.bytes,
        identities: identities(&image, &facts),
        checksums: "blake3".to_owned(),
    };
    Ok(Looked { output, trees, excludes, image_data: parse::write(&image)?, manifest, _quiet: quiet })
}

fn write(request: &Request, looked: Looked, events: &Events) -> Result<Made> {
    let totals = crate::copy::Totals { bytes: looked.manifest.bytes, files: looked.manifest.files };
    let job = Job {
        image_data: Some(looked.image_data),
        manifest: looked.manifest,
        trees: &looked.trees,
        excludes: &looked.excludes,
        verbose: request.verbose,
    };
    let made = create::create(&job, looked.output, events, &Progress::new(1, totals))?;
    copying::report(&looked.excludes, events);
    Ok(made)
}

/// The file systems of the image, each seen alone; the first is the one at `/`.
fn trees(image: &ImageData, facts: &Facts) -> Result<Vec<Tree>> {
    let mounted = mounts::mounted()?;
    let mut trees = Vec::new();
    for fs in &image.fs_data {
        if fs.subvolume.is_empty() {
            // An edited image.data may give an EFI system partition to a machine that has none.
            if mounted.iter().any(|m| m.mount_point == Path::new(&fs.fs_name)) {
                trees.push(Tree {
                    source: Source::of_mount(Path::new(&fs.fs_name))?,
                    prefix: PathBuf::from(&fs.fs_name),
                    leave_out: vec![],
                });
            }
        } else {
            subvolumes(fs, &mut trees)?;
        }
    }
    trees.sort_by_key(|t| t.prefix.components().count());
    if trees.first().is_none_or(|t| t.prefix != Path::new("/")) {
        return Err(error::SOURCE_CHANGED.because("the root file system is not mounted at / any more"));
    }
    let never = facts::leave_out(&facts.source);
    let elsewhere = not_saved(&mounted, &trees);
    for tree in &mut trees {
        let inside = never.iter().chain(&elsewhere).filter_map(|p| p.strip_prefix(&tree.prefix).ok());
        tree.leave_out = inside.filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned).collect();
    }
    Ok(trees)
}

/// Every subvolume is a tree of its own, at the place that it has in the running system.
fn subvolumes(fs: &Fs, trees: &mut Vec<Tree>) -> Result<()> {
    let top = view::of_device(&copying::source_device(fs)?, "btrfs", "subvolid=5")?;
    let mut by_path = BTreeMap::new();
    for s in &fs.subvolume {
        // Mounted at two places: one subvolume all the same.
        by_path.entry(s.path.as_str()).or_insert(s);
    }
    for (path, s) in by_path {
        let from = if path.is_empty() { top.try_clone()? } else { copying::open_below(top.as_fd(), path)? };
        trees.push(Tree { source: Source::of_directory(from), prefix: copying::prefix(fs, s), leave_out: vec![] });
    }
    Ok(())
}

/// Directories at which something is mounted that is not saved: what lies hidden below them is not the system's. (A file may have another bound
/// over it; that one is saved.)
fn not_saved(mounted: &[Mount], trees: &[Tree]) -> Vec<PathBuf> {
    // A network's server that is gone would not let go of who looks at its directory.
    let far = |m: &Mount| ["nfs", "cifs", "smb", "9p", "ceph", "fuse", "autofs"].iter().any(|f| m.fstype.starts_with(f));
    let others = mounted.iter().filter(|m| !trees.iter().any(|t| t.prefix == m.mount_point));
    others.filter(|m| far(m) || m.mount_point.is_dir()).map(|m| m.mount_point.clone()).collect()
}

/// By what the disks of the running system can be named.
fn identities(image: &ImageData, facts: &Facts) -> Identities {
    let mut all = Identities::default();
    for lv in &image.lv_data {
        let device = names::source_volume(&facts.source, &lv.logical_volume, lv.volume_group.as_ref());
        let names = device.map(|d| names::old_names(&facts.world, d)).unwrap_or_default();
        all.volumes.push(VolumeNames { logical_volume: lv.logical_volume.clone(), volume_group: lv.volume_group.clone(), names });
    }
    for disk in facts.world.disks.iter().filter(|d| facts.source.disks.contains(&d.name)) {
        all.tables.extend(disk.table.as_ref().map(|t| t.id.clone()));
        all.disk_links.extend(disk.links.iter().map(|l| l.display().to_string()));
    }
    let lvm = &facts.world.lvm;
    for vg in &image.vg_data {
        all.lvm.extend(lvm.vgs.iter().filter(|v| v.name == vg.vgname).map(|v| v.uuid.clone()));
        all.lvm.extend(lvm.pvs.iter().filter(|p| p.vg.as_ref() == Some(&vg.vgname)).map(|p| p.uuid.clone()));
    }
    all
}

/// Names every member of an image.
///
/// # Errors
/// ALT-63x.
pub fn list(image: &Path, print: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut archive = Archive::open(image)?;
    verify::list(&mut archive, print).with_context(|| format!("listing {}", image.display()))
}
