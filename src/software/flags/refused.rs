//! Flags that `-I` must not give to a package manager: they would make it work on another system,
//! with other sources, or not at all.
//!
//! A table for each manager; a long flag counts in full, with `=value`, and abbreviated, as
//! getopt_long(3) and argparse take it.

/// The flags of one manager.
struct Table {
    manager: &'static str,
    /// Refused: short letters and long names, and which of [`WHY`] it is.
    no: &'static [(&'static str, Why)],
    /// Short letters that take a value, in the same word or the next.
    short_values: &'static str,
    /// Long flags that take a value in the next word.
    long_values: &'static [&'static str],
    /// Short letters that are refused.
    no_short: &'static [(char, Why)],
    /// The flag that sets an option, and the beginnings of options that are refused.
    options: (&'static [&'static str], &'static [(&'static str, Why)]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It selects the system to update.
    System,
    /// It selects the source of packages.
    Sources,
    /// It prevents the installation, or parts of it.
    Act,
    /// It would only show something.
    Show,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::System => "altdisk decides which system is updated",
            Self::Sources => "-l says where packages come from",
            Self::Act => {
                "altdisk decides whether packages are only fetched (or nothing is done): --preview shows it"
            }
            Self::Show => "it would show something and install nothing",
        }
    }
}

const TABLES: [Table; 4] = [
    Table {
        manager: "apt",
        no: &[
            ("download-only", Why::Act),
            ("simulate", Why::Act),
            ("just-print", Why::Act),
            ("dry-run", Why::Act),
            ("recon", Why::Act),
            ("no-act", Why::Act),
            ("print-uris", Why::Act),
            ("no-download", Why::Sources),
            ("config-file", Why::Sources),
            ("with-source", Why::Sources),
            ("snapshot", Why::Sources),
            ("help", Why::Show),
            ("version", Why::Show),
        ],
        no_short: &[
            ('d', Why::Act),
            ('s', Why::Act),
            ('c', Why::Sources),
            ('S', Why::Sources),
            ('h', Why::Show),
            ('v', Why::Show),
        ],
        short_values: "otaP",
        long_values: &[
            "option",
            "target-release",
            "default-release",
            "host-architecture",
            "build-profiles",
        ],
        options: (
            &["-o", "--option"],
            &[
                ("dir", Why::System),
                ("rootdir", Why::System),
                ("apt::architecture", Why::System),
                ("dpkg::chroot-directory", Why::System),
                ("dpkg::options::=--root", Why::System),
                ("dpkg::options::=--instdir", Why::System),
                ("dpkg::options::=--admindir", Why::System),
                ("apt::get::simulate", Why::Act),
                ("apt::get::just-print", Why::Act),
                ("apt::get::dry-run", Why::Act),
                ("apt::get::no-act", Why::Act),
                ("apt::get::print-uris", Why::Act),
                ("apt::get::download", Why::Act),
            ],
        ),
    },
    Table {
        manager: "dnf",
        no: &[
            ("installroot", Why::System),
            ("forcearch", Why::System),
            ("releasever", Why::System),
            ("use-host-config", Why::System),
            ("config", Why::Sources),
            ("repo", Why::Sources),
            ("repoid", Why::Sources),
            ("repofrompath", Why::Sources),
            ("enablerepo", Why::Sources),
            ("enable-repo", Why::Sources),
            ("disablerepo", Why::Sources),
            ("disable-repo", Why::Sources),
            ("downloadonly", Why::Act),
            ("downloaddir", Why::Act),
            ("destdir", Why::Act),
            ("assumeno", Why::Act),
            ("store", Why::Act),
            ("offline", Why::Act),
            ("help", Why::Show),
            ("help-cmd", Why::Show),
            ("version", Why::Show),
            ("dump-main-config", Why::Show),
        ],
        no_short: &[('c', Why::Sources), ('h', Why::Show)],
        short_values: "xderR",
        long_values: &[
            "setopt",
            "exclude",
            "excludepkgs",
            "advisory",
            "advisories",
            "cve",
            "bz",
            "sec-severity",
            "comment",
            "color",
        ],
        options: (
            &["--setopt"],
            &[
                ("installroot", Why::System),
                ("persistdir", Why::System),
                ("reposdir", Why::Sources),
                ("varsdir", Why::Sources),
                ("cachedir", Why::Sources),
                ("tsflags=test", Why::Act),
            ],
        ),
    },
    Table {
        manager: "zypper",
        no: &[
            ("root", Why::System),
            ("installroot", Why::System),
            ("releasever", Why::System),
            ("userdata", Why::System),
            ("config", Why::Sources),
            ("reposd-dir", Why::Sources),
            ("cache-dir", Why::Sources),
            ("raw-cache-dir", Why::Sources),
            ("solv-cache-dir", Why::Sources),
            ("pkg-cache-dir", Why::Sources),
            ("plus-repo", Why::Sources),
            ("plus-content", Why::Sources),
            ("disable-repositories", Why::Sources),
            ("disable-system-resolvables", Why::System),
            ("repo", Why::Sources),
            ("from", Why::Sources),
            ("dry-run", Why::Act),
            ("download", Why::Act),
            ("download-only", Why::Act),
            ("help", Why::Show),
            ("version", Why::Show),
        ],
        no_short: &[
            ('R', Why::System),
            ('c', Why::Sources),
            ('C', Why::Sources),
            ('p', Why::Sources),
            ('r', Why::Sources),
            ('D', Why::Act),
            ('d', Why::Act),
            ('h', Why::Show),
            ('V', Why::Show),
        ],
        short_values: "t",
        long_values: &["type", "solver-focus"],
        options: (&[], &[]),
    },
    Table {
        manager: "pacman",
        no: &[
            ("root", Why::System),
            ("sysroot", Why::System),
            ("dbpath", Why::System),
            ("arch", Why::System),
            ("config", Why::Sources),
            ("cachedir", Why::Sources),
            ("hookdir", Why::System),
            ("gpgdir", Why::System),
            ("refresh", Why::Sources),
            ("downloadonly", Why::Act),
            ("print", Why::Act),
            ("print-format", Why::Act),
            ("clean", Why::Act),
            ("groups", Why::Show),
            ("info", Why::Show),
            ("list", Why::Show),
            ("search", Why::Show),
            ("help", Why::Show),
            ("version", Why::Show),
            ("database", Why::Act),
            ("files", Why::Act),
            ("query", Why::Act),
            ("remove", Why::Act),
            ("sync", Why::Act),
            ("deptest", Why::Act),
            ("upgrade", Why::Act),
        ],
        no_short: &[
            ('r', Why::System),
            ('b', Why::System),
            ('y', Why::Sources),
            ('w', Why::Act),
            ('p', Why::Act),
            ('c', Why::Act),
            ('g', Why::Show),
            ('i', Why::Show),
            ('l', Why::Show),
            ('s', Why::Show),
            ('h', Why::Show),
            ('V', Why::Show),
            ('D', Why::Act),
            ('F', Why::Act),
            ('Q', Why::Act),
            ('R', Why::Act),
            ('S', Why::Act),
            ('T', Why::Act),
            ('U', Why::Act),
        ],
        short_values: "",
        long_values: &[
            "overwrite",
            "ignore",
            "ignoregroup",
            "assume-installed",
            "logfile",
            "color",
            "ask",
        ],
        options: (&[], &[]),
    },
];

/// The option that these words begin with, as `name=value`, and how many words say it; None where
/// they begin with something else.
pub fn option<'a>(manager: &str, words: &'a [String]) -> Option<(usize, &'a str)> {
    let table = TABLES.iter().find(|t| t.manager == manager)?;
    let (flag, inside) = table.value(words.first()?)?;
    if !table.options.0.contains(&flag.as_str()) {
        return None;
    }
    match inside {
        Some(value) => Some((1, value)),
        None => Some((2, words.get(1)?)),
    }
}

/// The first word that `manager` must not get, and why.
pub fn refused(manager: &str, words: &[String]) -> Option<(String, &'static str)> {
    let table = TABLES.iter().find(|t| t.manager == manager)?;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let found = |why: Why| Some((word.clone(), why.text()));
        if let Some(why) = table.flag(word) {
            return found(why);
        }
        if !word.starts_with('-') || word == "-" || word == "--" {
            return Some((word.clone(), "packages are named after -w, and commands are altdisk's"));
        }
        let Some((flag, inside)) = table.value(word) else { continue };
        let value = if inside.is_some() { inside } else { words.next().map(String::as_str) };
        if let (Some(value), true) = (value, table.options.0.contains(&flag.as_str())) {
            let option = value.to_ascii_lowercase();
            if let Some((_, why)) =
                table.options.1.iter().find(|(begin, _)| option.starts_with(begin))
            {
                return Some((
                    if inside.is_some() { word.clone() } else { format!("{word} {value}") },
                    why.text(),
                ));
            }
        }
    }
    None
}

impl Table {
    /// Why a flag is refused, if it is.
    fn flag(&self, word: &str) -> Option<Why> {
        if let Some(long) = word.strip_prefix("--").filter(|l| !l.is_empty()) {
            let name = long.split('=').next().unwrap_or(long);
            let exact = self.no.iter().find(|(no, _)| *no == name);
            // A complete flag is not an abbreviation of another.
            let short_for = self
                .no
                .iter()
                .find(|(no, _)| no.starts_with(name) && !self.long_values.contains(&name));
            return exact.or(short_for).map(|(_, why)| *why);
        }
        for c in word.strip_prefix('-')?.chars() {
            if let Some((_, why)) = self.no_short.iter().find(|(no, _)| *no == c) {
                return Some(*why);
            }
            if self.short_values.contains(c) {
                break;
            }
        }
        None
    }

    /// The flag in a word that takes a value, and the value, if it is in the same word; None: there
    /// is none, or it takes no value.
    fn value<'a>(&self, word: &'a str) -> Option<(String, Option<&'a str>)> {
        if let Some(long) = word.strip_prefix("--") {
            return match word.split_once('=') {
                Some((flag, value)) => Some((flag.to_owned(), Some(value))),
                None => self.long_values.contains(&long).then(|| (word.to_owned(), None)),
            };
        }
        let (at, c) = word.char_indices().find(|(_, c)| self.short_values.contains(*c))?;
        let rest = word[at + c.len_utf8()..].trim_start_matches('=');
        Some((format!("-{c}"), (!rest.is_empty()).then_some(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("apt", "--no-install-recommends -V", None),
            ("apt", "-t bookworm-backports -o Dpkg::Options::=--force-confold", None),
            ("apt", "-oDpkg::Options::=--force-confdef", None),
            ("apt", "-t s", None),
            ("apt", "-d", Some("-d")),
            ("apt", "-Vs", Some("-Vs")),
            ("apt", "-ts", None),
            ("apt", "--dry-run", Some("--dry-run")),
            ("apt", "-o Dir::Etc::sourcelist=/x", Some("-o Dir::Etc::sourcelist=/x")),
            ("apt", "-oRootDir=/", Some("-oRootDir=/")),
            ("apt", "--option=dir=/x", Some("--option=dir=/x")),
            ("apt", "-V vim", Some("vim")),
            ("apt", "-V --", Some("--")),
            ("dnf", "--best --allowerasing --setopt install_weak_deps=0 -x kernel", None),
            ("dnf", "--nogpgcheck --exclude=k*", None),
            ("dnf", "--installroot=/", Some("--installroot=/")),
            ("dnf", "--instal /", Some("--instal")),
            ("dnf", "--setopt=reposdir=/x", Some("--setopt=reposdir=/x")),
            ("dnf", "--setopt tsflags=test", Some("--setopt tsflags=test")),
            ("dnf", "-y remove", Some("remove")),
            ("zypper", "--no-recommends --auto-agree-with-licenses -t patch", None),
            ("zypper", "--no-gpg-checks --force-resolution", None),
            ("zypper", "-D", Some("-D")),
            ("zypper", "--root /", Some("--root")),
            ("pacman", "--needed --overwrite '*'", None),
            ("pacman", "--dbpath /x", Some("--dbpath")),
            ("pacman", "-Rdd", Some("-Rdd")),
            ("pacman", "-dd", None),
            ("unknown", "--root /", None),
        ];
        for (manager, line, want) in table {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(
                refused(manager, &words).map(|(word, _)| word).as_deref(),
                *want,
                "{manager} {line}"
            );
        }
    }
}
