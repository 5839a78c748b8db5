//! The names that trainers give to the same figures.

/// A figure of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Epoch,
    TrainLoss,
    ValLoss,
    TrainAcc,
    ValAcc,
    Rate,
    BatchLoss,
    /// Val less training loss; only mindgap writes it, and its training loss is the probe's.
    Gap,
}

/// A name that was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it names.
    pub field: Field,
    /// Of two names of one field the higher counts: Lightning's `train_loss_epoch` before `train_loss_step`.
    pub rank: u8,
    /// Whether it names neither side: `accuracy` is training's for Keras and val's for fastai.
    pub is_bare: bool,
}

const VAL: [&str; 6] = ["val", "valid", "validation", "eval", "test", "dev"];
const TRAIN: [&str; 3] = ["train", "training", "tr"];
const ACCURACY: [&str; 8] = [
    "acc",
    "accuracy",
    "acc1",
    "top1",
    "top_1",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "multiclass_accuracy",
];

/// What `name` means: `Validation Loss`, `val/loss`, `eval_loss` and `valid_loss` are one.
pub fn recognise(name: &str) -> Option<Named> {
    let plain: String = name.trim().to_lowercase();
    let plain: String = plain.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let plain = plain.trim_matches('_');
    let (plain, rank) = match plain {
        name if name.ends_with("_epoch") => (name.trim_end_matches("_epoch"), 2),
        name if name.ends_with("_step") => (name.trim_end_matches("_step"), 0),
        name => (name, 1),
    };
    let named = |field| Some(Named { field, rank, is_bare: false });
    match plain {
        "epoch" | "epochs" => return named(Field::Epoch),
        "lr" | "learning_rate" | "rate" => return named(Field::Rate),
        "batch_loss" => return named(Field::BatchLoss),
        "gap" | "gap_loss" => return named(Field::Gap),
        name if name.starts_with("lr_") => return named(Field::Rate),
        _ => {}
    }
    let (side, figure) = match plain.split_once('_') {
        Some((side, figure)) if VAL.contains(&side) => (Some(true), figure),
        Some((side, figure)) if TRAIN.contains(&side) => (Some(false), figure),
        _ => (None, plain),
    };
    let field = match (figure, side) {
        ("loss", Some(true)) => Field::ValLoss,
        ("loss", _) => Field::TrainLoss,
        (figure, Some(true)) if ACCURACY.contains(&figure) => Field::ValAcc,
        (figure, _) if ACCURACY.contains(&figure) => Field::TrainAcc,
        _ => return None,
    };
    Some(Named { field, rank, is_bare: side.is_none() })
}
