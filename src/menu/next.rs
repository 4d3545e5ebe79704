//! Finds a screen: by a fast path, or by the answer to a selector.

use anyhow::Result;

use crate::error;
use crate::menu::model::{Next, Screen, Selector, Set, Target};
use crate::menu::values::Context;

impl Screen {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Menu(menu) => &menu.id,
            Self::Selector(selector) => &selector.id,
            Self::Dialog(dialog) => &dialog.id,
        }
    }

    #[cfg(test)]
    /// Its title.
    pub fn title(&self) -> &str {
        match self {
            Self::Menu(menu) => &menu.title,
            Self::Selector(selector) => &selector.title,
            Self::Dialog(dialog) => &dialog.title,
        }
    }

    /// Its help.
    pub fn help(&self) -> &str {
        match self {
            Self::Menu(menu) => &menu.help,
            Self::Selector(selector) => &selector.help,
            Self::Dialog(dialog) => &dialog.help,
        }
    }

    /// Whether it can only be entered from a selector.
    pub fn after_selector(&self) -> bool {
        match self {
            Self::Menu(_) => false,
            Self::Selector(selector) => selector.after_selector,
            Self::Dialog(dialog) => dialog.after_selector,
        }
    }
}

impl Set {
    /// The screen with this id or alias.
    pub fn find(&self, fastpath: &str) -> Option<&Screen> {
        self.screens.get(self.aliases.get(fastpath).map_or(fastpath, String::as_str))
    }

    /// The screen that a user may open by this fast path.
    ///
    /// # Errors
    /// ALT-902 if there is none, ALT-903 if a selector has to be answered first.
    pub fn open(&self, fastpath: &str) -> Result<&Screen> {
        let Some(screen) = self.find(fastpath) else {
            return Err(error::NO_SUCH_PANEL.with_cause(format!("there is no panel `{fastpath}`")));
        };
        if screen.after_selector() {
            return Err(error::NEEDS_SELECTOR.with_cause(format!(
                "the panel `{fastpath}` needs an answer from the screen before it"
            )));
        }
        Ok(screen)
    }

    /// The screen after `selector` when its answer is `real`. `classified` is what its classify command
    /// printed, parsed by [`crate::menu::discover::classified`]. The names that the answer gives
    /// are added to `context`.
    ///
    /// # Errors
    /// ALT-904 if there is no such screen.
    pub fn screen_after(
        &self,
        selector: &Selector,
        real: &str,
        classified: Option<(String, Context)>,
        context: &mut Context,
    ) -> Result<Target> {
        let name = &selector.field.name;
        context.insert(name.clone(), real.to_owned());
        let id = match &selector.next {
            Next::To(target) => return Ok(target.clone()),
            Next::Value { prefix } => format!("{prefix}{real}"),
            Next::Classified { prefix, .. } => {
                let (class, more) = classified.unwrap_or_default();
                let id = format!("{prefix}{class}");
                context.extend(more);
                context.insert(format!("{name}_class"), class);
                id
            }
        };
        match self.find(&id) {
            Some(screen) => Ok(Target::Screen(screen.id().to_owned())),
            None => Err(error::NO_NEXT_PANEL.with_cause(format!(
                "nothing can be done with `{real}`: there is no panel `{id}`"
            ))),
        }
    }
}
