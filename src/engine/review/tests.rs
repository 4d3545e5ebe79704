//! Golden plans: what the engine would do for systems of several layouts, compared with files under
//! tests/fixtures/plans. `UPDATE_GOLDEN=1 cargo test golden` writes them anew; then read the
//! difference.

use std::path::Path;

use crate::disk::fs::FsType;
use crate::engine::plan;
use crate::engine::plan::layout::Target;
use crate::engine::plan::spec::ImageSource;
use crate::engine::prepare::prepared::Prepared;
use crate::engine::request::{Identity, Phases, Request};
use crate::engine::review::{self, Typed, preview};
use crate::engine::run::cleanup::DiskAction;
use crate::engine::state::{Alternate, Record};
use crate::error;
use crate::image::data::{ImageData, YesNo};
use crate::software::{Location, Wanted};
use crate::testing::alternate::{btrfs, lvm, plain, prepared, request, target};

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

/// F2FS, with a /boot that GRUB can read.
fn f2fs() -> ImageData {
    let mut image = plain();
    image.fs_data[0].fs_vfs = FsType::F2fs;
    image.fs_data[0].fs_mkfs_options = vec!["-O".into(), "extra_attr,sb_checksum".into()];
    image.fs_data[0].fs_label = Some("root".into());
    image
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
    golden("f2fs.txt", &text(f2fs(), &[target("vdb", 16, 512)], &all));
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
