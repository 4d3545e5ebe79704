//! The menu files that are part of this program. A new file in `menus/` gets a line here.

/// Name and text, in the order in which they are read.
pub const FILES: &[(&str, &str)] = &[("menus/altdisk.toml", include_str!("../../menus/altdisk.toml"))];
