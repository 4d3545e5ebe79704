//! What the audit would refuse at the end, and what would be left alone, found out on the running
//! system before anything is erased: every file is rewritten in memory as it will be in the copy,
//! and the same rules look at the result.
//!
//! Not looked at is what a run makes anew (grub.cfg, initramfs, GRUB's images, the answers of
//! debconf).

use std::path::Path;

use anyhow::Result;

use super::audit::{self, Finding};
use super::fstab::FstabExtras;
use super::ids::IdMap;
use super::left_references::{self, LeftReference};
use super::places::{PLACES, Syntax, Treatment, syntax, walk};
use super::references::{Names, fstab_rewritten};
use super::units;
use crate::boot::loader::grub::names::is_generated;
use crate::boot::texts::Text;
use crate::host::beneath::Beneath;
use crate::host::fs_calls::Kind;

/// What is known beforehand.
#[derive(Debug, Default)]
pub struct Precheck {
    /// The audit would find this.
    pub findings: Vec<Finding>,
    pub left: Vec<LeftReference>,
    /// What the rewriting would say.
    pub warnings: Vec<String>,
}

/// Looks at the system beneath `root`. `is_copied`: whether a file (a path without the first `/`)
/// comes into the copy. What cannot be read is passed over: without root much cannot, and the audit
/// of the copy reads everything.
///
/// # Errors
/// ALT-501 for an fstab that cannot be read; if a directory cannot be read by root.
pub fn check(
    root: &Beneath,
    map: &IdMap,
    extras: &FstabExtras,
    is_copied: &dyn Fn(&Path) -> bool,
) -> Result<Precheck> {
    let names = Names::new(map)?;
    let mut seen = Precheck::default();
    let text = |path: &Path| Text::read(root, path).ok().flatten().map(|t| t.text);
    for place in PLACES.iter().filter(|p| p.treatment != Treatment::Audit) {
        for (path, kind) in walk(root, *place).unwrap_or_default() {
            if kind != Kind::Regular || is_made_anew(&path) || !is_copied(&path) {
                continue;
            }
            if syntax(&path) == Syntax::Grubenv {
                let old = text(&path).unwrap_or_default();
                seen.warnings.extend(names.rewritten(root, &path, &old).1);
            }
            if !left_references::is_about_devices(root, &path, &names.rules) {
                continue;
            }
            let (Some(old), syntax) = (text(&path), syntax(&path)) else { continue };
            let shown = Path::new("/").join(&path).display().to_string();
            let new = match (syntax, place.treatment) {
                (_, Treatment::Report) => old,
                _ if path == Path::new("etc/fstab") => {
                    let (new, _) = fstab_rewritten(
                        &old,
                        text(Path::new("etc/crypttab")).as_deref(),
                        &names,
                        extras,
                    )?;
                    seen.warnings.extend(new.warnings);
                    seen.findings.extend(audit::own_fstab(&new.text, map)?);
                    new.text
                }
                _ => {
                    let (new, warnings) = names.rewritten(root, &path, &old);
                    seen.warnings.extend(warnings);
                    new
                }
            };
            seen.left.extend(left_references::in_text(
                &shown,
                syntax,
                place.treatment,
                &new,
                &names,
            ));
            if place.treatment != Treatment::Report {
                seen.findings.extend(audit::in_text(&shown, syntax, &new, &names));
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let name = if syntax == Syntax::Unit {
                    units::new_name(&name, &names.rules)
                } else {
                    name.into_owned()
                };
                seen.findings.extend(audit::in_name(&path, &name, &names));
            }
        }
    }
    Ok(seen)
}

/// What phase 3 makes, or the boot loader's installation puts there.
fn is_made_anew(path: &Path) -> bool {
    is_generated(path) || path == Path::new("etc/initramfs-tools/conf.d/resume")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::event::Events;
    use crate::testing::identity::{NEW_ROOT, OLD_ROOT, map};

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A network file system at /usr/local that does not answer: nothing there is asked for, and
    /// everything else is looked at.
    #[test]
    fn what_is_not_cloned_is_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "etc/fstab", &format!("UUID={OLD_ROOT} / ext4 defaults 0 1\n"));
        write(root, "usr/local/etc/notes", "1234abcd-05\n");
        write(root, "usr/lib/dracut/dracut.conf.d/x.conf", "1234abcd-05\n");
        write(root, "usr/lib/systemd/system/a.service", "1234abcd-05\n");
        let look = |beneath: &Beneath| {
            let seen = check(beneath, &map(), &FstabExtras::default(), &|_| true).unwrap();
            seen.findings.iter().map(|f| f.path.clone()).collect::<Vec<_>>()
        };
        let others = ["/usr/lib/dracut/dracut.conf.d/x.conf", "/usr/lib/systemd/system/a.service"];
        assert_eq!(
            look(&Beneath::open(root).unwrap()),
            [&["/usr/local/etc/notes"][..], &others].concat()
        );
        assert_eq!(look(&Beneath::open(root).unwrap().without(&["/usr/local".into()])), others);
    }

    #[test]
    fn what_a_run_makes_anew() {
        for path in [
            "boot/grub/grub.cfg",
            "boot/grub2/load.cfg",
            "boot/grub/i386-pc/load.cfg",
            "boot/grub2/x86_64-efi/load.cfg",
            "boot/grub/arm64-efi/load.cfg",
            "boot/grub/i386-efi/load.cfg",
            "boot/efi/EFI/proxmox/grub.cfg",
            "efi/EFI/GRUB/grub.cfg",
            "boot/EFI/debian/grub.cfg",
            "etc/initramfs-tools/conf.d/resume",
        ] {
            assert!(is_made_anew(Path::new(path)), "{path}");
        }
        for path in [
            "boot/grub/custom.cfg",
            "boot/grub/fonts/load.cfg",
            "boot/efi/EFI/x/y/grub.cfg",
            "grub.cfg",
            "etc/grub.cfg",
            "load.cfg",
        ] {
            assert!(!is_made_anew(Path::new(path)), "{path}");
        }
    }

    /// What is found beforehand is what the audit finds in the rewritten copy, and nothing is
    /// changed.
    #[test]
    fn beforehand_and_afterwards_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let fstab = format!(
            "UUID={OLD_ROOT} / ext4 defaults 0 1\n/dev/vda7 /opt squashfs ro,nofail 0 0\nUUID=ABCD-1234 /boot/efi vfat defaults 0 1\n/dev/my-vg/home /home ext4 rw 0 2\n"
        );
        write(root, "etc/fstab", &fstab);
        write(root, "etc/crypttab", "x /dev/vda7 /dev/urandom swap\n");
        write(root, "etc/notes", "the swap was 1234abcd-05\n");
        write(root, "etc/smartd.conf", "/dev/vda -a\n");
        write(root, "etc/grub.d/40_custom", "set root=(hd0,gpt2)\nlinux /v root=/dev/vda2\n");
        write(root, "etc/systemd/system/dev-vda5.swap", "[Swap]\nWhat=/dev/vda5\n");
        write(root, "etc/systemd/system/home.mount.d/x.conf", "[Mount]\nWhat=LABEL=\"my root\"\n");
        write(
            root,
            "usr/lib/systemd/system/home.mount",
            &format!("[Mount]\nWhat=/dev/disk/by-uuid/{OLD_ROOT}\n"),
        );
        write(root, "usr/local/bin/backup", &format!("mount UUID={OLD_ROOT} /mnt\n"));
        write(root, "usr/local/etc/left.out", "1234abcd-05\n");
        write(root, "boot/grub/grub.cfg", &format!("search {OLD_ROOT}\n1234abcd-05\n"));
        write(root, "etc/lvm/archive/x", "1234abcd-05\n");
        write(root, "etc/default/grub", "GRUB_CMDLINE_LINUX=\"rd.lvm.lv=my-vg/data quiet\"\n");
        write(root, "boot/grub/grubenv", "# GRUB Environment Block\nkernelopts=resume=/dev/vda7\n");
        let beneath = Beneath::open(root).unwrap();
        let is_copied = |p: &Path| p != Path::new("usr/local/etc/left.out");
        let before = check(&beneath, &map(), &FstabExtras::default(), &is_copied).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/fstab")).unwrap(), fstab);
        let findings: Vec<String> = before.findings.iter().map(Finding::to_string).collect();
        assert_eq!(
            findings,
            ["/etc/notes:1: the identifier 1234abcd-05 of the source: the swap was 1234abcd-05"]
        );
        let left: Vec<String> =
            before.left.iter().map(|l| format!("{}:{}", l.path, l.line)).collect();
        assert_eq!(
            left,
            [
                "/etc/fstab:2",
                "/etc/grub.d/40_custom:1",
                "/etc/smartd.conf:1",
                "/usr/local/bin/backup:1"
            ]
        );
        assert!(
            before.warnings.iter().any(|w| w.contains("x is disabled in the copy")),
            "{:?}",
            before.warnings
        );
        for (file, word) in [
            ("/etc/default/grub:1", "rd.lvm.lv=my-vg/data"),
            ("/boot/grub/grubenv:2", "resume=/dev/vda7"),
        ] {
            let want = format!("{file}: {word} is taken out in the copy");
            assert!(before.warnings.iter().any(|w| w.starts_with(&want)), "{:?}", before.warnings);
        }

        fs::remove_file(root.join("usr/local/etc/left.out")).unwrap();
        write(root, "boot/grub/grub.cfg", &format!("search {NEW_ROOT}\n"));
        crate::boot::identity::references::rewrite(
            root,
            &map(),
            &FstabExtras::default(),
            &Events::new(),
        )
        .unwrap();
        assert_eq!(audit::audit(root, &map(), &audit::Expect::default()).unwrap(), before.findings);
        assert_eq!(left_references::in_root(&beneath, &map()).unwrap(), before.left);
    }
}
