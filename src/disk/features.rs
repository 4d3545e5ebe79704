//! The features of the source's file systems, as arguments for mkfs.
//!
//! mkfs's defaults get ahead of boot loaders: a GRUB that reads the source may not read what a
//! newer mkfs makes. So the alternate's file systems have the features of the source's. Features
//! that cannot be chosen (or that this machine's mkfs does not know) are left to mkfs.

use std::path::Path;

use anyhow::Result;

use crate::disk::extsuper::ExtSuper;
use crate::host::cmd::Cmd;

/// Arguments for mkfs that repeat the features of the file system on `device` (mounted or not).
/// Empty for types without such.
///
/// # Errors
/// ALT-801, ALT-802 where the tool that reads them is missing or fails.
pub fn source_mkfs_options(fstype: &str, device: &Path) -> Result<Vec<String>> {
    let ask = |program: &str, args: &[&str]| -> Result<String> {
        let sentence = format!("read the features of {}", device.display());
        Ok(Cmd::new(program, sentence).args(args).arg(device).read()?.text())
    };
    match fstype {
        "ext2" | "ext3" | "ext4" => {
            Ok(ext(&ask("dumpe2fs", &["-h"])?, ExtSuper::of(device).is_some_and(|s| s.strict)))
        }
        "xfs" => Ok(xfs(&ask("xfs_db", &["-r", "-c", "info"])?)),
        "btrfs" => {
            let known = |flag: &str| {
                Cmd::new("mkfs.btrfs", "ask which features mkfs knows")
                    .args([flag, "list-all"])
                    .accept(&[1])
                    .read()
            };
            let text = |f: crate::host::cmd::Finished| {
                format!("{}{}", f.text(), String::from_utf8_lossy(&f.stderr))
            };
            let (features, runtime) =
                (text(known("-O")?), known("-R").map(text).unwrap_or_default());
            Ok(btrfs(&ask("btrfs", &["inspect-internal", "dump-super"])?, &features, &runtime))
        }
        _ => Ok(vec![]),
    }
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
pub fn ext(text: &str, strict: bool) -> Vec<String> {
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

/// Reads `xfs_info` or `xfs_db -c info`: only what it prints is known to this machine's mkfs.
pub fn xfs(text: &str) -> Vec<String> {
    let value = |key: &str| {
        text.split([' ', ',', '\n']).find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
    };
    let group = |flag: &str, keys: &[(&str, &str)]| -> Vec<String> {
        let known: Vec<String> = keys
            .iter()
            .filter_map(|(shown, option)| value(shown).map(|v| format!("{option}={v}")))
            .collect();
        if known.is_empty() { vec![] } else { vec![flag.to_owned(), known.join(",")] }
    };
    // The first bsize is of directories or data; each is looked for in its own line.
    let line = |start: &str| text.lines().find(|l| l.starts_with(start)).unwrap_or_default();
    let size_in =
        |l: &str| l.split([' ', ',']).find_map(|w| w.strip_prefix("bsize=")).map(str::to_owned);
    let mut args = group(
        "-m",
        &[
            ("crc", "crc"),
            ("finobt", "finobt"),
            ("rmapbt", "rmapbt"),
            ("reflink", "reflink"),
            ("bigtime", "bigtime"),
            ("inobtcount", "inobtcount"),
            ("metadir", "metadir"),
        ],
    );
    args.extend(group(
        "-i",
        &[
            ("isize", "size"),
            ("sparse", "sparse"),
            ("nrext64", "nrext64"),
            ("exchange", "exchange"),
        ],
    ));
    if let Some(size) = size_in(line("data")) {
        args.extend(["-b".to_owned(), format!("size={size}")]);
    }
    if let Some(size) = size_in(line("naming")) {
        args.extend(["-n".to_owned(), format!("size={size}")]);
    }
    args.extend(group("-n", &[("ftype", "ftype"), ("parent", "parent")]));
    args
}

/// btrfs: the superblock's flag, and mkfs's name for it.
const BTRFS: [(&str, &str); 6] = [
    ("EXTENDED_IREF", "extref"),
    ("SKINNY_METADATA", "skinny-metadata"),
    ("NO_HOLES", "no-holes"),
    ("MIXED_GROUPS", "mixed-bg"),
    ("FREE_SPACE_TREE", "free-space-tree"),
    ("BLOCK_GROUP_TREE", "block-group-tree"),
];

/// Reads `btrfs inspect-internal dump-super`; `features` and `runtime` are what `mkfs.btrfs -O
/// list-all` and `-R list-all` print.
pub fn btrfs(text: &str, features: &str, runtime: &str) -> Vec<String> {
    let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
    let has = |flag: &str| {
        text.lines().any(|l| {
            l.trim_start().trim_start_matches("( ").split(['|', ' ', ')']).any(|w| w == flag)
        })
    };
    let knows =
        |list: &str, name: &str| list.lines().any(|l| l.split_whitespace().next() == Some(name));
    let choose = |list: &str, taken: &dyn Fn(&str) -> bool| -> Vec<String> {
        let known = BTRFS.iter().filter(|(_, name)| knows(list, name) && !taken(name));
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
    use crate::disk::mkfs;
    use crate::event::Events;

    #[test]
    fn ext_features() {
        let text = include_str!("../../tests/fixtures/disk/dumpe2fs-ext4.txt");
        let want = "-O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
            -I 256 -b 4096 -i 16384";
        assert_eq!(ext(text, false).join(" "), want);
        let odd = text.replace("has_journal", "has_journal needs_recovery FEATURE_C12 mmp");
        assert_eq!(ext(&odd, false), ext(text, true));
        assert_eq!(ext("", false), Vec::<String>::new());
    }

    #[test]
    fn an_encoding_is_kept_and_can_be_left_out() {
        let text = include_str!("../../tests/fixtures/disk/dumpe2fs-casefold.txt");
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
        assert_eq!(sorted(ext(text, false)), want(""));
        assert_eq!(sorted(ext(text, true)), want(",encoding_flags=strict"));
        let mut options = ext(text, true);
        assert_eq!(without(&mut options, &["casefold", "verity"]).len(), 2);
        assert_eq!(
            sorted(options.clone()),
            "-O none,has_journal,extent,encrypt -I 256 -b 4096 -i 16384"
        );
        assert!(without(&mut options, &["casefold", "verity"]).is_empty());
    }

    #[test]
    fn xfs_features() {
        let want = "-m crc=1,finobt=1,rmapbt=0,reflink=1,bigtime=1,inobtcount=1 -i size=512,sparse=1,nrext64=0 -b size=4096 -n size=4096 -n ftype=1";
        assert_eq!(xfs(include_str!("../../tests/fixtures/disk/xfs_info.txt")).join(" "), want);
        assert_eq!(xfs(""), Vec::<String>::new());
    }

    #[test]
    fn btrfs_features() {
        let lists = include_str!("../../tests/fixtures/disk/mkfs-btrfs-features.txt");
        let (features, runtime) = lists.split_once("Runtime").unwrap();
        let text = include_str!("../../tests/fixtures/disk/btrfs-dump-super.txt");
        assert_eq!(
            btrfs(text, features, runtime).join(" "),
            "-n 16384 -s 4096 --csum crc32c -O extref,skinny-metadata,no-holes,^mixed-bg -R free-space-tree"
        );
        // A newer mkfs lists everything with -O, and the source may lack what is its default.
        let old = text.replace("NO_HOLES", "OTHER").replace("FREE_SPACE_TREE", "OTHER");
        let newer = format!("{features}free-space-tree - x\nblock-group-tree - x\n");
        assert!(btrfs(&old, &newer, runtime).join(" ").ends_with(
            "-O extref,skinny-metadata,^no-holes,^mixed-bg,^free-space-tree,^block-group-tree"
        ));
    }

    /// What is read from one file system makes another with the same features, on this machine's
    /// tools.
    #[test]
    fn features_survive_the_round_trip() {
        let dir = tempfile::tempdir().unwrap();
        let events = Events::new();
        let sources: [(&str, &[&str]); 7] = [
            ("ext4", &["-O", "^metadata_csum,^64bit,^has_journal", "-I", "128", "-b", "1024"]),
            (
                "ext4",
                &[
                    "-O",
                    "casefold,encrypt,verity,stable_inodes",
                    "-E",
                    "encoding=utf8-12.1,encoding_flags=strict",
                ],
            ),
            ("ext4", &["-O", "casefold", "-E", "encoding=utf8"]),
            ("ext3", &[]),
            ("xfs", &["-m", "bigtime=0,inobtcount=0,reflink=0", "-n", "size=8192"]),
            ("xfs", &["-m", "crc=0,finobt=0"]),
            ("btrfs", &["-O", "^no-holes", "-n", "8192"]),
        ];
        for (fstype, options) in sources {
            if let Some(p) = mkfs::needs(fstype)
                .iter()
                .find(|p| crate::host::cmd::find_program(Path::new("/"), p).is_none())
            {
                println!("skipped: {p} is not installed");
                continue;
            }
            let (a, b) = (dir.path().join("a"), dir.path().join("b"));
            for (path, size) in [(&a, 400 << 20), (&b, 500 << 20)] {
                drop(std::fs::remove_file(path));
                std::fs::File::create(path).unwrap().set_len(size).unwrap();
            }
            let uuid = |n: u8| format!("00000000-0000-4000-8000-00000000000{n}");
            let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
            mkfs::mkfs_in(&a, fstype, &uuid(1), None, &options, &events).unwrap();
            let read = source_mkfs_options(fstype, &a).unwrap();
            mkfs::mkfs_in(&b, fstype, &uuid(2), None, &read, &events).unwrap();
            let again = source_mkfs_options(fstype, &b).unwrap();
            let without_ratio = |v: &[String]| {
                if fstype.starts_with("ext") { v[..v.len() - 2].to_vec() } else { v.to_vec() }
            };
            assert_eq!(without_ratio(&again), without_ratio(&read), "{fstype}");
        }
    }
}
