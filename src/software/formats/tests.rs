//! The rules of the formats, side by side.

use super::arch::PacmanFormat;
use super::deb::DebFormat;
use super::rpm::RpmFormat;
use super::*;

const DEB: Format = &DebFormat;
const RPM: Format = &RpmFormat;
const ARCH: Format = &PacmanFormat;

#[test]
fn fixes_match_in_any_spelling() {
    for (format, asked, id) in [
        (DEB, "LP: #12", "LP#12"),
        (DEB, "bug 12", "#12"),
        (DEB, "12", "LP#12"),
        (DEB, "Closes: #12", "#12"),
        (DEB, "dsa-12", "DSA-12-1"),
        (RPM, "rhsa-2024:1234", "RHSA-2024:1234"),
        (RPM, "bsc#12", "#12"),
        (ARCH, "avg-12", "AVG-12"),
    ] {
        assert!(format.is_same_fix(asked, id), "{asked} {id}");
    }
    for (format, asked, id) in [
        (DEB, "LP#12", "#12"),
        (DEB, "lp: #12", "#12"),
        (DEB, "#12", "CVE-2024-12"),
        (DEB, "closes: #12", "LP#12"),
        (DEB, "bsc#12", "#12"),
        (DEB, "CVE-2024-12", "12"),
        (DEB, "DSA-12-1", "DSA-12-2"),
        (RPM, "LP#12", "#12"),
        (ARCH, "AVG-1", "AVG-12"),
    ] {
        assert!(!format.is_same_fix(asked, id), "{asked} {id}");
    }
}

#[test]
fn names_with_architectures() {
    for (format, word, meant) in [
        (DEB, "python3", true),
        (DEB, "python3:all", true),
        // apt takes this for a pattern.
        (DEB, "python3.all", false),
        (DEB, "python3:amd64", false),
        (RPM, "python3.all", true),
        (RPM, "python3:all", false),
        (ARCH, "python3", true),
        (ARCH, "python3.all", false),
        (RPM, "python3.", false),
        (DEB, "python", false),
    ] {
        assert_eq!(format.is_named(word, "python3", "all"), meant, "{word}");
    }
    let names = FORMATS.map(|format| format.qualified_name("vim", "x86_64"));
    assert_eq!(names, ["vim:x86_64", "vim.x86_64", "vim"]);
}

#[test]
fn databases_of_each_format() {
    let dir = tempfile::tempdir().unwrap();
    let write = |at: &str, text: &str| {
        let path = dir.path().join(at);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let lines = |format: Format| -> Vec<String> {
        let all = installed(dir.path(), format).unwrap();
        all.iter().map(|p| format!("{} {} {}", p.name, p.version, p.arch)).collect()
    };
    assert!(FORMATS.iter().all(|format| lines(*format).is_empty()));
    write(
        "var/lib/dpkg/status",
        "Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.0\nDescription: editor\n Status: deinstall\n\n\
         Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n\
         Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: 3\n",
    );
    assert_eq!(lines(DEB), ["half 3 all", "vim 2:9.0 amd64"]);
    write(
        "var/lib/pacman/local/zlib-1:1.3.1-2/desc",
        "%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n%ARCH%\nx86_64\n",
    );
    write("var/lib/pacman/local/ALPM_DB_VERSION", "9\n");
    assert_eq!(lines(ARCH), ["zlib 1:1.3.1-2 x86_64"]);
}
