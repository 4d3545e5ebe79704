//! Access to files of the copy that never leaves it: every path is resolved beneath the copy's
//! root, whatever links are in it.
//!
//! Scripts of packages and images decide what lies in the copy. A link there to `/etc/shadow` must
//! mean the copy's `/etc/shadow` and never the running system's, also when the link is made between
//! two calls. So nothing below /alt_inst is named by a full path: a [`Beneath`] holds the root
//! open, `find` resolves below it (openat2(2), RESOLVE_IN_ROOT), and what is then done is done on
//! descriptors: of the file found, or of the directory that holds it.
//!
//! Paths are those that are seen inside the copy (`/etc/fstab`, or without the first `/`). Verbs
//! follow links within the copy, also the last one, except [`Beneath::remove`],
//! [`Beneath::rename`], [`Beneath::symlink`] and those with `link` in their name: they mean the
//! name itself. Only regular files are opened: a FIFO would be waited for, a device does things.

mod find;
mod root;
mod subtrees;

pub use root::{Beneath, Entry, own_path, through};
pub use subtrees::{Directory, Unfit};

#[cfg(test)]
mod tests;
