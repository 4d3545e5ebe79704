//! The plan: ordered steps as data. Pure; the preview prints it, golden tests compare it, and
//! [`run`](super::run) carries it out.
//!
//! Phase 1 makes an [`AlternateSpec`] once and stores it: [`fitting`] and [`sizing`] choose the
//! sizes, [`lay_out`] makes the [`layout`], [`ids`] or [`image_ids`] the identity map. The steps of
//! every phase follow from it and from the request ([`make_plan`]).

pub mod fitting;
pub mod fresh;
pub mod fstab;
pub mod ids;
pub mod image_ids;
pub mod lay_out;
pub mod layout;
pub mod mount_plan;
pub mod sizing;
pub mod spec;
pub mod step;
pub mod step_id;

use std::path::Path;

use crate::engine::paths::{ALT_INST, below};
use crate::engine::plan::layout::{DiskLayout, Layout, VolumeLayout};
use crate::engine::plan::mount_plan::planned_mounts;
use crate::engine::plan::spec::{AlternateSpec, ImageSource};
use crate::engine::plan::step::{Action, Plan, Step};
use crate::engine::plan::step_id::StepId;
use crate::engine::request::{Identity, Request};
use crate::image::data::LvType;
use crate::text::size::format_size;

/// The title of a phase, in the terms of AIX.
pub fn phase_title(base: &AlternateSpec, phase: u8) -> &'static str {
    match phase {
        1 if base.imaged.is_some() => "Creating altinst_rootvg and restoring the image to it",
        1 => "Creating altinst_rootvg and copying rootvg to it",
        2 => "Customizing the copy",
        _ => "Making the copy bootable and unmounting it",
    }
}

/// The steps that the request's phases take on this base.
pub fn make_plan(base: &AlternateSpec, request: &Request) -> Plan {
    let mut steps = Vec::new();
    for phase in request.phases.list() {
        match phase {
            1 => add_phase_1(base, &mut steps),
            2 => add_phase_2(request, &mut steps),
            _ => add_phase_3(base, request, &mut steps),
        }
    }
    Plan { request: request.clone(), steps }
}

fn step(phase: u8, id: StepId, title: impl Into<String>, action: Action) -> Step {
    Step { id, phase, title: title.into(), action }
}

fn describe_target(d: &DiskLayout) -> String {
    let serial = d.serial.as_ref().map(|s| format!(", serial {s}")).unwrap_or_default();
    format!("{} ({}{serial})", d.name, format_size(d.size))
}

fn add_phase_1(base: &AlternateSpec, steps: &mut Vec<Step>) {
    let layout = &base.layout;
    let disks: Vec<&str> = layout.disks.iter().map(|d| d.name.as_str()).collect();
    steps.push(step(
        1,
        StepId::Gate,
        format!(
            "Check once more that {} {} free",
            disks.join(" and "),
            if disks.len() == 1 { "is" } else { "are" }
        ),
        Action::Gate,
    ));
    for (i, d) in layout.disks.iter().enumerate() {
        // By number: a disk's name may be another one when the journal is read.
        steps.push(step(
            1,
            StepId::Wipe(i),
            format!("Erase all signatures on {}", describe_target(d)),
            Action::Wipe { disk: i },
        ));
        let title = format!(
            "Write a new partition table to {} ({} partition{})",
            d.name,
            d.partitions.len(),
            if d.partitions.len() == 1 { "" } else { "s" }
        );
        steps.push(step(1, StepId::PartitionTable(i), title, Action::Partition { disk: i }));
    }
    for (i, vg) in layout.vgs.iter().enumerate() {
        let title = format!("Make volume group {} (from {})", vg.name, vg.old_name);
        steps.push(step(
            1,
            StepId::VolumeGroup(vg.old_name.clone()),
            title,
            Action::MakeVg { vg: i },
        ));
    }
    // The volume of `/` is made last: it takes what is left.
    let mut logical: Vec<(usize, &VolumeLayout)> =
        layout.volumes.iter().enumerate().filter(|(_, v)| v.vg.is_some()).collect();
    logical.sort_by_key(|(_, v)| layout.root().is_some_and(|r| r.lv == v.lv && r.vg == v.vg));
    for (i, v) in logical {
        let vg = v.old_vg.as_deref().unwrap_or_default();
        steps.push(step(
            1,
            StepId::LogicalVolume(format!("{vg}.{}", v.lv)),
            format!("Make logical volume {} of {}", v.lv, format_size(v.size)),
            Action::MakeLv { volume: i },
        ));
    }
    for (i, v) in layout.volumes.iter().enumerate() {
        let (size, device) = (format_size(v.size), v.device.display());
        match &v.fs {
            Some(fs) => steps.push(step(
                1,
                StepId::FileSystem(fs.fs_name.clone()),
                format!("Make {} of {size} for {} on {device}", fs.fs_vfs, fs.fs_name),
                Action::MakeFs { volume: i },
            )),
            None => steps.push(step(
                1,
                StepId::SwapSpace(v.lv.clone()),
                format!("Make swap space of {size} on {device}"),
                Action::MakeSwap { volume: i },
            )),
        }
    }
    match &base.imaged {
        None => add_copies(layout, steps),
        Some(_) => add_subvolumes(layout, steps),
    }
    for (count, (i, at, subvolume, options)) in
        (1..).zip(planned_mounts(layout, base.esp_mountable))
    {
        let where_ = below(Path::new(ALT_INST), &at);
        let title = format!("Mount {} at {}", layout.volumes[i].device.display(), where_.display());
        steps.push(step(
            1,
            StepId::Mount(at.display().to_string()),
            title,
            Action::Mount { volume: i, subvolume, at: where_, options, count },
        ));
    }
    if let Some(image) = &base.imaged {
        add_restore(image, steps);
    }
    for (index, s) in layout.swap_files.iter().enumerate() {
        steps.push(step(
            1,
            StepId::SwapFile(s.file.clone()),
            format!("Make swap file {} of {} MiB", s.file, s.size_mb),
            Action::SwapFile { index },
        ));
    }
}

/// Each file system is copied while it is mounted alone at /alt_inst, so that what lies below mount
/// points keeps its place. The ESP waits for phase 3: an unfinished alternate never boots.
fn add_copies(layout: &Layout, steps: &mut Vec<Step>) {
    for (i, v) in layout.volumes.iter().enumerate().filter(|(_, v)| v.kind == LvType::Fs) {
        if let Some(fs) = &v.fs {
            let title = format!("Copy {} ({} used)", fs.fs_name, format_size(fs.fs_used_mb << 20));
            steps.push(step(
                1,
                StepId::Copy(fs.fs_name.clone()),
                title,
                Action::Copy { volume: i },
            ));
        }
    }
}

/// An image has the files of all file systems in one stream: everything is mounted before it is
/// restored.
fn add_subvolumes(layout: &Layout, steps: &mut Vec<Step>) {
    for (i, v) in layout.volumes.iter().enumerate() {
        if let Some(fs) = v.fs.as_ref().filter(|f| !f.subvolume.is_empty()) {
            let title = format!("Make the subvolumes of {}", fs.fs_name);
            steps.push(step(
                1,
                StepId::Subvolumes(fs.fs_name.clone()),
                title,
                Action::Subvolumes { volume: i },
            ));
        }
    }
}

fn add_restore(image: &ImageSource, steps: &mut Vec<Step>) {
    let size =
        if image.bytes == 0 { String::new() } else { format!(" ({})", format_size(image.bytes)) };
    steps.push(step(1, StepId::Restore, format!("Restore {}{size}", image.what), Action::Restore));
    if let Some(file) = &image.boot_image {
        let title = format!("Add the kernel and modules from {}", file.display());
        steps.push(step(1, StepId::BootImage, title, Action::BootImage { file: file.clone() }));
    }
    if image.identity == Identity::Fresh {
        steps.push(step(
            1,
            StepId::Identity,
            "Give it an identity of its own: machine-id, ssh host keys, names for iSCSI and NVMe, and the like",
            Action::FreshIdentity,
        ));
    }
}

fn add_phase_2(request: &Request, steps: &mut Vec<Step>) {
    if let Some(file) = &request.resolv_conf {
        let title = format!("Install {} as /etc/resolv.conf of the copy", file.display());
        steps.push(step(2, StepId::ResolvConf, title, Action::ResolvConf { file: file.clone() }));
    }
    if request.remain_client {
        steps.push(step(
            2,
            StepId::ClientFiles,
            "Copy the files that keep this machine managed",
            Action::ClientFiles,
        ));
    }
    if let Some(wanted) = &request.software {
        // The scripts of packages make initramfs and boot menus: of what fstab and the others say
        // then.
        steps.push(step(
            2,
            StepId::ReferencesForPackages,
            "Point the copy's fstab and boot files at its own disks",
            Action::References,
        ));
        steps.push(step(
            2,
            StepId::Software,
            wanted.title(),
            Action::Software { wanted: wanted.clone() },
        ));
    }
    if let Some(file) = &request.script {
        steps.push(step(
            2,
            StepId::Script,
            format!("Run the customization script {}", file.display()),
            Action::Script { file: file.clone() },
        ));
    }
}

fn add_phase_3(base: &AlternateSpec, request: &Request, steps: &mut Vec<Step>) {
    let boot = &base.boot;
    steps.push(step(
        3,
        StepId::References,
        "Rewrite every reference to the source's disks",
        Action::References,
    ));
    if boot.initramfs.is_ok() && base.boots() {
        let title = match &request.software {
            // A new kernel may have come.
            Some(_) => "Build the initramfs of each kernel".to_owned(),
            None => format!("Build the initramfs of {}", boot.kernels.join(", ")),
        };
        steps.push(step(3, StepId::Initramfs, title, Action::Initramfs));
    }
    let loader = boot.bios.is_ok() || boot.efi.is_ok();
    if loader && base.boots() {
        steps.push(step(3, StepId::BootMenu, "Make the boot menu (grub.cfg)", Action::BootMenu));
    }
    steps.push(step(
        3,
        StepId::Audit,
        "Search the copy for references to the old disks",
        Action::Audit,
    ));
    if base.esp_mountable {
        steps.push(step(3, StepId::Esp, "Fill the EFI system partition", Action::Esp));
    }
    if base.gets_efi_loader() {
        steps.push(step(
            3,
            StepId::LoaderEfi,
            "Install the boot loader for UEFI",
            Action::LoaderEfi,
        ));
    }
    if boot.bios.is_ok() && base.boots() {
        let disk = base.layout.disks.first().map_or("", |d| d.name.as_str());
        steps.push(step(
            3,
            StepId::LoaderBios,
            format!("Install the boot loader for BIOS on {disk}"),
            Action::LoaderBios,
        ));
    }
    steps.push(step(3, StepId::Verify, "Verify the finished copy", Action::Verify));
    steps.push(step(
        3,
        StepId::Origin,
        "Record on the copy which system it came from",
        Action::Origin,
    ));
    steps.push(step(
        3,
        StepId::Unmount,
        format!("Unmount everything below {ALT_INST}"),
        Action::Unmount,
    ));
    if !base.layout.vgs.is_empty() {
        let names: Vec<&str> = base.layout.vgs.iter().map(|v| v.name.as_str()).collect();
        steps.push(step(
            3,
            StepId::Deactivate,
            format!("Deactivate volume group {}", names.join(", ")),
            Action::Deactivate,
        ));
    }
    if request.set_bootlist && boot.bootlist.is_ok() {
        let disk = base.layout.disks.first().map_or("", |d| d.name.as_str());
        steps.push(step(
            3,
            StepId::Bootlist,
            format!("Set the boot list: {disk} boots next, the running system's disk stays second"),
            Action::Bootlist,
        ));
    }
    if request.reboot {
        steps.push(step(3, StepId::Reboot, "Reboot", Action::Reboot));
    }
}
