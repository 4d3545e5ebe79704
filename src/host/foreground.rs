//! Programs that get the terminal: an editor, a shell, or one that takes this program's place.

use std::convert::Infallible;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

use anyhow::Result;

use crate::error;

/// Runs `argv` with this process's own input and output and waits for it; its exit code, or 128 and the signal that ended it.
///
/// # Errors
/// ALT-801 if it cannot be started.
pub fn run(argv: &[String], env: &[(String, String)]) -> Result<i32> {
    let status = command(argv, env)?.status().map_err(|e| missing(argv, &e))?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
}

/// Runs `argv` in place of this program.
///
/// # Errors
/// ALT-801 if it cannot be started; otherwise it does not come back.
pub fn replace(argv: &[String], env: &[(String, String)]) -> Result<Infallible> {
    Err(missing(argv, &command(argv, env)?.exec()))
}

fn command(argv: &[String], env: &[(String, String)]) -> Result<Command> {
    let Some((program, args)) = argv.split_first() else {
        return Err(error::PROGRAM_MISSING.because("there is no command to run"));
    };
    let mut command = Command::new(program);
    command.args(args).envs(env.iter().map(|(k, v)| (k, v)));
    Ok(command)
}

fn missing(argv: &[String], e: &std::io::Error) -> anyhow::Error {
    error::PROGRAM_MISSING.because(format!("{} cannot be started: {e}", argv.first().map_or("", String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_says_how_it_ended() {
        let argv = |line: &str| ["sh", "-c", line].map(str::to_owned);
        assert_eq!(run(&argv("exit $X"), &[("X".into(), "7".into())]).unwrap(), 7);
        assert_eq!(run(&argv("kill -TERM $$"), &[]).unwrap(), 143);
        let err = run(&["no-such-program".to_owned()], &[]).unwrap_err();
        assert_eq!(error::of(&err).unwrap().entry.id, "ALT-801");
    }
}
