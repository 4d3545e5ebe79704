//! The flags of `altdisk jobs`.

use super::{Command, Flag, HELP};

pub static JOBS: Command = Command {
    name: "jobs",
    summary: "list what runs and what has run; follow it, stop it",
    forms: &[("", &["json", "list"], ""), ("start", &["title"], "[--] command ..."), ("follow", &[], "id"), ("stop", &["kill"], "id")],
    about: "A job is a command that runs on its own: it keeps running when the window is closed, the connection is lost or the panels end. The \
interface runs everything as jobs; `start` does the same from a shell.

Without words it lists the jobs, newest first. `follow` shows what a job has said and says, until it ends, and exits as its command did; \
ending `follow` does not end the job. `stop` asks the command, and what it has started, to end; with --kill it is ended without asking.",
    flags: &[
        Flag::long("json", "The list as JSON."),
        Flag::long("list", "The list for a menu: a heading and one line a job, the id first."),
        Flag::long("title", "With start: what the list calls the job.").takes("TEXT"),
        Flag::long("kill", "With stop: end it at once, without time to tidy up."),
        HELP,
    ],
    operands: true,
    after: "Jobs are kept in /var/lib/altdisk/jobs (root) or ~/.local/state/altdisk/jobs: those that run, and the last 50 that ended.

Examples:
  altdisk jobs start -- alt_disk_install -C vdb
      clone to vdb; prints the job's id
  altdisk jobs follow 17
      see how job 17 goes",
};
