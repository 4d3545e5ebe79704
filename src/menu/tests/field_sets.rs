//! Field sets that dialogs include.

use super::{argv, set_of};
use crate::menu::model::Screen;
use crate::menu::values::{Context, Values};

/// Fields of a set stand where the dialog includes it; its condition is theirs unless they have one.
#[test]
fn field_sets_are_included() {
    let set = set_of(
        r#"
[[fieldset]]
name = "common"
[[fieldset.field]]
name = "b"
label = "B"
help = "h"
prefix = "-b "
required = "?"
[[fieldset.field]]
name = "c"
label = "C"
help = "h"
only_if = { field = "b", is = ["x"] }
[[dialog]]
id = "d"
title = "D"
help = "h"
command = ["true"]
[[dialog.field]]
name = "a"
label = "A"
help = "h"
[[dialog.field]]
include = "common"
only_if = { field = "a", is = ["yes"] }
[[dialog.field]]
name = "e"
label = "E"
help = "h"
"#,
    );
    let Some(Screen::Dialog(dialog)) = set.screens.get("d") else { panic!() };
    let fields: Vec<String> = dialog
        .fields
        .iter()
        .map(|f| format!("{} {}", f.name, f.only_if.as_ref().map_or("", |o| &o.field)))
        .collect();
    assert_eq!(fields, ["a ", "b a", "c b", "e "]);
    let mut values = Values::new(dialog, &Context::new());
    values.set(1, "1");
    assert_eq!(argv(dialog, &values, &Context::new()), ["true"]);
    values.set(0, "yes");
    assert_eq!(argv(dialog, &values, &Context::new()), ["true", "yes", "-b", "1"]);
}
