//! Choosing a field's value: by number from its list or ring, or by typing it.

use std::io::Write;

use anyhow::Result;

use crate::menu::lists::{self, Listing};
use crate::menu::model::{Field, Kind, Many, Take};
use crate::menu::rules;
use crate::menu::values::{Context, Values};
use crate::tui::ask::Query;
use crate::tui::plain::session::{Answer, Edited, Plain, answer};

impl<W: Write> Plain<'_, W> {
    /// Asks for field number `n`.
    pub(super) fn edit(
        &mut self,
        fields: &[Field],
        values: &mut Values,
        n: usize,
        context: &Context,
        screen: &str,
    ) -> Edited {
        let field = &fields[n];
        if field.kind == Kind::Heading {
            return Edited::Answered;
        }
        let chosen_only = matches!(field.kind, Kind::List | Kind::Ring);
        if chosen_only || field.list.is_some() && values.get(n).is_empty() {
            return self.choose(fields, values, n, context);
        }
        loop {
            let now = if field.kind == Kind::Password { "" } else { values.get(n) };
            let more =
                if field.list.is_some() || !field.choices.is_empty() { ", l list" } else { "" };
            let shown = if now.is_empty() { String::new() } else { format!(" [{now}]") };
            let prompt = format!(
                "{}{shown} (Enter keeps it, `-` alone empties it, ? help{more}, b back, q quit):",
                field.title()
            );
            let Some(typed) = self.talk.ask_raw(&prompt) else { return Edited::Quit };
            match (typed.trim(), answer(typed.trim())) {
                ("-", _) => values.set(n, ""),
                ("l", _) if !more.is_empty() => return self.choose(fields, values, n, context),
                (_, Answer::Nothing) => {}
                (_, Answer::Back) => return Edited::Back,
                (_, Answer::Quit) => return Edited::Quit,
                (_, Answer::Help(_)) => {
                    self.talk.say(if field.help.is_empty() { screen } else { &field.help });
                    continue;
                }
                _ => {
                    let typed = if field.kind == Kind::Raw || field.kind == Kind::Password {
                        &typed
                    } else {
                        typed.trim()
                    };
                    if let Some(c) = typed.chars().find(|c| !rules::accepts_char(field.kind, *c)) {
                        self.talk
                            .say(&format!("The character `{c}` cannot be part of this value."));
                        continue;
                    }
                    values.set(n, typed);
                }
            }
            return Edited::Answered;
        }
    }

    /// The choices of field number `n`, from its command or from the file.
    fn listing(
        &mut self,
        fields: &[Field],
        values: &Values,
        n: usize,
        context: &Context,
    ) -> Result<Option<Listing>> {
        let field = &fields[n];
        // Fixed choices stand before those that the command finds.
        let mut listing = lists::list_choices(&field.choices);
        if let Some(list) = field.list.as_ref().filter(|_| !self.run.nothing) {
            let all = values.context(fields, context);
            let query = Query::for_command(&list.command, &all, fields);
            let Some(text) = self.question(query, list.timeout)? else { return Ok(None) };
            let found = lists::parse(&text, list);
            listing.heading = found.heading;
            listing.entries.extend(found.entries);
        }
        Ok(Some(listing))
    }

    /// F4: the numbered choices.
    pub(super) fn choose(
        &mut self,
        fields: &[Field],
        values: &mut Values,
        n: usize,
        context: &Context,
    ) -> Edited {
        let field = &fields[n];
        let listing = match self.listing(fields, values, n, context) {
            Ok(Some(listing)) => listing,
            Ok(None) => return Edited::Back,
            Err(err) => {
                self.tell_error(&err);
                return Edited::Back;
            }
        };
        self.talk.line("");
        self.talk.say(&field.title());
        self.show(&listing);
        let open: Vec<&str> =
            listing.entries.iter().filter(|e| !e.refused).map(|e| e.value.as_str()).collect();
        if open.is_empty() {
            self.tell(if field.list.as_ref().is_some_and(|l| l.take == Take::Range) {
                "These are for information; type the value."
            } else {
                "Nothing can be chosen here now."
            });
            return Edited::Back;
        }
        let many = field.many != Many::One;
        let prompt = if many {
            "Numbers, with blanks between them (Enter keeps what is there, ? help, b back, q quit):"
        } else {
            "Number (Enter keeps what is there, ? help, b back, q quit):"
        };
        loop {
            let Some(word) = self.talk.ask(prompt) else { return Edited::Quit };
            match answer(&word) {
                Answer::Nothing => return Edited::Answered,
                Answer::Back => return Edited::Back,
                Answer::Quit => return Edited::Quit,
                Answer::Help(_) => {
                    self.talk.say(&field.help);
                    continue;
                }
                Answer::Number(_) | Answer::Other => {}
            }
            let numbers: Vec<Option<&str>> = word
                .split([' ', ','])
                .filter(|w| !w.is_empty())
                .map(|w| w.parse::<usize>().ok().and_then(|i| open.get(i.wrapping_sub(1)).copied()))
                .collect();
            let chosen: Option<Vec<String>> =
                numbers.iter().map(|v| v.map(str::to_owned)).collect();
            match chosen {
                Some(chosen) if many || chosen.len() == 1 => {
                    values.set(n, Values::joined(field, &chosen));
                    return Edited::Answered;
                }
                Some(_) => self.talk.say("Only one can be chosen."),
                None => {
                    self.talk.say(&format!("Type the number of a line, from 1 to {}.", open.len()))
                }
            }
        }
    }

    fn show(&mut self, listing: &Listing) {
        if let Some(heading) = &listing.heading {
            heading.lines().for_each(|l| self.talk.line(&format!("      {l}")));
        }
        let mut number = 0;
        for entry in &listing.entries {
            if entry.refused {
                self.talk.line(&format!("   -  {}", entry.line));
            } else {
                number += 1;
                self.talk.line(&format!("{number:>4}  {}", entry.line));
            }
            entry.notes.iter().for_each(|note| self.talk.item("        ", note));
        }
    }
}
