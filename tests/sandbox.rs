//! The sandbox on a machine: what scripts of packages, hooks of initramfs builders, scripts of
//! GRUB's menu and loader installers can do and cannot do.
//!
//! `sandbox/escape.c` tries every way out that is known and says of each whether it held.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Command;

use harness::{Machine, missing, said};

const UPDATE: &str = "alt_disk_install -C -B -P 2 -l /updates";
/// No line less than this many ways were tried.
const WAYS: usize = 145;

fn ready(name: &str) -> Option<Machine> {
    let absent = ["dpkg-deb", "gcc"].into_iter().find(|p| !Path::new("/usr/bin").join(p).exists());
    if let Some(why) = missing().or(absent.map(|p| format!("{p} not installed"))) {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    machine.blank("target", 2600);
    fs::create_dir(machine.root().join("updates")).unwrap();
    // The second version of control groups, where this kernel has it: as on any machine with
    // systemd.
    machine.run("mount -t cgroup2 none /sys/fs/cgroup");
    Some(machine)
}

/// A package of these files (those that begin with `#!` are programs) and programs from here.
fn package(machine: &Machine, name: &str, files: &[(&str, &str)], programs: &[(&str, &Path)]) {
    let dir = tempfile::tempdir().unwrap();
    let build = dir.path().join("build");
    let control = format!(
        "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nInstalled-Size: 2000\nDescription: made for a test\n"
    );
    let all =
        files.iter().map(|(to, text)| (*to, text.as_bytes().to_vec(), text.starts_with("#!")));
    let all = all.chain(programs.iter().map(|(to, from)| (*to, fs::read(from).unwrap(), true)));
    for (to, content, runs) in all.chain([("DEBIAN/control", control.into_bytes(), false)]) {
        let to = build.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, content).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(if runs { 0o755 } else { 0o644 }))
            .unwrap();
    }
    let done = Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Zgzip", "-b"])
        .arg(&build)
        .arg(machine.root().join("updates"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// What the program of `escape.c` said: everything held.
fn held(log: &str, whose: &str) {
    let escaped: Vec<&str> = log.lines().filter(|l| l.starts_with("ESCAPE")).collect();
    assert!(escaped.is_empty(), "{whose}: {escaped:#?}");
    let tried = log.lines().filter(|l| l.starts_with("held ")).count();
    assert!(
        tried >= WAYS && log.lines().any(|l| l == "done"),
        "{whose}: {tried} ways tried\n{log}"
    );
}

#[test]
fn no_way_leads_out_of_the_copy() {
    let Some(machine) = ready("sandbox") else { return };
    let built = tempfile::tempdir().unwrap();
    let escape = built.path().join("escape");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/escape.c");
    assert!(
        Command::new("gcc")
            .args(["-O1", "-static", "-w", "-o"])
            .args([&escape, &source])
            .status()
            .unwrap()
            .success()
    );
    let listener =
        UnixListener::bind_addr(&SocketAddr::from_abstract_name("altdisk-escape-test").unwrap())
            .unwrap();
    let tries = |log: &str| {
        format!(
            "#!/bin/sh\n[ \"$1\" = prereqs ] && exit 0\ncd /\nfind /dev -type b | sort >/root/{log}.devices\nfor d in $(cat /root/{log}.devices); do (: >>$d) 2>/dev/null && echo $d; done >/root/{log}.writable\n/usr/lib/evil/escape >/root/{log} 2>&1\nexit 0\n"
        )
    };
    let postinst = tries("postinst").replace("exit 0\n", "")
        + "mv /usr/sbin/grub-install /usr/sbin/grub-install.real\ncp /usr/lib/evil/installer /usr/sbin/grub-install\n";
    let installer =
        tries("installer").replace("exit 0\n", "") + "exec /usr/sbin/grub-install.real \"$@\"\n";
    package(
        &machine,
        "evil",
        &[
            ("DEBIAN/postinst", &postinst),
            ("usr/share/initramfs-tools/hooks/evil", &tries("hook")),
            ("etc/grub.d/99_evil", &tries("menu")),
            ("usr/lib/evil/installer", &installer),
        ],
        &[("usr/lib/evil/escape", &escape)],
    );
    // As an administrator may start it: from a directory of theirs, with a secret in the
    // environment, with open files.
    let worst = |command: &str| {
        format!(
            "cd /root; exec 7</etc/shadow 8</ 9>>/root/own; export ALTDISK_ESCAPE_SECRET=x; {command}"
        )
    };
    said(&machine.run(&worst("alt_disk_install -C -B -P 1 target")), 0, &[]);
    machine.must("echo outside >/altdisk-outside; echo outside >/etc/altdisk-outside");
    let settings = "cat /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern /proc/irq/default_smp_affinity; ls /alt_inst/run";
    let before = machine.must(settings);
    said(&machine.run(&worst(&format!("{UPDATE} -w evil"))), 0, &[]);
    assert_eq!(machine.must(settings), before);
    let limited = machine.run("mountpoint -q /sys/fs/cgroup").code == Some(0);
    held(&machine.must("cat /alt_inst/root/postinst"), "a script of a package");
    if limited {
        assert_eq!(
            machine.must("cat /alt_inst/root/postinst.writable"),
            "",
            "disks that a script can write to"
        );
        assert_eq!(machine.must("ls -d /sys/fs/cgroup/altdisk-* 2>/dev/null || true"), "");
    }

    said(&machine.run(&worst("alt_disk_install -C -B -P 3 target")), 0, &[]);
    let device =
        machine.must("losetup -nO NAME -j /var/lib/altdisk/practice/target.img").trim().to_owned();
    let log = |name: &str| {
        machine.must(&format!(
            "for p in {device}p*; do mount -o ro $p /mnt 2>/dev/null || continue; cat /mnt/root/{name} 2>/dev/null; umount /mnt; done; true"
        ))
    };
    held(&log("hook"), "a hook of the initramfs builder");
    held(&log("menu"), "a script of GRUB's menu");
    held(&log("installer"), "the loader installer");
    let disks = |name: &str| log(name).lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(
        disks("hook.devices").iter().all(|d| d.starts_with(&format!("{device}p"))),
        "{:?}",
        disks("hook.devices")
    );
    for name in ["menu.devices", "installer.devices"] {
        assert!(
            !disks(name).is_empty() && disks(name).iter().all(|d| d.starts_with(&device)),
            "{name}: {:?}",
            disks(name)
        );
    }
    if limited {
        assert_eq!((log("hook.writable"), log("menu.writable")), (String::new(), String::new()));
        let written = disks("installer.writable");
        assert!(written.contains(&device) && written.len() <= 2, "{written:?}");
    }
    drop(listener);
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}

/// What scripts of packages do in earnest.
const NEEDS: &[(&str, &str)] = &[
    ("groupadd", "groupadd -r needs && getent group needs"),
    ("useradd", "useradd -r -g needs -d /var/lib/needs -m -s /bin/sh needs && id needs"),
    (
        "usermod, groupmod",
        "groupadd other && usermod -aG other -c comment -s /bin/false needs && id -nG needs | grep -q other && usermod -s /bin/sh needs && groupmod -n another other && gpasswd -d needs another && groupdel another",
    ),
    (
        "chpasswd, newusers, userdel",
        "echo needs:secret | chpasswd && grep -q '^needs:[$]' /etc/shadow && echo 'second:x:::second:/home/second:/bin/sh' | newusers && userdel -r second && pwck -rq && pwconv && grpconv",
    ),
    ("passwd", "passwd -l needs && chage -l needs && usermod -L needs"),
    (
        "su",
        "su needs -c 'id -un; : >/var/lib/needs/own' && test \"$(stat -c %U /var/lib/needs/own)\" = needs",
    ),
    (
        "runuser, setpriv",
        "runuser -u needs -- id && setpriv --reuid=needs --clear-groups --bounding-set=-all id",
    ),
    (
        "chown of what users own",
        "chown root:root /var/lib/needs/own && chown needs /var/lib/needs/own && chmod 4755 /var/lib/needs/own",
    ),
    (
        "setcap",
        "cp /bin/true /var/lib/needs/cap && setcap cap_net_bind_service,cap_setgid+ep /var/lib/needs/cap && getcap /var/lib/needs/cap | grep -q setgid && /var/lib/needs/cap",
    ),
    (
        "chattr",
        "chattr +i /var/lib/needs/cap && ! rm /var/lib/needs/cap 2>/dev/null && chattr -i /var/lib/needs/cap && rm /var/lib/needs/cap",
    ),
    (
        "attributes",
        "setfattr -n user.x -v 1 /var/lib/needs/own && setfacl -m u:needs:r /etc/needs.conf && getfacl /etc/needs.conf | grep -q user:needs",
    ),
    (
        "mknod",
        "mkdir -p /var/lib/needs/dev && mknod /var/lib/needs/dev/null c 1 3 && mknod /var/lib/needs/dev/sda b 8 0 && mkfifo /var/lib/needs/fifo",
    ),
    ("chroot", "chroot / /bin/true && chroot --userspec=needs / id -u"),
    (
        "dpkg-divert",
        "dpkg-divert --package needs --rename --divert /etc/needs.old --add /etc/needs.conf && dpkg-divert --package needs --rename --remove /etc/needs.conf",
    ),
    (
        "dpkg-statoverride",
        "dpkg-statoverride --update --add needs root 0640 /etc/needs.conf && dpkg-statoverride --remove /etc/needs.conf",
    ),
    ("update-alternatives", "update-alternatives --install /usr/bin/needing needing /bin/true 10"),
    ("update-rc.d", "! command -v update-rc.d || update-rc.d -f nothing remove"),
    ("ldconfig", "ldconfig"),
    (
        "systemctl",
        "systemctl enable needs.service && systemctl is-enabled needs.service && systemctl daemon-reload && systemctl start needs.service",
    ),
    (
        "deb-systemd-helper",
        "! command -v deb-systemd-helper || deb-systemd-helper enable needs.service",
    ),
    (
        "systemctl mask, preset",
        "systemctl preset needs.service && systemctl disable needs.service && systemctl mask needs.service && test \"$(systemctl is-enabled needs.service)\" = masked && systemctl unmask needs.service && systemctl preset --preset-mode=enable-only needs.service && systemctl set-default multi-user.target",
    ),
    (
        "systemd-machine-id-setup",
        "mv /etc/machine-id /root/machine-id && systemd-machine-id-setup && test -s /etc/machine-id && mv /root/machine-id /etc/machine-id",
    ),
    (
        "systemd-firstboot, localectl's files",
        "! command -v systemd-firstboot || systemd-firstboot --root=/ --force --locale=C.UTF-8 --timezone=UTC",
    ),
    (
        "systemd-escape, systemd-analyze",
        "systemd-escape -p /a/b && systemd-analyze verify /lib/systemd/system/needs.service",
    ),
    (
        "journalctl",
        "journalctl --update-catalog; journalctl --no-pager -n 1 >/dev/null 2>&1 || true; logger -s needs || true",
    ),
    ("systemd-sysusers", "printf 'u needsys - \"x\"\\n' | systemd-sysusers - && id needsys"),
    (
        "systemd-tmpfiles",
        "printf 'd /var/lib/needs/tmp 0750 needs needs -\\nf+ /var/lib/needs/tmp/f 0600 needs needs - x\\n' | systemd-tmpfiles --create - && test -s /var/lib/needs/tmp/f",
    ),
    ("systemd-hwdb", "! command -v systemd-hwdb || systemd-hwdb update"),
    (
        "udevadm",
        "udevadm control --reload || true; udevadm settle --timeout=1 || true; udevadm hwdb --update 2>/dev/null || true; udevadm info --query=all --path=/sys/class/mem/null >/dev/null",
    ),
    (
        "depmod, modinfo, modprobe",
        "k=$(ls /lib/modules | head -n 1) && depmod -a $k && modinfo -k $k ext4 >/dev/null && modprobe -S $k --show-depends ext4 >/dev/null && { [ ! -e /proc/modules ] || lsmod >/dev/null; }",
    ),
    ("update-initramfs", "update-initramfs -u -k $(ls /lib/modules | head -n 1)"),
    ("update-grub", "update-grub"),
    (
        "grub-probe",
        "test \"$(grub-probe --target=fs /)\" = ext2 && test -n \"$(grub-probe --target=fs_uuid /boot)\" && test \"$(grub-probe --target=partmap /)\" = gpt",
    ),
    ("blkid, findmnt, lsblk, df", "findmnt -n / && df / && lsblk && blkid $(findmnt -no SOURCE /)"),
    (
        "tempfiles",
        "mktemp && mktemp -p /var/tmp && head -c 1000 /dev/urandom | sha256sum && echo x >/dev/stderr",
    ),
    (
        "sockets",
        "perl -e 'use Socket; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die; socket(S, AF_INET, SOCK_STREAM, 0) or die; bind(S, sockaddr_in(0, INADDR_LOOPBACK)) or die; use IO::Socket::UNIX; IO::Socket::UNIX->new(Local => \"/var/lib/needs/sock\", Listen => 1) or die'",
    ),
    ("limits", "ulimit -c 0; ulimit -n 512; nice -n 5 ionice -c 3 true"),
    (
        "tar, cpio, cp",
        "cd /etc && tar -c --xattrs --acls . | tar -x --xattrs --acls -C /var/lib/needs/tmp && cp -a /etc/. /var/lib/needs/tmp && find . | head -n 5 | cpio -o -H newc >/dev/null",
    ),
    ("sync", "sync; sync -f /etc"),
    // mkinitcpio itself is in no package of Debian; see the unit tests.
    (
        "what mkinitcpio calls",
        "k=$(ls /lib/modules | head -n 1); d=$(mktemp -d) && mkdir -p $d/dev $d/etc $d/lib/modules && mknod -m 600 $d/dev/console c 5 1 && mknod -m 666 $d/dev/null c 1 3 && cp -a /lib/modules/$k $d/lib/modules/ && depmod -b $d $k && ldd /bin/sh >/dev/null && while read -r f; do cp --parents $f $d; done < <(find /etc/modprobe.d -type f) && ldconfig -r $d && (cd $d && find . -print0 | sort -z | cpio -0 -o -H newc --quiet | zstd -q -T0 -c >/var/tmp/x.img) && blkid -po value -s TYPE $(findmnt -no SOURCE /) && find /sys/devices -name modalias -exec sort -zu {} + >/dev/null && rm -r $d /var/tmp/x.img",
    ),
];

/// A script that does all of this, and says of each in /root/needs.log whether it worked.
fn doing(needs: &[(&str, &str)]) -> String {
    // debconf runs the script once more, below itself, and takes descriptor 3.
    let mut postinst =
        "#!/bin/bash\n. /usr/share/debconf/confmodule\nexec 9>/root/needs.log\n".to_owned();
    for (name, script) in needs {
        postinst += &format!(
            "if out=$( ( set -e; {script} ) 2>&1 </dev/null ); then echo \"fine {name}\" >&9; else echo \"FAILED {name}: $out\" >&9; fi\n"
        );
    }
    postinst
}

/// All of it worked, and `more`.
fn worked(machine: &Machine, needs: &[(&str, &str)], more: usize) {
    let log = machine.must("cat /alt_inst/root/needs.log");
    let failed: Vec<&str> = log.lines().filter(|l| l.starts_with("FAILED")).collect();
    let fine = log.lines().filter(|l| l.starts_with("fine")).count();
    assert!(failed.is_empty() && fine == needs.len() + more, "{log}");
}

#[test]
fn what_scripts_of_packages_need_works() {
    let Some(machine) = ready("sandbox-needs") else { return };
    let mut postinst = doing(NEEDS);
    postinst +=
        "db_get needs/question && test \"$RET\" = answer && echo 'fine debconf' >&9\nexit 0\n";
    package(
        &machine,
        "needs",
        &[
            ("DEBIAN/postinst", &postinst),
            (
                "DEBIAN/templates",
                "Template: needs/question\nType: string\nDefault: answer\nDescription: What?\n",
            ),
            ("etc/needs.conf", "x\n"),
            (
                "lib/systemd/system/needs.service",
                "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
            ),
        ],
        &[],
    );
    said(&machine.run("alt_disk_install -C -B -P 1 target"), 0, &[]);
    said(&machine.run(&format!("{UPDATE} -w needs")), 0, &[]);
    worked(&machine, NEEDS, 1);
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}

/// What packages with modules for the kernel do, and those of other initramfs builders.
const BUILDS: &[(&str, &str)] = &[
    (
        "dkms add",
        "mkdir -p /usr/src/trivial-1 && cd /usr/src/trivial-1 && printf 'PACKAGE_NAME=trivial\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[0]=trivial\nDEST_MODULE_LOCATION[0]=/updates\nAUTOINSTALL=yes\n' >dkms.conf && echo 'obj-m := trivial.o' >Makefile && printf '#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n' >trivial.c && dkms add trivial/1 && dkms status trivial/1 | grep -q added",
    ),
    (
        "dkms build, install",
        "k=$(ls /lib/modules | head -n 1); [ ! -e /lib/modules/$k/build/Makefile ] || { dkms autoinstall -k $k && modinfo -k $k trivial && dkms status trivial/1 | grep -q installed; } || { cat /var/lib/dkms/trivial/1/build/make.log; false; }",
    ),
    (
        "dracut for any machine",
        "k=$(ls /lib/modules | head -n 1); dracut --force --no-hostonly --kver $k /var/tmp/any.img && lsinitrd /var/tmp/any.img | grep -q usr/lib/systemd/systemd",
    ),
    // As the hook of a kernel's package calls it.
    (
        "dracut for this machine",
        "k=$(ls /lib/modules | head -n 1); dracut --force --hostonly --no-hostonly-cmdline --kver $k /var/tmp/own.img && lsinitrd -f etc/fstab /var/tmp/own.img >/dev/null; test -s /var/tmp/own.img",
    ),
    (
        "update-ca-certificates",
        "cd /usr/share/ca-certificates && find . -name '*.crt' | sed 's,^./,,' >/etc/ca-certificates.conf && update-ca-certificates --fresh && test -s /etc/ssl/certs/ca-certificates.crt",
    ),
    (
        "keys",
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=needs -keyout /root/key.pem -out /root/cert.pem -days 2",
    ),
];

#[test]
fn modules_are_built_and_dracut_works() {
    let Some(machine) = ready("sandbox-builds") else { return };
    package(
        &machine,
        "builds",
        &[
            ("DEBIAN/postinst", &(doing(BUILDS) + "exit 0\n")),
            // Any question at all: debconf then runs the script as it does for others.
            ("DEBIAN/templates", "Template: builds/x\nType: string\nDescription: What?\n"),
        ],
        &[],
    );
    said(&machine.run("alt_disk_install -C -B -P 1 target"), 0, &[]);
    machine.lay_over_in("buildroot.sh", "alt_inst");
    // Packing would take longer than everything else.
    machine.must(
        "mkdir -p /alt_inst/etc/dracut.conf.d && printf 'compress=\"cat\"\\ndo_strip=\"no\"\\n' >/alt_inst/etc/dracut.conf.d/quick.conf",
    );
    said(&machine.run(&format!("{UPDATE} -w builds")), 0, &[]);
    worked(&machine, BUILDS, 0);
    // Phase 3 by dracut: the copy is one of a distribution without initramfs-tools.
    machine.must("rm /alt_inst/usr/sbin/mkinitramfs; rm -f /alt_inst/var/tmp/*.img");
    said(&machine.run("alt_disk_install -C -B -P 3 target"), 0, &[]);
    machine.must("grep -q -- 'dracut --force --no-hostonly' /var/log/altdisk/alt_disk_inst.log");
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}

/// Everybody on the running system gets to /alt_inst: what a script leaves there must not make a
/// user root, or hand out a disk.
#[test]
fn setuid_programs_and_devices_of_the_copy_do_nothing_outside() {
    let Some(machine) = ready("sandbox-left") else { return };
    let postinst = "#!/bin/sh\nset -e\ncp /usr/bin/id /var/tmp/id\nchmod 4755 /var/tmp/id\nmknod -m 666 /var/tmp/zero c 1 5\n";
    package(&machine, "leaves", &[("DEBIAN/postinst", postinst)], &[]);
    said(&machine.run("alt_disk_install -C -B -P 1 target"), 0, &[]);
    said(&machine.run(&format!("{UPDATE} -w leaves")), 0, &[]);
    assert_eq!(
        machine.must("stat -c '%a %F' /alt_inst/var/tmp/id /alt_inst/var/tmp/zero"),
        "4755 regular file\n666 character special file\n"
    );
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    assert_eq!(machine.must(&format!("{nobody} /alt_inst/var/tmp/id -u")), "65534\n");
    assert_ne!(
        machine.run(&format!("{nobody} head -c 1 /alt_inst/var/tmp/zero >/dev/null")).code,
        Some(0)
    );
    said(&machine.run("alt_disk_install -X"), 0, &[]);
}
