//! A ledger as text for a terminal.

use comfy_table::{Cell, CellAlignment, Table, presets::NOTHING};

use crate::cli::output::say::plain;
use mindgap::seal::{Best, Ledger, Look, Standing};

/// Digits of a hash that are shown.
const DIGITS: usize = 12;

/// What is sealed, all looks, and the best models.
pub fn render(ledger: &Ledger, standing: &Standing) -> String {
    let sealed = &ledger.sealed;
    let mut text = format!(
        "{}\n{} test images of {} classes of {}, sealed {} (seal {}).\n",
        plain(&ledger.path().display().to_string()),
        sealed.images,
        sealed.classes.len(),
        plain(&sealed.source),
        sealed.time,
        sealed.id
    );
    if ledger.looks.is_empty() {
        return text + "Not measured yet. `mindgap evaluate MODEL --split test` appends a line.\n";
    }
    text += &format!("\n{}\n\n", table(ledger));
    text += &match standing.best_of {
        1 => format!("{}, 1 model:\n", ledger.witness().looks()),
        models => format!("{}; best of {models} models, and without what the choice adds:\n", ledger.witness().looks()),
    };
    for (best, name, unit, digits) in [(&standing.top1, "Top-1", "%", 2), (&standing.loss, "Loss", "nats", 4)] {
        let Some(Best { look, model, best, corrected, .. }) = best else { continue };
        text += &format!("  {name:5} {best:.digits$} {unit}");
        if standing.best_of > 1 {
            text += &format!(", corrected {corrected:.digits$} {unit}");
        }
        text += &format!(" (look {look}, {})\n", plain(model));
    }
    text
}

fn table(ledger: &Ledger) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["look", "when (UTC)", "model", "weights", "hash", "top-1 [%]", "loss"]);
    for (number, look) in (1..).zip(&ledger.looks) {
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        let again = ledger.first_look(number).map_or(String::new(), |first| format!(" = look {first}"));
        let Look { time, model, test_loss, test_acc, .. } = look;
        let views = if model.views == "none" { String::new() } else { format!(", {}", model.views) };
        table.add_row([
            right(number.to_string()),
            Cell::new(time),
            Cell::new(plain(&model.model)),
            Cell::new(format!("{}{views}{again}", model.weights)),
            Cell::new(model.model_hash.chars().take(DIGITS).collect::<String>()),
            right(format!("{test_acc:.2}")),
            right(format!("{test_loss:.4}")),
        ]);
    }
    table
}
