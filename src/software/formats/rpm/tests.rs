//! Against real tools: packages of rpmbuild, metadata of createrepo_c, and damaged files.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::package::Package;
use super::*;
use crate::testing::rpm_root::world;

fn read(dir: &Path) -> Result<Option<Listing>> {
    RpmFormat.read(dir)
}

fn fixes(listing: &Listing, dir: &Path, asked: &[String]) -> Result<Vec<Fix>> {
    RpmFormat.fixes(&listing.packages, dir, asked)
}

fn names(fixes: &[Fix], name: &str) -> Vec<(String, String)> {
    let found = fixes.iter().filter(|f| f.id == name || f.names.iter().any(|n| n == name));
    found.flat_map(|f| f.packages.clone()).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_directory_and_a_repository_tell_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = world(dir.path()) else { return };
    let (plain, repo) =
        (read(&world.join("v2")).unwrap().unwrap(), read(&world.join("repo")).unwrap().unwrap());
    let lines = |c: &Listing| -> Vec<String> {
        let line = |p: &Available| {
            let file =
                p.file.as_ref().and_then(|f| f.file_name()).unwrap().to_string_lossy().into_owned();
            format!(
                "{} {} {} {} {} {} {file}",
                p.name, p.version, p.arch, p.size, p.installed_size, p.summary
            )
        };
        c.packages.iter().map(line).collect()
    };
    assert_eq!(lines(&plain), lines(&repo));
    assert_eq!(plain.packages.len(), 7);
    let tool = plain.packages.iter().find(|p| p.name == "tool").unwrap();
    assert_eq!(
        (tool.version.as_str(), tool.summary.as_str()),
        ("1:1.1-1.fc40", "The package tool & its <data>")
    );
    assert!(read(&world.join("nothing")).is_err());
    fs::create_dir(world.join("empty")).unwrap();
    assert_eq!(read(&world.join("empty")).unwrap(), None);
}

#[test]
fn fixes_of_advisories_and_changelogs() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = world(dir.path()) else { return };
    let asked = |all: &[&str]| all.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
    let (plain, repo) = (world.join("v2"), world.join("repo"));
    let contents = read(&plain).unwrap().unwrap();
    let all = fixes(&contents, &plain, &[]).unwrap();
    assert_eq!(names(&all, "CVE-2024-1111"), pairs(&[("hello", "2.0-1")]));
    assert_eq!(names(&all, "#7654321"), pairs(&[("libthing", "1.1-1")]));
    assert_eq!(names(&all, "40.1").len(), 7, "a level is all there is");
    assert_eq!(names(&all, "FEDORA-2024-0a1b2c3d4e"), []);

    let contents = read(&repo).unwrap().unwrap();
    let known =
        fixes(&contents, &repo, &asked(&["RHBZ#3333333", "fedora-2024-0A1B2C3D4E"])).unwrap();
    let want = pairs(&[("hello", "2.0-1.fc40"), ("hello-doc", "2.0-1.fc40")]);
    for name in ["FEDORA-2024-0a1b2c3d4e", "CVE-2024-3333", "#3333333", "RHSA-2024:0042"] {
        assert_eq!(names(&known, name), want, "{name}");
    }
    assert_eq!(known[0].title, "hello-2.0-1.fc40 & more");
    assert_eq!(
        names(&known, "CVE-2024-1111"),
        [],
        "what advisories know is not looked up in packages"
    );
    let both = fixes(&contents, &repo, &asked(&["#3333333", "CVE-2024-1111"])).unwrap();
    assert_eq!(names(&both, "CVE-2024-1111"), pairs(&[("hello", "2.0-1")]));
}

#[test]
fn metadata_in_every_wrapping() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = world(dir.path()) else { return };
    let repo = world.join("repo");
    let want = read(&repo).unwrap().unwrap();
    let primary = repomd::files(&repo, "primary").unwrap().pop().unwrap();
    let packed = repo.join(&primary);
    let shell = |line: &str| {
        assert!(
            Command::new("sh").arg("-ec").arg(line).current_dir(&repo).status().unwrap().success(),
            "{line}"
        )
    };
    shell(&format!("zcat {} >plain.xml", primary.display()));
    for pack in [
        "cat",
        "gzip -c",
        "xz -c",
        "zstd -qc",
        "{ head -c 500 | gzip -c; tail -c +501 plain.xml | gzip -c; }",
    ] {
        shell(&format!("{pack} <plain.xml >packed && mv packed {}", primary.display()));
        assert_eq!(read(&repo).unwrap().unwrap(), want, "{pack}");
    }
    for (bytes, word) in [
        (&b"\0ZCK1..."[..], "zchunk"),
        (b"BZh9...", "bzip2"),
        (b"<a><b></a>", "damaged"),
        (b"<metadata><package>", "cut off"),
        (b"", "empty"),
        (&[0x1f, 0x8b, 8, 0, 0, 0], "damaged"),
    ] {
        fs::write(&packed, bytes).unwrap();
        let why = format!("{:#}", read(&repo).unwrap_err());
        assert!(why.contains(word) && why.contains("ALT-748"), "{word}: {why}");
    }
    fs::write(
        repo.join(repomd::REPOMD),
        r#"<repomd><data type="primary"><location href="../../etc/passwd"/></data></repomd>"#,
    )
    .unwrap();
    assert!(format!("{:#}", read(&repo).unwrap_err()).contains("outside the repository"));
}

#[test]
fn our_repository_is_what_createrepo_makes() {
    let dir = tempfile::tempdir().unwrap();
    let Some(world) = world(dir.path()) else { return };
    let ours = world.join("ours");
    fs::create_dir(&ours).unwrap();
    let mut files: Vec<(PathBuf, PathBuf)> = read(&world.join("v2"))
        .unwrap()
        .unwrap()
        .packages
        .into_iter()
        .filter_map(|p| p.file.map(|f| (f.clone(), f)))
        .collect();
    fs::write(world.join("bad.rpm"), b"none").unwrap();
    files.push((world.join("bad.rpm"), world.join("bad.rpm")));
    let damaged = write::create_repository(&ours, &files).unwrap();
    assert_eq!(damaged, [(world.join("bad.rpm"), "it is cut off".to_owned())]);
    let (mine, theirs) =
        (read(&ours).unwrap().unwrap(), read(&world.join("repo")).unwrap().unwrap());
    let plain = |c: Listing| {
        c.packages.into_iter().map(|p| Available { file: None, ..p }).collect::<Vec<_>>()
    };
    assert_eq!(plain(mine), plain(theirs));

    // As dnf sees them: every question has one answer.
    if Command::new("dnf").arg("--version").output().is_err() {
        println!("skipped: dnf is not installed");
        return;
    }
    let ask = |repo: &Path, what: &str| {
        let root = tempfile::tempdir_in(&world).unwrap();
        let mut dnf = Command::new("dnf");
        dnf.args(["-q", "--installroot"]).arg(root.path()).args([
            "--releasever=40",
            "--setopt=reposdir=/dev/null",
            "repoquery",
        ]);
        let done = dnf
            .arg(format!("--repofrompath=x,file://{}", repo.display()))
            .args(["--repo=x", what])
            .output()
            .unwrap();
        let mut lines: Vec<String> =
            String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        (what.to_owned(), lines)
    };
    let formats = [
        "name",
        "epoch",
        "version",
        "release",
        "arch",
        "summary",
        "description",
        "installsize",
        "downloadsize",
        "sourcerpm",
        "vendor",
        "license",
    ];
    let format = formats.map(|f| format!("%{{{f}}}")).join("|");
    for what in [
        "--provides",
        "--requires",
        "--requires-pre",
        "--conflicts",
        "--obsoletes",
        "--recommends",
        "--list",
        &format!("--qf={format}"),
    ] {
        let (mine, theirs) = (ask(&ours, what), ask(&world.join("repo"), what));
        assert!(!mine.1.is_empty(), "{what}");
        assert_eq!(mine, theirs);
    }
}

/// A package's bytes, whole.
fn bytes() -> Option<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path())?;
    Some(fs::read(world.join("v2/hello-2.0-1.fc40.noarch.rpm")).unwrap())
}

#[test]
fn damaged_packages_are_said_to_be() {
    let Some(whole) = bytes() else { return };
    let package = Package::parse(&mut whole.as_slice()).unwrap();
    assert_eq!(
        (package.evr().as_str(), package.changelog().len(), package.files().len()),
        ("2.0-1.fc40", 2, 2)
    );
    assert!(Package::parse(&mut &whole[..40]).unwrap_err().contains("cut off"));
    assert!(Package::parse(&mut &b"x".repeat(200)[..]).unwrap_err().contains("not an rpm package"));
    // A header that promises more than there is, or than can be.
    let at = package.range.0 as usize;
    for (offset, value, word) in [
        (8, u32::MAX, "claims"),
        (12, u32::MAX, "claims"),
        (12, 100 << 20, "cut off"),
        (0, 0, "damaged"),
    ] {
        let mut broken = whole.clone();
        broken[at + offset..at + offset + 4].copy_from_slice(&value.to_be_bytes());
        assert!(
            Package::parse(&mut broken.as_slice()).unwrap_err().contains(word),
            "{offset} {value}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    File::create(dir.path().join("cut.rpm")).unwrap().write_all(&whole[..1000]).unwrap();
    nix::unistd::mkfifo(&dir.path().join("fifo.rpm"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let contents = read(dir.path()).unwrap().unwrap();
    assert_eq!((contents.packages.len(), contents.damaged.len()), (0, 1), "{contents:?}");
}

#[test]
fn no_damage_ends_the_program() {
    let Some(whole) = bytes() else { return };
    let end = Package::parse(&mut whole.as_slice()).unwrap().range.1 as usize;
    let use_it = |package: Package| {
        let _ = (package.files(), package.changelog(), package.installed_size(), package.evr());
        package.dependencies(header::tag::REQUIRES).len()
    };
    proptest!(ProptestConfig::with_cases(3000), |(changes in prop::collection::vec((0..end, any::<u8>()), 1..6), cut in 0..end)| {
        let mut broken = whole.clone();
        for (at, byte) in &changes {
            broken[*at] = *byte;
        }
        if let Ok(package) = Package::parse(&mut broken.as_slice()) {
            use_it(package);
        }
        prop_assert!(Package::parse(&mut &whole[..cut]).is_err());
    });
}

proptest! {
    #[test]
    fn any_xml_is_read_or_refused(text in "(<(update|package|id|metadata|updates|name|version epoch='1' ver=\"2\")/?>|</(update|package|id|metadata|updates|name)>|&(lt|x|#65|#99999999);|<!\\[CDATA\\[|\\]\\]>|<!--|[a-z<>&\"é]){0,30}") {
        let _ = primary::read(text.as_bytes());
        let _ = updateinfo::read(text.as_bytes());
    }
}

#[test]
fn floods_are_refused() {
    let deep = "<a>".repeat(100);
    assert!(primary::read(deep.as_bytes()).unwrap_err().contains("nested too deep"));
    let long = std::io::BufReader::new(std::io::Read::chain(&b"<a>"[..], std::io::repeat(b'x')));
    assert!(primary::read(long).unwrap_err().contains("too long"));
    let entities = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><metadata><package><name>&b;</name><version ver='1' rel='1'/></package></metadata>";
    assert_eq!(primary::read(entities.as_bytes()).unwrap()[0].name, "?");
}
