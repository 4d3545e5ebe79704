use std::time::{Duration, Instant};

use proptest::prelude::*;

use crossterm::event::KeyModifiers;

use super::*;

const F: fn(u8) -> KeyCode = KeyCode::F;

/// The decoder's events as the codes of keys without modifiers.
trait Typing {
    fn type_bytes(&mut self, bytes: &[u8], now: Instant) -> Vec<KeyCode>;
    fn give_up(&mut self, now: Instant) -> Vec<KeyCode>;
}

impl Typing for Decoder {
    fn type_bytes(&mut self, bytes: &[u8], now: Instant) -> Vec<KeyCode> {
        codes(self.feed(bytes, now))
    }

    fn give_up(&mut self, now: Instant) -> Vec<KeyCode> {
        codes(self.expire(now))
    }
}

fn codes(events: Vec<Event>) -> Vec<KeyCode> {
    let code = |event| match event {
        Event::Key(key) if key.code == KeyCode::BackTab || key.modifiers.is_empty() => key.code,
        // Ctrl and a letter, in the random tests.
        Event::Key(_) | Event::Paste(_) => KeyCode::Null,
        other => panic!("{other:?}"),
    };
    events.into_iter().map(code).collect()
}

#[test]
fn control_and_a_letter() {
    let mut decoder = Decoder::with_timeout(Keyboard::Vt100, true, None);
    for (byte, c) in [(1, 'a'), (3, 'c'), (5, 'e'), (0x0c, 'l'), (0x1a, 'z'), (0x1c, '\\')] {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        assert_eq!(decoder.feed(&[byte], Instant::now()), [Event::Key(key)]);
    }
}

/// Whatever a read takes, pasted text is one event, and nothing of it is a key.
#[test]
fn marked_pastes() {
    let bytes = "a\x1b[200~vdb\r\nvdc\r\x1b[A\x03é\x1b[201~\r".as_bytes();
    let now = Instant::now();
    for read in [1, 2, 3, 7, 100] {
        let mut decoder = Decoder::with_timeout(Keyboard::Xterm, true, None);
        let events: Vec<Event> =
            bytes.chunks(read).flat_map(|part| decoder.feed(part, now)).collect();
        let want = [
            Event::Key(KeyCode::Char('a').into()),
            Event::Paste("vdb\nvdc\n\x1b[A\x03é".into()),
            Event::Key(KeyCode::Enter.into()),
        ];
        assert_eq!(events, want, "{read}");
        assert!(decoder.marks_pastes());
    }
}

/// A paste whose end is lost is given up, and what comes then is not trusted.
#[test]
fn a_paste_without_an_end() {
    let now = Instant::now();
    let mut decoder = Decoder::with_timeout(Keyboard::Xterm, true, None);
    assert_eq!(decoder.feed(b"\x1b[200~x\x1b[201~", now), [Event::Paste("x".into())]);
    assert_eq!(decoder.feed(b"\x1b[200~vdb\r", now), []);
    let deadline = decoder.deadline().unwrap();
    assert_eq!(decoder.expire(deadline), [Event::Paste("vdb\n".into())]);
    assert!(!decoder.marks_pastes());
    assert_eq!(decoder.feed(b"\r", now), [Event::Key(KeyCode::Enter.into())]);
    // An endless one is cut, and its end is still found.
    decoder.feed(b"\x1b[200~", now);
    decoder.feed(&vec![b'x'; 3 * MAX_PASTE], now);
    let events = decoder.feed(b"\x1b[201~q", now);
    assert!(matches!(&events[0], Event::Paste(text) if text.len() <= MAX_PASTE + 6), "{events:?}");
    assert_eq!(events[1..], [Event::Key(KeyCode::Char('q').into())]);
}

/// Who types Esc and a digit may look for the digit; what a line has torn is given up as soon as
/// ever.
#[test]
fn a_digit_may_be_looked_for() {
    let t = Instant::now();
    let after = |ms| t + Duration::from_millis(ms);
    let plain = || {
        Decoder::with_timeout(
            crate::term::capabilities::Capabilities::for_term("vt100").keyboard,
            true,
            None,
        )
    };
    for (mut decoder, ms, want) in
        [(plain().wait_for_digit(), 4000, vec![F(3)]), (plain(), 4000, vec![KeyCode::Char('3')])]
    {
        assert!(decoder.type_bytes(b"\x1b", t).is_empty() && decoder.is_escape_pending());
        decoder.give_up(after(ms));
        assert_eq!(decoder.type_bytes(b"3", after(ms)), want);
        assert!(!decoder.is_escape_pending());
    }
    let mut decoder = plain().wait_for_digit();
    decoder.type_bytes(b"\x1b[", t);
    assert!(!decoder.is_escape_pending());
    decoder.give_up(after(1001));
    assert_eq!(decoder.type_bytes(b"3", after(1001)), [KeyCode::Char('3')]);
}

/// Bytes and the key that they are, on every kind of terminal; None: swallowed whole.
const EVERYWHERE: &[(&str, Option<KeyCode>)] = &[
    ("\x1bOP", Some(KeyCode::F(1))),
    ("\x1bOQ", Some(KeyCode::F(2))),
    ("\x1bOR", Some(KeyCode::F(3))),
    ("\x1bOS", Some(KeyCode::F(4))),
    ("\x1b[11~", Some(KeyCode::F(1))),
    ("\x1b[12~", Some(KeyCode::F(2))),
    ("\x1b[13~", Some(KeyCode::F(3))),
    ("\x1b[14~", Some(KeyCode::F(4))),
    ("\x1b[15~", Some(KeyCode::F(5))),
    ("\x1b[17~", Some(KeyCode::F(6))),
    ("\x1b[18~", Some(KeyCode::F(7))),
    ("\x1b[19~", Some(KeyCode::F(8))),
    ("\x1b[20~", Some(KeyCode::F(9))),
    ("\x1b[21~", Some(KeyCode::F(10))),
    ("\x1b[[A", Some(KeyCode::F(1))),
    ("\x1b[[B", Some(KeyCode::F(2))),
    ("\x1b[[C", Some(KeyCode::F(3))),
    ("\x1b[[D", Some(KeyCode::F(4))),
    ("\x1b[[E", Some(KeyCode::F(5))),
    ("\x1b[[F", None),
    ("\x1b1", Some(KeyCode::F(1))),
    ("\x1b5", Some(KeyCode::F(5))),
    ("\x1b9", Some(KeyCode::F(9))),
    ("\x1b0", Some(KeyCode::F(10))),
    ("\x1b[A", Some(KeyCode::Up)),
    ("\x1b[B", Some(KeyCode::Down)),
    ("\x1b[C", Some(KeyCode::Right)),
    ("\x1b[D", Some(KeyCode::Left)),
    ("\x1b[H", Some(KeyCode::Home)),
    ("\x1b[F", Some(KeyCode::End)),
    ("\x1bOA", Some(KeyCode::Up)),
    ("\x1bOB", Some(KeyCode::Down)),
    ("\x1bOC", Some(KeyCode::Right)),
    ("\x1bOD", Some(KeyCode::Left)),
    ("\x1bOH", Some(KeyCode::Home)),
    ("\x1bOF", Some(KeyCode::End)),
    ("\x1b[1;5A", Some(KeyCode::Up)),
    ("\x1b[1~", Some(KeyCode::Home)),
    ("\x1b[7~", Some(KeyCode::Home)),
    ("\x1b[4~", Some(KeyCode::End)),
    ("\x1b[8~", Some(KeyCode::End)),
    ("\x1b[5~", Some(KeyCode::PageUp)),
    ("\x1b[6~", Some(KeyCode::PageDown)),
    ("\x1b[6;5~", Some(KeyCode::PageDown)),
    ("\x1b[2~", Some(KeyCode::Insert)),
    ("\x1b[3~", Some(KeyCode::Delete)),
    ("\x1bv", Some(KeyCode::PageUp)),
    ("\x1b<", Some(KeyCode::Home)),
    ("\x1b>", Some(KeyCode::End)),
    ("\x16", Some(KeyCode::PageDown)),
    ("\x06", Some(KeyCode::PageDown)),
    ("\x02", Some(KeyCode::PageUp)),
    ("\x10", Some(KeyCode::Up)),
    ("\x0e", Some(KeyCode::Down)),
    ("\r", Some(KeyCode::Enter)),
    ("\n", Some(KeyCode::Enter)),
    ("\r\n", Some(KeyCode::Enter)),
    ("\r\0", Some(KeyCode::Enter)),
    ("\x1bOM", Some(KeyCode::Enter)),
    ("\x08", Some(KeyCode::Backspace)),
    ("\x7f", Some(KeyCode::Backspace)),
    ("\t", Some(KeyCode::Tab)),
    ("\x1b\t", Some(KeyCode::BackTab)),
    ("\x1b[Z", Some(KeyCode::BackTab)),
    ("\x1bOp", Some(KeyCode::Char('0'))),
    ("\x1bOq", Some(KeyCode::Char('1'))),
    ("\x1bOr", Some(KeyCode::Char('2'))),
    ("\x1bOs", Some(KeyCode::Char('3'))),
    ("\x1bOy", Some(KeyCode::Char('9'))),
    ("\x1bOm", Some(KeyCode::Char('-'))),
    ("\x1bOn", Some(KeyCode::Char('.'))),
    ("\x1b\x1b", Some(KeyCode::Esc)),
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
    ("\x1b[001q", Some(KeyCode::F(1))),
    ("\x1b[010q", Some(KeyCode::F(10))),
    ("\x1b[150q", Some(KeyCode::PageUp)),
    ("a", Some(KeyCode::Char('a'))),
    (" ", Some(KeyCode::Char(' '))),
];

const VT100: &[(&str, Option<KeyCode>)] = &[
    ("\x1bOt", Some(KeyCode::F(5))),
    ("\x1bOu", Some(KeyCode::F(6))),
    ("\x1bOv", Some(KeyCode::F(7))),
    ("\x1bOl", Some(KeyCode::F(8))),
    ("\x1bOw", Some(KeyCode::F(9))),
    ("\x1bOx", Some(KeyCode::F(10))),
    ("\x1b[28~", None),
    ("\x1b[M", Some(KeyCode::F(1))),
    ("\x1b[V", Some(KeyCode::F(10))),
    ("\x1b[P", Some(KeyCode::F(1))),
    ("\x1b[Q", Some(KeyCode::F(2))),
    ("\x1b[R", Some(KeyCode::F(3))),
    ("\x1b[S", Some(KeyCode::F(4))),
];

const VT220: &[(&str, Option<KeyCode>)] = &[
    ("\x1bOt", Some(KeyCode::Char('4'))),
    ("\x1bOx", Some(KeyCode::Char('8'))),
    ("\x1bOl", Some(KeyCode::Char(','))),
    ("\x1b[28~", Some(KeyCode::F(1))),
    ("\x1b[29~", Some(KeyCode::Enter)),
    ("\x1b[24~", Some(KeyCode::Backspace)),
    ("\x1b[23~5", Some(KeyCode::F(5))),
];

const XTERM: &[(&str, Option<KeyCode>)] = &[
    ("\x1b[28~", None),
    ("\x1b[29~", None),
    ("\x1b[23~", None),
    ("\x1bOt", Some(KeyCode::Char('4'))),
    ("\x1bO5P", None),
];

const SCO: &[(&str, Option<KeyCode>)] = &[
    ("\x1b[M", Some(KeyCode::F(1))),
    ("\x1b[P", Some(KeyCode::F(4))),
    ("\x1b[V", Some(KeyCode::F(10))),
];

fn rows() -> impl Iterator<Item = (Keyboard, Vec<u8>, Option<KeyCode>)> {
    let kinds = [
        (Keyboard::Vt100, VT100),
        (Keyboard::Vt220, VT220),
        (Keyboard::Xterm, XTERM),
        (Keyboard::Sco, SCO),
    ];
    kinds.into_iter().flat_map(|(keys, own)| {
        own.iter().chain(EVERYWHERE).map(move |(b, key)| (keys, b.as_bytes().to_vec(), *key))
    })
}

/// The keys that `bytes` are when they come `gap` apart, then nothing for a second, then an `x` to
/// see that nothing sticks.
fn typed(decoder: &mut Decoder, bytes: &[u8], gap: Duration) -> Vec<KeyCode> {
    let (mut now, mut keys) = (Instant::now(), vec![]);
    for b in bytes {
        // As the reader does: nothing is given up before its time.
        if decoder.deadline().is_some_and(|d| d <= now) {
            keys.extend(decoder.give_up(now));
        }
        keys.extend(decoder.type_bytes(&[*b], now));
        now += gap;
    }
    then_silence(decoder, now, keys)
}

fn then_silence(decoder: &mut Decoder, now: Instant, mut keys: Vec<KeyCode>) -> Vec<KeyCode> {
    if let Some(deadline) = decoder.deadline() {
        assert!(deadline <= now + Duration::from_secs(1));
        assert_eq!(decoder.give_up(deadline - Duration::from_millis(1)), []);
        keys.extend(decoder.give_up(deadline));
    }
    assert_eq!(decoder.deadline(), None);
    assert_eq!(decoder.type_bytes(b"x", now), [KeyCode::Char('x')]);
    keys
}

#[test]
fn every_row_however_it_comes() {
    for (kind, bytes, key) in rows() {
        let wanted: Vec<KeyCode> = key.into_iter().collect();
        let shown = String::from_utf8_lossy(&bytes).escape_debug().to_string();
        let new = || Decoder::with_timeout(kind, true, None);
        let mut whole = new();
        let now = Instant::now();
        let keys = whole.type_bytes(&bytes, now);
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
        if wanted.is_empty() || shown == "\\n" || kind == Keyboard::Vt220 {
            continue;
        }
        let both = new().type_bytes(&[&bytes[..], &bytes[..], b"q"].concat(), now);
        assert_eq!(both, [wanted[0], wanted[0], KeyCode::Char('q')], "{shown} twice on {kind:?}");
    }
}

#[test]
fn eight_bit_controls() {
    for (utf8, bytes, key) in [
        (true, &b"\x9bA"[..], KeyCode::Up),
        (true, b"\x8fP", F(1)),
        (false, b"\x9b21~", F(10)),
        (false, b"\x8fM", KeyCode::Enter),
        (false, b"\xe9", KeyCode::Char('é')),
        (true, "é".as_bytes(), KeyCode::Char('é')),
        // Its second byte is a CSI of eight bits elsewhere.
        (true, "ě".as_bytes(), KeyCode::Char('ě')),
        (true, "ϛ".as_bytes(), KeyCode::Char('ϛ')),
        (true, "見".as_bytes(), KeyCode::Char('見')),
        (true, "🦀".as_bytes(), KeyCode::Char('🦀')),
    ] {
        for gap in [0, 1, 700] {
            let keys = typed(
                &mut Decoder::with_timeout(Keyboard::Vt220, utf8, None),
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
                typed(
                    &mut Decoder::with_timeout(Keyboard::Vt100, utf8, None),
                    bytes,
                    Duration::ZERO
                ),
                [],
                "{bytes:x?}"
            );
        }
    }
    let mut d = Decoder::with_timeout(Keyboard::Vt100, true, None);
    assert_eq!(
        d.type_bytes(b"\xff\xfe\xe9a\xc2\x9bA\xf0\x9fb", Instant::now()),
        "aAb".chars().map(KeyCode::Char).collect::<Vec<_>>()
    );
    // A sequence that the line cut off does not take the next key with it.
    assert_eq!(d.type_bytes(b"\x1b[1\r", Instant::now()), [KeyCode::Enter]);
    assert_eq!(d.type_bytes(b"\x1b[\x1b[A", Instant::now()), [KeyCode::Up]);
}

#[test]
fn alt_is_left_out() {
    let mut d = Decoder::with_timeout(Keyboard::Xterm, true, None);
    let now = Instant::now();
    assert_eq!(d.type_bytes(b"\x1b\x1b[A", now), [KeyCode::Up]);
    assert_eq!(d.type_bytes(b"\x1b\x1b\x1b[B", now), [KeyCode::Esc, KeyCode::Down]);
    assert_eq!(d.type_bytes(b"\x1b\x1bq", now), [KeyCode::Esc, KeyCode::Char('q')]);
    assert_eq!(d.type_bytes(b"\x1b", now), []);
    assert_eq!(d.type_bytes(b"\r", now), [KeyCode::Enter]);
}

#[test]
fn the_delay_can_be_chosen() {
    let now = Instant::now();
    let mut d = Decoder::with_timeout(Keyboard::Vt100, true, Some(Duration::from_millis(250)));
    d.type_bytes(b"\x1b", now);
    assert_eq!(d.deadline(), Some(now + Duration::from_millis(250)));
    assert_eq!(d.give_up(now + Duration::from_millis(250)), []);
    assert_eq!(d.type_bytes(b"5", now), [KeyCode::Char('5')]);
    let mut d = Decoder::with_timeout(Keyboard::Vt100, true, Some(Duration::from_secs(3600)));
    d.type_bytes(b"\x1b", now);
    assert!(d.deadline().unwrap() <= now + Duration::from_secs(5));
}

proptest! {
    #[test]
    fn random_bytes_never_stick(bytes in prop::collection::vec(any::<u8>(), 0..200), cuts in prop::collection::vec(1..9usize, 1..50), utf8: bool, kind in 0..4usize) {
        let mut d = Decoder::with_timeout([Keyboard::Vt100, Keyboard::Vt220, Keyboard::Xterm, Keyboard::Sco][kind], utf8, None);
        let (mut rest, mut now) = (&bytes[..], Instant::now());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            prop_assert!(d.type_bytes(piece, now).len() <= piece.len() + 1);
            prop_assert!(d.deadline().is_none_or(|t| t <= now + Duration::from_secs(1)));
            (rest, now) = (after, now + Duration::from_millis(7));
        }
        if let Some(t) = d.deadline() { d.give_up(t); }
        prop_assert_eq!(d.deadline(), None);
        prop_assert_eq!(d.type_bytes(b"x", now), vec![KeyCode::Char('x')]);
    }

    #[test]
    fn escapes_and_digits_never_stick(bytes in prop::collection::vec(prop::sample::select(b"\x1b\x1b[[O;?15~ABMvt$\r\n\x9b\x8f\xc3\xa9".to_vec()), 0..60)) {
        let mut d = Decoder::with_timeout(Keyboard::Vt100, true, None);
        let now = Instant::now();
        d.type_bytes(&bytes, now);
        if let Some(t) = d.deadline() { d.give_up(t); }
        prop_assert_eq!(d.type_bytes(b"x", now), vec![KeyCode::Char('x')]);
    }
}
