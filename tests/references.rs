//! What names the old disk, in every place where it can: the copy names its own, and what cannot be
//! changed is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/copies.rs"]
mod copies;
#[path = "machine/mod.rs"]
mod harness;

use copies::{in_copy, machine, partition};
use harness::said;

/// References that are no identifiers, and places where nobody looked: they follow, or it is said.
#[test]
fn references_in_every_place() {
    let Some((machine, target)) = machine("conf-references") else { return };
    let disk = machine.disk();
    let short = disk.trim_start_matches("/dev/");
    machine.must(&format!(
        "u() {{ blkid -p -o value -s UUID {disk}p$1; }} && own=/etc/systemd/system && mkdir -p $own/swap.target.wants /usr/local/lib/systemd/system /etc/lvm && \
         swaplabel -L swap0 {disk}p5 && printf '[Swap]\\nWhat=/dev/disk/by-label/swap0\\n' >$own/'dev-disk-by\\x2dlabel-swap0.swap' && \
         printf '[Swap]\\nWhat={disk}p5\\n' >$own/dev-{short}p5.swap && ln -s ../dev-{short}p5.swap $own/swap.target.wants/ && \
         printf '[Unit]\\nBindsTo=dev-{short}p4.device\\n[Mount]\\nWhat=/dev/disk/by-uuid/%s\\nWhere=/srv/y\\n' $(u 4) >/usr/local/lib/systemd/system/srv-y.mount && \
         printf '[Mount]\\nWhat=/dev/disk/by-uuid/%s\\nWhere=/home\\n' $(u 4) >/usr/lib/systemd/system/home.mount && sed -i '/[ \t]\\/home[ \t]/d' /etc/fstab && \
         printf 'devices {{\\n\\tglobal_filter = [ \"a|^{disk}p3$|\", \"r|.*|\" ]\\n}}\\n' >/etc/lvm/lvm.conf && \
         printf '#!/bin/sh\\nmount UUID=%s /mnt\\n' $(u 4) >/usr/local/bin/backup && \
         printf 'menuentry mine {{\\n  set root=(hd0,gpt2)\\n}}\\n' >>/etc/grub.d/40_custom && echo GRUB_DEFAULT=saved >>/etc/default/grub && mkdir -p /boot/grub && \
         version=$(ls /boot/vmlinuz-* | head -n 1 | sed 's/.*vmlinuz-//') && grub-editenv /boot/grub/grubenv create && \
         grub-editenv /boot/grub/grubenv set \"saved_entry=gnulinux-advanced-$(u 3)>gnulinux-$version-advanced-$(u 3)\" my_own=kept next_entry=2"
    ));
    let line = |file: &str, text: &str| {
        machine.must(&format!("grep -nF '{text}' {file} | cut -d: -f1")).trim().to_owned()
    };
    let left = [
        format!("/etc/lvm/lvm.conf:2: names the old disk ({disk}p3) and WORD left as it is"),
        "/usr/local/bin/backup:2: names the old disk (UUID=".to_owned(),
        format!(
            "/etc/grub.d/40_custom:{}: names a partition by its number ((hd0,gpt2))",
            line("/etc/grub.d/40_custom", "(hd0")
        ),
    ];
    let preview = machine.run("alt_disk_install -C -B --preview one");
    let words: Vec<String> = left.iter().map(|l| l.replace("WORD", "will be")).collect();
    said(&preview, 0, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let ended = machine.run("alt_disk_install -C -B one");
    let words: Vec<String> = left.iter().map(|l| l.replace("WORD", "was")).collect();
    said(&ended, 0, &words.iter().map(String::as_str).collect::<Vec<_>>());

    let uuid = |at: &str| {
        machine
            .must(&format!("blkid -p -o value -s UUID {}", partition(&machine, &target, at)))
            .trim()
            .to_owned()
    };
    let escaped = |at: &str| format!("dev-disk-by\\x2duuid-{}", uuid(at).replace('-', "\\x2d"));
    let root = in_copy(
        &machine,
        &target,
        "/",
        "cd etc/systemd/system && ls *.swap && cat *.swap && readlink swap.target.wants/*.swap && cat home.mount /mnt/x/usr/local/lib/systemd/system/srv-y.mount && \
         cat /mnt/x/usr/lib/systemd/system/home.mount && for u in *.swap home.mount; do systemd-analyze verify --root=/mnt/x \"$u\" 2>&1 || true; done",
    );
    let (swap, home) = (escaped("swap"), uuid("/home"));
    let old = machine.must(&format!("blkid -p -o value -s UUID {disk}p4"));
    let what = format!("What=/dev/disk/by-uuid/{home}");
    assert_eq!(
        root,
        format!(
            "{swap}.swap\n[Swap]\nWhat=/dev/disk/by-uuid/{}\n../{swap}.swap\n[Mount]\n{what}\nWhere=/home\n\
             [Unit]\nBindsTo={}.device\n[Mount]\n{what}\nWhere=/srv/y\n[Mount]\nWhat=/dev/disk/by-uuid/{}\nWhere=/home\n",
            uuid("swap"),
            escaped("/home"),
            old.trim()
        )
    );
    let env = in_copy(
        &machine,
        &target,
        "/boot",
        "stat -c %s grub/grubenv; grub-editenv grub/grubenv list",
    );
    let id = uuid("/");
    let version = machine.must("ls /boot/vmlinuz-* | head -n 1 | sed 's/.*vmlinuz-//'");
    assert_eq!(
        env,
        format!(
            "1024\nsaved_entry=gnulinux-advanced-{id}>gnulinux-{}-advanced-{id}\nmy_own=kept\n",
            version.trim()
        )
    );
    said(&machine.run("alt_disk_install -X"), 0, &[]);

    // Swap with a random key gets a partition; what would overwrite another one is disabled; an
    // entry that is not there is said.
    machine.must(&format!(
        "rm /etc/systemd/system/*.swap /etc/systemd/system/swap.target.wants/*.swap && sed -i '/[ \t]swap[ \t]/d' /etc/fstab && \
         printf '/dev/mapper/cryptswap1 none swap sw 0 0\\n/dev/mapper/scratch /scratch ext4 rw 0 0\\n' >>/etc/fstab && \
         printf 'cryptswap1 {disk}p5 /dev/urandom swap,cipher=aes-xts-plain64,size=256\\nscratch {disk}p1 /dev/urandom tmp\\n' >/etc/crypttab && \
         grub-editenv /boot/grub/grubenv set saved_entry=gone"
    ));
    let ended = machine.run("alt_disk_install -C -B --erase PRACTICE-one one");
    said(&ended, 0, &["scratch is disabled in the copy", "GRUB starts `gone` by default"]);
    let root = in_copy(
        &machine,
        &target,
        "/",
        "cat etc/crypttab; grep mapper etc/fstab; grep -c swap etc/fstab; cat etc/initramfs-tools/conf.d/resume",
    );
    let partuuid = machine.must(&format!(
        "blkid -p -o value -s PART_ENTRY_UUID {}",
        partition(&machine, &target, "swap")
    ));
    for line in [
        format!(
            "cryptswap1 PARTUUID={} /dev/urandom swap,cipher=aes-xts-plain64,size=256\n# Disabled",
            partuuid.trim()
        ),
        format!(
            "\n#scratch {disk}p1 /dev/urandom tmp\n/dev/mapper/cryptswap1 none swap sw 0 0\n#/dev/mapper/scratch /scratch ext4 rw 0 0\n1\nRESUME=none\n"
        ),
    ] {
        assert!(root.contains(&line), "no {line:?} in\n{root}");
    }
    said(&machine.run("alt_disk_install -X"), 0, &[]);

    // What the audit would refuse is refused before anything is written.
    machine.must(&format!(
        "sed -i 's|^[^#][^ \t]*\\([ \t][ \t]*/[ \t]\\)|/dev/root\\1|' /etc/fstab && head -c 1M {target} | sha256sum >/root/before"
    ));
    said(
        &machine.run("alt_disk_install -C -B --erase PRACTICE-one one"),
        3,
        &["ALT-520", "/ is mounted from /dev/root"],
    );
    machine.must(&format!("head -c 1M {target} | sha256sum | cmp - /root/before"));
}
