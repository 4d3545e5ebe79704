//! Every command and flag is in its page and in the completions; formatters and shells accept them.

use std::process::{Command as Process, Output};

use super::*;
use crate::flags::ALL;

/// The output of a program that reads this text from a file; None where it is not installed.
fn check(program: &[&str], name: &str, text: &str) -> Option<Output> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    std::fs::write(&file, text).unwrap();
    match Process::new(program[0]).args(&program[1..]).arg(&file).output() {
        Ok(output) => Some(output),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: {} is not installed", program[0]);
            None
        }
        Err(e) => panic!("{}: {e}", program[0]),
    }
}

fn assert_quiet(output: Option<Output>, name: &str) {
    let Some(output) = output else { return };
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{name}: {complaint}");
}

#[test]
fn every_command_and_flag_is_in_its_page() {
    let pages = man::pages();
    assert_eq!(pages.len(), ALL.len() + 1);
    let page = |name: &str| &pages.iter().find(|(n, _)| n == name).unwrap().1;
    for command in ALL {
        let text = page(&format!("{}.8", man::page_name(command)));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"] {
            assert!(text.contains(&format!("\n.SH {section}\n")), "{} {section}", command.name);
        }
        for flag in command.flags {
            for name in words::names(flag) {
                assert!(text.contains(&roff::bold(&name)), "{} {name}", command.name);
            }
        }
        assert!(page("altdisk.8").contains(&roff::bold(&command.invocation())), "{}", command.name);
    }
}

#[test]
fn pages_are_accepted() {
    for (name, text) in man::pages() {
        assert_quiet(check(&["groff", "-man", "-Tutf8", "-ww", "-z"], &name, &text), &name);
    }
    for (name, text) in man::pages() {
        let checked = check(&["man", "--warnings", "-l"], &name, &text);
        if checked.is_none() {
            return;
        }
        assert_quiet(checked, &name);
    }
}

#[test]
fn every_command_and_flag_is_in_the_completions() {
    for (name, script) in completions() {
        for command in ALL {
            let begin = match name.as_str() {
                "altdisk.bash" => format!("\n    {})\n", command.name),
                "_altdisk" => format!("\n_altdisk_{}() {{\n", command.name),
                _ => format!("-a {} -d ", command.name),
            };
            let from = script.find(&begin).unwrap_or_else(|| panic!("{name}: {}", command.name));
            let rest = &script[from..];
            let end = match name.as_str() {
                "altdisk.bash" => rest.find("        esac\n        ;;\n"),
                "_altdisk" => rest.find("\n}\n"),
                _ => rest.find("\n\n"),
            };
            let part = &rest[..end.unwrap_or(rest.len())];
            for flag in command.flags {
                let typed: Vec<String> = match name.as_str() {
                    "altdisk.fish" => flag
                        .short
                        .map(|c| format!(" -s {c} "))
                        .into_iter()
                        .chain(flag.long.map(|l| format!(" -l {l} ")))
                        .collect(),
                    _ => words::names(flag),
                };
                for typed in typed {
                    assert!(part.contains(&typed), "{name}: {} {typed}", command.name);
                }
            }
        }
    }
}

#[test]
fn shells_accept_the_completions() {
    for (name, script) in completions() {
        let program: &[&str] = match name.as_str() {
            "altdisk.bash" => &["bash", "-n"],
            "_altdisk" => &["zsh", "-n"],
            _ => &["fish", "--no-execute"],
        };
        assert_quiet(check(program, &name, &script), &name);
    }
}

/// What bash would offer after these words.
fn bash_offers(line: &[&str]) -> Vec<String> {
    let words = line.iter().map(|w| words::single_quoted(w)).collect::<Vec<_>>().join(" ");
    let script = format!(
        "compopt() {{ :; }}\n{}\nCOMP_WORDS=({words})\nCOMP_CWORD={}\n_altdisk\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        bash::script(),
        line.len() - 1
    );
    let output = Process::new("bash").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_offers_what_fits() {
    assert_eq!(bash_offers(&["altdisk", "boot"]), ["bootlist"]);
    assert_eq!(bash_offers(&["alt_disk_install", "-P", "1"]), ["1", "12"]);
    assert_eq!(bash_offers(&["altdisk", "alt_disk_install", "-C", "--pre"]), ["--preview"]);
    assert_eq!(bash_offers(&["altdisk", "practice", "c"]), ["create"]);
    assert_eq!(bash_offers(&["altdisk", "jobs", "st"]), ["start", "stop"]);
    assert_eq!(bash_offers(&["altdisk", "mksysb", "-z", ""]), Vec::<String>::new());
}

#[test]
fn files_are_written() {
    let dir = tempfile::tempdir().unwrap();
    for what in ["man", "completions"] {
        let args = [OsString::from(what), dir.path().into()];
        assert_eq!(run(&args, &Events::new()).unwrap(), Exit::Done);
    }
    for name in ["altdisk.8", "alt_disk_install.8", "altdisk-disks.8", "_altdisk", "altdisk.fish"] {
        assert!(dir.path().join(name).is_file(), "{name}");
    }
    assert!(run(&["pages".into(), dir.path().into()], &Events::new()).is_err());
}
