//! With the running system itself as the root: what is mounted inside is not seen outside.

use super::*;
use crate::event::Events;
use crate::host::cmd::Cmd;

fn possible() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: needs root");
    }
    root
}

fn sh(inside: &Sandbox, script: &str) -> Result<String> {
    Cmd::new("sh", "test")
        .args(["-c", script])
        .in_sandbox(inside)
        .run(&Events::new())
        .map(|done| done.text())
}

#[test]
fn a_world_of_its_own() {
    if !possible() {
        return;
    }
    let shown = tempfile::tempdir().unwrap();
    fs::write(shown.path().join("package"), "here").unwrap();
    let mut inside = Sandbox::new(Path::new("/"));
    inside.shared = vec![(shown.path().to_owned(), Path::new(SHARED_DIR).join("images"))];
    inside.resolv_conf = Some(b"nameserver of the test\n".to_vec());
    for (script, want) in [
        // Two processes of ours and the shell's own.
        ("set -- /proc/[0-9]*; [ $# -le 4 ] && echo few", "few\n"),
        ("cat /run/altdisk/images/package", "here"),
        ("touch /run/altdisk/images/x 2>/dev/null || echo read-only", "read-only\n"),
        ("[ -z \"$(find /dev -type b)\" ] && echo none", "none\n"),
        ("echo x >/dev/null && head -c 1 /dev/zero | wc -c", "1\n"),
        (
            "[ -w /proc/sys/kernel/hostname ] && echo y 2>/dev/null >/proc/sys/kernel/hostname || echo kept",
            "kept\n",
        ),
        ("[ -e /run/systemd ] || [ -e /run/dbus ] || echo alone", "alone\n"),
        ("ls -A /tmp | wc -l", "0\n"),
        ("echo $SYSTEMD_OFFLINE $HOME $DISPLAY$SSH_AUTH_SOCK", "1 /root\n"),
        ("(: </dev/tty) 2>/dev/null || echo no terminal", "no terminal\n"),
        ("cat", ""),
        ("/run/altdisk/policy-rc.d; echo $?", "101\n"),
        ("cat /etc/resolv.conf", "nameserver of the test\n"),
        (
            "service ssh start 2>/dev/null; start-stop-daemon --start --exec /bin/false 2>&1 | grep -c 'nothing is started'",
            "1\n",
        ),
        ("umask", "0022\n"),
    ] {
        assert_eq!(sh(&inside, script).unwrap(), want, "{script}");
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(SHARED_DIR), "{mounts}");
}

/// The root file system once more, as an alternate is: mounted elsewhere.
struct Elsewhere(tempfile::TempDir);

impl Elsewhere {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let none: Option<&str> = None;
        nix::mount::mount(Some("/"), dir.path(), none, nix::mount::MsFlags::MS_BIND, none).unwrap();
        Self(dir)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        nix::mount::umount2(self.0.path(), nix::mount::MntFlags::MNT_DETACH).unwrap();
    }
}

#[test]
fn no_way_out() {
    if !possible() {
        return;
    }
    let alternate = Elsewhere::new();
    let shown = tempfile::tempdir().unwrap();
    fs::write(shown.path().join("package"), "here").unwrap();
    let mut inside = Sandbox::new(alternate.0.path());
    inside.shared = vec![(shown.path().to_owned(), Path::new(SHARED_DIR).join("images"))];
    let listener = std::os::unix::net::UnixListener::bind_addr(&{
        use std::os::linux::net::SocketAddrExt;
        std::os::unix::net::SocketAddr::from_abstract_name(format!(
            "altdisk-test-{}",
            std::process::id()
        ))
        .unwrap()
    })
    .unwrap();
    for (script, want) in [
        ("cat /run/altdisk/images/package", "here"),
        // The first process is a program of its own, and shows nothing but its name.
        (
            "for d in root cwd fd map_files; do ls -A /proc/1/$d/; done 2>/dev/null; cat /proc/1/environ /proc/1/maps 2>/dev/null; tr '\\0' ' ' </proc/1/cmdline",
            "altdisk-sandbox ",
        ),
        (
            "grep -E '^(Cap(Prm|Eff|Inh|Amb)|Seccomp|NoNewPrivs):' /proc/1/status | tr -d '\\n\\t '",
            "CapInh:0000000000000000CapPrm:0000000000000000CapEff:0000000000000000CapAmb:0000000000000000NoNewPrivs:1Seccomp:2",
        ),
        (
            "grep -c . /proc/self/mountinfo >/dev/null; awk '{ print $5 }' /proc/self/mountinfo | sort | head -n 1",
            "/\n",
        ),
        ("mount -t tmpfs none /mnt 2>/dev/null || echo refused", "refused\n"),
        ("umount /proc/sys 2>/dev/null || echo refused", "refused\n"),
        ("touch /dev/new 2>/dev/null || echo sealed", "sealed\n"),
        (
            "mknod /tmp/n b 7 0 && dd if=/tmp/n of=/dev/null count=1 2>/dev/null || echo leads nowhere",
            "leads nowhere\n",
        ),
        ("grep -c altdisk-test /proc/net/unix || true", "0\n"),
        ("ls /sys/class/net", "lo\n"),
    ] {
        assert_eq!(sh(&inside, script).unwrap(), want, "{script}");
    }
    inside.network = true;
    assert_eq!(sh(&inside, "grep -c altdisk-test /proc/net/unix || true").unwrap(), "1\n");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(SHARED_DIR), "{mounts}");
    drop(listener);
}

#[test]
fn how_it_ends_is_told() {
    if !possible() {
        return;
    }
    let inside = Sandbox::new(Path::new("/"));
    let err = format!("{:#}", sh(&inside, "echo why >&2; exit 7").unwrap_err());
    assert!(err.contains("exit code 7") && err.contains("why"), "{err}");
    let err = format!("{:#}", sh(&inside, "kill -9 $$").unwrap_err());
    assert!(err.contains("exit code 137"), "{err}");
    let err = format!(
        "{:#}",
        Cmd::new("no-such-program", "test").in_sandbox(&inside).read().unwrap_err()
    );
    assert!(err.contains("ALT-801"), "{err}");
}

#[test]
fn what_is_left_behind_ends_with_it() {
    if !possible() {
        return;
    }
    let mark = format!("97{}", std::process::id());
    let begun = std::time::Instant::now();
    sh(
        &Sandbox::new(Path::new("/")),
        &format!("setsid sleep {mark} & trap '' TERM; sleep {mark} & echo left"),
    )
    .unwrap();
    assert!(begun.elapsed().as_secs() < 10);
    let lives = || {
        fs::read_dir("/proc").unwrap().flatten().any(|e| {
            fs::read(e.path().join("cmdline"))
                .is_ok_and(|c| c.ends_with(format!("{mark}\0").as_bytes()))
        })
    };
    assert!(!lives(), "a daemon goes on");
}

/// The program that tries every way out, in a directory that is shown in the sandbox.
fn escape() -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/escape.c");
    let built = Command::new("gcc")
        .args(["-O1", "-static", "-w", "-o"])
        .arg(dir.path().join("escape"))
        .arg(source)
        .status();
    if built.is_ok_and(|s| s.success()) { Some(dir) } else { None }
}

#[test]
fn every_way_out_is_closed() {
    if !possible() {
        return;
    }
    let Some(dir) = escape() else { return println!("skipped: gcc not installed") };
    let alternate = Elsewhere::new();
    let mut inside = Sandbox::new(alternate.0.path());
    inside.shared = vec![(dir.path().to_owned(), Path::new(SHARED_DIR).join("images"))];
    let listener = std::os::unix::net::UnixListener::bind_addr(&{
        use std::os::linux::net::SocketAddrExt;
        std::os::unix::net::SocketAddr::from_abstract_name("altdisk-escape-test").unwrap()
    });
    for network in [false, true] {
        inside.network = network;
        let log = sh(&inside, "cd /root; /run/altdisk/images/escape").unwrap();
        let escaped: Vec<&str> = log.lines().filter(|l| l.starts_with("ESCAPE")).collect();
        // Before the sixth version of Landlock, who has the running system's network reaches
        // abstract sockets there.
        let open = network && landlock::version() < 6;
        assert!(
            escaped.is_empty() || (open && escaped == ["ESCAPE abstract socket"]),
            "{escaped:#?}"
        );
        assert!(log.ends_with("done\n"), "{log}");
    }
    drop(listener);
}

#[test]
fn builds_work() {
    if !possible() || crate::host::cmd::find_program(Path::new("/"), "gcc").is_none() {
        return println!("skipped: needs root and gcc");
    }
    let script = "cd /tmp && printf 'int main(){return 0;}' >a.c && printf 'all: a\\na: a.c\\n\\tgcc -pipe -o a a.c\\n' >Makefile && make -s -j4 >/dev/null && ./a && setarch -R ./a && xz -T2 -k a && echo built";
    let alternate = Elsewhere::new();
    assert_eq!(sh(&Sandbox::new(alternate.0.path()), script).unwrap(), "built\n");
}

/// Only where this machine's own system has it: no package of Debian does.
#[test]
fn mkinitcpio_works() {
    let root = Path::new("/");
    if !possible() || crate::host::cmd::find_program(root, "mkinitcpio").is_none() {
        return println!("skipped: mkinitcpio is not installed");
    }
    let script = "set -- /lib/modules/*/vmlinuz; k=${1#/lib/modules/}; mkinitcpio -k ${k%/vmlinuz} -g /tmp/x.img >/dev/null && test -s /tmp/x.img && echo built";
    let alternate = Elsewhere::new();
    assert_eq!(sh(&Sandbox::new(alternate.0.path()), script).unwrap(), "built\n");
}

#[test]
fn older_kernels_close_device_nodes_mount_by_mount() {
    if !possible() {
        return;
    }
    let alternate = Elsewhere::new();
    let at = alternate.0.path().to_owned();
    std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
        let none: Option<&str> = None;
        nix::mount::mount(
            none,
            "/",
            none,
            nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE,
            none,
        )
        .unwrap();
        nix::mount::mount(
            none,
            &at,
            none,
            nix::mount::MsFlags::MS_REMOUNT
                | nix::mount::MsFlags::MS_BIND
                | nix::mount::MsFlags::MS_NOEXEC,
            none,
        )
        .unwrap();
        let now = || mountinfo::parse_mountinfo(&fs::read("/proc/thread-self/mountinfo").unwrap());
        let list = mounted(&at, &now()).unwrap();
        assert_eq!(list[0].0.as_c_str(), c"/");
        let list: Vec<_> = list.into_iter().map(|(_, flags)| (text(&at).unwrap(), flags)).collect();
        // SAFETY: in a mount namespace of this thread's own.
        unsafe { enter::each_without_devices(&list) }.unwrap();
        let options = now().into_iter().find(|m| m.mount_point == at).unwrap().options;
        assert!(
            options.contains("nodev") && options.contains("noexec") && !options.contains("ro,"),
            "{options}"
        );
    })
    .join()
    .unwrap();
}

#[test]
fn disks_are_readable_and_not_writable() {
    if !possible() {
        return;
    }
    let Some(group) = Cgroup::make(&[]) else {
        return println!("skipped: no control groups of the second version");
    };
    drop(group);
    struct Loop(String);
    impl Drop for Loop {
        fn drop(&mut self) {
            let _ = Command::new("losetup").args(["-d", &self.0]).status();
        }
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 20).unwrap();
    let made = Command::new("losetup").args(["-f", "--show"]).arg(file.path()).output();
    let Some(made) = made.ok().filter(|m| m.status.success()) else {
        return println!("skipped: no loop device");
    };
    let held = Loop(String::from_utf8_lossy(&made.stdout).trim().to_owned());
    let disk = held.0.as_str();
    let mut inside = Sandbox::new(Path::new("/"));
    inside.devices = vec![disk.into()];
    // Opened only; nothing is written.
    let script = format!(
        "head -c 1 {disk} | wc -c; (: >>{disk}) 2>/dev/null && echo writable || echo read-only"
    );
    assert_eq!(sh(&inside, &script).unwrap(), "1\nread-only\n");
    inside.writable = inside.devices.clone();
    assert_eq!(sh(&inside, &script).unwrap(), "1\nwritable\n");
}

#[test]
fn what_cannot_be_prepared_is_told() {
    if !possible() {
        return;
    }
    let empty = tempfile::tempdir().unwrap();
    fs::create_dir(empty.path().join("bin")).unwrap();
    fs::copy("/bin/true", empty.path().join("bin/true")).unwrap();
    let err = format!(
        "{:#}",
        Cmd::new("/bin/true", "test").in_sandbox(&Sandbox::new(empty.path())).read().unwrap_err()
    );
    assert!(
        err.contains("ALT-802")
            && err.contains("altdisk could not open a directory for the sandbox: it is not there"),
        "{err}"
    );
}
