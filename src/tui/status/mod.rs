//! COMMAND STATUS: how a job goes, live. A model, a pure update, a view.
//!
//! [`Status::update`] takes keys and what the follower reads, and says what the interface has to do ([`Wish`]); [`Status::view`] draws.
//! Nothing here is on a timer: the screen changes when a key comes or when the job says something.

use anyhow::Result;

use crate::job::Id;
use crate::job::Summary;
use crate::job::follow::Batch;
use crate::term::key::Key;
use crate::tui::canvas::Canvas;

/// What the screen is told.
#[derive(Debug)]
pub enum Msg {
    Key(Key),
    Batch(Batch),
    /// The answer to [`Wish::Continue`].
    Continue,
    /// The area that it is drawn on has this size (the whole terminal).
    Size {
        width: u16,
        height: u16,
    },
    /// Something to tell in a box: a stop that failed, say.
    Tell(String),
}

/// What the screen wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Back to the screen before; the job goes on, if it runs.
    Leave,
    /// F1, F2, F8, F9, F10: the interface's own.
    Help,
    Refresh,
    Image,
    Shell,
    Exit,
    /// F6: SHOW COMMAND STRING with this.
    ShowCommand(String),
    /// Ask the job to end ([`crate::job::stop`]), or end it ([`crate::job::kill`]); an error comes back as [`Msg::Tell`].
    Stop(Id),
    Kill(Id),
    /// Send [`Msg::Continue`] after looking for keys.
    Continue,
}

/// The screen.
#[derive(Debug)]
pub struct Status {
    job: Summary,
}

impl Status {
    /// The status of a job; the interface follows it with [`crate::job::follow::spawn`] and hands the batches on.
    ///
    /// # Errors
    /// If its event file cannot be opened.
    pub fn new(job: Summary, width: u16, height: u16) -> Result<Self> {
        let _ = (width, height);
        Ok(Self { job })
    }

    pub fn job(&self) -> Id {
        self.job.id
    }

    /// Whether the command has ended, and if so, its exit code (128 and the signal where one ended it).
    pub fn ended(&self) -> Option<i32> {
        None
    }

    pub fn update(&mut self, msg: Msg) -> Vec<Wish> {
        let _ = msg;
        vec![]
    }

    /// Draws everything but the legend, on the whole screen less the legend's rows.
    pub fn view(&self, canvas: &mut Canvas<'_>) {
        let _ = canvas;
    }

    /// The keys that mean something now, in order.
    pub fn legend(&self) -> Vec<(Key, &'static str)> {
        vec![]
    }
}
