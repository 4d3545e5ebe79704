#!/bin/bash
# Makes and restores images with altdisk and with tar, side by side: the same tree on an ext4 on a loop device, the tools one after the other
# in every round; prints times, ratios to tar in the same round, peak memory of all processes of a tool together, and sizes.
# Needs root, tar, zstd, rsync, and room for the images: about 5 x the size of the tree.
#
#   benches/image.sh [create] [restore]     (default: both)
#
# Environment: ROUNDS (3), CACHES ("cold warm"), LEVEL (3), ALTDISK (target/release/altdisk),
#   ROOT_FROM (a directory to take the tree from, default /usr, cut at ROOT_FILES=60000 files and ROOT_MB=2500), WORK (a directory for the
#   images, default a new one in /var/tmp)
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "skipped: needs root" >&2; exit 0; }
ROUNDS=${ROUNDS:-3} CACHES=${CACHES:-cold warm} LEVEL=${LEVEL:-3}
ROOT_FROM=${ROOT_FROM:-/usr} ROOT_FILES=${ROOT_FILES:-60000} ROOT_MB=${ROOT_MB:-2500}
here=$(cd "$(dirname "$0")/.." && pwd)
ALTDISK=${ALTDISK:-${CARGO_TARGET_DIR:-$here/target}/release/altdisk}
[ -x "$ALTDISK" ] || (cd "$here" && cargo build --release --quiet)
WORK=${WORK:-$(mktemp -d /var/tmp/altdisk-bench.XXXXXX)}
mkdir -p "$WORK/from" "$WORK/to"

drop() { # mount point, image: neither need be in use
    ! mountpoint -q "$1" || umount "$1"
    losetup --noheadings --output NAME --associated "$2" | xargs -r losetup -d
}
clean() {
    set +e
    drop "$WORK/to" "$WORK/target"; drop "$WORK/from" "$WORK/source"
    rm -rf "$WORK"
}
trap clean EXIT
trap 'exit 130' INT TERM

attach() { # image: direct I/O, so that the image itself is not cached as well
    losetup --find --show --direct-io=on "$1" 2>/dev/null || losetup --find --show "$1"
}

make_tree() { # the first so many files of a directory, with everything they have
    truncate -s $((ROOT_MB * 2 + 1024))M "$WORK/source"
    mkfs.ext4 -q -F -N $((ROOT_FILES * 2)) "$WORK/source"
    mount "$(attach "$WORK/source")" "$WORK/from"
    (cd "$ROOT_FROM" && find . -xdev -type f -printf '%s %P\0' 2>/dev/null \
        | awk -v RS='\0' -v ORS='\0' -v n="$ROOT_FILES" -v mb="$ROOT_MB" '{ s += $1; if (NR <= n && s <= mb * 1048576) { sub(/^[0-9]+ /, ""); print } }' \
        | rsync -aHAXS --numeric-ids --from0 --files-from=- . "$WORK/from/")
    sync
    printf '%s files, %s MB\n' "$(find "$WORK/from" | wc -l)" "$(du -sm "$WORK/from" | cut -f1)"
}

fresh_target() { # an empty file system to restore to
    drop "$WORK/to" "$WORK/target"
    truncate -s 0 "$WORK/target" && truncate -s $((ROOT_MB * 2 + 1024))M "$WORK/target"
    mkfs.ext4 -q -F -N $((ROOT_FILES * 2)) -E lazy_itable_init=1 "$WORK/target"
    mount -o noinit_itable "$(attach "$WORK/target")" "$WORK/to"
}

run_tool() { # work, tool; the peak memory of its processes together, in KiB, goes to $WORK/peak (those of children are added)
    local from=$WORK/from to=$WORK/to image=$WORK/image.$2.tar.zst
    case $1-$2 in
        create-altdisk) set -- "$ALTDISK" savetree -z "$LEVEL" "$from" "$image" ;;
        create-tar) set -- bash -o pipefail -c 'tar --xattrs --acls -S -C "$1" -c . | zstd -q -f -T0 -"$2" -o "$0"' "$image" "$from" "$LEVEL" ;;
        restore-altdisk) set -- "$ALTDISK" restoretree "$image" "$to" ;;
        restore-tar) set -- bash -o pipefail -c 'zstd -dcq "$0" | tar --xattrs --xattrs-include=* --acls -S -xp -C "$1"' "$image" "$to" ;;
    esac
    # shellcheck disable=SC2016
    python3 -c 'import os, subprocess, sys, threading, time
def group(top):
    total, todo = 0, [top]
    while todo:
        pid = todo.pop()
        try:
            todo += [int(c) for t in os.listdir(f"/proc/{pid}/task") for c in open(f"/proc/{pid}/task/{t}/children").read().split()]
            total += next(int(l.split()[1]) for l in open(f"/proc/{pid}/status") if l.startswith("VmHWM:"))
        except (OSError, StopIteration): pass
    return total
p = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
peak, over = [0], threading.Event()
def watch():
    while not over.wait(0.1): peak[0] = max(peak[0], group(p.pid))
threading.Thread(target=watch, daemon=True).start()
said = p.communicate()[1]
over.set()
sys.stderr.buffer.write(said if p.returncode else b"")
open(sys.argv[1], "w").write(str(peak[0]))
sys.exit(p.returncode)' "$WORK/peak" "$@"
}

once() { # work, tool, cold or warm: milliseconds, with what is written flushed to the device
    case $1 in create) rm -f "$WORK/image.$2.tar.zst" ;; restore) fresh_target ;; esac
    sync
    if [ "$3" = cold ]; then echo 3 > /proc/sys/vm/drop_caches
    elif [ "$1" = create ]; then tar -C "$WORK/from" -cf - . | cat > /dev/null
    else cat "$WORK/image.$2.tar.zst" > /dev/null; fi
    local begun ended
    begun=$(date +%s%N)
    run_tool "$1" "$2"
    if [ "$1" = create ]; then sync "$WORK/image.$2.tar.zst"; else sync -f "$WORK/to"; fi
    ended=$(date +%s%N)
    echo $(((ended - begun) / 1000000))
}

measure() { # work
    for cache in $CACHES; do
        printf '%-8s %-5s %-8s %8s %7s %9s %9s   %s\n' work cache tool seconds 'of tar' 'peak KiB' 'image KiB' load
        for ((round = 1; round <= ROUNDS; round++)); do
            local base=''
            for tool in tar altdisk; do
                local ms
                ms=$(once "$1" "$tool" "$cache")
                [ "$tool" = tar ] && base=$ms
                printf '%-8s %-5s %-8s %8s %7s %9s %9s   %s\n' "$1" "$cache" "$tool" "$(awk "BEGIN{printf \"%.2f\", $ms/1000}")" \
                    "$(awk "BEGIN{printf \"%.2f\", $ms/$base}")" "$(cat "$WORK/peak")" "$(du -k "$WORK/image.$tool.tar.zst" | cut -f1)" \
                    "$(cut -d' ' -f1 /proc/loadavg)"
            done
        done
    done
}

make_tree
for work in "${@:-create restore}"; do for work in $work; do
    if [ "$work" = restore ]; then
        for tool in tar altdisk; do [ -e "$WORK/image.$tool.tar.zst" ] || run_tool create "$tool"; done
    fi
    measure "$work"
done; done
drop "$WORK/to" "$WORK/target"
