//! F2FS, for flash memory. GRUB has no code for it.
//!
//! The features are read from the superblock (include/f2fs_fs.h of f2fs-tools), as no program of
//! f2fs-tools prints them without checking the whole file system.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::facts::{Facts, HeadRoom, IdForm, NewFs, Protections, Sharing, Smallest};
use crate::error;
use crate::host::cmd::Cmd;

/// The properties of F2FS.
pub const F2FS: Facts = Facts {
    name: "f2fs",
    programs: &["mkfs.f2fs"],
    check_programs,
    mkfs,
    label_flag: "-l",
    max_label: 511,
    id: IdForm::Uuid,
    registers_device: false,
    features,
    image_options: &["-O", "-C"],
    min_planned_mb: 256,
    smallest: Some(Smallest {
        mb: 128,
        own_mb: 64,
        reason: "F2FS keeps much of a smaller one for its own cleaning",
    }),
    head_room: HeadRoom::UNIX,
    sharing: Sharing::Never,
    fsck_at_boot: true,
    has_subvolumes: false,
    keeps_attributes: true,
    grub_reads: false,
    protections: Protections::Features,
    no_replay: &["norecovery"],
};

fn mkfs(fs: &NewFs, sentence: &str) -> Cmd {
    Cmd::new("mkfs.f2fs", sentence).args(["-q", "-f", "-U", fs.uuid])
}

/// f2fs-tools before 1.15 choose the UUID themselves.
fn check_programs() -> Result<(), String> {
    let asked = Cmd::new("mkfs.f2fs", "ask which options mkfs.f2fs has").arg("--help");
    // 1: with the usage; a program that is missing has an error of its own.
    let usage = asked.accept(&[1]).read().map_err(|e| error::chain_of(&e))?;
    require_uuid_option(&format!("{}{}", usage.text(), String::from_utf8_lossy(&usage.stderr)))
}

fn require_uuid_option(usage: &str) -> Result<(), String> {
    let has = usage.lines().any(|line| line.trim_start().starts_with("-U "));
    let why = "mkfs.f2fs is too old: it has no option -U for the UUID (f2fs-tools 1.15 has)";
    has.then_some(()).ok_or_else(|| why.to_owned())
}

/// Where the superblock begins, and how much of it is read. Bytes.
const OFFSET: u64 = 1024;
const LENGTH: usize = 3072;
const MAGIC: u32 = 0xf2f5_2010;
/// Offset of the features in the superblock.
const FEATURES_AT: usize = 2180;

/// Names are compared without regard to case, in the encoding at this offset, with its flags behind
/// it.
const CASEFOLD: u32 = 0x1000;
const ENCODING_AT: usize = 2758;
/// The only encoding and the only flag that there are: UTF-8, and names that are not valid in it
/// are refused.
const ENCODING_UTF8: u16 = 1;
const ENCODING_STRICT: u16 = 1;

/// Bits of the superblock, and mkfs's names for them; `extra_attr` first, as others need it. Those
/// that depend on the device (zones) or make it read-only are left out.
const FEATURES: [(u32, &str); 12] = [
    (0x8, "extra_attr"),
    (0x1, "encrypt"),
    (0x10, "project_quota"),
    (0x20, "inode_checksum"),
    (0x40, "flexible_inline_xattr"),
    (0x80, "quota"),
    (0x100, "inode_crtime"),
    (0x200, "lost_found"),
    (0x400, "verity"),
    (0x800, "sb_checksum"),
    (CASEFOLD, "casefold"),
    (0x2000, "compression"),
];

fn features(device: &Path) -> Result<Vec<String>> {
    let reading = || format!("reading the superblock of {}", device.display());
    let mut superblock = [0; LENGTH];
    File::open(device)
        .and_then(|file| file.read_exact_at(&mut superblock, OFFSET))
        .with_context(reading)?;
    Ok(parse(&superblock))
}

/// Nothing where it is not an F2FS superblock, or has no features.
fn parse(superblock: &[u8; LENGTH]) -> Vec<String> {
    let half = |at: usize| u16::from_le_bytes([superblock[at], superblock[at + 1]]);
    let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
    let bits = if word(0) == MAGIC { word(FEATURES_AT) } else { 0 };
    let names: Vec<&str> =
        FEATURES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    if names.is_empty() {
        return vec![];
    }
    let mut args = vec!["-O".to_owned(), names.join(",")];
    if bits & CASEFOLD != 0 && half(ENCODING_AT) == ENCODING_UTF8 {
        let strict = half(ENCODING_AT + 2) & ENCODING_STRICT != 0;
        args.extend(["-C".to_owned(), if strict { "utf8:strict" } else { "utf8" }.to_owned()]);
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_a_superblock() {
        let mut superblock = [0; LENGTH];
        assert_eq!(parse(&superblock), [""; 0]);
        superblock[FEATURES_AT..FEATURES_AT + 2].copy_from_slice(&[0x09, 0x0e]);
        assert_eq!(parse(&superblock), [""; 0], "no magic");
        superblock[..4].copy_from_slice(&MAGIC.to_le_bytes());
        assert_eq!(parse(&superblock), ["-O", "extra_attr,encrypt,lost_found,verity,sb_checksum"]);
    }

    #[test]
    fn old_programs_choose_the_uuid() {
        assert_eq!(require_uuid_option("[options]:\n  -l label\n  -U uuid\n  -m zoned\n"), Ok(()));
        assert!(require_uuid_option("  -l label\n  -m zoned\n").unwrap_err().contains("too old"));
    }
}
