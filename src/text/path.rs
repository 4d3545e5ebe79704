//! Paths in messages. A path is bytes: a name may hold line breaks and what is not UTF-8.

use std::fmt::Write;

/// A path on one line: control characters and what is not UTF-8 as `\ooo`.
pub fn show_path(path: &[u8]) -> String {
    let mut out = String::new();
    for chunk in path.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|b| _ = write!(out, "\\{b:03o}"));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|b| _ = write!(out, "\\{b:03o}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_on_one_line() {
        assert_eq!(show_path(b"a\nb\xff\xc3\xa9"), "a\\012b\\377é");
    }
}
