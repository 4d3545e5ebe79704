//! What others wrote (package databases, lists, names of files and disks), and a kernel that gives
//! little: nothing panics, nothing takes the machine's memory, and no word from outside commands a
//! terminal or begins a line of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BIN: &str = env!("CARGO_BIN_EXE_altdisk");

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: needs root");
    }
    root
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&[out.stderr.as_slice(), b"\n", &out.stdout].concat()).into_owned()
}

/// It ended by itself, with one of its exit codes.
fn ended(out: &Output, what: &str) -> i32 {
    let said = said(out);
    assert!(!said.contains("panicked"), "{what}: {said}");
    let code = out
        .status
        .code()
        .unwrap_or_else(|| panic!("{what}: signal {:?}: {said}", out.status.signal()));
    assert!((0..=4).contains(&code), "{what}: {code}: {said}");
    code
}

/// As [`ended`], started by a line of shell that sets limits; `"$@"` is altdisk.
fn limited(limits: &str, args: &[&std::ffi::OsStr]) -> Output {
    let line = format!("{limits}; exec \"$@\"");
    Command::new("bash")
        .args(["-c", &line, "sh", BIN])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn sh(dir: &Path, line: &str) {
    let out = Command::new("bash").args(["-ec", line]).current_dir(dir).output().unwrap();
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Versions in an order that made Rust's sort panic while releases counted only where both had one.
const VERSIONS: &str = "1-52 00000000000000000000001 1-26 1 0000000000000000000000000001 00000000000000000000000000001 1-34 00000001 1-58 1-40 1-6 1-4 00000000001 000000000000000000001 000000001 1-2 01 00000000000001 1-16 1-38 001 1-30 00000000000000000000000001 000000000000000000000001 1-0 1-22 1-14 000000000000000000000000001 1-36 0000000000000001 1-20 1-32 000000000000001 00000000000000001 1-8 1-28 000000000000000001 1-24 1-44 1-48 00000000000000000001 0000000000000000000000001 000001 00001 1-10 000000000000000000000000000001 1-60 1-46 1-50 1-56 0001 1-18 0000000001 1-12 0000000000000000001 0000000000001 000000000001 1-42 0000001 1-54 0000000000000000000001";

#[test]
fn a_crafted_database_of_pacman_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut order = String::new();
    for version in VERSIONS.split(' ') {
        let file = format!("x-{version}-any.pkg.tar.zst");
        fs::write(dir.path().join(&file), "").unwrap();
        let at = dir.path().join("db").join(format!("x-{version}"));
        fs::create_dir_all(&at).unwrap();
        fs::write(
            at.join("desc"),
            format!("%FILENAME%\n{file}\n\n%NAME%\nx\n\n%VERSION%\n{version}\n\n%ARCH%\nany\n\n"),
        )
        .unwrap();
        order += &format!("x-{version}/desc\n");
    }
    fs::write(dir.path().join("order"), order).unwrap();
    sh(dir.path(), "tar -C db -T order -cf repo.db; rm -r db order");
    let out = Command::new(BIN).args(["list", "packages"]).arg(dir.path()).output().unwrap();
    // A system of another family refuses the place, after it has read what lies there.
    match ended(&out, "list packages") {
        0 => assert!(String::from_utf8_lossy(&out.stdout).contains("1-60"), "{}", said(&out)),
        code => assert!(code == 3 && said(&out).contains("ALT-738"), "{}", said(&out)),
    }
}

/// A repository of rpm's in `dir`, with this list of packages and these advisories, packed already.
fn repository(dir: &Path, primary: &[u8], updateinfo: &[u8]) {
    fs::create_dir_all(dir.join("repodata")).unwrap();
    fs::write(dir.join("repodata/primary.xml.gz"), primary).unwrap();
    fs::write(dir.join("repodata/updateinfo.xml.gz"), updateinfo).unwrap();
    let data = |kind: &str| {
        format!(r#"<data type="{kind}"><location href="repodata/{kind}.xml.gz"/></data>"#)
    };
    fs::write(
        dir.join("repodata/repomd.xml"),
        format!("<repomd>{}{}</repomd>", data("primary"), data("updateinfo")),
    )
    .unwrap();
}

fn packed(text: &str) -> Vec<u8> {
    let mut child = Command::new("gzip")
        .arg("-1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, text) = (child.stdin.take().unwrap(), text.to_owned());
    let feed = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let out = child.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    out.stdout
}

const PRIMARY: &str = r#"<metadata><package type="rpm"><name>a</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/><location href="a.rpm"/></package></metadata>"#;

/// No control character reaches who reads it, and what stands behind a line break in a name begins
/// no line.
fn harmless(out: &Output, what: &str) {
    ended(out, what);
    for text in [&out.stdout, &out.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(
            !text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
            "{what}: {text:?}"
        );
        assert!(!text.lines().any(|l| l.trim_start().starts_with("EVIL")), "{what}: {text}");
    }
}

const EVIL: &str = "x\nEVIL\n  EVIL\x1b[31m\u{9b}1m\x07\u{202e}\rEVIL";

#[test]
fn words_of_the_command_line_are_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(EVIL);
    fs::write(&file, EVIL).unwrap();
    let file = file.to_str().unwrap();
    let preview = ["alt_disk_install", "-C", "--preview"];
    let all: &[&[&str]] = &[
        &[EVIL],
        &["help", EVIL],
        &["explain", EVIL],
        &["disks", EVIL],
        &["list", EVIL],
        &["list", "packages", EVIL],
        &["list", "packages", file],
        &["list", "fixes", file],
        &["list", "images", file],
        &["jobs", "follow", EVIL],
        &["jobs", EVIL],
        &["practice", "create", EVIL],
        &["practice", EVIL],
        &["bootlist", EVIL],
        &["restoretree", file, EVIL],
        &["restoretree", EVIL, "/nowhere"],
        &["restoretree", "--list", file],
        &["copytree", EVIL, file],
        &["savetree", EVIL, file],
        &["mkszfile", EVIL, EVIL],
        &["mksysb", EVIL, EVIL],
        &["--check", "-M", file],
        &["--theme", EVIL, "--plain", "x"],
        &["alt_disk_install", EVIL],
        &["alt_disk_install", "-C", EVIL],
        &["alt_disk_install", &format!("--{EVIL}")],
        &["alt_disk_install", "-d", EVIL, "vdx"],
        &["alt_disk_install", "-d", file, "vdx"],
        &[&preview[..], &[EVIL]].concat(),
        &[&preview[..], &["-i", file, "vdx"]].concat(),
        &[&preview[..], &["-e", EVIL, "vdx"]].concat(),
        &[&preview[..], &["-s", EVIL, "vdx"]].concat(),
        &[&preview[..], &["-l", EVIL, "-w", "vim", "vdx"]].concat(),
        &[&preview[..], &["-l", "/tmp", "-w", EVIL, "vdx"]].concat(),
        &[&preview[..], &["-l", "/tmp", "-f", EVIL, "vdx"]].concat(),
        &[&preview[..], &["-l", "/tmp", "-w", "vim", "-I", EVIL, "vdx"]].concat(),
        &[&preview[..], &["-P", EVIL, "vdx"]].concat(),
        &[&preview[..], &["-R", EVIL, "vdx"]].concat(),
        &[&preview[..], &["--erase", EVIL, "vdx"]].concat(),
    ];
    for args in all {
        let out = Command::new(BIN)
            .args(*args)
            .stdin(Stdio::null())
            .env("ALTDISK_JOBS", dir.path().join("jobs"))
            .output()
            .unwrap();
        harmless(&out, &format!("{args:?}"));
    }
}

#[test]
fn names_in_packages_and_images_are_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    // XML takes no control characters but line breaks; others by number.
    let name = "x&#10;EVIL&#13;EVIL&#155;31m&#8238;";
    let primary = PRIMARY
        .replace("<name>a<", &format!("<name>{name}<"))
        .replace("</package>", &format!("<summary>{name}</summary></package>"));
    let updateinfo = format!(
        r#"<updates><update><id>{name}</id><title>{name}</title><pkglist><collection><package name="{name}" version="{name}" release="1" arch="x"/></collection></pkglist></update></updates>"#
    );
    repository(dir.path(), &packed(&primary), &packed(&updateinfo));
    for what in ["packages", "fixes"] {
        let out = Command::new(BIN).args(["list", what]).arg(dir.path()).output().unwrap();
        harmless(&out, what);
    }
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join(EVIL), "content").unwrap();
    fs::write(tree.join(std::ffi::OsStr::from_bytes(b"\x9b31m\xff\nEVIL")), "content").unwrap();
    sh(dir.path(), "tar -C tree --format=pax -cf image.tar .; mkdir to");
    let image = dir.path().join("image.tar");
    for (n, more) in [vec!["--list"], vec!["--check"], vec!["-V"]].into_iter().enumerate() {
        let to = dir.path().join("to");
        let mut args = vec!["restoretree".as_ref(), image.as_os_str()];
        if n == 2 {
            args.push(to.as_os_str());
        }
        let out = Command::new(BIN).args(args).args(&more).output().unwrap();
        harmless(&out, &format!("{more:?}"));
    }
    let out = Command::new(BIN)
        .args([
            "savetree".as_ref(),
            tree.as_os_str(),
            dir.path().join("new.tar").as_os_str(),
            "-V".as_ref(),
        ])
        .output()
        .unwrap();
    harmless(&out, "savetree");
}

/// A control group with this many tasks at most; None where there can be none.
struct Tasks(PathBuf);

impl Tasks {
    fn new() -> Option<Self> {
        let at = PathBuf::from(format!("/sys/fs/cgroup/pids/altdisk-test-{}", std::process::id()));
        if !is_root() || fs::create_dir(&at).is_err() || !at.join("pids.max").exists() {
            println!("skipped: no control group that counts tasks can be made");
            return None;
        }
        Some(Self(at))
    }

    fn run(&self, most: usize, args: &[&std::ffi::OsStr]) -> Output {
        fs::write(self.0.join("pids.max"), most.to_string()).unwrap();
        limited(&format!("echo $$ >{}/cgroup.procs", self.0.display()), args)
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // What was started in it has been waited for.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn without_threads_it_fails_in_words_and_with_few_it_works() {
    let Some(tasks) = Tasks::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    (0..50).for_each(|n| fs::write(tree.join(n.to_string()), vec![7; 5000]).unwrap());
    sh(dir.path(), "tar -C tree -cf image.tar .; gzip -k image.tar");
    let (image, gz, new) = (
        dir.path().join("image.tar"),
        dir.path().join("image.tar.gz"),
        dir.path().join("new.tar.zst"),
    );
    let mut worked = 0;
    for most in 1..=12 {
        let to = |n: &str| {
            let at = dir.path().join(format!("{n}-{most}"));
            fs::create_dir(&at).unwrap();
            at
        };
        let (a, b, c) = (to("a"), to("b"), to("c"));
        let all: [(&str, Vec<&std::ffi::OsStr>); 6] = [
            ("restore", vec!["restoretree".as_ref(), image.as_ref(), a.as_ref()]),
            ("restore gz", vec!["restoretree".as_ref(), gz.as_ref(), b.as_ref()]),
            ("copy", vec!["copytree".as_ref(), tree.as_ref(), c.as_ref()]),
            ("save", vec!["savetree".as_ref(), tree.as_ref(), new.as_ref()]),
            ("disks", vec!["disks".as_ref()]),
            (
                "preview",
                vec![
                    "alt_disk_install".as_ref(),
                    "-C".as_ref(),
                    "--preview".as_ref(),
                    "no-such-disk".as_ref(),
                ],
            ),
        ];
        for (what, args) in &all {
            let _ = fs::remove_file(&new);
            let out = tasks.run(most, args);
            let code = ended(&out, &format!("{what} with {most}"));
            if most == 1 && !["preview", "disks"].contains(what) {
                assert!(code != 0 && said(&out).contains("ALT-805"), "{what}: {}", said(&out));
            }
            if code == 0 && what.starts_with("restore") {
                worked += 1;
                let at = if *what == "restore" { &a } else { &b };
                assert_eq!(fs::read_dir(at).unwrap().count(), 50, "{what} with {most}");
            }
        }
    }
    assert!(worked > 4, "with few threads it works: {worked}");
}

#[test]
fn a_limit_of_file_size_is_an_error_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(dir.path().join("to")).unwrap();
    fs::create_dir(&tree).unwrap();
    sh(dir.path(), "head -c 1000000 /dev/urandom >tree/large; tar -C tree -cf image.tar .");
    let (image, to, new) =
        (dir.path().join("image.tar"), dir.path().join("to"), dir.path().join("new.tar"));
    let restore: Vec<&std::ffi::OsStr> = vec!["restoretree".as_ref(), image.as_ref(), to.as_ref()];
    let out = limited("ulimit -f 100", &restore);
    assert_ne!(ended(&out, "restore"), 0);
    assert!(
        said(&out).contains("ALT-6") && said(&out).contains("File too large"),
        "{}",
        said(&out)
    );
    if !is_root() {
        return;
    }
    let out = limited("ulimit -f 100", &["savetree".as_ref(), tree.as_ref(), new.as_ref()]);
    assert_ne!(ended(&out, "save"), 0);
    assert!(said(&out).contains("ALT-6") && said(&out).contains("ulimit -f"), "{}", said(&out));
}

/// A reader that goes away is no failure, whatever it was reading.
#[test]
fn a_pipe_that_closes_is_no_signal() {
    for args in ["errors", "help alt_disk_install", "list errors", "no-such-command"] {
        let line = format!("{BIN} {args} 2>&1 | true; exit ${{PIPESTATUS[0]}}");
        let out = Command::new("bash").args(["-c", &line]).output().unwrap();
        ended(&out, args);
    }
}

#[test]
fn the_highest_number_of_a_job_is_no_loop() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = dir.path().join("jobs");
    let run = |args: &[&str]| {
        let mut command = Command::new("timeout");
        command
            .arg("20")
            .arg(BIN)
            .arg("jobs")
            .args(args)
            .env("ALTDISK_JOBS", &jobs)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let first = run(&["start", "--", "true"]);
    assert_eq!(String::from_utf8_lossy(&first.stdout).trim(), "1", "{}", said(&first));
    fs::create_dir(jobs.join("4294967295")).unwrap();
    let next = run(&["start", "--", "true"]);
    assert_eq!(
        (ended(&next, "start"), String::from_utf8_lossy(&next.stdout).trim()),
        (0, "2"),
        "{}",
        said(&next)
    );
    assert_eq!(ended(&run(&["follow", "2"]), "follow"), 0);
}

/// Small random numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

/// Whatever is typed: it ends by itself, in words, and without root nothing is written.
#[test]
fn no_command_line_panics_or_writes() {
    const WORDS: [&str; 60] = [
        "alt_disk_install",
        "bootlist",
        "disks",
        "software",
        "list",
        "discover",
        "jobs",
        "mkszfile",
        "mksysb",
        "errors",
        "explain",
        "packages",
        "fixes",
        "images",
        "practice",
        "create",
        "remove",
        "-C",
        "-X",
        "-d",
        "-P",
        "-P1",
        "-P23",
        "all",
        "-i",
        "-s",
        "-R",
        "-e",
        "-l",
        "-w",
        "-f",
        "-F",
        "-I",
        "-B",
        "-r",
        "-g",
        "-p",
        "-V",
        "-D",
        "-n",
        "--preview",
        "--json",
        "--erase",
        "--resume",
        "--review",
        "--help",
        "--plain",
        "--",
        "-",
        "",
        "/",
        "/dev/null",
        "/dev/zero",
        "vdx",
        "http://x/",
        "file:///x y z",
        EVIL,
        "--no-such=1",
        "ALT-101",
        "..",
    ];
    let dir = tempfile::tempdir().unwrap();
    let (home, bin) = (dir.path().join("home"), dir.path().join("altdisk"));
    fs::create_dir(&home).unwrap();
    fs::copy(BIN, &bin).unwrap();
    let user = is_root().then_some("64321");
    if user.is_some() {
        sh(dir.path(), "chmod 755 . altdisk; chown 64321 home");
    }
    let mut numbers = Numbers(0x5eed);
    for _ in 0..250 {
        let args: Vec<&str> =
            (0..=numbers.below(7)).map(|_| WORDS[numbers.below(WORDS.len())]).collect();
        let mut command = match user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(&bin);
                command
            }
            None => Command::new(&bin),
        };
        let out = command
            .args(&args)
            .current_dir(&home)
            .env("HOME", &home)
            .env("XDG_STATE_HOME", &home)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        harmless(&out, &format!("{args:?}"));
        // The interface's own records.
        ["smit.log", "smit.script"].iter().for_each(|name| drop(fs::remove_file(home.join(name))));
        let left: Vec<_> = fs::read_dir(&home).unwrap().flatten().map(|e| e.file_name()).collect();
        assert!(left.is_empty(), "{args:?} wrote {left:?}");
    }
}
