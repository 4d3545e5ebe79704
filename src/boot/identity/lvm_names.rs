//! Names of logical volumes in a text, in the forms that say that they are one: `/dev/vg/lv`,
//! `/dev/mapper/vg-lv`, `lvm/vg-lv` (GRUB), `rd.lvm.lv=vg/lv`, `rd.lvm.vg=vg` (dracut.cmdline(7)).
//!
//! The copy's volume group has another name. It is put in only where the copy has the logical
//! volume. A volume that was left out stays in the old group: under the new name there would be
//! nothing, and a boot would wait for it.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use regex::{Captures, Regex};

use super::ids::IdMap;

/// The volume groups whose names change.
pub struct LvmNames {
    groups: Vec<Group>,
}

struct Group {
    old: String,
    new: String,
    volumes: Regex,
    mapped: Regex,
    whole: Regex,
    /// Logical volumes that the copy has nothing for.
    left: HashSet<String>,
    /// Those that it has, where all of them are known. Every other name is left: it can be what
    /// lies within a volume that was left out (a partition mapped by kpartx, a LUKS mapping).
    copied: Option<HashSet<String>>,
}

impl LvmNames {
    /// # Errors
    /// If a name is too long to be searched for.
    pub fn new(map: &IdMap) -> Result<Self> {
        let groups =
            map.vgs.iter().filter(|p| p.old != p.new).map(|p| Group::new(&p.old, &p.new, map));
        Ok(Self { groups: groups.collect::<Result<_>>()? })
    }

    /// The text with the new names.
    pub fn replaced(&self, text: &str) -> String {
        self.groups.iter().fold(text.to_owned(), |text, group| group.replaced(&text))
    }

    /// What [`LvmNames::replaced`] would change: byte offset and words.
    pub fn stale<'t>(&self, text: &'t str) -> Vec<(usize, &'t str)> {
        let whole = self
            .groups
            .iter()
            .flat_map(|g| g.whole.find_iter(text))
            .map(|m| (m.start(), m.as_str()));
        self.found(text, false).into_iter().chain(whole).collect()
    }

    /// Words for logical volumes that the copy has nothing for.
    pub fn left<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.found(text, true).into_iter().map(|(_, word)| word).collect()
    }

    /// Whether a word is the path of a logical volume that the copy has nothing for.
    pub fn is_left(&self, word: &str) -> bool {
        self.left(word).first().is_some_and(|found| *found == word)
    }

    fn found<'t>(&self, text: &'t str, left: bool) -> Vec<(usize, &'t str)> {
        let of = |group: &Group| {
            let all = [&group.volumes, &group.mapped]
                .into_iter()
                .flat_map(|re| re.captures_iter(text).collect::<Vec<_>>());
            let all = all
                .filter(|c| group.is_left(&c[2]) == left)
                .filter_map(|c| c.get(0))
                .map(|m| (m.start(), m.as_str()));
            all.collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of).collect()
    }
}

impl Group {
    fn new(old: &str, new: &str, map: &IdMap) -> Result<Self> {
        let (name, mapped) = (regex::escape(old), regex::escape(&doubled(old)));
        let known = map.volumes.iter().all(|v| !v.old.devices.is_empty());
        let names = |devices: &[std::path::PathBuf]| {
            devices.iter().filter_map(|d| volume_of(d, old)).collect::<Vec<_>>()
        };
        let copied = map.volumes.iter().flat_map(|v| names(&v.old.devices)).collect();
        Ok(Self {
            old: old.to_owned(),
            new: new.to_owned(),
            // lvm(8): the characters of a name.
            volumes: Regex::new(&format!(r"(/dev/|\brd\.lvm\.lv=|\blvm\.lv=){name}/([\w+.-]*)"))?,
            mapped: Regex::new(&format!(r"(/dev/mapper/|\blvm/){mapped}-([\w+.][\w+.-]*)"))?,
            whole: Regex::new(&format!(r#"(\brd\.lvm\.vg=){name}([\s"']|$)"#))?,
            left: map.others.iter().flat_map(|n| names(&n.devices)).collect(),
            copied: Some(copied).filter(|_| known),
        })
    }

    /// `name`: as it stands in a text, perhaps with doubled dashes, or at the end of a sentence.
    fn is_left(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        let forms = [name.to_owned(), name.replace("--", "-")];
        let is_in = |set: &HashSet<String>| forms.iter().any(|f| set.contains(f));
        is_in(&self.left)
            || (!name.is_empty() && self.copied.as_ref().is_some_and(|copied| !is_in(copied)))
    }

    fn replaced(&self, text: &str) -> String {
        if !text.contains(&self.old) && !text.contains(&doubled(&self.old)) {
            return text.to_owned();
        }
        let put = |re: &Regex, text: &str, new: &str, between: char| {
            let by = |c: &Captures<'_>| match self.is_left(&c[2]) {
                true => c[0].to_owned(),
                false => format!("{}{new}{between}{}", &c[1], &c[2]),
            };
            re.replace_all(text, by).into_owned()
        };
        let out = put(&self.volumes, text, &self.new, '/');
        let out = put(&self.mapped, &out, &doubled(&self.new), '-');
        self.whole
            .replace_all(&out, |c: &Captures<'_>| format!("{}{}{}", &c[1], self.new, &c[2]))
            .into_owned()
    }
}

/// A name as device-mapper writes it before or behind the dash between group and volume.
fn doubled(name: &str) -> String {
    name.replace('-', "--")
}

/// The logical volume of this group that a path names.
pub(super) fn volume_of(path: &Path, vg: &str) -> Option<String> {
    let path = path.to_str()?;
    let mapped =
        || path.strip_prefix("/dev/mapper/")?.strip_prefix(&doubled(vg))?.strip_prefix('-');
    match path
        .strip_prefix("/dev/")
        .and_then(|p| p.strip_prefix(vg))
        .and_then(|p| p.strip_prefix('/'))
    {
        Some(name) => Some(name.to_owned()),
        None => mapped().filter(|n| !n.starts_with('-')).map(|n| n.replace("--", "-")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::identity::ids::Names;
    use crate::testing::identity::map;

    fn other(lv: &str) -> Names {
        let devices = vec![
            format!("/dev/my-vg/{lv}").into(),
            format!("/dev/mapper/my--vg-{}", doubled(lv)).into(),
        ];
        Names { devices, ..Names::default() }
    }

    #[test]
    fn a_volume_that_was_left_out_keeps_its_group() {
        let mut map = map();
        map.others.push(other("big-data"));
        let names = LvmNames::new(&map).unwrap();
        for word in [
            "/dev/my-vg/big-data",
            "/dev/mapper/my--vg-big--data",
            "rd.lvm.lv=my-vg/big-data",
            "lvm/my--vg-big--data",
        ] {
            for text in [word.to_owned(), format!("x='{word}'"), format!("# on {word}.\n")] {
                assert_eq!(names.replaced(&text), text);
                assert!(names.stale(&text).is_empty() && names.left(&text).len() == 1, "{text}");
            }
            assert!(names.is_left(word));
        }
        let text = "/dev/my-vg/home,/dev/mapper/my--vg-home /dev/my-vg/big-data rd.lvm.vg=my-vg";
        let new = "/dev/alt-vg/home,/dev/mapper/alt--vg-home /dev/my-vg/big-data rd.lvm.vg=alt-vg";
        assert_eq!((names.replaced(text).as_str(), names.replaced(new).as_str()), (new, new));
        assert_eq!((names.stale(text).len(), names.left(text)), (3, vec!["/dev/my-vg/big-data"]));
    }

    /// Partitions and encrypted volumes within it are not the copy's either.
    #[test]
    fn a_mapping_within_a_volume_that_was_left_out_keeps_its_name() {
        let mut map = map();
        map.others.push(other("big-data"));
        let names = LvmNames::new(&map).unwrap();
        for word in [
            "/dev/mapper/my--vg-big--data1",
            "/dev/mapper/my--vg-big--datap1",
            "/dev/mapper/my--vg-big--data-part1",
            "/dev/mapper/my--vg-big--data_crypt",
        ] {
            assert_eq!(names.replaced(word), word);
            assert_eq!((names.stale(word).len(), names.is_left(word)), (0, true), "{word}");
        }
        assert_eq!(names.replaced("/dev/my-vg/"), "/dev/alt-vg/");
    }

    /// Such a plan says which volumes are copied, and not which are left out.
    #[test]
    fn a_plan_of_version_0_1_0_names_only_what_is_copied() {
        let mut map = map();
        map.others.clear();
        let names = LvmNames::new(&map).unwrap();
        let text = "/dev/my-vg/home /dev/my-vg/data /dev/mapper/my--vg-data /dev/my-vg/";
        assert_eq!(
            names.replaced(text),
            "/dev/alt-vg/home /dev/my-vg/data /dev/mapper/my--vg-data /dev/alt-vg/"
        );
        // An image of which only the fstab tells: nobody knows which device its swap space was.
        map.volumes[1].old.devices.clear();
        assert_eq!(LvmNames::new(&map).unwrap().replaced("/dev/my-vg/swap"), "/dev/alt-vg/swap");
    }
}
