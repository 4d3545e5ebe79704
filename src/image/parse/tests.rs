use super::*;
use crate::image::data::*;
use proptest::prelude::*;

const GOOD: &str = include_str!("../../../tests/fixtures/image/good.toml");

#[test]
fn the_good_one() {
    let data = parse(GOOD, Path::new("good")).unwrap();
    assert_eq!(
        (data.lv_data.len(), data.fs_data.len(), data.fs_data[3].subvolume.len()),
        (5, 4, 2)
    );
    let again = parse(&write(&data).unwrap(), Path::new("again")).unwrap();
    assert_eq!(again, data);
}

#[test]
fn comments_stand_before_the_stanzas() {
    let text = write(&parse(GOOD, Path::new("good")).unwrap()).unwrap();
    assert!(text.starts_with("# image.data: the layout"), "{text}");
    assert!(text.contains("\n# A file system: FS_NAME is its mount point"), "{text}");
    assert!(text.lines().filter(|l| l.starts_with('#')).all(|l| l.len() <= 80));
}

/// Each bad file: `<rule>.toml`, and beside it `<rule>.txt`, the whole message.
#[test]
fn each_bad_file_has_its_message() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/image/bad");
    let mut ids = std::collections::BTreeSet::new();
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    files.sort();
    assert!(files.len() >= 30, "{}", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap();
        let err = parse(&text, Path::new(name)).expect_err(&name.to_string_lossy());
        let said = error::find(&err).unwrap();
        ids.insert(said.entry.id);
        let message = format!("{}: {}\n", said.entry.id, said.cause);
        let beside = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&beside, &message).unwrap();
        }
        assert_eq!(
            message,
            std::fs::read_to_string(&beside).unwrap(),
            "{name:?}; UPDATE_GOLDEN=1 writes it anew"
        );
    }
    // Every rule has a bad file; 601 is a file that cannot be read.
    let all = error::all().map(|e| e.id).filter(|id| ("ALT-602".."ALT-624").contains(id));
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), all.collect::<Vec<_>>());
}

#[test]
fn a_file_that_cannot_be_read() {
    let err = read(Path::new("/no/such/image.data")).unwrap_err();
    assert_eq!(
        error::find(&err).unwrap().to_string(),
        "ALT-601: /no/such/image.data could not be read: No such file or directory"
    );
}

#[test]
fn places_survive_odd_text() {
    let err = parse("\t\u{e4} = \"", Path::new("x")).unwrap_err();
    assert!(error::find(&err).unwrap().cause.starts_with("x:1:"), "{err}");
    let err = parse("", Path::new("x")).unwrap_err();
    assert!(
        error::find(&err).unwrap().cause.starts_with("x:1:1: missing field `image_data`"),
        "{err}"
    );
}

fn word() -> impl Strategy<Value = String> {
    "[ -~\u{e4}\\n\\t]{0,10}"
}

prop_compose! {
    fn volume(n: usize)(kind in 0..2, lvm in any::<bool>(), size in 10u64..1_000_000, label in proptest::option::of(word()), disks in proptest::collection::vec(word(), 0..3)) -> Lv {
        Lv {
            logical_volume: format!("lv{n}"),
            volume_group: lvm.then(|| "vg".to_owned()),
            kind: if kind == 0 || n == 0 { LvType::Fs } else { LvType::Swap },
            size_mb: size,
            lv_source_disk_list: disks,
            label,
        }
    }
}

prop_compose! {
    fn file_system(n: usize, lv: Lv)(vfs in 0..3usize, used in 0u64..5, options in word(), label in proptest::option::of(word()), mkfs in proptest::collection::vec(word(), 0..3), subs in proptest::collection::vec((word(), any::<bool>()), 0..3)) -> Fs {
        let at = if n == 0 { "/".to_owned() } else { format!("/m{n}") };
        let kind = ["ext4", "xfs", "btrfs"][vfs];
        let subvolume: Vec<Subvolume> = subs.iter().enumerate().filter(|_| kind == "btrfs").map(|(i, (options, mounted))| Subvolume {
            path: format!("@{i}/\u{e4} b"),
            mount_point: mounted.then(|| format!("/m{n}.{i}")),
            options: options.clone(),
        }).collect();
        let fs_default_subvolume = subvolume.first().map(|s| s.path.clone());
        Fs {
            fs_name: at,
            fs_lv: lv.logical_volume.clone(),
            fs_vg: lv.volume_group.clone(),
            fs_vfs: kind.parse().unwrap(),
            fs_min_size_mb: 10,
            fs_used_mb: used,
            fs_options: options,
            fs_label: label,
            fs_mkfs_options: mkfs,
            subvolume,
            fs_default_subvolume,
        }
    }
}

fn image() -> impl Strategy<Value = ImageData> {
    let volumes = (volume(0), volume(1), volume(2)).prop_map(|(a, b, c)| vec![a, b, c]);
    volumes.prop_flat_map(|lvs| {
        let systems: Vec<_> = lvs
            .iter()
            .filter(|l| l.kind == LvType::Fs)
            .enumerate()
            .map(|(n, l)| file_system(n, l.clone()))
            .collect();
        (Just(lvs), systems, word(), any::<bool>(), 0usize..3).prop_map(
            |(lv_data, fs_data, text, shrink, swaps)| ImageData {
                image_data: Image {
                    image_type: "clone".into(),
                    oslevel: text.clone(),
                    ..Image::default()
                },
                logical_volume_policy: Policy {
                    shrink: if shrink { YesNo::Yes } else { YesNo::No },
                    exact_fit: YesNo::No,
                },
                vg_data: vec![Vg {
                    vgname: "vg".into(),
                    ppsize_mb: 4,
                    vg_source_disk_list: vec![text.clone()],
                }],
                source_disk_data: vec![SourceDisk {
                    hdiskname: text,
                    size_mb: 5,
                    sector_size: 512,
                    ..SourceDisk::default()
                }],
                lv_data,
                fs_data,
                swap_file_data: (0..swaps)
                    .map(|i| SwapFile { file: format!("/swap {i}"), size_mb: 1 })
                    .collect(),
            },
        )
    })
}

proptest! {
    #[test]
    fn written_and_read_again(data in image()) {
        let text = write(&data).unwrap();
        prop_assert_eq!(parse(&text, Path::new("x")).map_err(|e| format!("{e}\n{text}")), Ok(data));
    }

    #[test]
    fn never_panics(cut in 0usize..2000, junk in "[\\[\\]={}\"'a-z\u{e4}\\n\\t]{0,8}") {
        let at = cut.min(GOOD.len());
        let text = format!("{}{junk}{}", &GOOD[..at], &GOOD[at..]);
        if let Err(e) = parse(&text, Path::new("x")) {
            prop_assert!(error::find(&e).is_some_and(|a| a.cause.starts_with("x:")));
        }
    }
}
