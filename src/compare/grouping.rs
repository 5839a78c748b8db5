//! Groups runs that others trained: which of them are one recipe over several seeds.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{FinishedRun, Job, split_fold};

/// What decides which runs form a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GroupBy {
    /// Runs of mindgap's own by recipe and data: those that differ in nothing but the seed. Others stand alone.
    #[default]
    Recipe,
    /// The name of the folder or file up to a seed at its end: `resnet18-seed0`, `resnet18_s1`, `lr=0.1,seed=2`.
    Name,
    /// Every run alone.
    Run,
    /// The value of a recipe key, or of a field of `environment.json` such as `recorder.model`.
    Key(String),
}

impl From<&str> for GroupBy {
    fn from(text: &str) -> Self {
        match text {
            "recipe" => Self::Recipe,
            "name" => Self::Name,
            "run" => Self::Run,
            key => Self::Key(key.to_owned()),
        }
    }
}

/// Gives each of `runs`, which lie at `places`, its group and seed. Returns the groups in the order of their first runs.
/// Fails where a place is named twice, it is not clear whether runs are seeds of one recipe, a run lacks the key, or two runs of a group
/// have the same seed.
pub fn group(runs: &mut [FinishedRun], places: &[PathBuf], by: &GroupBy) -> Result<Vec<String>> {
    let names = names_of(places)?;
    let labels = match by {
        GroupBy::Recipe => by_recipe(runs, &names)?,
        GroupBy::Name => by_name(&names),
        GroupBy::Run => names.iter().map(|name| name.whole.clone()).collect(),
        GroupBy::Key(key) => runs.iter().map(|run| by_key(run, key)).collect::<Result<_>>()?,
    };
    let mut groups: Vec<String> = Vec::new();
    for label in &labels {
        if !groups.contains(label) {
            groups.push(label.clone());
        }
    }
    for group in &groups {
        let members: Vec<usize> = (0..runs.len()).filter(|&run| labels[run] == *group).collect();
        let known: Option<Vec<u64>> = members.iter().map(|&run| seed_of(&runs[run], &names[run])).collect();
        for (order, &run) in (0..).zip(&members) {
            // Where a seed is not known, the runs of a group are numbered as they were named.
            let seed = known.as_ref().map_or(order, |seeds| seeds[order as usize]);
            let fold = fold_of(&runs[run]);
            let has_same_place = |other: &Job| other.seed == seed && other.fold == fold;
            if let Some(&other) = members[..order as usize].iter().find(|&&other| has_same_place(&runs[other].job)) {
                bail!(
                    "{} and {} are both seed {seed} of the group {group:?}{}: name runs of different seeds, or group them by something \
                     else (`options.group_by`)",
                    runs[other].name(),
                    runs[run].name(),
                    differing(&runs[other], &runs[run])
                );
            }
            runs[run].job = Job { preset: group.clone(), seed, fold };
        }
    }
    Ok(groups)
}

/// The first recipe keys in which two runs differ, for a message.
fn differing(one: &FinishedRun, other: &FinishedRun) -> String {
    let (Some(one), Some(other)) = (&one.recipe, &other.recipe) else { return String::new() };
    let keys: Vec<String> = one.diff(other).into_iter().take(3).map(|difference| difference.key).collect();
    if keys.is_empty() { String::new() } else { format!(", and differ in {}", keys.join(", ")) }
}

/// The seed of a run: its recipe's, or the one in its name.
fn seed_of(run: &FinishedRun, name: &Name) -> Option<u64> {
    run.recipe.as_ref().map(|recipe| recipe.seed).or(name.seed)
}

/// The fold that validated the run, where its recipe divides the data into folds.
fn fold_of(run: &FinishedRun) -> Option<u32> {
    run.recipe.as_ref().and_then(|recipe| recipe.fold.filter(|_| recipe.folds.is_some()))
}

fn by_key(run: &FinishedRun, key: &str) -> Result<String> {
    let recipe = run.recipe.as_ref().map(serde_json::to_value).transpose()?;
    let environment = run.environment.as_ref().map(serde_json::to_value).transpose()?;
    let in_environment = environment.as_ref().and_then(|all| all.pointer(&format!("/{}", key.replace('.', "/"))));
    let found = recipe.as_ref().and_then(|recipe| recipe.get(key)).or(in_environment);
    let value = found.with_context(|| {
        format!(
            "{} has no {key:?}, neither a recipe key nor a field of environment.json (as in `recorder.model`); `name` groups by the names \
             of folders or files, `run` takes every run alone",
            run.name()
        )
    })?;
    ensure!(
        !value.is_object() && !value.is_array(),
        "{key:?} of {} is no single value: group by one of its fields, or by `name`",
        run.name()
    );
    Ok(format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
}

/// Own runs by recipe and data; a seed that comes twice begins a group of its own. Others stand alone, unless their names look like
/// seeds of one recipe, which only the user can decide.
fn by_recipe(runs: &[FinishedRun], names: &[Name]) -> Result<Vec<String>> {
    let stems = by_name(names);
    let mut labels: Vec<String> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let Some(recipe) = &run.recipe else {
            let similar = (0..index).find(|&other| runs[other].recipe.is_none() && stems[other] == stems[index]);
            if let Some(similar) = similar {
                bail!(
                    "{} and {} look like two seeds of one recipe, which is not recorded: add `options.group_by = name` where they are, `options.group_by = run` \
                     where every run stands alone",
                    runs[similar].name(),
                    run.name()
                );
            }
            labels.push(free(&names[index].whole, &labels));
            continue;
        };
        let is_same = |other: &FinishedRun| {
            other.recipe.as_ref().is_some_and(|other| other.is_same_but_seed_and_fold(recipe))
                && are_on_same_data(run, other)
        };
        let same: Vec<usize> = (0..index).filter(|&other| is_same(&runs[other])).collect();
        let place = |index: usize| (seed_of(&runs[index], &names[index]), fold_of(&runs[index]));
        let group = same
            .iter()
            .map(|&other| labels[other].clone())
            .find(|label| same.iter().all(|&other| labels[other] != *label || place(other) != place(index)));
        labels.push(group.unwrap_or_else(|| free(&stems[index], &labels)));
    }
    Ok(labels)
}

/// Whether both runs were trained on the same data, as far as that is recorded.
pub(super) fn are_on_same_data(run: &FinishedRun, other: &FinishedRun) -> bool {
    match (&run.environment, &other.environment) {
        (Some(one), Some(two)) => one.data.is_same(&two.data, fold_of(run) == fold_of(other)),
        _ => true,
    }
}

/// `wanted`, or the first of `wanted (2)`, `wanted (3)`, … that is not taken.
fn free(wanted: &str, taken: &[String]) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while taken.contains(&name) {
        number += 1;
        name = format!("{wanted} ({number})");
    }
    name
}

/// The names without their seeds.
fn by_name(names: &[Name]) -> Vec<String> {
    let stem =
        |name: &Name| if name.seed.is_some() || name.fold.is_some() { name.stem.clone() } else { name.whole.clone() };
    names.iter().map(stem).collect()
}

/// The name of a folder or file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    /// The name with its seed; unique.
    whole: String,
    /// The name without its seed.
    stem: String,
    /// The seed in it.
    seed: Option<u64>,
    /// Whether the seed is written `s0`, without the word.
    is_short: bool,
    /// The fold behind the seed.
    fold: Option<u32>,
}

/// The names of `places`, with the folder around them where two would be called the same.
fn names_of(places: &[PathBuf]) -> Result<Vec<Name>> {
    let mut seen = HashSet::new();
    for place in places {
        let same = place.canonicalize().unwrap_or_else(|_| place.clone());
        ensure!(seen.insert(same), "{} is named twice", place.display());
    }
    let mut names = Vec::new();
    for depth in 1..=3 {
        names = places.iter().map(|place| name_of(place, depth)).collect::<Vec<Name>>();
        let are_unique = names.iter().map(|name| &name.whole).collect::<HashSet<_>>().len() == names.len();
        let seeds = names.iter().map(|name| (&name.stem, name.seed, name.fold)).collect::<HashSet<_>>();
        if are_unique && seeds.len() == names.len() {
            drop_lone_short_seeds(&mut names);
            return Ok(names);
        }
    }
    let mut taken: Vec<String> = Vec::new();
    for name in &mut names {
        name.whole = free(&name.whole, &taken);
        taken.push(name.whole.clone());
    }
    drop_lone_short_seeds(&mut names);
    Ok(names)
}

/// A bare `s` before the number counts as a seed only where several names share the rest: `vit-s16` alone is a network.
fn drop_lone_short_seeds(names: &mut [Name]) {
    let mut seeds_of: HashMap<String, usize> = HashMap::new();
    for name in names.iter().filter(|name| name.seed.is_some()) {
        *seeds_of.entry(name.stem.clone()).or_default() += 1;
    }
    for name in names {
        if name.is_short && seeds_of[&name.stem] == 1 {
            name.seed = None;
        }
    }
}

/// The last `depth` parts of a path, the ending of a table left out.
fn name_of(place: &Path, depth: usize) -> Name {
    let whole = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    let mut parts: Vec<String> = whole.iter().skip(1).map(|part| part.to_string_lossy().into_owned()).collect();
    if let Some(last) = parts.last_mut() {
        for ending in [".csv", ".tsv", ".txt"] {
            if let Some(stem) = last.strip_suffix(ending).filter(|stem| !stem.is_empty()) {
                *last = stem.to_owned();
                break;
            }
        }
    }
    let join = |parts: &[String], depth: usize| parts[parts.len().saturating_sub(depth)..].join("/");
    let whole = join(&parts, depth);
    let last = parts.pop().unwrap_or_default();
    let (last, fold) = split_fold(&last);
    match split_seed(last) {
        // Where the seed is the whole name, the folder around it is named after the recipe.
        Some(("", seed, is_short)) => {
            Name { whole, stem: join(&parts, (depth - 1).max(1)), seed: Some(seed), is_short, fold }
        }
        Some((stem, seed, is_short)) => {
            parts.push(stem.to_owned());
            Name { whole, stem: join(&parts, depth), seed: Some(seed), is_short, fold }
        }
        None => {
            parts.push(last.to_owned());
            Name { stem: join(&parts, depth), whole, seed: None, is_short: false, fold }
        }
    }
}

/// Splits `resnet18-seed0`, `resnet18_s1`, `lr=0.1,seed=2` or `seed_3` into stem and seed; also whether the seed is written
/// without the word.
fn split_seed(name: &str) -> Option<(&str, u64, bool)> {
    let before = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let seed = name[before.len()..].parse().ok()?;
    let before = before.strip_suffix(['=', '-', '_']).unwrap_or(before);
    let lower = before.to_ascii_lowercase();
    let (word, is_short) = if lower.ends_with("seed") { ("seed", false) } else { ("s", true) };
    if !lower.ends_with(word) {
        return None;
    }
    let stem = &before[..before.len() - word.len()];
    let trimmed = stem.trim_end_matches(['-', '_', '.', ',', ' ']);
    // The word must stand alone: `linseed3` is no seed.
    (stem.is_empty() || trimmed.len() < stem.len()).then_some((trimmed, seed, is_short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_at_the_end_of_a_name_is_found_as_people_write_it() {
        for (name, expected) in [
            ("resnet18-seed0", Some(("resnet18", 0, false))),
            ("resnet18_seed_12", Some(("resnet18", 12, false))),
            ("resnet18_s1", Some(("resnet18", 1, true))),
            ("model=r18,seed=3", Some(("model=r18", 3, false))),
            ("Seed7", Some(("", 7, false))),
            ("20240501-123000-resnet18-224", None),
            ("linseed3", None),
            ("resnets18", None),
            ("resnet18", None),
            ("seed", None),
            ("r-seed99999999999999999999999", None),
        ] {
            assert_eq!(split_seed(name), expected, "{name}");
        }
    }

    fn labels(places: &[&str]) -> Vec<String> {
        by_name(&names_of(&places.iter().map(PathBuf::from).collect::<Vec<_>>()).unwrap())
    }

    #[test]
    fn names_without_their_seeds_form_groups() {
        assert_eq!(labels(&["/r/a-seed0", "/r/a-seed1", "/r/b_s0.csv"]), ["a", "a", "b_s0"]);
        assert_eq!(labels(&["/r/a_s0.csv", "/r/a_s1.csv"]), ["a", "a"]);
        assert_eq!(labels(&["/r/vit-s16", "/r/vit-b16"]), ["vit-s16", "vit-b16"]);
        assert_eq!(labels(&["/r/a/seed_0", "/r/a/seed_1", "/r/b/seed_0"]), ["a", "a", "b"]);
        // The same name in two folders: the folders tell them apart.
        assert_eq!(labels(&["/x/a-seed0", "/y/a-seed0"]), ["x/a", "y/a"]);
        assert_eq!(labels(&["/x/predictions.csv", "/y/predictions.csv"]), ["x/predictions", "y/predictions"]);
        assert!(names_of(&["a".into(), "a".into()]).is_err());
        let seeds = |places: [&str; 2]| names_of(&places.map(PathBuf::from)).unwrap().into_iter().map(|name| name.seed);
        assert!(seeds(["/r/vit-s16", "/r/vit-b16"]).eq([None, None]));
        assert!(seeds(["/r/a_s0", "/r/a_s1"]).eq([Some(0), Some(1)]));
    }
}
