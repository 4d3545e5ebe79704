//! Jobs with real processes: they outlive who started them, end when asked, and say how they ended.
#![allow(clippy::unwrap_used)]

#[path = "jobs/stopping.rs"]
mod stopping;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const BIN: &str = env!("CARGO_BIN_EXE_altdisk");

/// A directory of jobs of its own.
struct Jobs(tempfile::TempDir);

impl Jobs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        command.env("ALTDISK_JOBS", self.0.path().join("jobs")).arg("jobs").args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn start(&self, argv: &[&str]) -> String {
        let out = self.run(&[&["start", "--"], argv].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn dir(&self, id: &str) -> PathBuf {
        self.0.path().join("jobs").join(id)
    }

    fn job(&self, id: &str) -> Value {
        let list: Value = serde_json::from_slice(&self.run(&["--json"]).stdout).unwrap();
        list["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|j| j["id"].as_u64() == id.parse().ok())
            .unwrap()
            .clone()
    }

    fn ended(&self, id: &str) -> Value {
        wait(&format!("job {id} to end"), || Some(self.job(id)).filter(|j| j["state"] != "running"))
    }

    fn events(&self, id: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.dir(id).join("events.jsonl")).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    fn output(&self, id: &str) -> Vec<(String, String)> {
        let outputs = self.events(id).into_iter().filter(|e| e["event"] == "output");
        let text = |e: &Value, name: &str| e[name].as_str().unwrap().to_owned();
        outputs.map(|e| (text(&e, "stream"), text(&e, "line"))).collect()
    }

    fn pid(&self, id: &str, who: &str) -> i32 {
        let run: Value =
            serde_json::from_slice(&fs::read(self.dir(id).join("run.json")).unwrap()).unwrap();
        i32::try_from(run[who]["pid"].as_i64().unwrap()).unwrap()
    }
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

/// Root's files are not touched: the log and the state lie in memory of a mount namespace.
fn aside(jobs: &Jobs, script: &str) -> Option<Output> {
    let mounts = "mkdir -p /var/log /var/lib/altdisk && mount -t tmpfs -o mode=755 t /var/log && mount -t tmpfs -o mode=755 t /var/lib/altdisk";
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script])
            .env("ALTDISK_JOBS", jobs.0.path().join("jobs"))
            .env("BIN", BIN);
        command.output()
    };
    if !run(mounts).is_ok_and(|o| o.status.success()) {
        println!("skipped: no mount namespace can be made here");
        return None;
    }
    run(&format!("{mounts}\n{script}")).ok()
}

/// A run from a shell is found again, and every run in the log begins with its date and command.
#[test]
fn a_long_command_of_a_shell_is_a_job_and_every_run_is_dated() {
    let jobs = Jobs::new();
    let script = "$BIN alt_disk_install --resume; echo code $?; ID=$($BIN jobs start -- alt_disk_install --resume); \
                  $BIN jobs follow $ID; cat /var/log/altdisk/alt_disk_inst.log";
    let Some(out) = aside(&jobs, script) else { return };
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("code 3"), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let count = |what: &str| text.lines().filter(|l| l.starts_with(what)).count();
    assert_eq!((count("cmd: alt_disk_install --resume"), count("exit code 3")), (2, 2), "{text}");
    let job = jobs.job("1");
    assert_eq!(
        (&job["state"], &job["exit"], &job["command"]),
        (&"ended".into(), &3.into(), &"alt_disk_install --resume".into())
    );
    assert!(
        jobs.events("1").iter().any(|e| e["event"] == "error" && e["id"] == "ALT-704"),
        "{:?}",
        jobs.events("1")
    );
    // What runs as a job already does not enter the list twice, and what a shell was refused leaves
    // it again.
    let list: Value = serde_json::from_slice(&jobs.run(&["--json"]).stdout).unwrap();
    assert_eq!(list["jobs"].as_array().unwrap().len(), 1);
}

/// Whoever has lost the terminal of a command stops it as any other job; the script that runs it
/// goes on.
#[test]
fn what_it_says_and_how_it_ends() {
    let jobs = Jobs::new();
    let id = jobs.start(&[
        "sh",
        "-c",
        "echo out; echo err >&2; sleep 0.2; printf 'a\\033[2J\\tb\\rlast'; exit 3",
    ]);
    assert_eq!(id, "1");
    let job = jobs.ended(&id);
    assert_eq!((&job["state"], &job["exit"]), (&"ended".into(), &3.into()));
    let lines = jobs.output(&id);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines.contains(&("stdout".into(), "out".into()))
            && lines.contains(&("stderr".into(), "err".into())),
        "{lines:?}"
    );
    assert_eq!(lines[2], ("stdout".into(), "last".into()));
    let events = jobs.events(&id);
    assert_eq!((&events[0]["event"], &events[0]["version"]), (&"start".into(), &1.into()));
    assert_eq!((&events[4]["event"], &events[4]["exit"]), (&"done".into(), &3.into()));
    for (path, mode) in [
        (jobs.dir(&id), 0o700),
        (jobs.dir(&id).join("events.jsonl"), 0o600),
        (jobs.dir(&id).join("job.json"), 0o600),
    ] {
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
    let followed = jobs.run(&["follow", &id]);
    assert_eq!(
        (followed.stdout.as_slice(), followed.stderr.as_slice()),
        (b"out\nlast\n".as_slice(), b"err\n".as_slice())
    );
    assert_eq!(followed.status.code(), Some(3));
}

#[test]
fn control_characters_are_shown_and_not_obeyed() {
    let jobs = Jobs::new();
    let id = jobs.start(&["printf", "a\\033[2Jb\\033]0;title\\007\\n"]);
    jobs.ended(&id);
    assert_eq!(
        String::from_utf8(jobs.run(&["follow", &id]).stdout).unwrap(),
        "a\\x1b[2Jb\\x1b]0;title\\x07\n"
    );
}

#[test]
fn own_commands_tell_events_once() {
    let jobs = Jobs::new();
    let id = jobs.start(&["alt_disk_install", "-C", "no-such-disk"]);
    let job = jobs.ended(&id);
    let names: Vec<String> =
        jobs.events(&id).iter().map(|e| e["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!((names.join(" ").as_str(), &job["exit"]), ("start error done", &3.into()));
    let id = jobs.start(&["altdisk", "explain", "ALT-952"]);
    jobs.ended(&id);
    let events = jobs.events(&id);
    assert_eq!(events[0]["argv"], serde_json::json!(["altdisk", "explain", "ALT-952"]));
    assert_eq!(events.iter().filter(|e| e["event"] == "start").count(), 1);
    assert_eq!(events.last().unwrap()["event"], "done");
    assert!(jobs.output(&id)[0].1.contains("ALT-952"));
    let id = jobs.start(&["alt_disk_install", "-Q"]);
    let job = jobs.ended(&id);
    assert_eq!((&jobs.events(&id)[1]["event"], &job["exit"]), (&"error".into(), &2.into()));
}

#[test]
fn a_stale_variable_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let file = fs::File::create(dir.path().join("not-appended")).unwrap();
    let sh = format!(
        "exec 9>{}; ALTDISK_EVENTS=9 exec {BIN} explain ALT-952",
        dir.path().join("not-appended").display()
    );
    for (name, out) in [
        ("9", Command::new("sh").args(["-c", &sh]).output()),
        ("77", Command::new(BIN).env("ALTDISK_EVENTS", "77").args(["explain", "ALT-952"]).output()),
    ] {
        let out = out.unwrap();
        assert!(
            out.status.success() && String::from_utf8_lossy(&out.stdout).contains("ALT-952"),
            "{name}"
        );
    }
    assert_eq!(file.metadata().unwrap().len(), 0);
}

#[test]
fn why_it_did_not_start() {
    let jobs = Jobs::new();
    for (argv, why) in [
        (&["no-such-program"][..], "ALT-952 no-such-program was not found"),
        (&["/etc/passwd"], "ALT-952 /etc/passwd: Permission denied"),
        (&["/"], "ALT-952 /: Permission denied"),
        (&[""], "ALT-952 there is no command to run"),
    ] {
        let out = jobs.run(&[&["start", "--"], argv].concat());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && said.contains(why), "{said}");
    }
    assert_eq!(jobs.run(&[]).stdout, b"There are no jobs.\n");
}

/// The starter's whole process group is killed, with a hang-up before: the job goes on.
#[test]
fn it_outlives_who_started_it() {
    use std::os::unix::process::CommandExt;
    let jobs = Jobs::new();
    let mut starter = Command::new("sh");
    starter.env("ALTDISK_JOBS", jobs.0.path().join("jobs")).process_group(0);
    let script = format!(
        "{BIN} jobs start -- sh -c 'echo begun; sleep 2; echo went on'; {BIN} jobs follow 1; sleep 60"
    );
    let mut starter = starter.args(["-c", &script]).stdout(Stdio::null()).spawn().unwrap();
    wait("the job", || jobs.dir("1").join("run.json").exists().then_some(()));
    let group = nix::unistd::Pid::from_raw(i32::try_from(starter.id()).unwrap());
    for signal in [nix::sys::signal::Signal::SIGHUP, nix::sys::signal::Signal::SIGKILL] {
        let _ = nix::sys::signal::killpg(group, signal);
    }
    starter.wait().unwrap();
    assert_eq!(jobs.job("1")["state"], "running");
    // Neither is a child of anything that has ended, nor in its session.
    let sid = |pid: i32| nix::unistd::getsid(Some(nix::unistd::Pid::from_raw(pid))).unwrap();
    assert_ne!(sid(jobs.pid("1", "command")), sid(0));
    assert_eq!(jobs.ended("1")["exit"], 0);
    assert_eq!(jobs.output("1").last().unwrap().1, "went on");
}

/// Whoever started it was killed before the supervisor's answer arrived: the answer fails, the job
/// goes on and its end is written down.
#[test]
fn it_outlives_who_waits_for_the_answer() {
    use std::io::Write;
    use std::os::unix::fs::DirBuilderExt;
    let jobs = Jobs::new();
    let dir = jobs.dir("1");
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&dir).unwrap();
    let order = r#"{"argv":["sh","-c","sleep 0.3; echo went on"],"title":"x"}"#;
    fs::write(dir.join("job.json"), format!(r#"{{"spec":{order},"started":1}}"#)).unwrap();
    let mut supervisor = Command::new(BIN);
    let mut supervisor = supervisor
        .arg("job-supervisor")
        .arg(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(supervisor.stdout.take());
    supervisor.stdin.take().unwrap().write_all(order.as_bytes()).unwrap();
    supervisor.wait().unwrap();
    assert_eq!(jobs.ended("1")["exit"], 0);
    assert_eq!(jobs.output("1"), [("stdout".to_owned(), "went on".to_owned())]);
}

/// While anything of the group lives, its leader is not reaped: the number is nobody else's.
/// As the programs of alt_disk_install do, something leads a group of its own.
#[test]
fn a_folder_that_others_can_write_is_not_believed() {
    let jobs = Jobs::new();
    let id = jobs.start(&["sleep", "60"]);
    let folder = jobs.0.path().join("jobs");
    for mode in [0o770, 0o702] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        for args in [&["stop", &id][..], &["--json"], &["start", "--", "true"], &["follow", &id]] {
            let out = jobs.run(args);
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(
                !out.status.success()
                    && said.contains("ALT-951")
                    && said.contains("others can write it"),
                "{args:?}: {said}"
            );
        }
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(jobs.run(&["stop", &id]).status.success());
    jobs.ended(&id);
}

#[test]
fn another_program_does_not_get_the_event_file() {
    let jobs = Jobs::new();
    let id = jobs.start(&[
        "sh",
        "-c",
        "echo \"[$ALTDISK_EVENTS]\"; ls -l /proc/self/fd | grep -c events.jsonl",
    ]);
    jobs.ended(&id);
    let lines: Vec<String> = jobs.output(&id).into_iter().map(|(_, l)| l).collect();
    assert_eq!(lines, ["[]", "0"]);
}

#[test]
fn what_is_above_the_jobs_is_not_closed() {
    let jobs = Jobs::new();
    let deep = jobs.0.path().join("lib/altdisk/jobs");
    let out = jobs.command(&["start", "--", "true"]).env("ALTDISK_JOBS", &deep).output().unwrap();
    assert!(out.status.success());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&deep), mode(deep.parent().unwrap()) & 0o500), (0o700, 0o500));
    assert_ne!(mode(deep.parent().unwrap()), 0o700);
}

/// As after an upgrade of the package: the running program's file is gone.
#[test]
fn a_replaced_program_still_asks_itself() {
    use std::io::{Read, Write};
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("altdisk");
    fs::copy(BIN, &program).unwrap();
    let mut child = Command::new(&program)
        .args(["--plain", "alt_explain"])
        .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
        .env("HOME", home.path())
        .env("ALTDISK_JOBS", home.path().join("jobs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut out, mut said) = (child.stdout.take().unwrap(), vec![0; 16]);
    // It runs; from here on it has nothing but itself.
    out.read_exact(&mut said).unwrap();
    fs::remove_file(&program).unwrap();
    child.stdin.take().unwrap().write_all(b"1\nb\nq\n").unwrap();
    out.read_to_end(&mut said).unwrap();
    child.wait().unwrap();
    let text = String::from_utf8_lossy(&said);
    assert!(text.contains("ALT-101 ") && !text.contains("! ALT-"), "{text}");
}

#[test]
fn a_lost_supervisor_is_noticed() {
    let jobs = Jobs::new();
    let id = jobs.start(&["sleep", "60"]);
    let follower = jobs.command(&["follow", &id]).stderr(Stdio::piped()).spawn().unwrap();
    let (supervisor, command) = (jobs.pid(&id, "supervisor"), jobs.pid(&id, "command"));
    signal(supervisor, nix::sys::signal::Signal::SIGKILL);
    let followed = follower.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&followed.stderr).contains("ALT-956"));
    assert_eq!(jobs.job(&id)["state"], "lost");
    assert!(alive(command), "the command itself goes on");
    assert!(jobs.run(&["stop", &id]).status.success());
    wait("the command to end", || (!alive(command)).then_some(()));
    // Another process with its numbers would not be taken for it.
    assert_eq!(jobs.job(&id)["state"], "lost");
}

/// Neither who follows nor the supervisor wakes up while the job says nothing.
#[test]
fn silence_costs_nothing() {
    let jobs = Jobs::new();
    let id = jobs.start(&["sh", "-c", "echo a; sleep 4"]);
    let mut follower = jobs.command(&["follow", &id]).stdout(Stdio::null()).spawn().unwrap();
    let switches = |pid: i32| -> u64 {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        let of = |path: PathBuf| fs::read_to_string(path.join("status")).unwrap();
        let count = |text: String| {
            text.lines()
                .find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))
                .unwrap()
                .trim()
                .parse::<u64>()
                .unwrap()
        };
        tasks.map(|t| count(of(t.path()))).sum()
    };
    let pids = [i32::try_from(follower.id()).unwrap(), jobs.pid(&id, "supervisor")];
    std::thread::sleep(Duration::from_millis(2000));
    let before = pids.map(switches);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(pids.map(switches), before);
    assert!(follower.wait().unwrap().success());
}

/// At the end of the machine everything is asked to end; how the command took it is written down.
#[test]
fn a_supervisor_writes_down_the_end_of_all() {
    let jobs = Jobs::new();
    let id = jobs.start(&["sleep", "60"]);
    for who in ["supervisor", "command"] {
        signal(jobs.pid(&id, who), nix::sys::signal::Signal::SIGTERM);
    }
    let job = jobs.ended(&id);
    assert_eq!((&job["state"], &job["exit"]), (&"ended".into(), &(128 + 15).into()));
}

/// 100 MB go through the supervisor, which stays small, and so does who follows.
#[test]
fn much_output() {
    const LINE: &str = "a line of output that is as long as such lines are, about seventy bytes";
    let jobs = Jobs::new();
    let id = jobs.start(&["sh", "-c", &format!("yes '{LINE}' | head -n 1500000; sleep 1")]);
    let supervisor = jobs.pid(&id, "supervisor");
    let peak = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .map(|l| l.split_whitespace().next().unwrap().parse::<u64>().unwrap())
    };
    let mut highest = 0;
    let begun = Instant::now();
    while jobs.job(&id)["state"] == "running" {
        highest = peak(supervisor).unwrap_or(0).max(highest);
        assert!(begun.elapsed() < Duration::from_secs(1200));
        std::thread::sleep(Duration::from_millis(100));
    }
    let size = fs::metadata(jobs.dir(&id).join("events.jsonl")).unwrap().len();
    assert!(size > 100 << 20, "{size}");
    assert!(highest > 0 && highest < 16 << 10, "{highest} KiB");
    let mut follower = jobs.command(&["follow", &id]).stdout(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(follower.id()).unwrap();
    let (mut out, mut lines, mut bytes, mut highest) =
        (std::io::BufReader::new(follower.stdout.take().unwrap()), 0, 0, 0);
    let mut line = String::new();
    while std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0 {
        lines += 1;
        bytes += line.trim_end_matches('\n').len();
        line.clear();
        if lines % 100_000 == 0 {
            highest = peak(pid).unwrap_or(0).max(highest);
        }
    }
    assert!(follower.wait().unwrap().success());
    // The beginning of a line whose rest is late, on a busy machine, is shown as a line.
    assert!((1_500_000..1_500_100).contains(&lines), "{lines}");
    assert_eq!(bytes, 1_500_000 * LINE.len());
    assert!(highest < 24 << 10, "{highest} KiB");
}
