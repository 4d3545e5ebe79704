//! Menus and selectors, and the way from panel to panel.

use std::io::{BufRead, Write};

use anyhow::Result;

use crate::menu::discover;
use crate::menu::model::{
    Builtin, Field, Item, Menu, Next, Required, Screen, Selector, Set, Target,
};
use crate::menu::rules;
use crate::menu::values::{Context, Values};
use crate::tui::ask::Query;
use crate::tui::plain::session::{Answer, Edited, Leave, Plain, answer};
use crate::tui::texts;

/// Most selectors and dialogs in a row: a chain of classify commands may lead in circles.
const MAX_DEPTH: usize = 50;

impl<W: Write> Plain<'_, W> {
    /// From `fastpath` on until the user leaves; `live`: `input` is a terminal.
    ///
    /// # Errors
    /// ALT-902 or ALT-903 if this panel cannot be opened.
    pub fn start(
        &mut self,
        fastpath: &str,
        input: impl BufRead + Send + 'static,
        live: bool,
    ) -> Result<()> {
        let id = self.set.open(fastpath)?.id().to_owned();
        self.talk.listen(input, live)?;
        self.jobs_that_run();
        self.screen(&id, &Context::new());
        Ok(())
    }

    fn screen(&mut self, id: &str, context: &Context) -> Leave {
        let set = self.set;
        if self.depth >= MAX_DEPTH {
            self.talk.say("These panels lead in circles.");
            return Leave::Menu;
        }
        self.depth += 1;
        self.stays = false;
        let leave = match set.find(id) {
            Some(Screen::Menu(menu)) => self.menu(menu),
            Some(Screen::Selector(selector)) => self.selector(selector, context),
            Some(Screen::Dialog(dialog)) => self.dialog(dialog, context),
            None => {
                self.talk.say(&format!("There is no panel `{id}`."));
                Leave::Back
            }
        };
        self.depth -= 1;
        leave
    }

    fn target(&mut self, target: &Target, context: &Context) -> Leave {
        match target {
            Target::Screen(id) => self.screen(id, context),
            Target::Builtin(Builtin::Jobs) => self.jobs(),
            Target::Builtin(Builtin::Themes) => {
                self.tell("Themes need a terminal with a screen: start altdisk there without --plain, or with --theme.");
                Leave::Back
            }
            Target::Builtin(Builtin::Keys) => {
                self.tell(KEYS);
                Leave::Back
            }
            Target::Builtin(Builtin::About) => {
                texts::about().iter().for_each(|(text, _)| self.tell(text));
                Leave::Back
            }
        }
    }

    fn menu(&mut self, menu: &Menu) -> Leave {
        let choices: Vec<&Item> = menu.items.iter().filter(|i| i.goto.is_some()).collect();
        loop {
            if self.shows_panel() {
                self.show_menu(menu);
            }
            let Some(word) = self.talk.ask("Number (? help, ?N help on N, b back, q quit):") else {
                return Leave::Quit;
            };
            match answer(&word) {
                Answer::Back => return Leave::Back,
                Answer::Quit => return Leave::Quit,
                Answer::Help(None) => self.tell(&menu.help),
                Answer::Help(Some(n)) => match choices.get(n.wrapping_sub(1)) {
                    Some(item) => self.tell(item_help(self.set, item)),
                    None => self.tell(&format!("There is no line {n}.")),
                },
                Answer::Number(n) => {
                    match choices.get(n.wrapping_sub(1)).and_then(|i| i.goto.as_ref()) {
                        Some(goto) => {
                            if self.target(goto, &Context::new()) == Leave::Quit {
                                return Leave::Quit;
                            }
                        }
                        None => self.tell(&format!(
                            "There is no line {n}; the lines are 1 to {}.",
                            choices.len()
                        )),
                    }
                }
                Answer::Nothing => {}
                Answer::Other => self.tell(&format!(
                    "`{word}` is not a number: type the number of a line, from 1 to {}.",
                    choices.len()
                )),
            }
        }
    }

    fn show_menu(&mut self, menu: &Menu) {
        self.talk.title(&menu.title);
        let mut number = 0;
        for item in &menu.items {
            if item.goto.is_some() {
                number += 1;
                self.talk.item(&format!("{number:>4}  "), &item.text);
            } else {
                self.talk.item("      ", &item.text);
            }
        }
    }

    fn selector(&mut self, selector: &Selector, context: &Context) -> Leave {
        // A selector without an answer leads nowhere.
        let fields = [Field { required: Required::Filled, ..selector.field.clone() }];
        let mut values = Values::for_fields(&fields, context);
        if selector.ghost && selector.field.list.is_none() && selector.field.choices.is_empty() {
            return self.follow_answer(selector, &values, context);
        }
        loop {
            self.talk.title(&selector.title);
            match self.edit(&fields, &mut values, 0, context, &selector.help) {
                Edited::Back => return Leave::Back,
                Edited::Quit => return Leave::Quit,
                Edited::Answered => {}
            }
            if let Some(no) = rules::validate_fields(&fields, &values) {
                self.talk.say(&no.message);
            } else {
                match self.follow_answer(selector, &values, context) {
                    Leave::Back => {}
                    leave => return leave,
                }
            }
            match self.talk.ask("Enter to choose again (b back, q quit):").as_deref().map(answer) {
                None | Some(Answer::Quit) => return Leave::Quit,
                Some(Answer::Back) => return Leave::Back,
                _ => {}
            }
        }
    }

    /// The screen that the answer leads to.
    fn follow_answer(&mut self, selector: &Selector, values: &Values, context: &Context) -> Leave {
        match self.next(selector, values, context) {
            Ok(Some((target, context))) => self.target(&target, &context),
            Ok(None) => Leave::Back,
            Err(err) => {
                self.talk.error(&err);
                Leave::Back
            }
        }
    }

    /// What follows the answer; None if the user gave up waiting.
    fn next(
        &mut self,
        selector: &Selector,
        values: &Values,
        context: &Context,
    ) -> Result<Option<(Target, Context)>> {
        let fields = std::slice::from_ref(&selector.field);
        let mut context = values.context(fields, context);
        let real = values.real(0, &selector.field).join(" ");
        let mut classified = None;
        if let Next::Classified { command, timeout, .. } = &selector.next {
            if self.run.nothing {
                self.talk.say("Not asked (-X): which panel follows is not known.");
                return Ok(None);
            }
            let query = Query::for_command(command, &context, fields);
            match self.question(query, *timeout)? {
                Some(text) => classified = Some(discover::classified(&text)?),
                None => return Ok(None),
            }
        }
        let target = self.set.screen_after(selector, &real, classified, &mut context)?;
        Ok(Some((target, context)))
    }
}

fn item_help<'s>(set: &'s Set, item: &'s Item) -> &'s str {
    match &item.goto {
        Some(Target::Screen(id)) if item.help.is_empty() => set.find(id).map_or("", |s| s.help()),
        _ => &item.help,
    }
}

const KEYS: &str = "Here everything is typed as a line and ended with Enter.

  1, 2, 3 ...   the line with this number
  ?             help; ?2 is help on line 2
  b             back to the panel before
  q             leave altdisk; a running job continues
  Enter         show the panel again

In a form:

  go            run the command
  l2            the list of choices for line 2
  r2            reset line 2 to its first value
  c             show the command that `go` would run

While a job runs, Enter leaves it running, and `s` stops it.";
