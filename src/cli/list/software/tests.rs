use super::super::rows::format_list;
use super::*;

fn available(name: &str, version: &str, arch: &str, summary: &str) -> Available {
    Available {
        name: name.into(),
        version: version.into(),
        arch: arch.into(),
        summary: summary.into(),
        ..Available::default()
    }
}

fn installed() -> Installed {
    let package = |name: &str, version: &str, arch: &str| Package {
        name: name.into(),
        version: version.into(),
        arch: arch.into(),
    };
    Installed::new(vec![
        package("vim", "2:9.0-1", "amd64"),
        package("tz", "2024a", "all"),
        package("libc6", "2.36", "amd64"),
        package("libc6", "2.36", "i386"),
    ])
}

#[test]
fn packages_beside_what_is_installed() {
    let contents = Contents {
        format: &crate::software::formats::deb::DebFormat,
        packages: vec![
            available("libc6", "2.37", "amd64", "C library"),
            available("libc6", "2.37", "i386", "C library"),
            available(
                "nano",
                "7.2-1",
                "amd64",
                "small, friendly text editor inspired by Pico, with many options",
            ),
            available("nano", "7.1-1", "amd64", "older"),
            available("tz", "2024a", "all", "zones"),
            available("vim", "2:9.1-1", "arm64", "Vi IMproved"),
            available("evil name", "1", "all", "\u{1b}[2J"),
            available(
                "a-name-that-is-longer-than-anybody-thought-it-could-be-and-then-some-more",
                "1",
                "all",
                "x",
            ),
        ],
        damaged: vec![("/u/broken.deb".into(), "it ends too early".into())],
    };
    let (heading, rows) = package_rows(&contents, &installed());
    assert_eq!(
        format_list(&heading, &rows),
        "#NAME                         VERSION INSTALLED WHAT IT IS\n\
         libc6                        2.37    2.36      C library\n\
         !libc6:i386                   2.37    2.36      C library\n\
         #    It is for i386, and comes along with those for amd64 that need it.\n\
         nano                         7.2-1   new       small, friendly text ..\n\
         nano=7.1-1                   7.1-1   new       older\n\
         tz                           2024a   same      zones\n\
         !vim:arm64                    2:9.1-1 new       Vi IMproved\n\
         #    It is for arm64, and nothing of that architecture is installed.\n\
         !evil name                    1       new       \\x1b[2J\n\
         #    Its name is none that a package can have.\n\
         a-name-that-is-longer-than-anybody-thought-it-could-be-and-then-some-more\n\
         !broken.deb\n\
         #    It cannot be used: it ends too early\n"
    );
    let many = Contents {
        packages: (0..3000).map(|n| available(&format!("p{n}"), "1", "all", "")).collect(),
        ..contents
    };
    let (_, rows) = package_rows(&many, &installed());
    assert_eq!(
        (rows.len(), rows[0].text.as_str()),
        (2, "3000 more packages are there: type their names into the field.")
    );
}

#[test]
fn bundles_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("web.bnd", "I:nginx\ncurl\n");
    write("all.list", "update_all\n");
    write("odd name.bundle", "x\n");
    write("torn.bnd", "a b\n");
    write("notes.txt", "vim\n");
    write("june.fix", "CVE-2024-1\n");
    let place = dir.path().display();
    let text = |what| {
        let (heading, rows) = rows(what, dir.path().to_str()).unwrap();
        format_list(&heading, &rows).replace(&format!("{place}"), "").replace("  ", " ")
    };
    let packages = text(What::Bundles);
    for part in [
        "update_all",
        "\n/all.list ",
        "every update\n",
        "\n/web.bnd ",
        " 2 packages\n# nginx curl\n",
        "\n!/odd name.bundle",
        "write each name on a line",
    ] {
        assert!(packages.replace("  ", " ").contains(part), "{part:?} in {packages}");
    }
    assert!(!packages.contains("notes") && !packages.contains("june"));
    let fixes = text(What::FixBundles);
    assert!(
        fixes.contains("\n/june.fix") && fixes.contains("1 fix\n") && !fixes.contains("update_all"),
        "{fixes}"
    );
    let (_, none) = rows(What::Bundles, None).unwrap();
    assert_eq!(none.len(), 1);
    assert!(rows(What::FixBundles, Some("https://h/x")).unwrap().1[0].refused);
}

#[test]
fn fixes_with_what_brings_them() {
    let fix = Fix {
        id: "DSA-5678-1".into(),
        names: (1..9).map(|n| format!("CVE-2024-{n}")).collect(),
        title: "glibc: security update".into(),
        packages: vec![("libc6".into(), "2.37".into()), ("nscd".into(), "2.37".into())],
    };
    let old = Fix {
        id: "CVE-2020-1".into(),
        packages: vec![("libc6".into(), "2.30".into())],
        ..Fix::default()
    };
    let (heading, rows) =
        fix_rows(&[fix, old], &installed(), &crate::software::formats::deb::DebFormat);
    assert_eq!(
        format_list(&heading, &rows),
        "#FIX                    WHAT IT MENDS\n\
         DSA-5678-1             glibc: security update\n\
         #    CVE-2024-1, CVE-2024-2, CVE-2024-3, CVE-2024-4, CVE-2024-5,\n\
         #    CVE-2024-6, and 2 more\n\
         #    libc6 2.37 (installed: 2.36), nscd 2.37 (not installed)\n\
         !1 other fix is there: it is already installed, or does not apply to this system.\n"
    );
}

#[test]
fn places_to_choose_from() {
    let (heading, rows) = location_rows(
        &[("/media/usb".into(), "/dev/sdc1".into()), ("/mnt/a b".into(), "/dev/sdd".into())],
        &["/dev/sr0".into()],
    );
    assert_eq!(
        format_list(&heading, &rows),
        "#LOCATION                         WHAT IT IS\n\
         configured                       the repositories that this system has\n\
         /media/usb                       mounted from /dev/sdc1\n\
         !/mnt/a b                         mounted from /dev/sdd\n\
         #    There are blanks or the like in its name: type it into the field.\n\
         /dev/sr0                         drive: its medium is mounted for you\n"
    );
    assert_eq!(locations().unwrap().1[0].text.split(' ').next(), Some("configured"));
}

#[test]
fn what_cannot_be_listed() {
    let told = |what, place| error::find(&rows(what, place).unwrap_err()).unwrap().to_string();
    assert_eq!(told(What::Packages, None), "ALT-754: no directory is named");
    assert_eq!(
        told(What::Packages, Some("https://h/d bookworm")),
        "ALT-743: what https://h/d bookworm offers is not known here"
    );
    assert_eq!(
        told(What::Fixes, Some("configured")),
        "ALT-743: what configured offers is not known here"
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(
        told(What::Packages, empty.path().to_str())
            .starts_with("ALT-732: there are no packages in")
    );
}
