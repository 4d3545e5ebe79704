//! What happens, applied to the model. Pure: what has to be done is returned as effects.

use crate::term::key::Key;
use crate::tui::flow;
use crate::tui::layer::{For, Layer};
use crate::tui::model::{Effect, Model, Msg, Told, Why};
use crate::tui::record::Record;
use crate::tui::screens::Step;
use crate::tui::screens::edit::Edit;
use crate::tui::screens::small;
use crate::tui::screens::text::{Text, What};
use crate::tui::status::{self, Wish};
use crate::tui::texts;

type Effects = Vec<Effect>;

/// Applies one message.
pub fn update(model: &mut Model, msg: Msg) -> Effects {
    let before = asks(model);
    let mut effects = match msg {
        Msg::Keys(keys) => press(model, keys),
        Msg::Size(width, height) => resized(model, width, height),
        Msg::Escape(waits) => {
            model.escape = waits;
            vec![]
        }
        Msg::Answer(token, answer) => flow::answered(model, token, answer),
        Msg::Slow(token) => {
            for layer in &mut model.stack {
                if let Layer::Wait(wait) = layer {
                    wait.slow |= wait.token == token;
                }
            }
            vec![]
        }
        Msg::Jobs(jobs, now) => {
            model.asked = None;
            match jobs {
                Ok(jobs) => flow::push(model, Layer::List(flow::jobs(&jobs, now), For::Jobs)),
                Err(told) => flow::fail(model, told),
            }
        }
        Msg::Themes(themes) => {
            model.themes = themes;
            let list = flow::themes(model);
            flow::push(model, Layer::List(list, For::Themes))
        }
        Msg::Opened(status) => opened(model, status),
        Msg::Status(msg) => to_status(model, msg),
        Msg::Saved(files) => match files {
            Ok(files) => flow::push(
                model,
                Layer::Text(Text::plain(What::Note, "PRINT SCREEN", &texts::saved(&files))),
            ),
            Err(told) => flow::fail(model, told),
        },
        Msg::Returned(code) => returned(model, code),
        // Over what is waited for it would be covered, and take keys that are meant for what comes.
        Msg::Tell(told) if model.asked.is_some() => {
            model.untold.push(told);
            vec![]
        }
        Msg::Tell(told) => flow::fail(model, told),
    };
    note(model, before);
    if model.asked.is_none() && !model.untold.is_empty() {
        for told in std::mem::take(&mut model.untold) {
            effects.extend(flow::fail(model, told));
        }
    }
    if model.asked.is_none() && !model.ahead.is_empty() {
        let keys = std::mem::take(&mut model.ahead);
        effects.extend(press(model, keys));
    }
    if model.stack.is_empty() && !effects.contains(&Effect::Quit) {
        effects.push(Effect::Quit);
    }
    effects
}

fn press(model: &mut Model, keys: Vec<Key>) -> Effects {
    let mut effects = vec![];
    for key in keys {
        let (depth, before) = (model.stack.len(), asks(model));
        effects.extend(one(model, key));
        let size = model.size;
        if let Some(layer) = model.stack.last_mut() {
            layer.settle(size);
        }
        // What is typed ahead must not answer a question that its typer has not seen, nor close an
        // error.
        let error = matches!(model.top(), Some(Layer::Text(t)) if t.what == What::Error);
        if note(model, before) || (error && model.stack.len() > depth) {
            model.ahead.clear();
            break;
        }
        if effects.contains(&Effect::Quit) || model.stack.is_empty() {
            break;
        }
    }
    effects
}

/// A question to which a key may say yes, and something is done to the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Review,
    Sure,
    /// ARE YOU SURE?? to end the job; `true`: by force.
    Stop(bool),
}

/// The question on top, and how deep in the stack it is.
fn asks(model: &Model) -> Option<(usize, Question)> {
    let question = match model.top()? {
        Layer::Review(_) => Question::Review,
        Layer::Text(text) if text.what == What::Sure => Question::Sure,
        Layer::Status(status) => Question::Stop(status.asks()?),
        _ => return None,
    };
    Some((model.stack.len(), question))
}

/// Whether the question on top is another than `before`: until it was painted nobody has seen it.
fn note(model: &mut Model, before: Option<(usize, Question)>) -> bool {
    let now = asks(model);
    let new = now.is_some() && now != before;
    model.seen &= !new;
    new
}

fn one(model: &mut Model, key: Key) -> Effects {
    match key {
        Key::F(2) | Key::Ctrl('l') => return vec![Effect::Redraw],
        Key::Ctrl('z') => return vec![Effect::Suspend],
        _ => {}
    }
    if small::is_small(model.size) {
        return if key == Key::F(10) { vec![Effect::Quit] } else { vec![] };
    }
    if model.asked.is_some() {
        return waiting(model, key);
    }
    let key = match key {
        Key::LineBreak | Key::Pasted(_) if is_guarded(model) => return pasted(model, key),
        Key::LineBreak => Key::Enter,
        Key::Pasted(c) => Key::Char(c),
        key => key,
    };
    if !model.seen && asks(model).is_some() && !matches!(key, Key::F(1 | 3 | 10) | Key::Esc) {
        return vec![];
    }
    if let Some(Layer::Status(_)) = model.top() {
        return to_status(model, status::Msg::Key(key));
    }
    let typing = model.top().is_some_and(Layer::is_typing);
    let popup = model.top().is_some_and(Layer::is_popup);
    match key {
        Key::F(1) => help(model),
        Key::F(3) | Key::Esc if !typing => back(model),
        Key::F(8) => image(model),
        Key::F(9) if !popup => vec![Effect::Shell],
        Key::F(10) => vec![Effect::Quit],
        _ => {
            let size = model.size;
            let step = model.stack.last_mut().map_or(Step::Bell, |layer| layer.key(key, size));
            apply(model, step)
        }
    }
}

/// Where Enter runs or confirms something, or takes what was typed: a line break that was pasted
/// must not.
fn is_guarded(model: &Model) -> bool {
    asks(model).is_some() || matches!(model.top(), Some(Layer::Form(_) | Layer::Edit(_)))
}

/// A line break that was pasted is not Enter, and the lines after it are not typed into the first
/// one's field.
fn pasted(model: &mut Model, key: Key) -> Effects {
    if key == Key::LineBreak
        && let Some(layer) = model.stack.last_mut()
    {
        layer.hint(texts::PASTED);
    }
    vec![Effect::Bell]
}

/// While an answer is waited for, F3 gives up and F10 leaves; everything else is for later.
fn waiting(model: &mut Model, key: Key) -> Effects {
    match (key, model.top()) {
        (Key::F(10), _) => vec![Effect::Quit],
        (Key::F(3) | Key::Esc | Key::Ctrl('c'), Some(Layer::Wait(wait))) => {
            let token = wait.token;
            model.asked = None;
            model.pending = None;
            model.ahead.clear();
            model.stack.pop();
            flow::drop_ghosts(model);
            vec![Effect::Cancel(token)]
        }
        // Whatever text came over it is read first.
        (Key::F(3) | Key::Esc | Key::Ctrl('c') | Key::Enter, Some(Layer::Text(_))) => {
            model.stack.pop();
            vec![]
        }
        _ => {
            model.ahead.push(key);
            vec![]
        }
    }
}

fn apply(model: &mut Model, step: Step) -> Effects {
    match step {
        Step::Stay => vec![],
        Step::Bell => vec![Effect::Bell],
        Step::Back => back(model),
        Step::Go(target) => flow::go(model, &target, Default::default()),
        Step::Commit => flow::commit(model),
        Step::List => flow::list_of_field(model),
        Step::Command => show_command(model),
        Step::Edit => {
            let edit = model
                .form()
                .and_then(|f| f.field().map(|field| Edit::new(field.clone(), f.values.get(f.at))));
            edit.map_or_else(
                || vec![Effect::Bell],
                |edit| flow::push(model, Layer::Edit(Box::new(edit))),
            )
        }
        Step::Chosen(numbers) => chosen(model, &numbers),
        Step::Edited(text) => {
            model.stack.pop();
            if let Some(form) = model.form() {
                form.fill(&text);
            }
            vec![]
        }
        Step::Read => read(model),
        Step::Reviewed(add) => flow::reviewed(model, &add),
    }
}

/// F3: one screen back; from the first one out.
fn back(model: &mut Model) -> Effects {
    let gone = model.stack.pop();
    if matches!(&gone, Some(Layer::Review(_)))
        || matches!(&gone, Some(Layer::Text(t)) if t.what == What::Sure)
    {
        model.pending = None;
    }
    flow::drop_ghosts(model);
    let mut effects = vec![];
    if matches!(gone, Some(Layer::Status(_))) {
        effects.push(Effect::Close);
    }
    if model.stack.is_empty() {
        effects.push(Effect::Quit);
    }
    effects
}

fn show_command(model: &mut Model) -> Effects {
    let line = match model.top() {
        Some(Layer::Review(review)) => Some(review.line().shown()),
        _ => flow::preview(model),
    };
    line.map_or_else(
        || vec![Effect::Bell],
        |line| flow::push(model, Layer::Text(Text::command(&line))),
    )
}

fn chosen(model: &mut Model, numbers: &[usize]) -> Effects {
    let Some(Layer::List(list, purpose)) = model.stack.pop() else { return vec![] };
    let values: Vec<String> = numbers
        .iter()
        .filter_map(|n| list.listing.entries.get(*n))
        .map(|e| e.value.clone())
        .collect();
    match purpose {
        For::Field => flow::chosen(model, &values),
        For::Themes => {
            if let Some(theme) =
                values.first().and_then(|name| model.themes.iter().find(|t| t.name == *name))
            {
                model.theme = theme.clone();
                return vec![Effect::Theme(theme.name.clone())];
            }
            vec![]
        }
        For::Jobs => {
            let Some(id) = values.first().and_then(|v| v.parse().ok()) else { return vec![] };
            // Who leaves the job comes back to the list.
            model.stack.push(Layer::List(list, purpose));
            model.asked = Some(crate::tui::model::Asked { token: 0, why: Why::Start });
            vec![Effect::Open(crate::job::Id(id))]
        }
    }
}

/// Enter on a text.
fn read(model: &mut Model) -> Effects {
    let Some(Layer::Text(text)) = model.top() else { return vec![] };
    match text.what {
        What::Sure => {
            model.stack.pop();
            flow::run(model)
        }
        What::Image => {
            model.stack.pop();
            vec![Effect::SaveImage(model.fastpath())]
        }
        _ => back(model),
    }
}

fn image(model: &mut Model) -> Effects {
    if matches!(model.top(), Some(Layer::Text(t)) if t.what == What::Image) {
        return vec![Effect::Bell];
    }
    let text = texts::image(model);
    flow::push(model, Layer::Text(Text::plain(What::Image, "PRINT SCREEN", &text)))
}

fn help(model: &mut Model) -> Effects {
    let Some(text) = texts::help(model) else { return vec![Effect::Bell] };
    flow::push(model, Layer::Text(text))
}

fn resized(model: &mut Model, width: u16, height: u16) -> Effects {
    model.size = (width, height);
    // Everything is painted anew, and may not have been there at all.
    model.seen = asks(model).is_none();
    for layer in &mut model.stack {
        layer.settle(model.size);
    }
    let mut effects = vec![];
    if !small::is_small(model.size) {
        effects.extend(to_status(model, status::Msg::Size { width, height }));
    }
    effects
}

/// A job's status is shown, or cannot be.
fn opened(model: &mut Model, status: Result<Box<status::Status>, Told>) -> Effects {
    model.asked = None;
    match status {
        Ok(status) => {
            if let Some(started) = &mut model.started
                && started.job == crate::job::Id(0)
            {
                started.job = status.job();
            }
            model.ahead.clear();
            let (width, height) = model.size;
            let mut effects = flow::push(model, Layer::Status(status));
            effects.extend(to_status(model, status::Msg::Size { width, height }));
            effects
        }
        Err(told) => {
            model.started = None;
            flow::drop_ghosts(model);
            flow::fail(model, told)
        }
    }
}

/// The last status of the stack is told something, and what it wishes is done.
fn to_status(model: &mut Model, msg: status::Msg) -> Effects {
    let found = model.stack.iter_mut().rev().find_map(|l| match l {
        Layer::Status(status) => Some(status),
        _ => None,
    });
    let Some(status) = found else { return vec![] };
    let before = status.ended();
    let wishes = status.update(msg);
    let (job, now) = (status.job(), status.ended());
    let mut effects = vec![];
    if let (None, Some(code), true) =
        (before, now, model.started.as_ref().is_some_and(|s| s.job == job))
    {
        effects
            .push(Effect::Record(Record::Ended { job: job.0, how: format!("exit code {code}") }));
    }
    for wish in wishes {
        effects.extend(granted(model, wish));
    }
    effects
}

fn granted(model: &mut Model, wish: Wish) -> Effects {
    match wish {
        Wish::Leave => leave(model),
        Wish::Help => help(model),
        Wish::Refresh => vec![Effect::Redraw],
        Wish::Image => image(model),
        Wish::Shell => vec![Effect::Shell],
        Wish::Exit => vec![Effect::Quit],
        Wish::ShowCommand(line) => flow::push(model, Layer::Text(Text::command(&line))),
        Wish::Stop(id) => vec![Effect::Stop(id)],
        Wish::Kill(id) => vec![Effect::Kill(id)],
        Wish::Continue => vec![Effect::Continue],
    }
}

/// F3 on a status: the job goes on if it runs; if it ended well, the dialog may want to be left
/// too.
fn leave(model: &mut Model) -> Effects {
    let Some(at) = model.stack.iter().rposition(|l| matches!(l, Layer::Status(_))) else {
        return vec![];
    };
    let code = match model.stack.get(at) {
        Some(Layer::Status(status)) => status.ended(),
        _ => None,
    };
    let goes_on = goes_on(model);
    model.stack.truncate(at);
    flow::ended(model, code);
    flow::drop_ghosts(model);
    let mut effects: Effects =
        goes_on.map(Effect::Record).into_iter().chain([Effect::Close]).collect();
    // Back in the list of jobs, as it is now.
    if matches!(model.top(), Some(Layer::List(_, For::Jobs))) {
        model.stack.pop();
        model.asked = Some(crate::tui::model::Asked { token: 0, why: Why::Jobs });
        effects.push(Effect::Jobs);
    }
    if model.stack.is_empty() {
        effects.push(Effect::Quit);
    }
    effects
}

/// For the log, when the job of this session whose status is shown runs while that is left.
pub fn goes_on(model: &Model) -> Option<Record> {
    let job = model.started.as_ref()?.job;
    let runs = |l: &Layer| matches!(l, Layer::Status(status) if status.job() == job && status.ended().is_none());
    model.stack.iter().any(runs).then_some(Record::GoesOn { job: job.0 })
}

/// A shell or a command that had the terminal has ended.
fn returned(model: &mut Model, code: Result<i32, Told>) -> Effects {
    let command = model.asked.take_if(|a| matches!(a.why, Why::Start)).is_some();
    let mut effects = vec![Effect::Redraw];
    match code {
        Err(told) => {
            model.started = None;
            flow::drop_ghosts(model);
            effects.extend(flow::fail(model, told));
        }
        Ok(code) if command => {
            effects
                .push(Effect::Record(Record::Ended { job: 0, how: format!("exit code {code}") }));
            flow::ended(model, Some(code));
            flow::drop_ghosts(model);
            if code != 0 {
                effects.extend(flow::fail(
                    model,
                    Told::new(format!("The command failed with exit code {code}."), ""),
                ));
            }
        }
        Ok(_) => {}
    }
    effects
}
