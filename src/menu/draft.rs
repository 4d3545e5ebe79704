//! What menu files say, with the place of everything: what is checked, and what then becomes the
//! [`Set`].

use std::collections::BTreeMap;

use crate::diagnostic::reader::{Locations, SourceFile};
use crate::menu::model::{Alias, Dialog, Item, Menu, Screen, Selector, Set};

/// One screen of a file.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // there are some dozens of them in all
pub enum DraftScreen {
    Menu(DraftMenu),
    Selector(DraftSelector),
    Dialog(DraftDialog),
}

#[derive(Clone, Debug)]
pub struct DraftMenu {
    /// Without items.
    pub menu: Menu,
    pub at: Locations,
    pub items: Vec<DraftItem>,
}

#[derive(Clone, Debug)]
pub struct DraftItem {
    /// The menu that it belongs to.
    pub menu: String,
    pub item: Item,
    pub order: Option<i64>,
    pub at: Locations,
}

#[derive(Clone, Debug)]
pub struct DraftSelector {
    pub selector: Selector,
    pub at: Locations,
    pub field_at: Locations,
}

#[derive(Clone, Debug)]
pub struct DraftDialog {
    pub dialog: Dialog,
    pub at: Locations,
    /// In the order of the fields.
    pub fields_at: Vec<Locations>,
}

#[derive(Clone, Debug)]
pub struct DraftAlias {
    pub alias: Alias,
    pub at: Locations,
}

impl DraftScreen {
    pub fn id(&self) -> &str {
        match self {
            Self::Menu(m) => &m.menu.id,
            Self::Selector(s) => &s.selector.id,
            Self::Dialog(d) => &d.dialog.id,
        }
    }

    pub fn at(&self) -> &Locations {
        match self {
            Self::Menu(m) => &m.at,
            Self::Selector(s) => &s.at,
            Self::Dialog(d) => &d.at,
        }
    }

    pub fn after_selector(&self) -> bool {
        match self {
            Self::Menu(_) => false,
            Self::Selector(s) => s.selector.after_selector,
            Self::Dialog(d) => d.dialog.after_selector,
        }
    }
}

/// What one file says.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub screens: Vec<DraftScreen>,
    pub items: Vec<DraftItem>,
    pub aliases: Vec<DraftAlias>,
}

/// All files together.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub files: Vec<SourceFile>,
    pub screens: BTreeMap<String, DraftScreen>,
    pub aliases: BTreeMap<String, DraftAlias>,
}

impl Draft {
    /// What the interface works with: items in their order, places forgotten.
    pub fn into_set(self) -> Set {
        let mut set = Set::default();
        for (id, drafted) in self.screens {
            let screen = match drafted {
                DraftScreen::Menu(DraftMenu { menu, items, .. }) => Screen::Menu(Menu {
                    items: items.into_iter().map(|i| i.item).collect(),
                    ..menu
                }),
                DraftScreen::Selector(s) => Screen::Selector(s.selector),
                DraftScreen::Dialog(d) => Screen::Dialog(d.dialog),
            };
            set.screens.insert(id, screen);
        }
        set.aliases = self.aliases.into_iter().map(|(name, a)| (name, a.alias.goto)).collect();
        set
    }
}
