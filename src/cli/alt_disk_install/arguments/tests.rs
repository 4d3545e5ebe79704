use super::*;
use crate::software::Location;
use std::os::unix::fs::PermissionsExt;

fn words(line: &[&str]) -> Vec<OsString> {
    line.iter().map(OsString::from).collect()
}

fn refusal(line: &[&str]) -> String {
    read(&words(line)).map_or_else(|e| error::find(&e).unwrap().to_string(), |a| format!("{a:?}"))
}

#[test]
fn each_rule_has_its_error() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, mode: u32| {
        let path = dir.path().join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_string_lossy().into_owned()
    };
    let (plain, gone) =
        (make("plain", 0o644), dir.path().join("gone").to_string_lossy().into_owned());
    let (plain, gone, place) = (plain.as_str(), gone.as_str(), dir.path().to_str().unwrap());
    let table: Vec<(Vec<&str>, String)> = vec![
        (vec!["vdb"], "ALT-110: neither -C nor -d is given".into()),
        (vec!["-C", "-d", "/dev/null", "vdb"], "ALT-111: both -C and -d are given".into()),
        (vec!["-X", "-C"], "ALT-112: -X is given together with -C".into()),
        (vec!["-X", "vdb"], "ALT-112: -X is given together with vdb".into()),
        (vec!["-X", "--resume"], "ALT-112: -X is given together with --resume".into()),
        (vec!["--resume", "-C", "vdb"], "ALT-113: --resume is given together with -C".into()),
        (vec!["-C", "-Br", "vdb"], "ALT-114: -B leaves the boot list alone, so -r would not reboot from the new disk".into()),
        (vec!["-d", plain, "-e", plain, "vdb"], "ALT-115: -e is not valid with -d".into()),
        (vec!["-d", plain, "-b", plain, "-l", place, "vdb"], "ALT-115: -b is not valid with -d".into()),
        (vec!["-d", plain, "-I", "x", "vdb"], "ALT-115: -I is not valid with -d".into()),
        (vec!["-d", plain, "-f", plain, "vdb"], "ALT-115: -f is not valid with -d".into()),
        (vec!["-d", plain, "-F", "x", "vdb"], "ALT-115: -F is not valid with -d".into()),
        (vec!["-d", plain, "-w", "x", "vdb"], "ALT-115: -w is not valid with -d".into()),
        (vec!["-d", plain, "-l", place, "vdb"], "ALT-115: -l is not valid with -d".into()),
        (vec!["-C", "-pchrp", "vdb"], "ALT-116: -p is not valid with -C".into()),
        (vec!["-C", "-L4.3.0", "vdb"], "ALT-116: -L is not valid with -C".into()),
        (vec!["-C", "-b", plain, "vdb"], "ALT-117: -b is given without -l".into()),
        (vec!["-C", "-I", "x", "vdb"], "ALT-117: -I is given without -l".into()),
        (vec!["-C", "-f", plain, "vdb"], "ALT-117: -f is given without -l".into()),
        (vec!["-C", "-F", "CVE-1", "vdb"], "ALT-117: -F is given without -l".into()),
        (vec!["-C", "-w", "vim", "vdb"], "ALT-117: -w is given without -l".into()),
        (vec!["-C", "-i", "image.data", "vdb"], "ALT-118: `image.data` after -i is not a full path name".into()),
        (vec!["-C", "-s", "src", "vdb"], "ALT-118: `src` after -s is not a full path name".into()),
        (vec!["-C", "-R", "./r", "vdb"], "ALT-118: `./r` after -R is not a full path name".into()),
        (vec!["-C", "-e", "", "vdb"], "ALT-118: `` after -e is not a full path name".into()),
        (vec!["-C", "-l", "rmt0", "-w", "x", "vdb"], "ALT-118: `rmt0` after -l is not a full path name".into()),
        (vec!["-C", "-s", gone, "vdb"], format!("ALT-119: {gone} does not exist")),
        (vec!["-C", "-s", place, "vdb"], format!("ALT-120: {place} is not a regular file")),
        (vec!["-C", "-s", plain, "vdb"], format!("ALT-121: {plain} has no execute permission (mode 0644)")),
        (vec!["-C", "-i", gone, "vdb"], format!("ALT-122: {gone} after -i cannot be read: No such file or directory")),
        (vec!["-C", "-R", place, "vdb"], format!("ALT-122: {place} after -R is not a regular file")),
        (vec!["-d", gone, "vdb"], format!("ALT-122: {gone} after -d cannot be read: No such file or directory")),
        (vec!["-C", "-P", "13", "vdb"], "ALT-123: `13` after -P is not a phase".into()),
        (vec!["-C", "-P", "", "vdb"], "ALT-123: `` after -P is not a phase".into()),
        (vec!["-C"], "ALT-124: no target disk is named".into()),
        (vec!["-C", "-P12"], "ALT-124: no target disk is named".into()),
        (vec!["-C", "-P2", ""], "ALT-124: a target disk's name is empty".into()),
        (vec!["-C", "vdx", "vdy", "/dev/vdx"], "ALT-125: vdx and /dev/vdx are the same disk".into()),
        (vec!["-C", "vdx", "vdx"], "ALT-125: vdx is named twice".into()),
        (vec!["-d", plain, "-L", "4.3", "vdb"], "ALT-126: `4.3` is not a level of the form V.R.M".into()),
        (vec!["-d", plain, "-L", "4.3.x", "vdb"], "ALT-126: `4.3.x` is not a level of the form V.R.M".into()),
        (vec!["-C", "--json", "vdb"], "ALT-127: --json is given without --preview".into()),
        (vec!["-C", "--events", "x", "vdb"], "ALT-107: `x` after --events is not a descriptor number".into()),
        (vec!["-C", "--events=0", "vdb"], "ALT-107: `0` after --events is not a descriptor number".into()),
        (vec!["-C", "--erase", "", "vdb"], "ALT-107: the serial number after --erase is empty".into()),
        (vec!["-d", plain, "-p", "rspc", "vdb"], "ALT-107: `rspc` after -p is not a platform that altdisk knows (i386-pc, x86_64-efi)".into()),
        (vec!["-d", plain, "--identity", "mine", "vdb"], "ALT-107: `mine` after --identity is neither keep nor fresh".into()),
        (vec!["-C", "--identity", "keep", "vdb"], "ALT-116: --identity is not valid with -C".into()),
        (vec!["-C", "-l", place, "vdb"], format!("ALT-741: -l {place} is given, but nothing to install from there")),
        (vec!["-C", "-l", place, "-I", "-acgX", "vdb"], format!("ALT-741: -l {place} is given, but nothing to install from there")),
        (
            vec!["-C", "-l", place, "-w", "a*", "vdb"],
            "ALT-107: `a*` after -w is not a package: patterns are not possible; write whole names".into(),
        ),
        (vec!["-C", "-l", place, "-F", "", "vdb"], "ALT-107: the value after -F names no fix".into()),
        (vec!["-C", "-l", place, "-b", plain, "vdb"], format!("ALT-736: {plain}: it names no package")),
        (
            vec!["-C", "-l", place, "-b", gone, "vdb"],
            format!("ALT-122: {gone} after -b cannot be read: No such file or directory"),
        ),
        (vec!["-C", "-l", place, "-w", "all", "-I", "vim", "vdb"], "ALT-737: `vim` after -I is not a flag".into()),
        (
            vec!["-C", "-l", gone, "-w", "x", "vdb"],
            format!("ALT-122: {gone} after -l cannot be read: No such file or directory"),
        ),
        (
            vec!["-C", "-l", "nfs://h/x", "-w", "x", "vdb"],
            "ALT-107: `nfs://h/x` after -l is not a repository: only http, https, ftp and file are understood".into(),
        ),
    ];
    for (line, want) in table {
        assert_eq!(refusal(&line), want, "{line:?}");
        let err = read(&words(&line)).unwrap_err();
        assert_eq!(error::exit_for(&err), error::Exit::Usage, "{line:?}");
    }
}

#[test]
fn options_become_a_request() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x y");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let name = file.to_str().unwrap();
    let line = [
        "-CVDgn",
        "-P12",
        "-i",
        name,
        "-s",
        name,
        "-R",
        name,
        "-e",
        name,
        "--erase",
        "S1",
        "--erase=S2",
        "vdx",
        "-B",
        "/dev/vdy",
        "--events",
        "7",
    ];
    let (action, output) = read(&words(&line)).unwrap();
    assert_eq!(output, Output { debug: true, verbose: true, events_fd: Some(7) });
    let Action::Install(r) = action else { panic!("{action:?}") };
    assert_eq!(r.phases, Phases::OneTwo);
    for path in [&r.image_data, &r.script, &r.resolv_conf, &r.exclude_list] {
        assert_eq!(path.as_deref(), Some(file.as_path()));
    }
    assert!(!r.set_bootlist && !r.reboot && r.remain_client && r.skip_boot_check);
    assert_eq!((r.erase.join(" "), r.targets.join(" ")), ("S1 S2".into(), "vdx /dev/vdy".into()));
    assert_eq!(
        (r.argv.len(), r.argv[0].as_str(), r.argv[1].as_str()),
        (line.len() + 1, "alt_disk_install", "-CVDgn")
    );
    assert_eq!(
        describe_unused_flags(&words(&line), r.phases),
        ["-B has no effect in this run: it belongs to phase 3"]
    );
}

#[test]
fn other_actions() {
    let action = |line: &[&str]| read(&words(line)).unwrap().0;
    assert_eq!(action(&["-XDV", "--events", "3"]), Action::CleanUp { erase: vec![], ask: false });
    let erase = |ask| Action::CleanUp { erase: vec!["S1".into(), "S2".into()], ask };
    assert_eq!(action(&["-X", "--erase", "S1", "--erase=S2"]), erase(false));
    assert_eq!(
        action(&["--erase", "S1", "-X", "--review", "--ask-erase", "--erase", "S2"]),
        Action::Review(Box::new(erase(true)))
    );
    for (line, id) in [
        (&["-X", "--erase", ""][..], "ALT-107"),
        (&["-X", "--ask-erase"], "ALT-107"),
        (&["-C", "--ask-erase", "vdx"], "ALT-107"),
        (&["--resume", "--erase", "S1"], "ALT-113"),
        (&["-X", "old_rootvg"], "ALT-112"),
    ] {
        assert_eq!(error::find(&read(&words(line)).unwrap_err()).unwrap().entry.id, id, "{line:?}");
    }
    let Action::Install(r) = action(&[
        "-d",
        "-",
        "-L",
        "12.11.0",
        "-p",
        "i386-pc,x86_64-efi",
        "--identity",
        "keep",
        "vdx",
    ]) else {
        panic!("no install")
    };
    let image = FromImage {
        device: "-".into(),
        level: Some("12.11.0".into()),
        platforms: vec!["i386-pc".into(), "x86_64-efi".into()],
        identity: Some(Identity::Keep),
    };
    assert_eq!((r.image, r.phases), (Some(image), Phases::All));
    // Later phases do not read the image any more.
    assert!(
        matches!(action(&["-d", "/no/such", "-P", "23"]), Action::Install(r) if r.image.is_some())
    );
    assert_eq!(action(&["--resume", "-D"]), Action::Resume);
    assert!(matches!(
        action(&["-C", "--preview", "--json", "vdx"]),
        Action::Preview { json: true, .. }
    ));
    for phases in ["2", "3", "23"] {
        assert!(
            matches!(action(&["-C", "-P", phases]), Action::Install(r) if r.targets.is_empty() && r.set_bootlist)
        );
    }
    assert!(
        matches!(action(&["-C", "-r", "vdx"]), Action::Install(r) if r.reboot && r.phases == Phases::All)
    );
}

#[test]
fn what_is_to_be_installed() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    fs::write(&list, "# a list\nx1\n").unwrap();
    let (place, list) = (dir.path().to_str().unwrap(), list.to_str().unwrap());
    let wanted = |line: &[&str]| match read(&words(line)).unwrap().0 {
        Action::Install(r) => (describe_unused_flags(&words(line), r.phases), r.software.unwrap()),
        other => panic!("{other:?}"),
    };
    let (none, all) = wanted(&["-C", "-b", "update_all", "-l", "configured", "vdx"]);
    assert!(none.is_empty() && all.all && all.location == Location::Configured);
    let (note, some) = wanted(&[
        "-C",
        "-P1",
        "-w",
        "vim curl=8",
        "-b",
        list,
        "-f",
        list,
        "-F",
        "CVE-1",
        "-I",
        "-ac",
        "-l",
        place,
        "vdx",
    ]);
    assert_eq!(
        note,
        ["-w, -b, -f, -F, -I and -l have no effect in this run: they belong to phase 2"]
    );
    assert_eq!(
        (some.packages.join(" "), some.fixes.join(" ")),
        ("vim curl=8 x1".into(), "CVE-1 x1".into())
    );
    assert_eq!(
        (some.location, some.flags.as_ref().map(crate::secret::SecretText::expose)),
        (Location::Directory(place.into()), Some("-ac"))
    );
    let (_, url) = wanted(&["-C", "-P", "2", "-w", "all", "-l", "https://h/debian bookworm main"]);
    assert_eq!(url.location.to_string(), "https://h/debian bookworm main");
}
