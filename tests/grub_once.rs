//! A disk of a BIOS machine booted once, for real: two disks with GRUB each in QEMU (SeaBIOS), their
//! scripts and the record written by the code that the product uses.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Stdio};

#[allow(dead_code)]
#[path = "../src/boot/loader/grub/custom.rs"]
mod custom;
#[allow(dead_code)]
mod grub;
#[allow(dead_code)]
#[path = "../src/trial/grub_script.rs"]
mod grub_script;
#[allow(dead_code)]
#[path = "../src/trial/record.rs"]
mod record;

use custom::Chain;
use grub::{BOOT1, BOOT2, ESP1, ESP2, boot, booted, disk, missing, set_custom};
use grub_script::{GrubTrial, hand_over, start_own};
use record::{Record, TrialState};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn to(id: &str, fs_uuid: &str) -> Chain {
    Chain { id: id.into(), title: format!("a system ({id})"), fs_uuid: fs_uuid.into() }
}

/// Where the ESP begins on a disk.
const ESP_START: u64 = 2 << 20;

/// Runs a program of mtools on a disk's ESP.
fn mtools(program: &str, disk: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let image = format!("{}@@{ESP_START}", disk.display());
    let out = Command::new(program)
        .args(["-i", &image])
        .args(args)
        .env("MTOOLS_SKIP_CHECK", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    out.status.success().then_some(out.stdout)
}

fn put(disk: &Path, block: &[u8]) {
    let file = disk.with_extension("block");
    std::fs::write(&file, block).unwrap();
    // It may be there.
    drop(mtools("mmd", disk, &["::/altdisk"]));
    let to = format!("::/{}", record::PATH);
    mtools("mcopy", disk, &["-o", file.to_str().unwrap(), &to]).unwrap();
}

fn state(disk: &Path) -> Option<TrialState> {
    let block = mtools("mtype", disk, &[&format!("::/{}", record::PATH)]).unwrap();
    Record::parse(&block).filter(|r| r.nonce == NONCE).map(|r| r.state)
}

#[test]
fn a_disk_boots_once_and_nothing_else_starts_it() {
    if let Some(what) = missing() {
        println!("skipped: {what} is not there");
        return;
    }
    if !Path::new("/usr/bin/mcopy").exists() {
        println!("skipped: mtools is not there");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let trial = GrubTrial { id: "two".into(), esp_uuid: ESP2.into(), nonce: NONCE.into() };
    let there = hand_over(&trial, &custom::entry(&to("two", ESP2)), ESP2);
    let back = start_own(&trial, Some(("one", &custom::entry(&to("one", ESP1)))));
    let lasting = custom::insert_block(None, &custom::block(&[to("one", ESP1)]));
    let first = custom::set_once(None, Some(&there)).unwrap();
    let second = custom::set_once(Some(&lasting), Some(&back)).unwrap();
    let one = disk(dir.path(), "one", ESP1, BOOT1, Some(&first));
    let two = disk(dir.path(), "two", ESP2, BOOT2, Some(&second));
    let armed = Record::armed(NONCE);

    // Once, and no more.
    put(&two, &armed.to_block());
    let text = boot(&[&one, &two], true);
    assert_eq!((booted(&text), state(&two)), ("two", Some(TrialState::Loading)), "{text}");
    assert_eq!(
        (booted(&boot(&[&one, &two], true)), state(&two)),
        ("one", Some(TrialState::Loading))
    );
    // A BIOS that starts the second disk: the same.
    put(&two, &armed.to_block());
    assert_eq!(booted(&boot(&[&two, &one], true)), "two");
    assert_eq!(booted(&boot(&[&two, &one], true)), "one");
    // And without a lasting list on the second disk.
    set_custom(&two, &custom::set_once(None, Some(&back)).unwrap());
    assert_eq!(booted(&boot(&[&two, &one], true)), "one");
    // Power was cut between the first disk's write and the second's.
    put(&two, &Record { state: TrialState::Handed, ..armed.clone() }.to_block());
    assert_eq!(booted(&boot(&[&one, &two], true)), "one");
    // What lacks a byte of the record's text starts nothing, nor does another choice.
    let other = String::from_utf8(armed.to_block().to_vec()).unwrap().replace("0123", "9999");
    let mut torn = armed.to_block();
    torn[60..].fill(0);
    let whole = armed.to_block();
    let cut = [80, 100, 512, record::SIZE - 1].map(|length| &whole[..length]);
    for block in [other.as_bytes(), &[0; record::SIZE], &torn, b""].into_iter().chain(cut) {
        put(&two, block);
        let text = boot(&[&one, &two], true);
        assert_eq!(booted(&text), "one", "{text}");
    }
    // The disk was pulled while it was armed, with its record or without.
    put(&two, &armed.to_block());
    assert_eq!(booted(&boot(&[&one], true)), "one");
    let on_one = GrubTrial { esp_uuid: ESP1.into(), ..trial };
    let script = hand_over(&on_one, &custom::entry(&to("two", ESP2)), ESP2);
    set_custom(&one, &custom::set_once(None, Some(&script)).unwrap());
    put(&one, &armed.to_block());
    assert_eq!(booted(&boot(&[&one], true)), "one");
    assert_eq!(state(&one), Some(TrialState::Armed));
}
