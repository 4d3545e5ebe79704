//! Users who are logged in, as listed by who(1): a restart of the machine disconnects them.

use crate::host::cmd::{Cmd, find_program};

/// Lines of people that are shown; a terminal server may have hundreds.
const MAX_SHOWN: usize = 12;

/// One line a login: `root on tty1 since 2026-11-29 21:28`. None where `who` is not installed or
/// fails.
pub fn list() -> Option<Vec<String>> {
    find_program(std::path::Path::new("/"), "who")?;
    let done = Cmd::new("who", "list who is logged in").read().ok()?;
    Some(parse(&String::from_utf8_lossy(&done.stdout)))
}

/// The output of `who`: user, terminal, date and time, and in parentheses where from.
fn parse(text: &str) -> Vec<String> {
    let login = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [user, terminal, since @ ..] = words.as_slice() else { return None };
        Some(format!("{user} on {terminal} since {}", since.join(" ")))
    };
    let mut all: Vec<String> = text.lines().filter_map(login).collect();
    if all.len() > MAX_SHOWN {
        let more = all.len() - MAX_SHOWN + 1;
        all.truncate(MAX_SHOWN - 1);
        all.push(format!("and {more} more logins"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As coreutils 9.1 prints it.
    const WHO: &str = "root     tty1         2026-11-29 21:28\nanna     pts/0        2026-11-29 20:02 (192.0.2.7)\n";

    #[test]
    fn who_and_since_when() {
        assert_eq!(
            parse(WHO),
            [
                "root on tty1 since 2026-11-29 21:28",
                "anna on pts/0 since 2026-11-29 20:02 (192.0.2.7)"
            ]
        );
        assert_eq!(parse(""), [""; 0]);
        let many = parse(&WHO.repeat(10));
        assert_eq!((many.len(), many[11].as_str()), (MAX_SHOWN, "and 9 more logins"));
    }
}
