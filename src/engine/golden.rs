//! Golden plans: what the engine would do for systems of several layouts, compared with files under
//! tests/fixtures/plans. `UPDATE_GOLDEN=1 cargo test golden` writes them anew; then read the
//! difference.

use std::path::{Path, PathBuf};

use super::facts::bootable::{Bootable, Firmware};
use super::plan;
use super::plan::fresh::Fresh;
use super::plan::lay_out::lay_out;
use super::plan::layout::Target;
use super::plan::spec::{AlternateSpec, ImageSource};
use super::prepare::prepared::Prepared;
use super::request::{Identity, Phases, Request};
use super::review::preview;
use super::review::{self, Typed};
use super::run::cleanup::DiskAction;
use super::state::{Alternate, Record};
use crate::boot::ids::IdMap;
use crate::error;
use crate::image::data::{
    Fs, Image, ImageData, Lv, LvType, SourceDisk, Subvolume, SwapFile, Vg, YesNo,
};
use crate::software::{Location, Wanted};

const GIB: u64 = 1 << 30;

fn counted() -> impl FnMut() -> uuid::Uuid {
    let mut n = 0u128;
    move || {
        n += 1;
        uuid::Uuid::from_u128(n << 64 | n)
    }
}

pub(super) fn target(name: &str, gib: u64, sector: u32) -> Target {
    let (path, serial) = (Path::new("/dev").join(name), Some(format!("S-{name}")));
    Target { name: name.into(), path, serial, size: gib * GIB, sector, ..Target::default() }
}

fn lv(name: &str, vg: Option<&str>, kind: LvType, size_mb: u64) -> Lv {
    Lv {
        logical_volume: name.into(),
        volume_group: vg.map(Into::into),
        kind,
        size_mb,
        lv_source_disk_list: vec!["vda".into()],
        label: None,
    }
}

fn fs(name: &str, on: &Lv, vfs: &str, used: u64) -> Fs {
    Fs {
        fs_name: name.into(),
        fs_lv: on.logical_volume.clone(),
        fs_vg: on.volume_group.clone(),
        fs_vfs: vfs.into(),
        fs_min_size_mb: used + used / 5 + 64,
        fs_used_mb: used,
        fs_options: "defaults".into(),
        ..Fs::default()
    }
}

fn image(platform: &str, disk_mb: u64, lvs: Vec<Lv>, fss: Vec<Fs>) -> ImageData {
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

pub(super) fn plain() -> ImageData {
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

pub(super) fn lvm() -> ImageData {
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

fn btrfs() -> ImageData {
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

fn text(image: ImageData, targets: &[Target], request: &Request) -> String {
    match prepared(image, targets) {
        Ok(p) => {
            let plan = plan::make_plan(&p.base, request);
            preview::as_text(&p, &plan)
        }
        Err(e) => {
            let alt = error::find(&e).unwrap();
            format!("{}: {}\n  {}\n", alt.entry.id, alt.cause, alt.remedy)
        }
    }
}

pub(super) fn prepared(image: ImageData, targets: &[Target]) -> anyhow::Result<Prepared> {
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

pub(super) fn request(phases: Phases) -> Request {
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

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    for (n, (a, b)) in wanted.lines().zip(text.lines()).enumerate() {
        assert_eq!(a, b, "{name}:{}", n + 1);
    }
    assert_eq!(wanted, text, "{name}");
}

#[test]
fn golden_plans() {
    let all = request(Phases::All);
    golden("plain-larger.txt", &text(plain(), &[target("vdb", 16, 512)], &all));
    golden("plain-same-size.txt", &text(plain(), &[target("vdb", 8, 512)], &all));
    golden("plain-4k-sectors.txt", &text(plain(), &[target("nvme0n1", 16, 4096)], &all));
    golden(
        "plain-two-disks.txt",
        &text(plain(), &[target("vdb", 8, 512), target("vdc", 2, 512)], &all),
    );
    golden(
        "plain-two-large-disks.txt",
        &text(plain(), &[target("vdb", 16, 512), target("vdc", 16, 512)], &all),
    );
    golden(
        "lvm-two-disks.txt",
        &text(lvm(), &[target("vdb", 5, 512), target("vdc", 4, 512)], &all),
    );
    golden("btrfs.txt", &text(btrfs(), &[target("sdb", 20, 512)], &request(Phases::TwoThree)));
    golden("btrfs-phase-1.txt", &text(btrfs(), &[target("sdb", 20, 512)], &request(Phases::One)));
}

/// A clone that is updated before anything runs from it.
#[test]
fn golden_updates() {
    let wanted = Wanted {
        location: Location::Directory("/updates".into()),
        all: true,
        packages: vec!["vim".into(), "curl=8.5.0-2".into()],
        fixes: vec!["CVE-2024-33599".into()],
        flags: Some("-acgXY".into()),
        bundle: Some("/root/web.bnd".into()),
        fix_bundle: None,
    };
    let request = Request { software: Some(wanted), remain_client: false, ..request(Phases::All) };
    golden("plain-updated.txt", &text(plain(), &[target("vdb", 16, 512)], &request));
    let mut p = prepared(plain(), &[target("vdb", 16, 512)]).unwrap();
    p.targets = vec!["vdb: empty".into()];
    let plan = plan::make_plan(&p.base, &request);
    let page = review::install_page(&p, &plan, vec![], None);
    assert!(page.text.iter().all(|l| l.chars().count() <= review::model::WIDTH), "{page:?}");
    golden("../reviews/updated.json", &(serde_json::to_string_pretty(&page).unwrap() + "\n"));
}

/// An image install: the same layout, with everything mounted before one restore.
fn installed(image: ImageData) -> (Prepared, Request) {
    let mut p = prepared(image, &[target("vdb", 16, 512)]).unwrap();
    p.base.imaged = Some(ImageSource {
        device: "/images/web1.mksysb.zst".into(),
        what: "the image of web1, Debian GNU/Linux 12 (bookworm) (level 12.11.0), made 2026-11-22 20:00".into(),
        print: "1".into(),
        files: 60_000,
        bytes: 2_500_000_000,
        boot_image: Some("/usr/lib/altdisk/boot_images/i386-pc_12.11.0_boot".into()),
        identity: Identity::Fresh,
        other_machine: true,
    });
    let argv =
        ["alt_disk_install", "-d", "/images/web1.mksysb.zst", "vdb"].map(str::to_owned).into();
    (p, Request { argv, script: None, remain_client: false, ..request(Phases::All) })
}

#[test]
fn golden_image_installs() {
    for (name, image) in
        [("image-plain.txt", plain()), ("image-lvm.txt", lvm()), ("image-btrfs.txt", btrfs())]
    {
        let (p, request) = installed(image);
        let plan = plan::make_plan(&p.base, &request);
        golden(name, &preview::as_text(&p, &plan));
    }
    let (p, request) = installed(plain());
    let plan = plan::make_plan(&p.base, &request);
    let page = review::install_page(&p, &plan, vec![], None);
    assert!(page.text.iter().all(|l| l.chars().count() <= review::model::WIDTH), "{page:?}");
    golden("../reviews/image.json", &(serde_json::to_string_pretty(&page).unwrap() + "\n"));
}

/// The pages that panels show before a command runs.
#[test]
fn golden_reviews() {
    let review = |image, request: &Request, typed: Vec<Typed>, rate| {
        let mut p = prepared(image, &[target("vdb", 16, 512)]).unwrap();
        p.targets = match request.phases.list() {
            [1, ..] => vec!["vdb: 16 GiB, QEMU HARDDISK, serial S-vdb; on it now: vdb1 8 GiB ext4 \"data\", vdb2 8 GiB xfs".into()],
            _ => vec![],
        };
        p.warnings = vec!["the copy will not boot by UEFI: grub-efi is not installed".into()];
        let plan = plan::make_plan(&p.base, request);
        let page = review::install_page(&p, &plan, typed, rate);
        assert!(page.text.iter().all(|l| l.chars().count() <= review::model::WIDTH), "{page:?}");
        serde_json::to_string_pretty(&page).unwrap() + "\n"
    };
    let word = |w: &str| w.to_owned();
    let typed = Typed {
        prompt: word("Type it:"),
        words: vec![word("S-vdb"), word("vdb")],
        add: vec![word("--erase"), word("S-vdb")],
    };
    golden("../reviews/clone.json", &review(plain(), &request(Phases::All), vec![typed], None));
    let reboot =
        Request { reboot: true, script: None, remain_client: false, ..request(Phases::TwoThree) };
    golden("../reviews/phases-2-3.json", &review(lvm(), &reboot, vec![], Some(200 << 20)));
}

/// A finished copy.
pub(super) fn finished(image: ImageData, targets: &[Target]) -> Alternate {
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

/// The pages about an alternate that stands there half-made: what goes on, and what removing it
/// means.
#[test]
fn golden_reviews_of_what_stands() {
    let request = request(Phases::All);
    let p = prepared(plain(), &[target("vdb", 8, 512), target("vdc", 2, 512)]).unwrap();
    let plan = plan::make_plan(&p.base, &request);
    let mut journal = vec![Record::Run { run: 1, argv: request.argv.clone(), time: 0 }];
    for step in plan.steps.iter().take_while(|s| s.phase == 1) {
        journal
            .extend([Record::Begin { id: step.id.clone() }, Record::Done { id: step.id.clone() }]);
    }
    journal.extend([Record::Phase { phase: 1 }, Record::Begin { id: "2.client".into() }]);
    let stands = Alternate { base: p.base, plan, run: 1, journal, journal_damaged: false };
    let json = |page: &review::Review| {
        assert!(page.text.iter().all(|l| l.chars().count() <= review::model::WIDTH), "{page:?}");
        // The day depends on where the test runs.
        serde_json::to_string_pretty(page).unwrap().replace(&crate::host::clock::minute(0), "DATE")
            + "\n"
    };
    golden("../reviews/resume.json", &json(&review::resume_page(&stands, &stands.base, None)));
    let vdb = crate::disk::model::Disk {
        serial: Some("S-vdb".into()),
        ..crate::testing::sample::disk("vdb", "254:16")
    };
    let mounted = ["/alt_inst".to_owned(), "/alt_inst/home".to_owned()];
    let page = review::removal::clean_up_page(
        &stands,
        &[DiskAction::Erase(&vdb), DiskAction::Reused(&vdb)],
        &mounted,
        false,
    );
    golden("../reviews/clean-up.json", &json(&page));
    let page = review::removal::clean_up_page(
        &stands,
        &[DiskAction::Untouched, DiskAction::Gone],
        &[],
        false,
    );
    assert!(
        page.typed.is_empty() && page.text.join(" ").contains("Nothing is mounted"),
        "{page:?}"
    );

    // The finished copy: forgotten; or erased too, by a serial number that is asked for or was
    // given.
    let mut finished = stands;
    finished.journal.extend([Record::Phase { phase: 2 }, Record::Phase { phase: 3 }]);
    let both = [DiskAction::Keep(&vdb), DiskAction::Reused(&vdb)];
    golden(
        "../reviews/forget.json",
        &json(&review::removal::clean_up_page(&finished, &both, &[], false)),
    );
    golden(
        "../reviews/forget-and-erase.json",
        &json(&review::removal::clean_up_page(&finished, &both, &[], true)),
    );
    let given = review::removal::clean_up_page(
        &finished,
        &[DiskAction::Erase(&vdb), DiskAction::Gone],
        &[],
        false,
    );
    assert!(
        given.typed.is_empty()
            && given.text.iter().any(|l| l.contains("vdb: 8 GiB, serial S-vdb: everything")),
        "{given:?}"
    );
}

#[test]
fn golden_refusals() {
    let all = request(Phases::All);
    golden("refused-small-but-would-fit.txt", &text(plain(), &[target("vdb", 5, 512)], &all));
    let mut shrunk = plain();
    shrunk.logical_volume_policy.shrink = YesNo::Yes;
    golden("plain-shrunk.txt", &text(shrunk.clone(), &[target("vdb", 5, 512)], &all));
    golden("refused-too-small.txt", &text(shrunk, &[target("vdb", 2, 512)], &all));
    let mut exact = plain();
    exact.logical_volume_policy.exact_fit = YesNo::Yes;
    golden("refused-not-exact.txt", &text(exact.clone(), &[target("vdb", 9, 512)], &all));
    assert!(text(exact, &[target("vdb", 8, 512)], &all).starts_with("PREVIEW"));
    golden(
        "refused-no-spread.txt",
        &text(plain(), &[target("vdb", 5, 512), target("vdc", 1, 512)], &all),
    );
}

#[test]
fn identifiers_are_fresh_and_partitions_do_not_overlap() {
    for (image, targets) in [
        (plain(), vec![target("vdb", 16, 512)]),
        (lvm(), vec![target("vdb", 5, 4096), target("vdc", 4, 4096)]),
        (btrfs(), vec![target("vdb", 9, 512)]),
    ] {
        let mut ids = counted();
        let layout = lay_out(&image, 0, &targets, &mut Fresh(&mut ids)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for disk in &layout.disks {
            assert!(seen.insert(disk.table_id.clone()));
            let mut end = 1 << 20;
            for p in &disk.partitions {
                assert!(p.start >= end && p.start % (1 << 20) == 0 && p.size > 0, "{p:?}");
                assert!(seen.insert(p.uuid.clone()) && p.name.len() <= 36);
                end = p.start + p.size;
            }
            assert!(end + (1 << 20) <= disk.size, "{} ends at {end} of {}", disk.name, disk.size);
        }
        assert!(layout.volumes.iter().all(|v| seen.insert(v.uuid.clone())));
        // Logical volumes fit into what the physical volumes have.
        for vg in &layout.vgs {
            let parts = layout
                .disks
                .iter()
                .flat_map(|d| &d.partitions)
                .filter(|p| vg.pvs.contains(&p.path));
            let extents: u64 = parts.map(|p| (p.size - (1 << 20)) / vg.extent).sum();
            let used: u64 = layout
                .volumes
                .iter()
                .filter(|v| v.vg.as_ref() == Some(&vg.name))
                .map(|v| v.size / vg.extent)
                .sum();
            assert!(used <= extents, "{used} of {extents}");
        }
    }
}
