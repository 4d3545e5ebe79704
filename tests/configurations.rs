//! Configurations that people really have, each in a machine in a namespace: what is cloned, what
//! is not, and what is said about it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/copies.rs"]
mod copies;
#[path = "machine/mod.rs"]
mod harness;

use copies::{in_copy, machine, partition};
use harness::{Machine, said};

/// The smallest squashfs there is: an empty root directory, nothing compressed.
fn squashfs() -> Vec<u8> {
    let mut image = vec![];
    let (inodes, directories, ids, index) = (96u64, 130u64, 133u64, 139u64);
    for word in [0x7371_7368u32, 1, 0, 131_072, 0] {
        image.extend(word.to_le_bytes());
    }
    // zlib, 2^17, flags: inodes, data and fragments as they are, no fragments, no attributes; one
    // id; version 4.0.
    for word in [1u16, 17, 0x021b, 1, 4, 0] {
        image.extend(word.to_le_bytes());
    }
    for word in [0, index + 8, index, u64::MAX, inodes, directories, u64::MAX, u64::MAX] {
        image.extend(word.to_le_bytes());
    }
    let mut inode = vec![];
    for word in [1u16, 0o755, 0, 0] {
        inode.extend(word.to_le_bytes());
    }
    for word in [0u32, 1, 0, 2] {
        inode.extend(word.to_le_bytes());
    }
    inode.extend([3, 0, 0, 0, 2, 0, 0, 0]);
    for block in [&inode[..], &[0], &[0; 4]] {
        image.extend((0x8000 | u16::try_from(block.len()).unwrap()).to_le_bytes());
        image.extend(block);
    }
    image.extend(ids.to_le_bytes());
    image.resize(4096, 0);
    image
}

/// A file below the machine's root.
fn put(machine: &Machine, path: &str, bytes: &[u8]) {
    let at = machine.root().join(path);
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::write(at, bytes).unwrap();
}

/// A file is not a disk, and what is visible at a mount point is not always what is mounted there.
#[test]
fn files_that_are_mounted_and_mounts_that_are_hidden() {
    let Some((machine, target)) = machine("conf-mounts") else { return };
    // A snap, an image that fstab mounts, a partitioned one by hand.
    put(&machine, "var/lib/snapd/snaps/core_1.snap", &squashfs());
    machine.must(
        "mkdir -p /snap/core/1 /srv/image /srv/part && mount -t squashfs -o loop,ro /var/lib/snapd/snaps/core_1.snap /snap/core/1 && \
         truncate -s 16M /root/disk.ext4 && mkfs.ext4 -q /root/disk.ext4 && echo '/root/disk.ext4 /srv/image ext4 loop,noauto 0 0' >>/etc/fstab && \
         mount /srv/image && echo inside >/srv/image/inside && \
         truncate -s 32M /root/whole.img && echo 'start=2048' | sfdisk -q /root/whole.img && d=$(losetup -f --show /root/whole.img) && \
         { partx -a $d || true; } && \
         { [ -b ${d}p1 ] || mknod ${d}p1 b $(tr : ' ' </sys/class/block/${d#/dev/}p1/dev); } && mkfs.ext4 -q ${d}p1 && mount ${d}p1 /srv/part && echo deep >/srv/part/deep",
    );
    // A tmpfs over /home's own file system and one over a directory of /, a bind of what is hidden,
    // a file below the mount point.
    machine.must(
        "echo precious >/home/precious && echo on-disk >/var/log/on-disk && mkdir -p /export/home /mnt/below && mount --bind / /mnt/below && \
         echo below >/mnt/below/home/below && umount /mnt/below && mount --bind /home /export/home && \
         mount -t tmpfs tmpfs /home && echo ram >/home/only-in-ram && mount -t tmpfs tmpfs /var/log && echo ram >/var/log/only-in-ram",
    );
    let state = machine.state();

    let data = machine.must("altdisk mkszfile");
    assert!(
        data.contains("FS_NAME = \"/home\"") && data.contains("# mounted from a file"),
        "{data}"
    );
    for not in ["/snap", "/srv", "FS_VFS = \"squashfs\""] {
        assert!(!data.lines().any(|l| !l.starts_with('#') && l.contains(not)), "{not}: {data}");
    }
    let ended = machine
        .run("mkdir -p /var/lib/altdisk/images && altdisk mksysb /var/lib/altdisk/images/web.zst");
    said(&ended, 0, &["mounted from a file", "/snap/core/1 (", "/ has files at /home"]);
    let members = machine.must("zstd -dcq /var/lib/altdisk/images/web.zst | tar -tf -");
    for (name, there) in [
        ("./home/precious", true),
        ("./home/only-in-ram", false),
        ("./var/log/on-disk", true),
        ("./var/log/only-in-ram", false),
        ("./root/disk.ext4", true),
        ("./srv/image/", true),
        ("./srv/image/inside", false),
        ("./srv/part/deep", false),
        ("./snap/core/1/", true),
        ("./var/lib/snapd/snaps/core_1.snap", true),
    ] {
        assert_eq!(members.lines().any(|l| l == name), there, "{name}");
    }

    let fstab = machine.must("tail -n 1 /etc/fstab");
    said(&machine.run("alt_disk_install -C -B one"), 0, &["mounted from a file", "/srv/part ("]);
    let root = in_copy(
        &machine,
        &target,
        "/",
        "cat home/below var/log/on-disk; ls -A snap/core/1 srv/image srv/part; tail -n 1 etc/fstab; \
         cmp root/disk.ext4 /root/disk.ext4 && cmp var/lib/snapd/snaps/core_1.snap /var/lib/snapd/snaps/core_1.snap; ls var/log home",
    );
    for line in ["below\non-disk\n", "snap/core/1:\n\n", "srv/image:\n\n", fstab.as_str()] {
        assert!(root.contains(line), "no {line:?} in\n{root}");
    }
    assert!(!root.contains("only-in-ram") && !root.contains("deep"), "{root}");
    let home = in_copy(&machine, &target, "/home", "ls -A; cat precious");
    assert!(home.contains("precious\n") && !home.contains("only-in-ram"), "{home}");
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);
    assert_eq!(machine.state(), state);
    machine.must("umount /var/log /home /export/home /srv/part /srv/image /snap/core/1; losetup -ln -O NAME,BACK-FILE | awk '$2 == \"/root/whole.img\" { print $1 }' | while read d; do partx -d $d; losetup -d $d; done");
}

/// Options that select by number, a subvolume at two places, another system's partition, and /boot
/// that is not mounted.
#[test]
fn options_by_number_and_what_is_not_cloned() {
    let Some((machine, target)) = machine("conf-options") else { return };
    let disk = machine.disk();
    // /home becomes a btrfs with subvolumes that fstab and a unit select by number; the swap
    // partition another system's.
    machine.must(&format!(
        "umount /home && wipefs -qa {disk}p4 && mkfs.btrfs -q -f {disk}p4 && mount {disk}p4 /mnt && btrfs subvolume create /mnt/@home && \
         btrfs subvolume create /mnt/@srv && id() {{ btrfs subvolume list /mnt | awk -v p=$1 '$NF == p {{ print $2 }}'; }} && \
         H=$(id @home) && S=$(id @srv) && umount /mnt && U=$(blkid -p -o value -s UUID {disk}p4) && \
         sed -i '/ \\/home /d; / swap /d' /etc/fstab && echo \"UUID=$U /home btrfs subvolid=$H,noatime 0 0\" >>/etc/fstab && \
         echo \"{disk}p5 /opt/other squashfs ro,nofail 0 0\" >>/etc/fstab && mount /home && mkdir -p /export/home /srv /opt/other && \
         mount --bind /home /export/home && mount -o subvolid=$S {disk}p4 /srv && echo h >/home/h && echo s >/srv/s && \
         printf '[Mount]\\nWhat=/dev/disk/by-uuid/%s\\nWhere=/srv\\nType=btrfs\\nOptions=subvolid=%s\\n' $U $S >/etc/systemd/system/srv.mount && \
         mkdir -p /etc/default && echo 'GRUB_CMDLINE_LINUX=\"rootflags=noatime quiet\"' >>/etc/default/grub"
    ));
    put(&machine, "root/other.squashfs", &squashfs());
    machine.must(&format!("wipefs -qa {disk}p5; dd if=/root/other.squashfs of={disk}p5 conv=notrunc status=none && mount /opt/other"));

    // Another system's partition: -i decides, and without it there is a word.
    let ended = machine.run("alt_disk_install -C -B --preview one");
    said(&ended, 0, &["/opt/other", "is squashfs", "NOT cloned"]);
    machine.must("altdisk mkszfile /root/image.data");
    said(&machine.run("alt_disk_install -C -B -i /root/image.data --preview one"), 0, &[]);

    // Writable snapshots are data (machinectl clone, layers of containers), read-only ones are not;
    // quotas are off in a copy.
    machine.must(
        "cd /home && btrfs subvolume create base && head -c 20M /dev/urandom >base/blocks && sync && btrfs subvolume snapshot base web1 && \
         echo data >web1/data && btrfs subvolume snapshot -r base monday && btrfs quota enable /home && cd /",
    );
    let ended = machine.run("alt_disk_install -C -B --accept snapshots --preview one");
    said(
        &ended,
        0,
        &[
            "@home/web1 (a writable btrfs snapshot on /home) is not cloned",
            "1 btrfs snapshots of /home are not cloned: 1 in @home",
        ],
    );
    said(
        &machine.run("alt_disk_install -C -B -i /root/image.data --preview one"),
        0,
        &["@home/web1 (a btrfs subvolume of /home) is not in image.data"],
    );
    said(
        &machine.run("alt_disk_install -C -B --accept nothing one"),
        2,
        &["ALT-107", "encryption, verity, casefold, snapshots"],
    );

    let ended = machine.run("alt_disk_install -C -B one");
    said(
        &ended,
        0,
        &[
            "@home/web1 (a writable btrfs snapshot on /home) is cloned",
            "/home has btrfs quotas: in the copy they are off",
        ],
    );
    let after = format!("{}{}", ended.stdout, ended.stderr);
    let second = after
        .split("each stays an empty directory")
        .nth(1)
        .unwrap_or_default()
        .lines()
        .take(3)
        .collect::<String>();
    assert!(
        second.contains("monday") && !second.contains("web1") && !second.contains("base"),
        "{after}"
    );
    let snapshots = in_copy(
        &machine,
        &target,
        "/home",
        "cd @home && cat web1/data && cmp web1/blocks /home/base/blocks && ls -A monday && btrfs subvolume list -s . && btrfs subvolume show web1 | grep -c 'Parent UUID:.*-$'; btrfs qgroup show . 2>&1 || true",
    );
    assert!(snapshots.starts_with("data\n1\n") && snapshots.contains("not enabled"), "{snapshots}");
    let root = in_copy(
        &machine,
        &target,
        "/",
        "cat etc/fstab etc/systemd/system/srv.mount; grep rootflags etc/default/grub; ls -A opt/other export/home",
    );
    let uuid = machine
        .must(&format!("blkid -p -o value -s UUID {}", partition(&machine, &target, "/home")));
    for line in [
        format!("UUID={} /home btrfs subvol=/@home,noatime 0 0\n", uuid.trim()),
        format!("What=/dev/disk/by-uuid/{}\n", uuid.trim()),
        "Options=subvol=/@srv\n".to_owned(),
        "rootflags=noatime quiet".to_owned(),
        format!("{disk}p5 /opt/other squashfs ro,nofail 0 0\n"),
        "export/home:\n\n".to_owned(),
    ] {
        assert!(root.contains(&line), "no {line:?} in\n{root}");
    }
    assert!(!root.contains("subvolid"), "{root}");
    machine.must(
        "btrfs quota disable /home && btrfs subvolume delete /home/web1 /home/monday /home/base",
    );
    let home = in_copy(&machine, &target, "/home", "cat @home/h @srv/s");
    assert_eq!(home, "h\ns\n");
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);

    // /boot that only fstab knows: that is said, and mounting it is the way out.
    machine.must("sed -i '/ \\/boot /s/defaults/noauto,defaults/' /etc/fstab && umount /boot");
    let ended = machine.run("alt_disk_install -C -B one");
    said(&ended, 3, &["ALT-502", "/boot is in /etc/fstab", "not mounted", "`mount /boot`"]);
    assert!(!ended.stderr.contains("microVM"), "{ended:?}");
    machine.must(&format!("cmp -n 440 {target} /dev/zero && mount /boot"));
    said(&machine.run("alt_disk_install -C -B --preview one"), 0, &[]);
    machine.must("umount /export/home /srv /opt/other");
}

/// What would stop a run after the target is erased: sectors of 4 KiB, a small xfs, files that
/// share blocks, a full /boot, files that nothing may change, an exclude list that takes what a
/// system needs. Here it works.
#[test]
fn what_can_be_known_beforehand_works() {
    let Some((machine, target)) = machine("conf-known") else { return };
    let disk = machine.disk();
    let again = format!(
        "losetup -d {target} && losetup --sector-size 4096 -f --show /var/lib/altdisk/practice/one.img"
    );
    let target = machine.must(&again).trim().to_owned();
    // An xfs as older programs made it, and four files that share their blocks.
    machine.must(&format!(
        "umount /home && echo ',256M' | sfdisk -q -N 4 --no-reread --force {disk} && partx -u {disk} && wipefs -qa {disk}p4 && \
             TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q -f -m reflink=1 {disk}p4 && U=$(blkid -p -o value -s UUID {disk}p4) && \
             sed -i \"s|^[^ \\t]*\\([ \\t]*/home[ \\t]\\)|UUID=$U\\1|\" /etc/fstab && mount {disk}p4 /home && \
             head -c 40M /dev/urandom >/home/a && for f in b c d; do cp --reflink=always /home/a /home/$f; done"
    ));
    machine.must(
            "free=$(stat -f -c '%f %S' /boot) && set -- $free && head -c $(($1 * $2 - 6000000)) /dev/zero >/boot/fill && \
             printf '^./tmp\\n^./proc\\n^./sys\\n^./dev\\n^./run\\n^./var/tmp\\n^./boot/fill\\n' >/root/list && echo mine >/root/resolv && \
             rm -f /etc/resolv.conf && echo theirs >/etc/resolv.conf && echo 127.0.0.1 localhost >/etc/hosts && mkdir -p /boot/grub && touch /boot/grub/grub.cfg",
        );
    machine.must("chattr +i /etc/fstab /boot/grub/grub.cfg /etc/resolv.conf /etc/hosts");
    let state = machine.state();
    let ended = machine.run("alt_disk_install -C -B -n -R /root/resolv -e /root/list one");
    said(&ended, 0, &["blocks of 1024 bytes", "/home is made", "/boot is made"]);
    let flags = in_copy(
        &machine,
        &target,
        "/",
        "lsattr etc/fstab etc/hosts | cut -c5; cat etc/resolv.conf; ls -d tmp proc sys dev run var/tmp; ls -A tmp | wc -l",
    );
    assert_eq!(flags, "i\ni\nmine\ndev\nproc\nrun\nsys\ntmp\nvar/tmp\n0\n");
    let boot = in_copy(
        &machine,
        &target,
        "/boot",
        "lsattr grub/grub.cfg | cut -c5; test -s grub/grub.cfg && ls -A",
    );
    assert!(
        boot.starts_with("i\n") && !boot.contains("fill") && !boot.contains(".altdisk"),
        "{boot}"
    );
    let home =
        in_copy(&machine, &target, "/home", "cmp a /home/a && cmp d /home/d && stat -f -c %S .");
    assert_eq!(home, "4096\n");
    // No loader for UEFI is there: the protective MBR is active, as some BIOSes ask for. The table
    // is as it was.
    let sector = machine
        .must(&format!("od -An -tx1 -j446 -N5 {target}; od -An -tx1 -j510 -N2 {target}; sfdisk -V {target} >/dev/null && echo whole"));
    assert_eq!(
        sector.split_whitespace().collect::<Vec<_>>(),
        ["80", "00", "02", "00", "ee", "55", "aa", "whole"],
        "{sector}"
    );
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);
    assert_eq!(machine.state(), state);
    // The same without a list: room for one more initramfs is made.
    said(
        &machine.run("alt_disk_install -C -B --preview one"),
        0,
        &["/boot is made", "one more initramfs"],
    );
    machine.must("chattr -i /etc/fstab /boot/grub/grub.cfg /etc/resolv.conf /etc/hosts");
    // Unmounting what was written takes longer than a power loss waits for.
    machine.must("umount /home && sync");
}

/// What cannot work is refused before anything is written; an EFI system partition that is not
/// mounted is cloned.
#[test]
fn what_cannot_work_is_refused_before_anything_is_written() {
    let Some((machine, target)) = machine("conf-refused") else { return };
    let disk = machine.disk();
    let untouched = |line: &str, words: &[&str]| {
        said(&machine.run(line), 3, words);
        machine.must(&format!("cmp -n 4194304 {target} /dev/zero"));
    };
    for (list, of) in [
        (".", "/"),
        ("^./boot/", "/boot"),
        ("^./boot", "/boot"),
        ("^./etc", "/etc"),
        ("^./usr/bin/", "/usr/bin"),
        ("lib", "/usr/lib"),
        ("^./usr/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu"),
        ("^./usr/share/initramfs-tools/", "/usr/share/initramfs-tools"),
        ("/lib/modules/", "/usr/lib/modules"),
        ("^./usr/sbin/grub-mk", "/usr/sbin/grub-mkconfig"),
        ("initramfs$", "/usr/sbin/update-initramfs"),
        ("/ld-linux-", "/usr/lib64"),
        ("systemd$", "/sbin/init"),
        ("vmlinuz", ""),
    ] {
        machine.must(&format!("echo '{list}' >/root/list"));
        untouched(
            "alt_disk_install -C -B -e /root/list one",
            &["ALT-407", &format!("{of} (line 1: `{list}`)")],
        );
    }
    // The preview shows what a list leaves out.
    machine.must("mkdir /home/out && touch /home/out/one /home/out/two && printf '^./home/out/\\n^./nowhere$\\n' >/root/list");
    said(
        &machine.run("alt_disk_install -C -B -e /root/list --preview one"),
        0,
        &["line 1: `^./home/out/` matched 2", "line 2: `^./nowhere$`: it matched nothing"],
    );
    machine.must("rm -r /home/out && echo '^./boot/' >/root/list");
    said(&machine.run("alt_disk_install -C -B -g -e /root/list --preview one"), 0, &[]);

    // Files that share blocks: what they are without that is known, and there is room for it.
    machine.must("head -c 90M /dev/urandom >/home/a && for f in b c d; do cp --reflink=always /home/a /home/$f; done; sync");
    said(
        &machine.run("alt_disk_install -C -B --preview one"),
        0,
        &["/home is made", "share blocks"],
    );
    machine.must("rm /home/[abcd]");

    // Archives that are no root.
    machine.must(
        "mkdir -p /root/t/r/etc /root/t/r/usr/bin /root/t/r/proc/1 /root/t/d/blobs/sha256 && cd /root/t && echo x >r/usr/bin/tool && echo x >r/proc/1/status && \
         echo '{}' >d/manifest.json && tar czf prefix.tgz r && tar cf save.tar -C d manifest.json blobs && tar cf link.tar -C r ./etc ./usr && \
         ln -s usr/bin r/bin && tar rf link.tar -C r ./bin && rm r/bin && mkdir r/bin && echo y >r/bin/other && tar rf link.tar -C r ./bin/other && \
         tar cf proc.tar -C r ./etc ./usr ./proc",
    );
    for (archive, words) in [
        ("prefix.tgz", ["ALT-678", "lies below r/"]),
        ("save.tar", ["ALT-678", "docker save"]),
        ("link.tar", ["ALT-679", "bin/other goes through bin"]),
    ] {
        untouched(&format!("alt_disk_install -d /root/t/{archive} -g -L 0.0.0 -B one"), &words);
    }
    // What the remedies say works.
    machine.must("cd /root/t && tar -C r -cf again.tar . && mkdir x && tar -C x -xf link.tar && tar -C x -cf anew.tar .");
    for archive in ["again.tar", "anew.tar"] {
        said(
            &machine.run(&format!(
                "alt_disk_install -d /root/t/{archive} -g -L 0.0.0 -B --preview one"
            )),
            0,
            &[],
        );
    }
    let ended = machine.run("alt_disk_install -d /root/t/proc.tar -g -L 0.0.0 -B --preview one");
    assert!(format!("{ended:?}").contains("are left out: in /proc"), "{ended:?}");

    // An encrypted directory, locked.
    let encrypted = machine.run(&format!(
        "umount /boot && tune2fs -O encrypt {disk}p2 && mount {disk}p2 /boot && mkdir /boot/vault && \
         id=$(head -c 64 /dev/urandom | xfs_io -c add_enckey /boot | sed 's/.* //') && xfs_io -c \"set_encpolicy -v 2 $id\" /boot/vault && \
         echo secret >/boot/vault/file && ln -s file /boot/vault/link && mv /boot/vault/file /boot/moved && echo secret >/boot/vault/file && echo $id >/root/id && sync"
    ));
    if encrypted.code == Some(0) {
        // Unlocked: a copy would be plain text. Either way out of it works.
        let lost = [
            "ALT-335",
            "/boot/vault/ is encrypted (fscrypt) and unlocked",
            "/boot/moved is",
            "`^./boot/vault/`",
            "`--accept encryption`",
        ];
        untouched("alt_disk_install -C -B one", &lost);
        said(&machine.run("altdisk mksysb /root/image.tar"), 3, &lost);
        let accepted = [
            "/boot/vault/ is encrypted (fscrypt) and unlocked: in the copy its files are plain text",
        ];
        said(
            &machine.run("alt_disk_install -C -B --accept encryption --preview one"),
            0,
            &accepted,
        );
        machine.must("printf '^./boot/vault/\\n^./boot/moved$\\n' >/root/list");
        let ended = machine.run("alt_disk_install -C -B -e /root/list --preview one");
        said(&ended, 0, &[]);
        assert!(!format!("{ended:?}").contains("/boot/vault/ is"), "{ended:?}");
        // Locked, with nothing but a link in it: its name and where it leads are not those that
        // they have.
        machine.must(
            "rm /boot/moved /boot/vault/file && sync && xfs_io -c \"rm_enckey $(cat /root/id)\" /boot && echo 3 >/proc/sys/vm/drop_caches",
        );
        untouched(
            "alt_disk_install -C -B --accept encryption one",
            &["ALT-327", "/boot/vault is encrypted", "fscrypt unlock", "`^./boot/vault/`"],
        );
        machine.must("echo '^./boot/vault/' >/root/list");
        said(&machine.run("alt_disk_install -C -B -e /root/list --preview one"), 0, &[]);
        machine.must("rm -r /boot/vault");
    } else {
        println!("skipped: no encrypted directories here: {encrypted:?}");
        machine.run(&format!("mountpoint -q /boot || mount {disk}p2 /boot"));
    }

    // An EFI system partition that nobody has mounted.
    machine.must(&format!(
        "wipefs -qa {disk}p5; mkfs.vfat -i ABCD1234 {disk}p5 >/dev/null && sed -i '/ swap /d; /\\tswap\\t/d' /etc/fstab && mkdir -p /boot/efi && \
         echo 'UUID=ABCD-1234 /boot/efi vfat umask=0077,noauto,x-systemd.automount 0 1' >>/etc/fstab"
    ));
    said(
        &machine.run("alt_disk_install -C -B one"),
        0,
        &["/boot/efi (UUID=ABCD-1234) is not mounted, but is cloned anyway"],
    );
    let esp = partition(&machine, &target, "esp");
    let uuid = machine.must(&format!("blkid -p -o value -s UUID {esp}"));
    let fstab = in_copy(&machine, &target, "/", "tail -n 1 etc/fstab");
    assert_eq!(
        fstab,
        format!("UUID={} /boot/efi vfat umask=0077,noauto,x-systemd.automount 0 1\n", uuid.trim())
    );
    said(&machine.run("alt_disk_install -X --erase PRACTICE-one"), 0, &[]);
}
