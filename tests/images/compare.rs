//! Two trees compared by find, getfattr, getfacl, lsattr and sha256sum, in everything that what lay
//! between them can hold.

use std::fs::File;
use std::path::Path;

use crate::disk::sh;

/// What a kind of archive, or the program that wrote or unpacked it, can hold. Sockets no archive
/// holds, and no room set aside without content.
#[derive(Clone, Copy, Debug)]
pub struct Holds {
    /// Access times.
    pub atime: bool,
    /// Times below a second.
    pub nanoseconds: bool,
    /// Extended attributes of every name.
    pub xattrs: bool,
    pub acls: bool,
    /// Inode flags.
    pub flags: bool,
    /// Paths of any length.
    pub deep: bool,
}

/// As our own images: all there is.
pub const ALL: Holds =
    Holds { atime: true, nanoseconds: true, xattrs: true, acls: true, flags: true, deep: true };

/// Panics with what differs. `except`: a pattern for `grep -vE` on each line, for what one program
/// is known to lose, said where it is given.
pub fn compare(from: &Path, to: &Path, holds: Holds, except: &str) {
    let deep = if holds.deep { "" } else { "-not -path './a longer name*'" };
    let see = |what: &str, command: &str| {
        let lines = |top: &Path| -> Vec<String> {
            let filter = if except.is_empty() {
                String::new()
            } else {
                format!(" | (grep -avE '{except}' || true)")
            };
            let text = sh(&format!("cd '{}' && ({command}){filter}", top.display()));
            text.lines().map(str::to_owned).collect()
        };
        let (a, b) = (lines(from), lines(to));
        assert!(a.len() > 1, "{what}: {a:?}");
        let lost: Vec<_> =
            a.iter().filter(|l| b.binary_search(l).is_err() && !b.contains(l)).take(20).collect();
        let instead: Vec<_> =
            b.iter().filter(|l| a.binary_search(l).is_err() && !a.contains(l)).take(20).collect();
        assert!(a == b, "{what} differ: {lost:#?} became {instead:#?}");
    };
    let times = match (holds.nanoseconds, holds.atime) {
        (true, true) => "%T+ %A+",
        (true, false) => "%T+",
        (false, _) => "%Ts",
    };
    let link = if holds.nanoseconds { "%T+" } else { "%Ts" };
    // Looking at a symbolic link changes its access time; the size of a directory is its file
    // system's business.
    see(
        "stat",
        &format!(
            r#"find . -not -path './lost+found*' {deep} -not -type s \( -type d -printf '%y %m %U %G {times} - %P\0' -o -type l -printf '%y %U %G {link} %n %s %l %P\0' -o -printf '%y %m %U %G {times} %n %s %l %P\0' \) | tr '\n\0' '?\n' | sort"#
        ),
    );
    see(
        "content",
        &format!("find . {deep} -type f -size -100M -execdir sha256sum -- {{}} + | sort"),
    );
    see("device numbers", "find kinds links -not -type s -exec stat -c '%n %t:%T %F' {} + | sort");
    see(
        "links",
        r#"find . -type f -links +1 -printf '%i %P\n' -o -type p -links +1 -printf '%i %P\n' -o -type l -links +1 -printf '%i %P\n' | sort -k2 | awk '{ i = $1; sub(/^[0-9]+ /, ""); if (!(i in n)) n[i] = $0; print n[i] " = " $0 }'"#,
    );
    let by_file =
        r#"perl -00 -ne 'my ($f, @l) = split /\n/; print join("|", $f, sort @l), "\n"' | sort"#;
    if holds.xattrs {
        see(
            "attributes",
            &format!(
                "(for d in acl kinds links modes times flags names content .; do find $d $([ $d = . ] && echo -maxdepth 0) -not -type s -print0; done | xargs -0 getfattr -hd -m '^(user|trusted|security)' -e hex) | {by_file}"
            ),
        );
    } else {
        see("capabilities", "getcap -r acl; echo; echo end");
    }
    if holds.acls {
        see("ACLs", &format!("getfacl -RPn acl modes | {by_file}"));
    }
    if holds.flags {
        see("flags", "lsattr -Rad flags links 2>/dev/null | grep . | sort");
    }
    // What is allocated, within a few blocks that extents' bookkeeping may take.
    let blocks =
        |top: &Path| sh(&format!("cd '{}/content' && stat -c '%b %B %n' *", top.display()));
    for (a, b) in
        blocks(from).lines().zip(blocks(to).lines()).filter(|(a, _)| !a.ends_with(" allocated"))
    {
        let number = |l: &str| l.split(' ').next().unwrap().parse::<i64>().unwrap();
        assert!((number(a) - number(b)).abs() <= 64, "allocated: {a} became {b}");
    }
    for name in ["holes", "all hole"] {
        let data = |top: &Path| extents(&File::open(top.join("content").join(name)).unwrap());
        assert_eq!(data(from), data(to), "{name}");
    }
}

/// Where a file has data.
fn extents(file: &File) -> Vec<(i64, i64)> {
    use nix::unistd::{Whence, lseek};
    let mut found = vec![];
    let mut at = 0;
    while let Ok(data) = lseek(file, at, Whence::SeekData) {
        at = lseek(file, data, Whence::SeekHole).unwrap();
        found.push((data, at));
    }
    found
}
