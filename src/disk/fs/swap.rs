//! Swap spaces.

use super::facts::{
    Facts, HeadRoom, IdForm, NewFs, Protections, Sharing, any_version, no_features,
};
use crate::host::cmd::Cmd;

/// The properties of a swap space.
pub const SWAP: Facts = Facts {
    name: "swap",
    programs: &["mkswap"],
    check_programs: any_version,
    mkfs,
    label_flag: "-L",
    max_label: 15,
    id: IdForm::Uuid,
    registers_device: false,
    features: no_features,
    image_options: &[],
    min_planned_mb: 0,
    smallest: None,
    head_room: HeadRoom { percent: 0, mb: 0 },
    sharing: Sharing::Never,
    fsck_at_boot: false,
    has_subvolumes: false,
    keeps_attributes: false,
    grub_reads: false,
    protections: Protections::None,
    no_replay: &[""],
};

fn mkfs(fs: &NewFs, sentence: &str) -> Cmd {
    Cmd::new("mkswap", sentence).args(["-q", "-U", fs.uuid])
}
