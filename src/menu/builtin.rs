//! The menu files that are part of this program. A new file in `menus/` gets a line here.

/// Name and text, in the order in which they are read. The first one has the top menu.
pub const FILES: &[(&str, &str)] = &[
    ("menus/altdisk.toml", include_str!("../../menus/altdisk.toml")),
    ("menus/fields.toml", include_str!("../../menus/fields.toml")),
    ("menus/clone.toml", include_str!("../../menus/clone.toml")),
    ("menus/image.toml", include_str!("../../menus/image.toml")),
    ("menus/phases.toml", include_str!("../../menus/phases.toml")),
    ("menus/disks.toml", include_str!("../../menus/disks.toml")),
    ("menus/bootlist.toml", include_str!("../../menus/bootlist.toml")),
    ("menus/practice.toml", include_str!("../../menus/practice.toml")),
];
