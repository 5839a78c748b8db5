//! The reference's training, and what it says about the search.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{
    epoch_time::epoch_seconds,
    session::{Ended, Session},
};
use mindgap::{
    gap::{Case, Id, diagnose},
    recipe::Recipe,
    search::{Need, Stage, Trained, of_length},
    stats::counted,
};

/// The name of the reference's runs.
const REFERENCE: &str = "reference";

impl Session {
    /// Trains the reference within its share, and asks the findings about it what to try.
    /// Fails if a run does.
    pub fn train_reference(&mut self) -> Result<Ended> {
        let plan = self.record.plan.clone().context("the plan is made by now")?;
        let reference = self.record.reference.clone().context("the reference is known")?;
        if reference.folders.is_empty() {
            let pace = self.record.reference_pace.as_ref().map_or(1.0, |pace| pace.epoch_seconds);
            let runs = self.runs() * self.idling();
            let epochs = ((plan.reference / runs - self.record.startup_seconds) / pace).floor();
            let epochs = (epochs as u32).clamp(1, reference.recipe.epochs);
            self.record.whole_reference = Some(reference.recipe.clone());
            let recipe = Recipe { seed: self.record.seed, ..of_length(&reference.recipe, epochs) };
            let folders = self.all_folders(REFERENCE, &recipe)?;
            self.record.reference = Some(Trained { recipe, folders, ..reference });
            self.enter(Stage::Reference)?;
        }
        let Trained { what, recipe, on_verdict, .. } =
            self.record.reference.clone().context("the reference is known")?;
        if on_verdict.is_some() {
            return Ok(Ended::Finished);
        }
        self.tell(format_args!("Reference: {what}, {} …", counted(recipe.epochs as usize, "epoch")));
        let before = self.spent();
        let ended = self.train(REFERENCE, &recipe)?;
        if ended != Ended::Finished {
            return Ok(ended);
        }
        self.learn_times(before)?;
        let trained = self.record.reference.clone().context("the reference is known")?;
        let measured = self.measured(trained)?;
        // Figures of the half that judges mark a reference of which all is known.
        self.record.reference = Some(Trained { on_verdict: None, ..measured.clone() });
        self.diagnose_reference()?;
        self.test_mirroring()?;
        self.record.reference = Some(measured);
        self.save()?;
        Ok(Ended::Finished)
    }

    /// The folders of the reference with one seed.
    pub fn reference_folders(&self, seed: u64) -> Result<Vec<PathBuf>> {
        let recipe = &self.record.reference.as_ref().context("the reference is known")?.recipe;
        self.folders(REFERENCE, &Recipe { seed, ..recipe.clone() })
    }

    /// Takes over what the reference's epochs and starts took. `before` is the time spent before it began.
    fn learn_times(&mut self, before: f64) -> Result<()> {
        let reference = self.record.reference.as_ref().context("the reference is known")?;
        let (folders, epochs) = (reference.folders.clone(), reference.recipe.epochs);
        let Some(epoch) = epoch_seconds(&folders) else { return Ok(()) };
        let jobs = f64::from(self.record.jobs.max(1)).min(folders.len() as f64);
        let rounds = (folders.len() as f64 / jobs).ceil();
        let startup = (self.spent() - before) / rounds - epoch * f64::from(epochs);
        // A resumed reference began before `before`.
        if startup > 0.0 {
            self.record.startup_seconds = startup / jobs;
        }
        let Some(pace) = &mut self.record.reference_pace else { return Ok(()) };
        let slower = epoch / jobs / pace.epoch_seconds;
        pace.epoch_seconds = epoch / jobs;
        pace.is_of_a_run = true;
        // What a few seconds measured is corrected by as much, within reason: the machine is busier, or evaluation costs more.
        for pace in self.record.paces.iter_mut().filter(|pace| !pace.is_of_a_run) {
            pace.epoch_seconds *= slower.clamp(0.5, 2.0);
        }
        Ok(())
    }

    /// What the findings about the reference ask for.
    fn diagnose_reference(&mut self) -> Result<()> {
        let folder = self.reference_folders(self.record.seed)?.swap_remove(0);
        let diagnosis = diagnose(&Case::of_run(&folder)?);
        let mut titles = Vec::new();
        for finding in &diagnosis.findings {
            if let Some(need) = need(finding.id) {
                titles.push(finding.title.clone());
                if !self.record.needs.contains(&need) {
                    self.record.needs.push(need);
                }
            }
        }
        let score = self.record.reference.as_ref().and_then(|reference| reference.on_selection);
        let figures = score.map_or(String::new(), |score| {
            format!("val loss {:.3}, gap {:.3} (half of val)", score.val_loss, score.gap_loss)
        });
        let findings = if titles.is_empty() { "nothing found".to_owned() } else { titles.join("; ") };
        self.tell(format_args!("  {figures}; {findings}"));
        self.record.findings = titles;
        Ok(())
    }
}

/// What a finding asks for.
fn need(id: Id) -> Option<Need> {
    Some(match id {
        Id::GapHarmful | Id::Memorised | Id::GapOpens => Need::OverFits,
        Id::Overconfident => Need::Overconfident,
        Id::Underfit => Need::UnderFits,
        Id::RateTooHigh | Id::Diverged => Need::RateTooHigh,
        Id::RateTooLow => Need::RateTooLow,
        Id::LabelNoise => Need::NoisyLabels,
        _ => return None,
    })
}
