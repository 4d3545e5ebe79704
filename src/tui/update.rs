//! What happens, applied to the model. Pure: what has to be done is returned as effects.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use crate::tui::flow;
use crate::tui::keys::ctrl;
use crate::tui::layer::{Layer, ListPurpose};
use crate::tui::lists;
use crate::tui::model::{Effect, Model, Msg, QuestionKind, UserMessage};
use crate::tui::record::Record;
use crate::tui::screens::edit::Edit;
use crate::tui::screens::small;
use crate::tui::screens::text::{Text, TextKind};
use crate::tui::screens::{Insertion, Outcome};
use crate::tui::status::{self, Action};
use crate::tui::texts;

type Effects = Vec<Effect>;

/// Applies one message.
pub fn update(model: &mut Model, msg: Msg) -> Effects {
    let before = asks(model);
    let mut effects = match msg {
        Msg::Input(events) => handle_input(model, events),
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
                Ok(jobs) => {
                    flow::push(model, Layer::List(lists::job_list(&jobs, now), ListPurpose::Jobs))
                }
                Err(told) => flow::fail(model, told),
            }
        }
        Msg::Themes(themes) => {
            model.themes = themes;
            let list = lists::theme_list(model);
            flow::push(model, Layer::List(list, ListPurpose::Themes))
        }
        Msg::Opened(status) => opened(model, status),
        Msg::Status(msg) => to_status(model, msg),
        Msg::Saved(files) => match files {
            Ok(files) => flow::push(
                model,
                Layer::Text(Text::plain(TextKind::Note, "PRINT SCREEN", &texts::saved(&files))),
            ),
            Err(told) => flow::fail(model, told),
        },
        Msg::Returned(code) => returned(model, code),
        // Over what is waited for it would be covered, and take keys that are meant for what comes.
        Msg::Tell(told) if model.asked.is_some() => {
            model.deferred.push(told);
            vec![]
        }
        Msg::Tell(told) => flow::fail(model, told),
    };
    note(model, before);
    if model.asked.is_none() && !model.deferred.is_empty() {
        for told in std::mem::take(&mut model.deferred) {
            effects.extend(flow::fail(model, told));
        }
    }
    if model.asked.is_none() && !model.ahead.is_empty() {
        let ahead = std::mem::take(&mut model.ahead);
        effects.extend(handle_input(model, ahead));
    }
    if model.stack.is_empty() && !effects.contains(&Effect::Quit) {
        effects.push(Effect::Quit);
    }
    effects
}

fn handle_input(model: &mut Model, events: Vec<Event>) -> Effects {
    let mut effects = vec![];
    for event in events {
        let (depth, before) = (model.stack.len(), asks(model));
        effects.extend(match event {
            Event::Key(key) => handle_key(model, key),
            Event::Paste(text) => handle_paste(model, &text),
            _ => vec![],
        });
        let size = model.size;
        if let Some(layer) = model.stack.last_mut() {
            layer.settle(size);
        }
        // What is typed ahead must not answer a question that its typer has not seen, nor close an
        // error.
        let error = matches!(model.top(), Some(Layer::Text(t)) if t.kind == TextKind::Error);
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
        Layer::Text(text) if text.kind == TextKind::Sure => Question::Sure,
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

fn handle_key(model: &mut Model, key: KeyEvent) -> Effects {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::F(2) => return vec![Effect::Redraw],
        KeyCode::Char('l') if ctrl => return vec![Effect::Redraw],
        KeyCode::Char('z') if ctrl => return vec![Effect::Suspend],
        _ => {}
    }
    if small::is_small(model.size) {
        return if key.code == KeyCode::F(10) { vec![Effect::Quit] } else { vec![] };
    }
    if model.asked.is_some() {
        return waiting(model, key);
    }
    if !model.seen
        && asks(model).is_some()
        && !matches!(key.code, KeyCode::F(1 | 3 | 10) | KeyCode::Esc)
    {
        return vec![];
    }
    if let Some(Layer::Status(_)) = model.top() {
        return to_status(model, status::Msg::Key(key));
    }
    let typing = model.top().is_some_and(Layer::is_typing);
    let popup = model.top().is_some_and(Layer::is_popup);
    match key.code {
        KeyCode::F(1) => help(model),
        KeyCode::F(3) | KeyCode::Esc if !typing => back(model),
        KeyCode::F(8) => image(model),
        KeyCode::F(9) if !popup => vec![Effect::Shell],
        KeyCode::F(10) => vec![Effect::Quit],
        _ => {
            let size = model.size;
            let step = model.stack.last_mut().map_or(Outcome::Bell, |layer| layer.key(key, size));
            apply(model, step)
        }
    }
}

/// A paste is text for one line of a field. A line break in it is never Enter, and several lines
/// are refused as a whole.
fn handle_paste(model: &mut Model, text: &str) -> Effects {
    if small::is_small(model.size) || model.asked.is_some() {
        return vec![Effect::Bell];
    }
    if !model.seen && asks(model).is_some() {
        return vec![];
    }
    let Some(layer) = model.stack.last_mut() else { return vec![] };
    let line = text.trim_end_matches('\n');
    let refusal = if line.is_empty() {
        Some(texts::PASTED_LINE_BREAK)
    } else if line.contains('\n') {
        Some(texts::PASTED_LINES)
    } else {
        match layer.insert_text(line) {
            Insertion::Done if line.len() < text.len() => Some(texts::PASTED_LINE_BREAK),
            Insertion::Done => None,
            // The screen itself shows why.
            Insertion::Refused => return vec![Effect::Bell],
            Insertion::NoField => Some(texts::PASTED_NOWHERE),
        }
    };
    let Some(refusal) = refusal else { return vec![] };
    layer.hint(refusal);
    vec![Effect::Bell]
}

/// While an answer is waited for, F3 gives up and F10 leaves; everything else is for later.
fn waiting(model: &mut Model, key: KeyEvent) -> Effects {
    let cancels = matches!(key.code, KeyCode::F(3) | KeyCode::Esc) || key == ctrl('c');
    match model.top() {
        _ if key.code == KeyCode::F(10) => vec![Effect::Quit],
        Some(Layer::Wait(wait)) if cancels => {
            let token = wait.token;
            model.asked = None;
            model.pending = None;
            model.ahead.clear();
            model.stack.pop();
            flow::drop_ghosts(model);
            vec![Effect::Cancel(token)]
        }
        // Whatever text came over it is read first.
        Some(Layer::Text(_)) if cancels || key.code == KeyCode::Enter => {
            model.stack.pop();
            vec![]
        }
        _ => {
            model.ahead.push(Event::Key(key));
            vec![]
        }
    }
}

fn apply(model: &mut Model, step: Outcome) -> Effects {
    match step {
        Outcome::Stay => vec![],
        Outcome::Bell => vec![Effect::Bell],
        Outcome::Back => back(model),
        Outcome::Go(target) => flow::open_target(model, &target, Default::default()),
        Outcome::Commit => flow::commit(model),
        Outcome::List => flow::list_of_field(model),
        Outcome::Command => show_command(model),
        Outcome::Edit => {
            let edit = model
                .form()
                .and_then(|f| f.field().map(|field| Edit::new(field.clone(), f.values.get(f.at))));
            edit.map_or_else(
                || vec![Effect::Bell],
                |edit| flow::push(model, Layer::Edit(Box::new(edit))),
            )
        }
        Outcome::Chosen(numbers) => chosen(model, &numbers),
        Outcome::Edited(text) => {
            model.stack.pop();
            if let Some(form) = model.form() {
                form.fill(&text);
            }
            vec![]
        }
        Outcome::Read => read(model),
        Outcome::Reviewed(add) => flow::reviewed(model, &add),
    }
}

/// F3: one screen back; from the first one out.
fn back(model: &mut Model) -> Effects {
    let gone = model.stack.pop();
    if matches!(&gone, Some(Layer::Review(_)))
        || matches!(&gone, Some(Layer::Text(t)) if t.kind == TextKind::Sure)
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
        ListPurpose::Field => flow::chosen(model, &values),
        ListPurpose::Themes => {
            if let Some(theme) =
                values.first().and_then(|name| model.themes.iter().find(|t| t.name == *name))
            {
                model.theme = theme.clone();
                return vec![Effect::Theme(theme.name.clone())];
            }
            vec![]
        }
        ListPurpose::Jobs => {
            let Some(id) = values.first().and_then(|v| v.parse().ok()) else { return vec![] };
            // Who leaves the job comes back to the list.
            model.stack.push(Layer::List(list, purpose));
            model.asked = Some(crate::tui::model::Asked { token: 0, kind: QuestionKind::Start });
            vec![Effect::Open(crate::job::Id(id))]
        }
    }
}

/// Enter on a text.
fn read(model: &mut Model) -> Effects {
    let Some(Layer::Text(text)) = model.top() else { return vec![] };
    match text.kind {
        TextKind::Sure => {
            model.stack.pop();
            flow::run_command(model)
        }
        TextKind::Image => {
            model.stack.pop();
            vec![Effect::SaveImage(model.fastpath())]
        }
        _ => back(model),
    }
}

fn image(model: &mut Model) -> Effects {
    if matches!(model.top(), Some(Layer::Text(t)) if t.kind == TextKind::Image) {
        return vec![Effect::Bell];
    }
    let text = texts::image(model);
    flow::push(model, Layer::Text(Text::plain(TextKind::Image, "PRINT SCREEN", &text)))
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
fn opened(model: &mut Model, status: Result<Box<status::Status>, UserMessage>) -> Effects {
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

/// Hands a message to the topmost status of the stack, and does what that asks for.
fn to_status(model: &mut Model, msg: status::Msg) -> Effects {
    let found = model.stack.iter_mut().rev().find_map(|l| match l {
        Layer::Status(status) => Some(status),
        _ => None,
    });
    let Some(status) = found else { return vec![] };
    let before = status.ended();
    let actions = status.update(msg);
    let (job, now) = (status.job(), status.ended());
    let mut effects = vec![];
    if let (None, Some(code), true) =
        (before, now, model.started.as_ref().is_some_and(|s| s.job == job))
    {
        effects
            .push(Effect::Record(Record::Ended { job: job.0, how: format!("exit code {code}") }));
    }
    for action in actions {
        effects.extend(apply_action(model, action));
    }
    effects
}

fn apply_action(model: &mut Model, action: Action) -> Effects {
    match action {
        Action::Leave => leave(model),
        Action::Help => help(model),
        Action::Refresh => vec![Effect::Redraw],
        Action::Image => image(model),
        Action::Shell => vec![Effect::Shell],
        Action::Exit => vec![Effect::Quit],
        Action::ShowCommand(line) => flow::push(model, Layer::Text(Text::command(&line))),
        Action::Stop(id) => vec![Effect::Stop(id)],
        Action::Kill(id) => vec![Effect::Kill(id)],
        Action::Continue => vec![Effect::Continue],
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
    if matches!(model.top(), Some(Layer::List(_, ListPurpose::Jobs))) {
        model.stack.pop();
        model.asked = Some(crate::tui::model::Asked { token: 0, kind: QuestionKind::Jobs });
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
fn returned(model: &mut Model, code: Result<i32, UserMessage>) -> Effects {
    let command = model.asked.take_if(|a| matches!(a.kind, QuestionKind::Start)).is_some();
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
                    UserMessage::new(format!("The command failed with exit code {code}."), ""),
                ));
            }
        }
        Ok(_) => {}
    }
    effects
}

#[cfg(test)]
mod tests;
