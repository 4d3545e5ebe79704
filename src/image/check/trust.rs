//! What an image.data that comes out of an image may not say, though one that an administrator
//! wrote may: it is nobody's word.
//!
//! Programs are called with it (mkfs, mount), and their options can name files and devices of the
//! machine that runs them.

use super::{Checked, wrong};
use crate::disk::fs::FsType;
use crate::error;
use crate::image::data::{Fs, ImageData};

/// MiB: far beyond any disk, and all volumes together are no number that overflows.
const MAX_SIZE_MB: u64 = 1 << 32;
/// Volumes and file systems of one image: a GPT has no more partitions.
const MAX_VOLUMES: usize = 128;

/// Finds the first thing that is not taken from an image.
///
/// # Errors
/// That, as a contradiction.
pub fn check(data: &ImageData) -> Checked {
    if data.lv_data.len() > MAX_VOLUMES
        || data.source_disk_data.len() > MAX_VOLUMES
        || data.swap_file_data.len() > MAX_VOLUMES
        || data.fs_data.iter().map(|f| f.subvolume.len()).sum::<usize>() > 10 * MAX_VOLUMES
    {
        return wrong(
            &error::IMAGE_UNTRUSTED,
            "lv_data",
            MAX_VOLUMES,
            "",
            format!("there are {} volumes", data.lv_data.len()),
        );
    }
    let mut sizes = super::sizes(data);
    if let Some((stanza, index, field, size)) = sizes.find(|(.., size)| *size > MAX_SIZE_MB) {
        return wrong(
            &error::IMAGE_UNTRUSTED,
            stanza,
            index,
            field,
            format!("{field} is {size} MiB: no disk is so large"),
        );
    }
    data.fs_data.iter().enumerate().try_for_each(|(i, fs)| file_system(i, fs))
}

fn file_system(i: usize, fs: &Fs) -> Checked {
    let at =
        |field: &str, cause: String| wrong(&error::IMAGE_UNTRUSTED, "fs_data", i, field, cause);
    if let Some(word) = bad_option(fs.fs_vfs, &fs.fs_mkfs_options) {
        return at(
            "FS_MKFS_OPTIONS",
            format!(
                "the option `{}` of mkfs.{} is not taken from an image",
                word.escape_debug(),
                fs.fs_vfs
            ),
        );
    }
    let plain = |o: &str| o.chars().all(|c| c.is_ascii_graphic() && !"\"'\\#".contains(c));
    if !plain(&fs.fs_options) {
        return at(
            "FS_OPTIONS",
            format!("`{}` are no mount options", fs.fs_options.escape_debug()),
        );
    }
    if let Some(s) =
        fs.subvolume.iter().find(|s| !plain(&s.options) || !s.path.chars().all(|c| !c.is_control()))
    {
        return at(
            "subvolume",
            format!("the subvolume `{}` has what no subvolume has", s.path.escape_debug()),
        );
    }
    match fs.fs_label.as_ref().filter(|l| l.starts_with('-') || l.chars().any(char::is_control)) {
        Some(label) => at("FS_LABEL", format!("`{}` is not a label", label.escape_debug())),
        None => Ok(()),
    }
}

/// Flags (each with a value) that only shape the file system, and values without a path in them.
/// Journals and data on other devices (`-J device=`, `-l logdev=`) are none of them.
fn bad_option(vfs: FsType, options: &[String]) -> Option<&str> {
    let flags = vfs.facts().image_options;
    let value = |v: &str| {
        !v.is_empty() && v.chars().all(|c| c.is_ascii_alphanumeric() || "_^=,.:-".contains(c))
    };
    let mut words = options.iter().map(String::as_str);
    while let Some(word) = words.next() {
        // Of mke2fs's extended options (one names a file) only how names are compared.
        let extended = |o: &str| o.starts_with("encoding=") || o.starts_with("encoding_flags=");
        if word == "-E" && vfs.is_ext() {
            match words.next() {
                Some(v) if value(v) && v.split(',').all(extended) => continue,
                other => return Some(other.unwrap_or(word)),
            }
        }
        if !flags.contains(&word) {
            return Some(word);
        }
        match words.next() {
            Some(v) if value(v) && !v.starts_with('-') => {}
            Some(v) => return Some(v),
            None => return Some(word),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_name_devices_are_refused() {
        let bad = |vfs: &str, line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            bad_option(vfs.parse().unwrap(), &words).map(str::to_owned)
        };
        assert_eq!(bad("ext4", "-O none,has_journal,^64bit -I 256 -b 4096"), None);
        assert_eq!(
            bad("ext4", "-O none,casefold -E encoding=utf8-12.1,encoding_flags=strict -I 256"),
            None
        );
        assert_eq!(
            bad("xfs", "-m crc=1,reflink=1 -i size=512,sparse=1 -n size=4096,version=2,ftype=1"),
            None
        );
        assert_eq!(bad("btrfs", "-O extref,skinny-metadata --nodesize 16384 --csum crc32c"), None);
        for (vfs, line, word) in [
            ("ext4", "-d /etc", "-d"),
            ("ext4", "-J device=LABEL=x", "-J"),
            ("ext4", "-O /dev/vda", "/dev/vda"),
            ("ext4", "-O", "-O"),
            ("ext4", "-E", "-E"),
            ("ext4", "-E encoding=utf8,root_owner=0", "encoding=utf8,root_owner=0"),
            ("ext4", "-E encoding=/etc/passwd", "encoding=/etc/passwd"),
            ("ext4", "-E -F", "-F"),
            ("xfs", "-E encoding=utf8", "-E"),
            ("ext4", "-O -F", "-F"),
            ("xfs", "-l logdev=/dev/vda", "-l"),
            ("xfs", "-r rtdev=/dev/vda", "-r"),
            ("btrfs", "--rootdir /etc", "--rootdir"),
            ("btrfs", "/dev/vda", "/dev/vda"),
            ("vfat", "-F 32", "-F"),
        ] {
            assert_eq!(bad(vfs, line).as_deref(), Some(word), "{line}");
        }
    }

    #[test]
    fn sizes_and_texts() {
        let good = || ImageData {
            fs_data: vec![Fs { fs_name: "/".into(), fs_vfs: FsType::Ext4, ..Fs::default() }],
            ..ImageData::default()
        };
        assert!(check(&good()).is_ok());
        let mut data = good();
        data.fs_data[0].fs_used_mb = u64::MAX;
        assert_eq!(check(&data).unwrap_err().field, "FS_USED_MB");
        let mut data = good();
        data.fs_data[0].fs_options = "defaults 0 0\n/dev/vda / ext4".into();
        assert_eq!(check(&data).unwrap_err().field, "FS_OPTIONS");
        let mut data = good();
        data.fs_data[0].fs_label = Some("-F".into());
        assert_eq!(check(&data).unwrap_err().field, "FS_LABEL");
    }
}
