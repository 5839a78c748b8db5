//! Weights that were trained elsewhere, for `--pretrained FILE.safetensors` and `--pretrained timm/resnet18.a1_in1k`.
//!
//! | | |
//! |---|---|
//! | What | The network starts from the weights in FILE, of torchvision's or timm's resnet18, resnet34, resnet50 and resnet101, of timm's variants of them that `se`, `blur_pool` and `resnet_d` name, or of a run's `model.safetensors`; a name is looked up on the Hugging Face hub. The stem is fitted to the images' channels and normalisation; the classifier is initialised at random where the classes differ. |
//! | When it helps | Nearly always where images are few: features learnt from a million images cannot be learnt from a thousand. |
//! | Costs | Nothing; with the same recipe it is a better start. The network must have the file's architecture. |
//! | Usual values | A tenth of the usual `--lr` and few epochs, as in preset `fine-tune`; with `--layer-decay` or `--freeze-until`. |
//! | Reference | Yosinski et al. 2014, "How transferable are features in deep neural networks?"; Kornblith et al. 2019, "Do better ImageNet models transfer better?". |

mod card;
mod read;
mod stem;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail};
use safetensors::Dtype;
use tch::{Kind, Tensor};
use xxhash_rust::xxh3::xxh3_128;

pub use self::card::Card;
use self::stem::Normalisation;
use super::{Parameter, ResNet};
use crate::{
    durable::{Archive, Array},
    recipe::Recipe,
};

/// The properties of the training images on which the fitting of pretrained weights depends.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// The classes in the order of their numbers.
    pub classes: &'a [String],
    /// Mean of the pixels per channel, scaled to 0–1; the network's input is normalised with it.
    pub mean: &'a [f32],
    /// Standard deviation of the pixels per channel, scaled to 0–1.
    pub std: &'a [f32],
}

/// A report on weights that were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Hash of the file's bytes, 32 hex digits.
    pub hash: String,
    /// What was done to fit the weights, one sentence each.
    pub notes: Vec<String>,
}

/// Copies the weights in the file at `path` into `network`, that of `recipe`, which is to be trained on `images`. Everything is checked
/// before anything changes. A `config.json` of timm's beside a `model.safetensors` says with which normalisation the weights
/// were trained.
///
/// # Errors
/// The file cannot be read, is no safetensors file, is damaged, describes another network, or does not fit: the message then lists
/// every tensor that is missing, left over, of another shape or type, or holds a number that is not finite.
pub fn load(network: &ResNet, recipe: &Recipe, path: &Path, images: &Images) -> Result<Loaded> {
    let file = read::file(path)?;
    let notes = Card::beside(path)
        .and_then(|card| {
            let archive = Archive::from_any_safetensors(&file)?;
            check_described(&archive, card.as_ref(), recipe)?;
            fit_and_copy(network, &archive, card.as_ref(), images)
        })
        .with_context(|| format!("pretrained = \"{}\" cannot be used", path.display()))?;
    Ok(Loaded { hash: hash(&file), notes })
}

/// Checks what no tensor shows: a network that blurs has the same ones as one that does not.
/// Fails if timm's `card`, or the recipe of a run's file, names another network than `recipe`.
fn check_described(archive: &Archive, card: Option<&Card>, recipe: &Recipe) -> Result<()> {
    if let Some(card) = card {
        return card.check_fits(recipe);
    }
    let theirs: Option<Recipe> = archive.metadata.get("recipe").and_then(|text| toml::from_str(text).ok());
    if theirs.is_some_and(|theirs| theirs.blur_pool && !recipe.blur_pool) {
        bail!("its network was trained with blurred pooling, which this one lacks: set blur_pool = true");
    }
    Ok(())
}

/// Fits the weights in an archive to `images`, copies them into `network` and returns what was done.
fn fit_and_copy(network: &ResNet, archive: &Archive, card: Option<&Card>, images: &Images) -> Result<Vec<String>> {
    let mut weights = matching(archive, network.parameters.all())?;
    let mut notes = Vec::new();
    notes.extend(card.map(|card| format!("its config.json: {card}")));
    notes.extend(note_conversion(archive));
    notes.extend(fit_stem(&mut weights, &archive.metadata, card, images)?);
    notes.push(fit_classifier(&mut weights, &archive.metadata, images.classes)?);
    let _guard = tch::no_grad_guard();
    for parameter in network.parameters.all() {
        if let Some(weight) = weights.get(parameter.name.as_str()) {
            parameter.tensor.shallow_clone().copy_(weight);
        }
    }
    Ok(notes)
}

/// The hash of a file's bytes in [`Loaded`], by which a change of the file is detected: 32 hex digits.
pub fn hash(file: &[u8]) -> String {
    format!("{:032x}", xxh3_128(file))
}

/// The float32 tensor for each parameter, by name.
/// Fails if the archive does not hold exactly the tensors of the parameters.
fn matching(archive: &Archive, parameters: &[Parameter]) -> Result<BTreeMap<String, Tensor>> {
    let arrays: BTreeMap<&str, &Array> = archive.arrays.iter().map(|array| (array.name.as_str(), array)).collect();
    let mut problems = Vec::new();
    let mut weights = BTreeMap::new();
    for Parameter { name, tensor, .. } in parameters {
        let Some(array) = arrays.get(name.as_str()) else {
            problems.push(format!("{name} is missing"));
            continue;
        };
        match weight(array, &tensor.size()) {
            Ok(weight) => drop(weights.insert(name.clone(), weight)),
            Err(problem) => problems.push(format!("{name} {problem}")),
        }
    }
    let is_known = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
    // PyTorch stores a counter of batches for each norm; nothing here depends on them.
    let is_counter = |name: &str| {
        name.strip_suffix("num_batches_tracked").is_some_and(|norm| is_known(&format!("{norm}running_var")))
    };
    let left_over = arrays.keys().filter(|name| !is_known(name) && !is_counter(name));
    problems.extend(left_over.map(|name| format!("{name} is not in this network")));
    if !problems.is_empty() {
        bail!(
            "it does not fit the network that model, width and stem name{}:\n  {}",
            advice(archive, parameters),
            problems.join("\n  ")
        );
    }
    Ok(weights)
}

/// The keys to change where the file is of a network with other options, each after a semicolon; empty where it is not.
fn advice(archive: &Archive, parameters: &[Parameter]) -> String {
    let mut advice = String::new();
    for (part, with, without) in [
        (".se.fc1.", "it has squeeze-and-excitation, so set se", "it has no squeeze-and-excitation, so leave se out"),
        (".downsample.2.", "it is a ResNet-D, so set resnet_d = true", "it is no ResNet-D, so leave resnet_d out"),
        ("whiten.", "it has a whitening layer, so set whitening", "it has no whitening layer, so leave whitening out"),
    ] {
        let in_file = archive.arrays.iter().any(|array| array.name.contains(part));
        let in_network = parameters.iter().any(|parameter| parameter.name.contains(part));
        if in_file != in_network {
            advice += &format!("; {}", if in_file { with } else { without });
        }
    }
    advice
}

/// The array as float32, or why it cannot be used as the tensor of this name and `shape`.
fn weight(array: &Array, shape: &[i64]) -> Result<Tensor, String> {
    let kind = match array.dtype {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        other => return Err(format!("has numbers of type {other:?}; expected F32, or F64, F16 or BF16 to convert")),
    };
    let found: Vec<i64> = array.shape.iter().map(|&length| i64::try_from(length).unwrap_or(i64::MAX)).collect();
    let fits = match (array.name.as_str(), found.as_slice(), shape) {
        ("conv1.weight" | "conv1.0.weight", [outputs, 1 | 3, kernel @ ..], [expected, _, size @ ..]) => {
            outputs == expected && kernel == size
        }
        ("fc.weight", [classes, inputs], [_, expected]) => *classes > 0 && inputs == expected,
        ("fc.bias", [classes], [_]) => *classes > 0,
        _ => found == shape,
    };
    if !fits {
        return Err(format!("has the shape {found:?}; expected {shape:?}"));
    }
    let read = Tensor::f_from_data_size(&array.bytes, &found, kind).and_then(|tensor| tensor.f_to_kind(Kind::Float));
    let weight = read.map_err(|error| format!("cannot be read: {error}"))?;
    let is_finite = weight.isfinite().all().int64_value(&[]) == 1;
    if is_finite { Ok(weight) } else { Err("holds a number that is not finite".to_owned()) }
}

/// A note on the types that were converted, if any were.
fn note_conversion(archive: &Archive) -> Option<String> {
    let floats = archive.arrays.iter().filter(|array| matches!(array.dtype, Dtype::F64 | Dtype::F16 | Dtype::BF16));
    let mut types: Vec<String> = floats.map(|array| format!("{:?}", array.dtype)).collect();
    types.sort();
    types.dedup();
    (!types.is_empty()).then(|| format!("its {} numbers are converted to float32", types.join(" and ")))
}

/// Fits the stem to the channels and the normalisation of `images`.
fn fit_stem(
    weights: &mut BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
    card: Option<&Card>,
    images: &Images,
) -> Result<Vec<String>> {
    // The convolutions that may see the pixels: that of whitening, the first of ResNet-D's stem, the stem.
    let first = [
        ("whiten.weight", "whiten_bn.running_mean"),
        ("conv1.0.weight", "conv1.1.running_mean"),
        ("conv1.weight", "bn1.running_mean"),
    ];
    let (conv, norm) = first.into_iter().find(|(conv, _)| weights.contains_key(*conv)).context("there is no stem")?;
    let (Some(weight), Some(mean)) = (weights.remove(conv), weights.remove(norm)) else { bail!("there is no stem") };
    let channels = weight.size()[1] as usize;
    let of_card = card.filter(|card| card.mean.len() == channels).map(Card::normalisation);
    let (own, is_stated) = match Normalisation::stated(metadata, channels)?.or(of_card) {
        Some(own) => (own, true),
        None => (Normalisation::imagenet(channels), false),
    };
    let ours = Normalisation::new(images.mean, images.std);
    let mut notes = Vec::new();
    match (channels, images.mean.len()) {
        (3, 1) => notes.push("its RGB stem is summed over the input channels, for grey images".to_owned()),
        (1, 3) => notes.push("its grey stem is divided by 3 for each of the channels, for RGB images".to_owned()),
        _ => {}
    }
    if own != ours {
        let whose = if is_stated { "its own normalisation" } else { "ImageNet's normalisation, since it states none," };
        notes.push(format!("its stem is moved from {whose} ({own}) to that of these images ({ours})"));
    }
    let (fitted, shift) = stem::fit(&weight, &own, &ours);
    weights.insert(norm.to_owned(), mean - shift);
    weights.insert(conv.to_owned(), fitted);
    Ok(notes)
}

/// Removes the classifier from the weights if its classes are not those of the images, and notes whether it is used.
fn fit_classifier(
    weights: &mut BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
    classes: &[String],
) -> Result<String> {
    let rows = ["fc.weight", "fc.bias"].map(|name| weights.get(name).map_or(0, |tensor| tensor.size()[0]));
    if rows[0] != rows[1] {
        bail!("fc.weight has {} classes, fc.bias {}", rows[0], rows[1]);
    }
    let named: Option<Vec<String>> = metadata.get("classes").and_then(|text| serde_json::from_str(text).ok());
    let reason = if rows[0] != classes.len() as i64 {
        format!("the file has {} classes, these images {}", rows[0], classes.len())
    } else if named.as_ref().is_some_and(|named| named != classes) {
        "the file's classes have other names or another order".to_owned()
    } else {
        let trust = if named.is_some() { "the same" } else { "taken to be the same, in the same order" };
        return Ok(format!("its classifier is used: the {} classes are {trust}", classes.len()));
    };
    weights.retain(|name, _| !name.starts_with("fc."));
    Ok(format!("its classifier is left out and a new one drawn: {reason}"))
}
