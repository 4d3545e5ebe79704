#!/bin/bash
# A small world of rpm packages, built with rpmbuild.
#
#   rpmworld.sh DIR
#
# DIR/installed   what a system has: stand-ins for what others require, hello, libthing, tool, a kernel, and packages whose next versions misbehave
# DIR/v2          newer ones: hello needs newdep now, fixes are in changelogs; one that is not installed; a second kernel
# DIR/repo        the same as a repository, with an advisory, by createrepo_c
# DIR/signed      tool alone, as a repository whose packages and metadata are signed with DIR/key.asc
# DIR/failpre DIR/failpost DIR/hang DIR/unmet   one package each whose script fails or never ends, or that requires what nobody has
set -euo pipefail
dir=$(realpath -m "$1")
mkdir -p "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # build DIRECTORY NAME VERSION [MORE LINES OF THE SPEC]; the description and the list of files follow; %changelog comes from $changes
    local to=$1 name=$2 version=$3 more=${4:-} scripts=${5:-}
    local epoch=${version%%:*} file=usr/share/$name/data
    # Kernels lie beside each other.
    [ "$name" != kernel-core ] || file=usr/share/$name/data-$version
    [ "$epoch" != "$version" ] || epoch=0
    {
        echo "Name: $name"
        [ "$epoch" = 0 ] || echo "Epoch: $epoch"
        echo "Version: ${version#*:}"
        echo "Release: 1.fc40"
        echo "Summary: The package $name & its <data>"
        echo "License: MIT"
        echo "BuildArch: noarch"
        [ -z "$more" ] || printf '%s\n' "$more"
        printf '%%description\nOf the tests.\n%%install\nmkdir -p %%{buildroot}/usr/share/%s\n' "$name"
        echo "head -c ${size:-1000} /dev/zero >%{buildroot}/$file; echo $version >>%{buildroot}/$file"
        [ -z "$scripts" ] || printf '%s\n' "$scripts"
        printf '%%files\n%%dir /usr/share/%s\n/%s\n' "$name" "$file"
        [ -z "${changes:-}" ] || printf '%%changelog\n%s\n' "$changes"
    } >"$work/$name.spec"
    rpmbuild --quiet -bb --define "_topdir $work/top" --define "_dbpath $work/db" --define "_rpmdir $dir/$to" --define '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm' \
        --define '_binary_payload w1.gzdio' "$work/$name.spec" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

build installed fedora-release 40 $'Provides: system-release = 40\nProvides: system-release(releasever) = 40\nProvides: openSUSE-release = 40'
build installed base 1 $'Provides: /bin/sh\nProvides: /usr/bin/sh\nProvides: rpm = 4.18\nProvides: dnf = 4.14'
build installed hello 1.0 'Requires: /bin/sh'
build installed libthing 1.0 '' "%post -p /bin/sh
exit 0"
build installed tool 1:1.0
build installed kernel-core 6.1 $'Provides: kernel\nProvides: installonlypkg(kernel)\nProvides: multiversion(kernel)'
for name in failpre failpost hang unmet; do build installed $name 1.0; done

changes="* Mon Jan 01 2024 A B <a@example.com> - 2.0-1
- Fix CVE-2024-1111 (#1234567)
* Sun Jan 01 2023 A B <a@example.com> - 1.0-1
- First" build v2 hello 2.0 $'Requires: /bin/sh\nRequires: newdep >= 1.0\nRequires: /usr/share/newdep/data\nRequires(post): base\nRecommends: nowhere\nConflicts: bye < 2\nObsoletes: hallo <= 0:1-1' "%post
echo hello is new"
size=300000 build v2 newdep 1.0
changes="* Mon Jan 01 2024 A B <a@example.com> 1.1-1
- Fix CVE-2024-2222 (rhbz#7654321)" build v2 libthing 1.1
build v2 tool 1:1.1
build v2 kernel-core 6.2 $'Provides: kernel\nProvides: installonlypkg(kernel)\nProvides: multiversion(kernel)'
build v2 fedora-release 40.1 $'Provides: system-release = 40\nProvides: system-release(releasever) = 40\nProvides: openSUSE-release = 40'
build v2 other 1.0
build failpre failpre 2.0 '' "%pre
echo the first words of the script
echo its last words >&2
exit 7"
build failpost failpost 2.0 '' "%post
echo its last words >&2
exit 7"
build hang hang 2.0 '' "%post
echo waiting for the moon
touch /root/waits
[ -e /root/go ] || sleep 1111"
build unmet unmet 2.0 'Requires: what-nobody-has >= 3'

rm -rf "$dir/repo"
cp -r "$dir/v2" "$dir/repo"
createrepo_c --quiet "$dir/repo"
cat >"$work/updateinfo.xml" <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="test@example.com" status="final" type="security" version="1">
    <id>FEDORA-2024-0a1b2c3d4e</id><title>hello-2.0-1.fc40 &amp; more</title><severity>Important</severity>
    <issued date="2024-01-01 00:00:00"/>
    <references>
      <reference href="https://bugs.example.com/3333333" id="3333333" type="bugzilla" title="CVE-2024-3333 hello: says too much"/>
      <reference href="https://example.com/RHSA-2024:0042" id="RHSA-2024:0042" type="self" title="RHSA-2024:0042"/>
    </references>
    <description>It says &lt;too&gt; much.</description>
    <pkglist><collection short="F40"><name>Fedora 40</name>
      <package name="hello" version="2.0" release="1.fc40" epoch="0" arch="noarch" src="hello-2.0-1.fc40.src.rpm"><filename>hello-2.0-1.fc40.noarch.rpm</filename></package>
      <package name="hello" version="2.0" release="1.fc40" epoch="0" arch="src" src="hello-2.0-1.fc40.src.rpm"><filename>hello-2.0-1.fc40.src.rpm</filename></package>
      <package name="hello-doc" version="2.0" release="1.fc40" epoch="0" arch="noarch" src="hello-2.0-1.fc40.src.rpm"><filename>hello-doc-2.0-1.fc40.noarch.rpm</filename></package>
    </collection></pkglist>
  </update>
</updates>
END
modifyrepo_c --mdtype=updateinfo "$work/updateinfo.xml" "$dir/repo/repodata" >/dev/null

export GNUPGHOME=$work/gpg
mkdir -m 700 "$GNUPGHOME"
trap 'gpgconf --kill all; rm -rf "$work"' EXIT
gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-gen-key tests@example.com rsa2048 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
gpg --batch --export --armor tests@example.com >"$dir/key.asc"
rm -rf "$dir/signed"
mkdir "$dir/signed"
cp "$dir"/v2/tool-*.rpm "$dir/signed"
rpmsign --define '_gpg_name tests@example.com' --define "_gpg_path $GNUPGHOME" --define "__gpg $(command -v gpg)" --addsign "$dir"/signed/*.rpm >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
createrepo_c --quiet "$dir/signed"
gpg --batch --quiet --armor --detach-sign "$dir/signed/repodata/repomd.xml"
cp "$dir/key.asc" "$dir/signed/repodata/repomd.xml.key"
