//! The plan: ordered steps as data. Pure, printed by the preview, compared by golden tests, run by
//! `run`.
//!
//! A [`Base`] is made once, by phase 1, and stored: the image, the layout with its fresh
//! identifiers, the identity map, how the source boots. The steps of any phase follow from it and
//! the request.

pub mod fitting;
pub mod image_ids;
pub mod layout;
pub mod sizing;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::boot::identity::ids::IdMap;
use crate::disk::size::human;
use crate::engine::ALT_INST;
use crate::engine::plan::layout::{DiskLayout, Layout, VolumeLayout};
use crate::engine::request::{Identity, Request};
use crate::image::data::{ImageData, LvType};
use crate::software::Wanted;

pub use crate::boot::firmware::Firmware;

/// What can be made bootable, found out before anything is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootable {
    pub firmware: Firmware,
    /// Installed kernel versions; none in a container or microVM.
    pub kernels: Vec<String>,
    /// Err: why the loader for that firmware is not installed on the alternate.
    pub bios: Result<(), String>,
    pub efi: Result<(), String>,
    /// Err: why no initramfs is built.
    pub initramfs: Result<(), String>,
    /// Err: why the boot list of this machine cannot be set.
    pub bootlist: Result<(), String>,
}

/// What phase 1 settled, for all phases after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// Of the stored form.
    pub version: u32,
    /// Eight hex digits that name this alternate.
    pub id: String,
    /// Seconds since the epoch.
    pub created: u64,
    pub image: ImageData,
    /// Kernel names of the source's disks.
    pub source_disks: Vec<String>,
    pub layout: Layout,
    pub ids: IdMap,
    pub boot: Bootable,
    /// Whether this kernel can mount vfat, and so the ESP.
    pub esp_mountable: bool,
    /// Paths in the running system that are never copied: swap files, practice disks, own state.
    pub leave_out: Vec<PathBuf>,
    /// Whether /alt_inst did not exist before.
    pub made_mount_point: bool,
    /// None: a clone of the running system.
    #[serde(default)]
    pub imaged: Option<Imaged>,
}

/// What an image install restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imaged {
    /// As `-d` names it.
    pub device: PathBuf,
    /// For people: `web1, Debian GNU/Linux 12 (12.11.0), made 2026-11-22 20:15`.
    pub what: String,
    /// By what it is known again when an interrupted restore goes on; empty for a stream without
    /// manifest.
    pub print: String,
    pub files: u64,
    pub bytes: u64,
    /// A boot image that is put on top: kernel, initramfs, modules.
    pub boot_image: Option<PathBuf>,
    pub identity: Identity,
    /// It was made on another machine, or that is not known.
    pub other_machine: bool,
}

/// Where members of an image wait that belong on the ESP: below the alternate's root, until phase 3
/// has verified everything else.
pub const ESP_WAITS: &str = ".altdisk-esp";

impl Base {
    /// Whether the targets are practice disks (other loop devices are never targets).
    pub fn on_practice_disks(&self) -> bool {
        self.layout.disks.iter().any(|d| d.path.to_string_lossy().starts_with("/dev/loop"))
    }

    /// The disks of the running system for people: there are none where it runs from a live medium.
    pub fn present(&self) -> String {
        if self.source_disks.is_empty() {
            "the present disk".to_owned()
        } else {
            self.source_disks.join(" ")
        }
    }

    /// What the alternate was made from, for people.
    pub fn origin(&self) -> String {
        self.imaged.as_ref().map_or_else(|| self.source_disks.join(" "), |i| i.what.clone())
    }

    /// Whether a loader for UEFI is installed.
    pub fn gets_efi_loader(&self) -> bool {
        self.boot.efi.is_ok() && self.esp_mountable && self.boots()
    }

    /// Whether only a BIOS starts the result, on a machine that has one.
    pub fn starts_by_bios_alone(&self) -> bool {
        self.boot.firmware == Firmware::Bios && !self.gets_efi_loader()
    }

    /// Whether there is a kernel, so that boot loaders make sense.
    pub fn boots(&self) -> bool {
        !self.boot.kernels.is_empty()
    }
}

/// The step that installs packages, within its phase and by its whole id.
const SOFTWARE: &str = "software";
pub const UPDATE: &str = "2.software";

/// What a step does. Indices point into the base's layout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    Gate,
    Wipe {
        disk: usize,
    },
    Partition {
        disk: usize,
    },
    MakeVg {
        vg: usize,
    },
    MakeLv {
        volume: usize,
    },
    MakeFs {
        volume: usize,
    },
    MakeSwap {
        volume: usize,
    },
    Copy {
        volume: usize,
    },
    /// The subvolumes of a btrfs that an image is restored to.
    Subvolumes {
        volume: usize,
    },
    /// The image, onto all file systems at once.
    Restore,
    BootImage {
        file: PathBuf,
    },
    FreshIdentity,
    /// The `count` first mounts, parents before children; the last of them is what this step adds.
    Mount {
        volume: usize,
        subvolume: Option<String>,
        at: PathBuf,
        options: String,
        count: usize,
    },
    SwapFile {
        index: usize,
    },
    ResolvConf {
        file: PathBuf,
    },
    ClientFiles,
    /// Packages are updated and installed as the request says.
    Software {
        wanted: Wanted,
    },
    Script {
        file: PathBuf,
    },
    References,
    Initramfs,
    GrubConfig,
    Audit,
    Esp,
    LoaderEfi,
    LoaderBios,
    Verify,
    Origin,
    Unmount,
    Deactivate,
    Bootlist,
    Reboot,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Stable within a plan: `1.copy./home`.
    pub id: String,
    pub phase: u8,
    /// A sentence for people.
    pub title: String,
    pub action: Action,
}

/// What one invocation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub request: Request,
    pub steps: Vec<Step>,
}

/// What AIX's administrators know each phase as.
pub fn phase_title(base: &Base, phase: u8) -> &'static str {
    match phase {
        1 if base.imaged.is_some() => "Creating altinst_rootvg and restoring the image to it",
        1 => "Creating altinst_rootvg and copying rootvg to it",
        2 => "Customizing the copy",
        _ => "Making the copy bootable and unmounting it",
    }
}

/// The steps that the request's phases take on this base.
pub fn plan(base: &Base, request: &Request) -> Plan {
    let mut steps = Vec::new();
    for phase in request.phases.list() {
        match phase {
            1 => phase_1(base, &mut steps),
            2 => phase_2(request, &mut steps),
            _ => phase_3(base, request, &mut steps),
        }
    }
    Plan { request: request.clone(), steps }
}

fn step(phase: u8, id: impl AsRef<str>, title: impl Into<String>, action: Action) -> Step {
    Step { id: format!("{phase}.{}", id.as_ref()), phase, title: title.into(), action }
}

fn disk_words(d: &DiskLayout) -> String {
    let serial = d.serial.as_ref().map(|s| format!(", serial {s}")).unwrap_or_default();
    format!("{} ({}{serial})", d.name, human(d.size))
}

fn phase_1(base: &Base, steps: &mut Vec<Step>) {
    let layout = &base.layout;
    let disks: Vec<&str> = layout.disks.iter().map(|d| d.name.as_str()).collect();
    steps.push(step(
        1,
        "gate",
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
            format!("wipe.{i}"),
            format!("Erase all signatures on {}", disk_words(d)),
            Action::Wipe { disk: i },
        ));
        let title = format!(
            "Write a new partition table to {} ({} partition{})",
            d.name,
            d.partitions.len(),
            if d.partitions.len() == 1 { "" } else { "s" }
        );
        steps.push(step(1, format!("table.{i}"), title, Action::Partition { disk: i }));
    }
    for (i, vg) in layout.vgs.iter().enumerate() {
        let title = format!("Make volume group {} (from {})", vg.name, vg.old_name);
        steps.push(step(1, format!("vg.{}", vg.old_name), title, Action::MakeVg { vg: i }));
    }
    // The volume of `/` is made last: it takes what is left.
    let mut logical: Vec<(usize, &VolumeLayout)> =
        layout.volumes.iter().enumerate().filter(|(_, v)| v.vg.is_some()).collect();
    logical.sort_by_key(|(_, v)| layout.root().is_some_and(|r| r.lv == v.lv && r.vg == v.vg));
    for (i, v) in logical {
        let vg = v.old_vg.as_deref().unwrap_or_default();
        steps.push(step(
            1,
            format!("lv.{vg}.{}", v.lv),
            format!("Make logical volume {} of {}", v.lv, human(v.size)),
            Action::MakeLv { volume: i },
        ));
    }
    for (i, v) in layout.volumes.iter().enumerate() {
        let (size, device) = (human(v.size), v.device.display());
        match &v.fs {
            Some(fs) => steps.push(step(
                1,
                format!("mkfs.{}", fs.fs_name),
                format!("Make {} of {size} for {} on {device}", fs.fs_vfs, fs.fs_name),
                Action::MakeFs { volume: i },
            )),
            None => steps.push(step(
                1,
                format!("mkswap.{}", v.lv),
                format!("Make swap space of {size} on {device}"),
                Action::MakeSwap { volume: i },
            )),
        }
    }
    match &base.imaged {
        None => copies(layout, steps),
        Some(_) => subvolumes(layout, steps),
    }
    for (count, (i, at, subvolume, options)) in (1..).zip(mounts(layout, base.esp_mountable)) {
        let where_ = below(Path::new(ALT_INST), &at);
        let title = format!("Mount {} at {}", layout.volumes[i].device.display(), where_.display());
        steps.push(step(
            1,
            format!("mount.{}", at.display()),
            title,
            Action::Mount { volume: i, subvolume, at: where_, options, count },
        ));
    }
    if let Some(image) = &base.imaged {
        restores(image, steps);
    }
    for (index, s) in layout.swap_files.iter().enumerate() {
        steps.push(step(
            1,
            format!("swapfile.{}", s.file),
            format!("Make swap file {} of {} MiB", s.file, s.size_mb),
            Action::SwapFile { index },
        ));
    }
}

/// Each file system is copied while it is mounted alone at /alt_inst, so that what lies below mount
/// points keeps its place. The ESP waits for phase 3: an unfinished alternate never boots.
fn copies(layout: &Layout, steps: &mut Vec<Step>) {
    for (i, v) in layout.volumes.iter().enumerate().filter(|(_, v)| v.kind == LvType::Fs) {
        if let Some(fs) = &v.fs {
            let title = format!("Copy {} ({} used)", fs.fs_name, human(fs.fs_used_mb << 20));
            steps.push(step(1, format!("copy.{}", fs.fs_name), title, Action::Copy { volume: i }));
        }
    }
}

/// An image has the files of all file systems in one stream: everything is mounted before it is
/// restored.
fn subvolumes(layout: &Layout, steps: &mut Vec<Step>) {
    for (i, v) in layout.volumes.iter().enumerate() {
        if let Some(fs) = v.fs.as_ref().filter(|f| !f.subvolume.is_empty()) {
            let title = format!("Make the subvolumes of {}", fs.fs_name);
            steps.push(step(
                1,
                format!("subvolumes.{}", fs.fs_name),
                title,
                Action::Subvolumes { volume: i },
            ));
        }
    }
}

fn restores(image: &Imaged, steps: &mut Vec<Step>) {
    let size = if image.bytes == 0 { String::new() } else { format!(" ({})", human(image.bytes)) };
    steps.push(step(1, "restore", format!("Restore {}{size}", image.what), Action::Restore));
    if let Some(file) = &image.boot_image {
        let title = format!("Put kernel and modules there from {}", file.display());
        steps.push(step(1, "bootimage", title, Action::BootImage { file: file.clone() }));
    }
    if image.identity == Identity::Fresh {
        steps.push(step(
            1,
            "identity",
            "Give it an identity of its own: machine-id, ssh host keys, names for iSCSI and NVMe, and the like",
            Action::FreshIdentity,
        ));
    }
}

/// Where a path of the running system is in the alternate.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap_or(path);
    if inside.as_os_str().is_empty() { root.to_owned() } else { root.join(inside) }
}

/// What is mounted where in the finished alternate, parents first: volume, mount point, subvolume,
/// options.
pub fn mounts(
    layout: &Layout,
    esp_mountable: bool,
) -> Vec<(usize, PathBuf, Option<String>, String)> {
    let mut all = Vec::new();
    for (i, v) in layout.volumes.iter().enumerate() {
        let Some(fs) = &v.fs else { continue };
        if v.kind == LvType::Esp && !esp_mountable {
            continue;
        }
        if fs.subvolume.is_empty() {
            all.push((i, PathBuf::from(&fs.fs_name), None, safe_options(&fs.fs_options)));
        }
        for s in &fs.subvolume {
            if let Some(at) = &s.mount_point {
                all.push((i, PathBuf::from(at), Some(s.path.clone()), safe_options(&s.options)));
            }
        }
    }
    all.sort_by_key(|(_, at, ..)| (at.components().count(), at.clone()));
    all
}

/// The options with which a volume of the alternate is mounted while it is made. Everybody on the
/// running system gets to /alt_inst: a setuid program that a script of a package or an image put
/// there would make any user root, and a device node with an open mode would hand out the disks.
pub fn mount_options(options: &str, subvolume: Option<&str>) -> String {
    let all: Vec<&str> = ["nosuid,nodev", options].into_iter().filter(|o| !o.is_empty()).collect();
    with_subvolume(&all.join(","), subvolume)
}

/// Mount options with the subvolume that they belong to.
pub fn with_subvolume(options: &str, subvolume: Option<&str>) -> String {
    let subvolume = subvolume.filter(|s| !s.is_empty()).map(|s| format!("subvol={s}"));
    [Some(options), subvolume.as_deref()]
        .into_iter()
        .flatten()
        .filter(|o| !o.is_empty())
        .collect::<Vec<_>>()
        .join(",")
}

/// Of fstab's options those that shape what is written while the alternate is made. No other is
/// used: an option can name a device, and an image's are nobody's word.
fn safe_options(options: &str) -> String {
    const WORDS: [&str; 10] = [
        "noatime",
        "relatime",
        "nodiratime",
        "lazytime",
        "acl",
        "user_xattr",
        "nodatacow",
        "nodatasum",
        "autodefrag",
        "inode64",
    ];
    const BEGIN: [&str; 8] =
        ["compress", "ssd", "discard", "space_cache", "umask=", "fmask=", "dmask=", "shortname="];
    let plain = |o: &str| o.chars().all(|c| c.is_ascii_alphanumeric() || "_=:-".contains(c));
    let safe = |o: &str| plain(o) && (WORDS.contains(&o) || BEGIN.iter().any(|b| o.starts_with(b)));
    options.split(',').filter(|o| safe(o)).collect::<Vec<_>>().join(",")
}

fn phase_2(request: &Request, steps: &mut Vec<Step>) {
    if let Some(file) = &request.resolv_conf {
        let title = format!("Put {} there as /etc/resolv.conf", file.display());
        steps.push(step(2, "resolv", title, Action::ResolvConf { file: file.clone() }));
    }
    if request.remain_client {
        steps.push(step(
            2,
            "client",
            "Copy the files that keep this machine managed",
            Action::ClientFiles,
        ));
    }
    if let Some(wanted) = &request.software {
        // The scripts of packages make initramfs and boot menus: of what fstab and the others say
        // then.
        steps.push(step(
            2,
            "references",
            "Have the copy's files name its own disks: the scripts of packages read them",
            Action::References,
        ));
        steps.push(step(2, SOFTWARE, wanted.title(), Action::Software { wanted: wanted.clone() }));
    }
    if let Some(file) = &request.script {
        steps.push(step(
            2,
            "script",
            format!("Run the customization script {}", file.display()),
            Action::Script { file: file.clone() },
        ));
    }
}

fn phase_3(base: &Base, request: &Request, steps: &mut Vec<Step>) {
    let boot = &base.boot;
    steps.push(step(
        3,
        "references",
        "Rewrite every reference to the source's disks",
        Action::References,
    ));
    if boot.initramfs.is_ok() && base.boots() {
        let title = match &request.software {
            // A new kernel may have come.
            Some(_) => "Build the initramfs of each kernel".to_owned(),
            None => format!("Build the initramfs of {}", boot.kernels.join(", ")),
        };
        steps.push(step(3, "initramfs", title, Action::Initramfs));
    }
    let loader = boot.bios.is_ok() || boot.efi.is_ok();
    if loader && base.boots() {
        steps.push(step(3, "grubcfg", "Make the boot menu (grub.cfg)", Action::GrubConfig));
    }
    steps.push(step(
        3,
        "audit",
        "Search the copy for anything that still names the old disks",
        Action::Audit,
    ));
    if base.esp_mountable {
        steps.push(step(3, "esp", "Fill the EFI system partition", Action::Esp));
    }
    if base.gets_efi_loader() {
        steps.push(step(3, "loader.efi", "Install the boot loader for UEFI", Action::LoaderEfi));
    }
    if boot.bios.is_ok() && base.boots() {
        let disk = base.layout.disks.first().map_or("", |d| d.name.as_str());
        steps.push(step(
            3,
            "loader.bios",
            format!("Install the boot loader for BIOS on {disk}"),
            Action::LoaderBios,
        ));
    }
    steps.push(step(3, "verify", "Verify the finished copy", Action::Verify));
    steps.push(step(3, "origin", "Record on the copy which system it came from", Action::Origin));
    steps.push(step(3, "unmount", format!("Unmount everything below {ALT_INST}"), Action::Unmount));
    if !base.layout.vgs.is_empty() {
        let names: Vec<&str> = base.layout.vgs.iter().map(|v| v.name.as_str()).collect();
        steps.push(step(
            3,
            "deactivate",
            format!("Deactivate volume group {}", names.join(", ")),
            Action::Deactivate,
        ));
    }
    if request.set_bootlist && boot.bootlist.is_ok() {
        let disk = base.layout.disks.first().map_or("", |d| d.name.as_str());
        steps.push(step(
            3,
            "bootlist",
            format!("Set the boot list: {disk} boots next, the present disk stays second"),
            Action::Bootlist,
        ));
    }
    if request.reboot {
        steps.push(step(3, "reboot", "Reboot", Action::Reboot));
    }
}
