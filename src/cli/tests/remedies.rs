//! Remedies that name a command: it is one that the real parser takes, or a program that a Linux
//! system has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::{alt_disk_install, getopt};
use crate::error;
use crate::flags;

/// Programs of others that remedies name, with the package or project that has them.
const PROGRAMS: [&str; 39] = [
    "blockdev",
    "chmod",
    "chown",
    "chroot",
    "cloud-init",
    "createrepo_c",
    "dmesg",
    "docker",
    "dropbearkey",
    "efibootmgr",
    "fscrypt",
    "fuser",
    "iscsiadm",
    "kubeadm",
    "landscape-config",
    "lsattr",
    "lsblk",
    "make-ssl-cert",
    "mkdir",
    "mount",
    "mv",
    "partx",
    "pro",
    "realm",
    "setquota",
    "subscription-manager",
    "sudo",
    "SUSEConnect",
    "swapoff",
    "tailscale",
    "tar",
    "ulimit",
    "umount",
    "update-initramfs",
    "waagent",
    "wg",
    "xfs_quota",
    "btrfs",
    "apt",
];

/// The commands between backquotes in the text literals of a file, without what only tests have.
fn commands(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim).filter(|l| !l.starts_with("//"));
    let joined = lines.map(|l| l.strip_suffix('\\').unwrap_or(l)).collect::<Vec<_>>().join(" ");
    let literals = joined.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    literals.iter().flat_map(|l| l.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs")
            && !path.to_string_lossy().contains("tests")
        {
            found.push(path);
        }
    }
}

/// The words of a command, with a value for each placeholder; what follows a redirection is the
/// shell's.
fn words(command: &str) -> Vec<OsString> {
    let before = command.split(['>', '|']).next().unwrap_or_default();
    let value = |w: &str| match w {
        "..." => "/updates".to_owned(),
        w if w.contains('{') || w.ends_with("nnn") => "vdb".to_owned(),
        "ID" => "1".to_owned(),
        w => w.trim_matches('\'').to_owned(),
    };
    // `-X{erase}`: more flags follow, or none.
    let before = before.replace("C{erase}", "C").replace("X{erase}", "X");
    before.split_whitespace().map(|w| value(w).into()).collect()
}

/// Why the real parser does not take a command of ours; None where it does.
fn refused(command: &str) -> Option<String> {
    let words = words(command);
    let (name, args) = words.split_first()?;
    let (name, args) = if name == "altdisk" {
        match args.split_first() {
            Some((word, rest)) if flags::ALL.iter().any(|c| *c.name == *word) => {
                (word.clone(), rest)
            }
            // A panel's fast path, or a flag of the screens: others look at those.
            _ => return None,
        }
    } else {
        (name.clone(), args)
    };
    let told = |e: anyhow::Error| (error::find(&e).map(|a| a.entry.id), e.to_string());
    let wrong = if name == "alt_disk_install" && !args.iter().any(|a| a == "--help") {
        // A flag alone names what is meant, and no whole command.
        if let [flag] = args
            && flags::ALT_DISK_INSTALL
                .flags
                .iter()
                .any(|f| f.value.is_some() && *f.typed() == **flag)
        {
            return None;
        }
        alt_disk_install::read(args).err().map(told)
    } else {
        let command = flags::ALL.iter().find(|c| *c.name == *name)?;
        getopt::parse(command, args).err().map(told)
    };
    wrong.filter(|(id, _)| *id != Some(error::FILE_UNREADABLE.id)).map(|(_, text)| text)
}

#[test]
fn our_commands_are_taken() {
    let (mut files, mut wrong, mut seen) = (vec![], vec![], 0);
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for command in commands(&text)
            .iter()
            .filter(|c| c.starts_with("alt_disk_install -") || c.starts_with("altdisk "))
        {
            seen += 1;
            wrong.extend(
                refused(command).map(|why| format!("{}: `{command}`: {why}", file.display())),
            );
        }
    }
    assert!(seen > 60, "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_commands_are_programs_that_there_are() {
    for entry in error::all() {
        for command in entry.remedy.split('`').skip(1).step_by(2) {
            let first = command.split_whitespace().next().unwrap_or_default();
            let is_word = command.starts_with(['-', '#', '^'])
                || command.ends_with(':')
                || ["name", "value", "#name", "review", "configured", "uptime"]
                    .iter()
                    .any(|w| first.starts_with(w));
            assert!(
                is_word
                    || ["altdisk", "alt_disk_install"].contains(&first)
                    || PROGRAMS.contains(&first),
                "{}: `{command}`",
                entry.id
            );
        }
    }
}

#[test]
fn what_is_wrong_is_found() {
    for wrong in [
        "alt_disk_install -B",
        "alt_disk_install -X vdb",
        "alt_disk_install --resume -e /x",
        "altdisk jobs --stop",
        "altdisk mkszfile --size",
    ] {
        assert!(refused(wrong).is_some(), "{wrong}");
    }
    for right in [
        "alt_disk_install -C --erase SERIAL DISK",
        "altdisk jobs stop ID",
        "altdisk mkszfile > /root/image.data",
        "altdisk alt_clone",
    ] {
        assert_eq!(refused(right), None, "{right}");
    }
    let text = "// `altdisk none`\nlet x = \"say `altdisk disks` \\\n    and `a`\";\n#[cfg(test)]\nlet y = \"`b`\";";
    assert_eq!(commands(text), ["altdisk disks", "a"]);
}
