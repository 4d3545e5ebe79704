//! Common to dnf and zypper, the managers of rpm packages: the database of the copy, the location
//! as repositories, and what a transaction changes.

pub mod database;
pub mod listing;
pub mod messages;
pub mod repositories;
pub mod transaction;
