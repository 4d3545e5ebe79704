//! Extended attributes of a small file, read and set as a whole: for files that are rewritten in place of themselves.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;

/// All attributes, names with their namespaces; none where the file system has none.
///
/// # Errors
/// What the kernel says.
pub fn read(path: &Path) -> io::Result<Vec<(CString, Vec<u8>)>> {
    let file = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `file` is NUL-terminated, and the kernel writes at most `len` bytes to `p`.
    let list = match grown(|p, len| unsafe { libc::llistxattr(file.as_ptr(), p.cast(), len) }) {
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(vec![]),
        other => other?,
    };
    let names = list.split_inclusive(|b| *b == 0).filter_map(|n| CStr::from_bytes_with_nul(n).ok());
    names
        .map(|name| {
            // SAFETY: both strings are NUL-terminated, and the kernel writes at most `len` bytes to `p`.
            let value = grown(|p, len| unsafe { libc::lgetxattr(file.as_ptr(), name.as_ptr(), p.cast(), len) })?;
            Ok((name.to_owned(), value))
        })
        .collect()
}

/// Sets them on another file.
///
/// # Errors
/// What the kernel says.
pub fn write(path: &Path, attributes: &[(CString, Vec<u8>)]) -> io::Result<()> {
    let file = CString::new(path.as_os_str().as_bytes())?;
    for (name, value) in attributes {
        // SAFETY: the strings are NUL-terminated, and value's length goes with its pointer.
        let n = unsafe { libc::lsetxattr(file.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
        if n < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Asks for the size, then for the content, until both agree.
fn grown(ask: impl Fn(*mut u8, usize) -> libc::ssize_t) -> io::Result<Vec<u8>> {
    loop {
        let size = usize::try_from(ask(std::ptr::null_mut(), 0)).map_err(|_| io::Error::last_os_error())?;
        let mut buffer = vec![0u8; size];
        if size == 0 {
            return Ok(buffer);
        }
        if let Ok(n) = usize::try_from(ask(buffer.as_mut_ptr(), size)) {
            buffer.truncate(n);
            return Ok(buffer);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) {
            return Err(error);
        }
    }
}
