//! The subvolumes of a btrfs of rootvg: those that are mounted, and those nested in them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::describer::Describer;
use crate::boot::identity::ids::SubvolumeId;
use crate::boot::identity::options;
use crate::disk::fs;
use crate::host::mounts::Mount;
use crate::image::data::{Fs, Subvolume};

impl Describer<'_> {
    /// The subvolumes that are mounted, and those nested in them: writable snapshots too, read-only
    /// ones not.
    pub(super) fn subvolumes(&mut self, fs: &mut Fs, device: &Path, mount: &Mount) -> Result<()> {
        let (listed, default) = self.ask.subvolumes(mount)?;
        let mine = |m: &&Mount| {
            fs::has_subvolumes(&m.fstype) && self.device_of(m).is_some_and(|d| d.path() == device)
        };
        let mounted: Vec<(String, &Mount)> = self
            .mounts
            .iter()
            .filter(mine)
            .filter(|m| !self.is_guest(&m.mount_point))
            .map(|m| (m.root.to_string_lossy().trim_start_matches('/').to_owned(), m))
            .filter(|(path, _)| path.is_empty() || listed.iter().any(|l| l.path == *path))
            .collect();
        let options = |m: &Mount| {
            with_compression(
                m,
                self.entry(&m.mount_point)
                    .map_or_else(String::new, |e| options::portable(&e.options)),
            )
        };
        for (path, m) in once_each(&mounted, &|m| self.in_fstab(&m.mount_point)) {
            fs.subvolume.push(Subvolume {
                path: path.clone(),
                mount_point: Some(m.mount_point.to_string_lossy().into_owned()),
                options: options(m),
            });
        }
        let ids = listed.iter().map(|l| SubvolumeId { id: l.id, path: l.path.clone() }).collect();
        self.source.subvolume_ids.push((device.to_owned(), ids));
        let mut left_out: Vec<&str> = vec![];
        let mut writable = vec![];
        for l in listed.iter().filter(|l| !mounted.iter().any(|(p, _)| *p == l.path)) {
            let inside =
                mounted.iter().any(|(p, _)| p.is_empty() || l.path.starts_with(&format!("{p}/")));
            if l.is_snapshot && (l.read_only || is_kept_by_a_tool(&l.path)) {
                left_out.push(&l.path);
            } else if inside {
                fs.subvolume.push(Subvolume {
                    path: l.path.clone(),
                    mount_point: None,
                    options: String::new(),
                });
                writable.extend(l.is_snapshot.then(|| l.path.clone()));
            } else {
                let what =
                    if l.is_snapshot { "writable btrfs snapshot" } else { "btrfs subvolume" };
                self.source.warnings.push(format!(
                    "{what} {} of {} is neither mounted nor inside a mounted one: it is not cloned",
                    l.path, fs.fs_name
                ));
            }
        }
        if !left_out.is_empty() {
            let places = places(&left_out);
            self.source.warnings.push(format!(
                "{} btrfs snapshots of {} are not cloned: {places}",
                left_out.len(),
                fs.fs_name
            ));
        }
        for l in
            listed.iter().filter(|l| l.read_only && fs.subvolume.iter().any(|s| s.path == l.path))
        {
            self.source.warnings.push(format!(
                "btrfs subvolume {} of {} is read-only: in the copy it can be written (`btrfs property set DIRECTORY ro true` changes that there)",
                l.path, fs.fs_name
            ));
        }
        fs.subvolume
            .sort_by_key(|s| (s.path.split('/').count(), s.path.clone(), s.mount_point.clone()));
        fs.fs_default_subvolume = default.filter(|d| fs.subvolume.iter().any(|s| s.path == *d));
        // The whole is named after `/`, or else after a place that it keeps.
        let places: Vec<&String> =
            fs.subvolume.iter().filter_map(|s| s.mount_point.as_ref()).collect();
        let name = places
            .iter()
            .find(|p| ***p == "/")
            .or(places.iter().find(|p| ***p == fs.fs_name))
            .or(places.first());
        if let Some(name) = name.map(|n| (*n).clone()) {
            fs.fs_name = name;
        }
        self.source.snapshots.extend(writable.into_iter().map(|path| (fs.fs_name.clone(), path)));
        Ok(())
    }
}

/// True if a tool made a snapshot as a picture of the past, which it also does with writable ones:
/// snapper (`.snapshots/1/snapshot`, writable after a rollback) and timeshift
/// (`timeshift-btrfs/snapshots/DATE/@`).
fn is_kept_by_a_tool(path: &str) -> bool {
    let words: Vec<&str> = path.split('/').collect();
    words.windows(3).any(|w| {
        w[0] == ".snapshots" && w[1].bytes().all(|b| b.is_ascii_digit()) && w[2] == "snapshot"
    }) || words
        .windows(2)
        .any(|w| w[0].starts_with("timeshift-btrfs") && w[1].starts_with("snapshots"))
}

/// The directories of snapshots, with counts: `12 in @/.snapshots, 1 in @/srv`.
fn places(paths: &[&str]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in paths {
        let words: Vec<&str> = path.split('/').collect();
        let of_tool = words.iter().position(|w| *w == ".snapshots" || w.starts_with("snapshots"));
        let above = of_tool.map_or(&words[..words.len() - 1], |at| &words[..=at]).join("/");
        *counts
            .entry(if above.is_empty() { "the top level".to_owned() } else { above })
            .or_default() += 1;
    }
    counts.iter().map(|(place, n)| format!("{n} in {place}")).collect::<Vec<_>>().join(", ")
}

/// Adds the compression that is in use now, even if it was set by a manual mount.
fn with_compression(mount: &Mount, options: String) -> String {
    let compress =
        |text: &str| text.split(',').find(|o| o.starts_with("compress")).map(str::to_owned);
    match compress(&mount.super_options).filter(|_| compress(&options).is_none()) {
        Some(now) if options.is_empty() => now,
        Some(now) => format!("{options},{now}"),
        None => options,
    }
}

/// A subvolume that is mounted at several places is one subvolume: at `/`, or at the place that
/// fstab has, or where it was mounted first.
fn once_each<'m>(
    mounted: &'m [(String, &'m Mount)],
    in_fstab: &dyn Fn(&Mount) -> bool,
) -> Vec<&'m (String, &'m Mount)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_have_places() {
        for path in [
            "@/.snapshots/1/snapshot",
            ".snapshots/22/snapshot",
            "timeshift-btrfs/snapshots/2024-01-01_10-00-01/@",
        ] {
            assert!(is_kept_by_a_tool(path), "{path}");
        }
        for path in [
            "@/var/lib/machines/web1",
            "@/.snapshots/mine",
            "var/lib/docker/btrfs/subvolumes/0a1b",
            "snapshots/x",
        ] {
            assert!(!is_kept_by_a_tool(path), "{path}");
        }
        let all = [
            "@/.snapshots/1/snapshot",
            "@/.snapshots/2/snapshot",
            "timeshift-btrfs/snapshots/2024/@",
            "old",
            "@/srv/of-monday",
        ];
        assert_eq!(
            places(&all),
            "2 in @/.snapshots, 1 in @/srv, 1 in the top level, 1 in timeshift-btrfs/snapshots"
        );
    }
}
