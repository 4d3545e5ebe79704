use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const F: fn(u8) -> Key = Key::F;

/// Who types Esc and a digit may look for the digit; what a line has torn is given up as soon as
/// ever.
#[test]
fn a_digit_may_be_looked_for() {
    let t = Instant::now();
    let after = |ms| t + Duration::from_millis(ms);
    let plain = || Decoder::patient(crate::term::kind::Terminal::of("vt100").keys, true, None);
    for (mut decoder, ms, want) in
        [(plain().by_hand(), 4000, vec![F(3)]), (plain(), 4000, vec![Key::Char('3')])]
    {
        assert!(decoder.feed(b"\x1b", t).is_empty() && decoder.has_escape());
        decoder.expire(after(ms));
        assert_eq!(decoder.feed(b"3", after(ms)), want);
        assert!(!decoder.has_escape());
    }
    let mut decoder = plain().by_hand();
    decoder.feed(b"\x1b[", t);
    assert!(!decoder.has_escape());
    decoder.expire(after(1001));
    assert_eq!(decoder.feed(b"3", after(1001)), [Key::Char('3')]);
}

/// Bytes and the key that they are, on every kind of terminal; None: swallowed whole.
const EVERYWHERE: &[(&str, Option<Key>)] = &[
    ("\x1bOP", Some(Key::F(1))),
    ("\x1bOQ", Some(Key::F(2))),
    ("\x1bOR", Some(Key::F(3))),
    ("\x1bOS", Some(Key::F(4))),
    ("\x1b[11~", Some(Key::F(1))),
    ("\x1b[12~", Some(Key::F(2))),
    ("\x1b[13~", Some(Key::F(3))),
    ("\x1b[14~", Some(Key::F(4))),
    ("\x1b[15~", Some(Key::F(5))),
    ("\x1b[17~", Some(Key::F(6))),
    ("\x1b[18~", Some(Key::F(7))),
    ("\x1b[19~", Some(Key::F(8))),
    ("\x1b[20~", Some(Key::F(9))),
    ("\x1b[21~", Some(Key::F(10))),
    ("\x1b[[A", Some(Key::F(1))),
    ("\x1b[[B", Some(Key::F(2))),
    ("\x1b[[C", Some(Key::F(3))),
    ("\x1b[[D", Some(Key::F(4))),
    ("\x1b[[E", Some(Key::F(5))),
    ("\x1b[[F", None),
    ("\x1b1", Some(Key::F(1))),
    ("\x1b5", Some(Key::F(5))),
    ("\x1b9", Some(Key::F(9))),
    ("\x1b0", Some(Key::F(10))),
    ("\x1b[A", Some(Key::Up)),
    ("\x1b[B", Some(Key::Down)),
    ("\x1b[C", Some(Key::Right)),
    ("\x1b[D", Some(Key::Left)),
    ("\x1b[H", Some(Key::Home)),
    ("\x1b[F", Some(Key::End)),
    ("\x1bOA", Some(Key::Up)),
    ("\x1bOB", Some(Key::Down)),
    ("\x1bOC", Some(Key::Right)),
    ("\x1bOD", Some(Key::Left)),
    ("\x1bOH", Some(Key::Home)),
    ("\x1bOF", Some(Key::End)),
    ("\x1b[1;5A", Some(Key::Up)),
    ("\x1b[1~", Some(Key::Home)),
    ("\x1b[7~", Some(Key::Home)),
    ("\x1b[4~", Some(Key::End)),
    ("\x1b[8~", Some(Key::End)),
    ("\x1b[5~", Some(Key::PageUp)),
    ("\x1b[6~", Some(Key::PageDown)),
    ("\x1b[6;5~", Some(Key::PageDown)),
    ("\x1b[2~", Some(Key::Insert)),
    ("\x1b[3~", Some(Key::Delete)),
    ("\x1bv", Some(Key::PageUp)),
    ("\x1b<", Some(Key::Home)),
    ("\x1b>", Some(Key::End)),
    ("\x16", Some(Key::PageDown)),
    ("\x06", Some(Key::PageDown)),
    ("\x02", Some(Key::PageUp)),
    ("\x10", Some(Key::Up)),
    ("\x0e", Some(Key::Down)),
    ("\x01", Some(Key::Ctrl('a'))),
    ("\x05", Some(Key::Ctrl('e'))),
    ("\x03", Some(Key::Ctrl('c'))),
    ("\x0c", Some(Key::Ctrl('l'))),
    ("\x1a", Some(Key::Ctrl('z'))),
    ("\x1c", Some(Key::Ctrl('\\'))),
    ("\r", Some(Key::Enter)),
    ("\n", Some(Key::Enter)),
    ("\r\n", Some(Key::Enter)),
    ("\r\0", Some(Key::Enter)),
    ("\x1bOM", Some(Key::Enter)),
    ("\x08", Some(Key::Backspace)),
    ("\x7f", Some(Key::Backspace)),
    ("\t", Some(Key::Tab)),
    ("\x1b\t", Some(Key::BackTab)),
    ("\x1b[Z", Some(Key::BackTab)),
    ("\x1bOp", Some(Key::Char('0'))),
    ("\x1bOq", Some(Key::Char('1'))),
    ("\x1bOr", Some(Key::Char('2'))),
    ("\x1bOs", Some(Key::Char('3'))),
    ("\x1bOy", Some(Key::Char('9'))),
    ("\x1bOm", Some(Key::Char('-'))),
    ("\x1bOn", Some(Key::Char('.'))),
    ("\x1b\x1b", Some(Key::Esc)),
    ("\x1b[G", None),
    ("\x1bOE", None),
    ("\x1b[1;2R", None),
    ("\x1b[24;80R", None),
    ("\x1b[1;5P", None),
    ("\x1b[15;2~", None),
    ("\x1b[31~", None),
    ("\x1b[34~", None),
    ("\x1b[99x", None),
    ("\x1b[?1;2c", None),
    ("\x1b[5$", None),
    ("\x1b[5^", None),
    ("\x1bx", None),
    ("\x1b", None),
    ("\x1b[", None),
    ("\x1bO", None),
    ("\x1b[1", None),
    ("\x1b[001q", Some(Key::F(1))),
    ("\x1b[010q", Some(Key::F(10))),
    ("\x1b[150q", Some(Key::PageUp)),
    ("a", Some(Key::Char('a'))),
    (" ", Some(Key::Char(' '))),
];

const VT100: &[(&str, Option<Key>)] = &[
    ("\x1bOt", Some(Key::F(5))),
    ("\x1bOu", Some(Key::F(6))),
    ("\x1bOv", Some(Key::F(7))),
    ("\x1bOl", Some(Key::F(8))),
    ("\x1bOw", Some(Key::F(9))),
    ("\x1bOx", Some(Key::F(10))),
    ("\x1b[28~", None),
    ("\x1b[M", Some(Key::F(1))),
    ("\x1b[V", Some(Key::F(10))),
    ("\x1b[P", Some(Key::F(1))),
    ("\x1b[Q", Some(Key::F(2))),
    ("\x1b[R", Some(Key::F(3))),
    ("\x1b[S", Some(Key::F(4))),
];

const VT220: &[(&str, Option<Key>)] = &[
    ("\x1bOt", Some(Key::Char('4'))),
    ("\x1bOx", Some(Key::Char('8'))),
    ("\x1bOl", Some(Key::Char(','))),
    ("\x1b[28~", Some(Key::F(1))),
    ("\x1b[29~", Some(Key::Enter)),
    ("\x1b[24~", Some(Key::Backspace)),
    ("\x1b[23~5", Some(Key::F(5))),
];

const XTERM: &[(&str, Option<Key>)] = &[
    ("\x1b[28~", None),
    ("\x1b[29~", None),
    ("\x1b[23~", None),
    ("\x1bOt", Some(Key::Char('4'))),
    ("\x1bO5P", None),
];

const SCO: &[(&str, Option<Key>)] =
    &[("\x1b[M", Some(Key::F(1))), ("\x1b[P", Some(Key::F(4))), ("\x1b[V", Some(Key::F(10)))];

fn rows() -> impl Iterator<Item = (Keys, Vec<u8>, Option<Key>)> {
    let kinds =
        [(Keys::Vt100, VT100), (Keys::Vt220, VT220), (Keys::Xterm, XTERM), (Keys::Sco, SCO)];
    kinds.into_iter().flat_map(|(keys, own)| {
        own.iter().chain(EVERYWHERE).map(move |(b, key)| (keys, b.as_bytes().to_vec(), *key))
    })
}

/// The keys that `bytes` are when they come `gap` apart, then nothing for a second, then an `x` to
/// see that nothing sticks.
fn typed(decoder: &mut Decoder, bytes: &[u8], gap: Duration) -> Vec<Key> {
    let (mut now, mut keys) = (Instant::now(), vec![]);
    for b in bytes {
        // As the reader does: nothing is given up before its time.
        if decoder.deadline().is_some_and(|d| d <= now) {
            keys.extend(decoder.expire(now));
        }
        keys.extend(decoder.feed(&[*b], now));
        now += gap;
    }
    then_silence(decoder, now, keys)
}

fn then_silence(decoder: &mut Decoder, now: Instant, mut keys: Vec<Key>) -> Vec<Key> {
    if let Some(deadline) = decoder.deadline() {
        assert!(deadline <= now + Duration::from_secs(1));
        assert_eq!(decoder.expire(deadline - Duration::from_millis(1)), []);
        keys.extend(decoder.expire(deadline));
    }
    assert_eq!(decoder.deadline(), None);
    assert_eq!(decoder.feed(b"x", now), [Key::Char('x')]);
    keys
}

#[test]
fn every_row_however_it_comes() {
    for (kind, bytes, key) in rows() {
        let wanted: Vec<Key> = key.into_iter().collect();
        let shown = String::from_utf8_lossy(&bytes).escape_debug().to_string();
        let new = || Decoder::patient(kind, true, None);
        let mut whole = new();
        let now = Instant::now();
        let keys = whole.feed(&bytes, now);
        assert_eq!(then_silence(&mut whole, now, keys), wanted, "{shown} whole on {kind:?}");
        for gap in [0, 1, 5, 20, 100, 300, 700] {
            // Esc Esc is a key once nothing follows; that is sooner than 300 ms.
            assert_eq!(
                typed(&mut new(), &bytes, Duration::from_millis(gap)),
                wanted,
                "{shown} {gap} ms apart on {kind:?}"
            );
        }
        // And typed ahead, one after the other.
        if wanted.is_empty() || shown == "\\n" || kind == Keys::Vt220 {
            continue;
        }
        let both = new().feed(&[&bytes[..], &bytes[..], b"q"].concat(), now);
        assert_eq!(both, [wanted[0], wanted[0], Key::Char('q')], "{shown} twice on {kind:?}");
    }
}

#[test]
fn eight_bit_controls() {
    for (utf8, bytes, key) in [
        (true, &b"\x9bA"[..], Key::Up),
        (true, b"\x8fP", F(1)),
        (false, b"\x9b21~", F(10)),
        (false, b"\x8fM", Key::Enter),
        (false, b"\xe9", Key::Char('é')),
        (true, "é".as_bytes(), Key::Char('é')),
        // Its second byte is a CSI of eight bits elsewhere.
        (true, "ě".as_bytes(), Key::Char('ě')),
        (true, "ϛ".as_bytes(), Key::Char('ϛ')),
        (true, "見".as_bytes(), Key::Char('見')),
        (true, "🦀".as_bytes(), Key::Char('🦀')),
    ] {
        for gap in [0, 1, 700] {
            let keys = typed(
                &mut Decoder::patient(Keys::Vt220, utf8, None),
                bytes,
                Duration::from_millis(gap),
            );
            assert_eq!(keys, [key], "{bytes:x?}");
        }
    }
}

#[test]
fn noise_is_nothing() {
    for utf8 in [true, false] {
        for bytes in [&b"\xff\xff"[..], b"\0", b"\x80\x85", b"\xff\0\xff"] {
            assert_eq!(
                typed(&mut Decoder::patient(Keys::Vt100, utf8, None), bytes, Duration::ZERO),
                [],
                "{bytes:x?}"
            );
        }
    }
    let mut d = Decoder::patient(Keys::Vt100, true, None);
    assert_eq!(
        d.feed(b"\xff\xfe\xe9a\xc2\x9bA\xf0\x9fb", Instant::now()),
        "aAb".chars().map(Key::Char).collect::<Vec<_>>()
    );
    // A sequence that the line cut off does not take the next key with it.
    assert_eq!(d.feed(b"\x1b[1\r", Instant::now()), [Key::Enter]);
    assert_eq!(d.feed(b"\x1b[\x1b[A", Instant::now()), [Key::Up]);
}

#[test]
fn alt_is_left_out() {
    let mut d = Decoder::patient(Keys::Xterm, true, None);
    let now = Instant::now();
    assert_eq!(d.feed(b"\x1b\x1b[A", now), [Key::Up]);
    assert_eq!(d.feed(b"\x1b\x1b\x1b[B", now), [Key::Esc, Key::Down]);
    assert_eq!(d.feed(b"\x1b\x1bq", now), [Key::Esc, Key::Char('q')]);
    assert_eq!(d.feed(b"\x1b", now), []);
    assert_eq!(d.feed(b"\r", now), [Key::Enter]);
}

#[test]
fn the_delay_can_be_chosen() {
    let now = Instant::now();
    let mut d = Decoder::patient(Keys::Vt100, true, Some(Duration::from_millis(250)));
    d.feed(b"\x1b", now);
    assert_eq!(d.deadline(), Some(now + Duration::from_millis(250)));
    assert_eq!(d.expire(now + Duration::from_millis(250)), []);
    assert_eq!(d.feed(b"5", now), [Key::Char('5')]);
    let mut d = Decoder::patient(Keys::Vt100, true, Some(Duration::from_secs(3600)));
    d.feed(b"\x1b", now);
    assert!(d.deadline().unwrap() <= now + Duration::from_secs(5));
}

proptest! {
    #[test]
    fn random_bytes_never_stick(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(1..9usize, 1..50), utf8: bool, kind in 0..4usize) {
        let mut d = Decoder::patient([Keys::Vt100, Keys::Vt220, Keys::Xterm, Keys::Sco][kind], utf8, None);
        let (mut rest, mut now) = (&bytes[..], Instant::now());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            prop_assert!(d.feed(piece, now).len() <= piece.len() + 1);
            prop_assert!(d.deadline().is_none_or(|t| t <= now + Duration::from_secs(1)));
            (rest, now) = (after, now + Duration::from_millis(7));
        }
        if let Some(t) = d.deadline() { d.expire(t); }
        prop_assert_eq!(d.deadline(), None);
        prop_assert_eq!(d.feed(b"x", now), vec![Key::Char('x')]);
    }

    #[test]
    fn escapes_and_digits_never_stick(bytes in prop::collection::vec(prop::sample::select(b"\x1b\x1b[[O;?15~ABMvt$\r\n\x9b\x8f\xc3\xa9".to_vec()), 0..60)) {
        let mut d = Decoder::patient(Keys::Vt100, true, None);
        let now = Instant::now();
        d.feed(&bytes, now);
        if let Some(t) = d.deadline() { d.expire(t); }
        prop_assert_eq!(d.feed(b"x", now), vec![Key::Char('x')]);
    }
}
