//! What a diagnosis finds.

use std::collections::BTreeMap;

use serde::Serialize;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Worth a change.
    Warning,
    /// The result suffers.
    Problem,
}

impl Severity {
    /// In capitals, for a terminal.
    pub fn label(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Problem => "PROBLEM",
        }
    }
}

/// Every finding there is, causes before what they cause: of two findings of equal severity the one that stands first
/// here is said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // each is explained where it is found
pub enum Id {
    Healthy,
    Diverged,
    RateTooHigh,
    Leak,
    LabelNoise,
    RateTooLow,
    Underfit,
    GapHarmful,
    GapUnclear,
    Memorised,
    Overconfident,
    DecaysTooEarly,
    Plateau,
    ClassGap,
    GapOpens,
    GapBenign,
    ValNoise,
    Underconfident,
    Artefact,
    MoreData,
    Next,
}

impl Id {
    /// As it is written, such as `gap-opens`.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which one.
    pub id: Id,
    /// How much it matters.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// What it is concluded from.
    pub evidence: String,
    /// What to do, for somebody whose knobs are as they are.
    pub advice: String,
    /// The numbers of the evidence by name; losses in nats.
    pub figures: BTreeMap<&'static str, f64>,
}

impl Finding {
    /// A finding without evidence yet.
    pub fn new(id: Id, severity: Severity, title: impl Into<String>) -> Self {
        let (evidence, advice) = (String::new(), String::new());
        Self { id, severity, title: title.into(), evidence, advice, figures: BTreeMap::new() }
    }

    /// With what it is concluded from.
    pub fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = evidence.into();
        self
    }

    /// With what to do.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// With a number of the evidence; one that is not finite is left out.
    pub fn figure(mut self, name: &'static str, value: f64) -> Self {
        if value.is_finite() {
            self.figures.insert(name, value);
        }
        self
    }
}
