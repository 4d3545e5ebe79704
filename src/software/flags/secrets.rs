//! Options of `-I` with a password in them, kept off the command line.
//!
//! Everybody on the machine sees a program's command line, and package managers write it into their
//! own logs (apt's history.log, dnf's history). So what sets an option of the manager's
//! configuration goes to a file that only root reads; what cannot go there is refused.

use anyhow::Result;

use super::{Flags, refused};
use crate::error;
use crate::secret::masked_words;

/// The flags of the manager, split into those without and with passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitFlags {
    /// For the command line.
    pub words: Vec<String>,
    /// Name and value: for a configuration file.
    pub options: Vec<(String, String)>,
}

impl Flags {
    /// Splits off the options with passwords.
    ///
    /// # Errors
    /// ALT-737 for a password that `manager` can be given on its command line alone.
    pub fn split_secrets(&self, manager: &str) -> Result<SplitFlags> {
        let own = self.native.as_deref().unwrap_or_default();
        let (hidden, mut split, mut at) = (masked_words(own), SplitFlags::default(), 0);
        while at < own.len() {
            let option = refused::option(manager, &own[at..]);
            let taken = option.as_ref().map_or(1, |(taken, _)| *taken);
            let is_secret = (at..at + taken).any(|n| hidden[n] != own[n]);
            match option
                .and_then(|(_, text)| text.split_once('='))
                .filter(|(name, value)| is_name(manager, name) && is_value(manager, value))
            {
                _ if !is_secret => split.words.extend_from_slice(&own[at..at + taken]),
                Some((name, value)) => split.options.push((name.to_owned(), value.to_owned())),
                None => {
                    return Err(error::BAD_MANAGER_FLAGS.with_remedy(
                        format!("`{}` after -I holds a password, and {manager} accepts it only on its command line, which every user can see", hidden[at]),
                        "write it into the manager's configuration on the running system before it is cloned, or with a customization script (-s)",
                    ));
                }
            }
            at += taken;
        }
        Ok(split)
    }
}

/// Whether a configuration file can contain an option of this name. Options of one repository
/// (`id.password`) cannot: it has a file of its own.
fn is_name(manager: &str, name: &str) -> bool {
    let plain = |more: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    match manager {
        "apt" => plain(":-_./+"),
        "dnf" => plain("_"),
        _ => false,
    }
}

/// Whether a configuration file can contain this value. apt.conf(5) has no way to write a
/// quotation mark inside a quoted value.
fn is_value(manager: &str, value: &str) -> bool {
    !value.contains(char::is_control) && (manager != "apt" || !value.contains('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software::flags::parse;

    #[test]
    fn passwords_leave_the_command_line() {
        let split = |manager: &str, value: &str| {
            let split = parse(Some(value))
                .unwrap()
                .split_secrets(manager)
                .map_err(|e| error::find(&e).unwrap().to_string());
            split.map(|a| {
                (
                    a.words.join(" "),
                    a.options
                        .iter()
                        .map(|(name, value)| format!("{name} is {value}"))
                        .collect::<Vec<_>>()
                        .join(", "),
                )
            })
        };
        let ok = |words: &str, options: &str| Ok((words.to_owned(), options.to_owned()));
        let proxy = "Acquire::http::Proxy is http://u:p w@h:1/";
        for set in ["-o", "-o ", "--option=", "--option "] {
            let value = format!(
                "-V {set}'Acquire::http::Proxy=http://u:p w@h:1/' -o Dpkg::Options::=--force-confnew -q"
            );
            assert_eq!(
                split("apt", &value),
                ok("-V -o Dpkg::Options::=--force-confnew -q", proxy),
                "{value}"
            );
        }
        assert_eq!(split("apt", "-t sid -V"), ok("-t sid -V", ""));
        let dnf = split("dnf", "--best --setopt=proxy_password=a=b --setopt proxy=http://h:1");
        assert_eq!(dnf, ok("--best --setopt proxy=http://h:1", "proxy_password is a=b"));
        for (manager, value, shown) in [
            ("dnf", "--setopt=mine.password=pw", "--setopt=mine.password=***"),
            ("zypper", "--x=http://u:p@h", "--x=http://***@h"),
            ("apt", "--x-token=abc", "--x-token=***"),
            ("apt", "-o A::Password='a\"b'", "-o"),
        ] {
            let said = split(manager, value).unwrap_err();
            assert!(
                said.starts_with(&format!("ALT-737: `{shown}` after -I holds a password")),
                "{said}"
            );
        }
    }
}
