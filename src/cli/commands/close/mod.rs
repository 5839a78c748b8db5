//! `mindgap close`: closes the gap of a data set within a time budget, from the look at the data to the files to take away.

mod args;
mod choosing;
mod clock;
mod crew;
mod epoch_time;
mod judge;
mod look;
mod measure;
mod mirror_test;
mod reference;
mod resumed;
mod searching;
mod session;
mod target;
mod text;
mod training;
mod winner;

use anyhow::Result;

pub use args::Args;

use crate::cli::{
    ExitStatus,
    output::{print::print, say::say},
};
use mindgap::{
    run::shell_word,
    search::{CloseRecord, Stage},
    torch,
};
use session::{Ended, Session};

/// Runs the search, or what is left of it.
/// Fails on a bad flag, file or data set before the first run, and with a [`Failure`](mindgap::train::Failure) where the reference
/// or the winner fails.
pub fn run(args: &Args) -> Result<ExitStatus> {
    torch::restart_with_sleeping_threads();
    args.check()?;
    let mut session = Session::open(args)?;
    let ended = session.run();
    // Whatever happened, the time that it took is spent.
    let saved = session.save();
    let ended = ended?;
    saved?;
    let out = shell_word(&args.out.to_string_lossy());
    match ended {
        Some(Ended::Stopped) => {
            say(format_args!(
                "Stopped; mindgap close {} --out {out} --resume{} continues within the {} left.",
                shell_word(&args.subject),
                args.compute.given_with_threads(),
                clock::text_of(session.record.budget_seconds - session.spent())
            ));
            return Ok(ExitStatus::Stopped);
        }
        Some(Ended::Planned) => {
            say(format_args!(
                "The next runs are in {}: train them with mindgap run, and repeat this command with --resume.",
                args.out.join(mindgap::compare::Plan::FILE).display()
            ));
        }
        Some(Ended::Finished) | None => {}
    }
    let record = &session.record;
    let text = match ended {
        _ if args.json => serde_json::to_string_pretty(record)? + "\n",
        Some(Ended::Finished) => text::outcome(record),
        _ => format!("{}\n", args.out.join(CloseRecord::FILE).display()),
    };
    print(text)?;
    Ok(ExitStatus::Done)
}

impl Session {
    /// All stages that are not done; None after the plan of a dry run.
    fn run(&mut self) -> Result<Option<Ended>> {
        if self.record.stage == Stage::Done {
            return Ok(Some(Ended::Finished));
        }
        if self.record.plan.is_none() {
            let data = self.look()?;
            self.measure(&data)?;
            // The runs open the data themselves.
            drop(data);
        } else if self.record.stage < Stage::Verdict {
            // Changed data are refused here, once: each run would refuse them by itself, and count as failed.
            self.check_data()?;
        }
        say(text::plan(&self.record).trim_end());
        if self.args.dry_run {
            return Ok(None);
        }
        for stage in [Self::train_reference, Self::search, Self::train_last, Self::conclude] {
            let ended = stage(self)?;
            if ended != Ended::Finished {
                return Ok(Some(ended));
            }
        }
        Ok(Some(Ended::Finished))
    }
}
