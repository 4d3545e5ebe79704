use super::*;
use crate::disk::model::Table;
use crate::testing::alternate;
use crate::testing::sample;

/// What was found on the disks: the copy, but for those that are said to be something else.
fn found<'w>(a: &Alternate, inventory: &'w Inventory) -> Vec<TargetState<'w>> {
    let is_own = |d: &Disk, i: usize| {
        d.table.as_ref().is_none_or(|t| t.id == a.base.layout.disks[i].table_id)
    };
    let fate =
        |(i, d)| if is_own(d, i) { TargetState::Erasable(d) } else { TargetState::Reused(d) };
    inventory.disks.iter().enumerate().map(fate).collect()
}

/// A finished copy on vdb and vdc, and the disks as they are with it.
fn stands() -> (Alternate, Inventory) {
    let a = alternate::finished(
        alternate::plain(),
        &[alternate::target("vdb", 8, 512), alternate::target("vdc", 2, 512)],
    );
    let disk = |i: usize, name: &str, dev: &str| Disk {
        serial: Some(format!("S-{name}")),
        table: Some(Table { kind: "gpt".into(), id: a.base.layout.disks[i].table_id.clone() }),
        ..sample::disk(name, dev)
    };
    let inventory = Inventory {
        disks: vec![disk(0, "vdb", "254:16"), disk(1, "vdc", "254:32")],
        ..Inventory::default()
    };
    (a, inventory)
}

fn words(a: &Alternate, erase: &[&str], inventory: &Inventory) -> String {
    let erase: Vec<String> = erase.iter().map(|e| (*e).to_owned()).collect();
    let actions = match choose_disk_actions(a, &erase, found(a, inventory)) {
        Ok(actions) => actions,
        Err(e) => return e.to_string(),
    };
    let word = |d: &DiskAction| match d {
        DiskAction::Erase(d) => format!("erase {}", d.name),
        DiskAction::Keep(d) => format!("keep {}", d.name),
        DiskAction::KeepUnsure(d) => format!("unsure {}", d.name),
        DiskAction::Untouched => "untouched".to_owned(),
        DiskAction::Gone => "gone".to_owned(),
        DiskAction::Reused(d) => format!("another {}", d.name),
    };
    actions.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_finished_copy_stays_where_it_is_not_named() {
    let (a, mut inventory) = stands();
    assert_eq!(words(&a, &[], &inventory), "keep vdb, keep vdc");
    assert_eq!(words(&a, &["S-vdc"], &inventory), "keep vdb, erase vdc");
    assert_eq!(words(&a, &["S-vdc", "S-vdb"], &inventory), "erase vdb, erase vdc");
    let refused = words(&a, &["S-vdb", "S-vdx"], &inventory);
    assert!(
        refused.starts_with("ALT-233: --erase S-vdx")
            && refused.contains("S-vdb of vdb, S-vdc of vdc"),
        "{refused}"
    );
    // Used for something else since: it is no disk of the copy any more, whatever is typed.
    inventory.disks[1].table = Some(Table { kind: "gpt".into(), id: "another".into() });
    inventory.disks[1].partitions = vec![sample::partition("vdc", 1, "254:33", "ext4")];
    assert!(
        !words(&a, &[], &inventory).contains("erase")
            && words(&a, &["S-vdc"], &inventory).starts_with("ALT-233"),
        "{}",
        words(&a, &[], &inventory)
    );
}

#[test]
fn an_unfinished_copy_is_removed() {
    let (mut a, inventory) = stands();
    a.journal.retain(|r| !matches!(r, Record::Phase { phase: 3 }));
    assert_eq!(words(&a, &[], &inventory), "erase vdb, erase vdc");
    assert_eq!(words(&a, &["S-vdb"], &inventory), "erase vdb, erase vdc");
    assert!(words(&a, &["vda"], &inventory).starts_with("ALT-233"));
}

/// A disk whose erasure was begun holds nothing that could be kept.
#[test]
fn an_erasure_that_was_begun_goes_on() {
    let (mut a, inventory) = stands();
    a.journal.extend([Record::CleanUp, Record::Begin { id: StepId::Erase(1) }]);
    assert_eq!(words(&a, &[], &inventory), "keep vdb, erase vdc");
    // It was refused, the disk being in use: whoever thinks again keeps the copy.
    a.journal.push(Record::Failed { id: StepId::Erase(1), error: "in use".into() });
    assert_eq!(words(&a, &[], &inventory), "keep vdb, keep vdc");
}

#[test]
fn without_a_journal_nothing_is_erased_that_is_not_named() {
    let (mut a, mut inventory) = stands();
    a.journal.clear();
    assert_eq!(words(&a, &[], &inventory), "unsure vdb, unsure vdc");
    assert_eq!(words(&a, &["S-vdb"], &inventory), "erase vdb, unsure vdc");
    // The plan was stored, and nothing was written yet.
    inventory.disks[1] = Disk {
        serial: Some("S-vdc".into()),
        size: a.base.layout.disks[1].size,
        ..sample::disk("vdc", "254:32")
    };
    assert_eq!(words(&a, &[], &inventory), "unsure vdb, untouched");
}

#[test]
fn a_damaged_journal_erases_no_finished_copy() {
    let (mut a, inventory) = stands();
    // The line that said so is one of those that cannot be read.
    a.journal.retain(|r| *r != Record::Phase { phase: 3 });
    assert_eq!(words(&a, &[], &inventory), "erase vdb, erase vdc");
    a.journal_damaged = true;
    assert_eq!(words(&a, &[], &inventory), "unsure vdb, unsure vdc");
    assert_eq!(words(&a, &["S-vdc"], &inventory), "unsure vdb, erase vdc");
    a.journal.push(Record::Phase { phase: 3 });
    assert_eq!(words(&a, &[], &inventory), "keep vdb, keep vdc");
}
