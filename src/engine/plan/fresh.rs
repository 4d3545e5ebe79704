//! Fresh identifiers and names for the copy: nothing of it is called what something of the source
//! is.

use crate::disk::fs::{FsType, IdForm};

/// Longest label that is made, bytes.
const MAX_LABEL: usize = 16;

/// Source of fresh identifiers: random in the field, counted in tests.
pub struct Fresh<'a>(pub &'a mut dyn FnMut() -> uuid::Uuid);

impl Fresh<'_> {
    pub(super) fn uuid(&mut self) -> String {
        (self.0)().to_string()
    }

    /// An identifier as the type of file system has it.
    pub(super) fn id(&mut self, fstype: FsType) -> String {
        match fstype.facts().id {
            IdForm::Uuid => self.uuid(),
            IdForm::FatSerial => self.fat(),
        }
    }

    /// A FAT serial as blkid writes it, `ABCD-1234`.
    fn fat(&mut self) -> String {
        let hex = (self.0)().simple().to_string().to_uppercase();
        format!("{}-{}", &hex[24..28], &hex[28..32])
    }

    fn short(&mut self) -> String {
        (self.0)().simple().to_string()[26..32].to_owned()
    }
}

/// A label that does not clash with the source's while both disks are attached.
pub(super) fn fresh_label(old: &str, fstype: FsType, fresh: &mut Fresh) -> String {
    // Longer ones are hard to read, even where the type takes them.
    let most = fstype.facts().max_label.min(MAX_LABEL);
    let suffix = &fresh.short()[..4];
    let mut kept: String = old.to_owned();
    if let Some(i) = kept
        .rfind('_')
        .filter(|i| kept.len() - i == 5 && kept[i + 1..].chars().all(|c| c.is_ascii_hexdigit()))
    {
        kept.truncate(i);
    }
    while kept.len() + 5 > most && kept.pop().is_some() {}
    let label = format!("{kept}_{suffix}");
    match fstype.facts().id {
        IdForm::Uuid => label,
        IdForm::FatSerial => label.to_uppercase(),
    }
}

/// A volume group name that no other disk has: the source's with a fresh ending (in place of an
/// earlier clone's).
pub(super) fn fresh_vg(old: &str, fresh: &mut Fresh) -> String {
    let base = match old.rfind("_alt") {
        Some(i)
            if i > 0
                && old.len() == i + 10
                && old[i + 4..].chars().all(|c| c.is_ascii_hexdigit()) =>
        {
            &old[..i]
        }
        _ => old,
    };
    format!("{}_alt{}", &base[..base.len().min(100)], fresh.short())
}
