//! Errors of menu files (901 to 929), themes (930 to 939), terminals (941 to 949), jobs (951 to 959)
//! and the panels (961 to 989).

use super::entry::{Entry, Exit};

catalogue! {
    MENU_SYNTAX = "ALT-901", Usage,
        "a menu file is not TOML, or has a field or value that does not belong there",
        "correct that line; `altdisk --check` checks all menu files";
    NO_SUCH_PANEL = "ALT-902", Usage,
        "there is no panel with this fast path",
        "run `altdisk` alone and choose from the menus; F8 shows the fast path of a panel";
    NEEDS_SELECTOR = "ALT-903", Usage,
        "this panel cannot be opened directly",
        "open it through the menus: it needs the answer to an earlier question";
    NO_NEXT_PANEL = "ALT-904", Failed,
        "no panel belongs to this answer",
        "go back with F3 and choose something else; `altdisk --check` checks the menu files";
    BAD_DISCOVERY = "ALT-905", Failed,
        "the output of a command in a menu file cannot be parsed",
        "correct the command in the menu file; it must print the lines `#name:name` and \
         `value:value`, as `altdisk help menus` says";
    ASK_START = "ALT-906", Failed,
        "a command in a menu file cannot be started",
        "check that the program is installed and executable";
    ASK_FAILED = "ALT-907", Failed,
        "a command that fills a list or a field failed",
        "fix what its message says, or type the value yourself";
    ASK_LATE = "ALT-908", Failed,
        "a command that fills a list or a field took too long and was stopped",
        "try again; the menu file sets the time limit";
    ASK_LONG = "ALT-909", Failed,
        "a command that fills a list or a field printed too much and was stopped",
        "type the value yourself; the command in the menu file should print less";
    NO_MENU_DIR = "ALT-910", Usage,
        "this is not a directory of menu files",
        "name a directory that holds menu files, as `altdisk help menus` describes";
    BAD_REVIEW = "ALT-919", Failed,
        "the review that a command printed cannot be parsed",
        "nothing was run; correct the command, or remove `review` from the menu file";
    NO_TERMINAL = "ALT-941", Usage,
        "standard input or output is not a terminal",
        "run altdisk on a terminal; `altdisk --help` lists the commands that need none";
    TERMINAL_GONE = "ALT-942", Failed,
        "the terminal is gone",
        "log in again and start altdisk: a command that was running goes on, and altdisk shows \
         it";
    TERMINAL_FAILED = "ALT-943", Failed,
        "the terminal could not be set up",
        "try another terminal, or `altdisk --plain`";
    JOB_FOLDER = "ALT-951", Failed,
        "the directory of the jobs cannot be created or read",
        "make it a directory that only you can write to, or free some space on its file system";
    JOB_NOT_STARTED = "ALT-952", Failed,
        "the job could not be started",
        "check that the program is installed and executable, and that its name is right";
    NO_SUCH_JOB = "ALT-953", Usage,
        "there is no such job",
        "`altdisk jobs` lists the jobs";
    JOB_NOT_RUNNING = "ALT-954", Refused,
        "the job is not running",
        "there is nothing to stop; `altdisk jobs` shows how it ended";
    JOBS_USAGE = "ALT-955", Usage,
        "the command line of `altdisk jobs` is wrong",
        "altdisk jobs [--json | --list] | start [--] COMMAND ... | follow ID | stop ID";
    JOB_LOST = "ALT-956", Failed,
        "the process that supervised the job is gone, so the command's result is unknown",
        "read its output with `altdisk jobs follow ID`; for alt_disk_install: `--resume` \
         continues, `-X` removes the copy";
    BAD_MENUS = "ALT-961", Usage,
        "a menu file has mistakes, so no panel is opened",
        "correct them, or move the file away; `altdisk --check` shows the same list again";
    WRONG_KIND = "ALT-962", Usage,
        "this fast path belongs to another kind of panel",
        "leave out -m, -n and -d: every fast path is found without them";
    NO_SCREEN = "ALT-963", Usage,
        "full screens and plain text were both requested, or neither is possible here",
        "run altdisk on a terminal, or with --plain";
    NO_IMAGE = "ALT-964", Failed,
        "the picture of the screen could not be written",
        "free some space in the home directory, or set HOME to a directory that you can write to";
    LIST_WHAT = "ALT-971", Usage,
        "there is no such list",
        "`altdisk list --help` names the lists";
    DISCOVER_WHAT = "ALT-972", Usage,
        "there are no such values to look up",
        "give one of: clone, alternate, image, practice";
}
