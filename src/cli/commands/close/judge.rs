//! The last stage: the verdict, and the files to take away.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::session::{Ended, Session};
use crate::cli::process::child;
use mindgap::{
    durable,
    gap::Bill,
    recipe::Recipe,
    report::close_page,
    run::{data_flags, shell_word, source_and_flags, wrong_labels_flag},
    search::{CloseRecord, Half, HandedOver, Stage, Trained, Verdict, Word, enough},
};

/// Candidates below which the budget is called small.
const FEW_CANDIDATES: usize = 4;
/// How the note begins that the test set could not be measured.
const NOT_MEASURED: &str = "The test set was not measured";

impl Session {
    /// Judges, exports, and writes the page. Returns early where a signal stopped it.
    /// Fails if a run or a file cannot be read or written.
    pub fn conclude(&mut self) -> Result<Ended> {
        if self.record.stage == Stage::Done {
            return Ok(Ended::Finished);
        }
        self.enter(Stage::Verdict)?;
        self.judge()?;
        self.tell("Verdict and files …");
        let Some(run) = self.run_for_use()? else { return Ok(Ended::Stopped) };
        self.make_bills();
        self.measure_test(&run)?;
        self.export(&run)?;
        self.notes()?;
        self.next_steps(&run);
        let page = self.args.out.join(CloseRecord::PAGE);
        self.add_file("page", &page);
        self.say_overrun();
        self.record.spent_seconds = self.spent();
        durable::write(&page, close_page(&self.record)?.as_bytes())?;
        // Last, so that a search that is done has all its files.
        self.enter(Stage::Done)?;
        Ok(Ended::Finished)
    }

    fn judge(&mut self) -> Result<()> {
        let reference = self.record.reference.as_ref().context("the reference is trained")?;
        let last = self.record.last.as_ref().context("the winner is trained")?;
        let reference = self.per_seed(reference, Half::Verdict)?;
        let winner = self.per_seed(last, Half::Verdict)?;
        let verdict = Verdict::of(&reference, &winner)?;
        self.record.sentence = verdict.sentence.clone();
        self.record.verdict = Some(verdict);
        Ok(())
    }

    /// The run whose network is handed over: the winner with the first seed or, with folds, one more.
    fn run_for_use(&mut self) -> Result<Option<PathBuf>> {
        if self.fold_count().is_some() {
            return self.train_for_use();
        }
        let last = self.record.last.as_ref().context("the winner is trained")?;
        Ok(last.folders.first().map(PathBuf::from))
    }

    /// The bills of reference and winner, of the first seed and fold. A bill that cannot be made is noted: it decides nothing.
    fn make_bills(&mut self) {
        self.record.bills.clear();
        let of = |trained: &Option<Trained>| trained.as_ref().and_then(|it| it.folders.first().cloned());
        for folder in [of(&self.record.reference), of(&self.record.last)].into_iter().flatten() {
            let mut words = vec!["bill".to_owned(), folder.clone(), "--json".to_owned()];
            words.extend(self.machine_words());
            let bill = child::output(&words).and_then(|json| Ok(serde_json::from_str::<Bill>(&json)?));
            match bill {
                Ok(bill) => self.record.bills.push(Some(bill)),
                Err(error) => {
                    self.record.bills.push(None);
                    self.record.note(format!("No bill of {folder}: {error:#}"));
                }
            }
        }
    }

    /// The flags of the machine for one more process.
    fn machine_words(&self) -> Vec<String> {
        self.args.compute.words(Some(self.args.compute.threads_of_each(1)))
    }

    /// Measures the sealed test set, once.
    fn measure_test(&mut self, run: &Path) -> Result<()> {
        let is_sealed = self.record.look.as_ref().is_some_and(|look| look.sealed.is_some());
        if !is_sealed || self.record.test.is_some() {
            return Ok(());
        }
        if self.record.test_begun {
            let has_failed = self.record.notes.iter().any(|note| note.starts_with(NOT_MEASURED));
            if !has_failed {
                self.record.note(
                    "The process was killed while it measured the test set; its ledger tells whether that look counts. No second one is taken.",
                );
            }
            return Ok(());
        }
        // Before it begins, so that it is never taken twice.
        self.record.test_begun = true;
        self.save()?;
        let words = ["evaluate", &run.display().to_string(), "--which", "last", "--split", "test", "--json"];
        let mut words = words.map(str::to_owned).to_vec();
        words.extend(self.machine_words());
        match child::output(&words) {
            Ok(json) => self.record.test = Some(serde_json::from_str(&json)?),
            Err(error) => self.record.note(format!("{NOT_MEASURED}: {error:#}")),
        }
        self.save()
    }

    /// Writes recipe and model files beside the runs.
    fn export(&mut self, run: &Path) -> Result<()> {
        let recipe = self.record.last.as_ref().context("the winner is trained")?.recipe.clone();
        let out = self.args.out.clone();
        // The teacher lies beside the recipe: both can be moved together.
        let beside = |folder: String| match Path::new(&folder).strip_prefix(&out) {
            Ok(name) => name.display().to_string(),
            Err(_) => folder,
        };
        let recipe = Recipe { folds: None, fold: None, teacher: recipe.teacher.map(beside), ..recipe };
        self.record.files.clear();
        self.add_file("run", run);
        durable::write(&out.join("recipe.toml"), recipe.to_toml().as_bytes())?;
        self.add_file("recipe", &out.join("recipe.toml"));
        for (what, name) in [("torchscript", "model.pt"), ("safetensors", "model.safetensors"), ("onnx", "model.onnx")]
        {
            let file = out.join(name);
            let [run, path] = [run, &file].map(|path| path.display().to_string());
            let mut words = ["export", &run, "--which", "last", "--out", &path, "--force"].map(str::to_owned).to_vec();
            words.extend((what != "safetensors").then(|| "--calibrated".to_owned()));
            match child::output(&words) {
                Ok(_) => self.add_file(what, &file),
                Err(error) => self.record.note(format!("{name} was not written: {error:#}")),
            }
        }
        Ok(())
    }

    fn add_file(&mut self, what: &str, path: &Path) {
        self.record.files.push(HandedOver { what: what.to_owned(), path: path.display().to_string() });
    }

    /// Says what the budget was too small for, and what would be enough.
    fn notes(&mut self) -> Result<()> {
        let enough = enough(&self.trial_cost(&self.base()?));
        let tried = self.record.trials.iter().filter(|trial| trial.rung == 0).count();
        if self.record.met.is_none() && enough > self.record.budget_seconds && tried < FEW_CANDIDATES {
            let tried = match tried {
                0 => "No other recipe could be tried".to_owned(),
                1 => "Only one recipe could be tried".to_owned(),
                _ => format!("Only {tried} recipes could be tried"),
            };
            self.record.note(format!("{tried}: a budget of {} would be enough for six.", round_time(enough)));
        }
        if self.record.verdict.as_ref().is_none_or(|verdict| verdict.word != Word::Better) {
            self.record.note(
                "No recipe of this search is shown to be better. More images, cleaner labels or a larger budget are what is left.",
            );
        }
        Ok(())
    }

    /// What to do next, a command each.
    fn next_steps(&mut self, run: &Path) {
        let Some(data) = self.record.data.first().cloned() else { return };
        let source = source_and_flags(&data.source, &data.selection);
        let recipe = shell_word(&self.args.out.join("recipe.toml").display().to_string());
        let run = shell_word(&run.display().to_string());
        let more = round_time(self.record.budget_seconds + 3600.0).replace(' ', "");
        let labels = wrong_labels_flag(&data.selection);
        let data = data_flags(&data.source, &data.selection);
        self.record.next = vec![
            format!("mindgap train --recipe {recipe} {data} --out again   # the winner's training once more"),
            format!("mindgap compare --presets seed,closed {data} --detect 0.02   # over seeds, with a test"),
            format!("mindgap close {source} --budget {more} --out longer   # with another hour"),
            format!("mindgap diagnose {run} --learning-curve   # would more images help?"),
            format!("mindgap inspect {source} {labels} --write-relabel relabel.csv   # which labels are wrong?"),
        ];
    }

    fn say_overrun(&mut self) {
        let (spent, budget) = (self.spent(), self.record.budget_seconds);
        if spent > 1.05 * budget {
            self.record.note(format!(
                "The budget was overrun: {} in place of {}. Epochs took longer than when the plan was made, or stops and resumes \
                 took time.",
                super::clock::text_of(spent),
                super::clock::text_of(budget)
            ));
        }
    }
}

/// A time as `--budget` takes it, in minutes.
pub fn round_time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil().max(1.0) as u64;
    humantime::format_duration(std::time::Duration::from_secs(60 * minutes)).to_string()
}

#[cfg(test)]
mod tests {
    use super::round_time;

    #[test]
    fn times_are_rounded_up_to_minutes() {
        assert_eq!(round_time(61.0), "2m");
        assert_eq!(round_time(7200.0), "2h");
        assert_eq!(round_time(5400.5), "1h 31m");
    }
}
