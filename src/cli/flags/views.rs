//! Flag values for the views of an image over which predictions are averaged.

use mindgap::recipe::Tta;

/// Reads `none`, `flip` or `ten-crop`, and fails on any other word.
pub fn parse_views(word: &str) -> Result<Tta, String> {
    [Tta::None, Tta::Flip, Tta::TenCrop]
        .into_iter()
        .find(|views| views.to_string() == word)
        .ok_or_else(|| format!("possible are {}", Tta::WORDS.join(", ")))
}
