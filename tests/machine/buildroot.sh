#!/bin/bash
# What packages with modules and other initramfs builders need in the guest of tests/vm/base.sh: dracut, dkms, a compiler, and the headers of the guest's
# kernel, out of Debian's packages. Prints the directory to lay over its root.
#
# It lies in $ALTDISK_TEST_CACHE (default /var/cache/altdisk-tests) as buildroot-KEY, KEY being a hash of what makes it. The packages are unpacked, not
# installed: dpkg's database of the guest knows nothing of them. Needs root and a Debian mirror; the packages are this machine's own suite's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ALTDISK_TEST_CACHE:-/var/cache/altdisk-tests}
base=$("$here/../vm/base.sh")
kernel=$(basename "$base"/root/lib/modules/*)
packages=(dracut dkms gcc libc6-dev make ca-certificates)

key=$( (echo "$base"; cat "$0") | sha256sum | cut -c1-12)
root=$cache/buildroot-$key
exec 9>"$cache/buildroot.lock"
flock 9
if [ -d "$root" ]; then
    echo "$root"
    exit 0
fi

new=$root.new
rm -rf "$cache"/buildroot-*
mkdir -p "$new" "$root.debs/partial"
trap 'rm -rf "$root.debs"' EXIT
echo "getting dracut, dkms, a compiler and the headers of $kernel (some 70 MB)" >&2
get() {
    apt-get -q -y --no-install-recommends --download-only -o Debug::NoLocking=1 -o Dir::State::status="$base/root/var/lib/dpkg/status" \
        -o Dir::Cache::archives="$root.debs" -o APT::Sandbox::User=root install "${packages[@]}" "$@" </dev/null
}
# Where this machine has no lists of packages, or old ones, they are fetched first. A mirror drops the headers of an old kernel.
get "linux-headers-$kernel" >"$cache/buildroot.log" 2>&1 || { apt-get -q update && { get "linux-headers-$kernel" || get; }; } >"$cache/buildroot.log" 2>&1 ||
    { tail -n 20 "$cache/buildroot.log" >&2; exit 1; }
# The guest's own libc and perl go on being used by its programs: what is newer takes their place as in an update.
for deb in "$root.debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$new" -x --keep-directory-symlink --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
    --exclude='./usr/share/locale/*' --exclude='*san.so*' --exclude='*/cc1plus' --exclude='*/libgprofng*' --exclude='*/lto1'; done
# In a system with merged /usr there are links at the top.
for dir in bin sbin lib lib64; do
    [ ! -d "$new/$dir" ] || { mkdir -p "$new/usr/$dir"; cp -a "$new/$dir/." "$new/usr/$dir/"; rm -r "${new:?}/$dir"; }
done
rm -rf "$new"/etc/cron* "$new"/etc/logrotate.d
mv "$new" "$root"
echo "$root"
