//! The images that a model takes, according to its description or, where it has none, to flags.

use anyhow::{Context, Result, ensure};

use mindgap::{data::Merge, export::Model, recipe::Tta};

/// What happens to 16-bit images where neither the model nor a flag states a range.
pub const KEEP_HIGH_BYTE: &str = "16-bit images keep their high byte, since the model does not state the range of its \
                                  training images; --range-16bit LO HI scales them";

/// Flags for the images of a model whose file does not describe them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct InputFlags {
    /// Width and height of an image, for a TorchScript file that mindgap did not write
    #[arg(long, value_name = "PIXELS", help_heading = "Model", value_parser = clap::value_parser!(u32).range(1..=4096))]
    img_size: Option<u32>,

    /// Channels of an image, 1 (grey) or 3 (RGB), for a TorchScript file that mindgap did not write
    #[arg(long, value_name = "1|3", help_heading = "Model", value_parser = clap::value_parser!(u32).range(1..=3))]
    pub in_chans: Option<u32>,

    /// Values of 16-bit images that become 0 and 255 [default: those of the model's training]
    #[arg(long = "range-16bit", value_names = ["LO", "HI"], num_args = 2, help_heading = "Model")]
    range_16bit: Vec<u16>,
}

/// The images that a model takes, and its classes.
#[derive(Clone, Debug)]
pub struct Input {
    /// Width and height \[pixels\].
    pub size: u32,
    /// 1 (grey) or 3 (RGB).
    pub channels: u32,
    /// The values of 16-bit images that become 0 and 255, where the model or a flag states them.
    pub range_16bit: Option<[u16; 2]>,
    /// The classes in the order of the logits, where the model names them.
    pub classes: Option<Vec<String>>,
    /// The temperature for calibrated probabilities, where one was fitted.
    pub temperature: Option<f64>,
}

impl Input {
    /// The message for a model that fails on these images, of which it was given `views`.
    pub fn failure(&self, views: Tta) -> String {
        let Self { size, channels, .. } = self;
        let views = if views == Tta::TenCrop { " and crops of them (--tta ten-crop)" } else { "" };
        format!("the model fails on images of {size}×{size} pixels in {channels} channels{views}")
    }
}

impl InputFlags {
    /// The input of `model`.
    /// Fails if neither the model nor the flags state the shape, or if they contradict each other.
    pub fn of(&self, model: &dyn Model) -> Result<Input> {
        let range = match self.range_16bit[..] {
            [low, high] => {
                ensure!(low < high, "--range-16bit {low} {high}: the lower value comes first");
                Some([low, high])
            }
            _ => None,
        };
        let Some(about) = model.description() else {
            let missing = "this TorchScript file does not state which images it takes";
            let size = self.img_size.with_context(|| format!("{missing}: add --img-size"))?;
            let channels = self.in_chans.with_context(|| format!("{missing}: add --in-chans"))?;
            ensure!(channels != 2, "--in-chans 2: 1 (grey) and 3 (RGB) are possible");
            return Ok(Input { size, channels, range_16bit: range, classes: None, temperature: None });
        };
        for (flag, asked, own) in
            [("--img-size", self.img_size, about.size), ("--in-chans", self.in_chans, about.channels)]
        {
            ensure!(
                asked.is_none_or(|asked| asked == own),
                "{flag} is for models that do not state it; this one takes {own}: leave the flag out"
            );
        }
        Ok(Input {
            size: about.size,
            channels: about.channels,
            range_16bit: range.or(about.recipe()?.range_16bit),
            classes: Some(about.classes.clone()),
            temperature: about.temperature,
        })
    }
}

/// The model's number of each class of the data, matched by name. A class that the model does not know counts as what
/// its training counted it as, by `merges`.
/// Fails if the data hold a class that the model does not know.
pub fn class_numbers(data: &[String], model: &[String], merges: &[Merge]) -> Result<Vec<i64>> {
    let number = |class: &String| {
        let known = |name: &String| model.iter().position(|known| known == name);
        known(class).or_else(|| known(&merges.iter().find(|merge| merge.from == *class)?.into))
    };
    let unknown: Vec<&String> = data.iter().filter(|class| number(class).is_none()).collect();
    ensure!(
        unknown.is_empty(),
        "the data hold classes that the model does not know: {unknown:?}; it knows {model:?}. --classes leaves classes out, \
         --merge joins them"
    );
    Ok(data.iter().filter_map(|class| Some(number(class)? as i64)).collect())
}

/// Reads `none`, `flip` or `ten-crop`, and fails on any other word.
pub fn parse_views(word: &str) -> Result<Tta, String> {
    [Tta::None, Tta::Flip, Tta::TenCrop]
        .into_iter()
        .find(|views| views.to_string() == word)
        .ok_or_else(|| format!("possible are {}", Tta::WORDS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_matched_by_name() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let model = names(&["anger", "fear", "joy"]);
        assert_eq!(class_numbers(&names(&["joy", "anger"]), &model, &[]).unwrap(), [2, 0]);
        let error = class_numbers(&names(&["joy", "pride"]), &model, &[]).unwrap_err().to_string();
        assert!(error.contains(r#"["pride"]"#), "{error}");
        let merged = ["pride=joy".parse().unwrap()];
        assert_eq!(class_numbers(&names(&["joy", "pride"]), &model, &merged).unwrap(), [2, 2]);
    }
}
