//! `--review`: the page that a panel shows before it runs a command, as JSON.
//!
//! Its readers have filled in a form and may not know any flag: a refusal names the field of the
//! panel beside a flag in its remedy.

use anyhow::Result;

use crate::engine::request::Action;
use crate::engine::review;
use crate::error;
use crate::text::printable::Message;

/// Flags in remedies, and the fields and panels for them.
const IN_PANELS: [(&str, &str); 6] = [
    ("-B", "the field \"Set bootlist\": no"),
    ("-r", "the field \"Reboot when complete\": no"),
    ("-g", "the field \"Skip the checks that it can boot?\": yes"),
    (
        "-i",
        "the field \"image.data file\"; the panel \"Write an image.data\" (alt_image) makes such a file",
    ),
    ("-X", "the panel \"Clean Up: Remove the Copy\" (alt_clean)"),
    ("--resume", "the panel \"Continue the Interrupted Run\" (alt_resume)"),
];

/// The page about `action`.
///
/// # Errors
/// The refusals that the run itself would meet.
pub fn review(action: &Action) -> Result<String> {
    let page = match action {
        Action::Install(request) => review::review_install(request),
        Action::Resume => review::review_resume(),
        Action::CleanUp { erase, ask } => review::review_clean_up(erase, *ask),
        Action::Review(of) => return review(of),
        Action::Preview { request, .. } => review::review_install(request),
    };
    Ok(serde_json::to_string_pretty(&page.map_err(with_panel_names)?)? + "\n")
}

/// The same error; after its remedy, what that is in the panels.
fn with_panel_names(e: anyhow::Error) -> anyhow::Error {
    let Some(alt) = error::find(&e) else { return e };
    let remedy = &alt.remedy;
    let words: Vec<&str> =
        remedy.split(|c: char| c.is_whitespace() || "`,;.()".contains(c)).collect();
    let here: Vec<&str> = IN_PANELS
        .iter()
        .filter(|(flag, _)| words.contains(flag))
        .map(|(_, panel)| *panel)
        .collect();
    if here.is_empty() {
        return e;
    }
    alt.with_remedy(Message::with_lines(&format!("{remedy}. In the panels: {}", here.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu::builtin::FILES;

    #[test]
    fn flags_are_fields() {
        let told = |e: anyhow::Error| error::find(&with_panel_names(e)).unwrap().remedy.clone();
        let said = told(error::NO_BOOTLIST.with_remedy("x", "install efibootmgr, or give -B"));
        assert_eq!(
            said,
            "install efibootmgr, or give -B. In the panels: the field \"Set bootlist\": no"
        );
        let said = told(error::ALTERNATE_EXISTS.with_cause("x"));
        assert!(said.ends_with("In the panels: the panel \"Clean Up: Remove the Copy\" (alt_clean); the panel \"Continue the Interrupted Run\" (alt_resume)"), "{said}");
        assert_eq!(told(error::DISK_TOO_SMALL.with_cause("x")), error::DISK_TOO_SMALL.remedy);
        // A list stays a list.
        let listed = with_panel_names(
            error::NO_BOOTLIST
                .with_remedy(("two things", "\n  - one\n  - two".to_owned()), "say -B"),
        );
        assert_eq!(error::find(&listed).unwrap().cause, "two things\n  - one\n  - two");
    }

    /// The labels that are named are those of the panels.
    #[test]
    fn the_panels_are_called_so() {
        for (_, panel) in IN_PANELS {
            let named = panel
                .split('"')
                .nth(1)
                .unwrap_or_else(|| panel.split(" (").next().unwrap_or(panel));
            assert!(FILES.iter().any(|(_, text)| text.contains(named)), "{named}");
        }
    }
}
