//! Saving an image of the running system.
//!
//! The same facts as for a clone say what rootvg is; each of its file systems is seen alone,
//! without what is mounted in it, read-only and without access times. What is not rootvg's (/proc,
//! data disks, network file systems) is not in the image; what lies below its mount point on the
//! parent's file system is.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::archive::output::{Method, Output};
use crate::engine::facts::protections::Destination;
use crate::engine::facts::{Facts, exclusions, names, protections, snapshots, system, trees};
use crate::engine::prepare::{image_data, needs};
use crate::engine::request::Loss;
use crate::engine::run::inhibitors::Inhibitors;
use crate::engine::steps::copying;
use crate::engine::{privilege, state};
use crate::event::{Event, Events, Planned, StepStatus};
use crate::host::{signals, sys};
use crate::image::archive::Archive;
use crate::image::create::{self, Job, Made, Tree};
use crate::image::data::ImageData;
use crate::image::manifest::{FORMAT, Identities, Manifest, VolumeNames};
use crate::image::{parse, verify};
use crate::text::size::format_size;
use crate::tree::Progress;

/// A checked request for an image.
#[derive(Clone, Debug)]
pub struct Request {
    /// A file, a tape or another device, `-`.
    pub to: PathBuf,
    /// `-m`.
    pub image_data: Option<PathBuf>,
    /// `-e`.
    pub exclude_list: Option<PathBuf>,
    /// `--accept`: what the image may be without.
    pub accept: Vec<Loss>,
    /// The compression.
    pub method: Method,
    /// Bytes in a record of a tape or pipe.
    pub record: usize,
    /// `--verify`: read it afterwards.
    pub verify: bool,
    /// `-V`.
    pub verbose: bool,
}

/// Directory of temporary files while an image is read.
const SPOOL: &str = "/var/tmp";

/// Makes the image. Returns the sentence that ends the run.
///
/// # Errors
/// ALT-803 without root, ALT-3xx for a system that cannot be described, ALT-6xx as
/// [`create::create`] and [`verify::verify`].
pub fn save_image(request: &Request, events: &Events) -> Result<String> {
    privilege::require_root()?;
    signals::catch();
    let steps = Steps::plan(request, events);
    let examined = steps.run(0, || examine(request, events))?;
    let made = steps.run(1, || write(request, examined, events))?;
    if request.verify {
        steps.run(2, || verify_image(&request.to, events).map(drop))?;
    }
    events.emit(Event::Phase { phase: 1, title: TITLE.to_owned(), state: StepStatus::Done });
    Ok(format!(
        "Image written: {} ({} files, {} unpacked).",
        request.to.display(),
        made.report.files,
        format_size(made.report.bytes)
    ))
}

/// Compares every file in an image with its checksum. Returns how many there are.
///
/// # Errors
/// ALT-63x as [`verify::verify`].
pub fn verify_image(image: &Path, events: &Events) -> Result<u64> {
    let mut archive = Archive::open(image)?;
    let verified = verify::verify(&mut archive, Path::new(SPOOL), |_| Ok(()))?;
    archive.notes().into_iter().for_each(|n| events.warn(n));
    events.note(format!(
        "the image is intact: {} entries, {} of them files that were compared with their checksums",
        verified.files, verified.checked
    ));
    Ok(verified.checked)
}

const TITLE: &str = "Saving the running system";

/// The steps of a run, reported in the same form as those of an install.
struct Steps<'a> {
    all: Vec<Planned>,
    events: &'a Events,
}

impl<'a> Steps<'a> {
    fn plan(request: &Request, events: &'a Events) -> Self {
        let step =
            |id: &str, title: String| Planned { id: format!("mksysb.{id}"), phase: 1, title };
        let mut all = vec![
            step("look", "Examining the file systems.".to_owned()),
            step("save", format!("Writing the image to {}.", request.to.display())),
        ];
        if request.verify {
            all.push(step(
                "verify",
                "Reading the image, comparing every file with its checksum.".to_owned(),
            ));
        }
        events.emit(Event::Plan { steps: all.clone() });
        events.emit(Event::Phase { phase: 1, title: TITLE.to_owned(), state: StepStatus::Begin });
        Self { all, events }
    }

    fn run<T>(&self, index: usize, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let tell = |state, ms| {
            if let Some(Planned { id, phase, title }) = self.all.get(index).cloned() {
                self.events.emit(Event::Step {
                    id,
                    phase,
                    index: index + 1,
                    of: self.all.len(),
                    title,
                    state,
                    ms,
                });
            }
        };
        tell(StepStatus::Begin, None);
        let done = work();
        let ms = u64::try_from(begun.elapsed().as_millis()).ok();
        tell(if done.is_ok() { StepStatus::Done } else { StepStatus::Failed }, ms);
        done
    }
}

/// Everything that is settled before the first byte is written.
struct Examined {
    output: Output,
    trees: Vec<Tree>,
    excludes: crate::tree::Excludes,
    image_data: String,
    manifest: Manifest,
    _inhibitors: Inhibitors,
}

fn examine(request: &Request, events: &Events) -> Result<Examined> {
    // A running clone holds the package manager's lock, and the error would name that instead. The
    // lock of runs is not taken: an image may be piped into `alt_disk_install -d -` here.
    state::State::not_busy()?;
    let excludes = exclusions::read_checked(request.exclude_list.as_ref(), true)?;
    let facts = Facts::gather()?;
    let mut warnings = facts.source.warnings.clone();
    let mut image =
        image_data::read_image_data(request.image_data.as_ref(), &facts, &mut warnings)?;
    let mut notes = facts.source.notes.clone();
    snapshots::apply_choice(&mut image, &facts, &request.accept, &mut warnings, &mut notes);
    let told = protections::check_protections(
        &image,
        &facts,
        &excludes,
        &request.accept,
        Destination::Image,
    )?;
    warnings.iter().chain(&told.warnings).for_each(|w| events.warn(w));
    notes.iter().chain(&told.notes).for_each(|n| events.note(n));
    image.image_data.image_type = "mksysb".to_owned();
    let needs =
        needs::count(&image, &facts, &excludes, needs::Walk::Sharing, events)?.needs(&image, 512);
    let output = Output::open(&request.to, request.method, request.record)?;
    let inhibitors = Inhibitors::begin(true, events)?;
    let mut untold = vec![];
    let trees = trees::open_all(&image, &facts, &mut untold)?;
    untold.iter().chain(&trees::warn_of_hidden_files(&trees)).for_each(|w| events.warn(w));
    let totals = create::count(&trees, &excludes.with_zero_counts())?;
    output.require_room(totals.bytes)?;
    events.note(format!(
        "Saving {} files ({}) to {}.",
        totals.files,
        format_size(totals.bytes),
        request.to.display()
    ));
    let (made_secs, made) = sys::now();
    let manifest = Manifest {
        format: FORMAT,
        tool: concat!("altdisk ", env!("CARGO_PKG_VERSION")).to_owned(),
        made,
        made_secs,
        system: system::describe_running_system(&facts.boot),
        files: totals.files,
        bytes: totals.bytes,
        needs,
        identities: identities(&image, &facts),
        checksums: "blake3".to_owned(),
    };
    Ok(Examined {
        output,
        trees,
        excludes,
        image_data: parse::write(&image)?,
        manifest,
        _inhibitors: inhibitors,
    })
}

fn write(request: &Request, examined: Examined, events: &Events) -> Result<Made> {
    let totals =
        crate::tree::Totals { bytes: examined.manifest.bytes, files: examined.manifest.files };
    let job = Job {
        image_data: Some(examined.image_data),
        manifest: examined.manifest,
        trees: &examined.trees,
        excludes: &examined.excludes,
        verbose: request.verbose,
    };
    let made = create::create(&job, examined.output, events, &Progress::new(1, totals))?;
    copying::report_excludes(&examined.excludes, events);
    Ok(made)
}

/// By what the disks of the running system can be named.
fn identities(image: &ImageData, facts: &Facts) -> Identities {
    let mut all = Identities::default();
    for lv in &image.lv_data {
        let device =
            names::source_volume(&facts.source, &lv.logical_volume, lv.volume_group.as_ref());
        let names = device.map(|d| facts.old_names(d)).unwrap_or_default();
        all.volumes.push(VolumeNames {
            logical_volume: lv.logical_volume.clone(),
            volume_group: lv.volume_group.clone(),
            names,
        });
    }
    for disk in facts.inventory.disks.iter().filter(|d| facts.source.disks.contains(&d.name)) {
        all.tables.extend(disk.table.as_ref().map(|t| t.id.clone()));
        all.disk_links.extend(disk.links.iter().map(|l| l.display().to_string()));
    }
    let lvm = &facts.inventory.lvm;
    for vg in &image.vg_data {
        all.lvm.extend(lvm.vgs.iter().filter(|v| v.name == vg.vgname).map(|v| v.uuid.clone()));
        all.lvm.extend(
            lvm.pvs.iter().filter(|p| p.vg.as_ref() == Some(&vg.vgname)).map(|p| p.uuid.clone()),
        );
    }
    all
}

/// Names every member of an image.
///
/// # Errors
/// ALT-63x.
pub fn list_members(image: &Path, print: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut archive = Archive::open(image)?;
    verify::list(&mut archive, print).with_context(|| format!("listing {}", image.display()))
}
