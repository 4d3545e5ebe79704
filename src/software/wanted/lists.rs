//! Names of packages and fixes: in the value of a flag, separated by blanks, commas or line ends;
//! in a file, one on each line.
//!
//! Packages: what deb-control(5), rpm and pacman allow in names and versions together, so that a
//! typing error is reported here and a name never looks like a flag. Fixes: advisories
//! (`RHSA-2024:1234`), CVEs, bugs (`#1068412`, `LP:#2012345`, `bsc#12345`), level keywords.

use std::path::Path;

use anyhow::Result;

use crate::error;
use crate::text::printable;

/// The kind of names in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    Packages,
    Fixes,
}

/// The names of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `all` or `update_all` was among them.
    pub all: bool,
    /// In their order, each once.
    pub names: Vec<String>,
}

/// The longest name with its version, in bytes.
const MAX_NAME: usize = 200;

impl Names {
    /// Adds what another list has. A name without a version and the same with one are one package.
    ///
    /// # Errors
    /// ALT-107 if a package is requested in two versions.
    pub fn add(&mut self, other: Self, kind: ListKind) -> Result<()> {
        self.all |= other.all;
        for name in other.names {
            let (bare, version) = split(&name);
            let same = |had: &str| {
                if kind == ListKind::Fixes { had.eq_ignore_ascii_case(bare) } else { had == bare }
            };
            match self.names.iter_mut().find(|n| same(split(n).0)) {
                None => self.names.push(name),
                Some(had) => match (split(had).1, version) {
                    (Some(a), Some(b)) if a != b => {
                        let cause =
                            format!("`{bare}` is asked for in version {a} and in version {b}");
                        return Err(
                            error::BAD_VALUE.with_remedy(cause, "name each package in one version")
                        );
                    }
                    (None, Some(_)) => *had = name,
                    _ => {}
                },
            }
        }
        Ok(())
    }
}

fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once('=').map_or((name, None), |(name, version)| (name, Some(version)))
}

/// Parses the value of a flag.
///
/// # Errors
/// ALT-107 for a word that cannot be a name, and for an empty value.
pub fn parse_value(kind: ListKind, flag: &str, value: &str) -> Result<Names> {
    let what = kind.noun();
    let wrong = |cause: String| error::BAD_VALUE.with_remedy(cause, kind.remedy());
    let mut names = Names::default();
    let words: Vec<&str> =
        value.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()).collect();
    if words.is_empty() {
        return Err(wrong(format!("the value after {flag} names no {what}")));
    }
    for word in join_trackers(&words, kind) {
        if let Err((_, why)) = check_name(kind, &word) {
            return Err(wrong(format!(
                "`{}` after {flag} is not a {what}: {why}",
                printable(&word, false)
            )));
        }
        names.add(single(kind, word), kind)?;
    }
    Ok(names)
}

/// Parses the text of a file.
///
/// # Errors
/// ALT-736 with file:line:column.
pub fn parse_file(kind: ListKind, text: &[u8], file: &Path) -> Result<Names> {
    let name = printable(&file.to_string_lossy(), false);
    if text.contains(&0) {
        return Err(error::BAD_LIST.with_cause(format!("{name}: it is not text file")));
    }
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(e) => {
            let line = text[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            return Err(error::BAD_LIST
                .with_cause(format!("{name}:{line}:1: this line is not text in UTF-8")));
        }
    };
    let mut names = Names::default();
    for (n, line) in text.lines().enumerate() {
        let wrong = |column: usize, why: String| {
            error::BAD_LIST.with_cause(format!("{name}:{}:{column}: {why}", n + 1))
        };
        let Some((at, entry)) = strip_line(kind, line) else { continue };
        let column =
            |inside: usize| line[..at].chars().count() + entry[..inside].chars().count() + 1;
        let words: Vec<&str> = entry.split_whitespace().collect();
        let words = join_trackers(&words, kind);
        if let [_, second, ..] = words.as_slice() {
            let inside = entry.rfind(second.as_str()).unwrap_or(0);
            return Err(wrong(
                column(inside),
                format!("`{}`: write each name on a line of its own", printable(second, false)),
            ));
        }
        for word in words {
            if let Err((inside, why)) = check_name(kind, &word) {
                let inside =
                    if inside < entry.len() && entry.is_char_boundary(inside) { inside } else { 0 };
                return Err(wrong(
                    column(inside),
                    format!("`{}` is not a {}: {why}", printable(&word, false), kind.noun()),
                ));
            }
            names.add(single(kind, word), kind).map_err(|e| match error::find(&e) {
                Some(_) => wrong(column(0), error::cause(&e)),
                None => e,
            })?;
        }
    }
    if names == Names::default() {
        return Err(error::BAD_LIST.with_cause(format!("{name}: it names no {}", kind.noun())));
    }
    Ok(names)
}

impl ListKind {
    fn noun(self) -> &'static str {
        match self {
            Self::Packages => "package",
            Self::Fixes => "fix",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Packages => {
                "write whole names of packages, with blanks or commas between: -w 'vim curl=8.5.0-2'; all means every update"
            }
            Self::Fixes => {
                "write advisories, CVE or bug numbers with blanks or commas between: -F 'CVE-2024-33599 LP:#2012345'"
            }
        }
    }
}

/// A line without comment, blanks at its ends and AIX's prefix; and where that begins. None: there
/// is nothing in it.
fn strip_line(kind: ListKind, line: &str) -> Option<(usize, &str)> {
    let comment = line.char_indices().find(|(at, c)| {
        // A bug number begins like a comment: `#1068412` is one, `# 1068412` is not.
        let number = kind == ListKind::Fixes
            && line[at + c.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        *c == '#' && !number && (*at == 0 || line[..*at].ends_with(char::is_whitespace))
    });
    let kept = comment.map_or(line, |(at, _)| &line[..at]).trim_end();
    let mut rest = kept.trim_start();
    if kind == ListKind::Packages {
        rest = ["I:", "R:"].iter().find_map(|p| rest.strip_prefix(p)).map_or(rest, str::trim_start);
    }
    (!rest.is_empty()).then(|| (kept.len() - rest.len(), rest))
}

/// `LP: #123`, as changelogs write it, is one name: `LP:#123`.
fn join_trackers(words: &[&str], kind: ListKind) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    for word in words {
        match all.last_mut() {
            Some(last)
                if kind == ListKind::Fixes
                    && last.len() > 1
                    && last.ends_with(':')
                    && word.starts_with('#') =>
            {
                last.push_str(word)
            }
            _ => all.push((*word).to_owned()),
        }
    }
    all
}

fn single(kind: ListKind, word: String) -> Names {
    if kind == ListKind::Packages && ["all", "update_all"].contains(&word.as_str()) {
        return Names { all: true, names: vec![] };
    }
    Names { all: false, names: vec![word] }
}

/// The error for a name with an invalid first character.
fn describe_start(name: &str) -> Option<(usize, String)> {
    let why = match name.chars().next() {
        None => "the name is missing".to_owned(),
        Some('*' | '?' | '[') => PATTERNS.to_owned(),
        Some(c) => format!("it begins with `{}`", printable(&c.to_string(), false)),
    };
    Some((0, why))
}

const PATTERNS: &str = "patterns are not possible; write whole names";

/// Checks a name. The error has the position in bytes, and the reason.
fn check_name(kind: ListKind, word: &str) -> Result<(), (usize, String)> {
    if word.len() > MAX_NAME {
        return Err((0, format!("it is longer than {MAX_NAME} characters")));
    }
    let allowed = |c: char, more: &str| c.is_ascii_alphanumeric() || more.contains(c);
    let strange = |text: &str, from: usize, more: &str| {
        let at = text.char_indices().find(|(_, c)| !allowed(*c, more));
        at.map(|(n, c)| match c {
            '*' | '?' | '[' => (from + n, PATTERNS.to_owned()),
            c => (from + n, format!("there is `{}` in it", printable(&c.to_string(), false))),
        })
    };
    if kind == ListKind::Fixes {
        let wrong = if word.starts_with(|c| allowed(c, "#")) {
            strange(word, 0, "._-:#/+")
        } else {
            describe_start(word)
        };
        return wrong.map_or(Ok(()), Err);
    }
    let (name, version) = split(word);
    if !name.starts_with(|c| allowed(c, "_@")) {
        return describe_start(name).map_or(Ok(()), Err);
    }
    // `:` is between a package and its architecture (libc6:i386), `@` is in names of pacman.
    if let Some(wrong) = strange(name, 0, "._+-:@") {
        return Err(wrong);
    }
    match version {
        Some("") => Err((name.len(), "the version is missing after `=`".into())),
        Some(version) => strange(version, name.len() + 1, "._+-:~^").map_or(Ok(()), Err),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(names: Result<Names>) -> String {
        match names {
            Ok(n) => format!("{}{}", if n.all { "ALL " } else { "" }, n.names.join("|")),
            Err(e) => error::find(&e).unwrap().to_string(),
        }
    }

    #[test]
    fn values() {
        let table = [
            ("vim", "vim"),
            ("vim,curl  nano\nless\tvim", "vim|curl|nano|less"),
            ("all", "ALL "),
            ("all vim", "ALL vim"),
            ("update_all", "ALL "),
            ("libc6:i386=2.36-9+deb12u4 python3.11", "libc6:i386=2.36-9+deb12u4|python3.11"),
            ("kernel-core=6.8.5-301.fc40 glibc.x86_64", "kernel-core=6.8.5-301.fc40|glibc.x86_64"),
            ("x=1:2~rc1^git", "x=1:2~rc1^git"),
            ("vim vim=2:9 vim", "vim=2:9"),
            ("", "ALT-107: the value after -w names no package"),
            (" , ", "ALT-107: the value after -w names no package"),
            ("-y", "ALT-107: `-y` after -w is not a package: it begins with `-`"),
            (
                "linux-*",
                "ALT-107: `linux-*` after -w is not a package: patterns are not possible; write whole names",
            ),
            ("a;reboot", "ALT-107: `a;reboot` after -w is not a package: there is `;` in it"),
            ("a=", "ALT-107: `a=` after -w is not a package: the version is missing after `=`"),
            ("=1", "ALT-107: `=1` after -w is not a package: the name is missing"),
            ("a=1=2", "ALT-107: `a=1=2` after -w is not a package: there is `=` in it"),
            (
                "a\u{1b}[2J",
                "ALT-107: `a\\x1b[2J` after -w is not a package: there is `\\x1b` in it",
            ),
        ];
        for (text, want) in table {
            assert_eq!(shown(parse_value(ListKind::Packages, "-w", text)), want, "{text:?}");
        }
    }

    #[test]
    fn fixes() {
        let table = [
            ("CVE-2024-33599,RHSA-2024:1234 #1068412", "CVE-2024-33599|RHSA-2024:1234|#1068412"),
            ("LP: #123, LP:#124 LP#125", "LP:#123|LP:#124|LP#125"),
            (
                "12.11_ML bsc#12345 openSUSE-SU-2024:0123-1",
                "12.11_ML|bsc#12345|openSUSE-SU-2024:0123-1",
            ),
            ("cve-2024-1 CVE-2024-1", "cve-2024-1"),
            ("-x", "ALT-107: `-x` after -F is not a fix: it begins with `-`"),
            (
                "CVE-2024-*",
                "ALT-107: `CVE-2024-*` after -F is not a fix: patterns are not possible; write whole names",
            ),
        ];
        for (text, want) in table {
            assert_eq!(shown(parse_value(ListKind::Fixes, "-F", text)), want, "{text:?}");
        }
    }

    #[test]
    fn files() {
        let packages = [
            ("vim\ncurl\n", "vim|curl"),
            ("\u{feff}# title\r\n\r\n  I:vim  # editor\r\nR: curl=8\n\tall\n", "ALL vim|curl=8"),
            ("update_all", "ALL "),
            ("", "ALT-736: b: it names no package"),
            ("# nothing\n", "ALT-736: b: it names no package"),
            ("a\nb c\n", "ALT-736: b:2:3: `c`: write each name on a line of its own"),
            (
                "a\n  I:x*y\n",
                "ALT-736: b:2:6: `x*y` is not a package: patterns are not possible; write whole names",
            ),
            ("ok\nb\x07\n", "ALT-736: b:2:2: `b\\x07` is not a package: there is `\\x07` in it"),
            ("x=1\ny\nx=2", "ALT-736: b:3:1: `x` is asked for in version 1 and in version 2"),
            ("\0\x7fELF", "ALT-736: b: it is not text file"),
        ];
        for (text, want) in packages {
            assert_eq!(
                shown(parse_file(ListKind::Packages, text.as_bytes(), Path::new("b"))),
                want,
                "{text:?}"
            );
        }
        let fixes = [
            ("#1068412\n# 99 red\nLP: #5 # why\nCVE-2024-1 #x\n", "#1068412|LP:#5|CVE-2024-1"),
            ("I:x1", "I:x1"),
            ("CVE-1 CVE-2", "ALT-736: b:1:7: `CVE-2`: write each name on a line of its own"),
        ];
        for (text, want) in fixes {
            assert_eq!(
                shown(parse_file(ListKind::Fixes, text.as_bytes(), Path::new("b"))),
                want,
                "{text:?}"
            );
        }
        assert_eq!(
            shown(parse_file(ListKind::Fixes, b"CVE-1\n\xff\n", Path::new("b"))),
            "ALT-736: b:2:1: this line is not text in UTF-8"
        );
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in "[a-z#:I=R \\n,*\u{e9}]{0,40}") {
            for kind in [ListKind::Packages, ListKind::Fixes] {
                drop(parse_file(kind, &bytes, Path::new("b")));
                for names in [parse_file(kind, text.as_bytes(), Path::new("b")), parse_value(kind, "-w", &text)].into_iter().flatten() {
                    prop_assert!(names.names.iter().all(|n| !n.starts_with('-') && !n.contains(' ')));
                }
            }
        }
    }
}
