//! The form of a finding.

use std::collections::BTreeMap;

use serde::Serialize;

/// How much a finding matters.
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
    /// The name in capitals, for a terminal.
    pub fn label(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Problem => "PROBLEM",
        }
    }
}

/// All kinds of findings. A cause stands before its effects, since of two findings of equal severity the one that comes
/// first here is printed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // the rule that makes a finding explains it
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
    ValSmall,
    Underconfident,
    Artefact,
    MoreData,
    Next,
}

impl Id {
    /// The name in outputs, such as `gap-opens`.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The kind of finding.
    pub id: Id,
    /// How much the finding matters.
    pub severity: Severity,
    /// The finding in one line.
    pub title: String,
    /// The observations that it is concluded from.
    pub evidence: String,
    /// What to do, given the knobs that are on.
    pub advice: String,
    /// The numbers of the evidence by name; losses in nats.
    pub figures: BTreeMap<&'static str, f64>,
}

impl Finding {
    /// A finding without evidence, advice or figures yet.
    pub fn new(id: Id, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            id,
            severity,
            title: title.into(),
            evidence: String::new(),
            advice: String::new(),
            figures: BTreeMap::new(),
        }
    }

    /// Sets the evidence.
    pub fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = evidence.into();
        self
    }

    /// Sets the advice.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Adds numbers of the evidence; those that are not finite are left out.
    pub fn figures<const N: usize>(mut self, figures: [(&'static str, f64); N]) -> Self {
        self.figures.extend(figures.into_iter().filter(|(_, value)| value.is_finite()));
        self
    }
}
