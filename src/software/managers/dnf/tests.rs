//! The commands, and the real dnf in a root of its own.

use super::*;
use crate::software::changes::Changes;
use crate::software::flags::Flags;
use crate::testing::rpm_root::{Root, transaction};

fn named(name: &str, version: Option<&str>) -> PackageRequest {
    PackageRequest::Named { name: name.into(), version: version.map(str::to_owned) }
}

fn lines(changes: &Changes) -> Vec<String> {
    let installed = changes.installed.iter().map(|p| format!("+{} {}", p.name, p.version));
    let updated = changes.updated.iter().map(|u| format!("{} {} {}", u.name, u.before, u.after));
    let removed = changes.removed.iter().map(|p| format!("-{} {}", p.name, p.version));
    installed.chain(updated).chain(removed).collect()
}

#[test]
fn commands_of_requests() {
    let all = [named("a", None), PackageRequest::AllUpdates, named("b", Some("1:2-3"))];
    let lines: Vec<String> = commands(&all).iter().map(|c| c.join(" ")).collect();
    assert_eq!(lines, ["--best install a b-1:2-3", "upgrade"]);
    assert!(commands(&[]).is_empty());
}

#[test]
fn a_directory_of_packages() {
    let Some(root) = Root::new("fedora") else { return };
    let flags = Flags { requisites: true, ..Flags::default() };
    let before = Dnf.installed(&crate::host::sandbox::Sandbox::new(&root.root)).unwrap();
    // As a killed run leaves them: process 1 is always there.
    root.run("mkdir -p /var/cache/dnf; echo 1 >/var/cache/dnf/metadata_lock.pid; echo 1 >/var/lib/dnf/rpmdb_lock.pid");

    root.with(&Dnf, "v2", &flags, |job| {
        let done = transaction(&Dnf, job, &[PackageRequest::AllUpdates]).unwrap();
        let want = [
            "+kernel-core 6.2-1.fc40",
            "+newdep 1.0-1.fc40",
            "fedora-release 40-1.fc40 40.1-1.fc40",
            "hello 1.0-1.fc40 2.0-1.fc40",
            "libthing 1.0-1.fc40 1.1-1.fc40",
            "tool 1:1.0-1.fc40 1:1.1-1.fc40",
        ];
        assert_eq!(lines(&done.changes), want);
        assert_eq!((done.download, done.growth / 100_000), (0, 3));
        let one =
            transaction(&Dnf, job, &[named("other", None), named("libthing", Some("1.1-1.fc40"))])
                .unwrap();
        assert_eq!(lines(&one.changes), ["+other 1.0-1.fc40", "libthing 1.0-1.fc40 1.1-1.fc40"]);
        let both = transaction(
            &Dnf,
            job,
            &[named("other", None), named("hello", None), PackageRequest::AllUpdates],
        )
        .unwrap();
        assert_eq!(both.changes.installed.len() + both.changes.updated.len(), 7);
        assert_eq!(Dnf.installed(job.inside).unwrap(), before, "nothing is changed by asking");
        Dnf.apply(job, &[PackageRequest::AllUpdates]).unwrap();
        let after = Dnf.installed(job.inside).unwrap();
        assert_eq!(lines(&Changes::between(&before, &after)), want);
        assert!(transaction(&Dnf, job, &[PackageRequest::AllUpdates]).unwrap().changes.is_empty());
    });
    let said = root.said();
    assert!(said.contains("hello is new"), "{said}");
    assert_eq!(
        root.installed(&Dnf, "kernel"),
        ["kernel-core=6.1-1.fc40", "kernel-core=6.2-1.fc40"]
    );

    // Back, where a version is named, and only there.
    root.with(&Dnf, "installed", &flags, |job| {
        assert!(transaction(&Dnf, job, &[PackageRequest::AllUpdates]).unwrap().changes.is_empty());
        let back = [named("libthing", Some("1.0-1.fc40"))];
        assert_eq!(
            lines(&transaction(&Dnf, job, &back).unwrap().changes),
            ["libthing 1.1-1.fc40 1.0-1.fc40"]
        );
        Dnf.apply(job, &back).unwrap();
    });
    assert_eq!(root.installed(&Dnf, "libthing"), ["libthing=1.0-1.fc40"]);
}

#[test]
fn what_fails_is_told_in_dnf_s_words() {
    let Some(root) = Root::new("fedora") else { return };
    let flags = Flags { requisites: true, ..Flags::default() };
    let request = |name| [named(name, None)];
    root.with(&Dnf, "failpre", &flags, |job| {
        let why = format!("{:#}", Dnf.apply(job, &request("failpre")).unwrap_err());
        assert!(
            why.contains("ALT-730")
                && why.contains("its last words")
                && why.contains("%prein(failpre-2.0-1.fc40.noarch)"),
            "{why}"
        );
    });
    assert_eq!(root.installed(&Dnf, "failpre"), ["failpre=1.0-1.fc40"]);
    root.with(&Dnf, "unmet", &flags, |job| {
        let why = format!("{:#}", transaction(&Dnf, job, &request("unmet")).unwrap_err());
        assert!(
            why.contains("ALT-740") && why.contains("nothing provides what-nobody-has >= 3"),
            "{why}"
        );
        root.said();
        assert!(transaction(&Dnf, job, &[PackageRequest::AllUpdates]).unwrap().changes.is_empty());
        let said = root.said();
        assert!(
            said.contains("cannot be updated from the location: unmet 2.0-1.fc40")
                && said.contains("what-nobody-has"),
            "{said}"
        );
    });
    root.with(&Dnf, "failpost", &flags, |job| {
        Dnf.apply(job, &[PackageRequest::AllUpdates]).unwrap()
    });
    let said = root.said();
    assert!(
        said.contains("a script of a package failed: %post(failpost-2.0-1.fc40.noarch)"),
        "{said}"
    );
}

#[test]
fn a_repository_at_a_url_must_be_signed() {
    let Some(root) = Root::new("fedora") else { return };
    root.copy("repo", "/srv/repo");
    let source = PackageSource::Url { url: "file:///srv/repo".into(), rest: vec![] };
    let flags = Flags { requisites: true, ..Flags::default() };
    root.at(&Dnf, &source, vec![], &flags, |job| {
        let names: Vec<String> = Dnf
            .available(job)
            .unwrap()
            .into_iter()
            .map(|a| format!("{} {}", a.name, a.version))
            .collect();
        assert!(names.contains(&"tool 1:1.1-1.fc40".to_owned()) && names.len() == 7, "{names:?}");
        let fixes =
            Dnf.fixes(job, &["CVE-2024-3333".into()], &Dnf.available(job).unwrap()).unwrap();
        assert!(fixes.iter().any(|f| f.id == "FEDORA-2024-0a1b2c3d4e"));
        let why = format!("{:#}", transaction(&Dnf, job, &[named("tool", None)]).unwrap_err());
        assert!(why.contains("ALT-750") && why.contains("no key at all"), "{why}");
    });
    root.copy("key.asc", "/srv/key.asc");
    root.run("rpm --import /srv/key.asc");
    root.at(&Dnf, &source, vec![], &flags, |job| {
        let done = transaction(&Dnf, job, &[named("tool", None)]).unwrap();
        assert!(done.changes.updated.len() == 1 && done.download > 1000, "{done:?}");
        let why = format!("{:#}", Dnf.apply(job, &[named("tool", None)]).unwrap_err());
        assert!(why.contains("ALT-730") && why.contains("is not signed"), "{why}");
    });
    assert_eq!(root.installed(&Dnf, "tool"), ["tool=1:1.0-1.fc40"]);
    // Signed by somebody who is trusted; by a repository's file, before rpm has the key.
    root.copy("signed", "/srv/signed");
    root.run("rpm -e --allmatches gpg-pubkey");
    let configured = "[x]\nname=x\nbaseurl=file:///nowhere\ngpgkey=file:///srv/key.asc\n";
    std::fs::write(root.root.join("etc/yum.repos.d/x.repo"), configured).unwrap();
    let signed = PackageSource::Url { url: "file:///srv/signed".into(), rest: vec![] };
    root.at(&Dnf, &signed, vec![], &flags, |job| {
        Dnf.apply(job, &[PackageRequest::AllUpdates]).unwrap()
    });
    assert_eq!(root.installed(&Dnf, "tool"), ["tool=1:1.1-1.fc40"]);
    root.run("rm /etc/yum.repos.d/x.repo");
    let flags = Flags { native: Some(vec!["--nogpgcheck".into()]), ..flags };
    root.at(&Dnf, &source, vec![], &flags, |job| {
        Dnf.apply(job, &[named("libthing", None)]).unwrap()
    });
    assert_eq!(root.installed(&Dnf, "libthing"), ["libthing=1.1-1.fc40"]);
    // Of the alternate's own.
    root.run("printf \"[own]\\nname=own\\nbaseurl=file:///srv/repo\\ngpgcheck=0\\n\" >/etc/yum.repos.d/own.repo");
    root.at(&Dnf, &PackageSource::Configured, vec![], &flags, |job| {
        assert_eq!(Dnf.available(job).unwrap().len(), 7);
        assert_eq!(
            transaction(&Dnf, job, &[PackageRequest::AllUpdates]).unwrap().changes.updated.len(),
            2
        );
    });
    assert!(root.run("ls /var/cache/dnf").is_empty(), "caches are ours");
}

#[test]
fn what_a_killed_run_left_is_finished() {
    let Some(root) = Root::new("fedora") else { return };
    let flags = Flags { requisites: true, ..Flags::default() };
    // Between the new package and the end of the old one.
    root.copy("v2", "/srv/v2");
    root.run("rpm -i --nodeps --replacefiles --oldpackage --force /srv/v2/tool-1.1*.rpm /srv/v2/kernel-core*.rpm");
    assert_eq!(root.installed(&Dnf, "tool").len(), 2);
    root.with(&Dnf, "v2", &flags, |_| ());
    assert_eq!(root.installed(&Dnf, "tool"), ["tool=1:1.1-1.fc40"]);
    assert_eq!(root.installed(&Dnf, "kernel").len(), 2);
    assert!(root.said().contains("rpm -e --nodeps -- tool-1.0-1.fc40.noarch"));
    assert!(
        root.run("cat /usr/share/tool/data | tail -c 6").contains("1:1.1"),
        "its files are the new ones"
    );
}

#[test]
fn only_dnf_is_dnf() {
    let dir = tempfile::tempdir().unwrap();
    let inside = Sandbox::new(dir.path());
    let why = |inside: &Sandbox| format!("{:#}", call::program(inside).unwrap_err());
    assert!(why(&inside).contains("ALT-731"));
    std::fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
    std::fs::write(dir.path().join("usr/bin/microdnf"), "").unwrap();
    assert!(why(&inside).contains("only a reduced variant"));
    assert_eq!(
        [
            "4.14.0\n  Installed: x",
            "dnf5 version 5.2.8.1\ndnf5 plugin API version 2.0\n",
            "3.4.3\n",
            "what"
        ]
        .map(call::generation),
        [Some(4), Some(5), Some(3), None]
    );
}
