//! Which images train, validate and test.
//!
//! - `split_name` recognises a split by the name of its folder, `split_folders` holds the folders that the user names.
//! - `stratified` draws splits, fractions and halves, `folds` the folds of a cross-validation, `probe` the images on which the training loss of the gap is measured.
//! - `split` is one opened split, `single_split` one without train, `train_duplicates` counts the duplicates in train.

pub mod folds;
pub mod grouped;
pub mod probe;
pub mod single_split;
pub mod split;
pub mod split_folders;
pub mod split_name;
pub mod stratified;
pub mod train_duplicates;
