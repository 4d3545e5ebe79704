//! A form: its fields with numbers, changed one at a time, and `go`.

use std::io::Write;

use anyhow::Result;

use crate::menu::command::{self, Line};
use crate::menu::model::{Dialog, Kind, Mode, Required};
use crate::menu::values::{Context, Values};
use crate::menu::{discover, review, rules};
use crate::text::one_line;
use crate::tui::ask::{Query, REVIEW_TIMEOUT_SECS};
use crate::tui::plain::session::{Answer, Edited, Leave, Plain, answer};
use crate::tui::record::Record;

const HELP: &str = "Type the number of a line to change it, then `go` to run the command. Lines with * must be filled in; + says that there is a \
list of choices: l and the number shows it. ?N is help on line N, rN sets it back, c shows the command.";

impl<W: Write> Plain<'_, W> {
    pub(super) fn dialog(&mut self, dialog: &Dialog, context: &Context) -> Leave {
        (self.run.record)(Record::Screen {
            kind: "dialog",
            fastpath: dialog.id.clone(),
            title: one_line(&dialog.title),
        });
        let context = match self.discovered(dialog, context) {
            Ok(Some(context)) => context,
            Ok(None) => return Leave::Back,
            Err(err) => {
                self.tell_error(&err);
                return Leave::Back;
            }
        };
        let mut values = Values::new(dialog, &context);
        if dialog.ghost {
            return self.run_dialog(dialog, &mut values, &context);
        }
        loop {
            let shown = lines(dialog, &values);
            if self.shows_panel() {
                self.form(dialog, &values);
            }
            let prompt = "Number to change a line, `go` to run (? help, ?N, lN list, rN reset, c command, b back, q quit):";
            let Some(word) = self.talk.ask(prompt) else { return Leave::Quit };
            let line = |text: &str| {
                text.trim()
                    .parse::<usize>()
                    .ok()
                    .and_then(|n| shown.get(n.wrapping_sub(1)).copied())
            };
            match (answer(&word), word.as_str()) {
                (Answer::Back, _) => return Leave::Back,
                (Answer::Quit, _) => return Leave::Quit,
                (Answer::Nothing, _) => {}
                (_, "go" | "do") => match self.run_dialog(dialog, &mut values, &context) {
                    Leave::Back => {}
                    leave => return leave,
                },
                (_, "c") => {
                    let line = command::build_line(dialog, &values, &context).shown();
                    self.talk.line(&format!("  {line}"));
                    self.stays = true;
                }
                (Answer::Help(None), _) => {
                    self.tell(&dialog.help);
                    self.tell(HELP);
                }
                (Answer::Help(Some(n)), _) => match line(&n.to_string()) {
                    Some(n) => self.tell(&dialog.fields[n].help),
                    None => self.tell(&format!("There is no line {n}.")),
                },
                (Answer::Number(_), _) | (_, _) => {
                    let (list, reset) = (
                        word.strip_prefix('l').and_then(line),
                        word.strip_prefix('r').and_then(line),
                    );
                    let edited = match (line(&word), list, reset) {
                        (Some(n), ..) => {
                            self.edit(&dialog.fields, &mut values, n, &context, &dialog.help)
                        }
                        (None, Some(n), _) => self.choose(&dialog.fields, &mut values, n, &context),
                        (None, None, Some(n)) => {
                            values.reset(n);
                            Edited::Answered
                        }
                        _ => {
                            self.tell(&format!("`{word}` is none of these. Lines are 1 to {}; `go` runs the command.", shown.len()));
                            Edited::Answered
                        }
                    };
                    if edited == Edited::Quit {
                        return Leave::Quit;
                    }
                }
            }
        }
    }

    fn discovered(&mut self, dialog: &Dialog, context: &Context) -> Result<Option<Context>> {
        let mut all = context.clone();
        if let Some(command) = dialog.discover.as_ref().filter(|_| !self.run.nothing) {
            let query = Query::for_command(command, context, &[]);
            match self.question(query, dialog.timeout)? {
                Some(text) => all.extend(discover::parse(&text)?),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    /// Shows the form.
    fn form(&mut self, dialog: &Dialog, values: &Values) {
        self.talk.title(&dialog.title);
        let mut number = 0;
        for n in rules::visible(dialog, values) {
            let field = &dialog.fields[n];
            let indent = "  ".repeat(usize::from(field.indent));
            if field.kind == Kind::Heading {
                self.talk.item(&format!("       {indent}"), &one_line(&field.label));
                continue;
            }
            number += 1;
            let must = if field.required == Required::Filled { '*' } else { ' ' };
            let list = if field.list.is_some() || !field.choices.is_empty() { " +" } else { "" };
            let value = values.get(n);
            let value = match field.kind {
                Kind::Password if !value.is_empty() => command::HIDDEN.to_owned(),
                Kind::Ring | Kind::List if !value.is_empty() => value.to_owned(),
                _ => format!("[{value}]"),
            };
            self.talk.item(
                &format!("{number:>4} {must} {indent}"),
                &format!("{}: {value}{list}", one_line(&field.label)),
            );
        }
    }

    /// Enter in a form: refuse, review, ask, run.
    fn run_dialog(&mut self, dialog: &Dialog, values: &mut Values, context: &Context) -> Leave {
        if let Some(no) = rules::validate(dialog, values) {
            self.tell(&no.message);
            return Leave::Back;
        }
        if dialog.root && !self.run.root {
            self.tell(&format!(
                "{}: this needs root. Leave altdisk and start it as root, for example with sudo.",
                one_line(&dialog.title)
            ));
            return Leave::Back;
        }
        let line = command::build_line(dialog, values, context);
        let line = match self.reviewed(dialog, line) {
            Ok(Some(line)) => line,
            Ok(None) => {
                self.tell("Nothing was run.");
                return Leave::Back;
            }
            Err(err) => {
                self.tell_error(&err);
                self.tell("Nothing was run.");
                return Leave::Back;
            }
        };
        let Mode { how, back } = dialog.mode;
        let (leave, well) = self.execute(dialog, &line, how);
        if well {
            values.clear_after_success(&dialog.fields);
        }
        if leave == Leave::Back && back && well { Leave::Menu } else { leave }
    }

    /// What will happen is shown, words are typed, and somebody says yes; None if not.
    fn reviewed(&mut self, dialog: &Dialog, mut line: Line) -> Result<Option<Line>> {
        if self.run.dry || self.run.nothing {
            return Ok(Some(line));
        }
        let query = Query::for_review(dialog, &line);
        let reviewed = query.is_some();
        if let Some(query) = query {
            let Some(text) = self.question(query, REVIEW_TIMEOUT_SECS)? else { return Ok(None) };
            let review = review::parse(&text)?;
            self.talk.title(&review.title);
            review.text.iter().for_each(|l| self.talk.line(l));
            review.warnings.iter().for_each(|w| self.talk.item("Warning: ", w));
            for question in &review.questions {
                self.talk.say(&question.prompt);
                let typed =
                    self.talk.ask("Type it (anything else: nothing is run):").unwrap_or_default();
                if !question.takes(&typed) {
                    self.talk.say("That is not it.");
                    return Ok(None);
                }
                line = line.with_words(&question.add);
            }
        }
        if let Some(text) = &dialog.confirm {
            self.talk.title("ARE YOU SURE??");
            self.talk.say(text);
        }
        self.talk.say("The command:");
        let shown = line.shown();
        self.talk.line(&format!("  {shown}"));
        if !reviewed && dialog.confirm.is_none() {
            return Ok(Some(line));
        }
        let typed = self.talk.ask("Type yes to run it:");
        Ok(typed.is_some_and(|t| t == "yes").then_some(line))
    }
}

/// The field of each numbered line.
fn lines(dialog: &Dialog, values: &Values) -> Vec<usize> {
    let is_line = |n: &usize| dialog.fields[*n].kind != Kind::Heading;
    rules::visible(dialog, values).into_iter().filter(is_line).collect()
}
