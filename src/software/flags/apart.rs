//! Options of `-I` with a password in them, kept off the command line.
//!
//! Everybody on the machine sees a program's command line, and package managers write it into their
//! own logs (apt's history.log, dnf's history). So what sets an option of the manager's
//! configuration goes to a file that only root reads; what cannot go there is refused.

use anyhow::Result;

use super::{Flags, refused};
use crate::error;
use crate::secret::masked_words;

/// The flags of the manager's own, without passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    /// For the command line.
    pub words: Vec<String>,
    /// Name and value: for a configuration file.
    pub options: Vec<(String, String)>,
}

impl Flags {
    /// Takes the options with passwords apart.
    ///
    /// # Errors
    /// ALT-737 for a password that `manager` can be given on its command line alone.
    pub fn apart(&self, manager: &str) -> Result<Apart> {
        let own = self.own.as_deref().unwrap_or_default();
        let (hidden, mut apart, mut at) = (masked_words(own), Apart::default(), 0);
        while at < own.len() {
            let option = refused::option(manager, &own[at..]);
            let taken = option.as_ref().map_or(1, |(taken, _)| *taken);
            let is_secret = (at..at + taken).any(|n| hidden[n] != own[n]);
            match option
                .and_then(|(_, text)| text.split_once('='))
                .filter(|(name, value)| is_name(manager, name) && is_value(manager, value))
            {
                _ if !is_secret => apart.words.extend_from_slice(&own[at..at + taken]),
                Some((name, value)) => apart.options.push((name.to_owned(), value.to_owned())),
                None => {
                    return Err(error::BAD_MANAGER_FLAGS.with_remedy(
                        format!("`{}` after -I holds a password, and {manager} accepts it only on its command line, where everyone can see it", hidden[at]),
                        "write it into the manager's configuration on the running system before it is cloned, or with a customization script (-s)",
                    ));
                }
            }
            at += taken;
        }
        Ok(apart)
    }
}

/// Whether an option of this name can stand in a configuration file. Those of one repository
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

/// Whether this value can stand in a configuration file. apt.conf(5) has no way to write a
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
        let apart = |manager: &str, value: &str| {
            let apart = parse(Some(value))
                .unwrap()
                .apart(manager)
                .map_err(|e| error::find(&e).unwrap().to_string());
            apart.map(|a| {
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
                apart("apt", &value),
                ok("-V -o Dpkg::Options::=--force-confnew -q", proxy),
                "{value}"
            );
        }
        assert_eq!(apart("apt", "-t sid -V"), ok("-t sid -V", ""));
        let dnf = apart("dnf", "--best --setopt=proxy_password=a=b --setopt proxy=http://h:1");
        assert_eq!(dnf, ok("--best --setopt proxy=http://h:1", "proxy_password is a=b"));
        for (manager, value, shown) in [
            ("dnf", "--setopt=mine.password=pw", "--setopt=mine.password=***"),
            ("zypper", "--x=http://u:p@h", "--x=http://***@h"),
            ("apt", "--x-token=abc", "--x-token=***"),
            ("apt", "-o A::Password='a\"b'", "-o"),
        ] {
            let said = apart(manager, value).unwrap_err();
            assert!(
                said.starts_with(&format!("ALT-737: `{shown}` after -I holds a password")),
                "{said}"
            );
        }
    }
}
