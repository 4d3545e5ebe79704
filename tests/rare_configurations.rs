//! More configurations that people have, each rarer than those of `configurations.rs`: mounts that
//! are easily mistaken for others, and space that only shows when a copy is full.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/copies.rs"]
mod copies;
#[path = "machine/mod.rs"]
mod harness;

use copies::{in_copy, machine, partition};
use harness::{Machine, said};

/// Fills a file system of the machine until this many bytes are free.
fn fill(machine: &Machine, at: &str, free: u64) {
    machine.must(&format!(
        "set -- $(stat -f -c '%f %S' {at}) && head -c $(($1 * $2 - {free})) /dev/zero >{at}/fill && sync"
    ));
}

/// Files that hold a copy of a partition, loop devices on partitions, mounts over single files, over
/// /usr and over a directory with a file system of rootvg in it.
#[test]
fn mounts_that_look_like_others() {
    let Some((machine, target)) = machine("rare-mounts") else { return };
    let disk = machine.disk();
    // A dd of /boot has the same UUID and label; it is mounted, and so is one whose file is gone.
    machine.must(&format!(
        "mkdir -p /mnt/old /mnt/gone /root/ext/lib && dd if={disk}p2 of=/root/boot.img bs=1M status=none && mount -o loop,ro,noload /root/boot.img /mnt/old && \
         truncate -s 16M /root/gone.img && mkfs.ext4 -q /root/gone.img && mount -o loop /root/gone.img /mnt/gone && rm /root/gone.img && echo g >/mnt/gone/g"
    ));
    // The file system of /home at a deeper place, below a tmpfs; a file over a file; an overlay over
    // /usr, as systemd-sysext makes one.
    machine.must(&format!(
        "umount /home && mkdir -p /deep/home && sed -i 's|/home|/deep/home|' /etc/fstab && mount {disk}p4 /deep/home && echo deep >/deep/home/deep && \
         mount -t tmpfs tmpfs /deep && echo ram >/deep/ram && echo on-disk >/etc/motd && echo other >/root/motd && mount --bind /root/motd /etc/motd && \
         touch /root/ext/lib/extension && {{ mount -t overlay overlay -o lowerdir=/root/ext:/usr /usr || true; }}"
    ));
    let ended = machine.run("alt_disk_install -C -B one");
    said(&ended, 0, &["mounted from a file", "/mnt/old (/root/boot.img)", "/deep/home"]);
    let root = in_copy(
        &machine,
        &target,
        "/",
        "cat etc/motd etc/fstab; ls -A mnt/old mnt/gone deep; ls usr/lib/extension; cmp root/boot.img /root/boot.img && echo same",
    );
    let old = machine.must(&format!("blkid -p -o value -s UUID {disk}p2"));
    let new = machine
        .must(&format!("blkid -p -o value -s UUID {}", partition(&machine, &target, "/boot")));
    assert!(root.starts_with("on-disk\n"), "{root}");
    assert!(root.contains(new.trim()) && !root.contains(old.trim()), "{root}");
    for line in ["mnt/gone:\n\n", "mnt/old:\n", "deep:\nhome\n", "same\n"] {
        assert!(root.contains(line), "no {line:?} in\n{root}");
    }
    assert!(!root.contains("usr/lib/extension\n") && !root.contains("ram"), "{root}");
    let home = in_copy(&machine, &target, "/deep/home", "cat deep");
    assert_eq!(home, "deep\n");
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);
    machine.run("umount /usr; umount /etc/motd; umount /deep; umount /mnt/old /mnt/gone");

    // A loop device on a partition is that partition, and no file.
    machine.must(&format!(
        "sed -i '/ swap /d; /\tswap\t/d' /etc/fstab; wipefs -qa {disk}p5 && mkfs.ext4 -q {disk}p5 && mkdir -p /srv/raw && \
         l=$(losetup -f --show {disk}p5) && echo $l >/root/loop && mount $l /srv/raw && echo raw >/srv/raw/raw"
    ));
    let ended = machine.run("alt_disk_install -C -B --preview one");
    // Before anything can fail: nobody else would detach it.
    machine.must("umount /srv/raw && losetup -d $(cat /root/loop)");
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(0), "{text}");
    assert!(text.contains("Copy /srv/raw") && !text.contains("/srv/raw (/"), "{text}");
}

/// Small files in larger blocks, an xfs with a log smaller than mkfs makes today, and files that
/// share their blocks on a disk that has just no room for them: lists, panels and refusal agree.
#[test]
fn space_that_shows_only_when_the_copy_is_full() {
    let Some((machine, target)) = machine("rare-space") else { return };
    let disk = machine.disk();
    let target = machine
        .must(&format!(
            "losetup -d {target} && losetup --sector-size 4096 -f --show /var/lib/altdisk/practice/one.img"
        ))
        .trim()
        .to_owned();
    machine.must(&format!(
        "umount /home && wipefs -qa {disk}p4 && TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q -f -m reflink=1 -l size=12m {disk}p4 && \
         U=$(blkid -p -o value -s UUID {disk}p4) && sed -i \"s|^[^ \\t]*\\([ \\t]*/home[ \\t]\\)|UUID=$U\\1|\" /etc/fstab && mount {disk}p4 /home && \
         mkdir /boot/small && cd /boot/small && seq 1 25000 | xargs touch && for i in $(seq 1 25000); do echo $i >$i; done && sync"
    ));
    fill(&machine, "/home", 12_000_000);
    fill(&machine, "/boot", 20_000_000);
    let ended = machine.run("alt_disk_install -C -B one");
    said(
        &ended,
        0,
        &[
            "/home is made",
            "its own log can take more",
            "/boot is made",
            "small files take more in larger blocks",
        ],
    );
    let boot =
        in_copy(&machine, &target, "/boot", "ls small | wc -l; cmp fill /boot/fill; cat small/777");
    assert_eq!(boot, "25000\n777\n");
    assert_eq!(in_copy(&machine, &target, "/home", "cmp fill /home/fill && echo same"), "same\n");
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);
    machine.must("rm -r /boot/small /boot/fill /home/fill");

    machine.must("head -c 80M /dev/urandom >/home/a && for f in b c d e; do cp --reflink=always /home/a /home/$f; done; sync");
    let small = machine.blank("small", 2250);
    let targets = machine.must("altdisk list targets");
    let after = targets.split("\nsmall ").nth(1).unwrap_or_else(|| panic!("{targets}"));
    let note = after.lines().nth(1).unwrap_or_default();
    assert!(note.contains("too small as things are: the file systems and swap need"), "{targets}");
    let disks = machine.must("altdisk disks");
    let row = disks.lines().find(|l| l.starts_with("small ")).unwrap_or_default();
    assert!(row.ends_with("no, too small"), "{disks}");
    assert!(disks.lines().any(|l| l.starts_with("one ") && l.ends_with("yes")), "{disks}");
    let json = machine.must("altdisk disks --json");
    assert!(json.contains("\"too_small\": \"the file systems and swap need"), "{json}");
    assert!(machine.must("altdisk discover clone").contains("one:no"), "the only one that fits");
    said(&machine.run("alt_disk_install -C -B small"), 3, &["ALT-320", "is too small"]);
    machine.must(&format!("cmp -n 4194304 {small} /dev/zero"));
    machine.must("rm /home/[a-e]");
    let targets = machine.must("altdisk list targets");
    assert!(!targets.contains("too small"), "{targets}");
    said(&machine.run("alt_disk_install -C -B --preview small"), 0, &[]);
}

/// An image whose /boot is full: there must be room for the initramfs that phase 3 makes.
#[test]
fn an_image_of_a_full_boot() {
    let Some((machine, target)) = machine("rare-image") else { return };
    fill(&machine, "/boot", 6_000_000);
    machine.must("mkdir -p /var/lib/altdisk/images");
    said(&machine.run("altdisk mksysb /var/lib/altdisk/images/full.zst"), 0, &[]);
    let image = "-d /var/lib/altdisk/images/full.zst -B";
    // A layout that was made too small, and one with less.
    machine.must(
        "cd /root && zstd -dcq /var/lib/altdisk/images/full.zst | tar -xf - image.data && \
         awk '/^LOGICAL_VOLUME = \"part2\"/ { b = 1 } b && /^SIZE_MB/ { $0 = \"SIZE_MB = 120\"; b = 0 } \
              /^FS_NAME = / { f = $3 == \"\\\"/boot\\\"\" } f && /^FS_MIN_SIZE_MB/ { $0 = \"FS_MIN_SIZE_MB = 60\" } \
              f && /^FS_USED_MB/ { $0 = \"FS_USED_MB = 50\" } { print }' image.data >less.data && ! cmp -s image.data less.data",
    );
    for (layout, why) in [("", "one more initramfs"), ("-i /root/less.data", "the image holds")] {
        let ended = machine.run(&format!("alt_disk_install {image} {layout} --preview one"));
        said(&ended, 0, &["/boot is made", why]);
    }
    // Where nothing can be larger, it is refused before anything is written.
    let small = machine.blank("small", 2100);
    said(&machine.run(&format!("alt_disk_install {image} small")), 3, &["ALT-320"]);
    machine.must(&format!("cmp -n 4194304 {small} /dev/zero"));
    said(&machine.run(&format!("alt_disk_install {image} one")), 0, &[]);
    let boot = in_copy(&machine, &target, "/boot", "ls -A && cmp fill /boot/fill && echo same");
    assert!(boot.contains("initrd.img-") && boot.contains("same\n"), "{boot}");
    assert!(!boot.contains(".dpkg") && !boot.contains(".altdisk"), "{boot}");
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);

    // An archive that another program made: its files are known too.
    machine.must(
        "cd / && tar --one-file-system --exclude=./var/lib/altdisk --exclude=./var/log/altdisk -cf /var/lib/altdisk/images/plain.tar . boot",
    );
    said(
        &machine.run("alt_disk_install -d /var/lib/altdisk/images/plain.tar -B --preview one"),
        0,
        &["brings no image.data"],
    );
}
