//! How much each class counts in the training objective.

use std::{fmt, str::FromStr};

use anyhow::{Context, Error, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// How much each class counts in the training objective. In recipes and flags it is a text: `none`, `balanced`, or weights such as
/// `disgust=3,fear=1.5`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClassWeights {
    /// Every image counts the same.
    #[default]
    None,
    /// Images count in inverse proportion to how many their class has.
    Balanced,
    /// Images of these classes count with these weights, those of other classes with 1.
    Listed(Vec<(String, f64)>),
}

impl ClassWeights {
    /// Whether classes have weights.
    pub fn is_on(&self) -> bool {
        *self != Self::None
    }
}

impl FromStr for ClassWeights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => return Ok(Self::None),
            "balanced" => return Ok(Self::Balanced),
            _ => {}
        }
        let mut listed: Vec<(String, f64)> = Vec::new();
        for part in text.split(',') {
            let Some((class, weight)) = part.rsplit_once('=') else {
                bail!(
                    "{part:?}: expected none, balanced, or a weight for each class that is not to count 1, such as disgust=3,fear=1.5"
                )
            };
            let (class, weight) = (class.trim(), weight.trim());
            // A batch of images without weight would have no mean. The objective computes in float32.
            let is_usable = |number: &f64| (1e-30..=1e30).contains(number);
            let number = weight.parse::<f64>().ok().filter(is_usable);
            let number = number.with_context(|| {
                format!("{part:?}: the weight of a class is a number from 1e-30 to 1e30; to leave a class out, choose the others by --classes")
            })?;
            ensure!(!class.is_empty(), "{part:?} names no class");
            ensure!(listed.iter().all(|(other, _)| other != class), "the class {class:?} has two weights");
            listed.push((class.to_owned(), number));
        }
        Ok(Self::Listed(listed))
    }
}

impl fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Balanced => f.write_str("balanced"),
            Self::Listed(listed) => {
                let parts: Vec<String> = listed.iter().map(|(class, weight)| format!("{class}={weight}")).collect();
                f.write_str(&parts.join(","))
            }
        }
    }
}

impl TryFrom<String> for ClassWeights {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ClassWeights> for String {
    fn from(weights: ClassWeights) -> Self {
        weights.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_from_the_text_that_they_are_written_as() {
        let listed = |list: &[(&str, f64)]| {
            ClassWeights::Listed(list.iter().map(|(class, weight)| ((*class).to_owned(), *weight)).collect())
        };
        for (text, weights) in [
            ("none", ClassWeights::None),
            ("balanced", ClassWeights::Balanced),
            ("disgust=3,fear=1.5", listed(&[("disgust", 3.0), ("fear", 1.5)])),
            ("a=b=0.5,none=2", listed(&[("a=b", 0.5), ("none", 2.0)])),
        ] {
            assert_eq!(text.parse::<ClassWeights>().unwrap(), weights);
            assert_eq!(weights.to_string(), text);
        }
        assert_eq!(" a = 2 , b=1".parse::<ClassWeights>().unwrap(), listed(&[("a", 2.0), ("b", 1.0)]));
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, expected) in [
            ("balance", "expected none, balanced, or a weight"),
            ("", "expected none, balanced, or a weight"),
            ("a=-1", "a number from 1e-30"),
            ("a=x", "a number from 1e-30"),
            ("a=1,b=0", "a number from 1e-30 to 1e30; to leave a class out, choose the others by --classes"),
            ("a=1e-46", "a number from 1e-30"),
            ("a=3e38", "a number from 1e-30"),
            ("a=1,a=2", "has two weights"),
            ("=1", "names no class"),
        ] {
            let message = text.parse::<ClassWeights>().unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
