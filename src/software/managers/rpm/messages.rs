//! The output of a package manager, for errors: its last lines, without those that it always
//! prints.

use crate::host::cmd::Finished;
use crate::text::printable;

/// An error quotes this many lines.
const MAX_QUOTED: usize = 12;
/// Beginnings of lines that explain nothing.
const NOISE: [&str; 13] = [
    "Last metadata expiration check",
    "Dependencies resolved",
    "===",
    "Total size",
    "Total download size",
    "Verifying",
    "Running transaction",
    "(try to add",
    "Updating and loading repositories",
    "Repositories loaded",
    "You can try to add",
    "Operation aborted",
    "Is this ok",
];

/// The last lines of both outputs, each after a line break: first the lines of scripts
/// and complaints, then standard error.
pub fn last_lines(done: &Finished) -> String {
    let (out, err) = (lines(&done.stdout), lines(&done.stderr));
    let telling = |l: &&String| {
        ["rror", "fail", "Problem", "conflict", "scriptlet failed", "No match", "nothing provides"]
            .iter()
            .any(|w| l.contains(w))
    };
    let mut all: Vec<String> = match err.is_empty() {
        true => out,
        // With each error the line before it, which is output of a script.
        false => out
            .iter()
            .enumerate()
            .filter(|(n, l)| telling(l) || out.get(n + 1).is_some_and(|next| telling(&next)))
            .map(|(_, l)| l.clone())
            .collect(),
    };
    all.extend(err);
    all[all.len().saturating_sub(MAX_QUOTED)..].iter().map(|l| format!("\n  {l}")).collect()
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let fine = |l: &&str| !l.is_empty() && !NOISE.iter().any(|n| l.trim_start().starts_with(n));
    text.lines().map(str::trim_end).filter(fine).map(|l| printable(l, false)).collect()
}

/// Scripts of installed packages that failed without stopping the rest, as rpm names them:
/// `%post(foo-1-1.noarch)`.
pub fn failed_scripts(done: &Finished) -> Vec<String> {
    let both = [done.stdout.as_slice(), b"\n", done.stderr.as_slice()].concat();
    let mut found: Vec<String> = vec![];
    for line in lines(&both) {
        let Some(at) = line.find("scriptlet failed") else { continue };
        let before = line[..at].trim_end();
        let script = before.rsplit(' ').next().unwrap_or(before).to_owned();
        if script.starts_with('%') && !found.contains(&script) {
            found.push(script);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_failed_script() {
        let out = "Running transaction\n  Running scriptlet: failpre-2.0-1.fc40.noarch   1/2 \nthe first words\nits last words\n\
                   error: %prein(failpre-2.0-1.fc40.noarch) scriptlet failed, exit status 7\n\n  Verifying   : failpre 1/2 \n";
        let err = "Error in PREIN scriptlet in rpm package failpre\nError: Transaction failed\n";
        let done = Finished { code: Some(1), stdout: out.into(), stderr: err.into() };
        let said = last_lines(&done);
        assert!(
            said.contains("\n  its last words\n  error: %prein(")
                && said.ends_with("\n  Error: Transaction failed"),
            "{said}"
        );
        assert!(!said.contains("Verifying") && !said.contains("Running transaction"), "{said}");
        assert_eq!(failed_scripts(&done), ["%prein(failpre-2.0-1.fc40.noarch)"]);
        let quiet = Finished { code: Some(1), stdout: b"what it said".to_vec(), stderr: vec![] };
        assert_eq!(
            (last_lines(&quiet), failed_scripts(&quiet)),
            ("\n  what it said".to_owned(), vec![])
        );
    }
}
