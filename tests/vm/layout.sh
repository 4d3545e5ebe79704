#!/bin/bash
# layout.sh NAME: makes the disks of a source machine, once, and prints the directory with source.img and data.img.
#
#   bios-ext4      GPT, BIOS boot partition, / and /home ext4, a swap partition and a swap file
#   bios-mbr-lvm   MBR, /boot ext4, swap partition, volume group with / ext4 and /var xfs
#   uefi-lvm       ESP, /boot ext4, volume group with / xfs, /var ext4 and swap
#   uefi-btrfs     ESP, btrfs with @, @home and a nested subvolume, /boot inside @
#   parts          GPT, BIOS boot partition, /boot and / ext4, /home xfs, a swap partition: also for machines in a namespace
#   plain          ext4 on the bare disk and no loader, for machines in a namespace
#
# It works on kernels without device-mapper, vfat and partition scanning: logical volumes are reached by loop devices on their
# extents, the ESP by mtools, partitions after `partx -a`. data.img is a disk that is not part of rootvg: an fstab line mounts it read-only.
# Needs root. The images are never changed afterwards: tests work on copies.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=$1
base=$("$here/base.sh")
cache=${ALTDISK_TEST_CACHE:-/var/cache/altdisk-tests}
dir=$cache/$name-$( (echo "$base"; cat "$0") | sha256sum | cut -c1-12)
exec 9>"$cache/$name.lock"
flock 9
if [ -d "$dir" ]; then
    echo "$dir"
    exit 0
fi

rm -rf "$cache/$name"-*
new=$dir.new
mnt=$new/mnt
img=$new/source.img
mkdir -p "$mnt"
loops=()
cleanup() {
    set +e
    umount -R "$mnt" 2>/dev/null
    umount "$new/top" 2>/dev/null
    for ((i = ${#loops[@]} - 1; i >= 0; i--)); do
        partx -d "${loops[i]}" 2>/dev/null
        losetup -d "${loops[i]}"
    done
    loops=()
    true
}
trap cleanup EXIT

attach() { # attach FILE [losetup options]: sets $loop
    loop=$(losetup -f --show "${@:2}" "$1")
    loops+=("$loop")
}
table() { # a partition table from standard input: sets $disk; its partitions are ${disk}p1...
    truncate -s 2304M "$img"
    sfdisk -q "$img"
    attach "$img"
    disk=$loop
    partx -a "$disk" 2>/dev/null || partx -u "$disk"
}
id() { blkid -p -o value -s UUID "$1"; }

# Logical volumes without device-mapper: the tools write the metadata, the extents are found by arithmetic.
lvm_() {
    lvm "$@" --driverloaded n --config "devices{use_devicesfile=0 filter=[\"a|^$pv\$|\",\"r|.*|\"]} activation{udev_sync=0 udev_rules=0} backup{backup=0 archive=0}" 2>>"$new/lvm.log"
}
declare -A lv
volume_group() { # volume_group VG PARTITION LV SIZE [LV SIZE ...]: sets lv[LV] to a loop device on the volume's extents
    local vg=$1 sizes=("${@:3}") i name first size
    pv=$2
    lvm_ pvcreate -qq "$pv"
    lvm_ vgcreate -qq -s 4M "$vg" "$pv"
    for ((i = 0; i < ${#sizes[@]}; i += 2)); do
        lvm_ lvcreate -qq -an -Zn -Wn -n "${sizes[i]}" -L "${sizes[i + 1]}" "$vg"
    done
    while read -r name first size; do
        attach "$pv" --offset $((1048576 + first * 4194304)) --sizelimit $((size * 4194304))
        lv[$name]=$loop
    done < <(lvm_ pvs --noheadings --segments -o lv_name,pvseg_start,pvseg_size "$pv" | awk 'NF == 3')
}

fill() { # the guest's root into $mnt, where the file systems are mounted
    cp -a --sparse=always "$base/root/." "$mnt/"
    chroot "$mnt" evidence make /opt/evidence
    mkdir -p "$mnt/data" "$mnt/boot/grub"
    truncate -s 32M "$new/data.img"
    mkfs.ext4 -q -L data "$new/data.img"
    attach "$new/data.img"
    mount "$loop" "$mnt/data"
    echo "not part of rootvg" >"$mnt/data/data"
    umount "$mnt/data"
    echo "UUID=$(id "$new/data.img") /data ext4 ro,nofail,x-systemd.device-timeout=20s 0 0" >"$mnt/etc/fstab"
}
fstab() { echo "$*" >>"$mnt/etc/fstab"; }
swap() { # swap WHERE IN-FSTAB: also where the guest would resume from
    mkswap -q "$1"
    fstab "${2:-UUID=$(id "$1")} none swap sw 0 0"
    echo "RESUME=${2:-UUID=$(id "$1")}" >"$mnt/etc/initramfs-tools/conf.d/resume"
}
grub_cfg() { # grub_cfg BOOT-DEVICE PATH-OF-BOOT KERNEL-ARGUMENTS: enough for the first boot; update-grub in the guest makes the usual one
    cat >"$mnt/boot/grub/grub.cfg" <<END
serial --speed=115200
terminal_input serial
terminal_output serial
set timeout=1
search --no-floppy --fs-uuid --set=root $(id "$1")
menuentry "first boot" {
    linux $2/$(basename "$mnt"/boot/vmlinuz-*) $3 console=ttyS0 loglevel=5 mitigations=off apparmor=0 rcupdate.rcu_expedited=1 systemd.show_status=0
    initrd $2/$(basename "$mnt"/boot/initrd.img-*)
}
if [ -f \$prefix/custom.cfg ]; then source \$prefix/custom.cfg; fi
END
    chroot "$mnt" grub-editenv /boot/grub/grubenv create
}
loader_bios() {
    for d in dev proc sys; do mount --rbind --make-rslave "/$d" "$mnt/$d"; done
    chroot "$mnt" grub-install --target=i386-pc "$disk" >"$new/grub-install.log" 2>&1
}
loader_uefi() { # loader_uefi BOOT-DEVICE PATH-OF-BOOT: GRUB and its first configuration into the ESP, which is partition 1
    local esp="$img@@$(($(cat "/sys/class/block/${disk#/dev/}p1/start") * 512))"
    mkfs.vfat -F 32 -n ESP "${disk}p1" >/dev/null
    fstab "UUID=$(id "${disk}p1") /boot/efi vfat umask=0077 0 1"
    mkdir -p "$mnt/boot/efi" "$mnt/boot/grub/x86_64-efi"
    cp "$mnt"/usr/lib/grub/x86_64-efi/*.{mod,lst} "$mnt/boot/grub/x86_64-efi/"
    chroot "$mnt" grub-mkimage -O x86_64-efi -p /EFI/debian -o /tmp/grubx64.efi \
        part_gpt fat ext2 xfs btrfs normal configfile search search_fs_uuid linux serial terminal echo test
    cat >"$new/stub.cfg" <<END
search.fs_uuid $(id "$1") root
set prefix=(\$root)'$2/grub'
configfile \$prefix/grub.cfg
END
    sync
    export MTOOLS_SKIP_CHECK=1
    mmd -i "$esp" ::/EFI ::/EFI/BOOT ::/EFI/debian
    mcopy -i "$esp" "$mnt/tmp/grubx64.efi" ::/EFI/BOOT/BOOTX64.EFI
    mcopy -i "$esp" "$mnt/tmp/grubx64.efi" ::/EFI/debian/grubx64.efi
    mcopy -i "$esp" "$new/stub.cfg" ::/EFI/debian/grub.cfg
    rm "$mnt/tmp/grubx64.efi"
}

case $name in
bios-ext4)
    table <<END
label: gpt
size=1M, type=21686148-6449-6E6F-744E-656564454649
size=1400M, type=linux
size=200M, type=linux
size=128M, type=swap
END
    mkfs.ext4 -q "${disk}p2"
    mkfs.ext4 -q "${disk}p3"
    mount "${disk}p2" "$mnt"
    mkdir "$mnt/home"
    mount "${disk}p3" "$mnt/home"
    fill
    chroot "$mnt" evidence make /home/evidence
    fstab "UUID=$(id "${disk}p2") / ext4 errors=remount-ro 0 1"
    fstab "UUID=$(id "${disk}p3") /home ext4 defaults 0 2"
    swap "${disk}p4"
    dd if=/dev/zero of="$mnt/swapfile" bs=1M count=32 status=none
    chmod 600 "$mnt/swapfile"
    mkswap -q "$mnt/swapfile"
    fstab "/swapfile none swap sw 0 0"
    grub_cfg "${disk}p2" /boot "root=UUID=$(id "${disk}p2") ro"
    loader_bios
    ;;
bios-mbr-lvm)
    table <<END
label: dos
size=200M, type=83, bootable
size=128M, type=82
type=8e
END
    volume_group guestvg "${disk}p3" root 800M var 320M
    mkfs.ext4 -q "${disk}p1"
    mkfs.ext4 -q "${lv[root]}"
    mkfs.xfs -q "${lv[var]}"
    mount "${lv[root]}" "$mnt"
    mkdir "$mnt/boot" "$mnt/var"
    mount "${disk}p1" "$mnt/boot"
    mount "${lv[var]}" "$mnt/var"
    fill
    chroot "$mnt" evidence make /var/evidence
    fstab "/dev/mapper/guestvg-root / ext4 errors=remount-ro 0 1"
    fstab "UUID=$(id "${disk}p1") /boot ext4 defaults 0 2"
    fstab "/dev/guestvg/var /var xfs defaults 0 2"
    swap "${disk}p2"
    grub_cfg "${disk}p1" "" "root=/dev/mapper/guestvg-root ro"
    loader_bios
    ;;
uefi-lvm)
    table <<END
label: gpt
size=64M, type=uefi
size=200M, type=linux
type=lvm
END
    volume_group sys-vg "${disk}p3" root 900M var 256M swap 128M
    mkfs.ext4 -q "${disk}p2"
    mkfs.xfs -q "${lv[root]}"
    mkfs.ext4 -q "${lv[var]}"
    mount "${lv[root]}" "$mnt"
    mkdir "$mnt/boot" "$mnt/var"
    mount "${disk}p2" "$mnt/boot"
    mount "${lv[var]}" "$mnt/var"
    fill
    chroot "$mnt" evidence make /var/evidence
    fstab "/dev/mapper/sys--vg-root / xfs defaults 0 0"
    fstab "UUID=$(id "${disk}p2") /boot ext4 defaults 0 2"
    fstab "/dev/mapper/sys--vg-var /var ext4 defaults 0 2"
    swap "${lv[swap]}" /dev/mapper/sys--vg-swap
    grub_cfg "${disk}p2" "" "root=/dev/mapper/sys--vg-root ro"
    loader_uefi "${disk}p2" ""
    ;;
uefi-btrfs)
    table <<END
label: gpt
size=64M, type=uefi
type=linux
END
    mkfs.btrfs -q "${disk}p2" 2>/dev/null
    mkdir "$new/top"
    mount "${disk}p2" "$new/top"
    btrfs -q subvolume create "$new/top/@"
    btrfs -q subvolume create "$new/top/@home"
    umount "$new/top"
    mount -o subvol=@ "${disk}p2" "$mnt"
    mkdir -p "$mnt/home" "$mnt/var/lib"
    mount -o subvol=@home "${disk}p2" "$mnt/home"
    btrfs -q subvolume create "$mnt/var/lib/nested"
    fill
    chroot "$mnt" evidence make /home/evidence
    chroot "$mnt" evidence make /var/lib/nested/evidence
    fstab "UUID=$(id "${disk}p2") / btrfs subvol=@ 0 0"
    fstab "UUID=$(id "${disk}p2") /home btrfs subvol=@home 0 0"
    grub_cfg "${disk}p2" /@/boot "root=UUID=$(id "${disk}p2") rootflags=subvol=@ ro"
    loader_uefi "${disk}p2" /@/boot
    ;;
parts)
    table <<END
label: gpt
size=1M, type=21686148-6449-6E6F-744E-656564454649
size=200M, type=linux
size=1500M, type=linux
size=320M, type=linux
size=64M, type=swap
END
    mkfs.ext4 -q "${disk}p2"
    mkfs.ext4 -q "${disk}p3"
    mkfs.xfs -q "${disk}p4"
    mount "${disk}p3" "$mnt"
    mkdir "$mnt/boot" "$mnt/home"
    mount "${disk}p2" "$mnt/boot"
    mount "${disk}p4" "$mnt/home"
    fill
    chroot "$mnt" evidence make /home/evidence
    fstab "UUID=$(id "${disk}p3") / ext4 errors=remount-ro 0 1"
    fstab "UUID=$(id "${disk}p2") /boot ext4 defaults 0 2"
    fstab "UUID=$(id "${disk}p4") /home xfs defaults 0 2"
    swap "${disk}p5"
    grub_cfg "${disk}p2" "" "root=UUID=$(id "${disk}p3") ro"
    loader_bios
    ;;
plain)
    truncate -s 1500M "$img"
    mkfs.ext4 -q "$img"
    attach "$img"
    disk=$loop
    mount "$disk" "$mnt"
    fill
    fstab "UUID=$(id "$disk") / ext4 errors=remount-ro 0 1"
    ;;
*)
    echo "unknown layout $name" >&2
    exit 1
    ;;
esac
cp "$mnt/etc/fstab" "$new/fstab"
cleanup
trap - EXIT
rmdir "$mnt"
mv "$new" "$dir"
echo "$dir"
