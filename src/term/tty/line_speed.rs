//! The speed of a serial line.

use std::time::Duration;

use nix::sys::termios::BaudRate;

/// Lines of this speed or faster are not waited for; pseudo terminals report it.
pub(super) const FAST_LINE: u32 = 38400;

/// How many bytes a line of `speed` bits a second sends within `time`: a byte takes ten bits.
pub(super) fn bytes_within(time: Duration, speed: u32) -> usize {
    usize::try_from(time.as_micros() * u128::from(speed) / 10_000_000).unwrap_or(usize::MAX)
}

pub(super) fn bits_per_second(rate: BaudRate) -> u32 {
    match rate {
        BaudRate::B0 => 0,
        BaudRate::B50
        | BaudRate::B75
        | BaudRate::B110
        | BaudRate::B134
        | BaudRate::B150
        | BaudRate::B200 => 110,
        BaudRate::B300 => 300,
        BaudRate::B600 => 600,
        BaudRate::B1200 | BaudRate::B1800 => 1200,
        BaudRate::B2400 => 2400,
        BaudRate::B4800 => 4800,
        BaudRate::B9600 => 9600,
        BaudRate::B19200 => 19200,
        BaudRate::B38400 => 38400,
        BaudRate::B57600 => 57600,
        _ => 115_200,
    }
}
