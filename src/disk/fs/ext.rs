//! ext2, ext3 and ext4.

use std::path::Path;

use anyhow::Result;

use super::facts::{Facts, HeadRoom, IdForm, NewFs, Protections, Sharing, any_version, read_with};
use crate::disk::extsuper::ExtSuper;
use crate::host::cmd::Cmd;

/// The properties of ext4.
pub const EXT4: Facts = Facts {
    name: "ext4",
    programs: &["mke2fs", "dumpe2fs"],
    check_programs: any_version,
    mkfs,
    label_flag: "-L",
    max_label: 16,
    id: IdForm::Uuid,
    registers_device: false,
    features,
    image_options: &["-O", "-I", "-b", "-i", "-N", "-m", "-C", "-G", "-g"],
    min_planned_mb: 64,
    smallest: None,
    head_room: HeadRoom::UNIX,
    sharing: Sharing::Never,
    fsck_at_boot: true,
    has_subvolumes: false,
    keeps_attributes: true,
    grub_reads: true,
    protections: Protections::ExtSuperblock,
    no_replay: &["noload"],
};
/// The properties of ext3.
pub const EXT3: Facts = Facts { name: "ext3", protections: Protections::None, ..EXT4 };
/// The properties of ext2.
pub const EXT2: Facts =
    Facts { name: "ext2", protections: Protections::None, no_replay: &[""], ..EXT4 };

fn mkfs(fs: &NewFs, sentence: &str) -> Cmd {
    Cmd::new("mke2fs", sentence).args(["-t", fs.name, "-q", "-F", "-U", fs.uuid])
}

fn features(device: &Path) -> Result<Vec<String>> {
    let strict = ExtSuper::read(device).is_some_and(|s| s.strict);
    Ok(parse(&read_with("dumpe2fs", &["-h"], device)?, strict))
}

/// Features of ext2/3/4 that mke2fs takes and that make sense on an empty file system.
/// `needs_recovery` and the like are states; `mmp` protects a disk that several machines see.
const EXT: [&str; 29] = [
    "64bit",
    "bigalloc",
    "dir_index",
    "dir_nlink",
    "ea_inode",
    "ext_attr",
    "extent",
    "extra_isize",
    "filetype",
    "flex_bg",
    "has_journal",
    "huge_file",
    "inline_data",
    "large_dir",
    "large_file",
    "meta_bg",
    "metadata_csum",
    "metadata_csum_seed",
    "orphan_file",
    "project",
    "quota",
    "resize_inode",
    "sparse_super",
    "sparse_super2",
    "uninit_bg",
    "encrypt",
    "casefold",
    "stable_inodes",
    "verity",
];

/// Features that not every kernel can mount. One that can has a file of that name in
/// `/sys/fs/ext4/features`.
const NOT_EVERYWHERE: [&str; 2] = ["casefold", "verity"];

/// Reads `dumpe2fs -h`, which does not tell whether an encoding is `strict`.
fn parse(text: &str, strict: bool) -> Vec<String> {
    let field = |name: &str| {
        text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let number = |name: &str| field(name).and_then(|v| v.parse::<u64>().ok());
    let mut args = vec![];
    if let Some(features) = field("Filesystem features") {
        let kept: Vec<&str> = features.split_whitespace().filter(|f| EXT.contains(f)).collect();
        // `none` first: what the source does not have, the copy must not get by default.
        args.extend([
            "-O".to_owned(),
            std::iter::once("none").chain(kept).collect::<Vec<_>>().join(","),
        ]);
    }
    if let Some(encoding) = field("Character encoding") {
        let flags = if strict { ",encoding_flags=strict" } else { "" };
        args.extend(["-E".to_owned(), format!("encoding={encoding}{flags}")]);
    }
    if let Some(size) = number("Inode size") {
        args.extend(["-I".to_owned(), size.to_string()]);
    }
    if let Some(block) = number("Block size") {
        args.extend(["-b".to_owned(), block.to_string()]);
        if let (Some(blocks), Some(inodes @ 1..)) = (number("Block count"), number("Inode count")) {
            let ratio = (blocks.saturating_mul(block) / inodes).clamp(1024.max(block), 64 << 20);
            args.extend(["-i".to_owned(), ratio.to_string()]);
        }
    }
    args
}

/// Takes features from options of mke2fs that the kernel here could not mount (those of an image of
/// another machine). Returns their names.
pub fn without_unknown(options: &mut Vec<String>) -> Vec<String> {
    let knows = |feature: &str| Path::new("/sys/fs/ext4/features").join(feature).exists();
    let gone: Vec<&str> = NOT_EVERYWHERE.into_iter().filter(|f| !knows(f)).collect();
    without(options, &gone)
}

fn without(options: &mut Vec<String>, gone: &[&str]) -> Vec<String> {
    let mut taken = vec![];
    for list in options.iter_mut().filter(|o| o.split(',').any(|f| gone.contains(&f))) {
        let (out, kept): (Vec<&str>, Vec<&str>) = list.split(',').partition(|f| gone.contains(f));
        taken.extend(out.into_iter().map(str::to_owned));
        *list = kept.join(",");
    }
    // An encoding alone would bring the feature back.
    if taken.iter().any(|f| f == "casefold")
        && let Some(at) =
            options.iter().position(|o| o.starts_with("encoding=")).filter(|at| *at > 0)
    {
        options.drain(at - 1..=at);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ext_features() {
        let text = include_str!("../../../tests/fixtures/disk/dumpe2fs-ext4.txt");
        let want = "-O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
            -I 256 -b 4096 -i 16384";
        assert_eq!(parse(text, false).join(" "), want);
        let odd = text.replace("has_journal", "has_journal needs_recovery FEATURE_C12 mmp");
        assert_eq!(parse(&odd, false), parse(text, true));
        assert_eq!(parse("", false), Vec::<String>::new());
    }

    #[test]
    fn an_encoding_is_kept_and_can_be_left_out() {
        let text = include_str!("../../../tests/fixtures/disk/dumpe2fs-casefold.txt");
        let want = |strict: &str| {
            format!(
                "-O none,has_journal,extent,casefold,encrypt,verity -E encoding=utf8-12.1{strict} -I 256 -b 4096 -i 16384"
            )
        };
        let sorted = |options: Vec<String>| {
            let mut features: Vec<&str> = options[1].split(',').collect();
            features.sort_by_key(|f| {
                ["none", "has_journal", "extent", "casefold", "encrypt", "verity"]
                    .iter()
                    .position(|w| w == f)
            });
            [&options[..1], &[features.join(",")], &options[2..]].concat().join(" ")
        };
        assert_eq!(sorted(parse(text, false)), want(""));
        assert_eq!(sorted(parse(text, true)), want(",encoding_flags=strict"));
        let mut options = parse(text, true);
        assert_eq!(without(&mut options, &["casefold", "verity"]).len(), 2);
        assert_eq!(
            sorted(options.clone()),
            "-O none,has_journal,extent,encrypt -I 256 -b 4096 -i 16384"
        );
        assert!(without(&mut options, &["casefold", "verity"]).is_empty());
    }
}
