#!/bin/bash
# Runs all tests on a fresh Debian-like machine: installs what they need, builds, checks, tests.
#
#   ./test.sh [--vm all|some|none] [--quick]
#
#   --vm all    all virtual machines, also those whose power is cut (about 40 minutes on two cores)
#   --vm some   the virtual machines of continuous integration (the default)
#   --vm none   no virtual machines
#   --quick     formatting, lints and unit tests; installs nothing, needs no root
#
# Run as root. It downloads from package registries only. Guests are kept in $ALTDISK_TEST_CACHE (default /var/cache/altdisk-tests).
# Each part is timed; the last line shows the result; any failure makes the exit code 1.
# Tests that could not run are listed at the end. With ALTDISK_TEST_STRICT=1 (the default if CI is set) such a test is a failure,
# unless tests/allowed-skips has its reason. The time limits are for hangs only: each is several times what its part takes on a
# busy machine with two cores.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
exec </dev/null

usage() { sed -n '2,15s/^# \{0,1\}//p' "$0"; }
vm=some quick=no
while [ $# -gt 0 ]; do
    case $1 in
    --vm) vm=${2:-} && shift ;;
    --vm=*) vm=${1#--vm=} ;;
    --quick) quick=yes ;;
    --help | -h) usage && exit 0 ;;
    *) vm=unknown ;;
    esac
    shift
done
case $vm in all | some | none) ;; *) usage >&2 && exit 2 ;; esac

# A quick run installs nothing, so it cannot be strict about what is missing.
strict=${ALTDISK_TEST_STRICT:-${CI:+1}}
[ "$quick" = no ] || strict=0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
part() { # part NAME MINUTES COMMAND...: a failure is remembered, and the other parts still run
    local name=$1 begun=$SECONDS rc
    echo "== $name"
    timeout --kill-after=30 "$2m" "${@:3}"
    rc=$?
    [ "$rc" = 0 ] && echo "== $name: passed, $((SECONDS - begun)) s" && return
    [ "$rc" = 124 ] && echo "== $name: more than $2 minutes"
    echo "== $name: FAILED, $((SECONDS - begun)) s"
    echo "$name" >>"$scratch/failed"
    return 1
}
# tests MINUTES NAME TARGET...: leaves out the output of passing tests, but remembers why one of them could not run
tests() {
    part "$2" "$1" cargo test --quiet --no-fail-fast "${@:3}" -- --show-output | awk -v skipped="$scratch/skipped" '
        /^successes:$/ { passed = 1 }
        /^failures:$/ || /^test result:/ { passed = 0 }
        passed && /^---- .* stdout ----$/ { name = $2 }
        passed && /^skipped: / { print "  " name ": " substr($0, 10) >>skipped }
        !passed { print; fflush() }'
}
# Skips whose reason tests/allowed-skips does not have. Their lines are `  NAME: REASON`.
avoidable() {
    local line
    grep -v -e '^#' -e '^$' tests/allowed-skips >"$scratch/allowed"
    [ "$vm" != none ] || echo '^qemu-system-x86_64 is not there$' >>"$scratch/allowed"
    while IFS= read -r line; do
        printf '%s\n' "${line#*: }" | grep -qE -f "$scratch/allowed" || printf '%s\n' "$line"
    done <"$scratch/skipped"
}
ending() {
    if [ -s "$scratch/skipped" ]; then
        echo "not run, or only in part: $(wc -l <"$scratch/skipped")"
        cat "$scratch/skipped"
        if [ "$strict" = 1 ] && avoidable | grep . >"$scratch/avoidable"; then
            echo "== skipped, although this machine could run them (ALTDISK_TEST_STRICT=1):"
            cat "$scratch/avoidable"
            echo "skipped tests" >>"$scratch/failed"
        fi
    fi
    if [ ! -s "$scratch/failed" ]; then
        echo "test.sh: everything passed (machines: $vm) in $SECONDS s"
        exit 0
    fi
    echo "test.sh: FAILED: $(paste -sd, "$scratch/failed") (after $SECONDS s)"
    exit 1
}

packages=(build-essential binutils e2fsprogs xfsprogs btrfs-progs dosfstools mtools fdisk gdisk lvm2 kmod udev util-linux rsync
    attr acl libcap2-bin grub2-common grub-pc-bin grub-efi-amd64-bin efibootmgr
    libarchive-tools zstd xz-utils b3sum
    rpm createrepo-c dnf gpg gpg-agent f2fs-tools
    debootstrap debian-archive-keyring ca-certificates procps man-db groff zsh fish expect tmux ncurses-bin ncurses-term python3)
[ "$vm" = none ] || packages+=(qemu-system-x86 ovmf)
install_packages() {
    local missing=() package
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update >/tmp/altdisk-test-apt.log 2>&1 &&
        apt-get -q -y --no-install-recommends install "${missing[@]}" >>/tmp/altdisk-test-apt.log 2>&1 ||
        { tail -n 20 /tmp/altdisk-test-apt.log; return 1; }
}
rust() {
    export PATH=$PATH:$HOME/.cargo/bin
    if ! command -v cargo >/dev/null && apt-cache show rustup >/dev/null 2>&1; then
        apt-get -q -y --no-install-recommends install rustup >/dev/null 2>&1 && rustup -q default stable
    fi
    cargo --version && return 0
    echo "cargo was not found: install Rust (https://rustup.rs, or the package rustup) and run this again"
    return 1
}
export -f install_packages rust
export PATH=$PATH:$HOME/.cargo/bin:/usr/local/sbin:/usr/sbin:/sbin

if [ "$quick" = no ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "test.sh: run it as root (loop devices, mounts, packages), or with --quick" >&2
        exit 2
    fi
    packages="${packages[*]}" part "packages" 30 bash -c 'packages=($packages); install_packages' || ending
else
    vm=none
fi
part "rust" 20 bash -c rust || ending
part "formatting" 5 cargo fmt --check
part "build" 45 cargo test --quiet --no-run || ending
part "lints" 30 cargo clippy --quiet --all-targets -- -D warnings
if [ "$quick" = yes ]; then
    tests 30 "unit tests" --bins
    ending
fi
part "guests" 40 bash -c 'for layout in parts plain; do tests/vm/layout.sh $layout || exit 1; done; tests/machine/rpmroot.sh && tests/machine/archroot.sh'
# Machines in namespaces take turns and mostly wait for a disk, so the other tests run beside them; not those of disks, whose
# loop devices a machine would see.
named() { grep "$1" 'machine/mod\.rs"\]' tests/*.rs | sed -n 's,^tests/\([a-z_]*\)\.rs$,--test=\1,p'; }
mapfile -t on_machines < <(named -l | grep -vx -- --test=vm && echo --test=disks)
mapfile -t others < <(named -L | grep -vx -- --test=disks)
export ALTDISK_VM=none
tests 75 "tests on machines in namespaces" "${on_machines[@]}" >"$scratch/beside" &
tests 75 "other tests" --bins "${others[@]}"
wait
cat "$scratch/beside"
if [ "$vm" != none ]; then
    # Continuous integration ends after 90 minutes: virtual machines that would start too late are not run, and listed.
    [ -z "${CI:-}" ] || export ALTDISK_VM_UNTIL=$(($(date +%s) - SECONDS + 42 * 60))
    ALTDISK_VM=$vm part "machines ($vm)" "$([ "$vm" = all ] && echo 180 || echo 75)" cargo test --quiet --test vm -- --nocapture | tee "$scratch/vm"
    sed -n 's/.*skipped: /  machines: /p' "$scratch/vm" >>"$scratch/skipped"
fi
ending
