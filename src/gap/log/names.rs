//! The names that trainers give to figures: `Validation Loss`, `val/loss`, `eval_loss` and `valLoss` mean the same.

use super::translation::english;

/// Which images a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The images that are trained on.
    Train,
    /// The images that the run is judged by.
    Val,
    /// The images that are measured last.
    Test,
}

impl Side {
    /// The word that most logs use for this side.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The epoch.
    Epoch,
    /// The number of updates so far.
    Step,
    /// A loss.
    Loss,
    /// A top-1 accuracy.
    Accuracy,
    /// The learning rate.
    Rate,
    /// The running mean of the training objective, in addition to a training loss that is measured after the epoch.
    BatchLoss,
    /// Val loss − training loss. Only mindgap writes it, and its training loss is the probe's.
    Gap,
    /// Which run a row belongs to, or which fold.
    Run,
    /// Which side a row is about: its cells are `train` or `val`.
    Mode,
    /// The name of the figure in this row, in a table of one figure a row.
    Key,
    /// The figure of a row, in a table of one figure a row.
    Value,
}

/// A name that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The side in the name; `accuracy` alone has none.
    pub side: Option<Side>,
    /// What the name stands for.
    pub kind: Kind,
    /// Of two names for one figure the higher rank counts: `train_loss_epoch` before `train_loss_step`.
    pub rank: i8,
}

impl Meaning {
    /// Whether it is measured on images that are not trained on: those of val or test.
    pub fn is_of_val(&self) -> bool {
        matches!(self.side, Some(Side::Val | Side::Test))
    }
}

/// The words that name each side.
const SIDES: [(Side, &[&str]); 3] = [
    (Side::Train, &["train", "training", "trn", "tr", "trained", "probe"]),
    (
        Side::Val,
        &[
            "val",
            "va",
            "vl",
            "valid",
            "validation",
            "validate",
            "vali",
            "eval",
            "evaluation",
            "dev",
            "validating",
            "evaluating",
        ],
    ),
    (Side::Test, &["test", "testing", "tst", "te"]),
];
/// Words that do not change the meaning of a name.
const FILLERS: [&str; 19] = [
    "avg", "average", "mean", "set", "data", "dataset", "metrics", "metric", "scalars", "the", "curr", "current",
    "per", "overall", "log", "history", "nats", "on", "phase",
];
/// Words that do not change the meaning of a label: `Training Results`, `Test Error`.
const OF_LABELS: [&str; 5] = ["phase", "results", "result", "error", "performance"];
/// Words of figures over several epochs.
const SUMMARIES: [&str; 10] =
    ["best", "final", "min", "max", "lowest", "highest", "minimum", "maximum", "previous", "std"];
const ACCURACY: [&str; 14] = [
    "acc",
    "accuracy",
    "acc1",
    "top1",
    "acc@1",
    "prec@1",
    "prec1",
    "accuracy1",
    "acc_1",
    "categoricalaccuracy",
    "accu",
    "top1acc",
    "top1accuracy",
    "accuracies",
];
/// Words that may precede or follow `accuracy`.
const OF_ACCURACY: [&str; 9] =
    ["sparse", "categorical", "binary", "multiclass", "top", "1", "top1", "classification", "cls"];

/// The words of a name in lower case and in English. A name is split at everything but letters and digits, and before capitals.
pub fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in english(name).chars().take(200) {
        if !(c.is_alphanumeric() || c == '@') {
            words.push(String::new());
        } else {
            if before.is_lowercase() && c.is_uppercase() {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The side that a word names.
pub fn side_of(word: &str) -> Option<Side> {
    SIDES.iter().find(|(_, words)| words.contains(&word)).map(|(side, _)| *side)
}

/// The side that a label names: `Train`, `[Validation set]`.
pub fn label(name: &str) -> Option<Side> {
    let mut sides =
        words(name).into_iter().filter(|word| !FILLERS.contains(&word.as_str()) && !OF_LABELS.contains(&word.as_str()));
    let side = side_of(&sides.next()?)?;
    sides.next().is_none().then_some(side)
}

/// What a name means.
pub fn recognise(name: &str) -> Option<Meaning> {
    // The parts before the last slash, dot or dash may be the name of a run or a group; one of them may name the side.
    let mut rest = name;
    for dropped in 0..4 {
        if let Some(meaning) = whole(rest) {
            let outer = name[..name.len() - rest.len()].split(['/', '.']).find_map(label);
            let takes_side = matches!(meaning.kind, Kind::Loss | Kind::Accuracy);
            let side = meaning.side.or(outer.filter(|_| takes_side));
            return Some(Meaning { side, rank: meaning.rank - dropped, ..meaning });
        }
        let cut = [rest.find('/').map(|at| at + 1), rest.find(" - ").map(|at| at + 3), rest.find('.').map(|at| at + 1)];
        rest = &rest[cut.into_iter().flatten().min()?..];
    }
    None
}

/// The meaning of a name whose words are all known.
fn whole(name: &str) -> Option<Meaning> {
    let all = words(name);
    if all.is_empty() || all.len() > 8 || all.iter().any(|word| SUMMARIES.contains(&word.as_str())) {
        return None;
    }
    let joined = all.join(" ");
    let (kind, rank) = match joined.as_str() {
        "training iteration" | "round" => (Kind::Epoch, 8),
        // It may be the number of epochs in all.
        "epochs" => (Kind::Epoch, 9),
        "epoch" | "ep" | "current epoch" | "epoch num" | "epoch number" | "epoch idx" => (Kind::Epoch, 10),
        "step" | "steps" | "global step" | "trainer global step" | "total steps" => (Kind::Step, 10),
        // Many trainers restart this count in every epoch.
        "iteration" | "iter" | "iterations" | "global iter" => (Kind::Step, 8),
        "batch loss" => (Kind::BatchLoss, 10),
        "gap" | "gap loss" => (Kind::Gap, 10),
        "run" | "run id" | "run name" | "fold" | "kfold" | "trial" | "run uuid" => (Kind::Run, 10),
        // These columns may have the same value in every row.
        "seed" | "trial id" | "trial name" | "name" | "experiment" | "experiment name" | "model" | "model name"
        | "task" | "task id" | "client" | "client id" => (Kind::Run, 5),
        "mode" | "split" | "phase" | "set" | "dataset" | "subset" | "stage" | "partition" | "type" => (Kind::Mode, 10),
        "key" | "metric" | "tag" | "metric name" => (Kind::Key, 10),
        "value" | "metric value" => (Kind::Value, 10),
        _ => return figure(&all),
    };
    Some(Meaning { side: None, kind, rank })
}

/// The meaning of the words of a loss, an accuracy or a rate.
fn figure(all: &[String]) -> Option<Meaning> {
    let mut side = None;
    let mut rank = 10;
    let mut rest: Vec<&str> = Vec::new();
    for word in all {
        let (of_side, word) = split(word);
        match (side, of_side) {
            (None, Some(_)) => side = of_side,
            (Some(one), Some(other)) if one != other => return None,
            _ => {}
        }
        match word {
            "" => {}
            "epoch" => rank += 2,
            "step" | "batch" | "mini" | "iter" | "running" => rank -= 4,
            "ema" | "swa" | "smoothed" | "smooth" | "total" => rank -= 2,
            // Beside averaged weights, the weights that are trained.
            "raw" | "online" | "student" => rank -= 1,
            word if FILLERS.contains(&word) => {}
            word => rest.push(word),
        }
    }
    let is_rate =
        matches!(rest.as_slice(), ["rate"] | ["lr", ..] | ["learning", "rate", ..] | ["base", "lr"]) && rest.len() < 5;
    let kind = match rest.as_slice() {
        _ if is_rate => Kind::Rate,
        ["loss" | "losses"] | ["loss" | "losses", "loss"] => Kind::Loss,
        ["ce" | "bce" | "xent" | "nll" | "crossentropy" | "xentropy" | "crossentropyloss"] | ["cross", "entropy"] => {
            Kind::Loss
        }
        ["ce" | "bce" | "xent" | "nll" | "crossentropy", "loss"] | ["cross", "entropy", "loss"] | ["loss", "ce"] => {
            Kind::Loss
        }
        ["softmax", "cross", "entropy", "loss"] => Kind::Loss,
        ["top", "1"] => Kind::Accuracy,
        accuracy if is_accuracy(accuracy) => Kind::Accuracy,
        _ => return None,
    };
    if kind == Kind::Rate {
        // `lr` is the rate that was used; `base_lr`, the rate that a schedule begins with, ranks lower.
        rank -= rest.len() as i8;
        side = None;
    }
    Some(Meaning { side, kind, rank })
}

fn is_accuracy(rest: &[&str]) -> bool {
    let names = rest.iter().filter(|word| ACCURACY.contains(word)).count();
    names > 0 && rest.iter().all(|word| ACCURACY.contains(word) || OF_ACCURACY.contains(word))
}

/// `valloss` is `val` and `loss`.
fn split(word: &str) -> (Option<Side>, &str) {
    if let Some(side) = side_of(word) {
        return (Some(side), "");
    }
    for (side, names) in SIDES {
        for name in names.iter().filter(|name| name.len() > 2) {
            if let Some(rest) = word.strip_prefix(name)
                && (rest == "loss" || ACCURACY.contains(&rest))
            {
                return (Some(side), rest);
            }
        }
    }
    (None, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<(Option<Side>, Kind)> {
        recognise(name).map(|meaning| (meaning.side, meaning.kind))
    }

    #[test]
    fn names_of_one_figure() {
        use Kind::{Accuracy, Loss, Rate};
        let table = [
            (
                "val_loss, Validation Loss, val/loss, eval_loss, valid_loss, valLoss, Loss/val, VAL LOSS, loss_val, \
                 valloss, Average validation loss, validation/epoch_loss, metrics.val_loss, sunny-1 - val_loss, \
                 val_cross_entropy, dev loss, validation epoch_loss, Losses/val_loss, validation/main/loss",
                Some(Side::Val),
                Loss,
            ),
            (
                "train_loss, Training loss, Loss/train, trainLoss, train_loss_epoch, tr_loss, train/main/loss, Train Loss [nats]",
                Some(Side::Train),
                Loss,
            ),
            ("test_loss, Test set: Average loss, testing loss, Loss on test set", Some(Side::Test), Loss),
            ("loss, Loss, epoch_loss, nll_loss, avg loss", None, Loss),
            (
                "val_acc, eval_top1, val_sparse_categorical_accuracy, Val Acc@1, valid accuracy, val/accuracy_top1",
                Some(Side::Val),
                Accuracy,
            ),
            ("test_acc1, testAccuracy, test_acc_1", Some(Side::Test), Accuracy),
            ("acc, Acc@1, accuracy/top1, metrics/accuracy_top1, Accuracy, top-1, accuracy_top-1", None, Accuracy),
            ("lr, learning_rate, lr-SGD, lr/pg0, train_lr, lr-Adam/pg1, Learning Rate", None, Rate),
        ];
        for (names, side, kind) in table {
            for name in names.split(", ") {
                assert_eq!(of(name), Some((side, kind)), "{name}");
            }
        }
    }

    #[test]
    fn names_of_other_figures() {
        let names = "box_loss, train/box_loss, val_acc5, top5, best val loss, regularization loss, val_loss__MIN, \
                     time, train val loss, f1, Train Loss: 2.0, perplexity, , 12, macro f1 accuracy";
        for name in names.split(", ") {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn of_two_names_of_one_figure_one_ranks_higher() {
        let rank = |name: &str| recognise(name).unwrap().rank;
        assert!(rank("train_loss_epoch") > rank("train_loss") && rank("train_loss") > rank("train_loss_step"));
        assert!(rank("val_loss") > rank("val_loss_ema") && rank("loss") > rank("resnet/loss"));
    }

    #[test]
    fn labels_of_a_side() {
        assert_eq!(label("Train"), Some(Side::Train));
        assert_eq!(label("[Validation set]"), Some(Side::Val));
        assert_eq!((label("train.py"), label("loss"), label("train val")), (None, None, None));
    }
}
