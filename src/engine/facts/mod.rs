//! Everything that planning needs to know about the machine, asked once.

pub mod esp;
pub mod exclusions;
pub mod names;
pub mod protections;
pub mod snapshots;
pub mod source;
pub mod surveyed;
pub mod system;
pub mod trees;

use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::boot::bootlist;
use crate::boot::identity::fstab;
use crate::boot::identity::ids::Names;
use crate::boot::loader;
use crate::disk::fs::FsType;
use crate::disk::mkfs;
use crate::disk::model::World;
use crate::engine::facts::source::{ListedSubvolume, Source, Usage};
use crate::engine::plan::{Bootable, Firmware};
use crate::engine::prepare;
use crate::engine::steps::unlocked;
use crate::error;
use crate::host::beneath::own_path;
use crate::host::cmd::Cmd;
use crate::host::files;
use crate::host::mounts::{self, Mount};
use crate::host::{covered, view};
use crate::image::data::{Fs, Image};

/// The machine as it is now.
pub struct Facts {
    pub world: World,
    pub source: Source,
    pub boot: Bootable,
    /// File system types that this kernel can mount.
    pub mountable: Vec<String>,
    /// Why `source` says its disks only: the running system could not be cloned, which does not
    /// keep an image from being installed.
    pub undescribed: Option<anyhow::Error>,
}

impl Facts {
    /// Asks the machine. Changes nothing; without root some things stay unknown (`world.unknown`).
    ///
    /// # Errors
    /// Where rootvg cannot be cloned in kind (ALT-3xx).
    pub fn gather() -> Result<Self> {
        let facts = Self::for_image()?;
        match facts.undescribed {
            Some(e) => Err(e),
            None => Ok(facts),
        }
    }

    /// The same for an image install, which the running system's own layout need not concern.
    ///
    /// # Errors
    /// Where the machine cannot be asked.
    pub fn for_image() -> Result<Self> {
        let world = World::gather()?;
        // First: looking into /boot mounts it where it is mounted on demand.
        let boot = bootable();
        let mounts = mounts::mounted()?;
        let text = files::read_optional(Path::new("/etc/fstab"))?.unwrap_or_default();
        let fstab = fstab::parse(&String::from_utf8_lossy(&text), "/etc/fstab")?;
        let (source, undescribed) = match source::describe(
            &world,
            &mounts,
            &fstab,
            describe_image(boot.firmware),
            &Machine,
        ) {
            Ok(source) => (source, None),
            Err(e) => (
                Source {
                    disks: source::root_disks(&world, &mounts, &Machine),
                    ..Source::default()
                },
                Some(e),
            ),
        };
        let mut facts =
            Self { world, source, boot, mountable: mkfs::filesystems_supported(), undescribed };
        facts.look_at_unmounted_esp()?;
        Ok(facts)
    }

    /// A loader for UEFI can lie on an ESP that is not mounted.
    fn look_at_unmounted_esp(&mut self) -> Result<()> {
        let image = &self.source.image;
        let Some(fs) = image.fs_data.iter().find(|f| prepare::is_esp(image, f)) else {
            return Ok(());
        };
        if self.boot.efi.is_ok() || esp::is_mounted(&fs.fs_name)? {
            return Ok(());
        }
        let view = esp::of_source(self, &fs.fs_name).ok().flatten();
        self.boot.efi = loader::detect(Path::new("/")).capability_without_esp(
            Path::new("/"),
            &fs.fs_name,
            view.as_ref().map(own_path).as_deref(),
        );
        Ok(())
    }

    /// The mount through which a file system of rootvg is read.
    ///
    /// # Errors
    /// ALT-310 where it is not mounted any more.
    pub fn mount_of(&self, fs: &Fs) -> Result<Mount> {
        let device = names::source_device(&self.source, &fs.fs_name).map(Path::to_owned);
        source::mount::mount_of(fs, device.as_slice())
    }

    /// Everything by which a device of rootvg can be named.
    pub fn old_names(&self, device: &Path) -> Names {
        let subvolumes = self
            .source
            .subvolume_ids
            .iter()
            .find(|(d, _)| d == device)
            .map(|(_, ids)| ids.clone())
            .unwrap_or_default();
        Names { subvolumes, ..names::old_names(&self.world, device) }
    }

    /// What the running system boots with, and what is wrong where that is no kernel. A /boot that
    /// is not mounted hides what it starts from, even where the directory below it holds an old
    /// kernel.
    pub fn kernels_there(&self) -> (Bootable, anyhow::Error) {
        let mut boot = self.boot.clone();
        if self.source.not_mounted.iter().any(|at| at == Path::new("/boot")) {
            boot.kernels.clear();
            let cause = "/boot is in /etc/fstab but not mounted, so the kernels that this system starts are not seen";
            return (
                boot,
                error::NO_KERNEL.with_remedy(cause, "`mount /boot`, and run the command again"),
            );
        }
        let cause = "there is no kernel in /boot: this is a container, a microVM, or a machine whose kernel comes from elsewhere";
        (boot, error::NO_KERNEL.with_cause(cause))
    }

    /// Whether the ESP can be filled.
    pub fn can_mount(&self, fs: FsType) -> bool {
        self.mountable.iter().any(|name| fs.is(name))
    }

    /// Whether the running kernel can mount an EFI system partition.
    pub fn esp_mountable(&self) -> bool {
        self.can_mount(FsType::Vfat)
    }
}

fn bootable() -> Bootable {
    let root = Path::new("/");
    let firmware = Firmware::of_machine();
    let loader = loader::capability(root);
    Bootable {
        firmware,
        kernels: loader.kernels.iter().filter(|k| k.modules).map(|k| k.version.clone()).collect(),
        bios: loader.bios,
        efi: loader.efi,
        initramfs: loader.initramfs.map(drop),
        bootlist: bootlist_capability(firmware),
    }
}

/// Err: why the boot list of this machine cannot be set.
pub fn bootlist_capability(firmware: Firmware) -> Result<(), String> {
    bootlist::capability(firmware)
        .map_err(|e| error::find(&e).map_or_else(|| e.to_string(), |a| a.cause.clone()))
}

fn describe_image(firmware: Firmware) -> Image {
    let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = os
        .lines()
        .find_map(|l| l.strip_prefix("PRETTY_NAME="))
        .map(|v| v.trim_matches('"').to_owned());
    let uname = nix::sys::utsname::uname().map(|u| {
        [u.sysname(), u.nodename(), u.release(), u.machine()]
            .map(|w| w.to_string_lossy().into_owned())
            .join(" ")
    });
    Image {
        image_type: "clone".into(),
        date_time: crate::host::sys::now().1,
        uname_info: uname.unwrap_or_default(),
        platform: if firmware == Firmware::Uefi { "uefi".into() } else { "bios".into() },
        oslevel: pretty.unwrap_or_default(),
    }
}

/// The real machine behind [`source::Ask`].
struct Machine;

impl source::Ask for Machine {
    fn usage(&self, mount: &Mount) -> Result<Usage> {
        Ok(Usage { used: counts(mount)?.used })
    }

    fn subvolumes(&self, mount: &Mount) -> Result<(Vec<ListedSubvolume>, Option<String>)> {
        // Listed from the top level, because from anywhere else btrfs names what lies below
        // relative to there.
        let top = view::of_device(Path::new(&mount.source), FsType::Btrfs.name(), "subvolid=5")?;
        let at = format!("/proc/{}/fd/{}", std::process::id(), top.as_raw_fd());
        let list = Cmd::new("btrfs", "list the subvolumes")
            .args(["subvolume", "list", "-q", &at])
            .read()?;
        let read_only = Cmd::new("btrfs", "list the read-only subvolumes")
            .args(["subvolume", "list", "-q", "-r", &at])
            .read()?;
        let default = Cmd::new("btrfs", "ask for the default subvolume")
            .args(["subvolume", "get-default", &at])
            .read()?;
        Ok((parse_subvolumes(&list.text(), &read_only.text()), parse_default(&default.text())))
    }

    fn has_quotas(&self, mount: &Mount) -> bool {
        // It fails where they are off.
        Cmd::new("btrfs", "ask whether quotas are on")
            .args(["qgroup", "show"])
            .arg(&mount.mount_point)
            .read()
            .is_ok()
    }

    fn mkfs_options(&self, fs: FsType, device: &Path) -> Result<Vec<String>> {
        fs.features(device)
    }

    fn crypttab(&self) -> String {
        let text =
            files::read_optional(Path::new("/etc/crypttab")).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What a mounted file system holds, without practice disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes.
    pub used: u64,
    /// Bytes, what is reserved for root among them.
    pub free: u64,
    pub files: u64,
}

/// Counts a mounted file system; what is mounted over it is not asked.
///
/// # Errors
/// Where it cannot be asked; ALT-406 where it is hidden and we are not root.
pub fn counts(mount: &Mount) -> Result<Counts> {
    let all = mounts::mounted()?;
    let here = all.iter().rfind(|m| m.is_same_as(mount));
    let view = if here.is_some_and(|m| covered::is_visible(&all, m)) {
        None
    } else {
        Some(view::of_mount(mount)?)
    };
    let at = view.as_ref().map_or(mount.mount_point.clone(), own_path);
    let s = nix::sys::statvfs::statvfs(&at)
        .with_context(|| format!("asking how full {} is", mount.mount_point.display()))?;
    let used = s.blocks().saturating_sub(s.blocks_free()).saturating_mul(s.fragment_size());
    Ok(Counts {
        used: used.saturating_sub(practice_bytes(&at)),
        free: s.blocks_free().saturating_mul(s.fragment_size()),
        files: s.files().saturating_sub(s.files_free()),
    })
}

/// `btrfs subvolume list -q`: `ID 257 gen 9 top level 5 parent_uuid - path @home`; `read_only`: the
/// same with `-r`.
fn parse_subvolumes(text: &str, read_only: &str) -> Vec<ListedSubvolume> {
    let id = |line: &str| line.split_whitespace().nth(1)?.parse::<u64>().ok();
    let read_only: Vec<u64> = read_only.lines().filter_map(id).collect();
    text.lines()
        .filter_map(|l| {
            let (head, path) = l.split_once(" path ")?;
            let parent = head.split_whitespace().skip_while(|w| *w != "parent_uuid").nth(1)?;
            let id = id(head)?;
            let path = path.trim_start_matches("<FS_TREE>/").to_owned();
            Some(ListedSubvolume {
                id,
                path,
                is_snapshot: parent != "-",
                read_only: read_only.contains(&id),
            })
        })
        .collect()
}

/// `btrfs subvolume get-default`: `ID 5 (FS_TREE)` or `ID 256 gen 9 top level 5 path @`.
fn parse_default(text: &str) -> Option<String> {
    text.trim().split_once(" path ").map(|(_, p)| p.to_owned())
}

/// What practice disks take on the file system that is mounted there: they are never copied.
fn practice_bytes(mount_point: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(here) = std::fs::metadata(mount_point) else { return 0 };
    let files =
        std::fs::read_dir(crate::disk::practice::directory()).into_iter().flatten().flatten();
    files
        .filter_map(|f| f.metadata().ok())
        .filter(|m| m.dev() == here.dev())
        .map(|m| m.blocks().saturating_mul(512))
        .fold(0, u64::saturating_add)
}

/// Practice disks' backing files and our own state: what neither a clone nor an image contains.
pub fn leave_out(source: &Source) -> Vec<PathBuf> {
    let swap = source.image.swap_file_data.iter().map(|s| PathBuf::from(&s.file));
    let own =
        [crate::engine::state::DIR, crate::engine::ALT_INST, "/var/log/altdisk"].map(PathBuf::from);
    own.into_iter().chain([Path::new("/").join(unlocked::NOTES)]).chain(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_state_is_left_out() {
        let all = leave_out(&Source::default());
        for path in ["/alt_inst", "/.altdisk-flags"] {
            assert!(all.contains(&PathBuf::from(path)), "{path}: {all:?}");
        }
    }

    #[test]
    fn subvolumes() {
        let text = "ID 256 gen 31 top level 5 parent_uuid -                                    path @\n\
            ID 257 gen 30 top level 5 parent_uuid -                                    path @home\n\
            ID 260 gen 29 top level 256 parent_uuid 0c2a8c1e-2a0e-0f4d-9d4c-1a2b3c4d5e6f path @/.snapshots/1/snap shot\n";
        let s = parse_subvolumes(text, text.lines().last().unwrap());
        assert_eq!(
            s.iter()
                .map(|s| (s.id, s.path.as_str(), s.is_snapshot, s.read_only))
                .collect::<Vec<_>>(),
            [
                (256, "@", false, false),
                (257, "@home", false, false),
                (260, "@/.snapshots/1/snap shot", true, true)
            ]
        );
        assert_eq!(parse_default("ID 5 (FS_TREE)\n"), None);
        assert_eq!(parse_default("ID 256 gen 9 top level 5 path @\n").as_deref(), Some("@"));
    }
}
