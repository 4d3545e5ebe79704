# What the steps of a job use: each check prints what it found wrong, `finish` ends the step with the verdict.
set -u
failed=0
fail() {
    echo "FAILED: $*"
    failed=1
}
is() { # is WHAT WANTED FOUND
    [ "$2" = "$3" ] || fail "$1: wanted '$2', found '$3'"
}
do_() { # do_ COMMAND...: shows it, its time and its end; a failure is one of the step
    local begun=$SECONDS rc
    echo "+ $*"
    "$@"
    rc=$?
    echo "+ ended with $rc after $((SECONDS - begun)) s"
    [ "$rc" = 0 ] || fail "$*: exit code $rc"
    return 0
}
refused() { # refused CODE COMMAND...: a command that must end so
    local rc
    echo "+ ${*:2}"
    "${@:2}"
    rc=$?
    [ "$rc" = "$1" ] || fail "${*:2}: exit code $rc instead of $1"
}
finish() { exit "$failed"; }

disk_of() { lsblk -nslo NAME,TYPE "$1" | awk '$2 == "disk" { print $1 }' | sort -u | paste -sd' '; }
mounts() { findmnt -rn -t ext4,xfs,btrfs,vfat -o TARGET,SOURCE | sed 's/\[.*//'; }

# running_from DISK...: every file system of rootvg and every swap area lies on these disks.
running_from() {
    local target source disk root=""
    while read -r target source; do
        [ "$target" = /data ] && continue
        [ "$target" = / ] && root=$(disk_of "$source")
        for disk in $(disk_of "$source"); do
            echo " $* " | grep -q " $disk " || fail "$target is on $disk, not on $*"
        done
    done < <(mounts; awk '$1 ~ /^\/dev\// { print "swap", $1 }' /proc/swaps)
    [ -n "$root" ] || fail "the disk of / is not known"
}

# healthy: what fstab says is mounted, all units are well, the planted files are whole, it would resume from its own swap.
healthy() {
    local dir target wanted
    is "failed units" "" "$(systemctl list-units --failed --plain --no-legend | awk '{print $1}' | grep -v '^data.mount' | paste -sd' ')"
    for target in $(awk '$1 !~ /^#/ && $2 ~ /^\// && $2 != "/data" { print $2 }' /etc/fstab); do
        mountpoint -q "$target" || fail "$target of fstab is not mounted"
    done
    is "swap areas" "$(awk '$1 !~ /^#/ && $3 == "swap"' /etc/fstab | wc -l)" "$(tail -n +2 /proc/swaps | wc -l)"
    findmnt --verify --tab-file /etc/fstab >/tmp/verify 2>&1 || { grep -q '/data' /tmp/verify && [ "$(grep -c '\[E\]' /tmp/verify)" = 1 ]; } || fail "fstab: $(cat /tmp/verify)"
    rm -f /tmp/verify
    grep -q ' /data ext4 ' /etc/fstab || fail "the fstab line of the data disk is gone"
    for dir in /opt/evidence /home/evidence /var/evidence /var/lib/nested/evidence; do
        [ -d "$dir" ] && ! evidence check "$dir" && failed=1
    done
    [ -d /opt/evidence ] || fail "/opt/evidence is gone"
    wanted=$(sed -n 's/^RESUME=//p' /etc/initramfs-tools/conf.d/resume 2>/dev/null)
    case $wanted in
    "" | none) ;;
    UUID=*) [ "$(blkid -t "$wanted" -o device | paste -sd' ')" != "" ] || fail "RESUME=$wanted names no disk" ;;
    *) [ -b "$wanted" ] || fail "RESUME=$wanted is no device" ;;
    esac
}

# independent_of DISK...: no identifier of these disks stands where the boot of this system would read it.
independent_of() {
    local disk id file
    for disk in "$@"; do
        for id in $(lsblk -nlo UUID,PARTUUID,PTUUID "/dev/$disk" | tr -s ' ' '\n' | sort -u) $(pvs --noheadings -o pv_name,vg_name 2>/dev/null | awk -v d="/dev/$disk" 'index($1, d) == 1 { print $2 }' | sort -u); do
            for file in /etc/fstab /etc/default/grub /etc/initramfs-tools /boot/grub/grub.cfg /boot/efi /proc/cmdline /etc/kernel; do
                [ -e "$file" ] && grep -rqwF -- "$id" "$file" && fail "$file names $id, which is on $disk"
            done
        done
    done
}

# role DISK ROLE
role() {
    altdisk disks | grep -w "^ *$1" | grep -qw "$2" || fail "role of $1 is not $2: $(altdisk disks)"
}
disks_of_role() { altdisk disks | grep -w "$1" | awk '{print $1}'; }

# fingerprint: every file of the running system and its package database, by what each change of them changes.
fingerprint() {
    local top
    for top in / /boot /home; do
        mountpoint -q "$top" && find "$top" -xdev \( -path /var/log -o -path /var/lib/altdisk -o -path /var/lib/systemd -o -path /root \) -prune -o ! -type d -printf '%p %s %m %U %C@\n'
    done | sort
    sha256sum /var/lib/dpkg/status
}

# erase DISK...: the flags with which -X frees these disks of a finished copy.
erase() {
    local disk
    for disk in "$@"; do
        printf -- '--erase %s ' "$(altdisk disks --json "$disk" | sed -n 's/^ *"erase": "\(.*\)",\{0,1\}$/\1/p')"
    done
}

# state DISK...: what `alt_disk_install -X` must bring back, as text; what is on these disks does not count.
# Nothing in it depends on the order in which devices were found in this boot.
state() {
    echo "# mounts"
    findmnt -rn -o TARGET,SOURCE,FSTYPE | grep -v '^/\(run\|sys\|proc\|dev\)/\|^/data ' | sort
    echo "# swap"
    awk '$1 ~ /^\// { print $1 }' /proc/swaps | while read -r area; do if [ -b "$area" ]; then lsblk -dno UUID "$area"; else echo "$area"; fi; done | sort
    echo "# mappings"
    dmsetup ls 2>/dev/null | awk '{ print $1 }' | sort
    pvs --noheadings -o pv_name,vg_name,pv_attr 2>/dev/null | sort
    lvs --noheadings -o lv_full_name,lv_attr 2>/dev/null | sort
    losetup -ln -O NAME,BACK-FILE
    echo "# boot list"
    [ -d /sys/firmware/efi ] && efibootmgr | grep -v '^BootCurrent\|^Timeout'
    [ -d /sys/firmware/efi ] || grub-editenv /boot/grub/grubenv list
    ls /boot/grub/custom.cfg 2>/dev/null
    [ -e /boot/grub/custom.cfg ] && cat /boot/grub/custom.cfg
    altdisk bootlist -m normal -o
    echo "# files"
    md5sum /boot/grub/grub.cfg /etc/fstab /etc/lvm/lvm.conf
    ls -A /alt_inst 2>/dev/null
    echo "# devices"
    lsblk -nlo NAME,FSTYPE,UUID | grep -v "^loop$(printf '\\|^%s' "$@")" | sort
}
