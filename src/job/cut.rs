//! Bytes of a pipe, cut into lines.
