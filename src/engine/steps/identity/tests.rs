use std::sync::{Arc, Mutex};

use super::*;
use crate::event::{Event, Sink};

#[test]
fn nothing_of_the_other_machine_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let outside = tempfile::tempdir().unwrap();
    for d in ["etc/ssh", "etc/systemd/system", "var/lib/dbus"] {
        std::fs::create_dir_all(root.join(d)).unwrap();
    }
    for f in [
        "etc/ssh/ssh_host_rsa_key",
        "etc/ssh/ssh_host_rsa_key.pub",
        "etc/ssh/ssh_host_rsa_key-cert.pub",
        "etc/ssh/sshd_config",
        "var/lib/dbus/machine-id",
    ] {
        std::fs::write(root.join(f), "x").unwrap();
    }
    // Links that lead out must not be followed out.
    let wants = outside.path().join("multi-user.target.wants");
    std::fs::create_dir(&wants).unwrap();
    std::os::unix::fs::symlink(&wants, root.join("etc/systemd/system/multi-user.target.wants"))
        .unwrap();
    std::os::unix::fs::symlink(outside.path().join("id"), root.join("etc/machine-id")).unwrap();
    std::fs::write(outside.path().join("id"), "mine").unwrap();
    make_fresh_identity(root, &Events::new()).unwrap();
    make_fresh_identity(root, &Events::new()).unwrap();
    assert_eq!(std::fs::read_to_string(outside.path().join("id")).unwrap(), "mine");
    assert!(
        !root.join("etc/ssh/ssh_host_rsa_key").exists()
            && !root.join("etc/ssh/ssh_host_rsa_key.pub").exists()
            && !root.join("etc/ssh/ssh_host_rsa_key-cert.pub").exists()
    );
    assert!(
        root.join("etc/ssh/sshd_config").exists() && !root.join("var/lib/dbus/machine-id").exists()
    );
    assert_eq!(std::fs::read_dir(&wants).unwrap().count(), 0, "the host's units");
    let link = root.join(wants.strip_prefix("/").unwrap()).join(UNIT);
    assert_eq!(std::fs::read_link(link).unwrap(), Path::new("/etc/systemd/system").join(UNIT));
    assert!(
        std::fs::read_to_string(root.join("etc/systemd/system").join(UNIT))
            .unwrap()
            .contains("ssh-keygen -A")
    );
}

/// What is said while a root with these files gets a fresh identity.
fn told(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let at = dir.path().join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, text).unwrap();
    }
    let said = Said::default();
    let events = Events::new();
    events.add(Box::new(said.clone()));
    make_fresh_identity(dir.path(), &events).unwrap();
    let said = said.0.lock().unwrap().clone();
    (dir, said)
}

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Sink for Said {
    fn take(&mut self, event: &Event) -> std::io::Result<()> {
        self.0.lock().unwrap().push(format!("{event:?}"));
        Ok(())
    }
}

#[test]
fn names_by_which_disks_are_given_out_are_fresh() {
    let nvme = "nqn.2014-08.org.nvmexpress:uuid:00000000-0000-4000-8000-000000000001\n";
    let (dir, said) = told(&[
        ("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:aaaaaaaaaaaa\n"),
        ("etc/nvme/hostnqn", nvme),
        ("etc/nvme/hostid", "00000000-0000-4000-8000-000000000001\n"),
        ("etc/hostid", "\0\0\0\0"),
    ]);
    let read = |path: &str| {
        String::from_utf8_lossy(&std::fs::read(dir.path().join(path)).unwrap()).into_owned()
    };
    let iscsi = read("etc/iscsi/initiatorname.iscsi");
    assert!(
        iscsi.starts_with("InitiatorName=iqn.1993-08.org.debian:01:")
            && !iscsi.contains("aaaaaaaaaaaa"),
        "{iscsi}"
    );
    assert_ne!(read("etc/nvme/hostnqn"), nvme);
    assert_eq!(
        read("etc/nvme/hostnqn"),
        format!("nqn.2014-08.org.nvmexpress:uuid:{}", read("etc/nvme/hostid"))
    );
    assert_ne!(read("etc/hostid"), "\0\0\0\0");
    let said = said.join("\n");
    assert!(
        said.contains(iscsi.trim_start_matches("InitiatorName=").trim())
            && said.contains("admit hosts by name"),
        "{said}"
    );
    // Nobody gets one who had none.
    let (dir, said) = told(&[("etc/passwd", "")]);
    assert!(
        !dir.path().join("etc/iscsi").exists()
            && !dir.path().join("etc/nvme").exists()
            && said.is_empty(),
        "{said:?}"
    );
}

/// Each path of the table, as a file that is there: taken away and told, or kept and named.
#[test]
fn everything_in_the_table_is_settled() {
    for item in ITEMS {
        assert!(!item.source.is_empty() && !item.what.is_empty());
        for path in item.paths {
            assert!(
                path.starts_with('/') && path.split('/').all(|w| w.matches('*').count() < 2),
                "{path}"
            );
            let file = path.trim_start_matches('/').replace('*', "x1");
            let (dir, said) = told(&[(&file, "write_net_rules")]);
            let said = said.join("\n");
            let there = dir.path().join(&file).exists();
            assert_eq!(there, matches!(item.act, Act::Name(_)), "{file}");
            assert!(
                said.contains(&format!("/{file}")) && said.contains(item.what),
                "{file}: {said}"
            );
            assert!(!there || said.contains("kept from the other machine"), "{said}");
        }
    }
}

#[test]
fn what_an_administrator_wrote_is_kept_and_what_is_encrypted_can_be_read() {
    let rules = "etc/udev/rules.d/70-persistent-net.rules";
    let (dir, said) = told(&[(rules, "SUBSYSTEM==\"net\", NAME=\"lan0\"\n")]);
    assert!(
        dir.path().join(rules).exists() && said.join("").contains("check that the addresses"),
        "{said:?}"
    );

    let secret = "var/lib/systemd/credential.secret";
    let (dir, said) = told(&[(secret, "s")]);
    assert!(
        !dir.path().join(secret).exists() && said.join("").contains("systemd makes another"),
        "{said:?}"
    );
    for user in [
        ("etc/credstore.encrypted/db", "x"),
        ("etc/systemd/system/a.service", "[Service]\nSetCredentialEncrypted=a: x\n"),
    ] {
        let (dir, said) = told(&[(secret, "s"), user]);
        assert!(
            dir.path().join(secret).exists() && said.join("").contains("encrypt them again"),
            "{said:?}"
        );
    }
}
