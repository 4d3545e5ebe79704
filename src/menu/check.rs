//! What is wrong with a set of menu files.
