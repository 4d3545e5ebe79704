//! The flags of the commands around system images: `altdisk mksysb`, `mkszfile`, and the copier,
//! the writer and the restorer on their own.

use super::common::{
    ACCEPT, BLOCK_SIZE, COMPRESS, DEBUG, EVENTS, EXCLUDE, HELP, LEAVE_OUT, VERSION,
};
use super::model::{Command, EMPTY, Flag, Form, Forms, ValueKind};

const SAVE: Forms = Forms::nth(0);
const LIST: Forms = Forms::nth(1);
const CHECK: Forms = Forms::nth(2);

/// Saves the running system as an image.
pub static MKSYSB: Command = Command {
    name: "mksysb",
    summary: "save the running system as an image, to install it on another disk",
    forms: &[
        Form::operands("{file | device | -}", ValueKind::File),
        Form::operands("image", ValueKind::File),
        Form::operands("image", ValueKind::File),
    ],
    about: "Writes the file systems of the running system (rootvg) into one archive, with the description of its disks (image.data) and a \
checksum of every file. `alt_disk_install -d IMAGE` installs it on a disk of this machine or another; tar and bsdtar can unpack it too. The \
machine goes on working: files that change while they are read are read again, and named if they change every time.

A file gets its name when it is complete. An existing file is replaced with --replace only. Only root can read the image, as it holds everything that \
only root may read. The image itself, swap files, altdisk's records and other mounted file systems are not in it.

A tape is written at its present position, in records of equal size. - is standard output, for another machine: \
`altdisk mksysb -z 3 - | ssh host 'cat > image.tar.zst'`.",
    flags: &[
        EXCLUDE.forms(SAVE),
        ACCEPT.forms(SAVE),
        Flag::short('i', "Make a new image.data of the running system. This is the default.").forms(SAVE),
        Flag::short('m', "Use this image.data instead: one that `altdisk mkszfile` made, with other sizes.").takes("image.data", ValueKind::File).forms(SAVE),
        COMPRESS.forms(SAVE),
        BLOCK_SIZE.forms(SAVE),
        Flag::long("replace", "Replace an existing image. The old one stays until the new one is complete. Without this flag an existing file is never touched.").forms(SAVE),
        Flag::long("verify", "Read the image when it is written, and compare every file in it with its checksum. Not with -.").forms(SAVE),
        Flag::short('V', "Name every file.").forms(SAVE),
        DEBUG.forms(SAVE),
        Flag::long("list", "List the content of an image (a file, a tape, or - for standard input), as `tar -tv` does. Unpacks nothing.").selects(LIST),
        Flag::long("check", "Compare every file in an image with its checksum. Unpacks nothing.").selects(CHECK),
        EVENTS.forms(SAVE.and(CHECK)),
        HELP,
        VERSION,
    ],
    notes: "Levels: zstd 3 is fast on every processor and the usual choice; levels from 16 on, and xz, take much more memory and time.",
    exit_codes: &[
        (0, "done"),
        (1, "it failed, and no image is left"),
        (2, "the command line is wrong"),
        (3, "refused before anything was written"),
    ],
    examples: &[
        ("altdisk mksysb -z 3 --verify /backup/system.tar.zst", "save the system, read the image again"),
        ("altdisk mksysb -e /etc/exclude.rootvg /dev/nst0", "save it to a tape, without the listed files"),
        ("altdisk mksysb --list /dev/nst0", "list the content of a tape"),
        ("alt_disk_install -d /backup/system.tar.zst vdb", "install it on the disk vdb"),
    ],
    files: &[
        ("/var/log/altdisk/mksysb.log", "the log of every run"),
        ("/var/lib/altdisk/images", "the directory that the panels propose for images"),
    ],
    see_also: &["alt_disk_install", "mkszfile", "restoretree"],
    opens_panel: true,
    ..EMPTY
};

/// Writes the image.data of the running system.
pub static MKSZFILE: Command = Command {
    name: "mkszfile",
    summary: "write the image.data of the running system",
    forms: &[Form::operands("[file]", ValueKind::File)],
    about: "Describes rootvg (its disks, volume groups, volumes and file systems) as the image.data that -i of alt_disk_install takes. \
Edit the sizes in it, or set SHRINK = \"yes\" to clone to a smaller disk. Without a file it goes to standard output.",
    flags: &[HELP],
    examples: &[
        ("altdisk mkszfile /root/image.data", "write the description"),
        ("alt_disk_install -C -i /root/image.data vdb", "clone with the sizes in it"),
    ],
    see_also: &["alt_disk_install", "mksysb"],
    ..EMPTY
};

/// Writes a directory tree as an image.
pub static SAVETREE: Command = Command {
    name: "savetree",
    summary: "save a directory tree as an image",
    forms: &[Form::operands("FROM {file | device | -}", ValueKind::File)],
    about: "Writes the tree below FROM, staying in FROM's file system, as mksysb writes a whole system, with a manifest but without \
image.data: the writer of images on its own.",
    flags: &[EXCLUDE, LEAVE_OUT, COMPRESS, BLOCK_SIZE, Flag::short('V', "Name every file."), HELP],
    see_also: &["mksysb", "restoretree", "copytree"],
    ..EMPTY
};

/// Copies a directory tree.
pub static COPYTREE: Command = Command {
    name: "copytree",
    summary: "copy a directory tree with all attributes of its files",
    forms: &[Form::operands("FROM TO", ValueKind::Directory)],
    about: "Copies the tree below FROM into the directory TO, staying in FROM's file system: the copier of phase 1 on its own. Hard \
links, holes, owners, modes, times, extended attributes, ACLs, capabilities and inode flags are kept.",
    flags: &[EXCLUDE, LEAVE_OUT, Flag::short('V', "Name every file that is copied."), HELP],
    see_also: &["savetree", "alt_disk_install"],
    ..EMPTY
};

/// Restores an image into a directory.
pub static RESTORETREE: Command = Command {
    name: "restoretree",
    summary: "restore a system image into a directory",
    forms: &[Form::operands("IMAGE TO", ValueKind::File)],
    about: "Restores a system image, or any root file system as a tar archive, into the directory TO and what is mounted below it: the \
restorer of phase 1 on its own. IMAGE is a file, a tape or another device, or - for standard input. Nothing is written outside of TO, and \
nothing is made bootable.",
    flags: &[Flag::short('V', "Name every file that is restored."), HELP],
    see_also: &["mksysb", "savetree"],
    ..EMPTY
};
