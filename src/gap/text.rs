//! A diagnosis for a terminal of 80 columns.

use textwrap::{Options, WordSplitter, fill};

use super::{Diagnosis, Id};

const WIDTH: usize = 80;

impl Diagnosis {
    /// The findings in plain words.
    pub fn to_text(&self) -> String {
        let epochs = if self.epochs == 1 { "1 epoch".to_owned() } else { format!("{} epochs", self.epochs) };
        let mut text = match (self.gap_loss, self.gap_loss_se) {
            (Some(gap), Some(error)) => {
                format!("{}: {epochs}, gap {gap:.3} ± {error:.3} nats (one standard error)\n", self.subject)
            }
            (Some(gap), None) => format!("{}: {epochs}, gap {gap:.3} nats\n", self.subject),
            (None, _) => format!("{}: {epochs}, no gap is known\n", self.subject),
        };
        if let Some(lately) = &self.val_loss_lately {
            text += &format!("Validation loss {}.\n", lately.words());
        }
        if let Some(bill) = &self.bill {
            text += &paragraph(&bill.sentence, "", "");
        }
        for note in &self.notes {
            text += &paragraph(note, "note: ", "      ");
        }
        for finding in &self.findings {
            text.push('\n');
            if finding.id == Id::Next {
                text += &paragraph(&finding.evidence, "NEXT  ", "      ");
                // The command stays on one line, so that it can be pasted into a shell.
                text += &format!("  {}\n", finding.advice);
                continue;
            }
            text += &paragraph(&finding.title, &format!("{}  ", finding.severity.label()), "    ");
            text += &paragraph(&finding.evidence, "  ", "  ");
            if !finding.advice.is_empty() {
                text += &paragraph(&finding.advice, "  → ", "    ");
            }
            text += &format!("  [{}]\n", finding.id.name());
        }
        text
    }
}

fn paragraph(text: &str, first: &str, rest: &str) -> String {
    // No word is broken at its hyphens, so that flags can be pasted.
    let options = Options::new(WIDTH).word_splitter(WordSplitter::NoHyphenation).break_words(false);
    let options = options.initial_indent(first).subsequent_indent(rest);
    fill(text, options) + "\n"
}
