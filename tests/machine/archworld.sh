#!/bin/bash
# Packages of pacman for the tests, in DIR: one directory a story. Plain tar archives: pacman asks no more of a package.
set -euo pipefail
dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# package STORY NAME VERSION [.PKGINFO LINE ...]; the files are those below $work/tree, .INSTALL is $work/install.
package() {
    local story=$1 name=$2 version=$3
    shift 3
    mkdir -p "$dir/$story" "$work/tree"
    printf '%s\n' "pkgname = $name" "pkgver = $version" "pkgdesc = $name of the tests" "arch = any" "size = 8192" "$@" >"$work/tree/.PKGINFO"
    [ ! -f "$work/install" ] || mv "$work/install" "$work/tree/.INSTALL"
    (cd "$work/tree" && tar --owner=0 --group=0 -czf "$dir/$story/$name-$version-any.pkg.tar.gz" .PKGINFO $(ls -A | grep -v '^\.PKGINFO$' || true))
    rm -rf "$work/tree"
}
file() { # file PATH TEXT
    mkdir -p "$work/tree/$(dirname "$1")"
    echo "$2" >"$work/tree/$1"
}

file usr/share/tests/lib 1; package installed lib 1.0-1
file etc/app.conf one; package installed app 1.0-1 "depend = lib" "backup = etc/app.conf"
file usr/share/tests/old 1; package installed old 1.0-1

file usr/share/tests/lib 2; package v2 lib 2.0-1
file etc/app.conf two; package v2 app 2.0-1 "depend = lib>=2" "depend = extra" "backup = etc/app.conf"
package v2 extra 1.0-1
package v2 unused 1.0-1
file usr/share/tests/old 2; package v2 new 1.0-1 "replaces = old" "conflict = old"
cat >"$dir/v2/all.json" <<'J'
[{"name":"AVG-7","packages":["lib"],"status":"Fixed","severity":"High","type":"code execution","affected":"1.0-1","fixed":"2.0-1",
  "issues":["CVE-2024-1111"],"advisories":["ASA-202401-1"]},
 {"name":"AVG-8","packages":["lib"],"status":"Vulnerable","severity":"Low","type":"crash","affected":"2.0-1","fixed":null,"issues":["CVE-2024-2222"]}]
J
printf '# what a web server needs\nI:app\nunused=1.0-1\n' >"$dir/v2/web.bnd"

package unmet unmet 1.0-1 "depend = what-nobody-has>=3"
file usr/share/tests/there mine; package clash clash 1.0-1
printf 'post_install() { echo waiting; touch /root/waits; while [ ! -e /root/go ]; do sleep 1007 & wait $!; done; }\n' >"$work/install"
file usr/share/tests/hang 1; package hang hang 1.0-1
