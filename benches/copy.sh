#!/bin/bash
# Copies trees with altdisk, rsync, cp and tar, from one ext4 on a loop device to a fresh one on another, flushed to
# the device, the tools one after the other in every round; prints times, ratios to rsync in the same round and peak memory
# (peaks below 14 MB are the measuring program's own).
# Needs root, rsync, and room for the images: about 3 x the size of the largest tree.
#
#   benches/copy.sh [tree ...]       trees: root tiny large    (default: all)
#
# Environment: ROUNDS (3), TOOLS ("rsync altdisk cp tar"), CACHES ("cold warm"), ALTDISK (target/release/altdisk),
#   ROOT_FROM (a directory to take the root tree from, default /usr, cut at ROOT_FILES=60000 files and ROOT_MB=2500),
#   TINY_FILES (200000), LARGE_MB (1024: two files of that size), WORK (a directory for the images, default a new one in /var/tmp)
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "skipped: needs root" >&2; exit 0; }
ROUNDS=${ROUNDS:-3} TOOLS=${TOOLS:-rsync altdisk cp tar} CACHES=${CACHES:-cold warm}
ROOT_FROM=${ROOT_FROM:-/usr} ROOT_FILES=${ROOT_FILES:-60000} ROOT_MB=${ROOT_MB:-2500} TINY_FILES=${TINY_FILES:-200000} LARGE_MB=${LARGE_MB:-1024}
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

make_tree() {
    case $1 in
        root) # the first so many files of a directory, with everything they have
            (cd "$ROOT_FROM" && find . -xdev -type f -printf '%s %P\0' 2>/dev/null \
                | awk -v RS='\0' -v ORS='\0' -v n="$ROOT_FILES" -v mb="$ROOT_MB" '{ s += $1; if (NR <= n && s <= mb * 1048576) { sub(/^[0-9]+ /, ""); print } }' \
                | rsync -aHAXS --numeric-ids --from0 --files-from=- . "$WORK/from/") ;;
        tiny) # directories of 500, sizes up to 4 KiB
            python3 - "$WORK/from" "$TINY_FILES" <<'PY'
import os, sys
top, n = sys.argv[1], int(sys.argv[2])
for i in range(n):
    if i % 500 == 0:
        d = f'{top}/{i // 10000}/{i // 500}'
        os.makedirs(d)
    with open(f'{d}/file{i}', 'wb') as f: f.write(os.urandom(i * 37 % 4096))
PY
            ;;
        large) for i in 1 2; do dd if=/dev/urandom of="$WORK/from/large$i" bs=1M count="$LARGE_MB" status=none; done ;;
        *) echo "no such tree: $1" >&2; exit 2 ;;
    esac
}

run_tool() { # its peak memory in KiB goes to $WORK/peak
    local from=$WORK/from to=$WORK/to
    case $1 in
        altdisk) set -- "$ALTDISK" copytree "$from" "$to" ;;
        rsync) set -- rsync -aHAXS --numeric-ids "$from/" "$to/" ;;
        cp) set -- cp -a --sparse=always "$from/." "$to/" ;;
        tar) set -- bash -o pipefail -c 'tar -C "$0" --xattrs --xattrs-include=* --acls --sparse --numeric-owner -cf - . | tar -C "$1" --xattrs --xattrs-include=* --acls --numeric-owner -xpf -' "$from" "$to" ;;
    esac
    # shellcheck disable=SC2016
    python3 -c 'import os, resource, subprocess, sys
r = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
sys.stderr.buffer.write(r.stderr if r.returncode else b"")
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(r.returncode)' "$WORK/peak" "$@"
    sync -f "$to"
}

once() { # tool, cold or warm: seconds
    truncate -s 0 "$WORK/target" && truncate -s "$size" "$WORK/target"
    mkfs.ext4 -q -F -N "$inodes" -E lazy_itable_init=1 "$WORK/target"
    mount -o noinit_itable "$(attach "$WORK/target")" "$WORK/to"
    sync
    if [ "$2" = cold ]; then echo 3 > /proc/sys/vm/drop_caches; else tar -C "$WORK/from" -cf - . | cat > /dev/null; fi
    local begun ended
    begun=$(date +%s%N)
    run_tool "$1"
    ended=$(date +%s%N)
    drop "$WORK/to" "$WORK/target"
    echo $(((ended - begun) / 1000000))
}

for tree in "${@:-root tiny large}"; do for tree in $tree; do
    size=$((ROOT_MB * 2 + 1024))M inodes=$((TINY_FILES + ROOT_FILES * 2))
    rm -f "$WORK/source"; truncate -s "$size" "$WORK/source"
    mkfs.ext4 -q -F -N "$inodes" "$WORK/source"
    mount "$(attach "$WORK/source")" "$WORK/from"
    make_tree "$tree"
    sync
    printf '\n%s: %s files, %s MB\n' "$tree" "$(find "$WORK/from" | wc -l)" "$(du -sm "$WORK/from" | cut -f1)"
    for cache in $CACHES; do
        printf '%-6s %-8s %8s %8s %9s   %s\n' cache tool seconds 'of rsync' 'peak KiB' load
        for ((round = 1; round <= ROUNDS; round++)); do
            base=''
            for tool in $TOOLS; do
                ms=$(once "$tool" "$cache")
                [ "$tool" = rsync ] && base=$ms
                printf '%-6s %-8s %8s %8s %9s   %s\n' "$cache" "$tool" "$(awk "BEGIN{printf \"%.2f\", $ms/1000}")" \
                    "$([ -z "$base" ] || awk "BEGIN{printf \"%.2f\", $ms/$base}")" "$(cat "$WORK/peak")" "$(cut -d' ' -f1 /proc/loadavg)"
            done
        done
    done
    drop "$WORK/from" "$WORK/source"
done; done
