//! Keys by name, in every encoding that terminals send them.

/// All encodings of a key; a name that is none is text, sent as it is.
pub fn encodings(name: &str) -> Vec<Vec<u8>> {
    let own = |all: &[&str]| all.iter().map(|s| s.as_bytes().to_vec()).collect();
    match name {
        "F1" => own(&["\x1bOP", "\x1b[11~", "\x1b[[A", "\x1b[P", "\x1b1"]),
        "F2" => own(&["\x1bOQ", "\x1b[12~", "\x1b[[B", "\x1b[Q", "\x1b2"]),
        "F3" => own(&["\x1bOR", "\x1b[13~", "\x1b[[C", "\x1b3"]),
        "F4" => own(&["\x1bOS", "\x1b[14~", "\x1b[[D", "\x1b[S", "\x1b4"]),
        "F5" => own(&["\x1b[15~", "\x1b[[E", "\x1bOt", "\x1b5"]),
        "F6" => own(&["\x1b[17~", "\x1bOu", "\x1b6"]),
        "F7" => own(&["\x1b[18~", "\x1bOv", "\x1b7"]),
        "F8" => own(&["\x1b[19~", "\x1bOl", "\x1b8"]),
        "F9" => own(&["\x1b[20~", "\x1bOw", "\x1b9"]),
        "F10" => own(&["\x1b[21~", "\x1bOx", "\x1b0"]),
        "Up" => [own(&["\x1b[A", "\x1bOA", "\x10"]), vec![b"\x9bA".to_vec()]].concat(),
        "Down" => [own(&["\x1b[B", "\x1bOB", "\x0e"]), vec![b"\x9bB".to_vec()]].concat(),
        "Right" => own(&["\x1b[C", "\x1bOC"]),
        "Left" => own(&["\x1b[D", "\x1bOD"]),
        "Home" => own(&["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~", "\x1b<"]),
        "End" => own(&["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~", "\x1b>"]),
        "PageUp" => own(&["\x1b[5~", "\x1bv", "\x02"]),
        "PageDown" => own(&["\x1b[6~", "\x16", "\x06"]),
        "Insert" => own(&["\x1b[2~"]),
        "Delete" => own(&["\x1b[3~"]),
        "Enter" => own(&["\r", "\n", "\r\n", "\x1bOM"]),
        "Backspace" => own(&["\x7f", "\x08"]),
        "Tab" => own(&["\t"]),
        "BackTab" => own(&["\x1b[Z", "\x1b\t"]),
        "Esc" => own(&["\x1b\x1b"]),
        "Space" => own(&[" "]),
        _ => match name.strip_prefix("Ctrl-").and_then(|letter| letter.bytes().next()) {
            Some(letter) => vec![vec![letter & 0x1f]],
            None => vec![name.as_bytes().to_vec()],
        },
    }
}

/// The first of them, which a VT100 sends if it has the key.
pub fn first(name: &str) -> Vec<u8> {
    encodings(name).swap_remove(0)
}
