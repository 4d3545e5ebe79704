//! The whole catalogue.

use super::entry::Entry;
use super::{boot, disks, images, layout, phases, screens, software, source, system, usage};

/// Every entry, in the order of the ids.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    let parts = [
        usage::PART,
        disks::PART,
        source::PART,
        boot::PART,
        layout::PART,
        images::PART,
        phases::PART,
        software::PART,
        system::PART,
        screens::PART,
    ];
    let mut all: Vec<&Entry> = parts.into_iter().flatten().copied().collect();
    all.sort_by_key(|e| e.id);
    all.into_iter()
}
