//! The search for a recipe that closes the gap within a time budget: what is tried, in which order, for how long, and what is
//! chosen.
//!
//! A candidate is one level of each [`Knob`] ([`Settings`]). The first is what has proved itself (preset `closed`, at the size that the
//! budget allows), the next ones change one knob each, in the order in which the findings about the reference ask for it
//! ([`moves`]), and the last ones join what helped ([`propose`]). All get the same short time; the best third gets three times as
//! much, each with a whole schedule of that length ([`Rungs`], [`next`]). The time comes from a [`BudgetPlan`]. Candidates are scored
//! on one half of val, and the winner is judged on the other ([`Verdict`]).
//!
//! All of it is plain numbers: runs are trained by the command.

mod budget;
mod candidate;
mod choice;
mod halving;
mod knob;
mod lengthen;
mod mirroring;
mod moves;
mod networks;
mod paired;
mod record;
mod score;
mod settings;
#[cfg(test)]
mod simulation;
mod trial;
mod verdict;

pub use budget::{BudgetPlan, ENOUGH_EPOCHS, Rungs, TrialCost, WINNERS_SHARE, enough};
pub use candidate::{Candidate, Space, propose};
pub use choice::{Choice, choose};
pub use halving::{Next, next, two_best};
pub use knob::Knob;
pub use lengthen::{LastTraining, longest_known, taught_by};
pub use mirroring::Mirroring;
pub use moves::{Move, Need, moves};
pub use networks::{Network, networks};
pub use paired::PairedDifference;
pub use record::{CloseRecord, HandedOver, Look, Pace, Stage, Trained};
pub use score::{Half, PerImage, Score};
pub use settings::{Base, Settings, fitting_batch, of_length};
pub use trial::{Outcome, Trial};
pub use verdict::{Verdict, Word};
