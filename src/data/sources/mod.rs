//! Where images come from: folders, tables and generated faces, listed without decoding an image.
//!
//! - `image_folder` lists a folder of class folders. `layout` finds the folders of its splits with the help of
//!   `split_finder`, `class_folders` checks the folders of its classes, `folder_contents` says what a folder contains, and
//!   `files_beside` says what other files are, and `folder_labels` whether a table contradicts the class folders. `image_files` walks
//!   over image files. `layout_messages` explains layouts that are refused.
//! - `table` reads FER2013's CSV, `faces` draws faces.
//! - `label_table` lists a folder of image files whose labels are in a table.
//! - Each gives a `listing`: the splits, with the `source` that their images are read from. `exclude` removes samples from
//!   it, `relabel` corrects labels, `choose_classes` joins and chooses classes, `groups` says which images belong together,
//!   `votes` gives training images `soft_labels`.
//! - `csv_rows` reads tables of the user's, `name_index` finds the samples that they name.
//! - `unreadable` describes files and rows that cannot be read.

pub mod choose_classes;
pub mod class_folders;
pub mod csv_rows;
pub mod exclude;
pub mod faces;
pub mod files_beside;
pub mod folder_contents;
mod folder_labels;
pub mod groups;
pub mod image_files;
pub mod image_folder;
pub mod label_table;
pub mod layout;
mod layout_messages;
pub mod listing;
mod masks;
mod name_index;
pub mod relabel;
pub mod soft_labels;
pub mod source;
mod split_finder;
pub mod table;
pub mod unreadable;
pub mod votes;
