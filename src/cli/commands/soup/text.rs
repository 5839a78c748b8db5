//! A soup as text.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use super::figures::SoupFigures;
use mindgap::search::Score;

pub fn render(found: &SoupFigures) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["run", "val loss", "soup with it", "kept"]);
    for run in &found.runs {
        table.add_row([
            run.run.clone(),
            format!("{:.4}", run.val_loss),
            run.soup_val_loss.map_or("–".to_owned(), |loss| format!("{loss:.4}")),
            if run.kept { "yes" } else { "no" }.to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{}\n\nOn the half of val that chose:\n{table}\n\n", textwrap::fill(&found.sentence, 100));
    text += &format!("On the {} val images that chose nothing:\n", found.soup.images);
    if found.file.is_some() {
        text += &line("soup", &found.soup);
    }
    text += &line("best run", &found.best);
    if let Some(file) = &found.file {
        text += &format!("\nWritten to {file}: evaluate, predict and export take it.\n");
    }
    text
}

fn line(what: &str, score: &Score) -> String {
    format!(
        "  {what:<9} val loss {:.4}, accuracy {:.1} %, gap {:.3} ± {:.3}\n",
        score.val_loss, score.val_acc, score.gap_loss, score.gap_loss_se
    )
}
