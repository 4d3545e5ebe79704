#!/bin/bash
# What makes the guest of tests/vm/base.sh a system of pacman: pacman out of Debian's package. Prints the directory to lay over its root.
#
# It lies in $ALTDISK_TEST_CACHE (default /var/cache/altdisk-tests) as archroot-KEY, KEY being a hash of what makes it. The packages are unpacked, not
# installed: dpkg's database of the guest knows nothing of them. Needs root and a Debian mirror; the packages are this machine's own suite's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ALTDISK_TEST_CACHE:-/var/cache/altdisk-tests}
base=$("$here/../vm/base.sh")
packages=(pacman-package-manager)

key=$( (echo "$base"; cat "$0") | sha256sum | cut -c1-12)
root=$cache/archroot-$key
exec 9>"$cache/archroot.lock"
flock 9
if [ -d "$root" ]; then
    echo "$root"
    exit 0
fi

new=$root.new
rm -rf "$cache"/archroot-*
mkdir -p "$new" "$root.debs/partial"
trap 'rm -rf "$root.debs" "$root.status"' EXIT
# The guest has no Python and no ICU any more, though its dpkg believes so.
awk -v RS= -v ORS='\n\n' '!/^Package: (python3|libpython3|libicu|xfsprogs)/' "$base/root/var/lib/dpkg/status" >"$root.status"
echo "getting pacman and what it needs (some 5 MB)" >&2
apt-get -q -y --no-install-recommends --download-only -o Debug::NoLocking=1 -o Dir::State::status="$root.status" -o Dir::Cache::archives="$root.debs" \
    install "${packages[@]}" >"$cache/archroot.log" 2>&1 </dev/null || { tail -n 20 "$cache/archroot.log" >&2; exit 1; }
for deb in "$root.debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$new" -x --keep-directory-symlink --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
    --exclude='./usr/share/locale/*'; done
# vercmp(8), without the rest of makepkg and what that needs.
(cd "$root.debs" && apt-get -q download makepkg >>"$cache/archroot.log" 2>&1)
dpkg-deb --fsys-tarfile "$root.debs"/makepkg_*.deb | tar -C "$new" -x ./usr/bin/vercmp
# In a system with merged /usr there are links at the top.
for dir in bin sbin lib lib64; do
    [ ! -d "$new/$dir" ] || { mkdir -p "$new/usr/$dir"; cp -a "$new/$dir/." "$new/usr/$dir/"; rm -r "${new:?}/$dir"; }
done
rm -rf "$new"/usr/lib/systemd "$new"/etc/cron* "$new"/etc/logrotate.d "$new"/lib/systemd
# No repositories, and nothing installed: tests bring their own.
mkdir -p "$new/var/lib/pacman/local" "$new/var/lib/pacman/sync" "$new/var/cache/pacman/pkg" "$new/var/log"
echo 9 >"$new/var/lib/pacman/local/ALPM_DB_VERSION"
mv "$new" "$root"
echo "$root"
