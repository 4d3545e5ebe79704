//! Points of time as people read them.
#![allow(unsafe_code)]

/// Local time, `2011-11-22 14:48:12`: it sorts, and always has 19 columns.
pub fn stamp(seconds: u64) -> String {
    shown(seconds, c"%Y-%m-%d %H:%M:%S")
}

/// For lists: `2011-11-22 14:48`.
pub fn minute(seconds: u64) -> String {
    shown(seconds, c"%Y-%m-%d %H:%M")
}

/// `2011-11-22`.
pub fn day(seconds: u64) -> String {
    shown(seconds, c"%Y-%m-%d")
}

/// As SMIT writes it in its files: `Nov 22 2011, 14:48:12`.
pub fn date(seconds: u64) -> String {
    shown(seconds, c"%b %d %Y, %H:%M:%S")
}

/// Local time in this form, in the C locale.
pub(super) fn shown(seconds: u64, format: &std::ffi::CStr) -> String {
    let t = nix::libc::time_t::try_from(seconds).unwrap_or(0);
    let mut buffer = [0u8; 64];
    // SAFETY: `tm` is a plain C struct that localtime_r fills; strftime writes at most the buffer's
    // length.
    let n = unsafe {
        let mut tm: nix::libc::tm = std::mem::zeroed();
        nix::libc::localtime_r(&raw const t, &raw mut tm);
        nix::libc::strftime(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            format.as_ptr(),
            &raw const tm,
        )
    };
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_form() {
        let digits = |t: String| {
            t.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect::<String>()
        };
        assert_eq!(digits(stamp(1_321_973_292)), "9999-99-99 99:99:99");
        assert_eq!(digits(minute(1_321_973_292)), "9999-99-99 99:99");
        assert_eq!(digits(day(1_321_973_292)), "9999-99-99");
        assert_eq!(digits(date(1_321_973_292)), "Nov 99 9999, 99:99:99");
    }
}
