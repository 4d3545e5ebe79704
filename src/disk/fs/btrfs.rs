//! btrfs.

use std::path::Path;

use anyhow::Result;

use super::facts::{Facts, HeadRoom, IdForm, NewFs, Protections, Sharing, any_version, read_with};
use crate::host::cmd::{Cmd, Finished};

/// The properties of btrfs.
pub const BTRFS: Facts = Facts {
    name: "btrfs",
    programs: &["mkfs.btrfs", "btrfs"],
    check_programs: any_version,
    mkfs,
    label_flag: "-L",
    max_label: 16,
    id: IdForm::Uuid,
    registers_device: true,
    features,
    image_options: &[
        "-O",
        "-R",
        "-n",
        "--nodesize",
        "-s",
        "--sectorsize",
        "--csum",
        "--checksum",
        "-d",
        "-m",
    ],
    min_planned_mb: 256,
    smallest: None,
    head_room: HeadRoom::UNIX,
    sharing: Sharing::Always,
    fsck_at_boot: false,
    has_subvolumes: true,
    keeps_attributes: true,
    grub_reads: true,
    protections: Protections::BtrfsSysfs,
    // The second one is that of kernels before 5.9.
    no_replay: &["rescue=nologreplay", "nologreplay"],
};

fn mkfs(fs: &NewFs, sentence: &str) -> Cmd {
    Cmd::new("mkfs.btrfs", sentence).args(["-q", "-f", "-U", fs.uuid])
}

fn features(device: &Path) -> Result<Vec<String>> {
    let list = |flag: &str| {
        Cmd::new("mkfs.btrfs", "ask which features mkfs knows")
            .args([flag, "list-all"])
            .accept(&[1])
            .read()
    };
    let text = |f: Finished| format!("{}{}", f.text(), String::from_utf8_lossy(&f.stderr));
    let (features, runtime) = (text(list("-O")?), list("-R").map(text).unwrap_or_default());
    let text = read_with("btrfs", &["inspect-internal", "dump-super"], device)?;
    let mut args = parse(&text, &features, &runtime);
    args.extend(profiles(Path::new("/sys/fs/btrfs"), &text));
    Ok(args)
}

/// How often data and metadata are stored on the one device, as the kernel shows it of a mounted
/// file system: mkfs has defaults of its own.
fn profiles(shown: &Path, dump: &str) -> Vec<String> {
    let Some(id) = dump.lines().find_map(|l| l.strip_prefix("fsid\t")) else { return vec![] };
    let of = |kind: &str| {
        let dir = shown.join(id.trim()).join("allocation").join(kind);
        ["dup", "single"].into_iter().find(|profile| dir.join(profile).is_dir())
    };
    // Mixed groups are both.
    let mixed = of("mixed");
    let known = [("-d", of("data").or(mixed)), ("-m", of("metadata").or(mixed))];
    let known = known.into_iter().filter_map(|(flag, profile)| Some([flag, profile?]));
    known.flatten().map(str::to_owned).collect()
}

/// btrfs: the superblock's flag, and mkfs's name for it.
const FEATURES: [(&str, &str); 6] = [
    ("EXTENDED_IREF", "extref"),
    ("SKINNY_METADATA", "skinny-metadata"),
    ("NO_HOLES", "no-holes"),
    ("MIXED_GROUPS", "mixed-bg"),
    ("FREE_SPACE_TREE", "free-space-tree"),
    ("BLOCK_GROUP_TREE", "block-group-tree"),
];

/// Reads `btrfs inspect-internal dump-super`; `features` and `runtime` are what `mkfs.btrfs -O
/// list-all` and `-R list-all` print.
fn parse(text: &str, features: &str, runtime: &str) -> Vec<String> {
    let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
    let has = |flag: &str| {
        text.lines().any(|l| {
            l.trim_start().trim_start_matches("( ").split(['|', ' ', ')']).any(|w| w == flag)
        })
    };
    let knows =
        |list: &str, name: &str| list.lines().any(|l| l.split_whitespace().next() == Some(name));
    let choose = |list: &str, taken: &dyn Fn(&str) -> bool| -> Vec<String> {
        let known = FEATURES.iter().filter(|(_, name)| knows(list, name) && !taken(name));
        known
            .map(|(flag, name)| if has(flag) { (*name).to_owned() } else { format!("^{name}") })
            .collect()
    };
    let mut args = vec![];
    for (flag, key) in [("-n", "nodesize\t"), ("-s", "sectorsize\t")] {
        if let Some(size) = field(key) {
            args.extend([flag.to_owned(), size.to_owned()]);
        }
    }
    if let Some(name) = field("csum_type").and_then(|v| v.split(['(', ')']).nth(1)) {
        args.extend(["--csum".to_owned(), name.to_owned()]);
    }
    let main = choose(features, &|_| false);
    let rest = choose(runtime, &|name| knows(features, name));
    for (flag, list) in [("-O", main), ("-R", rest)] {
        if !list.is_empty() {
            args.extend([flag.to_owned(), list.join(",")]);
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dump = include_str!("../../../tests/fixtures/disk/btrfs-dump-super.txt");
        let all = dir.path().join("2ab5cac4-709a-48ae-a28f-75175459e9ac/allocation");
        assert_eq!(profiles(dir.path(), dump), Vec::<String>::new());
        // A balance is under way: the safer one is meant.
        for profile in ["data/dup", "metadata/single", "metadata/dup"] {
            std::fs::create_dir_all(all.join(profile)).unwrap();
        }
        assert_eq!(profiles(dir.path(), dump).join(" "), "-d dup -m dup");
        std::fs::remove_dir_all(&all).unwrap();
        std::fs::create_dir_all(all.join("mixed/single")).unwrap();
        assert_eq!(profiles(dir.path(), dump).join(" "), "-d single -m single");
    }

    #[test]
    fn btrfs_features() {
        let lists = include_str!("../../../tests/fixtures/disk/mkfs-btrfs-features.txt");
        let (features, runtime) = lists.split_once("Runtime").unwrap();
        let text = include_str!("../../../tests/fixtures/disk/btrfs-dump-super.txt");
        assert_eq!(
            parse(text, features, runtime).join(" "),
            "-n 16384 -s 4096 --csum crc32c -O extref,skinny-metadata,no-holes,^mixed-bg -R free-space-tree"
        );
        // A newer mkfs lists everything with -O, and the source may lack what is its default.
        let old = text.replace("NO_HOLES", "OTHER").replace("FREE_SPACE_TREE", "OTHER");
        let newer = format!("{features}free-space-tree - x\nblock-group-tree - x\n");
        assert!(parse(&old, &newer, runtime).join(" ").ends_with(
            "-O extref,skinny-metadata,^no-holes,^mixed-bg,^free-space-tree,^block-group-tree"
        ));
    }
}
