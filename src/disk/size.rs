//! Sizes as people write them.

use anyhow::Result;

use crate::error;

/// Bytes of `8G`, `500M`, `10GiB`, `1.5T`, `4096`. All units are powers of 1024.
///
/// # Errors
/// ALT-250 for anything else.
pub fn parse(text: &str) -> Result<u64> {
    let bad = || error::BAD_SIZE.with_cause(format!("`{text}` is not a size"));
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return Err(bad()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u128 = whole.parse().map_err(|_| bad())?;
    let fraction: u128 = if part.is_empty() { 0 } else { part.parse().map_err(|_| bad())? };
    let scale =
        10u128.checked_pow(u32::try_from(part.len()).map_err(|_| bad())?).ok_or_else(bad)?;
    let bytes = whole
        .checked_mul(1 << shift)
        .and_then(|w| w.checked_add((fraction.checked_mul(1 << shift)?) / scale))
        .ok_or_else(bad)?;
    u64::try_from(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        for (text, want) in [
            ("8G", 8 << 30),
            ("500M", 500 << 20),
            ("10GiB", 10 << 30),
            ("1.5T", 3 << 39),
            ("4096", 4096),
            ("2kb", 2048),
            ("0.5 gib", 1 << 29),
            ("3i", 3),
        ] {
            assert_eq!(parse(text).unwrap(), want, "{text}");
        }
        for text in ["", "G", "-1G", "8X", "1.G.2", "99999999999P", "8 G G", "1e3"] {
            assert_eq!(
                error::find(&parse(text).unwrap_err()).unwrap().entry.id,
                "ALT-250",
                "{text}"
            );
        }
    }
}
