//! In a real Debian, over which a file system is laid that takes what is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod root;

use root::Root;

use super::*;
use crate::software::flags::Flags;
use crate::software::source::PackageSource;

fn flags() -> Flags {
    Flags { requisites: true, ..Flags::default() }
}

fn requests(names: &[&str]) -> Vec<PackageRequest> {
    let request = |name: &&str| match name.split_once('=') {
        _ if *name == "all" => PackageRequest::AllUpdates,
        Some((name, version)) => {
            PackageRequest::Named { name: name.to_owned(), version: Some(version.to_owned()) }
        }
        None => PackageRequest::Named { name: (*name).to_owned(), version: None },
    };
    names.iter().map(request).collect()
}

fn install(root: &Root, flags: &Flags, names: &[&str]) -> Result<Transaction> {
    root.with(flags, |job| {
        Apt.prepare(job)?;
        let transaction = Apt.transaction(job, &requests(names), &[])?;
        Apt.apply(job, &requests(names))?;
        Ok(transaction)
    })
}

fn id(e: &anyhow::Error) -> (&'static str, String) {
    error::find(e).map(|alt| (alt.entry.id, alt.cause.clone())).unwrap_or_default()
}

#[test]
fn a_directory_of_packages() {
    let Some(root) = Root::new() else { return };
    root.deb(
        "tool",
        "1.0",
        "",
        &[("etc/tool.conf", "one\n"), ("DEBIAN/conffiles", "/etc/tool.conf\n")],
    );
    root.deb(
        "tool",
        "1:2.0",
        "Depends: needed\n",
        &[("etc/tool.conf", "two\n"), ("DEBIAN/conffiles", "/etc/tool.conf\n")],
    );
    root.deb("needed", "5", "", &[("usr/share/needed", "x")]);
    root.deb("tool", "3.0~beta", "", &[]);
    // Files of one name but for the epoch, in other directories, by links, with names that are
    // decoded.
    let dir = root.packages();
    fs::create_dir_all(dir.join("more/pool")).unwrap();
    root.deb("tool", "2.0", "", &[]);
    fs::rename(dir.join("tool_2.0_all.deb"), dir.join("more/pool/tool_1%3a2.0 x_all.deb")).unwrap();
    root.deb(
        "tool",
        "1:2.0",
        "Depends: needed\n",
        &[("etc/tool.conf", "two\n"), ("DEBIAN/conffiles", "/etc/tool.conf\n")],
    );
    fs::rename(dir.join("needed_5_all.deb"), dir.join("more/needed")).unwrap();
    std::os::unix::fs::symlink(dir.join("more/needed"), dir.join("needed.deb")).unwrap();
    fs::write(root.packages().join("broken_1_all.deb"), "no package").unwrap();
    let lists = |root: &Root| {
        (
            root.read("etc/apt/sources.list"),
            fs::read_dir(root.inside.root.join("var/lib/apt/lists")).unwrap().count(),
        )
    };
    let before = lists(&root);

    let first = install(&root, &flags(), &["tool=1.0"]).unwrap();
    assert_eq!((first.changes.installed.len(), first.download, first.growth), (1, 0, 102_400));
    assert_eq!(root.version("tool").as_deref(), Some("1.0"));
    fs::write(root.inside.root.join("etc/tool.conf"), "mine\n").unwrap();

    // Everything: what is installed, and what that needs.
    let all = install(&root, &flags(), &["all"]).unwrap();
    let updates: Vec<&str> = all.changes.updated.iter().map(|u| u.after.as_str()).collect();
    assert!(updates.contains(&"1:2.0"), "{all:?}");
    assert_eq!(
        (root.version("tool").as_deref(), root.version("needed").as_deref()),
        (Some("1:2.0"), Some("5"))
    );
    // What the administrator changed stays, the new one lies beside it.
    assert_eq!(
        (root.read("etc/tool.conf").as_str(), root.read("etc/tool.conf.dpkg-dist").as_str()),
        ("mine\n", "two\n")
    );

    // Older only where it is named.
    assert!(install(&root, &flags(), &["tool"]).unwrap().changes.is_empty());
    let back = install(&root, &flags(), &["tool=1.0"]).unwrap();
    assert_eq!(
        (
            back.changes.updated[0].before.as_str(),
            back.changes.updated[0].after.as_str(),
            back.growth
        ),
        ("1:2.0", "1.0", 0)
    );

    // Without requisites what they would be is told, and nothing else is proposed.
    let alone = Flags { requisites: false, ..Flags::default() };
    Command::new("dpkg")
        .arg(format!("--root={}", root.inside.root.display()))
        .args(["-P", "needed", "tool"])
        .output()
        .unwrap();
    let found = root.with(&alone, |job| {
        Apt.prepare(job).unwrap();
        assert_eq!(Apt.available(job).unwrap().len(), 5);
        Apt.transaction(job, &requests(&["tool=1:2.0"]), &[]).unwrap()
    });
    let names: Vec<&str> = found.changes.installed.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["needed", "tool"]);
    assert_eq!(lists(&root), before, "the copy's own lists");
}

#[test]
fn scripts_that_fail_and_what_mends_them() {
    let Some(root) = Root::new() else { return };
    root.deb(
        "bad",
        "1",
        "",
        &[("DEBIAN/postinst", "#!/bin/sh\necho the disk of the moon is missing >&2\nexit 7\n")],
    );
    root.deb("needs", "1", "Depends: nothere (>= 2)\n", &[]);
    root.deb("foe", "1", "Conflicts: other\n", &[]);
    root.deb("other", "1", "", &[]);
    let (code, cause) = id(&install(&root, &flags(), &["needs"]).unwrap_err());
    assert!(code == "ALT-740" && cause.contains("needs : Depends: nothere (>= 2)"), "{cause}");
    let (code, cause) = id(&install(&root, &flags(), &["foe", "other"]).unwrap_err());
    assert!(code == "ALT-740" && cause.contains("Conflicts: other"), "{cause}");

    let (code, cause) = id(&install(&root, &flags(), &["bad"]).unwrap_err());
    assert!(
        code == "ALT-730"
            && cause.contains("the disk of the moon is missing")
            && cause.contains("bad"),
        "{cause}"
    );
    // As it is, everything fails; with another version there all is well.
    let (code, _) = id(&install(&root, &flags(), &["other"]).unwrap_err());
    assert_eq!(code, "ALT-730");
    root.deb("bad", "2", "", &[("DEBIAN/postinst", "#!/bin/sh\nexit 0\n")]);
    install(&root, &flags(), &["bad", "other"]).unwrap();
    assert_eq!(root.version("bad").as_deref(), Some("2"));
    let audit = Command::new("dpkg")
        .arg(format!("--root={}", root.inside.root.display()))
        .arg("--audit")
        .output()
        .unwrap();
    assert!(audit.stdout.is_empty(), "{audit:?}");
}

#[test]
fn grub_is_told_to_write_to_no_disk() {
    let Some(root) = Root::new() else { return };
    let templates = "Template: grub-pc/install_devices\nType: multiselect\nChoices: /dev/sda, /dev/sdb\nDescription: Where?\n\n\
                     Template: grub2/update_nvram\nType: boolean\nDefault: true\nDescription: Firmware?\n\n\
                     Template: grub-pc/other\nType: string\nDefault: kept\nDescription: What?\n";
    let asks = "#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\nfor q in grub-pc/install_devices grub2/update_nvram grub-pc/other; do\n\
                db_input critical $q || true; db_go || true; db_get $q; echo \"$q=$RET\" >>/etc/answers; done\ndb_set grub-pc/install_devices /dev/sdb\n";
    root.deb("grub-pc", "99", "", &[("DEBIAN/templates", templates), ("DEBIAN/postinst", asks)]);
    let preset = "grub-pc grub-pc/install_devices multiselect /dev/sda\ngrub-pc grub2/update_nvram boolean true\n";
    let set = crate::host::cmd::Cmd::new("debconf-set-selections", "test")
        .in_sandbox(&root.inside)
        .stdin(preset);
    set.run(&root.events).unwrap();
    install(&root, &flags(), &["grub-pc"]).unwrap();
    assert_eq!(
        root.read("etc/answers"),
        "grub-pc/install_devices=\ngrub2/update_nvram=false\ngrub-pc/other=kept\n"
    );
    // The alternate's own answers are as before, and what else was asked is kept.
    let show = crate::host::cmd::Cmd::new("debconf-show", "test")
        .args(["grub-pc"])
        .in_sandbox(&root.inside)
        .read()
        .unwrap()
        .text();
    for line in
        ["grub-pc/install_devices: /dev/sda", "grub2/update_nvram: true", "grub-pc/other: kept"]
    {
        assert!(show.contains(line), "no {line:?} in\n{show}");
    }
}

/// Serves the files of a directory on a port of this machine, as long as the test program runs.
fn served(dir: PathBuf) -> String {
    served_to(dir, "")
}

/// The same, for those who send this line.
fn served_to(dir: PathBuf, wanted: &'static str) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let dir = dir.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut lines =
                        (&mut reader).lines().map_while(Result::ok).take_while(|l| !l.is_empty());
                    let Some(first) = lines.next() else { return };
                    let allowed = lines.fold(wanted.is_empty(), |ok, line| ok | (line == wanted));
                    let path = first.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
                    let (status, body) = match fs::read(dir.join(path)) {
                        _ if !allowed => ("401 Unauthorized", vec![]),
                        Ok(body) => ("200 OK", body),
                        Err(_) => ("404 Not Found", vec![]),
                    };
                    let head =
                        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
                    if (&stream).write_all(&[head.as_bytes(), &body].concat()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// The index of what was built, as dpkg-scanpackages writes it.
fn index(dir: &Path) -> String {
    let out = |program: &str, args: &[&str], file: &Path| {
        String::from_utf8(Command::new(program).args(args).arg(file).output().unwrap().stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    };
    let mut text = String::new();
    for file in fs::read_dir(dir)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
    {
        let sum = out("sha256sum", &[], &file);
        let (name, size) =
            (file.file_name().unwrap().to_string_lossy(), file.metadata().unwrap().len());
        text += &format!(
            "{}\nFilename: {name}\nSize: {size}\nSHA256: {}\n\n",
            out("dpkg-deb", &["-f"], &file),
            &sum[..64]
        );
    }
    text
}

/// apt gets the password of a URL and the options of `-I` with passwords in files; its command
/// line, its words and its logs have none.
#[test]
fn passwords_go_to_apt_in_files() {
    let Some(root) = Root::new() else { return };
    // joe:geh/eim@42
    const LINE: &str = "Authorization: Basic am9lOmdlaC9laW1ANDI=";
    root.deb("tool", "2.0", "", &[]);
    let dir = root.packages();
    fs::write(dir.join("Packages"), index(&dir)).unwrap();
    let url = served_to(dir, LINE).replace("://", "://joe:geh%2Feim%4042@");
    let option = "Acquire::Nothing::Password=p%w;//x y";
    let own = ["--allow-unauthenticated", "-o", option].map(str::to_owned).to_vec();
    let source = PackageSource::Url { url: url.as_str().into(), rest: vec![] };
    let flags = Flags { native: Some(own), ..flags() };
    root.with(&flags, |job| {
        let job = Job { source: &source, work: job.work.clone(), ..*job };
        Apt.prepare(&job)?;
        Apt.transaction(&job, &requests(&["tool"]), &[])?;
        let own = work::work_path(&job, "own.conf");
        let value = Call::new(&job, "apt-config", "test").args(["-c"]).args([own]).args([
            "shell",
            "VALUE",
            "Acquire::Nothing::Password",
        ]);
        assert_eq!(value.cmd().read()?.text(), "VALUE='p%w;//x y'\n");
        let argv = Call::new(&job, "apt-get", "test").flags().cmd().argv().join(" ");
        let (argv, sources) =
            (argv, job.copy()?.text(work::work_path(&job, "sources.list")).unwrap());
        for text in [argv, sources, root.read("var/log/apt/history.log")] {
            assert!(!["geh", "p%w", "joe"].iter().any(|secret| text.contains(secret)), "{text}");
        }
        for name in ["auth.conf", "own.conf", "sources.list"] {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &job.copy()?.open_file(work::work_path(&job, name))?.metadata()?.permissions(),
            );
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        Apt.apply(&job, &requests(&["tool"]))
    })
    .unwrap();
    assert_eq!(root.version("tool").as_deref(), Some("2.0"));
    let history = root.read("var/log/apt/history.log");
    assert!(
        history.contains("Commandline: ") && !history.contains("p%w") && !history.contains("geh"),
        "{history}"
    );
}

#[test]
fn a_repository_at_a_url() {
    let Some(root) = Root::new() else { return };
    let log = "tool (2.0) stable; urgency=low\n\n  * CVE-2024-7777\n\n -- A <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n";
    root.deb("tool", "1.0", "", &[]);
    install(&root, &flags(), &["tool"]).unwrap();
    root.deb("tool", "2.0", "Depends: needed\n", &[("usr/share/doc/tool/changelog", log)]);
    root.deb("needed", "1", "", &[]);
    let dir = root.packages();
    fs::write(dir.join("Packages"), index(&dir)).unwrap();
    let url = served(dir.clone());
    let at = |flags: &Flags, rest: &[&str], act: &dyn Fn(&Job) -> Result<()>| {
        let source = PackageSource::Url {
            url: url.as_str().into(),
            rest: rest.iter().map(|r| (*r).to_owned()).collect(),
        };
        root.with(flags, |job| act(&Job { source: &source, work: job.work.clone(), ..*job }))
    };
    // Nobody signed it.
    let (code, cause) = id(&at(&flags(), &[], &|job| Apt.prepare(job)).unwrap_err());
    assert!(code == "ALT-732" && cause.contains("does not have a Release file"), "{cause}");
    let unsigned = Flags { native: Some(vec!["--allow-unauthenticated".to_owned()]), ..flags() };
    at(&unsigned, &[], &|job| {
        Apt.prepare(job)?;
        let names: Vec<String> =
            Apt.available(job)?.into_iter().map(|a| format!("{} {}", a.name, a.version)).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        let found = Apt.fixes(job, &["cve-2024-7777".to_owned()], &[])?;
        assert_eq!(found[0].packages, [("tool".to_owned(), "2.0".to_owned())]);
        let transaction = Apt.transaction(job, &requests(&["all"]), &[])?;
        assert!(transaction.download > 1000 && transaction.growth == 102_400, "{transaction:?}");
        Apt.apply(job, &requests(&["all"]))
    })
    .unwrap();
    assert_eq!(
        (root.version("tool").as_deref(), root.version("needed").as_deref()),
        (Some("2.0"), Some("1"))
    );

    // With suites: that of the release, and its components, are found.
    let (code, cause) = id(&at(&unsigned, &["bookworm"], &|job| Apt.prepare(job)).unwrap_err());
    assert!(code == "ALT-732" && cause.contains("no suite bookworm"), "{cause}");
    let suite = dir.join("dists/bookworm/main/binary-amd64");
    fs::create_dir_all(&suite).unwrap();
    root.deb("needed", "2", "", &[]);
    fs::write(suite.join("Packages"), index(&dir)).unwrap();
    let sum = Command::new("sha256sum").arg(suite.join("Packages")).output().unwrap().stdout;
    let size = suite.join("Packages").metadata().unwrap().len();
    let release = format!(
        "Codename: bookworm\nComponents: main\nArchitectures: amd64\nSHA256:\n {} {size} main/binary-amd64/Packages\n",
        String::from_utf8_lossy(&sum[..64])
    );
    fs::write(dir.join("dists/bookworm/Release"), release).unwrap();
    for rest in [&[][..], &["bookworm"][..], &["bookworm", "main"][..]] {
        at(&unsigned, rest, &|job| {
            Apt.prepare(job)?;
            assert!(Apt.available(job)?.iter().any(|a| a.name == "needed" && a.version == "2"));
            assert_eq!(Apt.transaction(job, &requests(&["needed"]), &[])?.changes.updated.len(), 1);
            Ok(())
        })
        .unwrap();
    }
    // The same as a directory.
    install(&root, &flags(), &["all"]).unwrap();
    assert_eq!(root.version("needed").as_deref(), Some("2"));
}
