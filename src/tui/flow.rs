//! From screen to screen: what follows an item, a selector, a dialog.
//!
//! A dialog's Enter passes these gates, each of which may stop it: the rules of its fields; whether
//! root is needed; the review; ARE YOU SURE??. Then its command runs, as a job of its own unless
//! the dialog says otherwise. Programs are asked in the background; [`answered`] goes on where
//! [`ask`] stopped.

use std::rc::Rc;
use std::time::Duration;

use crate::job;
use crate::menu::model::{
    Builtin, Dialog, Field, How, Kind, Many, Next, Run, Screen, Selector, Target,
};
use crate::menu::values::{Context, Values};
use crate::menu::{command, discover, lists, review, rules};
use crate::secret::masked_words;
use crate::text::shell::quoted;
use crate::tui::layer::{For, Layer};
use crate::tui::model::{Asked, Doing, Effect, Model, Pending, Started, Told, Why};
use crate::tui::popup::{self, fold};
use crate::tui::record::Record;
use crate::tui::screens::form::Form;
use crate::tui::screens::list::{Choose, List};
use crate::tui::screens::menu::Menu;
use crate::tui::screens::review::Review;
use crate::tui::screens::text::{Text, What};
use crate::tui::screens::wait::Wait;
use crate::tui::texts;

/// Seconds that a review may take.
const REVIEW: u64 = 120;

type Effects = Vec<Effect>;

/// Opens what an item or a selector leads to.
pub fn go(model: &mut Model, target: &Target, context: Context) -> Effects {
    match target {
        Target::Screen(id) => open(model, id, context),
        Target::Builtin(Builtin::Jobs) => {
            model.asked = Some(Asked { token: 0, why: Why::Jobs });
            vec![Effect::Jobs]
        }
        Target::Builtin(Builtin::Themes) => vec![Effect::Themes],
        Target::Builtin(Builtin::Keys) => {
            push(model, Layer::Text(Text::new(What::Page, "Keys", texts::keys(model.sends))))
        }
        Target::Builtin(Builtin::About) => {
            push(model, Layer::Text(Text::new(What::Page, "About and Help", texts::about())))
        }
    }
}

/// Opens a screen of the menus.
pub fn open(model: &mut Model, id: &str, context: Context) -> Effects {
    let set = Rc::clone(&model.set);
    match set.find(id) {
        None => {
            fail(model, Told::new(format!("There is no panel `{id}`."), "Go back with Cancel."))
        }
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
                Some(run) if model.options.doing != Doing::Nothing => {
                    let (asked, limit) = (Asking::of(run, &context, &[]), dialog.timeout);
                    ask(model, asked, limit, Why::Discover(Rc::clone(&dialog), context))
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
        text.spoken(model.sends);
    }
    layer.settle(model.size);
    model.stack.push(layer);
    vec![]
}

/// Says what is wrong. Keys that were typed ahead meant something else.
pub fn fail(model: &mut Model, told: Told) -> Effects {
    model.ahead.clear();
    let text = Record::Error { text: told.wrong.clone() };
    let mut effects = push(model, Layer::Text(Text::error(&told.wrong, &told.remedy)));
    effects.push(Effect::Record(text));
    effects
}

/// A command that is asked something, and the same for people: passwords hidden.
struct Asking {
    argv: Vec<String>,
    shown: String,
}

impl Asking {
    /// `fields`: those whose values are in `context`.
    fn of(run: &Run, context: &Context, fields: &[Field]) -> Self {
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

    /// The review of what is about to run.
    fn review(pending: &Pending) -> Option<Self> {
        let line = pending.line.with_words(pending.dialog.review.as_ref()?);
        let shown = line.shown();
        Some(Self { argv: line.argv, shown })
    }
}

/// Asks a program something in the background; F3 gives it up.
fn ask(model: &mut Model, asking: Asking, seconds: u64, why: Why) -> Effects {
    model.tokens += 1;
    let token = model.tokens;
    let Asking { argv, shown } = asking;
    model.asked = Some(Asked { token, why });
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

/// The answer to a question has come.
pub fn answered(model: &mut Model, token: u64, answer: Result<String, Told>) -> Effects {
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
            let own = matches!(asked.why, Why::Review)
                || told.wrong.lines().nth(1).is_some_and(|l| l.contains(": ALT-"));
            effects.extend(fail(model, if own { refused(told) } else { told }));
            return effects;
        }
    };
    effects.extend(match asked.why {
        Why::List => show_list(model, &text),
        Why::Discover(dialog, mut context) => match discover::parse(&text) {
            Ok(found) => {
                context.extend(found);
                open_dialog(model, dialog, context)
            }
            Err(e) => fail(model, Told::from(&e)),
        },
        Why::Classify(selector, real, context) => match discover::classified(&text) {
            Ok(class) => follow(model, &selector, &real, Some(class), context),
            Err(e) => fail(model, Told::from(&e)),
        },
        Why::Review => show_review(model, &text),
        Why::Jobs | Why::Start => vec![],
    });
    effects
}

/// What a program of ours, or a review, says of its failure: it stands after the line about the
/// program.
fn refused(told: Told) -> Told {
    if !told.wrong.starts_with(crate::error::ASK_FAILED.id) {
        return told;
    }
    let mut said = told
        .wrong
        .lines()
        .skip(1)
        .map(|l| l.strip_prefix("  ").unwrap_or(l).trim_end())
        .filter(|l| !l.is_empty());
    let Some(first) = said.next() else { return told };
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
    Told::new(wrong, remedy)
}

/// F4: the choices of the field under the cursor.
pub fn list_of_field(model: &mut Model) -> Effects {
    let nothing = model.options.doing == Doing::Nothing;
    let Some(form) = model.form() else { return vec![Effect::Bell] };
    let Some(field) = form.field().cloned() else { return vec![Effect::Bell] };
    match &field.list {
        Some(_) if nothing => fail(
            model,
            Told::new("With -X no command is run, so there is no list.", "Type the value."),
        ),
        Some(list) => {
            let context = form.values.context(&form.dialog.fields, &form.context);
            let (asked, limit) =
                (Asking::of(&list.command, &context, &form.dialog.fields), list.timeout);
            ask(model, asked, limit, Why::List)
        }
        None => {
            let list = of_field(form, &field, lists::list_choices(&field.choices));
            push(model, Layer::List(list, For::Field))
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
    let list = of_field(form, &field, listing);
    push(model, Layer::List(list, For::Field))
}

fn of_field(form: &Form, field: &Field, listing: lists::Listing) -> List {
    use crate::menu::model::Take;
    let choose = match (&field.list, field.many) {
        (Some(list), _) if list.take == Take::Range => Choose::None,
        (_, Many::One) => Choose::One,
        _ => Choose::Several,
    };
    let title = field.title();
    let mut list = List::new(&title, listing, choose)
        .with(&form.chosen())
        .prefilled(!form.values.changed(form.at));
    list.help.clone_from(&field.help);
    list
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
        return fail(model, Told::new(refusal.message, ""));
    }
    let real = form.values.real(0, &selector.field).join(" ");
    let mut context = form.context.clone();
    match &selector.next {
        Next::Classified { command, timeout, .. } => {
            context.insert(selector.field.name.clone(), real.clone());
            let (asked, limit) =
                (Asking::of(command, &context, std::slice::from_ref(&selector.field)), *timeout);
            if model.options.doing == Doing::Nothing {
                return fail(
                    model,
                    Told::new("With -X no command is run, so what follows is not known.", ""),
                );
            }
            ask(model, asked, limit, Why::Classify(selector, real, context))
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
    match set.after(selector, real, class, &mut context) {
        Ok(target) => go(model, &target, context),
        Err(e) => {
            drop_ghosts(model);
            fail(model, Told::from(&e))
        }
    }
}

/// Enter on a form.
pub fn commit(model: &mut Model) -> Effects {
    let root = model.options.root;
    let doing = model.options.doing;
    let opens = model
        .form()
        .map(|f| f.dialog.id.clone())
        .map(|id| model.options.opens(&id))
        .unwrap_or_default();
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
            Told::new(
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
    if dialog.root && !root && doing == Doing::All {
        let remedy =
            format!("Leave altdisk with F10, then start it again as root:\n\n    sudo {}", opens);
        drop_ghosts(model);
        return fail(
            model,
            Told::new(
                format!("{} needs root: only root may run this command.", dialog.title),
                remedy,
            ),
        );
    }
    let pending = Pending { line, dialog };
    let review = Asking::review(&pending).filter(|_| doing == Doing::All);
    model.pending = Some(pending);
    match review {
        Some(asked) => ask(model, asked, REVIEW, Why::Review),
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
        Err(e) => fail(model, Told::from(&e)),
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
        return run(model);
    };
    model.ahead.clear();
    push(model, Layer::Text(Text::sure(&text)))
}

/// Everything was said: the command runs.
pub fn run(model: &mut Model) -> Effects {
    let Some(Pending { line, dialog }) = model.pending.take() else { return vec![] };
    let shown = line.shown();
    let doing = model.options.doing;
    let mut effects = vec![Effect::Record(Record::Command {
        line: shown.clone(),
        hides: line.hides(),
        run: doing == Doing::All,
    })];
    if doing != Doing::All {
        drop_ghosts(model);
        let text = vec![
            (
                "Nothing is run in this session. This would have been run:\n".to_owned(),
                crate::theme::Role::Text,
            ),
            (shown, crate::theme::Role::Command),
        ];
        effects.extend(push(model, Layer::Text(Text::new(What::Note, "NOT RUN", text))));
        return effects;
    }
    model.ahead.clear();
    model.asked = Some(Asked { token: 0, why: Why::Start });
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

/// The looks as a list.
pub fn themes(model: &Model) -> List {
    let entry = |t: &crate::theme::Theme| {
        // As notes, long descriptions are read in whole.
        let notes = fold(&t.about, popup::inner(model.size).saturating_sub(6));
        lists::Entry { line: t.name.clone(), notes, value: t.name.clone(), ..Default::default() }
    };
    let listing =
        lists::Listing { heading: None, entries: model.themes.iter().map(entry).collect() };
    let mut list = List::new("Colours and Theme", listing, Choose::One)
        .with(std::slice::from_ref(&model.theme.name));
    texts::THEMES.clone_into(&mut list.help);
    list
}

/// The jobs as a list; the newest first. `now`: seconds since the epoch.
pub fn jobs(summaries: &[job::Summary], now: u64) -> List {
    let entry = |s: &job::Summary| {
        let took = s.took(now).map_or_else(|| "-".to_owned(), crate::text::clock);
        let started = crate::host::clock::minute(s.started);
        let line = format!(
            "{:>4}  {started}  {:<13} {took:>8}  {}",
            s.id.to_string(),
            s.state_word(),
            s.spec.title
        );
        lists::Entry { line, value: s.id.to_string(), ..Default::default() }
    };
    let heading = Some(format!(
        " {:>4}  {:<16}  {:<13} {:>8}  {}",
        "Job", "Started", "State", "Time", "What"
    ));
    let listing = lists::Listing { heading, entries: summaries.iter().map(entry).collect() };
    let mut list = List::new("Running and Finished Jobs", listing, Choose::One);
    texts::JOBS.clone_into(&mut list.help);
    list
}

/// The command that Enter would run now.
pub fn preview(model: &mut Model) -> Option<String> {
    let form = model.form()?;
    Some(command::build_line(&form.dialog, &form.values, &form.context).shown())
}
