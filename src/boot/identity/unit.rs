//! systemd's units: the devices that they name, in `What=`, in `Options=`, in dependencies on
//! `.device` and `.swap` units, and in their own names.
//!
//! The name of a swap unit says its device (systemd.swap(5)), as do the names of device units;
//! `systemd-escape --path` makes them. So what is put into `What=` is put into names too, and both
//! always agree. Mount units are named after their mount point, which a copy keeps.
//! systemd.unit(5): a line may go on in the next one after a backslash; that is not taken apart
//! here, as no field of these is written so.

use super::ids::Volume;
use super::options;
use super::rules::Rules;

/// A unit with what the copy needs in it, and what is to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub text: String,
    pub warnings: Vec<String>,
}

/// The device that a unit is about.
pub fn find_device(text: &str) -> Option<&str> {
    text.lines().find_map(|l| value(l, "What"))
}

/// Rewrites the text of a unit. Lines that name nothing of the source stay byte for byte. `main`:
/// for a drop-in, what its unit is about.
pub fn rewrite(text: &str, rules: &Rules, main: Option<&Volume>) -> Rewritten {
    let mut out = Rewritten::default();
    let volume = find_device(text)
        .and_then(|what| rules.volume(what))
        .or(main.filter(|_| find_device(text).is_none()));
    for line in text.split_inclusive('\n') {
        let new = match (volume, value(line, "What"), value(line, "Options")) {
            (Some(v), Some(what), _) => line.replacen(what, &v.path(), 1),
            (Some(v), _, Some(old)) => {
                let new = options::translate(old, &|id| options::path_in(&v.old.subvolumes, id));
                out.warnings.extend(new.warnings);
                rules.anywhere(&line.replacen(old, &new.text, 1))
            }
            _ => rules.anywhere(&dependencies(line, rules)),
        };
        out.text.push_str(&new);
    }
    out
}

/// What of a line names the source: `What=`, and units that are named after its devices.
pub fn stale(line: &str, rules: &Rules) -> Vec<String> {
    if let Some(what) = value(line, "What") {
        return Some(what).filter(|w| rules.stale(w)).map(str::to_owned).into_iter().collect();
    }
    units_in(line).filter(|w| renamed(w, rules).is_some()).map(str::to_owned).collect()
}

fn units_in(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| c.is_whitespace() || c == '=');
    words.filter(|w| w.starts_with("dev-") || w.contains("@dev-"))
}

/// `BindsTo=dev-sda2.device` and the like.
fn dependencies(line: &str, rules: &Rules) -> String {
    let mut new = line.to_owned();
    for word in units_in(line) {
        if let Some(name) = renamed(word, rules) {
            new = new.replacen(word, &name, 1);
        }
    }
    new
}

/// The new name of a unit that is named after a device of the source, of an instance for one
/// (`systemd-fsck@dev-sda2.service`), or of a directory for either (`dev-sda5.swap.d`,
/// `dev-sda2.device.wants`). None where the name is none of these.
pub fn renamed(name: &str, rules: &Rules) -> Option<String> {
    let at = name.find("@dev-").map_or(0, |at| at + 1);
    let (template, device) = name.split_at(at);
    let kinds: &[&str] = if at == 0 { &[".swap", ".device"] } else { &[".service", ".timer"] };
    let (stem, kind) = kinds.iter().find_map(|k| Some((&device[..device.find(k)?], k)))?;
    let rest = &device[stem.len() + kind.len()..];
    if !stem.starts_with("dev-") || !["", ".d", ".wants", ".requires", ".upholds"].contains(&rest) {
        return None;
    }
    let volume = rules.volume(&unescape(stem)?)?;
    let new = format!("{template}{}{kind}{rest}", escape(&volume.path()));
    (new != name).then_some(new)
}

/// A path as systemd writes it in the name of a unit (systemd.unit(5), "string escaping").
pub fn escape(path: &str) -> String {
    let path = path.trim_matches('/');
    let mut out = String::new();
    for (i, byte) in path.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if i == 0 => out.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    if out.is_empty() { "-".to_owned() } else { out }
}

/// The path that the name of a unit (without its ending) says; None where it says none.
pub fn unescape(stem: &str) -> Option<String> {
    let (mut bytes, mut rest) = (vec![b'/'], stem.as_bytes());
    while let [first, more @ ..] = rest {
        rest = more;
        match first {
            b'-' => bytes.push(b'/'),
            b'\\' => {
                let digits =
                    std::str::from_utf8(more.get(1..3)?).ok().filter(|_| more[0] == b'x')?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &more[3..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// What a line gives a key; blanks around the `=` are allowed.
fn value<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == key).then(|| value.trim()).filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::identity::ids::SubvolumeId;
    use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

    #[test]
    fn what_and_options() {
        let mut map = map();
        map.volumes[0].old.subvolumes = vec![SubvolumeId { id: 257, path: "@srv".into() }];
        let rules = Rules::new(&map).unwrap();
        let unit = format!(
            "[Unit]\nDescription=x\n[Mount]\nWhat=/dev/disk/by-uuid/{OLD_ROOT}\nWhere=/srv\nOptions = subvolid=257,noatime\n"
        );
        let new = rewrite(&unit, &rules, None);
        assert_eq!(
            new.text,
            format!(
                "[Unit]\nDescription=x\n[Mount]\nWhat=/dev/disk/by-uuid/{NEW_ROOT}\nWhere=/srv\nOptions = subvol=/@srv,noatime\n"
            )
        );
        assert_eq!(new.warnings, Vec::<String>::new());
        assert_eq!(rewrite(&new.text, &rules, None), new, "twice is once");
        // Options that come first, and one that is said.
        let new = rewrite("[Mount]\nOptions=logdev=/dev/sdz1\nWhat=/dev/vda2\n", &rules, None);
        assert_eq!(
            new.text,
            format!("[Mount]\nOptions=defaults\nWhat=/dev/disk/by-uuid/{NEW_ROOT}\n")
        );
        assert_eq!(new.warnings.len(), 1);
        // Another disk's unit keeps its numbers.
        let other = "[Mount]\nWhat=/dev/sdz9\nOptions=subvolid=257\n";
        assert_eq!(rewrite(other, &rules, None).text, other);
    }

    #[test]
    fn a_logical_volume_that_is_left_out() {
        let mut map = map();
        let devices = vec!["/dev/my-vg/data".into(), "/dev/mapper/my--vg-data".into()];
        map.others.push(crate::boot::identity::ids::Names {
            devices,
            ..crate::boot::identity::ids::Names::default()
        });
        let rules = Rules::new(&map).unwrap();
        for unit in [
            "[Mount]\nWhat=/dev/my-vg/data\n",
            "[Mount]\nWhat=/dev/mapper/my--vg-data\n",
            "[Unit]\nBindsTo=dev-my\\x2dvg-data.device\n",
        ] {
            assert_eq!(rewrite(unit, &rules, None).text, unit);
        }
        assert_eq!(
            rules.command_line("root=/dev/my-vg/data rd.lvm.lv=my-vg/data"),
            "root=/dev/my-vg/data "
        );
    }

    #[test]
    fn instances_for_a_device() {
        let rules = Rules::new(&map()).unwrap();
        let new = format!("disk-by\\x2duuid-{}", NEW_ROOT.replace('-', "\\x2d"));
        for (old, want) in [
            ("systemd-fsck@dev-vda2.service", format!("systemd-fsck@dev-{new}.service")),
            ("systemd-fsck@dev-vda2.service.d", format!("systemd-fsck@dev-{new}.service.d")),
            ("check@dev-vda2.timer", format!("check@dev-{new}.timer")),
        ] {
            assert_eq!(renamed(old, &rules), Some(want.clone()));
            let line = format!("Requires={old} x.service\n");
            assert_eq!(rewrite(&line, &rules, None).text, format!("Requires={want} x.service\n"));
            assert_eq!(stale(&line, &rules), [old]);
            assert!(stale(&format!("Requires={want}\n"), &rules).is_empty());
        }
        for other in ["systemd-fsck@dev-vdb9.service", "getty@tty1.service", "x@dev-vda2.conf"] {
            assert_eq!(renamed(other, &rules), None);
        }
    }

    #[test]
    fn drop_ins_take_the_device_of_their_unit() {
        let mut map = map();
        map.volumes[0].old.subvolumes = vec![SubvolumeId { id: 257, path: "@srv".into() }];
        let rules = Rules::new(&map).unwrap();
        let text = "[Mount]\nOptions=subvolid=257\n";
        assert_eq!(
            rewrite(text, &rules, rules.volume("/dev/vda2")).text,
            "[Mount]\nOptions=subvol=/@srv\n"
        );
        assert_eq!(rewrite(text, &rules, None).text, text);
    }

    /// What `systemd-escape --path` prints.
    #[test]
    fn names_are_escaped_as_systemd_does() {
        for (path, name) in [
            ("/dev/vda2", "dev-vda2"),
            ("/dev/disk/by-label/my\\x20root", "dev-disk-by\\x2dlabel-my\\x5cx20root"),
            ("/dev/disk/by-uuid/ABCD-1234", "dev-disk-by\\x2duuid-ABCD\\x2d1234"),
            ("/dev/mapper/my--vg-home", "dev-mapper-my\\x2d\\x2dvg\\x2dhome"),
            ("/.hidden/a_b:c", "\\x2ehidden-a_b:c"),
        ] {
            assert_eq!((escape(path).as_str(), unescape(name).as_deref()), (name, Some(path)));
        }
        assert_eq!(escape("/"), "-");
        assert_eq!(unescape("a\\x2"), None);
        assert_eq!(unescape("a\\y20"), None);
    }

    #[test]
    fn names_follow_the_device() {
        let rules = Rules::new(&map()).unwrap();
        let new = "dev-disk-by\\x2duuid-55555555\\x2dbbbb\\x2d4bbb\\x2d8bbb\\x2d555555555555";
        assert_eq!(renamed("dev-vda5.swap", &rules), Some(format!("{new}.swap")));
        assert_eq!(renamed("dev-vda5.swap.d", &rules), Some(format!("{new}.swap.d")));
        let label = renamed("dev-disk-by\\x2dlabel-my\\x5cx20root.device.wants", &rules);
        assert_eq!(
            label,
            Some(format!("dev-disk-by\\x2duuid-{}.device.wants", NEW_ROOT.replace('-', "\\x2d")))
        );
        for same in [
            "dev-vdz5.swap",
            "dev-vda5.mount",
            "vda5.swap",
            &format!("{new}.swap"),
            "swapfile.swap",
            "dev-vda5.swap.bak",
        ] {
            assert_eq!(renamed(same, &rules), None, "{same}");
        }
        let unit = "[Unit]\nBindsTo=dev-vda2.device dev-vdz1.device\nAfter=dev-vda5.swap x.target\nRequiresMountsFor=/srv\n";
        let done = rewrite(unit, &rules, None).text;
        let root = format!("dev-disk-by\\x2duuid-{}", NEW_ROOT.replace('-', "\\x2d"));
        assert_eq!(
            done,
            format!(
                "[Unit]\nBindsTo={root}.device dev-vdz1.device\nAfter={new}.swap x.target\nRequiresMountsFor=/srv\n"
            )
        );
        assert_eq!(stale("BindsTo=dev-vda2.device dev-vdz1.device", &rules), ["dev-vda2.device"]);
        assert!(done.lines().all(|l| stale(l, &rules).is_empty()));
    }
}
