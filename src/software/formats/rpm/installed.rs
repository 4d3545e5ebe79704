//! The installed packages, from rpm's database. Its format changed several times, so rpm(8) of the
//! running system reads it.

use std::path::Path;

use anyhow::Result;

use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::software::changes::Package;

/// The paths of the database.
const DATABASES: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
const QUERY: &str = "%{NAME}\\t%|EPOCH?{%{EPOCH}}:{0}|\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

/// The packages that rpm has installed below `root`; empty without rpm or a database.
///
/// # Errors
/// If rpm fails.
pub fn installed(root: &Path) -> Result<Vec<Package>> {
    let has_database =
        || Beneath::open(root).is_ok_and(|root| DATABASES.iter().any(|dir| root.is_dir(dir)));
    if find_program(Path::new("/"), "rpm").is_none() || !has_database() {
        return Ok(vec![]);
    }
    let answer = Cmd::new("rpm", "list the packages that are installed")
        .arg("--root")
        .arg(root)
        .args(["-qa", "--qf", QUERY])
        .read()?;
    Ok(answer.text().lines().filter_map(parse_line).collect())
}

fn parse_line(line: &str) -> Option<Package> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().map(str::to_owned);
    let (name, epoch, version, arch) = (next()?, next()?, next()?, next()?);
    // rpm stores imported keys as packages.
    if name == "gpg-pubkey" {
        return None;
    }
    let version = if epoch == "0" { version } else { format!("{epoch}:{version}") };
    Some(Package { name, version, arch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_rpm() {
        assert_eq!(parse_line("bash\t0\t5.2-1.fc40\tx86_64").unwrap().version, "5.2-1.fc40");
        assert_eq!(parse_line("bind\t32\t9.18-1\tx86_64").unwrap().version, "32:9.18-1");
        assert!(parse_line("gpg-pubkey\t0\t1-2\t(none)").is_none());
        assert!(parse_line("torn\t0").is_none());
    }
}
