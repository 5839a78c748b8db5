//! What becomes of a file of weights: it fits and is taken, or it is refused in words and nothing has changed.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use mindgap::{
    durable::{Archive, Array},
    model::{
        Architecture, ResNet,
        pretrained::{self, Images, Loaded},
        weights,
    },
    random::{Purpose, Stream},
    recipe::Recipe,
};
use safetensors::{Dtype, tensor::TensorView};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

/// The recipe of [`network`].
fn recipe() -> Recipe {
    Recipe { model: "resnet8".into(), width: Some(2), ..Recipe::default() }
}

/// A network of 2,000 weights for grey images of three classes.
fn network(seed: u64) -> ResNet {
    ResNet::new(&Architecture::new(&recipe(), 1, 3).unwrap(), seed, Device::Cpu)
}

fn arrays(network: &ResNet) -> Vec<Array> {
    let all = network.parameters.all().iter();
    all.map(|parameter| weights::to_array(parameter.name.clone(), &parameter.tensor).unwrap()).collect()
}

/// A safetensors file as Python writes it, without a checksum of ours.
fn strangers(arrays: &[Array], metadata: &[(&str, &str)]) -> Vec<u8> {
    let views = arrays
        .iter()
        .map(|array| (array.name.as_str(), TensorView::new(array.dtype, array.shape.clone(), &array.bytes).unwrap()));
    let metadata = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    safetensors::serialize(views, Some(metadata)).unwrap()
}

/// Metadata of images normalised as those of [`load`] are.
const SAME: [(&str, &str); 2] = [("mean", "[0.5]"), ("std", "[0.25]")];

struct Desk {
    folder: TempDir,
    network: ResNet,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), network: network(0) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Loads `file` into the network, for images of the classes a, b and c.
    fn load(&self, file: &[u8]) -> Result<Loaded, String> {
        self.load_as("weights.safetensors", file)
    }

    fn load_as(&self, name: &str, file: &[u8]) -> Result<Loaded, String> {
        fs::write(self.path(name), file).unwrap();
        let classes = ["a", "b", "c"].map(String::from);
        let images = Images { classes: &classes, mean: &[0.5], std: &[0.25] };
        let loaded = pretrained::load(&self.network, &recipe(), &self.path(name), &images);
        loaded.map_err(|error| format!("{error:#}").replace(self.folder.path().to_str().unwrap(), ""))
    }
}

/// The weights of another network with one array changed.
fn changed(name: &str, change: impl FnOnce(&mut Array)) -> Vec<Array> {
    let mut arrays = arrays(&network(1));
    change(arrays.iter_mut().find(|array| array.name == name).unwrap());
    arrays
}

/// The array with `values` of `kind`.
fn converted(array: &Array, dtype: Dtype, kind: Kind) -> Array {
    let tensor = weights::to_tensor(array).unwrap().to_kind(kind);
    let mut bytes = vec![0; array.bytes.len() / 4 * dtype.bitsize() / 8];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    Array { dtype, bytes, ..array.clone() }
}

#[test]
fn weights_of_a_network_that_blurs_are_refused_by_one_that_does_not() {
    let desk = Desk::new();
    let with = |recipe: Recipe| [SAME[0], SAME[1], ("recipe", &*recipe.to_toml().leak())];
    let blurred = strangers(&arrays(&network(1)), &with(Recipe { blur_pool: true, ..recipe() }));
    assert!(desk.load(&blurred).unwrap_err().ends_with("set blur_pool = true"));
    desk.load(&strangers(&arrays(&network(1)), &with(recipe()))).unwrap();
    // timm's description beside the weights.
    let config = r#"{"architecture": "resnetblur50", "num_classes": 3, "pretrained_cfg": {}}"#;
    fs::write(desk.path("config.json"), config).unwrap();
    let error = desk.load_as("model.safetensors", &strangers(&arrays(&network(1)), &SAME)).unwrap_err();
    assert!(error.contains("set model = \"resnet50\", blur_pool = true"), "{error}");
}

#[test]
fn every_weight_is_taken_as_it_stands_and_pytorchs_counters_are_left_aside() {
    let desk = Desk::new();
    let theirs = arrays(&network(1));
    let mut file = theirs.clone();
    let name = "layer1.0.bn1.num_batches_tracked".into();
    file.push(Array { name, dtype: Dtype::I64, shape: Vec::new(), bytes: vec![1; 8] });
    let file = strangers(&file, &SAME);
    let loaded = desk.load(&file).unwrap();
    assert_eq!(arrays(&desk.network), theirs);
    assert_eq!(loaded.notes, ["its classifier is used: the 3 classes are taken to be the same, in the same order"]);
    assert_eq!(loaded.hash, pretrained::hash(&file));
}

#[test]
fn a_file_of_mindgaps_is_taken_only_if_it_is_whole() {
    let desk = Desk::new();
    let archive = Archive { arrays: arrays(&network(1)), ..Archive::default() };
    let mut file = archive.to_bytes().unwrap();
    desk.load(&file).unwrap();
    *file.last_mut().unwrap() ^= 1;
    let error = desk.load(&file).unwrap_err();
    assert!(error.contains("weights.safetensors") && error.contains("changed since it was written"), "{error}");
}

#[test]
fn another_classifier_is_left_out_and_said() {
    let classifier = |metadata: &[(&str, &str)], rows: usize| {
        let desk = Desk::new();
        let before = arrays(&desk.network);
        let mut file = arrays(&network(1));
        for array in file.iter_mut().filter(|array| array.name.starts_with("fc.")) {
            array.bytes = array.bytes.repeat(2)[..array.bytes.len() / 3 * rows].to_vec();
            array.shape[0] = rows;
        }
        let notes = desk.load(&strangers(&file, &[&SAME, metadata].concat())).unwrap().notes;
        let fresh = |array: &&Array| array.name.starts_with("fc.");
        let kept = arrays(&desk.network).iter().filter(fresh).eq(before.iter().filter(fresh));
        (notes.last().unwrap().clone(), kept)
    };
    let (note, kept) = classifier(&[], 5);
    assert_eq!(note, "its classifier is left out and a new one drawn: the file has 5 classes, these images 3");
    assert!(kept);
    let (note, kept) = classifier(&[("classes", r#"["c","b","a"]"#)], 3);
    assert!(note.ends_with("the file's classes have other names or another order") && kept, "{note}");
    let (note, kept) = classifier(&[("classes", r#"["a","b","c"]"#)], 3);
    assert!(note == "its classifier is used: the 3 classes are the same" && !kept, "{note}");
}

#[test]
fn narrower_and_wider_floats_are_converted_and_said() {
    for (dtype, kind) in [(Dtype::F16, Kind::Half), (Dtype::BF16, Kind::BFloat16), (Dtype::F64, Kind::Double)] {
        let desk = Desk::new();
        let theirs = arrays(&network(1));
        let file: Vec<Array> = theirs.iter().map(|array| converted(array, dtype, kind)).collect();
        let loaded = desk.load(&strangers(&file, &SAME)).unwrap();
        assert_eq!(loaded.notes[0], format!("its {dtype:?} numbers are converted to float32"));
        for (ours, theirs) in arrays(&desk.network).iter().zip(&theirs) {
            let [ours, theirs] = [ours, theirs].map(|array| weights::to_tensor(array).unwrap());
            assert!(ours.allclose(&theirs, 1e-2, 1e-6, false));
        }
    }
}

#[test]
fn a_stranger_who_states_no_normalisation_is_taken_to_have_had_imagenets() {
    let desk = Desk::new();
    let notes = desk.load(&strangers(&arrays(&network(1)), &[])).unwrap().notes;
    let expected = "its stem is moved from ImageNet's normalisation, since it states none, (mean 0.449, std 0.226) to that \
                    of these images (mean 0.500, std 0.250)";
    assert_eq!(notes[0], expected);
    let error = desk.load(&strangers(&arrays(&network(1)), &[("mean", "[0, 0]"), ("std", "[1, 1]")])).unwrap_err();
    assert!(error.contains("`mean` in its metadata") && error.contains("2 values for 1 channels"), "{error}");
}

#[test]
fn all_that_does_not_fit_is_told_at_once_and_nothing_has_changed() {
    let desk = Desk::new();
    let before = arrays(&desk.network);
    let mut file = changed("conv1.weight", |array| array.shape = vec![1, 2, 3, 3]);
    file.retain(|array| array.name != "bn1.bias");
    for array in &mut file {
        match array.name.as_str() {
            "fc.weight" => array.shape.reverse(),
            "layer1.0.bn1.weight" => array.bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
            "layer2.0.bn1.weight" => array.dtype = Dtype::I32,
            "layer3.0.conv1.weight" => array.name = "module.layer3.0.conv1.weight".into(),
            _ => {}
        }
    }
    insta::assert_snapshot!(desk.load(&strangers(&file, &SAME)).unwrap_err(), @r#"
    pretrained = "/weights.safetensors" cannot be used: it does not fit the network that model, width and stem name:
      conv1.weight has the shape [1, 2, 3, 3]; expected [2, 1, 3, 3]
      bn1.bias is missing
      layer1.0.bn1.weight holds a number that is not finite
      layer2.0.bn1.weight has numbers of type I32; expected F32, or F64, F16 or BF16 to convert
      layer3.0.conv1.weight is missing
      fc.weight has the shape [8, 3]; expected [3, 8]
      module.layer3.0.conv1.weight is not in this network
    "#);
    assert_eq!(arrays(&desk.network), before);
}

#[test]
fn a_file_of_a_network_with_other_options_is_refused_with_the_keys_to_change() {
    let plain = Recipe { model: "resnet8".into(), width: Some(2), ..Recipe::default() };
    let squeezed = Recipe { se: 16, ..plain.clone() };
    let averaged = Recipe { resnet_d: true, ..plain.clone() };
    let blurred = Recipe { blur_pool: true, ..plain.clone() };
    let whitened = Recipe { whitening: true, ..plain.clone() };
    let build = |recipe: &Recipe| ResNet::new(&Architecture::new(recipe, 1, 3).unwrap(), 0, Device::Cpu);
    let load = |file: &Recipe, network: &Recipe| {
        let desk = Desk { network: build(network), ..Desk::new() };
        desk.load(&strangers(&arrays(&build(file)), &SAME)).map(|_| arrays(&desk.network))
    };
    for (file, network, words) in [
        (&plain, &squeezed, "stem name; it has no squeeze-and-excitation, so leave se out:\n"),
        (&squeezed, &plain, "stem name; it has squeeze-and-excitation, so set se:\n"),
        (&plain, &averaged, "stem name; it is no ResNet-D, so leave resnet_d out:\n"),
        (&averaged, &plain, "stem name; it is a ResNet-D, so set resnet_d = true:\n"),
        (&plain, &whitened, "stem name; it has no whitening layer, so leave whitening out:\n"),
        (&whitened, &plain, "stem name; it has a whitening layer, so set whitening:\n"),
    ] {
        let error = load(file, network).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    for recipe in [&squeezed, &averaged, &whitened] {
        assert_eq!(load(recipe, recipe).unwrap(), arrays(&build(recipe)));
    }
    // A blur has no weights.
    assert_eq!(load(&plain, &blurred).unwrap(), arrays(&build(&plain)));
}

#[test]
fn a_pickle_is_refused_with_the_line_that_converts_it() {
    let desk = Desk::new();
    for (name, content) in [("resnet18.pth", &b"\x80\x02"[..]), ("model.pt", b""), ("w.safetensors", b"PK\x03\x04")] {
        let error = desk.load_as(name, content).unwrap_err();
        assert!(error.contains("a pickle of PyTorch's") && error.contains("weights_only=True"), "{error}");
        assert!(error.contains(&format!("\"/{name}\"")), "{error}");
    }
    let error = format!("{:#}", desk.load_as("empty.safetensors", b"").unwrap_err());
    assert!(error.contains("empty.safetensors") && error.contains("header"), "{error}");
}

/// A header with `text`, and the bytes of an ordinary file behind it.
fn with_header(text: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text, bytes].concat()
}

#[test]
fn files_made_to_deceive_are_refused() {
    let desk = Desk::new();
    let whole = strangers(&arrays(&network(1)), &[]);
    let length = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let (header, bytes) = (String::from_utf8(whole[8..8 + length].to_vec()).unwrap(), &whole[8 + length..]);
    let replaced = |from: &str, to: &str| {
        assert!(header.contains(from), "{header}");
        with_header(header.replacen(from, to, 1).as_bytes(), bytes)
    };
    let one = |shape: &str, offsets: &str| {
        let text = format!(r#"{{"conv1.weight":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#);
        with_header(text.as_bytes(), &bytes[..72])
    };
    let mut longest = whole.clone();
    longest[..8].fill(0xff);
    let mut long = whole.clone();
    long[..8].copy_from_slice(&(whole.len() as u64).to_le_bytes());
    let mut no_text = whole.clone();
    no_text[20] = 0xff;
    let deep = [b"{\"a\":".to_vec(), vec![b'['; 100_000]].concat();
    let files = [
        longest,
        long,
        no_text,
        with_header(&deep, bytes),
        with_header(b"{}", bytes),
        with_header(b"null", b""),
        replaced("\"F32\"", "\"F33\""),
        replaced("\"F32\"", "\"F64\""),
        replaced("\"shape\":[", "\"shape\":[18446744073709551615,"),
        replaced("\"shape\":[", "\"shape\":[-1,"),
        replaced("\"data_offsets\":[", "\"data_offsets\":[1"),
        one("[2,1,3,3]", "[8,80]"),
        one("[2,1,3,3]", "[72,0]"),
        one("[2,1,3,3]", "[0,18446744073709551615]"),
        one("[0,9223372036854775808,3,3]", "[0,0]"),
        one("[4611686018427387904,4,9,9]", "[0,0]"),
    ];
    let before = arrays(&desk.network);
    for (number, file) in files.iter().enumerate() {
        desk.load(file).expect_err(&format!("file {number} was taken"));
    }
    let overlapping = r#"{"conv1.weight":{"dtype":"F32","shape":[2,1,3,3],"data_offsets":[0,72]},
                          "bn1.weight":{"dtype":"F32","shape":[2],"data_offsets":[64,72]}}"#;
    desk.load(&with_header(overlapping.as_bytes(), &bytes[..72])).expect_err("overlapping arrays");
    assert_eq!(arrays(&desk.network), before);
}

#[test]
fn no_damage_does_more_than_an_error() {
    let desk = Desk::new();
    let whole = strangers(&arrays(&network(1)), &SAME);
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize + 8;
    let mut refused = 0;
    for number in 0..300 {
        let mut draws = Stream::new(number, Purpose::Init, 0, 0);
        let mut draw = |below: usize| draws.below(below as u32) as usize;
        let mut file = whole.clone();
        match number % 4 {
            0 => file.truncate(draw(whole.len())),
            1 => file[draw(header)] ^= 1 << draw(8),
            2 => file[draw(whole.len())] ^= 1 << draw(8),
            _ => (0..5).for_each(|_| file[draw(header)] = draw(256) as u8),
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| desk.load(&file)));
        refused +=
            usize::from(outcome.unwrap_or_else(|_| panic!("mutation {number} is no error but a panic")).is_err());
    }
    // A flipped bit among a stranger's numbers leaves a number: most of the others must be seen.
    assert!(refused > 200, "{refused} of 300");
}

#[test]
fn a_tensor_that_is_loaded_is_still_the_layers_own() {
    let desk = Desk::new();
    desk.load(&strangers(&arrays(&network(1)), &SAME)).unwrap();
    let images = Tensor::arange(2 * 64, (Kind::Float, Device::Cpu)).view([2, 1, 8, 8]).sin();
    let logits = |network: &ResNet| network.forward(&images, mindgap::model::Mode::Eval);
    assert_eq!(logits(&desk.network), logits(&network(1)));
}
