//! What is installed below a root, read without its package manager: for lists, where nothing is to
//! be run in the alternate.
//!
//! dpkg's status file and pacman's local database are text. rpm's database has had several formats:
//! rpm(8) itself is asked, with that root.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Result;

use super::arch::db;
use super::{Format, Package};
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};

/// So many bytes of a database are read.
const MOST: u64 = 256 << 20;
const STATUS: &str = "var/lib/dpkg/status";
const LOCAL: &str = "var/lib/pacman/local";

/// The packages of this format that are installed below `root`, by name; empty where the format is
/// not the system's.
///
/// # Errors
/// What cannot be read.
pub fn installed(root: &Path, format: Format) -> Result<Vec<Package>> {
    let mut packages = match format {
        Format::Deb => match Beneath::open(root)?.open_file(STATUS) {
            Ok(file) => dpkg(BufReader::new(file.take(MOST)))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => vec![],
            Err(e) => return Err(e.into()),
        },
        Format::Rpm => asked_of_rpm(root)?,
        Format::Arch => {
            let (all, _) = db::local(&Beneath::open(root)?, Path::new(LOCAL));
            all.into_iter()
                .map(|e| Package { name: e.name, version: e.version, arch: e.arch })
                .collect()
        }
    };
    packages.sort();
    Ok(packages)
}

/// dpkg's status file (deb822(5)): paragraphs, of which those count whose status is that they are
/// installed.
fn dpkg(from: impl BufRead) -> std::io::Result<Vec<Package>> {
    let (mut all, mut one, mut there) = (vec![], Package::default(), false);
    let mut end = |one: &mut Package, there: &mut bool| {
        let done = std::mem::take(one);
        if std::mem::take(there) && !done.name.is_empty() {
            all.push(done);
        }
    };
    for line in from.split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            end(&mut one, &mut there);
            continue;
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match field {
            "Package" => one.name = value.to_owned(),
            "Version" => one.version = value.to_owned(),
            "Architecture" => one.arch = value.to_owned(),
            "Status" => {
                there = value.ends_with(" installed")
                    || value.ends_with(" half-configured")
                    || value.contains(" trigger")
            }
            _ => {}
        }
    }
    end(&mut one, &mut there);
    Ok(all)
}

fn asked_of_rpm(root: &Path) -> Result<Vec<Package>> {
    if find_program(Path::new("/"), "rpm").is_none()
        || !["usr/lib/sysimage/rpm", "var/lib/rpm"]
            .iter()
            .any(|d| Beneath::open(root).is_ok_and(|root| root.is_dir(d)))
    {
        return Ok(vec![]);
    }
    const FORM: &str = "%{NAME}\\t%|EPOCH?{%{EPOCH}}:{0}|\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";
    let asked = Cmd::new("rpm", "list the packages that are installed")
        .arg("--root")
        .arg(root)
        .args(["-qa", "--qf", FORM])
        .read()?;
    Ok(asked.text().lines().filter_map(rpm_line).collect())
}

fn rpm_line(line: &str) -> Option<Package> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().map(str::to_owned);
    let (name, epoch, version, arch) = (next()?, next()?, next()?, next()?);
    // Keys that were imported look like packages.
    if name == "gpg-pubkey" {
        return None;
    }
    let version = if epoch == "0" { version } else { format!("{epoch}:{version}") };
    Some(Package { name, version, arch })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(all: &[Package]) -> Vec<String> {
        all.iter().map(|p| format!("{} {} {}", p.name, p.version, p.arch)).collect()
    }

    #[test]
    fn databases_of_each_format() {
        let dir = tempfile::tempdir().unwrap();
        let write = |at: &str, text: &str| {
            let path = dir.path().join(at);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(installed(dir.path(), Format::Deb).unwrap(), []);
        assert_eq!(installed(dir.path(), Format::Arch).unwrap(), []);
        assert_eq!(installed(dir.path(), Format::Rpm).unwrap(), []);
        write(
            STATUS,
            "Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0\nDescription: editor\n Status: deinstall\n\n\
             Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
             Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: 3\n",
        );
        assert_eq!(
            shown(&installed(dir.path(), Format::Deb).unwrap()),
            ["half 3 all", "vim 2:9.0 amd64"]
        );
        write(
            &format!("{LOCAL}/zlib-1:1.3.1-2/desc"),
            "%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n%ARCH%\nx86_64\n",
        );
        write(&format!("{LOCAL}/ALPM_DB_VERSION"), "9\n");
        assert_eq!(shown(&installed(dir.path(), Format::Arch).unwrap()), ["zlib 1:1.3.1-2 x86_64"]);
        assert_eq!(rpm_line("bash\t0\t5.2-1.fc40\tx86_64").unwrap().version, "5.2-1.fc40");
        assert_eq!(rpm_line("bind\t32\t9.18-1\tx86_64").unwrap().version, "32:9.18-1");
        assert!(rpm_line("gpg-pubkey\t0\t1-2\t(none)").is_none() && rpm_line("torn\t0").is_none());
    }
}
