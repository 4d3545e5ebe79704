//! Alternates and what they are made from, for tests of plans, reviews and runs.

use std::path::{Path, PathBuf};

use crate::boot::identity::ids::IdMap;
use crate::engine::facts::bootable::{Bootable, Firmware};
use crate::engine::plan;
use crate::engine::plan::fresh::Fresh;
use crate::engine::plan::lay_out::lay_out;
use crate::engine::plan::layout::Target;
use crate::engine::plan::spec::AlternateSpec;
use crate::engine::prepare::prepared::Prepared;
use crate::engine::request::{Phases, Request};
use crate::engine::state::{Alternate, Record};
use crate::image::data::{Fs, Image, ImageData, Lv, LvType, SourceDisk, Subvolume, SwapFile, Vg};

const GIB: u64 = 1 << 30;

pub fn counted() -> impl FnMut() -> uuid::Uuid {
    let mut n = 0u128;
    move || {
        n += 1;
        uuid::Uuid::from_u128(n << 64 | n)
    }
}

pub fn target(name: &str, gib: u64, sector: u32) -> Target {
    let (path, serial) = (Path::new("/dev").join(name), Some(format!("S-{name}")));
    Target { name: name.into(), path, serial, size: gib * GIB, sector, ..Target::default() }
}

pub fn lv(name: &str, vg: Option<&str>, kind: LvType, size_mb: u64) -> Lv {
    Lv {
        logical_volume: name.into(),
        volume_group: vg.map(Into::into),
        kind,
        size_mb,
        lv_source_disk_list: vec!["vda".into()],
        label: None,
    }
}

pub fn fs(name: &str, on: &Lv, vfs: &str, used: u64) -> Fs {
    Fs {
        fs_name: name.into(),
        fs_lv: on.logical_volume.clone(),
        fs_vg: on.volume_group.clone(),
        fs_vfs: vfs.parse().unwrap(),
        fs_min_size_mb: used + used / 5 + 64,
        fs_used_mb: used,
        fs_options: "defaults".into(),
        ..Fs::default()
    }
}

pub fn image(platform: &str, disk_mb: u64, lvs: Vec<Lv>, fss: Vec<Fs>) -> ImageData {
    let disk = SourceDisk {
        hdiskname: "vda".into(),
        size_mb: disk_mb,
        sector_size: 512,
        ..SourceDisk::default()
    };
    let about = Image { image_type: "clone".into(), platform: platform.into(), ..Image::default() };
    ImageData {
        image_data: about,
        source_disk_data: vec![disk],
        lv_data: lvs,
        fs_data: fss,
        ..ImageData::default()
    }
}

pub fn plain() -> ImageData {
    let (boot, root, home) = (
        lv("vda1", None, LvType::Fs, 512),
        lv("vda2", None, LvType::Fs, 6000),
        lv("vda3", None, LvType::Fs, 1000),
    );
    let fss = vec![
        fs("/", &root, "ext4", 2000),
        fs("/boot", &boot, "ext4", 100),
        fs("/home", &home, "xfs", 300),
    ];
    let mut image =
        image("bios", 8192, vec![boot, root, home, lv("vda4", None, LvType::Swap, 600)], fss);
    image.swap_file_data.push(SwapFile { file: "/swapfile".into(), size_mb: 128 });
    image
}

pub fn lvm() -> ImageData {
    let esp = lv("vda1", None, LvType::Esp, 256);
    let boot = lv("vda2", None, LvType::Fs, 512);
    let (root, var, swap) = (
        lv("root", Some("sys-vg"), LvType::Fs, 4096),
        lv("var", Some("sys-vg"), LvType::Fs, 2048),
        lv("swap_1", Some("sys-vg"), LvType::Swap, 512),
    );
    let mut fss = vec![
        fs("/", &root, "xfs", 1500),
        fs("/boot/efi", &esp, "vfat", 6),
        fs("/boot", &boot, "ext4", 100),
        fs("/var", &var, "ext4", 700),
    ];
    fss[0].fs_label = Some("system".into());
    let mut image = image("uefi", 8192, vec![esp, boot, root, var, swap], fss);
    image.vg_data.push(Vg {
        vgname: "sys-vg".into(),
        ppsize_mb: 4,
        vg_source_disk_list: vec!["vda".into()],
    });
    image
}

pub fn btrfs() -> ImageData {
    let (esp, root) = (lv("vda1", None, LvType::Esp, 256), lv("vda2", None, LvType::Fs, 7000));
    let mut all = fs("/", &root, "btrfs", 2500);
    let sub = |path: &str, at: Option<&str>, options: &str| Subvolume {
        path: path.into(),
        mount_point: at.map(Into::into),
        options: options.into(),
    };
    all.subvolume = vec![
        sub("@", Some("/"), "compress=zstd:1,subvol=@,subvolid=256"),
        sub("@home", Some("/home"), "ro,noatime,subvol=@home"),
        sub("@/var/lib/machines", None, ""),
    ];
    let efi = fs("/boot/efi", &esp, "vfat", 6);
    image("uefi", 8192, vec![esp, root], vec![all, efi])
}

pub fn prepared(image: ImageData, targets: &[Target]) -> anyhow::Result<Prepared> {
    let mut ids = counted();
    let layout = lay_out(&image, 0, targets, &mut Fresh(&mut ids))?;
    let uefi = image.image_data.platform == "uefi";
    let boot = Bootable {
        firmware: if uefi { Firmware::Uefi } else { Firmware::Bios },
        kernels: vec!["6.1.0-1-amd64".into()],
        bios: Ok(()),
        efi: Ok(()),
        initramfs: Ok(()),
        bootlist: Ok(()),
    };
    let base = AlternateSpec {
        version: 1,
        id: "0badcafe".into(),
        created: 0,
        image,
        source_disks: vec!["vda".into()],
        layout,
        ids: IdMap::default(),
        boot,
        esp_mountable: true,
        leave_out: vec![],
        made_mount_point: true,
        imaged: None,
    };
    let notes = base.layout.notes.clone();
    let described = targets.iter().map(|t| format!("{}: empty", t.name)).collect();
    Ok(Prepared { base, warnings: vec![], notes, targets: described, archive: None })
}

pub fn request(phases: Phases) -> Request {
    Request {
        image: None,
        phases,
        software: None,
        image_data: None,
        script: Some(PathBuf::from("/root/custom ize")),
        resolv_conf: None,
        exclude_list: None,
        accept: vec![],
        set_bootlist: true,
        reboot: false,
        remain_client: true,
        skip_boot_check: false,
        erase: vec![],
        targets: vec!["vdb".into()],
        argv: vec!["alt_disk_install".into(), "-C".into(), "vdb".into()],
    }
}

/// A finished copy.
pub fn finished(image: ImageData, targets: &[Target]) -> Alternate {
    let (request, p) = (request(Phases::All), prepared(image, targets).unwrap());
    let plan = plan::make_plan(&p.base, &request);
    let mut journal = vec![Record::Run { run: 1, argv: request.argv, time: 0 }];
    for step in &plan.steps {
        journal
            .extend([Record::Begin { id: step.id.clone() }, Record::Done { id: step.id.clone() }]);
    }
    journal.extend([1, 2, 3].map(|phase| Record::Phase { phase }));
    Alternate { base: p.base, plan, run: 1, journal, journal_damaged: false }
}
