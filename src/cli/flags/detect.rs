//! `--detect`: the difference in val loss that is to be told.

/// Reads a number of nats.
/// Fails unless it is a number above 0.
pub fn nats(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(nats) if nats > 0.0 && nats.is_finite() => Ok(nats),
        _ => Err("a difference in val loss is a number of nats above 0, such as 0.01".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nats_are_positive_numbers() {
        assert_eq!(nats("0.01"), Ok(0.01));
        for text in ["0", "-0.1", "NaN", "inf", "1%", ""] {
            assert!(nats(text).is_err(), "{text}");
        }
    }
}
