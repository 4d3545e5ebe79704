//! Paragraphs of fields, as control files and indexes have them (deb822(5)).

use std::io::{self, BufRead, Read};

/// The most bytes of a paragraph; the longest of the archive have some tens of thousands.
const MAX_PARAGRAPH: usize = 1 << 20;

/// One paragraph: names as written, values without the blanks around them; lines that go on keep
/// their line breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paragraph(pub Vec<(String, String)>);

impl Paragraph {
    /// The value of a field, whatever the case its name is written in.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn add(&mut self, line: &str) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.0.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
            return;
        }
        // Lines that are not fields are ignored: nothing depends on them.
        if let Some((name, value)) = line
            .split_once(':')
            .filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace))
        {
            self.0.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

/// Reads one paragraph after the other.
pub struct Paragraphs<R> {
    from: R,
}

impl<R: BufRead> Paragraphs<R> {
    /// Reads paragraphs from `from`.
    pub fn new(from: R) -> Self {
        Self { from }
    }

    /// The next paragraph; None at the end.
    ///
    /// # Errors
    /// If it cannot be read, or a paragraph is too long.
    pub fn next(&mut self) -> io::Result<Option<Paragraph>> {
        let (mut found, mut size) = (Paragraph::default(), 0);
        let mut line = vec![];
        loop {
            line.clear();
            let n = (&mut self.from)
                .take((MAX_PARAGRAPH - size) as u64 + 1)
                .read_until(b'\n', &mut line)?;
            size += n;
            if size > MAX_PARAGRAPH {
                return Err(io::Error::other(format!(
                    "a paragraph has more than {MAX_PARAGRAPH} bytes"
                )));
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            match (n, text.is_empty(), found.0.is_empty()) {
                (0, _, true) => return Ok(None),
                (0, _, false) | (_, true, false) => return Ok(Some(found)),
                // Blank lines before a paragraph, however many.
                (_, true, true) => size = 0,
                // Comments, and the armour around a signed Release file.
                _ if text.starts_with('#') || text.starts_with("-----BEGIN") => {}
                _ => found.add(text),
            }
        }
    }
}

/// The first paragraph of a text.
pub fn first(text: &[u8]) -> Paragraph {
    Paragraphs::new(text).next().ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<Paragraph> {
        let mut reader = Paragraphs::new(text);
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn paragraphs_and_their_fields() {
        let found =
            all(b"\n\nPackage: a\nDescription: one\n two\n .\n three\nnonsense\nX Y: z\n\n\n# not this\npackage:b\r\nVersion:\t1 \n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].get("description"), Some("one\n two\n .\n three"));
        assert_eq!(found[0].0.len(), 2);
        assert_eq!(
            (found[1].get("Package"), found[1].get("Version"), found[1].get("Arch")),
            (Some("b"), Some("1"), None)
        );
        assert!(all(b"").is_empty() && all(b"\n \n").is_empty());
        assert_eq!(all(b"a: \xff\n")[0].get("a"), Some("\u{fffd}"));
    }

    #[test]
    fn what_has_no_end_is_an_error() {
        let endless = vec![b'a'; MAX_PARAGRAPH + 2];
        assert!(Paragraphs::new(endless.as_slice()).next().is_err());
        let lines = b"a: b\n".repeat(MAX_PARAGRAPH / 5 + 2);
        assert!(Paragraphs::new(lines.as_slice()).next().is_err());
    }
}
