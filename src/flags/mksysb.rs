//! The flags of `altdisk mksysb` and `altdisk savetree`.

use super::{ACCEPT, Command, Flag, HELP, VERSION};

const COMPRESS: Flag = Flag::short(
    'z',
    "Compress: a level from 1 to 19 (zstd), or zstd, gzip, xz or none, with a level after a colon (xz:9). Without -z the name decides: .zst, .gz, .xz, else nothing is compressed.",
)
.takes("LEVEL");
const BLOCK_SIZE: Flag = Flag::long(
    "block-size",
    "On a tape or pipe: bytes in a record, a multiple of 512 up to 1048576; 65536 if it is not given (`tar -b 128`). 10240 is what tar itself has.",
)
.takes("BYTES");
const EXCLUDE: Flag = Flag::short(
    'e',
    "Leave out what this list names: one grep pattern a line, matched against paths that begin with ./ (`^./tmp/` is the content of /tmp).",
)
.takes("exclude_list");

pub static MKSYSB: Command = Command {
    name: "mksysb",
    summary: "save the running system as an image, to install it on another disk",
    forms: &[
        ("", &["e", "accept", "i", "m", "z", "block-size", "replace", "verify", "V", "D", "events"], "{file | device | -}"),
        ("--list", &[], "image"),
        ("--check", &["events"], "image"),
    ],
    about: "Writes the file systems of the running system (rootvg) into one archive, with the description of its disks (image.data) and a \
checksum of every file. `alt_disk_install -d IMAGE` installs it on a disk, of this machine or another; tar and bsdtar can unpack it too. The \
machine goes on working: files that change while they are read are read again, and named if they change every time.

A file gets its name when it is whole. One that has this name already is replaced with --replace only. It can be read by root only, for it holds everything that \
only root may read. The image itself, swap files, altdisk's records and what other file systems are mounted at are not in it.

A tape is written at its present position, in records of equal size. - is standard output, for another machine: \
`altdisk mksysb -z 3 - | ssh host 'cat > image.tar.zst'`.",
    flags: &[
        EXCLUDE,
        ACCEPT,
        Flag::short('i', "Make a new image.data of the running system. It is what happens without -m, too."),
        Flag::short('m', "Use this image.data instead: one that `altdisk mkszfile` made, with other sizes.").takes("image.data"),
        COMPRESS,
        BLOCK_SIZE,
        Flag::long("replace", "Write a new image in the place of an old one. The old one is there until the new one is whole. Without it a file that is there is never touched."),
        Flag::long("verify", "Read the image when it is written, and compare every file in it with its checksum. Not with -."),
        Flag::short('V', "Name every file."),
        Flag::short('D', "Debug: show every command that is run, what it says, its exit code and its time."),
        Flag::long("events", "Write what happens to this open file descriptor too, one JSON object a line.").takes("FD"),
        Flag::long("list", "List what is in an image (a file, a tape, or - for standard input), as `tar -tv` does. Unpacks nothing."),
        Flag::long("check", "Compare every file in an image with its checksum. Unpacks nothing."),
        HELP,
        VERSION,
    ],
    operands: true,
    after: "Levels: zstd 3 is fast on every processor and the usual choice; from 16 on, and with xz, it takes much more memory and time.

Exit codes: 0 done; 1 failed, and no image is left; 2 the command line is wrong; 3 refused before anything was written.

Examples:
  altdisk mksysb -z 3 --verify /backup/system.tar.zst
      save the system, read the image again
  altdisk mksysb -e /etc/exclude.rootvg /dev/nst0
      save it to a tape, without what the list names
  altdisk mksysb --list /dev/nst0
      what is on it?
  alt_disk_install -d /backup/system.tar.zst vdb
      install it on the disk vdb

The log is /var/log/altdisk/mksysb.log.",
};

pub static SAVETREE: Command = Command {
    name: "savetree",
    summary: "save a directory tree as an image",
    forms: &[("", &["e", "x", "z", "block-size", "V"], "FROM {file | device | -}")],
    about: "Writes the tree below FROM, staying in FROM's file system, as mksysb writes a whole system, with a manifest but without \
image.data: the writer of images on its own.",
    flags: &[
        EXCLUDE,
        Flag::short('x', "Leave out this path (relative to FROM). May be given again.")
            .takes("path")
            .repeats(),
        COMPRESS,
        BLOCK_SIZE,
        Flag::short('V', "Name every file."),
        HELP,
    ],
    operands: true,
    after: "",
};
