//! FER2013's table is read in every form in which it is saved, and every invalid row is named.

use super::*;
use crate::data::{SplitName, open_single_split};

/// A row of 2×2 pixels.
fn row(emotion: u32, first: u32, usage: &str) -> String {
    format!("{emotion},{first} 1 2 3,{usage}\n")
}

/// Two rows of every emotion for training, one for each other use, with a header.
fn fer() -> String {
    let rows = (0..7).flat_map(|emotion| {
        let usages = ["Training", "Training", "PublicTest", "PrivateTest"];
        usages.into_iter().enumerate().map(move |(i, usage)| row(emotion, emotion * 10 + i as u32, usage))
    });
    std::iter::once("emotion,pixels,Usage\n".to_owned()).chain(rows).collect()
}

fn table(text: impl AsRef<[u8]>) -> Folder {
    Folder::new().file("fer.csv", text)
}

fn open_table(folder: &Folder, options: &Options) -> anyhow::Result<Dataset> {
    open(folder.path().join("fer.csv").to_str().unwrap(), options, &NoProgress)
}

fn refusal(text: impl AsRef<[u8]>) -> String {
    format!("{:#}", open_table(&table(text), &Options::default()).err().expect("this table must be refused"))
}

#[test]
fn a_table_gives_splits_classes_and_pixels() {
    let data = open_table(&table(fer()), &Options::default()).unwrap();
    assert_eq!(data.classes, ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]);
    assert_eq!((data.size, data.channels), (2, 1));
    assert_eq!((data.train.len(), data.val.len(), data.test.as_ref().map(Split::len)), (14, 7, Some(7)));
    assert_eq!(data.train.labels[..4], [0, 0, 1, 1]);
    assert_eq!(all_pixels(&data.train)[..12], [0, 1, 2, 3, 1, 1, 2, 3, 10, 1, 2, 3]);
    assert_eq!(all_pixels(&data.val)[..8], [2, 1, 2, 3, 12, 1, 2, 3]);
    assert!(data.train.name(1).ends_with("fer.csv\", line 3"), "{}", data.train.name(1));
}

/// A table with a column for each of 64 pixels, all with the value of `pixel`, and the labels `labels`.
fn wide(labels: &[u32], pixel: impl Fn(usize) -> String) -> String {
    let head: String = (0..64).map(|i| format!(",pixel{i}")).collect();
    let rows =
        labels.iter().enumerate().map(|(row, label)| format!("{label}{}\n", format!(",{}", pixel(row)).repeat(64)));
    std::iter::once(format!("label{head}\n")).chain(rows).collect()
}

#[test]
fn a_table_with_a_column_for_each_pixel_is_read() {
    // Like the letters of sign language, whose J is not there.
    let labels: Vec<u32> = (0..40).map(|row| [8, 10][row % 2]).collect();
    let folder = table(wide(&labels, |row| row.to_string()));
    let data = open_table(&folder, &Options::default()).unwrap();
    assert_eq!((data.classes.clone(), data.size, data.channels), (vec!["8".into(), "10".into()], 8, 1));
    assert_eq!((data.train.len(), data.val.len()), (36, 4));
    let first = data.train.name(0);
    let row = first.rsplit(' ').next().unwrap().parse::<u32>().unwrap() - 2;
    assert_eq!((all_pixels(&data.train)[..64].to_vec(), data.train.labels[0]), (vec![row as u8; 64], row % 2));
    let floats = table(wide(&labels, |row| format!("{row}.0")));
    assert_eq!(open_table(&floats, &Options::default()).unwrap().fingerprint, data.fingerprint);
    let path = folder.path().join("fer.csv");
    let all = open_single_split(path.to_str().unwrap(), SplitName::Test, &[], &Options::default(), &NoProgress);
    let all = all.unwrap().unwrap();
    assert_eq!((all.classes, all.split.len()), (data.classes.clone(), 40));
    for (text, expected) in [
        (wide(&[0, 1], |_| "256".into()), "line 2: pixel 1 is \"256\""),
        (wide(&[0, 1], |_| "1".into()).replace("\n1,", "\nb,"), "line 3: the label \"b\" is not a number"),
        (wide(&[0, 1], |_| "1".into()).replace(",pixel63", ",pixel63,more"), "names no column \"emotion\""),
        (
            wide(&[0, 1], |_| "1".into()).lines().skip(1).map(|line| format!("{line}\n")).collect(),
            "no names of columns",
        ),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(expected), "{expected}: {refusal}");
    }
    assert!(refusal(wide(&[0, 1], |_| "1".into()).replace("label", "x")).len() < 700);
}

#[test]
fn the_form_of_the_file_changes_nothing() {
    let plain = fer();
    let expected = open_table(&table(&plain), &Options::default()).unwrap().fingerprint;
    let turned: String = plain
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|columns| format!("{},7,{},{}\n", columns[2], columns[1], columns[0]))
        .collect();
    for (how, text) in [
        ("byte order mark", format!("\u{FEFF}{plain}")),
        ("CRLF", plain.replace('\n', "\r\n")),
        ("quotes", plain.lines().map(|line| format!("\"{}\"\n", line.replace(',', "\",\""))).collect()),
        ("spaces", plain.replace(',', " , ")),
        ("semicolons", plain.replace(',', ";")),
        ("tabs", plain.replace(',', "\t")),
        (
            "emotions with a fraction",
            plain
                .lines()
                .map(|line| format!("{}\n", line.replacen(',', ".0,", 1)))
                .collect::<String>()
                .replacen(".0", "", 1),
        ),
        ("upper case", plain.replace("emotion,pixels,Usage", "EMOTION,Pixels,usage").replace("Training", "TRAINING")),
        ("other columns", turned),
        ("no last newline", plain.trim_end().to_owned()),
        ("empty lines", plain.replace('\n', "\n\n")),
    ] {
        let data = open_table(&table(text), &Options::default()).unwrap_or_else(|error| panic!("{how}: {error:#}"));
        assert_eq!(data.fingerprint, expected, "{how}");
        let name = data.train.name(1);
        assert!(how == "empty lines" || name.ends_with("line 3"), "{how}: {name}");
    }
}

#[test]
fn without_usage_a_tenth_validates() {
    let rows = (0..40).map(|i| format!("{},{i} 0 0 0\n", i % 2));
    let text: String = std::iter::once("emotion,pixels\n".to_owned()).chain(rows).collect();
    let data = open_table(&table(text), &Options::default()).unwrap();
    assert_eq!((data.train.class_counts(2), data.val.class_counts(2)), (vec![18, 18], vec![2, 2]));
    assert_eq!(data.classes, ["0", "1"]);
    assert!(
        data.notes.iter().any(|note| note.starts_with("There is no val split: 4 of the 40 training images")),
        "{:?}",
        data.notes
    );
}

#[test]
fn an_invalid_row_is_named_with_its_line() {
    for (wrong, expected) in [
        ("0,1 2 3,Training", "line 30: 3 pixels; a square number is expected"),
        ("0,,Training", "line 30: 0 pixels"),
        ("0,1 2 3 4 5 6 7 8 9,Training", "line 30: 3×3 pixels; line 2 has 2×2"),
        ("0,1 2 3 256,Training", "line 30: pixel 4 is \"256\""),
        ("0,1 -2 3 4,Training", "line 30: pixel 2 is \"-2\""),
        ("0,1 2 3.5 4,Training", "line 30: pixel 3 is \"3.5\""),
        ("0,1 2 3 \u{e9},Training", "line 30: pixel 4 is \"\\xc3\\xa9\""),
        ("-1,1 2 3 4,Training", "line 30: the emotion \"-1\" is not a number"),
        ("happy,1 2 3 4,Training", "line 30: the emotion \"happy\" is not a number"),
        (",1 2 3 4,Training", "line 30: the emotion \"\" is not a number"),
        ("0,1 2 3 4,Test", "line 30: the Usage \"Test\" is none of Training, PublicTest, PrivateTest"),
        ("0,1 2 3 4", "line 30: 2 columns; the first line names 3"),
        ("0,1 2 3 4,Training,x", "line 30: 4 columns; the first line names 3"),
        ("9,1 2 3 4,Training", "line 30 has the emotion 9, but no row has 7"),
    ] {
        let refusal = refusal(format!("{}{wrong}\n", fer()));
        assert!(refusal.contains("fer.csv\"") && refusal.contains(expected), "{wrong}: {refusal}");
    }
    let refusal = refusal([fer().as_bytes(), b"\xFF\xFE,1 2 3 4,Training\n"].concat());
    assert!(refusal.contains("line 30: \"\u{FFFD}\u{FFFD}\" is not UTF-8"), "{refusal}");
}

#[test]
fn a_table_without_a_required_column_is_refused() {
    for (text, expected) in [
        ("", "names no column \"emotion\""),
        ("label,pixels\n0,1 2 3 4\n", "names no column \"emotion\""),
        ("emotion,image\n0,1 2 3 4\n", "names no column \"pixels\""),
        ("emotion,pixels\n", "holds no rows"),
        ("emotion,pixels,Usage\n0,1,PublicTest\n1,2,PublicTest\n", "no row of Usage Training"),
        ("emotion,pixels,Usage\n0,1,Training\n1,2,PublicTest\n", "val holds classes that train lacks: \"1\""),
        ("emotion,pixels,Usage\n0,1,Training\n0,2,PublicTest\n", "one class only"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains("fer.csv\"") && refusal.contains(expected), "{text:?}: {refusal}");
    }
}

#[test]
fn the_most_frequent_size_counts_wherever_it_stands() {
    let head = "emotion,pixels,Usage\r\n0,1 2 3 4 5 6 7 8 9,Training\r\n";
    let text = head.to_owned() + &fer().lines().skip(1).map(|line| format!("{line}\r\n")).collect::<String>();
    let refusal = refusal(&text);
    assert!(refusal.contains("line 2: 3×3 pixels; line 3 has 2×2"), "{refusal}");
    let data = open_table(&table(text), &Options { skip_bad: true, ..Options::default() }).unwrap();
    assert_eq!((data.size, data.train.len(), data.bad_files.len()), (2, 14, 1));
}

#[test]
fn ten_invalid_rows_are_named_and_all_left_out_with_a_note_on_request() {
    let text = format!("{}{}", fer(), "0,1 2 3,Training\n".repeat(12));
    let refusal = refusal(&text);
    assert!(refusal.contains("12 of the rows of") && refusal.contains("line 39: 3 pixels"), "{refusal}");
    assert!(!refusal.contains("line 40") && refusal.contains("and 2 more"), "{refusal}");
    let data = open_table(&table(text), &Options { skip_bad: true, ..Options::default() }).unwrap();
    assert_eq!((data.train.len(), data.bad_files.len()), (14, 12));
    assert_eq!(data.notes, ["12 rows that cannot be read were left out (`options.skip_bad`)."]);
}

#[test]
fn a_table_of_invalid_rows_alone_is_refused_with_the_reasons() {
    let rows = ["Train", "Val", "Test"].map(|usage| row(0, 1, usage)).concat();
    let table = table(format!("emotion,pixels,Usage\n{rows}"));
    for skip_bad in [false, true] {
        let refusal = open_table(&table, &Options { skip_bad, ..Options::default() }).err().unwrap();
        let refusal = format!("{refusal:#}");
        assert!(refusal.contains("3 of the rows") && refusal.contains("the Usage \"Train\" is none of"), "{refusal}");
    }
}

#[test]
fn a_class_that_only_test_has_leaves_test_out() {
    let text = format!("{}{}{}", fer(), row(7, 99, "PrivateTest"), row(7, 98, "PrivateTest"));
    let data = open_table(&table(text), &Options::default()).unwrap();
    assert_eq!((data.classes.len(), data.test.map(|test| test.len())), (7, None));
    assert!(data.unread_test.is_some_and(|reason| reason.contains("the emotion 7")));
}

#[test]
fn classes_are_named_by_their_numbers_unless_there_are_seven() {
    let text = format!("{}{}{}", fer(), row(7, 99, "Training"), row(7, 98, "PublicTest"));
    let data = open_table(&table(text), &Options::default()).unwrap();
    assert_eq!(data.classes, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert!(data.notes.iter().any(|note| note.contains("this table has 8")), "{:?}", data.notes);
}

#[test]
fn a_number_of_a_class_that_must_be_a_mistake_is_refused_where_not_all_classes_need_be_there() {
    let single = |text: &str| {
        let table = table(text);
        let path = table.path().join("fer.csv");
        open_single_split(path.to_str().unwrap(), SplitName::Test, &[], &Options::default(), &NoProgress)
            .map(|split| split.is_some())
            .map_err(|error| format!("{error:#}"))
    };
    let head = "emotion,pixels,Usage\n0,1,PrivateTest\n";
    let refusal = single(&format!("{head}3000000000,2,PrivateTest\n")).unwrap_err();
    assert!(refusal.contains("line 3 has the emotion 3000000000"), "{refusal}");
    assert!(single(&format!("{head}5,2,PrivateTest\n")).unwrap());
}
