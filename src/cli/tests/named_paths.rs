//! Every file and directory that a text names exists, or is one that altdisk makes.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::texts::documents;
use crate::boot::bootlist::bootdisk::{ALTERNATE, ORIGIN};
use crate::cli::alt_disk_install::LOG;
use crate::cli::{list, mksysb};
use crate::disk::practice;
use crate::engine::paths::{self, ALT_INST};
use crate::engine::prepare::from_image::boot_image;
use crate::engine::steps::customize;
use crate::job;
use crate::menu::load;
use crate::theme;
use crate::trial::checks;

/// Files and directories that altdisk makes or reads. Below those that end with `/`, names are the
/// user's.
fn own_paths() -> Vec<String> {
    let dirs = [
        Path::new(paths::STATE).join(paths::ALTERNATE),
        list::images::directory(),
        practice::directory(),
        job::directory::ROOT_JOBS.into(),
        theme::load::ETC.into(),
        load::ETC.into(),
        boot_image::DIR.into(),
        ALT_INST.into(),
        checks::DIRECTORIES[0].into(),
    ];
    let files: [PathBuf; 8] = [
        paths::STATE.into(),
        Path::new(paths::STATE).join(paths::ALTERNATE),
        LOG.into(),
        Path::new(LOG).parent().unwrap().into(),
        mksysb::LOG.into(),
        ORIGIN.into(),
        ALTERNATE.into(),
        crate::host::sandbox::SHARED_DIR.into(),
    ];
    dirs.iter()
        .map(|d| format!("{}/", d.display()))
        .chain(files.iter().map(|f| f.display().to_string()))
        .collect()
}

/// Paths of every Linux system, or that documents mention about others.
const SYSTEM: &[&str] = &[
    "/bin/sh",
    "/boot",
    "/dev",
    "/dev/mapper/control",
    "/dev/nst0",
    "/dev/null",
    "/dev/sr0",
    "/dev/vdb",
    "/etc",
    "/etc/fstab",
    "/etc/hostid",
    "/etc/hostname",
    "/etc/machine-id",
    "/etc/resolv.conf",
    "/proc",
    "/proc/1",
    "/proc/PID/fd",
    "/proc/PID/fd/N",
    "/run",
    "/sys",
    "/usr",
    "/var/lib",
    "/var/log",
    "/var/tmp",
    // Of AIX, where a message says what is different here.
    "/etc/exclude.rootvg",
    "/dev/sdb",
    // The cache of the tests.
    "/var/cache",
    // Of greenboot, whose checks are run.
    "/etc/greenboot/check",
    "/usr/lib/greenboot/check",
    // Where the README installs the program.
    "/usr/local/sbin/alt_disk_install",
    "/usr/local/sbin/altdisk",
    "/usr/local/share/man/man8",
];

/// Below these, examples are.
const EXAMPLES: &[&str] = &["/root", "/tmp", "/mnt", "/media", "/updates", "/backup"];

/// The mistake in a path.
fn wrong_path(path: &str) -> Option<String> {
    let own = [
        "/var/lib/altdisk",
        "/var/log/altdisk",
        "/etc/altdisk",
        "/usr/lib/altdisk",
        "/run/altdisk",
        ALT_INST,
    ];
    let ours = own_paths().iter().any(|p| {
        path == p.trim_end_matches('/') || (p.ends_with('/') && path.starts_with(p.as_str()))
    });
    let known = SYSTEM.contains(&path)
        || customize::CLIENT_FILES.contains(&path)
        || path == "/etc/ssh/ssh_host_*_key";
    let example = EXAMPLES.iter().any(|e| path == *e || path.starts_with(&format!("{e}/")));
    match own.iter().any(|o| path == *o || path.starts_with(&format!("{o}/"))) {
        true if !ours => Some(format!("altdisk has no {path}")),
        false if !known && !example => Some(format!("{path} is not known")),
        _ => None,
    }
}

#[test]
fn every_path_that_a_text_names_is_right() {
    // Not part of a longer word, nor of a URL, a relative path or an option of a regular
    // expression.
    let path =
        Regex::new(r#"(?:^|[\s"'`(=,])(/[a-z][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.*-]+)*)"#).unwrap();
    let (mut bad, mut seen) = (vec![], 0);
    for (place, text) in documents() {
        for found in path.captures_iter(&text).map(|c| c[1].trim_end_matches(['.', ':']).to_owned())
        {
            seen += 1;
            bad.extend(wrong_path(&found).map(|w| format!("{place}: {w}")));
        }
    }
    assert!(bad.is_empty() && seen > 100, "{seen}\n{}", bad.join("\n"));
    // The test sees mistakes.
    for wrong in [
        "/var/lib/altdisk/image",
        "/var/log/altdisk.log",
        "/etc/altdisk/menu.d",
        "/alt_install",
        "/etc/nim",
    ] {
        assert!(wrong_path(wrong).is_some(), "{wrong}");
    }
    assert!(
        wrong_path("/var/lib/altdisk/images/a.mksysb").is_none()
            && wrong_path("/alt_inst/etc/hostname").is_none()
    );
}
