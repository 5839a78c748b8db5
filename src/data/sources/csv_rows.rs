//! Tables of the user's: separated by commas, semicolons or tabs, with the names of the columns in the first line.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{ReaderBuilder, StringRecord, Trim};

use super::{folder_contents::has_image_extension, unreadable};
use crate::durable;

/// A table, read as a whole.
pub struct CsvRows {
    /// The option that names the file, as messages show it.
    pub option: String,
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows below.
    pub rows: Vec<CsvRow>,
}

/// One row.
pub struct CsvRow {
    /// Its line in the file.
    pub line: u64,
    /// As many fields as the table has columns.
    fields: StringRecord,
}

impl CsvRow {
    /// The field in `column`.
    pub fn field(&self, column: usize) -> &str {
        &self.fields[column]
    }
}

impl CsvRows {
    /// Reads `file`, which the option `name` of the selection names. Spaces around fields do not count.
    /// Fails if the file cannot be read, is no UTF-8 text, has no row, or has rows of another length than its first line.
    pub fn read(name: &str, file: &Path) -> Result<Self> {
        let option = format!("`options.selection.{name} = {}`", file.display());
        Self::parse(&option, &durable::read_text(file).with_context(|| option.clone())?).with_context(|| option.clone())
    }

    fn parse(option: &str, text: &[u8]) -> Result<Self> {
        if let Some(format) = durable::other_format(text) {
            bail!("it is {format}");
        }
        let mut reader = ReaderBuilder::new()
            .delimiter(separator(text))
            .flexible(true)
            .has_headers(false)
            .trim(Trim::All)
            .from_reader(text);
        let mut records = reader.records();
        let head: Vec<String> = match records.next() {
            None => bail!("the file is empty"),
            Some(head) => head
                .context("the first line is no line of UTF-8 text: save it as UTF-8")?
                .iter()
                .map(str::to_owned)
                .collect(),
        };
        let mut rows = Vec::new();
        for record in records {
            let fields = record.context("it is no table of UTF-8 text: save it as UTF-8")?;
            let line = fields.position().map_or(0, |position| durable::csv_line(text, position));
            // Spreadsheets write rows of empty cells behind the last one.
            if fields.iter().all(str::is_empty) {
                continue;
            }
            ensure!(
                fields.len() == head.len(),
                "line {line} has {} columns, and the first line names {}",
                fields.len(),
                head.len()
            );
            rows.push(CsvRow { line, fields });
        }
        ensure!(!rows.is_empty(), "it holds no rows below its first line");
        Ok(Self { option: option.to_owned(), head, rows })
    }

    /// The column that is called by one of `names` ([`is_called`]); None where none is.
    /// Fails if two are.
    pub fn column(&self, names: &[&str]) -> Result<Option<usize>> {
        let is_named = |column: &usize| is_called(&self.head[*column], names);
        match (0..self.head.len()).filter(is_named).collect::<Vec<_>>()[..] {
            [] => Ok(None),
            [column] => Ok(Some(column)),
            [one, other, ..] => bail!(
                "{}: the columns {:?} and {:?} may both be meant; rename one of them",
                self.option,
                self.head[one],
                self.head[other]
            ),
        }
    }

    /// The column that is called by one of `names`.
    /// Fails if there is none, or there are two.
    pub fn required(&self, what: &str, names: &[&str]) -> Result<usize> {
        self.column(names)?.with_context(|| {
            let there = unreadable::quoted(self.head.iter());
            format!("{}: no column holds {what} ({}); there are {there}", self.option, names.join(", "))
        })
    }

    /// The column with the names of the samples.
    /// Fails if there is none, or there are two.
    pub fn names(&self) -> Result<usize> {
        let [files, _] = IMAGE_COLUMNS;
        match self.column(files)? {
            Some(column) => Ok(column),
            None => self
                .required("the names of the images", &IMAGE_COLUMNS.concat())
                .map_err(|error| match self.image_in_head() {
                    None if self.is_separated_by_spaces() => anyhow!(
                        "{}: its fields are separated by spaces: write commas, semicolons or tabs in their place, and a first line such as \
                         \"file,label\" with a name for each column",
                        self.option
                    ),
                    None => anyhow!("{error}. If one of them does, rename it to \"file\""),
                    Some(image) => anyhow!(
                        "{}: its first line has an image, {image:?}, where the names of the columns belong: write a line such as \
                         \"file,label\" above it, with a name for each column and commas, semicolons or tabs between all fields",
                        self.option
                    ),
                }),
        }
    }

    /// Whether spaces separate as many fields in the first lines.
    fn is_separated_by_spaces(&self) -> bool {
        let [line] = &self.head[..] else { return false };
        let fields = |line: &str| line.split_whitespace().count();
        fields(line) > 1 && self.rows.iter().take(10).all(|row| fields(row.field(0)) == fields(line))
    }

    /// The name of an image in the first line, whatever separates its fields: then it names no columns.
    fn image_in_head(&self) -> Option<&str> {
        let mut words = self.head.iter().flat_map(|field| field.split_whitespace());
        words.find(|word| has_image_extension(Path::new(word)))
    }
}

/// Whether `column` is called by one of `names`, in any case and whatever separates its words: `Image Path`, `imagePath`.
pub fn is_called(column: &str, names: &[&str]) -> bool {
    let plain = |name: &str| -> String { name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect() };
    let plain_column = plain(column);
    // Where one letter is the name, `y]` of an unquoted `[x,y]` is another.
    names.iter().any(|name| plain(name) == plain_column && (name.len() > 1 || column.len() == 1))
}

/// Whether a field says that a value is absent: empty, or as pandas and R write it.
pub fn is_absent(field: &str) -> bool {
    ["", "NaN", "nan", "NA", "<NA>", "N/A", "n/a", "#N/A", "NULL", "null"].contains(&field)
}

/// Names of the column with the names of images, and those that count where none of the first ones is there.
pub const IMAGE_COLUMNS: [&[&str]; 2] = [
    &[
        "name",
        "file",
        "filename",
        "fname",
        "filenames",
        "image",
        "img",
        "path",
        "filepath",
        "filepaths",
        "image_path",
        "img_path",
        "image_filename",
        "image_file",
        "image_index",
    ],
    &["id", "image_id", "image_name", "img_name", "img_id", "id_code"],
];

/// The first line of a file, with its end.
pub(super) fn first_line(path: &Path) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    File::open(path)
        .and_then(|file| BufReader::new(file).read_until(b'\n', &mut line))
        .with_context(|| format!("{path:?} cannot be read"))?;
    Ok(line)
}

/// Whether the first line of a table names a column of images; no other is read.
pub(super) fn names_images(table: &Path) -> bool {
    let Ok(line) = first_line(table) else { return false };
    let mut reader =
        ReaderBuilder::new().delimiter(separator(&line)).has_headers(false).trim(Trim::All).from_reader(&line[..]);
    let head = reader.records().next().and_then(Result::ok).unwrap_or_default();
    head.iter().any(|column| IMAGE_COLUMNS.iter().any(|names| is_called(column, names)))
}

/// The separator: of comma, semicolon and tab the one that divides the first line into most fields.
pub(super) fn separator(text: &[u8]) -> u8 {
    let columns = |separator: u8| {
        let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).from_reader(text);
        reader.byte_records().next().and_then(Result::ok).map_or(0, |record| record.len())
    };
    // Of equals the last one wins.
    [b'\t', b';', b','].into_iter().max_by_key(|&separator| columns(separator)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CsvRows> {
        CsvRows::parse("`options.selection.groups = g.csv`", text.as_bytes())
    }

    #[test]
    fn commas_semicolons_tabs_quotes_and_a_byte_order_mark_are_read() {
        for text in
            ["name,group\n\"a, b.png\",x\n", "\u{feff}Name;group\r\na, b.png; x\r\n", "group\tname\nx\ta, b.png"]
        {
            let table = parse(text).unwrap();
            let [name, group] = [table.names().unwrap(), table.required("groups", &["group"]).unwrap()];
            assert_eq!((table.rows[0].field(name), table.rows[0].field(group)), ("a, b.png", "x"), "{text}");
            assert_eq!(table.rows[0].line, 2);
        }
        // A spreadsheet's empty rows are none.
        let table = parse("name,group\n,\na.png,x\n\n,\n").unwrap();
        assert_eq!((table.rows.len(), table.rows[0].line), (1, 3));
        // A number is the name only where no column is called by a better one.
        assert_eq!(parse("id,file\n1,a.png").unwrap().names().unwrap(), 1);
        assert_eq!(parse("image_id,x\n1,a").unwrap().names().unwrap(), 0);
    }

    #[test]
    fn other_tables_are_refused_with_the_reason() {
        let refused = |text: &str, expected: &str| {
            let error = parse(text).and_then(|table| table.names()).unwrap_err();
            let message = format!("{error:#}");
            assert!(message.contains(expected), "{message}");
        };
        refused("", "empty");
        refused("name,group\n", "no rows");
        refused("name,group\na.png\n", "line 2 has 1 columns");
        refused("name,file\na,b\n", "\"name\" and \"file\" may both be meant");
        refused("{\"file\": \"a.png\", \"label\": 1}\n", "it is JSON");
        refused("x,y\na,b\n", "no column holds the names of the images (name, file,");
        for row in ["a/1.png,cat", "1.JPEG\tn01443537\t0", "1.jpg 3"] {
            let message = format!("its first line has an image, {:?}", row.split([',', '\t', ' ']).next().unwrap());
            refused(&format!("{row}\n{row}\n"), &message);
        }
    }
}
