//! The text that `mindgap train` prints before and after a run.

use std::path::Path;

use mindgap::{
    data::Dataset,
    model::ModelCost,
    recipe::Recipe,
    run::{Done, TtaFigures},
    train::EvalSets,
};

/// Describes data, probe, leaks and network, a line each.
pub fn description(data: &Dataset, sets: &EvalSets, recipe: &Recipe, cost: ModelCost) -> String {
    let colour = if data.channels == 1 { "grey" } else { "RGB" };
    let mut text = format!(
        "data     {} training and {} validation images, {} classes, {size}×{size} {colour}\n",
        data.train.len(),
        data.val.len(),
        data.classes.len(),
        size = data.size,
    );
    text += &format!("probe    {} training images, none of them in val\n", sets.probe.len());
    let (leaks, near_leaks) = (sets.leak_count(), sets.near_leak_count().unwrap_or(0));
    let what = match (leaks, near_leaks) {
        (leaks, 0) => format!("{leaks} val images also appear in train"),
        (0, near_leaks) => format!("{near_leaks} val images have a near-duplicate in train"),
        _ => format!("{leaks} val images also appear in train, {near_leaks} have a near-duplicate there"),
    };
    if leaks + near_leaks > 0 {
        text += &format!(
            "leaks    {what}; all figures exist without them too\n         \
             `mindgap inspect DATA --write-exclude FILE` lists their duplicates in train, for --exclude FILE\n"
        );
    }
    if let (Some(leaks), Some([probe, val])) = (sets.group_leaks, sets.group_counts()) {
        text += &format!("groups   {val} in val, {probe} in the probe; standard errors are clustered by them\n");
        if leaks > 0 {
            text += &format!(
                "         {leaks} val images are of groups that train also has, so that val is no test of new groups\n"
            );
        }
    }
    text += &format!(
        "network  {}: {} parameters, {:.1} million multiply-adds an image\n",
        recipe.model,
        cost.parameters,
        cost.multiply_adds as f64 / 1e6
    );
    text
}

/// The final figures. `open_since` is the epoch since which the gap has been open.
pub fn summary(folder: &Path, done: &Done, open_since: Option<u32>) -> String {
    let last = &done.last;
    let mut text = format!(
        "\nAfter epoch {}: loss {:.3} on the probe, {:.3} on val; accuracy {:.1} % and {:.1} %.\n\
         Gap: {:.3} ± {:.3} nats (one standard error), {:.1} percentage points; ",
        last.epoch,
        last.probe_loss,
        last.val_loss,
        last.probe_acc,
        last.val_acc,
        last.gap_loss,
        last.gap_loss_se,
        last.gap_acc
    );
    text += &match open_since {
        Some(epoch) => format!("above two standard errors since epoch {epoch}.\n"),
        None => "not above two standard errors.\n".to_owned(),
    };
    if let Some(lately) = &done.val_loss_lately {
        text += &format!("Val loss {}.\n", lately.words());
    }
    if let (Some(loss), Some(accuracy), Some(gap)) =
        (last.val_loss_without_leaks, last.val_acc_without_leaks, last.gap_loss_without_leaks)
    {
        let count = done.val_in_train;
        text += &format!(
            "Without the {count} val images that also appear in train: val loss {loss:.3}, accuracy {accuracy:.1} %, gap {gap:.3}.\n"
        );
    }
    if let (Some(loss), Some(accuracy), Some(gap), Some(count)) = (
        last.val_loss_without_near_leaks,
        last.val_acc_without_near_leaks,
        last.gap_loss_without_near_leaks,
        done.near_leaks,
    ) {
        text += &format!(
            "Without the {count} val images that have a near-duplicate in train{}: val loss {loss:.3}, accuracy {accuracy:.1} %, gap {gap:.3}.\n",
            if done.val_in_train > 0 { " either" } else { "" }
        );
    }
    if let Some(raw) = last.raw_val_loss {
        text +=
            &format!("These figures are those of the averaged weights; the raw weights have a val loss of {raw:.3}.\n");
    }
    if let Some(views) = &done.tta {
        let TtaFigures { views, val_loss, val_acc, val_loss_without_leaks, val_acc_without_leaks, .. } = views;
        text += &format!("Averaged over views ({views}): val loss {val_loss:.3}, accuracy {val_acc:.1} %");
        if let (Some(loss), Some(accuracy)) = (val_loss_without_leaks, val_acc_without_leaks) {
            text += &format!("; without the leaks {loss:.3}, {accuracy:.1} %");
        }
        text += ".\n";
    }
    // A smaller share would be printed as 0 %.
    if let Some(share) = done.overconfidence_share_of_gap.filter(|share| *share >= 0.005) {
        let name = if done.temperature < 1.0 { "Underconfidence" } else { "Overconfidence" };
        text += &format!(
            "{name}: {:.3} nats, {:.0} % of the gap; a temperature of {:.2} removes it.\n",
            done.overconfidence,
            100.0 * share,
            done.temperature
        );
    }
    if done.early_stopped {
        text += "Stopped early because val loss had stopped falling: this last epoch was chosen on val.\n";
    }
    if let Some(best) = &done.best {
        text += &format!(
            "Lowest val loss: {:.3} after epoch {}, optimistic since it was selected on val; cross-fitted {:.3}.\n",
            best.val_loss, best.epoch, done.cross_fitted_best_loss
        );
    }
    text + &format!("Run folder: {}\n", folder.display())
}
