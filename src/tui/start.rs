//! From the command line to the first screen: menus, terminal, theme, files to write to, and whether
//! a job runs already.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;

use crate::diagnostic::Diagnostic;
use crate::error;
use crate::host::own_file::Name;
use crate::host::trusted;
use crate::job;
use crate::menu::model::{Screen, Set, TOP};
use crate::menu::{load, own_program};
use crate::term::capabilities::Capabilities;
use crate::term::tty::Tty;
use crate::theme;
use crate::theme::choose::{Wanted, choose};
use crate::tui::channel::End;
use crate::tui::effect_runner::Paths;
use crate::tui::flow;
use crate::tui::keys::KeyNames;
use crate::tui::log_job;
use crate::tui::model::{Model, Msg, Options, RunMode, UserMessage};
use crate::tui::plain::{Plain, Run, Talk};
use crate::tui::record::{Record, SessionLogs};
use crate::tui::run;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub fastpath: Option<String>,
    /// `-m`, `-n`, `-d`: the kind that the fast path must have.
    pub kind: Option<char>,
    pub run_mode: RunMode,
    pub verbose: bool,
    pub trace: bool,
    pub log: Option<PathBuf>,
    pub script: Option<PathBuf>,
    pub theme: Option<String>,
    /// `-o` and `--menu-dir`.
    pub menu_dirs: Vec<PathBuf>,
    pub plain: bool,
    /// The command line itself, for the log.
    pub argv: String,
}

/// The fast paths of the panels that open by themselves, and their aliases.
///
/// # Errors
/// ALT-961 if a menu file has mistakes.
pub fn fastpaths(dirs: &[PathBuf]) -> Result<Vec<String>> {
    let set = menus(dirs)?;
    let open = |id: &&String| set.open(id).is_ok();
    Ok(set.screens.keys().chain(set.aliases.keys()).filter(open).cloned().collect())
}

/// The panels. A set with mistakes is refused: who relies on a panel must not find another one in
/// its place.
fn menus(extra: &[PathBuf]) -> Result<Set> {
    let mut set = load::load_all(&directories(extra))
        .map_err(|diagnostics| error::BAD_MENUS.with_cause(("", listed(&diagnostics))))?;
    own_program::resolve(&mut set);
    Ok(set)
}

/// The panels where no directory has any.
fn built_in_menus() -> Result<Set> {
    let mut set = load::built_in()?;
    own_program::resolve(&mut set);
    Ok(set)
}

/// The directories of the administrator's menu files.
fn directories(extra: &[PathBuf]) -> Vec<PathBuf> {
    std::iter::once(PathBuf::from(load::ETC)).chain(extra.iter().cloned()).collect()
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

/// Runs the interface: full screens, or the plain mode where the terminal is none, or it was asked
/// for.
///
/// # Errors
/// ALT-90x and ALT-96x for menus and fast paths, ALT-94x for the terminal.
pub fn start(start: &Start) -> Result<End> {
    let terminal = Capabilities::from_env();
    let lines = start.plain || terminal.dumb;
    // Half of the time to the first screen would go into panels that it does not show.
    let top = Some(directories(&start.menu_dirs)).filter(|_| !lines && start.fastpath.is_none());
    let (set, rest): (Set, Option<run::ReadMenus>) =
        match top.and_then(|dirs| load::top_menu(&dirs)) {
            Some(top) => (top, Some(built_in_menus)),
            None => (menus(&start.menu_dirs)?, None),
        };
    let path = start.fastpath.as_deref().unwrap_or(TOP);
    let kind = match set.open(path)? {
        Screen::Menu(_) => ('m', "menu"),
        Screen::Selector(_) => ('n', "selector"),
        Screen::Dialog(_) => ('d', "dialog"),
    };
    if start.kind.is_some_and(|k| k != kind.0) {
        return Err(error::WRONG_KIND.with_cause(format!("`{path}` is a {}", kind.1)));
    }
    let home = PathBuf::from(
        std::env::var_os("HOME").filter(|h| !h.is_empty()).unwrap_or_else(|| "/".into()),
    );
    let (log, script) = (
        start.log.clone().unwrap_or_else(|| home.join("smit.log")),
        start.script.clone().unwrap_or_else(|| home.join("smit.script")),
    );
    // What the user names may be a link or /dev/null; what has the default name in a HOME that may
    // be another's, may not.
    let name = |given: &Option<PathBuf>| if given.is_some() { Name::Given } else { Name::Default };
    let mut logs = SessionLogs::open((&log, name(&start.log)), (&script, name(&start.script)));
    let env = environment(start, &log, &script);
    if let Some(wrong) = logs.refused(start.log.is_some(), start.script.is_some()) {
        return Err(error::BAD_VALUE
            .with_remedy(wrong, "name a file that can be written, or leave -l and -s out"));
    }
    let _ = logs.record(&Record::Begin { argv: start.argv.clone() });
    if let Some(mut to) = logs.log() {
        log_job::catch_up(&log, &mut to);
    }
    if lines {
        return plain(start, &set, path, &mut logs, env);
    }
    screens(start, (set, rest), path, terminal, logs, home, env)
}

/// What programs that are run from here find in their environment, as SMIT's do.
fn environment(start: &Start, log: &Path, script: &Path) -> Vec<(String, String)> {
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    vec![
        ("_SMIT_LOG_FILE".into(), log.display().to_string()),
        ("_SMIT_SCRIPT_FILE".into(), script.display().to_string()),
        ("_SMIT_VERBOSE_FLAG".into(), flag(start.verbose)),
        ("_SMIT_TRACE_FLAG".into(), flag(start.trace)),
        ("_SMIT_DEBUG_FLAG".into(), flag(start.verbose && start.trace)),
    ]
}

fn plain(
    start: &Start,
    set: &Set,
    path: &str,
    logs: &mut SessionLogs,
    env: Vec<(String, String)>,
) -> Result<End> {
    use std::io::IsTerminal;
    let live = std::io::stdin().is_terminal();
    let ascii = !Capabilities { utf8: true, ..Capabilities::from_env() }
        .output_is_utf8(|v| std::env::var(v).ok());
    let mut record = |record: Record| {
        if record.is_of_a_job() {
            if let Some(mut log) = logs.log() {
                log_job::record(&record, logs.log_path(), &mut log);
            }
        } else if let Some(wrong) = logs.record(&record) {
            // Lines of text have no place of their own for this.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("What you do is not written down: {wrong}\n").as_bytes(),
            );
        }
    };
    let run = Run {
        env,
        root: nix::unistd::geteuid().is_root(),
        dry: start.run_mode == RunMode::Questions,
        nothing: start.run_mode == RunMode::Nothing,
        trace: start.trace,
        verbose: start.verbose,
        record: &mut record,
    };
    let mut plain = Plain::new(Talk::new(std::io::stdout(), 79, ascii), set, run);
    plain.start(path, std::io::BufReader::new(std::io::stdin()), live)?;
    let _ = logs.record(&Record::End);
    Ok(End::Left)
}

fn screens(
    start: &Start,
    (set, menus): (Set, Option<run::ReadMenus>),
    path: &str,
    terminal: Capabilities,
    logs: SessionLogs,
    home: PathBuf,
    env: Vec<(String, String)>,
) -> Result<End> {
    let utf8 = terminal.output_is_utf8(|v| std::env::var(v).ok());
    let tty = Tty::open(&terminal)?;
    let kept = kept_theme(&home);
    let wanted = Wanted {
        name: start.theme.clone().or_else(|| kept.as_deref().and_then(read_theme)),
        no_color: std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()),
        colors: terminal.colors,
        utf8,
        speed: Some(tty.speed()),
        dirs: vec![PathBuf::from(theme::load::ETC)],
    };
    let (theme, wrong) = choose(&wanted);
    let options = Options {
        run_mode: start.run_mode,
        root: nix::unistd::geteuid().is_root(),
        verbose: start.verbose,
        trace: start.trace,
        home: home.display().to_string(),
        menu_dirs: start
            .menu_dirs
            .iter()
            .map(|d| std::path::absolute(d).unwrap_or_else(|_| d.clone()).display().to_string())
            .collect(),
    };
    let key_names = if terminal.function_keys { KeyNames::Function } else { KeyNames::Escape };
    let mut model = Model::new(Rc::new(set), theme, key_names, options, tty.size());
    let running = running_job();
    if start.fastpath.is_some() {
        model.notice = running.map(|job| format!("Job {job} is running: `altdisk jobs` shows it."));
    }
    let effects = flow::open(&mut model, path, Default::default());
    let mut first = vec![];
    if !wrong.is_empty() {
        first
            .push(Msg::Tell(UserMessage::new(listed(&wrong), "A built-in theme is used instead.")));
    }
    let running = running.filter(|_| start.fastpath.is_none());
    let places = Paths { logs, home, theme: kept, wanted, env };
    let begin = run::Startup { effects, running, first, menus };
    run::run(model, begin, terminal, utf8, tty, places)
}

/// The newest job of this user that runs.
fn running_job() -> Option<job::Id> {
    let jobs = job::list().ok()?;
    jobs.into_iter().find(|j| j.state == job::State::Running).map(|j| j.id)
}

fn kept_theme(home: &Path) -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .unwrap_or_else(|| home.join(".config"));
    Some(config.join("altdisk/theme"))
}

fn read_theme(path: &Path) -> Option<String> {
    let text = trusted::read(path).ok()?;
    let name = text.lines().next()?.trim();
    (!name.is_empty() && name.len() < 100 && !name.contains('/')).then(|| name.to_owned())
}
