//! The flags of `alt_disk_install`.

use super::common::{ACCEPT, DEBUG, EVENTS, EXCLUDE, HELP, VERSION};
use super::model::{Command, EMPTY, FLAGS_ONLY, Flag, Form, Forms, Source, ValueKind};

const INSTALL: Forms = Forms::nth(0);
const CLEAN_UP: Forms = Forms::nth(1);
const RESUME: Forms = Forms::nth(2);
const ALL_FORMS: Forms = INSTALL.and(CLEAN_UP).and(RESUME);

/// Installs on an alternate disk: a clone of the running system, or a system image.
pub static ALT_DISK_INSTALL: Command = Command {
    name: "alt_disk_install",
    is_program: true,
    summary: "put this system, or an image, on another disk; boot it next",
    forms: &[Form::operands("target_disk ...", ValueKind::Disk), FLAGS_ONLY, FLAGS_ONLY],
    about: "Makes a second, bootable copy of the running system (-C), or installs a saved system image (-d), on one or more disks that are not \
in use, while the machine goes on working. The result is called the copy (altinst_rootvg). After the run the machine boots the copy next. The disk of the running \
system stays as it is, and `altdisk bootlist` goes back to it.

Nothing is written before every check has passed, and only the disks that you name are written to. A disk that holds anything is \
refused unless --erase repeats its serial number. Try --preview first: it shows the whole plan and changes nothing.

The work has three phases. Phase 1 makes partitions and file systems on the target disks, mounts them below /alt_inst and copies the \
system. Phase 2 changes the copy: it installs updates and packages there (-l with -w, -b, -F or -f), then applies -R, -n and -s. Phase 3 makes the copy bootable, unmounts it and sets the boot list. By default all three run.",
    flags: &[
        Flag::short('C', "Clone the running system (rootvg). Give this or -d.").selects(INSTALL),
        Flag::short('d', "Install the system image in this file, on this tape or other device, or (-) on standard input: one that `altdisk mksysb` made, or any root file system as a tar archive. Give this or -C.").takes("device", ValueKind::File).selects(INSTALL),
        Flag::short('X', "Remove the copy: unmount it, remove its boot entry, restore the boot list, and forget it. A finished copy stays on its disk and can still be booted from there; with --erase SERIAL that disk is erased too and free again. An unfinished copy is removed and its disk is free. Works after any failure.").selects(CLEAN_UP).drastic(),
        Flag::long("resume", "Continue a run that was interrupted.").selects(RESUME),
        Flag::short('P', "The phases to run: 1, 2, 3, 12, 23 or all (the default). After phases 1 and 2 the copy stays mounted below /alt_inst; phase 2 may be run again; only phase 3 makes the copy bootable.").takes("phase", ValueKind::Choice(&["1", "2", "3", "12", "23", "all"])),
        Flag::short('i', "Use this image.data, the description of disks and file systems, instead of the one made from the running system. Full path name.").takes("image.data", ValueKind::FullPath).phase(1),
        Flag::short('s', "Run this customization script in phase 2, on the running system, while the copy is mounted below /alt_inst. Full path name; the file must be executable.").takes("script", ValueKind::FullPath).phase(2),
        Flag::short('R', "Install this file in the copy as /etc/resolv.conf. Full path name.").takes("resolv_conf", ValueKind::FullPath).phase(2),
        EXCLUDE.takes("exclude_list", ValueKind::FullPath).phase(1).only_with(Source::Clone),
        DEBUG.forms(ALL_FORMS),
        Flag::short('V', "Name every file that is copied.").forms(ALL_FORMS),
        Flag::short('B', "Leave the boot list alone: the machine goes on booting from its present disk. Not with -r.").phase(3).drastic(),
        Flag::short('r', "Reboot from the new disk at the end. Not with -B.").phase(3).drastic(),
        Flag::short('n', "Keep the machine managed: copy /.rhosts, /etc/niminfo and the other files by which a management server knows it.").phase(2),
        Flag::short('g', "Skip the checks that this system and the copy can boot (containers, machines whose kernel comes from outside)."),
        Flag::short('p', "The boot loaders to install: i386-pc (BIOS), x86_64-efi (UEFI), or both with a comma between. The default is the one that this machine starts with, and the other if the image has it.").takes("platform", ValueKind::Choice(&["i386-pc", "x86_64-efi"])).phase(1).only_with(Source::Image),
        Flag::short('L', "The level that the image must have, in the form V.R.M (12.11.0). By default its level and distribution must be those of the running system.").takes("mksysb_level", ValueKind::Text).phase(1).only_with(Source::Image),
        Flag::long("identity", "The identity of the installed system (machine-id, ssh host keys, names for iSCSI and NVMe, DHCP identifiers and more): keep the image's, or make a fresh one. Keys that only an administrator can replace are listed. By default an image of this very machine keeps its identity, and an image of another machine gets a fresh one.").takes("keep|fresh", ValueKind::Choice(&["keep", "fresh"])).phase(1).only_with(Source::Image),
        Flag::short('l', "Where packages and updates are: a directory of packages or one that is a repository, a device, or the ISO image of a medium, by its full path name; the URL of a repository (for apt with suite and components: -l 'https://host/debian bookworm main'); or `configured`, the repositories that the copy itself is configured with.").takes("images_location", ValueKind::File).phase(2).only_with(Source::Clone),
        Flag::short('w', "Install these packages from there: name, or name=version, separated by blanks or commas (one word for the shell: quote a list). all means every available update of installed packages.").takes("filesets", ValueKind::Text).phase(2).only_with(Source::Clone).requires("l"),
        Flag::short('b', "Install the packages that this file lists, one per line: # begins a comment, a name may begin with I: or R:, update_all means every update. -b update_all is the same without a file.").takes("bundle_name", ValueKind::File).phase(2).only_with(Source::Clone).requires("l"),
        Flag::short('F', "Install the packages that bring these fixes: advisories, CVE or bug numbers (CVE-2024-33599, RHSA-2024:1234, #1068412, LP:#2012345) or a level such as 12.11_ML, separated by blanks or commas (quote a list).").takes("fixes", ValueKind::Text).phase(2).only_with(Source::Clone).requires("l"),
        Flag::short('f', "Install the packages that bring the fixes in this file, one per line.").takes("fix_bundle", ValueKind::File).phase(2).only_with(Source::Clone).requires("l"),
        Flag::short('I', "Flags for the package manager, instead of those that altdisk gives it; or AIX's letters. The default is -acgX: a and c (apply, commit) and X are always on, g installs required packages too; Y accepts licences.").takes("installp_flags", ValueKind::Text).phase(2).only_with(Source::Clone).requires("l"),
        ACCEPT.phase(1).only_with(Source::Clone),
        Flag::long("erase", "Allow the target disk with this serial number (see `altdisk disks`) to be erased although it holds something. The disk of a finished copy gets a new copy. With -X: erase this disk of the copy. May be repeated.").takes("SERIAL", ValueKind::Text).repeats().phase(1).forms(INSTALL.and(CLEAN_UP)),
        Flag::long("preview", "Show the whole plan and change nothing: every step and command, what is erased, sizes, what boots next, how to go back."),
        Flag::long("json", "Print the plan as JSON.").requires("preview"),
        Flag::long("review", "Print, as JSON, what a panel shows before it runs this command: what is erased, the time, what boots next, how to go back, the steps, and what must be typed first. Changes nothing.").forms(ALL_FORMS),
        Flag::long("ask-erase", "Ask in the review for the serial numbers of the copy's disks, to add --erase.").forms(CLEAN_UP).requires("review"),
        EVENTS.forms(ALL_FORMS),
        HELP,
        VERSION,
    ],
    notes: "Target disks are named as `altdisk disks` lists them (vdb) or by path (/dev/vdb). For phases 2 and 3 they need not be named.

`altdisk explain ALT-nnn` says more about an error.",
    exit_codes: &[
        (0, "everything that was requested is done"),
        (1, "it failed, and nothing of a copy is left behind"),
        (2, "the command line is wrong; nothing was touched"),
        (3, "refused before anything was touched"),
        (4, "it failed on the way: an unfinished copy is left for -X or --resume"),
    ],
    examples: &[
        ("alt_disk_install -C --preview vdb", "show what a clone to vdb would do"),
        ("alt_disk_install -C vdb", "clone; the machine boots vdb next"),
        ("alt_disk_install -C -B -s /root/customize vdb", "clone, run a script on the copy, leave the boot list alone"),
        ("alt_disk_install -C -l configured -w all vdb", "clone, and bring the copy up to date; the running system stays as it is"),
        ("alt_disk_install -C -F 12.11_ML -l /updates vdb", "clone, and bring the copy to the level 12.11 from /updates"),
        ("alt_disk_install -C -P 2 -l /updates -F 'CVE-2024-33599 LP:#2012345'", "install two fixes in a copy that phase 1 has made"),
        ("alt_disk_install -d /var/lib/altdisk/images/web1.mksysb.zst vdb", "install a system image that `altdisk mksysb` made"),
        ("alt_disk_install -C --erase WD-1234567 vdb", "make a new copy on vdb; the old one is forgotten and erased"),
        ("alt_disk_install -X", "remove the copy; a finished one stays on its disk"),
        ("alt_disk_install -X --erase WD-1234567", "remove the copy and erase its disk"),
    ],
    files: &[
        ("/var/log/altdisk/alt_disk_inst.log", "the log of every run"),
        ("/alt_inst", "where the copy is mounted during and between the phases"),
    ],
    see_also: &["bootlist", "disks", "mksysb", "mkszfile", "software"],
    ..EMPTY
};
