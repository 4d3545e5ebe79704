//! systemd's units for mounts, automounts and swap: `What=` and `Options=` of those that name the source.
//!
//! systemd.unit(5): a line may go on in the next one after a backslash; that is not taken apart here, as neither field is written so.

use super::identify::Rules;
use super::options;

/// A unit with what the copy needs in it, and what is to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub text: String,
    pub warnings: Vec<String>,
}

/// Rewrites the text of a unit. Lines that name nothing of the source stay byte for byte.
pub fn rewrite(text: &str, rules: &Rules) -> Rewritten {
    let mut out = Rewritten::default();
    let volume = text.lines().find_map(|l| value(l, "What")).and_then(|what| rules.volume(what));
    for line in text.split_inclusive('\n') {
        let new = match (volume, value(line, "What"), value(line, "Options")) {
            (Some(v), Some(what), _) => line.replacen(what, &v.new_spec.replacen("UUID=", "/dev/disk/by-uuid/", 1), 1),
            (Some(v), _, Some(old)) => {
                let new = options::translate(old, &|id| options::path_in(&v.old.subvolumes, id));
                out.warnings.extend(new.warnings);
                rules.anywhere(&line.replacen(old, &new.text, 1))
            }
            _ => rules.anywhere(line),
        };
        out.text.push_str(&new);
    }
    out
}

/// What a line gives a key; blanks around the `=` are allowed.
fn value<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == key).then(|| value.trim()).filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::identify::tests::{NEW_ROOT, OLD_ROOT, map};
    use crate::boot::ids::SubvolumeId;

    #[test]
    fn what_and_options() {
        let mut map = map();
        map.volumes[0].old.subvolumes = vec![SubvolumeId { id: 257, path: "@srv".into() }];
        let rules = Rules::new(&map).unwrap();
        let unit =
            format!("[Unit]\nDescription=x\n[Mount]\nWhat=/dev/disk/by-uuid/{OLD_ROOT}\nWhere=/srv\nOptions = subvolid=257,noatime\n");
        let new = rewrite(&unit, &rules);
        assert_eq!(
            new.text,
            format!("[Unit]\nDescription=x\n[Mount]\nWhat=/dev/disk/by-uuid/{NEW_ROOT}\nWhere=/srv\nOptions = subvol=/@srv,noatime\n")
        );
        assert_eq!(new.warnings, Vec::<String>::new());
        assert_eq!(rewrite(&new.text, &rules), new, "twice is once");
        // Options that come first, and one that is said.
        let new = rewrite("[Mount]\nOptions=logdev=/dev/sdz1\nWhat=/dev/vda2\n", &rules);
        assert_eq!(new.text, format!("[Mount]\nOptions=defaults\nWhat=/dev/disk/by-uuid/{NEW_ROOT}\n"));
        assert_eq!(new.warnings.len(), 1);
        // Another disk's unit keeps its numbers.
        let other = "[Mount]\nWhat=/dev/sdz9\nOptions=subvolid=257\n";
        assert_eq!(rewrite(other, &rules).text, other);
    }
}
