//! Archives put together by hand: every form once, and those that no honest program writes.

use crate::archive::tar::BLOCK;
use crate::archive::tar::read::Reader;
use crate::archive::tar::{Kind, Member};
use crate::error;
use crate::testing::archive::Memory;
use crate::testing::archive::{archive, member, more_sparse, old_sparse, pax, with_size, zoo};

fn reader(bytes: &[u8], step: usize) -> Reader {
    Reader::new(Box::new(Memory(bytes.chunks(step).map(<[u8]>::to_vec).collect())))
}

type Read = (Vec<(Member, Vec<u8>)>, Vec<String>);

fn read(bytes: &[u8], step: usize) -> anyhow::Result<Read> {
    let mut reader = reader(bytes, step);
    let (mut all, mut notes) = (vec![], vec![]);
    while let Some(m) = reader.next()? {
        let mut content = vec![];
        while let Some(piece) = reader.piece()? {
            content.extend_from_slice(&piece);
        }
        assert_eq!(content.len() as u64, m.stored);
        all.push((m, content));
        notes.extend(reader.notes());
    }
    notes.extend(reader.notes());
    Ok((all, notes))
}

fn id(result: anyhow::Result<Read>) -> (&'static str, String) {
    let err = result.unwrap_err();
    (error::find(&err).unwrap().entry.id, err.to_string())
}

#[test]
fn everything_once() {
    for step in [1, 511, 512, 4096, 1 << 20] {
        let (all, notes) = read(&zoo(), step).unwrap();
        assert_eq!(notes, Vec::<String>::new());
        let paths: Vec<_> =
            all.iter().map(|(m, _)| String::from_utf8_lossy(&m.path).into_owned()).collect();
        assert_eq!(
            paths,
            [
                "./",
                "./long/name",
                "./acl",
                "./a/long/name/of/gnu",
                "./hard",
                "./fifo",
                "./null",
                "./old",
                "./new",
                "./middle",
                "./big"
            ]
        );
        let of = |path: &str| &all[paths.iter().position(|p| p == path).unwrap()];
        let (long, content) = of("./long/name");
        assert_eq!(
            (content.as_slice(), long.mtime.nanos, long.uid, long.mode),
            (&b"hello"[..], 500_000_000, 1000, 0o644)
        );
        assert_eq!(long.xattrs, [(c"user.x".to_owned(), b"a\nb".to_vec())]);
        assert_eq!(of("./a/long/name/of/gnu").0.kind, Kind::Symlink(b"./a/long/target".to_vec()));
        assert_eq!(of("./hard").0.kind, Kind::HardLink(b"target".to_vec()));
        let acl = &of("./acl").0.xattrs;
        assert_eq!((acl[0].0.as_c_str(), acl[0].1.len()), (c"system.posix_acl_access", 4 + 5 * 8));
        assert_eq!(acl[1], (c"security.selinux".to_owned(), b"u:r:t:s0\0".to_vec()));
        for (path, size, map) in [
            ("./old", 100, vec![(0, 2), (10, 1), (20, 2)]),
            ("./new", 1000, vec![(0, 3), (600, 2)]),
            ("./middle", 1000, vec![(0, 3), (600, 2)]),
        ] {
            let (m, content) = of(path);
            assert_eq!(
                (m.size, m.map.as_ref(), content.as_slice()),
                (size, Some(&map), &b"abcde"[..]),
                "{path}"
            );
        }
        assert_eq!(all[1].0.offset, 1536);
    }
}

#[test]
fn nothing_is_skipped_wrongly() {
    // Members whose content is not read at all.
    for step in [1, 700, 1 << 20] {
        let mut reader = reader(&zoo(), step);
        let mut count = 0;
        while reader.next().unwrap().is_some() {
            count += 1;
        }
        assert_eq!((count, reader.offset()), (11, zoo().len() as u64));
    }
}

#[test]
fn cut_at_every_byte() {
    let whole = zoo();
    for cut in 0..whole.len() {
        let (id, text) = match read(&whole[..cut], 512) {
            Err(e) => (error::find(&e).unwrap().entry.id, e.to_string()),
            // One block of zeros says it too: nothing of a member is missing.
            Ok(_) if cut >= whole.len() - BLOCK => continue,
            Ok(_) => panic!("cut at {cut} of {}", whole.len()),
        };
        assert_eq!(id, if cut == 0 { "ALT-631" } else { "ALT-634" }, "{cut}: {text}");
    }
    let (_, text) = id(read(&whole[..whole.len() - 1024 - 100], 512));
    assert!(text.contains("./big") && text.contains("at byte"), "{text}");
}

#[test]
fn every_byte_changed() {
    let whole = zoo();
    for at in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            // Errors are fine, and so are members with other content.
            let _ = read(&bytes, 4096);
        }
    }
}

#[test]
fn refused_by_name() {
    for (flag, want) in [
        (b'D', "incremental"),
        (b'M', "multi-volume"),
        (b'N', "1990"),
        (b'S', "star"),
        (b'E', "Solaris"),
        (b'Z', "not known"),
    ] {
        let (id, text) = id(read(&archive(&[member("./dir/x", flag, b"")]), 512));
        assert_eq!(id, "ALT-635");
        assert!(text.starts_with("ALT-635: ./dir/x (at byte 0 ") && text.contains(want), "{text}");
    }
}

#[test]
fn impossible_members() {
    let bad: Vec<(Vec<Vec<u8>>, &str, &str)> = vec![
        (vec![pax(&[("path", b"a\0b")]), member("x", b'0', b"")], "ALT-633", "NUL"),
        (vec![member("", b'0', b"")], "ALT-633", "no name"),
        (vec![pax(&[("linkpath", b"a\0")]), member("x", b'2', b"")], "ALT-633", "target"),
        (vec![pax(&[("size", b"9223372036854775808")]), member("x", b'0', b"")], "ALT-633", "size"),
        (
            vec![pax(&[("size", b"9223372036854775807")]), member("x", b'0', b"")],
            "ALT-634",
            "ends after",
        ),
        (vec![with_size("x", b'x', 2 << 20, b"")], "ALT-636", "extended header"),
        (vec![with_size("x", b'L', (1 << 20) + 1, b"")], "ALT-636", "extended header"),
        (
            vec![
                pax(&[("comment", &vec![b'x'; 1_000_000])]),
                pax(&[("comment", &vec![b'x'; 1_000_000])]),
                pax(&[("comment", &vec![b'x'; 200_000])]),
            ],
            "ALT-636",
            "for one member",
        ),
        (vec![member("x", b'x', b"17 path=abc\n")], "ALT-633", "extended header"),
        (vec![pax(&[("path", b"a")])], "ALT-633", "between"),
        (
            vec![old_sparse("s", &[(0, 2), (1, 2)], false, 100, 4), vec![0; BLOCK]],
            "ALT-633",
            "holes",
        ),
        (vec![old_sparse("s", &[(0, 2)], false, 1, 2), vec![0; BLOCK]], "ALT-633", "holes"),
        (vec![pax(&[("GNU.sparse.map", b"0,1")]), member("s", b'0', b"x")], "ALT-633", "how large"),
        (
            vec![
                pax(&[
                    ("GNU.sparse.major", b"2"),
                    ("GNU.sparse.minor", b"0"),
                    ("GNU.sparse.realsize", b"1"),
                ]),
                member("s", b'0', b"x"),
            ],
            "ALT-635",
            "holes",
        ),
        (
            vec![
                pax(&[
                    ("GNU.sparse.major", b"1"),
                    ("GNU.sparse.minor", b"0"),
                    ("GNU.sparse.realsize", b"1"),
                ]),
                member("s", b'0', b"1\n0\n1\n"),
            ],
            "ALT-633",
            "holes",
        ),
        (vec![pax(&[("mtime", b"soon")]), member("x", b'0', b"")], "ALT-633", "mtime=soon"),
    ];
    for (members, want, text) in bad {
        let (id, said) = id(read(&archive(&members), 512));
        assert_eq!(id, want, "{said}");
        assert!(said.contains(text), "{said}");
    }
    let (id, text) = id(read(&[member("a", b'0', b"x"), vec![7; BLOCK]].concat(), 512));
    assert!(id == "ALT-633" && text.contains("at byte 1024"), "{text}");
    for (bytes, text) in [
        (vec![], "empty"),
        (vec![0; 10240], "zeros"),
        (b"#!/bin/sh\n".repeat(100), "does not start"),
    ] {
        let err = read(&bytes, 512).unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-631");
        assert!(err.to_string().contains(text), "{err}");
    }
}

#[test]
fn endless_maps_end() {
    // Each block has no entry and says that one follows: no memory is taken, and the archive ends
    // some time.
    let mut bytes = old_sparse("s", &[], true, 100, 0);
    bytes.extend(more_sparse(&[], true).repeat(1000));
    assert_eq!(id(read(&bytes, 4096)).0, "ALT-634");
    let full: Vec<(u64, u64)> = (0..21).map(|n| (n, 0)).collect();
    let mut bytes = old_sparse("s", &[], true, 100, 0);
    // Entries without length end a block's list; these have one.
    let full: Vec<(u64, u64)> = full.into_iter().map(|(n, _)| (n, 1)).collect();
    bytes.extend(more_sparse(&full, true).repeat(50_000));
    assert_eq!(id(read(&bytes, 1 << 20)).0, "ALT-636");
}

#[test]
fn sizes_where_none_belong() {
    // Hard links: some programs store the content again, some only tell the size.
    for content in [&b""[..], b"again"] {
        let (all, _) =
            read(&archive(&[with_size("h", b'1', 5, content), member("z", b'0', b"z")]), 100)
                .unwrap();
        assert_eq!(all.len(), 2, "{content:?}");
        assert_eq!((all[0].0.size, all[1].1.as_slice()), (0, &b"z"[..]));
    }
    // A label is no member; a directory of v7 is known by its slash.
    let (all, _) = read(
        &archive(&[member("label", b'V', b""), member("d/", b'\0', b""), member("f", b'7', b"f")]),
        512,
    )
    .unwrap();
    assert_eq!(
        all.iter().map(|(m, _)| m.kind.clone()).collect::<Vec<_>>(),
        [Kind::Directory, Kind::Regular]
    );
}

#[test]
fn names_of_users_in_extended_headers() {
    let acl = b"user::rw-,user:alice:r--,group::r--,group:staff:r--,mask::r--,other::---";
    let named = pax(&[("uname", b"alice"), ("uid", b"4242"), ("gname", b"staff"), ("gid", b"77")]);
    let bytes = archive(&[
        named,
        member("a", b'0', b""),
        pax(&[("SCHILY.acl.access", acl)]),
        member("b", b'0', b""),
    ]);
    let (all, notes) = read(&bytes, 512).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    let value = &all[1].0.xattrs[0].1;
    for id in [4242_u32, 77] {
        assert!(value.windows(4).any(|w| w == id.to_le_bytes()), "{value:?}");
    }
}

#[test]
fn behind_the_end() {
    let whole = archive(&[member("a", b'0', b"x")]);
    for (more, notes) in [(vec![0; 9000], 0), (b"rubbish".repeat(100), 1)] {
        let (all, said) = read(&[whole.clone(), more].concat(), 512).unwrap();
        assert_eq!((all.len(), said.len()), (1, notes), "{said:?}");
    }
    let lone = [member("a", b'0', b"x"), vec![0; BLOCK], member("b", b'0', b"y")].concat();
    let (all, said) = read(&lone, 512).unwrap();
    assert_eq!((all.len(), said[0].contains("block of zeros")), (1, true));
}

#[test]
fn what_is_lost_is_told() {
    let (all, notes) = read(
        &archive(&[
            pax(&[
                ("SCHILY.acl.access", b"user::rwx\nuser:joe:rw-\ngroup::r-x\nother::---\n"),
                ("SCHILY.acl.ace", b"everyone@:r::allow"),
            ]),
            member("./x\x1b", b'0', b""),
        ]),
        512,
    )
    .unwrap();
    assert!(all[0].0.xattrs.is_empty());
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes[0].starts_with("./x\\033: its ACL cannot be restored: `user:joe:rw-`"),
        "{notes:?}"
    );
    assert!(notes[1].contains("SCHILY.acl.ace"), "{notes:?}");
    // The number of a name that headers told before.
    let mut learnt = crate::archive::tar::header::tests::header("./y", b'0', 0);
    learnt.0[265..268].copy_from_slice(b"joe");
    crate::archive::tar::header::tests::sign(&mut learnt);
    let acl = pax(&[("SCHILY.acl.access", b"user::rwx\nuser:joe:rw-\ngroup::r-x\nother::---\n")]);
    let (all, notes) =
        read(&archive(&[learnt.0.to_vec(), acl, member("./x", b'0', b"")]), 512).unwrap();
    assert_eq!((all[1].0.xattrs.len(), notes.len()), (1, 0));
}
