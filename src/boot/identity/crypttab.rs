//! crypttab(5): mappings that are made when a system starts.
//!
//! A mapping with a random key, or for swap or /tmp, is made anew at each start: whatever is on its
//! device is overwritten, without a question. A line that names a partition of the source by path
//! would do that to whichever partition has the path one day. So the copy gets a partition of its
//! own for swap, named by its PARTUUID (a UUID inside would be overwritten with the rest); where
//! there is none, the line is disabled.

use super::ids::Volume;
use super::rules::Rules;

/// A line that makes a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'t> {
    pub name: &'t str,
    pub device: &'t str,
    pub key: &'t str,
    pub options: &'t str,
}

impl Entry<'_> {
    fn has_option(&self, option: &str) -> bool {
        self.options
            .split(',')
            .any(|o| o == option || o.strip_prefix(option).is_some_and(|r| r.starts_with('=')))
    }

    /// Its device is overwritten at each start.
    pub fn is_made_anew(&self) -> bool {
        ["/dev/urandom", "/dev/random", "/dev/hwrng"].contains(&self.key)
            || self.is_swap()
            || self.has_option("tmp")
    }

    /// What is made anew is swap space.
    pub fn is_swap(&self) -> bool {
        self.has_option("swap")
    }
}

/// The entry of a line.
pub fn entry(line: &str) -> Option<Entry<'_>> {
    let mut fields = line.split_whitespace();
    let name = fields.next().filter(|n| !n.starts_with('#'))?;
    let (device, key, options) =
        (fields.next()?, fields.next().unwrap_or("none"), fields.next().unwrap_or_default());
    Some(Entry { name, device, key, options })
}

/// What the copy's crypttab is, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub text: String,
    pub warnings: Vec<String>,
    /// UUIDs of swap volumes that belong to a mapping: neither fstab nor the initramfs may name
    /// them.
    pub taken: Vec<String>,
    /// Names of mappings that the copy does not make.
    pub disabled: Vec<String>,
}

/// By what a volume is named whose content is overwritten: not by anything in it.
fn lasting_spec(v: &Volume) -> Option<String> {
    match &v.new.partuuid {
        Some(id) if !v.new_spec.starts_with('/') => Some(format!("PARTUUID={id}")),
        _ => Some(v.new_spec.clone()).filter(|s| s.starts_with("/dev/")),
    }
}

/// Rewrites a crypttab. Lines that name nothing of the source stay byte for byte. `of_image`: it
/// belongs to another system, so nobody knows what a path in it means here. A plan of version 0.1.0
/// does not know it either: it does not list what the copy has nothing for.
pub fn rewrite(text: &str, rules: &Rules, of_image: bool) -> Rewritten {
    let mut out = Rewritten::default();
    let nobody_knows = of_image || !rules.knows_others();
    let taken: Vec<(String, String)> = rules
        .volumes()
        .iter()
        .filter(|v| v.what == "swap")
        .filter_map(|v| Some((lasting_spec(v)?, v.new.uuid.clone()?)))
        .collect();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some(entry) = entry(line) else {
            out.text.push_str(&rules.anywhere(line));
            continue;
        };
        let volume = rules.volume(entry.device);
        if !entry.is_made_anew() {
            let new = volume
                .map_or_else(|| line.to_owned(), |v| line.replacen(entry.device, &v.new_spec, 1));
            out.text.push_str(&rules.anywhere(&new));
            continue;
        }
        if let Some((_, uuid)) = taken.iter().find(|(spec, _)| spec == entry.device) {
            out.taken.push(uuid.clone());
            out.text.push_str(line);
            continue;
        }
        let spec =
            volume.filter(|v| v.what == "swap" && !entry.has_option("tmp")).and_then(lasting_spec);
        match spec {
            Some(spec) => {
                out.taken.extend(volume.and_then(|v| v.new.uuid.clone()));
                out.text.push_str(&line.replacen(entry.device, &spec, 1));
            }
            None if volume.is_some()
                || rules.is_other(entry.device)
                || (nobody_knows && is_node(entry.device)) =>
            {
                out.disabled.push(entry.name.to_owned());
                out.warnings.push(format!(
                    "/etc/crypttab:{number}: {} is disabled in the copy: it would overwrite {}, which is not a partition of the copy",
                    entry.name, entry.device
                ));
                out.text.push_str(&disabled(line));
            }
            None => out.text.push_str(&rules.anywhere(line)),
        }
    }
    out
}

/// Whether a path names a device by where it was found (`/dev/sda5`), and not by something that
/// stays with it.
fn is_node(device: &str) -> bool {
    let lasting = [
        "/dev/mapper/",
        "/dev/disk/by-uuid/",
        "/dev/disk/by-label/",
        "/dev/disk/by-partuuid/",
        "/dev/disk/by-partlabel/",
    ];
    device.starts_with("/dev/") && !lasting.iter().any(|l| device.starts_with(l))
}

/// A line that does nothing any more, with the reason.
fn disabled(line: &str) -> String {
    format!(
        "# Disabled by altdisk: the line is about a partition of the disk that this system was copied from.\n#{line}"
    )
}

/// fstab without what lies on mappings that are not made: a start would wait for it.
pub fn without_mappings(fstab: &str, names: &[String]) -> String {
    let gone = |line: &str| {
        let device = line.split_whitespace().next().and_then(|d| d.strip_prefix("/dev/mapper/"));
        device.is_some_and(|d| names.iter().any(|n| n == d))
    };
    fstab.split_inclusive('\n').map(|l| if gone(l) { disabled(l) } else { l.to_owned() }).collect()
}

/// What a line names that must not stay: a volume of the source; of its other partitions what would
/// be overwritten.
pub fn stale<'t>(line: &'t str, rules: &Rules) -> Option<&'t str> {
    let entry = entry(line)?;
    let must_go =
        rules.stale(entry.device) || (entry.is_made_anew() && rules.is_other(entry.device));
    must_go.then_some(entry.device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::identity::ids::Names;
    use crate::testing::identity::map;

    fn rules() -> Rules {
        let mut map = map();
        map.volumes[1].new.partuuid = Some("99999999-dddd-4ddd-8ddd-999999999999".into());
        Rules::new(&map).unwrap()
    }

    const SWAP: &str = "PARTUUID=99999999-dddd-4ddd-8ddd-999999999999";

    #[test]
    fn swap_with_a_random_key_gets_a_partition_of_its_own() {
        let rules = rules();
        for device in [
            "/dev/vda5",
            "PARTUUID=1234abcd-05",
            "UUID=44444444-aaaa-4aaa-8aaa-444444444444",
            "/dev/disk/by-partuuid/1234abcd-05",
        ] {
            let new = rewrite(
                &format!(
                    "# x\ncryptswap1  {device}\t/dev/urandom swap,cipher=aes-xts-plain64,size=256\n"
                ),
                &rules,
                false,
            );
            assert_eq!(
                new.text,
                format!(
                    "# x\ncryptswap1  {SWAP}\t/dev/urandom swap,cipher=aes-xts-plain64,size=256\n"
                )
            );
            assert_eq!(
                (new.taken.as_slice(), new.disabled.len()),
                (&["55555555-bbbb-4bbb-8bbb-555555555555".to_owned()][..], 0)
            );
            assert_eq!(
                rewrite(&new.text, &rules, false),
                Rewritten { ..new.clone() },
                "twice is once"
            );
            assert!(new.text.lines().all(|l| stale(l, &rules).is_none()));
        }
    }

    #[test]
    fn what_would_overwrite_another_partition_is_disabled() {
        let rules = rules();
        for (line, name) in [
            ("cryptswap1 /dev/vda7 /dev/urandom swap", "cryptswap1"),
            ("ct PARTUUID=1234abcd-07 /dev/random tmp=ext4", "ct"),
            ("plain /dev/vda7 /dev/urandom", "plain"),
            // Key and volume do not fit each other.
            ("home /dev/vda2 /dev/urandom swap", "home"),
            ("tmp /dev/vda5 /dev/urandom tmp", "tmp"),
        ] {
            assert!(stale(line, &rules).is_some(), "{line}");
            let new = rewrite(&format!("{line}\n"), &rules, false);
            assert!(
                new.text.starts_with("# Disabled by altdisk")
                    && new.text.ends_with(&format!("\n#{line}\n")),
                "{}",
                new.text
            );
            assert_eq!((new.disabled.as_slice(), new.warnings.len()), (&[name.to_owned()][..], 1));
            assert_eq!(rewrite(&new.text, &rules, false).text, new.text);
            let fstab = format!(
                "/dev/mapper/{name} none swap sw 0 0\n/dev/mapper/{name}2 /x ext4 rw 0 0\n"
            );
            let without = without_mappings(&fstab, &new.disabled);
            assert!(
                without.starts_with('#')
                    && without.contains(&format!("\n#/dev/mapper/{name} none")),
                "{without}"
            );
            assert!(
                without.ends_with(&format!("\n/dev/mapper/{name}2 /x ext4 rw 0 0\n")),
                "{without}"
            );
        }
    }

    #[test]
    fn an_images_paths_mean_nothing_here() {
        let text =
            "a /dev/vdz1 /dev/urandom swap\nb UUID=x /dev/urandom swap\nc /dev/vdz2 none luks\n";
        let new = rewrite(text, &rules(), true);
        assert_eq!(new.disabled, ["a"]);
        assert!(
            new.text.ends_with("\n#a /dev/vdz1 /dev/urandom swap\nb UUID=x /dev/urandom swap\nc /dev/vdz2 none luks\n"),
            "{}",
            new.text
        );
    }

    /// Such a plan names no partitions that are left out.
    #[test]
    fn a_plan_of_version_0_1_0_knows_no_other_partitions() {
        let rules =
            Rules::new(&crate::boot::identity::ids::IdMap { others: vec![], ..map() }).unwrap();
        for line in [
            "cryptswap /dev/sda5 /dev/urandom swap",
            "t /dev/my-vg/tmp /dev/urandom tmp",
            "t /dev/mapper/my--vg-tmp /dev/urandom tmp",
        ] {
            let new = rewrite(&format!("{line}\n"), &rules, false);
            assert!(
                new.text.ends_with(&format!("\n#{line}\n")) && new.warnings.len() == 1,
                "{new:?}"
            );
            assert_eq!(rewrite(&new.text, &rules, false).text, new.text);
        }
        let same = "x UUID=other /dev/urandom swap\nhome /dev/sda6 none luks\n";
        assert_eq!(rewrite(same, &rules, false).text, same);
    }

    /// The copy has no logical volume for it, and would look for it in a group of another name, or
    /// overwrite the source's.
    #[test]
    fn logical_volumes_that_are_left_out() {
        let mut map = map();
        map.others.push(Names {
            devices: vec!["/dev/my-vg/tmp".into(), "/dev/mapper/my--vg-tmp".into()],
            ..Names::default()
        });
        let rules = Rules::new(&map).unwrap();
        for device in ["/dev/my-vg/tmp", "/dev/mapper/my--vg-tmp"] {
            let line = format!("ct {device} /dev/urandom tmp");
            assert_eq!(stale(&line, &rules), Some(device));
            let new = rewrite(&format!("{line}\n"), &rules, false);
            assert!(
                new.text.ends_with(&format!("\n#{line}\n")) && new.disabled == ["ct"],
                "{new:?}"
            );
            let data = format!("data {device} none luks\n");
            assert_eq!(rewrite(&data, &rules, false).text, data);
        }
    }

    #[test]
    fn other_lines_stay() {
        let rules = rules();
        let text = "data /dev/vda7 none luks\nother /dev/vdz1 /dev/urandom swap\nshort\n\n";
        assert_eq!(
            rewrite(text, &rules, false),
            Rewritten { text: text.into(), ..Rewritten::default() }
        );
        assert_eq!(
            rewrite("home /dev/mapper/my--vg-home none luks\n", &rules, false).text,
            "home /dev/mapper/alt--vg-home none luks\n"
        );
        assert_eq!(stale("data /dev/vda7 none luks", &rules), None);
        assert_eq!(stale("data /dev/vda2 none luks", &rules), Some("/dev/vda2"));
    }
}
