//! Tests of all screens together.

mod random;
mod shipped;
