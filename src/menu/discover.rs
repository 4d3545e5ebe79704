//! What a discovery command prints: pairs of lines, names and values, separated by colons.

use anyhow::Result;

use crate::error;
use crate::menu::values::Context;

/// Reads `#name:name` and `value:value` lines. `#!:` in a value is a literal colon.
///
/// # Errors
/// ALT-905 if it has another form.
pub fn parse(text: &str) -> Result<Context> {
    let mut found = Context::new();
    let mut lines = text.lines().filter(|l| !l.trim().is_empty());
    while let Some(line) = lines.next() {
        let Some(names) = line.strip_prefix('#') else {
            return Err(error::BAD_DISCOVERY.because(format!("this line should begin with # and name the values: {line}")));
        };
        let values = cells(lines.next().unwrap_or_default());
        let names: Vec<&str> = names.split(':').collect();
        if names.len() != values.len() {
            return Err(error::BAD_DISCOVERY.because(format!("{} names but {} values: {line}", names.len(), values.len())));
        }
        found.extend(names.into_iter().map(|n| n.trim().to_owned()).zip(values).filter(|(name, _)| !name.is_empty()));
    }
    Ok(found)
}

/// What a classify command printed: the first line, and the values of the lines after it.
///
/// # Errors
/// ALT-905 as [`parse`].
pub fn classified(text: &str) -> Result<(String, Context)> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    Ok((first.trim().to_owned(), parse(rest)?))
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut rest = line;
    while let Some(at) = rest.find(':') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let Some(cell) = cells.last_mut() else { break };
        match before.strip_suffix("#!") {
            Some(text) => {
                cell.push_str(text);
                cell.push(':');
            }
            None => {
                cell.push_str(before);
                cells.push(String::new());
            }
        }
        rest = after;
    }
    if let Some(cell) = cells.last_mut() {
        cell.push_str(rest);
    }
    cells
}
