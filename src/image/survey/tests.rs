//! Whole archives, surveyed.
