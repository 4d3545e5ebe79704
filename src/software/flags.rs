//! `-I`: flags for the package manager, or AIX's letters.
//!
//! One or several words of letters such as `-acgX` are AIX's (installp): `a` apply and `c` commit
//! are always so, for Linux has no applied state to commit; `g` installs requisites too; `X` would
//! extend file systems, which is not needed, for space is checked first; `N` saves nothing, which
//! is always so; `Y` accepts licences. Anything else is the manager's own: split into words as a
//! shell would, with no shell running. What altdisk itself controls (which system, which sources,
//! whether anything is done at all) cannot be given there; [`refused`] has the tables, which are
//! looked at when it is known which manager it is.

mod refused;
mod secrets;

use anyhow::Result;

use crate::error;
use crate::text::printable;

/// Options of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Install what is needed too (`g`); without it a package whose requisites are missing is an
    /// error.
    pub requisites: bool,
    /// `Y`.
    pub accept_licences: bool,
    /// The manager's own flags, as given, in place of its defaults.
    pub native: Option<Vec<String>>,
}

/// AIX's default.
const DEFAULT: &str = "-acgX";
/// A word is AIX's if it has one of these letters, and only letters of installp.
const AIX_LETTERS: &str = "acgNXY";
/// Letters of installp that have no effect here.
const IGNORED: &str = "QqSVvw";
/// Letters of installp that are not supported, and what to use instead.
const UNSUPPORTED: [(&str, &str); 8] = [
    ("d", "-l says where the packages are"),
    ("f", "-b names a file that lists packages"),
    ("A", "-F and -f name fixes"),
    ("p", "--preview shows what would be done"),
    ("lLis", "`altdisk list packages` and `altdisk software` list packages"),
    ("urC", "packages can only be installed; a customization script (-s) can remove them"),
    ("F", "an older version is installed only where it is named: -w name=version"),
    ("bejJtxzBDEGIMORT", "it has no meaning here"),
];

/// Reads the value of `-I`; None: the default.
///
/// # Errors
/// ALT-737: letters that cannot be used, a quote that is not closed, something else than flags.
pub fn parse(value: Option<&str>) -> Result<Flags> {
    let value = value.unwrap_or(DEFAULT);
    let words = split(value)?;
    if words.is_empty() {
        return Err(error::BAD_MANAGER_FLAGS.with_cause("there are no flags after -I"));
    }
    if let Some(letters) = letters(&words) {
        return parse_aix(&letters);
    }
    if !words[0].starts_with('-') {
        return Err(error::BAD_MANAGER_FLAGS
            .with_cause(format!("`{}` after -I is not a flag", printable(&words[0], false))));
    }
    Ok(Flags { requisites: true, accept_licences: false, native: Some(words) })
}

impl Flags {
    /// Looks whether flags of the manager's own may be given to `manager` (`apt`, `dnf`, `zypper`,
    /// `pacman`).
    ///
    /// # Errors
    /// ALT-737 with the flag, and the flag of altdisk to use instead.
    pub fn check(&self, manager: &str) -> Result<()> {
        self.split_secrets(manager)?;
        let Some((word, why)) =
            self.native.as_deref().and_then(|own| refused::refused(manager, own))
        else {
            return Ok(());
        };
        Err(error::BAD_MANAGER_FLAGS.with_remedy(
            format!("`{}` after -I cannot be given to {manager}: {why}", printable(&word, false)),
            "leave it out; flags that change how packages are installed are allowed",
        ))
    }
}

/// The letters, if all words are flags of installp.
fn letters(words: &[String]) -> Option<String> {
    let known = |c: char| {
        c.is_ascii_alphabetic()
            && (AIX_LETTERS.contains(c)
                || IGNORED.contains(c)
                || UNSUPPORTED.iter().any(|(l, _)| l.contains(c)))
    };
    let mut all = String::new();
    for (n, word) in words.iter().enumerate() {
        let bare = match word.strip_prefix('-') {
            Some(bare) => bare,
            // Only the first one may come without: `acgX`.
            None if n == 0 => word,
            None => return None,
        };
        // The level of verbosity has a digit: -V2.
        let bare = bare
            .strip_suffix(|c: char| c.is_ascii_digit())
            .filter(|b| b.ends_with('V'))
            .unwrap_or(bare);
        if bare.is_empty() || !bare.chars().all(known) {
            return None;
        }
        all.push_str(bare);
    }
    all.contains(|c| AIX_LETTERS.contains(c)).then_some(all)
}

fn parse_aix(letters: &str) -> Result<Flags> {
    for c in letters.chars() {
        if let Some((_, why)) = UNSUPPORTED.iter().find(|(these, _)| these.contains(c)) {
            return Err(error::BAD_MANAGER_FLAGS
                .with_cause(format!("AIX's letter {c} after -I cannot be used: {why}")));
        }
    }
    Ok(Flags {
        requisites: letters.contains('g'),
        accept_licences: letters.contains('Y'),
        native: None,
    })
}

/// Words as a POSIX shell splits them: blanks, quotes and backslashes count, nothing is expanded.
fn split(text: &str) -> Result<Vec<String>> {
    let wrong = |why: &str| {
        error::BAD_MANAGER_FLAGS.with_cause(format!("`{}` after -I: {why}", printable(text, false)))
    };
    let (mut words, mut word, mut chars): (Vec<String>, Option<String>, _) =
        (vec![], None, text.chars());
    let mut quote: Option<char> = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let next = chars.next().ok_or_else(|| wrong("it ends with a backslash"))?;
                let word = word.get_or_insert_default();
                if quote.is_some() && !"\"\\$`".contains(next) {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) if c.is_control() => return Err(wrong("there is a control character in it")),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(wrong("a quote is not closed"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome(value: &str) -> String {
        match parse(Some(value)) {
            Ok(Flags { requisites, accept_licences, native: None }) => {
                format!("g={requisites} Y={accept_licences}")
            }
            Ok(Flags { native: Some(own), .. }) => own.join("|"),
            Err(e) => error::find(&e).unwrap().to_string(),
        }
    }

    #[test]
    fn letters_of_aix() {
        assert_eq!(
            parse(None).unwrap(),
            Flags { requisites: true, accept_licences: false, native: None }
        );
        let no = |c: char, why: &str| {
            format!("ALT-737: AIX's letter {c} after -I cannot be used: {why}")
        };
        let table = [
            ("-acgX", "g=true Y=false".to_owned()),
            ("acgX", "g=true Y=false".into()),
            ("-acgXY", "g=true Y=true".into()),
            ("-ac -X", "g=false Y=false".into()),
            ("-acgNQqwX -V2", "g=true Y=false".into()),
            (
                "-aF",
                no('F', "an older version is installed only where it is named: -w name=version"),
            ),
            ("-acgXd", no('d', "-l says where the packages are")),
            ("-ag -p", no('p', "--preview shows what would be done")),
        ];
        for (value, want) in table {
            assert_eq!(outcome(value), want, "{value}");
        }
    }

    #[test]
    fn flags_of_managers() {
        let table = [
            ("-y", "-y"),
            ("-q -V", "-q|-V"),
            (
                "--no-install-recommends -o 'Dpkg::Options::=--force-confnew'",
                "--no-install-recommends|-o|Dpkg::Options::=--force-confnew",
            ),
            ("--setopt=\"a b\" -x a\\ b ''", "--setopt=a b|-x|a b|"),
            ("--x \"\\$a \\n\"", "--x|$a \\n"),
            ("", "ALT-737: there are no flags after -I"),
            ("vim", "ALT-737: `vim` after -I is not a flag"),
            ("--x 'y", "ALT-737: `--x 'y` after -I: a quote is not closed"),
            ("--x \\", "ALT-737: `--x \\` after -I: it ends with a backslash"),
            ("-o a\u{7}", "ALT-737: `-o a\\x07` after -I: there is a control character in it"),
        ];
        for (value, want) in table {
            assert_eq!(outcome(value), want, "{value}");
        }
    }

    #[test]
    fn what_altdisk_controls() {
        let no = |manager: &str, value: &str| {
            parse(Some(value))
                .unwrap()
                .check(manager)
                .map_err(|e| error::find(&e).unwrap().to_string())
        };
        assert_eq!(no("apt", "--no-install-recommends -o Dpkg::Options::=--force-confnew"), Ok(()));
        assert_eq!(
            no("apt", "-qd"),
            Err("ALT-737: `-qd` after -I cannot be given to apt: altdisk decides whether packages are only fetched (or nothing is done): --preview shows it".into())
        );
        assert!(no("pacman", "-acgX").is_ok());
    }

    proptest! {
        #[test]
        fn splits_like_a_shell(text in "[ab'\"\\\\ $-]{0,12}") {
            let out = std::process::Command::new("sh").arg("-c").arg(format!("set -f; unset a b ab ba; for w in {text}; do printf '%s\\n' \"$w\"; done")).output().unwrap();
            // Where the shell expands something, or sees a comment or an error, there is nothing to
            // compare.
            if let (Ok(words), true, false) = (split(&text), out.status.success(), text.contains('$')) {
                let lines = words.iter().map(|w| format!("{w}\n")).collect::<String>();
                prop_assert_eq!(lines, String::from_utf8(out.stdout).unwrap());
            }
        }
    }
}
