//! `altdisk disks` and `altdisk practice` as a user meets them, on practice disks. Needs root and
//! loop devices.
#![allow(clippy::unwrap_used)] // allow-unwrap-in-tests reaches functions marked #[test] only

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn altdisk(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_altdisk")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program that must succeed; its output.
fn sh(script: &str) -> String {
    let out = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(out.status.success(), "{script}: {}", text(&out.stderr));
    text(&out.stdout)
}

fn possible() -> bool {
    let root = sh("id -u").trim() == "0";
    if !root || !Path::new("/dev/loop-control").exists() {
        println!("skipped: needs root and loop devices");
        return false;
    }
    true
}

/// A practice disk of 64 MiB that goes away with the test.
struct Practice {
    name: String,
    device: String,
}

impl Practice {
    fn new(name: &str, more: &[&str]) -> Self {
        let name = format!("i{}-{name}", std::process::id());
        let args: Vec<&str> = ["practice", "create", "--size", "64M"]
            .into_iter()
            .chain(more.iter().copied())
            .chain([name.as_str()])
            .collect();
        let out = altdisk(&args);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        let row = text(&out.stdout).lines().find(|l| l.starts_with(&name)).unwrap().to_owned();
        let device = format!("/dev/{}", row.split_whitespace().nth(1).unwrap());
        Self { name, device }
    }

    /// What `altdisk disks --json` says about it.
    fn json(&self) -> Value {
        let out = altdisk(&["disks", "--json"]);
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        let all: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(all["version"], 1);
        let serial = format!("PRACTICE-{}", self.name);
        all["disks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|d| d["serial"] == serial.as_str())
            .unwrap()
            .clone()
    }

    /// The ids of its obstacles, and all evidence in one text.
    fn obstacles(&self) -> (Vec<String>, String) {
        let json = self.json();
        let all = json["obstacles"].as_array().unwrap();
        let field = |o: &Value, f: &str| o[f].as_str().unwrap().to_owned();
        (
            all.iter().map(|o| field(o, "id")).collect(),
            all.iter()
                .map(|o| format!("{} / {}\n", field(o, "evidence"), field(o, "remedy")))
                .collect(),
        )
    }

    fn checksum(&self) -> String {
        sh(&format!("sha256sum {}", self.device))
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        let out = altdisk(&["practice", "remove", &self.name]);
        assert!(out.status.success() || std::thread::panicking(), "{}", text(&out.stderr));
    }
}

/// A process that is ended with the test, and its children with it.
struct Running(Child);

impl Running {
    /// Starts a script that prints a line when it is ready and then waits for the end of its input.
    fn new(program: &[&str], script: &str) -> Self {
        let script = format!("{script}; echo ready; read x");
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .args(["sh", "-ec", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0u8; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}

/// `losetup -d`, or a machine that was killed, leaves partition nodes on a loop device; the next
/// practice disk on it is empty all the same.
#[test]
fn nodes_of_an_earlier_file_go() {
    if !possible() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("image");
    let script = format!(
        "truncate -s 64M {0}; printf 'label: gpt\\nsize=8MiB\\n' | sfdisk -q {0}; losetup -f --show {0}",
        image.display()
    );
    let device = sh(&script).trim().to_owned();
    sh(&format!("partx -a {device}; losetup -d {device}"));
    let node = format!("{device}p1");
    if !Path::new(&node).exists() {
        println!("skipped: this kernel leaves no partition nodes behind");
        return;
    }
    let practice = Practice::new("stale", &[]);
    if practice.device != device {
        // Another test took the loop device in between; whoever has it removed the nodes.
        sh(&format!("partx -d {device} || true"));
    }
    assert!(!Path::new(&format!("{}p1", practice.device)).exists());
    let json = practice.json();
    assert_eq!(json["partitions"].as_array().map(Vec::len), Some(0), "{json}");
    assert_eq!(practice.obstacles().0, [""; 0], "{json}");
}

#[test]
fn a_new_disk_is_free() {
    if !possible() {
        return;
    }
    let disk = Practice::new("free", &["--sector-size", "4096"]);
    let json = disk.json();
    assert_eq!(
        (json["target"].as_str(), json["role"].as_str(), json["logical_sector"].as_u64()),
        (Some("yes"), Some("none"), Some(4096))
    );
    assert_eq!(json["size"].as_u64(), Some(64 << 20));
    let page = text(&altdisk(&["disks"]).stdout);
    assert!(
        page.contains(&format!("serial PRACTICE-{}", disk.name))
            && page.contains("it is a practice disk"),
        "{page}"
    );
}

#[test]
fn content_needs_confirmation_and_is_left_alone() {
    if !possible() {
        return;
    }
    let disk = Practice::new("content", &[]);
    let dev = &disk.device;
    for (script, evidence) in [
        (format!("mke2fs -q -F -L keep {dev}"), "ext4 \"keep\"|ext2 \"keep\""),
        (
            format!("echo 'type=83' | sfdisk -q --no-reread --no-tell-kernel --wipe always {dev}"),
            "MBR partition table with 1 partition",
        ),
        (
            format!(
                "echo 'label: gpt' | sfdisk -q --no-reread --no-tell-kernel --wipe always {dev}"
            ),
            "GPT partition table with 0 partitions",
        ),
    ] {
        sh(&script);
        let before = disk.checksum();
        let (ids, all) = disk.obstacles();
        assert_eq!(ids, ["ALT-230"], "{all}");
        assert!(
            evidence.split('|').any(|e| all.contains(e))
                && all.contains(&format!("--erase PRACTICE-{}", disk.name)),
            "{all}"
        );
        assert_eq!(disk.json()["target"], "erase");
        assert_eq!(disk.checksum(), before);
    }
}

#[test]
fn every_user_of_a_disk_is_named() {
    if !possible() {
        return;
    }
    let disk = Practice::new("used", &[]);
    let dev = &disk.device;
    sh(&format!("mke2fs -q -F {dev}"));
    let before = disk.checksum();
    let at = tempfile::tempdir().unwrap();
    let path = at.path().display();

    // A mount that only another namespace sees; read-only, so that the checksum stays.
    let other = Running::new(&["unshare", "--mount"], &format!("mount -o ro {dev} {path}"));
    let (ids, all) = disk.obstacles();
    assert!(ids.contains(&"ALT-211".to_owned()), "{all}");
    assert!(
        all.contains(&format!(
            "{dev} is mounted at {path} in the mount namespace of process {}",
            other.0.id()
        )),
        "{all}"
    );
    let refused = altdisk(&["practice", "remove", &disk.name]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        text(&refused.stderr).contains("ALT-254")
            && text(&refused.stderr).contains("namespace of process"),
        "{}",
        text(&refused.stderr)
    );
    drop(other);

    let reader = Running::new(&["env"], &format!("exec 7<{dev}"));
    let (ids, all) = disk.obstacles();
    assert!(
        ids.contains(&"ALT-214".to_owned())
            && all.contains(&format!("process {} (sh) has {dev} open", reader.0.id())),
        "{all}"
    );
    drop(reader);

    let loop_device = sh(&format!("losetup --show -f -r {dev}")).trim().to_owned();
    let (ids, all) = disk.obstacles();
    sh(&format!("losetup -d {loop_device}"));
    assert!(
        ids.contains(&"ALT-213".to_owned())
            && all.contains(&format!("loop device {loop_device} is attached")),
        "{all}"
    );

    let (ids, all) = disk.obstacles();
    assert_eq!(ids, ["ALT-230"], "{all}");
    assert_eq!(disk.checksum(), before);
}

/// D-2: no signature does not mean that nothing is there.
#[test]
fn data_without_a_signature_needs_confirmation() {
    if !possible() {
        return;
    }
    let disk = Practice::new("data", &[]);
    let dev = &disk.device;
    for (script, at) in [
        (
            format!("dd if=/dev/urandom of={dev} bs=1M count=64 conv=notrunc status=none"),
            "its start",
        ),
        (
            format!("dd if=/dev/urandom of={dev} bs=1M seek=2 count=62 conv=notrunc status=none"),
            "2 MiB",
        ),
        (format!("printf x | dd of={dev} bs=1 seek=41943041 conv=notrunc status=none"), "40 MiB"),
        (format!("printf x | dd of={dev} bs=1 seek=67108863 conv=notrunc status=none"), "64 MiB"),
    ] {
        sh(&format!("{script}; sync"));
        let (ids, all) = disk.obstacles();
        assert_eq!(ids, ["ALT-230"], "{script}: {all}");
        assert!(
            all.contains(&format!(
                "data without a partition table or a known signature, first at {at}"
            )),
            "{script}: {all}"
        );
        let page = text(&altdisk(&["disks", &disk.name]).stdout);
        assert!(page.contains("data without a partition table"), "{page}");
        sh(&format!("blkdiscard -f {dev}"));
        assert_eq!(disk.json()["target"], "yes", "{script}");
    }
}

/// D-5: two devices on one file, as two paths to a LUN.
#[test]
fn another_path_to_a_disk_in_use_is_in_use() {
    if !possible() {
        return;
    }
    let disk = Practice::new("paths", &[]);
    let dev = &disk.device;
    let file = disk.json()["practice"].as_str().unwrap().to_owned();
    sh(&format!("mke2fs -q -F {dev}"));
    let second = sh(&format!("losetup --show -f {file}")).trim().to_owned();
    let at = tempfile::tempdir().unwrap();
    let mounted = Running::new(
        &["unshare", "--mount"],
        &format!("mount -o ro {dev} {}", at.path().display()),
    );
    let all: Value = serde_json::from_slice(&altdisk(&["disks", "--json"]).stdout).unwrap();
    drop(mounted);
    sh(&format!("losetup -d {second}"));
    let found =
        all["disks"].as_array().unwrap().iter().find(|d| d["path"] == second.as_str()).unwrap();
    assert_eq!(found["target"], "no", "{found}");
    let obstacles = found["obstacles"].as_array().unwrap();
    let twin = obstacles.iter().find(|o| o["id"] == "ALT-219").unwrap();
    assert!(
        twin["evidence"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{dev} has the same serial number, model and size")),
        "{twin}"
    );
}

#[test]
fn practice_disks_come_and_go() {
    if !possible() {
        return;
    }
    let disk = Practice::new("life", &[]);
    let exists = altdisk(&["practice", "create", &disk.name]);
    assert!(
        exists.status.code() == Some(3) && text(&exists.stderr).contains("ALT-252"),
        "{}",
        text(&exists.stderr)
    );

    // As after a restart: the loop device is gone, the file and what is in it are not.
    sh(&format!(
        "printf 'label: gpt\\nsize=32M, name=kept\\n' | sfdisk -q --no-reread --no-tell-kernel {}; losetup -d {}",
        disk.device, disk.device
    ));
    let list = text(&altdisk(&["practice", "list"]).stdout);
    assert!(list.contains(&format!("{} is not attached", disk.name)), "{list}");
    let other_size = altdisk(&["practice", "create", "--size", "300M", &disk.name]);
    assert_eq!(other_size.status.code(), Some(3));
    assert_eq!(altdisk(&["practice", "create", &disk.name]).status.code(), Some(0));
    let part = disk.json()["partitions"][0].clone();
    assert_eq!(part["label"], "kept");
    assert!(
        part["dev"].is_string() && Path::new(part["path"].as_str().unwrap()).exists(),
        "{part}"
    );

    let file = PathBuf::from(disk.json()["practice"].as_str().unwrap());
    assert!(file.exists());
    drop(disk);
    assert!(!file.exists());
}

#[test]
fn wrong_command_lines() {
    for (args, code, id) in [
        (&["practice"][..], 2, "ALT-255"),
        (&["practice", "create", "--size", "8X"], 2, "ALT-250"),
        (&["practice", "create", "--size"], 2, "ALT-102"),
        (&["practice", "create", "vda"], 2, "ALT-251"),
        (&["practice", "create", "loop3"], 2, "ALT-251"),
        (&["practice", "create", "../x"], 2, "ALT-251"),
        (&["practice", "create", "a", "b"], 2, "ALT-255"),
        (&["practice", "create", "--count", "99"], 2, "ALT-255"),
        (&["practice", "remove"], 2, "ALT-255"),
        (&["practice", "remove", "--every"], 2, "ALT-101"),
        (&["disks", "--yaml"], 2, "ALT-101"),
    ] {
        let out = altdisk(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {}", text(&out.stderr));
        assert!(text(&out.stderr).contains(id), "{args:?}: {}", text(&out.stderr));
    }
    for args in [&["disks", "--help"][..], &["practice", "--help"]] {
        let out = altdisk(args);
        assert!(
            out.status.success() && text(&out.stdout).lines().all(|l| l.len() <= 80),
            "{}",
            text(&out.stdout)
        );
    }
}

#[test]
fn anyone_may_look() {
    if !possible() {
        return;
    }
    let dir = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let copy = dir.path().join("altdisk");
    std::fs::copy(env!("CARGO_BIN_EXE_altdisk"), &copy).unwrap();
    let out = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(["disks", "--json"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", text(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(
        text(all["unknown"].to_string().as_bytes()).contains("root sees more"),
        "{}",
        all["unknown"]
    );
    for disk in all["disks"].as_array().unwrap() {
        assert_ne!(disk["target"], "yes", "what cannot be read is not free: {disk}");
    }
}
