//! What brackets in a line say: a side, other images or weights, a second figure, the running mean.

use super::Reader;
use crate::gap::log::{
    lines::wording,
    names::{Kind, label, recognise, words},
    tokens::Token,
};

/// Words in brackets after a side that name neither images nor weights.
const NO_VARIANT: [&str; 5] = ["student", "epoch", "model", "full", "s"];

impl<'a> Reader<'a> {
    /// Reads what a bracket whose content begins with `tokens` says about the name before it or the figures after it;
    /// returns how many tokens are read.
    pub(super) fn bracket(&mut self, tokens: &[Token<'a>]) -> usize {
        let words: Vec<&'a str> =
            tokens.iter().map_while(|token| if let Token::Word(word) = token { Some(*word) } else { None }).collect();
        let is_closed = tokens.get(words.len()) == Some(&Token::Close);
        // `(best: 0.4 after epoch 7)`
        if wording::is_summary(&words)
            && let Some(close) = tokens.iter().position(|token| *token == Token::Close)
        {
            // `val loss (best): 0.4`
            if !self.name.is_empty() {
                self.name.splice(0..0, words);
            }
            return close + 1;
        }
        if is_closed && self.names_figure() {
            let inside = words.join(" ");
            // `Loss (val)`
            if label(&inside).is_some() {
                let length = words.len();
                self.name.extend(words);
                return length + 1;
            }
            if wording::is_note(&inside) {
                self.beside = self.accuracy_beside_loss(&words);
                return words.len() + 1;
            }
        }
        // `acc (%)`
        if matches!(tokens, [Token::Break, Token::Close, ..]) && self.names_figure() {
            return 2;
        }
        if is_closed && (1..=2).contains(&words.len()) {
            self.variant_in(&words);
        }
        self.end_of_name();
        0
    }

    /// The name of an accuracy in brackets behind that of a loss, `loss (acc)`.
    fn accuracy_beside_loss(&mut self, inside: &[&'a str]) -> Option<&'a str> {
        let mut kind = |name: &str| self.known.recognise(name).map(|meaning| meaning.kind);
        let is_of_loss = self.name.last().is_some_and(|name| kind(name) == Some(Kind::Loss));
        match inside {
            [name] if is_of_loss && kind(name) == Some(Kind::Accuracy) => Some(name),
            _ => None,
        }
    }

    /// Takes the variant that words in brackets name: `(EMA)`, or after a side `(ood)`.
    fn variant_in(&mut self, inside: &[&str]) {
        let inside = inside.iter().flat_map(|word| words(word)).collect::<Vec<_>>().join(" ");
        if wording::names_trained_weights(&inside) {
            self.variant = None;
        } else if wording::names_other_weights(&inside) || self.names_other_images(&inside) {
            self.variant = Some(inside);
        }
    }

    /// Whether words in brackets after a side name a set of images.
    fn names_other_images(&self, inside: &str) -> bool {
        label(&self.name.join(" ")).is_some()
            && label(inside).is_none()
            && !wording::is_note(inside)
            && !NO_VARIANT.contains(&inside)
            && recognise(inside).is_none()
    }
}
