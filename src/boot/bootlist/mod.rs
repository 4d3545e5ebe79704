//! The boot list: which disk this machine boots next.
//!
//! UEFI keeps it in its variables. A BIOS machine has none: whichever disk the BIOS starts, that
//! disk's GRUB decides, and any of the known disks may be that one. So for the list T, ... every
//! known disk's GRUB hands over to the first disk of the list that comes before itself and is
//! there; T's own GRUB starts its own system. That holds whatever the BIOS does.
//!
//! `snapshot` is taken (and journalled by the caller) before anything changes; `undo` leads back to
//! it.

pub mod bootdisk;
pub mod efi;
pub mod here;
pub mod nvram;

pub use crate::boot::firmware::Firmware;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::boot::bootlist::bootdisk::BootDisk;
use crate::boot::loader::grub::{
    custom,
    dir::{self as grubdir, GrubDir},
};
use crate::error;
use crate::event::Events;
use crate::host::cmd::find_program;
use crate::host::files;
use crate::host::mounts;

/// The disks that a boot list can name, and the firmware that reads it.
#[derive(Clone, Debug)]
pub struct Machine {
    pub firmware: Firmware,
    /// The disk of the running system.
    pub here: BootDisk,
    pub others: Vec<BootDisk>,
}

/// What boots next, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootListing {
    pub firmware: Firmware,
    pub disks: Vec<Listed>,
    /// What the firmware tries that is none of these disks.
    pub foreign: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub name: String,
    pub role: String,
    pub next: bool,
    /// The evidence: a boot entry, or what which GRUB does.
    pub why: String,
}

/// Everything that `set` may change, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    pub firmware: Firmware,
    pub order: Vec<String>,
    pub next: Option<String>,
    /// Numbers of the entries that existed.
    pub entries: Vec<String>,
    /// PARTUUIDs of the ESPs for which entries may be made.
    pub ours: Vec<String>,
    pub grubs: Vec<GrubBefore>,
}

/// One disk's custom.cfg; None where there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrubBefore {
    pub disk: BootDisk,
    pub here: bool,
    pub custom: Option<Vec<u8>>,
}

/// Whether the boot list of the running machine can be set at all; asked before anything starts.
///
/// # Errors
/// ALT-509 with the reason.
pub fn capability(firmware: Firmware) -> Result<()> {
    let no = |why: &str| Err(error::NO_BOOTLIST.with_cause(why));
    let root = Path::new("/");
    match firmware {
        Firmware::Uefi if find_program(root, "efibootmgr").is_none() => Err(error::NO_BOOTLIST
            .with_remedy(
                "efibootmgr is not installed",
                "install the package efibootmgr, or give -B",
            )),
        Firmware::Uefi => {
            let vars = mounts::mounted()?
                .into_iter()
                .find(|m| m.mount_point == Path::new("/sys/firmware/efi/efivars"));
            match vars {
                None => no(
                    "this machine was started by UEFI, and its variables are not mounted at /sys/firmware/efi/efivars",
                ),
                Some(m)
                    if m.options
                        .split(',')
                        .chain(m.super_options.split(','))
                        .any(|o| o == "ro") =>
                {
                    no("the UEFI variables are mounted read-only at /sys/firmware/efi/efivars")
                }
                Some(_) => Ok(()),
            }
        }
        Firmware::Bios => {
            let Some(dir) = grubdir::find_own(root) else {
                return no(
                    "this machine was started by a BIOS, and no GRUB configuration is in /boot/grub or /boot/grub2",
                );
            };
            let cfg = String::from_utf8_lossy(&std::fs::read(dir.join("grub.cfg"))?).into_owned();
            if sources_custom(&cfg) {
                Ok(())
            } else {
                no(&format!("{}/grub.cfg does not read custom.cfg", dir.display()))
            }
        }
    }
}

fn sources_custom(cfg: &str) -> bool {
    cfg.lines().any(|l| {
        let l = l.trim_start();
        (l.starts_with("source ") || l.starts_with(". ")) && l.contains("custom.cfg")
    })
}

const NEVER: &str = "a practice disk: no machine can boot from it";

impl Listed {
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
    /// This disk and the others.
    pub fn disks(&self) -> impl Iterator<Item = &BootDisk> {
        std::iter::once(&self.here).chain(&self.others)
    }

    /// The disk that `word` means.
    ///
    /// # Errors
    /// ALT-511 naming the disks that are known.
    pub fn find(&self, word: &str) -> Result<&BootDisk> {
        self.disks().find(|d| d.is_called(word)).ok_or_else(|| {
            let known: Vec<String> = self.disks().map(BootDisk::title).collect();
            error::BOOT_DISK.with_cause(format!("{word}: the boot list knows {}", known.join(", ")))
        })
    }

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

    fn listing_of(&self, vars: &efi::BootVars) -> BootListing {
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

    fn listing_of_grubs(&self, events: &Events) -> Result<BootListing> {
        let mut says: Vec<(String, Result<Option<String>>)> = vec![];
        // Only what a BIOS can start decides.
        for d in self.disks().filter(|d| d.practice().is_none()) {
            let read = self.open(d, false, events).and_then(|g| {
                let text = g.custom();
                g.close()?;
                Ok(text?.and_then(|t| custom::find(&t)).and_then(|b| {
                    custom::defaults(&b).into_iter().find(|id| self.by_id(id).is_some())
                }))
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

    fn by_id(&self, id: &str) -> Option<&BootDisk> {
        self.disks().find(|d| d.id() == id)
    }

    fn open(&self, disk: &BootDisk, write: bool, events: &Events) -> Result<GrubDir> {
        if disk.id() == self.here.id() {
            GrubDir::own(events)
        } else {
            GrubDir::of(disk, write, events)
        }
    }

    /// The disks whose GRUB a new list concerns: all but those just made, which hold nothing and
    /// need nothing as the first.
    fn arbiters<'a>(&'a self, order: &'a [&BootDisk]) -> impl Iterator<Item = &'a BootDisk> {
        let first = order.first().map(|d| d.id());
        self.disks().filter(move |d| !(d.fresh && Some(d.id()) == first))
    }

    /// Takes down what `set(order)` may change. A disk whose GRUB cannot be read is left out (and
    /// `set` says so).
    ///
    /// # Errors
    /// If the firmware's entries or the running system's own GRUB cannot be read.
    pub fn snapshot(&self, order: &[&BootDisk], events: &Events) -> Result<Before> {
        // Never this system's own ESP: what appears there is not ours to delete.
        let ours = order
            .iter()
            .filter(|d| d.id() != self.here.id())
            .filter_map(|d| d.esp_partuuid.clone())
            .collect();
        let mut before = Before {
            firmware: self.firmware,
            order: vec![],
            next: None,
            entries: vec![],
            ours,
            grubs: vec![],
        };
        match self.firmware {
            Firmware::Uefi => {
                let vars = nvram::read()?;
                before.entries = vars.entries.iter().map(|e| e.number.clone()).collect();
                (before.order, before.next) = (vars.order, vars.next);
            }
            Firmware::Bios => {
                for d in self.arbiters(order) {
                    let here = d.id() == self.here.id();
                    let read = self.open(d, false, events).and_then(|g| {
                        let custom = g.custom()?;
                        g.close().map(|()| custom)
                    });
                    match read {
                        Ok(custom) => {
                            before.grubs.push(GrubBefore { disk: d.clone(), here, custom })
                        }
                        Err(e) if here => return Err(e),
                        Err(_) => {}
                    }
                }
            }
        }
        Ok(before)
    }

    /// Makes the machine boot these disks in this order from now on.
    ///
    /// # Errors
    /// ALT-510 if the firmware does not show afterwards what it was given; ALT-509, ALT-511 and
    /// ALT-512 for what a disk lacks.
    pub fn set(&self, order: &[&BootDisk], events: &Events) -> Result<()> {
        capability(self.firmware)?;
        match self.firmware {
            Firmware::Uefi => {
                let mut wanted = vec![];
                for d in order {
                    wanted.push(nvram::entry_for(d, events)?);
                }
                nvram::set_order(&nvram::order(&nvram::read()?, &wanted), events)
            }
            Firmware::Bios => self.set_grubs(order, events),
        }
    }

    fn set_grubs(&self, order: &[&BootDisk], events: &Events) -> Result<()> {
        // The first disk's own GRUB is freed first: a power cut on the way never leaves two that
        // hand over to each other.
        let mut arbiters: Vec<&BootDisk> = self.arbiters(order).collect();
        arbiters.sort_by_key(|d| order.iter().position(|o| o.id() == d.id()).unwrap_or(usize::MAX));
        let Some(first) = order.first() else { return Ok(()) };
        for d in arbiters {
            let done = self.apply(d, before_itself(d, order), events);
            // Where the first disk's own GRUB is in order, the others matter only if the BIOS
            // starts them.
            let unreachable = first.chain_uuid().is_none() && !first.fresh;
            match done {
                Err(e) if d.id() != first.id() && (d.id() != self.here.id() || unreachable) => {
                    events.warn(format!(
                        "{e:#}; if the BIOS starts {}, choose {} in its menu",
                        d.title(),
                        first.title()
                    ));
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn apply(&self, arbiter: &BootDisk, chain_to: &[&BootDisk], events: &Events) -> Result<()> {
        let mut chains = vec![];
        for d in chain_to {
            let fs_uuid = d.chain_uuid().ok_or_else(|| {
                error::OTHER_GRUB.with_cause(format!(
                    "{}: no file system on a partition of it that GRUB could find it by",
                    d.title()
                ))
            })?;
            chains.push(custom::Chain {
                id: d.id(),
                title: d.title(),
                fs_uuid: fs_uuid.to_owned(),
            });
        }
        let grub = self.open(arbiter, true, events)?;
        let old = grub.custom()?;
        let new = if chains.is_empty() {
            old.as_deref().and_then(custom::without)
        } else {
            Some(custom::put(old.as_deref(), &custom::block(&chains)))
        };
        if new != old {
            grub.set_custom(new.as_deref())?;
            let what = chains.first().map_or("starts its own system".to_owned(), |c| {
                format!("hands over to {}", c.title)
            });
            events.note(format!("the GRUB of {} {what}", arbiter.title()));
        }
        grub.close()
    }

    /// Leads back to `before`: entries made for our ESPs are deleted, order and one-time choice are
    /// what they were, and so is each custom.cfg (what others wrote outside the block since then
    /// stays).
    ///
    /// # Errors
    /// As [`Machine::set`]. Disks that are gone are no error: a warning names them.
    pub fn undo(&self, before: &Before, events: &Events) -> Result<()> {
        match before.firmware {
            Firmware::Uefi => undo_nvram(before, events),
            Firmware::Bios => {
                for g in &before.grubs {
                    let restored = if g.here && g.disk.id() == self.here.id() {
                        GrubDir::own(events)
                    } else {
                        GrubDir::of(&g.disk, true, events)
                    };
                    match restored {
                        Ok(dir) => {
                            let back = restore(dir.custom()?.as_deref(), g.custom.as_deref());
                            dir.set_custom(back.as_deref())?;
                            dir.close()?;
                        }
                        Err(e) if g.here => return Err(e),
                        Err(e) => events.warn(format!("{e:#}")),
                    }
                }
                Ok(())
            }
        }
    }
}

impl Machine {
    /// Takes a disk that is about to go out of the boot list: its entries in the firmware, or what
    /// this system's own GRUB knows of it.
    ///
    /// # Errors
    /// As [`Machine::set`].
    pub fn remove(&self, disk: &BootDisk, events: &Events) -> Result<()> {
        match self.firmware {
            Firmware::Uefi if find_program(Path::new("/"), "efibootmgr").is_some() => {
                let Some(esp) = &disk.esp_partuuid else { return Ok(()) };
                let numbers: Vec<String> = nvram::read()?
                    .on_partition(esp)
                    .into_iter()
                    .map(|e| e.number.clone())
                    .collect();
                numbers.iter().try_for_each(|n| nvram::delete(n, events))
            }
            Firmware::Uefi => Ok(()),
            Firmware::Bios => {
                let Some(dir) = grubdir::find_own(Path::new("/")) else { return Ok(()) };
                let has = files::read_optional(&dir.join("custom.cfg"))?
                    .and_then(|t| custom::find(&t))
                    .is_some_and(|b| custom::defaults(&b).contains(&disk.id()));
                if !has {
                    return Ok(());
                }
                let grub = GrubDir::own(events)?;
                let left = grub.custom()?.and_then(|t| custom::without(&t));
                grub.set_custom(left.as_deref())?;
                grub.close()
            }
        }
    }
}

impl Machine {
    /// Takes out of the boot list what altdisk put there for a copy that nothing tells of any more:
    /// entries on these partitions that bear its title, and this system's own block in custom.cfg,
    /// unless that leads to the disk with the id `keep`. Whether there was anything.
    ///
    /// # Errors
    /// As [`Machine::set`].
    pub fn remove_unrecorded(
        &self,
        partuuids: &[String],
        keep: Option<&str>,
        events: &Events,
    ) -> Result<bool> {
        match self.firmware {
            Firmware::Uefi if find_program(Path::new("/"), "efibootmgr").is_some() => {
                let numbers = unrecorded(&nvram::read()?, partuuids);
                numbers.iter().try_for_each(|n| nvram::delete(n, events))?;
                Ok(!numbers.is_empty())
            }
            Firmware::Uefi => Ok(false),
            Firmware::Bios => {
                let Some(dir) = grubdir::find_own(Path::new("/")) else { return Ok(false) };
                let text = files::read_optional(&dir.join("custom.cfg"))?;
                let block = text.as_deref().and_then(custom::find);
                if !block.is_some_and(|b| {
                    custom::defaults(&b).iter().any(|id| Some(id.as_str()) != keep)
                }) {
                    return Ok(false);
                }
                let grub = GrubDir::own(events)?;
                grub.set_custom(text.as_deref().and_then(custom::without).as_deref())?;
                grub.close().map(|()| true)
            }
        }
    }
}

/// Entries that bear the title of a copy and start something on one of these partitions. What was
/// started now is never among them: the running system may be a copy itself.
fn unrecorded(vars: &efi::BootVars, partuuids: &[String]) -> Vec<String> {
    let on = partuuids.iter().flat_map(|p| vars.on_partition(p));
    let titled = on.filter(|e| {
        e.label.starts_with("altinst_rootvg (") && Some(&e.number) != vars.current.as_ref()
    });
    titled.map(|e| e.number.clone()).collect()
}

/// The disks of the list that this arbiter hands over to: those before itself.
fn before_itself<'a, 'b>(arbiter: &BootDisk, order: &'a [&'b BootDisk]) -> &'a [&'b BootDisk] {
    let at = order.iter().position(|d| d.id() == arbiter.id()).unwrap_or(order.len());
    &order[..at]
}

/// `before`, with the lines that others added outside the block since.
fn restore(now: Option<&[u8]>, before: Option<&[u8]>) -> Option<Vec<u8>> {
    let outside = |text: Option<&[u8]>| text.and_then(custom::without);
    if outside(now) == outside(before) {
        return before.map(<[u8]>::to_vec);
    }
    match before.and_then(custom::find) {
        Some(block) => Some(custom::put(now, &block)),
        None => outside(now),
    }
}

fn undo_nvram(before: &Before, events: &Events) -> Result<()> {
    let vars = nvram::read()?;
    for number in entries_to_delete(&vars, before) {
        nvram::delete(&number, events)?;
    }
    let vars = nvram::read()?;
    let mut order: Vec<String> =
        before.order.iter().filter(|n| vars.entry(n).is_some()).cloned().collect();
    order.extend(
        vars.order
            .iter()
            .filter(|n| !before.order.contains(n) && !before.entries.contains(n))
            .cloned(),
    );
    if vars.order != order && !order.is_empty() {
        nvram::set_order(&order, events)?;
    }
    match before.next.as_ref().filter(|n| vars.entry(n).is_some() && vars.next.as_ref() != Some(n))
    {
        Some(next) => nvram::set_next(next, events),
        None => Ok(()),
    }
}

/// Entries that altdisk made and that were not there before.
fn entries_to_delete(vars: &efi::BootVars, before: &Before) -> Vec<String> {
    let ours = before.ours.iter().flat_map(|p| vars.on_partition(p));
    // Entries that `set` made for the running system's own disk (here or on the alternate) bear its
    // titles. They go only while everything that was tried before them is still there.
    let whole = before.order.iter().all(|n| vars.entry(n).is_some());
    let titled =
        |e: &&efi::Entry| ["rootvg (", "old_rootvg ("].iter().any(|t| e.label.starts_with(t));
    let own = vars.entries.iter().filter(titled).filter(|_| whole);
    let mut numbers: Vec<String> =
        ours.chain(own).map(|e| e.number.clone()).filter(|n| !before.entries.contains(n)).collect();
    numbers.sort();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod on_disk_tests;
