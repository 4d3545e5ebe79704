//! What `altdisk explain` says beyond an error's own line: when it comes, what stands then, and
//! where to look further.
//!
//! One text for each kind of error, and one of their own for those that people ask about. A test
//! sees that every entry has one.

/// The first and the last number that a text is about, in order; no two overlap.
type Detail = (u16, u16, &'static str);

static DETAILS: &[Detail] = &[
    (
        101,
        109,
        "altdisk reads the whole command line before it does anything. `--help` after any command shows its flags; what AIX means by a flag \
that is not there is said in the message.",
    ),
    (
        110,
        130,
        "altdisk checks the whole command line, and the files that it names, before it looks at a disk. Nothing has been touched. In the \
panels the same rules are kept by the fields: the cursor goes to the field that has to change.",
    ),
    (
        201,
        209,
        "A target must be a whole disk of this machine. `altdisk disks` lists all of them, says which can be a target, and for each other one \
why not (menu: \"List All Disks\").",
    ),
    (
        210,
        210,
        "The disk that the running system lies on is never a target, whatever is typed: altdisk finds it through the mounts, volume groups and \
swap spaces of the running system. Another disk, or a practice disk to try things out (menu: \"Practice Disks\"), is what is needed.",
    ),
    (
        211,
        219,
        "A disk is free only if nothing says otherwise. altdisk looks for mounts in every namespace, swap, volume groups, RAID, open files, \
configuration files that name it, and twins under another name. `altdisk disks DISK` shows each thing that was found and what would free the disk. Typing \
the serial number does not override any of these.",
    ),
    (
        220,
        229,
        "The disk itself does not suit: `altdisk disks DISK` shows its size, sectors and state. Nothing has been written to it.",
    ),
    (
        230,
        232,
        "A disk that holds anything is erased only if its serial number is typed: after `--erase` on the command line, or on the page that a \
panel shows before it begins. `altdisk disks DISK` shows what is on it. This keeps a slip in a name (vdb for vdc) from destroying another disk.",
    ),
    (
        233,
        239,
        "`--erase` takes the serial number that `altdisk disks` shows, or the disk's name where it has no serial number.",
    ),
    (
        240,
        249,
        "The layout is computed before anything is written, and compared with what the kernel shows afterwards. Where it failed after writing, \
the target holds an unfinished copy that does not boot: `alt_disk_install -X` removes it.",
    ),
    (
        250,
        259,
        "Practice disks are files below /var/lib/altdisk/practice that count as disks: no real disk is touched (menu: \"Practice Disks\").",
    ),
    (
        301,
        308,
        "altdisk follows each file system of the running system down to its disk before it begins, and refuses what it could not copy \
faithfully or make bootable. Nothing has been touched.",
    ),
    (
        309,
        309,
        "Only what belongs to the running system is copied: the file systems that fstab mounts from its own disk. What is mounted from an image \
file (a snap, an ISO) is not part of it and never refuses. `altdisk mkszfile` writes down what is seen as part of the system (menu: \"Write an image.data \
to Edit\").",
    ),
    (
        310,
        319,
        "A copy is made while the machine works, so packages must not be installed meanwhile: altdisk takes the package manager's own lock \
for as long as it copies, and lets it go at the end.",
    ),
    (
        320,
        326,
        "The copy gets the sizes that the running system has, unless an image.data says otherwise. To go to a smaller disk: `altdisk mkszfile \
/root/image.data`, change sizes in that file or write SHRINK = \"yes\", then give it after -i, or in the field \"image.data file\". `--preview` shows the \
result before anything is written.",
    ),
    (
        327,
        327,
        "fscrypt keeps the files of a locked directory unreadable for everybody, root included, so nothing can copy them. Unlock the directory \
before the copy is made, or leave it out with an exclude list.",
    ),
    (
        328,
        329,
        "altdisk looks for what cannot be copied before it writes anything. `--preview` shows the same message, and never writes anything.",
    ),
    (
        330,
        339,
        "Some protections of files belong to the file system that they are on. altdisk finds what a copy or an image would lose before it writes \
anything, and names each file or directory. `--accept` lists the kinds of loss that you accept (field \"Accept the loss of\"); a line in an \
exclude list (-e) leaves out what needs no copy.",
    ),
    (
        401,
        409,
        "This came while files were copied. The source was only read. What is on the target is an unfinished copy, which does not boot: \
`alt_disk_install --resume` goes on once the cause is gone, `alt_disk_install -X` removes it.",
    ),
    (
        501,
        508,
        "Before a copy counts as finished, altdisk proves that it can boot: kernel, initramfs and boot loader are there, and nothing in it \
names the old disk. -g skips that proof, for containers and for kernels that come from outside.",
    ),
    (
        509,
        519,
        "The boot list is in the firmware (UEFI), or in the configuration of GRUB (BIOS). `altdisk bootlist` shows what is known of it (menu: \
\"What Boots Next, and Why\"). Whatever it says, the firmware's own menu can start any bootable disk.",
    ),
    (
        520,
        520,
        "After a copy is made, altdisk searches it for everything that names the old disk: a copy that mounts or formats the old disk is worse than \
none. The same search runs before anything is written, over the running system's files as they will be in the copy. `--preview` shows the line. In a file \
that only people read, taking the identifier out is enough.",
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
        "An image.data is TOML: `altdisk mkszfile` writes one that is right for this system, and the message names file, line and column of \
what is wrong in yours. It is checked as a whole before a disk is touched.",
    ),
    (
        630,
        654,
        "A system image is a tar archive, perhaps compressed, whose first members describe it. `altdisk mksysb --list IMAGE` shows what is in \
it, `altdisk mksysb --check IMAGE` compares every file with its checksum (menu: \"Look at or Check a System Image\").",
    ),
    (
        655,
        669,
        "An image is written under another name first and takes its own name when it is complete: an older image of that name stays until \
then, and an image that is there is whole.",
    ),
    (
        670,
        699,
        "What an image says about itself is read before a disk is touched: level, architecture, layout, whether it can boot here. An image \
that somebody else made is not trusted further than that.",
    ),
    (
        701,
        701,
        "One run works on the copy at a time. `altdisk jobs` lists what runs, also if it was begun in a shell; `altdisk jobs follow ID` shows \
it, `altdisk jobs stop ID` asks it to end. A run goes on when its terminal is lost. If no process holds the lock any more, it is free by itself.",
    ),
    (
        702,
        702,
        "altdisk keeps what it did below /var/lib/altdisk, in a journal that is written before and after each step. Where that cannot be \
read, nothing is guessed: nothing on a disk is erased because of it.",
    ),
    (
        703,
        704,
        "There is one copy at a time. `altdisk disks --alternates` says how far it came and what can be done with it (menu: \"Copies of the \
System\").",
    ),
    (
        705,
        710,
        "`altdisk disks --alternates` says on which disks the copy lies, which phases are complete, and what can be done next (menu: \"Copies \
of the System\"). Phase 1 makes the copy, phase 2 changes it, phase 3 makes it bootable.",
    ),
    (
        711,
        713,
        "Every step is written down before and after it acts, so a run that was stopped at any moment can go on where it was, and what it \
left can be taken away (menu: \"Continue an Interrupted Run, or Run Single Phases\").",
    ),
    (
        714,
        719,
        "altdisk compares disks and its own records with what they were when they were checked, and stops rather than write to something else.",
    ),
    (
        720,
        729,
        "The script ran on the running system with these variables: ALT_INST (where the copy is mounted), ALT_BOOT, ALT_DISKS, ALT_ID and \
ALT_VG. Whatever it printed is in the log /var/log/altdisk/alt_disk_inst.log. The copy stays mounted at /alt_inst, unfinished.",
    ),
    (
        730,
        759,
        "Updates are installed in the copy by its own package manager; the running system is not changed. What the package manager printed is \
in the log /var/log/altdisk/alt_disk_inst.log. The copy stays mounted at /alt_inst: phase 2 can be run again (menu: \"Change the Copy\").",
    ),
    (
        801,
        802,
        "altdisk uses the system's own programs for partitions, file systems, boot loaders and packages. Each call, and all that it printed, is \
in the log /var/log/altdisk/alt_disk_inst.log; -D shows it on the screen too.",
    ),
    (
        803,
        803,
        "Devices, mounts and the records of altdisk belong to root. Without root, `altdisk disks` and the panels still show what everybody may \
see, and say what they could not look at.",
    ),
    (
        804,
        899,
        "The log /var/log/altdisk/alt_disk_inst.log says what was done before. If this is not about hardware or missing room, it may be a \
fault of altdisk: the log is what a report needs.",
    ),
    (
        901,
        939,
        "Menu files and themes are checked as a whole: `altdisk --check` prints every mistake with file, line and column, `altdisk help menus` \
prints the guide to menu files.",
    ),
    (
        941,
        949,
        "The panels need a terminal; they work on anything from a VT100 on. `altdisk --plain` asks line by line and works everywhere.",
    ),
    (
        951,
        959,
        "What runs is a job with a directory of its own: below /var/lib/altdisk/jobs for root, in the state directory of other users \
(menu: \"Running and Finished Jobs\"). The last 50 are kept.",
    ),
    (
        961,
        989,
        "`altdisk` alone opens the first menu; F8 in a panel shows its fast path, with which `altdisk FASTPATH` opens it directly.",
    ),
];

/// What more there is to say about the error of this id (`ALT-320`); None where the id is not of
/// that form.
pub fn more(id: &str) -> Option<&'static str> {
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
    fn every_error_has_more_to_say() {
        for entry in all() {
            let text = more(entry.id).unwrap_or_default();
            assert!(!text.is_empty() && !text.contains("  "), "{}: {text}", entry.id);
            assert!(
                !text.contains(entry.title) && !text.contains(entry.remedy),
                "{} says its own line again",
                entry.id
            );
        }
        for pair in DETAILS.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{} and {} overlap", pair[0].0, pair[1].0);
        }
        assert_eq!(more("ALT-100"), None);
    }
}
