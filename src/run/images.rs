//! `images.csv`: which images val and probe hold, in the order of the predictions, so that runs of any origin pair image
//! by image.
//!
//! Columns `split,id,name,label,leak,half`: `val` or `probe`; the sample id; the name of the image, which is its path below
//! the folder of the data where it is a file; the number of its class; 1 where a val image also appears in train; the half
//! of val, 1 or 2, to which it belongs in cross-fitting, empty for the probe. A column `near_leak` follows where near leaks are
//! known: 1 where a near-duplicate of a val image, but no equal one, is in train. Where the images have groups, a last column
//! `group` names that of each.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};

use super::{Outputs, Predictions, csv_error::csv_error};
use crate::durable;

/// The columns of each file.
const COLUMNS: [&str; 6] = ["split", "id", "name", "label", "leak", "half"];
/// The column of near leaks, where they are known.
const NEAR_LEAK: &str = "near_leak";
/// The column of groups, where the images have groups.
const GROUP: &str = "group";

/// The images of val and probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    /// The images of val, in the order of the predictions.
    pub val: Vec<ListedImage>,
    /// The images of the probe, in the order of the predictions.
    pub probe: Vec<ListedImage>,
    /// For each image of val, whether it also appears in train.
    pub leaks: Vec<bool>,
    /// For each image of val, whether it is a near leak; None where that is not known.
    pub near_leaks: Option<Vec<bool>>,
    /// For each image of val, whether it belongs to the first half of val, for cross-fitting.
    pub in_first_half: Vec<bool>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Its sample id: an index into the split's full sorted listing.
    pub id: i64,
    /// Its name: a path below the folder of the data with `/` between its parts, or what the data have instead.
    pub name: String,
    /// Its class.
    pub label: i64,
    /// Its group, such as a patient, where the images have groups.
    pub group: Option<String>,
}

impl Images {
    /// Writes the file.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written to.
    pub fn save(&self, path: &Path) -> Result<()> {
        let has_groups = self.has_groups();
        let mut table = csv::Writer::from_writer(Vec::new());
        let optional = [self.near_leaks.as_ref().map(|_| NEAR_LEAK), has_groups.then_some(GROUP)];
        table.write_record(COLUMNS.into_iter().chain(optional.into_iter().flatten()))?;
        let mut write = |split: &str, image: &ListedImage, leak: bool, half: &str, near_leak: bool| {
            let [id, label, leak] = [image.id, image.label, i64::from(leak)].map(|number| number.to_string());
            let row = [split, &id, &image.name, &label, &leak, half];
            let near_leak = self.near_leaks.as_ref().map(|_| if near_leak { "1" } else { "0" });
            let group = image.group.as_deref().filter(|_| has_groups);
            table.write_record(row.into_iter().chain(near_leak).chain(group))
        };
        for (index, image) in self.val.iter().enumerate() {
            let half = if self.in_first_half[index] { "1" } else { "2" };
            let near_leak = self.near_leaks.as_ref().is_some_and(|near_leaks| near_leaks[index]);
            write("val", image, self.leaks[index], half, near_leak)?;
        }
        for image in &self.probe {
            write("probe", image, false, "", false)?;
        }
        durable::write(path, &table.into_inner()?)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// The file is absent, or is not such a table; the message names the line.
    pub fn load(path: &Path) -> Result<Self> {
        let text = durable::read_text(path)?;
        Self::parse(&text).with_context(|| format!("{} cannot be used", path.display()))
    }

    fn parse(text: &[u8]) -> Result<Self> {
        let mut table = csv::Reader::from_reader(text);
        let head: Vec<&str> = table.headers()?.iter().collect();
        let (known, more) = head.split_at(head.len().min(COLUMNS.len()));
        ensure!(
            known == COLUMNS && matches!(more, [] | [NEAR_LEAK] | [GROUP] | [NEAR_LEAK, GROUP]),
            "its columns are {}, not {}",
            head.join(","),
            COLUMNS.join(",")
        );
        let mut images = Self { near_leaks: more.contains(&NEAR_LEAK).then(Vec::new), ..Self::default() };
        let mut names = HashSet::new();
        for row in table.records() {
            let line_at = |position: &csv::Position| durable::csv_line(text, position);
            let row = row.map_err(|error| csv_error(error, line_at))?;
            let line = row.position().map_or(0, line_at);
            let split = row[0].to_owned();
            let name = row[2].to_owned();
            images.add(&row).with_context(|| format!("line {line}"))?;
            ensure!(names.insert((split, name)), "line {line}: the image {:?} comes twice in {}", &row[2], &row[0]);
        }
        Ok(images)
    }

    fn add(&mut self, row: &csv::StringRecord) -> Result<()> {
        let number = |column: usize| -> Result<i64> {
            row[column].parse().with_context(|| format!("{} {:?} is no number", COLUMNS[column], &row[column]))
        };
        let group = row.get(COLUMNS.len() + usize::from(self.near_leaks.is_some())).map(str::to_owned);
        let image = ListedImage { id: number(1)?, name: row[2].to_owned(), label: number(3)?, group };
        ensure!(!image.name.is_empty(), "the image has no name");
        ensure!(image.group.as_deref() != Some(""), "the image has no group");
        let is_leak = flag("leak", &row[4])?;
        let is_near_leak = self.near_leaks.as_ref().map(|_| flag(NEAR_LEAK, &row[COLUMNS.len()])).transpose()?;
        match (&row[0], &row[5]) {
            ("val", "1" | "2") => {
                self.val.push(image);
                self.leaks.push(is_leak);
                self.near_leaks.iter_mut().zip(is_near_leak).for_each(|(leaks, leak)| leaks.push(leak));
                self.in_first_half.push(&row[5] == "1");
            }
            ("val", other) => bail!("half {other:?} of a val image is neither 1 nor 2"),
            ("probe", "") if !is_leak && is_near_leak != Some(true) => self.probe.push(image),
            ("probe", _) => bail!("an image of the probe has leak 0 and no half"),
            (other, _) => bail!("split {other:?} is neither val nor probe"),
        }
        Ok(())
    }

    /// Whether the images have groups.
    pub fn has_groups(&self) -> bool {
        self.val.iter().chain(&self.probe).any(|image| image.group.is_some())
    }

    /// The number of the group of each image of val \[n\], and of the probe; None where the images have no groups.
    pub fn group_numbers(&self) -> Option<[Vec<u32>; 2]> {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut all = [Vec::new(), Vec::new()];
        for (set, images) in all.iter_mut().zip([&self.val, &self.probe]) {
            for image in images {
                let next = numbers.len() as u32;
                set.push(*numbers.entry(image.group.as_deref()?).or_insert(next));
            }
        }
        Some(all)
    }

    /// Checks that `predictions` are of these images, in this order. The best epoch's may be empty.
    ///
    /// # Errors
    /// A set has other images, in number, order or label; the message names the set and the first image.
    pub fn check(&self, predictions: &Predictions) -> Result<()> {
        for (set, images, outputs) in [
            ("last.val", &self.val, &predictions.last_val),
            ("best.val", &self.val, &predictions.best_val),
            ("last.probe", &self.probe, &predictions.last_probe),
            ("best.probe", &self.probe, &predictions.best_probe),
        ] {
            let is_lost = set.starts_with("best") && outputs.ids.is_empty();
            if is_lost {
                continue;
            }
            check_set(images, outputs).with_context(|| format!("the predictions {set} are not those of images.csv"))?;
        }
        Ok(())
    }
}

fn flag(column: &str, value: &str) -> Result<bool> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        other => bail!("{column} {other:?} is neither 0 nor 1"),
    }
}

fn check_set(images: &[ListedImage], outputs: &Outputs) -> Result<()> {
    ensure!(images.len() == outputs.ids.len(), "{} predictions, {} images", outputs.ids.len(), images.len());
    for (index, image) in images.iter().enumerate() {
        let (id, label) = (outputs.ids[index], outputs.labels[index]);
        ensure!(
            id == image.id && label == image.label,
            "row {index} is sample {id} of class {label}, where images.csv has sample {} of class {} ({})",
            image.id,
            image.label,
            image.name
        );
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Four images of val, the first a leak, and two of the probe.
    pub fn images() -> Images {
        let image = |split: &str, id: i64| ListedImage {
            id,
            name: format!("{split}/a \"b\", c/{id}.png"),
            label: id % 2,
            group: None,
        };
        Images {
            val: (0..4).map(|id| image("val", id)).collect(),
            probe: [5, 3].map(|id| image("train", id)).into(),
            leaks: vec![true, false, false, false],
            near_leaks: None,
            in_first_half: vec![true, false, true, false],
        }
    }

    /// The text of the table of `images`, which is read back as it was written.
    fn written(images: &Images) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.csv");
        images.save(&path).unwrap();
        assert_eq!(Images::load(&path).unwrap(), *images);
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn the_table_is_read_back_as_it_was_written() {
        let text = written(&images());
        assert!(
            text.starts_with("split,id,name,label,leak,half\nval,0,\"val/a \"\"b\"\", c/0.png\",0,1,1\n"),
            "{text}"
        );
        assert!(text.ends_with("probe,3,\"train/a \"\"b\"\", c/3.png\",1,0,\n"), "{text}");
    }

    #[test]
    fn groups_have_a_column_only_where_there_are_some() {
        let mut grouped = images();
        assert_eq!(grouped.group_numbers(), None);
        for image in grouped.val.iter_mut().chain(&mut grouped.probe) {
            image.group = Some(format!("patient {}", image.id / 2));
        }
        let text = written(&grouped);
        assert!(
            text.starts_with("split,id,name,label,leak,half,group\n") && text.ends_with(",1,0,,patient 1\n"),
            "{text}"
        );
        assert_eq!(grouped.group_numbers(), Some([vec![0, 0, 1, 1], vec![2, 1]]));
        let message = format!("{:#}", Images::parse(text.replace("patient 2", "").as_bytes()).unwrap_err());
        assert!(message.contains("line 6: the image has no group"), "{message}");
        assert!(Images::parse(text.replace(",group", ",class").as_bytes()).is_err());
    }

    #[test]
    fn near_leaks_have_a_column_where_they_are_known() {
        let text = written(&Images { near_leaks: Some(vec![false, false, true, false]), ..images() });
        assert!(text.starts_with("split,id,name,label,leak,half,near_leak\n") && text.ends_with(",1,0,,0\n"), "{text}");
        assert!(Images::parse(text.replace(",2,0\n", ",2,no\n").as_bytes()).is_err());
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let head = "split,id,name,label,leak,half\nval,0,a.png,1,0,1\n";
        let refused = |row: &str, expected: &str| {
            let message = format!("{:#}", Images::parse(format!("{head}{row}\n").as_bytes()).unwrap_err());
            assert!(message.contains(expected) && message.contains("line 3"), "{message}");
        };
        refused("val,x,b.png,1,0,1", "id \"x\" is no number");
        refused("val,1,b.png,cat,0,1", "label \"cat\" is no number");
        refused("val,1,b.png,1,yes,1", "leak \"yes\"");
        refused("val,1,b.png,1,0,", "half \"\"");
        refused("test,1,b.png,1,0,1", "split \"test\"");
        refused("probe,1,b.png,1,1,", "probe");
        refused("val,1,,1,0,1", "no name");
        refused("val,1,a.png,1,0,2", "comes twice");
        refused("val,1,b.png", "3 columns, where the first line has 6");
        let message = format!("{:#}", Images::parse(b"name,label\n").unwrap_err());
        assert!(message.contains("its columns are name,label, not split,id"), "{message}");
    }

    #[test]
    fn predictions_of_other_images_are_refused() {
        let outputs = |images: &[ListedImage]| Outputs {
            logits: vec![0.0; 2 * images.len()],
            labels: images.iter().map(|image| image.label).collect(),
            ids: images.iter().map(|image| image.id).collect(),
        };
        let images = images();
        let mut predictions = Predictions {
            classes: 2,
            last_val: outputs(&images.val),
            last_probe: outputs(&images.probe),
            best_val: outputs(&images.val),
            best_probe: outputs(&images.probe),
            val_losses: Vec::new(),
        };
        images.check(&predictions).unwrap();
        predictions.best_probe.ids.swap(0, 1);
        let message = format!("{:#}", images.check(&predictions).unwrap_err());
        assert!(message.contains("best.probe") && message.contains("row 0 is sample 3"), "{message}");
        predictions.last_val = predictions.last_val.only(|image| image > 0);
        let message = format!("{:#}", images.check(&predictions).unwrap_err());
        assert!(message.contains("last.val") && message.contains("3 predictions, 4 images"), "{message}");
    }
}
