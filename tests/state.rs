//! What altdisk stores and says: no password in it, nobody else can write it, nothing odd in it is
//! believed, and a file system that is full or read-only does not keep a copy from being removed.
//! On a machine in a namespace (see `machine/`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "machine/mod.rs"]
mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Machine, missing, said, same};

/// Of the URL and of the proxy. Everything below is searched for them.
const PASSWORDS: [&str; 2] = ["geheim42/at@home", "proxypw77"];
const PHASE_1: &str = "alt_disk_install -C -B -P 1 target";
const NOBODY: &str = "setpriv --reuid=65534 --regid=65534 --clear-groups";

fn machine(name: &str) -> Option<Machine> {
    if let Some(why) = missing() {
        println!("skipped: {why}");
        return None;
    }
    let machine = Machine::new(name, "parts");
    machine.blank("target", 2600);
    Some(machine)
}

/// Files below these directories of the machine in which a password stands, with their modes. Not
/// the practice disks, whose free blocks keep what was removed from the copy.
fn found(machine: &Machine, places: &str) -> String {
    // As a URL has them, and as they are meant.
    let patterns = ["geheim42", "proxypw77"].map(|p| format!("-e {p}")).join(" ");
    machine.run(&format!("grep -rlaF --exclude-dir=practice {patterns} {places} | xargs -r stat -c '%a %n' | sort -k2")).stdout
}

fn has_password(text: &str) -> bool {
    PASSWORDS.iter().chain(&["geheim42"]).any(|p| text.contains(p))
}

/// A repository over HTTP, for those who send the password of the URL, and a proxy to it at the
/// same port. Returns its port.
fn served(dir: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let dir = dir.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut lines =
                        (&mut reader).lines().map_while(Result::ok).take_while(|l| !l.is_empty());
                    let Some(first) = lines.next() else { return };
                    // joe:geheim42/at@home
                    let allowed = lines.fold(false, |ok, line| {
                        ok | (line == "Authorization: Basic am9lOmdlaGVpbTQyL2F0QGhvbWU=")
                    });
                    let path = first.split(' ').nth(1).unwrap();
                    let path = path
                        .strip_prefix("http://")
                        .and_then(|p| p.split_once('/'))
                        .map_or(path, |(_, path)| path);
                    let (status, body) = match fs::read(dir.join(path.trim_start_matches('/'))) {
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
    port
}

/// A package whose script writes down every command line that it sees, then ends with this code, in
/// a flat repository.
fn package(dir: &Path, version: &str, code: u8) {
    let build = tempfile::tempdir().unwrap();
    fs::create_dir(build.path().join("DEBIAN")).unwrap();
    let control = format!(
        "Package: tool\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\nInstalled-Size: 20\nDescription: made for a test\n"
    );
    fs::write(build.path().join("DEBIAN/control"), &control).unwrap();
    let script = format!(
        "#!/bin/sh\ncat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >/root/seen 2>/dev/null\nexit {code}\n"
    );
    let at = build.path().join("DEBIAN/postinst");
    fs::write(&at, script).unwrap();
    assert!(Command::new("chmod").arg("755").arg(&at).status().unwrap().success());
    let file = dir.join("tool.deb");
    let done = Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Zgzip", "-b"])
        .arg(build.path())
        .arg(&file)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let sum =
        String::from_utf8(Command::new("sha256sum").arg(&file).output().unwrap().stdout).unwrap();
    let (sum, size) = (sum.split(' ').next().unwrap().to_owned(), file.metadata().unwrap().len());
    fs::write(
        dir.join("Packages"),
        format!("{control}Filename: ./tool.deb\nSize: {size}\nSHA256: {sum}\n\n"),
    )
    .unwrap();
}

/// The passwords of a URL and of `-I` are in no output, in no file but one that only root reads,
/// and nowhere when nothing needs them any more.
#[test]
fn passwords_stay_secret() {
    let Some(machine) = machine("state-secrets") else { return };
    if !Path::new("/usr/bin/dpkg-deb").exists() {
        return println!("skipped: dpkg-deb is not installed");
    }
    let places = "/var/lib/altdisk /var/log /root /alt_inst/etc /alt_inst/var /alt_inst/root /run";
    let served_from = tempfile::tempdir().unwrap();
    package(served_from.path(), "1.0", 1);
    let port = served(served_from.path().to_owned());
    let command = format!(
        "alt_disk_install -C -B -P PHASES -D -V -l 'http://joe:geheim42%2Fat%40home@127.0.0.1:{port}/' -w tool \
         -I '--allow-unauthenticated -o Acquire::http::Proxy=http://pu:proxypw77@127.0.0.1:{port}/'"
    );
    let mut outputs = String::new();
    let mut tell = |command: &str, code: i32| {
        let done = machine.run(command);
        let text = format!("\n# {command}\n{}{}", done.stdout, done.stderr);
        assert_eq!(done.code, Some(code), "{text}");
        outputs.push_str(text.split_once('\n').unwrap().1.split_once('\n').unwrap().1);
    };
    let with =
        |phases: &str, more: &str| format!("{} {more} target", command.replace("PHASES", phases));
    tell(&with("12", "--preview"), 0);
    tell(&with("12", "--preview --json"), 0);
    tell(&with("12", "--review"), 0);
    // A URL that is refused, and one whose server does not answer.
    tell("alt_disk_install -C -l 'http://joe:geheim42@h/ <x>' -w tool target", 2);
    // The script fails: the run stays to be gone on with.
    tell(
        &format!(
            "{} 3>/run/events & sleep 3; tr '\\0' ' ' </proc/$!/cmdline; wait $!",
            with("12", "--events 3")
        ),
        4,
    );
    tell("cat /run/events", 0);
    tell(
        "altdisk disks --alternates; altdisk disks --alternates --json; altdisk software; altdisk software --json",
        0,
    );
    tell("alt_disk_install --resume --review", 0);
    assert_eq!(found(&machine, places), "600 /var/lib/altdisk/altinst/secrets.json\n");
    assert_eq!(
        machine.run(&format!("{NOBODY} cat /var/lib/altdisk/altinst/secrets.json")).code,
        Some(1)
    );
    // As a job: in its directory too there is no password.
    tell(&format!("altdisk jobs follow $(altdisk jobs start -- {})", with("2", "")), 4);
    tell(
        "altdisk jobs; altdisk jobs --json; cat /var/lib/altdisk/jobs/*/*; cat /var/log/altdisk/*",
        0,
    );
    assert_eq!(found(&machine, places), "600 /var/lib/altdisk/altinst/secrets.json\n");
    // What the run was given is enough to go on with it, and is gone afterwards.
    package(served_from.path(), "1.1", 0);
    tell("alt_disk_install --resume -D", 0);
    assert_eq!(machine.must("chroot /alt_inst dpkg-query -W -f '${Version}' tool"), "1.1");
    assert!(!machine.must("tr '\\0' ' ' </alt_inst/root/seen").is_empty());
    assert_eq!(found(&machine, places), "");
    assert!(!machine.root().join("var/lib/altdisk/altinst/secrets.json").exists());
    tell("alt_disk_install -X", 0);
    assert!(outputs.contains("-l http://***@127.0.0.1"), "ps");
    assert!(outputs.contains("http://***@127.0.0.1") && outputs.len() > 10_000);
    let shown = outputs.lines().find(|l| has_password(l));
    assert_eq!(shown, None);
}

/// Modes do not depend on the umask, and records that somebody else can have changed are not
/// believed.
#[test]
fn nobody_else_can_change_the_records() {
    let Some(machine) = machine("state-modes") else { return };
    machine.must(
        "echo victim >/root/victim; cp /root/victim /tmp/evil.json; chmod 644 /tmp/evil.json",
    );
    let state = machine.state();
    for umask in ["0", "002", "077"] {
        machine.must("rm -rf /var/log/altdisk; find /var/lib/altdisk -mindepth 1 -maxdepth 1 ! -name practice -exec rm -rf {} +");
        said(&machine.run(&format!("umask {umask}; {PHASE_1}")), 0, &[]);
        let open = machine.must("find /var/lib/altdisk/altinst /var/lib/altdisk/lock /var/log/altdisk /alt_inst/etc/fstab -perm /022");
        assert_eq!(open, "", "umask {umask}");
        let modes = machine
            .must("cd /var/lib/altdisk; stat -c '%a %n' . altinst altinst/* /var/log/altdisk /var/log/altdisk/* /alt_inst/etc/fstab");
        let want = "711 .\n755 altinst\n644 altinst/image.data\n600 altinst/journal.jsonl\n644 altinst/plan.json\n644 altinst/plan.json.old\n\
                    755 /var/log/altdisk\n640 /var/log/altdisk/alt_disk_inst.log\n644 /alt_inst/etc/fstab\n";
        assert_eq!(modes, want, "umask {umask}");
        let replace = format!(
            "{NOBODY} sh -c 'cp /tmp/evil.json /var/lib/altdisk/altinst/plan.json || mv -f /tmp/evil.json /var/lib/altdisk/altinst/plan.json'"
        );
        assert_ne!(machine.run(&replace).code, Some(0), "umask {umask}");
        // Whoever could open the directory or the lock could keep root's runs from working.
        for place in ["/var/lib/altdisk", "/var/lib/altdisk/lock"] {
            assert_ne!(
                machine.run(&format!("{NOBODY} flock -n {place} true")).code,
                Some(0),
                "{place}, umask {umask}"
            );
        }
        machine.must(&format!("{NOBODY} cat /var/lib/altdisk/altinst/plan.json >/dev/null"));
        // A job of a user's keeps the user's umask.
        let file = machine.must(&format!(
            "umask {umask}; altdisk jobs follow $(altdisk jobs start -- sh -c 'touch /run/made-{umask}') && stat -c %a /run/made-{umask}"
        ));
        assert_eq!(
            file.trim(),
            match umask {
                "0" => "666",
                "002" => "664",
                _ => "600",
            }
        );
        said(&machine.run("alt_disk_install -X"), 0, &[]);
    }

    // Others could write it: nothing is believed and nothing done, until root has mended it.
    said(&machine.run(PHASE_1), 0, &[]);
    for (harm, mend) in [
        ("chmod 777 /var/lib/altdisk/altinst", "chmod go-w /var/lib/altdisk/altinst"),
        ("chmod 775 /var/lib/altdisk", "chmod go-w /var/lib/altdisk"),
        (
            "chmod 666 /var/lib/altdisk/altinst/plan.json",
            "chmod go-w /var/lib/altdisk/altinst/plan.json",
        ),
        (
            "chown 65534 /var/lib/altdisk/altinst/journal.jsonl",
            "chown root: /var/lib/altdisk/altinst/journal.jsonl",
        ),
    ] {
        machine.must(harm);
        for command in ["--resume", "-X", "-C -B -P 2", "-C -B -P 3", "-C -B -P 1 target"] {
            said(&machine.run(&format!("alt_disk_install {command}")), 3, &["ALT-717", mend]);
        }
        machine.must(mend);
    }
    machine.must("mv /var/lib/altdisk /var/lib/elsewhere && ln -s elsewhere /var/lib/altdisk");
    said(
        &machine.run("alt_disk_install -X"),
        3,
        &["ALT-717", "/var/lib/altdisk: it is a symbolic link"],
    );
    machine.must("rm /var/lib/altdisk && mv /var/lib/elsewhere /var/lib/altdisk");

    // The log is not written through what somebody has put in its place; the work goes on.
    for (harm, why) in [
        ("ln -sf /root/victim /var/log/altdisk/alt_disk_inst.log", "it is a symbolic link"),
        (
            "ln -f /root/victim /var/log/altdisk/alt_disk_inst.log",
            "it has other names too (hard links)",
        ),
        (
            "rm /var/log/altdisk/alt_disk_inst.log && mkfifo /var/log/altdisk/alt_disk_inst.log",
            "it is not a regular file",
        ),
        ("rm -r /var/log/altdisk && ln -s /root /var/log/altdisk", "it is a symbolic link"),
        (
            "rm /var/log/altdisk && mkdir -m 777 /var/log/altdisk",
            "others can write it (mode 0777); make sure that nobody has changed its content",
        ),
    ] {
        machine.must(harm);
        said(&machine.run("alt_disk_install -C -B -P 2"), 0, &["no log is written: ", why]);
        assert_eq!(
            machine.must("cat /root/victim; ls /root | grep -c log || true"),
            "victim\n0\n",
            "{harm}"
        );
    }
    machine.must("rm -rf /var/log/altdisk");
    said(&machine.run("alt_disk_install -X"), 0, &[]);
    machine.must("rm -f /run/made-*");
    same(&state, &machine.state());
}

/// Whatever lies in place of the plan: no command hangs, and a copy of it is used where that is
/// sound.
#[test]
fn odd_files_are_not_believed() {
    let Some(machine) = machine("state-odd") else { return };
    let plan = "/var/lib/altdisk/altinst/plan.json";
    said(&machine.run("ALTDISK_TEST_KILL=before:1.mount./home alt_disk_install -C -B -P 1 target; test $? -eq 137"), 0, &[]);
    machine.must("cp -a /var/lib/altdisk/altinst /root/kept");
    for harm in [
        "mkfifo",
        "mkdir",
        "ln -s /dev/zero",
        "ln -s /root/kept/plan.json",
        "echo {} >",
        "truncate -s 100M",
        "truncate -s 5000",
        "true",
    ] {
        machine.must(&format!("rm -rf {plan}; {harm} {plan}"));
        said(&machine.run("timeout 20 altdisk disks --alternates"), 0, &["altinst_rootvg on "]);
        machine.must("rm /var/lib/altdisk/altinst/plan.json.old");
        said(&machine.run("timeout 20 alt_disk_install --resume"), 1, &["ALT-702", "plan.json"]);
        machine.must("cp /root/kept/plan.json.old /var/lib/altdisk/altinst/");
    }
    machine.must(&format!("sed 's/\"version\": 1/\"version\": 99/' /root/kept/plan.json >{plan}"));
    said(&machine.run("alt_disk_install --resume"), 1, &["ALT-716", "has version 99"]);
    // With the copy of the plan the run goes on to its end.
    machine.must(&format!("rm {plan}; head -c 1000 /root/kept/plan.json >{plan}"));
    said(&machine.run("alt_disk_install --resume"), 0, &[]);
    said(&machine.run("alt_disk_install -X"), 0, &["free"]);
    machine.must("rm -r /root/kept");
}

/// A plan and a journal that version 0.1.0 stored, its password readable by everybody: gone on with
/// and removed, and the password hidden at once.
#[test]
fn state_of_0_1_0_is_used() {
    let Some(machine) = machine("state-old") else { return };
    // The form of 0.1.0: no second copy, no file of secrets, everything in plan.json.
    said(
        &machine
            .run("alt_disk_install -C -B -P 12 -l http://joe:geheim42@127.0.0.1:9/ -w tool target"),
        4,
        &[],
    );
    machine.must("cd /var/lib/altdisk/altinst; rm plan.json.old secrets.json; sed -i 's#http://\\*\\*\\*@#http://joe:geheim42@#g' plan.json journal.jsonl");
    assert_eq!(
        found(&machine, "/var/lib/altdisk"),
        "600 /var/lib/altdisk/altinst/journal.jsonl\n644 /var/lib/altdisk/altinst/plan.json\n"
    );
    said(&machine.run("alt_disk_install --resume"), 4, &["ALT-732"]);
    let hidden = found(&machine, "/var/lib/altdisk");
    assert!(!hidden.contains("plan.json"), "{hidden}");
    assert!(hidden.lines().all(|l| l.starts_with("600 ")), "{hidden}");
    said(&machine.run("alt_disk_install -X"), 0, &["free"]);
    assert_eq!(found(&machine, "/var/lib/altdisk /var/log/altdisk"), "");
}

/// A file system that takes nothing any more: what cannot begin says where there is no room, and a
/// copy can be removed.
#[test]
fn full_and_read_only_file_systems() {
    let Some(machine) = machine("state-full") else { return };
    let state = machine.state();
    // The state directory on a file system of its own; practice disks stay where they are.
    machine.must(
        "mkdir /run/practice && mount --bind /var/lib/altdisk/practice /run/practice && truncate -s 4M /root/small.img && \
         mkfs.ext4 -q -m 0 /root/small.img && mount -o loop /root/small.img /var/lib/altdisk && mkdir /var/lib/altdisk/practice && \
         mount --bind /run/practice /var/lib/altdisk/practice",
    );
    // The last blocks are given back when what was written is on the disk. One block may be left
    // that a growing file cannot take, because the file's own map would need another; a new small
    // file takes it.
    let fill = "full() { test $(stat -f -c %a /var/lib/altdisk) -eq 0; }; for n in $(seq 50); do \
         dd if=/dev/zero of=/var/lib/altdisk/fill bs=1k oflag=append conv=notrunc status=none 2>/dev/null || true; \
         (echo >/var/lib/altdisk/fill.$n) 2>/dev/null || true; sync; full && break; sleep 0.1; done; full";
    let phase_1 = PHASE_1;

    machine.must(fill);
    said(&machine.run(phase_1), 1, &["ALT-712", "/var/lib/altdisk", " free and "]);
    said(&machine.run("alt_disk_install -X"), 0, &["nothing to clean up"]);
    machine.must("rm /var/lib/altdisk/fill*");
    said(&machine.run(phase_1), 0, &[]);
    machine.must(fill);
    // The root file system as well.
    machine.must("dd if=/dev/zero of=/root/fill bs=1M status=none; sync; true");
    said(&machine.run("alt_disk_install -C -B -P 3"), 1, &["ALT-712"]);
    said(&machine.run("alt_disk_install -X"), 0, &["(altinst_rootvg) is removed", "free"]);
    machine.must("rm /var/lib/altdisk/fill* /root/fill");

    said(&machine.run(phase_1), 0, &[]);
    machine.must("mount -o remount,ro /var/lib/altdisk");
    said(&machine.run("alt_disk_install -C -B -P 2"), 1, &["ALT-718", "/var/lib/altdisk"]);
    machine.must("altdisk disks --alternates | grep 'altinst_rootvg on'");
    // Everything is undone but the record, which is told.
    said(&machine.run("alt_disk_install -X"), 4, &["ALT-718"]);
    machine.must("! findmnt /alt_inst && mount -o remount,rw /var/lib/altdisk");
    said(&machine.run("alt_disk_install -X"), 0, &["(altinst_rootvg) is removed"]);
    machine.must("umount /var/lib/altdisk/practice /var/lib/altdisk /run/practice; rmdir /run/practice; rm /root/small.img");

    // No room for the directory itself, at any size of a file.
    machine.must("mount -t tmpfs -o size=64k,nr_inodes=1,mode=755 tmpfs /var/lib");
    said(&machine.run(phase_1), 1, &["ALT-712", "/var/lib/altdisk", "0 unused inodes"]);
    said(&machine.run("alt_disk_install -X"), 0, &["nothing to clean up"]);
    machine.must("mount -o remount,ro /var/lib");
    said(&machine.run(phase_1), 1, &["ALT-718", "/var/lib/altdisk"]);
    said(&machine.run("alt_disk_install -X"), 0, &["nothing to clean up"]);
    machine.must("umount /var/lib");
    same(&state, &machine.state());
}
