//! Runs apt and dpkg in the alternate.
//!
//! Nobody is there to answer: debconf(7) takes defaults, apt-listchanges and apt-listbugs stay
//! away, needrestart(1) restarts nothing. Configuration files (dpkg(1), `--force-confdef
//! --force-confold`): a new version of one that nobody changed is taken; one that the administrator
//! changed stays, and the new one lies beside it as `.dpkg-dist`. `-I` replaces that, and what else
//! [`DEFAULTS`] holds.

use anyhow::Result;

use super::work::work_path;
use super::{auth, debconf};
use crate::host::cmd::{Cmd, Finished, sandbox_path};
use crate::software::managers::manager::Job;
use crate::software::source::PackageSource;
use crate::text::printable;

/// Defaults that `-I` replaces. Packages that nothing needs any more stay: the administrator
/// decides about them.
pub const DEFAULTS: [&str; 6] = [
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
    "-o",
    "APT::Get::AutomaticRemove=false",
];

/// In every call: no terminal is there, and nothing that only one understands is printed.
const PLAIN: [&str; 4] =
    ["Dpkg::Use-Pty=0", "Dpkg::Progress-Fancy=0", "APT::Color=0", "Acquire::Languages=none"];

const ENV: [(&str, &str); 6] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("APT_LISTBUGS_FRONTEND", "none"),
    ("NEEDRESTART_SUSPEND", "1"),
    // ucf(1) asks by itself about files that dpkg does not know of: theirs stay too.
    ("UCF_FORCE_CONFFOLD", "1"),
];

/// Options of `-I` with passwords, below the job's directory.
const OPTIONS_FILE: &str = "own.conf";

/// An error quotes this many lines of output.
const MAX_QUOTED: usize = 10;

/// A program of apt's or dpkg's that is about to be run.
pub struct Call<'a> {
    job: &'a Job<'a>,
    cmd: Cmd,
}

impl<'a> Call<'a> {
    /// One of apt's.
    pub fn new(job: &'a Job<'a>, program: &str, sentence: &str) -> Self {
        Self::without_sources(job, program, sentence).options()
    }

    /// Adds what apt must know of our sources.
    pub fn options(self) -> Self {
        let options = options(self.job);
        self.args(options.iter().flat_map(|o| ["-o", o.as_str()]))
    }

    /// One of dpkg's.
    pub fn without_sources(job: &'a Job<'a>, program: &str, sentence: &str) -> Self {
        let mut cmd = Cmd::new(program, sentence).in_sandbox(job.inside);
        for (key, value) in ENV {
            cmd = cmd.env(key, value);
        }
        cmd = cmd.env(debconf::VARIABLE, debconf::override_in(job));
        if job.flags.accept_licences {
            // Read by the packages of Microsoft and others.
            cmd = cmd.env("ACCEPT_EULA", "Y");
        }
        Self { job, cmd }
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(mut self, args: I) -> Self {
        self.cmd = self.cmd.args(args);
        self
    }

    /// Adds the flags of `-I`, or the defaults.
    pub fn flags(self) -> Self {
        match &self.job.flags.native {
            Some(_) => {
                // Checked before anything began.
                let split = self.job.flags.split_secrets("apt").unwrap_or_default();
                let file = (!split.options.is_empty()).then(|| work_path(self.job, OPTIONS_FILE));
                let call = self.args(split.words);
                match file {
                    Some(file) => call.arg("-c").arg(file),
                    None => call,
                }
            }
            None => self.args(DEFAULTS),
        }
    }

    fn arg(self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.args([arg])
    }

    /// The command, ready to run.
    pub fn cmd(self) -> Cmd {
        self.cmd
    }
}

/// `key=value` options of apt.conf(5).
fn options(job: &Job) -> Vec<String> {
    let at = |name: &str| work_path(job, name).to_string_lossy().into_owned();
    let mut out: Vec<String> = PLAIN.iter().map(|o| (*o).to_owned()).collect();
    out.push(format!("DPkg::Path={}", sandbox_path()));
    // Packages and caches of ours go away with the directory.
    out.extend([
        format!("Dir::Cache={}", at("cache")),
        format!("Dir::Cache::archives={}", at("cache/archives")),
        format!("Dir::Cache::pkgcache={}", at("cache/pkgcache.bin")),
        format!("Dir::Cache::srcpkgcache={}", at("cache/srcpkgcache.bin")),
    ]);
    if *job.source != PackageSource::Configured {
        out.extend([
            format!("Dir::Etc::SourceList={}", at("sources.list")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            "Acquire::GzipIndexes=false".to_owned(),
            // A release that is preferred in apt.conf would have to be among our sources.
            "APT::Default-Release=".to_owned(),
        ]);
    }
    if matches!(job.source, PackageSource::Url { .. }) {
        out.extend(auth::option(job));
    }
    if matches!(job.source, PackageSource::Directory { .. }) {
        out.extend([
            // Nothing is fetched, and a directory of root's need not be readable for _apt.
            "APT::Sandbox::User=root".to_owned(),
            // A medium does not get newer.
            "Acquire::Check-Valid-Until=false".to_owned(),
            "Acquire::Check-Date=false".to_owned(),
        ]);
    }
    out
}

/// Makes the directories that apt does not make by itself, and the file with those options that are
/// not for the command line.
///
/// # Errors
/// If they cannot be made.
pub fn prepare_directories(job: &Job) -> Result<()> {
    let copy = job.copy()?;
    let own = job.flags.split_secrets("apt")?.options;
    if !own.is_empty() {
        copy.replace(work_path(job, OPTIONS_FILE), build_conf(&own).as_bytes(), 0o600)?;
    }
    ["lists/partial", "cache/archives/partial"]
        .iter()
        .try_for_each(|name| copy.make_directories(work_path(job, name)))
}

/// Options as apt.conf(5) has them. Their values hold no quotation mark (`Flags::split_secrets`).
fn build_conf(options: &[(String, String)]) -> String {
    options.iter().map(|(name, value)| format!("{name} \"{value}\";\n")).collect()
}

/// The last lines that a program printed, for an error, each after a line break. Errors are on
/// standard error, unmet dependencies on standard output.
pub fn last_lines(done: &Finished) -> String {
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let said = |text: &str, from: Option<&str>| -> Vec<String> {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
        let start = from.map_or(0, |from| {
            lines.iter().position(|l| l.starts_with(from)).unwrap_or(lines.len())
        });
        lines[start..].iter().filter(|l| !is_noise(l)).map(|l| printable(l, false)).collect()
    };
    let unmet = said(&out, Some("The following packages have unmet dependencies"));
    let errors = said(&err, None);
    let mut lines: Vec<String> = unmet.into_iter().take(MAX_QUOTED).collect();
    lines.extend_from_slice(&errors[errors.len().saturating_sub(MAX_QUOTED)..]);
    if errors.is_empty() {
        let all = said(&out, None);
        lines.extend_from_slice(&all[all.len().saturating_sub(MAX_QUOTED)..]);
    }
    lines.iter().map(|l| format!("\n  {l}")).collect()
}

fn is_noise(line: &str) -> bool {
    line.starts_with("W: ")
        || line.starts_with("N: ")
        || line.starts_with("debconf: delaying package configuration")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_said() {
        let done = |out: &str, err: &str| Finished {
            code: Some(100),
            stdout: out.into(),
            stderr: err.into(),
        };
        let failed = done(
            "Setting up x\nSetting up bad (1.0) ...\n",
            "no disk\ndpkg: error processing package bad (--configure):\n\nW: x\nE: Sub-process\u{1b}[m\n",
        );
        assert_eq!(
            last_lines(&failed),
            "\n  no disk\n  dpkg: error processing package bad (--configure):\n  E: Sub-process\\x1b[m"
        );
        let unmet = done(
            "Reading\nThe following packages have unmet dependencies:\n a : Depends: b\n",
            "E: Unable to correct\n",
        );
        assert_eq!(
            last_lines(&unmet),
            "\n  The following packages have unmet dependencies:\n   a : Depends: b\n  E: Unable to correct"
        );
        assert_eq!(last_lines(&done("only this\n", "")), "\n  only this");
    }
}
