//! Words in any text that name the source's disks, for what is only reported: nobody knows what
//! they are for there.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use regex::Regex;

use super::ids::{IdMap, Names, udev_escape};

/// Finds words, quickly where there are none.
pub struct OldNames {
    /// All old names as they are written; None where there are none.
    any: Option<Regex>,
}

/// What stands around a device in a configuration file, a script, or a pattern for LVM.
const AROUND: &[char] = &[
    ' ', '\t', '\r', '"', '\'', '|', '^', '$', ';', ',', '(', ')', '{', '}', '<', '>', '[', ']',
    '`', '*',
];

impl OldNames {
    /// # Errors
    /// If a name is too long to be searched for.
    pub fn new(map: &IdMap) -> Result<Self> {
        let volumes = map.volumes.iter().map(|v| &v.old);
        let all: BTreeSet<String> =
            volumes.chain(&map.others).flat_map(names).map(|n| regex::escape(&n)).collect();
        if all.is_empty() {
            return Ok(Self { any: None });
        }
        let text = format!("(?i){}", all.into_iter().collect::<Vec<_>>().join("|"));
        let any = regex::RegexBuilder::new(&text)
            .size_limit(64 << 20)
            .build()
            .context("the names make too long a pattern")?;
        Ok(Self { any: Some(any) })
    }

    /// True if the text contains one of the old names.
    pub fn matches(&self, text: &str) -> bool {
        self.any.as_ref().is_some_and(|re| re.is_match(text))
    }

    /// The words that `is_old` takes for a device of the source: a word as it stands, behind its
    /// `=` (`source=/dev/vda5`), before its first colon (`cryptdevice=/dev/vda5:swap`), and without
    /// the dots of a sentence or pattern.
    pub fn find<'t>(&self, line: &'t str, is_old: &dyn Fn(&str) -> bool) -> Vec<&'t str> {
        if !self.matches(line) {
            return vec![];
        }
        let mut found = vec![];
        for word in line.split(AROUND).filter(|w| !w.is_empty()) {
            let behind = word.split_once('=').map(|(_, w)| w);
            let starts =
                [Some(word), behind, behind.and_then(|w| w.split_once('=')).map(|(_, w)| w)];
            let forms = starts.into_iter().flatten().flat_map(|w| {
                [w, w.trim_end_matches(['.', ':']), w.split(':').next().unwrap_or(w)]
            });
            let old = |w: &&str| {
                is_old(w)
                    || (w.len() >= 8
                        && (is_old(&format!("UUID={w}")) || is_old(&format!("PARTUUID={w}"))))
            };
            found.extend(forms.filter(|w| !w.is_empty()).find(old));
        }
        found.dedup();
        found
    }
}

fn names(n: &Names) -> Vec<String> {
    let labels =
        [&n.label, &n.partlabel].into_iter().flatten().flat_map(|l| [l.clone(), udev_escape(l)]);
    let ids = [&n.uuid, &n.partuuid].into_iter().flatten().cloned();
    let devices = n.devices.iter().map(|d| d.display().to_string());
    labels.chain(ids).chain(devices).filter(|w| !w.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use crate::boot::identity::rules::Rules;
    use crate::testing::identity::map;

    #[test]
    fn devices_in_the_files_of_other_programs() {
        let rules = Rules::new(&map()).unwrap();
        for (line, want) in [
            ("/dev/vda -a -o on", &["/dev/vda"][..]),
            ("  /dev/vda {", &["/dev/vda"]),
            ("source='/dev/vda7'", &["/dev/vda7"]),
            ("GRUB_X=\"cryptdevice=/dev/vda5:swap\"", &["/dev/vda5"]),
            ("mount UUID=1234ABCD /x", &[]),
            ("part PARTUUID=1234ABCD-07 x", &["PARTUUID=1234ABCD-07"]),
            ("id=1234abcd-07", &["1234abcd-07"]),
            ("global_filter = [ \"a|^/dev/vda2$|\", \"r|.*|\" ]", &["/dev/vda2"]),
            ("filter = [ \"a|/dev/vda.*|\" ]", &["/dev/vda"]),
            (
                "see /dev/disk/by-path/pci-0000:00:1f.2-ata-1-part7.",
                &["/dev/disk/by-path/pci-0000:00:1f.2-ata-1-part7"],
            ),
            ("swapon LABEL=other; /dev/vdab /dev/vda70 my root", &[]),
            ("/dev/vdb3", &[]),
        ] {
            assert_eq!(rules.old_names(line), want, "{line}");
        }
    }
}
