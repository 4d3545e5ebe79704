//! The flag tables: one [`Command`] per command. Parser, usage, `--help`, man page and completion
//! all follow from here.

pub mod aix;
pub mod list;

/// With which kind of source a flag makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    Always,
    /// Only when the running system is cloned (`-C`).
    Clone,
    /// Only when a system image is installed (`-d`).
    Image,
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    pub short: Option<char>,
    pub long: Option<&'static str>,
    /// What its value is called, where it takes one.
    pub value: Option<&'static str>,
    pub help: &'static str,
    pub only: Only,
    /// May be given with several values.
    pub repeats: bool,
    /// Takes something away: whoever mistypes another flag is not told that this one may be meant.
    pub drastic: bool,
}

impl Flag {
    const fn short(short: char, help: &'static str) -> Self {
        Self {
            short: Some(short),
            long: None,
            value: None,
            help,
            only: Only::Always,
            repeats: false,
            drastic: false,
        }
    }

    const fn long(long: &'static str, help: &'static str) -> Self {
        Self {
            short: None,
            long: Some(long),
            value: None,
            help,
            only: Only::Always,
            repeats: false,
            drastic: false,
        }
    }

    const fn takes(mut self, value: &'static str) -> Self {
        self.value = Some(value);
        self
    }

    const fn only(mut self, only: Only) -> Self {
        self.only = only;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn drastic(mut self) -> Self {
        self.drastic = true;
        self
    }

    /// Whether it is the one called `name`: `C`, `preview`.
    pub fn is(&self, name: &str) -> bool {
        self.long == Some(name) || self.short.is_some_and(|c| name.chars().eq([c]))
    }

    /// As it is typed: `-C`, `--preview`.
    pub fn typed(&self) -> String {
        match (self.short, self.long) {
            (Some(c), _) => format!("-{c}"),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }

    /// As usage and help show it: `-P phase`, `--erase SERIAL`, `-h, --help`.
    pub fn shown(&self) -> String {
        let name = match (self.short, self.long) {
            (Some(c), Some(long)) => format!("-{c}, --{long}"),
            _ => self.typed(),
        };
        self.value.map_or_else(|| name.clone(), |v| format!("{name} {v}"))
    }
}

/// One way to call a command: fixed words, the flags that may follow (by name), the operands.
pub type Form = (&'static str, &'static [&'static str], &'static str);

/// A command, as its users see it.
#[derive(Debug)]
pub struct Command {
    pub name: &'static str,
    /// One line for the list of commands.
    pub summary: &'static str,
    pub forms: &'static [Form],
    /// What it does, in paragraphs.
    pub about: &'static str,
    pub flags: &'static [Flag],
    /// Whether words that are no flags may be given.
    pub operands: bool,
    /// What stands below the flags: paragraphs; lines that begin with a blank stay as they are.
    pub after: &'static str,
}

impl Command {
    /// Whether, without any word, it opens the panel of its name: AIX's administrators type `smitty
    /// mksysb`, and a restart wants a look before it.
    pub fn opens_its_panel(&self) -> bool {
        [&MKSYSB, &RESTART].iter().any(|c| std::ptr::eq(self, *c))
    }

    /// How it is typed where only `altdisk` is installed: `altdisk disks`, `alt_disk_install`.
    pub fn invocation(&self) -> String {
        if self.name == ALT_DISK_INSTALL.name {
            self.name.to_owned()
        } else {
            format!("altdisk {}", self.name)
        }
    }

    /// The flag called `name`.
    pub fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.flags.iter().find(|f| f.is(name))
    }
}

const ACCEPT: Flag = Flag::long(
    "accept",
    "What may be missing where the files go, with commas between: encryption (directories encrypted with fscrypt become plain text), verity (checksums of fs-verity), casefold (directories with chattr +F), snapshots (writable btrfs snapshots are left out). Without it such a loss is refused, and every file and directory named.",
)
.takes("LOSS[,LOSS]");
const HELP: Flag = Flag { short: Some('h'), ..Flag::long("help", "Show this text and exit.") };
const VERSION: Flag = Flag::long("version", "Show the version and exit.");

pub static ALT_DISK_INSTALL: Command = Command {
    name: "alt_disk_install",
    summary: "put this system, or an image, on another disk; boot it next",
    forms: &[
        (
            "{-C | -d device}",
            &[
                "P", "i", "s", "R", "e", "D", "V", "B", "r", "n", "g", "p", "L", "identity", "b", "I", "l", "f", "F", "w", "accept", "preview", "json", "review",
                "erase", "events",
            ],
            "target_disk ...",
        ),
        ("-X", &["erase", "review", "ask-erase", "D", "V", "events"], ""),
        ("--resume", &["review", "D", "V", "events"], ""),
    ],
    about: "Makes a second, bootable copy of the running system (-C), or installs a saved system image (-d), on one or more disks that are not \
in use, while the machine goes on working. What is made is called the copy (altinst_rootvg). After the run the machine boots the copy next; the disk it runs from \
now stays as it is, and `altdisk bootlist` goes back to it.

Nothing is written before every check has passed, and only the disks that you name are written to. A disk that holds anything is \
refused unless --erase repeats its serial number. Try --preview first: it shows the whole plan and changes nothing.

The work has three phases. Phase 1 makes partitions and file systems on the target disks, mounts them below /alt_inst and copies the \
system. Phase 2 changes the copy: it installs updates and packages there (-l with -w, -b, -F or -f), then does what -R, -n and -s say. Phase 3 makes it bootable, unmounts it and sets the boot list. By default all three run.",
    flags: &[
        Flag::short('C', "Clone the running system (rootvg). Give this or -d."),
        Flag::short('d', "Install the system image in this file, on this tape or other device, or (-) on standard input: one that `altdisk mksysb` made, or any root file system as a tar archive. Give this or -C.").takes("device"),
        Flag::short('X', "Give the copy up: unmount it, take back its boot entry and the boot list, and forget it. A finished copy stays on its disk, and can still be booted from there; with --erase SERIAL that disk is erased too, and free again. A copy that is not finished is removed, and its disk is free. Works after any failure.").drastic(),
        Flag::short('P', "The phases to run: 1, 2, 3, 12, 23 or all (the default). After phases 1 and 2 the copy stays mounted below /alt_inst; phase 2 may be run again; only phase 3 makes it bootable.").takes("phase"),
        Flag::short('i', "Use this image.data, the description of disks and file systems, in place of the one made from the running system. Full path name.").takes("image.data"),
        Flag::short('s', "Run this customization script in phase 2, on the running system, while the copy is mounted below /alt_inst. Full path name; the file must be executable.").takes("script"),
        Flag::short('R', "Put this file into the copy as /etc/resolv.conf. Full path name.").takes("resolv_conf"),
        Flag::short('e', "Leave out what this list names: one grep pattern a line, matched against paths that begin with ./ (`^./tmp/` is the content of /tmp). Full path name.").takes("exclude_list").only(Only::Clone),
        ACCEPT.only(Only::Clone),
        Flag::short('n', "Keep the machine managed: copy /.rhosts and /etc/niminfo and the other files that a management server knows it by."),
        Flag::short('B', "Leave the boot list alone: the machine goes on booting from the disk it boots from now. Not with -r.").drastic(),
        Flag::short('r', "Reboot from the new disk when all is done. Not with -B.").drastic(),
        Flag::short('g', "Skip the checks that this system and the result can boot (containers, machines whose kernel comes from outside)."),
        Flag::short('V', "Name every file that is copied."),
        Flag::short('D', "Debug: show every command that is run, what it says, its exit code and its time."),
        Flag::long("preview", "Show the whole plan and change nothing: every step and command, what is erased, sizes, what boots next, how to go back."),
        Flag::long("json", "With --preview: the plan as JSON."),
        Flag::long("review", "What a panel shows before it runs this command, as JSON: what is erased, the time, what boots next, how to go back, the steps, and what must be typed first. Changes nothing."),
        Flag::long("ask-erase", "With -X and --review: the disks of the copy shall be erased; ask for their serial numbers, and add --erase."),
        Flag::long("erase", "Allow the target disk with this serial number (see `altdisk disks`) to be erased although it holds something. If it is the disk of a finished copy, that is made anew. With -X: erase this disk of the copy. May be repeated.").takes("SERIAL").repeats(),
        Flag::long("resume", "Go on with a run that was interrupted."),
        Flag::long("events", "Write what happens to this open file descriptor too, one JSON object a line.").takes("FD"),
        Flag::short('p', "The boot loaders to install: i386-pc (BIOS), x86_64-efi (UEFI), or both with a comma between. Without it: the one that this machine starts with, and the other if the image has it.").takes("platform").only(Only::Image),
        Flag::short('L', "The level that the image must have, in the form V.R.M (12.11.0). Without it: that of the running system, and the same distribution.").takes("mksysb_level").only(Only::Image),
        Flag::long("identity", "What becomes of what tells an image's machine from others (machine-id, ssh host keys, names for iSCSI and NVMe, DHCP identifiers and more): keep, or fresh. Keys that only an administrator can replace are named. Without it an image of this very machine keeps it, and one of another machine gets its own.").takes("keep|fresh").only(Only::Image),
        Flag::short('l', "Where packages and updates are: a directory of packages or one that is a repository, a device, or the ISO image of a medium, as a full path name; the URL of a repository (for apt with suite and components: -l 'https://host/debian bookworm main'); or `configured`, the repositories that the copy itself is configured with.").takes("images_location").only(Only::Clone),
        Flag::short('w', "Install these packages from there: name, or name=version, with blanks or commas between (one word for the shell: quote a list). all is every update that there is for what is installed. Needs -l.").takes("filesets").only(Only::Clone),
        Flag::short('b', "Install the packages that this file lists, one a line: # begins a comment, I: or R: may stand before a name, update_all is every update. -b update_all is the same without a file. Needs -l.").takes("bundle_name").only(Only::Clone),
        Flag::short('F', "Install what brings these fixes: advisories, CVE or bug numbers (CVE-2024-33599, RHSA-2024:1234, #1068412, LP:#2012345) or a level such as 12.11_ML, with blanks or commas between (quote a list). Needs -l.").takes("fixes").only(Only::Clone),
        Flag::short('f', "Install what brings the fixes that this file lists, one a line. Needs -l.").takes("fix_bundle").only(Only::Clone),
        Flag::short('I', "Flags for the package manager, in place of those that altdisk gives it; or AIX's letters. -acgX if it is not given: a and c (apply, commit) and X are always so, g installs what is needed too; Y accepts licences. Needs -l.").takes("installp_flags").only(Only::Clone),
        HELP,
        VERSION,
    ],
    operands: true,
    after: "Target disks are named as `altdisk disks` lists them (vdb) or by path (/dev/vdb). For phases 2 and 3 they need not be named.

Exit codes:
  0  everything that was asked for is done
  1  it failed, and nothing of a copy is left behind
  2  the command line is wrong; nothing was touched
  3  refused before anything was touched
  4  it failed on the way: an unfinished copy is left for -X or --resume

Examples:
  alt_disk_install -C --preview vdb
      what would a clone to vdb do?
  alt_disk_install -C vdb
      clone; the machine boots vdb next
  alt_disk_install -C -B -s /root/customize vdb
      clone, run a script on the copy, leave the boot list alone
  alt_disk_install -C -l configured -w all vdb
      clone, and bring the copy up to date; what runs now stays as it is
  alt_disk_install -C -F 12.11_ML -l /updates vdb
      clone, and bring the copy to the level 12.11 with what is in /updates
  alt_disk_install -C -P 2 -l /updates -F 'CVE-2024-33599 LP:#2012345'
      install two fixes in a copy that phase 1 has made
  alt_disk_install -d /var/lib/altdisk/images/web1.mksysb.zst vdb
      install a system image that `altdisk mksysb` made
  alt_disk_install -C --erase WD-1234567 vdb
      make the copy on vdb anew: the old one is forgotten and erased
  alt_disk_install -X
      give the copy up; a finished one stays on its disk
  alt_disk_install -X --erase WD-1234567
      give the copy up and erase its disk

The log is /var/log/altdisk/alt_disk_inst.log. `altdisk explain ALT-nnn` tells more about an error.",
};

pub static DISKS: Command = Command {
    name: "disks",
    summary: "list the disks, what is on them, and which can be a target",
    forms: &[("", &["json"], "[disk ...]"), ("--alternates", &["json"], "")],
    about: "Lists every disk with its size, model, serial number, connection, what is on it, its role (rootvg: the running system; \
altinst_rootvg: the copy; old_rootvg: what the running system was made from; none), and whether it can be a target; if not, why. With \
names: those disks only, with every reason and what would change it.",
    flags: &[
        Flag::long(
            "alternates",
            "Show the copies of the system that there are, how far each came, and what can be done with it.",
        ),
        Flag::long("json", "The list as JSON."),
        HELP,
    ],
    operands: true,
    after: "",
};

pub static PRACTICE: Command = Command {
    name: "practice",
    summary: "make practice disks: files that count as disks",
    forms: &[
        ("create", &["size", "count", "sector-size"], "[name]"),
        ("list", &[], ""),
        ("remove", &["all"], "[name ...]"),
    ],
    about: "A practice disk is a sparse file behind a loop device. altdisk takes it for a disk, so that everything can be tried without \
risk; it takes only as much space as is written to it.",
    flags: &[
        Flag::long("size", "With create: the size of each disk, such as 8G or 512M.").takes("SIZE"),
        Flag::long("count", "With create: how many disks to make; 1 if it is not given.")
            .takes("N"),
        Flag::long("sector-size", "With create: bytes in a sector, 512 or 4096.").takes("BYTES"),
        Flag::long("all", "With remove: remove every practice disk."),
        HELP,
    ],
    operands: true,
    after: "Examples:
  altdisk practice create --size 8G one
  alt_disk_install -C -B one
  altdisk practice remove one",
};

pub use jobs::JOBS;
pub use mksysb::{MKSYSB, SAVETREE};
pub use software::SOFTWARE;
pub use ui::UI;

mod jobs;
mod mksysb;
mod software;
mod ui;

pub static BOOTLIST: Command = Command {
    name: "bootlist",
    summary: "show or set the disk that the machine boots next",
    forms: &[("", &["m", "o", "json", "review"], "[disk ...]")],
    about: "Without a disk (or with -o) shows what the machine boots, first choice first. With disks: the machine boots the first of \
them that it can. This is also the way back: name the old disk.",
    flags: &[
        Flag::short('m', "The boot list to work on; `normal` is the only one here.")
            .takes("normal"),
        Flag::short('o', "Show the boot list after it was set."),
        Flag::long("json", "Show it as JSON."),
        Flag::long(
            "review",
            "What a panel shows before it sets the list, as JSON. Changes nothing.",
        ),
        HELP,
    ],
    operands: true,
    after: "Example:
  altdisk bootlist -m normal vda",
};

pub static RESTART: Command = Command {
    name: "restart",
    summary: "restart the machine; --review says what boots then",
    forms: &[("", &["yes"], ""), ("", &["review"], "")],
    about: "Restarts the machine the orderly way: by `systemctl reboot` where systemd runs, else by `shutdown -r now`. Without a flag, on a \
terminal, it opens the panel \"Restart the Machine\", which says first what boots and who is logged in. While a run of alt_disk_install or \
a job is at work it is refused.",
    flags: &[
        Flag::long("yes", "Restart at once, without a question."),
        Flag::long(
            "review",
            "What the panel shows before it restarts the machine, as JSON. Changes nothing.",
        ),
        HELP,
    ],
    operands: false,
    after: "",
};

pub static MKSZFILE: Command = Command {
    name: "mkszfile",
    summary: "write the image.data of the running system",
    forms: &[("", &[], "[file]")],
    about: "Describes rootvg (its disks, volume groups, volumes and file systems) as the image.data that -i of alt_disk_install takes. \
Edit sizes in it, or set SHRINK = \"yes\" to clone onto a smaller disk. Without a file it goes to standard output.",
    flags: &[HELP],
    operands: true,
    after: "Example:
  altdisk mkszfile /root/image.data
  alt_disk_install -C -i /root/image.data vdb",
};

pub static COPYTREE: Command = Command {
    name: "copytree",
    summary: "copy a directory tree with everything that its files have",
    forms: &[("", &["e", "x", "V"], "FROM TO")],
    about: "Copies the tree below FROM into the directory TO, staying in FROM's file system: the copier of phase 1 on its own. Hard \
links, holes, owners, modes, times, extended attributes, ACLs, capabilities and inode flags are kept.",
    flags: &[
        Flag::short('e', "Leave out what this list names: one grep pattern a line, matched against paths that begin with ./")
            .takes("exclude_list"),
        Flag::short('x', "Leave out this path (relative to FROM). May be given again.").takes("path").repeats(),
        Flag::short('V', "Name every file that is copied."),
        HELP,
    ],
    operands: true,
    after: "",
};

pub static RESTORETREE: Command = Command {
    name: "restoretree",
    summary: "restore a system image into a directory",
    forms: &[("", &["V"], "IMAGE TO")],
    about: "Restores a system image, or any root file system as a tar archive, into the directory TO and what is mounted below it: the \
restorer of phase 1 on its own. IMAGE is a file, a tape or another device, or - for standard input. Nothing is made outside of TO, and \
nothing is made bootable.",
    flags: &[Flag::short('V', "Name every file that is restored."), HELP],
    operands: true,
    after: "",
};

pub static ERRORS: Command = Command {
    name: "errors",
    summary: "list every error message with its id",
    forms: &[("", &[], "")],
    about: "Lists the errors that altdisk knows: the id, what is wrong, what to do about it.",
    flags: &[HELP],
    operands: false,
    after: "",
};

pub static EXPLAIN: Command = Command {
    name: "explain",
    summary: "explain one error message",
    forms: &[("", &[], "ALT-nnn ...")],
    about: "Says what an error message means, what to do about it, and with which code the command ended.",
    flags: &[HELP],
    operands: true,
    after: "",
};

/// `altdisk --check`: no command by name, and so in no list of commands.
pub static CHECK: Command = Command {
    name: "--check",
    summary: "check menu files and looks",
    forms: &[("", &[], "[directory]")],
    about: "Checks the panels and looks that are built in, those in /etc/altdisk/menus.d and /etc/altdisk/themes.d, and the menu files in \
this directory (looks, if it is called themes or themes.d; in its subdirectory themes there may be looks too). Every mistake is shown \
with its place and what is allowed there. Nothing is run.",
    flags: &[HELP],
    operands: true,
    after: "",
};

/// Every command. The program that runs them has the same list; the check of menu files knows the
/// flags from here.
pub static ALL: &[&Command] = &[
    &ALT_DISK_INSTALL,
    &BOOTLIST,
    &RESTART,
    &DISKS,
    &SOFTWARE,
    &list::LIST,
    &list::DISCOVER,
    &PRACTICE,
    &JOBS,
    &UI,
    &MKSZFILE,
    &MKSYSB,
    &COPYTREE,
    &SAVETREE,
    &RESTORETREE,
    &ERRORS,
    &EXPLAIN,
];
