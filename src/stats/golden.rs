//! Reference numbers for the tests, which scipy and numpy computed (`scripts/golden/stats.py`), and comparisons of floats.

use serde_json::Value;

/// The golden numbers.
pub struct Golden(Value);

/// Reads `tests/golden/stats.json`.
pub fn golden() -> Golden {
    Golden(serde_json::from_str(include_str!("../../tests/golden/stats.json")).unwrap())
}

/// Reads `tests/golden/classes.json`, which scikit-learn and scipy computed (`scripts/golden/classes.py`).
pub fn golden_of_classes() -> Golden {
    Golden(serde_json::from_str(include_str!("../../tests/golden/classes.json")).unwrap())
}

/// Reads `tests/golden/label_errors.json`, which cleanlab and numpy computed (`scripts/golden/label_errors.py`).
pub fn golden_of_label_errors() -> Golden {
    Golden(serde_json::from_str(include_str!("../../tests/golden/label_errors.json")).unwrap())
}

impl Golden {
    pub fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("no golden number {name}"))
    }

    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let numbers = self.0[name].as_array().unwrap_or_else(|| panic!("no golden numbers {name}"));
        numbers.iter().map(|number| number.as_f64().unwrap()).collect()
    }

    pub fn classes(&self) -> usize {
        self.number("classes") as usize
    }

    /// Logits and labels.
    pub fn logits(&self) -> (Vec<f32>, Vec<i64>) {
        let logits = self.numbers("logits").into_iter().map(|logit| logit as f32);
        (logits.collect(), self.numbers("labels").into_iter().map(|label| label as i64).collect())
    }
}

/// Asserts that two numbers differ by at most `tolerance`, relative to the expected one where that is above 1.
#[track_caller]
pub fn assert_close(value: f64, expected: f64, tolerance: f64) {
    let allowed = tolerance * expected.abs().max(1.0);
    assert!((value - expected).abs() <= allowed, "{value} is not {expected} within {allowed}");
}

/// [`assert_close`] number by number.
#[track_caller]
pub fn assert_all_close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    for (&value, &expected) in values.iter().zip(expected) {
        assert_close(value, expected, tolerance);
    }
}
