#!/bin/bash
# What makes the guest of tests/vm/base.sh a system of rpm packages: rpm, dnf and zypper out of Debian's packages. Prints the directory to lay over its root.
#
# It lies in $ALTDISK_TEST_CACHE (default /var/cache/altdisk-tests) as rpmroot-KEY, KEY being a hash of what makes it. The packages are unpacked, not
# installed: dpkg's database of the guest knows nothing of them. Needs root and a Debian mirror; the packages are this machine's own suite's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ALTDISK_TEST_CACHE:-/var/cache/altdisk-tests}
base=$("$here/../vm/base.sh")
packages=(rpm dnf zypper)

key=$( (echo "$base"; cat "$0") | sha256sum | cut -c1-12)
root=$cache/rpmroot-$key
exec 9>"$cache/rpmroot.lock"
flock 9
if [ -d "$root" ]; then
    echo "$root"
    exit 0
fi

new=$root.new
rm -rf "$cache"/rpmroot-*
mkdir -p "$new" "$root.debs/partial"
trap 'rm -rf "$root.debs" "$root.status"' EXIT
# The guest has no Python and no ICU any more, though its dpkg believes so.
awk -v RS= -v ORS='\n\n' '!/^Package: (python3|libpython3|libicu|xfsprogs)/' "$base/root/var/lib/dpkg/status" >"$root.status"
echo "getting the packages of rpm, dnf and zypper (some 40 MB)" >&2
get() {
    apt-get -q -y --no-install-recommends --download-only -o Debug::NoLocking=1 -o Dir::State::status="$root.status" -o Dir::Cache::archives="$root.debs" \
        install "${packages[@]}" </dev/null
}
# Where this machine has no lists of packages, or old ones, they are fetched first.
get >"$cache/rpmroot.log" 2>&1 || { apt-get -q update && get; } >"$cache/rpmroot.log" 2>&1 || { tail -n 20 "$cache/rpmroot.log" >&2; exit 1; }
for deb in "$root.debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$new" -x --keep-directory-symlink --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
    --exclude='./usr/share/locale/*'; done
# In a system with merged /usr there are links at the top.
for dir in bin sbin lib lib64; do
    [ ! -d "$new/$dir" ] || { mkdir -p "$new/usr/$dir"; cp -a "$new/$dir/." "$new/usr/$dir/"; rm -r "${new:?}/$dir"; }
done
rm -rf "$new"/usr/lib/systemd "$new"/etc/cron* "$new"/etc/logrotate.d "$new"/lib/systemd
# Debian's rpm keeps its database in the home directory, for it is no system's there.
mkdir -p "$new"/etc/{rpm,yum.repos.d,zypp/repos.d} "$new/var/lib/rpm"
echo "[main]
multiversion = provides:multiversion(kernel)" >"$new/etc/zypp/zypp.conf"
echo '%_dbpath /var/lib/rpm' >"$new/etc/rpm/macros"
mv "$new" "$root"
echo "$root"
