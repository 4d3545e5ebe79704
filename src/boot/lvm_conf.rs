//! lvm.conf(5): filters that say on which devices LVM looks for physical volumes, and lists of volume groups.
//!
//! A filter that accepts the source's physical volumes and nothing else keeps a system from finding its volume group. The copy's are added to it by
//! their PARTUUID, which leads to them whatever name the disk has: LVM accepts a device if it accepts any of its names. What names exactly a
//! physical volume of the source is taken out.

use std::ops::Range;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::identify::Rules;
use super::ids::{IdMap, Names, Physical};

/// What is needed of the identity map.
#[derive(Clone, Debug, Default)]
pub struct Volumes {
    physical: Vec<Physical>,
    /// Volume groups, old and new.
    vgs: Vec<(String, String)>,
}

impl Volumes {
    pub fn of(map: &IdMap) -> Self {
        Self { physical: map.physical.clone(), vgs: map.vgs.iter().map(|p| (p.old.clone(), p.new.clone())).collect() }
    }
}

/// A file with what the copy needs in it, and what is to be said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub text: String,
    pub warnings: Vec<String>,
}

/// One pattern of a filter: `a|^/dev/sda3$|`.
struct Pattern {
    accepts: bool,
    text: String,
    regex: Regex,
}

impl Pattern {
    /// None where it is none, or not one of the regular expressions that can be judged here.
    fn of(item: &str) -> Option<Self> {
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
        Some(Self { accepts, regex: Regex::new(&text).ok()?, text })
    }

    /// The one name that it stands for, if it is a plain one.
    fn name(&self) -> Option<&Path> {
        let plain = self.text.trim_start_matches('^').trim_end_matches('$');
        let is_name = plain.chars().all(|c| c.is_alphanumeric() || "/_-:.".contains(c));
        (is_name && self.text.ends_with('$')).then_some(Path::new(plain))
    }
}

/// Whether a device with these names is accepted: by the first pattern for any of its names.
fn accepts(filter: &[Pattern], names: &[PathBuf]) -> bool {
    let first = |name: &PathBuf| filter.iter().find(|p| p.regex.is_match(&name.to_string_lossy())).map(|p| p.accepts);
    let all: Vec<bool> = names.iter().filter_map(first).collect();
    all.contains(&true) || all.is_empty()
}

/// Rewrites a file of LVM.
pub fn rewrite(text: &str, rules: &Rules, volumes: &Volumes) -> Rewritten {
    let mut out = Rewritten { text: text.to_owned(), warnings: vec![] };
    // From the last to the first, so that the places before stay right.
    for (key, range) in arrays(text).into_iter().rev() {
        let items = strings(&text[range.clone()]);
        let new = if key.ends_with("volume_list") {
            names(&text[range.clone()], &items, &volumes.vgs)
        } else {
            filter(&key, &text[range.clone()], &items, &volumes.physical, &mut out.warnings)
        };
        if let Some(new) = new {
            out.text.replace_range(range, &new);
        }
    }
    out.text = rules.anywhere(&out.text);
    out
}

/// Whether a filter of the file keeps a system from its volume group, or a list names that of the source: the byte where it begins.
pub fn stale(text: &str, volumes: &Volumes) -> Option<usize> {
    arrays(text).into_iter().find_map(|(key, range)| {
        let (array, mut warnings) = (&text[range.clone()], vec![]);
        let items = strings(array);
        let new = if key.ends_with("volume_list") {
            names(array, &items, &volumes.vgs)
        } else {
            filter(&key, array, &items, &volumes.physical, &mut warnings)
        };
        (new.is_some() || !warnings.is_empty()).then_some(range.start)
    })
}

const KEYS: [&str; 5] = ["filter", "global_filter", "volume_list", "auto_activation_volume_list", "read_only_volume_list"];

/// The values of the keys that matter: an array or a string each, with its place. Comments begin with `#`.
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

/// Where a value ends: at the bracket that closes an array, or behind a string. What is in quotes may hold brackets.
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
                all.push((from..i + 1, value[from + 1..i].replace("\\\\", "\\").replace("\\\"", "\"")));
                start = None;
            }
            _ => {}
        }
    }
    all
}

/// A list of volume groups with the copy's names; None where nothing changes.
fn names(value: &str, items: &[(Range<usize>, String)], vgs: &[(String, String)]) -> Option<String> {
    let mut new = value.to_owned();
    for (range, item) in items.iter().rev() {
        let of = |old: &str| item.strip_prefix(old).filter(|rest| rest.is_empty() || rest.starts_with('/')).map(str::to_owned);
        if let Some((rest, vg)) = vgs.iter().find_map(|(old, vg)| Some((of(old)?, vg))) {
            new.replace_range(range.clone(), &format!("\"{vg}{rest}\""));
        }
    }
    (new != value).then_some(new)
}

/// A filter that lets the copy's physical volumes in; None where it does, or where it is not about those of the source.
fn filter(key: &str, value: &str, items: &[(Range<usize>, String)], physical: &[Physical], warnings: &mut Vec<String>) -> Option<String> {
    let patterns: Vec<Pattern> = items.iter().filter_map(|(_, text)| Pattern::of(text)).collect();
    if physical.is_empty() {
        return None;
    }
    if patterns.len() < items.len() {
        warnings.push(format!("{key} has a pattern that is not understood here: see that it accepts the disk of the copy"));
        return None;
    }
    let all = |n: &Names| n.devices.clone();
    let accepted = |p: &&Physical| p.old.iter().any(|n| accepts(&patterns, &all(n)));
    let missing: Vec<&PathBuf> =
        physical.iter().filter(accepted).flat_map(|p| &p.new).filter(|new| !accepts(&patterns, std::slice::from_ref(new))).collect();
    let ours =
        |p: &Pattern| p.accepts && p.name().is_some_and(|n| physical.iter().flat_map(|p| &p.old).any(|o| o.devices.iter().any(|d| d == n)));
    let gone: Vec<bool> = patterns.iter().map(ours).collect();
    if missing.is_empty() && !gone.contains(&true) {
        return None;
    }
    let added = missing.iter().map(|new| format!("\"a|^{}$|\"", new.display()));
    let kept = items.iter().zip(&gone).filter(|(_, gone)| !**gone).map(|((range, _), _)| value[range.clone()].to_owned());
    Some(format!("{}[ {} ]", if value.starts_with(' ') { " " } else { "" }, added.chain(kept).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::ids::Pair;

    fn map() -> IdMap {
        let old = Names { devices: vec!["/dev/vda3".into(), "/dev/disk/by-id/virtio-OLD-part3".into()], ..Names::default() };
        IdMap {
            physical: vec![Physical { vg: "vg0".into(), old: vec![old], new: vec!["/dev/disk/by-partuuid/new-3".into()] }],
            vgs: vec![Pair { what: "vg".into(), old: "vg0".into(), new: "vg0_alt1".into() }],
            ..IdMap::default()
        }
    }

    fn run(text: &str) -> Rewritten {
        let map = map();
        let (rules, volumes) = (Rules::new(&map).unwrap(), Volumes::of(&map));
        let new = rewrite(text, &rules, &volumes);
        assert_eq!(rewrite(&new.text, &rules, &volumes), new, "twice is once");
        assert_eq!(stale(&new.text, &volumes).is_some(), !new.warnings.is_empty(), "{}", new.text);
        assert_eq!(stale(text, &volumes).is_some(), new.text != text || !new.warnings.is_empty(), "{text}");
        new
    }

    const NEW: &str = "\"a|^/dev/disk/by-partuuid/new-3$|\"";

    #[test]
    fn filters_for_the_sources_disk_let_the_copys_in() {
        for (old, new) in [
            ("[ \"a|^/dev/vda3$|\", \"r|.*|\" ]", format!("[ {NEW}, \"r|.*|\" ]")),
            ("[ \"a|^/dev/vda3$|\", \"a|/dev/vdz|\", \"r|.*|\" ]", format!("[ {NEW}, \"a|/dev/vdz|\", \"r|.*|\" ]")),
            ("[\"a/vda/\",\"r/.*/\"]", format!("[ {NEW}, \"a/vda/\", \"r/.*/\" ]")),
            ("[ \"a|^/dev/disk/by-id/virtio-OLD-part3$|\",\n   # all others\n   \"r|.*|\" ]", format!("[ {NEW}, \"r|.*|\" ]")),
            (
                "[ \"r|^/dev/vdb|\", \"a|^/dev/[sv]d[a-c][0-9]$|\", \"r|.*|\" ]",
                format!("[ {NEW}, \"r|^/dev/vdb|\", \"a|^/dev/[sv]d[a-c][0-9]$|\", \"r|.*|\" ]"),
            ),
        ] {
            let text = |filter: &str| format!("devices {{\n\t# filter = [ \"a|.*|\" ]\n\tglobal_filter = {filter}\n\tdir = \"/dev\"\n}}\n");
            assert_eq!(run(&text(old)).text, text(&new));
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
            assert_eq!(run(&text), Rewritten { text, warnings: vec![] });
        }
        let text = "filter = [ \"a|(unclosed|\", \"r|.*|\" ]\n";
        assert_eq!((run(text).text.as_str(), run(text).warnings.len()), (text, 1));
    }

    #[test]
    fn lists_of_volume_groups() {
        let old =
            "activation {\n\tauto_activation_volume_list = [ \"vg0\", \"vg0/root\", \"vg01\", \"@tag\" ]\n#volume_list = [ \"vg0\" ]\n}\n";
        let new = "activation {\n\tauto_activation_volume_list = [ \"vg0_alt1\", \"vg0_alt1/root\", \"vg01\", \"@tag\" ]\n#volume_list = [ \"vg0\" ]\n}\n";
        assert_eq!(run(old).text, new);
    }
}
