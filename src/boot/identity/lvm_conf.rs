//! lvm.conf(5): filters that say on which devices LVM looks for physical volumes, and lists of
//! volume groups.
//!
//! A filter that accepts the source's physical volumes and nothing else keeps a system from finding
//! its volume group. The copy's are added to it by their PARTUUID, which leads to them whatever
//! name the disk has: LVM accepts a device if it accepts any of its names. What names exactly a
//! physical volume of the source is taken out, unless the copy still uses something in its group.

use std::ops::Range;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::ids::{IdMap, Physical};
use super::rules::Rules;

/// What is needed of the identity map.
#[derive(Clone, Debug, Default)]
pub struct Volumes {
    physical: Vec<Physical>,
    /// Volume groups, old and new.
    vgs: Vec<(String, String)>,
    /// Devices that the copy has nothing for, and will find on the old disk.
    others: Vec<PathBuf>,
}

impl Volumes {
    /// Takes the volume groups, their physical volumes and the other devices out of `map`.
    pub fn new(map: &IdMap) -> Self {
        let vgs = map.vgs.iter().map(|p| (p.old.clone(), p.new.clone())).collect();
        Self {
            physical: map.physical.clone(),
            vgs,
            others: map.others.iter().flat_map(|n| n.devices.clone()).collect(),
        }
    }

    /// Whether logical volumes of an old group stay in use, as they were not copied.
    fn is_shared(&self, vg: &str) -> bool {
        let dir = Path::new("/dev").join(vg);
        self.others.iter().any(|d| d.parent() == Some(&dir))
    }
}

/// The list of devices that a configuration names in place of system.devices (lvmdevices(8)).
pub fn devices_file(text: &str) -> Option<&str> {
    let lines = text.lines().map(|l| l.split('#').next().unwrap_or_default());
    let value = lines.filter_map(|l| l.split_once("devicesfile")?.1.trim_start().strip_prefix('='));
    let mut names = value.filter_map(|v| v.trim_start().strip_prefix('"')?.split('"').next());
    let name = names.next_back()?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// One pattern of a filter: `a|^/dev/sda3$|`.
struct Pattern {
    accepts: bool,
    text: String,
    /// None where it cannot be judged here: LVM's regular expressions are its own.
    regex: Option<Regex>,
}

impl Pattern {
    /// None where it is none.
    fn parse(item: &str) -> Option<Self> {
        let mut chars = item.chars();
        let accepts = match chars.next()? {
            'a' => true,
            'r' => false,
            _ => return None,
        };
        let close = match chars.next()? {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            other => other,
        };
        let text = chars.as_str().strip_suffix(close)?.to_owned();
        Some(Self { accepts, regex: Regex::new(&text).ok(), text })
    }

    /// The one name that it stands for, if it is a plain one.
    fn name(&self) -> Option<&Path> {
        let plain = self.text.trim_start_matches('^').trim_end_matches('$');
        let is_name = plain.chars().all(|c| c.is_alphanumeric() || "/_-:.".contains(c));
        (is_name && self.text.ends_with('$')).then_some(Path::new(plain))
    }
}

/// Whether a device with these names is accepted: by the first pattern for any of its names. None
/// where that depends on one that cannot be judged.
fn accepts(filter: &[Option<Pattern>], names: &[PathBuf]) -> Option<bool> {
    let verdict = |name: &PathBuf| {
        filter.iter().find_map(|p| {
            match p.as_ref().and_then(|p| Some((p.accepts, p.regex.as_ref()?))) {
                None => Some(None),
                Some((accepts, regex)) => {
                    regex.is_match(&name.to_string_lossy()).then_some(Some(accepts))
                }
            }
        })
    };
    let all: Vec<Option<bool>> = names.iter().filter_map(verdict).collect();
    if all.is_empty() || all.contains(&Some(true)) {
        Some(true)
    } else if all.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// Rewrites a file of LVM.
pub fn rewrite(text: &str, rules: &Rules, volumes: &Volumes) -> String {
    let mut out = text.to_owned();
    // From the last to the first, so that the places before stay right.
    for (key, range) in arrays(text).into_iter().rev() {
        if let Some(new) = value(&key, &text[range.clone()], volumes) {
            out.replace_range(range, &new);
        }
    }
    rules.anywhere(&out)
}

/// Whether a filter of the file keeps a system from its volume group, or a list names that of the
/// source: the byte where it begins.
pub fn stale(text: &str, volumes: &Volumes) -> Option<usize> {
    arrays(text)
        .into_iter()
        .find_map(|(key, range)| value(&key, &text[range.clone()], volumes).map(|_| range.start))
}

/// The value that a key needs in the copy; None where it is right.
fn value(key: &str, array: &str, volumes: &Volumes) -> Option<String> {
    let items = strings(array);
    if key.ends_with("volume_list") {
        names(array, &items, volumes)
    } else {
        filter(array, &items, volumes)
    }
}

/// Patterns of filters that cannot be judged here: their lines, counted from 1, and what they say.
pub fn not_understood(text: &str, volumes: &Volumes) -> Vec<(usize, String)> {
    let mut all = vec![];
    for (_, range) in arrays(text)
        .into_iter()
        .filter(|(key, _)| key.ends_with("filter") && !volumes.physical.is_empty())
    {
        let line = |at: usize| text[..range.start + at].matches('\n').count() + 1;
        let items = strings(&text[range.clone()]);
        let odd = items
            .into_iter()
            .filter(|(_, item)| Pattern::parse(item).is_none_or(|p| p.regex.is_none()));
        all.extend(odd.map(|(at, item)| (line(at.start), item)));
    }
    all
}

const KEYS: [&str; 5] = [
    "filter",
    "global_filter",
    "volume_list",
    "auto_activation_volume_list",
    "read_only_volume_list",
];

/// The values of the keys that matter: an array or a string each, with its place. Comments begin
/// with `#`.
fn arrays(text: &str) -> Vec<(String, Range<usize>)> {
    let (mut all, mut at) = (vec![], 0);
    let mut until = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if start < until || line.trim_start().starts_with('#') {
            continue;
        }
        let Some((name, _)) = line.split_once('=') else { continue };
        // `devices/filter` is the same key.
        let key = name.trim().rsplit('/').next().unwrap_or_default();
        if !KEYS.contains(&key) {
            continue;
        }
        let from = start + name.len() + 1;
        if let Some(end) = end_of_value(&text[from..]) {
            all.push((key.to_owned(), from..from + end));
            until = from + end;
        }
    }
    all
}

/// Where a value ends: at the bracket that closes an array, or behind a string. What is in quotes
/// may hold brackets.
fn end_of_value(text: &str) -> Option<usize> {
    let (mut quoted, mut array, mut comment, mut escaped) = (false, false, false, false);
    for (i, c) in text.char_indices() {
        match c {
            '\n' if comment => comment = false,
            _ if comment => {}
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if quoted && !array => return Some(i + 1),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '#' => comment = true,
            '[' => array = true,
            ']' if array => return Some(i + 1),
            '\n' if !array => return None,
            _ => {}
        }
    }
    None
}

/// The strings of a value: their places with their quotes, and what they say.
fn strings(value: &str) -> Vec<(Range<usize>, String)> {
    let (mut all, mut start, mut comment, mut escaped) = (vec![], None, false, false);
    for (i, c) in value.char_indices() {
        match (c, start) {
            ('\n', None) => comment = false,
            (_, None) if comment => {}
            ('#', None) => comment = true,
            ('"', None) => start = Some(i),
            (_, Some(_)) if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            ('"', Some(from)) => {
                all.push((
                    from..i + 1,
                    value[from + 1..i].replace("\\\\", "\\").replace("\\\"", "\""),
                ));
                start = None;
            }
            _ => {}
        }
    }
    all
}

/// A list of volume groups with the copy's names; None where nothing changes. What was not copied
/// stays in the old group, and in the list.
fn names(array: &str, items: &[(Range<usize>, String)], volumes: &Volumes) -> Option<String> {
    let mut new = array.to_owned();
    for (range, item) in items.iter().rev() {
        let of = |old: &str| {
            item.strip_prefix(old)
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
                .map(str::to_owned)
        };
        let Some((rest, old, vg)) =
            volumes.vgs.iter().find_map(|(old, vg)| Some((of(old)?, old, vg)))
        else {
            continue;
        };
        let both = rest.is_empty() && old != vg && volumes.is_shared(old);
        if volumes.others.contains(&Path::new("/dev").join(item))
            || (both && items.iter().any(|(_, i)| i == vg))
        {
            continue;
        }
        let old = if both { format!(", \"{old}\"") } else { String::new() };
        new.replace_range(range.clone(), &format!("\"{vg}{rest}\"{old}"));
    }
    (new != array).then_some(new)
}

/// A filter that lets the copy's physical volumes in; None where it does, or where it is not about
/// those of the source.
fn filter(array: &str, items: &[(Range<usize>, String)], volumes: &Volumes) -> Option<String> {
    let patterns: Vec<Option<Pattern>> =
        items.iter().map(|(_, text)| Pattern::parse(text)).collect();
    let physical = &volumes.physical;
    let is_named =
        |new: &Path| patterns.iter().flatten().any(|p| p.accepts && p.name() == Some(new));
    let has_volumes =
        |p: &&Physical| p.old.iter().any(|n| accepts(&patterns, &n.devices) != Some(false));
    let missing = |new: &&PathBuf| {
        accepts(&patterns, std::slice::from_ref(*new)) != Some(true) && !is_named(new)
    };
    let missing: Vec<&PathBuf> =
        physical.iter().filter(has_volumes).flat_map(|p| &p.new).filter(missing).collect();
    // Those of a group that stays in use stay.
    let old: Vec<&PathBuf> = physical
        .iter()
        .filter(|p| !volumes.is_shared(&p.vg))
        .flat_map(|p| &p.old)
        .flat_map(|n| &n.devices)
        .collect();
    let ours = |p: &Pattern| p.accepts && p.name().is_some_and(|n| old.iter().any(|d| *d == n));
    let gone: Vec<bool> = patterns.iter().map(|p| p.as_ref().is_some_and(ours)).collect();
    if missing.is_empty() && !gone.contains(&true) {
        return None;
    }
    let added = missing.iter().map(|new| format!("\"a|^{}$|\"", new.display()));
    let kept = items
        .iter()
        .zip(&gone)
        .filter(|(_, gone)| !**gone)
        .map(|((range, _), _)| array[range.clone()].to_owned());
    Some(format!(
        "{}[ {} ]",
        if array.starts_with(' ') { " " } else { "" },
        added.chain(kept).collect::<Vec<_>>().join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::identity::ids::{Names, Pair};

    #[test]
    fn the_list_of_devices_that_is_used() {
        for (text, want) in [
            ("devices {\n\tdevicesfile = \"mine.devices\"\n}", Some("mine.devices")),
            ("devices { devicesfile=\"a\" }\n# devicesfile = \"b\"\n", Some("a")),
            ("\t# devicesfile = \"system.devices\"\n\tuse_devicesfile = 1\n", None),
            ("devicesfile = \"../../x\"\n", None),
        ] {
            assert_eq!(devices_file(text), want, "{text}");
        }
    }

    fn map() -> IdMap {
        let old = Names {
            devices: vec!["/dev/vda3".into(), "/dev/disk/by-id/virtio-OLD-part3".into()],
            ..Names::default()
        };
        IdMap {
            physical: vec![Physical {
                vg: "vg0".into(),
                old: vec![old],
                new: vec!["/dev/disk/by-partuuid/new-3".into()],
            }],
            vgs: vec![Pair { what: "vg".into(), old: "vg0".into(), new: "vg0_alt1".into() }],
            ..IdMap::default()
        }
    }

    fn run(text: &str) -> String {
        run_with(text, &map())
    }

    fn run_with(text: &str, map: &IdMap) -> String {
        let (rules, volumes) = (Rules::new(map).unwrap(), Volumes::new(map));
        let new = rewrite(text, &rules, &volumes);
        assert_eq!(rewrite(&new, &rules, &volumes), new, "twice is once");
        assert_eq!(stale(&new, &volumes), None, "{new}");
        assert_eq!(stale(text, &volumes).is_some(), new != text, "{text}");
        new
    }

    const NEW: &str = "\"a|^/dev/disk/by-partuuid/new-3$|\"";

    #[test]
    fn filters_for_the_sources_disk_let_the_copys_in() {
        for (old, new) in [
            ("[ \"a|^/dev/vda3$|\", \"r|.*|\" ]", format!("[ {NEW}, \"r|.*|\" ]")),
            (
                "[ \"a|^/dev/vda3$|\", \"a|/dev/vdz|\", \"r|.*|\" ]",
                format!("[ {NEW}, \"a|/dev/vdz|\", \"r|.*|\" ]"),
            ),
            ("[\"a/vda/\",\"r/.*/\"]", format!("[ {NEW}, \"a/vda/\", \"r/.*/\" ]")),
            (
                "[ \"a|^/dev/disk/by-id/virtio-OLD-part3$|\",\n   # all others\n   \"r|.*|\" ]",
                format!("[ {NEW}, \"r|.*|\" ]"),
            ),
            (
                "[ \"r|^/dev/vdb|\", \"a|^/dev/[sv]d[a-c][0-9]$|\", \"r|.*|\" ]",
                format!("[ {NEW}, \"r|^/dev/vdb|\", \"a|^/dev/[sv]d[a-c][0-9]$|\", \"r|.*|\" ]"),
            ),
        ] {
            let text = |filter: &str| {
                format!(
                    "devices {{\n\t# filter = [ \"a|.*|\" ]\n\tglobal_filter = {filter}\n\tdir = \"/dev\"\n}}\n"
                )
            };
            assert_eq!(run(&text(old)), text(&new));
        }
    }

    #[test]
    fn filters_that_let_it_in_stay() {
        for filter in [
            "[ \"a|.*|\" ]",
            "[ \"r|/dev/cdrom|\" ]",
            "[ \"r|^/dev/vdb$|\", \"a|.*|\" ]",
            "[ \"a|^/dev/vdz$|\", \"r|.*|\" ]",
            "[]",
            "\"a|.*|\"",
        ] {
            let text = format!("devices/filter = {filter}\n");
            assert_eq!(run(&text), text);
            assert!(not_understood(&text, &Volumes::new(&map())).is_empty());
        }
    }

    /// The copy's disk comes first, whatever they mean, and they are reported.
    #[test]
    fn patterns_that_cannot_be_judged() {
        for (old, new) in [
            ("[ \"a|(unclosed|\", \"r|.*|\" ]", format!("[ {NEW}, \"a|(unclosed|\", \"r|.*|\" ]")),
            ("[ \"r|/dev/[z|\", \"a|.*|\" ]", format!("[ {NEW}, \"r|/dev/[z|\", \"a|.*|\" ]")),
            (
                "[ \"a|^/dev/vda3$|\", \"none\", \"r|.*|\" ]",
                format!("[ {NEW}, \"none\", \"r|.*|\" ]"),
            ),
            ("[ \"a|.*|\", \"r|(|\" ]", "[ \"a|.*|\", \"r|(|\" ]".to_owned()),
            ("[ \"r|.*|\", \"a|(|\" ]", "[ \"r|.*|\", \"a|(|\" ]".to_owned()),
        ] {
            assert_eq!(run(&format!("#\nfilter = {old}\n")), format!("#\nfilter = {new}\n"));
            let odd = not_understood(&format!("#\nfilter = {new}\n"), &Volumes::new(&map()));
            assert_eq!(odd.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2], "{old}");
        }
        assert!(
            not_understood("filter = [ \"a|(|\" ]\n", &Volumes::default()).is_empty(),
            "no volume group is copied"
        );
    }

    #[test]
    fn what_was_not_copied_is_still_found() {
        let left = Names {
            devices: vec!["/dev/vg0/data".into(), "/dev/mapper/vg0-data".into()],
            ..Names::default()
        };
        let map = IdMap { others: vec![left], ..map() };
        for (old, new) in [
            (
                "filter = [ \"a|^/dev/vda3$|\", \"r|.*|\" ]\n",
                format!("filter = [ {NEW}, \"a|^/dev/vda3$|\", \"r|.*|\" ]\n"),
            ),
            (
                "volume_list = [ \"vg0\", \"vg0/root\", \"vg0/data\" ]\n",
                "volume_list = [ \"vg0_alt1\", \"vg0\", \"vg0_alt1/root\", \"vg0/data\" ]\n"
                    .to_owned(),
            ),
        ] {
            assert_eq!(run_with(old, &map), new);
        }
    }

    #[test]
    fn lists_of_volume_groups() {
        let old = "activation {\n\tauto_activation_volume_list = [ \"vg0\", \"vg0/root\", \"vg01\", \"@tag\" ]\n#volume_list = [ \"vg0\" ]\n}\n";
        let new = "activation {\n\tauto_activation_volume_list = [ \"vg0_alt1\", \"vg0_alt1/root\", \"vg01\", \"@tag\" ]\n#volume_list = [ \"vg0\" ]\n}\n";
        assert_eq!(run(old), new);
    }
}
