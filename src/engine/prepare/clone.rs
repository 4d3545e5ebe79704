//! Before phase 1 of a clone (`-C`): every check that can refuse, then the description that all phases
//! work from.

use std::path::Path;

use anyhow::Result;

use crate::disk::practice;
use crate::engine::ALT_INST;
use crate::engine::facts::{self, Facts, exclusions, names, protections, snapshots};
use crate::engine::plan::Base;
use crate::engine::plan::layout::Target;
use crate::engine::prepare::prepared::Prepared;
use crate::engine::prepare::{needs, references};
use crate::engine::request::Request;
use crate::engine::state::Alternate;
use crate::event::Events;
use crate::host::sys;
use crate::image::data::ImageData;

pub(super) fn prepare(request: &Request, replaced: Option<&Alternate>, events: &Events) -> Result<Prepared> {
    let facts = Facts::gather()?;
    let mut warnings = facts.source.warnings.clone();
    let mut notes: Vec<String> =
        facts.world.unknown.iter().map(|u| format!("not known: {u}")).collect();
    notes.extend(facts.source.notes.iter().cloned());
    let disks = targets(request, &facts, replaced, &mut notes)?;
    let mut image = image(request.image_data.as_ref(), &facts, &mut warnings)?;
    snapshots::settle(&mut image, &facts, &request.accept, &mut warnings, &mut notes);
    let practice = disks.iter().any(|d| d.practice.is_some());
    let (boot, no_kernel) = facts.kernels_there();
    let boot = bootable(request, boot, no_kernel, facts.esp_mountable(), practice, &mut warnings)?;
    tools(&image, &facts, &mut warnings)?;
    alt_inst_is_free()?;
    let excludes = exclusions::checked(request.exclude_list.as_ref(), !request.skip_boot_check)?;
    let told =
        protections::check(&image, &facts, &excludes, &request.accept, protections::Into::Copy)?;
    warnings.extend(told.warnings);
    notes.extend(told.notes);
    let counted = needs::count(&image, &facts, &excludes, events)?;
    let needs = counted.needs(&image);
    let places: Vec<Target> = disks.iter().map(|d| target(d)).collect();
    let fits = |less: &ImageData| lay_out_at(less, &places, &counted.needs(less)).map(drop);
    let layout = laid_out(&image, &disks, &needs)
        .map_err(|e| snapshots::in_the_way(e, &image, &facts.source.snapshots, &fits))?;
    notes.extend(layout.notes.iter().cloned());
    practice_disks_have_room(&disks, &image, &needs)?;
    let ids = names::ids(&layout, &facts, &disks);
    let described = disks.iter().map(|d| describe(d)).collect();
    let base = Base {
        version: 1,
        id: fresh_id(),
        created: sys::now().0,
        image,
        source_disks: facts.source.disks.clone(),
        layout,
        ids,
        boot,
        esp_mountable: facts.esp_mountable(),
        leave_out: facts::leave_out(&facts.source),
        made_mount_point: !Path::new(ALT_INST).exists(),
        imaged: None,
    };
    references::check(&base, request, &excludes, &mut warnings)?;
    Ok(Prepared { base, warnings, notes, targets: described, archive: None })
}
