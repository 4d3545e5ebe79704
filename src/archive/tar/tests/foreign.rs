//! Archives of GNU tar and bsdtar, in every form that they write, compared with the files that they
//! were made of.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::archive::tar::read::Reader;
use crate::archive::tar::{Kind, Member};
use crate::host::attrs::{self, AttrTarget};
use crate::testing::archive::Memory;

/// What a form cannot hold.
#[derive(Clone, Copy, PartialEq)]
enum Lacks {
    Nothing,
    /// Times below a second, attributes.
    Pax,
    /// Names longer than 100 bytes too.
    Long,
}

fn tree(root: &Path) {
    fs::create_dir_all(root.join("dir/sub")).unwrap();
    let long = format!("dir/{}", "long".repeat(50));
    for (name, text) in [
        ("plain", &b"text"[..]),
        ("empty", b""),
        ("dir/sub/b\u{e4}r", &[b'x'; 5000]),
        ("odd\\n\nm\te", b"odd"),
        (&long, b"long"),
    ]
    .map(|(n, t): (&str, &[u8])| (n, t))
    {
        fs::write(root.join(name), text).unwrap();
    }
    fs::write(root.join(OsStr::from_bytes(b"no\xffutf")), "x").unwrap();
    fs::hard_link(root.join("plain"), root.join("dir/hard")).unwrap();
    symlink("../plain", root.join("dir/soft")).unwrap();
    symlink(format!("/{}", "t".repeat(150)), root.join("longlink")).unwrap();
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600))
        .unwrap();
    let holes = fs::File::create(root.join("holes")).unwrap();
    // More entries than a header of the old form holds, and more than one block behind it.
    for n in 0..60u64 {
        holes.write_all_at(&[b'0' + u8::try_from(n % 10).unwrap(); 4096], n * 65536).unwrap();
    }
    holes.set_len(10 << 20).unwrap();
    fs::File::create(root.join("nothing-but-a-hole")).unwrap().set_len(1 << 20).unwrap();
    let attributes = [
        (c"user.lines".to_owned(), b"a\n22 path=/etc/evil\n\0b".to_vec()),
        (c"user.e=q%".to_owned(), b"v".to_vec()),
    ];
    let plain = fs::File::open(root.join("plain")).unwrap();
    if attributes
        .iter()
        .any(|(name, value)| attrs::set(AttrTarget::File(plain.as_fd()), name, value).is_err())
    {
        println!("skipped: no attributes here");
    }
    let old = std::time::UNIX_EPOCH - std::time::Duration::new(86400, 250_000_000);
    fs::File::open(root.join("empty")).unwrap().set_modified(old).unwrap();
}

/// Members by path, with their content; holes filled.
fn members(bytes: Vec<u8>) -> BTreeMap<Vec<u8>, (Member, Vec<u8>)> {
    let mut reader =
        Reader::new(Box::new(Memory(bytes.chunks(10_000).map(<[u8]>::to_vec).collect())));
    let mut all = BTreeMap::new();
    while let Some(m) = reader.next().unwrap() {
        let mut stored = vec![];
        while let Some(piece) = reader.piece().unwrap() {
            stored.extend_from_slice(&piece);
        }
        let mut content = vec![0; usize::try_from(m.size).unwrap()];
        let mut rest = stored.as_slice();
        for (offset, length) in m.map.clone().unwrap_or(vec![(0, m.size)]) {
            let (now, later) = rest.split_at(usize::try_from(length).unwrap());
            content[usize::try_from(offset).unwrap()..][..now.len()].copy_from_slice(now);
            rest = later;
        }
        let path = m.path.strip_prefix(b"./").unwrap_or(&m.path);
        all.insert(path.strip_suffix(b"/").unwrap_or(path).to_vec(), (m, content));
    }
    assert_eq!(reader.notes(), Vec::<String>::new());
    all
}

fn compare(root: &Path, archive: Vec<u8>, lacks: Lacks, holes: bool) {
    let mut all = members(archive);
    assert!(all.remove(&b""[..]).is_some());
    let mut linked = vec![];
    for (path, (m, content)) in &all {
        let at = root.join(OsStr::from_bytes(path));
        let meta = fs::symlink_metadata(&at).unwrap();
        assert_eq!((m.uid, m.gid), (meta.uid(), meta.gid()), "{path:?}");
        let nanos = if lacks == Lacks::Nothing {
            m.mtime.nanos
        } else {
            u32::try_from(meta.mtime_nsec()).unwrap()
        };
        // bsdtar knows no time before 1970 in GNU's form.
        if lacks == Lacks::Nothing || m.mtime.secs != 0 {
            assert_eq!(
                (m.mtime.secs, i64::from(nanos)),
                (meta.mtime(), meta.mtime_nsec()),
                "{path:?}"
            );
        }
        match &m.kind {
            Kind::HardLink(to) => {
                linked.push((path.clone(), to.strip_prefix(b"./").unwrap_or(to).to_vec()))
            }
            // Cut, with a word, where it is too long for the form.
            Kind::Symlink(to) if lacks == Lacks::Long => {
                assert!(fs::read_link(&at).unwrap().as_os_str().as_bytes().starts_with(to))
            }
            Kind::Symlink(to) => assert_eq!(fs::read_link(&at).unwrap().as_os_str().as_bytes(), to),
            kind => {
                assert_eq!(m.mode, meta.mode() & 0o7777, "{path:?}");
                assert_eq!(*kind == Kind::Fifo, path == b"fifo");
                assert_eq!(*kind == Kind::Directory, meta.is_dir());
            }
        }
        if m.kind == Kind::Regular {
            assert!(*content == fs::read(&at).unwrap(), "{path:?}");
            let sparse = m.map.is_some() && m.stored < 300_000;
            assert_eq!(
                sparse,
                holes && (path == b"holes" || path.starts_with(b"nothing")),
                "{path:?} {}",
                m.stored
            );
            if lacks == Lacks::Nothing {
                let file = fs::File::open(&at).unwrap();
                let of = AttrTarget::File(file.as_fd());
                let names = attrs::names(of).unwrap();
                let mut want: Vec<_> =
                    names.into_iter().map(|n| (n.clone(), attrs::value(of, &n).unwrap())).collect();
                let mut got = m.xattrs.clone();
                got.retain(|(n, _)| n.to_bytes().starts_with(b"user."));
                want.retain(|(n, _)| n.to_bytes().starts_with(b"user."));
                want.sort();
                got.sort();
                assert_eq!(got, want, "{path:?}");
            }
        }
    }
    assert_eq!(linked.len(), 1);
    let mut pair = [linked[0].0.as_slice(), &linked[0].1];
    pair.sort_unstable();
    assert_eq!(pair, [&b"dir/hard"[..], b"plain"]);
    assert_eq!(
        all.len(),
        if lacks == Lacks::Long { 11 } else { 14 },
        "{:?}",
        all.keys().collect::<Vec<_>>()
    );
}

fn run(program: &str, root: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let out = Command::new(program)
        .args(args)
        .args(["-cf", "-", "-C"])
        .arg(root)
        .arg(".")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .ok()?;
    // Names that a form cannot hold are left out, with a word.
    if !out.stderr.is_empty() {
        println!("{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
    Some(out.stdout)
}

#[test]
fn gnu_tar() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    tree(dir.path());
    let forms: [(&[&str], Lacks, bool); 8] = [
        (&["--format=v7"], Lacks::Long, false),
        (&["--format=oldgnu", "-S"], Lacks::Pax, true),
        (&["--format=gnu", "-S"], Lacks::Pax, true),
        (&["--format=gnu"], Lacks::Pax, false),
        (&["--format=posix", "--xattrs"], Lacks::Nothing, false),
        (&["--format=posix", "--xattrs", "-S", "--sparse-version=0.0"], Lacks::Nothing, true),
        (&["--format=posix", "--xattrs", "-S", "--sparse-version=0.1"], Lacks::Nothing, true),
        (&["--format=posix", "--xattrs", "-S", "--sparse-version=1.0"], Lacks::Nothing, true),
    ];
    for (args, lacks, holes) in forms {
        println!("{args:?}");
        let Some(bytes) = run("tar", dir.path(), args) else { return println!("skipped: no tar") };
        compare(dir.path(), bytes, lacks, holes);
    }
}

#[test]
fn bsdtar() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    tree(dir.path());
    for (format, lacks, holes) in [("gnutar", Lacks::Pax, false), ("pax", Lacks::Nothing, true)] {
        let Some(bytes) = run("bsdtar", dir.path(), &["--format", format]) else {
            return println!("skipped: no bsdtar");
        };
        compare(dir.path(), bytes, lacks, holes);
    }
}

#[test]
fn other_volumes_and_increments_are_refused() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::create_dir(dir.path().join("t")).unwrap();
    fs::write(dir.path().join("t/f"), vec![b'x'; 100_000]).unwrap();
    let Some(bytes) = run("tar", &dir.path().join("t"), &["--listed-incremental=/dev/null"]) else {
        return println!("skipped: no tar");
    };
    let mut reader = Reader::new(Box::new(Memory::new(bytes)));
    assert!(reader.next().unwrap_err().to_string().contains("incremental"));
    let (one, two) = (dir.path().join("1"), dir.path().join("2"));
    let status = Command::new("tar")
        .args(["-cM", "-L", "50", "-f"])
        .arg(&one)
        .arg("-f")
        .arg(&two)
        .arg("-C")
        .arg(dir.path())
        .arg("t")
        .stdin(std::process::Stdio::null())
        .status();
    if status.is_ok_and(|s| s.success()) {
        let mut reader = Reader::new(Box::new(Memory::new(fs::read(&one).unwrap())));
        let err = std::iter::from_fn(|| reader.next().transpose()).find_map(Result::err).unwrap();
        assert!(err.to_string().contains("t/f (at byte"), "{err}");
        let mut reader = Reader::new(Box::new(Memory::new(fs::read(&two).unwrap())));
        assert!(reader.next().unwrap_err().to_string().contains("multi-volume"));
    }
}
