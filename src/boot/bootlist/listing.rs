//! What boots next, and why.

use anyhow::Result;
use serde::Serialize;

use super::bootdisk::BootDisk;
use super::machine::Machine;
use super::{efi, nvram};
use crate::boot::firmware::Firmware;
use crate::boot::loader::grub::custom;
use crate::boot::loader::grub::dir::GrubDir;
use crate::error;
use crate::event::Events;

/// What boots next, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootListing {
    pub firmware: Firmware,
    pub disks: Vec<Listed>,
    /// What the firmware tries that is none of these disks.
    pub foreign: Vec<String>,
}

/// One disk in the boot list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub name: String,
    pub role: String,
    pub next: bool,
    /// The evidence: a boot entry, or what which GRUB does.
    pub why: String,
}

const NEVER: &str = "a practice disk: no machine can boot from it";

impl Listed {
    /// True for a practice disk, which no machine can boot from.
    pub fn is_practice(&self) -> bool {
        self.why == NEVER
    }
}

/// What is said of a practice disk.
fn practised(d: &BootDisk) -> Option<Listed> {
    d.practice()?;
    Some(Listed { name: d.shown(), role: d.role.clone(), next: false, why: NEVER.to_owned() })
}

/// How a listing says that nothing is known of a disk's GRUB.
pub const UNREADABLE: &str = "its GRUB cannot be read";

impl Machine {
    /// What boots next and why.
    ///
    /// # Errors
    /// If the firmware's entries or the running system's GRUB directory cannot be read.
    pub fn current(&self, events: &Events) -> Result<BootListing> {
        match self.firmware {
            Firmware::Uefi => Ok(self.listing_of(&nvram::read()?)),
            Firmware::Bios => self.listing_of_grubs(events),
        }
    }

    pub(super) fn listing_of(&self, vars: &efi::BootVars) -> BootListing {
        let first = vars.first().map(|e| e.number.as_str());
        let once = vars.next.is_some();
        let mut disks = vec![];
        for d in self.disks() {
            if let Some(listed) = practised(d) {
                disks.push(listed);
                continue;
            }
            let entries =
                d.esp_partuuid.as_deref().map(|p| vars.on_partition(p)).unwrap_or_default();
            let next = entries.iter().any(|e| Some(e.number.as_str()) == first);
            let why = match entries.iter().find(|e| !next || Some(e.number.as_str()) == first) {
                None => "no boot entry".to_owned(),
                Some(e) if next && once => {
                    format!("Boot{} {}, this once (BootNext)", e.number, e.label)
                }
                Some(e) => match vars.order.iter().position(|n| *n == e.number) {
                    Some(at) => format!(
                        "Boot{} {}, {} of {} in BootOrder",
                        e.number,
                        e.label,
                        at + 1,
                        vars.order.len()
                    ),
                    None => format!("Boot{} {}, not in BootOrder", e.number, e.label),
                },
            };
            disks.push(Listed { name: d.shown(), role: d.role.clone(), next, why });
        }
        let ours = |e: &efi::Entry| {
            e.file.as_ref().is_some_and(|f| {
                self.disks().any(|d| {
                    d.esp_partuuid.as_deref().is_some_and(|p| p.eq_ignore_ascii_case(&f.partuuid))
                })
            })
        };
        let foreign = vars.order.iter().filter_map(|n| vars.entry(n)).filter(|e| !ours(e));
        let foreign = foreign.map(|e| {
            format!(
                "Boot{} {}{}",
                e.number,
                e.label,
                if Some(e.number.as_str()) == first { ", boots next" } else { "" }
            )
        });
        BootListing { firmware: Firmware::Uefi, disks, foreign: foreign.collect() }
    }

    pub(super) fn listing_of_grubs(&self, events: &Events) -> Result<BootListing> {
        let mut says: Vec<(String, Result<Option<String>>)> = vec![];
        // Only what a BIOS can start decides.
        for d in self.disks().filter(|d| d.practice().is_none()) {
            let read = self.open(d, false, events).and_then(GrubDir::read_custom).map(|text| {
                text.and_then(|t| custom::find_block(&t)).and_then(|b| {
                    custom::defaults(&b).into_iter().find(|id| self.by_id(id).is_some())
                })
            });
            says.push((d.id(), read));
        }
        let leads = |from: &str| match says.iter().find(|(id, _)| id == from) {
            Some((_, Ok(Some(to)))) => to.clone(),
            _ => from.to_owned(),
        };
        let mut disks = vec![];
        for d in self.disks() {
            if let Some(listed) = practised(d) {
                disks.push(listed);
                continue;
            }
            // Where every readable GRUB leads here, so does the machine, whatever disk the BIOS
            // starts.
            let mut readable = says.iter().filter(|(_, r)| r.is_ok()).peekable();
            let next = readable.peek().is_some() && readable.all(|(id, _)| leads(id) == d.id());
            let why = match says.iter().find(|(id, _)| *id == d.id()) {
                Some((_, Err(e))) => {
                    let why = error::cause(e);
                    format!("{UNREADABLE}: {why}")
                }
                Some((_, Ok(Some(to)))) => format!(
                    "its GRUB hands over to {}",
                    self.by_id(to).map_or(to.clone(), BootDisk::title)
                ),
                _ => "its GRUB starts its own system".to_owned(),
            };
            disks.push(Listed { name: d.shown(), role: d.role.clone(), next, why });
        }
        Ok(BootListing { firmware: Firmware::Bios, disks, foreign: vec![] })
    }
}
