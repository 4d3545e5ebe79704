//! Whether the running system fits on a disk as it is: the answer that lists of disks show, and the
//! one that a clone gives when the disk is chosen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::disk::model::Disk;
use crate::engine::facts::Facts;
use crate::engine::prepare::needs::{self, Counted, Walk};
use crate::engine::prepare::sizes;
use crate::error;
use crate::event::Events;
use crate::image::data::ImageData;
use crate::image::needs::Need;
use crate::tree::Excludes;

/// How long a list may count files that share blocks. The clone itself counts them all.
const MAX_COUNTING: Duration = Duration::from_secs(3);

/// The answer for one disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    Yes,
    /// As far as was counted: files that share blocks can need more.
    AsFarAsCounted,
    /// The reason, in words.
    No(String),
}

impl Fit {
    /// Why it does not fit, shortly.
    pub fn too_small(&self) -> Option<&str> {
        match self {
            Self::No(why) => Some(why.split_once("is too small: ").map_or(why, |(_, why)| why)),
            _ => None,
        }
    }

    /// What a list says beside the disk.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Yes => None,
            Self::AsFarAsCounted => Some("files share blocks: whether there is room for all of them is counted before the clone begins".to_owned()),
            Self::No(_) => self.too_small().map(|why| format!("too small as things are: {why}")),
        }
    }
}

/// The answers for all disks but those of the running system, by their kernel names.
pub fn fits(facts: &Facts) -> BTreeMap<String, Fit> {
    let image = &facts.source.image;
    let until = Instant::now() + MAX_COUNTING;
    // Without root file systems cannot be opened, and nothing can be cloned.
    let counted =
        needs::count(image, facts, &Excludes::default(), Walk::Until(until), &Events::new()).ok();
    let needs = |d: &Disk| counted.as_ref().map_or(vec![], |c| c.needs(image, d.logical_sector));
    let is_all = counted.as_ref().is_none_or(Counted::is_all);
    let disks = facts.inventory.disks.iter();
    disks
        .filter(|d| d.size > 0 && !facts.source.disks.contains(&d.name))
        .map(|d| (d.name.clone(), fit(image, d, &needs(d), is_all)))
        .collect()
}

fn fit(image: &ImageData, disk: &Disk, needs: &[Need], is_all: bool) -> Fit {
    let room = sizes::lay_out_targets(image, &[sizes::layout_target(disk)], needs)
        .and_then(|_| sizes::check_practice_room(&[disk], image, needs));
    match room {
        Err(e) => Fit::No(error::cause(&e)),
        Ok(()) if is_all => Fit::Yes,
        Ok(()) => Fit::AsFarAsCounted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::fs::FsType;
    use crate::image::data::{Fs, Lv, LvType, SourceDisk};
    use crate::image::needs::Reason;
    use crate::testing::sample;

    #[test]
    fn needs_count_as_they_do_for_a_clone() {
        let lv = |name: &str, size_mb| Lv {
            logical_volume: name.into(),
            volume_group: None,
            kind: LvType::Fs,
            size_mb,
            lv_source_disk_list: vec!["vda".into()],
            label: None,
        };
        let fs = |name: &str, lv: &str, vfs| Fs {
            fs_name: name.into(),
            fs_lv: lv.into(),
            fs_vfs: vfs,
            fs_used_mb: 100,
            fs_min_size_mb: 200,
            ..Fs::default()
        };
        let image = ImageData {
            lv_data: vec![lv("p1", 4000), lv("p2", 1000)],
            fs_data: vec![fs("/", "p1", FsType::Ext4), fs("/home", "p2", FsType::Xfs)],
            source_disk_data: vec![SourceDisk { size_mb: 6000, ..SourceDisk::default() }],
            ..ImageData::default()
        };
        let disk = |mb: u64| Disk { size: mb << 20, ..sample::disk("vdb", "254:16") };
        let need = [Need {
            fs_name: "/home".into(),
            free_mb: 900,
            wanted_mb: 2000,
            reason: Reason::Growth,
        }];
        assert_eq!(fit(&image, &disk(5500), &[], true), Fit::Yes);
        assert_eq!(fit(&image, &disk(5500), &[], false), Fit::AsFarAsCounted);
        let small = fit(&image, &disk(5500), &need, false);
        assert!(
            small.too_small().is_some_and(|why| why.starts_with("the file systems")),
            "{small:?}"
        );
        assert!(small.note().is_some_and(|n| n.starts_with("too small as things are: the file")));
        assert_eq!(fit(&image, &disk(7000), &need, true), Fit::Yes);
    }
}
