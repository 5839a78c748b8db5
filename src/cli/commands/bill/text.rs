//! The bill as text.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use mindgap::gap::Bill;

pub fn render(bill: &Bill) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["item", "nats", "95 % interval"]);
    for item in &bill.items {
        let (nats, interval) = match (item.is_measured, item.low.zip(item.high)) {
            (false, _) => ("–".to_owned(), "not measured".to_owned()),
            (true, Some((low, high))) => (format!("{:+.3}", item.nats), format!("{low:+.3} to {high:+.3}")),
            (true, None) => (format!("{:+.3}", item.nats), "–".to_owned()),
        };
        table.add_row([item.id.name().to_owned(), nats, interval]);
    }
    table.add_row(["gap".to_owned(), format!("{:+.3}", bill.gap_loss), String::new()]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!(
        "{}\n\nVal loss {:.3}, probe loss {:.3} after epoch {}. Each item is what the gap shrinks by when its cause is taken away, in the mean \
         over all orders.\n\n{table}\n\n",
        bill.sentence, bill.val_loss, bill.probe_loss, bill.epoch
    );
    for item in &bill.items {
        text += &format!("{}: {}\n", item.id.name(), item.evidence);
    }
    text
}
