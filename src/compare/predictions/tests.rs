//! Values that tables of predictions hold: what they are, and what is refused.

use super::*;

fn read_text(text: &str, stated: Option<Values>) -> Result<PredictionsTable> {
    let head = text.split_inclusive('\n').next().unwrap_or_default();
    parse(head.as_bytes(), &text.as_bytes()[head.len()..], stated)
}

fn losses(text: &str) -> Vec<f32> {
    read_text(text, None).unwrap().outputs.measured().losses
}

/// A table of one row over `classes` classes, each with the same probability written with `decimals` decimals.
fn uniform(classes: usize, decimals: usize) -> String {
    let names: Vec<String> = (0..classes).map(|class| format!("c{class}")).collect();
    let cells = vec![format!("{:.decimals$}", 1.0 / classes as f64); classes];
    format!("name,label,{}\na,c1,{}\n", names.join(","), cells.join(","))
}

#[test]
fn probabilities_rounded_to_few_digits_are_probabilities() {
    for (classes, decimals) in [(3, 2), (7, 2), (30, 3), (1000, 4), (1000, 6)] {
        let [loss] = losses(&uniform(classes, decimals))[..] else { panic!() };
        assert!((f64::from(loss) - (classes as f64).ln()).abs() < 1e-5, "{classes} {decimals}: {loss}");
    }
}

#[test]
fn values_in_scientific_notation_count_their_decimals() {
    for (cell, decimals) in [("0.25", 2), ("1", 0), ("1.5e-05", 6), ("2E-3", 3), ("1.5e3", 0), ("-1.25", 2)] {
        assert_eq!(decimals_of(cell), decimals, "{cell}");
    }
}

#[test]
fn what_may_be_either_is_refused_until_it_is_stated() {
    let sums = "name,label,a,b\nx,a,80,30\n";
    let message = format!("{:#}", read_text(sums, None).unwrap_err());
    assert!(
        message.contains("line 2") && message.contains("110.0000") && message.contains("`options.values = logits`"),
        "{message}"
    );
    let mixed = "name,label,a,b\nx,a,0.8,0.2\ny,b,0.3,1.7\n";
    let message = format!("{:#}", read_text(mixed, None).unwrap_err());
    assert!(message.contains("line 3") && message.contains("that of line 2 is 1"), "{message}");
    assert!(read_text(mixed, Some(Values::Logits)).is_ok());
    let message = format!("{:#}", read_text(mixed, Some(Values::Probabilities)).unwrap_err());
    assert!(message.contains("line 3: the probabilities have a sum of 2.0000"), "{message}");
    let message = format!("{:#}", read_text(&mixed.replace('\n', "\r\n"), None).unwrap_err());
    assert!(message.contains("line 3") && message.contains("that of line 2 is 1"), "{message}");
    // One negative value shows that the rows before it were logits too.
    let late = "name,label,a,b\nx,a,0.8,0.2\ny,b,-0.3,1.7\n";
    let table = read_text(late, None).unwrap();
    assert_eq!(table.outputs.logits, [0.8, 0.2, -0.3, 1.7]);
    // Rounding may leave a probability below 0; then nothing shows what the values are.
    let rounded = "name,label,a,b\nx,a,1.0000001,-0.0000001\ny,b,0.3,0.7\n";
    let message = format!("{:#}", read_text(rounded, None).unwrap_err());
    assert!(message.contains("line 2 has a value below 0") && message.contains("`options.values`"), "{message}");
    assert!(read_text(rounded, Some(Values::Probabilities)).is_ok());
    let message = format!("{:#}", read_text(late, Some(Values::Probabilities)).unwrap_err());
    assert!(message.contains("line 3 has a negative value"), "{message}");
}

#[test]
fn columns_beside_the_classes_are_no_classes() {
    let read = |text: &str| read_text(text, None).map_err(|error| format!("{error:#}"));
    let plain = read("name,label,a,b\nx,1,2.5,-0.5\ny,0,0.5,-1\n").unwrap();
    for (more, cells) in [
        ("pred", ["1", "0"]),
        ("y_pred", ["b", "a"]),
        ("loss", ["0.1", "0.2"]),
        ("Unnamed: 0", ["0", "1"]),
        ("image_id", ["7", "8"]),
        ("class", ["b", "a"]),
        ("confidence", ["0.9", "0.8"]),
    ] {
        let [x, y] = cells;
        for text in [
            format!("name,label,a,b,{more}\nx,1,2.5,-0.5,{x}\ny,0,0.5,-1,{y}\n"),
            format!("{more},name,label,logit_a,logit_b\n{x},x,1,2.5,-0.5\n{y},y,0,0.5,-1\n"),
        ] {
            let table = read(&text).unwrap();
            assert_eq!((&table.outputs, &table.classes), (&plain.outputs, &plain.classes), "{text}");
            assert_eq!(table.notes, [format!("no classes by their names, and left out: {more}")]);
        }
    }
    // Names of classes stay, and a column that nothing names is said.
    let names = read("name,label,correct,wrong\nx,correct,2.5,-0.5\ny,wrong,0.5,-1\n").unwrap();
    assert_eq!(names.classes, ["correct", "wrong"]);
    let unknown = read("name,label,a,b,temperature\nx,a,2.5,-0.5,36\ny,b,0.5,-1,37\n").unwrap();
    assert!(unknown.notes[0].starts_with("no image is of temperature"), "{:?}", unknown.notes);
    let twice = read("name,label,a,b,loss\nx,loss,2.5,-0.5,1\ny,b,0.5,-1,1\n").unwrap_err();
    assert!(twice.contains("\"loss\" names a column that counts as no class"), "{twice}");
    let truths = read("name,label,y_true,a,b\nx,1,1,2.5,-0.5\n").unwrap_err();
    assert!(truths.contains("\"label\" or in \"y_true\""), "{truths}");
    let other = read("image_id,y_true,a,b\nx,1,2.5,-0.5\ny,0,0.5,-1\n").unwrap();
    assert_eq!((other.outputs, &*other.names), (plain.outputs, &["x".to_owned(), "y".to_owned()][..]));
}

#[test]
fn percentages_and_sigmoids_are_named() {
    for stated in [None, Some(Values::Probabilities)] {
        let message = format!("{:#}", read_text("name,label,a,b\nx,a,80,20\n", stated).unwrap_err());
        assert!(message.contains("divide them by 100"), "{message}");
    }
    let sigmoid = read_text("name,label,a,b\nx,a,0.8,0.7\n", Some(Values::Probabilities)).unwrap_err();
    assert!(format!("{sigmoid:#}").contains("one sigmoid a class"));
}

#[test]
fn a_quoted_line_break_does_not_shift_the_lines_of_messages() {
    let text = "name,label,a,b\n\"x\ny\",a,0.5,0.5\nz,a,0.5,?\n";
    let message = format!("{:#}", read_text(text, None).unwrap_err());
    assert!(message.contains("line 4, column \"b\": \"?\" is no number"), "{message}");
}

#[test]
fn labels_are_names_or_numbers_and_never_both() {
    let labels = |text: &str| read_text(text, None).map(|table| table.outputs.labels);
    assert_eq!(labels("name,label,b,a\nx,a,0.5,0.5\ny,b,0.5,0.5\n").unwrap(), [1, 0]);
    assert_eq!(labels("name,label,b,a\nx,1,0.5,0.5\ny,0,0.5,0.5\n").unwrap(), [1, 0]);
    // Columns that are numbers from 1 are called so: label 1 is the first.
    assert_eq!(labels("name,label,1,2\nx,1,0.5,0.5\ny,2,0.5,0.5\n").unwrap(), [0, 1]);
    assert!(labels("name,label,1,2\nx,1,0.5,0.5\ny,0,0.5,0.5\n").is_err());
    // pandas writes whole numbers with a decimal in a column that once had gaps.
    assert_eq!(labels("name,label,1,0\nx,1.0,0.5,0.5\ny,0.0,0.5,0.5\n").unwrap(), [0, 1]);
    assert_eq!(labels("name,label,b,a\nx,1.0,0.5,0.5\ny,0.0,0.5,0.5\n").unwrap(), [1, 0]);
    assert!(labels("name,label,a,b\nx,-1,0.5,0.5\n").is_err());
    assert!(labels("name,label,a,b\nx,0.5,0.5,0.5\n").is_err());
}

#[test]
fn a_hundred_thousand_rows_are_read() {
    let mut text = String::from("name,label,a,b,c\n");
    for row in 0..100_000 {
        text += &format!("val/{row}.png,{},{},0.25,-0.5\n", row % 3, f64::from(row % 17) / 10.0);
    }
    let table = read_text(&text, None).unwrap();
    assert_eq!((table.names.len(), table.outputs.logits.len()), (100_000, 300_000));
}
