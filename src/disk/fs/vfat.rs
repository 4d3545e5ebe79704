//! FAT, which firmware reads: the EFI system partition.

use super::facts::{
    Facts, HeadRoom, IdForm, NewFs, Protections, Sharing, any_version, no_features,
};
use crate::host::cmd::Cmd;

/// The properties of FAT.
pub const VFAT: Facts = Facts {
    name: "vfat",
    programs: &["mkfs.vfat"],
    check_programs: any_version,
    mkfs,
    label_flag: "-n",
    max_label: 11,
    id: IdForm::FatSerial,
    registers_device: false,
    features: no_features,
    image_options: &[],
    min_planned_mb: 48,
    smallest: None,
    head_room: HeadRoom { percent: 5, mb: 8 },
    sharing: Sharing::Never,
    fsck_at_boot: true,
    has_subvolumes: false,
    keeps_attributes: false,
    grub_reads: true,
    protections: Protections::None,
    no_replay: &[""],
};

/// FAT32 has at least 65525 clusters of at least a sector (Microsoft's FAT specification), and some
/// room for the tables.
const MIN_FAT32_SECTORS: u64 = 67_000;

fn mkfs(fs: &NewFs, sentence: &str) -> Cmd {
    let serial = fs.uuid.replace('-', "");
    let mut cmd = Cmd::new("mkfs.vfat", sentence).args(["-i", &serial]);
    if fs.size / u64::from(fs.sector.max(1)) >= MIN_FAT32_SECTORS {
        cmd = cmd.args(["-F", "32"]);
    }
    if fs.sector != 512 {
        cmd = cmd.args(["-S", &fs.sector.to_string()]);
    }
    cmd
}
