//! The secrets of a stored plan, in a file of their own.
//!
//! A plan is stored masked, for everybody may read it. What was masked is kept in `secrets.json`,
//! for root alone, as pairs of a place in the plan (a JSON pointer, RFC 6901) and the text. The
//! file goes as soon as no step is left that needs it.
//!
//! Only the request and its steps are masked: passwords come from the command line. The base, which
//! later phases are made of when the secrets are long gone, stays word for word: a name in it may
//! happen to be somebody's password.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::{is_unsafe, read};
use crate::host::files;
use crate::secret;

const SECRETS: &str = "secrets.json";

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    /// Of the plan that they belong to.
    run: u32,
    /// By JSON pointer.
    texts: BTreeMap<String, String>,
}

impl Secrets {
    /// Masks every text of what is stored but the base, and returns what was masked.
    pub fn take_from(stored: &mut Value, run: u32) -> Self {
        let mut found = Self { run, texts: BTreeMap::new() };
        if let Some(plan) = stored.get_mut("plan") {
            found.walk(plan, &mut "/plan".to_owned());
        }
        found
    }

    /// True if nothing was masked.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    fn walk(&mut self, value: &mut Value, at: &mut String) {
        let mut below = |name: &str, value: &mut Value, at: &mut String| {
            let len = at.len();
            at.push('/');
            at.push_str(&name.replace('~', "~0").replace('/', "~1"));
            self.walk(value, at);
            at.truncate(len);
        };
        match value {
            Value::String(text) => {
                let masked = secret::masked(text);
                if masked != *text {
                    self.texts.insert(at.clone(), std::mem::replace(text, masked));
                }
            }
            Value::Array(all) => {
                (0..).zip(all).for_each(|(n, v): (u32, _)| below(&n.to_string(), v, at))
            }
            Value::Object(all) => all.iter_mut().for_each(|(name, v)| below(name, v, at)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Puts them back where their masks are.
    pub fn put_into(&self, plan: &mut Value, run: u64) {
        if u64::from(self.run) != run {
            return;
        }
        for (at, text) in &self.texts {
            if let Some(Value::String(masked)) = plan.pointer_mut(at)
                && masked.contains(secret::MASK)
            {
                masked.clone_from(text);
            }
        }
    }

    /// Those kept in `dir`. Who may not read them, and a file that is damaged, has none.
    ///
    /// # Errors
    /// ALT-717 if somebody else can have changed them.
    pub fn load(dir: &Path) -> Result<Self> {
        match read(&dir.join(SECRETS)) {
            Ok(text) => Ok(text.and_then(|t| serde_json::from_slice(&t).ok()).unwrap_or_default()),
            Err(e) if is_unsafe(&e) => Err(e),
            Err(_) => Ok(Self::default()),
        }
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn store(&self, dir: &Path) -> Result<()> {
        if self.texts.is_empty() {
            remove_secrets(dir)
        } else {
            files::write_own(&dir.join(SECRETS), &serde_json::to_vec(self)?, 0o600)
        }
    }
}

/// Removes the secrets.
///
/// # Errors
/// If something is there and cannot be removed.
pub(super) fn remove_secrets(dir: &Path) -> Result<()> {
    files::remove_whatever(&dir.join(SECRETS))
}
