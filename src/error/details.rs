//! The longer explanation of an error, printed by `altdisk explain`: when the error comes up, what
//! state the disks are in, and where to look further.
//!
//! One text for each group of errors, and one of its own for each error that people often ask
//! about. A test makes sure that every entry has one.

/// First and last number of the errors that a text explains, in order; no two overlap.
type Detail = (u16, u16, &'static str);

static DETAILS: &[Detail] = &[
    (
        101,
        109,
        "altdisk reads the whole command line before it does anything. `--help` after any command shows its flags. \
For a flag that AIX has and altdisk has not, the message says what it means there and what does the same here.",
    ),
    (
        110,
        139,
        "altdisk checks the whole command line, and the files that it names, before it looks at a disk. Nothing has been changed. \
In the panels the fields follow the same rules: the cursor goes to the field that has to change.",
    ),
    (
        201,
        209,
        "A target must be a whole disk of this machine. `altdisk disks` lists all disks, shows which can be a target, and explains why \
the others cannot (menu: \"List All Disks\").",
    ),
    (
        210,
        210,
        "The disk of the running system is never a target, whatever is typed. altdisk finds it through the mounts, volume groups and swap \
spaces of the running system. Use another disk, or a practice disk to try things out (menu: \"Practice Disks\").",
    ),
    (
        211,
        219,
        "A disk is free only if nothing says otherwise. altdisk looks for mounts in every namespace, swap, volume groups, RAID, open files, \
configuration files that name the disk, and the same disk under another name. `altdisk disks DISK` shows everything it found and what would \
free the disk. Typing the serial number does not override any of this.",
    ),
    (
        220,
        229,
        "The disk itself is not suitable: `altdisk disks DISK` shows its size, sectors and state. Nothing has been written to it.",
    ),
    (
        230,
        232,
        "A disk that holds anything is erased only if its serial number is typed: after `--erase` on the command line, or on the page that a \
panel shows before it starts. `altdisk disks DISK` shows what is on the disk. A slip in a name (vdb for vdc) therefore cannot destroy another disk.",
    ),
    (
        233,
        239,
        "`--erase` takes the serial number that `altdisk disks` shows, or the disk's name if it has no serial number.",
    ),
    (
        240,
        249,
        "altdisk computes the layout before it writes anything, and compares it with what the kernel shows afterwards. If the failure came \
after writing, the target holds an unfinished copy that does not boot: `alt_disk_install -X` removes it.",
    ),
    (
        250,
        259,
        "Practice disks are files below /var/lib/altdisk/practice that behave like disks, so you can try altdisk without a real disk \
(menu: \"Practice Disks\").",
    ),
    (
        301,
        308,
        "Before it starts, altdisk traces each file system of the running system down to its disk, and refuses what it could not copy \
faithfully or make bootable. Nothing has been changed.",
    ),
    (
        309,
        309,
        "altdisk copies only what belongs to the running system: the file systems that fstab mounts from its own disk. A file system mounted \
from an image file (a snap, an ISO) is not part of it and is never a reason to refuse. `altdisk mkszfile` writes a file that shows what counts as part of \
the system (menu: \"Write an image.data\").",
    ),
    (
        310,
        319,
        "The machine keeps working while it is copied, so no packages may be installed meanwhile. altdisk holds the package manager's own lock \
while it copies, and releases it at the end.",
    ),
    (
        320,
        326,
        "The copy gets the sizes of the running system, unless an image.data gives others. To go to a smaller disk: run `altdisk mkszfile \
/root/image.data`, change sizes in that file or write SHRINK = \"yes\", then give the file after -i, or in the field \"image.data file\". `--preview` shows \
the result before anything is written.",
    ),
    (
        327,
        327,
        "fscrypt makes the files of a locked directory unreadable for everyone, root included, so nothing can copy them. Unlock the directory \
before you make the copy, or leave it out with an exclude list.",
    ),
    (
        328,
        329,
        "altdisk looks for things that cannot be copied before it writes anything. `--preview` shows the same message, and never writes anything.",
    ),
    (
        330,
        339,
        "Some protections of files are a feature of the file system they are on. Before altdisk writes anything, it looks for those that a \
copy or an image would lose, and names each file or directory. `--accept` lists the kinds of loss that you accept (field \"Accept the loss of\"); a line \
in an exclude list (-e) leaves out files that you do not need in the copy.",
    ),
    (
        401,
        409,
        "This error came up while files were copied. The running system was only read. The target holds an unfinished copy, which does not \
boot: `alt_disk_install --resume` continues once the cause is fixed, `alt_disk_install -X` removes it.",
    ),
    (
        501,
        508,
        "Before a copy counts as finished, altdisk checks that it can boot: kernel, initramfs and boot loader are in place, and nothing in \
it names the old disk. -g skips this check, for containers and for kernels that come from outside.",
    ),
    (
        509,
        519,
        "The boot list is in the firmware (UEFI), or in GRUB's configuration (BIOS). `altdisk bootlist` shows what is known about it \
(menu: \"What Boots Next, and Why\"). Whatever it says, the firmware's own boot menu can start any bootable disk.",
    ),
    (
        520,
        520,
        "After a copy is made, altdisk searches it for everything that names the old disk, because a copy that mounts or formats the old disk \
is worse than none. The same search runs before anything is written, over the running system's files as they will be in the copy; `--preview` shows the \
line. In a file that only people read, removing the identifier is enough.",
    ),
    (
        521,
        521,
        "GRUB finds its menu, kernels and initramfs in /boot, with its own code for each type of file system. It has code for ext2/3/4, xfs, btrfs and FAT, and \
for no other type that altdisk clones. All other file systems of the system can be of any of those types: the kernel reads them.",
    ),
    (
        601,
        629,
        "An image.data is a TOML file. `altdisk mkszfile` writes one that is right for this system, and the message names file, line and \
column of the mistake in yours. altdisk checks the whole file before it touches a disk.",
    ),
    (
        630,
        654,
        "A system image is a tar archive, usually compressed, whose first members describe it. `altdisk mksysb --list IMAGE` shows its \
content, `altdisk mksysb --check IMAGE` compares every file with its checksum (menu: \"Look at or Check a System Image\").",
    ),
    (
        655,
        669,
        "An image is written under a temporary name and gets its own name when it is complete. Until then an older image of that name is \
kept, so an image that you find under its name is always complete.",
    ),
    (
        670,
        699,
        "altdisk reads an image's description before it touches a disk: level, architecture, layout, and whether the image can boot here. \
It does not trust an image that somebody else made any further than that.",
    ),
    (
        701,
        701,
        "Only one run works on the copy at a time. `altdisk jobs` lists the runs, including those started in a shell; `altdisk jobs follow \
ID` shows one, `altdisk jobs stop ID` asks it to end. A run continues when its terminal is lost. The lock is free as soon as no process holds it.",
    ),
    (
        702,
        702,
        "altdisk records its work below /var/lib/altdisk, in a journal that is written before and after each step. If that record cannot be \
read, altdisk does not guess, and erases nothing because of it.",
    ),
    (
        703,
        704,
        "There is one copy at a time. `altdisk disks --alternates` shows how far it is and what you can do with it (menu: \"Copies of the \
System\").",
    ),
    (
        705,
        710,
        "`altdisk disks --alternates` shows the disks of the copy, the phases that are complete, and what you can do next (menu: \"Copies \
of the System\"). Phase 1 makes the copy, phase 2 changes it, phase 3 makes it bootable.",
    ),
    (
        711,
        713,
        "Every step is recorded before and after it acts. A run that was stopped at any moment can therefore be continued, or what it left \
can be removed (menu: \"Continue, or Run Single Phases\").",
    ),
    (
        714,
        719,
        "altdisk compares disks and its own records with their state when they were checked, and stops rather than write to something else.",
    ),
    (
        720,
        729,
        "The script runs on the running system with these variables: ALT_INST (where the copy is mounted), ALT_BOOT, ALT_DISKS, ALT_ID and \
ALT_VG. Its output is in the log /var/log/altdisk/alt_disk_inst.log. The copy stays mounted at /alt_inst, unfinished.",
    ),
    (
        730,
        759,
        "The copy's own package manager installs updates in the copy; the running system is not changed. The package manager's output is in \
the log /var/log/altdisk/alt_disk_inst.log. The copy stays mounted at /alt_inst, and you can run phase 2 again (menu: \"Change the Copy\").",
    ),
    (
        801,
        802,
        "altdisk uses the system's own programs for partitions, file systems, boot loaders and packages. Each call and its output is in the \
log /var/log/altdisk/alt_disk_inst.log; -D also shows it on the screen.",
    ),
    (
        803,
        803,
        "Devices, mounts and altdisk's records belong to root. Without root, `altdisk disks` and the panels still show what everyone may see, \
and say what they could not look at.",
    ),
    (
        804,
        809,
        "The operating system reported this error. The log /var/log/altdisk/alt_disk_inst.log shows what altdisk did before; `dmesg` shows \
errors of disks and file systems.",
    ),
    (
        810,
        899,
        "The log /var/log/altdisk/alt_disk_inst.log shows what altdisk did before. If the cause is neither hardware nor missing space, it \
may be a bug in altdisk; a report needs that log.",
    ),
    (
        901,
        939,
        "`altdisk --check` checks all menu files and themes, and prints every mistake with file, line and column. `altdisk help menus` \
prints the guide to menu files.",
    ),
    (
        941,
        949,
        "The panels need a terminal; a VT100 is enough. `altdisk --plain` asks line by line and works everywhere.",
    ),
    (
        951,
        959,
        "Every run is a job with a directory of its own: below /var/lib/altdisk/jobs for root, in the state directory of other users \
(menu: \"Running and Finished Jobs\"). The last 50 are kept.",
    ),
    (
        961,
        989,
        "`altdisk` alone opens the first menu. F8 in a panel shows its fast path; `altdisk FASTPATH` opens the panel directly.",
    ),
];

/// The longer explanation of the error with this id (`ALT-320`); None if the id does not have that
/// form.
pub fn find(id: &str) -> Option<&'static str> {
    let number: u16 = id.strip_prefix("ALT-")?.parse().ok()?;
    DETAILS
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&number))
        .map(|(_, _, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::all;

    #[test]
    fn every_error_is_explained() {
        for entry in all() {
            let text = find(entry.id).unwrap_or_default();
            assert!(!text.is_empty() && !text.contains("  "), "{}: {text}", entry.id);
            assert!(
                !text.contains(entry.title) && !text.contains(entry.remedy),
                "{} repeats its own line",
                entry.id
            );
        }
        for pair in DETAILS.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{} and {} overlap", pair[0].0, pair[1].0);
        }
        assert_eq!(find("ALT-100"), None);
    }
}
