//! Reads numbers that may be NaN from JSON, where serde_json writes NaN as null.

use serde::{Deserialize, Deserializer};

/// Reads a number; null is NaN.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// The number of a field that is absent, which is as unknown as null.
pub fn absent() -> f64 {
    f64::NAN
}

/// Reads a number that may be left out; null is NaN, absent is `None`. The field needs `#[serde(default)]` too.
pub fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    number(from).map(Some)
}

/// Reads a pair of numbers; null is NaN.
pub fn pair<'de, D: Deserializer<'de>>(from: D) -> Result<[f64; 2], D::Error> {
    let pair: [Option<f64>; 2] = Deserialize::deserialize(from)?;
    Ok(pair.map(|number| number.unwrap_or(f64::NAN)))
}

/// Reads a list of numbers; null is NaN.
pub fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let list: Vec<Option<f64>> = Deserialize::deserialize(from)?;
    Ok(list.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect())
}
