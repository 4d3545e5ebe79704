//! Kernel parameters for which the initramfs waits until a device is there (dracut.cmdline(7),
//! systemd-cryptsetup-generator(8), kernel-parameters). The copy must not wait for one that it does
//! not have: it would start only as long as the old disk is beside it.

use std::collections::HashSet;

use anyhow::Result;
use regex::Regex;

use super::ids::IdMap;
use super::lvm_names::volume_of;

/// Finds such parameters.
pub struct Waits {
    parameter: Regex,
    /// Volume groups of the source's disks of which nothing is copied.
    groups: HashSet<String>,
}

impl Waits {
    /// # Errors
    /// If the pattern is no pattern.
    pub fn new(map: &IdMap) -> Result<Self> {
        let devices = map.others.iter().flat_map(|n| &n.devices);
        let groups = devices.filter_map(|d| {
            let (vg, lv) = d.to_str()?.strip_prefix("/dev/")?.split_once('/')?;
            let is_group = !["disk", "mapper"].contains(&vg) && !lv.contains('/');
            is_group.then(|| vg.to_owned())
        });
        let is_copied = |vg: &String| {
            map.vgs.iter().any(|p| p.old == *vg)
                || map
                    .volumes
                    .iter()
                    .flat_map(|v| &v.old.devices)
                    .any(|d| volume_of(d, vg).is_some())
        };
        Ok(Self {
            groups: groups.filter(|vg| !is_copied(vg)).collect(),
            parameter: Regex::new(
                r#"(^|[\s"'=])((rd\.lvm\.lv|lvm\.lv|rd\.lvm\.vg|rd\.luks\.uuid|luks\.uuid|rd\.luks\.name|luks\.name|resume|cryptdevice)=([^\s"']+))[ \t]?"#,
            )?,
        })
    }

    /// The parameters that wait for what the copy has nothing for; `is_left` tells that of a first
    /// field of fstab.
    pub fn find<'t>(&self, line: &'t str, is_left: &dyn Fn(&str) -> bool) -> Vec<&'t str> {
        let mut found = vec![];
        // Neighbours share the blank between them.
        let mut at = 0;
        while let Some(c) = self.parameter.captures_at(line, at) {
            let (Some(all), Some(value)) = (c.get(2), c.get(4)) else { break };
            if self.is_for_left(&c[3], value.as_str(), is_left) {
                found.push(all.as_str());
            }
            at = all.end();
        }
        found
    }

    /// The line without them.
    pub fn without(&self, line: &str, is_left: &dyn Fn(&str) -> bool) -> String {
        let mut out = line.to_owned();
        loop {
            let new = self.parameter.replace_all(&out, |c: &regex::Captures<'_>| {
                match self.is_for_left(&c[3], &c[4], is_left) {
                    true => c[1].to_owned(),
                    false => c[0].to_owned(),
                }
            });
            if new == out {
                return out;
            }
            out = new.into_owned();
        }
    }

    fn is_for_left(&self, key: &str, value: &str, is_left: &dyn Fn(&str) -> bool) -> bool {
        let is_uuid = |uuid: &str| is_left(&format!("UUID={uuid}"));
        match key.trim_start_matches("rd.") {
            "lvm.lv" => is_left(&format!("/dev/{value}")),
            "lvm.vg" => self.groups.contains(value),
            "luks.uuid" => is_uuid(value.trim_start_matches("luks-")),
            "luks.name" => is_uuid(value.split('=').next().unwrap_or(value)),
            // `cryptdevice=DEVICE:NAME`, of mkinitcpio.
            _ => is_left(value.split(':').next().unwrap_or(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::boot::identity::ids::Names;
    use crate::boot::identity::rules::Rules;
    use crate::testing::identity::map;

    #[test]
    fn the_copy_waits_for_nothing_that_it_does_not_have() {
        let mut map = map();
        for (vg, lv, uuid) in [("my-vg", "data", "aaaa"), ("other", "x", "bbbb")] {
            map.others.push(Names {
                uuid: Some(format!("{uuid}0000-1111-4111-8111-000000000000")),
                devices: vec![
                    format!("/dev/{vg}/{lv}").into(),
                    format!("/dev/mapper/{}-{lv}", vg.replace('-', "--")).into(),
                ],
                ..Names::default()
            });
        }
        let rules = Rules::new(&map).unwrap();
        let luks = "aaaa0000-1111-4111-8111-000000000000";
        for (word, new) in [
            ("rd.lvm.lv=my-vg/data".to_owned(), ""),
            ("rd.lvm.lv=my-vg/home".to_owned(), "rd.lvm.lv=alt-vg/home"),
            ("rd.lvm.lv=other/x".to_owned(), ""),
            ("rd.lvm.lv=far/x".to_owned(), "rd.lvm.lv=far/x"),
            ("rd.lvm.vg=other".to_owned(), ""),
            ("rd.lvm.vg=my-vg".to_owned(), "rd.lvm.vg=alt-vg"),
            (format!("rd.luks.uuid=luks-{luks}"), ""),
            (format!("rd.luks.name={luks}=data"), ""),
            (format!("resume=UUID={luks}"), ""),
            ("resume=/dev/vda7".to_owned(), ""),
            ("resume=/dev/vda5".to_owned(), "resume=UUID=55555555-bbbb-4bbb-8bbb-555555555555"),
            ("resume=/dev/mapper/my--vg-data".to_owned(), ""),
            ("cryptdevice=/dev/vda7:data".to_owned(), ""),
            ("rd.luks.uuid=luks-12345678".to_owned(), "rd.luks.uuid=luks-12345678"),
        ] {
            for (before, after) in [("", ""), ("quiet ", " ro"), ("x=\"", "\"\n")] {
                let want = match new {
                    "" => format!("{before}{}", after.trim_start_matches(' ')),
                    new => format!("{before}{new}{after}"),
                };
                let line = format!("{before}{word}{after}");
                assert_eq!(rules.command_line(&line), want, "{line}");
                let said = rules.taken_out(&line);
                assert_eq!(said.len(), usize::from(new.is_empty()), "{line}: {said:?}");
                assert!(said.iter().all(|s| s.starts_with(&word)), "{said:?}");
            }
        }
        let all = "options rd.lvm.lv=my-vg/data rd.lvm.lv=other/x rd.lvm.lv=my-vg/home ro\n";
        assert_eq!(rules.command_line(all), "options rd.lvm.lv=alt-vg/home ro\n");
        assert_eq!(rules.taken_out(all).len(), 2);
        let comment = "# GRUB_CMDLINE_LINUX=\"rd.lvm.lv=my-vg/data\"\n";
        assert_eq!(rules.command_line(comment), comment);
    }
}
