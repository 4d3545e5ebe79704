//! The marked block in `custom.cfg`: how one disk's GRUB hands over to another disk's GRUB.
//!
//! `41_custom` of every distribution sources this file from the running GRUB's directory, so the
//! block needs no run of grub-mkconfig and survives one. It hands over by loading the other disk's
//! first sector: that disk then starts its own GRUB core, modules and menu, whatever versions they
//! have. No writable grubenv is needed.
//!
//! The disk is found by a file system on one of its partitions (its ESP, whose FAT serial is unique
//! to it; a boot file system on LVM would not say which disk it is on). If it is not there, the
//! default stays what it was, and the machine starts its own system: a pulled disk never leaves it
//! in a menu. A one-time choice (`grub-reboot`) goes first.
//!
//! Pure: bytes in, bytes out. The block alone says how to take it out again byte for byte.

/// First words of the line that begins the block.
const BEGIN: &str = "### BEGIN altdisk bootlist";
/// The line that ends it.
const END: &str = "### END altdisk bootlist ###";
/// The lines around the part of the block that holds for one start.
const ONCE: &str = "# Once\n";
const ONCE_END: &str = "# End of once\n";
/// Says in the first line that the text before the block had no newline at its end, and was given
/// one.
const JOINED: &str = "(newline added before)";
/// Says that there was no file.
const ALONE: &str = "(file made by altdisk)";

/// A disk to hand over to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Unique and stable, of letters, digits and dashes: the menu entry is `altdisk-<id>`.
    pub id: String,
    /// What the menu shows.
    pub title: String,
    /// UUID (FAT serial) of a file system on a partition of that disk.
    pub fs_uuid: String,
}

/// The block for these disks, the one to boot first: each gets a menu entry, and the first that is
/// there becomes the default. The text depends on nothing else.
pub fn block(chains: &[Chain]) -> String {
    let mut s = String::from(
        "# Written by altdisk; `altdisk bootlist` changes it. Other lines of this file are yours.\n",
    );
    s.push_str("insmod part_gpt\ninsmod part_msdos\ninsmod fat\ninsmod ext2\ninsmod search\ninsmod search_fs_uuid\n");
    for c in chains {
        s.push_str(&entry(c));
    }
    s.push_str("if [ -z \"${boot_once}\" ]; then\n");
    // The last that sets it wins, so the first of the list comes last.
    for c in chains.iter().rev() {
        let id = word(&c.id);
        s.push_str(&format!(
            "\tset altdisk_part=\n\tif search --no-floppy --fs-uuid --set=altdisk_part {}; then\n\t\tset default=altdisk-{id}\n\tfi\n",
            word(&c.fs_uuid)
        ));
    }
    s.push_str("fi\n");
    s
}

/// The menu entry for a disk.
pub fn entry(c: &Chain) -> String {
    // `--unrestricted`: a menu with a password boots its default without asking, and this may be
    // the default.
    format!(
        "menuentry '{title}' --class altdisk --unrestricted --id altdisk-{id} {{\n\
         \tinsmod regexp\n\tinsmod chain\n\tset altdisk_part=\n\tset altdisk_disk=\n\
         \tsearch --no-floppy --fs-uuid --set=altdisk_part {uuid}\n\
         \tregexp --set=1:altdisk_disk '^([^,]+),' \"${{altdisk_part}}\"\n\
         \tif [ -n \"${{altdisk_disk}}\" ]; then\n\t\tset root=\"${{altdisk_disk}}\"\n\t\tchainloader +1\n\
         \telse\n\t\techo 'altdisk: the disk that holds {uuid} is not there'\n\t\tsleep 5\n\tfi\n}}\n",
        title = title(&c.title),
        id = word(&c.id),
        uuid = word(&c.fs_uuid),
    )
}

/// The file's content with this part, which holds for one start, in place of the one that its block
/// has. None takes it away. It comes first: what it chooses sets `boot_once`, and the lasting list
/// then keeps out.
pub fn set_once(text: Option<&[u8]>, once: Option<&str>) -> Option<Vec<u8>> {
    let body = text.and_then(find_block).unwrap_or_default();
    let (_, lasting) = parts(&body);
    let body = match once {
        Some(once) => format!("{ONCE}{once}{ONCE_END}{lasting}"),
        None => lasting.to_owned(),
    };
    if body.is_empty() { text.and_then(remove_block) } else { Some(insert_block(text, &body)) }
}

/// The part of the body that holds for one start.
pub fn once(body: &str) -> Option<&str> {
    parts(body).0
}

fn parts(body: &str) -> (Option<&str>, &str) {
    let inner = body.strip_prefix(ONCE).and_then(|rest| rest.split_once(ONCE_END));
    inner.map_or((None, body), |(once, lasting)| (Some(once), lasting))
}

/// Only what needs no quotes in GRUB's language.
fn word(s: &str) -> String {
    s.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

fn title(s: &str) -> String {
    s.chars().filter(|c| !c.is_control() && *c != '\'').collect()
}

/// Puts the block into the file's content (None: no file), replacing the one that is there.
pub fn insert_block(before: Option<&[u8]>, block: &str) -> Vec<u8> {
    let outside = before.and_then(remove_block);
    let (mark, mut out) = match outside {
        None => (format!(" {ALONE}"), Vec::new()),
        Some(text) if text.last().is_some_and(|b| *b != b'\n') => {
            (format!(" {JOINED}"), [text.as_slice(), b"\n"].concat())
        }
        Some(text) => (String::new(), text),
    };
    out.extend_from_slice(format!("{BEGIN}{mark} ###\n{block}{END}\n").as_bytes());
    out
}

/// The content without the block; None where no file was before it.
pub fn remove_block(text: &[u8]) -> Option<Vec<u8>> {
    let Some((start, end)) = place(text) else { return Some(text.to_vec()) };
    let line = first_line(&text[start..]);
    let has = |mark: &str| line.windows(mark.len()).any(|w| w == mark.as_bytes());
    let mut before = text[..start].to_vec();
    if has(JOINED) {
        before.pop();
    }
    before.extend_from_slice(&text[end..]);
    if before.is_empty() && has(ALONE) { None } else { Some(before) }
}

/// The block's body in this content, if there is one.
pub fn find_block(text: &[u8]) -> Option<String> {
    let (start, end) = place(text)?;
    let block = &text[start..end];
    let body = block.get(first_line(block).len() + 1..)?;
    let body = String::from_utf8_lossy(body).into_owned();
    Some(body.trim_end().strip_suffix(END)?.to_owned())
}

/// Ids (`altdisk-<id>` without the prefix) that the block always makes the default if present, first
/// choice first.
pub fn defaults(body: &str) -> Vec<String> {
    let mut ids: Vec<String> = parts(body)
        .1
        .lines()
        .filter_map(|l| l.trim().strip_prefix("set default=altdisk-"))
        .map(|id| id.trim_matches('"').to_owned())
        .collect();
    ids.reverse();
    ids
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|b| *b == b'\n').next().unwrap_or(text)
}

/// From the first byte of the begin line to after the end line.
fn place(text: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut start = None;
    for line in text.split_inclusive(|b| *b == b'\n') {
        if start.is_none() && line.starts_with(BEGIN.as_bytes()) {
            start = Some(at);
        }
        at += line.len();
        if let Some(start) = start.filter(|_| line.starts_with(END.as_bytes())) {
            return Some((start, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(id: &str, uuid: &str) -> Chain {
        Chain { id: id.into(), title: format!("altinst_rootvg ({id})"), fs_uuid: uuid.into() }
    }

    #[test]
    fn put_and_without_restore_every_byte() {
        let text = block(&[chain("a1", "ABCD-1234")]);
        let befores: [Option<&[u8]>; 6] = [
            None,
            Some(b""),
            Some(b"set timeout=3\n"),
            Some(b"no newline"),
            Some(b"\n\n"),
            Some(b"\xff\xfe binary\n"),
        ];
        for before in befores {
            let with = insert_block(before, &text);
            assert_eq!(find_block(&with).as_deref(), Some(text.as_str()));
            assert_eq!(remove_block(&with).as_deref(), before);
            // A second list replaces the first and still leads back.
            let again = insert_block(Some(&with), &block(&[chain("b2", "1234-ABCD")]));
            assert_eq!(remove_block(&again).as_deref(), before);
            assert_eq!(again.windows(BEGIN.len()).filter(|w| *w == BEGIN.as_bytes()).count(), 1);
        }
    }

    #[test]
    fn lines_added_after_the_block_stay() {
        let mut with = insert_block(None, &block(&[chain("a1", "ABCD-1234")]));
        with.extend_from_slice(b"set color=1\n");
        assert_eq!(remove_block(&with).unwrap(), b"set color=1\n");
        assert_eq!(find_block(b"menuentry x {}\n"), None);
        assert_eq!(remove_block(b"plain").unwrap(), b"plain");
        // A begin line without an end is not ours to cut.
        assert_eq!(
            remove_block(b"### BEGIN altdisk bootlist ###\nx\n").unwrap(),
            b"### BEGIN altdisk bootlist ###\nx\n"
        );
    }

    #[test]
    fn the_first_disk_of_the_list_wins() {
        let body = block(&[chain("one", "ABCD-1234"), chain("two", "0011-2233")]);
        assert_eq!(defaults(&body), ["one", "two"]);
        assert!(
            body.find("altdisk_part 0011-2233; then").unwrap()
                < body.find("altdisk_part ABCD-1234; then").unwrap()
        );
        assert!(body.contains("if [ -z \"${boot_once}\" ]"));
    }

    #[test]
    fn what_holds_once_is_no_lasting_choice() {
        let lasting = insert_block(Some(b"mine"), &block(&[chain("a1", "ABCD-1234")]));
        for before in [None, Some(b"mine".as_slice()), Some(lasting.as_slice())] {
            let with = set_once(before, Some("set default=altdisk-b2\n"));
            let body = find_block(with.as_deref().unwrap()).unwrap();
            assert_eq!(once(&body), Some("set default=altdisk-b2\n"));
            let count = usize::from(before == Some(lasting.as_slice()));
            assert_eq!(defaults(&body), ["a1"][..count]);
            // Another one takes its place, and without it the file is what it was.
            let again = find_block(&set_once(with.as_deref(), Some("x\n")).unwrap()).unwrap();
            assert_eq!(once(&again), Some("x\n"));
            assert_eq!(set_once(with.as_deref(), None).as_deref(), before);
        }
        assert_eq!(once(&block(&[])), None);
    }

    #[test]
    fn names_cannot_break_out_of_the_entry() {
        let body = block(&[Chain {
            id: "a;reboot".into(),
            title: "it's {\n}".into(),
            fs_uuid: "AB CD'".into(),
        }]);
        assert!(body.contains("menuentry 'its {}' "), "{body}");
        assert!(body.contains("--id altdisk-areboot "), "{body}");
        assert!(body.contains("--set=altdisk_part ABCD\n"), "{body}");
    }
}
