# Functions for use inside a machine: what is compared before and after.

# manifest DIR: everything of the tree, on one file system, as text: one line an entry, sorted, then extended attributes and contents.
manifest() {
    (
        cd "$1" || exit 1
        find . -xdev -print0 | sort -z | xargs -0r stat --printf '%n\t%f\t%u:%g\t%h\t%t,%T\t%y\n' | sed 's/\\/\\\\/g'
        find . -xdev -type f -print0 | sort -z | xargs -0r stat --printf '%n\t%s\n'
        find . -xdev -type l -print0 | sort -z | xargs -0r stat --printf '%N\n'
        find . -xdev -print0 | sort -z | xargs -0r getfattr -h -d -m - -e hex 2>/dev/null
        find . -xdev \( -type f -o -type d \) -print0 | sort -z | xargs -0r lsattr -d 2>/dev/null | sed 's/^\([^ ]*\)e/\1-/'
        find . -xdev -type f -print0 | sort -z | xargs -0r sha256sum
    )
}

# state: what cleaning up must bring back. The program's own state and logs, and what time alone changes, are left out.
state() {
    local node
    echo "# mounts"
    findmnt -rno TARGET,SOURCE,FSTYPE,FSROOT | sort
    echo "# devices on this machine's disks"
    # Other machines have practice disks of the same names: the device that the file lies on tells them apart.
    for node in $(lsblk -nlo NAME /dev/loop* 2>/dev/null | sort -u); do
        losetup -ln -O BACK-MAJ:MIN,BACK-FILE "/dev/$(echo "$node" | grep -o '^loop[0-9]*')" |
            awk -v node="$node" -v root="$(mountpoint -d /)" -v machine="$machine/" '$1 == root || index($2, machine) == 1 { print node }'
    done
    echo "# swap"
    awk 'NR > 1 { print $1, $2, $3 }' /proc/swaps | sort
    echo "# top directory, /etc and /boot"
    ls -A1 /
    find /etc /boot -xdev ! -path /etc/mtab -printf '%p %y %m %u:%g %l\n' | sort
    find /etc /boot -xdev -type f -print0 | sort -z | xargs -0r sha256sum
}
