//! Questions to programs: they fill lists, find the first values of a form, review a command.

use std::time::Duration;

use crate::menu::command::{self, Line};
use crate::menu::model::{Dialog, Field, Kind, Run};
use crate::menu::values::Context;
use crate::secret::masked_words;
use crate::text::shell::quoted;
use crate::tui::layer::Layer;
use crate::tui::model::{Asked, Effect, Model, QuestionKind, UserMessage};
use crate::tui::record::Record;
use crate::tui::screens::wait::Wait;

/// How long a review may take, in seconds.
pub const REVIEW_TIMEOUT_SECS: u64 = 120;

/// A question to a program, and the same for people, with passwords hidden.
pub struct Query {
    pub argv: Vec<String>,
    pub shown: String,
}

impl Query {
    /// What `run` asks; `fields`: those whose values are in `context`.
    pub fn for_command(run: &Run, context: &Context, fields: &[Field]) -> Self {
        let mut masked = context.clone();
        for field in fields.iter().filter(|f| f.kind == Kind::Password) {
            if let Some(value) = masked.get_mut(&field.name).filter(|v| !v.is_empty()) {
                command::HIDDEN.clone_into(value);
            }
        }
        Self {
            argv: command::build_argv(run, context),
            shown: quoted(&masked_words(&command::build_argv(run, &masked))),
        }
    }

    /// The review of a dialog's line; None if the dialog has none.
    pub fn for_review(dialog: &Dialog, line: &Line) -> Option<Self> {
        let line = line.with_words(dialog.review.as_ref()?);
        let shown = line.shown();
        Some(Self { argv: line.argv, shown })
    }
}

/// Asks a program in the background; F3 gives up.
pub fn ask(model: &mut Model, query: Query, seconds: u64, kind: QuestionKind) -> Vec<Effect> {
    model.tokens += 1;
    let token = model.tokens;
    let Query { argv, shown } = query;
    model.asked = Some(Asked { token, kind });
    model.stack.push(Layer::Wait(Wait::new(token, shown.clone())));
    let mut effects = vec![
        Effect::Ask {
            token,
            argv,
            shown: shown.clone(),
            limit: Duration::from_secs(seconds.max(1)),
        },
        Effect::Later(token),
    ];
    if model.options.trace {
        effects.push(Effect::Record(Record::Question { command: shown }));
    }
    effects
}

/// The error that one of our own programs, or a review, has printed. It stands after the line about
/// the program.
pub fn own_error(message: UserMessage) -> UserMessage {
    if !message.wrong.starts_with(crate::error::ASK_FAILED.id) {
        return message;
    }
    let mut said = message
        .wrong
        .lines()
        .skip(1)
        .map(|l| l.strip_prefix("  ").unwrap_or(l).trim_end())
        .filter(|l| !l.is_empty());
    let Some(first) = said.next() else { return message };
    let (mut wrong, mut remedy) = (
        first
            .trim_start()
            .split_once(": ALT-")
            .map_or(first.to_owned(), |(_, rest)| format!("ALT-{rest}")),
        String::new(),
    );
    for line in said {
        let does = line.trim_start().strip_prefix("what to do: ");
        let to = if remedy.is_empty() && does.is_none() { &mut wrong } else { &mut remedy };
        // Lines are kept: a cause may be a list.
        if !to.is_empty() {
            to.push('\n');
        }
        to.push_str(does.unwrap_or(line));
    }
    UserMessage::new(wrong, remedy)
}
