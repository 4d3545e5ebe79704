//! The content of menu files, with the place of everything. It is checked, and then becomes the
//! [`Set`].

use std::collections::BTreeMap;

use crate::diagnostic::reader::{Locations, SourceFile};
use crate::menu::model::{Alias, Dialog, Field, Item, Menu, OnlyIf, Screen, Selector, Set};

/// One screen of a file.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // there are some dozens of them in all
pub enum DraftScreen {
    Menu(DraftMenu),
    Selector(DraftSelector),
    Dialog(DraftDialog),
}

#[derive(Clone, Debug)]
/// A menu and its items.
pub struct DraftMenu {
    /// Without items.
    pub menu: Menu,
    pub at: Locations,
    pub items: Vec<DraftItem>,
}

#[derive(Clone, Debug)]
/// A line of a menu.
pub struct DraftItem {
    /// The menu that it belongs to.
    pub menu: String,
    pub item: Item,
    pub order: Option<i64>,
    pub at: Locations,
}

#[derive(Clone, Debug)]
/// A selector.
pub struct DraftSelector {
    pub selector: Selector,
    pub at: Locations,
    pub field_at: Locations,
}

#[derive(Clone, Debug)]
/// A dialog.
pub struct DraftDialog {
    pub dialog: Dialog,
    pub at: Locations,
    /// In the order of the fields.
    pub fields_at: Vec<Locations>,
    /// The field sets to insert, in the order of the file.
    pub includes: Vec<DraftInclude>,
}

/// A field set that a dialog includes.
#[derive(Clone, Debug)]
pub struct DraftInclude {
    /// The set's name.
    pub set: String,
    /// How many of the dialog's own fields come before it.
    pub position: usize,
    /// The condition of all fields in it that have none of their own.
    pub only_if: Option<OnlyIf>,
    /// Where it is written.
    pub at: Locations,
}

/// Fields that several dialogs share.
#[derive(Clone, Debug)]
pub struct DraftFieldSet {
    /// Its name, unique among all sets.
    pub name: String,
    /// Where it is written.
    pub at: Locations,
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// Where the fields are written, in the same order.
    pub fields_at: Vec<Locations>,
}

impl DraftDialog {
    /// Inserts the fields of this set at the place of `include`. Includes are inserted from the last
    /// to the first, so that their positions stay right.
    pub fn insert(&mut self, include: &DraftInclude, set: &DraftFieldSet) {
        let fields = set.fields.iter().map(|field| Field {
            only_if: field.only_if.clone().or_else(|| include.only_if.clone()),
            ..field.clone()
        });
        let at = include.position..include.position;
        self.dialog.fields.splice(at.clone(), fields);
        self.fields_at.splice(at, set.fields_at.iter().cloned());
    }
}

#[derive(Clone, Debug)]
/// A fast path.
pub struct DraftAlias {
    pub alias: Alias,
    pub at: Locations,
}

impl DraftScreen {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Menu(m) => &m.menu.id,
            Self::Selector(s) => &s.selector.id,
            Self::Dialog(d) => &d.dialog.id,
        }
    }

    /// The places of its values.
    pub fn locations(&self) -> &Locations {
        match self {
            Self::Menu(m) => &m.at,
            Self::Selector(s) => &s.at,
            Self::Dialog(d) => &d.at,
        }
    }

    /// Whether it can only be entered from a selector.
    pub fn after_selector(&self) -> bool {
        match self {
            Self::Menu(_) => false,
            Self::Selector(s) => s.selector.after_selector,
            Self::Dialog(d) => d.dialog.after_selector,
        }
    }
}

/// The content of one file.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub screens: Vec<DraftScreen>,
    pub items: Vec<DraftItem>,
    pub aliases: Vec<DraftAlias>,
    /// The field sets.
    pub sets: Vec<DraftFieldSet>,
}

/// All files together.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub files: Vec<SourceFile>,
    pub screens: BTreeMap<String, DraftScreen>,
    pub aliases: BTreeMap<String, DraftAlias>,
    /// The field sets by name.
    pub sets: BTreeMap<String, DraftFieldSet>,
}

impl Draft {
    /// The set for the interface: items in their order, without places.
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
