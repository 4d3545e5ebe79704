//! System images between machines: made on one, installed by another, booted alone there.

use super::harness::{Extent, Lab, Layout, skipped};

/// In the guest: the disk with this serial number, as a file system of its own below /mnt.
const SHELF: &str = r#"
shelf() { # shelf [new]: mounts the disk that goes from machine to machine at /mnt
    local disk=/dev/disk/by-id/virtio-shelf
    [ "${1:-}" = new ] && mkfs.ext4 -q -F $disk
    mount -t ext4 $disk /mnt
}
"#;

/// One machine makes an image, another one installs it on its second disk, and that disk starts
/// alone.
fn from_one_to_another(name: &str, one: Layout, other: Layout, mib: u64) {
    let once = || {
        let mut maker = Lab::new(&format!("{name}-maker"), one);
        maker.blank("shelf", 1200);
        let make = format!(
            "{SHELF}
            do_ update-grub
            shelf new
            echo 'made here' >/root/made
            do_ altdisk mksysb -z 1 --verify /mnt/one.mksysb.zst
            altdisk list images
            altdisk list images | grep -q '^/mnt/one.mksysb.zst ' || fail 'the list does not show it'
            altdisk mksysb --list /mnt/one.mksysb.zst | tail -n 3
            cp /etc/machine-id /mnt/id
            is 'mode of the image' 600 \"$(stat -c %a /mnt/one.mksysb.zst)\"
            umount /mnt"
        );
        let done = maker.boot(&["source", "data", "shelf"], &[&make], 15);
        if done.stalled {
            return false;
        }
        done.expect(1);

        let mut lab = Lab::new(name, other);
        lab.adopt(&maker.disk("shelf"), "shelf").blank("target", mib);
        drop(maker);
        let data = lab.checksum("data");
        let install = format!(
            "{SHELF}
            do_ update-grub
            state vdb >/root/before
            shelf
            # Another id than the maker's, whose disks were made of the same root.
            cat /proc/sys/kernel/random/uuid | tr -d - >/etc/machine-id
            refused 3 alt_disk_install -d /mnt/one.mksysb.zst -L 1.2.3 vdb
            refused 2 alt_disk_install -d /mnt/one.mksysb.zst -e /etc/fstab vdb
            do_ alt_disk_install -d /mnt/one.mksysb.zst vdb
            role vda rootvg
            role vdb altinst_rootvg
            umount /mnt"
        );
        let inside = "running_from vdb
            healthy
            independent_of vda
            role vda old_rootvg
            [ -e /root/made ] || fail 'this is not the image'
            do_ altdisk bootlist vda";
        let disks = ["source", "target", "data", "shelf"];
        let done = lab.boot(&disks, &[&install, inside], 25);
        if done.stalled {
            return false;
        }
        done.expect(2);
        assert_eq!(lab.checksum("data"), data, "the disk that is not part of rootvg was changed");
        lab.snapshot("target", "alone");
        let back = "running_from vda
            do_ alt_disk_install -X $(erase vdb)
            state vdb >/root/after
            diff /root/before /root/after || fail 'the state before (<) and after -X (>) differ'";
        let done = lab.boot(&disks, &[back], 25);
        if done.stalled {
            return false;
        }
        done.expect(1);

        lab.forget_boot_list();
        let alone = format!(
            "{SHELF}
            running_from vda
            healthy
            [ -e /root/made ] || fail 'this is not the image'
            shelf
            [ \"$(cat /etc/machine-id)\" != \"$(cat /mnt/id)\" ] || fail 'the machine-id is that of the machine that made the image'
            grep -qx '[0-9a-f]\\{{32\\}}' /etc/machine-id || fail \"no machine-id: $(cat /etc/machine-id)\"
            umount /mnt"
        );
        let done = lab.boot(&["alone", "shelf"], &[&alone], 25);
        if !done.stalled {
            done.expect(1);
        }
        !done.stalled
    };
    assert!(once() || once(), "QEMU stopped dead twice");
}

/// Skips the test, with the reason, where such machines cannot or shall not run.
macro_rules! needs {
    ($extent:expr) => {
        if let Some(why) = skipped($extent) {
            println!("skipped: {why}");
            return;
        }
    };
}

#[test]
fn an_image_of_a_bios_machine_on_one_with_uefi_and_lvm() {
    needs!(Extent::Some);
    from_one_to_another("image-to-uefi", Layout::BiosExt4, Layout::UefiLvm, 3072);
}

#[test]
fn an_image_of_a_machine_with_lvm_on_one_with_bios() {
    needs!(Extent::All);
    from_one_to_another("image-to-bios", Layout::UefiLvm, Layout::BiosExt4, 3072);
}

/// What debootstrap makes, as a tar: no image.data, no manifest. The layout is that of the machine
/// which installs it.
#[test]
fn a_root_tarball_of_debootstrap() {
    needs!(Extent::Some);
    let once = || {
        let mut lab = Lab::new("image-debootstrap", Layout::BiosExt4);
        lab.blank("target", 3072);
        super::harness::root_tarball(&lab.disk("shelf"), 1000);
        let install = format!(
            "{SHELF}
            do_ update-grub
            shelf
            do_ alt_disk_install -d /mnt/root.tar.zst vdb
            role vdb altinst_rootvg
            umount /mnt"
        );
        let disks = ["source", "target", "data", "shelf"];
        let inside = "running_from vdb
            independent_of vda
            is 'failed units' '' \"$(systemctl list-units --failed --plain --no-legend | awk '{print $1}' | paste -sd' ')\"
            role vda old_rootvg
            do_ altdisk bootlist vda";
        let done = lab.boot(&disks, &[&install, inside], 25);
        if done.stalled {
            return false;
        }
        done.expect(2);
        let done = lab.boot(&["target"], &["running_from vda\nrole vda rootvg"], 25);
        if !done.stalled {
            done.expect(1);
        }
        !done.stalled
    };
    assert!(once() || once(), "QEMU stopped dead twice");
}
