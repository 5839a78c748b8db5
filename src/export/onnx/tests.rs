use prost::Message;
use tch::{Device, Kind, Tensor};

use super::{
    Graph, LOGITS, PROBABILITIES,
    proto::{AttributeProto, GraphProto, ModelProto},
    to_onnx,
};
use crate::{
    export::{Classifier, Model, OutputDifference, Variant, tests::classifier},
    random::{Purpose, Stream},
    recipe::Recipe,
};

const PLAIN: Variant = Variant { half: false, calibrated: false };

fn tiny() -> Classifier {
    classifier(&network("resnet8", 1), 1, 8)
}

fn network(model: &str, width: u32) -> Recipe {
    Recipe { model: model.to_owned(), width: Some(width), ..Recipe::default() }
}

fn read(bytes: &[u8]) -> anyhow::Result<Graph> {
    Graph::from_bytes(bytes, Device::Cpu)
}

/// The error for the file of [`tiny`] after `change`.
fn refused(change: impl Fn(&mut ModelProto)) -> String {
    let mut model = ModelProto::decode(to_onnx(&tiny(), PLAIN).unwrap().as_slice()).unwrap();
    change(&mut model);
    let images = Tensor::zeros([1, 1, 8, 8], (Kind::Uint8, Device::Cpu));
    let outcome = read(&model.encode_to_vec()).and_then(|graph| graph.logits(&images));
    format!("{:#}", outcome.map(|_| ()).unwrap_err())
}

#[test]
fn weights_have_torchvisions_names() {
    let classifier = tiny();
    let model = ModelProto::decode(to_onnx(&classifier, PLAIN).unwrap().as_slice()).unwrap();
    let graph = model.graph.unwrap();
    let named: Vec<_> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let expected = classifier.network.parameters.all().iter().map(|parameter| parameter.name.as_str());
    assert_eq!(named, expected.chain(["normalize.scale", "normalize.shift"]).collect::<Vec<_>>());
    let nodes: Vec<_> = graph.node.iter().map(|node| node.name.as_str()).collect();
    assert!(nodes.contains(&"layer2.0.downsample.1") && nodes.contains(&"layer3.0.relu"), "{nodes:?}");
}

#[test]
fn half_precision_halves_the_file_and_changes_logits_little() {
    let classifier = classifier(&network("resnet8", 32), 1, 16);
    let (whole, half) = (PLAIN, Variant { half: true, ..PLAIN });
    let (whole, half) = (to_onnx(&classifier, whole).unwrap(), to_onnx(&classifier, half).unwrap());
    assert!(half.len() < whole.len() * 11 / 20, "{} of {} bytes", half.len(), whole.len());
    let difference = OutputDifference::between(&classifier, &read(&half).unwrap(), 1, 16).unwrap();
    assert!(difference.within(2e-2) && difference.largest > 0.0, "{difference:?}");
}

#[test]
fn a_calibrated_graph_gives_probabilities_and_logits() {
    let mut classifier = tiny();
    let images = Tensor::arange(128, (Kind::Float, Device::Cpu)).to_kind(Kind::Uint8).view([2, 1, 8, 8]);
    let calibrated = Variant { calibrated: true, ..PLAIN };
    let graph = read(&to_onnx(&classifier, calibrated).unwrap()).unwrap();
    let logits = graph.value(LOGITS, &images).unwrap();
    let probabilities = graph.value(PROBABILITIES, &images).unwrap();
    assert!(probabilities.allclose(&(logits / 1.7).softmax(1, None), 1e-5, 1e-7, false));

    classifier.description.temperature = None;
    let error = to_onnx(&classifier, calibrated).unwrap_err().to_string();
    assert!(error.contains("no temperature"), "{error}");
}

/// A change that damages a graph.
type Damage = fn(&mut GraphProto);

#[test]
fn errors_name_what_mindgap_does_not_write() {
    let changes: [(&str, Damage); 9] = [
        ("\"Sin\"", |graph| graph.node[4].op_type = "Sin".into()),
        ("attribute \"group\"", |graph| graph.node[2].attribute.push(AttributeProto::int("group", 2))),
        ("its padding", |graph| graph.node[2].attribute[1] = AttributeProto::ints("pads", &[1 << 40; 4])),
        ("\"conv1.weight\", which nothing gives", |graph| drop(graph.initializer.remove(0))),
        ("used twice", |graph| graph.initializer[1].name = "conv1.weight".into()),
        ("type 7", |graph| graph.initializer[0].data_type = 7),
        ("36 bytes are no numbers", |graph| graph.initializer[0].dims = vec![1 << 62, 4, 1 << 62, 9]),
        ("no images", |graph| graph.input[0].name = "pixels".into()),
        ("libtorch", |graph| (graph.initializer[1].dims, graph.initializer[1].raw_data) = (vec![2], vec![0; 8])),
    ];
    let mut messages = vec![
        ("not those of version 17", refused(|model| model.opset_import[0].version = 99)),
        ("no graph", refused(|model| model.graph = None)),
    ];
    messages.extend(changes.map(|(words, change)| (words, refused(|model| change(model.graph.as_mut().unwrap())))));
    for (words, message) in messages {
        assert!(message.contains(words), "`{words}` is not in: {message}");
    }
}

#[test]
fn five_hundred_damaged_files_are_errors_or_models() {
    let whole = to_onnx(&tiny(), Variant { calibrated: true, ..PLAIN }).unwrap();
    let images = Tensor::zeros([2, 1, 8, 8], (Kind::Uint8, Device::Cpu));
    let mut refused = 0;
    for number in 0..500 {
        let mut draws = Stream::new(1, Purpose::Init, 0, number);
        let mut place = |below: usize| (draws.range(0.0, below as f64) as usize).min(below - 1);
        let mut bytes = whole.clone();
        match number % 4 {
            0 => bytes.truncate(place(whole.len())),
            1 => bytes[place(whole.len())] ^= 1 << place(8),
            // A length or a number of up to 2³⁵.
            2 => {
                let start = place(whole.len() - 5);
                bytes[start..start + 5].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x7f]);
            }
            _ => {
                let (from, to, length) = (place(whole.len() - 64), place(whole.len() - 64), 1 + place(64));
                bytes.copy_within(from..from + length, to);
            }
        }
        let outcome = read(&bytes).and_then(|graph| graph.logits(&images));
        refused += u32::from(outcome.is_err());
    }
    assert!((150..500).contains(&refused), "{refused} of 500 are refused");
}
