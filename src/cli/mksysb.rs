//! `altdisk mksysb`.
use std::ffi::OsString;

use anyhow::Result;

use crate::error::{self, Exit};
use crate::event::Events;

pub fn run(_args: &[OsString], _events: &Events) -> Result<Exit> {
    Err(error::LATER_VERSION.because("mksysb"))
}
