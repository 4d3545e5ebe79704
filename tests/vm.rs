//! Whole machines: Debian guests of several layouts are cloned, booted from the clone, with and
//! without the old disk, and back again.
//!
//! `ALTDISK_VM=some` runs what fits in continuous integration, `all` everything; without it the
//! tests say that they were skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "vm/mod.rs"]
mod harness;
#[path = "vm/images.rs"]
mod images;
#[path = "vm/line.rs"]
mod line;
#[path = "machine/mod.rs"]
mod machine;

use std::time::Duration;

use harness::{Cut, Extent, Lab, Layout, skipped};
use line::Line;

/// Skips the test, with the reason, where such machines cannot or shall not run.
macro_rules! needs {
    ($extent:expr) => {
        if let Some(why) = skipped($extent) {
            println!("skipped: {why}");
            return;
        }
    };
}

/// On the source, before: a usual grub.cfg, and the state to come back to.
const BEFORE: &str = "
do_ update-grub
evidence check /opt/evidence || failed=1
role vda rootvg
state $TARGETS >/root/before
";

/// In the clone, with the source attached: it is whole, on its own disks, and leads back.
const IN_CLONE: &str = "
running_from $TARGETS
healthy
independent_of vda
for disk in $TARGETS; do role $disk rootvg; done
role vda old_rootvg
do_ altdisk bootlist vda
";

/// Back on the source: all is well, and `-X` leaves nothing behind.
const BACK: &str = "
running_from vda
healthy
role vda rootvg
for disk in $TARGETS; do role $disk altinst_rootvg; done
do_ alt_disk_install -X $(erase $TARGETS)
state $TARGETS >/root/after
diff /root/before /root/after || fail 'the state before (<) and after -X (>) differ'
role vda rootvg
is 'disks of altinst_rootvg' '' \"$(disks_of_role altinst_rootvg)\"
do_ alt_disk_install --preview -C $TARGETS
";

/// In the clone without the source disk.
const ALONE: &str = "
running_from $TARGETS
healthy
for disk in $TARGETS; do role $disk rootvg; done
";

struct RoundTrip {
    name: &'static str,
    layout: Layout,
    /// MiB of each target disk.
    targets: &'static [u64],
    /// Run on the source: makes the clone and lets it boot next.
    clone: &'static str,
    /// Checked in the clone as well.
    in_clone: &'static str,
    /// Whether /run/job/updates is there.
    updates: bool,
}

impl RoundTrip {
    /// Clone, boot it, go back, clean up; then the clone, as it was before the clean-up, in a
    /// machine of its own.
    fn run(&self) {
        if !self.once() {
            println!("{}: QEMU stopped dead; once more from the beginning", self.name);
            assert!(self.once(), "{}: QEMU stopped dead twice", self.name);
        }
    }

    /// False where the emulator stopped and nothing can be said.
    fn once(&self) -> bool {
        let mut lab = Lab::new(self.name, self.layout);
        if self.updates {
            lab.bring_updates();
        }
        let names = ["target", "second"];
        for (name, mib) in names.iter().zip(self.targets) {
            lab.blank(name, *mib);
        }
        let targets = &names[..self.targets.len()];
        let all: Vec<&str> = ["source"].iter().chain(targets).chain(&["data"]).copied().collect();
        let with = |first: char, step: &str| {
            let disks: Vec<String> =
                (first..).take(targets.len()).map(|letter| format!("vd{letter}")).collect();
            format!("TARGETS='{}'\n{step}", disks.join(" "))
        };
        let data = lab.checksum("data");

        let before = with('b', &format!("{BEFORE}\n{}", self.clone));
        let inside = with('b', &format!("{}\n{IN_CLONE}", self.in_clone));
        let done = lab.boot(&all, &[&before, &inside], 45);
        if done.stalled {
            return false;
        }
        done.expect(2);
        assert_eq!(lab.checksum("data"), data, "the disk that is not part of rootvg was changed");
        let alone: Vec<String> = targets.iter().map(|name| format!("{name}-alone")).collect();
        for (name, copy) in targets.iter().zip(&alone) {
            lab.snapshot(name, copy);
        }

        let done = lab.boot(&all, &[&with('b', BACK)], 25);
        if done.stalled {
            return false;
        }
        done.expect(1);
        assert_eq!(lab.checksum("data"), data, "the disk that is not part of rootvg was changed");

        lab.forget_boot_list();
        let alone: Vec<&str> = alone.iter().map(String::as_str).collect();
        let done = lab.boot(&alone, &[&with('a', ALONE)], 25);
        if !done.stalled {
            done.expect(1);
        }
        !done.stalled
    }
}

#[test]
fn uefi_with_lvm() {
    needs!(Extent::Some);
    RoundTrip {
        name: "uefi-lvm",
        layout: Layout::UefiLvm,
        targets: &[2560],
        // The entry that Debian's installer makes.
        clone: r"do_ efibootmgr -q -c -d /dev/vda -p 1 -L debian -l '\EFI\debian\grubx64.efi'
            state vdb >/root/before
            do_ alt_disk_install -C vdb
            role vda rootvg
            role vdb altinst_rootvg",
        in_clone: "",
        updates: false,
    }
    .run();
}

/// With `-B` the boot list stays; `bootlist` alone sets it afterwards.
#[test]
fn uefi_with_btrfs_and_the_boot_list_kept() {
    needs!(Extent::Some);
    RoundTrip {
        name: "uefi-btrfs-keep",
        layout: Layout::UefiBtrfs,
        targets: &[2560],
        clone: "efibootmgr -v >/root/list-before
            do_ alt_disk_install -B -C vdb
            efibootmgr -v >/root/list-after
            diff /root/list-before /root/list-after || fail 'the boot list changed in spite of -B'
            do_ altdisk bootlist vdb",
        in_clone: "for path in / /home /var/lib/nested; do btrfs subvolume show $path >/dev/null || fail \"$path is no subvolume\"; done",
        updates: false,
    }
    .run();
}

/// Phases 1, 2, 2 again with other software, 3; a wrong order is refused; the script's and `-R`'s
/// work is found in the clone, which runs the new kernel and the newer packages, while the source
/// stays as it was.
#[test]
fn bios_with_ext4_by_phases() {
    needs!(Extent::Some);
    RoundTrip {
        name: "bios-ext4-phases",
        layout: Layout::BiosExt4,
        targets: &[3072],
        clone: r#"echo 'nameserver 198.51.100.7' >/root/resolv
            printf '#!/bin/sh\necho again >>/alt_inst/root/script-was-here\n' >/root/customize
            chmod 755 /root/customize
            refused 3 alt_disk_install -C -P 2 vdb
            do_ alt_disk_install -C -P 1 vdb
            mountpoint -q /alt_inst || fail 'phase 1 left /alt_inst unmounted'
            mountpoint -q /alt_inst/home || fail 'phase 1 left /alt_inst/home unmounted'
            evidence check /alt_inst/opt/evidence || failed=1
            refused 3 alt_disk_install -C -P 1 vdb
            do_ alt_disk_install -C -P 2 -s /root/customize -R /root/resolv vdb
            do_ alt_disk_install -C -P 2 -s /root/customize -R /root/resolv vdb
            fingerprint >/root/untouched
            refused 3 alt_disk_install -C -P 2 -l /run/job/updates -F CVE-1999-0001 vdb
            do_ alt_disk_install -C -P 2 -l /run/job/updates -w all vdb
            fingerprint >/root/untouched-now
            diff /root/untouched /root/untouched-now || fail 'the update changed the running system'
            do_ alt_disk_install -C -P 3 vdb
            mountpoint -q /alt_inst && fail 'phase 3 left /alt_inst mounted'"#,
        in_clone: r#"newest=$(ls /boot/vmlinuz-* | sort -V | tail -n 1)
            is 'the kernel that runs' "${newest#/boot/vmlinuz-}" "$(uname -r)"
            is 'kernels' 2 "$(ls /boot/vmlinuz-* | wc -l)"
            is 'broken packages' '' "$(dpkg --audit)"
            for deb in /run/job/updates/*.deb; do
                name=$(dpkg-deb -f "$deb" Package)
                is "version of $name" "$(dpkg-deb -f "$deb" Version)" "$(dpkg-query -W -f '${Version}' "$name")"
            done
            do_ altdisk software
            altdisk software --json | grep -q '"linux-image-' || fail 'the record does not name the kernel'
            is "the script's work" 'again again' "$(paste -sd' ' /root/script-was-here)"
            is 'resolv.conf' 'nameserver 198.51.100.7' "$(cat /etc/resolv.conf)""#,
        updates: true,
    }
    .run();
}

/// An MBR source; the volume group spans two disks, neither of which would be large enough.
#[test]
fn bios_with_mbr_and_lvm_to_two_disks() {
    needs!(Extent::All);
    RoundTrip {
        name: "bios-mbr-lvm-two",
        layout: Layout::BiosMbrLvm,
        targets: &[1152, 1152],
        clone: "do_ alt_disk_install -C vdb vdc",
        in_clone: "is 'physical volumes' 2 \"$(pvs --noheadings -S vg_name=$(lvs --noheadings -o vg_name $(findmnt -no SOURCE /) | tr -d ' ') | wc -l)\"",
        updates: false,
    }
    .run();
}

/// A clone made at native speed, in a namespace, of a machine without any firmware boots as well.
#[test]
fn a_clone_made_in_a_namespace_boots() {
    needs!(Extent::Some);
    if let Some(why) = machine::missing() {
        println!("skipped: {why}");
        return;
    }
    let mut lab = Lab::empty("namespace", false);
    {
        let source = machine::Machine::new("boots", "parts");
        let before = source.state();
        let target = source.blank("boots", 3072);
        let with_disk = source.state();
        println!("{}", source.must(&format!("alt_disk_install -g -B -C {target} 2>&1")));
        lab.adopt(&source.root().join("var/lib/altdisk/practice/boots.img"), "target");
        source.must("alt_disk_install -X --erase PRACTICE-boots");
        assert_eq!(source.state(), with_disk, "the state before and after -X differs");
        assert_ne!(before, with_disk, "the state does not show the practice disk");
    }
    let alone = format!("TARGETS=vda\n{ALONE}");
    lab.boot(&["target"], &[&alone], 25).expect(1);
}

/// On the guest: a login on its serial line at 9600 baud, until whoever sits there says that it is
/// done.
const LOGIN: &str = "
echo root:secret | chpasswd
install -m 755 /run/job/altdisk /usr/local/sbin/altdisk
ln -sf altdisk /usr/local/sbin/alt_disk_install
dmesg -n 1
setsid agetty -L 9600 ttyS0 vt100 &
until [ -e /root/driven ]; do sleep 1; done
";

/// Logs in on the serial line and clones through the panels: the only free disk, eleven keys.
fn clone_through_the_panels(socket: &std::path::Path) -> Result<(), String> {
    let (soon, long) = (Duration::from_secs(60), Duration::from_secs(20 * 60));
    let mut line = Line::connect(socket)?;
    line.expect("login:", long)?;
    line.keys("root\r")?;
    line.expect("Password:", soon)?;
    line.keys("secret\r")?;
    line.expect(":~#", soon)?;
    line.keys = 0;
    line.keys("altdisk\r")?;
    line.expect("Alternate Disk Installation", soon)?;
    line.expect("Clone the Running System", soon)?;
    line.keys("\r")?;
    line.expect("Target Disk(s) to install", soon)?;
    line.expect("[vdb]", soon)?;
    line.keys("\r")?;
    line.expect("EVERYTHING ON THESE DISKS IS ERASED", soon)?;
    // As a person does: the page is read when it stands there. Before that, no key says yes.
    while line.idle(Duration::from_secs(1)) > 0 {}
    line.keys("\r")?;
    line.expect("COMMAND STATUS", soon)?;
    if line.keys > 12 {
        return Err(format!("{} keys from the prompt to a running clone", line.keys));
    }
    if line.expect_one(&["Command: OK", "Command: failed"], long)? == 1 {
        return Err(format!("the clone failed:\n{}", line.text()));
    }
    // A finished run says nothing more: a line that nobody types on stays silent.
    line.idle(Duration::from_secs(2));
    let said = line.idle(Duration::from_secs(5));
    if said > 0 {
        return Err(format!("{said} bytes while nothing happened"));
    }
    // F10, as a VT100 types it.
    line.keys("\x1b0")?;
    line.expect(":~#", soon)?;
    line.keys("stty -a\r")?;
    line.expect("speed 9600 baud", soon)?;
    line.keys("touch /root/driven\r")
}

/// On the guest's real serial console at 9600 baud, on a VT100: log in, `altdisk`, clone, and the
/// machine boots the clone.
#[test]
fn a_clone_through_the_panels_on_a_serial_line() {
    needs!(Extent::Some);
    let once = || {
        let mut lab = Lab::new("panels", Layout::BiosExt4);
        lab.blank("target", 3072);
        let data = lab.checksum("data");
        let clone = format!("TARGETS=vdb\n{BEFORE}\n{LOGIN}\nrole vdb altinst_rootvg");
        let inside = "running_from vdb\nhealthy\nindependent_of vda\nrole vda old_rootvg";
        let (done, person) = lab.boot_with(
            &["source", "target", "data"],
            &[&clone, inside],
            45,
            clone_through_the_panels,
        );
        if done.stalled {
            return false;
        }
        assert_eq!(person, Ok(()), "{}", done.job);
        done.expect(2);
        assert_eq!(lab.checksum("data"), data, "the disk that is not part of rootvg was changed");
        true
    };
    assert!(once() || once(), "QEMU stopped dead twice");
}

/// Power fails in the middle of the copy; `-X` brings everything back.
#[test]
fn power_cut_while_copying_then_cleanup() {
    needs!(Extent::All);
    let mut lab = Lab::new("cut-copy", Layout::UefiLvm);
    lab.blank("target", 2560);
    let disks = ["source", "target", "data"];
    let step = format!(
        "TARGETS=vdb\n{BEFORE}\nsync\n{}\n alt_disk_install -C vdb",
        announce("[ -d /alt_inst/usr/lib ]")
    );
    let cut = lab.boot_and_cut(
        &disks,
        &step,
        15,
        &Cut { marker: "REACHED", after: Duration::from_secs(6) },
    );
    assert!(!cut.passed(1), "the clone had ended before the power was cut");
    // The table of the half-made disk leads nowhere: the source boots although nobody chose it.
    let clean = "TARGETS=vdb
        running_from vda
        healthy
        do_ alt_disk_install -X
        state vdb >/root/after
        diff /root/before /root/after || fail 'the state before (<) and after -X (>) differ'
        do_ alt_disk_install --preview -C vdb";
    lab.boot(&disks, &[clean], 25).expect(1);
}

/// Power fails while the alternate is made bootable; `--resume` finishes, and the result boots.
#[test]
fn power_cut_in_phase_3_then_resume() {
    needs!(Extent::All);
    let mut lab = Lab::new("cut-phase-3", Layout::BiosExt4);
    lab.blank("target", 3072);
    let disks = ["source", "target", "data"];
    let step = format!(
        "TARGETS=vdb\n{BEFORE}\nsync\n{}\n alt_disk_install -C vdb",
        announce("pgrep -f mkinitramfs >/dev/null")
    );
    let cut = lab.boot_and_cut(
        &disks,
        &step,
        15,
        &Cut { marker: "REACHED", after: Duration::from_secs(10) },
    );
    assert!(!cut.passed(1), "the clone had ended before the power was cut");
    let resume = "running_from vda
        healthy
        do_ alt_disk_install --resume
        role vdb altinst_rootvg";
    let inside = format!("TARGETS=vdb\n{IN_CLONE}");
    let back = format!("TARGETS=vdb\n{BACK}");
    lab.boot(&disks, &[resume, &inside, &back], 25).expect(3);
}

/// The guests are as the checks expect them before anything is cloned, a reboot is followed, and
/// the checks can fail.
#[test]
fn the_guests_themselves() {
    needs!(Extent::All);
    for layout in [Layout::BiosExt4, Layout::BiosMbrLvm, Layout::UefiLvm, Layout::UefiBtrfs] {
        let mut lab = Lab::new("guest", layout);
        lab.blank("target", 64);
        let data = lab.checksum("data");
        let well = "running_from vda
            healthy
            do_ update-grub";
        let noticed = r#"running_from vda
            healthy
            [ "$failed" = 0 ] || exit 1
            complains() { "$@" >/dev/null; [ "$failed" = 1 ] || { echo "no complaint: $*"; exit 1; }; failed=0; }
            complains running_from vdb
            complains independent_of vda
            swapoff -a
            rm -f /opt/evidence/link-b
            complains healthy
            complains is one 1 2"#;
        lab.boot(&["source", "target", "data"], &[well, noticed], 25).expect(2);
        assert_eq!(lab.checksum("data"), data, "the disk that is not part of rootvg was changed");
    }
}

/// Shell text that prints REACHED once `condition` holds, while the step goes on.
fn announce(condition: &str) -> String {
    format!("( until {condition}; do sleep 0.2; done; echo REACHED ) &")
}
