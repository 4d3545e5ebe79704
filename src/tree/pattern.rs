//! grep's basic regular expressions (POSIX BRE with GNU's additions), rewritten for the regex
//! crate.
//!
//! Bytes are matched, as grep does in the C locale: a dot is one byte, and what the machine's
//! locale is does not change what a list excludes. What cannot be said there (back-references) or
//! is wrong is an error with its column.

/// What is wrong with a pattern, and where: the column counts bytes from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub column: usize,
    pub why: String,
}

/// The pattern in the regex crate's syntax, for a bytes regex without Unicode where a dot matches
/// newline too.
///
/// # Errors
/// What grep would refuse too; back-references; a repetition of an assertion.
pub fn translate(pattern: &[u8]) -> Result<String, Bad> {
    let mut t =
        Translation { pattern, at: 0, out: "(?s-u)".to_owned(), open: vec![], last: Last::Start };
    while t.at < pattern.len() {
        t.step()?;
    }
    match t.open.last() {
        Some((column, _)) => Err(bad(*column, r"this \( has no \)")),
        None => Ok(t.out),
    }
}

fn bad(column: usize, why: &str) -> Bad {
    Bad { column, why: why.to_owned() }
}

/// What stands before the current place, as far as it decides what a star means.
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

    fn step(&mut self) -> Result<(), Bad> {
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

    fn atom(&mut self, text: &str) -> Result<(), Bad> {
        self.last = Last::Atom(self.out.len());
        self.out.push_str(text);
        Ok(())
    }

    fn literal(&mut self, byte: u8) -> Result<(), Bad> {
        let text = byte_text(byte);
        self.atom(&text)
    }

    /// A repetition of what stands before, or the character itself where nothing does.
    fn repeat(&mut self, how: &str, otherwise: u8) -> Result<(), Bad> {
        match self.last {
            Last::Start | Last::Anchor => self.literal(otherwise),
            Last::Assertion => {
                Err(bad(self.at, "there is nothing before this that could be repeated"))
            }
            Last::Atom(from) => {
                self.out.insert_str(from, "(?:");
                self.out.push(')');
                self.out.push_str(how);
                Ok(())
            }
        }
    }

    fn escaped(&mut self) -> Result<(), Bad> {
        let Some(byte) = self.peek(0) else {
            return Err(bad(self.at, r"a \ at the end escapes nothing"));
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
                    return Err(bad(self.at - 1, r"this \) has no \( before it"));
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
                return Err(bad(
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
    fn interval(&mut self) -> Result<(), Bad> {
        const MAX_REPEAT: u32 = 32767;
        let column = self.at - 1;
        if matches!(self.last, Last::Start | Last::Anchor) {
            return self.literal(b'{');
        }
        let rest = &self.pattern[self.at..];
        let Some(end) = rest.windows(2).position(|w| w == br"\}") else {
            return Err(bad(column, r"this \{ has no \}"));
        };
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        let (low, high) = text.split_once(',').unwrap_or((&text, &text));
        let wrong = || {
            bad(
                column,
                r"\{ \} holds one number, or two with a comma, the smaller first, at most 32767",
            )
        };
        let number = |s: &str| -> Result<Option<u32>, Bad> {
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

    fn bracket(&mut self) -> Result<(), Bad> {
        let column = self.at;
        let negated = self.peek(0) == Some(b'^');
        self.at += usize::from(negated);
        let inside = self.at;
        let mut set = [false; 256];
        loop {
            let Some(byte) = self.peek(0) else { return Err(bad(column, "this [ has no ]")) };
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
                return Err(bad(self.at + 1, "a class cannot begin a range"));
            }
            let Some(low) = low else { continue };
            let high = if self.range_follows() {
                self.at += 1;
                self.element(column)?
            } else {
                low
            };
            if low > high {
                return Err(bad(self.at, "this range ends before it begins"));
            }
            set[usize::from(low)..=usize::from(high)].fill(true);
        }
        let text = &self.pattern[inside..self.at];
        self.at += 1;
        if !negated && text.len() > 2 && text[0] == b':' && text[text.len() - 1] == b':' {
            return Err(bad(column, "a class is written with two brackets: [[:alpha:]]"));
        }
        if text.iter().any(|b| !b.is_ascii()) {
            return Err(bad(
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
    fn element(&mut self, column: usize) -> Result<u8, Bad> {
        let Some(byte) = self.peek(0) else { return Err(bad(column, "this [ has no ]")) };
        self.at += 1;
        let Some(mark) = self.peek(0).filter(|m| byte == b'[' && matches!(m, b'.' | b'=')) else {
            return Ok(byte);
        };
        match (self.peek(1), self.peek(2), self.peek(3)) {
            (Some(one), Some(m), Some(b']')) if m == mark => {
                self.at += 4;
                Ok(one)
            }
            _ => Err(bad(self.at, "[. .] and [= =] hold one character")),
        }
    }

    fn class(&mut self, set: &mut [bool; 256], column: usize) -> Result<(), Bad> {
        let rest = &self.pattern[self.at + 2..];
        let Some(end) = rest.windows(2).position(|w| w == b":]") else {
            return Err(bad(column, "this [ has no ]"));
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
                return Err(bad(
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// What grep says: Some(matched) for each line, None where it refuses the pattern.
    fn grep(pattern: &[u8], lines: &[Vec<u8>]) -> Option<Vec<bool>> {
        use std::os::unix::ffi::OsStrExt;
        let mut child = Command::new("grep")
            .env("LC_ALL", "C")
            .args(["-n", "-a", "-z", "-e"])
            .arg(std::ffi::OsStr::from_bytes(pattern))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut text = lines.join(&0);
        text.push(0);
        // grep that refuses the pattern reads nothing.
        drop(child.stdin.take().unwrap().write_all(&text));
        let out = child.wait_with_output().unwrap();
        if out.status.code() == Some(2) {
            return None;
        }
        let mut matched = vec![false; lines.len()];
        for found in out.stdout.split(|b| *b == 0).filter(|f| !f.is_empty()) {
            let colon = found.iter().position(|b| *b == b':').unwrap();
            matched[std::str::from_utf8(&found[..colon]).unwrap().parse::<usize>().unwrap() - 1] =
                true;
        }
        Some(matched)
    }

    fn ours(pattern: &[u8], lines: &[Vec<u8>]) -> Option<Vec<bool>> {
        let regex = regex::bytes::Regex::new(&translate(pattern).ok()?).unwrap();
        Some(lines.iter().map(|l| regex.is_match(l)).collect())
    }

    fn agree(pattern: &[u8], lines: &[Vec<u8>]) -> bool {
        ours(pattern, lines) == grep(pattern, lines)
    }

    #[test]
    fn means_what_grep_means() {
        let lines: Vec<Vec<u8>> = [
            "./tmp",
            "./tmp/x",
            "./var/tmp/x",
            "./a.b",
            "./axb",
            "*a",
            "+a",
            "?",
            "{1}a",
            "aa",
            "aaa",
            "a$b",
            "a^b",
            "^a",
            "",
            "]",
            "a]",
            "-",
            "./A",
            "./a b",
            "./a\tb",
            "./x\\y",
            "./(x)",
            "a|b",
            "./é",
            "word one",
            "x_y",
            "a\\",
            "[",
            ":",
        ]
        .iter()
        .map(|s| s.as_bytes().to_vec())
        .chain([b"./\xff\xfe".to_vec(), b"./a\xffb".to_vec()])
        .collect();
        let patterns = [
            "^./tmp/",
            "^./tmp$",
            "/tmp/",
            r"a\.b",
            "a.b",
            "*a",
            "^*a",
            r"\(*a\)",
            r"\+a",
            r"\?",
            r"\{1\}a",
            r"a\{2\}",
            r"a\{2,\}",
            r"a\{,2\}$",
            r"a\{1,2\}b*",
            "a$b",
            "a^b",
            r"\(^a\)",
            r"x\|^a",
            r"a$\|b",
            r"\(a$\)",
            "a**",
            "[]]",
            "[^]]",
            "[]a]",
            "[a-c]",
            "[[:upper:]]",
            "[[:space:][:digit:]]",
            "[a-]",
            "[-a]",
            "[[.a.]]",
            "[[=a=]c]",
            r"[\]",
            r"[\n]",
            r"\w\W",
            r"\bone",
            r"\<one\>",
            r"x\By",
            r"\s",
            r"\S$",
            r"\`a",
            r"a\'",
            r"a\|",
            r"\|a",
            r"\(\)a",
            "é",
            ".é",
            "^.*$",
            "",
            "^",
            "$",
            "^$",
            "a{1}",
            "a+",
            "(x)",
            "a|b",
            r"\(a\|b\)*$",
            r"^\(ab*\)\{2\}",
            "^^a",
            "a$$",
            r"a\{0\}",
            r"\/",
            r"\-",
            "[.]",
            "[^a]",
            r"^\.",
            "[[]",
            "[:]",
            "[a:]",
            r"\(a\)\{1,2\}",
            r"a*\{2\}",
            r"[[:alpha:]-]",
        ];
        let wrong: Vec<&str> =
            patterns.into_iter().filter(|p| !agree(p.as_bytes(), &lines)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn refuses_what_grep_refuses_and_says_where() {
        for (pattern, column, why) in [
            (r"abc\", 4, "escapes nothing"),
            (r"ab\(c", 3, r"no \)"),
            (r"ab\)", 3, r"no \("),
            ("x[a", 2, "no ]"),
            ("[[:foo:]]", 2, "no such class"),
            ("[:space:]", 1, "two brackets"),
            ("[b-a]", 4, "before it begins"),
            (r"a\{2,1\}", 2, "smaller first"),
            (r"a\{x\}", 2, "numbers"),
            (r"a\{1", 2, r"no \}"),
            ("[[.space.]]", 2, "one character"),
            ("[[:alpha:]-z]", 11, "begin a range"),
            ("[[=a=]-c]", 7, "begin a range"),
        ] {
            let e = translate(pattern.as_bytes()).unwrap_err();
            let number = why == "numbers";
            assert!(e.column == column && (number || e.why.contains(why)), "{pattern}: {e:?}");
            assert_eq!(grep(pattern.as_bytes(), &[b"x".to_vec()]), None, "{pattern}");
        }
        assert!(translate(br"\(a\)\1").unwrap_err().why.contains("back-references"));
        assert!(translate(br"\b*").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn agrees_with_grep(
            parts in prop::collection::vec(prop::sample::select(vec![
                "a", "b", "/", ".", "*", "^", "$", r"\(", r"\)", r"\|", r"\{1,2\}", r"\{2\}", r"\+", r"\?", r"\.", "[ab]", "[^a/]", "[[:alpha:]]", "[b-]", "[]^]", "-", r"\w",
            ]), 1..9),
            lines in prop::collection::vec("[ab./*^$+?{}|()-]{0,8}", 1..12),
        ) {
            let pattern = parts.concat();
            let lines: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
            // A repetition of an assertion ($*, $\{2\}) is refused here and odd there.
            if let Some(mine) = ours(pattern.as_bytes(), &lines) {
                prop_assert_eq!(Some(mine), grep(pattern.as_bytes(), &lines), "{}", pattern);
            }
        }
    }
}
