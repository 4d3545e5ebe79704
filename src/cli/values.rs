//! Values of flags that several commands have.

use std::ffi::OsStr;

use anyhow::Result;

use crate::cli::getopt::Parsed;
use crate::engine::request::Loss;
use crate::error;

/// The losses after `--accept`.
///
/// # Errors
/// ALT-107 for a word that is none of them.
pub fn accepted_losses(p: &Parsed) -> Result<Vec<Loss>> {
    let Some(words) = p.value("accept").map(text) else { return Ok(vec![]) };
    let all = Loss::ALL.map(Loss::word).join(", ");
    match Loss::parse_list(&words) {
        Ok(losses) if !losses.is_empty() => Ok(losses),
        Ok(_) => Err(error::BAD_VALUE
            .with_remedy("--accept has no value", format!("name what may be missing: {all}"))),
        Err(word) => Err(error::BAD_VALUE.with_remedy(
            format!("`{word}` after --accept is none of {all}"),
            "name one or more of them, with commas between",
        )),
    }
}

/// The descriptor after `--events`.
///
/// # Errors
/// ALT-107 if it is not a number above 0.
pub fn events_fd(p: &Parsed) -> Result<Option<i32>> {
    let Some(word) = p.value("events") else { return Ok(None) };
    match text(word).parse::<i32>() {
        Ok(fd) if fd > 0 => Ok(Some(fd)),
        _ => Err(error::BAD_VALUE.with_remedy(
            format!("`{}` after --events is not a descriptor number", text(word)),
            "open a descriptor and give its number, for example `--events 3 3>events.jsonl`",
        )),
    }
}

/// A word as text; bytes that are not UTF-8 are replaced.
pub fn text(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}
