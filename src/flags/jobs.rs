//! The flags of `altdisk jobs`.

use super::common::HELP;
use super::model::{Command, EMPTY, FLAGS_ONLY, Flag, Form, Forms, ValueKind};

/// Lists, starts, follows and stops jobs.
pub static JOBS: Command = Command {
    name: "jobs",
    summary: "list jobs; start, follow and stop them",
    forms: &[
        FLAGS_ONLY,
        Form::word("start", "[--] command ...", ValueKind::Text),
        Form::word("follow", "id", ValueKind::Number),
        Form::word("stop", "id", ValueKind::Number),
    ],
    about: "A job is a command that runs on its own: it continues when the window is closed, the line drops or the interface ends. The \
interface runs everything as jobs; `start` does the same from a shell.

Without words it lists the jobs, newest first. `follow` shows the output of a job, from the beginning until the job ends, and exits with the code of its command; \
ending `follow` does not end the job. `stop` asks the command, and everything it has started, to end; with --kill it is killed.",
    flags: &[
        Flag::long("json", "Print the list as JSON."),
        Flag::long("list", "Print the list for a menu: a heading and one line per job, the id first."),
        Flag::long("title", "the title in the list of jobs.")
            .takes("TEXT", ValueKind::Text)
            .forms(Forms::nth(1)),
        Flag::long("kill", "kill it at once, without time to clean up.").forms(Forms::nth(3)),
        HELP,
    ],
    notes: "All running jobs are kept, and the last 50 that ended.",
    examples: &[
        ("altdisk jobs start -- alt_disk_install -C vdb", "clone to vdb; prints the job's id"),
        ("altdisk jobs follow 17", "follow job 17"),
    ],
    files: &[
        ("/var/lib/altdisk/jobs", "the jobs of root"),
        ("~/.local/state/altdisk/jobs", "the jobs of another user"),
    ],
    ..EMPTY
};
