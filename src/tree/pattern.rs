//! grep's basic regular expressions (POSIX BRE with GNU's additions), rewritten for the regex
//! crate.
//!
//! Bytes are matched, as grep does in the C locale: a dot is one byte, and the machine's
//! locale does not change what a list excludes. What the regex crate cannot express
//! (back-references), and what is wrong, is an error with its column.

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Column, counted in bytes from 1.
    pub column: usize,
    /// The reason.
    pub why: String,
}

/// The pattern in the regex crate's syntax, for a bytes regex without Unicode where a dot matches
/// newline too.
///
/// # Errors
/// For patterns that grep would refuse too; back-references; a repetition of an assertion.
pub fn translate(pattern: &[u8]) -> Result<String, PatternError> {
    let mut t =
        Translation { pattern, at: 0, out: "(?s-u)".to_owned(), open: vec![], last: Last::Start };
    while t.at < pattern.len() {
        t.step()?;
    }
    match t.open.last() {
        Some((column, _)) => Err(error_at(*column, r"this \( has no \)")),
        None => Ok(t.out),
    }
}

fn error_at(column: usize, why: &str) -> PatternError {
    PatternError { column, why: why.to_owned() }
}

/// The element before the current place, as far as it decides the meaning of a star.
#[derive(Clone, Copy)]
enum Last {
    /// Nothing: the start of the pattern, a group or a branch.
    Start,
    /// A `^` that anchors; like the start, but no second anchor.
    Anchor,
    /// Something that can be repeated, and where it begins in the output.
    Atom(usize),
    /// `\b` and the like.
    Assertion,
}

struct Translation<'a> {
    pattern: &'a [u8],
    at: usize,
    out: String,
    /// Open groups: their column, and where they begin in the output.
    open: Vec<(usize, usize)>,
    last: Last,
}

impl Translation<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.pattern.get(self.at + ahead).copied()
    }

    fn step(&mut self) -> Result<(), PatternError> {
        let byte = self.pattern[self.at];
        self.at += 1;
        match byte {
            b'\\' => self.escaped(),
            b'[' => self.bracket(),
            b'*' => self.repeat("*", b'*'),
            b'^' if matches!(self.last, Last::Start) => {
                self.out.push('^');
                self.last = Last::Anchor;
                Ok(())
            }
            b'$' if self.at == self.pattern.len()
                || (self.peek(0) == Some(b'\\') && matches!(self.peek(1), Some(b')' | b'|'))) =>
            {
                self.out.push('$');
                self.last = Last::Assertion;
                Ok(())
            }
            b'.' => self.atom("."),
            other => self.literal(other),
        }
    }

    fn atom(&mut self, text: &str) -> Result<(), PatternError> {
        self.last = Last::Atom(self.out.len());
        self.out.push_str(text);
        Ok(())
    }

    fn literal(&mut self, byte: u8) -> Result<(), PatternError> {
        let text = byte_text(byte);
        self.atom(&text)
    }

    /// A repetition of what stands before, or the character itself where nothing does.
    fn repeat(&mut self, how: &str, otherwise: u8) -> Result<(), PatternError> {
        match self.last {
            Last::Start | Last::Anchor => self.literal(otherwise),
            Last::Assertion => {
                Err(error_at(self.at, "there is nothing before this that could be repeated"))
            }
            Last::Atom(from) => {
                self.out.insert_str(from, "(?:");
                self.out.push(')');
                self.out.push_str(how);
                Ok(())
            }
        }
    }

    fn escaped(&mut self) -> Result<(), PatternError> {
        let Some(byte) = self.peek(0) else {
            return Err(error_at(self.at, r"a \ at the end escapes nothing"));
        };
        self.at += 1;
        match byte {
            b'(' => {
                self.open.push((self.at - 1, self.out.len()));
                self.out.push_str("(?:");
                self.last = Last::Start;
            }
            b')' => {
                let Some((_, from)) = self.open.pop() else {
                    return Err(error_at(self.at - 1, r"this \) has no \( before it"));
                };
                self.out.push(')');
                self.last = Last::Atom(from);
            }
            b'|' => {
                self.out.push('|');
                self.last = Last::Start;
            }
            b'{' => return self.interval(),
            b'+' => return self.repeat("+", b'+'),
            b'?' => return self.repeat("?", b'?'),
            b'1'..=b'9' => {
                return Err(error_at(
                    self.at - 1,
                    r"back-references (\1 to \9) are not supported; write the alternatives out with \|",
                ));
            }
            b'w' => return self.atom("[0-9A-Za-z_]"),
            b'W' => return self.atom("[^0-9A-Za-z_]"),
            b's' => return self.atom(r"[ \t-\r]"),
            b'S' => return self.atom(r"[^ \t-\r]"),
            b'b' | b'B' | b'<' | b'>' | b'`' | b'\'' => {
                self.out.push_str(match byte {
                    b'b' => r"\b",
                    b'B' => r"\B",
                    b'<' => r"\b{start}",
                    b'>' => r"\b{end}",
                    b'`' => r"\A",
                    _ => r"\z",
                });
                self.last = Last::Assertion;
            }
            other => return self.literal(other),
        }
        Ok(())
    }

    /// `\{2\}`, `\{2,\}`, `\{,3\}`, `\{2,3\}`; at the start of a pattern the brace is a brace.
    fn interval(&mut self) -> Result<(), PatternError> {
        const MAX_REPEAT: u32 = 32767;
        let column = self.at - 1;
        if matches!(self.last, Last::Start | Last::Anchor) {
            return self.literal(b'{');
        }
        let rest = &self.pattern[self.at..];
        let Some(end) = rest.windows(2).position(|w| w == br"\}") else {
            return Err(error_at(column, r"this \{ has no \}"));
        };
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        let (low, high) = text.split_once(',').unwrap_or((&text, &text));
        let wrong = || {
            error_at(
                column,
                r"\{ \} holds one number, or two with a comma, the smaller first, at most 32767",
            )
        };
        let number = |s: &str| -> Result<Option<u32>, PatternError> {
            if s.is_empty() {
                return Ok(None);
            }
            s.parse()
                .ok()
                .filter(|n| *n <= MAX_REPEAT && s.bytes().all(|b| b.is_ascii_digit()))
                .map(Some)
                .ok_or_else(wrong)
        };
        let (low, high) = (number(low)?, number(high)?);
        let how = match (low, high) {
            (None, None) if text == "," => "*".to_owned(),
            (None, None) => return Err(wrong()),
            (low, None) => format!("{{{},}}", low.unwrap_or(0)),
            (low, Some(high)) if low.unwrap_or(0) <= high => {
                format!("{{{},{high}}}", low.unwrap_or(0))
            }
            _ => return Err(wrong()),
        };
        self.at += end + 2;
        self.repeat(&how, b'{')
    }

    fn bracket(&mut self) -> Result<(), PatternError> {
        let column = self.at;
        let negated = self.peek(0) == Some(b'^');
        self.at += usize::from(negated);
        let inside = self.at;
        let mut set = [false; 256];
        loop {
            let Some(byte) = self.peek(0) else { return Err(error_at(column, "this [ has no ]")) };
            if byte == b']' && self.at > inside {
                break;
            }
            let named = byte == b'[' && matches!(self.peek(1), Some(b':' | b'='));
            let low = if named && self.peek(1) == Some(b':') {
                self.class(&mut set, column)?;
                None
            } else {
                Some(self.element(column)?)
            };
            if named && self.range_follows() {
                return Err(error_at(self.at + 1, "a class cannot begin a range"));
            }
            let Some(low) = low else { continue };
            let high = if self.range_follows() {
                self.at += 1;
                self.element(column)?
            } else {
                low
            };
            if low > high {
                return Err(error_at(self.at, "this range ends before it begins"));
            }
            set[usize::from(low)..=usize::from(high)].fill(true);
        }
        let text = &self.pattern[inside..self.at];
        self.at += 1;
        if !negated && text.len() > 2 && text[0] == b':' && text[text.len() - 1] == b':' {
            return Err(error_at(column, "a class is written with two brackets: [[:alpha:]]"));
        }
        if text.iter().any(|b| !b.is_ascii()) {
            return Err(error_at(
                column,
                r"only ASCII characters between [ and ]; write others as alternatives with \|",
            ));
        }
        let mut out = String::from(if negated { "[^" } else { "[" });
        for byte in (0..=255u8).filter(|b| set[usize::from(*b)]) {
            out.push_str(&format!(r"\x{byte:02x}"));
        }
        out.push(']');
        self.atom(&out)
    }

    fn range_follows(&self) -> bool {
        self.peek(0) == Some(b'-') && !matches!(self.peek(1), Some(b']') | None)
    }

    /// One character of a bracket, maybe as `[.x.]` or `[=x=]`.
    fn element(&mut self, column: usize) -> Result<u8, PatternError> {
        let Some(byte) = self.peek(0) else { return Err(error_at(column, "this [ has no ]")) };
        self.at += 1;
        let Some(mark) = self.peek(0).filter(|m| byte == b'[' && matches!(m, b'.' | b'=')) else {
            return Ok(byte);
        };
        match (self.peek(1), self.peek(2), self.peek(3)) {
            (Some(one), Some(m), Some(b']')) if m == mark => {
                self.at += 4;
                Ok(one)
            }
            _ => Err(error_at(self.at, "[. .] and [= =] hold one character")),
        }
    }

    fn class(&mut self, set: &mut [bool; 256], column: usize) -> Result<(), PatternError> {
        let rest = &self.pattern[self.at + 2..];
        let Some(end) = rest.windows(2).position(|w| w == b":]") else {
            return Err(error_at(column, "this [ has no ]"));
        };
        let member: fn(&u8) -> bool = match &rest[..end] {
            b"alpha" => u8::is_ascii_alphabetic,
            b"digit" => u8::is_ascii_digit,
            b"alnum" => u8::is_ascii_alphanumeric,
            b"upper" => u8::is_ascii_uppercase,
            b"lower" => u8::is_ascii_lowercase,
            b"space" => |b| matches!(b, b' ' | b'\t'..=b'\r'),
            b"blank" => |b| matches!(b, b' ' | b'\t'),
            b"punct" => u8::is_ascii_punctuation,
            b"print" => |b| matches!(b, b' '..=b'~'),
            b"graph" => u8::is_ascii_graphic,
            b"cntrl" => u8::is_ascii_control,
            b"xdigit" => u8::is_ascii_hexdigit,
            _ => {
                return Err(error_at(
                    self.at + 1,
                    "no such class; there are alpha digit alnum upper lower space blank punct print graph cntrl xdigit",
                ));
            }
        };
        for byte in (0..=255u8).filter(member) {
            set[usize::from(byte)] = true;
        }
        self.at += end + 4;
        Ok(())
    }
}

fn byte_text(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b' ') {
        char::from(byte).to_string()
    } else {
        format!(r"\x{byte:02x}")
    }
}

#[cfg(test)]
mod tests;
