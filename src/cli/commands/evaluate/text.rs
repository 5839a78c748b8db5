//! An evaluation as text for a terminal of 80 columns.

use super::{
    evaluation::{Class, Evaluation},
    figures::{Both, SplitFigures},
    sealed_figures,
};
use crate::cli::output::say::{cut, plain};
use mindgap::stats::ClassScore;

/// Column in which the values start.
const INDENT: usize = 13;
/// Above this number of classes the most confused pairs are shown instead of the matrix.
const MATRIX: usize = 12;
/// Number of pairs shown.
const PAIRS: usize = 15;
/// Above this number of classes only those of lowest F1 are shown.
const CLASSES: usize = 30;
/// Width of a class's name.
const NAME: usize = 18;
/// Width of the text.
const WIDTH: usize = 80;

pub fn render(found: &Evaluation) -> String {
    let names = format!("{}, {} images of {} classes", plain(&found.split), found.figures.all.n, found.classes.len());
    let mut text = row("Model", plain(&found.model)) + &row("Data", format!("{}: {names}", plain(&found.data)));
    text += &figures(&found.figures.all);
    if let Some(views) = &found.tta {
        text += &row(&format!("By {}", views.views), short(&views.figures.all));
    }
    text += &sealed(found);
    text += &groups(found);
    text += &without_leaks(found);
    text += &("\n".to_owned() + &classes(&found.classes) + "\n");
    text + &if found.classes.len() > MATRIX { pairs(found) } else { matrix(found) }
}

fn row(label: &str, value: impl AsRef<str>) -> String {
    format!("{label:INDENT$}{}\n", value.as_ref())
}

fn figures(all: &SplitFigures) -> String {
    let [low, high] = all.top1_interval;
    let mut text = row("Loss", format!("{:.4} ± {:.4} nats (one standard error)", all.loss, all.loss_se))
        + &row("Top-1", format!("{:.2} % (95 % interval {low:.2}–{high:.2})", all.top1));
    if let Some(top5) = all.top5 {
        text += &row("Top-5", format!("{top5:.2} %"));
    }
    text += &row("Macro F1", format!("{:.4}; balanced accuracy {:.2} %", all.macro_f1, all.balanced_accuracy));
    text += &row("Calibration", format!("expected error {:.4}", all.ece));
    if let (Some(temperature), Some(ece), Some(loss)) = (all.temperature, all.ece_calibrated, all.loss_calibrated) {
        let fitted = "fitted on its val";
        text += &row("", format!("with temperature {temperature:.3}: {ece:.4}, loss {loss:.4}; {fitted}"));
    }
    text
}

/// The figures that matter most, in one line.
fn short(figures: &SplitFigures) -> String {
    format!("loss {:.4}, top-1 {:.2} %, macro F1 {:.4}", figures.loss, figures.top1, figures.macro_f1)
}

fn sealed(found: &Evaluation) -> String {
    let Some(seal) = &found.seal else { return String::new() };
    let views = found.tta.as_ref().map(|tta| tta.views.as_str());
    let mut text = String::new();
    for (number, line) in sealed_figures::lines(seal, views).iter().enumerate() {
        text += &row(if number == 0 { "Sealed test" } else { "" }, line);
    }
    text
}

fn groups(found: &Evaluation) -> String {
    let Some(groups) = found.groups else { return String::new() };
    let mut text =
        row("Groups", format!("{groups}; the standard error of the loss is clustered by them, no interval is"));
    if let Some(leaks) = found.group_leaks.filter(|&leaks| leaks > 0) {
        text += &row("", format!("{leaks} of the images are of groups that train also has"));
    }
    text
}

fn without_leaks(found: &Evaluation) -> String {
    let Some(leaks) = found.leaks else { return row("Leaks", format!("not known: {}", found.why_unknown)) };
    let mut text = String::new();
    let mut add = |label: &str, summary: String, figures: fn(&Both) -> &Option<SplitFigures>| {
        let short = |both| figures(both).as_ref().map_or("none is left".to_owned(), short);
        text += &row(label, summary);
        text += &row("", short(&found.figures));
        if let Some(views) = &found.tta {
            text += &row(&format!("  by {}", views.views), short(&views.figures));
        }
    };
    if leaks > 0 {
        add("Leaks", format!("{leaks} of the images also appear in train; without them:"), |both| &both.without_leaks);
    }
    if let Some(near_leaks) = found.near_leaks.filter(|&count| count > 0) {
        let also = if leaks > 0 { " too" } else { "" };
        let summary = format!("{near_leaks} more have a near-duplicate in train; without them{also}:");
        let summary = if leaks > 0 { summary } else { summary.replacen("more", "of the images", 1) };
        add("Near leaks", summary, |both| &both.without_near_leaks);
    }
    text
}

fn classes(classes: &[Class]) -> String {
    let mut shown: Vec<&Class> = classes.iter().collect();
    let mut text = format!("{:NAME$} precision  recall      F1  images\n", "");
    if classes.len() > CLASSES {
        shown.sort_by(|a, b| a.score.f1.total_cmp(&b.score.f1));
        shown.truncate(CLASSES);
    }
    for Class { name, score } in &shown {
        let name = cut(name, NAME);
        let ClassScore { precision, recall, f1, support } = score;
        text += &format!("{name:NAME$} {precision:>9.3} {recall:>7.3} {f1:>7.3} {support:>7}\n");
    }
    if shown.len() < classes.len() {
        text += &format!("The {} classes of lowest F1; --json has all {}.\n", shown.len(), classes.len());
    }
    text
}

/// Rows are true classes, columns predicted ones.
fn matrix(found: &Evaluation) -> String {
    let name = found.classes.iter().map(|class| class.name.chars().count()).max().unwrap_or(0).min(NAME);
    let most = found.confusion.iter().flatten().max().map_or(1, |count| count.to_string().len());
    // A column is as wide as the longest name needs, the line allows, and the largest count requires.
    let widest = (WIDTH - name) / found.classes.len();
    let cell = (name + 1).clamp(most + 1, widest.max(most + 1));
    let mut text = format!("{:name$}", "");
    for class in &found.classes {
        text += &format!("{:>cell$}", cut(&class.name, cell - 1));
    }
    text += "\n";
    for (class, counts) in found.classes.iter().zip(&found.confusion) {
        text += &format!("{:name$}", cut(&class.name, name));
        text += &counts.iter().map(|count| format!("{count:>cell$}")).collect::<String>();
        text += "\n";
    }
    text + "Images by their true class (rows) and the predicted one (columns).\n"
}

fn pairs(found: &Evaluation) -> String {
    let mut text = String::from("Most often confused:\n");
    for pair in found.matrix().pairs(PAIRS) {
        let truth = cut(&found.classes[pair.truth].name, NAME);
        let given = cut(&found.classes[pair.given].name, NAME);
        text += &format!("  {:>6}  {truth} as {given} ({:.1} % of them)\n", pair.count, pair.percent);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{
        super::{evaluation::Groups, figures::KnownLeaks},
        *,
    };
    use mindgap::{recipe::Tta, run::Outputs};

    /// An evaluation of 60 images, of every class in turn: three of each ten are predicted as the next class, and image 0
    /// is a leak.
    fn evaluation(classes: usize) -> String {
        let labels: Vec<i64> = (0..60).map(|image| image % classes as i64).collect();
        let given = |image: usize| (labels[image] as usize + usize::from(image % 10 < 3)) % classes;
        let logits = |image: usize| (0..classes).map(move |class| if class == given(image) { 2.0 } else { 0.0 });
        let logits = (0..60).flat_map(logits).collect();
        let outputs = Outputs { logits, ids: (0..60).collect(), labels };
        let leaks = Ok(KnownLeaks { exact: (0..60).map(|image| image == 0).collect(), near: None });
        let names: Vec<String> = (0..classes).map(|class| format!("emotion \n{class}")).collect();
        let about = ["runs/faces", "/data/faces", "val"].map(str::to_owned);
        let found = Evaluation::new(about, &outputs, &names, Some(1.5), &leaks, &Groups::default());
        let text = render(&found.with_views(Tta::Flip, &outputs, &leaks, &Groups::default()));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        text
    }

    #[test]
    fn an_evaluation_reads_well() {
        insta::assert_snapshot!(evaluation(7));
    }

    #[test]
    fn more_classes_than_a_matrix_can_show_are_listed_in_pairs() {
        let text = evaluation(12);
        assert!(text.contains("Images by their true class (rows)"), "{text}");
        let text = evaluation(40);
        assert!(text.contains("30 classes of lowest F1") && text.contains("Most often confused"), "{text}");
    }
}
