//! The output of a discovery command: pairs of lines, names and values, separated by colons.

use anyhow::Result;

use crate::error;
use crate::menu::values::Context;

/// Reads `#name:name` and `value:value` lines. `#!:` in a value is a literal colon.
///
/// # Errors
/// ALT-905 if it has another form.
pub fn parse(text: &str) -> Result<Context> {
    let mut found = Context::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        // Between two pairs; the line after the names is their values, even if it is empty.
        if line.trim().is_empty() {
            continue;
        }
        let Some(names) = line.strip_prefix('#') else {
            return Err(error::BAD_DISCOVERY
                .with_cause(format!("this line should begin with # and name the values: {line}")));
        };
        let values = cells(lines.next().unwrap_or_default());
        let names: Vec<&str> = names.split(':').collect();
        if names.len() != values.len() {
            return Err(error::BAD_DISCOVERY.with_cause(format!(
                "{} names but {} values: {line}",
                names.len(),
                values.len()
            )));
        }
        found.extend(
            names
                .into_iter()
                .map(|n| n.trim().to_owned())
                .zip(values)
                .filter(|(name, _)| !name.is_empty()),
        );
    }
    Ok(found)
}

/// The output of a classify command: the first line, and the values of the lines after it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colon_form() {
        let all = |text: &str| {
            parse(text)
                .map(|c| {
                    c.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
                })
                .map_err(|e| e.to_string())
        };
        assert_eq!(all("#a:b:c\n1::x#!:y#!:z\n"), Ok("a=1 b= c=x:y:z".into()));
        assert_eq!(all("#a\n1\n\n#b\n\n#c\n3"), Ok("a=1 b= c=3".into()));
        assert_eq!(all("#a\n\n"), Ok("a=".into()));
        assert_eq!(all("#a::c\n1:2:3\n"), Ok("a=1 c=3".into()));
        assert_eq!(all(""), Ok(String::new()));
        assert!(all("a:b\n").unwrap_err().starts_with("ALT-905: this line should begin with #"));
        assert!(all("#a:b\n1\n").unwrap_err().starts_with("ALT-905: 2 names but 1 values"));
        assert_eq!(
            classified("kind\n#a\n1\n").unwrap(),
            ("kind".into(), Context::from([("a".into(), "1".into())]))
        );
        assert_eq!(classified("kind").unwrap().0, "kind");
    }
}
