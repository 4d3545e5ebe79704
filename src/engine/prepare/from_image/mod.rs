//! Before phase 1 of an image install (`-d`): the image is looked at, every check that can refuse
//! is made, and the base that all phases work from is settled. Touches nothing.
//!
//! An image of ours says all about itself in its manifest. Another archive is surveyed: read once
//! from end to end, so it must be a file or a tape; of a pipe without manifest nothing can be known
//! before it is written, and it is taken with -g only.

pub(crate) mod boot_image;
mod compatibility;
pub mod fingerprint;
mod room;
mod running_layout;

use std::path::Path;

use anyhow::Result;

use crate::boot::identity::fstab;
use crate::boot::loader::platform;
use crate::disk::fs::{FsType, ext};
use crate::disk::model::{Disk, Inventory};
use crate::engine::facts::bootable::{Bootable, Firmware};
use crate::engine::facts::{Facts, survey, system};
use crate::engine::paths::ALT_INST;
use crate::engine::plan::spec::{AlternateSpec, ImageSource};
use crate::engine::plan::{ids, image_ids};
use crate::engine::prepare::from_image::room::{Content, OnTop};
use crate::engine::prepare::prepared::Prepared;
use crate::engine::prepare::target_disks;
use crate::engine::prepare::{boot, requirements, sizes};
use crate::engine::request::{FromImage, Identity, Request};
use crate::engine::state::Alternate;
use crate::error;
use crate::event::Events;
use crate::host::{clock, sys};
use crate::image::archive::{Archive, Head};
use crate::image::data::ImageData;
use crate::image::manifest::System;
use crate::image::needs::Need;
use crate::image::survey::Survey;
use crate::image::{kernel_files, parse};
use crate::software::space::is_initramfs;

/// Checks the request against image and machine and settles everything.
///
/// # Errors
/// The first refusal: targets (ALT-2xx), sizes (ALT-3xx), boot loader (ALT-5xx), the image
/// (ALT-6xx).
pub fn prepare_image_install(
    request: &Request,
    from: &FromImage,
    replaced: Option<&Alternate>,
) -> Result<Prepared> {
    let facts = Facts::for_image()?;
    let mut warnings = vec![];
    let mut notes: Vec<String> =
        facts.inventory.unknown.iter().map(|u| format!("not known: {u}")).collect();
    let disks = target_disks::check_targets(request, &facts, replaced, &mut notes)?;
    requirements::check_alt_inst_is_free()?;
    not_on_a_target(&from.device, &disks, &facts.inventory)?;
    let mut seen = examine(request, from, &mut warnings)?;
    let here = system::describe_running_system(&facts.boot);
    if seen.known {
        compatibility::architecture(&seen.system, &here)?;
        compatibility::level(&seen.system, from.level.as_deref(), &here)?;
    }
    let boot_image = if seen.known && seen.system.kernels.is_empty() {
        boot_image::find(&mut seen.system, from, facts.boot.firmware, &here)?
    } else {
        None
    };
    let own = seen
        .head
        .image_data
        .as_deref()
        .map(|text| parse::parse_untrusted(text, Path::new("image.data of the image")));
    // -i is also the way out where the image's own is damaged.
    let own =
        if request.image_data.is_some() { own.and_then(Result::ok) } else { own.transpose()? };
    let mut image = layout_of(request, &seen, own.as_ref(), &facts, &mut warnings)?;
    for fs in image.fs_data.iter_mut().filter(|f| f.fs_vfs == FsType::Ext4) {
        for feature in ext::without_unknown(&mut fs.fs_mkfs_options) {
            warnings.push(format!(
                "{} is made without the feature `{feature}`, which this kernel cannot mount",
                fs.fs_name
            ));
        }
    }
    requirements::check_tools(&image, &facts, &mut warnings)?;
    let practice = disks.iter().any(|d| d.practice.is_some());
    let mut boot = bootable(&seen, from, facts.boot.firmware, &mut warnings);
    if boot.initramfs.is_err() && boot_image.as_ref().is_some_and(|b| b.has_initramfs) {
        notes.push("the initramfs is that of the boot image".to_owned());
    }
    boot = require(
        request,
        boot,
        &image,
        &facts,
        boot_image.as_ref().is_some_and(|b| b.has_initramfs),
        practice,
        &mut warnings,
    )?;
    let on_top = OnTop {
        initramfs: boot.initramfs.is_ok() && !boot.kernels.is_empty(),
        boot_image: boot_image.as_ref().map(|b| b.bytes),
    };
    let needs = needs_of(&seen, own.as_ref(), &mut image, &on_top, &mut notes);
    let layout = sizes::lay_out_on(&image, &disks, &needs)
        .map_err(|e| resize_hint(e, from, seen.head.image_data.is_some()))?;
    notes.extend(layout.notes.iter().cloned());
    sizes::check_practice_room(&disks, &image, &needs)?;
    let running = facts.undescribed.is_none().then(|| ids::clone_map(&layout, &facts, &disks));
    let fstab = seen.survey.as_ref().and_then(|s| s.fstab.as_deref());
    let entries = fstab.map_or(Ok(vec![]), |text| fstab::parse(text, "/etc/fstab of the image"))?;
    let old = seen
        .head
        .manifest
        .as_ref()
        .map_or(image_ids::Old::Fstab(&entries), |m| image_ids::Old::Known(&m.identities));
    let ids = image_ids::map(&layout, &old, disks.first().map_or(&[][..], |d| &d.links), running);
    let source = image_source(&seen, from, &here, boot_image.map(|b| b.file), &mut notes);
    let base = AlternateSpec {
        version: 1,
        id: sizes::fresh_id(),
        created: sys::now().0,
        image,
        source_disks: facts.source.disks.clone(),
        layout,
        ids,
        boot,
        esp_mountable: facts.esp_mountable(),
        leave_out: vec![],
        made_mount_point: !Path::new(ALT_INST).exists(),
        imaged: Some(source),
    };
    let targets = disks.iter().map(|d| target_disks::describe_disk(d)).collect();
    Ok(Prepared { base, warnings, notes, targets, archive: seen.archive })
}

/// An image that lies on a target itself would be erased while it is read.
fn not_on_a_target(image: &Path, disks: &[&Disk], inventory: &Inventory) -> Result<()> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let Some(meta) = std::fs::metadata(image).ok().filter(|m| m.file_type().is_block_device())
    else {
        return Ok(());
    };
    let number =
        format!("{}:{}", nix::sys::stat::major(meta.rdev()), nix::sys::stat::minor(meta.rdev()));
    let below = inventory.disks_below(&number);
    let is_it = |d: &&&Disk| {
        d.dev == number
            || d.partitions.iter().any(|p| p.dev.as_ref() == Some(&number))
            || below.contains(&d.name)
    };
    match disks.iter().find(is_it) {
        Some(d) => Err(error::IMAGE_ON_TARGET.with_cause(format!(
            "{} lies on {}, which would be erased",
            image.display(),
            d.name
        ))),
        None => Ok(()),
    }
}

/// The facts about an image.
struct Examined {
    head: Head,
    survey: Option<Survey>,
    system: System,
    /// False for a stream that could not be looked at.
    known: bool,
    archive: Option<Archive>,
    files: u64,
    bytes: u64,
}

fn examine(request: &Request, from: &FromImage, warnings: &mut Vec<String>) -> Result<Examined> {
    let mut archive = Archive::open(&from.device)?;
    let head = archive.head.clone();
    if let Some(manifest) = &head.manifest {
        let (system, files, bytes) = (manifest.system.clone(), manifest.files, manifest.bytes);
        return Ok(Examined {
            head,
            survey: None,
            system,
            known: true,
            archive: Some(archive),
            files,
            bytes,
        });
    }
    if archive.seekable() {
        let found = survey::survey_archive(&mut archive, &Events::new())?;
        compatibility::root(&found)?;
        warnings.extend(archive.notes());
        warnings
            .extend(Some(found.shape.shown).filter(|n| *n > 0).map(kernel_files::left_out_note));
        let (system, files, bytes) = (found.system.clone(), found.files, found.bytes);
        return Ok(Examined {
            head,
            survey: Some(found),
            system,
            known: true,
            archive: Some(archive.reopen()?),
            files,
            bytes,
        });
    }
    if !request.skip_boot_check {
        return Err(error::IMAGE_UNKNOWN
            .with_cause(format!("the stream from {} brings no manifest", from.device.display())));
    }
    warnings.push(
        "this stream cannot be examined before it is restored: its level and architecture are not checked, and no boot loader is installed"
            .to_owned(),
    );
    Ok(Examined {
        head,
        survey: None,
        system: System::default(),
        known: false,
        archive: Some(archive),
        files: 0,
        bytes: 0,
    })
}

/// The layout: that of -i, that of the image, or that of the running system with room for what the
/// image holds.
fn layout_of(
    request: &Request,
    seen: &Examined,
    own: Option<&ImageData>,
    facts: &Facts,
    warnings: &mut Vec<String>,
) -> Result<ImageData> {
    if let Some(file) = &request.image_data {
        return parse::read(file);
    }
    if let Some(own) = own {
        return Ok(own.clone());
    }
    if let Some(why) = &facts.undescribed {
        return Err(error::IMAGE_NO_LAYOUT.with_cause(format!(
            "the image brings no image.data, and the running system has no layout to take: {}",
            error::cause(why)
        )));
    }
    warnings.push(
        "the image brings no image.data: the disk is laid out as the running system's are"
            .to_owned(),
    );
    Ok(match &seen.survey {
        Some(survey) => running_layout::fit_running_layout(facts.source.image.clone(), &|prefix| {
            survey.below(prefix)
        }),
        None => facts.source.image.clone(),
    })
}

/// The space that the image's files need, and what is made in them afterwards; `image`, the layout,
/// is made to say what it will hold.
fn needs_of(
    seen: &Examined,
    own: Option<&ImageData>,
    image: &mut ImageData,
    on_top: &OnTop,
    notes: &mut Vec<String>,
) -> Vec<Need> {
    let below;
    let content = match (&seen.survey, own) {
        (Some(survey), _) => {
            below = |path: &str| survey.below(path);
            let files = survey.boot.iter().filter(|(name, _)| is_initramfs(name));
            Content::Surveyed(&below, files.map(|(_, bytes)| *bytes).collect())
        }
        (None, Some(own)) => {
            let known = seen.head.manifest.as_ref().map_or(&[][..], |m| &m.needs);
            Content::Described(own, known)
        }
        (None, None) => Content::Unknown,
    };
    room::make_room(image, &content, on_top, notes)
}

/// The loaders to install: those that the image has and `-p` asks for.
fn bootable(
    seen: &Examined,
    from: &FromImage,
    firmware: Firmware,
    warnings: &mut Vec<String>,
) -> Bootable {
    let system = &seen.system;
    let wanted = compatibility::platforms(system, from, firmware);
    let can = |p: &str| {
        if wanted.contains(p) {
            compatibility::can(system, p)
        } else {
            Err(format!("-p does not ask for {p}"))
        }
    };
    let mut bootlist = crate::engine::facts::bootable::bootlist_capability(firmware);
    let mine = platform(firmware);
    if !wanted.contains(mine) {
        warnings.push(format!(
            "this machine starts {mine}, which -p leaves out: the copy does not boot here"
        ));
        bootlist = Err(format!("this machine starts {mine}, which -p leaves out"));
    }
    Bootable {
        firmware,
        kernels: system.kernels.clone(),
        bios: can(platform(Firmware::Bios)),
        efi: can(platform(Firmware::Uefi)),
        initramfs: system.no_initramfs.clone().map_or(Ok(()), Err),
        bootlist,
    }
}

/// The refusals of a clone, as far as they are an image's too.
fn require(
    request: &Request,
    boot: Bootable,
    image: &ImageData,
    facts: &Facts,
    has_initramfs: bool,
    practice: bool,
    warnings: &mut Vec<String>,
) -> Result<Bootable> {
    let from = request.image.as_ref();
    let asked = |p: &str| from.is_some_and(|f| f.platforms.iter().any(|a| a == p));
    for (platform, can) in
        [(platform(Firmware::Bios), &boot.bios), (platform(Firmware::Uefi), &boot.efi)]
    {
        if let Err(why) = can.as_ref().map_err(Clone::clone)
            && asked(platform)
        {
            let text = format!("-p asks for {platform}: {why}");
            if !request.skip_boot_check {
                return Err(error::NO_LOADER.with_cause(text));
            }
            warnings.push(format!("{text} (continuing because of -g)"));
        }
    }
    let no_kernel = error::NO_KERNEL
        .with_cause("there is no kernel with its modules in the image, and no boot image for it");
    let mut checked = boot.clone();
    if has_initramfs {
        checked.initramfs = Ok(());
    }
    // A platform that -p leaves out is not missing.
    let mine_is_left_out =
        from.is_some_and(|f| !f.platforms.is_empty()) && !asked(platform(boot.firmware));
    if mine_is_left_out {
        (checked.bios, checked.efi) = (Ok(()), Ok(()));
    }
    let checked = boot::check_bootable(
        request,
        checked,
        image,
        no_kernel,
        facts.esp_mountable(),
        practice,
        warnings,
    )?;
    Ok(Bootable { bootlist: checked.bootlist, ..boot })
}

/// How a layout that does not fit is changed: an image's own must be taken out first.
fn resize_hint(e: anyhow::Error, from: &FromImage, own: bool) -> anyhow::Error {
    match error::find(&e) {
        Some(alt) if own => {
            let name = from.device.display();
            let how = format!(
                "take a larger disk; or get the layout out (`tar -xf {name} image.data`), set SHRINK = \"yes\" or smaller sizes in it, and give it with -i"
            );
            alt.with_remedy(how)
        }
        _ => e,
    }
}

fn image_source(
    seen: &Examined,
    from: &FromImage,
    here: &System,
    boot_image: Option<std::path::PathBuf>,
    notes: &mut Vec<String>,
) -> ImageSource {
    let system = &seen.system;
    let same = !system.machine_id.is_empty() && system.machine_id == here.machine_id;
    let identity = from.identity.unwrap_or(if same { Identity::Keep } else { Identity::Fresh });
    let whose = if same { "this machine" } else { "another machine" };
    let becomes = match identity {
        Identity::Keep => "are kept",
        Identity::Fresh => "are made again",
    };
    notes.push(format!("the image is of {whose}: machine-id, ssh host keys and everything else that distinguishes machines {becomes} (--identity)"));
    let mut what = vec![if seen.head.manifest.is_some() {
        "the image".to_owned()
    } else {
        format!("the archive {}", from.device.display())
    }];
    if !system.host.is_empty() {
        what.push(format!("of {}", system.host));
    }
    let mut described = what.join(" ");
    if !system.name.is_empty() {
        described.push_str(&format!(
            ", {} (level {})",
            system.name,
            compatibility::shown(&system.level)
        ));
    }
    if let Some(m) = &seen.head.manifest {
        described.push_str(&format!(", made {}", clock::minute(m.made_secs)));
    }
    ImageSource {
        device: from.device.clone(),
        what: crate::text::printable(&described, false),
        print: fingerprint::fingerprint(seen.head.manifest.as_ref(), &from.device),
        files: seen.files,
        bytes: seen.bytes,
        boot_image,
        identity,
        other_machine: !same,
    }
}
