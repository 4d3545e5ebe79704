//! Images that are cut, damaged, or built to do harm; and tapes.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::disk::sh;
use crate::own::saved;
use crate::run::{Watched, watched};

const SOON: Duration = Duration::from_secs(60);
/// All that the restorer may take.
const MEMORY: u64 = 64 << 10;

fn restore(image: &str, to: &Path, stdin: Stdio) -> Watched {
    let done = watched(&["restoretree", image, to.to_str().unwrap()], stdin, SOON);
    assert!(!done.said.contains("panicked"), "{}", done.said);
    assert!(done.peak < MEMORY, "{} KiB: {}", done.peak, done.said);
    done
}

/// A small tree of a few kinds of files, and what it is afterwards.
fn tree(dir: &Path) -> String {
    sh(&format!(
        "mkdir {0} && cd {0} && mkdir -p etc usr/bin && seq 1 20000 >etc/numbers && echo root >etc/passwd && ln etc/passwd etc/again && ln -s passwd etc/link && head -c 300000 /bin/bash >usr/bin/sh && truncate -s 1M hole && printf end >>hole && setfattr -n user.x -v y etc",
        dir.display()
    ));
    seen(dir)
}

fn seen(dir: &Path) -> String {
    sh(&format!(
        "cd {} && find . -printf '%P %y %m %s %n %T@ %l\n' | sort && find . -type f -exec sha256sum {{}} + | sort",
        dir.display()
    ))
}

/// A fresh empty directory.
fn empty(dir: &Path, name: &str) -> std::path::PathBuf {
    let to = dir.join(name);
    let _ = fs::remove_dir_all(&to);
    fs::create_dir(&to).unwrap();
    to
}

/// Cut anywhere: refused, and it is said where. What was whole says nothing.
#[test]
fn cut_at_any_byte() {
    let dir = tempfile::tempdir().unwrap();
    tree(&dir.path().join("tree"));
    for method in ["none", "zstd:3", "gzip", "xz"] {
        let image = dir.path().join("image");
        saved(&dir.path().join("tree"), &image, &["-z", method]);
        let whole = fs::read(&image).unwrap();
        // The last block of zeros of a tar is not needed, nor the padding of the record.
        let last = if method == "none" {
            whole.iter().rposition(|b| *b != 0).unwrap()
        } else {
            whole.len() - 1
        };
        let cut = dir.path().join("cut");
        let mut step = 1;
        let mut at = 0;
        while at <= last {
            fs::write(&cut, &whole[..at]).unwrap();
            let done = restore(cut.to_str().unwrap(), &empty(dir.path(), "to"), Stdio::null());
            assert!(
                matches!(done.code, Some(1..=4)),
                "{method}, cut at {at}: {:?} {}",
                done.code,
                done.said
            );
            assert!(done.said.contains("ALT-6"), "{method}, cut at {at}: {}", done.said);
            at += step;
            step = step * 3 / 2 + 1;
            if step > whole.len() / 24 {
                step = whole.len() / 24 + 7;
            }
        }
    }
}

/// One byte is another one: refused, or (in what no checksum covers: the times and owners of an
/// image that is not compressed) every file's content is right.
#[test]
fn any_byte_flipped() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("tree");
    tree(&from);
    let sums = |top: &Path| {
        sh(&format!(
            "cd {} && find . -type f -size -2M -exec sha256sum {{}} + | sort",
            top.display()
        ))
    };
    let right = sums(&from);
    for method in ["none", "zstd:3", "gzip", "xz"] {
        let image = dir.path().join("image");
        saved(&from, &image, &["-z", method]);
        let whole = fs::read(&image).unwrap();
        let mut refused = 0;
        for n in 0..48 {
            let at = (n * 7_919_231 + 1000) % whole.len();
            let mut bad = whole.clone();
            bad[at] ^= 1 << (n % 8);
            fs::write(dir.path().join("bad"), &bad).unwrap();
            let to = empty(dir.path(), "to");
            let done = restore(dir.path().join("bad").to_str().unwrap(), &to, Stdio::null());
            if done.code == Some(0) {
                assert_eq!(sums(&to), right, "{method}, byte {at}: {}", done.said);
            } else {
                assert!(done.said.contains("ALT-6"), "{method}, byte {at}: {}", done.said);
                refused += 1;
            }
        }
        assert!(refused > 24, "{method}: {refused} of 48 were refused");
    }
}

/// A FIFO is read once, from the front, as a tape is.
#[test]
fn a_fifo_as_a_tape() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("tree");
    let right = tree(&from);
    let image = dir.path().join("image");
    saved(&from, &image, &["-z", "zstd:3"]);
    let fifo = dir.path().join("fifo");
    sh(&format!("mkfifo {}", fifo.display()));
    let to = empty(dir.path(), "to");
    let writer = {
        let (image, fifo) = (image.clone(), fifo.clone());
        std::thread::spawn(move || fs::copy(image, fs::canonicalize(fifo).unwrap()))
    };
    let done = restore(fifo.to_str().unwrap(), &to, Stdio::null());
    assert_eq!(done.code, Some(0), "{}", done.said);
    writer.join().unwrap().unwrap();
    assert_eq!(seen(&to), right);
}

/// A tape gives one block for each read, and what does not fit into the read is lost: so does a
/// socket of packets. Blocks of any size.
#[test]
fn blocks_of_a_tape() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("tree");
    let right = tree(&from);
    let tape = r#"
import os, socket, subprocess, sys
image, block, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
tape, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
end.setsockopt(socket.SOL_SOCKET, 32, 8 << 20) # SO_SNDBUFFORCE: a block must fit
reader = subprocess.Popen(words, stdin=tape)
tape.close()
with open(image, "rb") as f:
    while data := f.read(block):
        end.send(data)
end.close()
sys.exit(reader.wait())
"#;
    for (method, block) in [
        ("none", 512),
        ("none", 10240),
        ("none", 65536),
        ("zstd:3", 65536),
        ("gzip", 1000),
        ("none", 1 << 20),
    ] {
        let image = dir.path().join("image");
        saved(&from, &image, &["-z", method]);
        let to = empty(dir.path(), "to");
        let mut command = std::process::Command::new("python3");
        command
            .args(["-c", tape])
            .arg(&image)
            .arg(block.to_string())
            .args([env!("CARGO_BIN_EXE_altdisk"), "restoretree", "-"])
            .arg(&to);
        let Ok(done) = command.output() else {
            println!("skipped: python3 is not installed");
            return;
        };
        assert_eq!(
            done.status.code(),
            Some(0),
            "{method}, blocks of {block}: {}",
            crate::run::said(&done)
        );
        assert_eq!(seen(&to), right, "{method}, blocks of {block}");
    }
}

/// Archives that would write outside, or take all memory: refused, and nothing outside was touched.
#[test]
fn built_to_do_harm() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
import io, sys, tarfile
out = sys.argv[1]
def member(name, data=b"", **more):
    t = tarfile.TarInfo(name); t.size = len(data); t.mode = 0o644
    for k, v in more.items(): setattr(t, k, v)
    return t, data
def make(file, members, format=tarfile.PAX_FORMAT, tail=b""):
    with open(f"{out}/{file}", "wb") as f:
        with tarfile.open(fileobj=f, mode="w", format=format) as tar:
            for t, data in members: tar.addfile(t, io.BytesIO(data))
        if tail: f.seek(0); f.write(tail)
link = dict(type=tarfile.SYMTYPE); hard = dict(type=tarfile.LNKTYPE)
make("dotdot", [member("../outside", b"x")])
make("dotdot-inside", [member("a/../../outside", b"x")])
make("through-link", [member("a", linkname="..", **link), member("a/outside", b"x")])
make("through-absolute-link", [member("a", linkname=out, **link), member("a/outside", b"x")])
make("link-over-directory", [member("d", type=tarfile.DIRTYPE), member("d", linkname="..", **link), member("d/outside", b"x")])
make("hard-link-out", [member("a", linkname="../secret", **hard), member("a", b"x")])
make("hard-link-through", [member("l", linkname="..", **link), member("a", linkname="l/secret", **hard)])
huge = tarfile.TarInfo("huge"); huge.size = 2**62
make("huge-file", [], tail=huge.tobuf(tarfile.GNU_FORMAT))
pax = tarfile.TarInfo("x"); pax.type = b"x"; pax.size = 2**40
make("huge-header", [], tail=pax.tobuf(tarfile.GNU_FORMAT) + b"9" * 4096)
long = tarfile.TarInfo("x"); long.type = b"L"; long.size = 2**40
make("huge-name", [], tail=long.tobuf(tarfile.GNU_FORMAT) + b"n" * 4096)
sparse = tarfile.TarInfo("s"); sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": str(2**62)}
sparse.size = 1024
make("huge-map", [(sparse, b"999999999999\n" + b"0\n" * 505 + b"\0")])
"#;
    let made = dir.path().join("made");
    fs::create_dir(&made).unwrap();
    let done = std::process::Command::new("python3").args(["-c", script]).arg(&made).output();
    let Ok(done) = done else {
        println!("skipped: python3 is not installed");
        return;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut seen = 0;
    for entry in fs::read_dir(&made).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let jail = empty(dir.path(), "jail");
        fs::write(jail.join("secret"), "secret").unwrap();
        let to = empty(&jail, "to");
        let done = restore(entry.path().to_str().unwrap(), &to, Stdio::null());
        assert!(matches!(done.code, Some(1..=4)), "{name}: {:?} {}", done.code, done.said);
        assert!(done.said.contains("ALT-6"), "{name}: {}", done.said);
        assert!(done.took < Duration::from_secs(20), "{name}: {:?}", done.took);
        let there = sh(&format!(
            "cd {} && find . -maxdepth 1 | sort | paste -sd' '; cat secret",
            jail.display()
        ));
        assert_eq!(there, ". ./secret ./to\nsecret", "{name}");
        assert!(!made.join("outside").exists(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 11);
}

/// A bomb: a small file that unpacks to very much takes room for nothing but what it holds.
#[test]
fn a_bomb_ends_where_the_archive_does() {
    let dir = tempfile::tempdir().unwrap();
    let bomb = dir.path().join("bomb");
    sh(&format!("head -c 500M /dev/zero | zstd -qc -19 --long=27 >{}", bomb.display()));
    let done = restore(bomb.to_str().unwrap(), &empty(dir.path(), "to"), Stdio::null());
    assert_ne!(done.code, Some(0), "{}", done.said);
}
