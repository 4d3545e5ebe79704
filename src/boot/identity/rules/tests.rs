//! The rules on single texts.

use super::*;
use crate::boot::identity::ids::Pair;
use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

#[test]
fn a_device_word_in_every_form() {
    let r = Rules::new(&map()).unwrap();
    let root = format!("UUID={NEW_ROOT}");
    for word in [
        format!("UUID={OLD_ROOT}"),
        format!("UUID=\"{}\"", OLD_ROOT.to_uppercase()),
        "LABEL=my\\040root".into(),
        "LABEL=\"my root\"".into(),
        "PARTUUID=1234ABCD-02".into(),
        "/dev/vda2".into(),
        "/dev/disk/by-label/my\\x20root".into(),
        "/dev/disk/by-id/virtio-OLD-part2".into(),
        "ID=virtio-OLD-part2".into(),
        format!("/dev/disk/by-uuid/{OLD_ROOT}"),
    ] {
        assert_eq!(r.spec(&word), Some(root.as_str()), "{word}");
    }
    assert_eq!(r.spec("/dev/my-vg/home"), Some("/dev/mapper/alt--vg-home"));
    for word in ["/dev/vda20", "LABEL=my", "UUID=other", "tmpfs", "server:/x"] {
        assert_eq!(r.spec(word), None, "{word}");
    }
}

#[test]
fn identifiers_are_words() {
    let r = Rules::new(&map()).unwrap();
    assert_eq!(
        r.anywhere(&format!("# was {OLD_ROOT}, luks-{OLD_ROOT}")),
        format!("# was {NEW_ROOT}, luks-{NEW_ROOT}")
    );
    assert_eq!(r.anywhere("serial abcd-1234;"), "serial 77AA-88BB;");
    for same in [
        "xABCD-1234",
        "ABCD-12345",
        "ABCD-1234-5678",
        "1234abcde",
        "1234abcd-03",
        "/dev/disk/by-id/virtio-OLD-part9",
    ] {
        assert_eq!(r.anywhere(same), same);
    }
    assert_eq!(r.anywhere("ptuuid=1234abcd"), "ptuuid=88888888-dddd-4ddd-8ddd-888888888888");
    assert_eq!(r.anywhere("(/dev/disk/by-id/virtio-OLD)"), "(/dev/disk/by-id/virtio-NEW)");
    let escaped = |u: &str| format!("dev-disk-by\\x2duuid-{}.swap", u.replace('-', "\\x2d"));
    assert_eq!(r.anywhere(&escaped(OLD_ROOT)), escaped(NEW_ROOT));
    // The swap's PARTUUID has no counterpart: it stays for the audit to name.
    assert_eq!(r.anywhere("1234abcd-05"), "1234abcd-05");
    assert_eq!(r.identifiers("a 1234abcd-05 b").len(), 1);
}

#[test]
fn volume_group_names_only_in_their_forms() {
    let r = Rules::new(&map()).unwrap();
    assert_eq!(
        r.anywhere("/dev/my-vg/home /dev/mapper/my--vg-home"),
        "/dev/alt-vg/home /dev/mapper/alt--vg-home"
    );
    assert_eq!(
        r.anywhere("rd.lvm.lv=my-vg/home rd.lvm.vg=my-vg"),
        "rd.lvm.lv=alt-vg/home rd.lvm.vg=alt-vg"
    );
    assert_eq!(r.anywhere("set root='lvm/my--vg-home'"), "set root='lvm/alt--vg-home'");
    for same in
        ["my-vg is a name", "/dev/my-vgx/home", "/dev/mapper/my--vg--home", "/srv/my-vg/home"]
    {
        assert_eq!(r.anywhere(same), same);
    }
}

#[test]
fn command_lines() {
    let r = Rules::new(&map()).unwrap();
    let new = r
        .command_line("GRUB_CMDLINE_LINUX=\"root=/dev/vda2 resume=UUID=44444444-aaaa-4aaa-8aaa-444444444444 resume_offset=123 quiet\"");
    assert_eq!(
        new,
        format!(
            "GRUB_CMDLINE_LINUX=\"root=UUID={NEW_ROOT} resume=UUID=55555555-bbbb-4bbb-8bbb-555555555555 quiet\""
        )
    );
    assert_eq!(
        r.command_line("rootflags=subvolid=256,compress=zstd x"),
        "rootflags=compress=zstd x"
    );
    assert_eq!(r.command_line("rootflags=subvol=@,subvolid=256"), "rootflags=subvol=@");
    // What goes is said.
    let said = |line: &str| {
        r.taken_out(line)
            .iter()
            .map(|s| s.split(" is taken out").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        said("x=\"resume_offset=123 rootflags=device=/dev/vda2,subvol=@,ssd\""),
        ["resume_offset=123", "device=/dev/vda2"]
    );
    assert_eq!(said("rootflags=subvolid=256,ssd"), ["subvolid=256"]);
    assert_eq!(said("rootflags=subvol=@,subvolid=256"), [""; 0]);
    assert_eq!(said("# rootflags=device=/dev/vda2"), [""; 0]);
    assert_eq!(r.command_line("xroot=/dev/vda2"), "xroot=/dev/vda2");
    assert_eq!(r.command_line(&new), new);
    assert_eq!(r.parameters("linux /vmlinuz root=/dev/vda2 ro"), [(15, "root=/dev/vda2")]);
    assert!(r.parameters(&new).is_empty());
}

/// The stub of GRUB 2.06 on an ESP (Proxmox VE), entries of grub-mkconfig in a file of the
/// administrator.
#[test]
fn hints_at_the_sources_volume_group() {
    let (vg, lv) =
        ("cSAZDQ-1rDG-fS3x-9bCd-2dFW-8zKk-YtN3Hc", "GvAfgA-0pYB-e7rM-n2QL-Zn1c-WbXk-2bV9Rd");
    let pair = |old: String, new: &str| Pair { what: "LVM".into(), old, new: new.into() };
    let mut map = map();
    map.lvm = vec![pair(vg.into(), "")];
    for known in [false, true] {
        if known {
            map.lvm.push(pair(format!("lvmid/{vg}/{lv}"), "lvm/alt--vg-root"));
        }
        let r = Rules::new(&map).unwrap();
        let hint = |before: &str, after: &str| {
            if known { format!(" {before}lvm/alt--vg-root{after}") } else { String::new() }
        };
        for (old, new) in [
            (
                format!("search.fs_uuid {OLD_ROOT} root lvmid/{vg}/{lv} \n"),
                format!("search.fs_uuid {NEW_ROOT} root{} \n", hint("", "")),
            ),
            (
                format!(
                    "\tsearch --no-floppy --fs-uuid --set=root --hint='lvmid/{vg}/{lv}'  {OLD_ROOT}\n"
                ),
                format!(
                    "\tsearch --no-floppy --fs-uuid --set=root{}  {NEW_ROOT}\n",
                    hint("--hint='", "'")
                ),
            ),
            (
                format!(
                    "search --hint lvmid/{vg}/{lv} --hint-efi=lvmid/{vg}/{lv} --fs-uuid {OLD_ROOT}"
                ),
                format!(
                    "search{}{} --fs-uuid {NEW_ROOT}",
                    hint("--hint ", ""),
                    hint("--hint-efi=", "")
                ),
            ),
            // Another volume of the group.
            (
                format!("search --hint='lvmid/{vg}/{}' --set=root x\n", vg.replace('c', "d")),
                "search --set=root x\n".to_owned(),
            ),
        ] {
            assert_eq!(r.command_line(&old), new);
            assert_eq!(r.command_line(&new), new, "twice is once");
            assert!(r.identifiers(&new).is_empty());
        }
        let set = format!("set root='lvmid/{vg}/{lv}'\n");
        let want = if known { "set root='lvm/alt--vg-root'\n" } else { &set };
        assert_eq!(r.command_line(&set), want);
    }
}

#[test]
fn labels_in_their_forms() {
    let r = Rules::new(&map()).unwrap();
    assert_eq!(r.anywhere("x=LABEL=\"my root\" y"), "x=LABEL=\"alt root\" y");
    assert_eq!(r.anywhere("/dev/disk/by-label/my\\x20root"), "/dev/disk/by-label/alt\\x20root");
    assert_eq!(
        r.anywhere("search --no-floppy --label 'my root'\n"),
        "search --no-floppy --label 'alt root'\n"
    );
    for search in
        ["search -l", "search --set=root -l", "search -n --label", "search.fs_label", "search -nl"]
    {
        let [old, new] = ["my root", "alt root"].map(|l| format!("{search} \"{l}\" root\n"));
        assert_eq!(r.anywhere(&old), new);
    }
    let other = "search --fs-uuid \"my root\"\n";
    assert_eq!(r.anywhere(other), other);
    assert_eq!(r.anywhere("my root"), "my root");
}
