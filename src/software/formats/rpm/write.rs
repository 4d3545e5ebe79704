//! A repository made of package files: `repodata/` as createrepo writes it, so that a manager
//! resolves dependencies among them.
//!
//! The packages stay where they are; the repository has a link to each. All files of a package are
//! listed in `primary.xml`, not only those that createrepo picks (`/etc/`, `bin/`): a requisite
//! such as `/usr/libexec/x` is found too, and no second list is needed. Checksums are SHA-256, the
//! one that every manager knows; the crate `sha2` uses the processor's own instructions for it.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::header::tag;
use super::package::{Dependency, Package};
use super::repomd::REPOMD;
use super::version::Evr;

const PRIMARY: &str = "repodata/primary.xml";
/// Names of the lists of dependencies in primary.xml.
const KINDS: [(&str, [u32; 3]); 8] = [
    ("provides", tag::PROVIDES),
    ("requires", tag::REQUIRES),
    ("conflicts", tag::CONFLICTS),
    ("obsoletes", tag::OBSOLETES),
    ("suggests", tag::SUGGESTS),
    ("enhances", tag::ENHANCES),
    ("recommends", tag::RECOMMENDS),
    ("supplements", tag::SUPPLEMENTS),
];

/// A writer that also computes the checksum and the length.
struct HashingWriter<W> {
    to: W,
    sum: Sha256,
    length: u64,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.to.write(bytes)?;
        self.sum.update(&bytes[..n]);
        self.length += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Makes the repository in `repository`, an empty directory. `files`: the package files as they are
/// read here, and as they are seen from where the repository will be used. Source packages and
/// damaged ones are left out; the latter are returned, with why.
///
/// # Errors
/// If something cannot be read or written.
pub fn create_repository(
    repository: &Path,
    files: &[(PathBuf, PathBuf)],
) -> Result<Vec<(PathBuf, String)>> {
    let mut damaged = vec![];
    fs::create_dir_all(repository.join("repodata"))
        .with_context(|| format!("making {}", repository.display()))?;
    let mut good = vec![];
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (here, there) in files {
        match Package::read(here) {
            Ok(package) if package.source => {}
            Ok(package) => {
                // The name comes from the header: the name of the file may not be text.
                let name = format!(
                    "{}-{}-{}.{}",
                    package.name, package.version, package.release, package.arch
                )
                .replace('/', "_");
                let count = taken.entry(name.clone()).or_default();
                let link =
                    if *count == 0 { format!("{name}.rpm") } else { format!("{name}.{count}.rpm") };
                *count += 1;
                symlink(there, repository.join(&link))
                    .with_context(|| format!("linking {link} in {}", repository.display()))?;
                good.push((here, link));
            }
            Err(why) => damaged.push((here.clone(), why)),
        }
    }
    let write = || -> io::Result<()> {
        let to = BufWriter::new(File::create(repository.join(PRIMARY))?);
        let mut to = HashingWriter { to, sum: Sha256::new(), length: 0 };
        write_primary(&mut to, &good)?;
        to.flush()?;
        fs::write(repository.join(REPOMD), build_repomd(to.length, &hex(to.sum)))
    };
    write().with_context(|| format!("writing the list of packages in {}", repository.display()))?;
    Ok(damaged)
}

fn build_repomd(length: u64, sum: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1</revision>
  <data type="primary">
    <checksum type="sha256">{sum}</checksum>
    <open-checksum type="sha256">{sum}</open-checksum>
    <location href="{PRIMARY}"/>
    <timestamp>1</timestamp>
    <size>{length}</size>
    <open-size>{length}</open-size>
  </data>
</repomd>
"#
    )
}

fn write_primary(to: &mut impl Write, files: &[(&PathBuf, String)]) -> io::Result<()> {
    writeln!(to, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        to,
        r#"<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{}">"#,
        files.len()
    )?;
    for (file, link) in files {
        // Read twice, rather than all of them kept.
        let package = Package::read(file).map_err(io::Error::other)?;
        write_package(to, &package, file, link)?;
    }
    writeln!(to, "</metadata>")
}

fn write_package(
    to: &mut impl Write,
    package: &Package,
    file: &Path,
    link: &str,
) -> io::Result<()> {
    let (mut reader, mut sum, mut size) = (File::open(file)?, Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer)? {
            0 => break,
            n => {
                sum.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
    let text = |tag| escape(&package.header.text(tag).unwrap_or_default());
    let (name, arch) = (escape(&package.name), escape(&package.arch));
    let (version, release, link) =
        (escape(&package.version), escape(&package.release), escape(link));
    writeln!(to, "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>{arch}</arch>")?;
    writeln!(to, r#"  <version epoch="{}" ver="{version}" rel="{release}"/>"#, package.epoch)?;
    writeln!(to, r#"  <checksum type="sha256" pkgid="YES">{}</checksum>"#, hex(sum))?;
    writeln!(
        to,
        "  <summary>{}</summary>\n  <description>{}</description>",
        text(tag::SUMMARY),
        text(tag::DESCRIPTION)
    )?;
    let built = package.header.number(tag::BUILDTIME).unwrap_or(0);
    writeln!(
        to,
        "  <packager></packager>\n  <url></url>\n  <time file=\"{built}\" build=\"{built}\"/>"
    )?;
    writeln!(
        to,
        r#"  <size package="{size}" installed="{}" archive="0"/>"#,
        package.installed_size()
    )?;
    writeln!(to, "  <location href=\"{link}\"/>\n  <format>")?;
    writeln!(
        to,
        "    <rpm:license>{}</rpm:license>\n    <rpm:vendor>{}</rpm:vendor>",
        text(tag::LICENSE),
        text(tag::VENDOR)
    )?;
    writeln!(to, "    <rpm:sourcerpm>{}</rpm:sourcerpm>", text(tag::SOURCE_RPM))?;
    writeln!(
        to,
        r#"    <rpm:header-range start="{}" end="{}"/>"#,
        package.range.0, package.range.1
    )?;
    for (kind, tags) in KINDS {
        let mut seen = HashSet::new();
        // rpm itself is asked by rpm itself, when it installs.
        let mut all = package.dependencies(tags);
        all.retain(|d| !d.is_for_rpm_itself() && seen.insert(d.clone()));
        if all.is_empty() {
            continue;
        }
        writeln!(to, "    <rpm:{kind}>")?;
        for dependency in all {
            writeln!(to, "      {}", dependency_element(&dependency, kind == "requires"))?;
        }
        writeln!(to, "    </rpm:{kind}>")?;
    }
    for file in package.files() {
        let kind = if file.directory {
            " type=\"dir\""
        } else if file.ghost {
            " type=\"ghost\""
        } else {
            ""
        };
        writeln!(to, "    <file{kind}>{}</file>", escape(&file.path))?;
    }
    writeln!(to, "  </format>\n</package>")
}

fn dependency_element(dependency: &Dependency, requires: bool) -> String {
    let mut text = format!("<rpm:entry name=\"{}\"", escape(&dependency.name));
    if let Some(relation) = dependency.relation() {
        let evr = Evr::parse(&dependency.version);
        text +=
            &format!(r#" flags="{relation}" epoch="{}" ver="{}""#, evr.epoch, escape(evr.version));
        if let Some(release) = evr.release {
            text += &format!(r#" rel="{}""#, escape(release));
        }
    }
    if requires && dependency.is_needed_by_scripts() {
        text += r#" pre="1""#;
    }
    text + "/>"
}

/// Text for XML: what XML cannot hold at all is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}
