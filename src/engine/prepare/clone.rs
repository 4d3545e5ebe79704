//! Before phase 1 of a clone (`-C`): every check that can refuse, then the description that all
//! phases work from.

use std::path::Path;

use anyhow::Result;

use crate::engine::facts::{Facts, exclusions, protections, snapshots};
use crate::engine::paths::ALT_INST;
use crate::engine::plan::ids;
use crate::engine::plan::layout::Target;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::prepare::boot::check_bootable;
use crate::engine::prepare::image_data::read_image_data;
use crate::engine::prepare::prepared::Prepared;
use crate::engine::prepare::requirements::{check_alt_inst_is_free, check_tools};
use crate::engine::prepare::sizes::{
    check_practice_room, fresh_id, largest_sector, lay_out_on, lay_out_targets, layout_target,
};
use crate::engine::prepare::target_disks::{check_targets, describe_disk};
use crate::engine::prepare::{needs, references};
use crate::engine::request::Request;
use crate::engine::state::Alternate;
use crate::event::Events;
use crate::host::sys;
use crate::image::data::ImageData;
use crate::tree::exclude::PatternUse;

pub(super) fn prepare_clone(
    request: &Request,
    replaced: Option<&Alternate>,
    events: &Events,
) -> Result<Prepared> {
    let facts = Facts::gather()?;
    let mut warnings = facts.source.warnings.clone();
    let mut notes: Vec<String> =
        facts.inventory.unknown.iter().map(|u| format!("not known: {u}")).collect();
    notes.extend(facts.source.notes.iter().cloned());
    let disks = check_targets(request, &facts, replaced, &mut notes)?;
    let mut image = read_image_data(request.image_data.as_ref(), &facts, &mut warnings)?;
    snapshots::apply_choice(&mut image, &facts, &request.accept, &mut warnings, &mut notes);
    let practice = disks.iter().any(|d| d.practice.is_some());
    let (boot, no_kernel) = facts.kernels_there();
    let boot = check_bootable(
        request,
        boot,
        &image,
        no_kernel,
        facts.esp_mountable(),
        practice,
        &mut warnings,
    )?;
    check_tools(&image, &facts, &mut warnings)?;
    check_alt_inst_is_free()?;
    let excludes =
        exclusions::read_checked(request.exclude_list.as_ref(), !request.skip_boot_check)?;
    let told = protections::check_protections(
        &image,
        &facts,
        &excludes,
        &request.accept,
        protections::Destination::Copy,
    )?;
    warnings.extend(told.warnings);
    notes.extend(told.notes);
    let counted = needs::count(&image, &facts, &excludes, needs::Walk::Excluded, events)?;
    notes.extend(counted.excluded.iter().map(PatternUse::note));
    warnings.extend(counted.excluded.iter().filter_map(PatternUse::full_warning));
    let places: Vec<Target> = disks.iter().map(|d| layout_target(d)).collect();
    let sector = largest_sector(&places);
    let needs = counted.needs(&image, sector);
    let fits =
        |less: &ImageData| lay_out_targets(less, &places, &counted.needs(less, sector)).map(drop);
    let layout = lay_out_on(&image, &disks, &needs)
        .map_err(|e| snapshots::explain_no_room(e, &image, &facts.source.snapshots, &fits))?;
    notes.extend(layout.notes.iter().cloned());
    check_practice_room(&disks, &image, &needs)?;
    let ids = ids::clone_map(&layout, &facts, &disks);
    let described = disks.iter().map(|d| describe_disk(d)).collect();
    let base = AlternateSpec {
        version: 1,
        id: fresh_id(),
        created: sys::now().0,
        image,
        source_disks: facts.source.disks.clone(),
        layout,
        ids,
        boot,
        esp_mountable: facts.esp_mountable(),
        leave_out: exclusions::leave_out(&facts.source),
        made_mount_point: !Path::new(ALT_INST).exists(),
        imaged: None,
    };
    references::check_references(&base, request, &excludes, &mut warnings)?;
    Ok(Prepared { base, warnings, notes, targets: described, archive: None })
}
