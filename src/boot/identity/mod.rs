//! The copy's own identity: every reference to the source's disks is rewritten, and an audit looks
//! for those that are left.
//!
//! [`ids`] is the map from old to new identifiers, chosen before anything is written. [`rules`]
//! applies it to texts. [`references`] goes through the [`places`] where references stand and
//! rewrites each file by its syntax ([`fstab`], [`crypttab`], [`unit`], [`lvm_conf`], [`grubenv`],
//! [`debconf`]); [`units`] renames the files of units. [`precheck`] previews this on the running
//! system, [`left_references`] reports what nobody can rewrite, and [`audit`] searches the finished
//! copy, also within its initramfs.

pub mod audit;
pub mod change;
pub mod crypttab;
pub mod debconf;
pub mod fstab;
pub mod grubenv;
pub mod ids;
pub mod left_references;
pub mod lvm_conf;
pub mod lvm_names;
mod old_names;
pub mod options;
pub mod places;
pub mod precheck;
pub mod references;
pub mod rules;
pub mod unit;
pub mod units;
mod waits;
