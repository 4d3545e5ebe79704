//! Programs that get the terminal: a shell, an editor. They are the terminal's foreground while
//! they run, so that Ctrl-C is theirs.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use anyhow::Result;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, killpg, pthread_sigmask, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, getpid, tcsetpgrp};

use crate::error;
use crate::host::cmd::EVENTS_VARIABLE;

/// Runs `argv` with standard input, output and error of this process; returns its exit code (128
/// and the signal that ended it).
///
/// # Errors
/// ALT-801 if it is not installed, ALT-804 if it cannot be started.
pub fn run(argv: &[String], env: &[(String, String)]) -> Result<i32> {
    let child = spawn(argv, env).map_err(|e| start_error(argv, &e))?;
    let code = wait(&child);
    // The terminal may be another's for a moment: taking it back must not stop this process.
    let mut block = SigSet::empty();
    block.add(Signal::SIGTTOU);
    let mut before = SigSet::empty();
    let _ = pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&block), Some(&mut before));
    let _ = tcsetpgrp(io::stdin().as_fd(), getpgrp());
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    Ok(code)
}

/// Runs `argv` in place of this program.
///
/// # Errors
/// As [`run`]; otherwise it does not come back.
pub fn replace(argv: &[String], env: &[(String, String)]) -> Result<Infallible> {
    Err(start_error(argv, &command(argv, env).exec()))
}

fn command(argv: &[String], env: &[(String, String)]) -> Command {
    let (program, args) = argv.split_first().map_or(("", argv), |(p, a)| (p.as_str(), a));
    let mut command = Command::new(program);
    command.args(args).env_remove(EVENTS_VARIABLE).envs(env.iter().map(|(k, v)| (k, v)));
    // SAFETY: between fork and exec only system calls are made: whatever was blocked or ignored
    // here is not for the program.
    unsafe {
        command.pre_exec(|| {
            pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
            for ignored in [Signal::SIGPIPE, Signal::SIGHUP, Signal::SIGINT, Signal::SIGTSTP] {
                signal(ignored, SigHandler::SigDfl)?;
            }
            Ok(())
        })
    };
    command
}

fn spawn(argv: &[String], env: &[(String, String)]) -> io::Result<Child> {
    let mut command = command(argv, env);
    if !io::stdin().is_terminal() {
        return command.spawn();
    }
    command.process_group(0);
    // SAFETY: only system calls: the new group takes the terminal before the program can read from
    // it.
    unsafe {
        command.pre_exec(|| {
            signal(Signal::SIGTTOU, SigHandler::SigIgn)?;
            let _ = tcsetpgrp(io::stdin().as_fd(), getpid());
            signal(Signal::SIGTTOU, SigHandler::SigDfl)?;
            Ok(())
        })
    };
    command.spawn()
}

/// A program that stops itself (Ctrl-Z) is continued: nobody is there who could bring it back.
fn wait(child: &Child) -> i32 {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0));
    loop {
        match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Exited(_, code)) => return code,
            Ok(WaitStatus::Signaled(_, signal, _)) => return 128 + signal as i32,
            Ok(WaitStatus::Stopped(..)) => {
                let _ = killpg(pid, Signal::SIGCONT);
            }
            Err(nix::errno::Errno::EINTR) | Ok(_) => {}
            Err(_) => return 0,
        }
    }
}

fn start_error(argv: &[String], e: &io::Error) -> anyhow::Error {
    let name = argv.first().map_or("", String::as_str);
    match e.kind() {
        io::ErrorKind::NotFound => {
            error::PROGRAM_MISSING.with_cause(format!("`{name}` was not found"))
        }
        _ => error::KERNEL.with_cause(format!("could not start `{name}`: {}", error::text_of(e))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let sh =
            |line: &str| run(&["sh".into(), "-c".into(), line.into()], &[("X".into(), "3".into())]);
        assert_eq!(sh("exit $X").unwrap(), 3);
        assert_eq!(sh("kill -9 $$").unwrap(), 137);
        assert_eq!(
            error::find(&run(&["no-such-program".into()], &[]).unwrap_err()).unwrap().entry.id,
            "ALT-801"
        );
    }
}
