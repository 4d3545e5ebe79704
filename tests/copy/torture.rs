//! A tree of everything that is hard to copy, and a comparison by other programs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use crate::disk::sh;

/// Levels of the deep path: three times PATH_MAX in all.
const DEPTH: usize = 3000;

pub fn build(top: &Path, kind: &str) {
    let at = |p: &str| top.join(p);
    content(top);
    names(top);
    deep(top);
    // A symbolic link as long as the file system takes it.
    symlink("x".repeat(if kind == "xfs" { 1023 } else { 4000 }), at("long link")).unwrap();
    let script = r#"
cd "$1"
mkdir kinds links modes acl flags times
mknod kinds/null c 1 3; mknod kinds/large b 259 1048575 || mknod kinds/large b 259 262143 # all that xfs takes
mkfifo kinds/fifo; mknod kinds/whiteout c 0 0
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("kinds/socket")'
chown 7:8 kinds/*; ln -s nowhere kinds/dangling; chown -h 4294967294:4294967294 kinds/dangling
# Hard links of every kind, across directories, some to names that come much later.
echo linked > links/a; ln links/a links/b; ln links/a modes/c
ln kinds/null links/null; ln kinds/fifo links/fifo; ln kinds/dangling links/dangling; ln kinds/socket links/socket
for m in 0 1 7 70 700 4755 2755 6711 1777 2644; do echo $m > modes/f$m; chmod $m modes/f$m; mkdir modes/d$m; echo in > modes/d$m/in; chmod $m modes/d$m; done
echo u > modes/owned; chown 4294967294:4294967294 modes/owned; chmod 6755 modes/owned
echo s > modes/setuid; chown 12:34 modes/setuid; chmod 4711 modes/setuid
mkdir modes/group; chown 5:6 modes/group; chmod 2775 modes/group; mkdir modes/group/sub; echo x > modes/group/sub/x; chgrp 0 modes/group/sub; chmod g-s modes/group/sub
# ACLs: of its own, a default one, and entries below a default one that have none.
mkdir acl/dir acl/dir/plain; echo x > acl/dir/none; echo x > acl/file
setfacl -m u:1234:rwx,g:99:r acl/file; setfacl -d -m u:77:rwx,o::--- acl/dir; echo inherits > acl/dir/inherits
chmod 600 acl/dir/none; setfacl -b acl/dir/none acl/dir/plain
printf 'cap' > acl/cap; chown 3:4 acl/cap; setcap cap_net_raw+ep acl/cap
python3 - <<'PY'
import os
for path, names in {'acl/file': ['user.a', 'user.\u00fc', 'user.q"=\n', 'trusted.t', 'trusted.overlay.opaque'], 'acl/dir': ['user.d', 'trusted.d'], '.': ['user.top']}.items():
    for name in names: os.setxattr(path, name, b'v\x00\xff' + name.encode())
os.setxattr('acl/file', b'user.\xff\xfe', b'')
os.setxattr('acl/cap', 'user.long', b'x' * 2000)
for path in ['kinds/fifo', 'kinds/dangling', 'kinds/null', 'kinds/socket']: os.setxattr(path, 'trusted.k', b'k', follow_symlinks=False)
for i, (a, m) in enumerate([(-1, -1234567891), (1, 999999999), (10**18, 123456789), (-2147483648 * 10**9, 1), (4102444800 * 10**9 + 1, 4102444800 * 10**9 + 999999999)]):
    open(f'times/{i}', 'w').close(); os.utime(f'times/{i}', ns=(a, m))
    os.mkdir(f'times/d{i}'); open(f'times/d{i}/in', 'w').close(); os.utime(f'times/d{i}', ns=(a, m))
os.symlink('x', 'times/link'); os.utime('times/link', ns=(5, 6), follow_symlinks=False)
PY
"#;
    run(script, top);
    flags(top, kind);
    sh(&format!(
        "cd {} && chown 1:2 . && chmod 2751 . && touch -d '1999-12-31 23:59:59.123456789' .",
        top.display()
    ));
}

fn run(script: &str, top: &Path) {
    let out = std::process::Command::new("bash")
        .args(["-ec", script, "torture"])
        .arg(top)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Holes, dense zeros, what is allocated and empty, sizes about the copier's steps.
fn content(top: &Path) {
    let dir = top.join("content");
    fs::create_dir(&dir).unwrap();
    for size in
        [0, 1, 4095, 4096, 4097, 131_071, 131_072, 131_073, 1 << 20, (1 << 20) + 1, 5_000_001]
    {
        let bytes: Vec<u8> = (0..size).map(|i: usize| (i * 31 + size) as u8).collect();
        fs::write(dir.join(format!("size {size}")), bytes).unwrap();
    }
    fs::write(dir.join("zeros"), vec![0; 3 << 20]).unwrap();
    let make = |name: &str| File::create(dir.join(name)).unwrap();
    make("all hole").set_len(1 << 33).unwrap();
    let f = make("holes");
    for at in [0, 1 << 20, (1 << 20) + 8192, 1 << 32] {
        f.write_all_at(b"data", at).unwrap();
    }
    f.set_len((1 << 33) + 17).unwrap();
    let f = make("small with a hole");
    f.write_all_at(b"end", 9000).unwrap();
    let f = make("allocated");
    nix::fcntl::fallocate(&f, nix::fcntl::FallocateFlags::empty(), 0, 8 << 20).unwrap();
    f.write_all_at(b"journal", 2 << 20).unwrap();
}

fn names(top: &Path) {
    let dir = top.join("names");
    fs::create_dir(&dir).unwrap();
    let long = "l".repeat(255);
    let odd: [&[u8]; 12] = [
        b"new\nline",
        b"\xff\xfe",
        b"-n",
        b" ",
        b"a\\b",
        b"*",
        b"tab\t",
        b"\x01\x1b[31m",
        "u\u{308}".as_bytes(),
        "ü".as_bytes(),
        b"...",
        long.as_bytes(),
    ];
    for name in odd {
        fs::write(dir.join(OsStr::from_bytes(name)), name).unwrap();
        let sub = dir.join(OsStr::from_bytes(&[b"d", &name[..name.len().min(254)]].concat()));
        fs::create_dir(&sub).unwrap();
        symlink(OsStr::from_bytes(name), sub.join(OsStr::from_bytes(name))).unwrap();
    }
}

fn deep(top: &Path) {
    let mut at: OwnedFd = File::open(top).unwrap().into();
    for level in 0..DEPTH {
        let name = if level % 100 == 0 { "a longer name" } else { "abc" };
        nix::sys::stat::mkdirat(&at, name, Mode::S_IRWXU).unwrap();
        if level % 500 == 0 {
            openat(&at, "file", OFlag::O_CREAT | OFlag::O_WRONLY, Mode::S_IRUSR).unwrap();
        }
        at = openat(&at, name, OFlag::O_PATH, Mode::empty()).unwrap();
    }
    openat(&at, "the end", OFlag::O_CREAT | OFlag::O_WRONLY, Mode::S_IRUSR).unwrap();
}

fn flags(top: &Path, kind: &str) {
    let common = "cd flags; for f in i a d A S; do echo $f > $f; mkdir D$f; echo in > D$f/in; mkdir D$f/sub; chattr +$f $f D$f; done
        chattr -A -S -d DA/* DS/* Dd/*
        echo x > two; ln two ../links/immutable; chattr +i two; echo x > half; ln half half2; chattr +a half";
    // Data journalling needs a privilege; it must not stop the rest.
    let own = match kind {
        "ext4" => "echo j > j; chattr +j j || true; mkdir T D; chattr +T T; chattr +D D",
        "btrfs" => {
            "for n in '' big; do touch nocow$n; chattr +C nocow$n; echo x > nocow$n; done; head -c 2000000 /dev/zero >> nocowbig; mkdir N; chattr +C N; echo x > N/in; touch c; chattr +c c; head -c 500000 /dev/zero > c"
        }
        // Project ids too, where the kernel has them for this kind by default.
        _ => {
            "chattr -p 4242 Dd/in; chattr -p 77 Dd/sub; mkdir D; chattr +P -p 78 D; echo x > D/x; lsattr -pd Dd/sub | grep -q 77"
        }
    };
    run(&format!("cd \"$1\"; {common}\n{own}"), top);
}

/// Everything that other programs see of both trees is the same.
pub fn compare(from: &Path, to: &Path, kind: &str) {
    let see = |what: &str, command: &str| {
        let (a, b) = (
            sh(&format!("cd {} && {command}", from.display())),
            sh(&format!("cd {} && {command}", to.display())),
        );
        assert!(a.lines().count() > 1, "{what}: {a}");
        if a != b {
            let differ: Vec<_> =
                a.lines().filter(|l| !b.lines().any(|m| m == *l)).take(20).collect();
            let instead: Vec<_> =
                b.lines().filter(|l| !a.lines().any(|m| m == *l)).take(20).collect();
            panic!("{what} differ: {differ:#?} became {instead:#?}");
        }
    };
    // Sorted, as directories list differently. Looking at a symbolic link changes its access time.
    // Sizes of directories are their file system's business.
    see(
        "stat",
        r#"find . -not -path ./lost+found \( -type d -printf '%y %m %U %G %T+ %A+ - %P\0' -o -type l -printf '%y %U %G %T+ %n %s %l %P\0' -o -printf '%y %m %U %G %T+ %A+ %n %s %l %P\0' \) | sort -z | tr '\n\0' '?\n'"#,
    );
    see("content", "find . -type f -size -100M -execdir sha256sum -- {} + | sort");
    see("device numbers", "stat -c '%n %t:%T %F' kinds/* links/* | sort");
    see(
        "links",
        r#"find . -type f -links +1 -printf '%i %P\n' -o -type p -links +1 -printf '%i %P\n' -o -type l -links +1 -printf '%i %P\n' | sort -k2 | awk '{ if (!($1 in n)) n[$1] = ++k; $1 = n[$1]; print }'"#,
    );
    // One line a file, as files come in any order and a file's attributes too.
    let by_file =
        r#"perl -00 -ne 'my ($f, @l) = split /\n/; print join("|", $f, sort @l), "\n"' | sort"#;
    see(
        "attributes",
        &format!(
            "(getfattr -Rhd -m - -e hex acl kinds links modes times flags names content; getfattr -hd -m - -e hex .) | {by_file}"
        ),
    );
    see("ACLs", &format!("getfacl -RPn acl modes | {by_file}"));
    let letters = if kind == "xfs" { "lsattr -Radp" } else { "lsattr -Rad" };
    see("flags", &format!("{letters} flags links 2>/dev/null | grep . | sort"));
    // What is allocated, within a few blocks that extents' bookkeeping may take.
    let blocks = |top: &Path| sh(&format!("cd {}/content && stat -c '%b %B %n' *", top.display()));
    for (a, b) in blocks(from).lines().zip(blocks(to).lines()) {
        let number = |l: &str| l.split(' ').next().unwrap().parse::<i64>().unwrap();
        assert!((number(a) - number(b)).abs() <= 64, "allocated: {a} became {b}");
    }
    for name in ["holes", "all hole", "allocated"] {
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
