//! A scanner faithful to getopt(3): clusters (`-BV`), attached values (`-P12`), `--` ends the
//! flags, a lone `-` is an operand, operands may stand anywhere; and getopt_long's `--name=value`.
//! A value is whatever follows, even if it begins with `-`. Works on bytes: a name need not be
//! UTF-8.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::Result;

use crate::diagnostic::suggest::edit_distance;
use crate::error;
use crate::flags::aix::{AIX_FLAGS, AixFlag};
use crate::flags::{Command, Flag};

/// The parsed command line: flags in their order, and operands.
#[derive(Debug)]
pub struct Parsed {
    command: &'static Command,
    given: Vec<(&'static Flag, Option<OsString>)>,
    /// The words that are no flags.
    pub operands: Vec<OsString>,
}

impl Parsed {
    /// Whether the flag called `name` was given. The command must have it.
    pub fn has(&self, name: &str) -> bool {
        self.assert_known(name);
        self.has_any(name)
    }

    /// Whether a flag called `name` was given, for commands that may not have it.
    pub fn has_any(&self, name: &str) -> bool {
        self.given.iter().any(|(f, _)| f.has_name(name))
    }

    /// The flag's value.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.values(name).last()
    }

    /// A name that the table does not have is a mistake in this program: tests find it.
    fn assert_known(&self, name: &str) {
        debug_assert!(self.command.flag(name).is_some(), "{} has no {name}", self.command.name);
    }

    /// The first flag that does not belong to form number `form` of the command.
    pub fn flag_outside(&self, form: usize) -> Option<&'static Flag> {
        self.flags().find(|f| !f.forms.contain(form))
    }

    /// The first flag that needs another one which is not given, and the name of that one.
    pub fn unmet_requirement(&self) -> Option<(&'static Flag, &'static str)> {
        self.flags()
            .filter_map(|f| f.requires.map(|name| (f, name)))
            .find(|(_, name)| !self.has(name))
    }

    /// All values of a flag that may be repeated.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &OsStr> {
        self.assert_known(name);
        self.given.iter().filter(move |(f, _)| f.has_name(name)).filter_map(|(_, v)| v.as_deref())
    }

    /// The values of several flags that mean the same, in the order in which they were given.
    pub fn flags_with_values(&self, names: &[&str]) -> impl Iterator<Item = &OsStr> {
        self.given
            .iter()
            .filter(move |(f, _)| names.iter().any(|n| f.has_name(n)))
            .filter_map(|(_, v)| v.as_deref())
    }

    /// The flags that were given.
    pub fn flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.given.iter().map(|(f, _)| *f)
    }

    fn add(&mut self, flag: &'static Flag, value: Option<OsString>) -> Result<()> {
        let other = self.given.iter().find(|(f, v)| std::ptr::eq(*f, flag) && *v != value);
        if let (Some((_, Some(first))), Some(second), false) = (other, &value, flag.repeats) {
            let (first, second) = (first.to_string_lossy(), second.to_string_lossy());
            return Err(error::CONTRADICTORY_FLAG.with_cause(format!(
                "{} is given twice, with `{first}` and with `{second}`",
                flag.typed()
            )));
        }
        self.given.push((flag, value));
        Ok(())
    }
}

/// Sorts the words after the command's name into flags and operands.
///
/// # Errors
/// ALT-101 to ALT-104 and ALT-106: what is wrong with the form of the command line.
pub fn parse(command: &'static Command, args: &[OsString]) -> Result<Parsed> {
    let mut parsed = Parsed { command, given: vec![], operands: vec![] };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_bytes() {
            b"--" => {
                parsed.operands.extend(words.by_ref().cloned());
            }
            [b'-', b'-', long @ ..] => {
                let (name, attached) = match long.iter().position(|b| *b == b'=') {
                    Some(at) => (&long[..at], Some(OsString::from_vec(long[at + 1..].to_vec()))),
                    None => (long, None),
                };
                let name = String::from_utf8_lossy(name);
                let flag = command
                    .flags
                    .iter()
                    .find(|f| f.long == Some(&name))
                    .ok_or_else(|| unknown_flag(command, &format!("--{name}")))?;
                let value = match (flag.value, attached) {
                    (None, Some(_)) => {
                        return Err(
                            error::UNEXPECTED_VALUE.with_cause(format!("--{name} takes no value"))
                        );
                    }
                    (Some(_), None) => {
                        Some(words.next().cloned().ok_or_else(|| missing_value(flag))?)
                    }
                    (_, attached) => attached,
                };
                parsed.add(flag, value)?;
            }
            [b'-', cluster @ ..] if !cluster.is_empty() => {
                scan_cluster(command, cluster, &mut words, &mut parsed)?
            }
            _ => parsed.operands.push(word.clone()),
        }
    }
    // Help is help, whatever else stands on the line.
    match parsed.operands.first() {
        Some(word) if !command.takes_operands() && !parsed.has_any("help") => {
            Err(error::UNEXPECTED_OPERAND.with_cause(format!(
                "{} takes no operands; `{}` is one",
                command.name,
                word.to_string_lossy()
            )))
        }
        _ => Ok(parsed),
    }
}

fn scan_cluster<'a>(
    command: &Command,
    cluster: &[u8],
    words: &mut impl Iterator<Item = &'a OsString>,
    parsed: &mut Parsed,
) -> Result<()> {
    for (i, byte) in cluster.iter().enumerate() {
        let flag = command
            .flags
            .iter()
            .find(|f| f.short == Some(char::from(*byte)) && byte.is_ascii())
            .ok_or_else(|| {
                let shown = cluster[i..]
                    .utf8_chunks()
                    .next()
                    .and_then(|c| c.valid().chars().next())
                    .unwrap_or('\u{fffd}');
                unknown_flag(command, &format!("-{shown}"))
            })?;
        if flag.value.is_none() {
            parsed.add(flag, None)?;
            continue;
        }
        let rest = &cluster[i + 1..];
        let value = if rest.is_empty() {
            words.next().cloned().ok_or_else(|| missing_value(flag))?
        } else {
            OsString::from_vec(rest.to_vec())
        };
        return parsed.add(flag, Some(value));
    }
    Ok(())
}

fn missing_value(flag: &Flag) -> anyhow::Error {
    error::MISSING_VALUE.with_cause(format!("{} needs a value: {}", flag.typed(), flag.shown()))
}

fn unknown_flag(command: &Command, typed: &str) -> anyhow::Error {
    let cause = format!("{} has no flag {typed}", command.name);
    if let Some(e) = find_aix_flag(command, typed) {
        return error::UNKNOWN_FLAG.with_remedy(
            format!("{cause}; on AIX it is: {}", e.meaning),
            format!("that {}; `{} --help` lists all flags", e.alternative, command.invocation()),
        );
    }
    match suggest_flag(command, typed) {
        Some(near) => error::UNKNOWN_FLAG.with_remedy(
            cause,
            format!("perhaps {near} is meant; `{} --help` lists all flags", command.invocation()),
        ),
        None => error::UNKNOWN_FLAG
            .with_remedy(cause, format!("`{} --help` lists all flags", command.invocation())),
    }
}

/// A letter of AIX's commands around alternate disks.
fn find_aix_flag(command: &Command, typed: &str) -> Option<&'static AixFlag> {
    let mut letters = typed.strip_prefix('-')?.chars();
    let letter = letters
        .next()
        .filter(|_| letters.next().is_none() && command.name == "alt_disk_install")?;
    AIX_FLAGS.iter().find(|e| e.letter == letter)
}

/// The flag that `typed` probably means: a letter in the other case, a name with at most two wrong characters.
/// Never one that takes something away.
fn suggest_flag(command: &Command, typed: &str) -> Option<String> {
    let word = typed.trim_start_matches('-');
    let flags = || command.flags.iter().filter(|f| !f.drastic);
    if !typed.starts_with("--") {
        let other_case = |f: &&Flag| {
            f.short.is_some_and(|c| word.eq_ignore_ascii_case(c.encode_utf8(&mut [0; 4])))
        };
        let help = |f: &&Flag| word == "h" && f.long == Some("help");
        return flags().find(other_case).or_else(|| flags().find(help)).map(Flag::typed);
    }
    let by_distance = flags().filter_map(|f| f.long.map(|l| (edit_distance(word, l), f)));
    if let Some((_, flag)) = by_distance.filter(|(n, _)| *n <= 2).min_by_key(|(n, _)| *n) {
        return Some(flag.typed());
    }
    flags().find(|f| f.has_name(word)).map(Flag::typed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{ALT_DISK_INSTALL, ERRORS};
    use crate::text::shell::quote;
    use proptest::prelude::*;

    /// Flags and operands as one line: `C P=12 | vdb`.
    fn scan(line: &[&str]) -> String {
        let args: Vec<OsString> = line.iter().map(OsString::from).collect();
        match parse(&ALT_DISK_INSTALL, &args) {
            Ok(p) => {
                let flags = p.given.iter().map(|(f, v)| {
                    let name = f.typed().trim_start_matches('-').to_owned();
                    v.as_ref().map_or(name.clone(), |v| format!("{name}={}", v.to_string_lossy()))
                });
                let operands = p.operands.iter().map(|o| o.to_string_lossy().into_owned());
                format!(
                    "{} | {}",
                    flags.collect::<Vec<_>>().join(" "),
                    operands.collect::<Vec<_>>().join(" ")
                )
            }
            Err(e) => {
                let alt = error::find(&e).unwrap();
                format!("{alt} -> {}", alt.remedy)
            }
        }
    }

    #[test]
    fn scans_like_getopt() {
        let table: &[(&[&str], &str)] = &[
            (&["-C", "vdb"], "C | vdb"),
            (&["-BV", "-C"], "B V C | "),
            (&["-P", "12"], "P=12 | "),
            (&["-P12"], "P=12 | "),
            (&["-CP12", "vdb"], "C P=12 | vdb"),
            (&["-CBP", "12", "vdb"], "C B P=12 | vdb"),
            (&["-pplatform"], "p=platform | "),
            (&["-F", "a b"], "F=a b | "),
            (&["-Fa b"], "F=a b | "),
            (&["-P=12"], "P==12 | "),
            (&["vdb", "-C", "vdc", "-B"], "C B | vdb vdc"),
            (&["-C", "--", "-B", "--preview"], "C | -B --preview"),
            (&["-C", "-"], "C | -"),
            (&["-s", "-B"], "s=-B | "),
            (&["-s", "--", "x"], "s=-- | x"),
            (&["-P", ""], "P= | "),
            (&["", "-C"], "C | "),
            (&["--erase", "A", "--erase=B=C", "--erase="], "erase=A erase=B=C erase= | "),
            (&["-P", "1", "-P1"], "P=1 P=1 | "),
            (&["-V", "-V"], "V V | "),
        ];
        for (line, want) in table {
            assert_eq!(&scan(line), want, "{line:?}");
        }
    }

    #[test]
    fn refuses_what_getopt_refuses() {
        let all = "`alt_disk_install --help` lists all flags";
        assert_eq!(scan(&["-CZ"]), format!("ALT-101: alt_disk_install has no flag -Z -> {all}"));
        assert_eq!(
            scan(&["-E"]),
            format!("ALT-101: alt_disk_install has no flag -E -> perhaps -e is meant; {all}")
        );
        assert_eq!((scan(&["-h"]), scan(&["--help"])), ("h | ".into(), "h | ".into()));
        assert_eq!(
            scan(&["--preveiw"]),
            format!(
                "ALT-101: alt_disk_install has no flag --preveiw -> perhaps --preview is meant; {all}"
            )
        );
        assert_eq!(
            scan(&["--C"]),
            format!("ALT-101: alt_disk_install has no flag --C -> perhaps -C is meant; {all}")
        );
        assert_eq!(scan(&["-é"]), format!("ALT-101: alt_disk_install has no flag -é -> {all}"));
        assert!(scan(&["-C", "-P"]).starts_with("ALT-102: -P needs a value: -P phase"));
        assert!(scan(&["--erase"]).starts_with("ALT-102: --erase needs a value"));
        assert!(scan(&["--json=yes"]).starts_with("ALT-103: --json takes no value"));
        assert!(
            scan(&["-P1", "-P", "2"])
                .starts_with("ALT-104: -P is given twice, with `1` and with `2`")
        );
        let err = parse(&ERRORS, &["vda".into()]).unwrap_err();
        assert_eq!(
            error::find(&err).unwrap().to_string(),
            "ALT-106: errors takes no operands; `vda` is one"
        );
    }

    /// Whatever is mistyped: no message says that -X may be meant.
    #[test]
    fn nobody_is_led_to_what_takes_something_away() {
        assert!(ALT_DISK_INSTALL.flag("X").unwrap().drastic);
        for command in crate::flags::ALL {
            let letters = ('!'..='~').filter(|c| *c != '-').map(|c| format!("-{c}"));
            for typed in letters.chain(["--X", "--x", "--r", "--B", "--b"].map(str::to_owned)) {
                let near = suggest_flag(command, &typed);
                let drastic =
                    |n: &str| command.flag(n.trim_start_matches('-')).is_some_and(|f| f.drastic);
                assert!(
                    !near.as_deref().is_some_and(drastic),
                    "{} {typed}: {near:?}",
                    command.name
                );
            }
        }
    }

    #[test]
    fn letters_of_aix_are_answered_with_their_meaning() {
        for (typed, said) in [
            ("-x", "a script for the first boot"),
            ("-Cx", "a script for the first boot"),
            ("-m", "is -d here"),
            ("-S", "phase 3"),
        ] {
            let told = scan(&[typed]);
            assert!(
                told.starts_with("ALT-101") && told.contains(said) && !told.contains("perhaps"),
                "{told}"
            );
        }
        // Other commands have letters of their own.
        assert!(
            parse(&ERRORS, &["-x".into()])
                .unwrap_err()
                .to_string()
                .ends_with("errors has no flag -x")
        );
    }

    #[test]
    fn names_need_not_be_utf8() {
        let odd = OsString::from_vec(b"/tmp/\xff".to_vec());
        let args = [OsString::from_vec(b"-s/tmp/\xff".to_vec()), odd.clone()];
        let p = parse(&ALT_DISK_INSTALL, &args).unwrap();
        assert_eq!(
            (p.value("s"), p.operands.as_slice()),
            (Some(odd.as_os_str()), &[odd.clone()][..])
        );
        assert!(parse(&ALT_DISK_INSTALL, &[OsString::from_vec(b"-\xff".to_vec())]).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 0..8), dashes in 0usize..3) {
            let args: Vec<OsString> = words.iter().map(|w| OsString::from_vec([&b"--"[..dashes], w].concat())).collect();
            // Every word ends up somewhere: what is accepted keeps all operands in their order.
            if let Ok(p) = parse(&ALT_DISK_INSTALL, &args) {
                prop_assert!(p.operands.iter().all(|o| args.contains(o)));
            }
        }

        #[test]
        fn values_arrive_unchanged(value in ".{0,12}", name in "[a-z/]{1,8}") {
            let separate = [OsString::from("-F"), value.clone().into(), name.clone().into()];
            let p = parse(&ALT_DISK_INSTALL, &separate).unwrap();
            prop_assert_eq!(p.value("F"), Some(OsStr::new(&value)));
            prop_assert_eq!(&p.operands, &[OsString::from(name)]);
            let attached = [OsString::from(format!("--erase={value}"))];
            let p = parse(&ALT_DISK_INSTALL, &attached).unwrap();
            prop_assert_eq!(p.value("erase"), Some(OsStr::new(&value)));
        }

        #[test]
        fn quoting_round_trips(word in "[ -~\\t\\n\u{e4}']{0,16}") {
            prop_assert_eq!(shlex::split(&quote(OsStr::new(&word))), Some(vec![word]));
        }
    }
}
