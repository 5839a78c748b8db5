//! The help of every command: a change of it shows in a review.
//!
//! `INSTA_UPDATE=always cargo test --release --test it help::` renews the records.

use std::process::{Command, Stdio};

/// What `mindgap` with `words` prints, on a terminal of 100 columns.
fn print(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mindgap"));
    let output = command.args(words).env("COLUMNS", "100").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that the program lists, and the one that it hides.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let mut commands: Vec<String> = names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    commands.retain(|name| name != "help");
    commands.push("host".to_owned());
    commands
}

#[test]
fn the_help_of_every_command_is_as_recorded() {
    let help = print(&["--help"]);
    let commands = commands(&help);
    assert!(commands.len() > 10, "{commands:?}");
    insta::assert_snapshot!("mindgap", help);
    for command in &commands {
        let (short, long) = (print(&[command, "-h"]), print(&[command, "--help"]));
        // The feature adds flags to one command.
        let is_extended = cfg!(feature = "distributed") && command == "train";
        let name = if is_extended { "train-distributed" } else { command };
        insta::assert_snapshot!(name, long);
        if short != long {
            insta::assert_snapshot!(format!("{name}-short"), short);
        }
    }
}
