//! GRUB installed for real: on a loop disk whose root borrows this machine's /usr.

use std::path::PathBuf;

use super::*;
use crate::boot::identity::ids::{Names, Volume};
use crate::error;
use crate::host::cmd::{Cmd, find_program};

const UUID: &str = "5a5a5a5a-1111-4111-8111-a5a5a5a5a5a5";

fn sh(script: &str) -> Option<String> {
    Cmd::new("sh", "prepare a test")
        .args(["-c", script])
        .read()
        .inspect_err(|e| println!("{e:#}"))
        .ok()
        .map(|f| f.text().trim().to_owned())
}

/// Undone in reverse, whatever happens.
struct Undo(Vec<String>);

impl Drop for Undo {
    fn drop(&mut self) {
        for script in self.0.iter().rev() {
            drop(sh(script));
        }
    }
}

#[test]
fn bios_loader_and_menu_on_a_loop_disk() {
    let tools = ["grub-install", "grub-mkconfig", "losetup", "partx", "sfdisk", "mkfs.ext4"];
    if let Some(tool) = tools.into_iter().find(|t| find_program(Path::new("/"), t).is_none()) {
        println!("skipped: {tool} is not installed");
        return;
    }
    if !nix::unistd::geteuid().is_root()
        || !Path::new("/usr/lib/grub/i386-pc/boot.img").exists()
        || !Path::new("/bin").is_symlink()
    {
        println!("skipped: needs root, grub-pc-bin and a merged /usr");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path().display();
    let mut undo = Undo(vec![]);
    sh(&format!(
        "truncate -s 64M {d}/disk && printf 'label: gpt\\nsize=1MiB,type=21686148-6449-6E6F-744E-656564454649\\n;\\n' | sfdisk -q {d}/disk"
    ))
    .unwrap();
    let Some(disk) = sh(&format!("losetup -f --show {d}/disk")) else {
        println!("skipped: no loop device");
        return;
    };
    undo.0.push(format!("losetup -d {disk}"));
    sh(&format!("partx -u {disk}")).unwrap();
    undo.0.push(format!("partx -d {disk}"));
    let root = dir.path().join("alt");
    sh(&format!("mkfs.ext4 -q -U {UUID} {disk}p2 && mkdir {d}/alt && mount {disk}p2 {d}/alt"))
        .unwrap();
    undo.0.push(format!("umount -R {d}/alt"));
    sh(&format!(
        "cd {d}/alt && mkdir -p usr boot/grub proc sys dev run tmp var lib/modules && rmdir lib/modules lib && cp -a /etc . && \
         for l in bin sbin lib lib64; do ln -s usr/$l $l; done && mount --bind /usr usr && rm -f etc/default/grub && \
         printf '\\0kernel' > boot/vmlinuz-6.1.0-1-amd64 && cp boot/vmlinuz-6.1.0-1-amd64 boot/initrd.img-6.1.0-1-amd64 && \
         touch boot/config-6.1.0-1-amd64 && echo x > boot/grub/device.map"
    ))
    .unwrap();
    let events = Events::new();
    let devices =
        vec![PathBuf::from(&disk), format!("{disk}p1").into(), format!("{disk}p2").into()];
    let links = vec![(Path::new("/dev/disk/by-uuid").join(UUID), devices[2].clone())];
    let sandbox =
        Sandbox { devices, links, writable: vec![PathBuf::from(&disk)], ..Sandbox::new(&root) };
    Grub.install_bios(&sandbox, Path::new(&disk), &events).unwrap();
    assert!(
        root.join("boot/grub/i386-pc/core.img").is_file()
            && !root.join("boot/grub/device.map").exists()
    );

    let new = Names {
        uuid: Some(UUID.into()),
        devices: vec![format!("{disk}p2").into()],
        ..Default::default()
    };
    let volume =
        Volume { what: "/".into(), old: Names::default(), new, new_spec: format!("UUID={UUID}") };
    let map = IdMap { volumes: vec![volume], ..Default::default() };
    Grub.make_menu(&sandbox, &map, &events).unwrap();
    let cfg = std::fs::read_to_string(root.join("boot/grub/grub.cfg")).unwrap();
    let linux: Vec<&str> = cfg.lines().map(str::trim).filter(|l| l.starts_with("linux")).collect();
    assert!(
        !linux.is_empty() && linux.iter().all(|l| l.contains(&format!("root=UUID={UUID} "))),
        "{linux:?}"
    );
    assert!(cfg.contains("custom.cfg"));
    // What is no kernel makes no menu.
    std::fs::remove_file(root.join("boot/vmlinuz-6.1.0-1-amd64")).unwrap();
    let err = Grub.make_menu(&sandbox, &map, &events).unwrap_err();
    assert_eq!(error::find(&err).unwrap().entry.id, "ALT-507");
}
