//! The installed packages, from dpkg's database.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::Result;

use crate::host::beneath::Beneath;
use crate::software::changes::Package;

/// dpkg's database of installed packages, a deb822(5) file.
const STATUS: &str = "var/lib/dpkg/status";
/// Reading stops after this many bytes.
const MAX_STATUS: u64 = 256 << 20;

/// The packages that dpkg has installed below `root`; empty without dpkg.
///
/// # Errors
/// If the database cannot be read.
pub fn installed(root: &Path) -> Result<Vec<Package>> {
    match Beneath::open(root)?.open_file(STATUS) {
        Ok(file) => Ok(parse(BufReader::new(file.take(MAX_STATUS)))?),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(vec![]),
        Err(e) => Err(e.into()),
    }
}

/// Reads the paragraphs of a status file; those of removed packages are skipped.
fn parse(from: impl BufRead) -> std::io::Result<Vec<Package>> {
    let (mut all, mut package, mut is_installed) = (vec![], Package::default(), false);
    let mut end = |package: &mut Package, is_installed: &mut bool| {
        let done = std::mem::take(package);
        if std::mem::take(is_installed) && !done.name.is_empty() {
            all.push(done);
        }
    };
    for line in from.split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            end(&mut package, &mut is_installed);
            continue;
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match field {
            "Package" => package.name = value.to_owned(),
            "Version" => package.version = value.to_owned(),
            "Architecture" => package.arch = value.to_owned(),
            "Status" => {
                is_installed = value.ends_with(" installed")
                    || value.ends_with(" half-configured")
                    || value.contains(" trigger")
            }
            _ => {}
        }
    }
    end(&mut package, &mut is_installed);
    Ok(all)
}
