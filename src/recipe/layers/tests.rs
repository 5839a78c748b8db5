//! What becomes of a recipe between the command line and the run.

use serde_json::json;

use super::*;
use crate::recipe::{Curve, Opt, Phase, Stem};

impl Layers {
    fn toml(self, text: &str) -> Result<Self> {
        self.text("recipe file `mine.toml`".into(), text, Path::new("/recipes"))
    }
}

fn file(text: &str) -> Recipe {
    resolve(&Layers::default().toml(text).unwrap()).unwrap()
}

fn error(text: &str) -> String {
    let resolved = Layers::default().toml(text).and_then(|layers| resolve(&layers));
    format!("{:#}", resolved.expect_err(text))
}

#[test]
fn later_layers_beat_earlier_ones_key_by_key() {
    let layers = Layers::default().preset("demo").unwrap();
    let layers = layers.toml("lr = 0.1\nmomentum = 0.8\nopt = \"adamw\"").unwrap();
    let recipe = resolve(&layers.keys(&json!({ "momentum": 0.5 })).unwrap()).unwrap();
    assert_eq!((recipe.momentum, recipe.lr, recipe.opt, recipe.stem_stride), (0.5, 0.1, Opt::Adamw, 2));
    assert_eq!(recipe.batch_size, Recipe::default().batch_size);
}

#[test]
fn multipliers_come_last_and_several_multiply() {
    let layers = Layers::default().preset("longer").unwrap();
    let layers = layers.toml("width = 24\n[multiply]\nepochs = 2\nwidth = 1.5").unwrap();
    let recipe = resolve(&layers.keys(&json!({ "epochs": 50 })).unwrap()).unwrap();
    assert_eq!((recipe.epochs, recipe.width), (140, Some(36)));
    assert_eq!(recipe.schedule.iter().map(|phase| phase.epochs).sum::<f64>(), 140.0);
}

#[test]
fn a_resolved_recipe_resolves_to_itself_bit_for_bit() {
    for preset in presets::ALL {
        for epochs in [1, 7, 15, 50, 70, 333] {
            let layers = Layers::default().preset(preset.name).unwrap();
            let flags = json!({ "epochs": epochs, "lr": 0.1 + 0.2, "clip_grad": 1.0 / 3.0, "warmup_epochs": 0.3 });
            let resolved = resolve(&layers.keys(&flags).unwrap()).unwrap();
            let again = file(&resolved.to_toml());
            assert_eq!(resolved, again);
            assert_eq!(resolved.to_toml(), again.to_toml());
        }
    }
}

#[test]
fn a_resolved_recipe_is_complete_but_for_what_the_data_decide() {
    let toml = file("model = \"resnet18\"").to_toml();
    for line in ["width = 64", "stem = \"imagenet\"", "epochs = 50", "lr = 0.05", "seed = 0", "[[schedule]]"] {
        assert!(toml.contains(line), "{line} in\n{toml}");
    }
    for absent in ["img_size", "in_chans", "multiply", "extends", "sched = "] {
        assert!(!toml.contains(absent), "{absent} in\n{toml}");
    }
}

#[test]
fn a_word_for_the_schedule_becomes_phases() {
    let recipe = file("epochs = 30\nlr = 0.1\nsched = \"cosine\"\nmin_lr = 1e-4\nwarmup_epochs = 5\nwarmup_lr = 0.01");
    let warmup = Phase { epochs: 5.0, curve: Curve::Linear { from: 0.1, to: 1.0 } };
    let cosine = Phase { epochs: 25.0, curve: Curve::Cosine { from: 1.0, to: 0.001 } };
    assert_eq!(recipe.schedule, [warmup, cosine]);

    let recipe = file("epochs = 90\nsched = \"step\"\ndecay_epochs = 30\ndecay_rate = 0.2");
    let curve = Curve::Step { factor: 1.0, decay: 0.2, every: Some(30.0), milestones: None };
    assert_eq!(recipe.schedule, [Phase { epochs: 90.0, curve }]);
}

#[test]
fn a_warmup_takes_its_epochs_from_the_phases_that_follow() {
    let recipe = file("warmup_epochs = 10");
    assert_eq!(recipe.schedule[0], Phase { epochs: 10.0, curve: Curve::Linear { from: 0.0, to: 0.02 } });
    assert_eq!(recipe.schedule[1..].iter().map(|phase| phase.epochs).collect::<Vec<_>>(), [16.0, 8.0, 8.0, 8.0]);
}

#[test]
fn a_second_warmup_replaces_the_first() {
    let resolved = file("warmup_epochs = 10").to_toml();
    let change = |warmup_epochs: u32| {
        let flags = json!({ "warmup_epochs": warmup_epochs });
        resolve(&Layers::default().toml(&resolved).unwrap().keys(&flags).unwrap()).unwrap()
    };
    assert_eq!(change(5).schedule, file("warmup_epochs = 5").schedule);
    assert_eq!(change(0), Recipe::default().complete().unwrap());
}

#[test]
fn a_later_schedule_replaces_an_earlier_one_in_either_form() {
    let shorthand = Layers::default().toml("sched = \"step\"\ndecay_epochs = 5\nwarmup_epochs = 5").unwrap();
    let recipe = resolve(&shorthand.clone().keys(&json!({ "sched": "cosine" })).unwrap()).unwrap();
    assert!(matches!(
        recipe.schedule[..],
        [Phase { curve: Curve::Linear { .. }, .. }, Phase { curve: Curve::Cosine { .. }, .. }]
    ));

    let phases = "[[schedule]]\nepochs = 50\nkind = \"constant\"\nfactor = 1";
    let recipe = resolve(&shorthand.toml(phases).unwrap()).unwrap();
    assert_eq!(recipe.schedule, [Phase { epochs: 50.0, curve: Curve::Constant { factor: 1.0 } }]);

    let recipe = resolve(&Layers::default().toml(phases).unwrap().keys(&json!({ "sched": "step" })).unwrap()).unwrap();
    assert!(matches!(recipe.schedule[..], [Phase { curve: Curve::Step { .. }, .. }]));
}

#[test]
fn what_depends_on_the_length_of_a_run_is_checked_against_the_multiplied_one() {
    let longer = |keys: &str| {
        let layers = Layers::default().preset("longer").unwrap().keys(&keys.parse::<toml::Table>().unwrap()).unwrap();
        resolve(&layers)
    };
    assert_eq!(longer("swa_start = 60").unwrap().swa_start, 60);
    let error = longer("swa_start = 71").unwrap_err().to_string();
    assert!(error.contains("the run ends after epoch 70"), "{error}");
}

#[test]
fn an_infinite_limit_switches_clipping_off() {
    assert_eq!(file("clip_grad = inf").clip_grad, None);
}

#[test]
fn a_linear_phase_is_read_by_its_former_name_and_written_by_its_own() {
    let phases = "[[schedule]]\nepochs = 50\nkind = \"warmup\"\nfrom = 1.0\nto = 0.0";
    let recipe = file(phases);
    assert_eq!(recipe.schedule, [Phase { epochs: 50.0, curve: Curve::Linear { from: 1.0, to: 0.0 } }]);
    assert!(recipe.to_toml().contains("kind = \"linear\""), "{}", recipe.to_toml());
    let json = serde_json::to_string(&recipe).unwrap();
    assert_eq!(serde_json::from_str::<Recipe>(&json.replace("linear", "warmup")).unwrap(), recipe);
}

#[test]
fn a_small_stem_is_kept_with_an_imagenet_network() {
    assert_eq!(file("model = \"resnet18\"\nstem = \"small\"\nstem_stride = 2").stem, Some(Stem::Small));
}

#[test]
fn every_fault_of_a_file_is_named_with_its_layer_and_what_is_expected() {
    insta::assert_snapshot!(error(
        r#"
        bach_size = 64
        batch-size = 64
        learning_rate = 0.1
        lr = "fast"
        epochs = 1.5
        nesterov = "yes"
        opt = "sgdd"
        model = "resnet-18"
        width = -3
        zoom = [0.9]
        [multiply]
        epoch = 2
        [[schedule]]
        epochs = 20
        kind = "cyclic"
        low = "0"
        higth = 1.0
        [[schedule]]
        epochs = 20
        kind = "cosin"
        [[schedule]]
        epochs = 20
        kind = "step"
        milestones = [1, "two"]
        "#
    ), @r#"
    recipe file `mine.toml`: unknown key `bach_size`; did you mean `batch_size`?
    recipe file `mine.toml`: unknown key `batch-size`; did you mean `batch_size`?
    recipe file `mine.toml`: `epochs` = 1.5: expected a whole number from 0 up
    recipe file `mine.toml`: unknown key `learning_rate`; did you mean `lr`?
    recipe file `mine.toml`: `lr` = "fast": expected a number
    recipe file `mine.toml`: `model` = "resnet-18": expected one of resnet8, resnet14, resnet20, resnet32, resnet44, resnet56, resnet110, resnet18, resnet34, resnet50, resnet101; did you mean `resnet18`?
    recipe file `mine.toml`: unknown key `multiply.epoch`; did you mean `epochs`?
    recipe file `mine.toml`: `nesterov` = "yes": expected true or false, without quotes
    recipe file `mine.toml`: `opt` = "sgdd": expected one of sgd, adamw, muon; did you mean `sgd`?
    recipe file `mine.toml`: unknown key `schedule[0].higth`; did you mean `high`?
    recipe file `mine.toml`: `schedule[0].low` = "0": expected a number
    recipe file `mine.toml`: `schedule[1].kind` = "cosin": expected one of constant, step, cosine, one-cycle, cyclic, linear; did you mean `cosine`?
    recipe file `mine.toml`: `schedule[2].milestones[1]` = "two": expected a number
    recipe file `mine.toml`: `width` = -3: expected a whole number from 0 up
    recipe file `mine.toml`: `zoom` = [0.9]: expected two numbers, the lowest and the highest
    "#);
}

#[test]
fn single_faults_are_told_in_full() {
    let faulty = [
        "epochs = 5000000000",
        "lr 0.1",
        "extends = \"sede\"",
        "extends = 3",
        "multiply = 3",
        "multiply.epochs = 0",
        "schedule = 3",
        "schedule = [3]",
        "[[schedule]]\nepochs = 3",
        "[[schedule]]\nepochs = 3\nkind = \"cosine\"\nfrom = 1",
        "sched = \"cosine\"\n[[schedule]]\nepochs = 3\nkind = \"constant\"\nfactor = 1",
        "min_lr = 0.1\nwarmup_epochs = 50\nwarmup_lr = -1\ndecay_rate = 0",
        "warmup_lr = 0.01",
        "model = \"resnet18\"\nstem_stride = 2",
    ];
    insta::assert_snapshot!(faulty.map(error).join("\n\n"), @r#"
        recipe file `mine.toml`: `epochs` = 5000000000: the number is too large

        recipe file `mine.toml` is not valid TOML: TOML parse error at line 1, column 4
          |
        1 | lr 0.1
          |    ^
        key with no value, expected `=`


        recipe file `mine.toml`: `extends`: there is no preset `sede` among seed, longer, wider, dropout, weight-decay, augment, mixup, smoothing, ema, closed, closed-hour, closed-sgd, closed-small, fast, labels, fine-tune, demo; did you mean `seed`?

        recipe file `mine.toml`: `extends` = 3: expected the name of a preset in quotes

        recipe file `mine.toml`: `multiply` = 3: expected a table of keys

        recipe file `mine.toml`: `multiply.epochs` = 0: expected a factor above 0

        recipe file `mine.toml`: `schedule` = 3: expected [[schedule]] tables, one for each phase

        recipe file `mine.toml`: `schedule[0]` = 3: expected a [[schedule]] table

        recipe file `mine.toml`: `schedule[0]` has no `kind`: expected one of constant, step, cosine, one-cycle, cyclic, linear

        recipe file `mine.toml`: `schedule[0]` (cosine): missing field `to`

        recipe file `mine.toml`: [[schedule]] states the whole schedule: leave out sched, min_lr, decay_epochs, decay_rate, warmup_epochs, warmup_lr, or leave out [[schedule]]

        the recipe cannot be trained with:
          decay_rate = 0: it must lie above 0, at most at 1; give 0.1 for a tenth
          warmup_lr = -1: it must be a finite number from 0 up; give a rate from 0 to lr
          min_lr = 0.1: it lies above lr = 0.05; give a rate from 0 to lr
          warmup_epochs = 50: nothing follows the warm-up in epochs = 50; give fewer, or 0 for none
          min_lr = 0.1: it is read with sched = cosine, one-cycle or cyclic only; set that too, or leave it out
          decay_rate = 0: it is read with sched = step only; set that too, or leave it out

        the recipe cannot be trained with:
          warmup_lr = 0.01: it is read with warmup_epochs only; set that too, or leave it out

        the recipe cannot be trained with:
          stem_stride = 2: the imagenet stem has a stride of its own; give 1, or set stem = "small"
        "#);
}

#[test]
fn paths_lead_from_the_recipe_files_folder_or_from_the_current_one_and_are_kept_absolute() {
    let pretrained = |layers: Layers| resolve(&layers).unwrap().pretrained;
    let file = Layers::default().toml("pretrained = 'weights/a.safetensors'").unwrap();
    assert_eq!(pretrained(file.clone()).as_deref(), Some("/recipes/weights/a.safetensors"));
    let flag = |value: &str| Table::from_iter([("pretrained".to_owned(), Value::from(value))]);
    let here = std::env::current_dir().unwrap().join("b.safetensors");
    assert_eq!(pretrained(file.clone().keys(&flag("b.safetensors")).unwrap()).as_deref(), here.to_str());
    assert_eq!(pretrained(file.clone().keys(&flag("/c")).unwrap()).as_deref(), Some("/c"));
    assert_eq!(pretrained(file.keys(&flag("")).unwrap()), None);
}
