//! `mindgap presets`: the recipes that come with the program.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::cli::{End, output::print::print};
use mindgap::recipe::{
    Layers,
    presets::{self, Preset},
    resolve,
};

/// Flags of `mindgap presets`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The preset to print
    pub name: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints to standard output.
///
/// # Errors
/// There is no preset of that name.
pub fn run(args: &Args) -> Result<End> {
    let mut text = Vec::new();
    args.write(&mut text)?;
    print(text)?;
    Ok(End::Done)
}

impl Args {
    fn write(&self, out: &mut impl Write) -> Result<()> {
        match (&self.name, self.json) {
            (Some(name), false) => write!(out, "{}", presets::get(name)?.toml)?,
            (Some(name), true) => writeln!(out, "{:#}", details(presets::get(name)?)?)?,
            (None, true) => {
                let list = presets::ALL.iter().map(details).collect::<Result<Vec<_>>>()?;
                writeln!(out, "{:#}", json!(list))?;
            }
            (None, false) => {
                let width = presets::ALL.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
                for preset in presets::ALL {
                    writeln!(out, "{:width$}  {}", preset.name, preset.summary())?;
                }
            }
        }
        Ok(())
    }
}

/// A preset with its text and the recipe that it resolves to on its own.
fn details(preset: &Preset) -> Result<serde_json::Value> {
    let recipe = resolve(&Layers::default().preset(preset.name)?)?;
    Ok(json!({ "name": preset.name, "summary": preset.summary(), "toml": preset.toml, "recipe": recipe }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(name: Option<&str>, json: bool) -> String {
        let mut out = Vec::new();
        Args { name: name.map(String::from), json }.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn presets_are_listed_with_what_they_are() {
        insta::assert_snapshot!(print(None, false), @r#"
        seed          The origin's recipe: 20 epochs of cyclic rate, then a tenth of it every 10, 50 in all.
        longer        The first answer that the origin got: train longer, 1.4 times the epochs.
        wider         The second answer that the origin got: a larger model, twice the width.
        dropout       Dropout before the classifier, on the origin's recipe.
        weight-decay  Weight decay of 0.0005, on the origin's recipe.
        augment       Mirrored, turned, moved, zoomed and lit differently: augmentation, on the origin's recipe.
        mixup         Mixup with alpha 0.2, on the origin's recipe.
        smoothing     Label smoothing of 0.1, on the origin's recipe.
        ema           The average of the weights as the model, on the origin's recipe.
        closed        Everything that helps, balanced for 15 epochs of a network under a million parameters.
        closed-small  Mild regularisation for small networks and short runs, which the full set makes worse.
        fast          About the origin's accuracy on FER2013 in four minutes on two cores.
        fine-tune     A short run at a low rate, for weights that were trained on other images.
        demo          The origin's recipe in 22 epochs and with a stride-2 stem, for the embedded faces.
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
