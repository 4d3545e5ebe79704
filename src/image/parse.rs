//! image.data as text: read with exact places in its errors, and written with comments for people
//! who edit it.
//!
//! The text is read twice: into [`ImageData`] (TOML's own errors: syntax, unknown fields, wrong
//! types), and as a bare table that knows where each value stands. [`check`](super::check::check)
//! works on the first and names a place by its path; the second turns that into line and column.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::disk::fs;
use crate::error::{self, Entry};
use crate::image::check::{Contradiction, check, trust};
use crate::image::data::ImageData;

/// Reads and checks the text of `file` (which only errors name).
///
/// # Errors
/// ALT-602 to ALT-622, each with `file:line:column` and the line.
pub fn parse(text: &str, file: &Path) -> Result<ImageData> {
    let wrong = |e: toml::de::Error| {
        let entry = match e.message().contains(fs::UNKNOWN) {
            true => &error::IMAGE_VFS,
            false => &error::IMAGE_SYNTAX,
        };
        located(entry, file, text, e.span().unwrap_or(0..0), e.message())
    };
    let data: ImageData = toml::from_str(text).map_err(wrong)?;
    match check(&data) {
        Ok(()) => Ok(data),
        Err(Contradiction { entry, stanza, index, field, cause }) => {
            let table = DeTable::parse(text).map_err(wrong)?;
            Err(located(entry, file, text, place(&table, stanza, index, &field), &cause))
        }
    }
}

/// The same for an image.data that comes out of an image.
///
/// # Errors
/// Those of [`parse`], and ALT-676 for what is taken from an administrator only.
pub fn parse_untrusted(text: &str, file: &Path) -> Result<ImageData> {
    let data = parse(text, file)?;
    match trust::check(&data) {
        Ok(()) => Ok(data),
        Err(Contradiction { entry, stanza, index, field, cause }) => {
            let table =
                DeTable::parse(text).map_err(|e| error::IMAGE_SYNTAX.with_cause(e.message()))?;
            Err(located(entry, file, text, place(&table, stanza, index, &field), &cause))
        }
    }
}

/// Reads an image.data file.
///
/// # Errors
/// ALT-601 if it cannot be read, and those of [`parse`].
pub fn read(file: &Path) -> Result<ImageData> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        error::IMAGE_UNREADABLE.with_cause(format!(
            "{} could not be read: {}",
            file.display(),
            error::text_of(&e)
        ))
    })?;
    parse(&text, file)
}

/// The message as compilers give it: place, what is wrong, the line, a mark below it.
fn located(
    entry: &'static Entry,
    file: &Path,
    text: &str,
    span: Range<usize>,
    cause: &str,
) -> anyhow::Error {
    let at = span.start.min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let (number, start) =
        (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |n| n + 1));
    let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    let column = before.get(start..).unwrap_or_default().chars().count();
    let covered = text.get(at..span.end.min(start + line.len()).max(at)).unwrap_or_default();
    let marks = "^".repeat(covered.chars().count().max(1));
    // A tab before the mark stays a tab, so that the mark stands below what it means.
    let blank: String =
        line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let margin = number.to_string();
    let cause = cause
        .trim_end()
        .replace('\n', "; ")
        .replace("expected u64", "expected a whole number")
        .replace("expected u32", "expected a whole number");
    let place = format!("\n  {margin} | {line}\n  {} | {blank}{marks}", " ".repeat(margin.len()));
    entry.with_cause((format!("{}:{number}:{}: {cause}", file.display(), column + 1), place))
}

/// Where the field stands; its stanza if it was left out; the file's beginning if that was left out
/// too.
fn place(root: &Spanned<DeTable<'_>>, stanza: &str, index: usize, field: &str) -> Range<usize> {
    let Some(mut value) = root.get_ref().get(stanza) else { return 0..0 };
    if let DeValue::Array(list) = value.get_ref() {
        match list.get(index) {
            Some(item) => value = item,
            None => return value.span(),
        }
    }
    for step in field.split('.') {
        let inner = match value.get_ref() {
            DeValue::Table(table) => table.get(step),
            DeValue::Array(list) => step.parse().ok().and_then(|i: usize| list.get(i)),
            _ => None,
        };
        match inner {
            Some(found) => value = found,
            None => break,
        }
    }
    value.span()
}

/// The text of an image.data, with a comment before each kind of stanza.
///
/// # Errors
/// If a number is beyond what TOML holds (2^63).
pub fn write(data: &ImageData) -> Result<String> {
    let mut text = String::from(HEAD);
    add(&mut text, "", "image_data", &data.image_data)?;
    add(&mut text, POLICY, "logical_volume_policy", &data.logical_volume_policy)?;
    list(&mut text, VG, "vg_data", &data.vg_data)?;
    list(&mut text, SOURCE_DISK, "source_disk_data", &data.source_disk_data)?;
    list(&mut text, LV, "lv_data", &data.lv_data)?;
    let types = format!("{FS}# FS_VFS is one of {}.\n", fs::cloned_names());
    list(&mut text, &types, "fs_data", &data.fs_data)?;
    list(&mut text, SWAP_FILE, "swap_file_data", &data.swap_file_data)?;
    Ok(text)
}

fn list<T: Serialize>(text: &mut String, comment: &str, stanza: &str, items: &[T]) -> Result<()> {
    if items.is_empty() { Ok(()) } else { add(text, comment, stanza, items) }
}

fn add<T: Serialize + ?Sized>(
    text: &mut String,
    comment: &str,
    stanza: &str,
    value: &T,
) -> Result<()> {
    let body = toml::to_string(&BTreeMap::from([(stanza, value)]))
        .with_context(|| format!("writing {stanza}"))?;
    text.push('\n');
    text.push_str(comment);
    text.push_str(&body);
    Ok(())
}

const HEAD: &str = "\
# image.data: the layout that a clone is made from. Edit a copy and give it with
#   alt_disk_install -C -i /full/path/of/this/file --preview disk ...
# Sizes are in MiB. A stanza or field that is not known is an error.
";
const POLICY: &str = "\
# SHRINK = \"yes\": file systems may be made smaller, down to FS_MIN_SIZE_MB.
# EXACT_FIT = \"yes\": the target disks must have the sizes in source_disk_data.
";
const VG: &str = "# An LVM volume group. The clone's gets a fresh name made from this one.\n";
const SOURCE_DISK: &str =
    "# The disks that the system was on. Only for EXACT_FIT, and for people.\n";
const LV: &str = "\
# A partition, or (with VOLUME_GROUP) a logical volume. TYPE is \"fs\", \"swap\" or
# \"esp\" (the EFI system partition). Change SIZE_MB to make it larger or smaller.
";
const FS: &str = "# A file system: FS_NAME is its mount point, FS_LV the volume that it lies on.\n";
const SWAP_FILE: &str = "# A swap file. It is made again, never copied.\n";

#[cfg(test)]
mod tests;
