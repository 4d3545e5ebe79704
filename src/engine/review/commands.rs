//! The commands of a step as the preview shows them. Where a room builds the command from data
//! alone it is the very one that is run; what needs the machine as it will be then is said in
//! words.

use std::path::{Path, PathBuf};

use crate::boot::firmware::Firmware;
use crate::boot::loader;
use crate::disk::fs::FsType;
use crate::disk::lvm;
use crate::engine::paths::{ALT_INST, below};
use crate::engine::plan::layout::VolumeLayout;
use crate::engine::plan::mount_plan;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::plan::step::Action;
use crate::host::cmd::Cmd;
use crate::text::shell::quote;

/// The commands of `action`.
pub fn commands_of_action(action: &Action, base: &AlternateSpec) -> Vec<String> {
    let layout = &base.layout;
    let devices: Vec<PathBuf> = layout.vgs.iter().flat_map(|v| v.pvs.iter().cloned()).collect();
    let scope = || lvm::Scope::new(&devices);
    let install_loader = |firmware| {
        let all = loader::detect(Path::new("/")).commands(firmware, &layout.disks[0].path);
        all.iter().map(|c| format!("chroot {ALT_INST}: {c}")).collect()
    };
    match action {
        Action::Wipe { disk } => vec![format!(
            "wipefs -a {0}* {0}; zeros to its first and last MiB and to some hundred places between",
            layout.disks[*disk].path.display()
        )],
        Action::Partition { disk } => {
            let d = &layout.disks[*disk];
            let mut lines = vec![format!("sfdisk {}", d.path.display())];
            let part = |p: &crate::engine::plan::layout::PartLayout| {
                format!(
                    "  {}: start {} MiB, size {} MiB, {}",
                    p.number,
                    p.start >> 20,
                    p.size >> 20,
                    p.name
                )
            };
            lines.extend(d.partitions.iter().map(part));
            lines
        }
        Action::MakeVg { vg } => {
            let vg = &layout.vgs[*vg];
            let mut all: Vec<String> =
                vg.pvs.iter().map(|p| shown(&lvm::pv_create(&scope(), p))).collect();
            all.push(shown(&lvm::vg_create(&scope(), &vg.name, &vg.pvs, vg.extent)));
            all
        }
        Action::MakeLv { volume } => {
            let v = &layout.volumes[*volume];
            let vg = layout.vgs.iter().find(|g| Some(&g.name) == v.vg.as_ref());
            vg.map(|g| shown(&lvm::lv_create(&scope(), &g.name, &v.lv, v.size / g.extent, &[])))
                .into_iter()
                .collect()
        }
        Action::MakeFs { volume } | Action::MakeSwap { volume } => {
            make(base, &layout.volumes[*volume])
        }
        Action::Copy { volume } => {
            let v = &layout.volumes[*volume];
            let from = v.fs.as_ref().map_or("", |f| f.fs_name.as_str());
            vec![format!("copy {from} -> {} (mounted at {ALT_INST} meanwhile)", v.device.display())]
        }
        Action::Subvolumes { volume } => {
            let subvolumes = layout.volumes[*volume].fs.iter().flat_map(|f| &f.subvolume);
            subvolumes
                .filter(|s| !s.path.is_empty())
                .map(|s| format!("btrfs subvolume create {ALT_INST}/{}", s.path))
                .collect()
        }
        Action::Restore => {
            let from =
                base.imaged.as_ref().map(|i| i.device.display().to_string()).unwrap_or_default();
            vec![format!("restore {from} -> {ALT_INST}")]
        }
        Action::BootImage { file } => vec![format!("restore {} -> {ALT_INST}", file.display())],
        Action::Mount { volume, subvolume, at, options, .. } => {
            let options = mount_plan::mount_options(options, subvolume.as_deref());
            vec![format!(
                "mount -o {options} {} {}",
                layout.volumes[*volume].device.display(),
                at.display()
            )]
        }
        Action::SwapFile { index } => {
            vec![format!(
                "mkswap {}",
                below(Path::new(ALT_INST), Path::new(&layout.swap_files[*index].file)).display()
            )]
        }
        Action::ResolvConf { file } => {
            vec![format!("{} -> {ALT_INST}/etc/resolv.conf", file.display())]
        }
        Action::Software { wanted } => wanted.lines(),
        Action::Script { file } => vec![quote(file.as_os_str())],
        Action::Initramfs => base
            .boot
            .kernels
            .iter()
            .map(|k| format!("chroot {ALT_INST}: initramfs for {k}"))
            .collect(),
        Action::BootMenu => {
            vec![format!("chroot {ALT_INST}: {}", loader::detect(Path::new("/")).menu_command())]
        }
        Action::LoaderEfi => install_loader(Firmware::Uefi),
        Action::LoaderBios => install_loader(Firmware::Bios),
        Action::Unmount => vec![format!("umount -R {ALT_INST}")],
        Action::Deactivate => {
            layout.vgs.iter().map(|g| shown(&lvm::vg_deactivate(&scope(), &g.name))).collect()
        }
        Action::Bootlist => vec![format!(
            "altdisk bootlist {} {}",
            layout.disks[0].name,
            base.source_disks.join(" ")
        )],
        Action::Gate
        | Action::FreshIdentity
        | Action::ClientFiles
        | Action::References
        | Action::Audit
        | Action::Esp
        | Action::Verify
        | Action::Origin
        | Action::Reboot => vec![],
    }
}

fn make(base: &AlternateSpec, v: &VolumeLayout) -> Vec<String> {
    let (fstype, options) =
        v.fs.as_ref()
            .map_or((FsType::Swap, [].as_slice()), |f| (f.fs_vfs, f.fs_mkfs_options.as_slice()));
    let sector = base.layout.disks.iter().map(|d| d.sector).max().unwrap_or(512);
    let cmd = fstype.mkfs(&v.device, v.size, sector, &v.uuid, v.label.as_deref(), options);
    vec![shown(&cmd)]
}

/// The command line without what only keeps LVM from looking at other disks.
fn shown(cmd: &Cmd) -> String {
    let mut words = cmd.argv().into_iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == "--config" || word == "--devices" {
            words.next();
        } else {
            kept.push(quote(word.as_ref()));
        }
    }
    kept.join(" ")
}
