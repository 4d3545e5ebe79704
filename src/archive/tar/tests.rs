//! Reading archives: those of other programs, and those that no program writes.

mod foreign;
mod odd;
