#!/bin/bash
# Gets what is newer than the packages of the guest that base.sh builds, once, and prints the directory with the packages: a location for -l.
#
# It lies in $ALTDISK_TEST_CACHE (default /var/cache/altdisk-tests) as updates-KEY, KEY being the guest's. The guest is made from a release's own packages;
# what has come since by way of the security archive that this machine uses is newer, a kernel among it most of the time.
# Needs root, apt and a Debian mirror. Fails where there is nothing newer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
base=$("$here/base.sh" | tail -n 1)
cache=${base%/*}
updates=$cache/updates-${base##*-}
exec 9>"$cache/updates.lock"
flock 9
if [ ! -d "$updates" ]; then
    rm -rf "$cache"/updates-*
    new=$updates.new
    mkdir -p "$new/partial"
    get() {
        apt-get -o Dir::State::status="$base/root/var/lib/dpkg/status" -o Dir::Cache::archives="$new" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
            -o Debug::NoLocking=1 -o APT::Install-Recommends=false -o APT::Sandbox::User=root "$@" </dev/null
    }
    [ -n "$(ls /var/lib/apt/lists/*_Packages* 2>/dev/null)" ] || apt-get update >/dev/null
    get -y --download-only dist-upgrade >"$cache/updates.log" 2>&1 || { tail -n 20 "$cache/updates.log" >&2; exit 1; }
    rm -rf "$new/partial" "$new/lock"
    # What apt writes as %3a is a colon of the version; altdisk must read the names inside.
    [ -n "$(ls "$new")" ] || { echo "the mirror has nothing that is newer than the guest" >&2; rmdir "$new"; exit 1; }
    mv "$new" "$updates"
fi
echo "$updates"
