//! Signals and readers that leave: the step ends, the state is kept, the command that resumes it is printed.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use crate::support::{Place, interposed::Stopping, train_words};

const EPOCHS: &[&str] = &["--epochs", "3"];

/// Starts `command`, a run in `out`, and returns it as soon as it has stopped itself after its first checkpoint.
fn stopped(command: &mut Command, out: &str) -> Stopping {
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let run = Stopping::start(command, &[&format!("{out}/last.safetensors")], 1);
    run.wait_for_stop();
    run
}

/// A run in `out` that heeds all signals, also where those who started the tests ignore some, as a script's `&` does.
fn heeding_signals(place: &Place, out: &str) -> Command {
    let mut command = place.command(&train_words(out, EPOCHS));
    // SAFETY: between fork and exec, plain system calls.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
    command
}

#[test]
fn each_signal_that_asks_for_an_end_leaves_a_checkpoint_and_the_command_that_resumes() {
    let place = Place::with_images(12, 5);
    place.train("whole", EPOCHS).succeed();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let out = format!("signal-{signal}");
        let mut command = heeding_signals(&place, &out);
        // A session of its own, as under setsid: the terminal that hangs up is another's.
        // SAFETY: between fork and exec, a plain system call.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        let run = stopped(&mut command, &out);
        run.send(signal);
        let end = run.finish();
        let said = String::from_utf8_lossy(&end.stderr).into_owned();
        assert_eq!(end.status.code(), Some(75), "{said}");
        let advice = format!("mindgap train --resume --out {out}");
        assert!(said.contains(&advice) && !said.contains("panicked"), "{said}");
        // The words that the program itself advises; it keeps the threads that it began with.
        place.mindgap(&advice.split(' ').skip(1).collect::<Vec<_>>()).succeed();
        assert_eq!(place.epochs(&out), place.epochs("whole"));
        assert!(place.bytes(&out, "model.safetensors") == place.bytes("whole", "model.safetensors"), "signal {signal}");
    }
}

#[test]
fn a_second_signal_leaves_at_once_and_costs_nothing_but_time() {
    let place = Place::with_images(12, 5);
    place.train("whole", EPOCHS).succeed();
    for number in 0..5 {
        let out = format!("run-{number}");
        let run = stopped(&mut heeding_signals(&place, &out), &out);
        // Both wait for the process, so that one finds the other not yet acted upon. Where two threads take them in the
        // same instant each is the first, and the run ends as after one.
        run.send(libc::SIGINT);
        run.send(libc::SIGTERM);
        let code = run.finish().status.code();
        place.train(&out, &[EPOCHS, &["--resume"]].concat()).succeed();
        assert!(place.bytes(&out, "model.safetensors") == place.bytes("whole", "model.safetensors"));
        if [128 + libc::SIGINT, 128 + libc::SIGTERM].map(Some).contains(&code) {
            return;
        }
        assert_eq!(code, Some(75));
    }
    panic!("the second of two signals never left at once");
}

#[test]
fn nohup_keeps_its_meaning() {
    let place = Place::with_images(12, 5);
    let mut command = place.command(&train_words("run", EPOCHS));
    // SAFETY: between fork and exec, a plain system call.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        });
    }
    let run = stopped(&mut command, "run");
    run.send(libc::SIGHUP);
    assert_eq!(run.finish().status.code(), Some(0));
    assert_eq!(place.epochs("run").len(), 3);
}

/// `mindgap train … | head -1`, and a terminal that has gone with both outputs.
#[test]
fn a_reader_that_leaves_stops_no_run() {
    let place = Place::with_images(12, 5);
    let mindgap = env!("CARGO_BIN_EXE_mindgap");
    for (out, redirection) in [("head", "| head -1"), ("both", ">&- 2>&-"), ("full", "> /dev/full 2> /dev/full")] {
        let words = train_words(out, &["--epochs", "3"]).join(" ");
        let script = format!("{{ '{mindgap}' {words}; echo $? > {out}.code; }} {redirection}");
        let end = Command::new("sh").args(["-c", &script]).current_dir(place.path("")).output().unwrap();
        let said = String::from_utf8_lossy(&end.stderr).into_owned();
        assert!(!said.contains("panicked"), "{out}: {said}");
        assert_eq!(fs::read_to_string(place.path(format!("{out}.code"))).unwrap(), "0\n", "{out}: {said}");
        assert_eq!(place.epochs(out).len(), 3, "{out}");
        assert!(place.path(out).join("done.json").exists(), "{out}");
    }
}
