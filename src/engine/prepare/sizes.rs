//! Lays the system out on the target disks, and checks that it fits.

use anyhow::Result;

use crate::disk::content::ContentRecord;
use crate::disk::identity::seen;
use crate::disk::model::Disk;
use crate::disk::practice;
use crate::engine::plan::fitting;
use crate::engine::plan::fresh::Fresh;
use crate::engine::plan::lay_out::lay_out;
use crate::engine::plan::layout::{Layout, Target};
use crate::error;
use crate::image::data::ImageData;
use crate::image::needs::Need;
use crate::text::size::format_size;

/// The layout on these disks, with fresh identifiers; `needs`: where a copy takes more room than
/// the original.
///
/// # Errors
/// ALT-32x if it does not fit; ALT-218 if a disk cannot be read.
pub fn lay_out_on(image: &ImageData, disks: &[&Disk], needs: &[Need]) -> Result<Layout> {
    // Their present content is stored with the plan: nothing else is ever erased.
    let before = |d: &Disk| {
        let looked =
            ContentRecord::read(d).map_err(|e| error::DISK_UNREADABLE.with_path(&d.path, &e));
        looked.map(|before| Target { before: Some(before), ..layout_target(d) })
    };
    let places: Vec<Target> = disks.iter().map(|d| before(d)).collect::<Result<_>>()?;
    lay_out_targets(image, &places, needs)
}

/// Lays `image` out on these targets, enlarged by `needs`.
///
/// # Errors
/// ALT-32x if it does not fit.
pub fn lay_out_targets(image: &ImageData, places: &[Target], needs: &[Need]) -> Result<Layout> {
    let mut random = uuid::Uuid::new_v4;
    let mut notes = vec![];
    let sector = largest_sector(places);
    let fitted = fitting::fit_image(image, sector, needs, &mut notes);
    let mut layout =
        lay_out(&fitted.image, fitted.added_mb << 20, places, &mut Fresh(&mut random))?;
    fitting::count_blocks(&mut layout)?;
    layout.notes.extend(notes);
    Ok(layout)
}

/// Bytes.
pub fn largest_sector(places: &[Target]) -> u32 {
    places.iter().map(|t| t.sector).max().unwrap_or(512)
}

/// A name for an alternate.
pub fn fresh_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..8].to_owned()
}

/// A practice disk is a sparse file: its size says nothing of what can be written to it.
pub fn check_practice_room(disks: &[&Disk], image: &ImageData, needs: &[Need]) -> Result<()> {
    let needed = fitting::bytes_written(image, needs);
    let files: Vec<_> = disks.iter().filter_map(|d| d.practice.as_deref()).collect();
    let room = files.iter().filter_map(|f| practice::room(f)).min();
    match (files.first(), room) {
        (Some(file), Some(room)) if room < needed => Err(error::PRACTICE_ROOM.with_remedy(
            format!(
                "the copy needs {}; the file system with the practice disk {} has only {} free",
                format_size(needed),
                file.display(),
                format_size(room)
            ),
            "free some space there, or practise on a machine with less on it",
        )),
        _ => Ok(()),
    }
}

/// The target of a layout that this disk is.
pub fn layout_target(d: &Disk) -> Target {
    Target {
        name: d.name.clone(),
        path: d.path.clone(),
        serial: d.serial.clone(),
        wwn: d.wwn.clone(),
        model: d.model.clone(),
        before: None,
        seen: seen(d),
        size: d.size,
        sector: d.logical_sector,
    }
}
