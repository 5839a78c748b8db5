//! The index of the run that this process trains: the one given, or its number in an array of tasks.

use anyhow::{Context, Result, bail};

/// The environment variables that number tasks: of HyperQueue, Slurm's job arrays, Kubernetes' Indexed Jobs.
const VARIABLES: [&str; 3] = ["HQ_TASK_ID", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// The index and its source. Without a `given` index it is the first of the environment variables that is set;
/// `variable` looks one up.
///
/// # Errors
/// No index is given and no variable is set, a variable holds no number, or two hold different ones.
pub fn index(given: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> Result<(usize, &'static str)> {
    if let Some(index) = given {
        return Ok((index, "--index"));
    }
    let mut taken: Option<(usize, &str)> = None;
    for name in VARIABLES {
        let Some(text) = variable(name) else { continue };
        let number = text.parse().with_context(|| {
            format!("{name}={text:?} is no index of a run: whole numbers from 0 are, or give --index")
        })?;
        match taken {
            Some((before, first)) if before != number => bail!(
                "{first}={before} and {name}={number} name different runs: say which with --index, as in --index \"${name}\""
            ),
            Some(_) => {}
            None => taken = Some((number, name)),
        }
    }
    taken.with_context(|| {
        format!("which run? Give --index N, from 0; outside an array of tasks none of {} is set", VARIABLES.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: Option<usize>, set: &[(&str, &str)]) -> Result<(usize, &'static str)> {
        index(given, |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_number_of_a_task_in_any_engines_array_is_the_index() {
        for name in VARIABLES {
            assert_eq!(of(None, &[(name, "12")]).unwrap(), (12, name));
            assert_eq!(of(Some(3), &[(name, "12")]).unwrap(), (3, "--index"));
        }
        let both = [("HQ_TASK_ID", "4"), ("SLURM_ARRAY_TASK_ID", "4")];
        assert_eq!(of(None, &both).unwrap(), (4, "HQ_TASK_ID"));
    }

    #[test]
    fn without_one_clear_number_nothing_is_trained() {
        let refused = |set: &[(&str, &str)], words: &[&str]| {
            let error = format!("{:#}", of(None, set).unwrap_err());
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        refused(&[], &["--index", "SLURM_ARRAY_TASK_ID"]);
        refused(&[("HQ_TASK_ID", "x")], &["HQ_TASK_ID", "\"x\""]);
        refused(&[("JOB_COMPLETION_INDEX", "-1")], &["JOB_COMPLETION_INDEX"]);
        let both = [("HQ_TASK_ID", "0"), ("SLURM_ARRAY_TASK_ID", "4")];
        refused(&both, &["HQ_TASK_ID=0", "SLURM_ARRAY_TASK_ID=4", "--index"]);
    }
}
