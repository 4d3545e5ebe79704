//! Software updates by apt: a Debian machine in a namespace clones itself, and its copy is updated
//! from directories of packages that are built here. The machine itself stays as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Machine, missing, said, same};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const UPDATE: &str = "alt_disk_install -C -B -P 2 -l /updates";

/// A machine with `tool` 1.0 installed, whose clone stands after phase 1, and the directory of
/// packages.
fn cloned(name: &str) -> Option<(Machine, Packages)> {
    let absent = ["dpkg-deb", "gzip"].into_iter().find(|p| !Path::new("/usr/bin").join(p).exists());
    if let Some(why) = missing().or(absent.map(|p| format!("{p} not installed"))) {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    machine.blank("target", 2600);
    let packages = Packages { at: machine.root().join("updates") };
    fs::create_dir(&packages.at).unwrap();
    packages.build(
        "tool",
        "1.0",
        "",
        &[("etc/tool.conf", "one\n"), ("DEBIAN/conffiles", "/etc/tool.conf\n")],
    );
    machine.must(
        "dpkg -i /updates/tool_1.0_all.deb && rm /updates/*.deb && echo mine >/etc/tool.conf",
    );
    Some((machine, packages))
}

fn phase_1(machine: &Machine) {
    said(&machine.run("alt_disk_install -C -B -P 1 target"), 0, &[]);
}

struct Packages {
    at: PathBuf,
}

impl Packages {
    /// Builds a package into the directory; `files`: path and content, scripts begin with `#!`,
    /// names that end with .gz are packed.
    fn build(&self, name: &str, version: &str, control: &str, files: &[(&str, &str)]) {
        let dir = tempfile::tempdir().unwrap();
        let build = dir.path().join("build");
        fs::create_dir_all(build.join("DEBIAN")).unwrap();
        let size = if control.contains("Installed-Size") { "" } else { "Installed-Size: 20\n" };
        let text = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\n{size}{control}Description: made for a test\n"
        );
        fs::write(build.join("DEBIAN/control"), text).unwrap();
        for (path, content) in files {
            let to = build.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(&to, content).unwrap();
            if content.starts_with("#!") {
                assert!(Command::new("chmod").arg("755").arg(&to).status().unwrap().success());
            }
            if path.ends_with(".gz") {
                let packed = Command::new("gzip").arg("-nc").arg(&to).output().unwrap().stdout;
                fs::File::create(&to).unwrap().write_all(&packed).unwrap();
            }
        }
        let done = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zgzip", "-b"])
            .arg(&build)
            .arg(&self.at)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    fn remove(&self, name: &str) {
        for file in fs::read_dir(&self.at).unwrap().flatten() {
            if file.file_name().to_string_lossy().starts_with(&format!("{name}_")) {
                fs::remove_file(file.path()).unwrap();
            }
        }
    }
}

/// The version of a package in the alternate; empty where it is not installed.
fn version(machine: &Machine, name: &str) -> String {
    let ask = format!(
        "dpkg-query --admindir=/alt_inst/var/lib/dpkg -W -f '${{Version}} ${{db:Status-Status}}' {name} 2>/dev/null || true"
    );
    machine.must(&ask)
}

fn changelog(source: &str, version: &str, text: &str) -> String {
    format!(
        "{source} ({version}) stable; urgency=low\n\n  * {text}\n\n -- A <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n"
    )
}

#[test]
fn packages_bundles_and_fixes() {
    let Some((machine, packages)) = cloned("updates-deb") else { return };
    let service = "#!/bin/sh\nset -e\ndeb-systemd-invoke start tool.service || true\n\
        invoke-rc.d tool start || true\n. /usr/share/debconf/confmodule\ndb_input critical tool/question || true\ndb_go || true\ndb_get tool/question\n\
        echo \"$RET\" >/etc/tool.answer\n";
    packages.build(
        "tool",
        "2.0",
        "Depends: needed (>= 5)\n",
        &[
            ("etc/tool.conf", "two\n"),
            ("DEBIAN/conffiles", "/etc/tool.conf\n/etc/init.d/tool\n"),
            ("etc/init.d/tool", "#!/bin/sh\ntouch /var/lib/tool-runs\n"),
            ("DEBIAN/postinst", service),
            (
                "DEBIAN/templates",
                "Template: tool/question\nType: string\nDefault: answer\nDescription: What?\n",
            ),
            (
                "usr/share/doc/tool/changelog.Debian.gz",
                &changelog("tool", "2.0", "Fix CVE-2024-0001 (Closes: #1068412). LP: #2012345"),
            ),
        ],
    );
    packages.build("needed", "5.0", "", &[("usr/share/needed", "x")]);
    packages.build("extra", "1.0", "", &[]);
    packages.build("extra", "0.9", "", &[]);
    fs::write(packages.at.join("notes_1_all.deb"), "no package").unwrap();
    let (before, state) = (machine.own(&["./updates"]), machine.state());
    phase_1(&machine);

    // Refused before anything is run.
    said(&machine.run(&format!("{UPDATE} -w nothere")), 3, &["ALT-733", "nothere"]);
    said(&machine.run(&format!("{UPDATE} -w extra=7")), 3, &["ALT-733", "0.9"]);
    said(
        &machine.run(&format!("{UPDATE} -F CVE-1999-0001")),
        3,
        &["ALT-734", "CVE-1999-0001", "CVE-2024-0001"],
    );

    said(&machine.run(&format!("{UPDATE} -w extra=0.9")), 0, &["notes_1_all.deb"]);
    assert_eq!(version(&machine, "extra"), "0.9 installed");
    // By the bug, in one of its writings; what it needs comes too, and nothing else.
    said(&machine.run(&format!("{UPDATE} -F '#1068412'")), 0, &["tool", "2.0"]);
    assert_eq!(
        (version(&machine, "tool"), version(&machine, "needed")),
        ("2.0 installed".into(), "5.0 installed".into())
    );
    assert_eq!(version(&machine, "extra"), "0.9 installed");
    let conf = machine.must(
        "cat /alt_inst/etc/tool.conf /alt_inst/etc/tool.conf.dpkg-dist /alt_inst/etc/tool.answer",
    );
    assert_eq!(
        conf, "mine\ntwo\nanswer\n",
        "what the administrator changed stays; questions get their defaults"
    );
    machine.must("test ! -e /alt_inst/var/lib/tool-runs");
    said(&machine.run(&format!("{UPDATE} -F CVE-2024-0001")), 0, &["has it already"]);

    // A bundle, then everything.
    packages.build(
        "tool",
        "2.1",
        "",
        &[("etc/tool.conf", "two\n"), ("DEBIAN/conffiles", "/etc/tool.conf\n")],
    );
    machine.must("printf '# ours\\nI:extra\\n' >/updates/bundle");
    said(&machine.run(&format!("{UPDATE} -b /updates/bundle")), 0, &["extra"]);
    assert_eq!(
        (version(&machine, "extra"), version(&machine, "tool")),
        ("1.0 installed".into(), "2.0 installed".into())
    );
    packages.build("new", "1.0", "", &[]);
    said(&machine.run(&format!("{UPDATE} -w all")), 0, &["2.1"]);
    assert_eq!(
        (version(&machine, "tool"), version(&machine, "new")),
        ("2.1 installed".into(), String::new())
    );
    said(&machine.run(&format!("{UPDATE} -w all")), 0, &["up to date"]);

    // Nothing of ours stays in the alternate.
    let left =
        machine.must("ls -d /alt_inst/var/cache/altdisk* /alt_inst/usr/sbin/policy-rc.d 2>/dev/null; dpkg --root=/alt_inst --audit; true");
    assert_eq!(left, "");
    machine.must("cmp /etc/apt/sources.list /alt_inst/etc/apt/sources.list && diff -r /var/lib/apt/lists /alt_inst/var/lib/apt/lists");
    same(&before, &machine.own(&["./updates"]));
    said(&machine.run("alt_disk_install -X"), 0, &[]);
    assert_eq!(machine.state(), state);
}

#[test]
fn what_fails_is_told_and_can_be_repeated() {
    let Some((machine, packages)) = cloned("updates-deb-bad") else { return };
    phase_1(&machine);
    let before = machine.own(&["./updates"]);
    packages.build(
        "bad",
        "1.0",
        "",
        &[("DEBIAN/postinst", "#!/bin/sh\necho the moon is missing >&2\nexit 7\n")],
    );
    packages.build("fat", "1.0", "Installed-Size: 90000000\n", &[]);
    packages.build("foe", "1.0", "Conflicts: friend\n", &[]);
    packages.build("friend", "1.0", "", &[]);
    packages.build("lonely", "1.0", "Depends: nothere\n", &[]);
    said(&machine.run(&format!("{UPDATE} -w fat")), 4, &["ALT-735"]);
    let unchanged = machine.run("alt_disk_install -C -B -P 3");
    said(&unchanged, 3, &["ALT-707", "the update changed no package"]);
    said(&machine.run(&format!("{UPDATE} -w 'foe friend'")), 4, &["ALT-740", "Conflicts: friend"]);
    said(
        &machine.run(&format!("{UPDATE} -w lonely")),
        4,
        &["ALT-740", "lonely : Depends: nothere"],
    );
    said(&machine.run(&format!("{UPDATE} -w bad")), 4, &["ALT-730", "the moon is missing"]);
    // As long as it is so, neither phase 2 nor phase 3 passes.
    said(&machine.run("alt_disk_install -C -B -P 3"), 3, &["ALT-707", "half installed"]);
    said(&machine.run(&format!("{UPDATE} -w friend")), 4, &["ALT-730", "bad"]);
    packages.build("bad", "2.0", "", &[("DEBIAN/postinst", "#!/bin/sh\nexit 0\n")]);
    said(&machine.run(&format!("{UPDATE} -w friend")), 0, &[]);
    assert_eq!(
        (version(&machine, "bad"), version(&machine, "friend")),
        ("2.0 installed".into(), "1.0 installed".into())
    );

    // One that hangs is stopped by an interrupt; mended, it is finished.
    packages.build(
        "slow",
        "1.0",
        "",
        &[(
            "DEBIAN/postinst",
            "#!/bin/sh\necho waiting for the moon\ntouch /root/waits\nsleep 1000\n",
        )],
    );
    let run = machine.hanging(&format!("{UPDATE} -w slow"));
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).unwrap();
    let done = run.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.code() == Some(4)
            && text.contains("waiting for the moon")
            && text.contains("stopped by a signal"),
        "{:?} {text}",
        done.status
    );
    assert_eq!(machine.must("pgrep -fc 'sleep 100[0]' || true").trim(), "0", "nothing goes on");
    packages.remove("slow");
    packages.build("slow", "1.1", "", &[]);
    machine.must("rm /alt_inst/root/waits");

    // Killed in the middle of dpkg, then resumed with what mends it.
    packages.build(
        "slow",
        "1.2",
        "",
        &[("DEBIAN/preinst", "#!/bin/sh\n[ -e /root/go ] || { touch /root/waits; sleep 1000; }\n")],
    );
    let mut run = machine.hanging(&format!("{UPDATE} -w slow=1.2"));
    run.kill().unwrap();
    run.wait().unwrap();
    machine.must("touch /alt_inst/root/go");
    said(&machine.run("alt_disk_install --resume"), 0, &[]);
    assert_eq!(version(&machine, "slow"), "1.2 installed");
    assert_eq!(machine.must("dpkg --root=/alt_inst --audit"), "");

    // Killed again; -X leaves nothing.
    machine.must("rm /alt_inst/root/go /alt_inst/root/waits");
    packages.build(
        "slow",
        "1.3",
        "",
        &[("DEBIAN/preinst", "#!/bin/sh\ntouch /root/waits\nsleep 1000\n")],
    );
    let mut run = machine.hanging(&format!("{UPDATE} -w slow"));
    run.kill().unwrap();
    run.wait().unwrap();
    said(&machine.run("alt_disk_install -X"), 0, &[]);
    assert_eq!(machine.must("pgrep -fc 'sleep 100[0]' || true").trim(), "0", "nothing goes on");
    same(&before, &machine.own(&["./updates"]));
}
