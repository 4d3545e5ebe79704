//! `-I`: flags for the package manager, or AIX's letters.
//!
//! AIX's letters: `a` apply (always), `c` commit (always: Linux has no applied state to commit), `g` install requisites too, `X` extend file systems
//! (there are none to extend here: space is checked first), `N` save nothing (always), `Y` accept licences.

/// How the manager is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Install what is needed too (`g`); without it a package whose requisites are missing is an error.
    pub requisites: bool,
    /// `Y`.
    pub accept_licences: bool,
    /// The manager's own flags, as given, in place of its defaults.
    pub own: Option<Vec<String>>,
}
