//! A question to a program, asked in the background: lists, discovery, classification, review.

use std::time::Duration;

use anyhow::Result;

use crate::host::ask::{Question, Stop};

/// A program that is being asked. It ends by itself, at its time limit, by
/// [`RunningQuery::cancel`], or when this is dropped.
#[derive(Debug)]
pub struct RunningQuery {
    stop: Stop,
}

impl RunningQuery {
    /// Starts `argv` with these variables beside the environment. `shown` is what errors call it:
    /// the line with passwords hidden. `tell` is called once, on another thread, with what it
    /// printed on standard output, or with why there is no answer (ALT-906 to ALT-909); not after a
    /// cancel.
    pub fn start(
        argv: Vec<String>,
        shown: String,
        env: Vec<(String, String)>,
        limit: Duration,
        tell: impl FnOnce(Result<String>) + Send + 'static,
    ) -> Self {
        let question = Question { argv, shown, env, limit };
        let stop = question.start(tell);
        Self { stop }
    }

    /// Ends the program and everything that it started.
    pub fn cancel(&self) {
        self.stop.stop();
    }
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        self.cancel();
    }
}
