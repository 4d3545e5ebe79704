//! fstab: read with everything that stands in it, and rewritten with nothing touched but what must
//! be.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::options;
use super::rules::Rules;
use super::unit;
use crate::disk::fs::{self, FsType};
use crate::error;
use crate::host::mounts::{escape, unescape};

/// A line that mounts something; fields unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub line: usize,
    pub spec: String,
    pub mount_point: PathBuf,
    pub fstype: String,
    pub options: String,
}

/// A line that the alternate must have, whether the source had it or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub spec: String,
    /// `none` for swap.
    pub mount_point: PathBuf,
    pub fstype: String,
    pub options: String,
    /// Sixth field: the order of checks at boot.
    pub pass: u8,
}

/// What the plan wants in the alternate's fstab beyond what the source's says: `/`, the ESP, swap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FstabExtras {
    pub lines: Vec<Wanted>,
    /// A line for a mount point of `lines` that names something else is made to name the
    /// alternate's: an image's fstab may name disks by what nobody knows.
    pub claim: bool,
    /// Other lines that name disks get `nofail`: the image is another machine's, and a boot must
    /// not wait for its disks.
    pub strangers_may_fail: bool,
}

/// A changed or added line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineChange {
    /// In the new text, counted from 1.
    pub line: usize,
    /// None: added.
    pub old: Option<String>,
    pub new: String,
}

/// An fstab for the copy, and how it differs from the source's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub text: String,
    pub changes: Vec<LineChange>,
    pub warnings: Vec<String>,
}

/// The lines that mount something.
///
/// # Errors
/// ALT-501 with `name:line` for a line that has fewer than three fields.
pub fn parse(text: &str, name: &str) -> Result<Vec<Entry>> {
    let mut all = vec![];
    for (i, line) in text.lines().enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let plain = |f: &str| -> OsString { unescape(f.as_bytes()) };
        match fields.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            [spec, at, fstype, rest @ ..] => all.push(Entry {
                line: i + 1,
                spec: plain(spec).to_string_lossy().into_owned(),
                mount_point: PathBuf::from(plain(at)),
                fstype: (*fstype).to_owned(),
                options: rest
                    .first()
                    .filter(|o| !o.starts_with('#'))
                    .map_or("defaults", |o| o)
                    .to_owned(),
            }),
            _ => {
                return Err(error::FSTAB_LINE
                    .with_cause(format!("{name}:{}: fewer than three fields: {line}", i + 1)));
            }
        }
    }
    Ok(all)
}

/// The alternate's fstab. Only fields that name a source volume change; comments, spacing and every
/// other line stay byte for byte.
///
/// # Errors
/// As [`parse`].
pub fn rewrite(text: &str, rules: &Rules, extras: &FstabExtras) -> Result<Rewritten> {
    parse(text, "/etc/fstab")?;
    let mut out = Rewritten::default();
    let mut number = 0;
    for line in text.split_inclusive('\n') {
        number += 1;
        let mut new = rewrite_line(line, rules, extras, number, &mut out.warnings);
        if extras.claim || extras.strangers_may_fail {
            new = of_image(&new, extras, number, &mut out.warnings);
        }
        if new != line {
            let shown = |l: &str| l.trim_end_matches('\n').to_owned();
            out.changes.push(LineChange { line: number, old: Some(shown(line)), new: shown(&new) });
        }
        out.text.push_str(&new);
    }
    let have = parse(&out.text, "/etc/fstab")?;
    for e in &have {
        let same = |o: &Entry| {
            o.line < e.line
                && o.mount_point == e.mount_point
                && !FsType::Swap.is_named(&e.fstype)
                && e.mount_point != Path::new("none")
        };
        if let Some(first) = have.iter().find(|o| same(o)) {
            out.warnings.push(format!(
                "/etc/fstab:{}: {} is mounted by line {} too",
                e.line,
                e.mount_point.display(),
                first.line
            ));
        }
    }
    for w in extras.lines.iter().filter(|w| !has_entry(&have, w)) {
        if !out.text.is_empty() && !out.text.ends_with('\n') {
            out.text.push('\n');
        }
        number = out.text.lines().count() + 1;
        let new = format!(
            "{}\t{}\t{}\t{}\t0\t{}",
            escape(Path::new(&w.spec)),
            escape(&w.mount_point),
            w.fstype,
            w.options,
            w.pass
        );
        out.text.push_str(&format!("{new}\n"));
        out.changes.push(LineChange { line: number, old: None, new });
    }
    Ok(out)
}

fn has_entry(have: &[Entry], w: &Wanted) -> bool {
    have.iter().any(|e| {
        if FsType::Swap.is_named(&w.fstype) {
            FsType::Swap.is_named(&e.fstype) && e.spec == w.spec
        } else {
            e.mount_point == w.mount_point
        }
    })
}

fn rewrite_line(
    line: &str,
    rules: &Rules,
    extras: &FstabExtras,
    number: usize,
    warnings: &mut Vec<String>,
) -> String {
    if line.trim_start().starts_with('#') {
        return rules.anywhere(line);
    }
    let mut fields = spans(line);
    fields.truncate(4);
    let mut out = line.to_owned();
    // From the last field to the first, so that the places before stay right.
    for (i, (start, end)) in fields.iter().enumerate().rev() {
        let old = &line[*start..*end];
        let new = match i {
            0 => {
                rules.spec(old).map_or_else(|| rules.anywhere(old), |spec| escape(Path::new(spec)))
            }
            3 => {
                let own = options_of_copy(line, &fields, rules, extras);
                let done = own.unwrap_or_else(|| options::Translated {
                    text: old.to_owned(),
                    warnings: vec![],
                });
                warnings.extend(done.warnings.iter().map(|w| format!("/etc/fstab:{number}: {w}")));
                done.text.split(',').map(|o| option(o, rules)).collect::<Vec<_>>().join(",")
            }
            _ => continue,
        };
        out.replace_range(start..end, &new);
    }
    out
}

/// A line of an image's fstab.
fn of_image(line: &str, extras: &FstabExtras, number: usize, warnings: &mut Vec<String>) -> String {
    let Ok([entry]) = <[Entry; 1]>::try_from(parse(line, "").unwrap_or_default()) else {
        return line.to_owned();
    };
    let fields = spans(line);
    let put = |i: usize, value: &str, line: &mut String| {
        if let Some((start, end)) = fields.get(i) {
            line.replace_range(start..end, value);
        }
    };
    let mut new = line.to_owned();
    let swap = FsType::Swap.is_named(&entry.fstype);
    if let Some(w) = extras
        .lines
        .iter()
        .find(|w| if swap { w.spec == entry.spec } else { w.mount_point == entry.mount_point })
    {
        if extras.claim && !swap && w.spec != entry.spec {
            // From the last field to the first. What belongs to another type or another subvolume
            // goes with it.
            if w.fstype != entry.fstype || fs::has_subvolumes(&w.fstype) {
                put(3, &w.options, &mut new);
                put(2, &w.fstype, &mut new);
            } else if fields.len() > 3 {
                put(3, &options::portable(&entry.options), &mut new);
            }
            put(0, &escape(Path::new(&w.spec)), &mut new);
        }
        return new;
    }
    let names_a_disk = ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "ID=", "/dev/"]
        .iter()
        .any(|p| entry.spec.starts_with(p));
    let optional = entry.options.split(',').any(|o| o == "nofail" || o == "noauto");
    if extras.strangers_may_fail && names_a_disk && !optional {
        let what = if swap { "swap" } else { &*entry.mount_point.to_string_lossy() };
        warnings.push(format!(
            "/etc/fstab:{number}: {what} is on {}, a disk of the image's machine: nofail is added",
            entry.spec
        ));
        match fields.get(3) {
            Some((_, end)) => new.insert_str(*end, ",nofail"),
            None => new.insert_str(fields.get(2).map_or(new.len(), |f| f.1), "\tdefaults,nofail"),
        }
    }
    new
}

/// The options of a line that names a volume of the source; None for another line, whose options
/// concern nobody else. A plan of an older version knows no numbers, but which subvolume is mounted
/// where.
fn options_of_copy(
    line: &str,
    fields: &[(usize, usize)],
    rules: &Rules,
    extras: &FstabExtras,
) -> Option<options::Translated> {
    let field = |i: usize| fields.get(i).map(|(start, end)| &line[*start..*end]);
    let volume = rules.volume(field(0)?)?;
    let at = PathBuf::from(unescape(field(1)?.as_bytes()));
    let here = || {
        let wanted = extras.lines.iter().find(|w| w.mount_point == at)?;
        wanted.options.split(',').find_map(|o| o.strip_prefix("subvol=")).map(str::to_owned)
    };
    let known = &volume.old.subvolumes;
    let path = |id| if known.is_empty() { here() } else { options::path_in(known, id) };
    Some(options::translate(field(3)?, &path))
}

/// Some x-systemd options name devices, whatever the line is about.
fn option(text: &str, rules: &Rules) -> String {
    match text.split_once('=') {
        Some((key, value)) if key.starts_with("x-systemd.") => match rules.volume(value) {
            Some(v) if v.new_spec.starts_with('/') || !value.starts_with('/') => {
                format!("{key}={}", v.new_spec)
            }
            Some(v) => format!("{key}={}", v.path()),
            None => match unit::renamed(value, rules) {
                Some(name) => format!("{key}={name}"),
                None => rules.anywhere(text),
            },
        },
        _ => rules.anywhere(text),
    }
}

/// Where the fields are: start and end byte of each run of non-blanks.
fn spans(line: &str) -> Vec<(usize, usize)> {
    let mut all = vec![];
    let mut start = None;
    for (i, c) in line.char_indices() {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some(i),
            (true, Some(s)) => {
                all.push((s, i));
                start = None;
            }
            _ => {}
        }
    }
    all.extend(start.map(|s| (s, line.len())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

    fn run(text: &str, extras: &FstabExtras) -> Rewritten {
        rewrite(text, &Rules::new(&map()).unwrap(), extras).unwrap()
    }

    #[test]
    fn only_what_names_the_source_changes() {
        let text = format!(
            "# / was on {OLD_ROOT} during installation\n\nUUID={OLD_ROOT}   /  ext4\terrors=remount-ro 0 1 # root\n\
             LABEL=my\\040root /mnt/again btrfs subvolid=257,subvol=/@ 0 0\n/dev/vda5 none swap sw 0 0\n\
             server:/x /net nfs defaults 0 0\n/dev/vdc1  /data   xfs  defaults,x-systemd.requires=/dev/vda2 0 2\n\
             /dev/vdc2  /more   xfs  x-systemd.after=dev-vda2.device 0 2\n\
             tmpfs /tmp tmpfs size=1g\n/dev/my-vg/home /home ext4 subvolid=5\n"
        );
        let new = run(&text, &FstabExtras::default());
        let device = unit::escape(&format!("/dev/disk/by-uuid/{NEW_ROOT}")) + ".device";
        let want = format!(
            "# / was on {NEW_ROOT} during installation\n\nUUID={NEW_ROOT}   /  ext4\terrors=remount-ro 0 1 # root\n\
             UUID={NEW_ROOT} /mnt/again btrfs subvol=/@ 0 0\nUUID=55555555-bbbb-4bbb-8bbb-555555555555 none swap sw 0 0\n\
             server:/x /net nfs defaults 0 0\n/dev/vdc1  /data   xfs  defaults,x-systemd.requires=/dev/disk/by-uuid/{NEW_ROOT} 0 2\n\
             /dev/vdc2  /more   xfs  x-systemd.after={device} 0 2\n\
             tmpfs /tmp tmpfs size=1g\n/dev/mapper/alt--vg-home /home ext4 subvol=/\n"
        );
        assert_eq!(new.text, want);
        assert_eq!(new.changes.iter().map(|c| c.line).collect::<Vec<_>>(), [1, 3, 4, 5, 7, 8, 10]);
        assert_eq!(run(&new.text, &FstabExtras::default()).changes, []);
    }

    /// In the copy's group there would be nothing of these names, and a boot would end in emergency
    /// mode.
    #[test]
    fn logical_volumes_that_are_left_out_stay_in_their_group() {
        let mut map = map();
        let devices = vec!["/dev/my-vg/big-data".into(), "/dev/mapper/my--vg-big--data".into()];
        map.others.push(crate::boot::identity::ids::Names {
            devices,
            ..crate::boot::identity::ids::Names::default()
        });
        let text = "/dev/mapper/my--vg-big--data /data xfs defaults 0 0\n# /dev/my-vg/big-data\n/dev/my-vg/big-data /x xfs noauto 0 0\n\
            UUID=x /y xfs x-systemd.requires=/dev/my-vg/big-data 0 0\n/dev/mapper/my--vg-home /home ext4 x-systemd.after=/dev/my-vg/big-data\n";
        let new = rewrite(text, &Rules::new(&map).unwrap(), &FstabExtras::default()).unwrap();
        assert_eq!(new.text, text.replace("my--vg-home", "alt--vg-home"));
    }

    #[test]
    fn wanted_lines_are_added_once() {
        let wanted = |spec: &str, at: &str, fstype: &str, pass| Wanted {
            spec: spec.into(),
            mount_point: at.into(),
            fstype: fstype.into(),
            options: "defaults".into(),
            pass,
        };
        let extras = FstabExtras {
            lines: vec![
                wanted("UUID=n", "/", "ext4", 1),
                wanted("UUID=77AA-88BB", "/boot/efi", "vfat", 2),
                wanted("UUID=s", "none", "swap", 0),
            ],
            ..FstabExtras::default()
        };
        let new = run("tmpfs /tmp tmpfs x", &extras);
        assert_eq!(
            new.text,
            "tmpfs /tmp tmpfs x\nUUID=n\t/\text4\tdefaults\t0\t1\nUUID=77AA-88BB\t/boot/efi\tvfat\tdefaults\t0\t2\nUUID=s\tnone\tswap\tdefaults\t0\t0\n"
        );
        assert_eq!(run(&new.text, &extras).text, new.text);
        assert_eq!(run("", &extras).changes.len(), 3);
    }

    #[test]
    fn a_short_line_is_named() {
        let err = parse("# x\n\n/dev/vda1 /mnt\n", "/etc/fstab").unwrap_err();
        assert!(err.to_string().contains("/etc/fstab:3"), "{err}");
        assert_eq!(
            parse("/dev/vda1 /a\\040b ext4\n", "x").unwrap()[0].mount_point,
            Path::new("/a b")
        );
        let twice = run("tmpfs /t tmpfs x\ntmpfs /t tmpfs x\n", &FstabExtras::default());
        assert_eq!(twice.warnings, ["/etc/fstab:2: /t is mounted by line 1 too"]);
    }

    #[test]
    fn an_images_lines_are_made_ours() {
        let wanted = |spec: &str, at: &str, fstype: &str| Wanted {
            spec: spec.into(),
            mount_point: at.into(),
            fstype: fstype.into(),
            options: "noatime".into(),
            pass: 1,
        };
        let lines = vec![
            wanted("UUID=a", "/", "ext4"),
            wanted("UUID=b", "/var", "xfs"),
            wanted("UUID=s", "none", "swap"),
        ];
        let extras = FstabExtras { lines, claim: true, strangers_may_fail: true };
        let text = "LABEL=theirs / ext4 errors=remount-ro 0 1\nUUID=c\t/var btrfs subvol=@var 0 2\n/dev/sdz1 /data ext4\n\
            UUID=d none swap sw 0 0\nUUID=e /mnt ext4 noauto 0 0\ntmpfs /tmp tmpfs size=1g 0 0\nsrv:/x /net nfs defaults 0 0\n";
        let new = run(text, &extras);
        let want = "UUID=a / ext4 errors=remount-ro 0 1\nUUID=b\t/var xfs noatime 0 2\n/dev/sdz1 /data ext4\tdefaults,nofail\n\
            UUID=d none swap sw,nofail 0 0\nUUID=e /mnt ext4 noauto 0 0\ntmpfs /tmp tmpfs size=1g 0 0\nsrv:/x /net nfs defaults 0 0\n\
            UUID=s\tnone\tswap\tnoatime\t0\t1\n";
        assert_eq!(new.text, want);
        assert_eq!(new.warnings.len(), 2, "{:?}", new.warnings);
        assert_eq!(run(&new.text, &extras).text, new.text, "twice is once");
    }
}
