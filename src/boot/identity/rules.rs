//! The identity map as rules: what in a text names the source, and what the alternate has instead.
//!
//! Three kinds, from sure to doubtful. Identifiers (UUIDs, serials, links made of them) are unique:
//! replaced wherever they stand, comments too. LVM names are replaced in the [forms that say they
//! are one](super::lvm_names). Device paths and labels are common words: replaced only where a
//! file's grammar says "a device stands here" ([`Rules::spec`], [`Rules::command_line`]).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use regex::{Captures, Match, Regex};

use super::ids::{IdMap, Names, Volume, udev_escape};
use super::lvm_names::LvmNames;
use super::old_names::OldNames;
use super::options;
use super::waits::Waits;

/// Ready to be applied to many texts.
pub struct Rules {
    /// First fields and kernel parameters, normalised, -> index of the volume.
    specs: HashMap<String, usize>,
    volumes: Vec<Volume>,
    tokens: HashMap<String, String>,
    token_pattern: Option<Regex>,
    /// Labels.
    structured: Vec<(Regex, String)>,
    lvm: LvmNames,
    waits: Waits,
    /// GRUB's hints by the UUIDs of the source's volume groups.
    lvm_hints: Option<Regex>,
    /// The plan says what the copy has nothing for.
    knows_others: bool,
    parameters: Regex,
    offsets: Regex,
    flags: Regex,
    /// Words for what the copy has nothing for, normalised.
    others: HashSet<String>,
    /// The nodes of the source's disks.
    disks: HashSet<PathBuf>,
    old_names: OldNames,
}

impl Rules {
    /// # Errors
    /// If a name is too long to be searched for.
    pub fn new(map: &IdMap) -> Result<Self> {
        let mut specs = HashMap::new();
        for (i, v) in map.volumes.iter().enumerate() {
            for s in specs_of(&v.old) {
                specs.entry(s).or_insert(i);
            }
        }
        let tokens = tokens(map);
        let token_pattern = match tokens.is_empty() {
            true => None,
            false => Some(pattern(tokens.keys())?),
        };
        Ok(Self {
            specs,
            volumes: map.volumes.clone(),
            tokens,
            token_pattern,
            structured: labels(map)?,
            lvm: LvmNames::new(map)?,
            waits: Waits::new(map)?,
            lvm_hints: lvm_hints(map)?,
            knows_others: !map.others.is_empty(),
            parameters: Regex::new(
                r#"(^|[\s"'=;,])((?:root|resume|RESUME|usr|mount\.usr|swap|rootdev|rd\.luks\.uuid)=)([^\s"']+)"#,
            )?,
            offsets: Regex::new(r#"(^|[\s"'])resume_offset=\d+ ?"#)?,
            flags: Regex::new(r#"\b(rootflags|mount\.usrflags)=([^\s"']+)"#)?,
            old_names: OldNames::new(map)?,
            others: map.others.iter().flat_map(specs_of).collect(),
            disks: map
                .others
                .iter()
                .filter(|n| n.is_disk)
                .flat_map(|n| n.devices.iter().cloned())
                .collect(),
        })
    }

    /// What stands for the source volume that `word` names (`UUID=...`, `LABEL=...`, a device
    /// path); None if it names none.
    pub fn spec(&self, word: &str) -> Option<&str> {
        self.volume(word).map(|v| v.new_spec.as_str())
    }

    /// The volume that a first field or a kernel parameter names.
    pub fn volume(&self, word: &str) -> Option<&Volume> {
        self.specs.get(&normal(word)).and_then(|i| self.volumes.get(*i))
    }

    /// The volumes of the identity map, in its order.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// The volume that a word names, whether as the source did or as the copy does.
    pub fn volume_now_or_before(&self, word: &str) -> Option<&Volume> {
        let now = || {
            self.volumes.iter().find(|v| v.path() == word || normal(&v.new_spec) == normal(word))
        };
        self.volume(word).or_else(now)
    }

    /// Replaces identifiers and LVM names: right for any text.
    pub fn anywhere(&self, text: &str) -> String {
        let mut out = self.lvm.replaced(text);
        for (re, by) in &self.structured {
            if re.is_match(&out) {
                // Twice: neighbouring matches share the byte between them.
                out = re.replace_all(&out, by.as_str()).into_owned();
                out = re.replace_all(&out, by.as_str()).into_owned();
            }
        }
        let Some(re) = &self.token_pattern else { return out };
        let mut done = String::with_capacity(out.len());
        let mut at = 0;
        for m in re.find_iter(&out).filter(|m| stands_alone(&out, m)) {
            done.push_str(&out[at..m.start()]);
            done.push_str(&self.replacement(m.as_str()));
            at = m.end();
        }
        done.push_str(&out[at..]);
        done
    }

    fn replacement(&self, token: &str) -> String {
        let plain = token.replace("\\x2d", "-").to_lowercase();
        match self.tokens.get(&plain).filter(|n| !n.is_empty()) {
            None => token.to_owned(),
            Some(new) if token.contains("\\x2d") => new.replace('-', "\\x2d"),
            Some(new) => new.clone(),
        }
    }

    /// Replaces kernel parameters that name a device, besides what [`Rules::anywhere`] replaces.
    pub fn command_line(&self, text: &str) -> String {
        let text = match is_comment(text) {
            true => text.to_owned(),
            false => self.waits.without(text, &|word| self.is_other(word)),
        };
        let out = self.parameters.replace_all(&text, |c: &Captures<'_>| match self.spec(&c[3]) {
            Some(spec) => format!("{}{}{spec}", &c[1], &c[2]),
            None => c[0].to_owned(),
        });
        // The offset was that of the source's swap file.
        let out = self.offsets.replace_all(&out, "$1");
        let out = self.flags.replace_all(&out, |c: &Captures<'_>| {
            format!("{}={}", &c[1], self.flags_of(&c[1], &c[2]))
        });
        self.without_hints(&self.anywhere(&out))
    }

    /// What [`Rules::command_line`] takes out of a line, and why.
    pub fn taken_out(&self, line: &str) -> Vec<String> {
        if is_comment(line) {
            return vec![];
        }
        let waits = self.waits.find(line, &|word| self.is_other(word)).into_iter().map(|word| {
            format!("{word} is taken out in the copy, which would wait at each start for a device that it does not have")
        });
        let offsets = self.offsets.find_iter(line).map(|m| {
            format!("{} is taken out in the copy: its swap file lies elsewhere, and hibernation must be set up again", m.as_str().trim_matches([' ', '\t', '"', '\'']))
        });
        let flags = self.flags.captures_iter(line).flat_map(|c| {
            let new = self.flags_of(&c[1], &c[2]);
            let is_kept = |o: &str| {
                new.split(',').any(|n| n == o)
                    || o.starts_with("subvolid=") && new.contains("subvol=")
            };
            let gone = c[2].split(',').filter(|o| !o.is_empty() && !is_kept(o));
            gone.map(|o| {
                format!(
                    "{o} is taken out of {} in the copy, where it would mean something else",
                    &c[1]
                )
            })
            .collect::<Vec<_>>()
        });
        waits.chain(offsets).chain(flags).collect()
    }

    /// Without what would let GRUB look first at the source's volume group. It is a hint: the
    /// search finds the file system without it.
    fn without_hints(&self, text: &str) -> String {
        let mut out = text.to_owned();
        let Some(re) = self.lvm_hints.as_ref().filter(|_| text.contains("lvmid/")) else {
            return out;
        };
        // One match takes the rest of its line to look for the last hint; there may be several.
        while re.is_match(&out) {
            out = re.replace_all(&out, "$1").into_owned();
        }
        out
    }

    /// The mount options of `/` or /usr that stand in a kernel command line.
    fn flags_of(&self, key: &str, options: &str) -> String {
        let what = if key == "rootflags" { "/" } else { "/usr" };
        let known = self
            .volumes
            .iter()
            .find(|v| v.what == what)
            .or_else(|| self.volumes.iter().find(|v| v.what == "/"));
        let known = known.map_or(&[][..], |v| &v.old.subvolumes);
        let new = options::translate(options, &|id| options::path_in(known, id)).text;
        // The kernel itself mounts with these: only its own words. A number that nobody knows goes,
        // and the default subvolume is mounted.
        let words: Vec<&str> = new
            .split(',')
            .filter(|o| options.split(',').any(|old| old == *o) || o.starts_with("subvol="))
            .collect();
        words.join(",")
    }

    /// Where identifiers of the source stand in a text: byte offset and the identifier.
    pub fn identifiers<'t>(&self, text: &'t str) -> Vec<(usize, &'t str)> {
        let Some(re) = &self.token_pattern else { return vec![] };
        re.find_iter(text)
            .filter(|m| stands_alone(text, m))
            .map(|m| (m.start(), m.as_str()))
            .collect()
    }

    /// Where LVM names, or labels in their forms, stand.
    pub fn names<'t>(&self, text: &'t str) -> Vec<(usize, &'t str)> {
        let mut found = self.lvm.stale(text);
        found.extend(
            self.structured
                .iter()
                .flat_map(|(re, _)| re.find_iter(text).map(|m| (m.start(), m.as_str()))),
        );
        found.sort_unstable();
        found
    }

    /// Kernel parameters that name a device of the source.
    pub fn parameters<'t>(&self, text: &'t str) -> Vec<(usize, &'t str)> {
        let named =
            self.parameters.captures_iter(text).filter_map(|c| Some((c.get(2)?, c.get(3)?)));
        named
            .filter(|(_, v)| self.stale(v.as_str()))
            .map(|(k, v)| (k.start(), &text[k.start()..v.end()]))
            .collect()
    }

    /// Whether a word names a source volume (and is not also how the alternate names one).
    pub fn stale(&self, word: &str) -> bool {
        self.volume(word).is_some() && !self.is_new(word)
    }

    /// Whether a word names a disk of the source, or a partition or logical volume there that the
    /// copy has nothing for.
    pub fn is_other(&self, word: &str) -> bool {
        self.others.contains(&normal(word)) || self.lvm.is_left(word)
    }

    /// Whether [`Rules::is_other`] knows all of them: a plan of version 0.1.0 says nothing about
    /// them.
    pub fn knows_others(&self) -> bool {
        self.knows_others
    }

    /// Whether a word is the node of a disk of the source.
    pub fn is_disk(&self, word: &str) -> bool {
        self.disks.contains(Path::new(word))
    }

    /// Words of a line that name the source's disks in whatever way.
    pub fn old_names<'t>(&self, line: &'t str) -> Vec<&'t str> {
        let mut found = self.old_names.find(line, &|word| self.stale(word) || self.is_other(word));
        let left = self.lvm.left(line);
        found.extend(
            left.into_iter()
                .filter(|word| !found.iter().any(|f| word.ends_with(f)))
                .collect::<Vec<_>>(),
        );
        found
    }

    /// Whether a text could hold any such word; asked once for a whole file.
    pub fn may_have_old_names(&self, text: &str) -> bool {
        self.old_names.matches(text) || !self.lvm.left(text).is_empty()
    }

    /// Whether the word is how the alternate's files name one of its volumes.
    pub fn is_new(&self, word: &str) -> bool {
        let word = normal(word);
        self.volumes.iter().any(|v| normal(&v.new_spec) == word)
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Every way to write the old names as one word, normalised.
pub fn specs_of(n: &Names) -> Vec<String> {
    let mut all = vec![];
    let mut add = |key: &str, link: &str, value: &Option<String>| {
        if let Some(v) = value.as_deref().filter(|v| !v.is_empty()) {
            all.push(normal(&format!("{key}={v}")));
            all.push(normal(&format!("/dev/disk/{link}/{}", udev_escape(v))));
        }
    };
    add("UUID", "by-uuid", &n.uuid);
    add("LABEL", "by-label", &n.label);
    add("PARTUUID", "by-partuuid", &n.partuuid);
    add("PARTLABEL", "by-partlabel", &n.partlabel);
    all.extend(n.devices.iter().map(|d| normal(&d.to_string_lossy())));
    // fstab(5): a link made by udev.
    let ids = n.devices.iter().filter_map(|d| d.strip_prefix("/dev/disk/by-id").ok());
    all.extend(ids.map(|id| normal(&format!("ID={}", id.display()))));
    all
}

/// A word without its quotes and octal escapes; UUIDs in lower case.
fn normal(word: &str) -> String {
    let plain = crate::host::mounts::unescape(word.as_bytes()).to_string_lossy().into_owned();
    let (key, value) = plain.split_once('=').unwrap_or(("", plain.as_str()));
    let value = value.trim_matches(|c| c == '"' || c == '\'');
    match key {
        "" if value.starts_with("/dev/disk/by-uuid/")
            || value.starts_with("/dev/disk/by-partuuid/") =>
        {
            value.to_lowercase()
        }
        "" => value.to_owned(),
        "UUID" | "PARTUUID" => format!("{key}={}", value.to_lowercase()),
        _ => format!("{key}={value}"),
    }
}

/// Identifiers, lower case, with what takes their place (empty: nothing, so they can only be
/// reported).
fn tokens(map: &IdMap) -> HashMap<String, String> {
    let mut all = HashMap::new();
    let mut add = |old: &str, new: &str| {
        if old.len() >= 8 && old != new {
            all.entry(old.to_lowercase()).or_insert_with(|| new.to_owned());
        }
    };
    for v in &map.volumes {
        for (old, new) in [(&v.old.uuid, &v.new.uuid), (&v.old.partuuid, &v.new.partuuid)] {
            if let Some(old) = old {
                add(old, new.as_deref().unwrap_or_default());
            }
        }
        for link in v
            .old
            .devices
            .iter()
            .filter(|d| d.starts_with("/dev/disk/by-id") || d.starts_with("/dev/disk/by-path"))
        {
            add(&link.to_string_lossy(), &v.path());
        }
    }
    for p in map.disks.iter().chain(&map.disk_links).chain(&map.lvm) {
        add(&p.old, &p.new);
    }
    all
}

/// One pattern for all identifiers, longest first; systemd writes dashes as `\x2d`.
fn pattern<'a>(tokens: impl Iterator<Item = &'a String>) -> Result<Regex> {
    let mut all: Vec<&String> = tokens.collect();
    all.sort_by_key(|t| std::cmp::Reverse((t.len(), t.as_str())));
    let words: Vec<String> = all
        .iter()
        .map(|t| regex::escape(t).replace("\\-", "-").replace('-', r"(?:-|\\x2d)"))
        .collect();
    let text = format!("(?i){}", words.join("|"));
    regex::RegexBuilder::new(&text)
        .size_limit(64 << 20)
        .build()
        .context("the identifiers make too long a pattern")
}

/// Whether a match is a word of its own. A full UUID may follow or lead a dash
/// (`dev-disk-by\x2duuid-...`, `luks-...`); a short identifier (FAT serial, MBR id) must not be
/// part of a dashed word, nor a link the beginning of a longer one (`...-part1`).
fn stands_alone(text: &str, m: &Match<'_>) -> bool {
    let before = text[..m.start()].chars().next_back();
    let after = text[m.end()..].chars().next();
    let in_word =
        |c: Option<char>, also: &str| c.is_some_and(|c| c.is_alphanumeric() || also.contains(c));
    let token = m.as_str();
    if token.starts_with('/') {
        !in_word(after, "_-.:+")
    } else if token.len() >= 32 {
        !in_word(before, "") && !in_word(after, "")
    } else {
        !in_word(before, "_-") && !in_word(after, "_-")
    }
}

/// Hints of `search` by the UUID of a volume group, in every way that grub-mkconfig and
/// grub-install write them (GRUB manual, "search").
fn lvm_hints(map: &IdMap) -> Result<Option<Regex>> {
    let uuids: Vec<String> =
        map.lvm.iter().filter(|p| !p.old.is_empty()).map(|p| regex::escape(&p.old)).collect();
    let any = uuids.join("|");
    let text = format!(
        r#"(?m)(^[^\n#]*\bsearch\b[^\n]*?)[ \t]+(?:--hint(?:-[a-z0-9]+)?[= ])?["']?lvmid/(?:{any})/[\w-]+["']?"#
    );
    if uuids.is_empty() { Ok(None) } else { Ok(Some(Regex::new(&text)?)) }
}

/// Labels in the forms that say what they are.
fn labels(map: &IdMap) -> Result<Vec<(Regex, String)>> {
    let mut all = vec![];
    let mut add = |pattern: String, by: String| -> Result<()> {
        all.push((Regex::new(&pattern)?, by));
        Ok(())
    };
    for v in &map.volumes {
        for (key, link, old, new) in [
            ("LABEL", "by-label", &v.old.label, &v.new.label),
            ("PARTLABEL", "by-partlabel", &v.old.partlabel, &v.new.partlabel),
        ] {
            let Some(old) = old.as_deref().filter(|o| !o.is_empty() && Some(*o) != new.as_deref())
            else {
                continue;
            };
            // With a new label only the word changes, its quotes stay.
            let spec = match new {
                Some(n) => format!("{key}=${{2}}{}${{3}}", n.replace('$', "$$")),
                None => v.new_spec.replace('$', "$$"),
            };
            let path = new
                .as_ref()
                .map_or_else(|| v.path(), |n| format!("/dev/disk/{link}/{}", udev_escape(n)))
                .replace('$', "$$");
            let end = r#"([\s"',;)]|$)"#;
            let quoted = regex::escape(old);
            add(
                format!(r#"(^|[\s"'=]){key}=("?){quoted}("?){end}"#),
                format!("${{1}}{spec}${{4}}"),
            )?;
            add(
                format!("/dev/disk/{link}/{}{end}", regex::escape(&udev_escape(old))),
                format!("{path}${{1}}"),
            )?;
            if let (Some(new), "LABEL") = (new, key) {
                let quoted = regex::escape(old);
                add(
                    // GRUB manual, "search".
                    format!(
                        r#"((?:\bsearch(?:\.fs_label|_label)\s|\bsearch\s[^\n]*\s(?:--label|-[a-z]*l[a-z]*)\s|\bsearch\s+(?:--label|-[a-z]*l[a-z]*)\s)[^\n]*?["']?){quoted}(["']?(?:\s|$))"#
                    ),
                    format!("${{1}}{}${{2}}", new.replace('$', "$$")),
                )?;
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
