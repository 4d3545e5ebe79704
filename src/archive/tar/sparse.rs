//! Where the content of a file with holes belongs, and whether that can be so.

use super::Bad;
use super::pax::decimal;
use crate::error;

/// The most entries of one map: 1 MiB of memory, and every writer holds one. Our images have at
/// most half as many.
pub const MAX_RANGES: usize = 1 << 16;

/// A map that can be trusted: in order, nothing twice, inside of the file, and just the bytes that
/// are stored. Entries without length, by which programs mark the end, are dropped.
pub fn checked(mut map: Vec<(u64, u64)>, size: u64, stored: u64) -> Result<Vec<(u64, u64)>, Bad> {
    if map.len() > MAX_RANGES {
        return Err(too_many());
    }
    let bad = || Bad::damaged("its map of holes is damaged");
    let (mut end, mut sum) = (0u64, 0u64);
    for (offset, length) in &map {
        if *offset < end && *length > 0 {
            return Err(bad());
        }
        if *length > 0 {
            end = offset.checked_add(*length).ok_or_else(bad)?;
        }
        sum = sum.checked_add(*length).ok_or_else(bad)?;
    }
    if end > size || sum != stored || size > i64::MAX.cast_unsigned() {
        return Err(bad());
    }
    map.retain(|(_, length)| *length > 0);
    Ok(map)
}

/// The map of GNU's form 1.0 while it is read: lines with one number each (how many entries; offset
/// and length of each) before the content.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
    count: Option<u64>,
    offset: Option<u64>,
    map: Vec<(u64, u64)>,
}

impl Lines {
    /// Takes in a block; true when the map is whole (the rest of the block is padding).
    pub fn take(&mut self, block: &[u8]) -> Result<bool, Bad> {
        for b in block {
            if *b != b'\n' {
                // No number is longer.
                if self.line.len() >= 20 {
                    return Err(Bad::damaged("its map of holes is damaged"));
                }
                self.line.push(*b);
                continue;
            }
            let number =
                decimal(&self.line).ok_or_else(|| Bad::damaged("its map of holes is damaged"))?;
            self.line.clear();
            match (self.count, self.offset.take()) {
                (None, _) if number > MAX_RANGES as u64 => return Err(too_many()),
                (None, _) => self.count = Some(number),
                (Some(_), None) => self.offset = Some(number),
                (Some(_), Some(offset)) => self.map.push((offset, number)),
            }
            if self.count == Some(self.map.len() as u64) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The map, once it is complete.
    pub fn map(self) -> Vec<(u64, u64)> {
        self.map
    }
}

/// A map that would take more memory than a file's map may.
pub fn too_many() -> Bad {
    Bad {
        entry: &error::IMAGE_LIMIT,
        text: format!("its map of holes has more than {MAX_RANGES} entries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_that_cannot_be() {
        for (map, size, stored, fine) in [
            (vec![(0, 10), (20, 5)], 30, 15, true),
            (vec![(0, 10), (10, 5), (30, 0)], 30, 15, true),
            (vec![(0, 0), (5, 5), (0, 0)], 10, 5, true),
            (vec![], 30, 0, true),
            (vec![], 30, 1, false),
            (vec![(0, 10), (5, 5)], 30, 15, false),
            (vec![(20, 5), (0, 10)], 30, 15, false),
            (vec![(0, 10)], 9, 10, false),
            (vec![(0, 10)], 10, 9, false),
            (vec![(u64::MAX, 2)], u64::MAX, 2, false),
            (vec![(0, u64::MAX), (u64::MAX, 1)], u64::MAX, 0, false),
            (vec![(u64::MAX - 5, 5)], u64::MAX, 5, false),
        ] {
            let got = checked(map.clone(), size, stored);
            assert_eq!(got.is_ok(), fine, "{map:?} {size} {stored}");
            assert!(got.is_err() || got.unwrap().iter().all(|(_, l)| *l > 0));
        }
    }

    #[test]
    fn maps_that_are_too_long() {
        let map = |n: usize| (0..n as u64).map(|n| (2 * n, 1)).collect::<Vec<_>>();
        assert!(checked(map(MAX_RANGES), 1 << 20, MAX_RANGES as u64).is_ok());
        assert_eq!(
            checked(map(MAX_RANGES + 1), 1 << 20, MAX_RANGES as u64 + 1).unwrap_err().entry.id,
            "ALT-636"
        );
    }

    #[test]
    fn lines_over_blocks() {
        let text = b"2\n0\n512\n4096\n100\n\0\0\0";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            let (a, b) = text.split_at(cut);
            assert!(lines.take(a).unwrap() || lines.take(b).unwrap());
            assert_eq!(lines.map(), [(0, 512), (4096, 100)]);
        }
        assert!(Lines::default().take(b"0\n").unwrap());
        assert!(!Lines::default().take(b"1\n5\n").unwrap());
        for text in [&b"-1\n"[..], b"\n", b"\0", b"1\nx\n", b"111111111111111111111111"] {
            assert!(Lines::default().take(text).is_err() || !Lines::default().take(text).unwrap());
        }
        assert!(Lines::default().take(b"1\nx\n").is_err());
        assert_eq!(Lines::default().take(b"65537\n").unwrap_err().entry.id, "ALT-636");
    }
}
