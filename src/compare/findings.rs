//! The finding about a preset in words: for the tables, and why it got no further seeds.

use std::time::Duration;

use super::{Compared, Comparison, Question, Stopped, Verdict};

/// The finding in the words of the tables, with the difference that `question` asks for.
pub(super) fn finding(preset: &Compared, question: Option<&Question>) -> String {
    let margin = question.and_then(|question| question.detect);
    match (preset.verdict, margin, question) {
        (Verdict::NoDifference, Some(margin), _) => format!("no difference larger than {margin}"),
        (Verdict::NotShown, _, Some(_)) => match preset.seeds_to_go_in_words() {
            Some(more) => format!("not shown yet; needs about {more}"),
            None => "not shown yet".to_owned(),
        },
        (verdict, ..) => word(verdict).to_owned(),
    }
}

/// The finding in few words, for a table that fits a terminal.
pub(super) fn short_finding(preset: &Compared, question: Option<&Question>) -> String {
    match (preset.verdict, question.and_then(|question| question.detect)) {
        (Verdict::NoDifference, Some(margin)) => format!("within ±{margin}"),
        (verdict, _) => word(verdict).to_owned(),
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Baseline => "baseline",
        Verdict::Better => "better",
        Verdict::UnderFits => "under-fits",
        Verdict::Worse => "worse",
        Verdict::NoDifference => "no difference",
        Verdict::NotShown => "not shown",
    }
}

impl Comparison {
    /// The answers to the question asked, a sentence for each preset; none without a question.
    pub fn answers(&self) -> Vec<String> {
        let Some(question) = &self.question else { return Vec::new() };
        let mut lines = Vec::new();
        for preset in self.presets.iter().filter(|preset| preset.verdict != Verdict::Baseline) {
            let finding = finding(preset, Some(question));
            let seeds = seeds_text(preset.paired_seeds());
            let mut line = format!("`{}` after {seeds}: {finding}", preset.preset);
            if let Some(stopped) = preset.sequential.and_then(|test| test.stopped) {
                line += &format!("; {}", why(stopped, question));
            }
            lines.push(line + ".");
        }
        lines.extend(self.detections(true));
        lines
    }

    /// How many seeds telling the difference asked for takes and, of runs that are `here`, how much time: a sentence for each preset that
    /// has three seeds; none where no difference was named.
    pub(super) fn detections(&self, are_here: bool) -> Vec<String> {
        let Some(question) = &self.question else { return Vec::new() };
        self.presets.iter().filter_map(|preset| self.seeds_needed(preset, question, are_here)).collect()
    }

    /// How many seeds, and how much time, telling the difference asked for takes of this preset.
    fn seeds_needed(&self, preset: &Compared, question: &Question, are_here: bool) -> Option<String> {
        let (margin, detection) = (question.detect?, preset.detection?);
        let difference = format!("A difference of {margin} nats between `{}` and `{}`", preset.preset, self.baseline);
        let spread = format!(
            "their differences have a standard deviation of {:.4} over {}",
            detection.sd,
            seeds_text(preset.paired_seeds())
        );
        let Some(seeds) = detection.seeds else {
            return Some(format!("{difference} is out of reach of any number of seeds: {spread}."));
        };
        let high = detection.seeds_high.map_or("many more".to_owned(), |high| high.to_string());
        let low = detection.seeds_low.filter(|_| detection.seeds_low != detection.seeds_high);
        let range = low.map_or(String::new(), |low| format!(" ({low} to {high})"));
        let more = seeds.saturating_sub(preset.paired_seeds());
        let time = match self.seconds_of_a_seed(&[preset]) {
            Some(seconds) if more > 0 && are_here => {
                format!(
                    "; {more} more take about {} here",
                    duration_text(seconds / f64::from(question.jobs) * more as f64)
                )
            }
            _ => String::new(),
        };
        Some(format!("{difference} is found with 80 % power by about {seeds} seeds{range}: {spread}{time}."))
    }

    /// Wall time of one seed of these presets and of the baseline, one run after another, in seconds.
    pub(super) fn seconds_of_a_seed(&self, presets: &[&Compared]) -> Option<f64> {
        let baseline = self.presets.iter().find(|preset| preset.preset == self.baseline)?;
        let mut seconds = baseline.figures.seconds.as_ref()?.mean;
        for preset in presets {
            seconds += preset.figures.seconds.as_ref()?.mean;
        }
        Some(seconds)
    }
}

/// Why a preset gets no further seeds, in words.
fn why(stopped: Stopped, question: &Question) -> String {
    let most = question.max_seeds.unwrap_or_default();
    let budget = Duration::from_secs_f64(question.budget_seconds.unwrap_or_default());
    match stopped {
        Stopped::Answered => "it gets no further seeds, since the answer stands".to_owned(),
        Stopped::MaxSeeds => format!("it gets no further seeds, since {most} are the most (--max-seeds)"),
        Stopped::Budget => format!(
            "it gets no further seeds, since another would exceed the training time allowed, {} (--budget)",
            humantime::format_duration(budget)
        ),
        Stopped::OutOfReach => {
            "it gets no further seeds, since those allowed would not bring an answer, even if its true difference \
                                lay at that end of its 95 % interval that is shown soonest"
                .to_owned()
        }
        Stopped::NotANumber => "it gets no further seeds, since a val loss is not a number".to_owned(),
    }
}

fn seeds_text(seeds: usize) -> String {
    if seeds == 1 { "1 seed".to_owned() } else { format!("{seeds} seeds") }
}

/// A time in words, in whole seconds below two minutes and in whole minutes above.
fn duration_text(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 1e9).ceil() as u64;
    let shown = if seconds < 120 { seconds } else { seconds.div_ceil(60) * 60 };
    humantime::format_duration(Duration::from_secs(shown)).to_string()
}
