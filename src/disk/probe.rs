//! What is written on a disk: partition tables as `sfdisk -J` reads them, signatures as `wipefs -J`
//! lists them.
//!
//! Both read the device itself, never a cache, and write nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::disk::model::{Signature, Table};
use crate::error;
use crate::host::cmd::Cmd;

/// A partition as the table on the disk has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub number: u32,
    /// Sectors from the start of the disk.
    pub start: u64,
    /// Sectors.
    pub size: u64,
    /// GUID in upper case, or an MBR type (`83`).
    pub type_id: String,
    pub uuid: Option<String>,
    pub name: Option<String>,
}

/// A partition table on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDisk {
    pub table: Table,
    /// Bytes; all sectors below are of this size.
    pub sector: u64,
    pub entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct SfdiskOutput {
    partitiontable: SfdiskTable,
}

#[derive(Deserialize)]
struct SfdiskTable {
    label: String,
    #[serde(default)]
    id: String,
    device: String,
    sectorsize: Option<u64>,
    #[serde(default)]
    partitions: Vec<SfdiskPartition>,
}

#[derive(Deserialize)]
struct SfdiskPartition {
    node: String,
    start: u64,
    size: u64,
    #[serde(rename = "type")]
    type_id: String,
    uuid: Option<String>,
    name: Option<String>,
}

/// Reads what `sfdisk -J` printed.
///
/// # Errors
/// If it is not its JSON.
pub fn parse_table(json: &str) -> Result<OnDisk> {
    let t = serde_json::from_str::<SfdiskOutput>(json)
        .context("reading the output of sfdisk -J")?
        .partitiontable;
    let id = t.id.trim_start_matches("0x").to_lowercase();
    let gpt = t.label == "gpt";
    let entries = t.partitions.into_iter().filter_map(|p| {
        let number = p
            .node
            .strip_prefix(&t.device)?
            .trim_start_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .ok()?;
        // udev names an MBR partition by the disk's id and the number.
        let uuid = p
            .uuid
            .map(|u| u.to_lowercase())
            .or_else(|| (!gpt && !id.is_empty()).then(|| format!("{id}-{number:02x}")));
        let type_id = if gpt { p.type_id.to_uppercase() } else { p.type_id };
        Some(Entry {
            number,
            start: p.start,
            size: p.size,
            type_id,
            uuid,
            name: p.name.filter(|n| !n.is_empty()),
        })
    });
    let mut entries: Vec<Entry> = entries.collect();
    entries.sort_by_key(|e| e.number);
    Ok(OnDisk { entries, sector: t.sectorsize.unwrap_or(512), table: Table { kind: t.label, id } })
}

/// Reads the partition table of `disk`; None where it has none.
///
/// # Errors
/// ALT-801, ALT-802 where sfdisk is missing or fails for another reason than that there is no
/// table.
pub fn table(disk: &Path) -> Result<Option<OnDisk>> {
    let done = Cmd::new("sfdisk", format!("read the partition table of {}", disk.display()))
        .arg("-J")
        .arg(disk)
        .accept(&[1])
        .read()?;
    if done.success() {
        return parse_table(&done.text()).map(Some);
    }
    let why = String::from_utf8_lossy(&done.stderr).into_owned();
    if why.contains("does not contain a recognized partition table") {
        return Ok(None);
    }
    Err(error::DISK_UNREADABLE.with_cause(format!(
        "the partition table of {} cannot be read: {}",
        disk.display(),
        why.trim()
    )))
}

#[derive(Deserialize)]
struct WipefsOutput {
    #[serde(default)]
    signatures: Vec<WipefsSignature>,
}

#[derive(Deserialize)]
struct WipefsSignature {
    device: String,
    #[serde(rename = "type")]
    kind: String,
    uuid: Option<String>,
    label: Option<String>,
}

/// Reads what `wipefs -J` printed: signatures by device name (without `/dev/`). A signature that
/// shows at several places (GPT and its backup, vfat's three) counts once, and the MBR that
/// protects a GPT is part of that GPT.
///
/// # Errors
/// If it is not its JSON.
pub fn parse_signatures(json: &str) -> Result<BTreeMap<String, Vec<Signature>>> {
    let mut found: BTreeMap<String, Vec<Signature>> = BTreeMap::new();
    if json.trim().is_empty() {
        return Ok(found);
    }
    let all: WipefsOutput =
        serde_json::from_str(json).context("reading the output of wipefs -J")?;
    for s in all.signatures {
        let of_device = found.entry(s.device).or_default();
        if of_device.iter().any(|o| o.kind == s.kind && o.uuid == s.uuid) {
            continue;
        }
        let usage = usage(&s.kind).to_owned();
        of_device.push(Signature {
            kind: s.kind,
            usage,
            uuid: s.uuid.filter(|u| !u.is_empty()),
            label: s.label.filter(|l| !l.is_empty()),
        });
    }
    for of_device in found.values_mut() {
        if of_device.iter().any(|s| s.kind == "gpt") {
            of_device.retain(|s| s.kind != "PMBR");
        }
    }
    Ok(found)
}

/// blkid's USAGE for a TYPE.
pub fn usage(kind: &str) -> &'static str {
    match kind {
        "gpt" | "dos" | "PMBR" | "bsd" | "mac" | "sun" | "sgi" | "atari" | "dasd" => {
            "partition-table"
        }
        "crypto_LUKS" | "BitLocker" | "FVE2" => "crypto",
        "swap" | "swsuspend" | "bcache" | "cramfs_swap" | "jbd" | "xfs_log"
        | "xfs_external_log" => "other",
        "LVM2_member" | "LVM1_member" | "linux_raid_member" | "drbd" | "DM_snapshot_cow"
        | "DM_verity_hash" | "DM_integrity" | "ceph_bluestore" | "VMFS_volume_member"
        | "stratis" | "zfs_member" => "raid",
        k if k.ends_with("_raid_member") => "raid",
        _ => "filesystem",
    }
}

/// The signatures of several devices, keyed by the name below `/dev`.
///
/// # Errors
/// ALT-801, ALT-802 where wipefs is missing or cannot read one of them.
pub fn signatures(devices: &[PathBuf]) -> Result<BTreeMap<String, Vec<Signature>>> {
    if devices.is_empty() {
        return Ok(BTreeMap::new());
    }
    let done = Cmd::new("wipefs", "look for signatures").arg("-J").args(devices).read()?;
    parse_signatures(&done.text())
}

/// What a stretch of a disk holds, for partitions that the kernel does not know. Bytes.
///
/// # Errors
/// ALT-801 where blkid is missing.
pub fn signature_at(disk: &Path, start: u64, size: u64) -> Result<Option<Signature>> {
    let cmd = Cmd::new("blkid", format!("look for signatures in {}", disk.display()));
    let done = cmd
        .args(["-p", "-o", "export", "-O", &start.to_string(), "-S", &size.to_string()])
        .arg(disk)
        .accept(&[2, 4, 8])
        .read()?;
    Ok(parse_export(&done.text()))
}

/// The ids in the two headers of a GPT, as they stand on the disk: what a torn or half erased table
/// still tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GptIds {
    pub first: Option<String>,
    /// In the backup header, in the last sector.
    pub last: Option<String>,
}

/// Reads the headers of a GPT (UEFI specification, 5.3.2); `size` and `sector` in bytes. Checksums
/// are not looked at.
///
/// # Errors
/// ALT-218 where the disk cannot be read.
pub fn gpt_ids(disk: &File, size: u64, sector: u32) -> Result<GptIds> {
    let sector = u64::from(sector);
    let header = |at: u64| -> Result<Option<String>> {
        let mut head = [0u8; 72];
        let read = disk.read_exact_at(&mut head, at);
        read.map_err(|e| {
            error::DISK_UNREADABLE
                .with_cause(format!("the partition table cannot be read: {}", error::text_of(&e)))
        })?;
        let id = <[u8; 16]>::try_from(&head[56..72]).map(uuid::Uuid::from_bytes_le);
        Ok(id.ok().filter(|_| head.starts_with(b"EFI PART")).map(|id| id.to_string()))
    };
    Ok(GptIds { first: header(sector)?, last: header(size.saturating_sub(sector))? })
}

/// What the whole of a device holds.
///
/// # Errors
/// ALT-801 where blkid is missing.
pub fn whole(device: &Path) -> Result<Option<Signature>> {
    let cmd = Cmd::new("blkid", format!("look for signatures on {}", device.display()));
    let done = cmd.args(["-p", "-o", "export"]).arg(device).accept(&[2, 4, 8]).read()?;
    Ok(parse_export(&done.text()))
}

/// Reads what `blkid -p -o export` printed about one device; None if it found no content.
pub fn parse_export(text: &str) -> Option<Signature> {
    let value = |key: &str| {
        let raw = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='))?;
        Some(raw.replace('\\', "")).filter(|v| !v.is_empty())
    };
    let kind = value("TYPE").or_else(|| value("PTTYPE"))?;
    let usage = value("USAGE").unwrap_or_else(|| usage(&kind).to_owned());
    Some(Signature {
        usage,
        uuid: value("UUID").or_else(|| value("PTUUID")),
        label: value("LABEL"),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpt_on_4096_byte_sectors() {
        let t = parse_table(include_str!("../../tests/fixtures/disk/sfdisk-gpt-4kn.json")).unwrap();
        assert_eq!(
            t.table,
            Table { kind: "gpt".into(), id: "0f2e9c0a-2222-4333-8444-555555555555".into() }
        );
        assert_eq!(t.sector, 4096);
        let numbers: Vec<u32> = t.entries.iter().map(|e| e.number).collect();
        assert_eq!(numbers, [1, 3, 15]);
        let esp = &t.entries[2];
        assert_eq!(
            (esp.start, esp.size, esp.name.as_deref()),
            (512, 8192, Some("altinst_rootvg ESP"))
        );
        assert_eq!(esp.type_id, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
        assert_eq!(esp.uuid.as_deref(), Some("bbaaaaaa-2222-4333-8444-555555555555"));
        assert_eq!(t.entries[1].name, None);
    }

    #[test]
    fn mbr_with_logical_partitions() {
        let t = parse_table(include_str!("../../tests/fixtures/disk/sfdisk-mbr.json")).unwrap();
        assert_eq!(t.table, Table { kind: "dos".into(), id: "1234abcd".into() });
        let ids: Vec<(u32, &str, &str)> = t
            .entries
            .iter()
            .map(|e| (e.number, e.type_id.as_str(), e.uuid.as_deref().unwrap()))
            .collect();
        assert_eq!(
            ids,
            [
                (1, "83", "1234abcd-01"),
                (2, "5", "1234abcd-02"),
                (5, "82", "1234abcd-05"),
                (6, "8e", "1234abcd-06")
            ]
        );
    }

    #[test]
    fn signatures_count_once() {
        let found =
            parse_signatures(include_str!("../../tests/fixtures/disk/wipefs-many.json")).unwrap();
        let kinds = |name: &str| {
            found[name].iter().map(|s| format!("{}/{}", s.kind, s.usage)).collect::<Vec<_>>()
        };
        assert_eq!(kinds("loop0"), ["gpt/partition-table"]);
        assert_eq!(kinds("loop0p3"), ["ext4/filesystem"]);
        assert_eq!(found["loop0p3"][0].label.as_deref(), Some("a \"b"));
        assert_eq!(kinds("loop0p5"), ["vfat/filesystem"]);
        assert_eq!(kinds("vdc"), ["LVM2_member/raid"]);
        assert_eq!(kinds("sda1"), ["linux_raid_member/raid", "xfs/filesystem"]);
        assert!(parse_signatures("").unwrap().is_empty());
        assert!(parse_signatures("{").is_err());
    }

    #[test]
    fn ids_of_torn_tables() {
        let id = "0f2e9c0a-2222-4333-8444-555555555555";
        let head =
            [b"EFI PART".as_slice(), &[0; 48], &uuid::Uuid::parse_str(id).unwrap().to_bytes_le()]
                .concat();
        let size = 1u64 << 20;
        for (sector, at, want) in [
            (512u32, Some(512), (Some(id), None)),
            (4096, Some(4096), (Some(id), None)),
            (4096, Some(512), (None, None)),
            (512, Some(size - 512), (None, Some(id))),
            (512, None, (None, None)),
        ] {
            let file = tempfile::tempfile().unwrap();
            file.set_len(size).unwrap();
            at.into_iter().for_each(|at| file.write_all_at(&head, at).unwrap());
            let found = gpt_ids(&file, size, sector).unwrap();
            assert_eq!((found.first.as_deref(), found.last.as_deref()), want, "{sector} {at:?}");
        }
    }

    #[test]
    fn exports() {
        let s = parse_export(
            "DEVNAME=/dev/loop0p3\nLABEL=a\\ \\\"b\nUUID=1cfb\nTYPE=ext4\nUSAGE=filesystem\n",
        )
        .unwrap();
        assert_eq!(
            (s.kind.as_str(), s.usage.as_str(), s.label.as_deref(), s.uuid.as_deref()),
            ("ext4", "filesystem", Some("a \"b"), Some("1cfb"))
        );
        assert_eq!(
            parse_export("DEVNAME=/dev/x\nPART_ENTRY_NAME=bios\\ boot\nPART_ENTRY_UUID=aa\n"),
            None
        );
        assert_eq!(parse_export("PTUUID=11\nPTTYPE=gpt\n").unwrap().usage, "partition-table");
    }
}
