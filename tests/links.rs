//! Links that a package's script left in the copy: nothing of the running system is read, written or mounted over because of them.
//!
//! On a machine in a namespace (see `machine/`), whose own files are compared before and after.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use harness::{Machine, missing, said, same};

const CLONE: &str = "alt_disk_install -C -B";

/// What is the machine's own, beside what altdisk keeps: mounts, devices and every file.
fn own(machine: &Machine) -> String {
    machine.own(&["./root/resolv", "./etc/mtab"]) + &machine.must("grep -v /alt_inst /proc/self/mountinfo | cut -d' ' -f3-5")
}

#[test]
fn a_link_where_a_file_system_belongs_is_refused() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("links-mounts", "parts");
    machine.blank("target", 2600);
    machine.must(&format!("mkdir -p /etc/cron.d && {CLONE} -P 1 target"));
    let before = own(&machine);
    let state = machine.state();
    // As after a reboot; then as a script of a package can leave it.
    let root = machine.must("findmnt -no SOURCE /alt_inst").trim().to_owned();
    machine.must("umount -R /alt_inst");
    let in_root = |script: &str| {
        machine.must(&format!("mkdir -p /run/copy && mount {root} /run/copy && (cd /run/copy && {script}); umount /run/copy && rmdir /run/copy"));
    };
    let refused = |command: &str, words: &[&str]| {
        said(&machine.run(command), 4, &[&["ALT-713"], words].concat());
        same(&before, &own(&machine));
        assert!(machine.must("ls /etc/apt").contains("sources.list"), "the copy hides /etc/apt");
    };
    in_root("rmdir home boot && ln -s ../../etc/cron.d home && ln -s /etc/apt boot");
    refused(&format!("{CLONE} -P 2 target"), &["/alt_inst/boot is a link to /etc/apt", "mkdir /alt_inst/boot"]);
    refused(&format!("{CLONE} -P 3 target"), &["/alt_inst/boot is a link to /etc/apt"]);
    refused("alt_disk_install --resume", &["/alt_inst/boot is a link to /etc/apt"]);
    // The remedy works: the file system is mounted where it belongs.
    machine.must("mv /alt_inst/boot /alt_inst/boot.old && mkdir /alt_inst/boot");
    refused(&format!("{CLONE} -P 2 target"), &["/alt_inst/home is a link to ../../etc/cron.d"]);
    machine.must("mv /alt_inst/home /alt_inst/home.old && mkdir /alt_inst/home");
    machine.must(&format!("{CLONE} -P 2 target"));
    machine.must("mountpoint -q /alt_inst/boot && mountpoint -q /alt_inst/home");
    // A file, and a directory that was moved with a mount in it.
    machine.must("umount -R /alt_inst");
    in_root("rmdir home && echo >home");
    refused(&format!("{CLONE} -P 2 target"), &["/alt_inst/home is no directory"]);
    machine.must("mount -t tmpfs none /alt_inst/srv && mkdir -p /alt_inst/srv/deep/er && mount -t tmpfs none /alt_inst/srv/deep/er");
    machine.must("mkdir /alt_inst/own && mount --bind /etc /alt_inst/own && mv /alt_inst/srv/deep /alt_inst/srv/moved");
    machine.must("ln -s /etc /alt_inst/srv/deep");
    said(&machine.run("alt_disk_install -X"), 0, &["altinst_rootvg is removed"]);
    assert_eq!(machine.run("grep /alt_inst /proc/self/mountinfo").stdout, "");
    same(&before, &own(&machine));
    // With the copy's mounts and its disk gone as well.
    assert_ne!(state, machine.state());
    machine.must(&format!("{CLONE} --preview target"));
}

#[test]
fn a_foreign_file_system_at_alt_inst_is_refused_by_a_phase_with_nothing_to_do() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("links-foreign", "parts");
    machine.blank("target", 2600);
    machine.must(&format!("{CLONE} -P 1 target"));
    machine.must("umount -R /alt_inst && mount -t tmpfs foreign /alt_inst");
    for phase in ["2", "3", "23"] {
        said(&machine.run(&format!("{CLONE} -P {phase} target")), 3, &["ALT-708", "foreign"]);
    }
    machine.must("umount /alt_inst");
    // Where it says that the copy is mounted, it is.
    said(&machine.run(&format!("{CLONE} -P 2 target")), 0, &["mounted at /alt_inst"]);
    machine.must("mountpoint -q /alt_inst && mountpoint -q /alt_inst/boot");
    machine.must("alt_disk_install -X");
}

/// Files that phases 2 and 3 read, write, make or remove, and how many levels are above them.
const WRITTEN: [&str; 18] = [
    "etc/fstab",
    "etc/resolv.conf",
    "etc/crypttab",
    "etc/machine-id",
    "etc/hostname",
    "etc/default/grub",
    "etc/initramfs-tools/conf.d/resume",
    "etc/lvm/devices/system.devices",
    "etc/kernel/cmdline",
    "boot/grub/grubenv",
    "boot/grub/custom.cfg",
    "boot/grub/device.map",
    "usr/sbin/policy-rc.d",
    "var/lib/altdisk/origin.json",
    "var/cache/debconf/config.dat",
    "var/lib/systemd/random-seed",
    "root/.ssh/authorized_keys",
    "etc/ssh/ssh_host_rsa_key",
];

/// In the copy, each of [`WRITTEN`] becomes a link to the running system's file, by as many `..` as lead out of /alt_inst.
fn plant(machine: &Machine, names: &[&str]) {
    for name in names {
        let up = "../".repeat(name.matches('/').count() + 1);
        machine.must(&format!("cd /alt_inst && mkdir -p {0} && rm -rf {name} && ln -s {up}{name} {name}", name.rsplit_once('/').unwrap().0));
    }
}

#[test]
fn links_to_the_running_systems_files_mean_the_copys() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("links-files", "parts");
    machine.blank("target", 2600);
    // Whatever a link could lead to is there, and names the source's disks: a rewritten one would show.
    let uuid = machine.must("findmnt -no UUID /").trim().to_owned();
    for name in WRITTEN {
        machine.must(&format!("mkdir -p $(dirname /{name}) && {{ [ -s /{name} ] || echo 'root=UUID={uuid}' >/{name}; }}"));
    }
    machine.must("echo nameserver 192.0.2.1 >/root/resolv");
    let before = own(&machine);
    machine.must(&format!("{CLONE} -P 1 target"));
    plant(&machine, &WRITTEN);
    // What is not a file at all is not waited for.
    machine.must("mkfifo /alt_inst/etc/waits /alt_inst/boot/waits.cfg; ln -s /etc/waits /alt_inst/etc/waits-too");
    machine.must("ln -s ../../etc/shadow /alt_inst/etc/leak; ln -s /dev/zero /alt_inst/etc/zeros");
    said(&machine.run(&format!("timeout 120 {CLONE} -P 2 -n -R /root/resolv target")), 0, &[]);
    same(&before, &own(&machine));
    assert_eq!(machine.must("cat /alt_inst/etc/resolv.conf; test ! -L /alt_inst/etc/resolv.conf"), "nameserver 192.0.2.1\n");
    assert_eq!(machine.must("cat /etc/machine-id"), machine.must("cat /alt_inst/etc/machine-id"));
    // Between the phases once more. What they lead to inside is missing now, as the link leads to itself there.
    plant(&machine, &WRITTEN);
    let third = machine.run(&format!("timeout 300 {CLONE} -P 3 target"));
    assert!([Some(0), Some(4)].contains(&third.code), "{third:?}");
    same(&before, &own(&machine));
    // Absolute links, which a program in the copy could follow; directories too.
    if machine.run("mountpoint -q /alt_inst").code != Some(0) {
        machine.must("alt_disk_install -X");
        machine.must(&format!("{CLONE} -P 1 target"));
    }
    for name in WRITTEN {
        machine.must(&format!("cd /alt_inst && rm -rf {name} && ln -s /srv/{name} {name}"));
    }
    machine.must("cp -a /etc/fstab /root/fstab; mkdir -p /alt_inst/srv/etc && cp /etc/fstab /alt_inst/srv/etc/fstab");
    machine.must("mv /alt_inst/boot/grub /alt_inst/boot/grub.old; ln -s ../../boot/grub /alt_inst/boot/grub");
    machine.must("rm -rf /alt_inst/var/lib/altdisk && ln -s ../../../var/lib/altdisk /alt_inst/var/lib/altdisk; rm /root/fstab");
    let third = machine.run(&format!("timeout 300 {CLONE} -P 3 target"));
    assert!([Some(0), Some(4)].contains(&third.code), "{third:?}");
    same(&before, &own(&machine));
    machine.must("alt_disk_install -X");
    same(&before, &own(&machine));
}

#[test]
fn a_swap_file_is_made_in_the_copy_whatever_is_in_its_place() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("links-swap", "plain");
    machine.blank("target", 2600);
    machine.must("dd if=/dev/zero of=/swapfile bs=1M count=64 status=none && chmod 600 /swapfile && mkswap -q /swapfile");
    machine.must("echo '/swapfile none swap sw 0 0' >>/etc/fstab; echo precious >/precious");
    let before = own(&machine);
    // Killed between the copy and the swap file, with a link in its place: the run goes on.
    let steps = machine.must(&format!("{CLONE} --preview --json target"));
    let plan: serde_json::Value = serde_json::from_str(&steps).unwrap();
    let ids: Vec<&str> = plan["steps"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    let Some(swap) = ids.iter().find(|id| id.contains("swapfile") || id.contains("swap_file")) else {
        panic!("no step makes a swap file: {ids:?}");
    };
    machine.run(&format!("ALTDISK_TEST_KILL=before:{swap} {CLONE} -P 1 target"));
    machine.must("mountpoint -q /alt_inst && ln -sf ../precious /alt_inst/swapfile");
    machine.must("alt_disk_install --resume");
    same(&before, &own(&machine));
    assert_eq!(machine.must("cat /precious"), "precious\n");
    assert_eq!(machine.must("stat -c '%F %a %s' /alt_inst/swapfile"), format!("regular file 600 {}\n", 64 << 20));
    assert!(machine.must("blkid -p -o value -s TYPE /alt_inst/swapfile").contains("swap"));
    machine.must("alt_disk_install -X");
}
