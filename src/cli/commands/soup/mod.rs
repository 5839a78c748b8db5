//! `mindgap soup`: one network from several runs, by the mean of their weights, kept only where val gets better by it.

mod args;
mod figures;
mod ingredients;
mod text;

use anyhow::{Result, ensure};

pub use args::Args;

use crate::cli::{
    ExitStatus,
    flags::model_file,
    output::{print::print, say::say},
};
use figures::SoupFigures;
use ingredients::Ingredients;
use mindgap::{durable, export::FileFormat, search::PairedDifference, train::soup};

/// Makes the soup, judges it on the half of val that chose nothing, and writes it where it has two networks or more.
/// Fails if a run cannot be read, the runs do not fit each other, their data are missing or changed, or the file exists.
pub fn run(args: &Args) -> Result<ExitStatus> {
    ensure!(args.runs.len() >= 2, "a soup needs two runs or more: mindgap soup RUN RUN …");
    ensure!(
        FileFormat::of(&args.out) == Some(FileFormat::Safetensors),
        "--out {} is no .safetensors file: write the soup as one, and turn it into another format with `mindgap export`",
        args.out.display()
    );
    ensure!(args.force || !args.out.exists(), "{} exists: add --force to replace it", args.out.display());
    model_file::check_out(&args.out)?;
    durable::check_writable(&durable::folder_of(&args.out))?;
    for (index, run) in args.runs.iter().enumerate() {
        let is_twice = args.runs[..index].iter().any(|before| durable::is_same(before, run));
        ensure!(!is_twice, "{} is given twice: a soup is made of different runs", run.display());
    }
    let ingredients = Ingredients::open(args)?;
    if !soup::share_a_beginning(&ingredients.recipes()?) {
        say(
            "note: these runs began from different weights, and the mean of such networks is seldom better than one of them: train from one \
             --pretrained file or with one --seed",
        );
    }

    let (mut alone, mut losses) = (Vec::new(), Vec::new());
    for (run, classifier) in args.runs.iter().zip(&ingredients.classifiers) {
        let images = ingredients.measure(&classifier.network)?;
        let loss = ingredients.choosing_loss(&images);
        say(format_args!("{}: val loss {loss:.4} on the half that chooses", run.display()));
        losses.push(loss);
        alone.push(images);
    }
    let tried = soup::greedy(&losses, |members| Ok(ingredients.choosing_loss(&ingredients.mean_of(members)?)))?;
    ensure!(!tried.is_empty(), "the val loss of none of these runs is a number");

    let members: Vec<usize> = tried.iter().filter(|it| it.is_kept).map(|it| it.network).collect();
    let best = members[0];
    let is_soup = members.len() > 1;
    let images = if is_soup { ingredients.mean_of(&members)? } else { alone[best].clone() };
    if is_soup {
        durable::write(&args.out, &ingredients.file(&members, &images)?)?;
    }
    let [judged, judged_best] = [&images, &alone[best]].map(|images| ingredients.judging(images));
    let difference = PairedDifference::of_loss(&judged, &judged_best)?;
    let found = SoupFigures::new(args, &losses, &tried, [judged.score(), judged_best.score()], difference);
    print(if args.json { serde_json::to_string_pretty(&found)? + "\n" } else { text::render(&found) })?;
    Ok(ExitStatus::Done)
}
