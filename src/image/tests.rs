//! Any bytes at all: nothing that an archive says makes the reader panic, hang or take memory
//! without bound.

use proptest::prelude::*;

use super::archive::Archive;
use super::survey::survey;
use super::verify;
use crate::archive::tar::read::Reader;
use crate::event::Events;
use crate::testing::archive::Memory;
use crate::testing::archive::{archive, member, pax, zoo};
use crate::testing::image::image;

/// Reads `data` as an archive in every way that there is. For a fuzzer as well: plain bytes in,
/// nothing out.
pub fn fuzz_archive(data: &[u8]) {
    let source = |step: usize| Box::new(Memory(data.chunks(step).map(<[u8]>::to_vec).collect()));
    // Member by member; what is held of one is never much more than what was read.
    let mut reader = Reader::new(source(1000));
    while let Ok(Some(m)) = reader.next() {
        let held = m.path.capacity()
            + m.map.as_ref().map_or(0, |map| map.capacity() * 16)
            + m.xattrs.iter().map(|(_, v)| v.capacity()).sum::<usize>();
        assert!(held <= 4 * data.len() + 4096, "{held} bytes are held of {}", data.len());
        let stored: u64 = m.map.iter().flatten().map(|(_, length)| length).sum();
        assert!(m.map.is_none() || stored == m.stored && m.size >= stored);
        assert!(!m.path.is_empty() && !m.path.contains(&0));
        // One in two is read, one skipped.
        if m.offset % 1024 == 0 {
            while let Ok(Some(_)) = reader.piece() {}
        }
    }
    assert!(reader.offset() <= data.len() as u64);
    assert!(reader.notes().len() <= 50);
    if let Ok(mut archive) = Archive::of_source(source(4096)) {
        let _ = survey(&mut archive, &Events::new());
    }
    if let Ok(mut archive) = Archive::of_source(source(1 << 20)) {
        let _ = verify::verify(&mut archive, &std::env::temp_dir(), |m| {
            verify::line(m);
            Ok(())
        });
    }
}

/// Archives to be damaged.
fn seeds() -> Vec<Vec<u8>> {
    let sparse: String = (0..200).map(|n| format!("{},{},", n * 1000, n % 7)).collect();
    vec![
        zoo(),
        image(&[("./a", b"first"), ("./b", &[1; 2000])]),
        archive(&[
            pax(&[
                ("GNU.sparse.size", b"200000"),
                ("GNU.sparse.map", sparse.trim_end_matches(',').as_bytes()),
            ]),
            member("./sparse", b'0', &[b's'; 597]),
            pax(&[
                ("SCHILY.xattr.security.capability", &[1; 20]),
                ("SCHILY.acl.default", b"user::rwx,group::r-x,other::---"),
            ]),
            member("./etc/os-release", b'0', b"ID=debian\n"),
        ]),
    ]
}

/// Makes the checksum of every block that has one right again: damage behind it is what matters.
fn signed(mut data: Vec<u8>) -> Vec<u8> {
    for block in data.chunks_exact_mut(512).filter(|b| b[257..262] == *b"ustar") {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    data
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..5000)) {
        fuzz_archive(&data);
        fuzz_archive(&signed([member("x", b'0', b"").as_slice(), &data].concat()));
    }

    #[test]
    fn damaged(seed in 0usize..3, at in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut data = seeds()[seed].clone();
        for (at, byte) in &at {
            let at = at.index(data.len());
            data[at] = *byte;
        }
        fuzz_archive(&signed(data));
    }

    #[test]
    fn digits_changed(seed in 0usize..3, at in proptest::collection::vec((any::<prop::sample::Index>(), "[0-9,=\n -]"), 1..6)) {
        let mut data = seeds()[seed].clone();
        let digits: Vec<usize> = (0..data.len()).filter(|n| data[*n].is_ascii_digit()).collect();
        for (at, byte) in &at {
            data[digits[at.index(digits.len())]] = byte.as_bytes()[0];
        }
        fuzz_archive(&signed(data));
    }

    #[test]
    fn spliced(one in 0usize..3, two in 0usize..3, cut in any::<prop::sample::Index>(), from in any::<prop::sample::Index>()) {
        let (one, two) = (&seeds()[one], &seeds()[two]);
        let (cut, from) = (cut.index(one.len() / 512) * 512, from.index(two.len() / 512) * 512);
        fuzz_archive(&[&one[..cut], &two[from..]].concat());
    }
}

#[test]
fn cut_anywhere() {
    for seed in seeds() {
        for cut in (0..seed.len()).step_by(37) {
            fuzz_archive(&seed[..cut]);
        }
    }
}
