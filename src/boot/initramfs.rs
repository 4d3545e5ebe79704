//! The initramfs of every installed kernel, made anew in the [sandbox](crate::host::sandbox) after
//! all references are final: each tool bakes them in.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::kernels::Kernel;
use crate::error;
use crate::event::Events;
use crate::host::beneath::Beneath;
use crate::host::cmd::{Cmd, find_program};
use crate::host::sandbox::Sandbox;

/// What makes an initramfs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    UpdateInitramfs,
    Dracut,
    Mkinitcpio,
}

/// The tool installed in `root`.
///
/// # Errors
/// ALT-503 if there is none.
pub fn detect(root: &Path) -> Result<Tool> {
    let there = |name: &str| find_program(root, name).is_some();
    // Other packages bring an `update-initramfs` that calls their own tool; mkinitramfs is
    // initramfs-tools itself.
    let tools = [
        (there("update-initramfs") && there("mkinitramfs"), Tool::UpdateInitramfs),
        (there("mkinitcpio"), Tool::Mkinitcpio),
        (there("dracut"), Tool::Dracut),
    ];
    tools.into_iter().find(|(found, _)| *found).map(|(_, tool)| tool).ok_or_else(|| {
        error::NO_INITRAMFS_TOOL.with_cause(format!(
            "neither update-initramfs, dracut nor mkinitcpio is installed in {}",
            root.display()
        ))
    })
}

/// Makes them, and checks that each is there and was written just now.
///
/// # Errors
/// ALT-502 without a kernel that has its modules; ALT-504 for an image that was not made.
pub fn build(sandbox: &Sandbox, tool: Tool, kernels: &[Kernel], events: &Events) -> Result<()> {
    let root = sandbox.root.as_path();
    let (with, without): (Vec<&Kernel>, Vec<&Kernel>) = kernels.iter().partition(|k| k.modules);
    for k in without {
        events.warn(format!(
            "kernel {} has no modules in /lib/modules: its initramfs is left as it is",
            k.version
        ));
    }
    if with.is_empty() {
        return Err(error::NO_KERNEL.with_cause(format!(
            "no kernel in {}/boot has its modules installed",
            root.display()
        )));
    }
    let begun = SystemTime::now();
    for cmd in commands(root, tool, &with) {
        cmd.in_sandbox(sandbox).env("DEBIAN_FRONTEND", "noninteractive").run(events)?;
    }
    for k in with {
        check(root, k, begun)?;
    }
    Ok(())
}

fn commands(root: &Path, tool: Tool, kernels: &[&Kernel]) -> Vec<Cmd> {
    let sentence = |k: &Kernel| format!("make the initramfs of kernel {}", k.version);
    match tool {
        Tool::UpdateInitramfs => {
            let there =
                |k: &Kernel| Beneath::open(root).is_ok_and(|root| root.is_file(&k.initramfs));
            // -c for one that is missing; -u respects that there may be a backup of the old one.
            let all = kernels.iter().map(|k| {
                Cmd::new("update-initramfs", sentence(k)).args([
                    if there(k) { "-u" } else { "-c" },
                    "-k",
                    &k.version,
                ])
            });
            all.collect()
        }
        Tool::Dracut => {
            let all = kernels.iter().map(|k| {
                // Host-only mode would bake in what the running system has mounted and its swap
                // spaces.
                Cmd::new("dracut", sentence(k))
                    .args([
                        "--force",
                        "--no-hostonly",
                        "--no-hostonly-cmdline",
                        "--kver",
                        &k.version,
                    ])
                    .arg(&k.initramfs)
            });
            all.collect()
        }
        Tool::Mkinitcpio => {
            vec![Cmd::new("mkinitcpio", "make the initramfs of every kernel").arg("-P")]
        }
    }
}

fn check(root: &Path, k: &Kernel, begun: SystemTime) -> Result<()> {
    // File systems keep coarser times than the clock; FAT keeps two seconds.
    let begun = begun.checked_sub(Duration::from_secs(3)).unwrap_or(begun);
    let bad = |what: &str| {
        Err(error::INITRAMFS.with_cause(format!(
            "{} of kernel {} {what}",
            k.initramfs.display(),
            k.version
        )))
    };
    let begun = begun
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
    match Beneath::open(root)?.metadata(&k.initramfs) {
        Err(_) => bad("was not made"),
        Ok(s) if s.size == 0 => bad("is empty"),
        Ok(s) if s.mtime.secs < begun => {
            bad("was left as it was (is the tool switched off in its configuration?)")
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(version: &str) -> Kernel {
        Kernel {
            version: version.into(),
            image: "/boot/x".into(),
            initramfs: format!("/boot/initrd.img-{version}").into(),
            modules: true,
        }
    }

    #[test]
    fn each_tool_has_its_command() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("boot")).unwrap();
        std::fs::write(root.join("boot/initrd.img-1"), "x").unwrap();
        let (a, b) = (kernel("1"), kernel("2"));
        let argv = |tool| {
            commands(root, tool, &[&a, &b]).iter().map(|c| c.argv().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            argv(Tool::UpdateInitramfs),
            ["update-initramfs -u -k 1", "update-initramfs -c -k 2"]
        );
        assert_eq!(
            argv(Tool::Dracut)[0],
            "dracut --force --no-hostonly --no-hostonly-cmdline --kver 1 /boot/initrd.img-1"
        );
        assert_eq!(argv(Tool::Mkinitcpio), ["mkinitcpio -P"]);
    }

    #[test]
    fn an_old_or_missing_image_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("boot")).unwrap();
        let now = SystemTime::now();
        assert!(check(root, &kernel("1"), now).unwrap_err().to_string().contains("was not made"));
        std::fs::write(root.join("boot/initrd.img-1"), "").unwrap();
        assert!(check(root, &kernel("1"), now).unwrap_err().to_string().contains("is empty"));
        std::fs::write(root.join("boot/initrd.img-1"), "x").unwrap();
        check(root, &kernel("1"), now).unwrap();
        let err = check(root, &kernel("1"), now + Duration::from_secs(60)).unwrap_err();
        assert!(err.to_string().contains("left as it was"), "{err}");
    }

    #[test]
    fn detection() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(error::find(&detect(root).unwrap_err()).unwrap().entry.id, "ALT-503");
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        std::fs::write(root.join("usr/bin/dracut"), "").unwrap();
        std::fs::write(root.join("usr/bin/update-initramfs"), "").unwrap();
        assert_eq!(detect(root).unwrap(), Tool::Dracut);
        let err = build(&Sandbox::new(root), Tool::Dracut, &[], &Events::new()).unwrap_err();
        assert_eq!(error::find(&err).unwrap().entry.id, "ALT-502");
    }
}
