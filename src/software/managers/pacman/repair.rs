//! Repairs the state that a killed pacman left: its lock, a partly unpacked package, packages whose
//! scripts and hooks did not run.
//!
//! pacman makes a package's directory in its database first, unpacks its files, and writes `desc`
//! last, before the package's script runs: a directory without one is a package whose unpacking was
//! interrupted, maybe with files that no package owns now. Hooks run when all packages are there.
//! The log of pacman shows an unfinished transaction. The packages of both kinds are
//! installed once more; for those that are there, that is an upgrade to the same version, with
//! `post_upgrade` and all hooks.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Result;

use super::call::{call, last_lines, read_lists};
use super::conf;
use crate::error;
use crate::host::beneath::Beneath;
use crate::software::formats::arch::{compare, db};
use crate::software::managers::manager::Job;
use crate::text::path::show_path;

/// In the database directory.
const LOCK: &str = "db.lck";
/// This many bytes at the end of the log are read.
const MAX_LOG_TAIL: u64 = 512 << 10;

/// Puts the database in order. Returns the packages that must be installed once more, for
/// [`finish`].
///
/// # Errors
/// If something cannot be read or removed.
pub fn prepare(job: &Job) -> Result<Vec<String>> {
    let database = conf::database(job.root)?;
    let lock = database.join(LOCK);
    // Nothing else runs in the alternate, so the lock is stale.
    let copy = job.copy()?;
    if copy.link_metadata(&lock).is_ok() {
        copy.remove(&lock)?;
        job.events.note("removed the lock of pacman, which an interrupted run left");
    }
    let local = database.join("local");
    let (there, torn) = db::local(&copy, &local);
    let mut names = vec![];
    for dir in torn {
        copy.remove_tree(local.join(&dir))?;
        names.extend(
            name_of(&dir).filter(|n| !there.iter().any(|e| e.name == **n)).map(str::to_owned),
        );
    }
    let log = read_tail(&copy, &conf::log(job.root)?);
    names.extend(unfinished(&log).into_iter().filter(|n| there.iter().any(|e| e.name == *n)));
    names.sort();
    names.dedup();
    if !names.is_empty() {
        let all: Vec<String> = names.iter().map(|n| show_path(n.as_bytes())).collect();
        job.events.note(format!("an update was interrupted: {}", all.join(" ")));
    }
    Ok(names)
}

/// Installs the packages once more, those that the location has.
///
/// # Errors
/// ALT-730 with the output of pacman.
pub fn finish(job: &Job, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let (offered, (installed, _)) =
        (read_lists(job)?, db::local(&job.copy()?, &conf::database(job.root)?.join("local")));
    let older = |name: &str, version: &str| {
        installed.iter().any(|e| e.name == name && compare(version, &e.version).is_lt())
    };
    let (retried, lost): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|n| offered.iter().any(|e| e.name == **n && !older(n, &e.version)));
    for name in lost {
        let name = show_path(name.as_bytes());
        job.events.warn(format!("{name} should be installed again, but the location does not have it: give -w {name} and a location that has it"));
    }
    if retried.is_empty() {
        return Ok(());
    }
    // Files that were unpacked already belong to no package: they may be overwritten.
    let cmd = call(job, "finish the interrupted update")?
        .args(["-S", "--overwrite", "*", "--"])
        .args(retried);
    let done = cmd.accept(&[1]).run(job.events)?;
    if done.success() {
        return Ok(());
    }
    Err(error::UPDATE_FAILED
        .with_cause(("pacman could not finish the interrupted update", last_lines(&done))))
}

/// `zlib` of `zlib-1:1.3-2`.
fn name_of(dir: &str) -> Option<&str> {
    let (rest, _release) = dir.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    is_name(name).then_some(name)
}

fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    !name.is_empty() && !name.starts_with(['-', '.']) && name.chars().all(fine)
}

/// The end of the log; empty if there is none.
fn read_tail(copy: &Beneath, log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = copy.open_file(log)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(MAX_LOG_TAIL)))?;
        let mut text = vec![];
        file.take(MAX_LOG_TAIL).read_to_end(&mut text)?;
        Ok(text)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// The packages of the log's last transaction, if that did not come to its end: `[time] [ALPM]
/// upgraded zlib (1 -> 2)`.
fn unfinished(log: &str) -> Vec<String> {
    let mut names: Option<Vec<String>> = None;
    for said in log.lines().filter_map(|l| l.split_once("] [ALPM] ").map(|(_, said)| said)) {
        match said {
            "transaction started" => names = Some(vec![]),
            "transaction completed" | "transaction failed" => names = None,
            _ => {
                let mut words = said.split(' ');
                let (what, name) =
                    (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                if let Some(names) = &mut names
                    && ["installed", "upgraded", "reinstalled", "downgraded"].contains(&what)
                    && is_name(name)
                {
                    names.push(name.to_owned());
                }
            }
        }
    }
    names.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_the_database() {
        assert_eq!(name_of("zlib-1:1.3.1-2"), Some("zlib"));
        assert_eq!(name_of("lib32-zlib-1.3.1-2"), Some("lib32-zlib"));
        assert_eq!(
            (name_of("x"), name_of("x-1"), name_of("-x-1-1"), name_of("a b-1-1")),
            (None, None, None, None)
        );
    }

    #[test]
    fn the_log_tells_what_did_not_come_to_its_end() {
        let line = |said: &str| format!("[2026-11-23T00:59:26+0000] [{said}\n");
        let begun = [
            "PACMAN] Running 'pacman -S app'",
            "ALPM] transaction started",
            "ALPM] installed app (1-1)",
            "ALPM] upgraded zlib (1-1 -> 2-1)",
        ];
        let begun: String = begun.iter().map(|l| line(l)).collect();
        let more = line("ALPM-SCRIPTLET] waiting")
            + &line("ALPM] installed -x (1)")
            + &line("ALPM] removed y (1)");
        assert_eq!(unfinished(&(begun.clone() + &more)), ["app", "zlib"]);
        for end in ["completed", "failed"] {
            assert!(
                unfinished(&(begun.clone() + &line(&format!("ALPM] transaction {end}"))))
                    .is_empty(),
                "{end}"
            );
        }
        assert_eq!(unfinished(&(begun.clone() + &line("ALPM] transaction interrupted"))).len(), 2);
        assert!(
            unfinished(
                &(begun.clone()
                    + &line("ALPM] transaction completed")
                    + &line("ALPM] transaction started"))
            )
            .is_empty()
        );
        assert!(unfinished("").is_empty());
    }
}
