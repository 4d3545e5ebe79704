//! Questions to answer by typing before a disk with content is erased.

use anyhow::Result;

use crate::disk::model::{Disk, practice_name};
use crate::disk::{eligibility, roles};
use crate::engine::facts::Facts;
use crate::engine::prepare::replace;
use crate::engine::prepare::target_disks;
use crate::engine::privilege;
use crate::engine::request::Request;
use crate::engine::review::model::Typed;
use crate::engine::state::{Alternate, State};

pub(super) fn may_begin() -> Result<()> {
    privilege::require_root()?;
    State::not_busy()
}

/// The disks that hold something and are not confirmed: as questions, and the request as it is once
/// they are answered.
pub(super) fn questions(
    request: &Request,
    replaced: Option<&Alternate>,
) -> Result<(Request, Vec<Typed>)> {
    // Only the disks matter here: the run's own checks report what cannot be cloned.
    let facts = Facts::for_image()?;
    let inventory = replaced.map_or_else(
        || facts.inventory.clone(),
        |old| replace::without_idle_volumes(&facts.inventory, old),
    );
    let roles = roles::roles(&inventory, &target_disks::known_disks(&facts.source.disks)?);
    let (mut request, mut typed) = (request.clone(), vec![]);
    for word in &request.targets {
        let disk = inventory.disk(word)?;
        let role = roles.get(&disk.name).copied().unwrap_or(crate::disk::model::Role::None);
        let verdict = eligibility::examine(disk, &inventory, role);
        let confirmed = request.erase.iter().any(|e| e == disk.serial_or_name());
        if !verdict.is_free() && verdict.only_content() && !confirmed {
            typed.push(question(disk, true));
            request.erase.push(disk.serial_or_name().to_owned());
        }
    }
    Ok((request, typed))
}

pub(super) fn question(disk: &Disk, add: bool) -> Typed {
    let name = practice_name(&disk.name, disk.serial.as_deref()).unwrap_or(&disk.name).to_owned();
    let what = if disk.serial.is_some() { "Serial number or name" } else { "Name" };
    let prompt = format!("{what} of {}, to erase it", disk.shown());
    let mut words: Vec<String> =
        disk.serial.iter().cloned().chain([name, disk.name.clone()]).collect();
    words.dedup();
    let add =
        if add { vec!["--erase".to_owned(), disk.serial_or_name().to_owned()] } else { vec![] };
    Typed { prompt, words, add }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample;

    #[test]
    fn what_must_be_typed() {
        let inventory = sample::inventory();
        let q = question(&inventory.disks[1], true);
        assert_eq!(q.prompt, "Serial number or name of vdb, to erase it");
        assert_eq!(
            (q.words, q.add),
            (
                vec!["DISK-B".to_owned(), "vdb".to_owned()],
                vec!["--erase".to_owned(), "DISK-B".to_owned()]
            )
        );
        let q = question(&inventory.disks[2], false);
        assert_eq!((q.words.as_slice(), q.add.len()), (&["sdc".to_owned()][..], 0));
        let q = question(&inventory.disks[4], true);
        assert_eq!(
            (q.words.join(" "), q.add.join(" ")),
            ("PRACTICE-one one loop6".to_owned(), "--erase PRACTICE-one".to_owned())
        );
    }
}
