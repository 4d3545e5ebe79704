//! The keys of the screen.

use anyhow::Result;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::job::log::Hit;
use crate::tui::screens::Insertion;
use crate::tui::status::layout::Layout;
use crate::tui::status::model::{Action, Focus, Overlay, Status};
use crate::tui::status::words;
use crate::tui::status::work::{Entry, WorkStatus};
use crate::tui::{find, keys};

impl Status {
    pub(super) fn handle_key(&mut self, key: KeyEvent) -> Vec<Action> {
        match self.overlay.take() {
            Some(Overlay::Find(input)) => self.find_key(input, key),
            Some(Overlay::Stop(force)) => self.stop_key(force, key),
            None => {
                self.message.clear();
                self.screen_key(key)
            }
        }
    }

    fn screen_key(&mut self, key: KeyEvent) -> Vec<Action> {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let action = match key.code {
            KeyCode::Esc if self.pane.searching() => {
                self.pane.stop_searching();
                return vec![];
            }
            KeyCode::F(1) => Action::Help,
            KeyCode::F(2) => Action::Refresh,
            KeyCode::Char('l') if ctrl => Action::Refresh,
            KeyCode::F(3) | KeyCode::Esc => Action::Leave,
            KeyCode::F(6) => Action::ShowCommand(self.job.spec.command()),
            KeyCode::F(8) => Action::Image,
            KeyCode::F(9) => Action::Shell,
            KeyCode::F(10) => Action::Exit,
            KeyCode::Char('c') if ctrl => {
                if self.stoppable() {
                    self.overlay = Some(Overlay::Stop(self.asked_to_stop));
                }
                return vec![];
            }
            // No other key with Ctrl means anything.
            KeyCode::Char(_) if ctrl => return vec![],
            KeyCode::Char('/') => {
                self.overlay = Some(Overlay::Find(tui_input::Input::default()));
                return vec![];
            }
            KeyCode::Char('n' | 'N') => return self.find_next(key.code == KeyCode::Char('n')),
            KeyCode::Tab | KeyCode::BackTab if self.work.has_steps() => {
                self.focus = if self.focus == Focus::Log { Focus::Steps } else { Focus::Log };
                let placed = self.place();
                self.show_error(placed);
                return vec![];
            }
            code => {
                let moved = if self.focus == Focus::Steps && self.steps_key(code) {
                    Ok(())
                } else {
                    self.log_key(code)
                };
                self.show_error(moved);
                return vec![];
            }
        };
        vec![action]
    }

    fn log_key(&mut self, code: KeyCode) -> Result<()> {
        let page = self.pane.page();
        match code {
            KeyCode::Up => self.pane.up(1),
            KeyCode::Down => self.pane.down(1),
            KeyCode::PageUp => self.pane.up(page),
            KeyCode::PageDown | KeyCode::Char(' ') => self.pane.down(page),
            KeyCode::Home => self.pane.home(),
            KeyCode::End => self.pane.end(),
            KeyCode::Left => self.pane.side(false),
            KeyCode::Right => self.pane.side(true),
            KeyCode::Char('f') => {
                self.pane.filter_next()?;
                self.place()?;
                self.message = format!("Shown: {}.", self.pane.filter.name());
                Ok(())
            }
            KeyCode::Char('w') => {
                self.pane.toggle_wrap()?;
                self.message = if self.pane.wrap {
                    "Long lines are wrapped."
                } else {
                    "Long lines are cut: Left and Right move."
                }
                .to_owned();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Moves the list of steps; whether that is what the key does.
    fn steps_key(&mut self, code: KeyCode) -> bool {
        let rows = usize::from(Layout::for_status(self).steps.height);
        let last = self.work.list().len().saturating_sub(rows);
        let (top, page) = (self.first_step(rows), rows.saturating_sub(1).max(1));
        self.steps_top = match code {
            KeyCode::Up => Some(top.saturating_sub(1)),
            KeyCode::Down => Some((top + 1).min(last)),
            KeyCode::PageUp => Some(top.saturating_sub(page)),
            KeyCode::PageDown | KeyCode::Char(' ') => Some((top + page).min(last)),
            KeyCode::Home => Some(0),
            // There it goes on with the work.
            KeyCode::End => None,
            _ => return false,
        };
        true
    }

    /// The first entry of the list that is shown in `rows` rows.
    pub(super) fn first_step(&self, rows: usize) -> usize {
        let list = self.work.list();
        let last = list.len().saturating_sub(rows);
        self.steps_top
            .unwrap_or_else(|| {
                // Where the work is stands in the middle; at the end of all the end is seen.
                let at = list.iter().rposition(|e| matches!(e, Entry::Step(s) if matches!(s.status, WorkStatus::Running | WorkStatus::Failed)));
                let done = list.iter().rposition(|e| e.status() != WorkStatus::Waiting).unwrap_or(0);
                at.unwrap_or(done).saturating_sub(rows / 2)
            })
            .min(last)
    }

    fn find_key(&mut self, mut input: tui_input::Input, key: KeyEvent) -> Vec<Action> {
        use tui_input::InputRequest as Do;
        let request = match key.code {
            KeyCode::Enter => {
                let text = input.value().to_owned();
                if !text.is_empty() {
                    self.pane.find_new(&text);
                } else if !self.pane.needle.is_empty() {
                    self.pane.find(true);
                }
                return self.continue_search();
            }
            KeyCode::F(3) | KeyCode::Esc => return vec![],
            _ if key == keys::ctrl('c') => return vec![],
            KeyCode::F(10) => return vec![Action::Exit],
            KeyCode::Home => Some(Do::GoToStart),
            KeyCode::End => Some(Do::GoToEnd),
            _ => find::edit(key),
        };
        if let Some(request) = request {
            input.handle(request);
        }
        self.overlay = Some(Overlay::Find(input));
        vec![]
    }

    fn find_next(&mut self, forward: bool) -> Vec<Action> {
        if self.pane.needle.is_empty() {
            self.message = "Nothing has been searched for yet: / starts a search.".to_owned();
            return vec![];
        }
        self.pane.find(forward);
        self.continue_search()
    }

    pub(super) fn continue_search(&mut self) -> Vec<Action> {
        if !self.pane.searching() {
            return vec![];
        }
        self.focus = if Layout::for_status(self).wide { self.focus } else { Focus::Log };
        match self.pane.go_on() {
            Ok(Hit::NotYet) => {
                self.message = "Searching ... (Esc Esc ends it)".to_owned();
                return vec![Action::Continue];
            }
            Ok(Hit::No) => self.message = format!("`{}` was not found.", self.pane.needle),
            Ok(Hit::Line(_)) => self.message.clear(),
            Err(e) => self.show_error(Err(e)),
        }
        vec![]
    }

    fn stop_key(&mut self, force: bool, key: KeyEvent) -> Vec<Action> {
        match key.code {
            KeyCode::Enter if self.stoppable() => {
                self.asked_to_stop = true;
                self.message = words::asked(force);
                vec![if force { Action::Kill(self.job.id) } else { Action::Stop(self.job.id) }]
            }
            KeyCode::F(3) | KeyCode::Esc | KeyCode::Enter => vec![],
            KeyCode::F(10) => vec![Action::Exit],
            other => {
                self.overlay = Some(Overlay::Stop(force));
                if other == KeyCode::F(1) { vec![Action::Help] } else { vec![] }
            }
        }
    }

    /// Takes a line of pasted text into the text to find.
    pub fn insert_text(&mut self, text: &str) -> Insertion {
        match &mut self.overlay {
            Some(Overlay::Find(input)) => find::insert_line(input, text),
            _ => Insertion::NoField,
        }
    }
}
