//! Sizes for people.

/// A number of bytes in units of 1024: `512 B`, `8 GiB`, `1.5 TiB`. One digit after the
/// point if it is not zero, none from 100 units on.
pub fn format_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut tenths, mut unit) = (u128::from(bytes) * 10, 0);
    // 10235 tenths would be rounded to 1024.
    while tenths >= 10_235 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if tenth == 0 || whole >= 100 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{tenth} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1 MiB"),
            (4 << 30, "4 GiB"),
            ((4 << 30) + (1 << 29), "4.5 GiB"),
            (20 << 30, "20 GiB"),
            (3 << 39, "1.5 TiB"),
            ((1 << 30) - 1, "1 GiB"),
            (500_107_862_016, "465 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn at_most_four_digits(bytes: u64) {
            let text = format_size(bytes);
            let (number, unit) = text.split_once(' ').unwrap();
            prop_assert!(number.bytes().filter(u8::is_ascii_digit).count() <= 4, "{}", text);
            prop_assert!(!number.ends_with(".0"), "{}", text);
            prop_assert!(unit.ends_with('B'));
        }
    }
}
