//! Encryption of directories (fscrypt) and checksums of files (fs-verity), as the kernel tells and
//! takes them.
//!
//! Sources: Documentation/filesystems/fscrypt.rst and fsverity.rst of the kernel,
//! <linux/fscrypt.h>, <linux/fsverity.h>.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

use super::fs_calls::{Errno, Sys};

/// statx(2), `STATX_ATTR_ENCRYPTED`.
pub const ENCRYPTED: u64 = 0x800;
/// statx(2), `STATX_ATTR_VERITY`.
pub const VERITY: u64 = 0x10_0000;

const POLICY_V2: u8 = 2;
const KEY_IDENTIFIER: u32 = 2;
const KEY_ABSENT: u32 = 1;
const METADATA_DESCRIPTOR: u64 = 2;
const METADATA_SIGNATURE: u64 = 3;
/// `FS_VERITY_MAX_SIGNATURE_SIZE`.
const LARGEST_SIGNATURE: usize = 16128;
/// `struct fsverity_descriptor`. Bytes.
const DESCRIPTOR: usize = 256;

/// `struct fscrypt_get_policy_ex_arg`, of which the call's number counts nine bytes.
#[repr(C)]
struct Policy {
    size: u64,
    policy: [u8; 24],
}

/// `struct fscrypt_get_key_status_arg`.
#[repr(C)]
struct KeyStatus {
    kind: u32,
    reserved: u32,
    identifier: [u8; 32],
    reserved_in: [u32; 6],
    status: u32,
    flags: u32,
    users: u32,
    reserved_out: [u32; 13],
}

/// `struct fsverity_enable_arg`.
#[repr(C)]
struct Enable {
    version: u32,
    hash: u32,
    block_size: u32,
    salt_size: u32,
    salt: u64,
    signature_size: u32,
    reserved: u32,
    signature: u64,
    reserved_more: [u64; 11],
}

/// `struct fsverity_read_metadata_arg`.
#[repr(C)]
struct ReadMetadata {
    kind: u64,
    offset: u64,
    length: u64,
    buffer: u64,
    reserved: u64,
}

/// `struct fsverity_digest`, of which the call's number counts four bytes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Digest {
    algorithm: u16,
    size: u16,
    bytes: [u8; 64],
}

nix::ioctl_readwrite_bad!(get_policy, nix::request_code_readwrite!(b'f', 22, 9), Policy);
nix::ioctl_readwrite!(get_key_status, b'f', 26, KeyStatus);
nix::ioctl_write_ptr!(enable_verity, b'f', 133, Enable);
nix::ioctl_readwrite_bad!(measure_verity, nix::request_code_readwrite!(b'f', 134, 4), Digest);
nix::ioctl_readwrite!(read_metadata, b'f', 135, ReadMetadata);

/// True if the key of an encrypted directory is not there: its names are not those that they have,
/// and its links lead nowhere. False where the kernel cannot tell (policies of version 1): then
/// opening a file in it does.
pub fn is_key_absent(directory: impl AsFd) -> bool {
    let fd = directory.as_fd().as_raw_fd();
    let mut policy = Policy { size: 24, policy: [0; 24] };
    // SAFETY: the kernel writes at most `size` bytes into the policy.
    if unsafe { get_policy(fd, &raw mut policy) }.is_err() || policy.policy[0] != POLICY_V2 {
        return false;
    }
    let mut identifier = [0; 32];
    identifier[..16].copy_from_slice(&policy.policy[8..24]);
    let mut status = KeyStatus {
        kind: KEY_IDENTIFIER,
        reserved: 0,
        identifier,
        reserved_in: [0; 6],
        status: 0,
        flags: 0,
        users: 0,
        reserved_out: [0; 13],
    };
    // SAFETY: `KeyStatus` is the struct that this call reads and fills.
    unsafe { get_key_status(fd, &raw mut status) }.is_ok() && status.status == KEY_ABSENT
}

/// How a file's checksums are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verity {
    hash: u8,
    block_size: u32,
    salt: Vec<u8>,
    signature: Vec<u8>,
}

impl Verity {
    /// Of an open file that has checksums.
    ///
    /// # Errors
    /// The kernel's; ENOTTY before Linux 5.12, which does not tell.
    pub fn read(file: impl AsFd) -> Sys<Self> {
        let mut descriptor = [0; DESCRIPTOR];
        let length = metadata(&file, METADATA_DESCRIPTOR, &mut descriptor)?;
        let mut signature = vec![0; LARGEST_SIGNATURE];
        let signed = match metadata(&file, METADATA_SIGNATURE, &mut signature) {
            Err(Errno::ENODATA) => 0,
            other => other?,
        };
        signature.truncate(signed);
        Self::parse(descriptor.get(..length).unwrap_or_default(), signature).ok_or(Errno::EINVAL)
    }

    fn parse(descriptor: &[u8], signature: Vec<u8>) -> Option<Self> {
        let [1, hash, log_size @ 10..=16, salt_size, ..] = *descriptor else { return None };
        // version, hash, size, salt size, signature size, data size, root hash, salt.
        let salt = descriptor.get(80..80 + usize::from(salt_size).min(32))?.to_vec();
        (usize::from(salt_size) == salt.len()).then(|| Self {
            hash,
            block_size: 1 << log_size,
            salt,
            signature,
        })
    }

    /// Gives an open file, which nobody has open for writing, the same checksums as `like` has.
    ///
    /// # Errors
    /// The kernel's; EBADMSG where its checksums are others.
    pub fn enable(&self, file: &File, like: &File) -> Sys<()> {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| Errno::EINVAL);
        let at = |bytes: &[u8]| if bytes.is_empty() { 0 } else { bytes.as_ptr() as u64 };
        let wanted = Enable {
            version: 1,
            hash: u32::from(self.hash),
            block_size: self.block_size,
            salt_size: size(&self.salt)?,
            salt: at(&self.salt),
            signature_size: size(&self.signature)?,
            reserved: 0,
            signature: at(&self.signature),
            reserved_more: [0; 11],
        };
        // SAFETY: salt and signature outlive the call, which reads as much of them as is said.
        unsafe { enable_verity(file.as_raw_fd(), &raw const wanted) }?;
        if digest(file)? == digest(like)? { Ok(()) } else { Err(Errno::EBADMSG) }
    }
}

fn digest(file: &File) -> Sys<Digest> {
    let mut digest = Digest { algorithm: 0, size: 64, bytes: [0; 64] };
    // SAFETY: the kernel writes at most `size` bytes of a digest.
    unsafe { measure_verity(file.as_raw_fd(), &raw mut digest) }.map(|_| digest)
}

fn metadata(file: impl AsFd, kind: u64, buffer: &mut [u8]) -> Sys<usize> {
    let mut wanted = ReadMetadata {
        kind,
        offset: 0,
        length: buffer.len() as u64,
        buffer: buffer.as_mut_ptr() as u64,
        reserved: 0,
    };
    // SAFETY: the kernel writes at most `length` bytes into the buffer, which outlives the call.
    let n = unsafe { read_metadata(file.as_fd().as_raw_fd(), &raw mut wanted) }?;
    Ok(usize::try_from(n).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_kernels_sizes() {
        let sizes = [
            size_of::<KeyStatus>(),
            size_of::<Enable>(),
            size_of::<ReadMetadata>(),
            size_of::<Digest>(),
            size_of::<Policy>(),
        ];
        assert_eq!(sizes, [128, 128, 40, 68, 32]);
    }

    #[test]
    fn descriptors() {
        let mut descriptor = [0; DESCRIPTOR];
        descriptor[..4].copy_from_slice(&[1, 1, 12, 4]);
        descriptor[80..84].copy_from_slice(b"salt");
        let verity = Verity::parse(&descriptor, vec![7]).unwrap();
        assert_eq!(
            verity,
            Verity { hash: 1, block_size: 4096, salt: b"salt".to_vec(), signature: vec![7] }
        );
        for (at, byte) in [(0, 2), (2, 30), (3, 40)] {
            let mut bad = descriptor;
            bad[at] = byte;
            assert_eq!(Verity::parse(&bad, vec![]), None, "{at}");
        }
        assert_eq!(Verity::parse(&descriptor[..82], vec![]), None);
        assert_eq!(Verity::parse(&[], vec![]), None);
    }

    #[test]
    fn a_plain_file_has_neither() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x"), "x").unwrap();
        assert!(!is_key_absent(File::open(dir.path()).unwrap()));
        assert!(Verity::read(File::open(dir.path().join("x")).unwrap()).is_err());
    }
}
