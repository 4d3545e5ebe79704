//! Links that a package's script left in the copy: nothing of the running system is read, written
//! or mounted over because of them.
//!
//! On a machine in a namespace (see `machine/`), whose own files are compared before and after.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use harness::{Machine, missing, said, same};

const CLONE: &str = "alt_disk_install -C -B";

/// What is the machine's own, beside what altdisk keeps: its mounts, and everything that is known
/// of every file without reading it. No content, name, mode or owner changes without a change of
/// ctime.
fn own(machine: &Machine) -> String {
    let ours = ["/alt_inst", "/var/log/altdisk", "/var/lib/altdisk"]
        .map(|p| format!("-path {p} -prune -o"))
        .join(" ");
    // In these directories altdisk makes its own, or the kernel and other programs theirs: their
    // times change.
    let beside = ["/", "/var/log", "/var/lib", "/dev", "/run", "/proc", "/sys"]
        .map(|p| format!("! -path {p}"))
        .join(" ");
    machine.must(&format!(
        "find / /boot -xdev {ours} {beside} -printf '%p %y %m %U:%G %s %T@ %C@ %l\\n' | sort -u"
    )) + &machine.must("grep -v /alt_inst /proc/self/mountinfo | cut -d' ' -f3-5")
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
    // As after a reboot; then as a script of a package can leave it.
    let root = machine.must("findmnt -no SOURCE /alt_inst").trim().to_owned();
    machine.must("umount -R /alt_inst");
    let in_root = |script: &str| {
        machine.must(&format!(
            "mkdir -p /run/copy && mount {root} /run/copy && (cd /run/copy && {script}); umount /run/copy && rmdir /run/copy"
        ));
    };
    let refused = |command: &str, words: &[&str]| {
        said(&machine.run(command), 4, &[&["ALT-713"], words].concat());
        same(&before, &own(&machine));
        assert!(machine.must("ls /etc/apt").contains("sources.list"), "the copy hides /etc/apt");
    };
    in_root("rmdir home boot && ln -s ../../etc/cron.d home && ln -s /etc/apt boot");
    refused(
        &format!("{CLONE} -P 2 target"),
        &["/alt_inst/boot is a link to /etc/apt", "mkdir /alt_inst/boot"],
    );
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
    refused(&format!("{CLONE} -P 2 target"), &["/alt_inst/home is not a directory"]);
    machine.must("mount -t tmpfs none /alt_inst/srv && mkdir -p /alt_inst/srv/deep/er && mount -t tmpfs none /alt_inst/srv/deep/er");
    machine.must("mkdir /alt_inst/own && mount --bind /etc /alt_inst/own && mv /alt_inst/srv/deep /alt_inst/srv/moved");
    machine.must("ln -s /etc /alt_inst/srv/deep");
    said(&machine.run("alt_disk_install -X"), 0, &["(altinst_rootvg) is removed"]);
    assert_eq!(machine.run("grep /alt_inst /proc/self/mountinfo").stdout, "");
    same(&before, &own(&machine));
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

/// What somebody mounted in the copy is the running system's: neither altdisk nor programs of the
/// copy may take it for the copy's.
#[test]
fn directories_of_the_running_system_in_the_copy_are_refused() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("links-inside", "parts");
    machine.blank("target", 2600);
    machine.must(&format!("{CLONE} -P 1 target && echo x >/root/resolv && mkdir -p /srv/own"));
    machine.must("echo precious >/srv/own/precious");
    let before = own(&machine);
    for (what, at) in [("/etc", "/alt_inst/etc"), ("/srv/own", "/alt_inst/usr/local")] {
        machine.must(&format!("mount --bind {what} {at}"));
        for phase in ["2 -R /root/resolv", "3", "23"] {
            let done = machine.run(&format!("{CLONE} -P {phase} target"));
            said(&done, 3, &["ALT-708", at, &format!("umount -R {at}")]);
        }
        machine.must(&format!("umount {at}"));
        same(&before, &own(&machine));
    }
    // What people mount who work in the copy with chroot(8) is hidden from its programs.
    machine.must("mkdir -p /alt_inst/run/own && for d in dev proc sys run/own; do mount --bind /srv/own /alt_inst/$d; done");
    said(&machine.run(&format!("{CLONE} -P 2 -R /root/resolv target")), 0, &[]);
    said(&machine.run(&format!("{CLONE} -P 3 target")), 0, &[]);
    same(&before, &own(&machine));
    assert_eq!(machine.must("ls /srv/own"), "precious\n");
    machine.must("alt_disk_install -X --erase PRACTICE-target");
    same(&before, &own(&machine));
}

/// Files that phases 2 and 3 read, write, make or remove.
const TOUCHED: [&str; 18] = [
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

/// In the copy, each of [`TOUCHED`] becomes a link to what `target` says.
fn plant(machine: &Machine, target: impl Fn(&str) -> String) {
    let link = |name: &str| {
        let (dir, to) = (name.rsplit_once('/').unwrap().0, target(name));
        format!("mkdir -p {dir}; rm -rf {name}; ln -s {to} {name}\n")
    };
    machine.must(&format!("cd /alt_inst\n{}", TOUCHED.iter().map(|n| link(n)).collect::<String>()));
}

#[test]
fn links_to_the_running_systems_files_mean_the_copys() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let machine = Machine::new("links-files", "parts");
    machine.blank("target", 2600);
    // In /srv of both systems there is a file for each, which names the source's disk: a change
    // would show.
    let uuid = machine.must("findmnt -no UUID /").trim().to_owned();
    for name in TOUCHED {
        machine.must(&format!(
            "mkdir -p $(dirname /srv/{name}); if [ -s /{name} ]; then cp -aL /{name} /srv/{name}; else echo '# root=UUID={uuid}' >/srv/{name}; fi"
        ));
    }
    machine.must("mkdir -p /root/.ssh; echo ours >/root/.ssh/authorized_keys; echo nameserver 192.0.2.1 >/root/resolv");
    let before = own(&machine);
    let second = |machine: &Machine| {
        // What is no file at all is not waited for, and what is not the copy's is not read.
        machine.must("cd /alt_inst && mkfifo etc/waits boot/waits.cfg && ln -s waits etc/waits-too && ln -s ../../etc/shadow etc/leak && ln -s /dev/zero etc/zeros");
        said(&machine.run(&format!("timeout 200 {CLONE} -P 2 -n -R /root/resolv target")), 0, &[]);
        same(&before, &own(machine));
        assert_eq!(
            machine.must("test ! -L /alt_inst/etc/resolv.conf && cat /alt_inst/etc/resolv.conf"),
            "nameserver 192.0.2.1\n"
        );
        assert_eq!(machine.must("test ! -L /alt_inst/root/.ssh/authorized_keys && cat /alt_inst/root/.ssh/authorized_keys"), "ours\n");
    };
    // Absolute links, as they are common: they mean the copy's /srv.
    machine.must(&format!("{CLONE} -P 1 target"));
    plant(&machine, |name| format!("/srv/{name}"));
    second(&machine);
    plant(&machine, |name| format!("/srv/{name}"));
    let fstab = machine.must("cat /alt_inst/srv/etc/fstab");
    said(&machine.run(&format!("timeout 300 {CLONE} -P 3 target")), 0, &[]);
    same(&before, &own(&machine));
    machine.must("alt_disk_install -X --erase PRACTICE-target");
    assert!(fstab.contains(&uuid), "the copy's file was not the source's before");
    // Links that lead out of /alt_inst from where they are; beneath its root they lead to
    // themselves.
    let out = |name: &str| "../".repeat(name.matches('/').count() + 1) + name;
    machine.must(&format!("{CLONE} -P 1 target"));
    plant(&machine, out);
    second(&machine);
    plant(&machine, out);
    said(
        &machine.run(&format!("timeout 300 {CLONE} -P 3 target")),
        4,
        &["etc/lvm/devices/system.devices", "symbolic links"],
    );
    same(&before, &own(&machine));
    // Directories too.
    machine.must("cd /alt_inst && rm etc/fstab && cp srv/etc/fstab etc/fstab && rm -rf var/lib/altdisk && ln -s ../../../var/lib/altdisk var/lib/altdisk");
    machine.must("cd /alt_inst && rm -rf etc/systemd etc/ssh boot/grub && ln -s ../../etc/systemd etc/systemd && ln -s ../../etc/ssh etc/ssh && ln -s ../../boot/grub boot/grub");
    let third = machine.run(&format!("timeout 300 {CLONE} -P 3 target"));
    assert_eq!(third.code, Some(4), "{third:?}");
    same(&before, &own(&machine));
    said(&machine.run("alt_disk_install -X"), 0, &["(altinst_rootvg) is removed"]);
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
    let ids: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    let Some(swap) = ids.iter().find(|id| id.contains("swapfile") || id.contains("swap_file"))
    else {
        panic!("no step makes a swap file: {ids:?}");
    };
    machine.run(&format!("ALTDISK_TEST_KILL=before:{swap} {CLONE} -P 1 target"));
    machine.must("mountpoint -q /alt_inst && ln -sf ../precious /alt_inst/swapfile");
    machine.must("alt_disk_install --resume");
    same(&before, &own(&machine));
    assert_eq!(machine.must("cat /precious"), "precious\n");
    assert_eq!(
        machine.must("stat -c '%F %a %s' /alt_inst/swapfile"),
        format!("regular file 600 {}\n", 64 << 20)
    );
    assert!(machine.must("blkid -p -o value -s TYPE /alt_inst/swapfile").contains("swap"));
    machine.must("alt_disk_install -X");
}
