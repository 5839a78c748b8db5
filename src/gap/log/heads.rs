//! Heads of two lines: MATLAB's `Mini-batch` above `Loss`, and sides above figures, as pandas and spreadsheets write them.

use super::{
    cell::Cell,
    names::{Kind, recognise},
};

/// The names in a head of two lines; None where the line `below` is a head alone, with no loss or accuracy named twice.
pub fn joined(above: &[&str], below: &[&str]) -> Option<Vec<String>> {
    let is_number = |cell: &&str| Cell::read(cell).is_some_and(|cell| cell.number().is_some());
    if above.len() != below.len() || twice(below).is_none() || above.iter().any(is_number) {
        return None;
    }
    let mut names = Vec::new();
    let mut group = "";
    for (above, below) in above.iter().zip(below) {
        // A group is named above its first column.
        group = if above.is_empty() { group } else { above };
        names.push(if below.is_empty() { (*above).to_owned() } else { format!("{group} {below}").trim().to_owned() });
    }
    twice(&names).is_none().then_some(names)
}

/// A loss or accuracy that is named twice.
pub fn twice<T: AsRef<str>>(names: &[T]) -> Option<&str> {
    let is_figure =
        |name: &str| recognise(name).is_some_and(|meaning| matches!(meaning.kind, Kind::Loss | Kind::Accuracy));
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    (0..names.len()).find(|&at| is_figure(names[at]) && names[..at].contains(&names[at])).map(|at| names[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_above_their_figures() {
        let names = |above: &str, below: &str| {
            joined(&above.split(',').collect::<Vec<_>>(), &below.split(',').collect::<Vec<_>>())
                .map(|names| names.join(","))
        };
        let expected = Some(",train loss,train acc,val loss,val acc".to_owned());
        assert_eq!(names(",train,train,val,val", ",loss,acc,loss,acc"), expected);
        assert_eq!(names(",train,,val,", ",loss,acc,loss,acc"), expected);
        assert_eq!(
            names("Epoch,Mini-batch,Validation", ",Loss,Loss").unwrap(),
            "Epoch,Mini-batch Loss,Validation Loss"
        );
        assert_eq!(names("1,0.5,0.6", "epoch,loss,loss"), None);
        assert_eq!(names("a,b,c", "epoch,loss,val_loss"), None);
    }
}
