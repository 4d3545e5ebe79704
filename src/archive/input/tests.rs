//! Images in every compression, from files, pipes and what stands in for a tape.

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;

use super::*;

/// Bytes that do not compress to nothing, and not two blocks of which are the same.
fn content(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state
    };
    std::iter::repeat_with(next)
        .flat_map(|n| [b'a' + u8::try_from(n >> 28).unwrap(), 0, 0])
        .take(len)
        .collect()
}

fn all(input: &Input) -> Result<Vec<u8>> {
    let mut source = input.decompressed()?;
    let mut out = vec![];
    while let Some(piece) = source.next()? {
        out.extend_from_slice(&piece);
    }
    assert!(source.next()?.is_none());
    Ok(out)
}

fn of_file(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    all(&Input::open(file.path())?)
}

fn id(result: Result<Vec<u8>>) -> (&'static str, String, String) {
    let err = result.unwrap_err();
    let alt = error::find(&err).unwrap();
    (alt.entry.id, alt.cause.clone(), alt.remedy.clone())
}

fn program(words: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feed = std::thread::spawn(move || stdin.write_all(&input));
    let out = child.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    Some(out.stdout)
}

/// As ours are: frames behind skippable ones.
fn framed(content: &[u8], step: usize) -> Vec<u8> {
    let mut out = vec![];
    for part in content.chunks(step) {
        let frame = zstd::bulk::compress(part, 1).unwrap();
        out.extend_from_slice(&crate::archive::output::pack::SKIPPABLE_FRAME);
        out.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_le_bytes());
        out.extend_from_slice(&frame);
    }
    out
}

#[test]
fn every_compression() {
    let want = content(3_000_000);
    assert!(of_file(&want).unwrap() == want);
    for words in [
        &["zstd", "-c"][..],
        &["zstd", "-c", "--long=27", "-9"],
        &["pzstd", "-c"],
        &["gzip", "-1c"],
        &["xz", "-1c"],
        &["xz", "-0c", "--block-size=100000"],
    ] {
        let Some(packed) = program(words, &want) else {
            println!("skipped: no {}", words[0]);
            continue;
        };
        assert!(packed.len() < want.len(), "{words:?}");
        assert!(of_file(&packed).unwrap() == want, "{words:?}");
        // Two behind each other are one; a tape's block is filled with zeros.
        let twice = [packed.as_slice(), &packed, &[0; 1024]].concat();
        assert!(of_file(&twice).unwrap() == [want.as_slice(), &want].concat(), "{words:?}");
        for cut in [packed.len() - 1, packed.len() / 2, 20] {
            assert_eq!(id(of_file(&packed[..cut])).0, "ALT-634", "{words:?} cut at {cut}");
        }
        let (id, cause, _) = id(of_file(&[packed.as_slice(), b"rubbish"].concat()));
        assert!(id == "ALT-633" && cause.contains("other data"), "{words:?} {cause}");
        let mut wrong = packed.clone();
        let at = wrong.len() / 2;
        wrong[at..at + 8].iter_mut().for_each(|b| *b ^= 0x55);
        // Damage may also look like an early end.
        assert!(of_file(&wrong).is_err(), "{words:?}");
    }
}

#[test]
fn our_frames() {
    let want = content(10_000_000);
    for step in [4 << 20, 700_000, 1000] {
        let some = &want[..want.len().min(step * 100)];
        let packed = framed(some, step);
        assert!(of_file(&packed).unwrap() == some, "{step}");
        assert_eq!(program(&["zstd", "-dc"], &packed).map(|b| b == some), Some(true));
    }
    let packed = framed(&want, 1 << 20);
    for cut in [9, 13, packed.len() / 2, packed.len() - 1] {
        assert_eq!(id(of_file(&packed[..cut])).0, "ALT-634", "{cut}");
    }
    let mut wrong = packed.clone();
    let at = wrong.len() / 2;
    wrong[at] ^= 1;
    // Without a checksum of its own a frame may give other bytes: the archive's checksums find
    // that.
    assert!(of_file(&wrong).map_or(true, |b| b != want));
    // A frame that is too large to be unpacked apart, between small ones: the rest is a stream.
    let large = [framed(&want[..1000], 1000), framed(&want, 10 << 20), framed(&want[..5000], 1000)]
        .concat();
    assert!(of_file(&large).unwrap() == [&want[..1000], &want, &want[..5000]].concat());
    // Its length is a lie.
    for change in [1, 0xff] {
        let mut lie = framed(&want[..1000], 1000);
        lie[8] = lie[8].wrapping_add(change);
        assert!(of_file(&lie).is_err(), "{change}");
    }
}

/// Frames of any size, and a reader that holds what a restore may hold while it waits for more:
/// nobody waits for ever, and no memory is taken for frames of a byte.
#[test]
fn pieces_that_are_held() {
    let want = content(24 << 20);
    let sizes = [
        1usize,
        4 << 20,
        65536,
        3,
        1_000_000,
        100,
        4 << 20,
        70_000,
        65535,
        2_500_000,
        4 << 20,
        4 << 20,
    ];
    let (mut packed, mut at, mut n) = (vec![], 0, 0);
    while at < want.len() {
        // Stretches of tiny ones between.
        let size =
            if n % 600 < 500 { 1 + n % 50 } else { sizes[n % sizes.len()] }.min(want.len() - at);
        packed.extend(framed(&want[at..at + size], size));
        (at, n) = (at + size, n + 1);
    }
    // Padding of a tape's block.
    packed.extend([0; 5000]);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&packed).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let mut source = Input::from_file("frames".to_owned(), file).unwrap().decompressed().unwrap();
    let (mut held, mut span, mut at, mut most) = (std::collections::VecDeque::new(), 0, 0, 0);
    while let Some(piece) = source.next().unwrap() {
        assert!(*piece == want[at..at + piece.len()]);
        at += piece.len();
        span += piece.len();
        held.push_back(piece);
        while span - held[0].len() > 5 << 19 {
            span -= held.pop_front().unwrap().len();
        }
        most = most.max(held.len());
    }
    assert_eq!(at, want.len());
    assert!(most < 200, "{most}");
}

#[test]
fn what_is_not_unpacked() {
    for (start, program) in [
        (&b"BZh9"[..], "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x5d\0\0\x80", "xz"),
        (b"LZIP\x01", "lzip"),
    ] {
        let (id, cause, remedy) = id(of_file(&[start, &[9; 600]].concat()));
        assert_eq!(id, "ALT-632");
        assert!(
            cause.contains(program) && remedy.contains(&format!("{program} -dc /")),
            "{cause} {remedy}"
        );
    }
    // A window larger than any that is granted, and a dictionary likewise.
    let window = [&b"\x28\xb5\x2f\xfd\x00\xa8"[..], &[0; 100]].concat();
    let (id_, _, remedy) = id(of_file(&window));
    assert!(id_ == "ALT-632" && remedy.contains("zstd --long=31 -dc"), "{remedy}");
    if let Some(packed) =
        program(&["xz", "-c", "--lzma2=dict=512MiB,mode=fast,mf=hc3,nice=10"], b"x")
            .filter(|p| !p.is_empty())
    {
        let (id, _, remedy) = id(of_file(&packed));
        assert!(id == "ALT-632" && remedy.contains("xz -dc"), "{remedy}");
    }
}

#[test]
fn what_cannot_be_opened() {
    let dir = tempfile::tempdir().unwrap();
    for (name, want, text) in [
        ("nowhere", "ALT-630", "No such file"),
        (".", "ALT-630", "directory"),
        ("empty", "ALT-631", "empty"),
    ] {
        fs::write(dir.path().join("empty"), "").unwrap();
        let err = Input::open(&dir.path().join(name)).unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, want);
        assert!(err.to_string().contains(text), "{err}");
    }
}

#[test]
fn again_from_the_start() {
    let want = content(5_000_000);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&want).unwrap();
    let mut input = Input::open(file.path()).unwrap();
    for _ in 0..3 {
        assert!(input.seekable());
        // Threads that are still at work when it begins anew.
        drop(input.decompressed().unwrap().next().unwrap());
        input = input.reopen().unwrap();
    }
    assert!(all(&input).unwrap() == want);
    assert_eq!(input.consumed(), 5_000_000);
}

#[test]
fn a_fifo_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let want = content(3_000_000);
    let (to, packed) = (path.clone(), framed(&want, 1 << 20));
    let writer = std::thread::spawn(move || fs::write(to, packed));
    let input = Input::open(&path).unwrap();
    assert!(!input.seekable());
    assert!(all(&input).unwrap() == want);
    writer.join().unwrap().unwrap();
    let err = input.reopen().unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-640");
}

/// Reads keep the borders of the writes, and what does not fit is lost: as on a tape.
#[test]
fn blocks_of_a_tape() {
    let want = content(4_000_000);
    for (bytes, block) in [
        (want.clone(), 65536),
        (want.clone(), 10240),
        (framed(&want, 300_000), 131_072),
        (program(&["gzip", "-c"], &want).unwrap(), 32768),
    ] {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let writer = std::thread::spawn(move || {
            bytes.chunks(block).for_each(|b| assert_eq!(theirs.send(b).unwrap(), b.len()));
            // A file mark.
            theirs.send(b"").unwrap();
        });
        let input = Input::from_file("a tape".to_owned(), OwnedFd::from(ours).into()).unwrap();
        assert!(all(&input).unwrap() == want, "{block}");
        writer.join().unwrap();
    }
    let (ours, theirs) = nix::unistd::pipe2(OFlag::O_DIRECT).unwrap();
    let (reader, packets): (OwnedFd, File) = (ours, theirs.into());
    let sent = want.clone();
    let writer = std::thread::spawn(move || {
        sent.chunks(4096).for_each(|b| assert_eq!((&packets).write(b).unwrap(), b.len()))
    });
    assert!(all(&Input::from_file("packets".to_owned(), reader.into()).unwrap()).unwrap() == want);
    writer.join().unwrap();
}

#[test]
fn a_reader_that_leaves_stops_the_threads() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(1 << 40).unwrap();
    file.write_all_at(&content(1000), 0).unwrap();
    let input = Input::from_file("large".to_owned(), file).unwrap();
    let mut source = input.decompressed().unwrap();
    assert!(source.next().unwrap().is_some());
    drop(source);
    // What is in the queue and no more.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::sync::Arc::strong_count(&input.reading) > 1 {
        assert!(std::time::Instant::now() < end, "a thread still reads");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(input.consumed() < 100 << 20);
}
