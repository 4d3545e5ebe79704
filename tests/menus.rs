//! `altdisk --check`: what an administrator sees who has written a menu file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

fn check(dir: &Path) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_altdisk"))
        .arg("--check")
        .arg(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        out.status.code().unwrap(),
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    )
}

fn private() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_good_directory() {
    let dir = private();
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("menus/examples/service.toml"),
        dir.path().join("service.toml"),
    )
    .unwrap();
    fs::set_permissions(dir.path().join("service.toml"), fs::Permissions::from_mode(0o644))
        .unwrap();
    let (code, out, err) = check(dir.path());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let words: Vec<&str> = out.split(' ').collect();
    assert!(
        words[0].parse::<u32>().unwrap() >= 9 && out.ends_with(" themes: no errors\n"),
        "{out}"
    );
}

#[test]
fn every_mistake_in_one_run() {
    let dir = private();
    let dialog = "[[dialog]]\nid = \"x\"\ntitle = \"X\"\nhelp = \"h\"\ncommand = [\"altdisk\", \"disks\", \"--jsno\"]\nmode = \"q\"\n";
    fs::write(dir.path().join("b.toml"), dialog).unwrap();
    fs::write(
        dir.path().join("a.toml"),
        "[[item]]\nmenu = \"altdisk\"\ntext = \"X\"\ngoto = \"y\"\n",
    )
    .unwrap();
    fs::create_dir(dir.path().join("themes")).unwrap();
    fs::write(
        dir.path().join("themes/t.toml"),
        "about = \"t\"\nhighlight = \"row\"\nglyphs = \"ascii\"\ncolors = 7\n",
    )
    .unwrap();
    let (code, out, _) = check(dir.path());
    let at = dir.path().display();
    let want = format!(
        "{at}/a.toml:4:8: there is no screen `y`\n    goto = \"y\"\n           ^\n\n\
         {at}/b.toml:5:32: disks has no flag --jsno\n    command = [\"altdisk\", \"disks\", \"--jsno\"]\n                                   ^\n    \
         perhaps `--json` is meant; `altdisk help disks` lists what there is\n\n\
         {at}/b.toml:6:8: `mode` cannot be `q`\n    mode = \"q\"\n           ^\n    allowed: p, n, i, e, P, N, I, E\n\n\
         {at}/themes/t.toml:4:10: `colors` is 7\n    colors = 7\n             ^\n    allowed: 0, 8, 16, 256\n\n\
         4 errors\n"
    );
    assert_eq!((code, out.as_str()), (2, want.as_str()));
}

#[test]
fn a_fifo_does_not_hang_it() {
    let dir = private();
    assert!(Command::new("mkfifo").arg(dir.path().join("f.toml")).status().unwrap().success());
    let (code, out, _) = check(dir.path());
    assert!(code == 2 && out.contains("f.toml: is not a regular file"), "{out}");
}

#[test]
fn root_does_not_trust_what_others_can_write() {
    let dir = private();
    fs::write(dir.path().join("a.toml"), "").unwrap();
    fs::set_permissions(dir.path().join("a.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    let (code, out, _) = check(dir.path());
    if nix::unistd::geteuid().is_root() {
        assert!(
            code == 2
                && out.contains("a.toml: others can write it (mode 0666)")
                && out.contains("chmod go-w"),
            "{out}"
        );
    } else {
        assert_eq!(code, 0, "{out}");
    }
}

#[test]
fn no_such_directory() {
    let (code, _, err) = check(Path::new("/nonexistent"));
    assert!(code == 2 && err.contains("ALT-910") && err.contains("/nonexistent"), "{err}");
}

/// A panel of an administrator includes a built-in set; a mistake in one of its own is shown there.
#[test]
fn field_sets() {
    let dir = private();
    let panel = |include: &str| {
        format!(
            "[[dialog]]\nid = \"x\"\ntitle = \"X\"\nhelp = \"h\"\ncommand = [\"altdisk\", \"alt_disk_install\", \"-X\"]\n\n[[dialog.field]]\ninclude = \"{include}\"\n"
        )
    };
    fs::write(dir.path().join("a.toml"), panel("output")).unwrap();
    let (code, out, _) = check(dir.path());
    assert!(code == 0 && out.ends_with(" themes: no errors\n"), "{out}");
    fs::write(dir.path().join("a.toml"), panel("outptu")).unwrap();
    let (code, out, _) = check(dir.path());
    let want = format!(
        "{}/a.toml:8:11: there is no field set `outptu`\n    include = \"outptu\"\n              ^\n    perhaps `output` is meant\n\n1 error\n",
        dir.path().display()
    );
    assert_eq!((code, out.as_str()), (2, want.as_str()));
}
