//! The loop: one channel, one thread that draws.
//!
//! The terminal's reader, signals, programs that answer and the job that is followed send into one
//! channel. Every message that waits is applied before one frame is painted, so that keys typed
//! ahead cost one repaint. While the line is still busy with what was sent, no frame is painted at
//! all, and what a job says is kept until a frame has gone out as a whole: a key is answered soon,
//! whatever the log does. Without a message the loop sleeps; it has a timer only while bytes are on
//! their way, or a question is young.

use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use ratatui::Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::job::follow::Batch;
use crate::menu::model::Set;
use crate::term::capabilities::Capabilities;
use crate::term::decode::Decoder;
use crate::term::input::{self, Input};
use crate::term::paint::Painter;
use crate::term::tty::Tty;
use crate::tui::canvas::Canvas;
use crate::tui::channel::{End, Event};
use crate::tui::effect_runner::{EffectRunner, Paths};
use crate::tui::keys::KeyNames;
use crate::tui::layer::Layer;
use crate::tui::model::{Effect, Model, Msg};
use crate::tui::status;
use crate::tui::update::{goes_on, update};
use crate::tui::view::{draw_frame, view};

/// How long a key may wait for its answer on a slow line.
const MAX_KEY_LATENCY: Duration = Duration::from_millis(200);
/// A question that has stood on the screen for less than this was not read: a key that bounces must
/// not answer it.
const MIN_QUESTION_TIME: Duration = Duration::from_millis(50);
/// So many batches are taken from the follower before it has to wait.
const MAX_QUEUED_BATCHES: usize = 64;

/// Reads the panels that are not needed for the first screen.
pub type ReadMenus = fn() -> Result<Set>;

/// What comes before the first frame, and right after it.
pub struct Startup {
    /// Of the first screen.
    pub effects: Vec<Effect>,
    /// A job that runs already: its status comes first.
    pub running: Option<crate::job::Id>,
    pub first: Vec<Msg>,
    /// Where the model has the top menu alone: how to read all of them once that is on the screen.
    pub menus: Option<ReadMenus>,
}

/// Runs the interface until the user leaves it; `places` says where things are written.
///
/// # Errors
/// ALT-94x if the terminal cannot be used.
pub fn run(
    model: Model,
    startup: Startup,
    capabilities: Capabilities,
    utf8: bool,
    tty: Tty,
    places: Paths,
) -> Result<End> {
    let (sender, receiver) = channel();
    let keys = sender.clone();
    // If nobody listens any more, the process is about to end. What shows no UTF-8 may well send
    // it: the emulator behind a vt220 is one of today. Only a locale that says otherwise counts.
    let decoder =
        Decoder::new(capabilities.keyboard, Capabilities::input_is_utf8(|v| std::env::var(v).ok()));
    let decoder = if capabilities.function_keys { decoder } else { decoder.wait_for_digit() };
    let reader = input::spawn(&tty, decoder, move |input| drop(keys.send(Event::Input(input))))?;
    let runner = EffectRunner::new(sender, places);
    let (width, height) = model.size;
    let Ok(terminal) = Terminal::new(Painter::new(capabilities, utf8, width, height));
    let mut app = App {
        model,
        tty,
        reader,
        terminal,
        runner,
        dirty: true,
        timers: vec![],
        kept: vec![],
        stands: None,
        end: None,
    };
    let opened = startup.running.map(Effect::Open);
    startup.effects.into_iter().chain(opened).for_each(|effect| app.perform(effect));
    startup.first.into_iter().for_each(|msg| app.apply(msg));
    app.run(&receiver, startup.menus)
}

/// Everything that the loop holds.
pub struct App {
    pub model: Model,
    pub tty: Tty,
    pub reader: input::Reader,
    pub terminal: Terminal<Painter>,
    runner: EffectRunner,
    dirty: bool,
    timers: Vec<(Instant, Msg)>,
    /// What the job on the screen has said since the frame that is being sent.
    kept: Vec<(u64, Batch)>,
    /// Since when the last frame has been on the screen as a whole.
    stands: Option<Instant>,
    pub end: Option<End>,
}

impl App {
    fn run(mut self, receiver: &Receiver<Event>, menus: Option<ReadMenus>) -> Result<End> {
        let mut wait = self.paint()?;
        if let Some(read) = menus {
            self.model.set = Rc::new(read()?);
        }
        loop {
            if let Some(end) = self.end {
                self.runner.finish(goes_on(&self.model).as_ref());
                if end == End::HungUp {
                    // Nothing can be restored where nothing is.
                    drop(self.tty);
                } else {
                    let goes_on = self.goes_on();
                    self.tty.close()?;
                    if let Some(text) = goes_on {
                        // Nobody is left to be told where standard output is closed.
                        let _ =
                            writeln!(std::io::stdout(), "{}", crate::text::wrap(&text, 79, 0, 0));
                    }
                }
                return Ok(end);
            }
            if let Some(event) = self.next(receiver, wait) {
                self.take(event);
                // Everything that waits, then one frame.
                while self.end.is_none()
                    && let Ok(event) = receiver.try_recv()
                {
                    self.take(event);
                }
            }
            self.due();
            self.hear();
            if self.end.is_none() {
                wait = self.paint()?;
            }
        }
    }

    /// What to tell who leaves while the job on the screen runs.
    fn goes_on(&self) -> Option<String> {
        let statuses = self.model.stack.iter().rev();
        statuses
            .filter_map(|l| if let Layer::Status(status) = l { status.leaving() } else { None })
            .next()
    }

    /// Sleeps until something happens.
    fn next(&self, receiver: &Receiver<Event>, line: Option<Duration>) -> Option<Event> {
        let timer =
            self.timers.iter().map(|(at, _)| at.saturating_duration_since(Instant::now())).min();
        match [line, timer].into_iter().flatten().min() {
            None => receiver.recv().ok(),
            Some(wait) => receiver.recv_timeout(wait).ok(),
        }
    }

    fn due(&mut self) {
        let now = Instant::now();
        while let Some(at) = self.timers.iter().position(|(at, _)| *at <= now) {
            let (_, msg) = self.timers.remove(at);
            self.apply(msg);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Msg(msg) => {
                if let Msg::Answer(token, _) = &msg {
                    self.runner.has_answered(*token);
                }
                self.apply(msg);
            }
            Event::Batch(number, batch) => {
                // Of a long log that exists already the next piece is wanted at once.
                if self.runner.follows(number)
                    && !batch.whole
                    && self.kept.len() < MAX_QUEUED_BATCHES
                {
                    self.runner.more();
                }
                self.kept.push((number, batch));
            }
            Event::Input(Input::Events(events)) => self.apply(Msg::Input(events)),
            // Where function keys are keys, Esc needs no attention.
            Event::Input(Input::EscapePending(waits))
                if self.model.key_names == KeyNames::Escape =>
            {
                self.apply(Msg::Escape(waits))
            }
            Event::Input(Input::EscapePending(_)) => {}
            Event::Input(Input::Resized) => self.resize(),
            Event::Input(Input::Continued) => match self.tty.resume() {
                Ok(()) => self.repaint(),
                Err(_) => self.end = Some(End::HungUp),
            },
            Event::Input(Input::Suspend) => self.perform(Effect::Suspend),
            Event::Input(Input::HangUp) => self.end = Some(End::HungUp),
            Event::Input(Input::Quit) => self.end = Some(End::Terminated),
        }
    }

    /// Whether the line has sent the last frame, and nothing new is to be painted.
    fn free(&self) -> bool {
        !self.dirty && self.terminal.backend().is_flushed() && self.tty.unsent() == 0
    }

    /// Applies what the job has said, when nothing else is on its way to the screen: what a key
    /// changed comes first.
    fn hear(&mut self) {
        if self.end.is_some() || self.kept.is_empty() || !self.free() || !self.model.seen {
            return;
        }
        for (number, batch) in std::mem::take(&mut self.kept) {
            if self.runner.follows(number) {
                self.apply(Msg::Status(status::Msg::Batch(batch)));
            }
        }
        self.runner.more();
    }

    /// Applies a message, carries out what follows from it, and so on until nothing follows.
    pub fn apply(&mut self, msg: Msg) {
        self.dirty = true;
        for effect in update(&mut self.model, msg) {
            self.perform(effect);
            if self.end.is_some() {
                return;
            }
        }
    }

    /// Carries out an effect; if that fails, the session ends as hung up.
    pub fn perform(&mut self, effect: Effect) {
        if self.perform_effect(effect).is_err() {
            // The terminal has vanished meanwhile.
            self.end = Some(End::HungUp);
        }
    }

    /// Applies `msg` after this time.
    pub fn later(&mut self, after: Duration, msg: Msg) {
        self.timers.push((Instant::now() + after, msg));
    }

    /// What carries out effects beside the screen.
    pub fn runner(&mut self) -> &mut EffectRunner {
        &mut self.runner
    }

    /// The size is asked again; what is on the screen is not known.
    pub fn repaint(&mut self) {
        self.terminal.backend_mut().invalidate();
        self.resize();
    }

    fn resize(&mut self) {
        let (width, height) = self.tty.size();
        if (width, height) != self.model.size {
            self.terminal.backend_mut().resize(width, height);
            self.apply(Msg::Size(width, height));
        }
        self.dirty = true;
    }

    /// What the model looks like now.
    pub fn drawn(&self) -> (Buffer, Option<(u16, u16)>) {
        let (width, height) = self.model.size;
        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
        let mut canvas = Canvas::new(&mut buf, &self.model.theme);
        view(&self.model, &mut canvas);
        let cursor = canvas.cursor;
        (buf, cursor)
    }

    /// Paints a frame if there is something new and the line is free; says when to look again.
    fn paint(&mut self) -> Result<Option<Duration>> {
        if let Some(busy) = self.tty.busy_for() {
            // What the line did not take goes on.
            self.tty.write(&[])?;
            return Ok(Some(busy));
        }
        if self.dirty || !self.terminal.backend().is_flushed() {
            if self.dirty {
                let Ok(_) = self.terminal.draw(|frame| draw_frame(&self.model, frame));
            }
            let budget = self.tty.byte_budget(MAX_KEY_LATENCY);
            let bytes = self.terminal.backend_mut().render_within(budget);
            self.tty.write(&bytes)?;
            if self.dirty || !bytes.is_empty() {
                self.stands = None;
            }
            self.dirty = false;
        }
        if !self.free() {
            return Ok(self.tty.busy_for().or(Some(Duration::from_millis(20))));
        }
        let stands = *self.stands.get_or_insert_with(Instant::now);
        if !self.model.seen {
            let left = MIN_QUESTION_TIME.saturating_sub(stands.elapsed());
            if !left.is_zero() {
                return Ok(Some(left));
            }
            self.model.seen = true;
        }
        // What was kept is painted now.
        Ok(if self.kept.is_empty() { None } else { Some(Duration::ZERO) })
    }
}
