//! Carries out the effects of an update. Beside the loop and the effect runner, no other file of the
//! screens touches the world.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use anyhow::Result;

use crate::error;
use crate::host::{clock, foreground, own_file, sys};
use crate::job;
use crate::theme::{self, Theme};
use crate::tui::channel::End;
use crate::tui::model::{Effect, Msg, UserMessage};
use crate::tui::record::Record;
use crate::tui::run::App;
use crate::tui::status;
use crate::tui::svg;

/// A question that is answered sooner shows no pop-up.
const WAIT_POPUP_DELAY: Duration = Duration::from_millis(300);

impl App {
    /// Carries out one effect.
    ///
    /// # Errors
    /// If the terminal has vanished.
    pub(super) fn perform_effect(&mut self, effect: Effect) -> Result<()> {
        let size = self.model.size;
        match effect {
            Effect::Ask { token, argv, shown, limit } => {
                self.runner().ask(token, argv, shown, limit)
            }
            Effect::Cancel(token) => drop(self.runner().asked.remove(&token)),
            Effect::Later(token) => self.later(WAIT_POPUP_DELAY, Msg::Slow(token)),
            Effect::Start { spec, still } => {
                let status = self
                    .runner()
                    .start(spec, size)
                    .map(|s| if still { Box::new(s.still()) } else { s });
                let status = status.map_err(|e| UserMessage::from(&e));
                self.apply(Msg::Opened(status));
            }
            Effect::Open(id) => {
                let status = self.runner().open(id, size).map_err(|e| UserMessage::from(&e));
                self.apply(Msg::Opened(status));
            }
            Effect::Close => {
                self.runner().close();
                self.runner().catch_up();
            }
            Effect::Jobs => {
                self.apply(Msg::Jobs(job::list().map_err(|e| UserMessage::from(&e)), sys::now().0))
            }
            Effect::Stop(id) => stopped(self, job::stop(id)),
            Effect::Kill(id) => stopped(self, job::kill(id)),
            Effect::Continue => self.runner().send(Msg::Status(status::Msg::Continue)),
            Effect::Shell => {
                let shell = std::env::var("SHELL")
                    .ok()
                    .filter(|s| !s.is_empty())
                    .unwrap_or_else(|| "/bin/sh".into());
                with_terminal(self, &[shell], Some("Type `exit` to return to altdisk."))?;
            }
            Effect::Inherit(argv) => with_terminal(self, &argv, None)?,
            Effect::Exec(argv) => {
                self.reader.pause();
                self.tty.suspend()?;
                let _ = self.runner().at.logs.record(&Record::End);
                let Err(failed) = foreground::replace(&argv, &self.runner().at.env.clone());
                self.tty.resume()?;
                self.reader.resume();
                self.apply(Msg::Returned(Err(UserMessage::from(&failed))));
            }
            Effect::SaveImage(fastpath) => {
                let saved = save(self, &fastpath).map_err(|e| UserMessage::from(&e));
                self.apply(Msg::Saved(saved));
            }
            Effect::Themes => {
                let themes = themes(self);
                self.apply(Msg::Themes(themes));
            }
            Effect::Theme(name) => save_theme(self, &name),
            Effect::Record(record) => write_down(self, &record),
            Effect::Redraw => self.repaint(),
            Effect::Suspend => {
                self.reader.pause();
                self.tty.stop_process()?;
                self.reader.resume();
                self.repaint();
            }
            Effect::Bell => self.tty.write(b"\x07")?,
            Effect::Quit => self.end = Some(End::Left),
        }
        Ok(())
    }
}

fn stopped(app: &mut App, asked: Result<()>) {
    if let Err(e) = asked {
        let told = UserMessage::from(&e);
        app.apply(Msg::Status(status::Msg::Tell(told.wrong)));
    }
}

/// Gives the terminal to a program; comes back when that ends. `shell`: what is said before it.
fn with_terminal(app: &mut App, argv: &[String], shell: Option<&str>) -> Result<()> {
    app.reader.pause();
    app.tty.suspend()?;
    // The terminal is in order now; if nobody sees what is said, nobody misses it.
    let say = |text: &str| drop(writeln!(std::io::stdout(), "{text}"));
    shell.into_iter().for_each(say);
    let env = app.runner().at.env.clone();
    let code = foreground::run(argv, &env).map_err(|e| UserMessage::from(&e));
    if let (None, Ok(1..)) = (shell, &code) {
        // What it said must be read before the screens cover it.
        say("Press Enter to return to altdisk.");
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    app.tty.resume()?;
    app.reader.resume();
    app.apply(Msg::Returned(code));
    Ok(())
}

/// F8: the screen as text and as a picture.
fn save(app: &mut App, fastpath: &str) -> Result<Vec<String>> {
    let (buf, cursor) = app.drawn();
    let name: String = fastpath
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' })
        .collect();
    let stamp: String = clock::stamp(sys::now().0)
        .chars()
        .map(|c| if c == ' ' { '-' } else { c })
        .filter(|c| *c != ':')
        .collect();
    let begin = if name.is_empty() || name == "altdisk" {
        "altdisk".to_owned()
    } else {
        format!("altdisk-{name}")
    };
    let mut files = vec![];
    for (end, content) in [("txt", svg::text(&buf)), ("svg", svg::svg(&buf, cursor))] {
        let path = app.runner().at.home.join(format!("{begin}-{stamp}.{end}"));
        let write = || {
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?
                .write_all(content.as_bytes())
        };
        write().map_err(|e: std::io::Error| error::NO_IMAGE.with_path(&path, &e))?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

/// Keeps the chosen theme for the next time. A failure is not worth a message.
fn save_theme(app: &mut App, name: &str) {
    if let Some(path) = app.runner().at.theme.clone() {
        let _ = own_file::replace(&path, format!("{name}\n").as_bytes());
    }
}

fn write_down(app: &mut App, record: &Record) {
    if record.is_of_a_job() {
        return app.runner().write_job(record.clone());
    }
    if let Some(wrong) = app.runner().at.logs.record(record) {
        let remedy =
            "altdisk continues without it. -l and -s name other files for the log and the script.";
        let told = UserMessage::new(format!("What you do is not written down: {wrong}"), remedy);
        app.apply(Msg::Tell(told));
    }
}

/// The themes, as this terminal can show them.
fn themes(app: &mut App) -> Vec<Theme> {
    let wanted = app.runner().at.wanted.clone();
    let (themes, _) = theme::load::all(&wanted.dirs);
    themes.into_iter().map(|t| theme::choose::fitted(t, &wanted)).collect()
}
