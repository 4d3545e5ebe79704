//! XFS.

use std::path::Path;

use anyhow::Result;

use super::facts::{
    Facts, HeadRoom, IdForm, NewFs, Protections, Sharing, Smallest, any_version, read_with,
};
use crate::host::cmd::Cmd;

/// The properties of XFS.
pub const XFS: Facts = Facts {
    name: "xfs",
    programs: &["mkfs.xfs", "xfs_db"],
    check_programs: any_version,
    mkfs,
    label_flag: "-L",
    max_label: 12,
    id: IdForm::Uuid,
    registers_device: false,
    features,
    image_options: &["-m", "-i", "-n", "-b", "-s"],
    min_planned_mb: 320,
    // mkfs.xfs(8). The log is 64 MiB from xfsprogs 5.15 on.
    smallest: Some(Smallest {
        mb: 300,
        own_mb: 112,
        reason: "mkfs.xfs makes no smaller one, and its log takes more than the original's",
    }),
    head_room: HeadRoom::UNIX,
    sharing: Sharing::WithFeature("reflink=1"),
    fsck_at_boot: false,
    has_subvolumes: false,
    keeps_attributes: true,
    grub_reads: true,
    protections: Protections::None,
    no_replay: &["norecovery"],
};

fn mkfs(fs: &NewFs, sentence: &str) -> Cmd {
    Cmd::new("mkfs.xfs", sentence).args(["-q", "-f", "-m", &format!("uuid={}", fs.uuid)])
}

fn features(device: &Path) -> Result<Vec<String>> {
    Ok(parse(&read_with("xfs_db", &["-r", "-c", "info"], device)?))
}

/// Reads `xfs_info` or `xfs_db -c info`: only what it prints is known to this machine's mkfs.
fn parse(text: &str) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xfs_features() {
        let want = "-m crc=1,finobt=1,rmapbt=0,reflink=1,bigtime=1,inobtcount=1 -i size=512,sparse=1,nrext64=0 -b size=4096 -n size=4096 -n ftype=1";
        assert_eq!(
            parse(include_str!("../../../tests/fixtures/disk/xfs_info.txt")).join(" "),
            want
        );
        assert_eq!(parse(""), Vec::<String>::new());
    }
}
