#!/bin/bash
# A machine in a namespace: a small Debian on loop devices, in which commands run as if it were the running system.
#
#   machine.sh make DIR LAYOUT   copies the disks of the layout into DIR (see tests/vm/layout.sh: parts, plain)
#   machine.sh on DIR            attaches and mounts them as fstab says and keeps them in a mount namespace whose root is the guest's
#   machine.sh off DIR           as power loss: the namespace goes, then every loop device on its disks, also those the guest made
#   machine.sh run DIR COMMAND   a shell command in it, as root
#
# /proc/self/mountinfo there shows `/` on the loop device, so the program under test takes that for rootvg without being told.
# Process ids, devices and the kernel are the host's. Nothing of it is mounted in the host's own namespace. Needs root.
set -euo pipefail
what=$1
dir=$(realpath -m "$2")
shift 2

layout_sh=$(cd "$(dirname "$0")/../vm" && pwd)/layout.sh
root=$dir/root

detach() { # detach LOOP, with its partitions
    partx -d "$1" 2>/dev/null || true
    # A busy host takes its time to unmount what was mounted from it.
    for _ in $(seq 100); do
        losetup -d "$1" && [ -z "$(cat "/sys/block/${1#/dev/}/loop/backing_file" 2>/dev/null)" ] && return
        sleep 0.1
    done
    echo "$1 could not be detached" >&2
    return 1
}
loops_on() { # loop devices whose backing file lies on the block device MAJ:MIN
    losetup -ln -O NAME,BACK-MAJ:MIN | awk -v dev="$1" '$2 == dev { print $1 }'
}
partition_nodes() { # where udev or the kernel are slow or absent
    local node
    for node in /sys/class/block/"${1#/dev/}"p*; do
        [ -e "$node" ] && [ ! -e "/dev/${node##*/}" ] && mknod "/dev/${node##*/}" b $(tr ':' ' ' <"$node/dev")
    done
    true
}

# What the first process of the namespace does: mounts, makes them the root, and stays.
hold() {
    local disk=$1 data=$2 rootdev="" node id spec target type options
    declare -A device
    for node in "$disk" "$disk"p* "$data"; do
        [ -b "$node" ] && id=$(blkid -p -o value -s UUID "$node" 2>/dev/null) && [ -n "$id" ] && device[$id]=$node
    done
    while read -r spec target type options _; do
        [ "$target" = / ] && rootdev=${device[${spec#UUID=}]}
    done <"$dir/fstab"
    mount "$rootdev" "$root"
    while read -r spec target type options _; do
        # Another machine of the same layout may be on: xfs refuses a second file system of the same UUID unless told.
        [ "$type" = xfs ] && options=$options,nouuid
        case $target in /?*) mount -t "$type" -o "${options/nofail,x-systemd.device-timeout=20s/nodev}" "${device[${spec#UUID=}]}" "$root$target" ;; esac
    done <"$dir/fstab"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --bind /dev "$root/dev"
    [ ! -d /dev/pts ] || mount --bind /dev/pts "$root/dev/pts"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    cd "$root"
    pivot_root . mnt
    umount -l mnt
    cd /
    : >/run/ready
    exec </dev/null >/dev/null 2>&1
    exec sleep infinity
}

case $what in
make)
    images=$("$layout_sh" "$1" | tail -n 1)
    mkdir -p "$root"
    cp --sparse=always "$images/source.img" "$images/data.img" "$images/fstab" "$dir/"
    ;;
on)
    disk=$(losetup -f --show "$dir/source.img")
    partx -a "$disk" 2>/dev/null || true
    partition_nodes "$disk"
    data=$(losetup -f --show "$dir/data.img")
    echo "$disk" >"$dir/disk"
    echo "$data" >"$dir/data"
    export -f hold
    dir=$dir root=$root unshare --mount --propagation private bash -euc 'hold "$@"' hold "$disk" "$data" &
    echo $! >"$dir/pid"
    disown
    for _ in $(seq 100); do
        [ -e "/proc/$(cat "$dir/pid")/root/run/ready" ] && exit 0
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        sleep 0.05
    done
    echo "the machine in $dir did not start" >&2
    "$0" off "$dir"
    exit 1
    ;;
off)
    [ -e "$dir/disk" ] || exit 0
    disk=$(cat "$dir/disk") data=$(cat "$dir/data")
    if [ -e "$dir/pid" ]; then
        pid=$(cat "$dir/pid")
        ns=$(readlink "/proc/$pid/ns/mnt" 2>/dev/null || true)
        # What still runs in the namespace keeps its mounts.
        if [ -n "$ns" ] && [ "$ns" != "$(readlink /proc/self/ns/mnt)" ]; then
            for process in /proc/[0-9]*; do
                [ "$(readlink "$process/ns/mnt" 2>/dev/null)" = "$ns" ] && kill -9 "${process#/proc/}" 2>/dev/null || true
            done
        fi
        rm -f "$dir/pid"
        sleep 0.1
    fi
    for device in "$disk" "$disk"p*; do
        [ -b "$device" ] || continue
        for loop in $(loops_on "$(lsblk -dno MAJ:MIN "$device" | tr -d ' ')"); do detach "$loop"; done
    done
    detach "$disk"
    detach "$data"
    rm -f "$dir/disk" "$dir/data"
    ;;
run)
    exec nsenter --target "$(cat "$dir/pid")" --mount --root -- \
        /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C TERM="${MACHINE_TERM:-dumb}" /bin/bash -c "$1"
    ;;
esac
