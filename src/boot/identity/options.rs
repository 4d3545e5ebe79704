//! Mount options that select by number or name a device: what becomes of each in a copy.
//!
//! A copy has one device, its journal inside, and numbers of its own. So an option here is
//! translated (`subvolid=` to the subvolume's path, which the copy keeps), or left out and said.
//! Every other option stays as it is.

use super::ids::SubvolumeId;

/// What becomes of an option.
enum Fate {
    /// A subvolume's number: its path takes its place.
    Number,
    /// LeftReference out, for this reason.
    LeftOut(&'static str),
}

/// mount(8), ext4(5), xfs(5), btrfs(5). A name that ends with `=` takes a value.
const TABLE: [(&str, Fate); 15] = [
    ("subvolid=", Fate::Number),
    ("subvolrootid=", Fate::LeftOut("another file system has other numbers for its subvolumes")),
    ("device=", Fate::LeftOut("the copy lies on one device")),
    ("journal_dev=", Fate::LeftOut("the copy has its journal inside")),
    ("journal_path=", Fate::LeftOut("the copy has its journal inside")),
    ("logdev=", Fate::LeftOut("the copy has its log inside")),
    ("rtdev=", Fate::LeftOut("the copy has no realtime device: its files are in its data section")),
    ("sb=", Fate::LeftOut("it names a block of the original's")),
    ("sunit=", Fate::LeftOut("it describes the original's disks")),
    ("swidth=", Fate::LeftOut("it describes the original's disks")),
    ("stripe=", Fate::LeftOut("it describes the original's disks")),
    ("loop", Fate::LeftOut("the copy is on a disk of its own")),
    ("loop=", Fate::LeftOut("the copy is on a disk of its own")),
    ("offset=", Fate::LeftOut("the copy begins where its partition begins")),
    ("sizelimit=", Fate::LeftOut("the copy ends where its partition ends")),
];

/// The top level has this number in every btrfs; 0 means it too.
const TOP_LEVEL: [u64; 2] = [0, 5];

/// Options for a copy, and what is to be said about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    pub text: String,
    pub warnings: Vec<String>,
}

fn fate(option: &str) -> Option<&'static Fate> {
    let is =
        |name: &str| if name.ends_with('=') { option.starts_with(name) } else { option == name };
    TABLE.iter().find(|(name, _)| is(name)).map(|(_, fate)| fate)
}

/// The options of a file system of the original as its copy takes them; `path` is the path of a
/// subvolume by its number.
///
/// A number that nobody knows makes the line `noauto`: without it the default subvolume would be
/// mounted in place of the one that is meant.
pub fn translate(options: &str, path: &dyn Fn(u64) -> Option<String>) -> Translated {
    let mut out = Translated::default();
    let has_path = options.split(',').any(|o| o.starts_with("subvol="));
    let mut kept: Vec<String> = vec![];
    for option in options.split(',').filter(|o| !o.is_empty()) {
        match fate(option) {
            None => kept.push(option.to_owned()),
            Some(Fate::LeftOut(why)) => out.warnings.push(format!("{option} is left out: {why}")),
            Some(Fate::Number) if has_path => {}
            Some(Fate::Number) => {
                let number = option.split_once('=').and_then(|(_, n)| n.parse::<u64>().ok());
                match number.and_then(|n| {
                    if TOP_LEVEL.contains(&n) { Some(String::new()) } else { path(n) }
                }) {
                    // As mountinfo shows them.
                    Some(path) => kept.push(format!("subvol=/{path}")),
                    None => {
                        out.warnings.push(format!("{option} names a subvolume that the copy does not have: noauto takes its place"));
                        kept.push("noauto".to_owned());
                    }
                }
            }
        }
    }
    out.text = if kept.is_empty() { "defaults".to_owned() } else { kept.join(",") };
    out
}

/// The path that a list has for a number.
pub fn path_in(list: &[SubvolumeId], id: u64) -> Option<String> {
    list.iter().find(|s| s.id == id).map(|s| s.path.clone())
}

/// Options as an image.data keeps them: without what selects or names anything, the subvolume
/// included, which has a field of its own.
pub fn portable(options: &str) -> String {
    let kept: Vec<&str> =
        options.split(',').filter(|o| fate(o).is_none() && !o.starts_with("subvol=")).collect();
    if kept.is_empty() { "defaults".to_owned() } else { kept.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_of_the_table() {
        let path = |n: u64| (n == 257).then(|| "@home".to_owned());
        for (old, new, warnings) in [
            ("defaults", "defaults", 0),
            ("", "defaults", 0),
            ("subvolid=257,noatime", "subvol=/@home,noatime", 0),
            ("noatime,subvolid=257,subvol=/@home", "noatime,subvol=/@home", 0),
            ("subvolid=5", "subvol=/", 0),
            ("subvolid=0,ro", "subvol=/,ro", 0),
            ("subvolid=300,ro", "noauto,ro", 1),
            ("subvolid=x", "noauto", 1),
            ("subvolrootid=5,ro", "ro", 1),
            ("device=/dev/sda3,device=/dev/sdb3,compress=zstd", "compress=zstd", 2),
            ("journal_dev=0x0811", "defaults", 1),
            ("journal_path=/dev/sdb1,errors=remount-ro", "errors=remount-ro", 1),
            ("logdev=/dev/sdb1,rtdev=/dev/sdc1,noatime", "noatime", 2),
            ("sb=131072,ro", "ro", 1),
            ("sunit=128,swidth=512,nouuid", "nouuid", 2),
            ("loop,offset=1048576,sizelimit=4096,ro", "ro", 3),
            ("loop=/dev/loop3,ro", "ro", 1),
            // Words that begin alike.
            (
                "device_timeout=3,sbx,loopy,usrjquota=aquota.user",
                "device_timeout=3,sbx,loopy,usrjquota=aquota.user",
                0,
            ),
        ] {
            let done = translate(old, &path);
            assert_eq!(
                (done.text.as_str(), done.warnings.len()),
                (new, warnings),
                "{old}: {:?}",
                done.warnings
            );
            assert_eq!(
                translate(&done.text, &path),
                Translated { text: new.into(), warnings: vec![] },
                "{old}: twice is once"
            );
        }
    }

    #[test]
    fn what_an_image_data_keeps() {
        assert_eq!(
            portable("subvol=@home,subvolid=257,compress=zstd,x-systemd.automount"),
            "compress=zstd,x-systemd.automount"
        );
        assert_eq!(portable("logdev=/dev/sdb1"), "defaults");
        assert_eq!(portable("defaults"), "defaults");
    }
}
