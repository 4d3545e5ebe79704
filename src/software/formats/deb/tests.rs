//! Directories of packages that dpkg-deb(1) built.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::testing::archives::{build_ar, build_tar};

/// A directory in which packages are built.
struct Directory {
    dir: tempfile::TempDir,
}

impl Directory {
    fn new() -> Option<Self> {
        if Command::new("dpkg-deb").arg("--version").output().is_err() {
            println!("skipped: dpkg-deb is not installed");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("packages")).unwrap();
        Some(Self { dir })
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("packages")
    }

    /// Builds `name`; in `files` a content that begins with `->` is a link, and names that end with
    /// .gz are packed.
    fn deb(
        &self,
        at: &str,
        name: &str,
        version: &str,
        control: &str,
        pack: &str,
        files: &[(&str, &str)],
    ) {
        let build = self.dir.path().join("build");
        let _ = fs::remove_dir_all(&build);
        fs::create_dir_all(build.join("DEBIAN")).unwrap();
        let arch = if control.contains("Architecture:") { "" } else { "Architecture: all\n" };
        let text = format!(
            "Package: {name}\nVersion: {version}\n{arch}Maintainer: T <t@example.org>\n{control}Description: made up\n long\n"
        );
        fs::write(build.join("DEBIAN/control"), text).unwrap();
        for (path, content) in files {
            let to = build.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            match content.strip_prefix("->") {
                Some(link) => std::os::unix::fs::symlink(link, to).unwrap(),
                None if path.ends_with(".gz") => {
                    let mut packed = flate2::write::GzEncoder::new(
                        File::create(to).unwrap(),
                        flate2::Compression::default(),
                    );
                    packed.write_all(content.as_bytes()).unwrap();
                    packed.finish().unwrap();
                }
                None => fs::write(to, content).unwrap(),
            }
        }
        let to = self.path().join(at);
        fs::create_dir_all(&to).unwrap();
        let done = Command::new("dpkg-deb")
            .args(["--root-owner-group", pack, "-b"])
            .arg(&build)
            .arg(&to)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn fixes(&self, asked: &[&str], codename: &str) -> Vec<Fix> {
        let mut entries = vec![];
        catalog::visit(&self.path(), None, &mut |entry, _| entries.push(entry)).unwrap();
        let asked: Vec<String> = asked.iter().map(|a| (*a).to_owned()).collect();
        let installed = ["tool", "openssl", "other"].map(str::to_owned).into();
        fixes::relevant(
            &fixes::Search { dir: &self.path(), entries: &entries, asked: &asked, codename },
            &installed,
        )
        .unwrap()
    }
}

fn names(all: &[Available]) -> Vec<String> {
    all.iter().map(|a| format!("{} {} {}", a.name, a.version, a.arch)).collect()
}

#[test]
fn a_tree_of_packages() {
    let Some(d) = Directory::new() else { return };
    assert_eq!(DebFormat.read(&d.path()).unwrap(), None);
    d.deb("", "gz", "1", "Installed-Size: 7\n", "-Zgzip", &[]);
    d.deb("pool/main/x", "xz", "1:2-3", "Architecture: i386\n", "-Zxz", &[]);
    d.deb("a/b", "zst", "1", "", "-Zzstd", &[]);
    d.deb("", "none", "1", "", "-Znone", &[]);
    d.deb("", "none", "2~rc1", "", "-Znone", &[]);
    d.deb("", "none", "2", "", "-Znone", &[]);
    fs::write(d.path().join("text.deb"), "nothing").unwrap();
    let whole = fs::read(d.path().join("gz_1_all.deb")).unwrap();
    fs::write(d.path().join("cut.deb"), &whole[..whole.len() - 20]).unwrap();
    let mut flipped = whole.clone();
    let at = flipped.windows(11).position(|w| w == b"control.tar").unwrap() + 90;
    flipped[at..at + 20].fill(0x55);
    fs::write(d.path().join("flipped.deb"), flipped).unwrap();
    fs::write(d.path().join("other.txt"), "x").unwrap();
    // A link within the directory counts once, one that leads out not at all.
    fs::copy(d.path().join("gz_1_all.deb"), d.dir.path().join("outside.deb")).unwrap();
    std::os::unix::fs::symlink("gz_1_all.deb", d.path().join("z.deb")).unwrap();
    std::os::unix::fs::symlink("../outside.deb", d.path().join("out.deb")).unwrap();

    let found = DebFormat.read(&d.path()).unwrap().unwrap();
    assert_eq!(
        names(&found.packages),
        ["gz 1 all", "none 2 all", "none 2~rc1 all", "none 1 all", "xz 1:2-3 i386", "zst 1 all"]
    );
    let gz = &found.packages[0];
    assert_eq!(
        (gz.installed_size, gz.size, gz.summary.as_str()),
        (7168, whole.len() as u64, "made up")
    );
    assert_eq!(gz.file.as_deref(), Some(&*d.path().join("gz_1_all.deb")));
    let damaged: Vec<(&str, &str)> = found
        .damaged
        .iter()
        .map(|(p, why)| (p.file_name().unwrap().to_str().unwrap(), why.as_str()))
        .collect();
    assert_eq!(
        damaged.iter().map(|d| d.0).collect::<Vec<_>>(),
        ["cut.deb", "flipped.deb", "text.deb"]
    );
    assert!(
        damaged[0].1.contains("cut off") && damaged[2].1.contains("only 7 bytes"),
        "{damaged:?}"
    );
}

#[test]
fn repositories() {
    let Some(d) = Directory::new() else { return };
    d.deb("pool/main/a", "a", "1", "", "-Zxz", &[]);
    d.deb("pool/main/a", "loose", "1", "", "-Zxz", &[]);
    let stanza = |name: &str, file: &str| {
        format!(
            "Package: {name}\nVersion: 1\nArchitecture: all\nInstalled-Size: 3\nSize: 44\nFilename: {file}\nDescription: x\n\n"
        )
    };
    let text = stanza("a", "./pool/main/a/a_1_all.deb")
        + &stanza("gone", "pool/gone.deb")
        + &stanza("bad", "../../etc/passwd")
        + "Package: no\n";
    let dists = d.path().join("dists/bookworm");
    fs::create_dir_all(dists.join("main/binary-amd64")).unwrap();
    fs::write(dists.join("Release"), "Suite: stable\nCodename: bookworm\nComponents: main\n")
        .unwrap();
    let mut xz = liblzma::write::XzEncoder::new(
        File::create(dists.join("main/binary-amd64/Packages.xz")).unwrap(),
        6,
    );
    xz.write_all(text.as_bytes()).unwrap();
    xz.finish().unwrap();
    std::os::unix::fs::symlink("bookworm", d.path().join("dists/stable")).unwrap();
    let found = DebFormat.read(&d.path()).unwrap().unwrap();
    assert_eq!(names(&found.packages), ["a 1 all"]);
    assert_eq!((found.packages[0].size, found.packages[0].installed_size), (44, 3072));
    assert!(found.damaged.len() == 1 && found.damaged[0].1.contains("not there"), "{found:?}");
    let suites = index::suites(&d.path());
    assert_eq!(
        (suites.len(), suites[0].name.as_str(), suites[0].components.as_slice()),
        (1, "bookworm", &["main".to_owned()][..])
    );

    // Flat: what the index does not know, or knows otherwise, is opened.
    fs::remove_dir_all(d.path().join("dists")).unwrap();
    let size = d.path().join("pool/main/a/a_1_all.deb").metadata().unwrap().len();
    let index = stanza("a", "pool/main/a/a_1_all.deb")
        .replace("Size: 44", &format!("Size: {size}"))
        .replace("Description: x", "Description: of the index");
    fs::write(d.path().join("Packages"), index).unwrap();
    let found = DebFormat.read(&d.path()).unwrap().unwrap();
    assert_eq!(names(&found.packages), ["a 1 all", "loose 1 all"]);
    assert_eq!(found.packages[0].summary, "of the index");
    fs::write(d.path().join("Packages"), stanza("a", "pool/main/a/a_1_all.deb")).unwrap();
    assert_eq!(DebFormat.read(&d.path()).unwrap().unwrap().packages[0].summary, "made up");
}

const LOG: &str = "src (2.0-1) stable; urgency=low\n\n  * CVE-2024-1111: again. (Closes: #1000002)\n\n -- A <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n\n\
    src (1.0-5) stable; urgency=low\n\n  * CVE-2024-1111, LP: #2000001, CVE-2024-2222\n\n -- A <a@b>  Sun, 01 Jan 2023 00:00:00 +0000\n";

#[test]
fn fixes_of_changelogs() {
    let Some(d) = Directory::new() else { return };
    let log = "usr/share/doc/tool/changelog.Debian.gz";
    d.deb(
        "",
        "tool",
        "2.0-1+b2",
        "Source: src (2.0-1)\n",
        "-Zxz",
        &[(log, LOG), ("usr/share/doc/tool/changelog.gz", "upstream's news")],
    );
    d.deb("", "tool", "1.0-1", "Source: src\n", "-Zxz", &[]);
    d.deb(
        "",
        "libtool9",
        "7.7",
        "Source: src (2.0-1)\n",
        "-Zxz",
        &[("usr/share/doc/libtool9", "->tool")],
    );
    d.deb(
        "",
        "other",
        "5",
        "",
        "-Zxz",
        &[(
            "usr/share/doc/other/changelog.gz",
            &LOG.replace("src (2.0-1)", "other (5)")
                .replace("src (", "other (")
                .replace("1111", "3333")
                .replace("#1000002", "#7"),
        )],
    );
    let base = "base-files (12.4+deb12u5) bookworm; urgency=low\n\n  * Change /etc/debian_version to 12.5, for Debian 12.5 point release.\n\n -- A\n";
    d.deb(
        "",
        "base-files",
        "12.4+deb12u5",
        "",
        "-Zxz",
        &[("usr/share/doc/base-files/changelog.gz", base)],
    );

    // All others come along where a name is not known.
    assert_eq!(d.fixes(&["CVE-1999-1"], "bookworm").len(), d.fixes(&[], "bookworm").len());
    let of = |word: &str| {
        let mut found = d.fixes(&[word], "bookworm");
        let known = found.iter().any(|f| f.id == word || f.names.iter().any(|n| n == word));
        assert!(!known || found.len() == 1, "{word}: {found:?}");
        found.pop().filter(|_| known)
    };
    let packages = |word: &str| of(word).map(|f| f.packages).unwrap_or_default();
    let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
    // The newest mention; a package with versions of its own has it in the one that is here.
    for word in ["CVE-2024-1111", "cve-2024-1111"] {
        assert_eq!(packages(word), [pair("libtool9", "7.7"), pair("tool", "2.0-1")], "{word}");
    }
    assert_eq!(
        packages("CVE-2024-2222"),
        [pair("other", "1.0-5"), pair("libtool9", "7.7"), pair("tool", "1.0-5")]
    );
    assert_eq!((packages("LP: #2000001").len(), packages("Closes: #7").len()), (3, 1));
    assert_eq!(packages("CVE-2024-3333"), [pair("other", "5")]);
    for word in ["#1000002", "1000002", "bug 1000002"] {
        let fix = of(word).unwrap();
        assert_eq!(fix.id, "#1000002");
        assert!(word == fix.id || fix.names.contains(&word.to_owned()), "{fix:?}");
    }
    assert_eq!(packages("LP#1000002"), []);
    assert_eq!(packages("12.5_ML"), [pair("base-files", "12.4+deb12u5")]);
    assert_eq!(packages("12.3"), [pair("base-files", "12.4+deb12u3")]);
    assert_eq!((packages("12.6"), packages("11.3")), (vec![], vec![]));
    let all: Vec<String> = d.fixes(&[], "bookworm").into_iter().map(|f| f.id).collect();
    assert_eq!(
        all,
        ["#1000002", "#7", "12.5", "CVE-2024-1111", "CVE-2024-2222", "CVE-2024-3333", "LP#2000001"]
    );
}

#[test]
fn fixes_of_advisories() {
    let Some(d) = Directory::new() else { return };
    d.deb("", "openssl", "3.0.15-1~deb12u1", "", "-Zxz", &[]);
    d.deb("", "libssl3", "3.0.15-1~deb12u1", "Source: openssl\n", "-Zxz", &[]);
    d.deb("", "twisted-bin", "22.4.0-4", "Source: twisted\n", "-Zxz", &[]);
    let fixture = |name: &str| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/software/deb").join(name)
    };
    fs::create_dir_all(d.path().join("advisories/DSA")).unwrap();
    fs::copy(fixture("DSA.list"), d.path().join("advisories/DSA/list")).unwrap();
    let version = |name: &str, v: &str| (name.to_owned(), v.to_owned());
    for word in ["DSA-5764-1", "dsa-5764", "CVE-2024-6119"] {
        let found = d.fixes(&[word], "bookworm");
        assert_eq!((found.len(), found[0].id.as_str()), (1, "DSA-5764-1"), "{word}");
        assert_eq!(
            found[0].packages,
            [version("libssl3", "3.0.14-1~deb12u2"), version("openssl", "3.0.14-1~deb12u2")]
        );
    }
    let known = |word: &str, codename: &str| {
        d.fixes(&[word], codename).iter().any(|f| f.names.iter().any(|n| n == word))
    };
    assert!(!known("CVE-2024-6119", "bullseye"));
    assert_eq!(d.fixes(&["CVE-2024-6119"], "").len(), 1, "no release is known");
    // The location's package is older than the fix.
    assert!(!known("CVE-2024-41671", "bookworm"));
    assert_eq!(d.fixes(&[], "bookworm").len(), 1);
    fs::copy(fixture("tracker.json"), d.path().join("tracker.json")).unwrap();
    fs::copy(fixture("usn.json"), d.path().join("database.json")).unwrap();
    fs::write(d.path().join("odd.json"), "[1, 2").unwrap();
    let by_bug = d.fixes(&["bug 1080000"], "bookworm");
    assert_eq!((by_bug.len(), by_bug[0].packages.len()), (1, 2));
    assert_eq!(d.fixes(&["USN-6986-1"], "jammy")[0].packages.len(), 2);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn damaged_packages_are_told(at in 0usize..2000, byte in 0u8..=255, end in 0usize..2000) {
        let control = b"Package: a\nVersion: 1\nArchitecture: all\n";
        let tar = build_tar(&[("./control", control)]);
        let whole = build_ar(&[("debian-binary", b"2.0\n"), ("control.tar", &tar), ("data.tar", &tar)]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.deb");
        fs::write(&path, &whole).unwrap();
        let entries = |path: &Path| file::Deb::open(path).map_err(anyhow::Error::msg).and_then(|d| d.control());
        let fields = entries(&path).unwrap();
        proptest::prop_assert_eq!(fields.get("version"), Some("1"));
        let mut bad = whole;
        bad[at] = byte;
        bad.truncate(bad.len() - end);
        fs::write(&path, bad).unwrap();
        let _ = entries(&path);
        let _ = documents::read(&path, "a", &mut |_| true);
    }
}

#[test]
fn architectures_of_a_system() {
    let dir = tempfile::tempdir().unwrap();
    assert!(is_for("riscv64", &architectures(dir.path()).unwrap()), "it does not say");
    let at = dir.path().join("var/lib/dpkg");
    fs::create_dir_all(&at).unwrap();
    let of = |name: &str, arch: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\nVersion: 1\n\n"
        )
    };
    fs::write(at.join("status"), of("old", "armel") + &of("dpkg", "amd64")).unwrap();
    let known = architectures(dir.path()).unwrap();
    assert_eq!(
        ["amd64", "all", "i386", "armel"].map(|a| is_for(a, &known)),
        [true, true, false, false]
    );
    fs::write(at.join("arch"), "amd64\ni386\n").unwrap();
    assert!(is_for("i386", &architectures(dir.path()).unwrap()));
}

#[test]
fn suites_for_who_names_a_version() {
    let Some(d) = Directory::new() else { return };
    for (suite, version, more) in [
        ("bookworm", "1", ""),
        ("bookworm-backports", "3~bpo12+1", "NotAutomatic: yes\n"),
        ("bookworm-security", "2", ""),
    ] {
        let log = format!(
            "tool ({version}) x; urgency=low\n\n  * CVE-2024-1111\n\n -- A <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n"
        );
        d.deb(
            "pool",
            "tool",
            version,
            "",
            "-Zxz",
            &[("usr/share/doc/tool/changelog", log.as_str())],
        );
        let at = d.path().join("dists").join(suite).join("main/binary-all");
        fs::create_dir_all(&at).unwrap();
        let file = fs::read_dir(d.path().join("pool"))
            .unwrap()
            .flatten()
            .map(|e| e.file_name().into_string().unwrap());
        let file = file.into_iter().find(|f| f.starts_with(&format!("tool_{version}_"))).unwrap();
        let text = format!(
            "Package: tool\nVersion: {version}\nArchitecture: all\nFilename: pool/{file}\nSize: 1\n"
        );
        fs::write(at.join("Packages"), text).unwrap();
        fs::write(
            d.path().join("dists").join(suite).join("Release"),
            format!("Codename: {suite}\nComponents: main\n{more}"),
        )
        .unwrap();
    }
    let found = DebFormat.read(&d.path()).unwrap().unwrap();
    let versions: Vec<(&str, bool)> =
        found.packages.iter().map(|p| (p.version.as_str(), p.on_request)).collect();
    assert_eq!(versions, [("3~bpo12+1", true), ("2", false), ("1", false)]);
    assert_eq!(
        d.fixes(&["CVE-2024-1111"], "bookworm")[0].packages,
        [("tool".to_owned(), "2".to_owned())]
    );
}

#[test]
fn fixes_of_a_source_that_had_another_name() {
    let Some(d) = Directory::new() else { return };
    let log = |source: &str, version: &str, text: &str| {
        format!(
            "{source} ({version}) x; urgency=low\n\n  * {text}\n\n -- A <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n\n"
        )
    };
    let text = log("tool11", "3.11.9", "CVE-2024-1111")
        + &log("tool11", "3.11.0", "Renamed")
        + &log("tool10", "3.10.4", "CVE-2023-2222");
    d.deb("", "tool11", "3.11.9", "", "-Zxz", &[("usr/share/doc/tool11/changelog", text.as_str())]);
    for (cve, version) in [("CVE-2024-1111", "3.11.9"), ("CVE-2023-2222", "3.11.0")] {
        assert_eq!(
            d.fixes(&[cve], "bookworm")[0].packages,
            [("tool11".to_owned(), version.to_owned())],
            "{cve}"
        );
    }
}
