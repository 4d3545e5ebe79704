//! Updates of the alternate with its distribution's own package manager, run inside it.
//!
//! [`Wanted`] holds what `-l -w -b -f -F -I` ask for. [`formats`] reads which packages and fixes a
//! directory offers, without any package manager: for lists, and to refuse a request before
//! anything is changed. In phase 2, [`install`] runs the update: the [`managers::Manager`] of the
//! alternate makes the location ([`source`]) known to itself, `resolve` turns names and fixes into
//! [`model::PackageRequest`]s, the manager computes the [`model::Transaction`], `checks` and
//! [`space`] examine it, and only then it is installed. The difference between what was installed
//! before and after is recorded as [`Changes`].
//!
//! Nothing here writes outside the alternate, and managers see nothing of the running system: they
//! run in a [`Sandbox`](crate::host::sandbox::Sandbox).

mod budget;
pub mod changes;
mod checks;
pub mod flags;
pub mod formats;
pub mod install;
pub mod location;
pub mod managers;
pub mod model;
mod names;
mod resolve;
pub mod source;
pub mod space;
mod unpack;
mod walk;
pub mod wanted;

pub use changes::{Changes, Package};
pub use location::Location;
pub use wanted::Wanted;
