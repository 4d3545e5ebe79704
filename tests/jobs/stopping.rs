//! Jobs are stopped: their group, by request and by force.

use super::*;

#[test]
fn a_command_of_a_shell_is_stopped_alone() {
    let jobs = Jobs::new();
    let dir = jobs.0.path().join("to");
    fs::create_dir(&dir).unwrap();
    // Nobody reads the pipe: it waits there for ever.
    let script = format!(
        "mkfifo {0}/pipe; sleep 60 > {0}/none < {0}/pipe & $BIN mksysb {0}/pipe; echo code $? > {0}/code; kill $!",
        dir.display()
    );
    std::thread::scope(|scope| {
        let run = scope.spawn(|| aside(&jobs, &script));
        let begun = Instant::now();
        while !jobs.dir("1").join("run.json").exists() {
            if run.is_finished() || begun.elapsed() > Duration::from_secs(60) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(jobs.job("1")["state"], "running");
        assert!(jobs.run(&["stop", "--kill", "1"]).status.success());
        run.join().unwrap();
        assert_eq!(
            jobs.job("1")["state"],
            "lost",
            "it was ended by force, and could write nothing down"
        );
        assert_eq!(
            fs::read_to_string(dir.join("code")).unwrap(),
            "code 137\n",
            "the shell goes on"
        );
    });
}

#[test]
fn stop_ends_the_group() {
    let jobs = Jobs::new();
    // A grandchild that takes no notice of a request goes a moment later.
    let id = jobs.start(&["sh", "-c", "(trap '' TERM; echo $$ grandchild; while :; do sleep 0.1; done) & sleep 77 & echo $!; wait"]);
    wait("its words", || (jobs.output(&id).len() == 2).then_some(()));
    let (leader, sleeper) = (
        jobs.pid(&id, "command"),
        jobs.output(&id).iter().find_map(|(_, l)| l.parse().ok()).unwrap(),
    );
    assert!(alive(leader) && alive(sleeper));
    assert!(jobs.run(&["stop", &id]).status.success());
    let job = jobs.ended(&id);
    assert_eq!((&job["exit"], &job["stopped"]), (&(128 + 15).into(), &true.into()));
    wait("the group to end", || {
        let group = nix::unistd::Pid::from_raw(leader);
        (nix::sys::signal::killpg(group, None).is_err() && !alive(sleeper)).then_some(())
    });
    assert_eq!(jobs.events(&id).last().unwrap()["text"], "It was stopped.");
    let again = jobs.run(&["stop", &id]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("ALT-954"));
}

#[test]
fn the_number_of_a_group_is_kept_until_it_is_gone() {
    let jobs = Jobs::new();
    let id = jobs.start(&[
        "sh",
        "-c",
        "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.1; done' & sleep 60",
    ]);
    wait("its word", || (!jobs.output(&id).is_empty()).then_some(()));
    let (leader, stubborn) = (jobs.pid(&id, "command"), jobs.output(&id)[0].1.parse().unwrap());
    assert!(jobs.run(&["stop", &id]).status.success());
    wait("the leader's end", || (!alive(leader)).then_some(()));
    let mut looks = 0;
    while alive(stubborn) {
        let there = std::path::Path::new("/proc").join(leader.to_string()).exists();
        assert!(there || !alive(stubborn), "reaped too early");
        looks += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(looks > 10, "{looks}");
    assert_eq!(jobs.ended(&id)["exit"], 128 + 15);
}

#[test]
fn an_end_by_force_reaches_other_groups() {
    let jobs = Jobs::new();
    let id =
        jobs.start(&["sh", "-c", "setsid sh -c 'echo $$; while :; do sleep 0.1; done' & wait"]);
    wait("its word", || (!jobs.output(&id).is_empty()).then_some(()));
    let other = jobs.output(&id)[0].1.parse().unwrap();
    assert_ne!(
        nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(other))).unwrap().as_raw(),
        jobs.pid(&id, "command")
    );
    assert!(jobs.run(&["stop", "--kill", &id]).status.success());
    assert_eq!(jobs.ended(&id)["exit"], 128 + 9);
    assert!(!alive(other));
}

#[test]
fn kill_does_not_ask() {
    let jobs = Jobs::new();
    let id =
        jobs.start(&["sh", "-c", "trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done"]);
    wait("its word", || (!jobs.output(&id).is_empty()).then_some(()));
    assert!(jobs.run(&["stop", &id]).status.success());
    wait("its answer", || jobs.output(&id).iter().any(|(_, l)| l == "no").then_some(()));
    assert_eq!(jobs.job(&id)["state"], "running");
    assert!(jobs.run(&["stop", "--kill", &id]).status.success());
    assert_eq!(jobs.ended(&id)["exit"], 128 + 9);
}
