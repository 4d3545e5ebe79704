#!/bin/sh
# Clones this system to a practice disk (a sparse file that altdisk treats as a disk), so that you can try altdisk without risk.
# Run it as root on a Debian-like machine. Nothing is written to a real disk.
set -eu
cd "$(dirname "$0")"

NAME=try
PRACTICE=/var/lib/altdisk/practice
RUST=1.90          # Cargo.toml: rust-version

say() { printf '\n== %s\n' "$*"; }
die() { printf 'try.sh: %s\n' "$*" >&2; exit 1; }
# Prints a command as you would type it, and runs it.
run() { printf '\n# %s\n' "$*"; "$@"; }

[ "$(id -u)" = 0 ] || die "this needs root: sudo ./try.sh"
command -v apt-get >/dev/null || die "this script needs apt-get to install packages; README.md explains how to build altdisk yourself"

# --- what is missing -------------------------------------------------------------------------------------------------
case "$(dpkg --print-architecture)" in
    amd64) grub="grub-pc-bin grub-efi-amd64-bin" ;;
    arm64) grub="grub-efi-arm64-bin" ;;
    *)     grub="" ;;
esac
missing=""
for package in gcc libc6-dev fdisk gdisk e2fsprogs xfsprogs btrfs-progs dosfstools mount util-linux efibootmgr grub2-common $grub; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    say "Installing:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

new_enough() {
    have=$("$1" --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$RUST" "$have" | sort -V | head -n1)" = "$RUST" ]
}
cargo=""
for candidate in cargo "$HOME/.cargo/bin/cargo" /usr/local/cargo/bin/cargo; do
    if new_enough "$candidate"; then cargo=$candidate; break; fi
done
if [ -z "$cargo" ]; then
    say "Installing Rust with rustup (below $HOME/.cargo; Rust $RUST or newer is needed)"
    command -v curl >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends curl ca-certificates >/dev/null
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -q --profile minimal --no-modify-path
    cargo=$HOME/.cargo/bin/cargo
    PATH=$HOME/.cargo/bin:$PATH
fi

# --- is there room for the copy? -------------------------------------------------------------------------------------
# The practice disk is as large as all disks with mounted file systems, plus 2 GiB. The file is sparse: only copied data takes up space.
devices=$(findmnt -rno SOURCE --real | sed 's/\[.*//' | grep '^/dev/' | grep -v '^/dev/loop' | sort -u) || true
disks=$(for device in $devices; do lsblk -nbsro NAME,TYPE,SIZE "$device" 2>/dev/null; done | awk '$2 == "disk" { print $1, $3 }' | sort -u)
[ -n "$disks" ] || die "no mounted file system is on a disk (is this a container?), so there is nothing to clone"
size=$(printf '%s\n' "$disks" | awk '{ sum += $2 } END { printf "%d", sum / 1048576 + 2048 }')
mkdir -p "$PRACTICE"
# check_space MORE: stops unless the copy fits, with MORE MiB to spare.
check_space() {
    used=$(for device in $devices; do df -Pm "$device" | awk 'NR == 2 { print $1, $3 }'; done | sort -u | awk '{ sum += $2 } END { printf "%d", sum + 1024 }')
    needed=$((used + $1))
    free=$(df -Pm "$PRACTICE" | awk 'NR == 2 { print $4 }')
    [ "$free" -gt "$needed" ] || die "$PRACTICE has $free MiB free, but a copy of this system needs about $needed MiB. Free some space, or use a machine with less data."
}
# The build takes up to 1 GiB, which the copy holds as well.
check_space 2048

say "Building altdisk"
"$cargo" build --release --locked
altdisk=${CARGO_TARGET_DIR:-target}/release/altdisk
[ -x "$altdisk" ] || die "$altdisk was not built"
# As it would be installed: one program, two names.
names=$(mktemp -d)
trap 'rm -rf "$names"' EXIT
ln -s "$(realpath "$altdisk")" "$names/altdisk"
ln -s altdisk "$names/alt_disk_install"
PATH=$names:$PATH

# --- a practice disk -------------------------------------------------------------------------------------------------
check_space 0

loops() { losetup -nO NAME,BACK-FILE | awk -v dir="$PRACTICE/" 'index($2, dir) == 1 { print $1 }' | sort; }
before=$(loops)
say "A practice disk of $size MiB (sparse: the copy will take about $used MiB)"
run altdisk practice create --size "${size}M" "$NAME"
disk=$(loops | grep -vxF "${before:-none}" | head -n1)
[ -n "$disk" ] || die "the practice disk was not made; 'altdisk practice list' lists the practice disks"
disk=$(basename "$disk")

leftovers() {
    code=$?
    rm -rf "$names"
    [ "$code" = 0 ] || printf '\ntry.sh stopped (exit code %s). To remove what it left:\n    %s alt_disk_install -X\n    %s practice remove %s\n' \
        "$code" "$altdisk" "$altdisk" "$NAME" >&2
}
trap leftovers EXIT

# --- the clone -------------------------------------------------------------------------------------------------------
# -B: a machine cannot boot from a practice disk, so the boot list must not change.
flags=-B
if ! ls /boot/vmlinu[xz]* >/dev/null 2>&1; then
    say "There is no kernel in /boot (this is a container or a microVM, whose kernel comes from outside)."
    echo "The copy will be complete, but it cannot boot by itself. With -g, altdisk makes it anyway."
    flags="-B -g"
fi

say "The end of the preview: what a clone to $disk would do"
# shellcheck disable=SC2086  # two flags
alt_disk_install -C --preview $flags "$disk" | tail -n 20

say "Phases 1 and 2: partition the practice disk and copy this system"
# shellcheck disable=SC2086
run alt_disk_install -C $flags -P 12 "$disk"
say "The copy is mounted below /alt_inst"
# shellcheck disable=SC2046  # a list of mount points
run df -h $(findmnt -rno TARGET | grep -E '^/alt_inst(/|$)')
run ls /alt_inst

say "Phase 3: make it bootable, unmount it"
# shellcheck disable=SC2086
run alt_disk_install -C $flags -P 3 "$disk"

say "The result"
run altdisk disks
cat <<END

To look at the copy, mount its partitions (lsblk -f /dev/$disk lists them), for example read-only:
    mount -o ro /dev/${disk}p3 /mnt
To remove it (unmount it first):
    $altdisk alt_disk_install -X
    $altdisk practice remove $NAME
The log: /var/log/altdisk/alt_disk_inst.log
END
