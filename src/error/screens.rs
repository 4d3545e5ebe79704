//! Errors of what a person sees: menu files 90x to 92x, themes 93x, terminals 94x, jobs 95x, the
//! interface 96x.

use super::{Entry, Exit};

catalogue! {
    // 90x to 92x menu files
    MENU_SYNTAX = "ALT-901", Usage, "a menu file is not TOML, or has a field or value that does not belong there", "mend that line; `altdisk --check` looks at the whole set";
    NO_SUCH_PANEL = "ALT-902", Usage, "there is no panel with this fast path", "call `altdisk` alone and choose from the menus; F8 shows the fast path of a panel";
    NEEDS_SELECTOR = "ALT-903", Usage, "this panel cannot be opened by itself", "open it through the menus: a question before it has to be answered";
    NO_NEXT_PANEL = "ALT-904", Failed, "no panel follows from this answer", "go back with F3 and choose something else; `altdisk --check` looks at the menu files";
    BAD_DISCOVERY = "ALT-905", Failed, "a command of a menu file answered in a form that cannot be read", "mend the command in the menu file: lines `#name:name` and `value:value`, as `altdisk help menus` says";
    ASK_START = "ALT-906", Failed, "a command of a menu file cannot be started", "see that the program is installed and may be run";
    ASK_FAILED = "ALT-907", Failed, "a command that fills a list or a field failed", "read what it said; mend that, or type the value";
    ASK_LATE = "ALT-908", Failed, "a command that fills a list or a field took too long and was ended", "try it again; the menu file sets the time limit";
    ASK_LONG = "ALT-909", Failed, "a command that fills a list or a field printed too much and was ended", "type the value; the menu file should ask for less";
    NO_MENU_DIR = "ALT-910", Usage, "there is no directory of menu files there", "name a directory that holds menu files, as `altdisk help menus` describes";
    BAD_REVIEW = "ALT-919", Failed, "a command did not say what it would do in a form that can be read", "nothing was run; mend the command, or take `review` out of the menu file";
    // 94x terminals
    NO_TERMINAL = "ALT-941", Usage, "standard input or output is no terminal", "run altdisk on a terminal; `altdisk --help` lists the commands that need none";
    TERMINAL_GONE = "ALT-942", Failed, "the terminal has vanished", "log in again and run altdisk: what it was running goes on, and it says so";
    TERMINAL_FAILED = "ALT-943", Failed, "the terminal could not be set up", "try another terminal, or `altdisk --plain`";
    // 95x jobs
    JOB_FOLDER = "ALT-951", Failed, "the directory of the jobs cannot be made or read", "make it a directory that only you can write to, or make room on its file system";
    JOB_NOT_STARTED = "ALT-952", Failed, "the job could not be started", "check that the program is installed, may be executed, and is named right";
    NO_SUCH_JOB = "ALT-953", Usage, "there is no such job", "`altdisk jobs` lists them";
    JOB_NOT_RUNNING = "ALT-954", Refused, "the job does not run", "nothing has to be stopped; `altdisk jobs` shows how it ended";
    JOBS_USAGE = "ALT-955", Usage, "jobs was called in a way it does not have", "altdisk jobs [--json | --list] | start [--] COMMAND ... | follow ID | stop ID";
    JOB_LOST = "ALT-956", Failed, "the job's supervisor vanished, so how the command ended is not known", "read what it said with `altdisk jobs follow ID`; for alt_disk_install: `--resume` goes on, `-X` removes the copy";
    // 96x the interface
    BAD_MENUS = "ALT-961", Usage, "a menu file has mistakes, and so no panel is opened", "mend them, or move the file out of the way; `altdisk --check` shows the same list again";
    WRONG_KIND = "ALT-962", Usage, "this fast path is another kind of panel", "leave out -m, -n and -d: every fast path is found without them";
    NO_SCREEN = "ALT-963", Usage, "full screens and lines of text were both asked for, or neither is possible here", "call altdisk at a terminal, or with --plain";
    NO_IMAGE = "ALT-964", Failed, "the image of the screen could not be written", "make room in the home directory, or set HOME to one that you can write to";
    // 97x what panels ask for
    LIST_WHAT = "ALT-971", Usage, "there is no such list", "`altdisk list --help` shows the lists that there are";
    DISCOVER_WHAT = "ALT-972", Usage, "there is nothing of that name to find out", "clone, alternate, image and practice can be found out";
}
