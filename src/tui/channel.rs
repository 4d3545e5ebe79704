//! The messages of the loop's channel, and how a session ends.

use crate::job::follow::Batch;
use crate::term::input::Input;
use crate::tui::model::Msg;

/// A message in the channel.
pub enum Event {
    Input(Input),
    Msg(Msg),
    /// From the follower with this number; an old one's are too late.
    Batch(u64, Batch),
}

/// How the interface ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The user left it.
    Left,
    /// SIGTERM or SIGINT from outside.
    Terminated,
    /// The terminal has vanished.
    HungUp,
}
