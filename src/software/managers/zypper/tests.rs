//! The commands, and the real zypper in a root of its own.

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
fn a_directory_of_packages() {
    let Some(root) = Root::new("opensuse-leap") else { return };
    let flags = Flags {
        requisites: true,
        native: Some(vec!["--no-recommends".into(), "--no-color".into()]),
        ..Flags::default()
    };
    let before = Zypper.installed(&Sandbox::new(&root.root)).unwrap();
    root.with(&Zypper, "v2", &flags, |job| {
        let done =
            transaction(&Zypper, job, &[named("hello", None), PackageRequest::AllUpdates]).unwrap();
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
        assert_eq!(
            lines(&transaction(&Zypper, job, &[PackageRequest::AllUpdates]).unwrap().changes),
            want,
            "{}",
            root.said()
        );
        let one = transaction(
            &Zypper,
            job,
            &[named("other", None), named("libthing", Some("1.1-1.fc40"))],
        )
        .unwrap();
        assert_eq!(lines(&one.changes), ["+other 1.0-1.fc40", "libthing 1.0-1.fc40 1.1-1.fc40"]);
        assert_eq!(Zypper.installed(job.inside).unwrap(), before, "nothing is changed by asking");
        Zypper.apply(job, &[named("hello", None), PackageRequest::AllUpdates]).unwrap();
        let after = Zypper.installed(job.inside).unwrap();
        assert_eq!(lines(&Changes::between(&before, &after)), want);
        assert!(
            transaction(&Zypper, job, &[PackageRequest::AllUpdates]).unwrap().changes.is_empty()
        );
    });
    let said = root.said();
    assert!(said.contains("hello is new"), "{said}");

    // Back, where a version is named, and only there.
    root.with(&Zypper, "installed", &flags, |job| {
        assert!(
            transaction(&Zypper, job, &[PackageRequest::AllUpdates]).unwrap().changes.is_empty()
        );
        let back = [named("libthing", Some("1.0-1.fc40"))];
        assert_eq!(
            lines(&transaction(&Zypper, job, &back).unwrap().changes),
            ["libthing 1.1-1.fc40 1.0-1.fc40"]
        );
        Zypper.apply(job, &back).unwrap();
    });
    assert_eq!(root.installed(&Zypper, "libthing"), ["libthing=1.0-1.fc40"]);
}

#[test]
fn what_fails_is_told_in_zypper_s_words() {
    let Some(root) = Root::new("opensuse-leap") else { return };
    let flags = Flags { requisites: true, ..Flags::default() };
    let request = |name| [named(name, None)];
    root.with(&Zypper, "failpre", &flags, |job| {
        let why = format!("{:#}", Zypper.apply(job, &request("failpre")).unwrap_err());
        assert!(
            why.contains("ALT-730")
                && why.contains("its last words")
                && why.contains("%prein(failpre-2.0-1.fc40.noarch)"),
            "{why}"
        );
    });
    assert_eq!(root.installed(&Zypper, "failpre"), ["failpre=1.0-1.fc40"]);
    root.with(&Zypper, "unmet", &flags, |job| {
        let why = format!("{:#}", transaction(&Zypper, job, &request("unmet")).unwrap_err());
        assert!(
            why.contains("ALT-740") && why.contains("nothing provides what-nobody-has >= 3"),
            "{why}"
        );
        assert!(
            transaction(&Zypper, job, &[PackageRequest::AllUpdates]).unwrap().changes.is_empty()
        );
    });
    root.with(&Zypper, "failpost", &flags, |job| {
        Zypper.apply(job, &[PackageRequest::AllUpdates]).unwrap()
    });
    let said = root.said();
    assert!(
        said.contains("a script of a package failed: %post(failpost-2.0-1.fc40.noarch)"),
        "{said}"
    );
}

#[test]
fn a_repository_at_a_url_must_be_signed() {
    let Some(root) = Root::new("opensuse-leap") else { return };
    root.copy("repo", "/srv/repo");
    let source = PackageSource::Url { url: "dir:///srv/repo".into(), rest: vec![] };
    let flags = Flags { requisites: true, ..Flags::default() };
    let why = format!("{:#}", root.try_at(&Zypper, &source, vec![], &flags, |_| ()).unwrap_err());
    assert!(why.contains("ALT-732") && why.contains("is unsigned"), "{why}");
    let trusting = Flags { native: Some(vec!["--no-gpg-checks".into()]), ..flags.clone() };
    root.at(&Zypper, &source, vec![], &trusting, |job| {
        let names: Vec<String> = Zypper
            .available(job)
            .unwrap()
            .into_iter()
            .map(|a| format!("{} {}", a.name, a.version))
            .collect();
        assert!(names.contains(&"tool 1:1.1-1.fc40".to_owned()) && names.len() == 7, "{names:?}");
        let fixes =
            Zypper.fixes(job, &["CVE-2024-3333".into()], &Zypper.available(job).unwrap()).unwrap();
        assert!(fixes.iter().any(|f| f.id == "FEDORA-2024-0a1b2c3d4e"));
        let done = transaction(&Zypper, job, &[named("libthing", None)]).unwrap();
        assert!(done.changes.updated.len() == 1 && done.download > 1000, "{done:?}");
        Zypper.apply(job, &[named("libthing", None)]).unwrap();
    });
    assert_eq!(root.installed(&Zypper, "libthing"), ["libthing=1.1-1.fc40"]);
    // Signed by somebody who is trusted.
    root.copy("signed", "/srv/signed");
    let signed = PackageSource::Url { url: "dir:///srv/signed".into(), rest: vec![] };
    let why = format!("{:#}", root.try_at(&Zypper, &signed, vec![], &flags, |_| ()).unwrap_err());
    assert!(why.contains("ALT-732"), "{why}");
    root.copy("key.asc", "/srv/key.asc");
    root.run("rpm --import /srv/key.asc");
    root.at(&Zypper, &signed, vec![], &flags, |job| {
        Zypper.apply(job, &[PackageRequest::AllUpdates]).unwrap()
    });
    assert_eq!(root.installed(&Zypper, "tool"), ["tool=1:1.1-1.fc40"]);
    root.run("printf \"[own]\\nname=own\\nbaseurl=dir:///srv/repo\\ngpgcheck=0\\nenabled=1\\n\" >/etc/zypp/repos.d/own.repo");
    root.at(&Zypper, &PackageSource::Configured, vec![], &trusting, |job| {
        assert_eq!(Zypper.available(job).unwrap().len(), 7);
        assert_eq!(
            transaction(&Zypper, job, &[named("kernel-core", None)])
                .unwrap()
                .changes
                .installed
                .len(),
            1
        );
    });
}
