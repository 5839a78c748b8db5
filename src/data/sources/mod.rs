//! Where images come from: folders, tables and generated faces, listed without decoding an image.
//!
//! - `image_folder` lists a folder of class folders. `layout` finds the folders of its splits with the help of
//!   `split_finder`, `class_folders` checks the folders of its classes, `folder_contents` says what a folder contains, and
//!   `image_files` walks over image files. `layout_messages` explains layouts that are refused.
//! - `table` reads FER2013's CSV, `faces` draws faces.
//! - Each gives a `listing`: the splits, with the `source` that their images are read from. `exclude` removes samples from
//!   it.
//! - `unreadable` describes files and rows that cannot be read.

pub mod class_folders;
pub mod exclude;
pub mod faces;
pub mod folder_contents;
pub mod image_files;
pub mod image_folder;
pub mod layout;
mod layout_messages;
pub mod listing;
pub mod source;
mod split_finder;
pub mod table;
pub mod unreadable;
