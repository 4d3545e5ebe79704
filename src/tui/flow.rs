//! From screen to screen: what follows an item, a selector, a dialog.
//!
//! A dialog's Enter passes these gates, each of which may stop it: the rules of its fields; whether
//! root is needed; the review; ARE YOU SURE??. Then its command runs, as a job of its own unless
//! the dialog says otherwise. Programs are asked in the background; [`answered`] goes on where
//! [`crate::tui::ask`] stopped.

use std::rc::Rc;

use crate::job;
use crate::menu::model::{Builtin, Dialog, How, Next, Screen, Selector, Target};
use crate::menu::values::{Context, Values};
use crate::menu::{command, discover, lists, review, rules};
use crate::tui::ask::{Query, REVIEW_TIMEOUT_SECS, ask, own_error};
use crate::tui::layer::{Layer, ListPurpose};
use crate::tui::lists::field_list;
use crate::tui::model::{
    Asked, Effect, Model, Pending, QuestionKind, RunMode, Started, UserMessage,
};
use crate::tui::record::Record;
use crate::tui::screens::form::Form;
use crate::tui::screens::menu::Menu;
use crate::tui::screens::review::Review;
use crate::tui::screens::text::{Text, TextKind};
use crate::tui::texts;

type Effects = Vec<Effect>;

/// Opens what an item or a selector leads to.
pub fn open_target(model: &mut Model, target: &Target, context: Context) -> Effects {
    match target {
        Target::Screen(id) => open(model, id, context),
        Target::Builtin(Builtin::Jobs) => {
            model.asked = Some(Asked { token: 0, kind: QuestionKind::Jobs });
            vec![Effect::Jobs]
        }
        Target::Builtin(Builtin::Themes) => vec![Effect::Themes],
        Target::Builtin(Builtin::Keys) => push(
            model,
            Layer::Text(Text::new(TextKind::Page, "Keys", texts::keys(model.key_names))),
        ),
        Target::Builtin(Builtin::About) => {
            push(model, Layer::Text(Text::new(TextKind::Page, "About and Help", texts::about())))
        }
    }
}

/// Opens a screen of the menus.
pub fn open(model: &mut Model, id: &str, context: Context) -> Effects {
    let set = Rc::clone(&model.set);
    match set.find(id) {
        None => fail(
            model,
            UserMessage::new(format!("There is no panel `{id}`."), "Go back with Cancel."),
        ),
        Some(Screen::Menu(menu)) => {
            let seen = screen("menu", &menu.id, &menu.title);
            let mut effects = push(model, Layer::Menu(Menu::new(menu.clone())));
            effects.push(seen);
            effects
        }
        Some(Screen::Selector(selector)) => {
            open_selector(model, Rc::new(selector.clone()), context)
        }
        Some(Screen::Dialog(dialog)) => {
            let dialog = Rc::new(dialog.clone());
            match &dialog.discover {
                Some(run) if model.options.run_mode != RunMode::Nothing => {
                    let (asked, limit) = (Query::for_command(run, &context, &[]), dialog.timeout);
                    ask(model, asked, limit, QuestionKind::Discover(Rc::clone(&dialog), context))
                }
                _ => open_dialog(model, dialog, context),
            }
        }
    }
}

fn open_selector(model: &mut Model, selector: Rc<Selector>, context: Context) -> Effects {
    let seen = screen("selector", &selector.id, &selector.title);
    let (ghost, list) = (selector.ghost, Form::has_list(&selector.field));
    let mut form = Form::selector(selector, context);
    notice(model, &mut form);
    let mut effects = push(model, Layer::Form(Box::new(form)));
    effects.push(seen);
    if ghost {
        effects.extend(if list { list_of_field(model) } else { answer_selector(model) });
    }
    effects
}

fn open_dialog(model: &mut Model, dialog: Rc<Dialog>, context: Context) -> Effects {
    let seen = screen("dialog", &dialog.id, &dialog.title);
    let ghost = dialog.ghost;
    let mut form = Form::dialog(dialog, context);
    notice(model, &mut form);
    let mut effects = push(model, Layer::Form(Box::new(form)));
    effects.push(seen);
    if ghost {
        effects.extend(commit(model));
    }
    effects
}

fn notice(model: &mut Model, form: &mut Form) {
    if !form.ghost && model.notice.is_some() {
        form.hint = model.notice.take();
    }
}

fn screen(kind: &'static str, fastpath: &str, title: &str) -> Effect {
    Effect::Record(Record::Screen { kind, fastpath: fastpath.to_owned(), title: title.to_owned() })
}

/// Puts a screen on top.
pub fn push(model: &mut Model, mut layer: Layer) -> Effects {
    if let Layer::Text(text) = &mut layer {
        text.with_key_names(model.key_names);
    }
    layer.settle(model.size);
    model.stack.push(layer);
    vec![]
}

/// Says what is wrong. Keys that were typed ahead meant something else.
pub fn fail(model: &mut Model, told: UserMessage) -> Effects {
    model.ahead.clear();
    let text = Record::Error { text: told.wrong.clone() };
    let mut effects = push(model, Layer::Text(Text::error(&told.wrong, &told.remedy)));
    effects.push(Effect::Record(text));
    effects
}

/// The answer to a question has come.
pub fn answered(model: &mut Model, token: u64, answer: Result<String, UserMessage>) -> Effects {
    let Some(asked) = model.asked.take_if(|a| a.token == token) else { return vec![] };
    model.stack.retain(|l| !matches!(l, Layer::Wait(_)));
    let mut effects = vec![];
    if let (true, Ok(text)) = (model.options.verbose, &answer) {
        effects.push(Effect::Record(Record::Answer { text: text.clone() }));
    }
    let text = match answer {
        Ok(text) => text,
        Err(told) => {
            drop_ghosts(model);
            // An error of our own says more than that a program failed.
            let own = matches!(asked.kind, QuestionKind::Review)
                || told.wrong.lines().nth(1).is_some_and(|l| l.contains(": ALT-"));
            effects.extend(fail(model, if own { own_error(told) } else { told }));
            return effects;
        }
    };
    effects.extend(match asked.kind {
        QuestionKind::List => show_list(model, &text),
        QuestionKind::Discover(dialog, mut context) => match discover::parse(&text) {
            Ok(found) => {
                context.extend(found);
                open_dialog(model, dialog, context)
            }
            Err(e) => fail(model, UserMessage::from(&e)),
        },
        QuestionKind::Classify(selector, real, context) => match discover::classified(&text) {
            Ok(class) => follow(model, &selector, &real, Some(class), context),
            Err(e) => fail(model, UserMessage::from(&e)),
        },
        QuestionKind::Review => show_review(model, &text),
        QuestionKind::Jobs | QuestionKind::Start => vec![],
    });
    effects
}

/// F4: the choices of the field under the cursor.
pub fn list_of_field(model: &mut Model) -> Effects {
    let nothing = model.options.run_mode == RunMode::Nothing;
    let Some(form) = model.form() else { return vec![Effect::Bell] };
    let Some(field) = form.field().cloned() else { return vec![Effect::Bell] };
    match &field.list {
        Some(_) if nothing => fail(
            model,
            UserMessage::new("With -X no command is run, so there is no list.", "Type the value."),
        ),
        Some(list) => {
            let context = form.values.context(&form.dialog.fields, &form.context);
            let (asked, limit) =
                (Query::for_command(&list.command, &context, &form.dialog.fields), list.timeout);
            ask(model, asked, limit, QuestionKind::List)
        }
        None => {
            let list = field_list(form, &field, lists::list_choices(&field.choices));
            push(model, Layer::List(list, ListPurpose::Field))
        }
    }
}

fn show_list(model: &mut Model, text: &str) -> Effects {
    let Some(form) = model.form() else { return vec![] };
    let Some(field) = form.field().cloned() else { return vec![] };
    let Some(list) = &field.list else { return vec![] };
    let mut listing = lists::parse(text, list);
    // Fixed choices stand before those that the command finds.
    let mut entries = lists::list_choices(&field.choices).entries;
    entries.append(&mut listing.entries);
    listing.entries = entries;
    let list = field_list(form, &field, listing);
    push(model, Layer::List(list, ListPurpose::Field))
}

/// Enter in a list that belongs to a field.
pub fn chosen(model: &mut Model, values: &[String]) -> Effects {
    let Some(form) = model.form() else { return vec![] };
    let Some(field) = form.field().cloned() else { return vec![] };
    form.fill(&Values::joined(&field, values));
    // Of a ghost selector this was the answer.
    if form.ghost && form.selector.is_some() { answer_selector(model) } else { vec![] }
}

fn answer_selector(model: &mut Model) -> Effects {
    let Some(form) = model.form() else { return vec![] };
    let Some(selector) = form.selector.clone() else { return vec![] };
    let classify_alone = form.ghost && !Form::has_list(&selector.field);
    if !classify_alone && let Some(refusal) = rules::validate(&form.dialog, &form.values) {
        form.go_to(&refusal.field);
        return fail(model, UserMessage::new(refusal.message, ""));
    }
    let real = form.values.real(0, &selector.field).join(" ");
    let mut context = form.context.clone();
    match &selector.next {
        Next::Classified { command, timeout, .. } => {
            context.insert(selector.field.name.clone(), real.clone());
            let (asked, limit) = (
                Query::for_command(command, &context, std::slice::from_ref(&selector.field)),
                *timeout,
            );
            if model.options.run_mode == RunMode::Nothing {
                return fail(
                    model,
                    UserMessage::new(
                        "With -X no command is run, so what follows is not known.",
                        "",
                    ),
                );
            }
            ask(model, asked, limit, QuestionKind::Classify(selector, real, context))
        }
        Next::To(_) | Next::Value { .. } => follow(model, &selector, &real, None, context),
    }
}

fn follow(
    model: &mut Model,
    selector: &Selector,
    real: &str,
    class: Option<(String, Context)>,
    mut context: Context,
) -> Effects {
    let set = Rc::clone(&model.set);
    match set.screen_after(selector, real, class, &mut context) {
        Ok(target) => open_target(model, &target, context),
        Err(e) => {
            drop_ghosts(model);
            fail(model, UserMessage::from(&e))
        }
    }
}

/// Enter on a form.
pub fn commit(model: &mut Model) -> Effects {
    let run_mode = model.options.run_mode;
    let Some(form) = model.form() else { return vec![] };
    if form.selector.is_some() {
        return answer_selector(model);
    }
    if let Some(refusal) = rules::validate(&form.dialog, &form.values) {
        form.go_to(&refusal.field);
        let listed = form.field().is_some_and(|f| f.list.is_some() || !f.choices.is_empty());
        let size = model.size;
        if let Some(layer) = model.stack.last_mut() {
            layer.settle(size);
        }
        drop_ghosts(model);
        return fail(
            model,
            UserMessage::new(
                refusal.message,
                if listed {
                    "Press Enter; the cursor is on the field. F1 there explains it, F4 lists what can be chosen."
                } else {
                    "Press Enter; the cursor is on the field. F1 there explains it."
                },
            ),
        );
    }
    let dialog = Rc::clone(&form.dialog);
    let line = command::build_line(&dialog, &form.values, &form.context);
    if dialog.root && !model.options.root && run_mode == RunMode::All {
        let remedy = format!(
            "Leave altdisk with F10, then start it again as root:\n\n    sudo {}",
            model.options.opens(&dialog.id)
        );
        drop_ghosts(model);
        return fail(
            model,
            UserMessage::new(
                format!("{} needs root: only root may run this command.", dialog.title),
                remedy,
            ),
        );
    }
    let pending = Pending { line, dialog };
    let review =
        Query::for_review(&pending.dialog, &pending.line).filter(|_| run_mode == RunMode::All);
    model.pending = Some(pending);
    match review {
        Some(asked) => ask(model, asked, REVIEW_TIMEOUT_SECS, QuestionKind::Review),
        None => make_sure(model),
    }
}

fn show_review(model: &mut Model, text: &str) -> Effects {
    let Some(pending) = model.pending.clone() else { return vec![] };
    match review::parse(text) {
        Ok(answer) => {
            model.ahead.clear();
            push(model, Layer::Review(Box::new(Review::new(answer, pending.line))))
        }
        Err(e) => fail(model, UserMessage::from(&e)),
    }
}

/// The review was answered: these words are added, and the command runs.
pub fn reviewed(model: &mut Model, add: &[String]) -> Effects {
    if let Some(pending) = &mut model.pending {
        pending.line = pending.line.with_words(add);
    }
    model.stack.pop();
    make_sure(model)
}

fn make_sure(model: &mut Model) -> Effects {
    let Some(text) = model.pending.as_ref().and_then(|p| p.dialog.confirm.clone()) else {
        return run_command(model);
    };
    model.ahead.clear();
    push(model, Layer::Text(Text::sure(&text)))
}

/// Everything was said: the command runs.
pub fn run_command(model: &mut Model) -> Effects {
    let Some(Pending { line, dialog }) = model.pending.take() else { return vec![] };
    let shown = line.shown();
    let run_mode = model.options.run_mode;
    let mut effects = vec![Effect::Record(Record::Command {
        line: shown.clone(),
        hides: line.hides(),
        run: run_mode == RunMode::All,
    })];
    if run_mode != RunMode::All {
        drop_ghosts(model);
        let text = vec![
            (
                "Nothing is run in this session. This would have been run:\n".to_owned(),
                crate::theme::Role::Text,
            ),
            (shown, crate::theme::Role::Command),
        ];
        effects.extend(push(model, Layer::Text(Text::new(TextKind::Note, "NOT RUN", text))));
        return effects;
    }
    model.ahead.clear();
    model.asked = Some(Asked { token: 0, kind: QuestionKind::Start });
    model.started =
        Some(Started { job: job::Id(0), back: dialog.mode.back, dialog: dialog.id.clone() });
    effects.push(match dialog.mode.how {
        how @ (How::Pipe | How::Still) => {
            let (title, fastpath) = (dialog.title.clone(), dialog.id.clone());
            let argv = line.argv;
            // What our own panels only show is no work.
            let look = how == How::Still && argv.first().is_some_and(|p| p == "altdisk");
            let spec = job::Spec { argv, title, fastpath, shown, look, ..job::Spec::default() };
            Effect::Start { spec, still: how == How::Still }
        }
        How::Inherit => Effect::Inherit(line.argv),
        How::Exec => Effect::Exec(line.argv),
    });
    effects
}

/// A command of this session has ended, and the user has seen it.
pub fn ended(model: &mut Model, code: Option<i32>) {
    let Some(started) = model.started.take() else { return };
    if code != Some(0) {
        return;
    }
    for layer in &mut model.stack {
        if let Layer::Form(form) = layer
            && form.dialog.id == started.dialog
        {
            let dialog = Rc::clone(&form.dialog);
            form.values.clear_after_success(&dialog.fields);
            form.load();
        }
    }
    if started.back {
        // SMIT's P, N, I: back to the nearest menu, else selector, else out.
        let menu = model.stack.iter().rposition(|l| matches!(l, Layer::Menu(_)));
        let selector = model
            .stack
            .iter()
            .rposition(|l| matches!(l, Layer::Form(f) if f.selector.is_some() && !f.ghost));
        model.stack.truncate(menu.or(selector).map_or(0, |n| n + 1));
    }
}

/// A form that shows nothing must not be what is left on top.
pub fn drop_ghosts(model: &mut Model) {
    while matches!(model.stack.last(), Some(Layer::Form(form)) if form.ghost) {
        model.stack.pop();
    }
}

/// The command that Enter would run now.
pub fn preview(model: &mut Model) -> Option<String> {
    let form = model.form()?;
    Some(command::build_line(&form.dialog, &form.values, &form.context).shown())
}
