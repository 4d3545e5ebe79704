//! The steps in the new mount namespace after the change of root, prepared before fork(2): after it
//! only system calls are made.
//!
//! The old root is gone by then, and so are all descriptors of it: a symbolic link in the copy, of
//! whatever kind, leads to the copy.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{Mode, SFlag, mknod};

/// One step in the new namespaces.
#[derive(Debug)]
pub(super) enum SetupStep {
    Mount {
        what: CString,
        at: CString,
        kind: CString,
        flags: libc::c_ulong,
        data: CString,
    },
    Directory {
        at: CString,
        mode: Mode,
    },
    Node {
        at: CString,
        kind: SFlag,
        mode: Mode,
        device: u64,
    },
    Link {
        at: CString,
        to: CString,
    },
    Write {
        at: CString,
        content: Vec<u8>,
        mode: libc::mode_t,
    },
    Bind {
        from: CString,
        at: CString,
    },
    /// Makes what is mounted there read-only.
    MakeReadOnly {
        at: CString,
    },
    /// Hides a file or directory of the kernel.
    Hide {
        at: CString,
    },
}

/// The steps, in this order.
#[derive(Debug, Default)]
pub(super) struct SetupSteps(pub Vec<SetupStep>);

impl SetupSteps {
    /// Mounts a file system of the kernel.
    pub fn mount(
        &mut self,
        what: &str,
        at: &str,
        kind: &str,
        flags: libc::c_ulong,
        data: &str,
    ) -> Result<()> {
        self.0.push(SetupStep::Mount {
            what: text(what)?,
            at: text(at)?,
            kind: text(kind)?,
            flags,
            data: text(data)?,
        });
        Ok(())
    }

    /// With those above it.
    pub fn directory(&mut self, at: &Path, mode: u32) -> Result<()> {
        if let Some(above) = at.parent().filter(|p| p.components().count() > 2) {
            self.directory(above, 0o755)?;
        }
        self.0.push(SetupStep::Directory {
            at: text(at.as_os_str())?,
            mode: Mode::from_bits_truncate(mode),
        });
        Ok(())
    }

    fn above(&mut self, at: &Path) -> Result<()> {
        at.parent()
            .filter(|p| p.components().count() > 2)
            .map_or(Ok(()), |p| self.directory(p, 0o755))
    }

    /// Makes a device node, with the directories above it.
    pub fn node(&mut self, at: &Path, kind: SFlag, mode: u32, device: u64) -> Result<()> {
        self.above(at)?;
        self.0.push(SetupStep::Node {
            at: text(at.as_os_str())?,
            kind,
            mode: Mode::from_bits_truncate(mode),
            device,
        });
        Ok(())
    }

    /// Makes a symbolic link, with the directories above it.
    pub fn link(&mut self, at: &Path, to: &Path) -> Result<()> {
        self.above(at)?;
        self.0.push(SetupStep::Link { at: text(at.as_os_str())?, to: text(to.as_os_str())? });
        Ok(())
    }

    /// Writes a file, with the directories above it.
    pub fn write(&mut self, at: &Path, content: Vec<u8>, mode: libc::mode_t) -> Result<()> {
        self.above(at)?;
        self.0.push(SetupStep::Write { at: text(at.as_os_str())?, content, mode });
        Ok(())
    }
}

/// A name for the kernel.
///
/// # Errors
/// If it holds a NUL byte.
pub(super) fn text(s: impl AsRef<OsStr>) -> Result<CString> {
    CString::new(s.as_ref().as_bytes()).context("a name with a NUL byte")
}

pub(super) fn check(result: libc::c_int) -> nix::Result<libc::c_int> {
    Errno::result(result)
}

/// A few words on what can go wrong here.
pub(super) fn reason(e: Errno) -> &'static CStr {
    match e {
        Errno::ENOENT => c"it is not there",
        Errno::EPERM | Errno::EACCES => c"it is not permitted",
        Errno::ENOSPC | Errno::ENOMEM => c"no room",
        Errno::ENODEV => c"this kernel does not have it",
        Errno::ENOTDIR => c"it is not a directory",
        _ => c"it failed",
    }
}

impl SetupStep {
    /// The path that the step is about.
    pub fn at(&self) -> &CStr {
        match self {
            Self::Mount { at, .. }
            | Self::Directory { at, .. }
            | Self::Node { at, .. }
            | Self::Link { at, .. }
            | Self::Write { at, .. }
            | Self::Bind { at, .. }
            | Self::MakeReadOnly { at }
            | Self::Hide { at } => at,
        }
    }

    /// # Safety
    /// After fork(2): system calls only.
    pub unsafe fn run(&self) -> nix::Result<()> {
        let remount = libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY;
        let none = std::ptr::null();
        // SAFETY: system calls on strings that live as long as self.
        unsafe {
            match self {
                Self::Mount { what, at, kind, flags, data } => {
                    match check(libc::mount(
                        what.as_ptr(),
                        at.as_ptr(),
                        kind.as_ptr(),
                        *flags,
                        data.as_ptr().cast(),
                    )) {
                        // /sys is there already where the root is the running system's.
                        Ok(_) => {}
                        Err(Errno::EBUSY) if at.as_c_str() == c"/sys" => {}
                        Err(e) => return Err(e),
                    }
                }
                Self::Directory { at, mode } => {
                    match check(libc::mkdir(at.as_ptr(), mode.bits())) {
                        Ok(_) | Err(Errno::EEXIST) => {}
                        Err(e) => return Err(e),
                    }
                }
                Self::Node { at, kind, mode, device } => {
                    match mknod(at.as_c_str(), *kind, *mode, *device) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(e) => return Err(e),
                    }
                }
                Self::Link { at, to } => match check(libc::symlink(to.as_ptr(), at.as_ptr())) {
                    Ok(_) | Err(Errno::EEXIST) => {}
                    Err(e) => return Err(e),
                },
                Self::Write { at, content, mode } => {
                    let fd = check(libc::open(
                        at.as_ptr(),
                        libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC,
                        *mode,
                    ))?;
                    let mut rest = content.as_slice();
                    while !rest.is_empty() {
                        let n = Errno::result(libc::write(fd, rest.as_ptr().cast(), rest.len()))?;
                        rest = rest.get(usize::try_from(n).unwrap_or(0)..).unwrap_or_default();
                    }
                    libc::close(fd);
                }
                Self::Bind { from, at } => {
                    check(libc::mount(
                        from.as_ptr(),
                        at.as_ptr(),
                        none,
                        libc::MS_BIND,
                        none.cast(),
                    ))?;
                }
                Self::MakeReadOnly { at } => {
                    check(libc::mount(
                        none,
                        at.as_ptr(),
                        none,
                        remount | libc::MS_NOSUID | libc::MS_NOEXEC,
                        none.cast(),
                    ))?;
                }
                Self::Hide { at } => match check(libc::mount(
                    c"/dev/null".as_ptr(),
                    at.as_ptr(),
                    none,
                    libc::MS_BIND,
                    none.cast(),
                )) {
                    // Kernels are built without the one or the other.
                    Ok(_) | Err(Errno::ENOENT) => {}
                    Err(Errno::ENOTDIR) => {
                        let flags =
                            libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
                        check(libc::mount(
                            c"tmpfs".as_ptr(),
                            at.as_ptr(),
                            c"tmpfs".as_ptr(),
                            flags,
                            c"mode=555".as_ptr().cast(),
                        ))?;
                    }
                    Err(e) => return Err(e),
                },
            }
        }
        Ok(())
    }
}
