//! Which labels are probably wrong, from predictions of networks on images that they were not trained on.
//!
//! Labels are taken to be corrupted by a class-conditional process: an image of true class k is labelled j with probability
//! T\[k\]\[j\], whatever else the image shows. This is the model of confident learning (Northcutt, Jiang and Chuang,
//! "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021). Five steps lead to the posterior of the true
//! class:
//!
//! 1. `confident_joint` counts a first T as confident learning does.
//! 2. `noise_fit` maximises the likelihood of the labels over T, a temperature and weights of the classes (EM).
//! 3. `anchors` finds what the network itself has learnt of the noise, and takes it out of its probabilities.
//! 4. `transition` keeps of T what network errors do not explain as well.
//! 5. [`LabelErrors`] allows for errors that the network makes with full confidence, and applies Bayes' rule.
//!
//! [`best_cut`] ends the list of suspects where its expected F1 is highest.

mod anchors;
mod confident_joint;
mod cut;
mod noise_fit;
mod posterior;
mod transition;

pub use cut::{Cut, best_cut};
pub use posterior::LabelErrors;
