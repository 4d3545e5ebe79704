//! The subvolumes of a btrfs of rootvg: those that are mounted, and those nested in them.

use std::path::Path;

use anyhow::Result;

use super::Describer;
use crate::boot::ids::SubvolumeId;
use crate::boot::options;
use crate::host::mounts::Mount;
use crate::image::data::{Fs, Subvolume};

impl Describer<'_> {
    /// The subvolumes that are mounted, and those nested in them that are no snapshots.
    pub(super) fn subvolumes(&mut self, fs: &mut Fs, device: &Path, mount: &Mount) -> Result<()> {
        let (listed, default) = self.ask.subvolumes(mount)?;
        let mine = |m: &&Mount| m.fstype == "btrfs" && self.device_of(m).is_some_and(|d| d.path() == device);
        let mounted: Vec<(String, &Mount)> = self
            .mounts
            .iter()
            .filter(mine)
            .filter(|m| !self.is_guest(&m.mount_point))
            .map(|m| (m.root.to_string_lossy().trim_start_matches('/').to_owned(), m))
            .filter(|(path, _)| path.is_empty() || listed.iter().any(|l| l.path == *path))
            .collect();
        let options =
            |m: &Mount| with_compression(m, self.entry(&m.mount_point).map_or_else(String::new, |e| options::portable(&e.options)));
        for (path, m) in once_each(&mounted, &|m| self.in_fstab(&m.mount_point)) {
            fs.subvolume.push(Subvolume {
                path: path.clone(),
                mount_point: Some(m.mount_point.to_string_lossy().into_owned()),
                options: options(m),
            });
        }
        let ids = listed.iter().map(|l| SubvolumeId { id: l.id, path: l.path.clone() }).collect();
        self.source.subvolume_ids.push((device.to_owned(), ids));
        let mut left_out = 0;
        for l in listed.iter().filter(|l| !mounted.iter().any(|(p, _)| *p == l.path)) {
            let inside = mounted.iter().any(|(p, _)| p.is_empty() || l.path.starts_with(&format!("{p}/")));
            if inside && !l.is_snapshot {
                fs.subvolume.push(Subvolume { path: l.path.clone(), mount_point: None, options: String::new() });
            } else if l.is_snapshot {
                left_out += 1;
            } else {
                self.source.warnings.push(format!(
                    "btrfs subvolume {} of {} is neither mounted nor inside a mounted one: it is not cloned",
                    l.path, fs.fs_name
                ));
            }
        }
        if left_out > 0 {
            self.source.warnings.push(format!("{left_out} btrfs snapshots of {} are not cloned", fs.fs_name));
        }
        fs.subvolume.sort_by_key(|s| (s.path.split('/').count(), s.path.clone(), s.mount_point.clone()));
        fs.fs_default_subvolume = default.filter(|d| fs.subvolume.iter().any(|s| s.path == *d));
        // The whole is named after `/`, or else after a place that it keeps.
        let places: Vec<&String> = fs.subvolume.iter().filter_map(|s| s.mount_point.as_ref()).collect();
        let name = places.iter().find(|p| ***p == "/").or(places.iter().find(|p| ***p == fs.fs_name)).or(places.first());
        if let Some(name) = name.map(|n| (*n).clone()) {
            fs.fs_name = name;
        }
        Ok(())
    }
}

/// What is compressed now is so in the copy, also where it was mounted by hand with that.
fn with_compression(mount: &Mount, options: String) -> String {
    let compress = |text: &str| text.split(',').find(|o| o.starts_with("compress")).map(str::to_owned);
    match compress(&mount.super_options).filter(|_| compress(&options).is_none()) {
        Some(now) if options.is_empty() => now,
        Some(now) => format!("{options},{now}"),
        None => options,
    }
}

/// A subvolume that is mounted at several places is one subvolume: at `/`, or at the place that fstab has, or where it was mounted first.
fn once_each<'m>(mounted: &'m [(String, &'m Mount)], in_fstab: &dyn Fn(&Mount) -> bool) -> Vec<&'m (String, &'m Mount)> {
    let mut all: Vec<&(String, &Mount)> = mounted.iter().collect();
    all.sort_by_key(|(_, m)| (m.mount_point != Path::new("/"), !in_fstab(m)));
    let mut once: Vec<&(String, &Mount)> = vec![];
    for one in all {
        if !once.iter().any(|(path, _)| *path == one.0) {
            once.push(one);
        }
    }
    once
}
