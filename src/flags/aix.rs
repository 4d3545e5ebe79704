//! Flags that AIX's later commands have (alt_disk_copy, alt_disk_mksysb, alt_rootvg_op, and
//! alt_disk_install itself since 4.3.2) and that are not here: the meaning of each, and what does
//! it here.
//!
//! A letter that people know from AIX is answered with its meaning, never with the flag here that
//! looks like it.

/// One letter.
#[derive(Debug)]
pub struct AixFlag {
    /// The letter.
    pub letter: char,
    /// Its meaning on AIX: `a script for the first boot`.
    pub meaning: &'static str,
    /// The way to do it here.
    pub alternative: &'static str,
}

const fn flag(letter: char, meaning: &'static str, alternative: &'static str) -> AixFlag {
    AixFlag { letter, meaning, alternative }
}

/// In the order of the letters.
pub static AIX_FLAGS: &[AixFlag] = &[
    flag(
        'c',
        "the console of the copy",
        "is not here: the copy keeps the console of the system; a script (-s) can change /alt_inst/etc/default/grub",
    ),
    flag('j', "a volume group that nimadm uses as its cache", "is not here"),
    flag(
        'K',
        "the 64-bit kernel, where there is one",
        "is not here: the copy has the kernels of the system or of the image",
    ),
    flag(
        'k',
        "keep the devices of the image",
        "does not exist here: Linux detects its devices at every boot",
    ),
    flag(
        'M',
        "the level that nimadm goes to",
        "is not here: -F with a level (-F 12.11_ML) updates the copy to it",
    ),
    flag(
        'm',
        "the device or file of the system image",
        "is -d here: `alt_disk_install -d device disk`",
    ),
    flag(
        'O',
        "forget the devices of the machine",
        "does not exist here: Linux detects its devices at every boot; --identity decides about an image's machine-id",
    ),
    flag(
        'q',
        "which disk a volume group boots from",
        "is not here: `altdisk disks --alternates` and `altdisk bootlist` show it",
    ),
    flag(
        'S',
        "put the copy to sleep, or skip the check of sizes",
        "is not here: phase 3 (-P 3) puts the copy away, and sizes are always checked",
    ),
    flag(
        'T',
        "convert file systems of type JFS to JFS2",
        "is not here: an edited image.data (-i) says what file systems the copy gets",
    ),
    flag(
        't',
        "make the boot image again before the copy goes to sleep",
        "is not here: phase 3 (-P 3) makes it",
    ),
    flag('u', "a flag of alt_disk_copy", "is not here"),
    flag('v', "another name for the copy", "is not here: there is one copy at a time"),
    flag(
        'W',
        "wake the copy up: mount it at /alt_inst again",
        "is not here: a finished copy's file systems can be mounted by hand",
    ),
    flag(
        'x',
        "a script for the first boot of the copy",
        "is not here: a script (-s) can put a unit for it below /alt_inst/etc/systemd/system",
    ),
    flag(
        'y',
        "import the volume groups that are not rootvg",
        "is not here: disks with other data are not touched, and the copy keeps their lines in fstab",
    ),
    flag(
        'z',
        "import no volume group but rootvg",
        "is not here: disks with other data are not touched",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::ALT_DISK_INSTALL;

    /// One that is here is answered by what it does here.
    #[test]
    fn none_of_them_is_here() {
        for e in AIX_FLAGS {
            assert!(ALT_DISK_INSTALL.flag(&e.letter.to_string()).is_none(), "{e:?}");
            assert!(
                !e.meaning.is_empty()
                    && ["is ", "does not "].iter().any(|begin| e.alternative.starts_with(begin)),
                "{e:?}"
            );
        }
        let mut letters: Vec<char> = AIX_FLAGS.iter().map(|e| e.letter).collect();
        letters.dedup();
        assert_eq!(letters.len(), AIX_FLAGS.len());
    }
}
