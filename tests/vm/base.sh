#!/bin/bash
# Builds the root of a small Debian guest, once, and prints where it is.
#
# It lies in $ALTDISK_TEST_CACHE (default /var/cache/altdisk-tests) as base-KEY/root, KEY being a hash of everything that makes it:
# change this file or one in guest/ and it is built anew. tests/vm/layout.sh puts it on disks, tests/machine/ runs it in a namespace.
# Needs root, debootstrap and a Debian mirror.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ALTDISK_TEST_CACHE:-/var/cache/altdisk-tests}
suite=${ALTDISK_TEST_SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")}
# The mirror that this machine itself uses; without one, debootstrap's own.
own_mirror() { apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' 2>/dev/null | awk -v c="$suite" '$2 == c { print $1; exit }'; }
mirror=${ALTDISK_TEST_MIRROR:-$(own_mirror)}
packages=systemd,systemd-sysv,udev,dbus,kmod,initramfs-tools,linux-image-cloud-amd64,zstd
packages+=,grub-pc-bin,grub-efi-amd64-bin,grub2-common,grub-common,efibootmgr
packages+=,lvm2,e2fsprogs,xfsprogs,btrfs-progs,dosfstools,fdisk,util-linux,mount
packages+=,libcap2-bin,attr,acl,procps

hash() { sha256sum | cut -c1-12; }
first=$cache/debootstrap-$(echo "$suite $packages" | hash)
base=$cache/base-$( (echo "$first"; cat "$0" "$here"/guest/*) | hash)
mkdir -p "$cache"
exec 9>"$cache/base.lock"
flock 9
if [ -d "$base" ]; then
    echo "$base"
    exit 0
fi

new=$base.new
root=$new/root
unmount() { for d in dev sys proc; do ! mountpoint -q "$root/$d" || umount -l "$root/$d"; done; }
trap unmount EXIT
if [ ! -d "$first" ]; then
    echo "getting the packages of a Debian $suite guest (some 200 MB)" >&2
    rm -rf "$cache"/debootstrap-*
    debootstrap --variant=minbase --include="$packages" "$suite" "$first.new" ${mirror:+"$mirror"} >"$cache/debootstrap.log" 2>&1 </dev/null ||
        { tail -n 20 "$cache/debootstrap.log" >&2; exit 1; }
    mv "$first.new" "$first"
fi
rm -rf "$cache"/base-*
mkdir -p "$new"
cp -a "$first" "$root"

# Small: documents, translations, package lists, the hardware database and Python (only xfs_scrub needs it, and ICU) go.
cat >"$root/etc/dpkg/dpkg.cfg.d/small" <<'END'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
END
rm -rf "$root"/usr/share/{doc,man,locale,info,bash-completion,zsh,vim,fish}/* "$root"/usr/share/i18n
rm -rf "$root"/usr/lib/{python3*,grub/*/monolithic,x86_64-linux-gnu/libicu*} "$root"/usr/sbin/xfs_scrub*
rm -rf "$root"/usr/lib/udev/hwdb.* "$root"/usr/bin/{python3.11,grub-mk*rescue,grub-fstest,grub-syslinux2cfg,pzstd}
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/usr/lib/grub/*/*.module
mkdir -p "$root"/var/log "$root"/var/lib/apt/lists/partial "$root"/var/cache/apt/archives/partial

# The network card, sound and the like are never used here; what boots and what the layouts need stays.
modules=$(echo "$root"/lib/modules/*)
rm -rf "$modules"/kernel/{sound,net/{netfilter,sched,ipv6,openvswitch,sctp,tipc,ceph,rds,dccp,bridge,ipv4,xfrm},drivers/{net,gpu,infiniband,media,scsi,usb,hv,xen,iommu,mtd,ata},fs/{ceph,smb,cifs,nfs,nfsd,ocfs2,gfs2,jfs,reiserfs,f2fs,afs,coda,orangefs,dlm,lockd}}
chroot "$root" depmod -a "$(basename "$modules")"

# One initramfs boots every layout; few modules and quick compression, because guests run in software emulation.
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=zstd/; s/^# *COMPRESSLEVEL=.*/COMPRESSLEVEL=1/' "$root/etc/initramfs-tools/initramfs.conf"
grep -q '^COMPRESSLEVEL' "$root/etc/initramfs-tools/initramfs.conf" || echo COMPRESSLEVEL=1 >>"$root/etc/initramfs-tools/initramfs.conf"
printf '%s\n' virtio_pci virtio_blk ext4 xfs btrfs vfat nls_ascii nls_cp437 dm_mod efivarfs crc32c_generic crc32c libcrc32c >>"$root/etc/initramfs-tools/modules"
mkdir -p "$root/etc/initramfs-tools/conf.d"
echo RESUME=none >"$root/etc/initramfs-tools/conf.d/resume"
# On a busy host the devices of LVM come late. The kernel argument rootdelay would make every boot sleep that long; set behind
# that sleep, the variable only makes a boot wait longer for a root that is not there yet.
cat >"$root/etc/initramfs-tools/scripts/init-premount/wait-for-root" <<'END'
#!/bin/sh
[ "$1" = prereqs ] || echo ROOTDELAY=240 >>/conf/param.conf
END
chmod 755 "$root/etc/initramfs-tools/scripts/init-premount/wait-for-root"

chmod -x "$root"/etc/grub.d/{05_debian_theme,20_linux_xen,30_os-prober}

echo altdisk-guest >"$root/etc/hostname"
echo "127.0.0.1 localhost altdisk-guest" >"$root/etc/hosts"
echo "nameserver 192.0.2.53" >"$root/etc/resolv.conf"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
cat >"$root/etc/default/grub" <<'END'
GRUB_DEFAULT=0
GRUB_TIMEOUT=1
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=ttyS0 loglevel=5 mitigations=off apparmor=0 rcupdate.rcu_expedited=1 systemd.show_status=0"
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND="serial --speed=115200"
GRUB_DISABLE_OS_PROBER=true
END

install -m 755 "$here/guest/altdisk-job" "$root/usr/local/sbin/altdisk-job"
install -m 755 "$here/guest/evidence" "$root/usr/local/sbin/evidence"
install -m 644 "$here/guest/altdisk-job.service" "$root/etc/systemd/system/altdisk-job.service"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../altdisk-job.service "$root/etc/systemd/system/multi-user.target.wants/altdisk-job.service"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service \
    systemd-tmpfiles-clean.timer getty@tty1.service serial-getty@ttyS0.service serial-getty@ttyS1.service systemd-pstore.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --bind /dev "$root/dev"
chroot "$root" update-initramfs -u -k all >"$new/update-initramfs.log" 2>&1
unmount
mv "$new" "$base"
trap - EXIT
echo "$base"
