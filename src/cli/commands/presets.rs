//! `mindgap presets`: the recipes that come with the program.

use anyhow::Result;
use serde_json::json;

use crate::cli::{ExitStatus, output::print::print};
use mindgap::recipe::{
    Layers,
    presets::{self, Preset},
    resolve,
};

#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The preset to print
    name: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints the presets, or one of them.
/// Fails if there is no preset of that name.
pub fn run(args: &Args) -> Result<ExitStatus> {
    print(text(args)?)?;
    Ok(ExitStatus::Done)
}

fn text(args: &Args) -> Result<String> {
    Ok(match (&args.name, args.json) {
        (Some(name), false) => presets::get(name)?.toml.to_owned(),
        (Some(name), true) => format!("{:#}\n", details(presets::get(name)?)?),
        (None, true) => format!("{:#}\n", json!(presets::ALL.iter().map(details).collect::<Result<Vec<_>>>()?)),
        (None, false) => {
            let width = presets::ALL.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
            presets::ALL.iter().map(|preset| format!("{:width$}  {}\n", preset.name, preset.summary())).collect()
        }
    })
}

/// A preset as JSON: its name, summary and text, and the recipe that it resolves to without other flags.
fn details(preset: &Preset) -> Result<serde_json::Value> {
    let recipe = resolve(&Layers::default().preset(preset.name)?)?;
    Ok(json!({ "name": preset.name, "summary": preset.summary(), "toml": preset.toml, "recipe": recipe }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(name: Option<&str>, json: bool) -> String {
        text(&Args { name: name.map(String::from), json }).unwrap()
    }

    #[test]
    fn presets_are_listed_with_what_they_are() {
        insta::assert_snapshot!(print(None, false), @r#"
        seed          The reference recipe: 20 epochs of cyclic rate, then a tenth of it every 10, 50 in all.
        longer        The reference recipe for 1.4 times the epochs: the first answer, train longer.
        wider         The reference recipe with twice the width: the second answer, take a larger model.
        dropout       The reference recipe with dropout before the classifier.
        weight-decay  The reference recipe with weight decay of 0.0005.
        augment       The reference recipe with augmentation: mirrored, turned, moved, zoomed, lit differently.
        mixup         The reference recipe with mixup of alpha 0.2.
        smoothing     The reference recipe with label smoothing of 0.1.
        ema           The reference recipe with averaged weights as the model.
        closed        Everything that helps, balanced for 13 epochs of a network under a million parameters.
        closed-hour   Three times the epochs of preset closed, with what keeps the gap small over that length.
        closed-sgd    Everything that helps but Muon: what preset closed was before it had that optimizer.
        closed-small  Mild regularisation for small networks and short runs, which the full set makes worse.
        fast          Better than the reference run on FER2013 in an eighth of the time of preset closed-sgd.
        labels        Predictions on images left out of training: what the search for wrong labels trains.
        fine-tune     A short run at a low rate, for weights that were trained on other images.
        demo          The reference recipe in 22 epochs and with a stride-2 stem, for the generated faces.
        "#);
    }

    #[test]
    fn a_printed_preset_is_a_recipe_file_that_means_the_same() {
        for preset in presets::ALL {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), print(Some(preset.name), false)).unwrap();
            let from_file = resolve(&Layers::default().file(file.path()).unwrap()).unwrap();
            assert_eq!(from_file, resolve(&Layers::default().preset(preset.name).unwrap()).unwrap());
        }
    }

    #[test]
    fn json_holds_the_resolved_recipe() {
        let value: serde_json::Value = serde_json::from_str(&print(Some("longer"), true)).unwrap();
        assert_eq!((&value["name"], &value["recipe"]["epochs"]), (&json!("longer"), &json!(70)));
        let list: serde_json::Value = serde_json::from_str(&print(None, true)).unwrap();
        assert_eq!(list.as_array().unwrap().len(), presets::ALL.len());
    }
}
