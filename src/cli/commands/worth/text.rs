//! The worth of fixes as text, in Markdown.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use mindgap::compare::{Delta, Worth};

/// Renders sentence, table and what must be known to read it.
pub fn render(worth: &Worth) -> String {
    let mut text = format!("{}\n\n", worth.sentence);
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "fix",
        "removed",
        "Δ val loss",
        "CI images",
        "CI seeds",
        "p",
        "Δ without leaks",
        "Δ val acc",
        "Δ gap",
        "Δ against all",
        "control against all",
    ]);
    for fix in &worth.fixes {
        table.add_row([
            fix.fix.clone(),
            fix.removed.to_string(),
            signed(&fix.val_loss),
            interval(fix.val_loss.ci_images),
            interval(fix.val_loss.ci_seeds),
            fix.val_loss.p_holm.map_or("–".into(), |p| if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }),
            fix.val_loss_without_leaks.as_ref().map_or("–".into(), signed),
            format!("{:+.1}", fix.val_acc.mean),
            signed(&fix.gap_loss),
            signed(&fix.against_all),
            signed(&fix.control_against_all),
        ]);
    }
    text += &format!("{table}\n\n");
    let seeds = worth.seeds.len();
    text += &format!(
        "Δ: trained without the images of the fix, minus trained without as many of each class drawn at random; mean of {seeds} seeds, on \
         the same {} val images. Below 0 is better. p after Holm's correction over the fixes. On all {} training images val loss is \
         {:.3} and the gap {:.3}.\n",
        worth.val, worth.train, worth.val_loss.mean, worth.gap_loss.mean
    );
    if let Some(flattery) = &worth.flattery {
        text += &format!(
            "\nLeaks: {} val images also appear in train, or nearly so. Without them val loss is {:+.3} nats higher{}.\n",
            worth.leaks,
            flattery.mean,
            flattery.ci_seeds.map_or(String::new(), |ends| format!(" ({} over seeds)", interval(Some(ends))))
        );
    }
    if let Some(more) = &worth.more_images {
        let curve: Vec<String> = more.curve.iter().map(|(images, loss)| format!("{loss:.3} with {images}")).collect();
        text += &format!(
            "\nMore images: val loss is {} training images, each with as many updates; by a power law {:.0} % more would change it by \
             {:+.3}{}.\n",
            curve.join(", "),
            100.0 * more.share,
            more.val_loss,
            more.ci_seeds.map_or(String::new(), |ends| format!(" ({} over seeds)", interval(Some(ends))))
        );
    }
    text
}

fn signed(delta: &Delta) -> String {
    format!("{:+.3}", delta.mean)
}

fn interval(ends: Option<[f64; 2]>) -> String {
    ends.map_or("–".into(), |[low, high]| format!("{low:+.3} to {high:+.3}"))
}
